//! Every request of a change in place meets what a change in place must outlive, and every look a rival.
//!
//! The world is that of `rollout`, with a pool that others made on 0.9.0 and two jobs.

use azure_batch_core::{
    error::Result,
    rollout,
    settings::{Adopt, Share},
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{foreign_pool, image, world},
    rollout_in_place::in_place,
    support::Azure,
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{
            DELETES, DISABLES_THE_JOB, PATCHES, POINTS_THE_JOB, RESIZES, Rival, Rivals, SCALES, TERMINATES_THE_JOB,
            Told,
        },
    },
};

/// Whose writes are not undone.
const RIVALS: &[Rival] = &[
    RESIZES,
    Rival {
        name: "changes the image",
        method: "PATCH",
        path: "/pools/p1",
        body: || {
            let reference = json!({"virtualMachineImageId": image("0.8.0")});
            json!({"virtualMachineConfiguration": {"imageReference": reference, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}})
        },
        pool: "p1",
        is_there: |pool| {
            pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] == image("0.8.0")
        },
        told: Told::Always,
    },
    DELETES,
    SCALES,
    PATCHES,
    TERMINATES_THE_JOB,
    DISABLES_THE_JOB,
    POINTS_THE_JOB,
];

#[test]
fn every_request_of_a_change_in_place_meets_what_it_must_outlive() {
    let sweep = Sweep {
        one_of: 2,
        troubles: OUTLIVED,
        world: azure,
        flow: run,
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 70, "only {cases} cases");
    write_count("change in place", cases);
}

#[test]
fn whatever_a_rival_does_at_any_request_of_a_change_in_place_is_not_undone() {
    let rivals = Rivals {
        who: RIVALS,
        one_of: 5,
        world: async || azure(),
        flow: run,
    };
    let taken = rivals.run();
    assert!(taken > 40, "only {taken} writes of rivals were taken");
    write_count("change in place with rivals", taken);
}

async fn run(azure: Azure, ends: Ends) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    fastrand::seed(7);
    rollout::run(&client, &checked(&settings())).await.result
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
