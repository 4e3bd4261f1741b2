//! The work of a pool moves to a second one with another version: at once or in steps, without a loss, and back again.
//!
//! The world is that of `rollout_in_place`: a pool of ours on 0.9.0 with five nodes that works on a job.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    error::ErrorKind,
    rollout::{self, MadeBy, PoolAction, SecondFate},
    settings::{
        Adopt, Canary, Consent, OnBad, ROLLOUT_DEADLINE, RollbackSettings, RolloutSettings, RunningTasks, Share,
        Strategy,
    },
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, entries, failure, good, image, roll_out, settings},
    rollout_in_place::{ask, requeues, working, working_in},
    support::{Azure, lines},
};

/// A roll-out of 1.0.0 to a second pool.
pub(crate) fn blue_green(dedicated: u32) -> RolloutSettings {
    let mut settings = settings("acct1", dedicated);
    settings.change.strategy = Strategy::BlueGreen;
    settings
}

pub(crate) fn back() -> RollbackSettings {
    let asked = blue_green(5);
    RollbackSettings {
        account: asked.account,
        pool: asked.pool.id,
        running_tasks: RunningTasks::Wait,
        resize: asked.policy.resize,
        readiness: asked.policy.readiness,
        plan_only: Consent::No,
    }
}

/// Room for so many nodes of four cores in the account.
pub(crate) fn room_for(nodes: u32) -> impl FnOnce(&mut Value) {
    move |seed| seed["batchAccounts"][0]["quotas"] = json!({"dedicatedCores": 4 * nodes})
}

/// Both pools and the jobs, in one line.
pub(crate) async fn state(azure: &Azure) -> String {
    let pools = ask(azure, Method::GET, "/pools", None).await;
    let mut parts: Vec<String> = pools["value"].as_array().unwrap().iter().map(pool_line).collect();
    parts.sort();
    for job in ["busy", "asleep"] {
        let job = ask(azure, Method::GET, &format!("/jobs/{job}"), None).await;
        let marks = job["metadata"].as_array().map_or(0, Vec::len);
        let text = |pointer: &str| job.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        parts.push(format!(
            "{} {} on {} {marks}",
            text("/id"),
            text("/state"),
            text("/poolInfo/poolId")
        ));
    }
    parts.join(", ")
}

fn pool_line(pool: &Value) -> String {
    let image = &pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"];
    let version = image.as_str().unwrap().rsplit('/').next().unwrap();
    let deleting = if pool["state"] == "deleting" { " deleting" } else { "" };
    format!(
        "{} {} of {} on {version}{deleting}",
        pool["id"].as_str().unwrap(),
        pool["currentDedicatedNodes"],
        pool["targetDedicatedNodes"]
    )
}

pub(crate) const MOVED: &str =
    "p1 0 of 0 on 0.9.0, p1-1-0-0 5 of 5 on 1.0.0, busy active on p1-1-0-0 0, asleep disabled on p1-1-0-0 0";
pub(crate) const FORMER: &str = "p1 5 of 5 on 0.9.0, busy active on p1 0, asleep disabled on p1 0";

#[tokio::test(start_paused = true)]
async fn with_room_for_both_the_work_moves_to_a_second_pool_in_one_step_and_no_task_is_lost() {
    let azure = working().await;
    let report = good(roll_out(&azure, &blue_green(5)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Moved, Some(5)));
    assert_eq!(
        azure.writes(),
        [
            "PATCH /pools/p1",
            "POST /pools",
            "PATCH /jobs/asleep",
            "PATCH /jobs/busy",
            "POST /jobs/busy/disable",
            "PATCH /jobs/busy",
            "POST /jobs/busy/enable",
            "PATCH /jobs/busy",
            "POST /pools/p1/resize",
            "PATCH /pools/p1",
        ],
        "the record first, the job marked before it is disabled, the one that others disabled only pointed"
    );
    let former = report.former_pool.unwrap();
    assert_eq!((former.pool.as_str(), former.nodes.total()), ("p1", 0));
    assert!(former.kept_until.is_some());
    assert_eq!(report.pool.as_str(), "p1-1-0-0");
    assert_eq!(requeues(&azure).await, 0);
    assert_eq!(state(&azure).await, MOVED);

    azure.turn_the_page();
    let again = good(roll_out(&azure, &blue_green(5)).await);
    assert_eq!((again.action, azure.writes()), (PoolAction::Unchanged, Vec::new()));
    assert_eq!(again.pool.as_str(), "p1-1-0-0");
}

