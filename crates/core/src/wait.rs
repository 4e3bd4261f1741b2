//! Until a condition holds: look, pause, look again, at a pace that grows with what has passed.
//!
//! It knows no resource. One look may be one request for many things: a list shows all snapshots of a group, so many
//! waits cost no more than one.

use std::time::Duration;

use tokio::time::Instant;

use crate::{client::Client, error::Result};

/// How often is looked: 5 % of what has passed, between two bounds, never sooner than the service asks. So we add about
/// 2.5 % to any operation, and look at a long one less often than clients that poll every 30 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The first pause, and the shortest.
    pub least: Duration,
    /// The longest pause.
    pub most: Duration,
}

/// What a look showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look<T> {
    /// The condition holds.
    Done(T),
    /// Not yet; the service may have said when to come back.
    NotYet(Option<Duration>),
}

/// A wait that goes on: for loops whose looks are not all alike.
#[derive(Debug)]
pub struct Wait<'a> {
    client: &'a Client,
    pace: Pace,
    waiting_for: &'a str,
    began: Instant,
}

impl Pace {
    /// What ends in seconds: an operation of ARM.
    pub const OPERATION: Self = Self::new(1);
    /// What ends in tens of seconds: copies, pools, nodes. Microsoft's own clients poll pools every 5 s.
    pub const COPY: Self = Self::new(5);
    /// What takes minutes, such as an image version: az looks at one every 30 s.
    pub const VERSION: Self = Self::new(10);

    const fn new(least: u64) -> Self {
        Self {
            least: Duration::from_secs(least),
            most: Duration::from_secs(30),
        }
    }

    /// The pause after so long; `jitter` from 0 to 1 keeps many waits from looking together.
    #[must_use]
    pub fn pause(self, passed: Duration, asked: Option<Duration>, jitter: f64) -> Duration {
        let own = (passed / 20).mul_f64(jitter.clamp(0.0, 1.0).mul_add(0.2, 0.9));
        let own = own.clamp(self.least, self.most);
        asked.map_or(own, |asked| asked.max(own))
    }

    /// The same for what the service says to be so many percent done: sooner when it will be done sooner at the same
    /// rate.
    #[must_use]
    pub fn foreseen(self, passed: Duration, percent: u8, jitter: f64) -> Duration {
        let own = self.pause(passed, None, jitter);
        let left = match percent {
            1..100 => passed * u32::from(100 - percent) / u32::from(percent),
            _ => own,
        };
        left.clamp(Duration::from_secs(1), own)
    }
}

impl<'a> Wait<'a> {
    /// A wait that begins now; `waiting_for` completes "the deadline passed while waiting for".
    #[must_use]
    pub fn new(client: &'a Client, pace: Pace, waiting_for: &'a str) -> Self {
        Self {
            client,
            pace,
            waiting_for,
            began: Instant::now(),
        }
    }

    /// How long it has been waited.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The pause before the next look.
    ///
    /// # Errors
    /// When the run ends.
    pub async fn pause(&self, asked: Option<Duration>) -> Result<()> {
        let length = self.pace.pause(self.began.elapsed(), asked, fastrand::f64());
        self.client.run().pause(length, self.waiting_for).await
    }

    /// The pause before the next look at what is so many percent done.
    ///
    /// # Errors
    /// When the run ends.
    pub async fn pause_at(&self, percent: u8) -> Result<()> {
        let length = self.pace.foreseen(self.began.elapsed(), percent, fastrand::f64());
        self.client.run().pause(length, self.waiting_for).await
    }
}

/// Looks until the condition holds. A look that fails ends the wait; passing trouble of its requests does not, since
/// every read is repeated for about two minutes.
///
/// # Errors
/// What a look fails with, or when the run ends.
pub async fn until<T, F>(client: &Client, pace: Pace, waiting_for: &str, look: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<Look<T>>>,
{
    let wait = Wait::new(client, pace, waiting_for);
    loop {
        match look().await? {
            Look::Done(found) => return Ok(found),
            Look::NotYet(asked) => wait.pause(asked).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_between_its_bounds_and_is_never_shorter_than_asked() {
        let seconds = |passed, asked: Option<u64>| {
            let pause = Pace::COPY.pause(Duration::from_secs(passed), asked.map(Duration::from_secs), 0.5);
            pause.as_secs()
        };
        assert_eq!(
            [0, 100, 200, 600, 7200].map(|passed| seconds(passed, None)),
            [5, 5, 10, 30, 30]
        );
        assert_eq!((seconds(0, Some(90)), seconds(600, Some(0))), (90, 30));
        assert_eq!(Pace::OPERATION.pause(Duration::ZERO, None, 0.5), Duration::from_secs(1));
    }

    #[test]
    fn an_end_that_can_be_foreseen_is_met() {
        let seconds = |passed, percent| {
            Pace::VERSION
                .foreseen(Duration::from_secs(passed), percent, 0.5)
                .as_secs()
        };
        // 2 s are left at 98 of 100 s; nothing is known at 0 and 100 %; far ends change nothing.
        assert_eq!(
            [(98, 98), (98, 0), (98, 100), (300, 10), (300, 99)].map(|(passed, percent)| seconds(passed, percent)),
            [2, 10, 10, 15, 3]
        );
    }
}
