//! What all connections share: the emulator, its clock, its journal file.
//!
//! One lock for all of it, held for one request at a time: the emulator is a function, not a server.

use std::{
    fs::File,
    io::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{HostError, Options, clock::Clock, log};
use crate::{Emulator, Outcome, http::Request, journal::Entry};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    log_requests: bool,
}

#[derive(Debug)]
struct State {
    emulator: Emulator,
    clock: Clock,
    journal: Option<File>,
}

impl Shared {
    pub(crate) fn open(options: Options) -> Result<Self, HostError> {
        let mut clock = Clock::new();
        let mut emulator = Emulator::new(options.settings);
        if let Some(seed) = &options.seed {
            emulator.seed(seed, clock.now())?;
        }
        let journal = match options.journal {
            Some(path) => Some(File::create(&path).map_err(|source| HostError::Write { path, source })?),
            None => None,
        };
        Ok(Self {
            state: Mutex::new(State {
                emulator,
                clock,
                journal,
            }),
            log_requests: options.log_requests,
        })
    }

    /// Answers a request at the emulated time.
    pub(crate) fn respond(&self, request: &Request) -> Outcome {
        let mut state = self.lock();
        let now = state.clock.now();
        let outcome = state.emulator.respond(request, now);
        let State { emulator, journal, .. } = &mut *state;
        if let Some(entry) = emulator.journal().last() {
            if let Some(file) = journal {
                append(file, entry);
            }
            if self.log_requests {
                log::say(&summary(entry));
            }
        }
        outcome
    }

    pub(crate) fn with_emulator<T>(&self, look: impl FnOnce(&mut Emulator, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let now = state.clock.now();
        look(&mut state.emulator, now)
    }

    /// Moves the emulated clock forward and returns its new time.
    pub(crate) fn advance(&self, by: SignedDuration) -> Timestamp {
        let mut state = self.lock();
        state.clock.advance(by);
        state.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while answering would be a defect; the state is still the best there is.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append(file: &mut File, entry: &Entry) {
    let written = serde_json::to_string(entry)
        .map_err(std::io::Error::from)
        .and_then(|line| writeln!(file, "{line}"));
    if let Err(error) = written {
        log::say(&format!("cannot write the journal: {error}"));
    }
}

fn summary(entry: &Entry) -> String {
    let became = entry
        .status
        .map(|status| status.to_string())
        .or(entry.cut.map(str::to_owned))
        .unwrap_or_default();
    let fault = entry
        .fault
        .as_ref()
        .map(|name| format!(" (fault {name})"))
        .unwrap_or_default();
    format!("{} {} {} {became}{fault}", entry.number, entry.method, entry.path)
}
