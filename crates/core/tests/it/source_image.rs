//! Publishing from an image as it is: a managed image, or a version of another definition. Nothing is made on the way.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    client::Client,
    compute::{disk, image, version},
    error::ErrorKind,
    ids::resource::{DiskId, ImageId, ImageVersionId, ResourceGroupId},
    operation::drive,
    publish::{self, Outcome},
    replication,
    request::Request,
    settings::{PublishSettings, Source, TargetRegion},
};
use azure_emulator::seed::Seed;
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{run, settings},
    support::{Azure, GROUP, lines},
};

/// The example with a definition, and a second one that has a version.
pub(crate) fn world_with(change: impl FnOnce(&mut Value)) -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    let definition = |name: &str| {
        json!({"name": name, "resourceGroup": "rg-images", "gallery": "gal1", "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "architecture": "x64",
            "identifier": {"publisher": "p", "offer": "o", "sku": name}}})
    };
    seed["definitions"] = json!([definition("ubuntu"), definition("other")]);
    seed["versions"] = json!([{"name": "2.0.0", "resourceGroup": "rg-images", "gallery": "gal1", "definition": "other",
        "dataDiskLuns": [5], "publishingProfile": {"targetRegions": [{"name": "eastus2"}]}}]);
    change(&mut seed);
    Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap())
}

fn built() -> ImageId {
    GROUP.parse::<ResourceGroupId>().unwrap().image("built")
}

fn own_disk() -> DiskId {
    format!("{GROUP}/providers/Microsoft.Compute/disks/own-os")
        .parse()
        .unwrap()
}

fn other() -> ImageVersionId {
    format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/other/versions/2.0.0")
        .parse()
        .unwrap()
}

/// A managed image of the example's machine, as azure-arm captures it.
fn of_machine() -> Value {
    let vm = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-build");
    json!({"location": "eastus2", "properties": {"sourceVirtualMachine": {"id": vm}}})
}

pub(crate) async fn capture(client: &Client) {
    drive::put(client, &image::create(&built(), of_machine()), &image::get(&built()))
        .await
        .unwrap();
}

/// A world with that image.
pub(crate) async fn captured(change: impl FnOnce(&mut Value)) -> Azure {
    let azure = world_with(change);
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture(&client).await;
    azure.turn_the_page();
    azure
}

/// A world with that image, which a build has left.
pub(crate) fn with_image(change: impl FnOnce(&mut Value)) -> Azure {
    world_with(|seed| {
        seed["images"] = json!([{"name": "built", "resourceGroup": "rg-images", "location": "eastus2"}]);
        change(seed);
    })
}

pub(crate) fn from_image() -> PublishSettings {
    PublishSettings {
        source: Source::ManagedImage(built()),
        ..settings()
    }
}

pub(crate) fn from_version() -> PublishSettings {
    PublishSettings {
        source: Source::ImageVersion(other()),
        ..settings()
    }
}

fn with_feature(seed: &mut Value, definition: usize, value: &str) {
    seed["definitions"][definition]["properties"]["features"] = json!([{"name": "SecurityType", "value": value}]);
}

