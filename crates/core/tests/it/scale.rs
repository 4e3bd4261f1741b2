//! Replicas by what the pools in sight need: raised, lowered when asked to, never past a pool that cannot be seen.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    client::Client,
    error::{ErrorKind, Result},
    options::versions::{FIT, IMAGE_VERSION, REGIONS, REMOVED_REGIONS},
    scale::{self, Scaling},
    settings::{self, Checked, PUBLISH_DEADLINE, ScaleSettings, Values},
};
use serde_json::{Value, json};

use crate::{
    estate::{by_id, definition, pool},
    rollout::{client, image, world},
    support::Azure,
    sweep::upkeep::sweep,
};

pub(crate) fn settings(fit: bool) -> Checked<ScaleSettings> {
    let values = Values::default().with(IMAGE_VERSION, image("1.0.0")).with(FIT, fit);
    settings::scale(&values).unwrap().settings
}

/// The version goes from these regions.
fn removing(regions: &str) -> Checked<ScaleSettings> {
    let values = Values::default()
        .with(IMAGE_VERSION, image("1.0.0"))
        .with(REMOVED_REGIONS, regions);
    settings::scale(&values).unwrap().settings
}

/// Nothing in the west takes 1.0.0.
pub(crate) fn idle_west() -> Azure {
    azure(|seed| seed["batchAccounts"][1]["pools"] = json!([]))
}

pub(crate) async fn remove(azure: &Azure, regions: &str) -> Result<Scaling> {
    let client = client(azure, PUBLISH_DEADLINE).await;
    let settings = removing(regions);
    let mut scaling = scale::plan(&client, &settings).await?;
    if !scaling.plan.is_done() {
        scale::carry_out(&client, &settings, &mut scaling).await?;
    }
    Ok(scaling)
}

/// The properties of 1.0.0.
fn properties(azure: &Azure) -> Value {
    let all = azure.resources();
    let versions = all["compute"]["galleries/images/versions"].as_array().unwrap();
    versions.iter().find(|version| version["name"] == "1.0.0").unwrap()["properties"].clone()
}

/// 1.0.0 has 9 replicas in the east, where a pool of 10 is on it and one of 700 follows, and 1 in the west with 400 nodes.
pub(crate) fn azure(change: impl FnOnce(&mut Value)) -> Azure {
    world(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"] =
            json!([{"name": "eastus2", "regionalReplicaCount": 9}, {"name": "westus2", "regionalReplicaCount": 1}]);
        seed["batchAccounts"][0]["pools"] = json!([
            pool("small", by_id(&image("1.0.0")), 10),
            pool("follower", by_id(&definition()), 700)
        ]);
        seed["batchAccounts"][1]["pools"] = json!([pool("west", by_id(&image("1.0.0")), 400)]);
        change(seed);
    })
}

async fn run(azure: &Azure, fit: bool) -> Result<Scaling> {
    let client = client(azure, PUBLISH_DEADLINE).await;
    let mut scaling = scale::plan(&client, &settings(fit)).await?;
    scale::carry_out(&client, &settings(fit), &mut scaling).await?;
    Ok(scaling)
}

