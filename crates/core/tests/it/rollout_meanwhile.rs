//! What happens to a roll-out while it looks: other clients write, rights are missing, the run ends. And how it looks.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    error::ErrorKind,
    ids::BatchEndpoint,
    rollout::{self, PoolAction},
    settings::{ROLLOUT_DEADLINE, RolloutSettings},
    watch::AccountWatch,
};
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, entries, failure, foreign_pool, good, image, resize_by_somebody, roll_out, settings, world},
    support::Azure,
};

/// The number of a request of this roll-out at which the pool is created and being waited for.
pub(crate) async fn while_it_waits(settings: &RolloutSettings) -> u64 {
    let undisturbed = world(|_| {});
    good(roll_out(&undisturbed, settings).await);
    undisturbed.number_of("POST", "/pools") + 2
}

/// Another client's write, just before a request of ours is answered.
fn rival(azure: &Azure, request: (&str, &str), write: (&str, &str, Value)) {
    let ((method, path), (verb, to, body)) = (request, write);
    azure.fault(
        json!({"kind": "rival", "method": method, "path": path, "occurrence": "every",
        "write": {"method": verb, "path": to, "body": body}}),
    );
}

/// How often the faults of a kind took effect.
fn hits(azure: &Azure, kind: &str) -> u64 {
    let faults = azure.emulator(|emulator, _| serde_json::to_value(emulator.faults()).unwrap());
    let of_kind = faults.as_array().unwrap().iter().filter(|fault| fault["kind"] == kind);
    of_kind.map(|fault| fault["hits"].as_u64().unwrap()).sum()
}

#[tokio::test(start_paused = true)]
async fn nodes_that_come_by_a_resize_that_is_joined_need_replicas_too() {
    let azure = world(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"] =
            json!([{"name": "eastus2", "regionalReplicaCount": 1}]);
        seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 5)]);
    });
    resize_by_somebody(&azure, 700).await;
    let settings = settings("acct1", 700);
    let planned = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&settings)).await;
    let steps: Vec<String> = planned.unwrap().steps.iter().map(ToString::to_string).collect();
    assert!(
        steps[0].contains("from 1 to 4") && steps[1].starts_with("wait for the end of the resize of pool p1"),
        "{steps:?}"
    );
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!(report.ready, Some(700));
    assert_eq!(azure.writes(), [format!("PUT {}", image("1.0.0"))]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_gets_another_image_between_two_rounds_gets_no_nodes_of_ours() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 0}));
    let reference = json!({"virtualMachineImageId": image("0.9.0")});
    let swap = json!({"virtualMachineConfiguration": {"imageReference": reference, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}});
    rival(&azure, ("POST", "*/pools/p1/resize"), ("PATCH", "/pools/p1", swap));
    let error = failure(&azure, &settings("acct1", 8)).await;
    assert_eq!(hits(&azure, "rival"), 1);
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error.report().contains("exists and runs def1 0.9.0, not def1 1.0.0"),
        "{}",
        error.report()
    );
    assert_eq!(
        azure.writes(),
        ["POST /pools", "POST /pools/p1/resize"],
        "the refused resize was not sent again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_another_client_sets_between_two_rounds_is_not_undone() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 10}));
    let other = json!({"targetDedicatedNodes": 5, "targetLowPriorityNodes": 0});
    rival(
        &azure,
        ("POST", "*/pools/p1/resize"),
        ("POST", "/pools/p1/resize", other),
    );
    let error = failure(&azure, &settings("acct1", 20)).await;
    assert_eq!(hits(&azure, "rival"), 1);
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    let why = "has other targets by now: 5 nodes there, 20 asked for";
    assert!(error.report().contains(why), "{}", error.report());
}

