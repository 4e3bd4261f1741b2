//! Every request of a roll-out to a second pool meets what it must outlive, and every look a rival.
//!
//! The world is that of `rollout`, with a pool of others on 0.9.0, two jobs, and room for one node more.

use azure_batch_core::{
    error::Result,
    rollout,
    settings::{Adopt, RolloutSettings, Share},
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{foreign_pool, world},
    rollout_blue_green::blue_green,
    support::Azure,
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{OF_TWO_POOLS, Rivals},
    },
};

#[test]
fn every_request_of_a_move_to_a_second_pool_meets_what_it_must_outlive() {
    let sweep = Sweep {
        one_of: 4,
        troubles: OUTLIVED,
        world: azure,
        flow: run,
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 60, "only {cases} cases");
    write_count("move to a second pool", cases);
}

#[test]
fn whatever_a_rival_does_at_any_request_of_a_move_to_a_second_pool_is_not_undone() {
    let rivals = Rivals {
        who: OF_TWO_POOLS,
        // It is enough to meet each step, and keeps the test short.
        one_of: 23,
        world: async || azure(),
        flow: run,
    };
    let taken = rivals.run();
    assert!(taken > 30, "only {taken} writes of rivals were taken");
    write_count("move to a second pool with rivals", taken);
}

async fn run(azure: Azure, ends: Ends) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    fastrand::seed(7);
    rollout::run(&client, &checked(&settings())).await.result
}

fn settings() -> RolloutSettings {
    let mut settings = blue_green(3);
    settings.policy.adopt = Adopt::Yes;
    settings.change.canary.nodes = Some(Share::Nodes(1));
    settings.change.canary.command = Some("true".to_owned());
    settings
}

fn azure() -> Azure {
    world(|seed| {
        let account = &mut seed["batchAccounts"][0];
        account["quotas"] = json!({"dedicatedCores": 4 * 4});
        account["pools"] = json!([foreign_pool("0.9.0", 3)]);
        account["jobs"] = json!([{"id": "busy", "poolInfo": {"poolId": "p1"}},
            {"id": "asleep", "poolInfo": {"poolId": "p1"}, "state": "disabled"}]);
    })
}

/// When the roll-out began and how long the former pool is kept say nothing about the pools, nor how long their last
/// resizes were given.
pub(crate) fn settle(mut resources: Value) -> Value {
    for item in resources["batch"].as_object_mut().unwrap().values_mut() {
        if let Some(fields) = item.as_object_mut() {
            fields.remove("resizeTimeout");
            fields.remove("previousStateTransitionTime");
        }
        for item in item["metadata"].as_array_mut().into_iter().flatten() {
            if item["name"] == "azure-batch-blue-green" {
                let mut record: Value = serde_json::from_str(item["value"].as_str().unwrap()).unwrap();
                if record["shift"].is_object() {
                    record["shift"]["since"] = Value::Null;
                    record["shift"]["until"] = Value::Null;
                }
                item["value"] = record;
            }
        }
    }
    resources
}
