//! A pool that a roll-out makes: some nodes try the image before it grows, and a bad image leaves it without nodes.
//!
//! The world is that of `rollout`.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    error::{ErrorKind, Result},
    rollout::{self, PoolAction},
    settings::{Canary, Consent, OnBad, ROLLOUT_DEADLINE, RollbackSettings, RolloutSettings, RunningTasks, Share},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{client, entries, failure, good, image, roll_out, settings, world},
    rollout_in_place_sweep::settle,
    support::Azure,
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{OF_ONE_POOL, Rivals},
    },
};

/// A roll-out of 8 nodes of which 2 try the image first.
pub(crate) fn tried(command: &str) -> RolloutSettings {
    let mut settings = settings("acct1", 8);
    settings.change.canary = Canary {
        nodes: Some(Share::Percent(25)),
        command: Some(command.to_owned()),
        bake: Duration::from_secs(600),
    };
    settings
}

fn pool(azure: &Azure) -> Value {
    let resources = azure.resources();
    let all = resources["batch"].as_object().unwrap();
    let found = all.iter().find(|(id, _)| id.ends_with("/acct1/pools/p1"));
    found.map_or(Value::Null, |(_, pool)| pool.clone())
}

fn nodes(azure: &Azure) -> (u64, u64) {
    let pool = pool(azure);
    let number = |name: &str| pool[name].as_u64().unwrap();
    (number("targetDedicatedNodes"), number("currentDedicatedNodes"))
}

#[tokio::test(start_paused = true)]
async fn a_new_pool_grows_only_when_its_first_nodes_are_good() {
    let azure = world(|_| {});
    let report = good(roll_out(&azure, &tried("test -x /opt/tool")).await);
    assert_eq!(
        (report.action, report.ready, report.canary.len()),
        (PoolAction::Created, Some(8), 2)
    );
    assert_eq!(
        azure.writes(),
        [
            "POST /pools",
            "POST /jobs",
            "POST /jobs/*/tasks",
            "POST /jobs/*/tasks",
            "DELETE /jobs/*",
            "PATCH /pools/p1",
            "POST /pools/p1/resize",
        ]
        .map(|write| write.replace('*', &job_of(&azure)))
    );
    let made = &entries(&azure, &Method::POST, "/pools")[0].request;
    assert_eq!(made["targetDedicatedNodes"], 2);
    assert_eq!(nodes(&azure), (8, 8));

    azure.turn_the_page();
    let again = good(roll_out(&azure, &tried("test -x /opt/tool")).await);
    assert_eq!((again.action, azure.writes()), (PoolAction::Unchanged, Vec::new()));
}

fn job_of(azure: &Azure) -> String {
    let created = entries(azure, &Method::POST, "/jobs");
    created[0].request["id"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_a_new_pool_shows_the_nodes_that_try_the_image() {
    let azure = world(|_| {});
    let settings = checked(&tried("true"));
    let plan = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &settings)
        .await
        .unwrap();
    insta::assert_snapshot!(plan.to_string().replace(&image(""), ""), @r"
    create pool p1 with 2 nodes on 1.0.0, resize timeouts of 15, 23, 35, 53, 80 minutes
    try the image on 2 nodes of pool p1, run the command on each, watch them for 10 minutes
    resize pool p1 from 2 to 8 nodes, resize timeouts of 15, 23, 35, 53, 80 minutes
    wait until 8 nodes of pool p1 are ready
    ");
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_new_pool_whose_first_nodes_are_bad_is_left_without_nodes_and_tried_again_by_the_next_run() {
    for command in ["exit 3", "true"] {
        let azure = world(|_| {});
        if command == "true" {
            azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull"}));
        }
        let outcome = rollout::run(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&tried(command))).await;
        let error = outcome.result.must_fail();
        assert_eq!(
            (error.kind(), outcome.report.action),
            (ErrorKind::Returned, PoolAction::Created)
        );
        let (report, shown) = (
            error.report(),
            if command == "true" { "DiskFull" } else { "exit code 3" },
        );
        assert!(
            report.contains("pool p1 has 0 nodes again") && report.contains(shown),
            "{report}"
        );
        assert_eq!(nodes(&azure), (0, 0));

        azure.turn_the_page();
        if command == "true" {
            good(roll_out(&azure, &tried(command)).await);
            assert_eq!(nodes(&azure), (8, 8));
            let sizes = entries(&azure, &Method::POST, "/resize");
            let sizes: Vec<&Value> = sizes
                .iter()
                .map(|entry| &entry.request["targetDedicatedNodes"])
                .collect();
            assert_eq!(sizes, [2, 8]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_new_pool_can_be_kept_and_a_rollback_takes_its_nodes() {
    let azure = world(|_| {});
    let mut settings = tried("exit 3");
    settings.change.on_failure = OnBad::Keep;
    let error = failure(&azure, &settings).await;
    assert_eq!(error.kind(), ErrorKind::Kept, "{}", error.report());
    assert_eq!(nodes(&azure), (2, 2));
    let back = RollbackSettings {
        account: settings.account.clone(),
        pool: settings.pool.id.clone(),
        running_tasks: RunningTasks::Wait,
        resize: settings.policy.resize,
        readiness: settings.policy.readiness,
        plan_only: Consent::No,
    };
    let report = good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back)).await);
    assert_eq!((report.action, nodes(&azure)), (PoolAction::Returned, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_ended_while_the_image_was_tried_is_gone_on_with() {
    let azure = world(|_| {});
    let cancel = CancellationToken::new();
    let (client, _events) = azure.client_with_limit(&cancel, ROLLOUT_DEADLINE).await;
    let made = azure.journal().len() as u64 + 15;
    azure.gone_after(made, cancel);
    rollout::run(&client, &checked(&tried("true")))
        .await
        .result
        .unwrap_err();
    assert_eq!(nodes(&azure).0, 2);
    azure.turn_the_page();
    let report = good(roll_out(&azure, &tried("true")).await);
    assert_eq!((nodes(&azure), report.canary.len()), ((8, 8), 2));
}

#[test]
fn every_request_of_a_trial_on_a_new_pool_meets_what_it_must_outlive() {
    let sweep = Sweep {
        one_of: 1,
        troubles: OUTLIVED,
        world: || world(|_| {}),
        flow: try_on_new_pool,
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 50, "only {cases} cases");
    write_count("trial on a new pool", cases);
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_trial_on_a_new_pool_is_not_undone() {
    let rivals = Rivals {
        who: OF_ONE_POOL,
        one_of: 3,
        world: async || world(|_| {}),
        flow: try_on_new_pool,
    };
    let taken = rivals.run();
    assert!(taken > 15, "only {taken} writes of rivals were taken");
    write_count("trial on a new pool with rivals", taken);
}

async fn try_on_new_pool(azure: Azure, ends: Ends) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    fastrand::seed(7);
    rollout::run(&client, &checked(&tried("true"))).await.result
}
