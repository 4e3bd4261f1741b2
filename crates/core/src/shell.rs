//! The machine's shell, as a library sees it: what runs a command of the user's own. It starts no process itself.

use std::{fmt, io};

use async_trait::async_trait;

/// Runs command lines on the machine of the run.
#[async_trait]
pub trait Shell: fmt::Debug + Send + Sync {
    /// Runs a command line by the machine's shell, with further variables and without input. When the future is dropped,
    /// the command ends, and with it what it has started.
    ///
    /// # Errors
    /// When the shell cannot be started.
    async fn run(&self, line: &str, variables: &[(&'static str, String)]) -> io::Result<Ran>;
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; none when a signal ended it.
    pub exit_code: Option<i32>,
    /// The end of what it wrote, as it came: not safe to show.
    pub output: String,
}

/// What runs no command: for programs that have no use for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoShell;

#[async_trait]
impl Shell for NoShell {
    async fn run(&self, _line: &str, _variables: &[(&'static str, String)]) -> io::Result<Ran> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this program runs no commands",
        ))
    }
}
