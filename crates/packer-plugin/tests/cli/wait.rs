//! A publish that does not wait, and the verb `wait`.

use serde_json::{Value as Json, json};

use crate::lab::{Lab, definition};

const SETTINGS: &str = "\
source: {resource_group: rg-images, vm: vm-build}
no_wait: true
shared_image_gallery_destination:
  resource_group: rg-images
  gallery_name: gal1
  image_name: render
";

#[tokio::test]
async fn a_publish_that_does_not_wait_says_what_is_left_and_the_verb_wait_waits() {
    let lab = Lab::slow().await;
    let file = lab.file("image.yaml", SETTINGS);
    let planned = lab.run(&["plan", "--settings", &file]).await;
    let end = "no_wait = true: the run ends before \"wait for image version 1.0.0 of render\" and leaves ";
    assert!(planned.stdout.contains(end), "{planned:?}");
    let published = lab.run(&["publish", "--settings", &file]).await;
    assert_eq!(published.code, Some(0), "{published:?}");
    for part in [
        "image version 1.0.0 of render: created\n",
        "\nstill to do: wait for image version 1.0.0 of render",
    ] {
        assert!(published.stdout.contains(part), "{part}: {published:?}");
    }
    assert!(published.complaint().contains("wait --image-version"), "{published:?}");
    let manifest = std::fs::read(lab.path("azure-batch-manifest.json")).unwrap();
    let manifest: Json = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["remaining"][0], "wait for image version 1.0.0 of render");
    assert_ne!(manifest["regions"][0]["state"], "Completed");
    assert!(manifest["mount_script"].as_str().unwrap().contains("\nluns=\"0 1\"\n"));

    let id = manifest["image_version_id"].as_str().unwrap();
    let before = lab.writes().len();
    let waited = lab.run(&["wait", "--image-version", id, "--json"]).await;
    assert_eq!(waited.code, Some(0), "{waited:?}");
    let regions = json!([{"name": "eastus2", "replicas": 1, "state": "Completed"}]);
    assert_eq!(waited.json()["regions"], regions);
    let again = lab.run(&["wait", "--image-version", id]).await;
    assert!(
        again.stdout.ends_with("\n  eastus2: 1 replica, Completed\n"),
        "{again:?}"
    );
    assert_eq!(lab.writes().len(), before, "it only waits");
}

#[tokio::test]
async fn what_will_never_be_there_is_not_waited_for() {
    let lab = Lab::with_versions(|_| ()).await;
    let version = format!("{}/versions/1.0.2", definition());
    let here = lab
        .run(&["wait", "--image-version", &version, "--regions", "eastus2"])
        .await;
    assert_eq!(here.code, Some(0), "{here:?}");
    assert!(
        here.stdout
            .ends_with("\n  eastus2: 4 replicas, Completed\n  westus2: 4 replicas, Completed\n"),
        "{here:?}"
    );
    let elsewhere = lab
        .run(&["wait", "--image-version", &version, "--regions", "uksouth"])
        .await;
    assert_eq!(
        (elsewhere.code, elsewhere.stdout.as_str()),
        (Some(2), ""),
        "{elsewhere:?}"
    );
    assert!(
        elsewhere.complaint().contains("is not replicated to uksouth"),
        "{elsewhere:?}"
    );
}
