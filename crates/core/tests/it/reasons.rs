//! Failures whose reason has to be looked for: names that Azure does not have, parts of a pool that are gone, a service
//! that refuses until the time is over.
//!
//! The world is that of `rollout`.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    error::{Error, ErrorKind},
    failure::Failure,
    options::Door,
    rollout,
};
use serde_json::json;

use crate::{
    given::checked,
    rollout::{client, failure, image, settings, world},
    support::Azure,
};

/// As a terminal shows it, on one line.
fn told(error: &Error) -> String {
    let text = Failure::of(error, Door::Flag).complaint(80);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vm_size_that_batch_does_not_offer_is_refused_before_anything_is_written() {
    let azure = world(|_| {});
    let mut asked = settings("acct1", 5);
    asked.pool.vm_size = Some("Standard_D4s_v99".parse().unwrap());
    let error = failure(&azure, &asked).await;
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert_says(
        &told(&error),
        &[
            "--vm-size: Batch does not offer the VM size Standard_D4s_v99 in eastus2 (exit code 2)",
            "If the nearest name is meant, run again with --vm-size Standard_D4s_v",
            "--location eastus2",
        ],
    );
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_node_agent_that_batch_does_not_know_is_refused_wherever_it_is_given() {
    let azure = world(|_| {});
    let mut asked = settings("acct1", 5);
    asked.pool.node_agent_sku = Some("batch.node.ubuntu 99.04".parse().unwrap());
    let error = failure(&azure, &asked).await;
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let said = "(nearest in spelling only: \"batch.node.ubuntu 2";
    assert_says(
        &told(&error),
        &[
            "--node-agent-sku-id: \"batch.node.ubuntu 99.04\" is not a node agent that Batch has",
            said,
        ],
    );
    asked.pool.node_agent_sku = None;
    let configuration = json!({ "nodeAgentSKUId": "batch.node.ubuntu 99.04" });
    asked
        .pool
        .json
        .insert("virtualMachineConfiguration".to_owned(), configuration);
    let error = failure(&azure, &asked).await;
    let place = "--pool-json.virtualMachineConfiguration.nodeAgentSKUId: \"batch.node.ubuntu 99.04\" is not a node agent that Batch has";
    assert_says(&told(&error), &[place, said]);
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_may_not_be_read_or_is_empty_refuses_no_name() {
    for body in [json!({"value": []}), json!({"error": {"code": "AuthorizationFailed"}})] {
        let azure = world(|_| {});
        let status = if body.get("value").is_some() { 200 } else { 403 };
        for path in ["*/virtualMachineSkus*", "*/supportedimages*"] {
            azure.fault(
                json!({"kind": "wrongBody", "status": status, "path": path, "occurrence": "every",
                "body": body.to_string(), "contentType": "application/json"}),
            );
        }
        let outcome = crate::rollout::roll_out(&azure, &settings("acct1", 5)).await;
        assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    }
}

async fn without_a_part(azure: &Azure) -> String {
    azure.fault(
        json!({"kind": "allocationFailed", "code": "DependentResourceNotFound", "deliver": 0,
        "target": "acct1/p1", "message": "A dependent resource was not found."}),
    );
    told(&failure(azure, &settings("acct1", 5)).await)
}

#[tokio::test(start_paused = true)]
async fn what_the_pool_needs_is_looked_for_when_azure_does_not_say_what_is_gone() {
    let azure = world(|_| {});
    let all_there = without_a_part(&azure).await;
    assert_says(
        &all_there,
        &["is gone", "The image version galleries/gal1/", "is there."],
    );

    let azure = world(|_| {});
    let path = format!("{}?api-version=2024-03-03", image("1.0.0"));
    azure.fault(
        json!({"kind": "rival", "method": "GET", "path": "*/virtualMachineSkus*", "when": "afterEffect",
        "write": {"method": "DELETE", "path": path}}),
    );
    let gone = without_a_part(&azure).await;
    assert_says(
        &gone,
        &[
            "0 of 5 nodes came: image version def1 1.0.0 is gone",
            "is not there",
            "publish the image again under another number",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_refuses_until_the_deadline_is_the_reason_and_not_the_deadline() {
    let azure = world(|_| {});
    azure.fault(
        json!({"kind": "status", "status": 503, "code": "ServerBusy", "message": "The server is busy.",
        "path": "*/pools*", "occurrence": "every"}),
    );
    let client = client(&azure, Duration::from_secs(12)).await;
    let outcome = rollout::run(&client, &checked(&settings("acct1", 5))).await;
    let error = outcome.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    let text = told(&error);
    assert!(text.starts_with("error: Azure answered 503 ServerBusy "), "{text}");
    assert_says(
        &text,
        &[
            " times to the request to read pool p1 until the deadline of 12 s passed (exit code 6)",
            "Nothing was changed.",
            "The last answer came at ",
            "for more time, with --deadline 2h",
            "Azure: ServerBusy: The server is busy (request id ",
        ],
    );
    assert!(
        !text.contains("This run could not read"),
        "the first line says it: {text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_until_the_deadline_says_that_its_effect_is_not_known() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "hang", "method": "POST", "path": "*/pools*", "occurrence": "every"}));
    let client = client(&azure, Duration::from_secs(120)).await;
    let outcome = rollout::run(&client, &checked(&settings("acct1", 5))).await;
    let error = outcome.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert_says(
        &told(&error),
        &[
            "Azure gave no answer to the request to create pool p1 until the deadline of",
            "The request was to create pool p1",
            "It is not known whether Azure has acted on the request.",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_said_with_the_disks_that_nodes_of_that_size_have() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "unusableNodes", "count": 4, "code": "DiskFull", "target": "acct1/p1"}));
    let text = told(&failure(&azure, &settings("acct1", 5)).await);
    assert_says(
        &text,
        &[
            "Standard_D4s_v5 has no temporary disk, so Batch has its folders on the OS disk, which has 30 GB.",
            "make the OS disk larger (virtualMachineConfiguration.osDisk.diskSizeGB in --pool-json), or take a --vm-size with a \
             temporary disk",
        ],
    );
}
