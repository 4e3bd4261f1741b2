//! Tests of the texts that a person reads when a pool is not good.

use serde_json::{Value, json};

use super::*;
use crate::{
    batch::pool::ResizeError,
    rollout::size::classify::judge,
    settings::{Readiness, SpotCounts, Targets},
};

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

fn report(verdict: Verdict, groups: &[(u32, Value)]) -> String {
    let error = unready(
        &"p1".parse().unwrap(),
        goal(),
        &waited(verdict, groups),
        Duration::from_secs(1800),
    );
    format!("{}\nexit code {}", error.report(), error.kind().exit_code().0)
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
    insta::assert_snapshot!(text, @r"
    pool p1: 600 nodes ready, 686 needed, 700 wanted (600 idle, 100 starttaskfailed)
      caused by: the start task failed on 100 nodes; on tvmps_1_d with exit code 3: FailureExitCode: The task exited with an exit code ::error::representing a failure
      hint: read what it wrote (az batch node file download --pool-id p1 --node-id tvmps_1_d --file-path startup/stderr.txt --destination stderr.txt), repair it, and roll out to a new pool id
    exit code 5
    ");
}

#[test]
fn nodes_on_another_version_are_shown_with_that_version() {
    let image = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/0.9.0";
    let node =
        json!({"id": "a", "state": "idle", "virtualMachineInfo": {"imageReference": {"virtualMachineImageId": image}}});
    insta::assert_snapshot!(report(Verdict::Bad, &[(700, node)]), @r"
    pool p1: 0 nodes ready, 686 needed, 700 wanted (700 idle)
      caused by: 700 nodes are on another image: /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/0.9.0
      hint: nodes keep the image they were made from: remove them so that the pool makes new ones, or roll out to a new pool id
    exit code 8
    ");
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
    insta::assert_snapshot!(text, @r"
    pool p1: 600 nodes ready, 686 needed, 700 wanted (600 idle, 100 unusable)
      caused by: no node has changed its state for 30 min
      caused by: Batch has no contact with 100 nodes; the first is b
      hint: check that the node agent SKU is the image's, that the image is generalized, and that the pool's network lets nodes reach Batch
    exit code 5
    ");
    assert!(
        report(Verdict::Pending, &[(700, json!({"id": "a", "state": "creating"}))])
            .contains("have not finished starting")
    );
}

#[test]
fn a_broken_node_says_what_is_wrong() {
    let node = json!({"id": "a", "state": "unusable", "errors": [{"code": "DiskFull", "message": "The disk is full"}]});
    assert!(report(Verdict::Bad, &[(700, node)]).contains("700 nodes unusable; a says DiskFull: The disk is full"));
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
    };
    let error = too_small(&"p1".parse().unwrap(), goal(), NodeCounts::default(), &ending);
    insta::assert_snapshot!(error.report(), @r"
    pool p1 is steady after 1 round: 0 nodes there, 686 needed, 700 wanted (another round would end the same)
      caused by: AllocationFailed: Desired number of dedicated nodes could not be allocated (BadRequest: The selected VM size 'STANDARD_A1_V2' cannot boot Hypervisor Generation '2'.); that VM size cannot boot the image's generation
      hint: choose a VM size of the image's generation, or publish the image in the other one
    ");
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
    let some = NodeCounts { dedicated: 5, spot: 0 };
    let table = [
        (End::Stopped, Some(&quota), some, ErrorKind::Quota),
        (End::UsedUp, Some(&timeout), some, ErrorKind::PartlyReached),
        (End::Fruitless, Some(&timeout), NodeCounts::default(), ErrorKind::Azure),
        (End::UsedUp, None, some, ErrorKind::PartlyReached),
    ];
    for (end, error, current, expected) in table {
        let judged = error.map(judge);
        let ending = Ending {
            end,
            judged: judged.as_ref(),
            rounds: 5,
        };
        assert_eq!(
            too_small(&"p1".parse().unwrap(), goal(), current, &ending).kind(),
            expected,
            "{end:?}"
        );
    }
}
