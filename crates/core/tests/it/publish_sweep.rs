//! Every request of a good publish fails once, in every way; so does every one of an adoption.

use azure_emulator::seed::Seed;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{adopt, publish, source_image, support::Azure, sweep::Sweep};

#[tokio::test(start_paused = true)]
async fn every_request_of_a_publish_fails_once() {
    let sweep = Sweep {
        world: quick_world,
        flow: |azure: Azure, _cancel: CancellationToken| async move {
            publish::run(&azure, &publish::settings()).await.map(drop)
        },
        settle: without_burnt_numbers,
    };
    let cases = sweep.run().await;
    assert!(cases > 200, "only {cases} cases");
    write_count("publish", cases);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_an_adoption_fails_once() {
    let sweep = Sweep {
        world: || adopt::world_with(hurry),
        flow: |azure: Azure, _cancel: CancellationToken| async move {
            publish::run(&azure, &adopt::adopting()).await.map(drop)
        },
        settle: without_order_of_regions,
    };
    let cases = sweep.run().await;
    assert!(cases > 50, "only {cases} cases");
    write_count("adoption", cases);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_publish_from_an_image_fails_once() {
    let sweep = Sweep {
        world: || source_image::world_with(hurry),
        flow: |azure: Azure, _cancel: CancellationToken| async move {
            publish::run(&azure, &source_image::from_version()).await.map(drop)
        },
        settle: |resources| without_order_of_regions(without_burnt_numbers(resources)),
    };
    let cases = sweep.run().await;
    assert!(cases > 50, "only {cases} cases");
    write_count("publish from an image", cases);
}

/// Operations of seconds: a poll more proves nothing more, and each costs seven cases.
fn hurry(seed: &mut Value) {
    seed["timing"] = json!({"snapshot": 2, "image": 2, "gallery": 1, "definition": 1, "version": 2, "versionRegion": 1, "delete": 1});
}

/// The example in a hurry.
fn quick_world() -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    hurry(&mut seed);
    Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap())
}

/// A region that was removed and added again stands last.
fn without_order_of_regions(mut resources: Value) -> Value {
    let versions = resources.pointer_mut("/compute/galleries~1images~1versions");
    for version in versions.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(regions) = version.pointer_mut("/properties/publishingProfile/targetRegions") {
            let mut sorted = regions.as_array().cloned().unwrap_or_default();
            sorted.sort_by_key(ToString::to_string);
            *regions = sorted.into();
        }
    }
    resources
}

/// A version that failed stays for diagnosis and its number is burnt, so the next run has the next number.
fn without_burnt_numbers(resources: Value) -> Value {
    let mut all = resources;
    let is_failed =
        |body: &Value| body.pointer("/properties/provisioningState").and_then(Value::as_str) == Some("Failed");
    if let Some(versions) = all
        .pointer_mut("/compute/galleries~1images~1versions")
        .and_then(Value::as_array_mut)
    {
        versions.retain(|version| !is_failed(version));
    }
    let text = without_hashes(&all.to_string().replace("1.0.1", "1.0.0"));
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Names of temporaries carry a hash of the number; a version keeps the name of what it was made from.
fn without_hashes(text: &str) -> String {
    const NAME: &str = "/azure-batch-1.0.0-";
    let mut parts = text.split(NAME);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + NAME + part.get(16..).unwrap_or_default())
}

/// Says how many cases were run; the test runner shows it with `--nocapture`.
#[expect(clippy::print_stdout, reason = "the count is what the issue asks a test to print")]
pub(crate) fn write_count(flow: &str, cases: usize) {
    println!("{flow}: {cases} cases");
}
