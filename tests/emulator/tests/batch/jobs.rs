//! Jobs, tasks and job schedules, as far as roll-outs touch them.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{World, world};

fn job(world: &mut World, id: &str, pool: &str) {
    let created = world.post("/jobs", json!({"id": id, "poolInfo": {"poolId": pool}}));
    assert_eq!(created.status(), 201, "{created:?}");
}

fn task(world: &mut World, job: &str, id: &str, command: &str) {
    let created = world.post(&format!("/jobs/{job}/tasks"), json!({"id": id, "commandLine": command}));
    assert_eq!(created.status(), 201, "{created:?}");
}

#[test]
fn a_canary_command_runs_on_a_node_and_tells_its_exit_code() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    job(&mut world, "j", "p");
    task(&mut world, "j", "good", "/bin/true");
    task(&mut world, "j", "bad", "/bin/sh -c 'exit 7'");
    assert_eq!(world.get("/jobs/j/tasks/good").body["state"], "active");
    world.wait(60);
    let bad = world.get("/jobs/j/tasks/bad").body;
    assert_eq!(
        (&bad["state"], &bad["executionInfo"]["exitCode"]),
        (&json!("completed"), &json!(7))
    );
    assert_eq!(bad["executionInfo"]["failureInfo"]["code"], "FailureExitCode");
    let node = world.get("/pools/p/nodes").body["value"][0].clone();
    assert_eq!(bad["nodeInfo"]["nodeId"], node["id"]);
    assert_eq!(
        (&node["totalTasksRun"], &node["totalTasksSucceeded"]),
        (&json!(2), &json!(1))
    );
    let counts = world.get("/jobs/j/taskcounts").body;
    assert_eq!(
        counts["taskCounts"],
        json!({"active": 0, "running": 0, "completed": 2, "succeeded": 1, "failed": 1})
    );
    let found = world.get("/jobs/j/tasks?$filter=executionInfo/exitCode ne 0").body;
    assert_eq!(found["value"][0]["id"], "bad");
    let file = world.get("/jobs/j/tasks/bad/files/stderr.txt");
    assert_eq!(String::from_utf8_lossy(&file.response.body), "emulated: exit code 7\n");
}

#[test]
fn tasks_wait_for_a_pool_that_is_not_there_yet() {
    let mut world = world(|_| {});
    job(&mut world, "j", "later");
    task(&mut world, "j", "t", "/bin/true");
    world.wait(3_600);
    assert_eq!(world.get("/jobs/j/tasks/t").body["state"], "active");
    world.ready_pool("later", 1);
    assert_eq!(world.get("/jobs/j/tasks/t").body["state"], "completed");
}

