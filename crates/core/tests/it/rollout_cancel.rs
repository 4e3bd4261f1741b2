//! A roll-out that is asked to stop: what it still does within a second, and what it says of what goes on in Azure.
//!
//! The worlds are those of the other roll-outs. What a signal is, is the Action's to test.

use std::{sync::Arc, time::Duration};

use azure_batch_core::{
    error::{Error, ErrorKind},
    failure::Failure,
    options::Door,
    rollout::{self, PoolAction, RolloutOutcome},
    settings::{OnCancel, ROLLOUT_DEADLINE, RolloutSettings, RunningTasks},
    shell::NoShell,
};
use http::Method;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, entries, failure, good, roll_out, settings, world},
    rollout_autoscale::following,
    rollout_blue_green::{self, blue_green, room_for},
    rollout_in_place::{self, ask, back, in_place, working, working_in},
    support::Azure,
};

/// The whole time from the signal to the end.
const TWO_SECONDS: Duration = Duration::from_secs(2);

/// Batch takes two writes to one pool only 30 s apart.
const LONG_ENOUGH: Duration = Duration::from_secs(31);

fn asked(mut settings: RolloutSettings, on_cancel: OnCancel) -> RolloutSettings {
    settings.change.on_cancel = on_cancel;
    settings
}

/// Rolls out until the journal holds such a request and some seconds have passed, then asks it to stop.
async fn cancelled(azure: &Azure, settings: &RolloutSettings, request: (Method, &str)) -> RolloutOutcome {
    cancelled_after(azure, settings, (request, Duration::from_secs(3))).await
}

/// The same, so long after the request.
async fn cancelled_after(
    azure: &Azure,
    settings: &RolloutSettings,
    ((method, path), passed): ((Method, &str), Duration),
) -> RolloutOutcome {
    let is_due = || !entries(azure, &method, path).is_empty();
    cancelled_once(azure, settings, (is_due, passed)).await
}

/// The same, so long after something is true.
async fn cancelled_once(
    azure: &Azure,
    settings: &RolloutSettings,
    (is_due, passed): (impl Fn() -> bool, Duration),
) -> RolloutOutcome {
    let cancel = CancellationToken::new();
    fastrand::seed(7);
    let transport = Arc::new(azure.clone());
    let client = azure
        .client_on(transport, Arc::new(NoShell), (&cancel, ROLLOUT_DEADLINE))
        .await;
    let stopping = async {
        while !is_due() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        tokio::time::advance(passed).await;
        cancel.cancel();
        Instant::now()
    };
    let settings = checked(settings);
    let (outcome, asked_at) = tokio::join!(rollout::run(&client, &settings), stopping);
    assert!(asked_at.elapsed() < TWO_SECONDS, "{:?}", asked_at.elapsed());
    outcome
}

fn stopped(outcome: &RolloutOutcome) -> Failure {
    let error: &Error = outcome.result.as_ref().expect_err("it was asked to stop");
    assert_eq!(
        (error.kind(), error.kind().exit_code().0),
        (ErrorKind::Cancelled, 130),
        "{}",
        error.report()
    );
    Failure::of(error, Door::Flag)
}

