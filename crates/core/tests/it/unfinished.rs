//! Changes that no run goes on with, former pools and pools that were left empty: a wait is no success on them, and a
//! look at all pools finds them.
//!
//! The worlds are those of the roll-outs.

use std::time::Duration;

use azure_batch_core::{
    error::{Error, ErrorKind},
    options::{
        Door,
        pool::{ACCOUNT, POOL_ID},
    },
    rollout::{self, PoolStanding, UnderWay},
    settings::{self, OnBad, ROLLOUT_DEADLINE, RunningTasks, Values},
    status::{self, PoolStatus, StatusReport},
};
use http::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    given::checked,
    reads_well::MustFail as _,
    rights::held,
    rollout::{client, failure, foreign_pool, good, image, roll_out, world},
    rollout_blue_green::blue_green,
    rollout_first_nodes::tried,
    rollout_in_place::{ask, in_place, working},
    support::{Azure, GROUP},
};

async fn wait(azure: &Azure, pool: &str) -> Result<PoolStanding, Error> {
    held(azure, "wait", wait_among_others(azure, pool)).await
}

/// The same while other runs are at work.
async fn wait_among_others(azure: &Azure, pool: &str) -> Result<PoolStanding, Error> {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let values = Values::default().with(ACCOUNT, account).with(POOL_ID, pool);
    let asked = settings::wait(&values).unwrap();
    rollout::wait(&client(azure, ROLLOUT_DEADLINE).await, &asked.settings).await
}

async fn look(azure: &Azure) -> StatusReport {
    let asked = settings::status(&Values::default()).unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let report = held(azure, "status", status::run(&client, &asked.settings)).await;
    report.unwrap_or_else(|error| panic!("{}", error.report()))
}

fn of<'r>(report: &'r StatusReport, pool: &str) -> &'r PoolStatus {
    report.pools.iter().find(|found| found.pool.as_str() == pool).unwrap()
}

