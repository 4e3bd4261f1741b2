//! What one run carries through every step: its clock, deadline, retry budget, cancellation and voice.
//!
//! The only file that sleeps. It decides nothing about Azure.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    progress::{Event, Progress, Span, StepTime},
    retry::RUN_BUDGET,
};

/// One run: cheap to clone, all clones share deadline, budget and cancellation.
#[derive(Clone, Debug)]
pub struct Run {
    clock: Arc<dyn Clock>,
    started: Instant,
    deadline: Instant,
    budget: Arc<AtomicU32>,
    cancel: CancellationToken,
    steps: Arc<Mutex<Vec<StepTime>>>,
    /// Where events go.
    pub progress: Progress,
}

impl Run {
    /// A run that starts now and may take `limit`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, limit: Duration, cancel: CancellationToken, progress: Progress) -> Self {
        let started = Instant::now();
        Self {
            clock,
            started,
            deadline: started + limit,
            budget: Arc::new(AtomicU32::new(RUN_BUDGET)),
            cancel,
            steps: Arc::default(),
            progress,
        }
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long the run has been going.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A second voice of the same run that does not stop when asked to: for cleaning up after a cancel. It has a
    /// deadline and a retry budget of its own, since the run may have ended for want of either.
    #[must_use]
    pub fn for_cleanup(&self, limit: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            deadline: started + limit,
            budget: Arc::new(AtomicU32::new(RUN_BUDGET)),
            cancel: CancellationToken::new(),
            ..self.clone()
        }
    }

    /// How long each step took so far, failed ones too.
    #[must_use]
    pub fn steps(&self) -> Vec<StepTime> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fails when the run was asked to stop; called where stopping is safe.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            Err(cancelled())
        } else {
            Ok(())
        }
    }

    /// Takes one repeat out of the run's budget; `false` when it is used up.
    #[must_use]
    pub fn take_repeat(&self) -> bool {
        self.budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }

    /// Waits, but neither past the deadline nor past a cancel. A pause that reaches the deadline ends there once,
    /// so that a last look is possible; the next one fails.
    ///
    /// # Errors
    /// `Cancelled` or `Deadline`; `waiting_for` completes the sentence.
    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    pub async fn pause(&self, length: Duration, waiting_for: &str) -> Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let limit = Span(self.deadline.duration_since(self.started).as_secs());
            return Err(Error::new(
                ErrorKind::Deadline,
                format!("the deadline of {limit} passed while waiting for {waiting_for}"),
            )
            .with_hint("nothing is lost: run the same again and it goes on from here; deadline sets the limit"));
        }
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(cancelled()),
            () = tokio::time::sleep(length.min(left)) => Ok(()),
        }
    }

    /// Runs a step between its two events.
    ///
    /// # Errors
    /// What the step fails with.
    pub async fn step<T>(
        &self,
        step: &'static str,
        what: impl Into<String>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let started = Instant::now();
        self.progress.tell(Event::StepStarted {
            step,
            what: what.into(),
        });
        let result = work.await;
        let seconds = started.elapsed().as_secs();
        self.steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(StepTime {
                step: step.to_owned(),
                seconds,
            });
        let result = result?;
        self.progress.tell(Event::StepDone { step, seconds });
        Ok(result)
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "asked to stop")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn run(limit: u64, cancel: &CancellationToken) -> Run {
        Run::new(
            Arc::new(SystemClock),
            Duration::from_secs(limit),
            cancel.clone(),
            Progress::silent(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_at_the_deadline_once_and_fails_after_it() {
        let run = run(60, &CancellationToken::new());
        run.pause(Duration::from_secs(100), "x").await.unwrap();
        assert_eq!(run.elapsed(), Duration::from_secs(60));
        let error = run.pause(Duration::from_secs(1), "replication").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline);
        assert_eq!(
            error.to_string(),
            "the deadline of 1 min passed while waiting for replication"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancel_ends_a_pause_but_not_the_cleaning_up() {
        let cancel = CancellationToken::new();
        let run = run(60, &cancel);
        cancel.cancel();
        assert_eq!(
            run.pause(Duration::from_secs(1), "x").await.unwrap_err().kind(),
            ErrorKind::Cancelled
        );
        run.for_cleanup(Duration::from_secs(5))
            .pause(Duration::from_secs(1), "x")
            .await
            .unwrap();
    }

    #[test]
    fn the_budget_of_a_run_is_shared_and_ends() {
        let run = run(60, &CancellationToken::new());
        let other = run.clone();
        for _ in 0..RUN_BUDGET {
            assert!(other.take_repeat());
        }
        assert!(!run.take_repeat());
    }
}
