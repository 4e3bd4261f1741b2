//! The emulated clock: the real one, moved forward on request.
//!
//! The only place of this crate that reads a clock.

use jiff::{SignedDuration, Timestamp};

/// The emulated clock.
#[derive(Debug)]
pub(crate) struct Clock {
    offset: SignedDuration,
    /// The latest time given out: a real clock can be set back, an emulated Azure cannot.
    latest: Timestamp,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            offset: SignedDuration::ZERO,
            latest: Timestamp::now(),
        }
    }

    /// The emulated time; never earlier than before.
    pub(crate) fn now(&mut self) -> Timestamp {
        let now = Timestamp::now().checked_add(self.offset).unwrap_or(Timestamp::MAX);
        self.latest = self.latest.max(now);
        self.latest
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&mut self, by: SignedDuration) {
        self.offset = self.offset.saturating_add(by.max(SignedDuration::ZERO));
    }
}
