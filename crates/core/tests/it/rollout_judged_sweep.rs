//! Every request of a move that asks the tasks meets what it must outlive, and every look a rival.
//!
//! The world is that of `rollout`, with a pool of others on 0.9.0 that works on two jobs. No task is lost, whatever happens.

use std::time::Duration;

use azure_batch_core::{
    error::Result,
    rollout,
    settings::{Adopt, FailureRule, Judge, Judging, OnInconclusive, RolloutSettings},
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{foreign_pool, world},
    rollout_blue_green::blue_green,
    rollout_blue_green_sweep::settle as without_times,
    support::Azure,
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{OF_TWO_POOLS, Rivals},
    },
};

const NODES: u32 = 4;
/// So many that none of the runs comes to the end of the work.
const TASKS: u32 = 1_500;

#[test]
fn every_request_of_a_judged_move_meets_what_it_must_outlive_and_no_task_is_lost() {
    let sweep = Sweep {
        one_of: 7,
        troubles: OUTLIVED,
        world: working,
        flow: run,
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 30, "only {cases} cases");
    write_count("judged move", cases);
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_judged_move_is_not_undone_and_no_task_is_lost() {
    let rivals = Rivals {
        who: OF_TWO_POOLS,
        one_of: 31,
        world: async || working(),
        flow: run,
    };
    let taken = rivals.run();
    assert!(taken > 15, "only {taken} writes of rivals were taken");
    write_count("judged move with rivals", taken);
}

async fn run(azure: Azure, ends: Ends) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    fastrand::seed(7);
    rollout::run(&client, &checked(&judged())).await.result
}

fn judged() -> RolloutSettings {
    let mut settings = blue_green(NODES);
    settings.policy.adopt = Adopt::Yes;
    settings.change.judging = Judging {
        judge: Judge::Act,
        on_inconclusive: OnInconclusive::Proceed,
        window: Duration::from_secs(300),
        rule: FailureRule {
            min_tasks: 5,
            ..FailureRule::default()
        },
    };
    settings
}

fn working() -> Azure {
    world(|seed| {
        let account = &mut seed["batchAccounts"][0];
        account["pools"] = json!([foreign_pool("0.9.0", NODES)]);
        let task = |number: u32| json!({"id": format!("t{number}"), "commandLine": "sleep 20"});
        let tasks = || (0..TASKS / 2).map(task).collect::<Vec<Value>>();
        account["jobs"] = json!([{"id": "busy", "poolInfo": {"poolId": "p1"}, "tasks": tasks()},
            {"id": "other", "poolInfo": {"poolId": "p1"}, "tasks": tasks()}]);
    })
}

/// How far the work has come depends on how long a run took; that none of it was lost does not.
fn settle(resources: Value) -> Value {
    let mut resources = without_times(resources);
    for (id, item) in resources["batch"].as_object_mut().unwrap() {
        if id.ends_with("/tasks") {
            *item = json!({"requeues": item["requeues"], "failed": item["taskCounts"]["failed"]});
        }
    }
    resources
}
