//! Starts the plugin the way Packer expects it: cookie, listener, one line on stdout, accept.
//!
//! Up to that line nothing costly is built. What is said on the connection is
//! [`crate::packer`]'s.

mod arguments;
mod listener;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use arguments::{ArgumentError, Start, parse};
pub use listener::{ListenError, Listener};

use crate::packer::log;
use crate::packer::post_processor::PostProcessor;
use crate::packer::serve::serve;

/// Value of `PACKER_PLUGIN_MAGIC_COOKIE`, by which a plugin knows that Packer started it.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// First and last TCP port when Packer names none: those that it always names.
const DEFAULT_PORTS: (u16, u16) = (10_000, 25_000);

/// How long Packer may take to connect after the line.
///
/// It connects at once, and itself waits 60 s for the line; whoever takes longer is gone.
const CONNECT_EXPIRY: Duration = Duration::from_secs(60);

/// What the environment says about how to start.
#[derive(Debug, Clone)]
pub struct Environment {
    cookie: Option<OsString>,
    ports: (u16, u16),
    temporary: PathBuf,
}

/// Why the plugin did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Not started by Packer.
    #[error(
        "this program is a Packer plugin, which Packer starts by itself: name it in \
         required_plugins, run packer init and then packer build"
    )]
    Cookie,
    /// No way to be reached.
    #[error("cannot listen for packer")]
    Listen(#[source] ListenError),
    /// The line for Packer cannot be written.
    #[error("cannot write to packer where to connect")]
    Tell(#[source] io::Error),
    /// The operating system gives no event queue or signal slot.
    #[error("cannot start the plugin's runtime")]
    Runtime(#[source] io::Error),
    /// Packer went away.
    #[error("packer did not connect")]
    Connect(#[source] io::Error),
}

/// The signals of which Packer gets its own: Ctrl-C and a terminal that closes reach the whole process group. What they
/// mean to us, Packer says by Cancel, or by its end, after which the work stops and tidies up by itself.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
}

/// The same on Windows, where they reach the whole console.
#[cfg(windows)]
struct Signals;

impl Environment {
    /// What this process was given.
    #[must_use]
    pub fn of_process() -> Self {
        let port = |name: &str| std::env::var_os(name)?.to_str()?.parse().ok();
        Self {
            cookie: std::env::var_os("PACKER_PLUGIN_MAGIC_COOKIE"),
            ports: (
                port("PACKER_PLUGIN_MIN_PORT").unwrap_or(DEFAULT_PORTS.0),
                port("PACKER_PLUGIN_MAX_PORT").unwrap_or(DEFAULT_PORTS.1),
            ),
            temporary: std::env::temp_dir(),
        }
    }
}

#[cfg(unix)]
impl Signals {
    /// From now on none of them ends the process. The handlers stay when their streams are dropped.
    fn take() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        drop(signal(SignalKind::interrupt())?);
        drop(signal(SignalKind::hangup())?);
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate })
    }

    /// Waits until somebody wants the process to end.
    async fn terminated(&mut self) {
        let _received = self.terminate.recv().await;
    }
}

#[cfg(windows)]
impl Signals {
    /// From now on none of them ends the process. The handlers stay when their streams are dropped.
    fn take() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};

        drop(ctrl_c()?);
        drop(ctrl_break()?);
        drop(ctrl_close()?);
        Ok(Self)
    }

    /// Nobody ends a process by a signal here.
    async fn terminated(&mut self) {
        std::future::pending().await
    }
}

/// Serves a post-processor to the Packer that started this process, until that is gone.
///
/// # Errors
///
/// When Packer did not start the process, or the connection does not come about.
pub fn start(
    environment: &Environment,
    start: Start,
    stdout: &mut dyn Write,
    post_processor: Arc<dyn PostProcessor>,
) -> Result<(), StartError> {
    if environment.cookie.as_deref() != Some(COOKIE.as_ref()) {
        return Err(StartError::Cookie);
    }
    log::log_panics();
    // One thread: a plugin mostly waits, and Packer starts one for every build and block.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    runtime.block_on(async {
        let mut signals = Signals::take().map_err(StartError::Runtime)?;
        let listener = Listener::bind(&environment.temporary, environment.ports).map_err(StartError::Listen)?;
        tell(stdout, &listener).map_err(StartError::Tell)?;
        let connected = tokio::time::timeout(CONNECT_EXPIRY, listener.accept());
        let io = tokio::select! {
            connected = connected => connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            // Nothing has begun, so there is nothing to end in good order but the socket.
            () = signals.terminated() => Err(io::ErrorKind::Interrupted.into()),
        };
        let io = io.map_err(StartError::Connect)?;
        serve(io, post_processor, start.encoding).await;
        Ok(())
    })
}

/// The line that Packer reads: versions of its core protocol and of this API, then where.
fn tell(stdout: &mut dyn Write, listener: &Listener) -> io::Result<()> {
    writeln!(stdout, "5|0|{}|{}", listener.network(), listener.address())?;
    stdout.flush()
}

#[cfg(test)]
mod tests;