/// Findings of `create`: a pool that is on its way out when ours is sent, and one that an equal run has just made.
#[tokio::test(start_paused = true)]
async fn a_pool_that_is_going_right_when_ours_is_created_is_waited_for_and_made_again() {
    let azure = world(|_| {});
    azure.fault(
        json!({"kind": "status", "status": 409, "code": "PoolBeingDeleted", "method": "POST", "path": "*/pools"}),
    );
    let report = good(roll_out(&azure, &settings("acct1", 3)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Created, Some(3)));
    assert_eq!(azure.writes(), ["POST /pools", "POST /pools"]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_an_equal_run_has_made_right_before_is_joined_and_its_failure_is_its_own() {
    let settings = settings("acct1", 8);
    let equal = world(|_| {});
    good(roll_out(&equal, &settings).await);
    let body = json!(entries(&equal, &Method::POST, "/pools")[0].request);
    let azure = world(|_| {});
    // What the equal run has asked for fails. That is not the end of ours, which asks again.
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 2}));
    rival(&azure, ("POST", "*/pools"), ("POST", "/pools", body));
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!((hits(&azure, "rival"), hits(&azure, "allocationTimeout")), (1, 1));
    assert_eq!((report.action, report.ready), (PoolAction::Joined, Some(8)));
    assert_eq!(azure.writes(), ["POST /pools", "POST /pools/p1/resize"]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_others_have_made_right_before_is_not_taken_for_ours() {
    let azure = world(|_| {});
    rival(
        &azure,
        ("POST", "*/pools"),
        ("POST", "/pools", foreign_pool("0.9.0", 2)),
    );
    let error = failure(&azure, &settings("acct1", 8)).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert_eq!(azure.writes(), ["POST /pools"]);
}

/// As between jobs and nodes, where this was another look before: one decision has one home.
#[tokio::test(start_paused = true)]
async fn a_resize_that_finds_no_pool_is_another_look_and_no_failure() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationTimeout", "deliver": 0}));
    azure.fault(
        json!({"kind": "status", "status": 404, "code": "PoolNotFound", "method": "POST", "path": "*/pools/p1/resize"}),
    );
    let report = good(roll_out(&azure, &settings("acct1", 8)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Created, Some(8)));
    let resize = "POST /pools/p1/resize";
    assert_eq!(azure.writes(), ["POST /pools", resize, resize]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_another_client_scales_down_while_nodes_start_ends_the_wait() {
    let began = Instant::now();
    let azure = world(|_| {});
    let none = json!({"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0});
    rival(&azure, ("GET", "*/nodecounts"), ("POST", "/pools/p1/resize", none));
    let outcome = roll_out(&azure, &settings("acct1", 5)).await;
    let error = outcome.result.must_fail();
    assert!(hits(&azure, "rival") > 0);
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error.report().contains("0 nodes there, 5 asked for"),
        "{}",
        error.report()
    );
    assert!(began.elapsed() < Duration::from_secs(20 * 60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_report_has_the_last_count_however_the_wait_for_nodes_ends() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 1}));
    let settings = settings("acct1", 10);
    let outcome = rollout::run(&client(&azure, Duration::from_secs(20 * 60)).await, &checked(&settings)).await;
    assert_eq!(
        (outcome.result.must_fail().kind(), outcome.report.ready),
        (ErrorKind::Deadline, Some(9))
    );
    assert_eq!(outcome.report.states.get("unusable"), Some(&1));

    azure.turn_the_page();
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "message": "no longer",
        "method": "GET", "path": "*/pools", "occurrence": {"nth": 3}}),
    );
    let outcome = roll_out(&azure, &settings).await;
    assert_eq!(hits(&azure, "status"), 1);
    assert_eq!(
        (outcome.result.must_fail().kind(), outcome.report.ready),
        (ErrorKind::NoRights, Some(9))
    );

    azure.turn_the_page();
    let cancel = CancellationToken::new();
    let (client, _events) = azure.client_with_limit(&cancel, ROLLOUT_DEADLINE).await;
    azure.gone_after(14, cancel);
    let outcome = rollout::run(&client, &checked(&settings)).await;
    assert_eq!(
        (outcome.result.must_fail().kind(), outcome.report.ready),
        (ErrorKind::Cancelled, Some(9))
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_nodes_lists_them_only_to_decide() {
    let azure = world(|_| {});
    good(roll_out(&azure, &settings("acct1", 700)).await);
    let count = |path: &str| entries(&azure, &Method::GET, path).len();
    assert_eq!(
        count("/pools/p1/nodes"),
        1,
        "once, when the counts say that enough are ready"
    );
    assert!(count("/nodecounts") > 10, "{}", count("/nodecounts"));
}

#[tokio::test(start_paused = true)]
async fn an_identity_without_the_right_to_count_nodes_lists_them() {
    let azure = world(|_| {});
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "message": "no",
        "path": "*/nodecounts", "occurrence": "every"}),
    );
    let report = good(roll_out(&azure, &settings("acct1", 10)).await);
    assert!(hits(&azure, "status") > 0);
    assert_eq!(report.ready, Some(10));
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_may_not_change_the_version_rolls_out_with_a_warning() {
    let azure = world(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"] =
            json!([{"name": "eastus2", "regionalReplicaCount": 1}]);
    });
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "message": "no write",
        "method": "PUT", "path": "*/versions/1.0.0", "occurrence": "every"}),
    );
    let report = good(roll_out(&azure, &settings("acct1", 700)).await);
    assert!(hits(&azure, "status") > 0);
    assert_eq!(report.ready, Some(700));
    assert!(
        report.skipped_checks[0].contains("may not change it"),
        "{:?}",
        report.skipped_checks
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_cancel_it_is_said_that_a_resize_goes_on() {
    let azure = world(|_| {});
    let cancel = CancellationToken::new();
    let (client, _events) = azure.client_with_limit(&cancel, ROLLOUT_DEADLINE).await;
    azure.gone_after(while_it_waits(&settings("acct1", 700)).await, cancel);
    let outcome = rollout::run(&client, &checked(&settings("acct1", 700))).await;
    assert_eq!(outcome.report.action, PoolAction::Created);
    let report = outcome.result.must_fail().report();
    let command = "az batch pool resize --account-name acct1 --account-endpoint acct1.eastus2.batch.azure.com --pool-id p1 --abort";
    assert!(report.contains(command), "{report}");
}

#[tokio::test(start_paused = true)]
async fn two_requests_look_at_all_pools_of_an_account() {
    let azure = world(|seed| {
        let mut other = foreign_pool("1.0.0", 4);
        other["id"] = json!("p2");
        seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 4), other]);
    });
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let endpoint = BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap();
    let ids = ["p1", "P2"].map(|id| id.parse().unwrap());
    let watch = AccountWatch::new(&client, endpoint, ids.to_vec());
    let asked = || entries(&azure, &Method::GET, "/pools").len() + entries(&azure, &Method::GET, "/nodecounts").len();
    for id in &ids {
        let look = watch.look(None).await.unwrap();
        assert_eq!(look.pool(id).unwrap().targets.dedicated, 4);
        assert_eq!(look.counts(id).unwrap().dedicated.values().sum::<u32>(), 4);
    }
    assert_eq!(asked(), 2);
    watch.look(Some(Instant::now())).await.unwrap();
    assert_eq!(asked(), 4, "what was seen before a write does not count after it");
}
