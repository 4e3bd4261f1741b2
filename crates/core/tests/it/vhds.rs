//! Publishing from VHDs: blobs of a storage account, what is known of them, and what is refused before anything is written.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    error::ErrorKind,
    publish::Outcome,
    settings::{
        Generalized, Generation, ManagedImagePolicy, OsType, PublishSettings, Source, SourceDisk, VhdTraits, Vhds,
    },
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{run, settings},
    source_image::world_with,
    support::{APPLICATION, Azure, GROUP},
};

const HOST: &str = "https://vhds.blob.core.windows.net";

/// The example with two definitions and two storage accounts in two regions.
pub(crate) fn world(change: impl FnOnce(&mut Value)) -> Azure {
    world_with(|seed| {
        seed["storageAccounts"] = json!([
            {"name": "vhds", "resourceGroup": "rg-images", "location": "eastus2", "blobs": [
                {"container": "images", "name": "os.vhd", "diskGB": 30},
                {"container": "images", "name": "data.vhd", "diskGB": 64},
                {"container": "images", "name": "large.vhd", "diskGB": 4095},
                {"container": "images", "name": "notes.txt"},
            ]},
            {"name": "faraway", "resourceGroup": "rg-images", "location": "westus2", "blobs": [
                {"container": "images", "name": "data.vhd", "diskGB": 64},
            ]},
        ]);
        change(seed);
    })
}

fn vhds(os: &str, data: &str) -> Vhds {
    Vhds {
        os: os.parse().unwrap(),
        data: vec![SourceDisk {
            lun: 3.try_into().unwrap(),
            id: data.parse().unwrap(),
        }],
        account: None,
        traits: VhdTraits::default(),
    }
}

fn of(vhds: Vhds) -> PublishSettings {
    let mut settings = settings();
    settings.machine.generalized = Generalized::Declared;
    PublishSettings {
        source: Source::Vhds(vhds),
        ..settings
    }
}

pub(crate) fn both() -> PublishSettings {
    of(vhds(
        &format!("{HOST}/images/os.vhd"),
        &format!("{HOST}/images/data.vhd"),
    ))
}

