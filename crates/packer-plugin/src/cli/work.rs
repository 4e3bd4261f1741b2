//! Lets core work: its events are shown and signals are heard meanwhile.
//!
//! What is done in Azure is core's.

use std::{io, sync::Arc, time::Duration};

use azure_batch_core::{
    client::Client,
    clock::SystemClock,
    error::{Error, ErrorKind, Result},
    progress::{Event, Progress},
    settings::Connection,
    telling::{News, Teller},
};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{Desk, terminal::Terminal};
use crate::azure;

/// How often the frame is drawn again, and it is asked whether a line is due.
const TICK: Duration = Duration::from_secs(1);

/// What is shown of the work.
struct Watch<'a> {
    terminal: &'a mut Terminal,
    teller: Teller,
    started: Instant,
}

/// Ctrl-C, and SIGTERM where there is one.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Watch<'_> {
    fn show(&mut self, event: &Event) {
        let at = self.started.elapsed();
        self.terminal.note(event, at);
        let shown = self.teller.tell(News::of(event), at);
        shown.into_iter().for_each(|show| self.terminal.show(show, at));
    }

    fn tick(&mut self) {
        let at = self.started.elapsed();
        self.terminal.pass(at);
        let shown = self.teller.tick(at);
        shown.into_iter().for_each(|show| self.terminal.show(show, at));
    }

    /// The last events come in the moment in which the work ends.
    fn finish(&mut self, events: &mut UnboundedReceiver<Event>) {
        while let Ok(event) = events.try_recv() {
            self.show(&event);
        }
        let at = self.started.elapsed();
        let shown = self.teller.finish(at);
        shown.into_iter().for_each(|show| self.terminal.show(show, at));
        self.terminal.end_frame();
    }
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(not(unix))]
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nothing can be heard any more; the work ends by itself.
            std::future::pending::<()>().await;
        }
    }
}

/// Signs in and works. The first signal asks the work to stop where that is safe, a second one ends it.
///
/// # Errors
/// What the work fails with, or when it could not begin.
pub(super) async fn with_client<T>(
    desk: &mut Desk<'_>,
    connection: &Connection,
    deadline: Duration,
    work: impl AsyncFnOnce(Client) -> Result<T>,
) -> Result<T> {
    let mut signals = Signals::listen().map_err(|cause| {
        Error::new(ErrorKind::Refused, "cannot listen to signals, so could not stop safely").because(cause)
    })?;
    let Desk { verb, terminal, lookup } = desk;
    terminal.begin(verb, deadline, lookup("TERM").as_deref());
    let (progress, mut events) = Progress::channel();
    let cancel = CancellationToken::new();
    let run = (progress, cancel.clone());
    let mut work = Box::pin(async {
        let client = azure::client(connection, Arc::new(SystemClock), deadline, run).await?;
        work(client).await
    });
    let mut watch = Watch {
        terminal,
        teller: Teller::default(),
        started: Instant::now(),
    };
    let mut pulse = interval(TICK);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => watch.show(&event),
            () = signals.next() => {
                if cancel.is_cancelled() {
                    break Err(ended_at_once());
                }
                cancel.cancel();
                watch.terminal.stop();
                watch.terminal.say("stopping at the next safe point; a second Ctrl-C or signal stops at once");
            }
            result = &mut work => break result,
            _ = pulse.tick() => watch.tick(),
        }
    };
    watch.finish(&mut events);
    result
}

fn ended_at_once() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped at once, as asked a second time")
        .with_hint("what was asked of Azure before goes on there; run again to look at it")
}