fn findings(pool: &PoolStatus) -> String {
    let texts: Vec<String> = pool.findings.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

/// A pool of ours that a change in place has emptied, and a job that it holds; its run was killed.
async fn emptied() -> Azure {
    let nodes = json!({"dedicated": 5, "spot": 0});
    let record = json!({"v": 1, "phase": "forward", "id": "r1", "to": image("1.0.0"), "size": nodes,
        "was": {"size": nodes, "fields": {"/virtualMachineConfiguration/imageReference":
            {"virtualMachineImageId": image("0.9.0")}}}, "since": "2025-12-31T20:00:00Z"});
    let azure = world(|seed| {
        let mut pool = foreign_pool("0.9.0", 0);
        pool["metadata"] = json!([{"name": "azure-batch-spec", "value": "v0:example"},
            {"name": "azure-batch-rollout", "value": record.to_string()}]);
        seed["batchAccounts"][0]["pools"] = json!([pool]);
    });
    let job = json!({"id": "busy", "poolInfo": {"poolId": "p1"},
        "metadata": [{"name": "azure-batch-held", "value": "{}"}]});
    ask(&azure, Method::POST, "/jobs", Some(job)).await;
    let disabled = json!({"disableTasks": "wait"});
    ask(&azure, Method::POST, "/jobs/busy/disable", Some(disabled)).await;
    azure.turn_the_page();
    azure
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_pool_that_a_killed_change_has_emptied_fails_soon_and_says_what_to_type() {
    let azure = emptied().await;
    let began = Instant::now();
    let error = wait(&azure, "p1").await.must_fail();
    assert_eq!(error.kind(), ErrorKind::PartlyReached, "{}", error.report());
    assert!(began.elapsed() <= Duration::from_secs(330), "{:?}", began.elapsed());
    let report = error.report_for(Door::Flag);
    for text in [
        "the change in place to 1.0.0, begun on 2025-12-31 20:00 UTC, has not come to its end",
        "pool p1 has no nodes, and its jobs may be disabled",
        "end it by the same roll-out again",
        "azure-batch-pool rollback",
    ] {
        assert!(report.contains(text), "{text}\n{report}");
    }
    assert!(azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_look_at_all_pools_finds_a_change_that_has_not_come_to_its_end() {
    let azure = emptied().await;
    let report = look(&azure).await;
    assert!(report.has_findings());
    let pool = of(&report, "p1");
    let found = "the change in place to 1.0.0, begun on 2025-12-31 20:00 UTC, has not come to its end and holds 1 job: \
                 the same roll-out again ends it, azure-batch-pool rollback goes back";
    assert!(findings(pool).contains(found), "{}", findings(pool));
    let change = serde_json::to_value(pool.change.as_ref().unwrap()).unwrap();
    assert_eq!(
        change,
        json!({"kind": "in-place", "way": "forward", "to": image("1.0.0"), "version": "1.0.0",
            "since": "2025-12-31T20:00:00Z", "held_jobs": ["busy"]})
    );
    assert!(azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wait_follows_the_work_to_the_pool_that_has_it_now() {
    let azure = working().await;
    good(roll_out(&azure, &blue_green(5)).await);
    azure.turn_the_page();
    for given in ["p1", "p1-1-0-0"] {
        let standing = wait(&azure, given)
            .await
            .unwrap_or_else(|error| panic!("{}", error.report()));
        assert_eq!((standing.pool.as_str(), standing.ready.dedicated), ("p1-1-0-0", 5));
    }
    ask(&azure, Method::DELETE, "/pools/p1-1-0-0", None).await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    let error = wait(&azure, "p1").await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    let report = look(&azure).await;
    let found = "its work went to pool p1-1-0-0, which is not there any more";
    assert!(
        findings(of(&report, "p1")).contains(found),
        "{}",
        findings(of(&report, "p1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_next_to_a_roll_out_ends_when_that_has_come_to_its_end() {
    let azure = working().await;
    let mut settings = in_place(5);
    settings.change.running_tasks = RunningTasks::Requeue;
    let begun = async {
        while azure.writes().is_empty() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        wait_among_others(&azure, "p1").await
    };
    let (outcome, standing) = tokio::join!(roll_out(&azure, &settings), begun);
    good(outcome);
    let standing = standing.unwrap_or_else(|error| panic!("{}", error.report()));
    assert_eq!((standing.wanted.dedicated, standing.ready.dedicated), (5, 5));
    assert_eq!(look(&azure).await.pools[0].change, None);
}

#[tokio::test(start_paused = true)]
async fn a_move_that_was_kept_halfway_is_no_success_of_a_wait_and_is_found() {
    let azure = working().await;
    let mut kept = blue_green(5);
    kept.change.canary.command = Some("exit 3".to_owned());
    kept.change.on_failure = OnBad::Keep;
    failure(&azure, &kept).await;
    let error = wait(&azure, "p1").await.must_fail();
    assert_eq!(error.kind(), ErrorKind::PartlyReached, "{}", error.report());
    let report = look(&azure).await;
    let change: &UnderWay = &of(&report, "p1").change.as_ref().unwrap().change;
    assert_eq!(change.new_pool.as_ref().map(|pool| pool.as_str()), Some("p1-1-0-0"));
    let moving = "the move to pool p1-1-0-0 on 1.0.0, begun on 2026-01-01";
    assert!(
        findings(of(&report, "p1")).contains(moving),
        "{}",
        findings(of(&report, "p1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_pool_that_was_left_without_nodes_is_no_success_and_one_that_never_had_any_is() {
    let azure = world(|_| ());
    failure(&azure, &tried("exit 3")).await;
    let error = wait(&azure, "p1").await.must_fail();
    assert_eq!(error.kind(), ErrorKind::PartlyReached, "{}", error.report());
    assert!(
        error.report().contains("a roll-out left it without nodes"),
        "{}",
        error.report()
    );
    let report = look(&azure).await;
    let found = "its first nodes on 1.0.0 were bad, so it was left without nodes";
    assert!(
        findings(of(&report, "p1")).contains(found),
        "{}",
        findings(of(&report, "p1"))
    );

    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 0)]));
    let standing = wait(&azure, "p1")
        .await
        .unwrap_or_else(|error| panic!("{}", error.report()));
    assert_eq!((standing.wanted.total(), standing.ready.total()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn jobs_are_asked_for_once_an_account_where_a_roll_out_has_made_or_changed_a_pool() {
    let asked = |azure: &Azure| {
        azure
            .journal()
            .iter()
            .filter(|entry| entry.path.ends_with("/jobs"))
            .count()
    };
    let azure = working().await;
    look(&azure).await;
    assert_eq!(asked(&azure), 1);
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 0)]));
    look(&azure).await;
    assert_eq!(asked(&azure), 0);
}

#[tokio::test(start_paused = true)]
async fn a_look_finds_jobs_that_a_change_has_disabled_which_is_over_and_says_what_to_type() {
    let azure = working().await;
    let marked = json!({"metadata": [{"name": "azure-batch-held", "value": "{}"}]});
    ask(&azure, Method::PATCH, "/jobs/asleep", Some(marked)).await;
    let report = look(&azure).await;
    let pool = of(&report, "p1");
    assert_eq!(
        findings(pool).lines().last(),
        Some("a roll-out that is over has left jobs disabled, which start no task until they are enabled: asleep")
    );
    let typed = pool.next.clone().unwrap();
    assert!(
        typed.starts_with("az batch job enable") && typed.contains("--job-id asleep"),
        "{typed}"
    );
    ask(&azure, Method::POST, "/jobs/asleep/enable", None).await;
    assert_eq!(of(&look(&azure).await, "p1").next, None);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_names_a_former_pool_is_found_by_a_look_a_wait_a_roll_out_and_the_doctor() {
    let azure = working().await;
    good(roll_out(&azure, &blue_green(5)).await);
    let late = json!({"id": "late", "poolInfo": {"poolId": "p1"}});
    ask(&azure, Method::POST, "/jobs", Some(late)).await;
    azure.turn_the_page();
    let report = look(&azure).await;
    let pool = of(&report, "p1");
    let found = "job late names it, and it has no nodes: pool p1-1-0-0 does its work, so point them there";
    assert_eq!(findings(pool), found);
    let typed = pool.next.clone().unwrap().replace(" \\\n ", "");
    for words in [
        "az batch job disable",
        "az batch job set",
        "--job-id late --pool-id p1-1-0-0",
        "az batch job enable",
    ] {
        assert!(typed.contains(words), "{words}\n{typed}");
    }

    let said = "job late names former pool p1, whose work pool p1-1-0-0 does: no node runs their tasks";
    let (client, mut events) = azure.client(&tokio_util::sync::CancellationToken::new()).await;
    good(rollout::run(&client, &checked(&blue_green(5))).await);
    let rolled_out = crate::support::lines(&mut events).join("\n");
    assert!(
        rolled_out.contains(said) && rolled_out.contains("az batch job set"),
        "{rolled_out}"
    );
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let of_account = Values::default().with(ACCOUNT, account);
    let waiting = settings::wait(&of_account.clone().with(POOL_ID, "p1")).unwrap();
    let (client, mut events) = azure.client(&tokio_util::sync::CancellationToken::new()).await;
    rollout::wait(&client, &waiting.settings).await.unwrap();
    let waited = crate::support::lines(&mut events).join("\n");
    assert!(waited.contains(said), "{waited}");
    let asked = settings::doctor(&of_account).unwrap();
    let checks = azure_batch_core::doctor::run(&client, &asked.settings)
        .await
        .unwrap()
        .checks;
    assert!(checks.iter().any(|check| check.text == said), "{checks:?}");
    assert!(azure.writes().is_empty());
}

/// What a return does with a size that others gave meanwhile.
#[tokio::test(start_paused = true)]
async fn a_return_shows_its_plan_and_keeps_the_size_that_the_pool_was_given_since() {
    for (mut settings, moved) in [(in_place(5), "p1"), (blue_green(5), "p1-1-0-0")] {
        let azure = working().await;
        settings.change.running_tasks = RunningTasks::Requeue;
        good(roll_out(&azure, &settings).await);
        tokio::time::advance(Duration::from_secs(60)).await;
        let resize = json!({"targetDedicatedNodes": 9, "targetLowPriorityNodes": 0});
        ask(&azure, Method::POST, &format!("/pools/{moved}/resize"), Some(resize)).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        azure.turn_the_page();
        let mut back = crate::rollout_in_place::back();
        back.running_tasks = RunningTasks::Requeue;
        let client = client(&azure, ROLLOUT_DEADLINE).await;
        let plan = rollout::plan_return(&client, &checked(&back)).await.unwrap();
        assert!(azure.writes().is_empty());
        let text = plan.plan.to_string();
        assert!(text.contains("bring pool p1 to 9 nodes"), "{text}");
        assert!(text.contains("busy"), "{text}");
        assert_eq!(text.contains("delete pool p1-1-0-0"), moved != "p1", "{text}");
        let resized = plan.resized.unwrap().to_string();
        assert_eq!(
            resized,
            format!(
                "pool {moved} was resized since the roll-out, from 5 to 9 nodes: the return keeps that size; before the \
                 roll-out there were 5"
            )
        );

        let (client, mut events) = azure.client(&tokio_util::sync::CancellationToken::new()).await;
        good(rollout::roll_back(&client, &checked(&back)).await);
        let said = crate::support::lines(&mut events).join("\n");
        assert!(
            said.contains("plan: bring pool p1 to 9 nodes") && said.contains(&resized),
            "{said}"
        );
        let pool = ask(&azure, Method::GET, "/pools/p1", None).await;
        assert_eq!(
            (&pool["targetDedicatedNodes"], &pool["currentDedicatedNodes"]),
            (&json!(9), &json!(9))
        );
        let version = pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"].clone();
        assert_eq!(version, json!(image("0.9.0")));
    }
}
