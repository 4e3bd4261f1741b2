//! The local Azure as a process: started, seeded, disturbed, looked at.
//!
//! It knows the emulator's flags and its control port, nothing of Azure.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Child,
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    failure::{Doing as _, Failure, Result, tail},
    files, http,
    journal::Journal,
    process::{Program, Signal, signal_group},
};

/// How long the emulator may take to say where it listens: it makes two key pairs first.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// How to start one.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// Its folder: certificate, journal, logs.
    pub dir: &'a Path,
    /// What it contains.
    pub seed: Value,
    /// By how much its operations are faster than Azure's.
    pub time_scale: u32,
}

/// A running local Azure; stopped when dropped.
#[derive(Debug)]
pub struct LocalAzure {
    child: Child,
    /// `https://127.0.0.1:PORT`: Entra, ARM and Batch.
    pub endpoint: String,
    /// `http://127.0.0.1:PORT`: control port, managed identity, GitHub's OIDC endpoint.
    pub control: String,
    /// The certificate to trust.
    pub ca: PathBuf,
}

impl LocalAzure {
    /// Starts one and waits until it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(start: &Start<'_>) -> Result<Self> {
        Self::start_with(start, &[])
    }

    /// Starts one with further flags.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with(start: &Start<'_>, flags: &[&str]) -> Result<Self> {
        files::make(start.dir)?;
        let scale = start.time_scale.to_string();
        let program = Program::new(start.binary, start.dir, "emulator")
            .args(["--time-scale", &scale])
            .args(flags)
            .arg("--dir")
            .arg(start.dir);
        let (mut child, log) = program.start_piped()?;
        let azure = match ready_line(&mut child) {
            Ok(line) => Self::from_ready(child, &line)?,
            Err(failure) => {
                drop(child.kill());
                let said = files::read(&log).unwrap_or_default();
                return Err(Failure::unexpected(format!("{}\n{}", failure.report(), tail(&said))));
            }
        };
        // Not as a file: the seed holds secrets, and what cases leave is searched for them.
        azure.seed(&start.seed)?;
        Ok(azure)
    }

    fn from_ready(child: Child, line: &str) -> Result<Self> {
        let ready = files::parse("the emulator's ready line", line)?;
        let text = |name: &str| {
            let value = ready.get(name).and_then(Value::as_str).map(str::to_owned);
            value.ok_or_else(|| Failure::unexpected(format!("the emulator's ready line has no {name:?}: {line}")))
        };
        Ok(Self {
            endpoint: text("endpoint")?,
            control: text("control")?,
            ca: text("ca")?.into(),
            child,
        })
    }

    /// `127.0.0.1:PORT`, as `metadata_host` takes it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.endpoint.trim_start_matches("https://")
    }

    /// The number of its process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Every request so far.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn journal(&self) -> Result<Journal> {
        Journal::parse(&self.journal_text()?)
    }

    /// Every request so far, as JSON lines.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn journal_text(&self) -> Result<String> {
        http::ask("GET", &self.control, "/journal", "")
    }

    /// The requests so far without their bodies, of which the emulator forgets the oldest beyond 64 MiB. The number of the
    /// last one counts those too.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn journal_without_bodies(&self) -> Result<Journal> {
        Journal::parse(&http::ask("GET", &self.control, "/journal?bodies=none", "")?)
    }

    /// Every resource, without what differs from run to run.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn resources(&self) -> Result<Value> {
        files::parse(
            "the emulator's resources",
            &http::ask("GET", &self.control, "/resources", "")?,
        )
    }

    /// Pools with the states of their nodes, jobs with their tasks: counts only.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn overview(&self) -> Result<Value> {
        files::parse(
            "the emulator's overview",
            &http::ask("GET", &self.control, "/overview", "")?,
        )
    }

    /// Scripts faults.
    ///
    /// # Errors
    /// When it refuses them.
    pub fn add_faults(&self, faults: &Value) -> Result {
        http::ask("POST", &self.control, "/faults", &faults.to_string()).map(drop)
    }

    /// Adds content; what has the same name takes its place.
    ///
    /// # Errors
    /// When it refuses it.
    pub fn seed(&self, seed: &Value) -> Result {
        http::ask("POST", &self.control, "/seed", &seed.to_string()).map(drop)
    }
}

impl Drop for LocalAzure {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to stop.
        drop(signal_group(self.child.id(), Signal::Terminate));
        drop(self.child.wait());
    }
}

/// The first line on stdout; later ones are read and dropped, so that the pipe never fills.
fn ready_line(child: &mut Child) -> Result<String> {
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| Failure::unexpected("the emulator has no stdout"))?;
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            drop(tell.send(line));
        }
    });
    match told.recv_timeout(READY_LIMIT) {
        Ok(line) => line.doing(|| "read the emulator's ready line".to_owned()),
        Err(_nothing) => Err(Failure::unexpected("the emulator said nothing on stdout")),
    }
}
