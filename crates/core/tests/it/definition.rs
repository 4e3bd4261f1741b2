//! What a definition says of the machines that its images boot on, on the emulator.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    error::ErrorKind,
    publish,
    settings::{Latest, PublishSettings, TargetRegion, UsedBy},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{run, settings},
    support::{Azure, lines},
};

/// The example with its machine on a size that has NVMe disks only.
fn nvme_world() -> Azure {
    let azure = Azure::example();
    let seed = json!({"subscriptions": [], "vms": [{"name": "vm-build", "resourceGroup": "rg-images", "location": "eastus2",
        "vmSize": "Standard_D4ds_v6", "powerState": "deallocated", "generalized": true}]});
    let seed = azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
    azure
}

fn plain_definition(azure: &Azure) {
    let seed = json!({"subscriptions": [], "definitions": [{"gallery": "gal1", "resourceGroup": "rg-images", "name": "ubuntu",
        "properties": {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "p", "offer": "o", "sku": "s"}, "features": [{"name": "SecurityType", "value": "Standard"}]}}]});
    let seed = azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

/// What was written to the definition.
fn written(azure: &Azure) -> Vec<Value> {
    let is_definition = |path: &str| path.to_lowercase().ends_with("/images/ubuntu");
    let journal = azure.journal().into_iter();
    journal
        .filter(|entry| entry.method == "PUT" && is_definition(&entry.path))
        .map(|entry| entry.request["properties"].clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_machine_on_nvme_makes_a_definition_whose_images_boot_there() {
    let azure = nvme_world();
    run(&azure, &settings()).await.unwrap();
    let features =
        json!([{"name": "DiskControllerTypes", "value": "SCSI, NVMe"}, {"name": "SecurityType", "value": "Standard"}]);
    assert_eq!(written(&azure)[0]["features"], features);
    azure.turn_the_page();
    run(&azure, &settings()).await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_definition_without_nvme_is_refused_for_such_a_machine_before_anything_is_written() {
    let azure = nvme_world();
    plain_definition(&azure);
    let error = run(&azure, &settings()).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let report = error.report();
    assert!(
        report.contains("DiskControllerTypes is SCSI, the source needs SCSI, NVMe"),
        "{report}"
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_supports_trusted_launch_may_go_where_both_kinds_boot_when_the_user_says_so() {
    let azure = Azure::example();
    let mut wanted: PublishSettings = settings();
    wanted.traits.features = [("SecurityType".to_owned(), "TrustedLaunchSupported".to_owned())].into();
    let published = run(&azure, &wanted).await.unwrap();
    assert_eq!(published.security_type, "TrustedLaunchSupported");
}

/// The example, for a pool of these nodes.
fn for_pool(size: &str) -> PublishSettings {
    let account = format!(
        "{}/providers/Microsoft.Batch/batchAccounts/acct1",
        crate::support::GROUP
    );
    let mut wanted = settings();
    wanted.used_by = vec![UsedBy {
        account: account.parse().unwrap(),
        nodes: 1,
        vm_size: size.parse().ok(),
    }];
    wanted
}

#[tokio::test(start_paused = true)]
async fn a_size_that_cannot_boot_the_image_is_refused_before_anything_is_written() {
    let table = [
        (
            "Standard_D4ds_v6",
            ErrorKind::Refused,
            "it has NVMe disk controllers only",
        ),
        (
            "Standard_D4ps_v5",
            ErrorKind::Refused,
            "it is Arm64, the images are x64",
        ),
        (
            "Standard_D4s_v99",
            ErrorKind::BadInput,
            "eastus2 has no VM size Standard_D4s_v99",
        ),
    ];
    for (size, kind, text) in table {
        let azure = Azure::example();
        let error = run(&azure, &for_pool(size)).await.must_fail();
        assert_eq!(error.kind(), kind, "{size}");
        assert!(error.report().contains(text), "{}", error.report());
        assert_eq!(azure.writes(), Vec::<String>::new());
    }
    let azure = nvme_world();
    run(&azure, &for_pool("standard_d4ds_V6")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_region_is_refused_before_anything_is_written() {
    let azure = Azure::example();
    let mut wanted = settings();
    wanted
        .target_regions
        .push(TargetRegion::new("westeuorpe".parse().unwrap(), None));
    let error = run(&azure, &wanted).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.report().contains("is westeurope meant?"), "{}", error.report());
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// The example with a pool that follows the definition.
fn with_follower() -> Azure {
    let mut seed: Value = serde_json::from_str(azure_emulator::seed::Seed::example_text()).unwrap();
    let definition = format!(
        "{}/providers/Microsoft.Compute/galleries/gal1/images/ubuntu",
        crate::support::GROUP
    );
    seed["batchAccounts"][0]["pools"] = json!([crate::estate::pool("nightly", crate::estate::by_id(&definition), 0)]);
    Azure::with_seed(&azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap())
}

/// What the version says of latest.
fn is_excluded(azure: &Azure) -> Value {
    let put = azure.journal().into_iter();
    let mut puts = put.filter(|entry| entry.method == "PUT" && entry.path.ends_with("/versions/1.0.0"));
    puts.next().unwrap().request["properties"]["publishingProfile"]["excludeFromLatest"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_new_version_is_not_latest_unless_asked_and_those_who_would_take_it_are_named_first() {
    let azure = with_follower();
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let mut wanted = settings();
    let plan = publish::plan(&client, &checked(&wanted)).await.unwrap();
    let follower =
        "pool nightly of acct1 (0 nodes) follows the definition: its next nodes get the version that is latest";
    assert_eq!(plan.followers, [follower]);
    assert_eq!(azure.writes(), Vec::<String>::new());
    publish::run(&client, &checked(&wanted)).await.result.unwrap();
    assert_eq!(is_excluded(&azure), json!(true));
    let said = lines(&mut events);
    assert!(
        said.iter().any(|line| line.contains("excluded from latest")),
        "{said:#?}"
    );
    assert!(!said.iter().any(|line| line.contains(follower)), "{said:#?}");

    let azure = with_follower();
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    wanted.version_settings.latest = Latest::Admit;
    publish::run(&client, &checked(&wanted)).await.result.unwrap();
    assert_eq!(is_excluded(&azure), json!(false));
    let said = lines(&mut events);
    assert!(said.iter().any(|line| line.contains(follower)), "{said:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_node_agent_follows_from_the_base_image_and_is_handed_on_by_a_tag() {
    let azure = Azure::example();
    let made = run(&azure, &for_pool("Standard_D4s_v5")).await.unwrap();
    let base = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.202601010";
    assert_eq!(made.base_image.as_deref(), Some(base));
    let agent = made.node_agent.unwrap();
    assert_eq!(agent.sku, "batch.node.ubuntu 22.04");
    assert!(agent.ends.is_some() && agent.base_image_ends.is_some(), "{agent:?}");
    // A version that is made of this one knows it by the tag alone.
    let mut copy = for_pool("Standard_D4s_v5");
    copy.source = azure_batch_core::settings::Source::ImageVersion(made.version);
    copy.definition = format!(
        "{}/providers/Microsoft.Compute/galleries/gal1/images/copy",
        crate::support::GROUP
    )
    .parse()
    .unwrap();
    let copied = run(&azure, &copy).await.unwrap();
    assert_eq!(copied.base_image.as_deref(), Some(base));
    assert_eq!(
        copied.node_agent.map(|agent| agent.sku).as_deref(),
        Some("batch.node.ubuntu 22.04")
    );
}
