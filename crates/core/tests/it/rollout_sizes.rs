//! Other VM sizes for a new pool for which Azure has no room: only on request, only for a pool without nodes and jobs, and
//! never without a word.

use azure_batch_core::{
    error::ErrorKind,
    rollout::{self, PoolAction},
    settings::{ROLLOUT_DEADLINE, RolloutSettings, Strategy},
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    given::checked,
    rollout::{client, entries, failure, good, roll_out, settings, world},
    rollout_in_place::{ask, in_place},
    support::Azure,
};

/// A roll-out of five nodes, for which these sizes may take the place of Standard_D4s_v5.
fn with_sizes(sizes: &[&str]) -> RolloutSettings {
    let mut settings = settings("acct1", 5);
    settings.pool.fallback_vm_sizes = sizes.iter().map(|size| size.parse().unwrap()).collect();
    settings
}

#[tokio::test(start_paused = true)]
async fn a_size_of_which_batch_has_none_is_not_the_last_one_that_is_tried() {
    let azure = world(|_| {});
    azure.fault(
        json!({"kind": "allocationFailed", "code": "BatchOutOfCapacity", "occurrence": {"first": 2},
        "target": "acct1/p1"}),
    );
    let report = good(roll_out(&azure, &with_sizes(&["Standard_D8s_v5"])).await);
    assert_eq!(report.vm_size.unwrap().as_str(), "Standard_D8s_v5");
}

/// The next resize of the pool brings so many nodes, and Azure has no more.
fn without_room(azure: &Azure, deliver: u32) {
    azure.fault(
        json!({"kind": "allocationFailed", "deliver": deliver, "code": "OverconstrainedAllocationRequestError",
        "target": "acct1/p1"}),
    );
}

async fn pool(azure: &Azure) -> Value {
    ask(azure, Method::GET, "/pools/p1", None).await
}

#[tokio::test(start_paused = true)]
async fn a_new_pool_for_which_azure_has_no_room_gets_the_next_size() {
    let azure = world(|_| {});
    without_room(&azure, 0);
    let asked = with_sizes(&["Standard_D8s_v5", "Standard_F16s_v2"]);
    let report = good(roll_out(&azure, &asked).await);
    assert_eq!(
        azure.writes(),
        ["POST /pools", "PATCH /pools/p1", "POST /pools/p1/resize"]
    );
    assert_eq!((report.action, report.ready), (PoolAction::Created, Some(5)));
    assert_eq!(report.vm_size.unwrap().as_str(), "Standard_D8s_v5");
    assert_eq!(pool(&azure).await["vmSize"], "standard_d8s_v5");
    azure.turn_the_page();
    let report = good(roll_out(&azure, &asked).await);
    assert_eq!(
        (azure.writes().len(), report.action),
        (0, PoolAction::Unchanged),
        "it is the same pool"
    );
    assert_eq!(report.vm_size.unwrap().as_str(), "Standard_D8s_v5");
}

