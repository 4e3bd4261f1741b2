//! Publishing what Packer's azure-arm left: snapshots together with a managed image. The builder itself is not played.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    client::Client,
    compute::{image, snapshot, snapshot::SnapshotKind},
    error::ErrorKind,
    ids::resource::ResourceGroupId,
    operation::drive,
    settings::{Generalized, MachineHandling, PublishSettings, Source},
};
use serde_json::{Map, json};
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
