//! Every request of a move that asks the tasks meets what it must outlive, and every look a rival; of a healing a rival.
//!
//! The world is that of `rollout`, with a pool of others on 0.9.0 that works on two jobs. No task is lost, whatever happens.

use std::time::Duration;

use azure_batch_core::{
    error::{Error, ErrorKind},
    rollout,
    settings::{Adopt, FailureRule, Judge, Judging, OnInconclusive, ROLLOUT_DEADLINE, RolloutSettings},
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{client, foreign_pool, world},
    rollout_blue_green::blue_green,
    rollout_blue_green_sweep::settle as without_times,
    rollout_heal::healing,
    support::Azure,
    sweep::{Ends, Sweep},
};

const NODES: u32 = 4;
/// So many that none of the runs comes to the end of the work.
const TASKS: u32 = 1_500;

/// What another client does.
struct Rival {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    body: fn() -> Value,
    /// The pool in which what it did must still be there, and what that is.
    pool: &'static str,
    is_there: fn(&Value) -> bool,
}

const RESIZES: Rival = Rival {
    name: "resizes the pool",
    method: "POST",
    path: "/pools/p1/resize",
    body: || json!({"targetDedicatedNodes": 7, "targetLowPriorityNodes": 0, "nodeDeallocationOption": "taskcompletion"}),
    pool: "p1",
    is_there: |pool| pool["targetDedicatedNodes"] == 7,
};
const DELETES: Rival = Rival {
    name: "deletes the pool",
    method: "DELETE",
    path: "/pools/p1",
    body: || Value::Null,
    pool: "p1",
    is_there: |pool| pool.is_null() || pool["state"] == "deleting",
};
const SCALES: Rival = Rival {
    name: "switches autoscale on",
    method: "POST",
    path: "/pools/p1/enableautoscale",
    body: || json!({"autoScaleFormula": "$TargetDedicatedNodes = 6;"}),
    pool: "p1",
    is_there: |pool| pool["enableAutoScale"] == true,
};
const PATCHES: Rival = Rival {
    name: "changes the start task",
    method: "PATCH",
    path: "/pools/p1",
    body: || json!({"startTask": {"commandLine": "/bin/rival"}}),
    pool: "p1",
    is_there: |pool| pool["startTask"]["commandLine"] == "/bin/rival",
};
const SCALES_THE_NEW: Rival = Rival {
    name: "switches autoscale on for the new pool",
    path: "/pools/p1-1-0-0/enableautoscale",
    pool: "p1-1-0-0",
    ..SCALES
};

#[test]
fn every_request_of_a_judged_move_meets_what_it_must_outlive_and_no_task_is_lost() {
    let sweep = Sweep {
        one_of: 7,
        troubles: &[
            "process gone",
            "cancelled",
            "deadline",
            "reset after the effect",
            "broken after the effect",
            "409 conflict",
            "operation failed",
        ],
        world: working,
        flow: |azure: Azure, ends: Ends| async move {
            let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
            fastrand::seed(7);
            rollout::run(&client, &checked(&judged())).await.result
        },
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 30, "only {cases} cases");
    write_count("judged move", cases);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_rival_does_at_a_step_of_a_judged_move_is_not_undone_and_no_task_is_lost() {
    let rivals = [RESIZES, DELETES, SCALES, PATCHES, SCALES_THE_NEW];
    let taken = against(&rivals, working, &judged(), 19).await;
    assert!(taken > 15, "only {taken} writes of rivals were taken");
}

#[tokio::test(start_paused = true)]
async fn whatever_a_rival_does_at_a_step_of_a_healing_is_not_undone() {
    let ill = || {
        let azure = world(|_| {});
        azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "target": "acct1/p1"}));
        azure
    };
    let taken = against(&[RESIZES, DELETES, SCALES, PATCHES], ill, &healing(4), 2).await;
    assert!(taken > 15, "only {taken} writes of rivals were taken");
}

/// Lets each rival come in at one of so many requests after the first write, and says how many of its writes were taken.
async fn against(rivals: &[Rival], world: impl Fn() -> Azure, settings: &RolloutSettings, one_of: usize) -> usize {
    let settings = checked(settings);
    let run = async |azure: &Azure| {
        fastrand::seed(7);
        rollout::run(&client(azure, ROLLOUT_DEADLINE).await, &settings)
            .await
            .result
    };
    let probe = world();
    run(&probe).await.unwrap_or_else(|error| panic!("{}", error.report()));
    let journal = probe.journal();
    let is_begun = |path: &str| path.starts_with("/pools") || path.starts_with("/jobs");
    let first = journal
        .iter()
        .position(|entry| entry.method != "GET" && is_begun(&entry.path));
    let entries = journal
        .iter()
        .skip(first.unwrap() + 1)
        .filter(|entry| is_begun(&entry.path));
    let numbers: Vec<u64> = entries.map(|entry| entry.number).step_by(one_of).collect();
    let mut taken = 0;
    for rival in rivals {
        for number in &numbers {
            let azure = world();
            azure.fault(json!({"kind": "rival", "request": number,
                "write": {"method": rival.method, "path": rival.path, "body": (rival.body)()}}));
            let ended = run(&azure).await;
            let rival_hits = azure.emulator(|emulator, _| emulator.faults().last().map_or(0, |fault| fault.hits));
            if rival_hits == 0 {
                continue;
            }
            taken += 1;
            let case = format!("a rival that {} at request {number}", rival.name);
            let resources = azure.resources();
            let pool = pool(&resources, rival.pool);
            let report = ended.as_ref().err().map(Error::report);
            assert!((rival.is_there)(pool), "{case}: {report:?} {pool}");
            let kind = ended.as_ref().err().map(Error::kind);
            assert!(matches!(kind, None | Some(ErrorKind::Refused)), "{case}: {report:?}");
            // Who deletes a pool takes its tasks off their nodes.
            assert!(
                rival.method == "DELETE" || requeues(&resources) == 0,
                "{case}: a task was lost"
            );
        }
    }
    taken
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

fn pool<'r>(resources: &'r Value, id: &str) -> &'r Value {
    let end = format!("/acct1/pools/{id}");
    let mut all = resources["batch"].as_object().unwrap().iter();
    all.find(|(id, _)| id.ends_with(&end))
        .map_or(&Value::Null, |(_, pool)| pool)
}

fn requeues(resources: &Value) -> u64 {
    let all = resources["batch"].as_object().unwrap().iter();
    let works = all.filter(|(id, _)| id.ends_with("/tasks"));
    works.map(|(_, work)| work["requeues"].as_u64().unwrap()).sum()
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
