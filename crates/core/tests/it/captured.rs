//! Publishing what Packer's azure-arm left: snapshots together with a managed image. The builder itself is not played.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    client::Client,
    compute::{image, snapshot, snapshot::SnapshotKind},
    error::ErrorKind,
    ids::resource::ResourceGroupId,
    operation::drive,
    publish::Outcome,
    settings::{Generalized, MachineHandling, PublishSettings, Source},
};
use azure_emulator::seed::Seed;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    publish::{run, settings},
    support::{Azure, GROUP},
};

/// Captures the example's machine as azure-arm would: snapshots of all disks, then a managed image of the VM.
async fn capture(client: &Client) {
    let group: ResourceGroupId = GROUP.parse().unwrap();
    let location = "eastus2".parse().unwrap();
    let disks = ["vm-build_OsDisk", "vm-build_DataDisk_0", "vm-build_DataDisk_1"];
    for (name, disk) in ["built_os", "built_data0", "built_data1"].into_iter().zip(disks) {
        let id = group.snapshot(name);
        let disk = format!("{GROUP}/providers/Microsoft.Compute/disks/{disk}");
        let put = snapshot::create(&id, &disk, &location, SnapshotKind::Full, &Map::new());
        drive::put(client, &put, &snapshot::get(&id)).await.unwrap();
    }
    let id = group.image("built");
    let vm = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-build");
    let body = json!({"location": "eastus2", "properties": {"sourceVirtualMachine": {"id": vm}}});
    drive::put(client, &image::create(&id, body), &image::get(&id))
        .await
        .unwrap();
}

/// A world with what azure-arm has left of a machine that is gone: snapshots of its disks, and its managed image.
pub(crate) fn world_with(change: impl FnOnce(&mut Value)) -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    let snapshot = |name: &str, disk: &str| json!({"name": name, "disk": disk, "resourceGroup": "rg-images", "location": "eastus2"});
    seed["vms"] = json!([]);
    seed["snapshots"] = json!([
        snapshot("built_os", "os"),
        snapshot("built_data0", "data"),
        snapshot("built_data1", "data")
    ]);
    seed["images"] =
        json!([{"name": "built", "resourceGroup": "rg-images", "location": "eastus2", "dataDiskLuns": [3, 1]}]);
    change(&mut seed);
    Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap())
}

/// All of what that left, as the artifact names it.
pub(crate) fn from_artifact() -> PublishSettings {
    captured(Some("built_data"))
}

fn captured(data_prefix: Option<&str>) -> PublishSettings {
    let group: ResourceGroupId = GROUP.parse().unwrap();
    PublishSettings {
        source: Source::Captured {
            image: group.image("built"),
            os: group.snapshot("built_os"),
            data_prefix: data_prefix.map(str::to_owned),
        },
        machine: MachineHandling {
            generalized: Generalized::Declared,
            ..MachineHandling::default()
        },
        ..settings()
    }
}

#[tokio::test(start_paused = true)]
async fn snapshots_next_to_an_image_become_a_version_with_the_images_luns_and_stay() {
    let azure = Azure::example();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture(&client).await;
    let published = run(&azure, &captured(Some("built_data"))).await.unwrap();
    assert_eq!(published.data_disk_luns, [0, 1]);
    let left = azure.resources().to_string();
    for name in ["built_os", "built_data0", "built_data1"] {
        assert!(left.contains(&format!("/snapshots/{name}\"")), "{name} is gone");
    }
    assert!(!left.contains("/snapshots/azure-batch-"), "the disks were copied again");
}

#[tokio::test(start_paused = true)]
async fn data_disks_without_snapshots_are_refused_before_anything_is_written() {
    let azure = Azure::example();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture(&client).await;
    azure.turn_the_page();
    let cases = [
        (None, "managed_image_data_disk_snapshot_prefix"),
        (Some("other"), "other0"),
    ];
    for (prefix, says) in cases {
        let error = run(&azure, &captured(prefix)).await.must_fail();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert!(error.report().contains(says), "{}", error.report());
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_was_left_becomes_a_version_once_and_stays_as_it_is() {
    let azure = world_with(|_| ());
    let before = left(&azure);
    let published = run(&azure, &from_artifact()).await.unwrap();
    assert_eq!(
        (published.outcome, published.data_disk_luns.as_slice()),
        (Outcome::Created, [1, 3].as_slice())
    );
    assert_eq!(left(&azure), before);
    azure.turn_the_page();
    let again = run(&azure, &from_artifact()).await.unwrap();
    assert_eq!((again.outcome, azure.writes()), (Outcome::Found, Vec::new()));
}

/// The snapshots and managed images that are there.
fn left(azure: &Azure) -> Vec<String> {
    let resources = azure.resources();
    let of_kind = |kind| resources["compute"][kind].as_array().cloned().unwrap_or_default();
    let all = ["snapshots", "images"].into_iter().flat_map(of_kind);
    all.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Somebody tidies up behind azure-arm while its artifact is published: the version is made, or the run says what is gone.
#[tokio::test(start_paused = true)]
async fn whatever_of_the_artifact_is_deleted_meanwhile_the_run_ends_well_or_names_it() {
    let good = world_with(|_| ());
    run(&good, &from_artifact()).await.unwrap();
    let last = good.journal().last().map_or(0, |entry| entry.number);
    let mut ends = [0; 2];
    for gone in ["images/built", "snapshots/built_os", "snapshots/built_data1"] {
        for request in (1..=last).step_by(3) {
            let azure = world_with(|_| ());
            let path = format!("{GROUP}/providers/Microsoft.Compute/{gone}?api-version=2024-03-02");
            azure.fault(json!({"kind": "rival", "request": request, "write": {"method": "DELETE", "path": path}}));
            match run(&azure, &from_artifact()).await {
                Ok(published) => {
                    assert!(
                        published.regions.iter().all(|region| region.word() == "Completed"),
                        "{gone} at {request}"
                    );
                    ends[0] += 1;
                }
                Err(error) => {
                    let name = gone.rsplit('/').next().unwrap();
                    assert!(error.report().contains(name), "{gone} at {request}: {}", error.report());
                    ends[1] += 1;
                }
            }
            assert!(
                !left(&azure).iter().any(|id| id.contains("azure-batch-")),
                "{gone} at {request}"
            );
        }
    }
    assert!(ends.iter().all(|count| *count > 3), "{ends:?} ended well and named it");
}
