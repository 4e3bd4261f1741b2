//! Publishing from an image as it is: a managed image, or a version of another definition. Nothing is made on the way.

use azure_batch_core::{
    client::Client,
    compute::image,
    error::ErrorKind,
    ids::resource::ResourceGroupId,
    operation::drive,
    publish::Outcome,
    settings::{PublishSettings, Source},
};
use azure_emulator::seed::Seed;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    publish::{run, settings},
    support::{Azure, GROUP},
};

/// The example with a definition, and one more beside it that has a version.
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

/// Captures the example's machine to a managed image, as azure-arm does.
async fn capture(client: &Client) {
    let id = GROUP.parse::<ResourceGroupId>().unwrap().image("built");
    let vm = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-build");
    let body = json!({"location": "eastus2", "properties": {"sourceVirtualMachine": {"id": vm}}});
    drive::put(client, &image::create(&id, body), &image::get(&id))
        .await
        .unwrap();
}

/// A world with that image.
async fn captured(change: impl FnOnce(&mut Value)) -> Azure {
    let azure = world_with(change);
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    capture(&client).await;
    azure.turn_the_page();
    azure
}

fn from_image() -> PublishSettings {
    PublishSettings {
        source: Source::ManagedImage(GROUP.parse::<ResourceGroupId>().unwrap().image("built")),
        ..settings()
    }
}

pub(crate) fn from_version() -> PublishSettings {
    let id = format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/other/versions/2.0.0");
    PublishSettings {
        source: Source::ImageVersion(id.parse().unwrap()),
        ..settings()
    }
}

fn with_feature(seed: &mut Value, definition: usize, value: &str) {
    seed["definitions"][definition]["properties"]["features"] = json!([{"name": "SecurityType", "value": value}]);
}

/// What was written beside versions, and of what the version was made.
fn others_and_source(azure: &Azure) -> (Vec<String>, Value) {
    let others = azure
        .writes()
        .into_iter()
        .filter(|write| !write.contains("/versions/1.0."));
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
async fn the_same_image_again_is_the_same_version_and_one_built_anew_is_another() {
    let azure = captured(|_| {}).await;
    let first = run(&azure, &from_image()).await.unwrap();
    azure.turn_the_page();
    let second = run(&azure, &from_image()).await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    assert_eq!((first.version, second.outcome), (second.version, Outcome::Found));
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = GROUP.parse::<ResourceGroupId>().unwrap().image("built");
    drive::delete(&client, &image::delete(&id), &image::get(&id))
        .await
        .unwrap();
    let disk = format!("{GROUP}/providers/Microsoft.Compute/disks/vm-build_OsDisk");
    let body = json!({"location": "eastus2", "properties": {"hyperVGeneration": "V2", "storageProfile": {
        "osDisk": {"osType": "Linux", "osState": "Generalized", "managedDisk": {"id": disk}}}}});
    drive::put(&client, &image::create(&id, body), &image::get(&id))
        .await
        .unwrap();
    let third = run(&azure, &from_image()).await.unwrap();
    assert_eq!(
        (third.number.to_string().as_str(), third.outcome),
        ("1.0.1", Outcome::Created)
    );
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
        let error = run(&azure, &from_image()).await.unwrap_err();
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
    let error = run(&azure, &from_version()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    insta::assert_snapshot!(error.report(), @r"
    cannot publish image version 2.0.0 of other to ubuntu
      caused by: the definition has SecurityType TrustedLaunch, which Azure does not make from an image of a Trusted Launch machine
      hint: publish from the machine itself: its VM, disks or snapshots
    ");
    assert_eq!(azure.writes(), Vec::<String>::new());
}
