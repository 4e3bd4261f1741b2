//! The only file that reads the machine's clock or waits: outside programs follow no clock of ours.
//!
//! It waits for conditions, never for a fixed time in the hope that something has happened by then.

use std::time::Duration;

use crate::failure::{Failure, Result};

/// How long to leave a condition alone between two looks: short compared with anything a program does here, long compared with
/// what a look costs.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

#[expect(
    clippy::disallowed_types,
    reason = "measures real programs, which know no paused clock"
)]
type Moment = std::time::Instant;

/// Counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Moment);

impl Stopwatch {
    /// Starts.
    #[must_use]
    #[expect(
        clippy::disallowed_types,
        reason = "measures real programs, which know no paused clock"
    )]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// What has passed.
    #[must_use]
    pub fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Looks until there is something to see.
///
/// # Errors
/// When a look fails, or when the limit has passed; `what` names what was waited for.
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let watch = Stopwatch::start();
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if watch.passed() > limit {
            return Err(Failure::unexpected(format!(
                "{what} did not come within {} s",
                limit.as_secs()
            )));
        }
        pause(BETWEEN_LOOKS);
    }
}

/// Leaves the processor to others.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that waits; outside programs announce nothing"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_what_was_seen_or_says_what_is_missing() {
        let mut looks = 0;
        let seen = wait_for("the third look", Duration::from_secs(5), || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(seen.unwrap(), 3);
        let missing = wait_for::<()>("a miracle", Duration::ZERO, || Ok(None)).unwrap_err();
        assert_eq!(missing.to_string(), "a miracle did not come within 0 s");
    }
}
