//! Job schedules over time: when they make jobs, and how they end.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{World, world};

/// A schedule whose jobs run on pool `p`.
fn schedule(world: &mut World, schedule: Value) {
    let body = json!({"id": "s", "schedule": schedule, "jobSpecification": {"poolInfo": {"poolId": "p"}}});
    let created = world.post("/jobschedules", body);
    assert_eq!(created.status(), 201, "{created:?}");
}

fn jobs(world: &mut World) -> Vec<String> {
    let listed = world.get("/jobschedules/s/jobs").body;
    let ids = listed["value"].as_array().unwrap().iter();
    ids.map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

fn state(world: &mut World) -> String {
    world.get("/jobschedules/s").body["state"].as_str().unwrap().to_owned()
}

fn post(world: &mut World, path: &str) -> u16 {
    world.batch(&Method::POST, path, None).status()
}

#[test]
fn a_schedule_makes_a_job_each_time_when_the_one_before_is_over() {
    let mut world = world(|_| {});
    schedule(&mut world, json!({"recurrenceInterval": "PT1H"}));
    assert_eq!(jobs(&mut world), ["s:job-1"]);
    world.wait(5_000);
    assert_eq!(jobs(&mut world), ["s:job-1"], "the first goes on");
    assert_eq!(post(&mut world, "/jobs/s:job-1/terminate"), 202);
    world.wait(5);
    assert_eq!(jobs(&mut world), ["s:job-1", "s:job-2"], "a late one comes at once");
    let shown = world.get("/jobschedules/s").body;
    assert_eq!(shown["executionInfo"]["recentJob"]["id"], "s:job-2");
    assert_eq!(shown["executionInfo"]["nextRunTime"], "2026-01-01T02:00:00Z");
    assert_eq!(world.get("/jobs/s:job-2").body["creationTime"], "2026-01-01T01:23:25Z");
    let page = world.get("/jobschedules/s/jobs?maxresults=1&$select=id").body;
    assert_eq!(page["value"], json!([{"id": "s:job-1"}]));
    assert!(
        page["odata.nextLink"]
            .as_str()
            .unwrap()
            .contains("/jobschedules/s/jobs?")
    );
    assert_eq!(world.get("/jobschedules/none/jobs").code(), "JobScheduleNotFound");
}

#[test]
fn a_schedule_without_recurrence_is_completed_with_its_only_job() {
    let mut world = world(|_| {});
    schedule(&mut world, json!({}));
    world.wait(100_000);
    assert_eq!((jobs(&mut world).len(), state(&mut world).as_str()), (1, "active"));
    post(&mut world, "/jobs/s:job-1/terminate");
    world.wait(100_000);
    assert_eq!((jobs(&mut world).len(), state(&mut world).as_str()), (1, "completed"));
    let shown = world.get("/jobschedules/s").body;
    assert_eq!(shown["previousState"], "active");
    assert!(shown["executionInfo"]["endTime"].is_string());
    for path in ["disable", "enable", "terminate"] {
        let refused = world.batch(&Method::POST, &format!("/jobschedules/s/{path}"), None);
        assert_eq!(
            (refused.status(), refused.code()),
            (409, "JobScheduleCompleted"),
            "{path}"
        );
    }
}

#[test]
fn dates_bound_a_schedule_and_disabling_pauses_it() {
    let mut world = world(|_| {});
    let dates = json!({
        "doNotRunUntil": "2026-01-01T01:00:00Z", "doNotRunAfter": "2026-01-01T05:30:00Z", "recurrenceInterval": "PT1H"
    });
    schedule(&mut world, dates);
    world.wait(3_599);
    assert_eq!(jobs(&mut world), [""; 0]);
    assert_eq!(post(&mut world, "/jobschedules/s/disable"), 204);
    world.wait(3_600);
    assert_eq!((jobs(&mut world).len(), state(&mut world).as_str()), (0, "disabled"));
    assert_eq!(post(&mut world, "/jobschedules/s/enable"), 204);
    assert_eq!(
        (jobs(&mut world).len(), state(&mut world).as_str()),
        (1, "active"),
        "what was missed comes at once"
    );
    world.wait(20_000);
    post(&mut world, "/jobs/s:job-1/terminate");
    world.wait(10);
    assert_eq!(
        (jobs(&mut world).len(), state(&mut world).as_str()),
        (1, "completed"),
        "it is too late for more"
    );
}

#[test]
fn termination_ends_the_active_job_and_deletion_takes_all_jobs_along() {
    let mut world = world(|_| {});
    schedule(&mut world, json!({"recurrenceInterval": "PT1H"}));
    assert_eq!(world.batch(&Method::HEAD, "/jobschedules/s", None).status(), 200);
    assert_eq!(post(&mut world, "/jobschedules/s/terminate"), 202);
    assert_eq!(state(&mut world), "terminating");
    let refused = world.patch("/jobschedules/s", json!({"metadata": []}));
    assert_eq!(refused.code(), "JobScheduleBeingTerminated");
    world.wait(10);
    assert_eq!(state(&mut world), "completed");
    let job = world.get("/jobs/s:job-1").body;
    assert_eq!(
        (&job["state"], &job["executionInfo"]["terminateReason"]),
        (&json!("completed"), &json!("JobScheduleTerminate"))
    );
    assert_eq!(world.delete("/jobschedules/s").status(), 202);
    assert_eq!(world.delete("/jobschedules/s").code(), "JobScheduleBeingDeleted");
    world.wait(10);
    assert_eq!(world.batch(&Method::HEAD, "/jobschedules/s", None).status(), 404);
    assert_eq!(world.get("/jobs/s:job-1").code(), "JobNotFound");
}

#[test]
fn a_patch_keeps_what_it_does_not_name_and_a_put_does_not() {
    let mut world = world(|_| {});
    schedule(&mut world, json!({"recurrenceInterval": "PT1H"}));
    let metadata = json!([{"name": "a", "value": "b"}]);
    assert_eq!(
        world.patch("/jobschedules/s", json!({"metadata": metadata})).status(),
        200
    );
    let shown = world.get("/jobschedules/s").body;
    assert_eq!(
        (&shown["metadata"], &shown["schedule"]["recurrenceInterval"]),
        (&metadata, &json!("PT1H"))
    );
    let body = json!({"jobSpecification": {"poolInfo": {"poolId": "q"}}});
    assert_eq!(world.batch(&Method::PUT, "/jobschedules/s", Some(body)).status(), 200);
    let shown = world.get("/jobschedules/s").body;
    assert!(shown.get("metadata").is_none() && shown.get("schedule").is_none());
    assert_eq!(shown["jobSpecification"]["poolInfo"]["poolId"], "q");
    assert_eq!(
        world.get("/jobs/s:job-1").body["poolInfo"]["poolId"],
        "p",
        "the jobs to come"
    );
    let refused = world.batch(&Method::PUT, "/jobschedules/s", Some(json!({})));
    assert_eq!(refused.code(), "MissingRequiredProperty");
}

#[test]
fn schedules_that_cannot_be_are_refused() {
    let mut world = world(|seed| seed["batchAccounts"][0]["quotas"] = json!({"activeJobsAndSchedules": 3}));
    let info = json!({"poolInfo": {"poolId": "p"}});
    world.post("/jobs", json!({"id": "taken", "poolInfo": {"poolId": "p"}}));
    for (body, status, code) in [
        (json!({"id": "s"}), 400, "MissingRequiredProperty"),
        (
            json!({"id": "s", "jobSpecification": {}}),
            400,
            "MissingRequiredProperty",
        ),
        (
            json!({"id": "s", "jobSpecification": info, "colour": 1}),
            400,
            "InvalidRequestBody",
        ),
        (
            json!({"id": "s", "jobSpecification": info, "schedule": {"recurrenceInterval": "PT1S"}}),
            400,
            "InvalidPropertyValue",
        ),
        (
            json!({"id": "taken", "jobSpecification": info}),
            409,
            "JobWithSameIdExists",
        ),
        (json!({"id": "s", "jobSpecification": info, "schedule": {}}), 201, ""),
        (
            json!({"id": "t", "jobSpecification": info}),
            409,
            "ActiveJobAndScheduleQuotaReached",
        ),
    ] {
        let answer = world.post("/jobschedules", body.clone());
        assert_eq!((answer.status(), answer.code()), (status, code), "{body}");
    }
    let refused = world.post("/jobs", json!({"id": "S", "poolInfo": {"poolId": "p"}}));
    assert_eq!(refused.code(), "JobScheduleWithSameIdExists");
}
