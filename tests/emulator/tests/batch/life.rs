//! Pools and nodes over time (§16.6 and §16.10 of the fact sheet on Azure's wire).

use azure_emulator::fault::Occurrence;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{VERSION, pool, world};

#[test]
fn an_account_that_is_seeded_again_keeps_its_pools_and_jobs() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 2));
    world.post("/jobs", json!({"id": "j", "poolInfo": {"poolId": "p"}}));
    world.wait(600);
    let account = json!({"name": "acct1", "resourceGroup": "rg-images", "location": "eastus2",
        "quotas": {"pools": 1}, "jobs": [{"id": "k", "poolInfo": {"poolId": "p"}}]});
    world.seed(&json!({"batchAccounts": [account]}));
    assert_eq!(world.node_states("p"), "idle:2");
    for job in ["j", "k"] {
        assert_eq!(world.get(&format!("/jobs/{job}")).body["state"], "active");
    }
    assert_eq!(world.post("/pools", pool("q", 0)).code(), "PoolQuotaReached");
}

/// The sequence that was recorded: resizing, steady, creating, starting, waiting for the start task, idle.
#[test]
fn point_6_a_pool_is_steady_before_its_nodes_are_usable() {
    let mut world = world(|_| {});
    let mut body = pool("p", 2);
    body["startTask"] = json!({"commandLine": "true", "waitForSuccess": true});
    assert_eq!(world.post("/pools", body).status(), 201);
    let etag = world.get("/pools/p").body["eTag"].clone();
    for (wait, allocation, current, nodes) in [
        (0, "resizing", 0, ""),
        (55, "resizing", 0, ""),
        (6, "steady", 2, "creating:2"),
        (12, "steady", 2, "starting:2"),
        (10, "steady", 2, "waitingforstarttask:2"),
        (25, "steady", 2, "idle:2"),
    ] {
        world.wait(wait);
        let shown = world.get("/pools/p").body;
        assert_eq!(shown["allocationState"], allocation);
        assert_eq!(shown["currentDedicatedNodes"], current);
        assert_eq!(shown["eTag"], etag, "a transition is no change of the pool's data");
        assert_eq!(world.node_states("p"), nodes);
    }
}

/// Whatever the step, the history is the same.
#[test]
fn looking_often_changes_nothing() {
    let run = |step: i64| {
        let mut world = world(|_| {});
        world.post("/pools", pool("p", 3));
        world.post("/jobs", json!({"id": "j", "poolInfo": {"poolId": "p"}}));
        world.post("/jobs/j/tasks", json!({"id": "t", "commandLine": "exit 3"}));
        for _ in 0..(630 / step) {
            world.wait(step);
            world.get("/pools/p/nodes");
        }
        (
            world.get("/pools/p").body,
            world.get("/pools/p/nodes").body,
            world.get("/jobs/j/tasks/t").body,
        )
    };
    assert_eq!(run(7), run(630));
}

#[test]
fn point_6_resize_errors_appear_only_when_steady_and_survive_until_the_next_resize() {
    let mut world = world(|_| {});
    world.fault(
        json!({"kind": "allocationTimeout", "deliver": 1, "code": "AllocationTimedout"}),
        Occurrence::Nth(1),
    );
    world.post("/pools", pool("p", 3));
    let errors = |body: &Value| body["resizeErrors"][0]["code"].as_str().map(str::to_owned);
    world.wait(899);
    assert_eq!(
        errors(&world.get("/pools/p").body),
        None,
        "still resizing: the timeout is 15 minutes"
    );
    world.wait(2);
    let steady = world.get("/pools/p").body;
    assert_eq!(
        (
            steady["allocationState"].as_str(),
            steady["currentDedicatedNodes"].as_u64()
        ),
        (Some("steady"), Some(1))
    );
    assert_eq!(errors(&steady).as_deref(), Some("AllocationTimedout"));
    world.wait(86_400);
    assert_eq!(
        errors(&world.get("/pools/p").body).as_deref(),
        Some("AllocationTimedout"),
        "a day later"
    );
    assert_eq!(
        world
            .post("/pools/p/resize", json!({"targetDedicatedNodes": 3}))
            .status(),
        202
    );
    assert_eq!(errors(&world.get("/pools/p").body), None, "a new resize forgets them");
    world.wait(100);
    let done = world.get("/pools/p").body;
    assert_eq!((errors(&done), done["currentDedicatedNodes"].as_u64()), (None, Some(3)));
}

#[test]
fn point_10_a_seeded_pool_can_have_stale_resize_errors() {
    let mut world = world(|seed| {
        let mut stale = pool("p", 3);
        stale["currentDedicatedNodes"] = json!(3);
        stale["resizeErrors"] = json!([{"code": "AllocationFailed", "message": "old", "values": []}]);
        seed["batchAccounts"][0]["pools"] = json!([stale]);
    });
    let body = world.get("/pools/p").body;
    assert_eq!(body["resizeErrors"][0]["code"], "AllocationFailed");
    assert_eq!(body["currentDedicatedNodes"], body["targetDedicatedNodes"]);
    assert_eq!(world.node_states("p"), "idle:3");
}

