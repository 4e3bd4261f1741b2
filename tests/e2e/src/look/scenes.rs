//! The scenes: every way in which a roll-out ends. What is asserted of them is up to the cases.

use serde_json::json;

use super::{
    super::{
        pool::{self, POOL},
        world,
    },
    scene::{Deed, Scene},
};

/// What Azure may say and what must be shown as text.
pub(super) const HOSTILE: &str =
    "The size <b>is</b> not available; see [this](http://evil.example/x) and @team `code` | <img src=x>";

/// A file of pools.
const POOLS: &str = "pools:
  - {pool-id: render-a, target-dedicated-nodes: 5}
  - {pool-id: render-b, target-dedicated-nodes: 20}
  - {pool-id: render-c, target-dedicated-nodes: 10}
";

/// The nodes of most scenes.
const NODES: u32 = 20;

/// Ends that are good, and those that change nothing.
pub(super) fn good() -> Vec<Scene> {
    let rollout = || Deed::rollout("1.0.0", NODES);
    vec![
        created_in_two_rounds(),
        Scene::new("resized", Deed::rollout("1.0.0", 30), 0).after(rollout()),
        Scene::new("unchanged", rollout(), 0).after(rollout()),
        Scene::new("joined", rollout(), 0).beside(rollout()),
    ]
}

/// A pool that is made in two resize rounds, with a pause between them.
pub(super) fn created_in_two_rounds() -> Scene {
    let faults = json!([{ "target": target(), "kind": "allocationTimeout", "deliver": 12 }]);
    Scene::new("created", Deed::rollout("1.0.0", NODES), 0).faults(faults)
}

/// A start task that fails on a fifth of the nodes.
pub(super) fn start_task_failed() -> Scene {
    let faults = json!([{ "target": target(), "kind": "startTaskFailed", "count": 4, "exitCode": 4 }]);
    let deed = Deed::rollout("1.0.0", NODES).with("start-task", "/opt/render/start.sh");
    Scene::new("start-task-failed", deed, 5).faults(faults)
}

/// A quota that is used up in the middle of a resize.
pub(super) fn quota() -> Scene {
    let faults = json!([{ "occurrence": "every", "kind": "quota", "deliver": 5, "code": "AccountCoreQuotaReached" }]);
    Scene::new("quota", Deed::rollout("1.0.0", NODES), 4).faults(faults)
}

/// A run that is stopped while Batch resizes the pool.
pub(super) fn cancelled() -> Scene {
    Scene::new("cancelled", Deed::rollout("1.0.0", NODES), 130).stopped_after("created pool pool1")
}

/// A pool that gets another image in place.
pub(super) fn in_place() -> Scene {
    let deed = Deed::rollout("1.0.1", NODES).with("strategy", "in-place");
    Scene::new("in-place", deed, 0).after(Deed::rollout("1.0.0", NODES))
}

/// Ends that are failures, with what Azure or a person can do about each.
pub(super) fn failed() -> Vec<Scene> {
    let rollout = || Deed::rollout("1.0.0", NODES);
    let allocation = json!([{ "occurrence": "every", "kind": "allocationFailed", "deliver": 0, "provider": {
        "error": { "code": "SkuNotAvailable", "message": HOSTILE } } }]);
    let busy = json!([{ "occurrence": "every", "path": "*/pools/*", "method": "GET", "kind": "status", "status": 503,
        "code": "ServerBusy", "message": "The server is busy." }]);
    let wrong =
        json!([{ "occurrence": "every", "kind": "wrongImage", "count": 20, "image": pool::version_id("0.9.0") }]);
    vec![
        start_task_failed(),
        quota(),
        cancelled(),
        Scene::new("too-few-cores", Deed::rollout("1.0.0", 700), 4).cores(40),
        Scene::new("allocation", rollout().with("resize-rounds", "1"), 7).faults(allocation),
        Scene::new("refused", Deed::rollout("1.0.1", NODES), 7).after(rollout()),
        Scene::new("deadline", rollout().with("deadline", "1m"), 6).faults(busy),
        Scene::new("wrong-image", rollout(), 8).faults(wrong),
        Scene::new("no-version", Deed::rollout("7.7.7", NODES), 2),
        Scene::new("bad-inputs", rollout().with("deadline", "soon").without("pool-id"), 2),
        Scene::new("usage", rollout().and(&["--vm-size", "one", "--vm-size", "two"]), 2),
    ]
}

/// Another image on a pool that is there: in place, with a bad canary, to a second pool.
pub(super) fn changed() -> Vec<Scene> {
    let before = || Deed::rollout("1.0.0", NODES);
    let change = |strategy: &str| Deed::rollout("1.0.1", NODES).with("strategy", strategy);
    let bad = json!([{ "target": target(), "kind": "startTaskFailed", "count": 2, "exitCode": 4 }]);
    vec![
        in_place(),
        Scene::new(
            "returned",
            change("in-place")
                .with("canary-nodes", "2")
                .with("start-task", "/opt/render/start.sh"),
            9,
        )
        .after(before())
        .faults(bad),
        Scene::new("moved", change("blue-green"), 0).after(before()),
    ]
}

/// The verbs that look at a pool of the former version, and what they find.
pub(super) fn looks() -> Vec<Scene> {
    let before = || Deed::rollout("1.0.0", NODES);
    let plan = Deed::rollout("1.0.1", NODES).with("strategy", "in-place").by("plan");
    vec![
        Scene::new("plan", plan, 10).after(before()),
        Scene::new(
            "status",
            Deed::of_pool("status").without("pool-id").without("account"),
            10,
        )
        .after(before()),
        Scene::new("doctor", Deed::of_pool("doctor").without("pool-id"), 0).after(before()),
        Scene::new("wait", Deed::of_pool("wait"), 0).after(before()),
        Scene::new("delete", Deed::of_pool("delete"), 10).after(before()),
    ]
}

/// Three pools of one file: all good, and with one that fails and one whose turn does not come.
pub(super) fn fleets() -> Vec<Scene> {
    let deed = || {
        Deed::rollout("1.0.0", NODES)
            .without("pool-id")
            .without("target-dedicated-nodes")
            .with("pool-file", "pools.yml")
            .with("max-parallel", "1")
    };
    let quota = json!([{ "target": format!("{}/render-b", world::ACCOUNT), "occurrence": "every", "kind": "quota",
        "deliver": 5, "code": "AccountCoreQuotaReached" }]);
    vec![
        Scene::new("pools-good", deed(), 0).pools(POOLS),
        Scene::new("pools-mixed", deed(), 4).pools(POOLS).faults(quota),
    ]
}

fn target() -> String {
    format!("{}/{POOL}", world::ACCOUNT)
}
