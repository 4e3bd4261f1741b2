//! A new version on a pool that is there: emptied without a loss, changed, tried on a few nodes, filled, and back again.
//!
//! The world is that of `rollout`, with a pool of ours on 0.9.0 that works on a job.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    error::ErrorKind,
    failure::Failure,
    ids::BatchEndpoint,
    options::Door,
    request::Request,
    rollout::{self, PoolAction},
    settings::{
        Canary, Consent, OnBad, ROLLOUT_DEADLINE, RollbackSettings, RolloutSettings, RunningTasks, Share, Strategy,
    },
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, entries, failure, good, image, roll_out, settings, world},
    support::Azure,
};

/// A roll-out of 1.0.0 in place.
pub(crate) fn in_place(dedicated: u32) -> RolloutSettings {
    let mut settings = settings("acct1", dedicated);
    settings.change.strategy = Strategy::InPlace;
    settings
}

/// The return of the same pool.
pub(crate) fn back() -> RollbackSettings {
    let asked = in_place(5);
    RollbackSettings {
        account: asked.account,
        pool: asked.pool.id,
        running_tasks: RunningTasks::Wait,
        resize: asked.policy.resize,
        readiness: asked.policy.readiness,
        plan_only: Consent::No,
    }
}

/// Another client's request to acct1.
pub(crate) async fn ask(azure: &Azure, method: Method, path: &str, body: Option<Value>) -> Value {
    let endpoint = BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap();
    let request = Request::batch(&endpoint, method, path, "2025-06-01", "ask");
    let request = match body {
        Some(body) => request.with_body(body),
        None => request,
    };
    client(azure, ROLLOUT_DEADLINE)
        .await
        .send(&request)
        .await
        .unwrap()
        .value()
}

/// A pool of ours of 5 nodes on 0.9.0, a job on it with a task that runs for an hour, and one that waits; and a job that
/// somebody has disabled.
pub(crate) async fn working() -> Azure {
    working_in(|_| {}).await
}

/// The same in a world with a change.
pub(crate) async fn working_in(change: impl FnOnce(&mut Value)) -> Azure {
    let azure = world(change);
    let mut old = settings("acct1", 5);
    old.pool.version = image("0.9.0").parse().unwrap();
    good(roll_out(&azure, &old).await);
    for job in ["busy", "asleep"] {
        ask(
            &azure,
            Method::POST,
            "/jobs",
            Some(json!({"id": job, "poolInfo": {"poolId": "p1"}})),
        )
        .await;
    }
    for (task, command) in [("long", "sleep 3600"), ("short", "sleep 60")] {
        ask(
            &azure,
            Method::POST,
            "/jobs/busy/tasks",
            Some(json!({"id": task, "commandLine": command})),
        )
        .await;
    }
    ask(
        &azure,
        Method::POST,
        "/jobs/asleep/disable",
        Some(json!({"disableTasks": "wait"})),
    )
    .await;
    running_for_a_while(&azure).await;
    azure.turn_the_page();
    azure
}

/// Lets the tasks start.
async fn running_for_a_while(azure: &Azure) {
    tokio::time::advance(Duration::from_secs(30)).await;
    let tasks = ask(azure, Method::GET, "/jobs/busy/tasks", None).await;
    let tasks = tasks["value"].as_array().unwrap();
    assert!(tasks.iter().all(|task| task["state"] == "running"), "{tasks:?}");
}

/// What the pool and its jobs are, in one line.
pub(crate) async fn state(azure: &Azure) -> String {
    let pool = ask(azure, Method::GET, "/pools/p1", None).await;
    let id = pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"]
        .as_str()
        .unwrap();
    let mut text = format!(
        "{} of {} on {}",
        pool["currentDedicatedNodes"],
        pool["targetDedicatedNodes"],
        id.rsplit('/').next().unwrap()
    );
    for job in ["busy", "asleep"] {
        let job = ask(azure, Method::GET, &format!("/jobs/{job}"), None).await;
        let marks = job["metadata"].as_array().map_or(0, Vec::len);
        text.push_str(&format!(
            ", {} {} {marks}",
            job["id"].as_str().unwrap(),
            job["state"].as_str().unwrap()
        ));
    }
    text
}