async fn allocation(azure: &Azure, pool: &str) -> String {
    let pool = ask(azure, Method::GET, &format!("/pools/{pool}"), None).await;
    pool["allocationState"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn left_alone_a_resize_goes_on_and_the_last_lines_say_so_with_the_command_that_stops_it() {
    let azure = world(|_| {});
    let outcome = cancelled(&azure, &settings("acct1", 40), (Method::POST, "/pools")).await;
    let failure = stopped(&outcome);
    assert_eq!(
        failure.kept,
        [
            "Pool p1 exists; its resize to 40 nodes goes on in Azure, and each node that comes is billed.",
            "When it was last looked at, it had no nodes."
        ]
    );
    let command = failure.next[0].command.join(" ");
    assert!(
        command.starts_with("az batch pool resize ") && command.contains("--abort"),
        "{failure:?}"
    );
    assert_eq!(allocation(&azure, "p1").await, "resizing");
    assert_eq!(azure.writes(), ["POST /pools"]);
}

#[tokio::test(start_paused = true)]
async fn the_nodes_that_a_pool_had_when_it_was_last_looked_at_are_said_with_what_stays() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 12, "target": "acct1/p1"}));
    // The second round has begun, after a first one that brought some.
    let second = (Method::POST, "/pools/p1/resize");
    let outcome = cancelled(&azure, &settings("acct1", 40), second).await;
    let failure = stopped(&outcome);
    assert_eq!(failure.kept.len(), 2, "{failure:?}");
    let nodes = outcome.report.allocated.unwrap().total();
    let has = ask(&azure, Method::GET, "/pools/p1", None).await["currentDedicatedNodes"].clone();
    assert_eq!((Some(u64::from(nodes)), nodes > 0), (has.as_u64(), true));
    assert_eq!(
        failure.kept[1],
        format!("When it was last looked at, it had {nodes} nodes.")
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_follows_a_formula_has_no_resize_that_a_command_could_stop() {
    let azure = world(|_| {});
    let settings = following("$TargetDedicatedNodes = 20;");
    let failure = stopped(&cancelled(&azure, &settings, (Method::POST, "/pools")).await);
    assert_eq!(
        failure.kept,
        ["Pool p1 exists and follows its formula, and each node that comes is billed."]
    );
    assert_eq!(failure.next.len(), 1, "{failure:?}");
    assert_eq!(failure.next[0].text, "Run again to go on from here.");
}

#[tokio::test(start_paused = true)]
async fn a_resize_is_stopped_by_one_write_when_that_was_asked_for_and_the_same_run_goes_on() {
    let azure = world(|_| {});
    let wanted = asked(settings("acct1", 40), OnCancel::StopResize);
    let outcome = cancelled(&azure, &wanted, (Method::POST, "/pools")).await;
    let failure = stopped(&outcome);
    assert_eq!(failure.kept, ["The resize of pool p1 was stopped; it has no nodes."]);
    assert_eq!(failure.next[0].text, "Run again to go on from here.");
    assert_eq!(azure.writes(), ["POST /pools", "POST /pools/p1/stopresize"]);
    assert_ne!(allocation(&azure, "p1").await, "resizing");
    assert_eq!(good(roll_out(&azure, &wanted).await).ready, Some(40));
}

#[tokio::test(start_paused = true)]
async fn a_resize_of_others_and_a_pool_that_was_not_changed_are_left_alone() {
    let azure = world(|_| {});
    good(roll_out(&azure, &settings("acct1", 5)).await);
    tokio::time::advance(Duration::from_secs(60)).await;
    crate::rollout::resize_by_somebody(&azure, 40).await;
    let wanted = asked(settings("acct1", 40), OnCancel::StopResize);
    let outcome = cancelled(&azure, &wanted, (Method::GET, "/nodecounts")).await;
    stopped(&outcome);
    assert_eq!(
        (outcome.report.action, azure.writes()),
        (PoolAction::Joined, Vec::new())
    );
    assert_eq!(allocation(&azure, "p1").await, "resizing");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_batch_refuses_or_does_not_answer_is_said_with_the_command() {
    let refusal = json!({"kind": "status", "method": "POST", "path": "*/stopresize*", "status": 409, "code": "OperationInvalidForCurrentState"});
    let hang = json!({"kind": "hang", "method": "POST", "path": "*/stopresize*"});
    for fault in [refusal, hang] {
        let azure = world(|_| {});
        azure.fault(fault);
        let wanted = asked(settings("acct1", 40), OnCancel::StopResize);
        let outcome = cancelled(&azure, &wanted, (Method::POST, "/pools")).await;
        let failure = stopped(&outcome);
        assert!(
            failure.kept[2].starts_with("The resize of pool p1 could not be stopped: "),
            "{failure:?}"
        );
        assert!(
            failure.kept[0].contains("its resize to 40 nodes goes on in Azure"),
            "{failure:?}"
        );
        assert!(failure.next[0].command.join(" ").contains("--abort"), "{failure:?}");
    }
}

/// Whether a pool was asked to have so many nodes by a resize.
fn is_asked(azure: &Azure, pool: &str, nodes: u32) -> bool {
    let resizes = entries(azure, &Method::POST, &format!("/pools/{pool}/resize"));
    resizes
        .iter()
        .any(|entry| entry.request["targetDedicatedNodes"] == nodes)
}

#[tokio::test(start_paused = true)]
async fn a_change_in_place_that_was_growing_says_so_with_the_command_that_stops_it() {
    let azure = working().await;
    let mut wanted = asked(in_place(40), OnCancel::Leave);
    wanted.change.running_tasks = RunningTasks::Requeue;
    let due = || is_asked(&azure, "p1", 40);
    let failure = stopped(&cancelled_once(&azure, &wanted, (due, Duration::from_secs(3))).await);
    assert_eq!(
        failure.kept,
        [
            "The change in place has not come to its end: pool p1 has no nodes, and its jobs may be disabled.",
            "The resize of pool p1 to 40 nodes goes on in Azure, and each node that comes is billed."
        ]
    );
    let commands: Vec<String> = failure.next.iter().map(|step| step.command.join(" ")).collect();
    assert!(commands[1].starts_with("azure-batch-pool rollback"), "{failure:?}");
    assert!(
        commands[2].contains("--pool-id p1") && commands[2].contains("--abort"),
        "{failure:?}"
    );
    assert_eq!(allocation(&azure, "p1").await, "resizing");
}

#[tokio::test(start_paused = true)]
async fn a_second_pool_that_was_growing_is_named_with_the_command_that_stops_it() {
    let azure = working().await;
    let wanted = asked(blue_green(40), OnCancel::Leave);
    let outcome = cancelled(&azure, &wanted, (Method::POST, "/pools")).await;
    let failure = stopped(&outcome);
    assert_eq!(
        failure.kept,
        [
            "The work is on both pools, and jobs may be disabled.",
            "The resize of pool p1-1-0-0 to 40 nodes goes on in Azure, and each node that comes is billed."
        ]
    );
    let stop = failure.next[2].command.join(" ");
    assert!(
        stop.contains("--pool-id p1-1-0-0") && stop.contains("--abort"),
        "{failure:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_in_place_that_meets_its_deadline_says_what_is_left() {
    let azure = working().await;
    let client = client(&azure, Duration::from_secs(1200)).await;
    let outcome = rollout::run(&client, &checked(&in_place(8))).await;
    let error = outcome.result.expect_err("a task runs for an hour");
    assert_eq!(error.kind(), ErrorKind::Deadline, "{}", error.report());
    assert_eq!(
        Failure::of(&error, Door::Flag).kept,
        ["The change in place has not come to its end: pool p1 has 5 nodes, and its jobs may be disabled."]
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_in_place_is_turned_back_and_the_same_run_or_a_rollback_ends_the_return() {
    for by_rollback in [false, true] {
        let azure = working().await;
        let wanted = asked(in_place(8), OnCancel::Return);
        let outcome = cancelled_after(&azure, &wanted, ((Method::POST, "/pools/p1/resize"), LONG_ENOUGH)).await;
        let failure = stopped(&outcome);
        assert_eq!(
            failure.kept[0],
            "Pool p1 goes back to what it was: that is written down and not done yet."
        );
        assert!(
            failure.next[0].command[0].starts_with("azure-batch-pool rollback "),
            "{failure:?}"
        );
        if by_rollback {
            good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
        } else {
            let error = self::failure(&azure, &wanted).await;
            assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
            assert!(
                error
                    .report()
                    .contains("the roll-out was cancelled, and pool p1 is on "),
                "{}",
                error.report()
            );
        }
        assert_eq!(
            rollout_in_place::state(&azure).await,
            "5 of 5 on 0.9.0, busy active 0, asleep disabled 0"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_return_that_comes_too_soon_after_a_write_is_left_to_a_rollback_with_the_services_words() {
    let azure = working().await;
    let wanted = asked(in_place(8), OnCancel::Return);
    let outcome = cancelled(&azure, &wanted, (Method::POST, "/pools/p1/resize")).await;
    let failure = stopped(&outcome);
    assert!(
        failure.kept[0].starts_with("It could not be written down that pool p1 goes back: ")
            && failure.kept[0].contains("separated by at least 30 seconds"),
        "{failure:?}"
    );
    let commands: Vec<String> = failure.next.iter().map(|step| step.command.join(" ")).collect();
    assert!(
        commands
            .iter()
            .any(|command| command.starts_with("azure-batch-pool rollback")),
        "{failure:?}"
    );
    good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
}

#[tokio::test(start_paused = true)]
async fn work_on_its_way_to_a_second_pool_is_turned_back_and_its_growth_is_stopped() {
    let azure = working_in(room_for(6)).await;
    let wanted = asked(blue_green(5), OnCancel::Return);
    let outcome = cancelled_after(&azure, &wanted, ((Method::POST, "/pools/p1-1-0-0/resize"), LONG_ENOUGH)).await;
    let failure = stopped(&outcome);
    assert!(failure.kept[0].starts_with("Pool p1 goes back"), "{failure:?}");
    let error = self::failure(&azure, &wanted).await;
    assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
    assert!(error.report().contains("was cancelled"), "{}", error.report());
    assert_eq!(rollout_blue_green::state(&azure).await, rollout_blue_green::FORMER);
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_does_not_hold_up_the_end_and_is_said() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "hang", "method": "POST", "path": "*/pools*"}));
    let outcome = cancelled(&azure, &settings("acct1", 40), (Method::POST, "/pools")).await;
    let failure = stopped(&outcome);
    assert_eq!(
        failure.kept,
        ["A write was under way, and it is not known whether Azure acted on it."],
        "{failure:?}"
    );
}
