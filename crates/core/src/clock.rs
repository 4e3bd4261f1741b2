//! Where the library learns the time of day: from the machine's clock, corrected by what Azure's answers say.
//!
//! It is asked for times that are shown, written or compared with times that Azure gave; waiting goes by tokio's clock,
//! which tests pause.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// A source of the present time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock; the binaries hand it in, the library never takes it by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// How far Azure's clock is ahead of the machine's. Nothing as long as the two may show the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lead(SignedDuration);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Lead {
    /// What it is after an answer with this `Date`. The service wrote it between the two moments and left out the part
    /// of a second; what does not contradict that stays.
    #[must_use]
    pub(crate) fn after(self, date: Timestamp, (sent, arrived): (Timestamp, Timestamp)) -> Self {
        let least = date.duration_since(arrived);
        let most = date.duration_since(sent).saturating_add(SignedDuration::from_secs(1));
        Self(self.0.min(most).max(least))
    }

    /// Azure's time when the machine's clock shows that.
    #[must_use]
    pub(crate) fn applied_to(self, here: Timestamp) -> Timestamp {
        here.checked_add(self.0).unwrap_or(here)
    }

    /// How far it is.
    #[must_use]
    pub(crate) const fn length(self) -> SignedDuration {
        self.0
    }
}

/// The time without the part of a second, as documents for programs have it: `fromdate` of jq takes no other.
#[must_use]
pub fn to_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That many milliseconds after midnight.
    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_767_225_600_000 + millis).unwrap()
    }

    #[test]
    fn a_clock_is_corrected_only_by_as_much_as_an_answer_proves() {
        let minutes = SignedDuration::from_mins;
        for (date, sent, arrived, expected) in [
            // The same clock: the answer came within the second, or late.
            (5_000, 5_300, 5_400, SignedDuration::ZERO),
            (5_000, 4_900, 5_900, SignedDuration::ZERO),
            (5_000, 1_000, 9_000, SignedDuration::ZERO),
            // The machine is ten minutes behind, or ahead.
            (605_000, 5_000, 5_000, minutes(10)),
            (5_000, 605_000, 605_000, SignedDuration::from_secs(1) - minutes(10)),
            // An answer that took long proves less.
            (605_000, 5_000, 65_000, minutes(9)),
            // A clock that was set back while the answer was under way.
            (5_000, 65_000, 5_000, SignedDuration::ZERO),
        ] {
            let lead = Lead::default().after(at(date), (at(sent), at(arrived)));
            assert_eq!(lead.length(), expected, "{date} {sent} {arrived}");
        }
    }

    #[test]
    fn what_was_learned_stays_until_an_answer_contradicts_it() {
        let behind = Lead::default().after(at(605_000), (at(5_000), at(5_000)));
        assert_eq!(behind.applied_to(at(5_000)), at(605_000));
        let later = behind.after(at(665_000), (at(65_400), at(65_900)));
        assert_eq!(later, behind);
        let corrected = later.after(at(65_000), (at(65_400), at(65_900)));
        assert_eq!(corrected.length(), SignedDuration::from_millis(600));
    }
}
