//! Every request of a change in place meets what a change in place must outlive, and every look a rival.
//!
//! The world is that of `rollout`, with a pool that others made on 0.9.0 and two jobs.

use azure_batch_core::{
    error::ErrorKind,
    rollout,
    settings::{Adopt, ROLLOUT_DEADLINE, Share},
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{client, foreign_pool, image, world},
    rollout_in_place::in_place,
    support::Azure,
    sweep::{Ends, Sweep},
};

/// What another client does to the pool.
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
        name: "resizes",
        method: "POST",
        path: "/pools/p1/resize",
        body: || json!({"targetDedicatedNodes": 7, "targetLowPriorityNodes": 0}),
        is_there: |pool| pool["targetDedicatedNodes"] == 7,
    },
    Rival {
        name: "changes the image",
        method: "PATCH",
        path: "/pools/p1",
        body: || {
            let reference = json!({"virtualMachineImageId": image("0.8.0")});
            json!({"virtualMachineConfiguration": {"imageReference": reference, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}})
        },
        is_there: |pool| {
            pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] == image("0.8.0")
        },
    },
    Rival {
        name: "deletes",
        method: "DELETE",
        path: "/pools/p1",
        body: || Value::Null,
        is_there: |pool| pool.is_null() || pool["state"] == "deleting",
    },
    Rival {
        name: "switches autoscale on",
        method: "POST",
        path: "/pools/p1/enableautoscale",
        body: || json!({"autoScaleFormula": "$TargetDedicatedNodes = 6;"}),
        is_there: |pool| pool["enableAutoScale"] == true,
    },
];

#[test]
fn every_request_of_a_change_in_place_meets_what_it_must_outlive() {
    let sweep = Sweep {
        one_of: 1,
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
    write_count("change in place", cases);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_rival_does_at_any_request_of_a_change_in_place_is_not_undone() {
    let good = azure();
    let settings = checked(&settings());
    let run = async |azure: &Azure| {
        rollout::run(&client(azure, ROLLOUT_DEADLINE).await, &settings)
            .await
            .result
    };
    run(&good).await.unwrap();
    let journal = good.journal();
    // Before the record is written, the pool is whatever others made of it.
    let begun = journal.iter().position(|entry| entry.method == "PATCH").unwrap();
    let is_of_batch = |path: &str| path.starts_with("/pools") || path.starts_with("/jobs");
    let entries = journal.iter().skip(begun + 1).filter(|entry| is_of_batch(&entry.path));
    let numbers: Vec<u64> = entries.map(|entry| entry.number).collect();
    let mut taken = 0;
    for rival in &RIVALS {
        // Every third request is enough to meet each step, and keeps the test short.
        for number in numbers.iter().step_by(3) {
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
            let pool = pool(&resources);
            assert!((rival.is_there)(pool), "{case}: {ended:?} {pool}");
            let kind = ended.as_ref().err().map(azure_batch_core::error::Error::kind);
            assert!(matches!(kind, None | Some(ErrorKind::Refused)), "{case}: {ended:?}");
        }
    }
    assert!(taken > 30, "only {taken} writes of rivals were taken");
}

fn settings() -> azure_batch_core::settings::RolloutSettings {
    let mut settings = in_place(3);
    settings.policy.adopt = Adopt::Yes;
    settings.change.canary.nodes = Some(Share::Nodes(1));
    settings.change.canary.command = Some("true".to_owned());
    settings
}

fn azure() -> Azure {
    world(|seed| {
        let account = &mut seed["batchAccounts"][0];
        account["pools"] = json!([foreign_pool("0.9.0", 2)]);
        account["jobs"] = json!([{"id": "busy", "poolInfo": {"poolId": "p1"}},
            {"id": "asleep", "poolInfo": {"poolId": "p1"}, "state": "disabled"}]);
    })
}

fn pool(resources: &Value) -> &Value {
    let all = resources["batch"].as_object().unwrap();
    all.iter()
        .find(|(id, _)| id.ends_with("/acct1/pools/p1"))
        .map_or(&Value::Null, |(_, pool)| pool)
}

/// When the change began says nothing about the pool, nor how long its last resize was given.
pub(crate) fn settle(mut resources: Value) -> Value {
    for item in resources["batch"].as_object_mut().unwrap().values_mut() {
        if let Some(fields) = item.as_object_mut() {
            fields.remove("resizeTimeout");
            fields.remove("previousStateTransitionTime");
            if let Some(run) = fields.get_mut("autoScaleRun").and_then(Value::as_object_mut) {
                run.remove("timestamp");
            }
        }
        for item in item["metadata"].as_array_mut().into_iter().flatten() {
            if item["name"] == "azure-batch-rollout" {
                let mut record: Value = serde_json::from_str(item["value"].as_str().unwrap()).unwrap();
                record["since"] = Value::Null;
                item["value"] = record;
            }
        }
    }
    resources
}
