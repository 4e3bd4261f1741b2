//! Writes of a loop that looks again after each of them: what a failed one means, and how long others may be faster.
//!
//! Nothing is repeated here: the next look says what is still to be done.

use tokio::time::Instant;

use super::pool::PoolAccess;
use crate::{
    client::Client,
    error::{Error, Result},
    request::Request,
    write::Tries,
};

/// What Batch answers when another client has created, changed or finished what we wanted to: the pool shows it.
const OVERTAKEN: [&str; 3] = [
    "PoolExists",
    "OperationInvalidForCurrentState",
    "OperationNotValidOnPool",
];

/// What Batch answers of a pool that is gone or on its way out: the next look shows it.
const POOL_IS_GOING: [&str; 2] = ["PoolNotFound", "PoolBeingDeleted"];

/// What Batch answers of a job that came to its end meanwhile: the next look does not show it any more.
const JOB_IS_OVER: [&str; 4] = ["JobNotFound", "JobCompleted", "JobBeingDeleted", "JobBeingTerminated"];

/// So many writes that another client was faster with are followed by another look. After that they and we are at odds.
const MAX_OVERTAKEN: u32 = 20;

/// The writes and waits of a loop so far.
#[derive(Debug)]
pub(super) struct Attempts<'run> {
    client: &'run Client,
    doing: &'run str,
    tries: Tries<'run>,
    overtaken: u32,
    wait: Option<(&'static str, Instant)>,
}

impl<'run> Attempts<'run> {
    /// None yet; `doing` completes "cannot".
    pub(super) fn new(client: &'run Client, doing: &'run str) -> Self {
        Self {
            client,
            doing,
            tries: Tries::new(client, doing),
            overtaken: 0,
            wait: None,
        }
    }

    /// `true` when a write was accepted. Where it may have had an effect, or another client was faster, the next look
    /// shows which.
    ///
    /// # Errors
    /// Any other failure.
    pub(super) async fn after(&mut self, access: &PoolAccess<'_>, sent: Result<()>) -> Result<bool> {
        match sent {
            Ok(()) => {
                self.accepted();
                Ok(true)
            }
            Err(error) => self.failed(access, error).await.map(|()| false),
        }
    }

    /// A write was accepted: what comes next has all tries again.
    pub(super) fn accepted(&mut self) {
        self.tries = Tries::new(self.client, self.doing);
        self.wait = None;
    }

    /// A write has failed. Where it may have had an effect, or another client was faster, the next look shows which.
    ///
    /// # Errors
    /// Any other failure.
    pub(super) async fn failed(&mut self, access: &PoolAccess<'_>, error: Error) -> Result<()> {
        if !is_overtaken(&error) {
            return self.tries.after(error).await.map(drop);
        }
        if self.overtaken >= MAX_OVERTAKEN {
            return Err(error);
        }
        self.overtaken += 1;
        access.pause(Instant::now(), self.doing).await
    }

    /// Sends a request about a job.
    ///
    /// # Errors
    /// As [`Self::after`].
    pub(super) async fn send(&mut self, access: &PoolAccess<'_>, request: Request) -> Result<()> {
        let sent = self.client.send(&request).await.map(drop);
        self.after(access, sent).await.map(drop)
    }

    /// Lets the time until the next look pass; what is waited for is said once.
    ///
    /// # Errors
    /// When the run ends.
    pub(super) async fn wait(&mut self, access: &PoolAccess<'_>, what: &'static str, count: usize) -> Result<()> {
        let began = match self.wait {
            Some((same, began)) if same == what => began,
            _ => {
                self.client.note(format!("waiting for {what} ({count})"));
                Instant::now()
            }
        };
        self.wait = Some((what, began));
        access.pause(began, what).await
    }
}

fn is_overtaken(error: &Error) -> bool {
    OVERTAKEN
        .iter()
        .chain(&JOB_IS_OVER)
        .chain(&POOL_IS_GOING)
        .any(|code| error.has_code(code))
}
