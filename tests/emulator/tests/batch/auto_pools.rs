//! Pools that Batch makes for a job or a schedule and takes away with it.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, World, pool, world};

/// A job whose pool of one node is made for it.
fn job(id: &str, keep_alive: bool) -> Value {
    json!({"id": id, "poolInfo": {"autoPoolSpecification": specification("job", keep_alive)}})
}

fn specification(lifetime: &str, keep_alive: bool) -> Value {
    let mut settings = pool("", 1);
    settings.as_object_mut().unwrap().remove("id");
    json!({
        "autoPoolIdPrefix": "auto", "poolLifetimeOption": lifetime, "keepAlive": keep_alive, "pool": settings
    })
}

/// The pool that a job says it runs on.
fn pool_of(world: &mut World, job: &str) -> String {
    let shown = world.get(&format!("/jobs/{job}")).body;
    assert!(shown["poolInfo"].get("poolId").is_none(), "it names none itself");
    shown["executionInfo"]["poolId"].as_str().unwrap().to_owned()
}

#[test]
fn a_job_makes_its_own_pool_and_takes_it_along() {
    let mut world = world(|_| {});
    assert_eq!(world.post("/jobs", job("j", false)).status(), 201);
    let id = pool_of(&mut world, "j");
    let guid = id.strip_prefix("auto_").unwrap();
    assert_eq!((guid.len(), guid.matches('-').count()), (36, 4), "{id}");
    let shown = world.get(&format!("/pools/{id}")).body;
    assert_eq!(
        (&shown["allocationState"], &shown["targetDedicatedNodes"]),
        (&json!("resizing"), &json!(1))
    );
    world.post("/jobs/j/tasks", json!({"id": "t", "commandLine": "true"}));
    world.wait(600);
    assert_eq!(world.get("/jobs/j/tasks/t").body["nodeInfo"]["poolId"], json!(id));
    assert_eq!(world.batch(&Method::POST, "/jobs/j/terminate", None).status(), 202);
    assert_eq!(
        world.get(&format!("/pools/{id}")).body["state"],
        "active",
        "the job is terminating"
    );
    world.wait(6);
    let listed = world.arm(
        &Method::GET,
        &format!("{ACCOUNT}/pools?api-version=2025-06-01"),
        None,
        &[],
    );
    assert_eq!(
        listed.body["value"][0]["properties"]["provisioningState"], "Deleting",
        "on both planes"
    );
    assert_eq!(world.get("/jobs/j").body["state"], "completed");
    assert_eq!(world.get(&format!("/pools/{id}")).body["state"], "deleting");
    world.wait(60);
    assert_eq!(world.get(&format!("/pools/{id}")).code(), "PoolNotFound");
    assert_eq!(
        world.get("/jobs/j").body["executionInfo"]["poolId"],
        json!(id),
        "the job remembers"
    );
}

#[test]
fn a_pool_that_is_kept_alive_stays_and_that_alone_can_be_changed() {
    for (keeps_first, keeps_last) in [(true, true), (false, true), (true, false)] {
        let mut world = world(|_| {});
        world.post("/jobs", job("j", keeps_first));
        let id = pool_of(&mut world, "j");
        let mut other = job("j", keeps_last);
        other["poolInfo"]["autoPoolSpecification"]["pool"]["vmSize"] = json!("STANDARD_D8S_V5");
        let refused = world.patch("/jobs/j", json!({"poolInfo": other["poolInfo"]}));
        assert_eq!(
            (refused.status(), refused.code()),
            (409, "OperationInvalidForCurrentState")
        );
        let changed = world.patch("/jobs/j", json!({"poolInfo": job("j", keeps_last)["poolInfo"]}));
        assert_eq!(changed.status(), 200);
        world.delete("/jobs/j");
        world.wait(600);
        let stays = world.get(&format!("/pools/{id}")).status() == 200;
        assert_eq!(stays, keeps_last, "{keeps_first} {keeps_last}");
    }
}

