//! Roll-outs of the version that a rule means: found once, before the first write, and shown.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    compute::version,
    error::ErrorKind,
    fleet,
    options::pool::{
        ACCOUNT, IMAGE_DEFINITION, IMAGE_VERSION, NODE_AGENT_SKU_ID, POOL_FILE, POOL_ID, TARGET_DEDICATED_NODES,
        VM_SIZE,
    },
    progress::Event,
    rollout::{self, RolloutOutcome},
    settings::{self, Checked, ROLLOUT_DEADLINE, RolloutSettings, UnresolvedRollout, Values},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::rollout_values,
    rollout::{entries, image, world},
    rollout_blue_green::blue_green,
    rollout_in_place::{in_place, working_in},
    support::{Azure, GROUP, lines},
};

const DEFINITION: &str = "/providers/Microsoft.Compute/galleries/gal1/images/def1";

/// 0.9.0 and 1.0.0 can be latest; 1.2.0 has the tag and is excluded, 2.0.0 is excluded.
fn azure() -> Azure {
    world(|seed| {
        let version = |name: &str, tags: Value| {
            json!({"name": name, "resourceGroup": "rg-images", "gallery": "gal1", "definition": "def1", "tags": tags,
                "publishingProfile": {"excludeFromLatest": true,
                    "endOfLifeDate": "2026-01-01T00:01:00Z",
                    "targetRegions": [{"name": "eastus2", "regionalReplicaCount": 4}, {"name": "westus2", "regionalReplicaCount": 4}]}})
        };
        let versions = seed["versions"].as_array_mut().unwrap();
        versions.push(version("1.2.0", json!({"release": "stable"})));
        versions.push(version(
            "2.0.0",
            json!({"azure-batch-tested": "failed 0123abcd exit code 3"}),
        ));
    })
}