/// The replicas in the east and in the west.
fn replicas(azure: &Azure) -> Vec<u64> {
    let all = azure.resources();
    let versions = all["compute"]["galleries/images/versions"].as_array().unwrap();
    let own = versions.iter().find(|version| version["name"] == "1.0.0").unwrap();
    let regions = own["properties"]["publishingProfile"]["targetRegions"]
        .as_array()
        .unwrap();
    regions
        .iter()
        .map(|region| region["regionalReplicaCount"].as_u64().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn replicas_become_what_the_pools_in_sight_need() {
    let azure = azure(|_| ());
    let planned = scale::plan(&client(&azure, PUBLISH_DEADLINE).await, &settings(true))
        .await
        .unwrap();
    assert_eq!(azure.writes(), [""; 0]);
    assert_eq!(planned.plan.steps.len(), 2, "{}", planned.plan);
    run(&azure, false).await.unwrap();
    assert_eq!(replicas(&azure), [9, 3], "nothing is lowered unless asked for");
    run(&azure, true).await.unwrap();
    assert_eq!(replicas(&azure), [5, 3], "1 for 10 nodes, 3 for 700, 1 headroom");
    azure.turn_the_page();
    run(&azure, true).await.unwrap();
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_pool_that_a_job_will_make_counts() {
    let azure = azure(|seed| {
        let mut own = pool("", by_id(&image("1.0.0")), 900);
        own.as_object_mut().unwrap().remove("id");
        let info = json!({"autoPoolSpecification": {"autoPoolIdPrefix": "a", "poolLifetimeOption": "job", "keepAlive": false, "pool": own}});
        seed["batchAccounts"][0]["jobs"] = json!([{"id": "nightly", "state": "disabled", "poolInfo": info}]);
    });
    let planned = scale::plan(&client(&azure, PUBLISH_DEADLINE).await, &settings(true))
        .await
        .unwrap();
    assert!(planned.regions[0].needed >= 8, "{planned}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lowered_while_a_pool_cannot_be_seen() {
    let azure = azure(|_| ());
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailure", "method": "GET", "path": "/jobs", "occurrence": "every"}));
    let error = run(&azure, true).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.report().contains("jobs in acct1"), "{}", error.report());
    assert_eq!(azure.writes(), [""; 0]);
    let raised = run(&azure, false).await.unwrap();
    assert!(!raised.unseen.is_empty());
    assert_eq!(replicas(&azure), [9, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_version_leaves_a_region_on_request_and_refuses_to_lose_others_again() {
    let azure = idle_west();
    let planned = scale::plan(&client(&azure, PUBLISH_DEADLINE).await, &removing("West US 2"))
        .await
        .unwrap();
    assert_eq!(
        planned.plan.to_string().trim(),
        "take image version 1.0.0 of def1 out of westus2, where it has 1 replica"
    );
    assert_eq!(azure.writes(), [""; 0]);
    remove(&azure, "westus2").await.unwrap();
    assert_eq!(replicas(&azure), [9], "what is left is as it was");
    let shown = properties(&azure);
    assert_eq!(shown["safetyProfile"]["allowDeletionOfReplicatedLocations"], false);
    azure.turn_the_page();
    let again = remove(&azure, "westus2").await.unwrap();
    assert_eq!((again.absent.len(), azure.writes()), (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_region_that_another_writer_puts_back_at_any_request_is_taken_out_again() {
    let good = idle_west();
    remove(&good, "westus2").await.unwrap();
    let requests: Vec<u64> = good.journal().iter().map(|entry| entry.number).collect();
    let regions =
        json!([{"name": "eastus2", "regionalReplicaCount": 9}, {"name": "westus2", "regionalReplicaCount": 1}]);
    let write = json!({"method": "PATCH", "path": image("1.0.0"),
        "body": {"properties": {"publishingProfile": {"targetRegions": regions}}}});
    let mut met = 0;
    for number in requests {
        let azure = idle_west();
        azure.fault(json!({"kind": "rival", "request": number, "write": write}));
        remove(&azure, "westus2").await.unwrap();
        met += usize::from(azure.emulator(|emulator, _| emulator.faults().iter().any(|fault| fault.hits > 0)));
        assert_eq!(replicas(&azure), [9], "before request {number}");
    }
    assert!(met > 8, "another writer was met {met} times");
}

#[tokio::test(start_paused = true)]
async fn a_version_stays_where_a_pool_takes_it_where_it_was_made_and_while_pools_are_out_of_sight() {
    let azure = azure(|_| ());
    for (regions, why) in [
        ("westus2", "in westus2 these take it: pool west in acct2"),
        ("eastus2", "eastus2 is the region that it was made in"),
    ] {
        let error = remove(&azure, regions).await.must_fail();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.report().contains(why), "{}", error.report());
    }
    let azure = idle_west();
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailure", "method": "GET", "path": "/jobs", "occurrence": "every"}));
    let error = remove(&azure, "westus2").await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.report().contains("keeps its replicas"), "{}", error.report());
    assert_eq!(azure.writes(), [""; 0]);
}

#[test]
fn a_region_is_kept_or_removed_and_not_both() {
    let values = Values::default()
        .with(IMAGE_VERSION, image("1.0.0"))
        .with(REGIONS, "eastus2,westus2")
        .with(REMOVED_REGIONS, "West US 2");
    let faults = settings::scale(&values).unwrap_err();
    assert_eq!(faults.len(), 1);
}

#[test]
fn every_request_of_a_removal_of_a_region_meets_every_trouble() {
    let remove = async |client: Client| {
        let settings = removing("westus2");
        let mut scaling = scale::plan(&client, &settings).await?;
        if scaling.plan.is_done() {
            return Ok(());
        }
        scale::carry_out(&client, &settings, &mut scaling).await
    };
    sweep(("removing a region", 80, 4), idle_west, remove);
}

#[test]
fn every_request_of_a_change_of_replicas_meets_every_trouble() {
    let fit = async |client: Client| {
        let mut scaling = scale::plan(&client, &settings(true)).await?;
        scale::carry_out(&client, &settings(true), &mut scaling).await
    };
    sweep(("changing replicas", 80, 4), || azure(|_| ()), fit);
}
