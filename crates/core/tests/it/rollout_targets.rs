//! How many nodes: none for now, and how many replicas the version needs for pools that get it without being told.
//!
//! Nodes that do not come are in `rollout_short`.

use azure_batch_core::rollout::PoolAction;
use http::Method;
use serde_json::json;

use crate::{
    estate::{by_id, definition, pool},
    rollout::{entries, good, roll_out, settings, world},
};

#[tokio::test(start_paused = true)]
async fn a_pool_without_nodes_is_made_and_a_later_run_brings_them() {
    let azure = world(|_| {});
    let report = good(roll_out(&azure, &settings("acct1", 0)).await);
    assert_eq!((report.action, report.needed), (PoolAction::Created, 0));
    assert_eq!(azure.writes(), ["POST /pools"]);
    let report = good(roll_out(&azure, &settings("acct1", 3)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Resized, Some(3)));
}

#[tokio::test(start_paused = true)]
async fn nodes_of_pools_that_follow_what_is_latest_need_replicas_too() {
    let azure = world(|seed| {
        let follower = pool("p2", by_id(&definition()), 1500);
        seed["batchAccounts"][0]["pools"] = json!([follower]);
    });
    good(roll_out(&azure, &settings("acct1", 10)).await);
    let put = entries(&azure, &Method::PUT, "/versions/1.0.0").remove(0).request;
    let here = &put["properties"]["publishingProfile"]["targetRegions"][0];
    assert_eq!(
        here["regionalReplicaCount"], 7,
        "5 for those that follow, 1 for ours and 1 headroom"
    );
}
