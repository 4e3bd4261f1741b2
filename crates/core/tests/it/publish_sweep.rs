//! Every request of a good publish meets every trouble; so does every one of an adoption, and of two runs at once.

use std::io::Write as _;

use azure_batch_core::{error::Result, settings::PublishSettings};
use azure_emulator::seed::Seed;
use serde_json::{Value, json};

use crate::{
    adopt, captured, disks,
    given::checked,
    no_wait, publish, source_image,
    support::{Azure, TOKEN_LIFE_SECONDS},
    sweep::{Ends, Sweep, pair::Pair},
    testing, testing_identity, vhds,
};

/// A source by its name, a world that has it, and what is asked for.
type OtherSource = (&'static str, fn() -> Azure, fn() -> PublishSettings);

/// Less than the five minutes before its end at which a token is renewed.
const DUE: i64 = 240;

/// One run with its own client and its own run id.
async fn run(azure: Azure, mut settings: PublishSettings, ends: Ends, number: u8) -> Result<()> {
    settings.run_id = format!("run-{number}");
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    azure_batch_core::publish::run(&client, &checked(&settings))
        .await
        .result
        .map(drop)
}

#[test]
fn every_request_of_a_publish_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 2,
        world: quick_world,
        flow: |azure, ends| run(azure, publish::settings(), ends, 1),
        settle: without_burnt_numbers,
    };
    let cases = sweep.run();
    assert!(cases > 250, "only {cases} cases");
    write_count("publish", cases);
}

#[test]
fn every_request_of_an_adoption_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 1,
        world: || adopt::world_with(hurry),
        flow: |azure, ends| run(azure, adopt::adopting(), ends, 1),
        settle: without_order_of_regions,
    };
    let cases = sweep.run();
    assert!(cases > 110, "only {cases} cases");
    write_count("adoption", cases);
}

#[test]
fn every_request_of_a_publish_from_an_image_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 2,
        world: || source_image::world_with(hurry),
        flow: |azure, ends| run(azure, source_image::from_version(), ends, 1),
        settle: |resources| without_order_of_regions(without_burnt_numbers(resources)),
    };
    let cases = sweep.run();
    assert!(cases > 150, "only {cases} cases");
    write_count("publish from an image", cases);
}

#[test]
fn every_request_of_a_publish_from_vhds_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 2,
        world: || vhds::world(hurry),
        flow: |azure, ends| run(azure, vhds::both(), ends, 1),
        settle: |resources| without_order_of_regions(without_burnt_numbers(resources)),
    };
    let cases = sweep.run();
    assert!(cases > 150, "only {cases} cases");
    write_count("publish from VHDs", cases);
}

/// azure-arm keeps snapshots of a machine's disks next to its managed image: both belong to the user, and stay.
#[test]
fn every_request_of_a_publish_from_an_artifact_of_azure_arm_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 2,
        world: || captured::world_with(hurry),
        flow: |azure, ends| run(azure, captured::from_artifact(), ends, 1),
        settle: |resources| without_order_of_regions(without_burnt_numbers(resources)),
    };
    let cases = sweep.run();
    assert!(cases > 150, "only {cases} cases");
    write_count("publish from azure-arm's snapshots and image", cases);
}

#[test]
fn one_of_two_publishes_of_an_artifact_is_stopped_at_every_request_and_the_other_ends_well() {
    let pair = Pair {
        world: || captured::world_with(hurry),
        flow: |azure, ends, number| run(azure, captured::from_artifact(), ends, number),
        settle: |resources| without_makers(&without_order_of_regions(without_burnt_numbers(resources))),
    };
    let cases = pair.run();
    assert!(cases > 60, "only {cases} cases");
    write_count("two publishes from azure-arm's snapshots and image", cases);
}

/// What is written on the way depends on the source: copies of disks and an image, an image alone, nothing.
#[test]
fn every_request_of_a_publish_of_any_other_source_meets_every_trouble() {
    let sources: [OtherSource; 4] = [
        ("disks", || disks::world_with(hurry), disks::from_disks),
        ("snapshots", || disks::world_with(hurry), disks::from_snapshots),
        (
            "a managed image",
            || source_image::with_image(hurry),
            source_image::from_image,
        ),
        (
            "a community gallery",
            || source_image::with_community(hurry),
            || source_image::from_community(&["westus2", "eastus2"]),
        ),
    ];
    for (name, world, settings) in sources {
        let sweep = Sweep {
            troubles: &[],
            one_of: 4,
            world,
            flow: move |azure, ends| run(azure, settings(), ends, 1),
            settle: |resources| without_order_of_regions(without_burnt_numbers(resources)),
        };
        let cases = sweep.run();
        assert!(cases > 70, "only {cases} cases of {name}");
        write_count(&format!("publish from {name}"), cases);
    }
}

/// A machine that is rebuilt between the parts is another source: what was made of the former one stays while the lease of
/// the run that did not wait holds, and `gc` removes it.
#[test]
fn every_request_of_a_publish_that_does_not_wait_of_the_wait_and_of_the_rest_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[
            "connection refused",
            "process gone",
            "cancelled",
            "deadline",
            "reset before the effect",
            "reset after the effect",
            "throttled 4 times",
            "busy 4 times",
            "broken after the effect",
            "empty answer",
            "token expired",
            "operation failed",
            "409 in progress",
            "409 conflict",
        ],
        one_of: 3,
        world: quick_world,
        flow: no_wait::in_three,
        settle: |resources| without_order_of_regions(without_burnt_numbers(resources)),
    };
    let cases = sweep.run();
    assert!(cases > 100, "only {cases} cases");
    write_count("publish without waiting", cases);
}

