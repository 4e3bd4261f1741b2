//! Roll-outs that make a pool smaller: no running task is lost, Batch is asked until the tasks have ended, and what stays
//! is named as what it is.
//!
//! The world is that of `rollout`.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    error::ErrorKind,
    failure::Failure,
    options::Door,
    rollout::{self, PoolAction},
    settings::ROLLOUT_DEADLINE,
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    given::checked,
    rollout::{adopting, client, entries, failure, foreign_pool, good, roll_out, settings, timeouts, world},
    rollout_in_place::{ask, requeues},
    support::Azure,
};

/// Gives the pool p1 so many tasks that run so many seconds, one on each node.
async fn work(azure: &Azure, tasks: u32, seconds: u32) {
    let job = json!({"id": "busy", "poolInfo": {"poolId": "p1"}});
    ask(azure, Method::POST, "/jobs", Some(job)).await;
    for number in 0..tasks {
        let task = json!({"id": format!("t{number}"), "commandLine": format!("sleep {seconds}")});
        ask(azure, Method::POST, "/jobs/busy/tasks", Some(task)).await;
    }
    tokio::time::advance(Duration::from_secs(30)).await;
    azure.turn_the_page();
}

/// How many tasks have ended well, and how many were begun again.
async fn done(azure: &Azure) -> (usize, u64) {
    let tasks = ask(azure, Method::GET, "/jobs/busy/tasks", None).await;
    let ended = |task: &&Value| task["executionInfo"]["exitCode"] == 0;
    let ended = tasks["value"].as_array().unwrap().iter().filter(ended).count();
    (ended, requeues(azure).await)
}

/// A pool of ours of five nodes, each with a task of three hours.
async fn working() -> Azure {
    let azure = world(|_| {});
    good(roll_out(&azure, &settings("acct1", 5)).await);
    work(&azure, 5, 3 * 3600).await;
    azure
}

#[tokio::test(start_paused = true)]
async fn a_shrinking_pool_loses_no_running_task() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 20)]));
    work(&azure, 20, 60).await;
    good(roll_out(&azure, &adopting("acct1", 5)).await);
    let resized = entries(&azure, &Method::POST, "/resize");
    assert_eq!(resized[0].request["nodeDeallocationOption"], "taskcompletion");
    assert_eq!(done(&azure).await, (20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shrink_is_asked_for_again_until_the_tasks_have_ended() {
    let azure = working().await;
    let client = client(&azure, 8 * ROLLOUT_DEADLINE).await;
    let report = good(rollout::run(&client, &checked(&settings("acct1", 2))).await);
    let resized = entries(&azure, &Method::POST, "/resize");
    assert!(resized.len() > 5, "more often than there are rounds: {resized:?}");
    assert!(
        timeouts(&resized).iter().all(|timeout| *timeout == "PT15M"),
        "{:?}",
        timeouts(&resized)
    );
    assert_eq!((report.action, report.ready), (PoolAction::Resized, Some(2)));
    assert_eq!(report.rounds.len(), 1, "no round went wrong: {:?}", report.rounds);
    assert_eq!(done(&azure).await, (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shrink_that_does_not_end_before_the_deadline_is_no_lack_of_nodes() {
    let azure = working().await;
    let client = client(&azure, Duration::from_secs(3600)).await;
    let outcome = rollout::run(&client, &checked(&settings("acct1", 2))).await;
    let error = outcome.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{}", error.report());
    insta::assert_snapshot!(Failure::of(&error, Door::Flag).complaint(100));
    assert_eq!(outcome.report.states.values().sum::<u32>(), 5);
    assert_eq!(done(&azure).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shrink_of_idle_nodes_that_meets_the_deadline_blames_no_task() {
    let azure = world(|_| {});
    good(roll_out(&azure, &settings("acct1", 5)).await);
    tokio::time::advance(Duration::from_secs(60)).await;
    azure.turn_the_page();
    let client = client(&azure, Duration::from_secs(10)).await;
    let error = rollout::run(&client, &checked(&settings("acct1", 2)))
        .await
        .result
        .must_fail();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{}", error.report());
    assert!(
        error
            .report()
            .contains("passed while Batch was removing 3 nodes of pool p1"),
        "{}",
        error.report()
    );
}

#[tokio::test(start_paused = true)]
async fn nodes_that_batch_cannot_remove_are_told_as_such() {
    let azure = world(|_| {});
    good(roll_out(&azure, &settings("acct1", 5)).await);
    azure.turn_the_page();
    azure.fault(json!({"kind": "allocationFailed", "code": "RemoveNodesFailed", "deliver": 0, "occurrence": "every"}));
    let error = failure(&azure, &settings("acct1", 2)).await;
    assert_eq!(entries(&azure, &Method::POST, "/resize").len(), 2);
    insta::assert_snapshot!(Failure::of(&error, Door::Flag).complaint(100));
}
