//! Waiting for a pool that is there, and deleting one: nothing that is not ours, nothing in use, nothing unasked.

use azure_batch_core::{
    batch,
    deletion::{self, DeletionReport},
    error::{Error, ErrorKind},
    options::{
        Opt,
        fleet::{ANY_POOL, WITH_JOBS, YES},
        pool as pool_options,
    },
    request::Request,
    rollout,
    settings::{self, ROLLOUT_DEADLINE, Values},
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    estate::{by_id, pool},
    rollout::{client, good, image, roll_out, settings as rolling_out, world},
    support::{Azure, GROUP},
};

/// Pool p1 of acct1.
fn of_pool() -> Values {
    Values::default()
        .with(
            pool_options::ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(pool_options::POOL_ID, "p1")
}

/// Deletes p1, or shows the plan, with these consents.
async fn delete(azure: &Azure, consents: &[&'static Opt]) -> Result<DeletionReport, Error> {
    let values = consents.iter().fold(of_pool(), |values, opt| values.with(opt, true));
    let asked = settings::deletion(&values).unwrap();
    deletion::run(&client(azure, ROLLOUT_DEADLINE).await, &asked.settings).await
}

/// A world in which a roll-out has made p1.
async fn rolled_out() -> Azure {
    let azure = world(|_| ());
    good(roll_out(&azure, &rolling_out("acct1", 5)).await);
    azure.turn_the_page();
    azure
}

async fn add_job(azure: &Azure) {
    let endpoint = "acct1.eastus2.batch.azure.com".parse().unwrap();
    let body = json!({"id": "nightly", "poolInfo": {"poolId": "p1"}});
    let request = Request::batch(&endpoint, Method::POST, "/jobs", batch::API_VERSION, "add a job").with_body(body);
    client(azure, ROLLOUT_DEADLINE).await.send(&request).await.unwrap();
    azure.turn_the_page();
}

#[tokio::test(start_paused = true)]
async fn a_deletion_shows_its_plan_first_and_waits_until_the_pool_is_gone() {
    let azure = rolled_out().await;
    let planned = delete(&azure, &[]).await.unwrap();
    assert_eq!(planned.plan.to_string().trim(), "delete pool p1 with 5 nodes");
    assert!(!planned.gone && azure.writes().is_empty());
    let done = delete(&azure, &[YES]).await.unwrap();
    assert!(done.gone);
    assert_eq!(azure.writes(), ["DELETE /pools/p1"]);
    azure.turn_the_page();
    let again = delete(&azure, &[YES]).await.unwrap();
    assert!(again.gone && again.plan.steps.is_empty() && azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_others_is_left_alone_unless_told() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&image("1.0.0")), 3)]));
    let error = delete(&azure, &[YES]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.report().contains("no roll-out has made pool p1"),
        "{}",
        error.report()
    );
    assert!(azure.writes().is_empty());
    assert!(delete(&azure, &[ANY_POOL, YES]).await.unwrap().gone);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_jobs_use_is_left_alone_unless_told() {
    let azure = rolled_out().await;
    add_job(&azure).await;
    let error = delete(&azure, &[YES]).await.unwrap_err();
    assert!(
        error.report().contains("used by active jobs: nightly"),
        "{}",
        error.report()
    );
    assert!(azure.writes().is_empty());
    assert!(delete(&azure, &[WITH_JOBS, YES]).await.unwrap().gone);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_a_change_meanwhile_are_another_look() {
    for trouble in [
        json!({"kind": "resetAfterEffect", "method": "DELETE", "path": "/pools/p1"}),
        json!({"kind": "status", "status": 412, "code": "ConditionNotMet", "method": "DELETE", "path": "/pools/p1"}),
    ] {
        let azure = rolled_out().await;
        azure.fault(trouble);
        assert!(delete(&azure, &[YES]).await.unwrap().gone);
    }
}

async fn wait(azure: &Azure) -> Result<rollout::PoolStanding, Error> {
    let asked = settings::wait(&of_pool()).unwrap();
    rollout::wait(&client(azure, ROLLOUT_DEADLINE).await, &asked.settings).await
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_nodes_of_anybodys_pool_are_ready_and_writes_nothing() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&image("1.0.0")), 0)]));
    crate::rollout::resize_by_somebody(&azure, 4).await;
    let standing = wait(&azure).await.unwrap_or_else(|error| panic!("{}", error.report()));
    assert_eq!((standing.ready.dedicated, standing.needed.dedicated), (4, 4));
    assert!(azure.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_steady_pool_with_too_few_nodes_ends_the_wait_with_what_batch_says() {
    let error = json!([{"code": "AllocationFailed", "message": "no room"}]);
    let azure = world(|seed| {
        let mut short: Value = pool("p1", by_id(&image("1.0.0")), 5);
        short["currentDedicatedNodes"] = json!(2);
        short["resizeErrors"] = error;
        seed["batchAccounts"][0]["pools"] = json!([short]);
    });
    let error = wait(&azure).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartlyReached);
    let report = error.report();
    assert!(
        report.contains("2 nodes are ready and 5 are needed") && report.contains("AllocationFailed: no room"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_not_there_cannot_be_waited_for() {
    let error = wait(&world(|_| ())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
}
