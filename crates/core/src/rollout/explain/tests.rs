//! Tests of the texts that a person reads when a pool is not good.

use serde_json::{Value, json};

use super::*;
use crate::{
    batch::pool::ResizeError,
    failure::Failure,
    options::Door,
    rollout::size::classify::judge,
    settings::{Readiness, SpotCounts, Targets},
};

const SIZE: &str = "Standard_A1_v2";

fn goal() -> Goal {
    let targets = Targets {
        dedicated: 700,
        spot: 0,
        spot_counts: SpotCounts::No,
    };
    Goal::new(targets, Readiness::default())
}

fn waited(verdict: Verdict, groups: &[(u32, Value)]) -> Waited {
    let nodes: Vec<Node> = groups
        .iter()
        .flat_map(|(count, node)| (0..*count).map(|_| Node::new(node)))
        .collect();
    let version = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
    Waited {
        census: Census::of(&nodes, |image| image.eq_ignore_ascii_case(version)),
        nodes,
        goal: goal(),
        verdict,
    }
}

fn site() -> (PoolId, BatchEndpoint) {
    ("p1".parse().unwrap(), "acct1.eastus2.batch.azure.com".parse().unwrap())
}

const fn at((pool, endpoint): &(PoolId, BatchEndpoint)) -> At<'_> {
    At {
        pool,
        endpoint,
        account: None,
    }
}

fn report(verdict: Verdict, groups: &[(u32, Value)]) -> String {
    let error = unready(
        at(&site()),
        &waited(verdict, groups),
        (Duration::from_secs(1800), Within::Pool),
        ("", &Disks::default()),
    );
    Failure::of(&error, Door::Flag).complaint(100)
}

#[test]
fn a_failed_start_task_is_shown_with_its_exit_code_and_where_to_read_on() {
    let failed = json!({"id": "tvmps_1_d", "state": "starttaskfailed", "isDedicated": true,
        "startTaskInfo": {"state": "completed", "exitCode": 3, "result": "failure", "failureInfo": {
            "category": "usererror", "code": "FailureExitCode", "message": "The task exited with an exit code\r\n::error::representing a failure"}}});
    let text = report(
        Verdict::Bad,
        &[(600, json!({"id": "a", "state": "idle"})), (100, failed)],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn the_last_line_of_a_failed_start_task_is_shown_with_its_exit_code() {
    let failed = json!({"id": "tvmps_1_d", "state": "starttaskfailed", "isDedicated": true,
        "startTaskInfo": {"state": "completed", "exitCode": 3, "result": "failure", "failureInfo": {
            "category": "usererror", "code": "FailureExitCode", "message": "It failed"}}});
    let waited = waited(Verdict::Bad, &[(7, failed)]);
    assert_eq!(failed_start(&waited), Some("tvmps_1_d"));
    let output = "before that\nmount: no \u{1b}[31msuch device\r\n\n";
    let error = unready(
        at(&site()),
        &waited,
        (Duration::from_secs(1800), Within::Pool),
        (output, &Disks::default()),
    );
    let text = Failure::of(&error, Door::Flag).complaint(400);
    assert!(
        text.contains(
            "On all 7 it ended with exit code 3, first on tvmps_1_d. The last line of its error output: mount: no"
        ),
        "{text}"
    );
    assert!(
        text.contains("such device") && !text.contains('\u{1b}') && !text.contains("before that"),
        "{text}"
    );
}

#[test]
fn nodes_on_another_version_are_shown_with_that_version() {
    let image = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/0.9.0";
    let node =
        json!({"id": "a", "state": "idle", "virtualMachineInfo": {"imageReference": {"virtualMachineImageId": image}}});
    insta::assert_snapshot!(report(Verdict::Bad, &[(700, node)]));
}

#[test]
fn nodes_that_stay_as_they_are_end_the_wait_with_their_states() {
    let text = report(
        Verdict::Pending,
        &[
            (600, json!({"id": "a", "state": "idle"})),
            (100, json!({"id": "b", "state": "unusable"})),
        ],
    );
    insta::assert_snapshot!(text);
    let slow = report(Verdict::Pending, &[(700, json!({"id": "a", "state": "creating"}))]);
    assert!(
        slow.contains("have not finished starting (exit code 8)"),
        "the same run waits on: {slow}"
    );
}

#[test]
fn a_broken_node_says_what_is_wrong() {
    let node = json!({"id": "a", "state": "unusable", "errors": [{"code": "DiskFull", "message": "The disk is full"}]});
    let text = report(Verdict::Bad, &[(700, node)]);
    assert!(
        text.starts_with("error: the disk is full on 700 of 700 nodes (DiskFull) (exit code 7)\n"),
        "{text}"
    );
    assert!(text.ends_with("\n  Batch, of a: DiskFull: The disk is full"), "{text}");
}

#[test]
fn a_steady_pool_without_nodes_is_explained_with_the_service_s_reason() {
    let error = ResizeError {
        code: "AllocationFailed".to_owned(),
        message: "Desired number of dedicated nodes could not be allocated".to_owned(),
        values: vec![("Provider Error Json".to_owned(), r#"{"error":{"code":"BadRequest","message":"The selected VM size 'STANDARD_A1_V2' cannot boot Hypervisor Generation '2'."}}"#.to_owned())],
    };
    let ending = Ending {
        end: End::Stopped,
        judged: Some(&judge(&error)),
        rounds: 1,
        parts: Vec::new(),
        room: Standing::default(),
        size: SIZE,
        placement: None,
        versions: Vec::new(),
    };
    let error = other_size(at(&site()), goal(), NodeCounts::default(), &ending);
    insta::assert_snapshot!(Failure::of(&error, Door::Flag).complaint(100));
}

#[test]
fn exit_kinds_follow_what_is_there() {
    let quota = ResizeError {
        code: "AccountCoreQuotaReached".to_owned(),
        message: String::new(),
        values: Vec::new(),
    };
    let timeout = ResizeError {
        code: "AllocationTimedOut".to_owned(),
        ..quota.clone()
    };
    let stopped = ResizeError {
        code: "ResizeStopped".to_owned(),
        ..quota.clone()
    };
    let some = NodeCounts { dedicated: 5, spot: 0 };
    let more = NodeCounts {
        dedicated: 800,
        spot: 0,
    };
    let table = [
        (End::Stopped, Some(&quota), some, ErrorKind::Quota),
        (End::UsedUp, Some(&timeout), some, ErrorKind::PartlyReached),
        (End::Fruitless, Some(&timeout), NodeCounts::default(), ErrorKind::Azure),
        (End::UsedUp, None, some, ErrorKind::PartlyReached),
        (End::Stopped, Some(&stopped), more, ErrorKind::Refused),
        (End::Fruitless, None, more, ErrorKind::PartlyReached),
    ];
    for (end, error, current, expected) in table {
        let judged = error.map(judge);
        let ending = Ending {
            end,
            judged: judged.as_ref(),
            rounds: 5,
            parts: Vec::new(),
            room: Standing::default(),
            size: SIZE,
            placement: None,
            versions: Vec::new(),
        };
        assert_eq!(
            other_size(at(&site()), goal(), current, &ending).kind(),
            expected,
            "{end:?}"
        );
    }
}
