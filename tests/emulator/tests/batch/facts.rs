//! What was found of Batch lately, one fact a test.

use http::Method;
use serde_json::json;

use crate::harness::{ACCOUNT, pool, world};

/// The resize ends at its timeout although a task still runs: a guess from the models' words on the timeout.
#[test]
fn a_shrink_that_waits_for_tasks_ends_at_its_timeout_with_what_left() {
    let mut world = world(|_| {});
    world.ready_pool("p", 2);
    world.post("/jobs", json!({"id": "j", "poolInfo": {"poolId": "p"}}));
    world.post("/jobs/j/tasks", json!({"id": "long", "commandLine": "sleep 7200"}));
    world.wait(5);
    let shrink =
        json!({"targetDedicatedNodes": 0, "nodeDeallocationOption": "taskcompletion", "resizeTimeout": "PT10M"});
    assert_eq!(world.post("/pools/p/resize", shrink).status(), 202);
    world.wait(599);
    assert_eq!(world.get("/pools/p").body["allocationState"], "resizing");
    world.wait(2);
    let shown = world.get("/pools/p").body;
    assert_eq!(
        (&shown["allocationState"], &shown["currentDedicatedNodes"]),
        (&json!("steady"), &json!(1))
    );
    assert_eq!(shown["resizeErrors"][0]["code"], "AllocationTimedOut");
    assert_eq!(world.node_states("p"), "running:1");
}

#[test]
fn a_node_can_get_the_id_of_one_that_is_gone_and_has_its_own_allocation_time() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    let first = world.get("/pools/p/nodes").body["value"][0].clone();
    for nodes in [0, 1] {
        world.post("/pools/p/resize", json!({"targetDedicatedNodes": nodes}));
        world.wait(600);
    }
    let second = world.get("/pools/p/nodes").body["value"][0].clone();
    assert_eq!(second["id"], first["id"]);
    assert_ne!(second["allocationTime"], first["allocationTime"]);
    let id = second["id"].as_str().unwrap();
    let reimaged = world.post(&format!("/pools/p/nodes/{id}/reimage"), json!({}));
    assert_eq!(reimaged.status(), 202, "{reimaged:?}");
    world.wait(600);
    assert_eq!(
        world.get("/pools/p/nodes").body["value"][0]["allocationTime"],
        second["allocationTime"]
    );
}

#[test]
fn nodes_are_filtered_by_the_result_of_their_start_task_and_not_by_image() {
    let mut world = world(|_| {});
    let mut body = pool("p", 2);
    body["startTask"] = json!({"commandLine": "/bin/true", "waitForSuccess": true});
    world.fault(
        json!({"kind": "startTaskFailed", "count": 1}),
        azure_emulator::fault::Occurrence::Every,
    );
    world.post("/pools", body);
    world.wait(600);
    let failed = world.get("/pools/p/nodes?$filter=startTaskInfo/result eq 'failure'");
    assert_eq!(failed.body["value"].as_array().map(Vec::len), Some(1), "{failed:?}");
    let by_image = world.get("/pools/p/nodes?$filter=virtualMachineInfo/imageReference/virtualMachineImageId eq 'x'");
    assert_eq!(by_image.status(), 400);
}

#[test]
fn keeping_data_is_no_option_from_august_2026_on() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    let shrink = || json!({"targetDedicatedNodes": 0, "nodeDeallocationOption": "retaineddata"});
    world.speak("2026-08-01");
    let refused = world.post("/pools/p/resize", shrink());
    assert_eq!(
        (refused.status(), refused.code(), refused.detail("PropertyValue")),
        (400, "InvalidPropertyValue", "retaineddata")
    );
    world.speak("2025-06-01");
    assert_eq!(world.post("/pools/p/resize", shrink()).status(), 202);
}

#[test]
fn a_resize_error_can_name_reason_code_and_message_and_hold_json_in_json() {
    let mut world = world(|_| {});
    let inner = json!({"error": {"code": "RequestDisallowedByPolicy", "message": "no public address"}}).to_string();
    let fault = json!({
        "kind": "allocationFailed", "provider": {"error": {"code": "Conflict", "message": inner}},
        "values": {"Reason": "the policy p", "code": "RequestDisallowedByPolicy", "message": "no public address"},
    });
    world.fault(fault, azure_emulator::fault::Occurrence::Every);
    world.post("/pools", pool("p", 1));
    world.wait(600);
    let errors = world.get("/pools/p").body["resizeErrors"].clone();
    let value = |name: &str| {
        let values = errors[0]["values"].as_array().unwrap();
        values
            .iter()
            .find(|pair| pair["name"] == name)
            .and_then(|pair| pair["value"].as_str())
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        (value("Reason").as_str(), value("message").as_str()),
        ("the policy p", "no public address")
    );
    let provider: serde_json::Value = serde_json::from_str(&value("Provider Error Json")).unwrap();
    let inner: serde_json::Value = serde_json::from_str(provider["error"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(inner["error"]["code"], "RequestDisallowedByPolicy");
}

/// The specification of the resource manager's plane.
#[test]
fn a_deletion_on_arm_says_where_to_ask_and_when() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    let deleted = world.arm(&Method::DELETE, &format!("{ACCOUNT}/pools/p"), None, &[]);
    assert_eq!((deleted.status(), deleted.header("retry-after")), (202, Some("15")));
    let location = deleted.header("location").unwrap().to_owned();
    let path = location.split_once("management.azure.com").unwrap().1.to_owned();
    let poll = world.arm(&Method::GET, &path, None, &[]);
    assert_eq!((poll.status(), poll.header("retry-after")), (202, Some("15")));
}

#[test]
fn a_pool_on_a_size_with_nvme_needs_a_definition_that_takes_it() {
    for (controllers, nodes) in [("SCSI", 0), ("SCSI, NVMe", 1)] {
        let mut world = world(|seed| {
            seed["definitions"][0]["properties"]["features"] = json!([
                {"name": "SecurityType", "value": "Standard"}, {"name": "DiskControllerTypes", "value": controllers}]);
        });
        let mut body = pool("p", 1);
        body["vmSize"] = json!("Standard_D2s_v6");
        world.post("/pools", body);
        world.wait(600);
        let shown = world.get("/pools/p").body;
        assert_eq!(shown["currentDedicatedNodes"], nodes, "{controllers}");
        assert_eq!(
            shown.to_string().contains("cannot boot with OS image or disk"),
            nodes == 0
        );
    }
}
