//! What of a pool's jobs and nodes a look at all pools finds left: jobs that nothing enables again, jobs that a former
//! pool never runs, nodes that no resize brings. Pure.
//!
//! A change that is under way is another finding, and what it holds is no leftover.

use serde_json::Value;

use super::report::Finding;
use crate::{
    batch::{
        job::{self, Job},
        pool::{Pool, PoolLife, Scaling},
    },
    estate::{SeenAccount, SeenPool},
    ids::{BatchEndpoint, PoolId},
    rollout::{self, Stranded},
    typing::{Command, az},
};

/// Jobs that start no task until a person acts.
pub(super) struct LeftJobs {
    /// Those that a change has disabled which is over.
    pub(super) held: Vec<String>,
    /// Those that name a former pool without nodes.
    pub(super) stranded: Option<Stranded>,
}

impl LeftJobs {
    /// What lets the first of them go on.
    pub(super) fn commands(&self, endpoint: &BatchEndpoint) -> Vec<Command> {
        if let Some(stranded) = &self.stranded {
            return stranded.moving(endpoint);
        }
        let (account, endpoint) = (endpoint.account(), endpoint.to_string());
        let enable = |job: &String| {
            let values = [
                ("account", account),
                ("endpoint", endpoint.as_str()),
                ("job", job.as_str()),
            ];
            Command::new(az::ENABLE_JOB, &values)
        };
        self.held.iter().take(1).map(enable).collect()
    }
}

/// The jobs of a pool that are left.
pub(super) fn of(account: &SeenAccount, seen: &SeenPool, (jobs, schedules): (&[Job], &[Value])) -> LeftJobs {
    let find = |id: &PoolId| {
        account
            .pools
            .iter()
            .map(|seen| &seen.pool)
            .find(|pool| pool.is_called(id))
    };
    let stranded = rollout::does_work_of(&seen.pool, find).and_then(|doer| {
        let schedules = schedules.iter().filter_map(|item| job::schedule_on(item, &seen.id));
        Stranded::of(&seen.pool, doer, jobs, schedules.collect())
    });
    let is_changing = account.pools.iter().any(|other| is_changed_by(&other.pool, seen));
    let held = jobs
        .iter()
        .filter(|job| job.is_on(&seen.id) && rollout::is_disabled_by_us(job) && !is_changing && stranded.is_none());
    LeftJobs {
        held: held.map(|job| job.id.clone()).collect(),
        stranded,
    }
}

/// Whether a change is under way of this pool, by which the other one is changed, or gets its work.
fn is_changed_by(pool: &Pool, seen: &SeenPool) -> bool {
    rollout::under_way(pool)
        .is_some_and(|change| pool.is_called(&seen.id) || change.new_pool.as_ref() == Some(&seen.id))
}

/// A pool of fixed size that has fewer dedicated nodes than it shall have, or no spot node at all, and gets no more by
/// itself. That some spot nodes are away is usual.
pub(super) fn short(seen: &SeenPool) -> Option<Finding> {
    let pool = &seen.pool;
    let (nodes, target) = (pool.current, pool.targets);
    let is_short = nodes.dedicated < target.dedicated || (nodes.spot == 0 && target.spot > 0);
    let is_left = pool.life == PoolLife::Active && pool.scaling == Scaling::Fixed && pool.is_steady();
    // A change that is under way is the finding then.
    let is_changing = rollout::under_way(pool).is_some();
    (is_short && is_left && !is_changing).then(|| Finding::Short {
        nodes,
        target,
        errors: pool
            .resize_errors
            .iter()
            .map(|error| format!("{}: {}", error.code, error.message))
            .collect(),
    })
}
