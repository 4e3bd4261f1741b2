//! What all verbs share: secrets are struck out first, events are shown and signals heard while work goes on, time.
//!
//! What is done in Azure is core's; how things are written is `console`'s and `report`'s.

use std::{future::pending, pin::Pin, sync::Arc, time::Duration};

use azure_batch_core::{
    clock::{Clock as _, SystemClock},
    error::{Error, ErrorKind, Result},
    https::{Authorities, Https, https_client},
    progress::{Event, Progress},
    run::Run,
    telling::{News, Teller},
};
use jiff::{Timestamp, Unit};
use serde::Serialize;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, Interval, MissedTickBehavior, interval, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    console::{Console, Form},
    environment::Environment,
    report::Ending,
    shell::MachineShell,
    signals::Signals,
    values::{Given, Origin, Secret},
};

/// How this program names itself.
const USER_AGENT: &str = concat!("azure-batch-pool/", env!("CARGO_PKG_VERSION"));

/// How long a write that is under way may still take after a signal; core then takes a second at most for what is to be
/// done in the case of a cancel, so all is written within two.
const GRACE: Duration = Duration::from_millis(700);

/// How long work may take after a signal that does not end by it, such as a request to GitHub.
const SHORTLY: Duration = Duration::from_secs(1);

/// After so long the wait for work ends that should have ended by a signal: the runner sends the next one after 7.5 s.
const AT_LAST: Duration = Duration::from_secs(4);

/// How often the frame is drawn again, and it is asked whether a line is due.
const TICK: Duration = Duration::from_secs(1);

/// Looks after the work of one run: shows what happens and listens to signals.
#[derive(Debug)]
pub struct Watch<'a> {
    console: &'a mut Console,
    signals: Signals,
    cancel: CancellationToken,
    stopped: Option<Instant>,
    progress: Progress,
    events: UnboundedReceiver<Event>,
    teller: Teller,
    started: Instant,
    pulse: Interval,
}

/// An event with its time, as programs get it.
#[derive(Serialize)]
struct Timed<'a> {
    #[serde(flatten)]
    event: &'a Event,
    at: Timestamp,
}

/// When the run began.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl<'a> Watch<'a> {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// When the system does not let us listen.
    pub fn begin(console: &'a mut Console) -> Result<Self> {
        Ok(Self::of(console, Self::listen()?))
    }

    /// Listens to signals from now on.
    ///
    /// # Errors
    /// When the system does not let us listen.
    pub fn listen() -> Result<Signals> {
        Signals::listen().map_err(|cause| {
            Error::new(ErrorKind::Refused, "cannot listen to signals, so could not stop safely").because(cause)
        })
    }

    /// Shows and stops work from now on; signals are heard already.
    #[must_use]
    pub fn of(console: &'a mut Console, signals: Signals) -> Self {
        let (progress, events) = Progress::channel();
        let mut pulse = interval(TICK);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            console,
            signals,
            cancel: CancellationToken::new(),
            stopped: None,
            progress,
            events,
            teller: Teller::default(),
            started: Instant::now(),
            pulse,
        }
    }

    /// The run that core works in: it ends by this watch's signals or after `deadline`.
    #[must_use]
    pub fn run(&mut self, deadline: Duration) -> Run {
        self.console.begin_frame(deadline);
        Run::new(
            Arc::new(SystemClock),
            deadline,
            self.cancel.clone(),
            self.progress.clone(),
        )
        .with_shell(Arc::new(MachineShell))
        .with_grace(GRACE)
    }

    /// Where this watch writes.
    pub const fn console(&mut self) -> &mut Console {
        self.console
    }

    /// Waits for the work. The first signal asks it to stop where that is safe, a second one ends the wait.
    ///
    /// # Errors
    /// `Cancelled` after the second signal, or when the work does not stop.
    pub async fn over<T>(&mut self, work: impl Future<Output = T>) -> Result<T> {
        self.until(Box::pin(work), AT_LAST).await
    }

    /// Waits for work that does not end by a cancel: after a signal a second at most.
    ///
    /// # Errors
    /// `Cancelled` when it has not ended by then.
    pub async fn shortly<T>(&mut self, work: impl Future<Output = T>) -> Result<T> {
        self.stopped = self.stopped.map(|_before| Instant::now());
        self.until(Box::pin(work), SHORTLY).await
    }

    async fn until<T>(&mut self, mut work: Pin<Box<impl Future<Output = T>>>, after_signal: Duration) -> Result<T> {
        let result = loop {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.show(&event),
                () = self.signals.next() => {
                    if self.cancel.is_cancelled() {
                        break Err(ended_at_once());
                    }
                    self.cancel.cancel();
                    self.stopped = Some(Instant::now());
                    self.console.stop();
                    self.console.complain("stopping at the next safe point; a second Ctrl-C or signal stops at once");
                }
                result = &mut work => break Ok(result),
                () = passed(self.stopped, after_signal) => break Err(ended_at_last()),
                _ = self.pulse.tick() => self.tick(),
            }
        };
        // The last events come in the moment in which the work ends.
        while let Ok(event) = self.events.try_recv() {
            self.show(&event);
        }
        let at = self.started.elapsed();
        for show in self.teller.finish(at) {
            self.console.show(show, at);
        }
        result
    }

    fn show(&mut self, event: &Event) {
        if self.console.form() == Form::Json {
            let at = SystemClock.now();
            return self.console.object(&Timed { event, at });
        }
        let at = self.started.elapsed();
        self.console.note(event, at);
        for show in self.teller.tell(News::of(event), at) {
            self.console.show(show, at);
        }
    }

    fn tick(&mut self) {
        let at = self.started.elapsed();
        self.console.pass(at);
        for show in self.teller.tick(at) {
            self.console.show(show, at);
        }
    }
}

impl Stopwatch {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Ends now.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let now = SystemClock.now();
        Ending {
            // People and programs compare whole seconds; a time that cannot be rounded is kept unrounded.
            at: now.round(Unit::Second).unwrap_or(now),
            seconds: self.0.elapsed().as_secs(),
        }
    }
}

/// Strikes every secret out of what is written from now on; to be called before anything is written, and again when
/// files were read.
pub fn hide_secrets(given: &Given, console: &mut Console) {
    let is_new = |secret: &&Secret| !console.redactor().knows(&secret.text);
    let new: Vec<&Secret> = given.secrets().iter().filter(is_new).collect();
    for secret in &new {
        console.redact(&secret.text);
    }
    for secret in new.iter().filter(|secret| secret.origin == Origin::User) {
        console.mask(&secret.text);
    }
}

/// The HTTPS client of this program.
///
/// # Errors
/// When certificates or a proxy cannot be used.
pub fn open_https(authorities: Authorities, environment: &dyn Environment) -> Result<Https> {
    https_client(USER_AGENT, authorities, &|name| environment.variable(name))
}

/// Ends so long after a signal; never before there was one.
async fn passed(stopped: Option<Instant>, length: Duration) {
    match stopped {
        Some(at) => drop(timeout_at(at + length, pending::<()>()).await),
        None => pending().await,
    }
}

fn ended_at_last() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped as asked, while a request was under way")
        .with_hint("what was asked of Azure before goes on there; look at the pool")
}

fn ended_at_once() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped at once, as asked a second time")
        .with_hint("what was asked of Azure before goes on there; look at the pool")
}
