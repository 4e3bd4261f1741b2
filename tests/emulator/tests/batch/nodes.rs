//! Nodes that do not stay well: taken away, lost, out of service; and how they are counted.

use azure_emulator::fault::Occurrence;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{World, pool, world};

/// A pool with dedicated and spot nodes, idle.
fn mixed_pool(world: &mut World, dedicated: u32, spot: u32) {
    let mut body = pool("p", dedicated);
    body["targetLowPriorityNodes"] = json!(spot);
    assert_eq!(world.post("/pools", body).status(), 201);
}

fn node_in(world: &mut World, state: &str) -> Value {
    let nodes = world.get("/pools/p/nodes").body;
    let mut nodes = nodes["value"].as_array().unwrap().iter();
    nodes.find(|node| node["state"] == state).unwrap().clone()
}

fn ids(world: &mut World) -> Vec<Value> {
    let nodes = world.get("/pools/p/nodes?$select=id").body;
    nodes["value"].as_array().unwrap().clone()
}

#[test]
fn preempted_spot_nodes_are_counted_and_come_back_under_their_ids() {
    let mut world = world(|_| {});
    world.fault(json!({"kind": "preempted", "count": 2}), Occurrence::Nth(1));
    mixed_pool(&mut world, 1, 3);
    world.wait(300);
    assert_eq!(world.node_states("p"), "idle:4");
    let before = ids(&mut world);
    world.wait(100);
    assert_eq!(world.node_states("p"), "idle:2 preempted:2");
    let lost = node_in(&mut world, "preempted");
    assert_eq!(lost["isDedicated"], false);
    assert!(lost.get("nodeAgentInfo").is_none());
    let counts = world.get("/nodecounts?$filter=poolId eq 'p'").body["value"][0].clone();
    assert_eq!(
        (&counts["lowPriority"]["preempted"], &counts["lowPriority"]["total"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(counts["dedicated"]["idle"], 1);
    let shown = world.get("/pools/p").body;
    assert_eq!(
        (&shown["currentLowPriorityNodes"], &shown["allocationState"]),
        (&json!(3), &json!("steady")),
        "a preempted node counts as there"
    );
    world.wait(265);
    assert_eq!(world.node_states("p"), "creating:2 idle:2");
    world.wait(60);
    assert_eq!((world.node_states("p").as_str(), ids(&mut world)), ("idle:4", before));
}

#[test]
fn a_preemption_puts_tasks_back_and_lasts_for_ever_if_asked_to() {
    let mut world = world(|_| {});
    let gone = json!({"kind": "preempted", "count": 1, "after": 120, "returnsAfter": null});
    world.fault(gone, Occurrence::Nth(1));
    mixed_pool(&mut world, 0, 1);
    world.post("/jobs", json!({"id": "j", "poolInfo": {"poolId": "p"}}));
    world.post("/jobs/j/tasks", json!({"id": "t", "commandLine": "sleep 1000"}));
    world.wait(170);
    assert_eq!(world.get("/jobs/j/tasks/t").body["state"], "running");
    world.wait(10);
    let task = world.get("/jobs/j/tasks/t").body;
    assert_eq!(
        (&task["state"], &task["executionInfo"]["requeueCount"]),
        (&json!("active"), &json!(1))
    );
    world.wait(864_000);
    assert_eq!(world.node_states("p"), "preempted:1");
    let id = node_in(&mut world, "preempted")["id"].as_str().unwrap().to_owned();
    for action in ["reboot", "reimage", "deallocate", "start"] {
        let refused = world.batch(&Method::POST, &format!("/pools/p/nodes/{id}/{action}"), None);
        assert_eq!(refused.status(), 409, "{action}");
    }
    world.post(
        "/pools/p/resize",
        json!({"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0}),
    );
    world.wait(60);
    assert_eq!(world.node_states("p"), "");
}

/// Whatever the step, a node is taken away and given back at the same times.
#[test]
fn preemptions_do_not_depend_on_how_often_one_looks() {
    let run = |step: i64| {
        let mut world = world(|_| {});
        world.fault(json!({"kind": "preempted", "count": 2}), Occurrence::Nth(1));
        mixed_pool(&mut world, 0, 2);
        world.post("/jobs", json!({"id": "j", "poolInfo": {"poolId": "p"}}));
        world.post("/jobs/j/tasks", json!({"id": "t", "commandLine": "sleep 400"}));
        for _ in 0..(1_500 / step) {
            world.wait(step);
            world.get("/pools/p/nodes");
        }
        (world.get("/pools/p/nodes").body, world.get("/jobs/j/tasks/t").body)
    };
    let (nodes, task) = run(5);
    assert_eq!((nodes, task.clone()), run(1_500));
    assert_eq!(
        (&task["state"], &task["executionInfo"]["requeueCount"]),
        (&json!("completed"), &json!(1))
    );
}

#[test]
fn preemption_spares_dedicated_nodes() {
    let mut world = world(|_| {});
    world.fault(json!({"kind": "preempted", "count": 9}), Occurrence::Nth(1));
    mixed_pool(&mut world, 3, 0);
    world.wait(10_000);
    assert_eq!(world.node_states("p"), "idle:3");
}

#[test]
fn offline_and_unknown_nodes_are_shown_and_counted() {
    for (kind, state) in [("offlineNodes", "offline"), ("unknownNodes", "unknown")] {
        let mut world = world(|_| {});
        world.fault(json!({"kind": kind, "count": 2}), Occurrence::Nth(1));
        world.ready_pool("p", 3);
        assert_eq!(world.node_states("p"), format!("idle:1 {state}:2"));
        let counts = world.get("/nodecounts").body["value"][0]["dedicated"].clone();
        assert_eq!(
            (&counts[state], &counts["idle"], &counts["total"]),
            (&json!(2), &json!(1), &json!(3))
        );
        let found = world.get(&format!("/pools/p/nodes?$filter=state eq '{state}'")).body;
        assert_eq!(found["value"].as_array().map(Vec::len), Some(2));
        world.post("/jobs", json!({"id": "j", "poolInfo": {"poolId": "p"}}));
        for task in ["a", "b"] {
            world.post("/jobs/j/tasks", json!({"id": task, "commandLine": "sleep 50"}));
        }
        world.wait(10);
        let running = world.get("/pools/p/nodes?$filter=state eq 'running'").body;
        assert_eq!(running["value"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            world.get("/jobs/j/tasks/b").body["state"],
            "active",
            "no task goes to them"
        );
    }
}

#[test]
fn an_offline_node_is_one_that_nothing_is_scheduled_on() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    let id = node_in(&mut world, "idle")["id"].as_str().unwrap().to_owned();
    world.batch(&Method::POST, &format!("/pools/p/nodes/{id}/disablescheduling"), None);
    let node = node_in(&mut world, "offline");
    assert_eq!(
        (&node["schedulingState"], &node["nodeAgentInfo"].is_object()),
        (&json!("disabled"), &true)
    );
    world.batch(&Method::POST, &format!("/pools/p/nodes/{id}/enablescheduling"), None);
    assert_eq!(world.node_states("p"), "idle:1");
}

/// Recorded: 65 seconds of `starting`, and the port of remote desktop.
#[test]
fn a_windows_node_starts_slowly_and_has_remote_desktop() {
    let mut world = world(|_| {});
    let mut body = pool("p", 1);
    body["virtualMachineConfiguration"] = json!({
        "imageReference": {"publisher": "MicrosoftWindowsServer", "offer": "WindowsServer", "sku": "2022-datacenter-g2"},
        "nodeAgentSKUId": "batch.node.windows amd64"
    });
    world.post("/pools", body);
    for (wait, states) in [(75, "starting:1"), (55, "starting:1"), (10, "idle:1")] {
        world.wait(wait);
        assert_eq!(world.node_states("p"), states);
    }
    let node = node_in(&mut world, "idle");
    assert_eq!(
        node["endpointConfiguration"]["inboundEndpoints"][0]["backendPort"],
        3389
    );
}
