//! Replicas by what the pools in sight need: raised, lowered when asked to, never past a pool that cannot be seen.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    error::{ErrorKind, Result},
    options::versions::{FIT, IMAGE_VERSION},
    scale::{self, Scaling},
    settings::{self, Checked, PUBLISH_DEADLINE, ScaleSettings, Values},
};
use serde_json::{Value, json};

use crate::{
    estate::{by_id, definition, pool},
    publish_sweep::write_count,
    rollout::{client, image, world},
    support::Azure,
    sweep::{Ends, Sweep},
};

pub(crate) fn settings(fit: bool) -> Checked<ScaleSettings> {
    let values = Values::default().with(IMAGE_VERSION, image("1.0.0")).with(FIT, fit);
    settings::scale(&values).unwrap().settings
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

#[test]
fn every_request_of_a_change_of_replicas_meets_every_trouble() {
    let sweep = Sweep {
        one_of: 2,
        troubles: &[
            "connection refused",
            "process gone",
            "cancelled",
            "deadline",
            "reset before the effect",
            "reset after the effect",
            "throttled 4 times",
            "broken after the effect",
            "empty answer",
            "operation forgotten",
            "409 conflict",
            "409 locked",
            "no right to write",
        ],
        world: || azure(|_| ()),
        flow: |azure: Azure, ends: Ends| async move {
            let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
            fastrand::seed(7);
            let mut scaling = scale::plan(&client, &settings(true)).await?;
            scale::carry_out(&client, &settings(true), &mut scaling).await
        },
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 60, "only {cases} cases");
    write_count("changing replicas", cases);
}

/// A change that goes on ends by itself.
fn settle(mut resources: Value) -> Value {
    let versions = resources["compute"]["galleries/images/versions"]
        .as_array_mut()
        .unwrap();
    for version in versions {
        let properties = &mut version["properties"];
        properties["replicationStatus"] = Value::Null;
        if properties["provisioningState"] == "Updating" {
            properties["provisioningState"] = json!("Succeeded");
        }
    }
    resources
}