#[test]
fn every_request_of_a_publish_in_phases_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 5,
        world: quick_world,
        flow: |azure, ends| run(azure, no_wait::phased(), ends, 1),
        settle: |resources| without_order_of_regions(without_burnt_numbers(resources)),
    };
    let cases = sweep.run();
    assert!(cases > 100, "only {cases} cases");
    write_count("publish in phases", cases);
}

/// The pool is made, used and removed on the way: whatever happens, it does not outlive the runs.
#[test]
fn every_request_of_a_publish_with_a_test_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 8,
        world: quick_world,
        flow: |azure, ends| run(azure, testing::tested("true"), ends, 1),
        settle: |resources| without_going_tests(without_order_of_regions(without_burnt_numbers(resources))),
    };
    let cases = sweep.run();
    assert!(cases > 120, "only {cases} cases");
    write_count("publish with a test", cases);
}

/// The resource manager makes the pool when it has an identity; the other parts of the way are the same.
#[test]
fn every_request_of_a_publish_with_a_test_under_an_identity_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 16,
        world: || testing_identity::world(hurry),
        flow: |azure, ends| run(azure, testing_identity::with_identity("true"), ends, 1),
        settle: |resources| without_going_tests(without_order_of_regions(without_burnt_numbers(resources))),
    };
    let cases = sweep.run();
    assert!(cases > 70, "only {cases} cases");
    write_count("publish with a test under an identity", cases);
}

/// A token that is about to end is renewed before each request: also while cleaning up after a cancel.
#[test]
fn every_request_with_a_token_due_for_renewal_is_cut_off() {
    let sweep = Sweep {
        troubles: &[
            "process gone",
            "cancelled",
            "deadline",
            "throttled",
            "busy 4 times",
            "token expired",
        ],
        one_of: 1,
        world: || world(DUE),
        flow: |azure, ends| run(azure, publish::settings(), ends, 1),
        settle: without_burnt_numbers,
    };
    let cases = sweep.run();
    assert!(cases > 110, "only {cases} cases");
    write_count("publish with tokens due", cases);
}

/// 64 data disks make more than a hundred requests at once, which Azure's own limits refuse in part. Requests of one kind
/// are alike, so a part of them is swept.
#[test]
fn a_publish_of_sixty_four_disks_meets_troubles_in_the_middle_of_the_crowd() {
    let sweep = Sweep {
        troubles: &[
            "process gone",
            "cancelled",
            "throttled 4 times",
            "409 in progress",
            "broken after the effect",
        ],
        one_of: 24,
        world: || {
            world_with(TOKEN_LIFE_SECONDS, |seed| {
                let disk = |lun| json!({"lun": lun, "sizeGB": 8, "sku": "Premium_LRS", "caching": "None"});
                seed["vms"][0]["dataDisks"] = (0..64).map(disk).collect();
            })
        },
        flow: |azure, ends| run(azure, publish::settings(), ends, 1),
        settle: without_burnt_numbers,
    };
    let cases = sweep.run();
    assert!(cases > 20, "only {cases} cases");
    write_count("publish of 64 disks", cases);
}

#[test]
fn one_of_two_runs_is_stopped_at_every_request_and_the_other_ends_well() {
    let pair = Pair {
        world: quick_world,
        flow: |azure, ends, number| run(azure, publish::settings(), ends, number),
        settle: |resources| without_makers(&without_burnt_numbers(resources)),
    };
    let cases = pair.run();
    assert!(cases > 120, "only {cases} cases");
    write_count("two publishes", cases);
}

/// Operations of seconds: a poll more proves nothing more, and each costs seven cases.
fn hurry(seed: &mut Value) {
    seed["timing"] = json!({"snapshot": 2, "image": 2, "gallery": 1, "definition": 1, "version": 2, "versionRegion": 1, "delete": 1});
}

/// The example in a hurry, with tokens that outlive it.
fn quick_world() -> Azure {
    world(TOKEN_LIFE_SECONDS)
}

/// The example in a hurry.
fn world(token_life: i64) -> Azure {
    world_with(token_life, |_| {})
}

fn world_with(token_life: i64, change: impl FnOnce(&mut Value)) -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    hurry(&mut seed);
    change(&mut seed);
    Azure::with_token_life(&Seed::parse(&seed.to_string()).unwrap(), token_life)
}

/// A pool of a test that is being deleted is on its way out; one that is not is left, and stays in sight.
fn without_going_tests(mut resources: Value) -> Value {
    let is_going = |item: &Value| {
        let text = |pointer| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        text("/id").starts_with("azure-batch-test-") && text("/state") == "deleting"
    };
    if let Some(batch) = resources.get_mut("batch").and_then(Value::as_object_mut) {
        batch.retain(|_, item| !is_going(item));
    }
    resources
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

/// A version that failed stays for diagnosis and its number cannot be used again, so the next run has the next number.
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
    // The tag has the number of the failed one, too.
    let noted = r#""azure-batch-numbers":"1.0.0"#;
    let text = all.to_string().replace(&format!("{noted}-1\""), &format!("{noted}\""));
    let text = without_hashes(&text.replace("1.0.1", "1.0.0"));
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Either of two runs may make the version.
fn without_makers(resources: &Value) -> Value {
    let text = resources.to_string().replace("\"run-2\"", "\"run-1\"");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Names of temporaries carry a hash of the fingerprint; a version keeps the name of what it was made from.
fn without_hashes(text: &str) -> String {
    const NAME: &str = "/azure-batch-";
    let mut parts = text.split(NAME);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + NAME + part.get(16..).unwrap_or_default())
}

/// Says how many cases were run, past the capture of the test runner: the log of a run that passes has it too.
pub(crate) fn write_count(flow: &str, cases: usize) {
    writeln!(std::io::stderr(), "sweep of {flow}: {cases} cases").expect("standard error is there");
}