fn given(rule: &str) -> Values {
    Values::default()
        .with(
            ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(IMAGE_DEFINITION, format!("{GROUP}{DEFINITION}"))
        .with(IMAGE_VERSION, rule)
}

fn of_pool(rule: &str) -> Values {
    given(rule)
        .with(POOL_ID, "p1")
        .with(VM_SIZE, "Standard_D4s_v5")
        .with(NODE_AGENT_SKU_ID, "batch.node.ubuntu 22.04")
        .with(TARGET_DEDICATED_NODES, 2u32)
}

async fn roll_out(azure: &Azure, rule: &str) -> (RolloutOutcome, Vec<String>) {
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let settings = settings::rollout(&of_pool(rule)).unwrap().settings;
    let outcome = rollout::run(&client, &settings).await;
    let said = std::iter::from_fn(|| events.try_recv().ok()).filter_map(|event| match event {
        Event::Note { text } | Event::Warning { text } => Some(text),
        _ => None,
    });
    (outcome, said.collect())
}

fn images(azure: &Azure) -> Vec<String> {
    let posts = entries(azure, &Method::POST, "/pools");
    let image = "/virtualMachineConfiguration/imageReference/virtualMachineImageId";
    posts
        .iter()
        .map(|entry| entry.request.pointer(image).unwrap().as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_rule_becomes_one_version_before_anything_is_written() {
    for (rule, number) in [
        ("latest", "1.0.0"),
        ("0.9.x", "0.9.0"),
        ("tag:release=stable", "1.2.0"),
        ("2.0.0", "2.0.0"),
    ] {
        let azure = azure();
        let (outcome, said) = roll_out(&azure, rule).await;
        outcome
            .result
            .unwrap_or_else(|error| panic!("{rule}: {}", error.report()));
        assert_eq!(images(&azure), [image(number)], "{rule}");
        assert_eq!(outcome.report.version, Some(image(number).parse().unwrap()));
        let plan = serde_json::to_value(&outcome.report.plan).unwrap();
        let is_chosen = rule != "2.0.0";
        assert_eq!(plan["steps"][0]["step"] == "choose-version", is_chosen, "{plan}");
        let line = format!(
            "the image version is def1 {number}, which is {} now",
            rule.replace('x', "*")
        );
        assert_eq!(said.contains(&line), is_chosen, "{said:?}");
    }
}

/// The settings with the version that a rule means.
fn by_rule(settings: &RolloutSettings, rule: &str) -> Checked<UnresolvedRollout> {
    let values = rollout_values(settings)
        .with(IMAGE_DEFINITION, format!("{GROUP}{DEFINITION}"))
        .with(IMAGE_VERSION, rule);
    settings::rollout(&values).unwrap().settings
}

/// Pool p1 on 0.9.0 with work, and a definition of which 1.1.0 is the latest version after `admitted`.
async fn with_newer() -> Azure {
    working_in(|seed| {
        let mut newer = seed["versions"][0].clone();
        newer["name"] = "1.1.0".into();
        newer["publishingProfile"]["excludeFromLatest"] = true.into();
        seed["versions"].as_array_mut().unwrap().push(newer);
    })
    .await
}

async fn admit(azure: &Azure) {
    let id = image("1.1.0").parse().unwrap();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let found = client.find(&version::get(&id)).await.unwrap().unwrap();
    let mut body = found.value();
    body["properties"]["publishingProfile"]["excludeFromLatest"] = false.into();
    client.send(&version::put(&id, body)).await.unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    azure.turn_the_page();
}

#[tokio::test(start_paused = true)]
async fn the_same_command_finishes_what_it_began_though_another_version_became_latest() {
    for (wanted, rule) in [
        (in_place(5), "latest"),
        (blue_green(5), "latest"),
        (blue_green(5), ">=1.0"),
    ] {
        let azure = with_newer().await;
        let limit = Duration::from_secs(1200);
        let (stopped, _events) = azure.client_with_limit(&CancellationToken::new(), limit).await;
        let first = rollout::run(&stopped, &by_rule(&wanted, rule)).await;
        assert_eq!(first.report.version, Some(image("1.0.0").parse().unwrap()), "{rule}");
        assert_eq!(first.result.must_fail().kind(), ErrorKind::Deadline);
        admit(&azure).await;
        for (number, pace) in [("1.0.0", "goes on"), ("1.1.0", "is new")] {
            let (client, mut events) = azure
                .client_with_limit(&CancellationToken::new(), ROLLOUT_DEADLINE)
                .await;
            let again = rollout::run(&client, &by_rule(&wanted, rule)).await;
            let said = lines(&mut events);
            again
                .result
                .unwrap_or_else(|error| panic!("{pace}: {}", error.report()));
            assert_eq!(again.report.version, Some(image(number).parse().unwrap()), "{said:?}");
            let note = "a roll-out of def1 1.0.0 has begun and not come to its end: this run goes on with that version";
            let has_note = said.iter().any(|line| line.contains(note));
            assert_eq!(has_note, number == "1.0.0", "{said:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_never_meant_the_version_that_has_begun_does_not_take_it_up() {
    let azure = with_newer().await;
    let limit = Duration::from_secs(1200);
    let (stopped, _events) = azure.client_with_limit(&CancellationToken::new(), limit).await;
    let first = rollout::run(&stopped, &by_rule(&blue_green(5), "latest")).await;
    assert_eq!(first.result.must_fail().kind(), ErrorKind::Deadline);
    admit(&azure).await;
    let (client, _events) = azure
        .client_with_limit(&CancellationToken::new(), ROLLOUT_DEADLINE)
        .await;
    let other = rollout::run(&client, &by_rule(&blue_green(5), "~1.1")).await;
    assert!(other.result.must_fail().report().contains("this one is to 1.1.0"));
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_passed_over_and_what_has_ended_is_said() {
    let (outcome, said) = roll_out(&azure(), "latest").await;
    outcome.result.unwrap();
    assert!(
        said.contains(&"2.0.0 was passed over: it failed its test: exit code 3".to_owned()),
        "{said:?}"
    );
    assert!(
        said.contains(&"1.2.0 was passed over: it is excluded from latest".to_owned()),
        "{said:?}"
    );
    let (outcome, said) = roll_out(&azure(), "2.0.0").await;
    outcome.result.unwrap();
    let failed = "image version 2.0.0 of def1 failed its test: exit code 3";
    assert!(said.contains(&failed.to_owned()), "{said:?}");
    let azure = azure();
    tokio::time::advance(Duration::from_secs(120)).await;
    let (outcome, said) = roll_out(&azure, "tag:release=stable").await;
    outcome.result.unwrap();
    let ended = "image version 1.2.0 of def1 is past its end of life, which was 2026-01-01";
    assert!(said.contains(&ended.to_owned()), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_no_version_fits_names_all_of_them_and_writes_nothing() {
    let azure = azure();
    let (outcome, _) = roll_out(&azure, ">=1.1").await;
    let error = outcome.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let failure = azure_batch_core::failure::Failure::of(&error, azure_batch_core::options::Door::Flag);
    let shown = format!("{failure:?}");
    assert!(shown.contains("1.2.0: it is excluded from latest"), "{shown}");
    assert_eq!((azure.writes(), outcome.report.version), (Vec::new(), None));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_gets_one_version_and_reads_the_definition_once() {
    let azure = azure();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let file = "
defaults: {vm-size: Standard_D4s_v5, node-agent-sku-id: batch.node.ubuntu 22.04}
pools:
  - {pool-id: a, target-dedicated-nodes: 1}
  - {pool-id: b, target-dedicated-nodes: 1}
  - {pool-id: c, target-dedicated-nodes: 1}
";
    let fleet = settings::fleet(&given("latest").with(POOL_FILE, file))
        .unwrap()
        .settings;
    let runs = fleet::run(&client, &fleet).await;
    assert!(runs.iter().all(|run| run.outcome.as_ref().unwrap().result.is_ok()));
    assert_eq!(images(&azure), [image("1.0.0"), image("1.0.0"), image("1.0.0")]);
    assert_eq!(entries(&azure, &Method::GET, "/images/def1/versions").len(), 1);
}
