//! Ill nodes of a pool are rebooted or removed, and the pool grows again.
//!
//! The world is that of `rollout`.

use azure_batch_core::{
    error::{ErrorKind, Result},
    failure::Failure,
    options::Door,
    rollout::{self, NodeAction, PoolAction, RolloutReport},
    settings::{Adopt, HealNodes, LogsSignIn, NodeLogs, OnBad, ROLLOUT_DEADLINE, RolloutSettings, Share, Strategy},
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{client, entries, failure, good, roll_out, settings, world},
    rollout_in_place::{ask, back, in_place, state, working},
    support::Azure,
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{OF_ONE_POOL, Rivals},
    },
};

/// A roll-out of 1.0.0 that heals.
pub(crate) fn healing(nodes: u32) -> RolloutSettings {
    let mut settings = settings("acct1", nodes);
    settings.policy.healing.nodes = HealNodes::Yes;
    settings.pool.json = json!({"startTask": {"commandLine": "true"}})
        .as_object()
        .unwrap()
        .clone()
        .into();
    settings
}

fn done(report: &RolloutReport) -> Vec<(NodeAction, &str)> {
    let healed = report.healed.iter();
    healed.map(|node| (node.action, node.why.as_str())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_unusable_with_an_error_is_removed_and_comes_again() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "details": {"Disk": "/mnt"}, "target": "acct1/p1"}));
    let report = good(roll_out(&azure, &healing(10)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Created, Some(10)));
    let [(NodeAction::Removed, why)] = done(&report)[..] else {
        panic!("{:?}", report.healed)
    };
    assert!(
        why.starts_with("it is unusable: DiskFull") && why.ends_with("(Disk: /mnt)"),
        "{why}"
    );
    assert_eq!(
        azure.writes(),
        ["POST /pools", "POST /pools/p1/removenodes", "POST /pools/p1/resize"]
    );
    let removed = &entries(&azure, &Method::POST, "/removenodes")[0].request;
    assert_eq!(removed["nodeDeallocationOption"], "taskcompletion", "no task is lost");
    azure.turn_the_page();
    assert_eq!(good(roll_out(&azure, &healing(10)).await).action, PoolAction::Unchanged);
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_start_task_failed_is_rebooted_and_what_it_wrote_is_kept() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "startTaskFailed", "count": 1, "exitCode": 3, "target": "acct1/p1"}));
    let report = good(roll_out(&azure, &healing(10)).await);
    assert_eq!(report.ready, Some(10));
    let [healed] = &report.healed[..] else {
        panic!("{:?}", report.healed)
    };
    assert_eq!(healed.action, NodeAction::Rebooted);
    assert!(
        healed.why.contains("exit code 3") && healed.output.contains("exit code 3"),
        "{healed:?}"
    );
    assert_eq!(entries(&azure, &Method::POST, "/reboot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_batch_has_lost_is_given_time_and_then_removed() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 1, "target": "acct1/p1"}));
    let report = good(roll_out(&azure, &healing(10)).await);
    let [(NodeAction::Removed, why)] = done(&report)[..] else {
        panic!("{:?}", report.healed)
    };
    assert!(why.starts_with("Batch has had no contact with it for"), "{why}");
}

/// Settings with a start task of this command.
fn starting(mut settings: RolloutSettings, command: &str) -> RolloutSettings {
    let json = json!({"startTask": {"commandLine": command}});
    settings.pool.json = json.as_object().unwrap().clone().into();
    settings
}

/// The settings with the flags that a text names.
fn typed(mut settings: RolloutSettings, text: &str) -> RolloutSettings {
    if text.contains("--strategy in-place") {
        settings.change.strategy = Strategy::InPlace;
    }
    if text.contains("--heal-nodes") {
        settings.policy.healing.nodes = HealNodes::Yes;
    }
    if let Some((_, rest)) = text.split_once("--max-unhealthy ") {
        let share: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '%').collect();
        settings.policy.healing.max_unhealthy = share.parse().unwrap();
    }
    settings
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_failed_start_tasks_works_when_it_is_typed_with_a_correct_one() {
    for count in [3, 10] {
        let azure = world(|_| {});
        azure.fault(json!({"kind": "startTaskFailed", "count": count, "exitCode": 3, "target": "acct1/p1"}));
        let asked = starting(settings("acct1", 10), "exit 3");
        let error = failure(&azure, &asked).await;
        assert_eq!(error.kind(), ErrorKind::BadNodes, "{}", error.report());
        let failure = Failure::of(&error, Door::Flag);
        let said = failure
            .next
            .iter()
            .find(|next| next.text.contains("orrect the start task"));
        let text = said.unwrap_or_else(|| panic!("{failure:?}")).text.clone();
        azure.turn_the_page();
        let outcome = roll_out(&azure, &typed(starting(settings("acct1", 10), "exit 0"), &text)).await;
        if let Err(error) = &outcome.result {
            panic!("{text}\n{}", error.report());
        }
        assert_eq!(outcome.report.ready, Some(10), "{text}");
        assert_eq!(outcome.report.updated, ["startTask.commandLine"], "{text}");
        let rebooted = entries(&azure, &Method::POST, "/reboot").len();
        assert_eq!(
            (rebooted, entries(&azure, &Method::POST, "/removenodes").len()),
            (count, 0)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn during_a_change_a_failed_start_task_is_corrected_once_the_pool_is_back() {
    let azure = working().await;
    azure.fault(json!({"kind": "startTaskFailed", "count": 1, "exitCode": 3}));
    let mut wanted = starting(in_place(5), "exit 3");
    wanted.change.on_failure = OnBad::Keep;
    let error = failure(&azure, &wanted).await;
    assert_eq!(error.kind(), ErrorKind::Kept, "{}", error.report());
    let shown = error.report_for(Door::Flag);
    assert!(
        shown.contains("correct the start task, and run again with it once the pool is back to what it was"),
        "{shown}"
    );
    assert!(
        !shown.contains("--heal-nodes"),
        "no node is healed during a change: {shown}"
    );
    good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    let report = good(roll_out(&azure, &starting(in_place(5), "exit 0")).await);
    assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(5)));
}

/// With a container for the logs of ill nodes.
fn with_logs(mut settings: RolloutSettings) -> RolloutSettings {
    settings.node_logs = Some(NodeLogs {
        container: "https://st1.blob.core.windows.net/logs".parse().unwrap(),
        sign_in: LogsSignIn::Sas("sp=cw&sig=hunter2".into()),
    });
    settings
}

#[tokio::test(start_paused = true)]
async fn the_logs_of_an_ill_node_are_written_before_it_is_removed() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "target": "acct1/p1"}));
    let report = good(roll_out(&azure, &with_logs(healing(10))).await);
    let [healed] = &report.healed[..] else {
        panic!("{:?}", report.healed)
    };
    let logs = json!(healed)["logs"].clone();
    let folder = format!("acct1/p1/{}", healed.node);
    assert_eq!(
        logs,
        json!({"container": "https://st1.blob.core.windows.net/logs", "folder": folder, "files": 4})
    );
    let upload = format!("POST /pools/p1/nodes/{}/uploadbatchservicelogs", healed.node);
    let removal = "POST /pools/p1/removenodes".to_owned();
    assert_eq!(
        azure.writes(),
        [
            "POST /pools".to_owned(),
            upload,
            removal,
            "POST /pools/p1/resize".to_owned()
        ]
    );
    let asked = &entries(&azure, &Method::POST, "/uploadbatchservicelogs")[0];
    let removed = &entries(&azure, &Method::POST, "/removenodes")[0];
    let given = removed.time.duration_since(asked.time);
    assert!(given.as_secs() >= 60, "Batch writes after it has answered: {given}");
    let body = json!(asked.request).to_string();
    assert!(body.contains("startTime") && !body.contains("hunter2"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_logs_cannot_be_had_is_removed_all_the_same() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "target": "acct1/p1"}));
    azure.fault(json!({"kind": "status", "status": 409, "code": "NodeStateUnusable", "method": "POST", "path": "/pools/p1/nodes/*/uploadbatchservicelogs"}));
    let report = good(roll_out(&azure, &with_logs(healing(10))).await);
    let [healed] = &report.healed[..] else {
        panic!("{:?}", report.healed)
    };
    assert_eq!((healed.action, healed.logs.as_ref()), (NodeAction::Removed, None));
    assert_eq!(report.ready, Some(10));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_for_ill_nodes_says_where_the_logs_of_one_are() {
    let azure = working().await;
    azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull"}));
    let mut settings = with_logs(in_place(5));
    settings.change.canary.nodes = Some(Share::Nodes(1));
    let error = failure(&azure, &settings).await;
    assert_eq!(error.kind(), ErrorKind::Returned, "{error:?}");
    let report = error.report();
    let asked = entries(&azure, &Method::POST, "/uploadbatchservicelogs");
    assert_eq!(asked.len(), 1, "{report}");
    assert!(
        report.contains("the logs of Batch's agent on node tvmps_")
            && report.contains(": https://st1.blob.core.windows.net/logs/acct1/p1/tvmps_")
            && report.contains(" (4 files)"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn when_too_many_are_ill_nothing_is_removed_and_the_run_says_why() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 5, "code": "DiskFull", "target": "acct1/p1"}));
    let error = failure(&azure, &healing(10)).await;
    assert_eq!(error.kind(), ErrorKind::BadNodes, "{error:?}");
    assert_eq!(azure.writes(), ["POST /pools"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_healed_unless_asked_for_nor_in_a_pool_of_others() {
    for (heal, adopt) in [(HealNodes::No, Adopt::Yes), (HealNodes::Yes, Adopt::No)] {
        let azure = world(|_| {});
        azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "target": "acct1/p1"}));
        let body = json!({"id": "p1", "vmSize": "standard_d4s_v5", "targetDedicatedNodes": 10,
            "virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": crate::rollout::image("1.0.0")},
                "nodeAgentSKUId": "batch.node.ubuntu 22.04"}});
        ask(&azure, Method::POST, "/pools", Some(body)).await;
        tokio::time::advance(std::time::Duration::from_secs(3600)).await;
        azure.turn_the_page();
        let mut settings = settings("acct1", 10);
        settings.policy.adopt = adopt;
        settings.policy.healing.nodes = heal;
        let error = failure(&azure, &settings).await;
        assert_eq!(error.kind(), ErrorKind::BadNodes, "{heal:?}");
        assert_eq!(entries(&azure, &Method::POST, "/removenodes").len(), 0, "{heal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_names_the_nodes_that_are_ill() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "target": "acct1/p1"}));
    let mut unhealed = healing(10);
    unhealed.policy.healing.nodes = HealNodes::No;
    failure(&azure, &unhealed).await;
    azure.turn_the_page();
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let plan = rollout::plan(&client, &checked(&healing(10))).await.unwrap();
    let steps: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    assert!(
        steps
            .iter()
            .any(|step| step.starts_with("reboot or remove the ill nodes of pool p1 (tvmps_")),
        "{steps:?}"
    );
    assert_eq!(azure.writes(), [""; 0]);
    let report = good(roll_out(&azure, &healing(10)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Healed, Some(10)));
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_canary_job_itself_is_not_held_against_the_image() {
    let azure = working().await;
    azure.fault(json!({"kind": "status", "status": 409, "code": "ActiveJobAndScheduleQuotaReached", "method": "POST", "path": "/jobs"}));
    let mut settings = in_place(5);
    settings.change.canary.command = Some("true".to_owned());
    let error = failure(&azure, &settings).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error.report().contains("says nothing of the image"),
        "{}",
        error.report()
    );
    assert!(state(&azure).await.contains("on 1.0.0"), "{}", state(&azure).await);
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!((report.action, report.canary.len()), (PoolAction::Replaced, 1));
}

#[test]
fn every_request_of_a_healing_meets_what_it_must_outlive() {
    let sweep = Sweep {
        one_of: 1,
        troubles: OUTLIVED,
        world: ill,
        flow: heal,
        settle: |mut resources: Value| {
            for item in resources["batch"].as_object_mut().unwrap().values_mut() {
                if let Some(fields) = item.as_object_mut() {
                    fields.remove("resizeTimeout");
                }
            }
            resources
        },
    };
    let cases = sweep.run();
    assert!(cases > 60, "only {cases} cases");
    write_count("healing", cases);
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_healing_is_not_undone() {
    let rivals = Rivals {
        who: OF_ONE_POOL,
        one_of: 2,
        world: async || ill(),
        flow: heal,
    };
    let taken = rivals.run();
    assert!(taken > 15, "only {taken} writes of rivals were taken");
    write_count("healing with rivals", taken);
}

fn ill() -> Azure {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "target": "acct1/p1"}));
    azure
}

async fn heal(azure: Azure, ends: Ends) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    fastrand::seed(7);
    rollout::run(&client, &checked(&healing(4))).await.result
}
