//! What one run carries through every step: its clock, deadline, retry budget, cancellation and voice.
//!
//! The only file that sleeps. It decides nothing about Azure.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, Lead},
    error::{Error, ErrorKind, Result},
    ids::PoolId,
    judge::Written,
    options,
    progress::{Event, Place, Progress, Span, StepTime},
    retry::{Budget, Repeat},
    shell::{NoShell, Shell},
    words,
};

/// How long a request may still take once the run is over: a write that is under way gets its answer, so that cleaning
/// up knows of it, and a wait that ended with the deadline gets its last look.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// One run: cheap to clone, all clones share deadline, budget and cancellation.
#[derive(Clone, Debug)]
pub struct Run {
    clock: Arc<dyn Clock>,
    /// How far Azure's clock is ahead, as its answers have shown.
    lead: Arc<Mutex<Lead>>,
    started: Instant,
    deadline: Instant,
    budget: Arc<Mutex<Budget>>,
    cancel: CancellationToken,
    /// How long a write that is under way may still take after a cancel.
    grace: Duration,
    /// How long a request may still take after the deadline.
    last_words: Duration,
    written: Arc<AtomicBool>,
    steps: Arc<Mutex<Vec<StepTime>>>,
    shell: Arc<dyn Shell>,
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
            lead: Arc::default(),
            started,
            deadline: started + limit,
            budget: Arc::new(Mutex::new(Budget::full())),
            cancel,
            grace: LAST_WORDS,
            last_words: LAST_WORDS,
            written: Arc::default(),
            steps: Arc::default(),
            shell: Arc::new(NoShell),
            progress,
        }
    }

    /// The same run, in which a write that is under way may take so long after a cancel; 10 seconds when nothing is said.
    #[must_use]
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The same run on a machine whose shell may be used.
    #[must_use]
    pub fn with_shell(mut self, shell: Arc<dyn Shell>) -> Self {
        self.shell = shell;
        self
    }

    /// The machine's shell.
    #[must_use]
    pub fn shell(&self) -> &dyn Shell {
        &*self.shell
    }

    /// The time of day by Azure's clock, as far as its answers have shown it: a runner's own may be minutes off, and what
    /// is compared with this comes from Azure.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.lead().applied_to(self.machine_time())
    }

    /// The time of day by this machine's clock.
    #[must_use]
    pub fn machine_time(&self) -> Timestamp {
        self.clock.now()
    }

    /// How far Azure's clock is ahead of this machine's; nothing as long as the two may show the same.
    #[must_use]
    pub fn behind_azure(&self) -> SignedDuration {
        self.lead().length()
    }

    /// Learns the time from the `Date` of an answer of Azure that has come just now, to a request that was sent at that
    /// time of this machine.
    pub(crate) fn learn_time(&self, date: Timestamp, sent: Timestamp) {
        let mut lead = self.lead();
        *lead = lead.after(date, (sent, self.machine_time()));
    }

    fn lead(&self) -> MutexGuard<'_, Lead> {
        self.lead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the run has been going.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long it may take in all.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.deadline.duration_since(self.started)
    }

    /// A limit that gives a run clearly more time than this one has, as people write it: twice as many hours, and two at
    /// least.
    #[must_use]
    pub fn more_time(&self) -> String {
        format!("{}h", self.limit().as_secs().div_ceil(3600).max(1) * 2)
    }

    /// The same run while it cleans up: it does not stop when asked to, and has a deadline and a retry budget of its
    /// own, since the run may have ended for want of either. Everything that is sent for it, sign-in included, goes by
    /// these.
    #[must_use]
    pub fn for_cleanup(&self, limit: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            deadline: started + limit,
            budget: Arc::new(Mutex::new(Budget::full())),
            cancel: CancellationToken::new(),
            ..self.clone()
        }
    }

    /// The same run for what is still to be done after a cancel: it has so long, to the last answer.
    #[must_use]
    pub fn halting(&self, limit: Duration) -> Self {
        Self {
            last_words: Duration::ZERO,
            ..self.for_cleanup(limit)
        }
    }

    /// The same run as far as one of many pools is concerned: deadline, budget and cancel are shared, events carry the
    /// pool's name.
    #[must_use]
    pub fn for_pool(&self, pool: &PoolId) -> Self {
        Self {
            written: Arc::default(),
            steps: Arc::default(),
            progress: self.progress.of_pool(pool),
            ..self.clone()
        }
    }

    /// How long each step took so far, failed ones too.
    #[must_use]
    pub fn steps(&self) -> Vec<StepTime> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this run has changed something in Azure, or may have.
    #[must_use]
    pub fn written(&self) -> Written {
        if self.written.load(Ordering::Relaxed) {
            Written::Something
        } else {
            Written::Nothing
        }
    }

    /// Notes that something was changed, or may have been.
    pub fn note_write(&self) {
        self.written.store(true, Ordering::Relaxed);
    }

    /// Fails when the run was asked to stop, or its deadline is past by more than a last look takes.
    ///
    /// # Errors
    /// `Cancelled` or `Deadline`; `doing` completes the sentence.
    pub fn check(&self, doing: &str) -> Result<()> {
        if self.cancel.is_cancelled() {
            Err(cancelled())
        } else if Instant::now() > self.deadline + self.last_words {
            Err(self.over(&format!("before this run could {doing}")))
        } else {
            Ok(())
        }
    }

    /// Fails when the run's time does not hold something that may take so long; `what` begins the sentence.
    ///
    /// # Errors
    /// `Deadline`.
    pub fn leaves(&self, length: Duration, what: &str) -> Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if length <= left {
            return Ok(());
        }
        let (length, left) = (Span(length.as_secs()), Span(left.as_secs()));
        let text = format!("{what} may take {length}, and the deadline leaves {left}");
        Err(Error::new(ErrorKind::Deadline, text).with_hint(words![
            "run again and it goes on from here; ",
            options::run::DEADLINE,
            " sets the limit"
        ]))
    }

    /// Takes one repeat out of the run's budget; `false` when it is used up.
    #[must_use]
    pub fn take_repeat(&self) -> bool {
        let elapsed = self.elapsed();
        self.budget().take(elapsed)
    }

    /// Puts back into the budget what a success earns.
    pub fn earn_repeat(&self) {
        self.budget().earn();
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the answer of a request, but neither past the deadline nor past a cancel. A write is given a little
    /// longer, and so is the last look after the deadline.
    ///
    /// # Errors
    /// `Cancelled` or `Deadline`; `doing` completes the sentence.
    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    pub async fn within<T>(&self, repeat: Repeat, doing: &str, answer: impl Future<Output = T>) -> Result<T> {
        self.check(doing)?;
        let (after_cancel, after_deadline) = match repeat {
            Repeat::Freely => (Duration::ZERO, Duration::ZERO),
            Repeat::OnlyWithoutEffect => (self.grace, self.last_words),
        };
        let is_last_look = Instant::now() >= self.deadline;
        let end = self.deadline + if is_last_look { self.last_words } else { after_deadline };
        let cancelled_at_last = async {
            self.cancel.cancelled().await;
            tokio::time::sleep(after_cancel).await;
        };
        let ended = tokio::select! {
            biased;
            answer = answer => return Ok(answer),
            () = cancelled_at_last => cancelled(),
            () = tokio::time::sleep_until(end) => self.over(&format!("before this run could {doing}")),
        };
        if repeat == Repeat::OnlyWithoutEffect {
            // It has left, and nothing says what came of it.
            self.note_write();
        }
        Err(ended)
    }

    /// Waits for something, but no longer than `limit`, and neither past the deadline nor past a cancel. Nothing when the
    /// limit passed first.
    ///
    /// # Errors
    /// `Cancelled` or `Deadline`; `doing` completes the sentence.
    pub async fn at_most<T>(&self, limit: Duration, doing: &str, work: impl Future<Output = T>) -> Result<Option<T>> {
        let limited = tokio::time::timeout(limit, work);
        Ok(self.within(Repeat::Freely, doing, limited).await?.ok())
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
            return Err(self.too_late(waiting_for));
        }
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(cancelled()),
            () = tokio::time::sleep(length.min(left)) => Ok(()),
        }
    }

    fn too_late(&self, waiting_for: &str) -> Error {
        self.over(&format!("while waiting for {waiting_for}"))
    }

    fn over(&self, when: &str) -> Error {
        let limit = Span(self.limit().as_secs());
        Error::new(ErrorKind::Deadline, format!("the deadline of {limit} passed {when}")).with_hint(words![
            "run again and it goes on from here; ",
            options::run::DEADLINE,
            " sets the limit"
        ])
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
        // Both carry the work, which is large.
        Box::pin(self.step_at(None, (step, what.into()), work)).await
    }

    /// Runs a step of which it is known which of the steps it is.
    ///
    /// # Errors
    /// What the step fails with.
    pub async fn step_at<T>(
        &self,
        place: Option<Place>,
        (step, what): (&'static str, String),
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let started = Instant::now();
        self.progress.tell(Event::StepStarted { step, what, place });
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
    Error::new(ErrorKind::Cancelled, "stopped as asked")
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
    async fn more_time_is_clearly_more_than_there_was() {
        for (limit, more) in [(12, "2h"), (3600, "2h"), (3601, "4h"), (4 * 3600, "8h")] {
            assert_eq!(run(limit, &CancellationToken::new()).more_time(), more);
        }
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

    #[tokio::test(start_paused = true)]
    async fn a_request_that_hangs_ends_with_the_deadline_or_a_cancel_and_a_write_a_little_later() {
        let hang = std::future::pending::<()>;
        for (repeat, later) in [(Repeat::Freely, 0), (Repeat::OnlyWithoutEffect, 10)] {
            let late = run(60, &CancellationToken::new());
            let error = late.within(repeat, "an answer", hang()).await.unwrap_err();
            assert_eq!(
                (error.kind(), late.elapsed().as_secs()),
                (ErrorKind::Deadline, 60 + later)
            );
            let cancel = CancellationToken::new();
            let stopped = run(60, &cancel);
            cancel.cancel();
            let waiting = async {
                // Cancelled while the request was under way: it began before.
                let running = run(60, &cancel);
                running.cancel.cancelled().await;
                stopped.within(repeat, "an answer", hang()).await
            };
            assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::Cancelled);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_deadline_there_is_time_for_one_look_and_no_more() {
        let run = run(60, &CancellationToken::new());
        run.pause(Duration::from_secs(100), "x").await.unwrap();
        assert_eq!(run.within(Repeat::Freely, "x", async { 7 }).await.unwrap(), 7);
        let hanging = run
            .within(Repeat::Freely, "x", std::future::pending::<()>())
            .await
            .unwrap_err();
        assert_eq!((hanging.kind(), run.elapsed().as_secs()), (ErrorKind::Deadline, 70));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(run.check("x").unwrap_err().kind(), ErrorKind::Deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_of_a_run_is_shared_and_cleaning_up_has_its_own() {
        let run = run(60, &CancellationToken::new());
        let other = run.clone();
        for _ in 0..Budget::FULL {
            assert!(other.take_repeat());
        }
        assert!(!run.take_repeat());
        assert!(run.for_cleanup(Duration::from_secs(5)).take_repeat());
    }
}
