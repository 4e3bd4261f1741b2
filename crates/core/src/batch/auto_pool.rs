//! Pools that Batch makes by itself, for jobs and job schedules: which image they will have.
//!
//! Such a pool may not be there yet, or be gone between two jobs, so the lists of pools do not show it.

use http::Method;
use serde_json::Value;

use crate::{batch::API_VERSION, batch::image::PoolImage, ids::BatchEndpoint, json, request::Request};

/// Who makes such a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoPool {
    /// The id of the job or schedule.
    pub of: String,
    /// The image that its nodes get.
    pub image: PoolImage,
    /// How many nodes it gets at first, of both kinds.
    pub nodes: u32,
}

impl AutoPool {
    /// The pool that a job makes; nothing when the job runs on a pool of others, or is over.
    #[must_use]
    pub fn of_job(body: &Value) -> Option<Self> {
        Self::read(body, "/poolInfo")
    }

    /// The pool that a schedule makes; nothing when its jobs run on a pool of others, or it is over.
    #[must_use]
    pub fn of_schedule(body: &Value) -> Option<Self> {
        Self::read(body, "/jobSpecification/poolInfo")
    }

    fn read(body: &Value, info: &str) -> Option<Self> {
        let state = json::text(body, "/state").unwrap_or_default().to_ascii_lowercase();
        let pool = json::at(body, &format!("{info}/autoPoolSpecification/pool")).as_object()?;
        // What is disabled can be enabled again; a word that is new to us counts.
        if ["completed", "deleting"].contains(&state.as_str()) {
            return None;
        }
        let machine = pool.get("virtualMachineConfiguration").unwrap_or(&Value::Null);
        let count = |name| pool.get(name).and_then(Value::as_u64).unwrap_or(0);
        let nodes = count("targetDedicatedNodes").saturating_add(count("targetLowPriorityNodes"));
        Some(Self {
            nodes: u32::try_from(nodes).unwrap_or(u32::MAX),
            of: json::text(body, "/id").unwrap_or_default().to_owned(),
            image: PoolImage::read(json::at(machine, "/imageReference")),
        })
    }
}

/// The request for all jobs of an account, with the pools that they make.
#[must_use]
pub fn list_jobs(endpoint: &BatchEndpoint) -> Request {
    Request::batch(endpoint, Method::GET, "/jobs", API_VERSION, "list the account's jobs")
        .with_query("$select", "id,state,poolInfo")
}

/// The request for all job schedules of an account, with the pools that they make.
#[must_use]
pub fn list_schedules(endpoint: &BatchEndpoint) -> Request {
    Request::batch(
        endpoint,
        Method::GET,
        "/jobschedules",
        API_VERSION,
        "list the account's job schedules",
    )
    .with_query("$select", "id,state,jobSpecification")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

    #[test]
    fn only_who_makes_a_pool_and_may_go_on_counts() {
        let info = json!({"autoPoolSpecification": {"pool": {"virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": VERSION}}}}});
        let job = |state: &str, info: &Value| AutoPool::of_job(&json!({"id": "j", "state": state, "poolInfo": info}));
        for state in ["active", "disabled", "terminating", "resting"] {
            assert_eq!(job(state, &info).unwrap().image.to_string(), VERSION, "{state}");
        }
        assert_eq!(job("completed", &info), None);
        assert_eq!(job("active", &json!({"poolId": "p"})), None);
        let schedule = json!({"id": "s", "state": "active", "jobSpecification": {"poolInfo": info}});
        assert_eq!(AutoPool::of_schedule(&schedule).unwrap().of, "s");
    }
}