#[test]
fn point_10_an_allocation_fails_with_the_providers_json_whole_or_truncated() {
    for truncated in [false, true] {
        let mut world = world(|_| {});
        let provider = json!({"error": {"code": "BadRequest", "message": "no capacity"}});
        world.fault(
            json!({"kind": "allocationFailed", "provider": provider, "truncated": truncated}),
            Occurrence::Nth(1),
        );
        world.post("/pools", pool("p", 3));
        world.wait(120);
        let body = world.get("/pools/p").body;
        let values = &body["resizeErrors"][0]["values"];
        assert_eq!(values[0]["name"], "Provider Error Json");
        let inner = serde_json::from_str::<Value>(values[0]["value"].as_str().unwrap());
        assert_eq!(inner.ok(), (!truncated).then(|| provider.clone()));
        assert_eq!(
            values[1],
            json!({"name": "Provider Error Json Truncated", "value": if truncated { "True" } else { "False" }})
        );
    }
}

#[test]
fn scripted_nodes_turn_out_bad() {
    let cases = [
        (
            json!({"kind": "unusableNodes", "count": 2}),
            "idle:1 unusable:2",
            "/errors",
            json!([]),
        ),
        (
            json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull"}),
            "idle:2 unusable:1",
            "/errors/0/code",
            json!("DiskFull"),
        ),
        (
            json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "details": {"Disk": "/mnt"}}),
            "idle:2 unusable:1",
            "/errors/0/errorDetails",
            json!([{"name": "Disk", "value": "/mnt"}]),
        ),
        (
            json!({"kind": "startTaskFailed", "count": 1, "exitCode": 4}),
            "idle:2 starttaskfailed:1",
            "/startTaskInfo/exitCode",
            json!(4),
        ),
        (
            json!({"kind": "wrongImage", "count": 3, "image": "/other/versions/0.9.0"}),
            "idle:3",
            "/virtualMachineInfo/imageReference/virtualMachineImageId",
            json!("/other/versions/0.9.0"),
        ),
    ];
    for (effect, states, pointer, expected) in cases {
        let mut world = world(|_| {});
        world.fault(effect, Occurrence::Nth(1));
        let mut body = pool("p", 3);
        body["startTask"] = json!({"commandLine": "true"});
        world.post("/pools", body);
        world.wait(600);
        assert_eq!(world.node_states("p"), states);
        let nodes = world.get("/pools/p/nodes").body;
        let found = nodes["value"]
            .as_array()
            .unwrap()
            .iter()
            .any(|node| node.pointer(pointer) == Some(&expected));
        assert!(found, "{pointer} is nowhere {expected}: {nodes}");
    }
}

#[test]
fn a_failed_start_task_leaves_its_output_behind_and_a_reboot_heals() {
    let mut world = world(|_| {});
    world.fault(
        json!({"kind": "startTaskFailed", "count": 1, "exitCode": 4}),
        Occurrence::Nth(1),
    );
    let mut body = pool("p", 1);
    body["startTask"] = json!({"commandLine": "/bin/setup"});
    world.post("/pools", body);
    world.wait(600);
    let id = world.get("/pools/p/nodes").body["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let file = world.get(&format!("/pools/p/nodes/{id}/files/startup/stderr.txt"));
    assert_eq!(String::from_utf8_lossy(&file.response.body), "emulated: exit code 4\n");
    assert_eq!(
        world.get(&format!("/pools/p/nodes/{id}/files")).body["value"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(
        world.get(&format!("/pools/p/nodes/{id}/files/nothing")).code(),
        "FileNotFound"
    );
    assert_eq!(
        world
            .batch(&Method::POST, &format!("/pools/p/nodes/{id}/reboot"), None)
            .status(),
        202
    );
    assert_eq!(world.node_states("p"), "rebooting:1");
    world.wait(600);
    assert_eq!(world.node_states("p"), "idle:1");
}

#[test]
fn a_stuck_resize_ends_only_when_it_is_stopped() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    world.fault_on(json!({"kind": "operationStuck"}), "*/resize");
    world.post("/pools/p/resize", json!({"targetDedicatedNodes": 5}));
    world.wait(864_000);
    assert_eq!(world.get("/pools/p").body["allocationState"], "resizing");
    assert_eq!(world.batch(&Method::POST, "/pools/p/stopresize", None).status(), 202);
    assert_eq!(world.get("/pools/p").body["allocationState"], "stopping");
    world.wait(30);
    let body = world.get("/pools/p").body;
    assert_eq!(
        (body["allocationState"].as_str(), body["currentDedicatedNodes"].as_u64()),
        (Some("steady"), Some(1))
    );
    assert_eq!(body["resizeErrors"][0]["code"], "ResizeStopped");
}

#[test]
fn a_stopped_resize_keeps_what_had_come() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 500));
    world.wait(80);
    world.batch(&Method::POST, "/pools/p/stopresize", None);
    world.wait(60);
    let body = world.get("/pools/p").body;
    assert_eq!(
        body["currentDedicatedNodes"], 200,
        "twenty seconds at ten nodes a second"
    );
    assert_eq!(world.node_states("p"), "idle:200");
}