/// What was written apart from versions and the tag of their definition that remembers numbers, and of what the version
/// was made.
fn others_and_source(azure: &Azure) -> (Vec<String>, Value) {
    let remembered = format!("PATCH {GROUP}/providers/Microsoft.Compute/galleries/gal1/images/ubuntu");
    let others = azure
        .writes()
        .into_iter()
        .filter(|write| !write.contains("/versions/1.0.") && *write != remembered);
    let journal = azure.journal();
    let first = journal
        .iter()
        .find(|entry| entry.method == "PUT" && entry.path.contains("/versions/1.0."));
    let source = first.map(|entry| entry.request["properties"]["storageProfile"].clone());
    (others.collect(), source.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_version_is_made_of_a_managed_image_directly_and_the_image_stays() {
    for feature in ["Standard", "TrustedLaunchSupported"] {
        let azure = captured(|seed| with_feature(seed, 0, feature)).await;
        let published = run(&azure, &from_image()).await.unwrap();
        assert_eq!(
            (published.outcome, published.data_disk_luns),
            (Outcome::Created, vec![0, 1])
        );
        let (others, source) = others_and_source(&azure);
        assert_eq!(others, Vec::<String>::new(), "into {feature}");
        let image = format!("{GROUP}/providers/Microsoft.Compute/images/built");
        assert_eq!(source, json!({"source": {"id": image}}));
        assert!(
            azure.resources()["compute"]["images"]
                .to_string()
                .contains("/images/built")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_of_another_gallery_in_another_region_is_a_source() {
    let azure = world_with(|seed| {
        let gallery = json!({"name": "theirs", "resourceGroup": "rg-images", "location": "westus2"});
        seed["galleries"].as_array_mut().unwrap().push(gallery);
        let mut definition = seed["definitions"][1].clone();
        definition["gallery"] = json!("theirs");
        seed["definitions"].as_array_mut().unwrap().push(definition);
        seed["versions"][0]["gallery"] = json!("theirs");
        seed["versions"][0]["publishingProfile"] = json!({"targetRegions": [{"name": "westus2"}]});
    });
    let theirs = other().to_string().replace("/gal1/", "/theirs/");
    let settings = PublishSettings {
        source: Source::ImageVersion(theirs.parse().unwrap()),
        ..settings()
    };
    let published = run(&azure, &settings).await.unwrap();
    let (others, source) = others_and_source(&azure);
    assert_eq!((others, source), (Vec::new(), json!({"source": {"id": theirs}})));
    let regions: Vec<String> = published
        .regions
        .iter()
        .map(|region| region.location.to_string())
        .collect();
    assert_eq!(
        (published.outcome, regions),
        (Outcome::Created, vec!["westus2".to_owned(), "eastus2".to_owned()])
    );
}

/// The example with a community gallery of others, which has a version in one region.
pub(crate) fn with_community(change: impl FnOnce(&mut Value)) -> Azure {
    world_with(|seed| {
        change(seed);
        let sharing = json!({"permissions": "Community", "communityGalleryInfo": {"publicNames": ["hpc-1234"]}});
        let gallery = json!({"name": "theirs", "resourceGroup": "rg-images", "location": "westus2",
            "properties": {"sharingProfile": sharing}});
        seed["galleries"].as_array_mut().unwrap().push(gallery);
        let mut definition = seed["definitions"][1].clone();
        definition["gallery"] = json!("theirs");
        seed["definitions"].as_array_mut().unwrap().push(definition);
        seed["versions"][0]["gallery"] = json!("theirs");
        seed["versions"][0]["publishingProfile"] = json!({"targetRegions": [{"name": "westus2"}]});
    })
}

pub(crate) fn from_community(regions: &[&str]) -> PublishSettings {
    let region = |name: &&str| TargetRegion::new(name.parse().unwrap(), None);
    PublishSettings {
        source: Source::Community(COMMUNITY.parse().unwrap()),
        target_regions: regions.iter().map(region).collect(),
        ..settings()
    }
}

const COMMUNITY: &str = "/CommunityGalleries/hpc-1234/Images/other/Versions/2.0.0";

#[tokio::test(start_paused = true)]
async fn a_version_of_a_community_gallery_is_a_source_in_the_first_target_region() {
    let azure = with_community(|_| ());
    let settings = from_community(&["westus2", "eastus2"]);
    let published = run(&azure, &settings).await.unwrap();
    let (others, source) = others_and_source(&azure);
    let made_of = json!({"source": {"communityGalleryImageId": COMMUNITY}});
    assert_eq!((others, source), (Vec::new(), made_of));
    assert_eq!(
        (
            published.outcome,
            published.data_disk_luns.clone(),
            published.source_image.as_deref()
        ),
        (Outcome::Created, vec![5], Some(COMMUNITY))
    );
    let writes = azure.writes().len();
    let again = run(&azure, &settings).await.unwrap();
    assert_eq!((again.outcome, azure.writes().len()), (Outcome::Found, writes));
}

#[tokio::test(start_paused = true)]
async fn a_community_version_that_is_not_in_the_region_is_refused_before_anything_is_written() {
    let azure = with_community(|_| ());
    let failed = run(&azure, &from_community(&["eastus2", "westus2"])).await.unwrap_err();
    let report = failed.report();
    assert!(
        report.contains(&format!("there is no {COMMUNITY} in eastus2")),
        "{report}"
    );
    assert!(report.contains("target_region"), "{report}");
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// Makes a disk and captures it to the managed image, both under names that are always the same.
async fn capture_own_disk(client: &Client) {
    let body = json!({"location": "eastus2", "properties": {"osType": "Linux", "hyperVGeneration": "V2", "diskSizeGB": 30,
        "creationData": {"createOption": "Empty"}}});
    let get = disk::get(&own_disk());
    let create = Request {
        method: Method::PUT,
        ..get.clone()
    };
    drive::put(client, &create.with_body(body), &get).await.unwrap();
    let body = json!({"location": "eastus2", "properties": {"hyperVGeneration": "V2", "storageProfile": {
        "osDisk": {"osType": "Linux", "osState": "Generalized", "managedDisk": {"id": own_disk().to_string()}}}}});
    drive::put(client, &image::create(&built(), body), &image::get(&built()))
        .await
        .unwrap();
}

async fn delete_own_disk(client: &Client) {
    let get = disk::get(&own_disk());
    let delete = Request {
        method: Method::DELETE,
        ..get.clone()
    };
    drive::delete(client, &delete, &get).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_same_image_again_is_the_same_version_and_one_built_anew_is_another() {
    let azure = world_with(|_| {});
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture_own_disk(&client).await;
    let first = run(&azure, &from_image()).await.unwrap();
    azure.turn_the_page();
    let second = run(&azure, &from_image()).await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    assert_eq!((first.version, second.outcome), (second.version, Outcome::Found));
    drive::delete(&client, &image::delete(&built()), &image::get(&built()))
        .await
        .unwrap();
    delete_own_disk(&client).await;
    capture_own_disk(&client).await;
    let third = run(&azure, &from_image()).await.unwrap();
    assert_eq!(
        (third.number.to_string().as_str(), third.outcome),
        ("1.0.1", Outcome::Created),
        "all ids are the same, and the disk is another"
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_whose_disks_are_gone_is_said_to_be_known_by_its_names_alone() {
    let azure = world_with(|_| {});
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    capture_own_disk(&client).await;
    delete_own_disk(&client).await;
    let warning = "looks the same";
    publish::run(&client, &checked(&from_image())).await.result.unwrap();
    assert!(!lines(&mut events).join("\n").contains(warning), "nothing is found yet");
    let again = publish::run(&client, &checked(&from_image())).await.result.unwrap();
    assert_eq!(again.outcome, Outcome::Found);
    let told = lines(&mut events).join("\n");
    assert!(told.contains(warning) && told.contains("-force"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_being_captured_is_waited_for_and_one_that_goes_is_named() {
    let azure = world_with(|_| {});
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    client.send(&image::create(&built(), of_machine())).await.unwrap();
    let published = run(&azure, &from_image()).await.unwrap();
    assert_eq!(published.data_disk_luns, [0, 1]);
    client.send(&image::delete(&built())).await.unwrap();
    azure.turn_the_page();
    let error = run(&azure, &from_image()).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let report = error.report();
    assert!(report.contains("managed image built is being deleted"), "{report}");
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_managed_image_goes_nowhere_where_azure_takes_none() {
    let arm = |seed: &mut Value| seed["definitions"][0]["properties"]["architecture"] = json!("Arm64");
    let protected = |seed: &mut Value| with_feature(seed, 0, "TrustedLaunch");
    let cases = [
        (captured(arm).await, "architecture is Arm64, the source needs x64"),
        (captured(protected).await, "use a definition of SecurityType Standard"),
    ];
    for (azure, says) in cases {
        let error = run(&azure, &from_image()).await.must_fail();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.report().contains(says), "{}", error.report());
        assert_eq!(azure.writes(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_of_another_definition_is_copied_and_stays_as_it_is() {
    let azure = world_with(|_| {});
    let published = run(&azure, &from_version()).await.unwrap();
    assert_eq!(
        (published.outcome, published.number.to_string().as_str()),
        (Outcome::Created, "1.0.0")
    );
    assert_eq!(published.data_disk_luns, [5]);
    let (others, source) = others_and_source(&azure);
    assert_eq!(others, Vec::<String>::new());
    assert!(
        source["source"]["id"]
            .as_str()
            .unwrap()
            .ends_with("/images/other/versions/2.0.0")
    );
    azure.turn_the_page();
    let again = run(&azure, &from_version()).await.unwrap();
    assert_eq!((azure.writes(), again.outcome), (Vec::new(), Outcome::Found));
}

#[tokio::test(start_paused = true)]
async fn a_protected_version_of_another_definition_is_refused_with_the_remedy() {
    let azure = world_with(|seed| {
        with_feature(seed, 0, "TrustedLaunch");
        with_feature(seed, 1, "TrustedLaunch");
    });
    let error = run(&azure, &from_version()).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    insta::assert_snapshot!(error.report(), @r"
    cannot publish image version 2.0.0 of other to ubuntu
      caused by: the definition has SecurityType TrustedLaunch, which Azure does not make from an image of a Trusted Launch machine
      hint: publish from the machine itself: its VM, disks or snapshots
    ");
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// Writes the version of the other definition with one more region.
async fn change_other(client: &Client) {
    let found = version::find(client, &other()).await.unwrap().unwrap();
    let mut regions = found.target_regions();
    regions.push(json!({"name": "westus2"}));
    let put = version::put(&other(), found.with_regions(regions));
    client.send(&put).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_version_is_copied_while_it_gets_regions_but_not_after_that_failed() {
    let azure = world_with(|_| {});
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    // It never ends, so a run that waited for it would not.
    azure.fault(json!({"kind": "operationStuck", "method": "PUT", "path": "*/versions/2.0.0"}));
    change_other(&client).await;
    run(&azure, &from_version()).await.unwrap();

    let azure = world_with(|_| {});
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    azure.fault(json!({"kind": "regionFailed", "region": "westus2", "method": "PUT", "path": "*/versions/*"}));
    change_other(&client).await;
    replication::settled(&client, &other(), &[]).await.unwrap();
    azure.turn_the_page();
    let error = run(&azure, &from_version()).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let report = error.report();
    assert!(report.contains("2.0.0 of other cannot be copied"), "{report}");
    assert_eq!(azure.writes(), Vec::<String>::new());
}
