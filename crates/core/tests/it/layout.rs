//! What the regions of a version are like: keys, storage, latest, replication mode, and what only Azure's JSON says.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    client::Client,
    compute::version::{self, ImageVersion},
    error::ErrorKind,
    operation::drive,
    publish::{self, Outcome},
    request::Request,
    settings::{
        DiskKeys, EarlyDeletion, Latest, PublishSettings, ReplicaStorage, ReplicationMode, ShallowBy, Source,
        TargetRegion,
    },
    wait::Pace,
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{run, settings},
    source_image::{capture, from_image},
    support::{Azure, GROUP, lines},
};

fn set(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Compute/diskEncryptionSets/{name}")
}

/// A set for each of these regions, and one for its data disk 1.
pub(crate) fn add_sets(azure: &Azure, regions: &[&str]) {
    let both = |region: &&str| {
        [(*region).to_owned(), format!("archive-{region}")]
            .map(|name| json!({"name": name, "resourceGroup": "rg-images", "location": region}))
    };
    let sets: Vec<Value> = regions.iter().flat_map(both).collect();
    let seed = json!({"subscriptions": [], "diskEncryptionSets": sets}).to_string();
    let seed = azure_emulator::seed::Seed::parse(&seed).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

/// The example, whose machine has a key of its owner's on its OS disk.
async fn encrypted_world() -> Azure {
    let azure = Azure::example();
    add_sets(&azure, &["eastus2", "westus2"]);
    let client = client(&azure).await;
    let disk = format!("{GROUP}/providers/Microsoft.Compute/disks/vm-build_OsDisk");
    let get = || Request::arm(Method::GET, &disk, "2026-03-02", "read the disk".to_owned());
    let mut body = client.find(&get()).await.unwrap().unwrap().value();
    body["properties"]["encryption"] =
        json!({"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": set("source")});
    let put = Request::arm(Method::PUT, &disk, "2026-03-02", "write the disk".to_owned()).with_body(body);
    drive::put_at(&client, &put, &get(), Pace::COPY).await.unwrap();
    azure.turn_the_page();
    azure
}

async fn client(azure: &Azure) -> Client {
    azure.client(&CancellationToken::new()).await.0
}

/// The settings with a disk encryption set for each of these regions.
pub(crate) fn with_keys(regions: &[&str]) -> PublishSettings {
    let mut wanted = settings();
    for region in &mut wanted.target_regions {
        if regions.contains(&region.location.as_str()) {
            region.keys = Some(DiskKeys {
                os: set(region.location.as_str()).parse().unwrap(),
                data: [(
                    1_u32.try_into().unwrap(),
                    set(&format!("archive-{}", region.location)).parse().unwrap(),
                )]
                .into(),
            });
        }
    }
    wanted
}

async fn version_of(azure: &Azure, id: &azure_batch_core::ids::resource::ImageVersionId) -> ImageVersion {
    version::find(&client(azure).await, id).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_source_is_carried_when_every_region_names_its_own() {
    let azure = encrypted_world().await;
    let made = run(&azure, &with_keys(&["eastus2", "westus2"])).await.unwrap();
    let version = version_of(&azure, &made.version).await;
    for (region, name) in version.target_regions().iter().zip(["eastus2", "westus2"]) {
        assert_eq!(
            region["encryption"],
            json!({"osDiskImage": {"diskEncryptionSetId": set(name)}, "dataDiskImages": [
                {"lun": 0, "diskEncryptionSetId": set(name)}, {"lun": 1, "diskEncryptionSetId": set(&format!("archive-{name}"))}]})
        );
    }
    azure.turn_the_page();
    let found = run(&azure, &with_keys(&["eastus2", "westus2"])).await.unwrap();
    assert_eq!((found.outcome, azure.writes().len()), (Outcome::Found, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_source_is_not_dropped_silently() {
    let azure = encrypted_world().await;
    let error = run(&azure, &settings()).await.must_fail();
    let report = error.report();
    assert_eq!(error.kind(), ErrorKind::Refused);
    for said in [
        "encryption-sets",
        "diskEncryptionSets/source",
        "target_region.disk_encryption_set_id",
    ] {
        assert!(report.contains(said), "{report}");
    }
    let error = run(&azure, &with_keys(&["eastus2"])).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let report = error.report();
    assert!(report.contains("is given for eastus2 and not for westus2"), "{report}");
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_an_image_or_a_version_shows_is_not_dropped_silently_either() {
    let azure = encrypted_world().await;
    capture(&client(&azure).await).await;
    let keyed = with_keys(&["eastus2", "westus2"]);
    let made = run(&azure, &keyed).await.unwrap();
    let of_version = |settings: PublishSettings| PublishSettings {
        source: Source::ImageVersion(made.version.clone()),
        definition: format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/copy")
            .parse()
            .unwrap(),
        ..settings
    };
    let of_image = |wanted: PublishSettings| PublishSettings {
        source: from_image().source,
        ..wanted
    };
    azure.turn_the_page();
    for (wanted, key) in [(of_image(settings()), "source"), (of_version(settings()), "eastus2")] {
        let error = run(&azure, &wanted).await.must_fail();
        let report = error.report();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let said = format!("diskEncryptionSets/{key}");
        assert!(report.contains("encryption-sets") && report.contains(&said), "{report}");
    }
    assert_eq!(azure.writes(), [""; 0]);
    let copied = run(&azure, &of_version(keyed.clone())).await.unwrap();
    assert_eq!(
        version_of(&azure, &copied.version).await.target_regions()[1]["encryption"]["osDiskImage"],
        json!({"diskEncryptionSetId": set("westus2")})
    );
    let mut adopted = settings();
    adopted.source = Source::ImageVersion(made.version.clone());
    let adopted = run(&azure, &adopted).await.unwrap();
    assert_eq!(
        adopted.outcome,
        Outcome::Adopted,
        "a version that is adopted keeps its keys"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_region_is_refused_before_anything_is_written() {
    let azure = encrypted_world().await;
    let mut wanted = with_keys(&["eastus2", "westus2"]);
    let of_east = wanted.target_regions[0].keys.clone();
    wanted.target_regions[1].keys = of_east;
    let error = run(&azure, &wanted).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let report = error.report();
    let said = "disk encryption set eastus2 lies in eastus2, and its key is to encrypt replicas in westus2";
    assert!(report.contains(said), "{report}");

    if let Some(keys) = &mut wanted.target_regions[1].keys {
        keys.os = set("nowhere").parse().unwrap();
    }
    let error = run(&azure, &wanted).await.must_fail();
    let report = error.report();
    assert!(report.contains("disk encryption set nowhere, whose key"), "{report}");
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_may_not_be_read_is_a_note_with_its_right() {
    let azure = encrypted_world().await;
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET",
        "path": "*/diskEncryptionSets/westus2", "occurrence": "every"}),
    );
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let wanted = checked(&with_keys(&["eastus2", "westus2"]));
    publish::run(&client, &wanted).await.result.unwrap();
    let said = lines(&mut events).join("\n");
    let note = "whether disk encryption set westus2 lies in westus2: this identity lacks Microsoft.Compute/diskEncryptionSets/read";
    assert!(said.contains(note), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_version_with_other_keys_is_not_the_result() {
    let azure = Azure::example();
    add_sets(&azure, &["eastus2", "westus2"]);
    run(&azure, &settings()).await.unwrap();
    azure.turn_the_page();
    let error = run(&azure, &with_keys(&["eastus2", "westus2"])).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let report = error.report();
    assert!(
        report.contains("in eastus2, westus2, and the keys of a version cannot be changed"),
        "{report}"
    );
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_region_has_storage_and_latest_of_its_own() {
    let azure = Azure::example();
    let mut wanted = settings();
    wanted.version_settings.storage = ReplicaStorage::StandardZrs;
    wanted.version_settings.latest = Latest::Admit;
    wanted.target_regions[1] = TargetRegion {
        storage: Some(ReplicaStorage::PremiumLrs),
        latest: Latest::Exclude,
        ..TargetRegion::new("westus2".parse().unwrap(), None)
    };
    let plan = publish::plan(&client(&azure).await, &checked(&wanted)).await.unwrap();
    let permanent = plan.permanent.join("\n");
    assert!(
        permanent.contains("Standard_ZRS of its replicas, Premium_LRS in westus2"),
        "{permanent}"
    );
    let made = run(&azure, &wanted).await.unwrap();
    let journal = azure.journal();
    let is_image = |path: &str| path.contains("/providers/Microsoft.Compute/images/");
    let image = journal
        .iter()
        .find(|entry| entry.method == "PUT" && is_image(&entry.path))
        .unwrap();
    assert_eq!(image.request["properties"]["storageProfile"]["zoneResilient"], true);
    let shown: Vec<Value> = version_of(&azure, &made.version).await.target_regions();
    let said = |region: &Value| {
        (
            region["storageAccountType"].clone(),
            region["excludeFromLatest"].clone(),
        )
    };
    assert_eq!(
        shown.iter().map(said).collect::<Vec<_>>(),
        [
            (json!("Standard_ZRS"), json!(false)),
            (json!("Premium_LRS"), json!(true))
        ]
    );

    azure.turn_the_page();
    wanted.target_regions[1].latest = Latest::Admit;
    wanted.target_regions[1].storage = Some(ReplicaStorage::StandardLrs);
    let plan = publish::plan(&client(&azure).await, &checked(&wanted)).await.unwrap();
    assert_eq!(plan.changes(), ["admit it to latest in westus2"]);
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(&wanted)).await.result.unwrap();
    assert_eq!(azure.writes(), [format!("PUT {}", made.version)]);
    let lines = lines(&mut events).join("\n");
    assert!(
        lines.contains("keeps the storage of its replicas in westus2: Standard_LRS"),
        "{lines}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_shallow_version_has_one_replica_in_its_own_region() {
    let azure = Azure::example();
    let mut wanted = settings();
    wanted.version_settings.replication = ReplicationMode::Shallow;
    let error = run(&azure, &wanted).await.must_fail();
    assert_eq!(
        (error.kind(), azure.writes()),
        (ErrorKind::BadInput, Vec::new()),
        "{}",
        error.report()
    );
    assert!(error.report().contains("not in westus2"), "{}", error.report());
    wanted.version_settings.shallow_by = ShallowBy::UseShallowReplication;
    let report = run(&azure, &wanted).await.must_fail().report();
    assert!(
        report.contains("use_shallow_replication is true: such a version is in eastus2 only")
            && report.contains("or leave out shared_image_gallery_destination.use_shallow_replication")
            && !report.contains("replication_mode"),
        "{report}"
    );
    wanted.target_regions.clear();
    let made = run(&azure, &wanted).await.unwrap();
    let version = version_of(&azure, &made.version).await;
    let profile = &version.body()["properties"]["publishingProfile"];
    assert_eq!(profile["replicationMode"], "Shallow");
    assert_eq!(version.regions().iter().map(|it| it.replicas).collect::<Vec<_>>(), [1]);
}

#[tokio::test(start_paused = true)]
async fn deletion_before_the_end_of_life_is_blocked_and_permitted_again() {
    let azure = Azure::example();
    let mut wanted = settings();
    wanted.version_settings.end_of_life = "2027-06-30T00:00:00Z".parse().ok();
    wanted.version_settings.early_deletion = EarlyDeletion::Block;
    let made = run(&azure, &wanted).await.unwrap();
    let blocked =
        |version: &ImageVersion| version.body()["properties"]["safetyProfile"]["blockDeletionBeforeEndOfLife"].clone();
    assert_eq!(blocked(&version_of(&azure, &made.version).await), true);
    wanted.version_settings.early_deletion = EarlyDeletion::Permit;
    let plan = publish::plan(&client(&azure).await, &checked(&wanted)).await.unwrap();
    assert_eq!(plan.changes(), ["permit its deletion before the end of its life"]);
    run(&azure, &wanted).await.unwrap();
    assert_eq!(blocked(&version_of(&azure, &made.version).await), false);
}

#[tokio::test(start_paused = true)]
async fn azures_own_json_reaches_the_version_and_is_compared_afterwards() {
    let azure = Azure::example();
    let mut wanted = settings();
    let object = |value: Value| value.as_object().cloned().unwrap();
    wanted.version_settings.profile.whole = object(json!({"storageAccountStrategy": "PreferStandard_ZRS"}));
    let sets = json!({"additionalReplicaSets": [{"storageAccountType": "Premium_LRS", "regionalReplicaCount": 2}]});
    wanted.version_settings.profile.regions = [("westus2".parse().unwrap(), object(sets.clone()))].into();
    let made = run(&azure, &wanted).await.unwrap();
    let version = version_of(&azure, &made.version).await;
    let regions = version.target_regions();
    assert_eq!(regions[1]["additionalReplicaSets"], sets["additionalReplicaSets"]);
    assert_eq!(
        regions[0]["storageAccountType"], "Standard_ZRS",
        "as the strategy has it"
    );

    wanted.version_settings.profile.regions = [("eastus2".parse().unwrap(), object(sets))].into();
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(&wanted)).await.result.unwrap();
    let lines = lines(&mut events).join("\n");
    assert!(
        lines.contains("keeps its publishing profile: other additionalReplicaSets of eastus2 need a new version"),
        "{lines}"
    );
}