#[test]
fn a_pool_larger_than_its_timeout_allows_gets_a_part_and_an_error() {
    let mut world = world(|_| {});
    let mut body = pool("p", 9_000);
    body["resizeTimeout"] = json!("PT5M");
    world.post("/pools", body);
    world.wait(301);
    let body = world.get("/pools/p").body;
    assert_eq!(
        (body["currentDedicatedNodes"].as_u64(), body["allocationState"].as_str()),
        (Some(2_400), Some("steady"))
    );
    assert_eq!(body["resizeErrors"][0]["code"], "AllocationTimedOut");
}

#[test]
fn shrinking_lets_bad_nodes_go_first_and_removal_takes_the_chosen_ones() {
    let mut world = world(|_| {});
    world.fault(json!({"kind": "unusableNodes", "count": 1}), Occurrence::Nth(1));
    world.ready_pool("p", 4);
    world.post("/pools/p/resize", json!({"targetDedicatedNodes": 3}));
    assert_eq!(world.node_states("p"), "idle:3 leavingpool:1");
    world.wait(60);
    assert_eq!(world.node_states("p"), "idle:3");
    let id = world.get("/pools/p/nodes").body["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        world
            .post("/pools/p/removenodes", json!({"nodeList": ["nobody"]}))
            .code(),
        "NodeNotFound"
    );
    assert_eq!(
        world.post("/pools/p/removenodes", json!({"nodeList": [id]})).status(),
        202
    );
    world.wait(60);
    let body = world.get("/pools/p").body;
    assert_eq!(
        (
            body["currentDedicatedNodes"].as_u64(),
            body["targetDedicatedNodes"].as_u64()
        ),
        (Some(2), Some(2))
    );
    assert_eq!(world.get(&format!("/pools/p/nodes/{id}")).code(), "NodeNotFound");
}

#[test]
fn a_deleted_pool_is_deleting_for_a_while_and_then_gone() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    assert_eq!(world.delete("/pools/p").status(), 202);
    assert_eq!(world.get("/pools/p").body["state"], "deleting");
    assert_eq!(world.delete("/pools/p").code(), "PoolBeingDeleted");
    assert_eq!(world.post("/pools", pool("p", 1)).code(), "PoolBeingDeleted");
    world.wait(60);
    assert_eq!(world.get("/pools/p").code(), "PoolNotFound");
    assert_eq!(
        world.resources()["batch"].as_object().map(serde_json::Map::len),
        Some(1),
        "only the account"
    );
    assert_eq!(world.post("/pools", pool("p", 1)).status(), 201);
}

#[test]
fn a_definition_means_the_latest_version_when_nodes_are_allocated() {
    let mut world = world(|seed| {
        let mut newer = seed["versions"][0].clone();
        newer["name"] = json!("1.2.0");
        seed["versions"].as_array_mut().unwrap().push(newer);
    });
    let definition = VERSION.split("/versions").next().unwrap();
    let mut body = pool("p", 1);
    body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] = json!(definition);
    world.post("/pools", body);
    world.wait(600);
    let node = world.get("/pools/p/nodes").body["value"][0].clone();
    let shown = node["virtualMachineInfo"]["imageReference"]["virtualMachineImageId"]
        .as_str()
        .unwrap();
    assert!(shown.ends_with("/versions/1.2.0"), "{shown}");
    assert_eq!(
        world.get("/pools/p").body["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"],
        definition
    );
}

#[test]
fn a_version_deleted_later_breaks_growth_and_not_the_nodes() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    let deleted = world.arm(&Method::DELETE, &format!("{VERSION}?api-version=2026-03-03"), None, &[]);
    assert_eq!(deleted.status(), 202, "{deleted:?}");
    world.wait(600);
    world.post("/pools/p/resize", json!({"targetDedicatedNodes": 2}));
    world.wait(600);
    let body = world.get("/pools/p").body;
    assert_eq!(body["resizeErrors"][0]["code"], "AllocationFailed");
    assert!(
        body["resizeErrors"][0]["values"][0]["value"]
            .as_str()
            .unwrap()
            .contains("GalleryImageNotFound")
    );
    assert_eq!(world.node_states("p"), "idle:1");
}

#[test]
fn node_counts_agree_with_the_list() {
    let mut world = world(|_| {});
    world.ready_pool("p", 3);
    world.ready_pool("q", 1);
    let counts = world.get("/nodecounts?$filter=poolId eq 'p'").body;
    assert_eq!(counts["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(counts["value"][0]["dedicated"]["idle"], 3);
    assert_eq!(counts["value"][0]["dedicated"]["total"], 3);
    assert_eq!(counts["value"][0]["lowPriority"]["total"], 0);
}
