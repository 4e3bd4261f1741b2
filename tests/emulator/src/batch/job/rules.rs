//! Adding a job to an account, with the pool that is made for it.
//!
//! What a job is, is in `job`; how such a pool is made in `auto_pool`.

use serde_json::Value;

use super::{Job, JobState, MadePool, NewJob, fill_defaults};
use crate::batch::account::Account;
use crate::batch::auto_pool::{AutoPool, Lifetime};
use crate::batch::refusal::{JOB_EXISTS, JOB_QUOTA_REACHED, Refusal, SCHEDULE_WITH_SAME_ID};
use crate::batch::scene::Scene;
use crate::batch::scheduling_error::SchedulingError;
use crate::batch::timeline::Timeline;
use crate::batch::wire::Version;

/// Adds a job to the account, with the pool that is to be made for it. When that cannot be made, the job is completed
/// at once and says why.
///
/// # Errors
/// It is there already, or the account has as many active ones as it may.
pub(crate) fn add(account: &mut Account, mut new: NewJob, scene: &mut Scene<'_>) -> Result<(), Refusal> {
    let now = scene.now;
    account.jobs.retain(|job| !job.is_gone(now));
    if account.jobs.iter().any(|job| job.id == new.id) {
        return Err(JOB_EXISTS.into());
    }
    if account
        .schedules
        .iter()
        .any(|schedule| schedule.id.as_str().eq_ignore_ascii_case(new.id.as_str()))
    {
        return Err(SCHEDULE_WITH_SAME_ID.into());
    }
    if account.active_jobs_and_schedules(now) >= account.quotas.active_jobs_and_schedules {
        return Err(JOB_QUOTA_REACHED.into());
    }
    fill_defaults(&mut new.settings);
    let etag = scene.ids.etag();
    let made = make_pool(account, &new, scene)?;
    let mut life = Timeline::new(now, JobState::Active);
    let (made_pool, scheduling_error) = match made {
        Ok(pool) => (pool, None),
        Err(error) => {
            life = life.then(now, JobState::Completed);
            (None, Some(error))
        }
    };
    account.jobs.push(Job {
        id: new.id,
        version: Version { etag, modified: now },
        created: now,
        settings: new.settings,
        life,
        schedule: new.schedule,
        made_pool,
        scheduling_error,
        terminate_reason: None,
        gone: None,
        tasks: Vec::new(),
    });
    Ok(())
}

/// The pool that a new job is to have of its own or of its schedule, if any.
fn make_pool(
    account: &mut Account,
    new: &NewJob,
    scene: &mut Scene<'_>,
) -> Result<Result<Option<MadePool>, SchedulingError>, Refusal> {
    let info = new.settings.get("poolInfo").unwrap_or(&Value::Null);
    let Some(auto) = AutoPool::read(info, new.age)? else {
        return Ok(Ok(None));
    };
    Ok(match (auto.lifetime, &new.shared) {
        (Lifetime::JobSchedule, Some(pool)) => Ok(Some(MadePool::Shared(pool.clone()))),
        (Lifetime::JobSchedule, None) => auto.make(account, scene).map(|pool| Some(MadePool::Shared(pool))),
        (Lifetime::Job, _) => auto.make(account, scene).map(|pool| Some(MadePool::Own(pool))),
    })
}