/// What the version was made of.
fn storage_profile(azure: &Azure) -> Value {
    let journal = azure.journal();
    let put = journal
        .iter()
        .find(|entry| entry.method == "PUT" && entry.path.contains("/versions/"));
    put.map(|entry| entry.request["properties"]["storageProfile"].clone())
        .unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_version_is_made_of_the_vhds_directly() {
    for feature in ["Standard", "TrustedLaunchSupported"] {
        let azure = world(|seed| {
            seed["definitions"][0]["properties"]["features"] = json!([{"name": "SecurityType", "value": feature}]);
        });
        let published = run(&azure, &both()).await.unwrap();
        assert_eq!(published.outcome, Outcome::Created);
        let account = format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/vhds");
        let source = |name: &str| json!({"uri": format!("{HOST}/images/{name}"), "storageAccountId": account});
        let profile = storage_profile(&azure);
        assert_eq!(profile["osDiskImage"]["source"], source("os.vhd"));
        let data = json!([{"lun": 3, "hostCaching": "None", "source": source("data.vhd")}]);
        assert_eq!(profile["dataDiskImages"], data);
        let others: Vec<String> = azure
            .writes()
            .into_iter()
            .filter(|write| !write.contains("/versions/"))
            .collect();
        let remembered = format!("PATCH {GROUP}/providers/Microsoft.Compute/galleries/gal1/images/ubuntu");
        assert_eq!(others, [remembered], "the number, and nothing else");
        let again = run(&azure, &both()).await.unwrap();
        assert_eq!((again.outcome, again.version), (Outcome::Found, published.version));
    }
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_stands_between_when_it_is_demanded_and_goes_again() {
    let azure = world(|_| {});
    let settings = PublishSettings {
        managed_image: ManagedImagePolicy::Always,
        ..both()
    };
    run(&azure, &settings).await.unwrap();
    let journal = azure.journal();
    let image = journal
        .iter()
        .find(|entry| entry.method == "PUT" && entry.path.contains("/images/azure-batch"));
    let profile = &image.unwrap().request["properties"]["storageProfile"];
    assert_eq!(profile["osDisk"]["blobUri"], format!("{HOST}/images/os.vhd"));
    assert_eq!(profile["dataDisks"][0]["blobUri"], format!("{HOST}/images/data.vhd"));
    assert_eq!(azure.resources()["compute"]["images"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_vhd_that_was_written_again_is_another_source() {
    let azure = world(|_| {});
    let first = run(&azure, &both()).await.unwrap();
    let rewritten = json!({"storageAccounts": [{"name": "vhds", "resourceGroup": "rg-images", "location": "eastus2", "blobs": [
        {"container": "images", "name": "os.vhd", "diskGB": 32},
        {"container": "images", "name": "data.vhd", "diskGB": 64}]}]});
    azure.emulator(|emulator, now| {
        let seed = azure_emulator::seed::Seed::parse(&rewritten.to_string()).unwrap();
        emulator.seed(&seed, now).unwrap();
    });
    let second = run(&azure, &both()).await.unwrap();
    assert_eq!(second.outcome, Outcome::Created);
    assert_ne!(first.version, second.version);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_may_not_read_blobs_publishes_all_the_same() {
    let azure = world(|seed| {
        seed["roleAssignments"] = json!([{"application": APPLICATION, "scope": GROUP, "actions": ["*"]}]);
    });
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    azure_batch_core::publish::run(&client, &checked(&both()))
        .await
        .result
        .unwrap();
    let lines = crate::support::lines(&mut events).join("\n");
    assert!(lines.contains("Storage Blob Data Reader"), "{lines}");
}

/// What is refused with nothing written, and in which words.
async fn refused(azure: &Azure, settings: &PublishSettings, kind: ErrorKind, says: &str) {
    azure.turn_the_page();
    let error = run(azure, settings).await.must_fail();
    assert_eq!(error.kind(), kind, "{}", error.report());
    assert!(error.report().contains(says), "{}", error.report());
    assert!(azure.writes().is_empty(), "{:?}", azure.writes());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_vhd_or_lies_elsewhere_is_refused_before_anything_is_written() {
    let azure = world(|_| {});
    let at = |name: &str| format!("{HOST}/images/{name}");
    let far = "https://faraway.blob.core.windows.net/images/data.vhd";
    let cases = [
        (
            of(vhds(&at("gone.vhd"), &at("data.vhd"))),
            ErrorKind::BadInput,
            "there is no https://vhds",
        ),
        (
            of(vhds(&at("notes.txt"), &at("data.vhd"))),
            ErrorKind::Refused,
            "a VHD is a page blob",
        ),
        (
            of(vhds(&at("os.vhd"), &at("large.vhd"))),
            ErrorKind::Refused,
            "4095 GiB",
        ),
        (
            of(vhds(&at("os.vhd"), far)),
            ErrorKind::Refused,
            "one-region: data.vhd lies in another region",
        ),
        (
            of(vhds(
                "https://nobody.blob.core.windows.net/images/os.vhd",
                &at("data.vhd"),
            )),
            ErrorKind::BadInput,
            "no storage account in sight",
        ),
    ];
    for (settings, kind, says) in cases {
        refused(&azure, &settings, kind, says).await;
    }
    let mut undeclared = both();
    undeclared.machine.generalized = Generalized::Required;
    refused(&azure, &undeclared, ErrorKind::Refused, "set generalized = true").await;
}

#[tokio::test(start_paused = true)]
async fn what_a_vhd_does_not_show_is_said_by_the_definition_or_by_the_user() {
    let azure = world(|_| {});
    let mut new = both();
    new.definition = format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/fresh")
        .parse()
        .unwrap();
    refused(
        &azure,
        &new,
        ErrorKind::BadInput,
        "source.os_type is missing: a VHD does not show it",
    )
    .await;
    if let Source::Vhds(vhds) = &mut new.source {
        vhds.traits.os_type = Some(OsType::Linux);
        vhds.traits.generation = Some(Generation::V2);
    }
    let published = run(&azure, &new).await.unwrap();
    assert_eq!(
        (published.os_type.as_str(), published.hyper_v_generation.as_str()),
        ("Linux", "V2")
    );
    let mut other = both();
    if let Source::Vhds(vhds) = &mut other.source {
        vhds.traits.generation = Some(Generation::V1);
    }
    refused(
        &azure,
        &other,
        ErrorKind::Refused,
        "hyperVGeneration is V2, the source needs V1",
    )
    .await;
}
