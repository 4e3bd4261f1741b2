//! The scenes: every way in which a roll-out ends. What is asserted of them is up to the cases.

use serde_json::{Value, json};

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

/// Pools on a managed image.
const ON_MANAGED_IMAGE: &[(&str, u32)] = &[("render-a", 3), ("render-b", 2)];

/// The nodes of most scenes.
const NODES: u32 = 20;

/// How many seconds a task runs whose end is read: a minute by the local Azure's clock, by which our program counts the
/// tasks that end once it watches. So it may take a minute until it does, which is long even on a busy machine.
const LONG_WORK: u32 = 3600;

/// The same where only the counts of nodes are read, which know no time: the work ends long before the window.
const SHORT_WORK: u32 = 600;

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
    Scene::new("start-task-failed", deed, 7).faults(faults)
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
        Scene::new("deadline", rollout().with("deadline", "30s"), 6).faults(busy),
        Scene::new("wrong-image", rollout(), 7).faults(wrong),
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
        rolled_back(),
        returned(),
        Scene::new(
            "bad-first-nodes",
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

/// A version on whose first node the user's own test fails, so that the pool goes back.
pub(super) fn returned() -> Scene {
    let bad = json!([{ "kind": "tasksFail", "occurrence": "every", "rate": 1.0, "exitCode": 3, "seed": 7,
        "image": "/versions/1.0.1" }]);
    let deed = Deed::rollout("1.0.1", NODES)
        .with("strategy", "in-place")
        .with("canary-command", "/opt/render/self-test");
    Scene::new("returned", deed, 9)
        .after(Deed::rollout("1.0.0", NODES))
        .faults(bad)
}

/// The verbs that look at a pool of the former version, and what they find.
pub(super) fn looks() -> Vec<Scene> {
    let before = || Deed::rollout("1.0.0", NODES);
    let plan = Deed::rollout("1.0.1", NODES).with("strategy", "in-place").by("plan");
    vec![
        Scene::new("plan", plan, 10).after(before()),
        status(),
        judged_bad(),
        judged_unknown(),
        Scene::new("doctor", Deed::of_pool("doctor").without("pool-id"), 0).after(before()),
        Scene::new("wait", Deed::of_pool("wait"), 0).after(before()),
        Scene::new("delete", Deed::of_pool("delete"), 10).after(before()),
        migrate_list(),
        migrate_plan(),
        migrate(),
    ]
}

/// Which pools are on managed images.
pub(super) fn migrate_list() -> Scene {
    let deed = Deed::of_pool("migrate").without("pool-id").without("account");
    Scene::new("migrate-list", deed, 10).on_managed_image(ON_MANAGED_IMAGE)
}

/// What moving all of them would do.
pub(super) fn migrate_plan() -> Scene {
    Scene::new("migrate-plan", all_pools(), 10).on_managed_image(ON_MANAGED_IMAGE)
}

/// All of them move: one first, then the other.
pub(super) fn migrate() -> Scene {
    Scene::new("migrate", all_pools().with("yes", "true"), 0).on_managed_image(ON_MANAGED_IMAGE)
}

fn all_pools() -> Deed {
    Deed::of_pool("migrate").without("pool-id").with("all-pools", "true")
}

/// Three pools of one file: all good, and with one that fails and one whose turn does not come.
pub(super) fn fleets() -> Vec<Scene> {
    vec![Scene::new("pools-good", of_file(), 0).pools(POOLS), pools_mixed()]
}

/// A file of pools, the second of which meets a quota.
pub(super) fn pools_mixed() -> Scene {
    let quota = json!([{ "target": format!("{}/render-b", world::ACCOUNT), "occurrence": "every", "kind": "quota",
        "deliver": 5, "code": "AccountCoreQuotaReached" }]);
    Scene::new("pools-mixed", of_file(), 4).pools(POOLS).faults(quota)
}

fn of_file() -> Deed {
    Deed::rollout("1.0.0", NODES)
        .without("pool-id")
        .without("target-dedicated-nodes")
        .with("pool-file", "pools.yml")
        .with("max-parallel", "1")
}

/// Nodes of a new pool on which every second task fails, next to a pool on which none does.
pub(super) fn judged_bad() -> Scene {
    judged("judged-bad", (60, "exit 137", LONG_WORK), ("10m", 9))
}

/// A new pool that has worked too little to be judged.
pub(super) fn judged_unknown() -> Scene {
    judged("judged-unknown", (3, "true", SHORT_WORK), ("4m", 6))
}

/// Two pools that have worked, each task for so many seconds: of those on the new one every second ends in that way.
fn judged(name: &'static str, (tasks, ending, seconds): (u32, &str, u32), (window, code): (&str, i32)) -> Scene {
    let pool = |id: &str, version: &str| {
        // All tasks run at the same time, so no look sees some of them at their end.
        let slots = json!({ "taskSlotsPerNode": 4 }).to_string();
        Deed::rollout(version, NODES)
            .with("pool-id", id)
            .with("pool-json", &slots)
    };
    let deed = Deed::of_pool("judge")
        .with("pool-id", "green")
        .with("against", "blue")
        .with("window", window);
    Scene::new(name, deed, code)
        .after(pool("blue", "0.9.0"))
        .after(pool("green", "1.0.0"))
        .faults(work(&[("blue", 60, "true"), ("green", tasks, ending)], seconds))
}

/// Another caller adds a job with tasks to each of these pools, while the first questions are answered.
fn work(jobs: &[(&str, u32, &str)], seconds: u32) -> Value {
    // Jobs whose names differ in a number do the same kind of work.
    let writes = (1..).zip(jobs).flat_map(|(job, (pool, tasks, ending))| {
        let task = |number: u32| {
            let ending = if number.is_multiple_of(2) { ending } else { "true" };
            json!({ "id": format!("t{number}"), "commandLine": format!("/bin/sh -c 'sleep {seconds}; {ending}'") })
        };
        let path = format!("/jobs/render-{job}/addtaskcollection");
        let job = json!({ "id": format!("render-{job}"), "poolInfo": { "poolId": pool } });
        let tasks = json!({ "value": (0..*tasks).map(task).collect::<Vec<_>>() });
        [("/jobs".to_owned(), job), (path, tasks)]
    });
    let rival = |(number, (path, body)): (usize, (String, Value))| {
        let path = format!("/batch/{}{path}", world::ACCOUNT);
        json!({ "kind": "rival", "method": "GET", "path": "/batch/*", "occurrence": { "nth": number + 1 },
            "write": { "method": "POST", "path": path, "body": body } })
    };
    Value::from(writes.enumerate().map(rival).collect::<Vec<_>>())
}

/// A change in place that is taken back.
pub(super) fn rolled_back() -> Scene {
    let change = Deed::rollout("1.0.1", NODES).with("strategy", "in-place");
    Scene::new("rolled-back", Deed::of_pool("rollback"), 0)
        .after(Deed::rollout("1.0.0", NODES))
        .after(change)
}

/// All pools in sight, one of which is behind.
pub(super) fn status() -> Scene {
    let deed = Deed::of_pool("status").without("pool-id").without("account");
    Scene::new("status", deed, 10).after(Deed::rollout("1.0.0", NODES))
}

/// What would be deleted of three versions, one of which a pool runs.
pub(super) fn prune() -> Scene {
    let deed = Deed::of_image("prune")
        .with("image-definition", &world::definition("ubuntu"))
        .with("keep-newest", "1")
        .with("keep-days", "0");
    Scene::new("prune", deed, 10).after(Deed::rollout("1.0.0", NODES))
}

fn target() -> String {
    format!("{}/{POOL}", world::ACCOUNT)
}