#[test]
fn point_7_a_jobs_pool_changes_only_while_the_job_is_disabled() {
    let mut world = world(|_| {});
    job(&mut world, "j", "old");
    let moved = json!({"poolInfo": {"poolId": "new"}});
    assert_eq!(world.patch("/jobs/j", moved.clone()).status(), 409);
    assert_eq!(world.patch("/jobs/j", json!({"priority": 5})).status(), 200);
    assert_eq!(
        world
            .post("/jobs/j/disable", json!({"disableTasks": "requeue"}))
            .status(),
        202
    );
    assert_eq!(world.get("/jobs/j").body["state"], "disabling");
    assert_eq!(world.patch("/jobs/j", moved.clone()).status(), 409, "not disabled yet");
    world.wait(10);
    assert_eq!(world.get("/jobs/j").body["previousState"], "disabling");
    assert_eq!(world.patch("/jobs/j", moved).status(), 200);
    assert_eq!(world.batch(&Method::POST, "/jobs/j/enable", None).status(), 202);
    assert_eq!(world.get("/jobs/j").body["state"], "enabling");
    world.wait(10);
    let shown = world.get("/jobs/j").body;
    assert_eq!(
        (&shown["state"], &shown["executionInfo"]["poolId"]),
        (&json!("active"), &json!("new"))
    );
    assert_eq!(
        world.get("/jobs?$filter=executionInfo/poolId eq 'new'").body["value"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(
        world.get("/jobs?$filter=executionInfo/poolId eq 'old'").body["value"],
        json!([])
    );
}

#[test]
fn running_tasks_go_back_into_the_queue_when_their_pool_is_deleted() {
    let mut world = world(|_| {});
    world.ready_pool("old", 1);
    job(&mut world, "j", "old");
    task(&mut world, "j", "t", "sleep 1000");
    world.wait(10);
    assert_eq!(world.get("/jobs/j/tasks/t").body["state"], "running");
    assert_eq!(world.node_states("old"), "running:1");
    world.delete("/pools/old");
    let waiting = world.get("/jobs/j/tasks/t").body;
    assert_eq!(
        (&waiting["state"], &waiting["executionInfo"]["requeueCount"]),
        (&json!("active"), &json!(1))
    );
    world.post("/jobs/j/disable", json!({"disableTasks": "wait"}));
    world.wait(10);
    world.patch("/jobs/j", json!({"poolInfo": {"poolId": "new"}}));
    world.batch(&Method::POST, "/jobs/j/enable", None);
    world.ready_pool("new", 1);
    assert_eq!(world.get("/jobs/j/tasks/t").body["nodeInfo"]["poolId"], "new");
}

#[test]
fn shrinking_with_task_completion_waits_for_the_task() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    job(&mut world, "j", "p");
    task(&mut world, "j", "t", "sleep 300");
    world.wait(10);
    world.post(
        "/pools/p/resize",
        json!({"targetDedicatedNodes": 0, "nodeDeallocationOption": "taskcompletion"}),
    );
    world.wait(100);
    assert_eq!(world.node_states("p"), "running:1");
    assert_eq!(world.get("/pools/p").body["allocationState"], "resizing");
    world.wait(300);
    assert_eq!(world.node_states("p"), "");
    let task = world.get("/jobs/j/tasks/t").body;
    assert_eq!(
        (&task["state"], &task["executionInfo"]["exitCode"]),
        (&json!("completed"), &json!(0))
    );
}

#[test]
fn jobs_end_by_force_or_with_their_last_task() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    for id in ["forced", "natural"] {
        job(&mut world, id, "p");
        task(&mut world, id, "t", "/bin/true");
    }
    assert_eq!(
        world
            .patch("/jobs/natural", json!({"onAllTasksComplete": "terminatejob"}))
            .status(),
        200
    );
    assert_eq!(
        world
            .post("/jobs/forced/terminate", json!({"terminateReason": "enough"}))
            .status(),
        202
    );
    assert_eq!(world.get("/jobs/forced").body["state"], "terminating");
    world.wait(60);
    for (id, reason) in [("forced", "enough"), ("natural", "AllTasksCompleted")] {
        let shown = world.get(&format!("/jobs/{id}")).body;
        assert_eq!(
            (&shown["state"], &shown["executionInfo"]["terminateReason"]),
            (&json!("completed"), &json!(reason))
        );
        assert_eq!(
            world.patch(&format!("/jobs/{id}"), json!({"priority": 1})).code(),
            "JobCompleted"
        );
    }
    assert_eq!(world.delete("/jobs/forced").status(), 202);
    assert_eq!(world.get("/jobs/forced").body["state"], "deleting");
    world.wait(60);
    assert_eq!(world.get("/jobs/forced").code(), "JobNotFound");
}

#[test]
fn a_job_must_say_where_it_runs_and_have_a_name_of_its_own() {
    let mut world = world(|_| {});
    assert_eq!(
        world.post("/jobs", json!({"id": "j"})).code(),
        "MissingRequiredProperty"
    );
    job(&mut world, "j", "p");
    assert_eq!(
        world
            .post("/jobs", json!({"id": "J", "poolInfo": {"poolId": "p"}}))
            .code(),
        "JobExists"
    );
}

#[test]
fn a_schedule_names_its_pool_and_makes_its_first_job() {
    let mut world = world(|_| {});
    let schedule = |pool: &str| -> Value { json!({"jobSpecification": {"poolInfo": {"poolId": pool}}}) };
    let mut body = schedule("old");
    body["id"] = json!("nightly");
    body["schedule"] = json!({"recurrenceInterval": "P1D"});
    assert_eq!(world.post("/jobschedules", body.clone()).status(), 201);
    assert_eq!(world.post("/jobschedules", body).code(), "JobScheduleExists");
    assert_eq!(world.get("/jobs/nightly:job-1").body["executionInfo"]["poolId"], "old");
    assert_eq!(world.patch("/jobschedules/nightly", schedule("new")).status(), 200);
    let shown = world.get("/jobschedules/nightly").body;
    assert_eq!(shown["jobSpecification"]["poolInfo"]["poolId"], "new");
    assert_eq!(
        world
            .batch(&Method::POST, "/jobschedules/nightly/disable", None)
            .status(),
        204
    );
    assert_eq!(
        world.get("/jobschedules?$filter=state eq 'disabled'").body["value"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(world.delete("/jobschedules/nightly").status(), 202);
    assert_eq!(world.get("/jobschedules/nightly").body["state"], "deleting");
    world.wait(10);
    assert_eq!(world.get("/jobschedules/nightly").code(), "JobScheduleNotFound");
}

#[test]
fn a_collection_of_tasks_tells_each_outcome() {
    let mut world = world(|_| {});
    world.ready_pool("p", 1);
    job(&mut world, "j", "p");
    let tasks = json!({"value": [{"id": "a", "commandLine": "x"}, {"id": "a", "commandLine": "x"}, {"id": "b"}]});
    let added = world.post("/jobs/j/addtaskcollection", tasks).body;
    let told: Vec<&str> = added["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["Success", "ClientError", "ClientError"]);
    assert_eq!(added["value"][1]["error"]["code"], "TaskExists");
}
