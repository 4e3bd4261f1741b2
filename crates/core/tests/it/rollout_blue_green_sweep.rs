//! Every request of a roll-out to a second pool meets what it must outlive, and every look a rival.
//!
//! The world is that of `rollout`, with a pool of others on 0.9.0, two jobs, and room for one node more.

use azure_batch_core::{
    error::ErrorKind,
    rollout,
    settings::{Adopt, ROLLOUT_DEADLINE, RolloutSettings, Share},
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{client, foreign_pool, world},
    rollout_blue_green::blue_green,
    support::Azure,
    sweep::{Ends, Sweep},
};

/// What another client does to one of the pools.
struct Rival {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    body: fn() -> Value,
    /// Whether what it did is still there.
    is_there: fn(&Value) -> bool,
}

const RIVALS: [Rival; 4] = [
    Rival {
        name: "resizes the former pool",
        method: "POST",
        path: "/pools/p1/resize",
        body: || json!({"targetDedicatedNodes": 7, "targetLowPriorityNodes": 0}),
        is_there: |resources| pool(resources, "p1")["targetDedicatedNodes"] == 7,
    },
    Rival {
        name: "resizes the new pool",
        method: "POST",
        path: "/pools/p1-1-0-0/resize",
        body: || json!({"targetDedicatedNodes": 7, "targetLowPriorityNodes": 0}),
        is_there: |resources| pool(resources, "p1-1-0-0")["targetDedicatedNodes"] == 7,
    },
    Rival {
        name: "deletes the former pool",
        method: "DELETE",
        path: "/pools/p1",
        body: || Value::Null,
        is_there: |resources| is_going(pool(resources, "p1")),
    },
    Rival {
        name: "switches autoscale on for the new pool",
        method: "POST",
        path: "/pools/p1-1-0-0/enableautoscale",
        body: || json!({"autoScaleFormula": "$TargetDedicatedNodes = 6;"}),
        is_there: |resources| pool(resources, "p1-1-0-0")["enableAutoScale"] == true,
    },
];

#[test]
fn every_request_of_a_move_to_a_second_pool_meets_what_it_must_outlive() {
    let sweep = Sweep {
        one_of: 2,
        troubles: &[
            "process gone",
            "cancelled",
            "deadline",
            "reset after the effect",
            "broken after the effect",
            "409 conflict",
            "operation failed",
        ],
        world: azure,
        flow: |azure: Azure, ends: Ends| async move {
            let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
            fastrand::seed(7);
            rollout::run(&client, &checked(&settings())).await.result
        },
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 100, "only {cases} cases");
    write_count("move to a second pool", cases);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_rival_does_at_any_request_of_a_move_to_a_second_pool_is_not_undone() {
    let good = azure();
    let settings = checked(&settings());
    let run = async |azure: &Azure| {
        rollout::run(&client(azure, ROLLOUT_DEADLINE).await, &settings)
            .await
            .result
    };
    run(&good).await.unwrap();
    let journal = good.journal();
    let begun = journal.iter().position(|entry| entry.method == "PATCH").unwrap();
    let is_of_batch = |path: &str| path.starts_with("/pools") || path.starts_with("/jobs");
    let entries = journal.iter().skip(begun + 1).filter(|entry| is_of_batch(&entry.path));
    let numbers: Vec<u64> = entries.map(|entry| entry.number).collect();
    let mut taken = 0;
    for rival in &RIVALS {
        // One request of thirteen is enough to meet each step, and keeps the test short.
        for number in numbers.iter().step_by(13) {
            let azure = azure();
            azure.fault(json!({"kind": "rival", "request": number,
                "write": {"method": rival.method, "path": rival.path, "body": (rival.body)()}}));
            let ended = run(&azure).await;
            let was_taken = azure.emulator(|emulator, _| emulator.faults().iter().any(|fault| fault.hits > 0));
            let case = format!("a rival that {} at request {number}", rival.name);
            if !was_taken {
                continue;
            }
            taken += 1;
            let resources = azure.resources();
            assert!((rival.is_there)(&resources), "{case}: {ended:?} {resources}");
            let kind = ended.as_ref().err().map(azure_batch_core::error::Error::kind);
            assert!(matches!(kind, None | Some(ErrorKind::Refused)), "{case}: {ended:?}");
        }
    }
    assert!(taken > 20, "only {taken} writes of rivals were taken");
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

fn pool<'r>(resources: &'r Value, id: &str) -> &'r Value {
    let all = resources["batch"].as_object().unwrap();
    let end = format!("/acct1/pools/{id}");
    all.iter()
        .find(|(id, _)| id.ends_with(&end))
        .map_or(&Value::Null, |(_, pool)| pool)
}

fn is_going(pool: &Value) -> bool {
    pool.is_null() || pool["state"] == "deleting"
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
