//! Pools whose nodes Azure itself moves to what is latest (the page on upgrade policies of Batch pools).

use http::Method;
use serde_json::{Value, json};

use crate::harness::{self, VERSION, World};

/// The definition's path.
fn definition() -> &'static str {
    VERSION.trim_end_matches("/versions/1.0.0")
}

/// A policy whose rolling part counts, with more in its automatic part.
fn policy(automatic: &Value, rolling: &Value) -> Value {
    let mut policy = json!({"mode": "automatic",
        "automaticOSUpgradePolicy": {"enableAutomaticOSUpgrade": true, "useRollingUpgradePolicy": true},
        "rollingUpgradePolicy": rolling});
    let fields = automatic.as_object().unwrap().clone();
    policy["automaticOSUpgradePolicy"]
        .as_object_mut()
        .unwrap()
        .extend(fields);
    policy
}

/// A pool of that id with a policy on the definition.
fn pool(id: &str, nodes: u32, policy: &Value) -> Value {
    let mut body = harness::pool(id, nodes);
    body["virtualMachineConfiguration"]["imageReference"] = json!({"virtualMachineImageId": definition()});
    body["upgradePolicy"] = policy.clone();
    body
}

/// A world in which 1.1.0 is there and not latest.
fn world() -> World {
    harness::world(|seed| {
        let profile = |excluded: bool| json!({"excludeFromLatest": excluded, "targetRegions": [{"name": "eastus2"}]});
        seed["versions"] = json!([
            {"gallery": "gal1", "definition": "def1", "name": "1.0.0", "resourceGroup": "rg-images",
                "publishingProfile": profile(false)},
            {"gallery": "gal1", "definition": "def1", "name": "1.1.0", "resourceGroup": "rg-images",
                "publishingProfile": profile(true)}]);
    })
}

/// Makes 1.1.0 latest.
fn promote(world: &mut World) {
    let path = VERSION.replace("1.0.0", "1.1.0?api-version=2024-03-03");
    let mut body = world.arm(&Method::GET, &path, None, &[]).body;
    body["properties"]["publishingProfile"]["excludeFromLatest"] = json!(false);
    let answer = world.arm(&Method::PUT, &path, Some(body), &[]);
    assert_eq!(answer.status(), 200, "{answer:?}");
}

/// How many nodes run which version.
fn versions(world: &mut World) -> (usize, usize) {
    let nodes = world.get("/pools/p/nodes").body;
    let on = |number: &str| {
        let nodes = nodes["value"].as_array().unwrap().iter();
        let id = |node: &&Value| node["virtualMachineInfo"]["imageReference"]["virtualMachineImageId"].clone();
        nodes
            .filter(|node| id(node).as_str().unwrap().ends_with(number))
            .count()
    };
    (on("1.0.0"), on("1.1.0"))
}

#[test]
fn nodes_change_batch_after_batch_once_a_newer_version_is_latest() {
    let mut world = world();
    let policy = policy(
        &json!({}),
        &json!({"maxBatchInstancePercent": 40, "pauseTimeBetweenBatches": "PT1M"}),
    );
    assert_eq!(world.post("/pools", pool("p", 5, &policy)).status(), 201);
    world.wait(600);
    assert_eq!(
        (world.node_states("p").as_str(), versions(&mut world)),
        ("idle:5", (5, 0))
    );
    promote(&mut world);
    for (wait, states, counted) in [
        (0, "idle:3 upgradingos:2", 2),
        (91, "idle:3 starting:2", 0),
        (10, "idle:5", 0),
        (60, "idle:3 upgradingos:2", 2),
        (161, "idle:4 upgradingos:1", 1),
        (161, "idle:5", 0),
    ] {
        world.wait(wait);
        assert_eq!(world.node_states("p"), states);
        let counts = &world.get("/nodecounts").body["value"][0]["dedicated"];
        assert_eq!((&counts["upgradingOS"], &counts["total"]), (&json!(counted), &json!(5)));
        assert_eq!(world.get("/pools/p").body["allocationState"], "steady");
    }
    assert_eq!(versions(&mut world), (0, 5));
}

#[test]
fn a_node_with_tasks_is_waited_for_only_when_the_policy_defers() {
    for (defers, states) in [
        (true, "idle:1 running:1 upgradingos:1"),
        (false, "idle:1 upgradingos:2"),
    ] {
        let mut world = world();
        let policy = policy(
            &json!({"osRollingUpgradeDeferral": defers}),
            &json!({"maxBatchInstancePercent": 67}),
        );
        world.post("/pools", pool("p", 3, &policy));
        world.wait(600);
        world.post("/jobs", json!({"id": "j", "poolInfo": {"poolId": "p"}}));
        world.post("/jobs/j/tasks", json!({"id": "t", "commandLine": "sleep 1000"}));
        world.wait(10);
        promote(&mut world);
        assert_eq!(world.node_states("p"), states, "defers: {defers}");
        world.wait(2400);
        assert_eq!(
            (world.node_states("p").as_str(), versions(&mut world)),
            ("idle:3", (0, 3)),
            "{defers}"
        );
        let task = world.get("/jobs/j/tasks/t").body;
        assert_eq!(task["state"], "completed");
        let is_interrupted = task["executionInfo"]["requeueCount"].as_u64() > Some(0);
        assert_eq!(is_interrupted, !defers, "{task}");
    }
}

#[test]
fn policies_that_the_models_rule_out_are_refused() {
    let mut world = world();
    let enable = "upgradePolicy.automaticOSUpgradePolicy.enableAutomaticOSUpgrade";
    let of = |rolling: Value| pool("p", 1, &policy(&json!({}), &rolling));
    let mut exact = of(json!({}));
    exact["virtualMachineConfiguration"]["imageReference"] = json!({"virtualMachineImageId": VERSION});
    let mut twice = of(json!({}));
    twice["virtualMachineConfiguration"]["windowsConfiguration"] = json!({"enableAutomaticUpdates": true});
    let mut unknown = of(json!({}));
    unknown["upgradePolicy"]["mode"] = json!("sometimes");
    for (body, named) in [
        (of(json!({"maxBatchInstancePercent": 4})), "maxBatchInstancePercent"),
        (
            of(json!({"maxBatchInstancePercent": 50, "maxUnhealthyInstancePercent": 40})),
            "maxBatchInstancePercent",
        ),
        (
            of(json!({"maxUnhealthyUpgradedInstancePercent": 101})),
            "maxUnhealthyUpgradedInstancePercent",
        ),
        (unknown, "upgradePolicy.mode"),
        (exact, enable),
        (twice, enable),
    ] {
        let refused = world.post("/pools", body);
        assert_eq!(
            (refused.status(), refused.detail("PropertyName")),
            (400, named),
            "{:?}",
            refused.body
        );
    }
    assert_eq!(world.post("/pools", of(json!({}))).status(), 201);
}
