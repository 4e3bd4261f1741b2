//! Deletes former pools whose time is over: without nodes, without jobs and job schedules, and made by roll-outs.
//!
//! It is housekeeping after a good end. What cannot be deleted stays, with a warning. What others made is never deleted:
//! it is named with the command that does.

use crate::{
    batch::{
        job::{self, Job, JobState},
        pool::{self, Pool},
    },
    client::Client,
    error::{ErrorKind, Result},
    ids::PoolId,
    rights,
    rollout::{explain::At, made_by::MadeBy, observe::Site, step::RolloutStep},
};

/// The steps of a plan.
pub(in crate::rollout) fn steps(expired: &[Pool]) -> impl Iterator<Item = RolloutStep> {
    let ours = expired.iter().filter(|pool| MadeBy::of(pool) == MadeBy::RollOuts);
    ours.filter_map(Pool::id)
        .map(|pool| RolloutStep::DeleteFormerPool { pool })
}

/// Deletes.
///
/// # Errors
/// When the run ends.
pub(in crate::rollout) async fn tidy(client: &Client, site: &Site, expired: &[Pool]) -> Result<()> {
    let endpoint = &site.endpoint;
    for found in expired {
        let Some(id) = found.id() else { continue };
        if MadeBy::of(found) == MadeBy::Others {
            client.note(of_others(&id, site));
            continue;
        }
        let deleted = async || -> Result<()> {
            let jobs = client.list(&job::list(endpoint, &id)).await?;
            let live = jobs
                .into_iter()
                .map(Job::new)
                .find(|job| job.is_on(&id) && job.state != JobState::Other);
            if let Some(job) = live {
                client.warn(format!("former pool {id} is kept: job {} names it", job.id));
                return Ok(());
            }
            let schedules = client.list(&job::schedules(endpoint)).await?;
            if let Some(schedule) = schedules.iter().find_map(|item| job::schedule_on(item, &id)) {
                client.warn(format!("former pool {id} is kept: job schedule {schedule} names it"));
                return Ok(());
            }
            client.send(&pool::delete(endpoint, &id, found.etag.as_deref())).await?;
            client.note(format!("former pool {id} is deleted, as its time is over"));
            Ok(())
        };
        match deleted().await {
            Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline) => return Err(error),
            Err(error) if error.kind() == ErrorKind::NoRights => {
                client.warn(format!("former pool {id} is kept: {}", rights::lack(&error)));
            }
            Err(error) => client.warn(format!("former pool {id} is kept: {error}")),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// What is said of a former pool that no roll-out has made.
fn of_others(id: &PoolId, site: &Site) -> String {
    let at = At {
        pool: id,
        endpoint: &site.endpoint,
        account: site.account.as_ref(),
    };
    let command = at.deleting();
    format!("former pool {id} is kept without nodes, as no roll-out has made it; what deletes it: {command}")
}