#[tokio::test(start_paused = true)]
async fn within_a_quota_of_six_nodes_five_move_one_by_one() {
    let azure = working_in(room_for(6)).await;
    let report = good(roll_out(&azure, &blue_green(5)).await);
    assert_eq!(report.action, PoolAction::Moved);
    let sizes = |end: &str| -> Vec<Value> {
        let resizes = entries(&azure, &Method::POST, end);
        resizes
            .iter()
            .map(|entry| entry.request["targetDedicatedNodes"].clone())
            .collect()
    };
    assert_eq!(sizes("/p1-1-0-0/resize"), [2, 3, 4, 5]);
    assert_eq!(sizes("/p1/resize"), [4, 3, 2, 1, 0]);
    let shrinks = entries(&azure, &Method::POST, "/p1/resize");
    assert!(
        shrinks
            .iter()
            .all(|entry| entry.request["nodeDeallocationOption"] == "taskcompletion")
    );
    assert_eq!(requeues(&azure).await, 0);
    assert_eq!(state(&azure).await, MOVED);
}

#[tokio::test(start_paused = true)]
async fn without_room_for_a_node_nothing_is_written() {
    let azure = working_in(room_for(5)).await;
    let error = failure(&azure, &blue_green(5)).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error.report().contains("leaves no room for the first nodes"),
        "{}",
        error.report()
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_both_pools_step_by_step_and_writes_nothing() {
    let azure = working_in(room_for(6)).await;
    let mut settings = blue_green(5);
    settings.change.canary = Canary {
        nodes: Some(Share::Nodes(1)),
        command: Some("true".to_owned()),
        bake: Duration::from_secs(600),
    };
    settings.change.blue_green.pause = Duration::from_secs(300);
    let plan = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&settings))
        .await
        .unwrap();
    insta::assert_snapshot!(plan.to_string().replace(&image(""), ""), @r"
    create pool p1-1-0-0 with 1 node on 1.0.0, resize timeouts of 15, 23, 35, 53, 80 minutes
    try the image on 1 node of pool p1-1-0-0, run the command on each, watch them for 10 minutes
    move the jobs of pool p1 (busy) to pool p1-1-0-0 as it grows: each is disabled, its running tasks run to their end, then it is pointed there and enabled; busy cannot be split, so it starts no task until its running ones have ended
    point the disabled jobs of pool p1 (asleep) to pool p1-1-0-0; they stay disabled
    bring pool p1-1-0-0 to 1 node, watch them for 5 minutes, move its part of the jobs, shrink pool p1 to 4 nodes
    bring pool p1-1-0-0 to 2 nodes, watch them for 5 minutes, move its part of the jobs, shrink pool p1 to 3 nodes
    bring pool p1-1-0-0 to 3 nodes, watch them for 5 minutes, move its part of the jobs, shrink pool p1 to 2 nodes
    bring pool p1-1-0-0 to 4 nodes, watch them for 5 minutes, move its part of the jobs, shrink pool p1 to 1 node
    bring pool p1-1-0-0 to 5 nodes, move its part of the jobs, shrink pool p1 to 0 nodes
    wait until 5 nodes of pool p1-1-0-0 are ready
    keep pool p1 without nodes for 168 hours; until then a return is possible
    ");
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_returned_from_by_itself_and_the_second_pool_is_gone() {
    for command in [Some("exit 3".to_owned()), None] {
        let azure = working_in(room_for(6)).await;
        let mut settings = blue_green(5);
        settings.change.canary.nodes = Some(Share::Nodes(1));
        settings.change.canary.command = command.clone();
        if command.is_none() {
            azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull"}));
        }
        let error = failure(&azure, &settings).await;
        let report = error.report();
        assert_eq!(error.kind(), ErrorKind::Returned, "{report}");
        let shown = if command.is_some() { "exit code 3" } else { "DiskFull" };
        assert!(
            report.contains("pool p1 does the work again") && report.contains(shown),
            "{report}"
        );
        assert_eq!(state(&azure).await, FORMER, "{report}");
        assert!(report.contains("pool p1-1-0-0 is deleted"), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_return_is_possible_long_after_and_a_second_one_writes_nothing() {
    let azure = working_in(room_for(6)).await;
    good(roll_out(&azure, &blue_green(5)).await);
    let run = async || rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await;
    let report = good(run().await);
    assert_eq!(report.action, PoolAction::Returned);
    let second = report.second_pool.unwrap();
    assert_eq!((second.pool.as_str(), second.fate), ("p1-1-0-0", SecondFate::Deleted));
    assert_eq!(state(&azure).await, FORMER);
    assert_eq!(requeues(&azure).await, 0);
    azure.turn_the_page();
    let report = good(run().await);
    assert_eq!((report.action, azure.writes()), (PoolAction::Unchanged, Vec::new()));

    good(roll_out(&azure, &blue_green(5)).await);
    assert_eq!(state(&azure).await, MOVED, "and there again");
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_can_be_kept_and_a_rollback_by_the_second_pool_s_id_brings_the_work_back() {
    let azure = working().await;
    let mut settings = blue_green(5);
    settings.change.canary.command = Some("exit 3".to_owned());
    settings.change.on_failure = OnBad::Keep;
    let error = failure(&azure, &settings).await;
    assert_eq!(error.kind(), ErrorKind::Kept, "{}", error.report());
    let kept = format!("{}, {}", "p1 5 of 5 on 0.9.0, p1-1-0-0 1 of 1 on 1.0.0", &FORMER[20..]);
    assert_eq!(state(&azure).await, kept);
    let mut back = back();
    back.pool = "p1-1-0-0".parse().unwrap();
    good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back)).await);
    assert_eq!(state(&azure).await, FORMER);
}

#[tokio::test(start_paused = true)]
async fn the_next_version_follows_under_the_same_id_and_former_pools_go_after_their_time() {
    let azure = working().await;
    let mut first = blue_green(5);
    first.change.blue_green.keep_old = Duration::from_secs(3600);
    good(roll_out(&azure, &first).await);
    tokio::time::advance(Duration::from_secs(2 * 3600)).await;
    let mut next = first.clone();
    next.pool.version = image("0.9.0").parse().unwrap();
    let report = good(roll_out(&azure, &next).await);
    assert_eq!(
        (report.pool.as_str(), report.former_pool.unwrap().pool.as_str()),
        ("p1-0-9-0", "p1-1-0-0")
    );
    let state = state(&azure).await;
    assert!(
        !state.contains("p1 0 of 0 on 0.9.0,") && state.contains("busy active on p1-0-9-0 0"),
        "{state}"
    );
    assert!(state.contains("p1-1-0-0 0 of 0 on 1.0.0"), "{state}");
}

/// A roll-out of 1.0.0 to a second pool of two nodes, from a pool of others if that is there.
fn taking_over() -> RolloutSettings {
    let mut settings = blue_green(2);
    settings.policy.adopt = Adopt::Yes;
    settings.change.blue_green.keep_old = Duration::from_secs(1);
    settings
}

/// The pools' ids and what a roll-out said.
async fn told(azure: &Azure, settings: &RolloutSettings) -> (Vec<String>, String) {
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    good(rollout::run(&client, &checked(settings)).await);
    let pools = ask(azure, Method::GET, "/pools", None).await;
    let pools = pools["value"].as_array().unwrap().iter();
    let ids = pools.filter(|pool| pool["state"] != "deleting");
    let mut ids: Vec<String> = ids.map(|pool| pool["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    (ids, lines(&mut events).join("\n"))
}

#[tokio::test(start_paused = true)]
async fn a_former_pool_that_others_made_is_kept_and_named_with_the_command_that_deletes_it() {
    let azure = crate::rollout::world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([crate::rollout::foreign_pool("0.9.0", 2)]);
    });
    let plan = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&taking_over()))
        .await
        .unwrap()
        .to_string();
    assert!(plan.contains("no roll-out deletes it, as none has made it"), "{plan}");
    let report = good(roll_out(&azure, &taking_over()).await);
    assert_eq!(report.former_pool.unwrap().made_by, MadeBy::Others);

    tokio::time::advance(Duration::from_secs(3600)).await;
    let mut next = taking_over();
    next.pool.version = image("0.9.0").parse().unwrap();
    let (pools, said) = told(&azure, &next).await;
    assert_eq!(pools, ["p1", "p1-0-9-0", "p1-1-0-0"], "{said}");
    assert!(
        said.contains("former pool p1 is kept without nodes, as no roll-out has made it"),
        "{said}"
    );
    let account = crate::support::GROUP;
    let command = format!(
        "azure-batch-pool delete --account {account}/providers/Microsoft.Batch/batchAccounts/acct1 --pool-id p1 --any-pool"
    );
    assert!(said.contains(&command), "{said}");
    let plan = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&next))
        .await
        .unwrap()
        .to_string();
    assert!(!plan.contains("delete the former pool p1,"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_was_adopted_earlier_stays_one_of_others_and_one_of_ours_is_deleted() {
    let azure = crate::rollout::world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([crate::rollout::foreign_pool("1.0.0", 2)]);
    });
    let mut adopting = taking_over();
    adopting.change.strategy = Strategy::CreateOnly;
    good(roll_out(&azure, &adopting).await);
    adopting.policy.adopt = Adopt::No;
    adopting.pool.expires_after = Some(Duration::from_secs(30 * 24 * 3600));
    good(roll_out(&azure, &adopting).await);
    let pool = ask(&azure, Method::GET, "/pools/p1", None).await;
    let mark = json!({"name": "azure-batch-adopted", "value": "true"});
    assert!(
        azure.writes().len() > 1,
        "the second run has written too: {:?}",
        azure.writes()
    );
    assert!(pool["metadata"].as_array().unwrap().contains(&mark), "{pool}");

    let mut next = taking_over();
    for version in ["0.9.0", "1.0.0"] {
        next.pool.version = image(version).parse().unwrap();
        good(roll_out(&azure, &next).await);
        tokio::time::advance(Duration::from_secs(3600)).await;
    }
    let second = ask(&azure, Method::GET, "/pools/p1-1-0-0", None).await;
    assert!(!second["metadata"].as_array().unwrap().contains(&mark), "{second}");
    next.pool.version = image("0.9.0").parse().unwrap();
    next.change.blue_green.new_pool = Some("p1-third".parse().unwrap());
    let (pools, said) = told(&azure, &next).await;
    assert_eq!(pools, ["p1", "p1-1-0-0", "p1-third"], "{said}");
    assert!(
        said.contains("former pool p1-0-9-0 is deleted, as its time is over"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_pool_has_all_that_the_first_one_has_and_a_secret_that_is_hidden_is_asked_for() {
    let azure = working().await;
    let change = json!({"startTask": {"commandLine": "/bin/true", "waitForSuccess": true},
        "metadata": [{"name": "azure-batch-spec", "value": "v0:other"}, {"name": "team", "value": "render"}]});
    ask(&azure, Method::PATCH, "/pools/p1", Some(change)).await;
    azure.turn_the_page();
    good(roll_out(&azure, &blue_green(5)).await);
    let second = ask(&azure, Method::GET, "/pools/p1-1-0-0", None).await;
    assert_eq!(second["startTask"]["commandLine"], "/bin/true");
    let team = json!({"name": "team", "value": "render"});
    assert!(second["metadata"].as_array().unwrap().contains(&team), "{second}");
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_others_one_of_a_schedule_and_a_taken_id_are_left_alone() {
    let azure = working().await;
    let schedule = json!({"id": "nightly", "schedule": {"recurrenceInterval": "P1D"},
        "jobSpecification": {"poolInfo": {"poolId": "p1"}}});
    ask(&azure, Method::POST, "/jobschedules", Some(schedule)).await;
    azure.turn_the_page();
    let error = failure(&azure, &blue_green(5)).await;
    assert!(
        error.report().contains("jobs of schedules (nightly)"),
        "{}",
        error.report()
    );

    let azure = working().await;
    let mut taken = blue_green(5);
    taken.change.blue_green.new_pool = Some("p1".parse().unwrap());
    let error = failure(&azure, &taken).await;
    assert!(
        error.report().contains("would be its own second pool"),
        "{}",
        error.report()
    );

    let azure = crate::rollout::world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([crate::rollout::foreign_pool("0.9.0", 2)]);
    });
    let error = failure(&azure, &blue_green(2)).await;
    assert!(
        error.report().contains("was not made by a roll-out"),
        "{}",
        error.report()
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn auto_takes_a_second_pool_where_there_is_room_and_empties_the_pool_where_there_is_none() {
    for (nodes, action, why) in [
        (6, PoolAction::Moved, "by blue-green"),
        (
            5,
            PoolAction::Replaced,
            "blue-green is not possible, as pool p1 leaves no room",
        ),
    ] {
        let azure = working_in(room_for(nodes)).await;
        let mut settings = blue_green(5);
        settings.change.strategy = Strategy::Auto;
        let report = good(roll_out(&azure, &settings).await);
        assert_eq!(report.action, action);
        let plan = report.plan.to_string();
        assert!(plan.contains(why), "{plan}");
        assert_eq!(requeues(&azure).await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn every_plan_of_a_change_says_what_each_strategy_costs() {
    for (strategy, nodes) in [(Strategy::InPlace, 6), (Strategy::BlueGreen, 6), (Strategy::Auto, 5)] {
        let azure = working_in(room_for(nodes)).await;
        let mut settings = blue_green(5);
        settings.change.strategy = strategy;
        let plan = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&settings))
            .await
            .unwrap();
        let facts: Vec<String> = plan.facts.iter().map(ToString::to_string).collect();
        let lines: Vec<&str> = facts
            .iter()
            .filter_map(|fact| fact.strip_prefix("strategy: "))
            .collect();
        let second = match nodes {
            6 => {
                "blue-green: at most 1 node (4 cores) more for a while, which the quotas hold; in 5 steps; 0 minutes without nodes"
            }
            _ => {
                "blue-green is not possible: pool p1 leaves no room for the first nodes of a second pool; 0 dedicated and 25000 spot nodes more fit"
            }
        };
        let in_place = "in-place: no more nodes, cores or quota than now; 5 nodes (20 cores) away for about 15 minutes (a rough figure) once their tasks have ended, the longest of which runs for 1 minute by now";
        let create_only = "create-only is not possible: it changes no pool that is there";
        assert_eq!(lines, [create_only, in_place, second], "{strategy:?}");
        assert_eq!(azure.writes(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_create_only_names_the_strategies_that_are_possible_with_their_cost() {
    for nodes in [6, 5] {
        let azure = working_in(room_for(nodes)).await;
        let error = failure(&azure, &settings("acct1", 5)).await;
        let report = error.report_for(azure_batch_core::options::Door::Flag);
        let has = |text: &str| assert!(report.contains(text), "{text}\n{report}");
        has("run again with --strategy in-place");
        has("in-place: no more nodes, cores or quota than now; 5 nodes (20 cores) away");
        if nodes == 6 {
            has("blue-green: at most 1 node (4 cores) more for a while");
            has("or run again with --strategy blue-green");
        } else {
            has("blue-green is not possible: pool p1 leaves no room");
            assert!(!report.contains("or run again with --strategy blue-green"), "{report}");
        }
        assert_eq!(azure.writes(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn other_strategies_leave_a_pool_alone_whose_work_is_on_its_way() {
    let azure = working().await;
    let mut kept = blue_green(5);
    kept.change.canary.command = Some("exit 3".to_owned());
    kept.change.on_failure = OnBad::Keep;
    failure(&azure, &kept).await;
    azure.turn_the_page();
    let mut others = [settings("acct1", 5), settings("acct1", 5), blue_green(6)];
    others[1].change.strategy = Strategy::InPlace;
    for other in others {
        let error = failure(&azure, &other).await;
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(
            error.report().contains("is being replaced by pool p1-1-0-0"),
            "{}",
            error.report()
        );
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// The end of a return whose second pool may not be deleted.
const LEFT: &str = "p1 5 of 5 on 0.9.0, p1-1-0-0 0 of 0 on 1.0.0, busy active on p1 0, asleep disabled on p1 0";

#[tokio::test(start_paused = true)]
async fn a_second_pool_that_may_not_be_deleted_stays_without_nodes_and_the_return_ends_as_one() {
    let azure = working_in(room_for(6)).await;
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "InsufficientAccountPermissions",
        "method": "DELETE", "path": "/pools/p1-1-0-0"}),
    );
    let mut settings = blue_green(5);
    settings.change.canary.command = Some("exit 3".to_owned());
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let outcome = rollout::run(&client, &checked(&settings)).await;
    let error = outcome.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
    assert_eq!(state(&azure).await, LEFT);
    let said = lines(&mut events).join("\n");
    let why = "pool p1-1-0-0 is left without nodes, as this identity lacks Microsoft.Batch/batchAccounts/pools/delete";
    assert!(said.contains(why), "{said}");
    assert!(
        error.report().contains("pool p1-1-0-0 stays without nodes"),
        "{}",
        error.report()
    );

    azure.turn_the_page();
    let again = rollout::roll_back(&self::client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await;
    assert_eq!(
        (good(again).action, azure.writes()),
        (PoolAction::Unchanged, Vec::new())
    );
}

#[tokio::test(start_paused = true)]
async fn a_former_pool_that_a_job_schedule_names_stays_after_its_time() {
    let azure = working().await;
    let mut first = blue_green(5);
    first.change.blue_green.keep_old = Duration::from_secs(3600);
    good(roll_out(&azure, &first).await);
    let schedule = json!({"id": "yearly", "schedule": {"doNotRunUntil": "2027-01-01T00:00:00Z"},
        "jobSpecification": {"poolInfo": {"poolId": "p1"}}});
    ask(&azure, Method::POST, "/jobschedules", Some(schedule)).await;
    tokio::time::advance(Duration::from_secs(2 * 3600)).await;
    let mut next = first.clone();
    next.pool.version = image("0.9.0").parse().unwrap();
    good(roll_out(&azure, &next).await);
    let state = state(&azure).await;
    assert!(state.contains("p1 0 of 0 on 0.9.0,"), "{state}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_another_client_gives_a_third_pool_while_it_is_held_is_left_there_and_runs() {
    let azure = working().await;
    // The first of these marks the job, the second would point it to the second pool.
    azure.fault(
        json!({"kind": "rival", "method": "PATCH", "path": "/jobs/busy", "occurrence": {"nth": 2},
        "write": {"method": "PATCH", "path": "/jobs/busy", "body": {"poolInfo": {"poolId": "third"}}}}),
    );
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let report = good(rollout::run(&client, &checked(&blue_green(5))).await);
    assert_eq!(report.action, PoolAction::Moved);
    assert_eq!(
        state(&azure).await,
        MOVED.replace("busy active on p1-1-0-0 0", "busy active on third 0")
    );
    let said = lines(&mut events).join("\n");
    let why = "enabling job busy, which was given another pool meanwhile";
    assert!(said.contains(why), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_second_pool_that_another_client_deletes_between_two_looks_is_not_made_again() {
    let undisturbed = working().await;
    good(roll_out(&undisturbed, &blue_green(5)).await);
    let first_of_jobs = undisturbed.number_of("PATCH", "/jobs/asleep");
    let azure = working().await;
    // Both pools were seen, and when they are looked at next, the second one is gone.
    azure.fault(json!({"kind": "rival", "request": first_of_jobs - 1,
        "write": {"method": "DELETE", "path": "/pools/p1-1-0-0"}}));
    azure.fault(json!({"kind": "throttle", "request": first_of_jobs, "retryAfter": 120}));
    let error = failure(&azure, &blue_green(5)).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    let why = "pool p1-1-0-0 was deleted meanwhile";
    assert!(error.report().contains(why), "{}", error.report());
    let writes = azure.writes();
    let made = writes.iter().filter(|write| *write == "POST /pools").count();
    assert_eq!(made, 1, "{writes:#?}");
}