pub(crate) async fn requeues(azure: &Azure) -> u64 {
    let tasks = ask(azure, Method::GET, "/jobs/busy/tasks", None).await;
    let count = |task: &Value| task["executionInfo"]["requeueCount"].as_u64().unwrap_or(0);
    tasks["value"].as_array().unwrap().iter().map(count).sum()
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_works_gets_another_version_and_loses_no_task() {
    let azure = working().await;
    let report = good(roll_out(&azure, &in_place(8)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(8)));
    let order: Vec<String> = azure.writes();
    assert_eq!(
        order,
        [
            "PATCH /pools/p1",
            "PATCH /jobs/busy",
            "POST /jobs/busy/disable",
            "POST /pools/p1/resize",
            "PATCH /pools/p1",
            "POST /pools/p1/resize",
            "POST /jobs/busy/enable",
            "PATCH /jobs/busy",
            "PATCH /pools/p1",
        ],
        "the record first, the job marked before it is disabled, nothing of the job that was disabled before"
    );
    let emptied = &entries(&azure, &Method::POST, "/resize")[0].request;
    assert_eq!(emptied["nodeDeallocationOption"], "taskcompletion");
    assert_eq!(requeues(&azure).await, 0);
    assert_eq!(state(&azure).await, "8 of 8 on 1.0.0, busy active 0, asleep disabled 0");

    azure.turn_the_page();
    let again = good(roll_out(&azure, &in_place(8)).await);
    assert_eq!((again.action, azure.writes()), (PoolAction::Unchanged, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_shrink_that_batch_gives_up_because_of_tasks_is_asked_for_again() {
    let azure = working().await;
    ask(
        &azure,
        Method::POST,
        "/jobs/busy/tasks",
        Some(json!({"id": "endless", "commandLine": "sleep 20000"})),
    )
    .await;
    running_for_a_while(&azure).await;
    azure.turn_the_page();
    let mut settings = in_place(5);
    settings.change.running_tasks = RunningTasks::TaskCompletion;
    let (client, _events) = azure
        .client_with_limit(&CancellationToken::new(), 4 * ROLLOUT_DEADLINE)
        .await;
    good(rollout::run(&client, &checked(&settings)).await);
    let emptied = entries(&azure, &Method::POST, "/resize");
    let shrinks = emptied
        .iter()
        .filter(|entry| entry.request["targetDedicatedNodes"] == 0)
        .count();
    assert!(shrinks > 1, "{shrinks} shrinks for a task of 5 h and a timeout of 1 h");
    assert_eq!(requeues(&azure).await, 0);
    assert_eq!(state(&azure).await, "5 of 5 on 1.0.0, busy active 0, asleep disabled 0");
}

#[tokio::test(start_paused = true)]
async fn a_plan_in_place_names_jobs_image_and_return_and_writes_nothing() {
    let azure = working().await;
    let mut settings = in_place(8);
    settings.change.canary = Canary {
        nodes: Some(Share::Percent(25)),
        command: Some("true".to_owned()),
        bake: Duration::from_secs(600),
    };
    let plan = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&settings))
        .await
        .unwrap();
    let text = plan.to_string().replace(&image(""), "");
    insta::assert_snapshot!(text, @r"
    disable the jobs of pool p1 (busy); their running tasks run to their end
    remove the 5 nodes of pool p1, each once it runs no task
    give pool p1 the image def1 1.0.0 in place of 0.9.0; a return is possible
    try the image on 2 nodes of pool p1, run the command on each, watch them for 10 minutes
    resize pool p1 from 0 to 8 nodes, resize timeouts of 15, 23, 35, 53, 80 minutes
    wait until 8 nodes of pool p1 are ready
    enable the jobs of pool p1 again (busy)
    ");
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn some_nodes_try_the_image_before_the_pool_grows() {
    let azure = working().await;
    let mut settings = in_place(8);
    settings.change.canary = Canary {
        nodes: Some(Share::Nodes(2)),
        command: Some("test -x /opt/tool".to_owned()),
        bake: Duration::from_secs(600),
    };
    let report = good(roll_out(&azure, &settings).await);
    let targets: Vec<Value> = entries(&azure, &Method::POST, "/resize")
        .iter()
        .map(|entry| entry.request["targetDedicatedNodes"].clone())
        .collect();
    assert_eq!(targets, [0, 2, 8]);
    assert_eq!(
        report.canary.iter().map(|task| task.exit_code).collect::<Vec<_>>(),
        [Some(0), Some(0)]
    );
    let task = &entries(&azure, &Method::POST, "/tasks")[0].request;
    assert_eq!(task["commandLine"], "/bin/bash -c 'test -x /opt/tool'");
    assert!(
        !azure.resources().to_string().contains("azure-batch-canary-"),
        "its job is gone"
    );
    assert_eq!(state(&azure).await, "8 of 8 on 1.0.0, busy active 0, asleep disabled 0");
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_returned_from_by_itself() {
    for command in [Some("exit 3".to_owned()), None] {
        let azure = working().await;
        let mut settings = in_place(8);
        settings.change.canary.nodes = Some(Share::Nodes(1));
        settings.change.canary.command = command.clone();
        if command.is_none() {
            azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull"}));
        }
        let outcome = rollout::run(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&settings)).await;
        let error = outcome.result.must_fail();
        assert_eq!(
            (error.kind(), outcome.report.action),
            (ErrorKind::Returned, PoolAction::Returned)
        );
        let back_on = outcome.report.back_on.and_then(|back| back.image);
        assert_eq!((back_on, outcome.report.ready), (Some(image("0.9.0")), Some(5)));
        let report = error.report();
        assert!(report.contains("pool p1 is on def1 0.9.0 again"), "{report}");
        assert!(!report.contains("billed"), "{report}");
        assert_eq!(
            state(&azure).await,
            "5 of 5 on 0.9.0, busy active 0, asleep disabled 0",
            "{report}"
        );
        let shown = if command.is_some() { "exit code 3" } else { "DiskFull" };
        assert!(report.contains(shown), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_can_be_kept_and_a_rollback_brings_the_pool_back() {
    let azure = working().await;
    let mut settings = in_place(8);
    settings.change.canary.command = Some("exit 3".to_owned());
    settings.change.on_failure = OnBad::Keep;
    let error = failure(&azure, &settings).await;
    assert_eq!(error.kind(), ErrorKind::Kept, "{}", error.report());
    let failure = Failure::of(&error, Door::Flag);
    assert_eq!(
        failure.happened,
        "the new image was found bad, and pool p1 stays as it is"
    );
    assert!(
        failure.facts.iter().any(|fact| fact.contains("canary command failed")),
        "{failure:?}"
    );
    assert_eq!(
        failure.kept,
        ["Its nodes run the new image and are billed, and its jobs are disabled."]
    );
    let undo = failure.next.last().unwrap();
    assert_eq!(undo.command[0], "azure-batch-pool rollback \\", "{failure:?}");
    assert_eq!(
        state(&azure).await,
        "1 of 1 on 1.0.0, busy disabled 1, asleep disabled 0"
    );
    let report = good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    assert_eq!((report.action, report.ready), (PoolAction::Returned, Some(5)));
    assert_eq!(state(&azure).await, "5 of 5 on 0.9.0, busy active 0, asleep disabled 0");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_possible_long_after_and_a_second_one_writes_nothing() {
    let azure = working().await;
    good(roll_out(&azure, &in_place(8)).await);
    let report = good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    assert_eq!((report.action, report.ready), (PoolAction::Returned, Some(5)));
    assert_eq!(state(&azure).await, "5 of 5 on 0.9.0, busy active 0, asleep disabled 0");
    azure.turn_the_page();
    let report = good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    assert_eq!((report.action, azure.writes()), (PoolAction::Unchanged, Vec::new()));

    let untouched = world(|_| {});
    good(roll_out(&untouched, &settings("acct1", 5)).await);
    let outcome = rollout::roll_back(&client(&untouched, ROLLOUT_DEADLINE).await, &checked(&back())).await;
    let error = outcome.result.must_fail();
    assert!(error.report().contains("never changed in place"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn another_roll_out_does_not_mix_with_one_that_has_not_come_to_its_end() {
    let undisturbed = working().await;
    good(roll_out(&undisturbed, &in_place(8)).await);
    let azure = working().await;
    let cancel = CancellationToken::new();
    let (client, _events) = azure.client_with_limit(&cancel, ROLLOUT_DEADLINE).await;
    azure.gone_after(undisturbed.number_of("POST", "/jobs/busy/disable"), cancel);
    let error = rollout::run(&client, &checked(&in_place(8))).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(
        error.report().contains("azure-batch-pool rollback"),
        "{}",
        error.report()
    );
    for other in [in_place(9), settings("acct1", 8)] {
        let error = failure(&azure, &other).await;
        assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    }
    good(roll_out(&azure, &in_place(8)).await);
    assert_eq!(state(&azure).await, "8 of 8 on 1.0.0, busy active 0, asleep disabled 0");
}

#[tokio::test(start_paused = true)]
async fn another_vm_size_comes_in_place_and_goes_back_with_the_image() {
    let azure = working().await;
    let mut settings = in_place(5);
    settings.pool.vm_size = Some("Standard_D8s_v5".parse().unwrap());
    good(roll_out(&azure, &settings).await);
    assert_eq!(
        ask(&azure, Method::GET, "/pools/p1", None).await["vmSize"],
        "standard_d8s_v5"
    );
    good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    assert_eq!(
        ask(&azure, Method::GET, "/pools/p1", None).await["vmSize"],
        "standard_d4s_v5"
    );
    assert_eq!(state(&azure).await, "5 of 5 on 0.9.0, busy active 0, asleep disabled 0");
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_on_when_what_the_pool_has_is_named_or_left_out_and_another_one_says_what_differs() {
    let azure = working().await;
    let named = in_place(8);
    let mut unnamed = named.clone();
    (unnamed.pool.vm_size, unnamed.pool.node_agent_sku) = (None, None);
    let begin = rollout::run(&client(&azure, Duration::from_secs(300)).await, &checked(&unnamed)).await;
    assert_eq!(begin.result.must_fail().kind(), ErrorKind::Deadline);
    azure.turn_the_page();

    let mut more = named.clone();
    more.pool.targets.dedicated = 9;
    let mut larger = named.clone();
    larger.pool.vm_size = Some("Standard_D8s_v5".parse().unwrap());
    for (other, differs) in [(more, "this one is to 9 nodes"), (larger, "this one also gives ")] {
        let error = failure(&azure, &other).await;
        let report = error.report();
        assert_eq!(error.kind(), ErrorKind::Refused, "{report}");
        assert!(
            report.contains("1.0.0 with 8 nodes; ") && report.contains(differs),
            "{report}"
        );
    }
    assert_eq!(azure.writes(), Vec::<String>::new());

    let report = good(roll_out(&azure, &named).await);
    assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(8)));
}