/// Whatever the step, the pool goes when the job's last task has ended.
#[test]
fn a_pool_goes_with_its_job_at_the_same_time_however_often_one_looks() {
    let run = |step: i64| {
        let mut world = world(|_| {});
        let mut body = job("j", false);
        body["onAllTasksComplete"] = json!("terminatejob");
        world.post("/jobs", body);
        world.post("/jobs/j/tasks", json!({"id": "t", "commandLine": "sleep 100"}));
        for _ in 0..(210 / step) {
            world.wait(step);
            world.get("/pools");
        }
        let pools = world.get("/pools").body["value"].clone();
        (pools[0]["state"].clone(), pools[0]["stateTransitionTime"].clone())
    };
    let found = run(3);
    assert_eq!(found, run(210));
    assert_eq!(found.0, "deleting");
}

#[test]
fn a_job_whose_pool_cannot_be_made_is_completed_and_says_why() {
    let mut world = world(|seed| seed["batchAccounts"][0]["quotas"] = json!({"pools": 1}));
    world.post("/pools", pool("p", 0));
    assert_eq!(world.post("/jobs", job("j", false)).status(), 201);
    let shown = world.get("/jobs/j").body;
    assert_eq!(shown["state"], "completed");
    let error = &shown["executionInfo"]["schedulingError"];
    assert_eq!(
        (&error["category"], &error["code"]),
        (&json!("usererror"), &json!("AutoPoolCreationFailedWithQuotaReached"))
    );
    assert!(shown["executionInfo"].get("poolId").is_none());
}

#[test]
fn a_specification_that_makes_no_sense_is_refused() {
    let with = |pointer: &str, value: Value| {
        let mut body = job("j", false);
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let at = "/poolInfo/autoPoolSpecification";
    let mut both = job("j", false);
    both["poolInfo"]["poolId"] = json!("p");
    for (body, code, detail) in [
        (
            with(&format!("{at}/pool"), Value::Null),
            "MissingRequiredProperty",
            "poolInfo.autoPoolSpecification.pool",
        ),
        (
            with(&format!("{at}/pool/vmSize"), json!("huge")),
            "InvalidPropertyValue",
            "vmSize",
        ),
        (
            with(&format!("{at}/autoPoolIdPrefix"), json!("a prefix")),
            "InvalidPropertyValue",
            "autoPoolIdPrefix",
        ),
        (
            with(&format!("{at}/poolLifetimeOption"), json!("week")),
            "InvalidPropertyValue",
            "poolLifetimeOption",
        ),
        (
            with(&format!("{at}/poolLifetimeOption"), json!("jobSchedule")),
            "InvalidPropertyValue",
            "poolLifetimeOption",
        ),
        (both, "InvalidPropertyValue", "poolInfo"),
    ] {
        let mut world = world(|_| {});
        let refused = world.post("/jobs", body);
        assert_eq!((refused.status(), refused.code()), (400, code), "{detail}");
        assert_eq!(refused.detail("PropertyName"), detail);
        assert_eq!(
            world.get("/pools").body["value"],
            json!([]),
            "and nothing is left of it"
        );
    }
}

#[test]
fn the_jobs_of_a_schedule_share_a_pool_or_have_one_each() {
    for (lifetime, shares) in [("jobSchedule", true), ("job", false)] {
        let mut world = world(|_| {});
        let info = json!({"autoPoolSpecification": specification(lifetime, false)});
        let body = json!({
            "id": "s", "schedule": {"recurrenceInterval": "PT1H"}, "jobSpecification": {"poolInfo": info}
        });
        assert_eq!(world.post("/jobschedules", body).status(), 201);
        let first = pool_of(&mut world, "s:job-1");
        world.wait(1_000);
        world.batch(&Method::POST, "/jobs/s:job-1/terminate", None);
        world.wait(3_600);
        let second = pool_of(&mut world, "s:job-2");
        assert_eq!(first == second, shares, "{lifetime}");
        assert_eq!(
            world.get(&format!("/pools/{first}")).status() == 200,
            shares,
            "{lifetime}"
        );
        world.batch(&Method::POST, "/jobschedules/s/terminate", None);
        world.wait(100);
        assert_eq!(
            world.get(&format!("/pools/{second}")).code(),
            "PoolNotFound",
            "{lifetime}"
        );
    }
}
