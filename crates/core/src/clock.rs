//! Where the library learns the time of day.
//!
//! It is asked for times that are shown or written down; waiting goes by tokio's clock, which tests pause.

use std::fmt;

use jiff::Timestamp;

/// A source of the present time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock; the binaries hand it in, the library never takes it by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
