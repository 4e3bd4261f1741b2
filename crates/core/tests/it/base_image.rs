//! The base image and the node agent of sources that do not name them: read along what each was made of.

use std::fmt::Display;

use azure_batch_core::{
    api::Api,
    client::Client,
    compute::{disk, gallery, image, snapshot, snapshot::SnapshotKind, version, vm},
    ids::resource::{DiskId, ImageVersionId, ResourceGroupId, VmId},
    operation::drive,
    publish::{Outcome, Published},
    request::Request,
    settings::{Generalized, MachineHandling, PublishSettings, PurchasePlan, Source, UsedBy},
};
use http::Method;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    publish::{run, settings},
    reads_well::MustFail as _,
    source_image::world_with,
    support::{Azure, GROUP},
};

/// What the machine was made of, as its disk names it.
const BASE: &str = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.202601010";

/// The agent that Batch has for it.
const AGENT: &str = "batch.node.ubuntu 22.04";

/// The example, whose machine's OS disk names its image as Azure has it.
fn world() -> Azure {
    world_with(|seed| {
        let id = "/Providers/Microsoft.Compute/Publishers/Canonical/ArtifactTypes/VMImage/Offers/0001-com-ubuntu-server-jammy/Skus/22_04-lts-gen2/Versions/22.04.202601010";
        let creation = json!({"createOption": "FromImage", "imageReference": {"id": id}});
        seed["vms"][0]["osDisk"]["extra"] = json!({"creationData": creation});
    })
}

fn group() -> ResourceGroupId {
    GROUP.parse().unwrap()
}

fn compute(resource: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Compute/{resource}")
}

/// Publishes from a source for a pool, so that the list of agents is asked.
async fn published(azure: &Azure, source: Source, said: Option<&str>) -> Published {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let settings = PublishSettings {
        source,
        made_from: said.map(|said| said.parse().unwrap()),
        used_by: vec![UsedBy {
            account: account.parse().unwrap(),
            nodes: 10,
            vm_size: None,
        }],
        machine: MachineHandling {
            generalized: Generalized::Declared,
            ..MachineHandling::default()
        },
        ..settings()
    };
    run(azure, &settings).await.unwrap()
}

fn known(published: &Published) -> (Option<&str>, Option<&str>) {
    let agent = published.node_agent.as_ref().map(|agent| agent.sku.as_str());
    (published.base_image.as_deref(), agent)
}

async fn capture(client: &Client) {
    let body = json!({"location": "eastus2",
        "properties": {"sourceVirtualMachine": {"id": compute("virtualMachines/vm-build")}}});
    let id = group().image("built");
    drive::put(client, &image::create(&id, body), &image::get(&id))
        .await
        .unwrap();
}

/// A version of another definition, without tags.
async fn version_of(client: &Client, source: Value) -> ImageVersionId {
    let id: ImageVersionId = compute("galleries/gal1/images/other/versions/3.0.0").parse().unwrap();
    let body = json!({"location": "eastus2", "properties": {"storageProfile": {"source": source},
        "publishingProfile": {"targetRegions": [{"name": "eastus2"}]}}});
    drive::put(client, &version::put(&id, body), &version::get(&id))
        .await
        .unwrap();
    id
}

