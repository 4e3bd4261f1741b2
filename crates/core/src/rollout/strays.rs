//! Jobs that a roll-out holds and that others have given another pool meanwhile: they run there again.
//!
//! It remembers which jobs one run has seen held. Which are held at all is decided in `replace::next` and
//! `blue_green::next`.

use std::collections::BTreeSet;

use super::jobs::{self, is_held};
use crate::{
    batch::job::{self, Job, JobState},
    client::Client,
    error::Result,
    ids::{BatchEndpoint, PoolId},
    request::Request,
};

/// What is to be done about such a job.
#[derive(Debug)]
pub(super) enum Stray {
    /// Send this.
    Send(Box<Request>),
    /// Look again: it is on its way to run.
    Wait,
}

/// The jobs that a run has seen held.
#[derive(Debug, Default)]
pub(super) struct Strays {
    held: BTreeSet<String>,
}

impl Strays {
    /// Remembers these, and reads those that the lists of our pools do not show any more. One that only moves from list to
    /// list is added to `jobs`.
    ///
    /// # Errors
    /// When a job cannot be read.
    pub(super) async fn find(
        &mut self,
        (client, endpoint): (&Client, &BatchEndpoint),
        jobs: &mut Vec<Job>,
        ours: &[&PoolId],
    ) -> Result<Option<Stray>> {
        for known in jobs.iter() {
            if is_held(known) {
                self.held.insert(known.id.clone());
            } else {
                self.held.remove(&known.id);
            }
        }
        let missing = self.held.iter().filter(|id| jobs.iter().all(|job| job.id != **id));
        for id in missing.cloned().collect::<Vec<String>>() {
            let found = client.find(&job::get(endpoint, &id)).await?;
            let found = found.map(|answer| Job::new(answer.value())).filter(is_held);
            match found {
                Some(job) if ours.iter().any(|pool| job.is_on(pool)) => jobs.push(job),
                Some(job) if job.state == JobState::Enabling => return Ok(Some(Stray::Wait)),
                Some(job) => return Ok(Some(Stray::Send(Box::new(release(client, endpoint, &job))))),
                None => {
                    self.held.remove(&id);
                }
            }
        }
        Ok(None)
    }
}

/// What lets a job go that is none of ours any more.
fn release(client: &Client, endpoint: &BatchEndpoint, job: &Job) -> Request {
    match job.state {
        JobState::Disabled | JobState::Disabling => {
            let text = format!("enabling job {}, which was given another pool meanwhile", job.id);
            client.note(text);
            job::enable(endpoint, &job.id)
        }
        JobState::Active | JobState::Enabling | JobState::Other => jobs::mark(endpoint, job, None),
    }
}
