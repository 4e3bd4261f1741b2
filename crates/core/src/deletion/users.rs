//! What uses a pool that is to be deleted: jobs by how they stand, and job schedules; and how those go on that a change of
//! the pool has disabled.
//!
//! What follows from it is decided by the deletion.

use std::fmt;

use serde_json::Value;

use crate::{
    batch::job::{self, Job, JobState},
    client::Client,
    error::{ErrorKind, Result},
    ids::BatchEndpoint,
    request::Request,
    rollout,
    settings::{Consent, DeletionSettings},
};

/// What uses a pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Users {
    /// Jobs that are active on it.
    pub(super) jobs: Vec<String>,
    /// Jobs that a change of it has disabled; of a pool that is gone, all that one has marked.
    pub(super) held: Vec<Job>,
    /// Jobs that others have disabled.
    pub(super) disabled: Vec<String>,
    /// Job schedules that make jobs for it.
    pub(super) schedules: Vec<String>,
}

/// A list that shows what uses a pool, and the right to read it.
struct List {
    request: Request,
    what: &'static str,
    right: &'static str,
}

impl Users {
    fn of(jobs: Vec<Job>, schedules: Vec<String>) -> Self {
        let mut users = Self {
            schedules,
            ..Self::default()
        };
        for job in jobs {
            match job.state {
                JobState::Other => {}
                _ if rollout::is_disabled_by_us(&job) => users.held.push(job),
                JobState::Active | JobState::Enabling => users.jobs.push(job.id),
                JobState::Disabling | JobState::Disabled => users.disabled.push(job.id),
            }
        }
        users
    }

    /// The ids of those that a change holds.
    pub(super) fn held_ids(&self) -> Vec<String> {
        self.held.iter().map(|job| job.id.clone()).collect()
    }

    /// What becomes of them when the pool is deleted all the same.
    pub(super) fn then(&self) -> &'static str {
        match (self.held.is_empty(), self.jobs.is_empty() && self.schedules.is_empty()) {
            (true, _) => "their running tasks are then queued again",
            (false, true) => "jobs that a roll-out has disabled are then enabled",
            (false, false) => {
                "their running tasks are then queued again, and jobs that a roll-out has disabled are enabled"
            }
        }
    }
}

/// `active jobs: a, b; job schedules: c`.
impl fmt::Display for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held_ids();
        let kinds = [
            ("active jobs", &self.jobs),
            ("jobs that a roll-out has disabled", &held),
            ("disabled jobs", &self.disabled),
            ("job schedules", &self.schedules),
        ];
        let kinds = kinds.iter().filter(|(_, ids)| !ids.is_empty());
        let texts: Vec<String> = kinds.map(|(kind, ids)| format!("{kind}: {}", ids.join(", "))).collect();
        f.write_str(&texts.join("; "))
    }
}

/// What uses a pool that is there. Jobs are looked at last: they come more often than schedules, and nothing but this look
/// sees them.
///
/// # Errors
/// When that cannot be read.
pub(super) async fn read(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<Users> {
    let schedules = List {
        request: job::schedules(endpoint),
        what: "job schedules",
        right: "Microsoft.Batch/batchAccounts/jobSchedules/read",
    };
    let schedules = items(client, schedules, settings).await?;
    let on_pool = schedules
        .iter()
        .filter_map(|item| job::schedule_on(item, &settings.pool));
    let on_pool = on_pool.collect();
    Ok(Users::of(jobs(client, endpoint, settings).await?, on_pool))
}

/// The jobs on it that have not ended, by their ids.
///
/// # Errors
/// When they cannot be read.
pub(super) async fn active(
    client: &Client,
    endpoint: &BatchEndpoint,
    settings: &DeletionSettings,
) -> Result<Vec<String>> {
    let jobs = jobs(client, endpoint, settings).await?.into_iter();
    let active = jobs.filter(|job| job.state != JobState::Other);
    Ok(active.map(|job| job.id).collect())
}

async fn jobs(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<Vec<Job>> {
    let jobs = List {
        request: job::list(endpoint, &settings.pool),
        what: "jobs",
        right: "Microsoft.Batch/batchAccounts/jobs/read",
    };
    Ok(items(client, jobs, settings).await?.into_iter().map(Job::new).collect())
}

/// The jobs that a change of a pool has disabled which is gone; none where they may not be read.
///
/// # Errors
/// When they cannot be read.
pub(super) async fn left(client: &Client, endpoint: &BatchEndpoint, settings: &DeletionSettings) -> Result<Users> {
    let jobs = match client.list(&job::list(endpoint, &settings.pool)).await {
        Err(error) if error.has_status(403) => Vec::new(),
        listed => listed?,
    };
    let held = jobs.into_iter().map(Job::new).filter(rollout::is_held);
    Ok(Users {
        held: held.collect(),
        ..Users::default()
    })
}

/// What a list has; nothing where it may not be read and that was allowed for.
async fn items(client: &Client, list: List, settings: &DeletionSettings) -> Result<Vec<Value>> {
    let List { request, what, right } = list;
    match client.list(&request).await {
        Err(error) if error.has_status(403) && settings.with_jobs == Consent::Yes => {
            client.warn(format!(
                "not checked: {what} on the pool, since this identity lacks {right}"
            ));
            Ok(Vec::new())
        }
        // Who uses the pool is not known, so that to delete it without looking is no advice.
        Err(error) if error.has_status(403) => {
            Err(error.with_hint(format!("give the identity {right} on the account, then run again")))
        }
        listed => listed,
    }
}

/// One step for each job: it is enabled, and the mark comes off once it runs again. What a lost answer or another writer
/// leaves open, the next look shows.
///
/// # Errors
/// When Batch refuses it, or the run ends.
pub(super) async fn give_back(client: &Client, endpoint: &BatchEndpoint, held: &[Job]) -> Result<()> {
    for job in held {
        let request = match job.state {
            JobState::Disabled | JobState::Disabling => {
                client.note(format!("enabling job {}", job.id));
                job::enable(endpoint, &job.id)
            }
            JobState::Active => rollout::released(endpoint, job),
            JobState::Enabling | JobState::Other => continue,
        };
        match client.send(&request).await {
            Err(error) if error.kind() == ErrorKind::UnknownEffect => {}
            Err(error) if [404, 409, 412].iter().any(|status| error.has_status(*status)) => {}
            sent => drop(sent?),
        }
    }
    Ok(())
}
