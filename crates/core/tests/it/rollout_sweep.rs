//! Every request of a good roll-out meets every trouble: replicas are raised, the pool is created, one resize is
//! retried.

use azure_batch_core::{rollout, settings::NewRegion};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{settings, world},
    support::Azure,
    sweep::{Ends, Sweep},
};

#[test]
fn every_request_of_a_roll_out_meets_every_trouble() {
    let sweep = Sweep {
        troubles: &[],
        one_of: 3,
        world: azure,
        flow: |azure: Azure, ends: Ends| async move {
            let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
            // The pause between rounds varies by chance; here each run must make the same requests.
            fastrand::seed(7);
            let mut settings = settings("acct2", 20);
            settings.policy.new_region = NewRegion::Add;
            rollout::run(&client, &checked(&settings)).await.result
        },
        settle: without_patience,
    };
    let cases = sweep.run();
    assert!(cases > 100, "only {cases} cases");
    write_count("roll-out", cases);
}

/// The version has no replica in the account's region, and the first allocation gets 5 of 20 nodes. Replication and
/// the failure are quick, as every look in between is one more request to fail.
fn azure() -> Azure {
    let azure = world(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"] =
            json!([{"name": "eastus2", "regionalReplicaCount": 1}]);
        seed["timing"] = json!({"version": 2, "versionRegion": 3});
    });
    azure.fault(json!({"kind": "allocationFailed", "deliver": 5, "target": "acct2/p1"}));
    azure
}

/// How long the last resize was given says nothing about the pool, and no tags are as good as none ever.
fn without_patience(mut resources: Value) -> Value {
    let versions = resources.pointer_mut("/compute/galleries~1images~1versions");
    for version in versions.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(version) = version.as_object_mut()
            && version.get("tags") == Some(&json!({}))
        {
            version.remove("tags");
        }
    }
    if let Some(batch) = resources["batch"].as_object_mut() {
        for pool in batch.values_mut().filter_map(Value::as_object_mut) {
            pool.remove("resizeTimeout");
        }
    }
    resources
}