#[tokio::test(start_paused = true)]
async fn every_size_is_tried_once_and_the_last_failure_stays() {
    let azure = world(|_| {});
    for _ in 0..2 {
        without_room(&azure, 0);
    }
    let error = failure(&azure, &with_sizes(&["Standard_D8s_v5"])).await;
    assert!(
        error.report().contains("OverconstrainedAllocationRequestError"),
        "{}",
        error.report()
    );
    assert_eq!(entries(&azure, &Method::PATCH, "/pools/p1").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_has_a_node_or_a_job_keeps_its_size() {
    let azure = world(|_| {});
    without_room(&azure, 2);
    let error = failure(&azure, &with_sizes(&["Standard_D8s_v5"])).await;
    assert_eq!(
        entries(&azure, &Method::PATCH, "/pools/p1").len(),
        0,
        "{}",
        error.report()
    );

    let azure = world(|_| {});
    let job = json!({"id": "waits", "poolInfo": {"poolId": "p1"}});
    ask(&azure, Method::POST, "/jobs", Some(job)).await;
    without_room(&azure, 0);
    let error = failure(&azure, &with_sizes(&["Standard_D8s_v5"])).await;
    assert_eq!(
        entries(&azure, &Method::PATCH, "/pools/p1").len(),
        0,
        "{}",
        error.report()
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_pool_of_a_roll_out_before_gets_the_next_size_too() {
    let azure = world(|_| {});
    good(roll_out(&azure, &settings("acct1", 0)).await);
    without_room(&azure, 0);
    let report = good(roll_out(&azure, &with_sizes(&["Standard_D8s_v5"])).await);
    assert_eq!(
        (report.vm_size.unwrap().as_str(), report.ready),
        ("Standard_D8s_v5", Some(5))
    );
}

#[tokio::test(start_paused = true)]
async fn each_size_must_be_offered_and_boot_the_image_before_anything_is_written() {
    let azure = world(|_| {});
    let error = failure(
        &azure,
        &with_sizes(&["Standard_D9s_v99", "Standard_A1_v2", "Standard_D8ps_v5"]),
    )
    .await;
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let report = error.report();
    for said in [
        "Standard_D9s_v99 is not offered by Batch in eastus2: leave it out",
        "Standard_A1_v2 does not boot the image (it boots generation V1, the images are V2): leave it out",
        "Standard_D8ps_v5 does not boot the image (it is Arm64, the images are x64): leave it out",
    ] {
        assert!(report.contains(said), "{report}");
    }
    assert_eq!(azure.writes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_size_whose_quota_is_too_small_is_left_out_and_the_plan_names_the_others() {
    let azure = world(|seed| {
        seed["batchAccounts"][0]["quotas"] = json!({"perFamily": {"standardDSv5Family": 4}});
    });
    let asked = with_sizes(&["Standard_D8s_v5", "Standard_F16s_v2"]);
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let plan = rollout::plan(&client, &checked(&asked)).await.unwrap();
    let said: String = plan.facts.iter().map(|fact| format!("{fact}\n")).collect();
    let line = "nodes: where Azure has no room for a new pool, it gets another VM size, tried in this order: Standard_D8s_v5, Standard_F16s_v2";
    assert!(said.contains(line), "{said}");
    let report = good(roll_out(&azure, &asked).await);
    assert_eq!(azure.writes(), ["POST /pools"]);
    assert_eq!(report.vm_size.unwrap().as_str(), "Standard_F16s_v2");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_change_of_the_size_is_looked_at_and_not_repeated() {
    let azure = world(|_| {});
    without_room(&azure, 0);
    azure.fault(json!({"kind": "resetAfterEffect", "method": "PATCH", "path": "/pools/p1", "occurrence": {"nth": 1}}));
    let report = good(roll_out(&azure, &with_sizes(&["Standard_D8s_v5"])).await);
    assert_eq!(entries(&azure, &Method::PATCH, "/pools/p1").len(), 1);
    assert_eq!(report.ready, Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_new_image_in_place_keeps_the_size_that_the_pool_has_of_the_list() {
    let azure = world(|_| {});
    without_room(&azure, 0);
    let mut asked = with_sizes(&["Standard_D8s_v5"]);
    asked.pool.version = crate::rollout::image("0.9.0").parse().unwrap();
    good(roll_out(&azure, &asked).await);
    let mut newer = with_sizes(&["Standard_D8s_v5"]);
    newer.change.strategy = Strategy::InPlace;
    let report = good(roll_out(&azure, &newer).await);
    assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(5)));
    assert_eq!(pool(&azure).await["vmSize"], "standard_d8s_v5");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_got_no_nodes_takes_another_size_by_the_same_command() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "quota", "deliver": 0, "code": "AccountCoreQuotaReached", "target": "acct1/p1"}));
    let error = failure(&azure, &settings("acct1", 5)).await;
    assert_eq!(error.kind(), ErrorKind::Quota, "{}", error.report());
    let mut other = in_place(5);
    other.pool.vm_size = Some("Standard_D8s_v5".parse().unwrap());
    let report = good(roll_out(&azure, &other).await);
    assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(5)));
    assert_eq!(pool(&azure).await["vmSize"], "standard_d8s_v5");
}