async fn delete_machine(client: &Client) {
    let deleted = |id: &dyn Display| Request::arm(Method::DELETE, id, Api::Machines, "delete it");
    let id: VmId = compute("virtualMachines/vm-build").parse().unwrap();
    drive::delete(client, &deleted(&id), &vm::get(&id)).await.unwrap();
    for name in ["vm-build_OsDisk", "vm-build_DataDisk_0", "vm-build_DataDisk_1"] {
        let id: DiskId = compute(&format!("disks/{name}")).parse().unwrap();
        let get = disk::get(&id);
        let delete = Request {
            method: Method::DELETE,
            ..get.clone()
        };
        drive::delete(client, &delete, &get).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_knows_its_base_by_its_disk() {
    let azure = world();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture(&client).await;
    let made = published(&azure, Source::ManagedImage(group().image("built")), None).await;
    assert_eq!(known(&made), (Some(BASE), Some(AGENT)));
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_has_the_purchase_plan_of_its_disk() {
    let azure = world_with(|seed| {
        let plan = json!({"name": "planB", "publisher": "pubB", "product": "prodB"});
        seed["vms"][0]["osDisk"]["extra"] = json!({"purchasePlan": plan});
    });
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture(&client).await;
    let mut settings = settings();
    settings.source = Source::ManagedImage(group().image("built"));
    settings.machine.generalized = Generalized::Declared;
    // The name of the check is the name of an option, too.
    let refused = run(&azure, &settings).await.unwrap_err();
    assert!(refused.report().contains("purchase plan planB"), "{}", refused.report());
    settings.machine.purchase_plan = PurchasePlan::Carry;
    settings.definition = settings.definition.gallery().definition("planned");
    let made = run(&azure, &settings).await.unwrap();
    let definition = gallery::get_definition(&made.version.definition());
    let shown = client.find(&definition).await.unwrap().unwrap().value();
    assert_eq!(shown["properties"]["purchasePlan"]["name"], "planB");
}

#[tokio::test(start_paused = true)]
async fn a_version_knows_its_base_by_the_managed_image_and_its_disk() {
    let azure = world();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture(&client).await;
    let id = version_of(&client, json!({"id": compute("images/built")})).await;
    let made = published(&azure, Source::ImageVersion(id), None).await;
    assert_eq!(known(&made), (Some(BASE), Some(AGENT)));
}

#[tokio::test(start_paused = true)]
async fn a_version_knows_its_base_by_its_machine() {
    let azure = world();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = version_of(
        &client,
        json!({"virtualMachineId": compute("virtualMachines/vm-build")}),
    )
    .await;
    let made = published(&azure, Source::ImageVersion(id), None).await;
    assert_eq!(known(&made), (Some(BASE), Some(AGENT)));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_knows_its_base_by_the_disk_that_it_is_a_copy_of() {
    let azure = world();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let os = group().snapshot("taken");
    let disk = compute("disks/vm-build_OsDisk");
    let put = snapshot::create(&os, &disk, &"eastus2".parse().unwrap(), SnapshotKind::Full, &Map::new());
    drive::put(&client, &put, &snapshot::get(&os)).await.unwrap();
    let source = Source::Snapshots { os, data: Vec::new() };
    let made = published(&azure, source, None).await;
    assert_eq!(known(&made), (Some(BASE), Some(AGENT)));
}

#[tokio::test(start_paused = true)]
async fn what_the_builder_says_counts_where_the_machine_and_its_disks_are_gone() {
    let azure = world();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture(&client).await;
    delete_machine(&client).await;
    let image = || Source::ManagedImage(group().image("built"));
    let unknown = published(&azure, image(), None).await;
    assert_eq!(known(&unknown), (None, None));
    let latest = BASE.replace("22.04.202601010", "latest");
    let said = published(&azure, image(), Some(&latest)).await;
    assert_eq!(known(&said), (Some(latest.as_str()), Some(AGENT)));
}

#[tokio::test(start_paused = true)]
async fn an_adopted_version_gets_the_tag_of_what_the_builder_says() {
    let azure = world();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = version_of(
        &client,
        json!({"virtualMachineId": compute("virtualMachines/vm-build")}),
    )
    .await;
    delete_machine(&client).await;
    // More replicas than it has: our own tags alone are no reason to write a version.
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let settings = PublishSettings {
        source: Source::ImageVersion(id.clone()),
        definition: id.definition(),
        made_from: Some(BASE.parse().unwrap()),
        used_by: vec![UsedBy {
            account: account.parse().unwrap(),
            nodes: 700,
            vm_size: None,
        }],
        ..settings()
    };
    let adopted = run(&azure, &settings).await.unwrap();
    assert_eq!(adopted.base_image.as_deref(), Some(BASE));
    let tagged = version::find(&client, &id).await.unwrap().unwrap();
    assert_eq!(tagged.body()["tags"]["azure-batch-base-image"], BASE);
}

/// A policy installs its agents in every machine, again after they were removed.
#[tokio::test(start_paused = true)]
async fn a_machine_with_a_policys_extension_is_refused_with_the_option_that_publishes_it() {
    let azure = world_with(|seed| {
        let agent = json!({"name": "AzurePolicyforLinux", "publisher": "Microsoft.GuestConfiguration",
            "type": "ConfigurationforLinux"});
        seed["vms"][0]["extensions"] = json!([agent]);
    });
    let refused = run(&azure, &settings()).await.must_fail();
    let report = refused.report();
    let remedy = "where a policy installs them again, ignore the check extensions";
    for said in ["extensions (AzurePolicyforLinux)", remedy, "ignore_checks"] {
        assert!(report.contains(said), "{report}");
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
    let ignoring = PublishSettings {
        ignore_checks: ["extensions".to_owned()].into(),
        ..settings()
    };
    let published = run(&azure, &ignoring).await.unwrap();
    assert_eq!(published.outcome, Outcome::Created);
}
