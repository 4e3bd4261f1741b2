//! Whether a request may be sent again, and after how long: pure arithmetic over what happened.
//!
//! It neither sleeps nor sends. `judge` says what an answer means, `sender` and `write` ask here what follows.

use std::time::Duration;

use crate::judge::Verdict;

/// What came of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing was sent.
    NeverSent {
        /// Whether a later try can succeed: not with an untrusted certificate or an unknown name.
        can_pass: bool,
    },
    /// Sent, no answer.
    UnknownEffect,
    /// Answered, which means this.
    Answered(Verdict),
}

/// Whether repeating the request can do harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// A read: repeat freely.
    Freely,
    /// A write: repeat only what certainly had no effect; otherwise look first.
    OnlyWithoutEffect,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is an answer to work with.
    Done,
    /// Wait this long and send again.
    Again(Duration),
    /// Give up: the failure is final, or has lasted too long.
    GiveUp,
    /// Give up sending, look at what became of it.
    LookFirst,
}

/// The repeats that a run may still make: a store that successes and time fill again, as linkerd's and Finagle's retry
/// budgets are. A run of hours that meets a hiccup now and then never empties it; a service that answers nothing else
/// does, after [`Budget::FULL`] repeats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    left: f64,
    filled: Duration,
}

/// How often one request may be repeated. With waits of 1 to 30 s that rides out about two minutes of trouble,
/// longer than the failovers that Azure's regional endpoints show.
pub const MAX_REPEATS: u32 = 7;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Budget {
    /// How many repeats it holds.
    pub const FULL: u32 = 60;
    /// What one success puts back: trouble at every second request is trouble that passes.
    const PER_SUCCESS: f64 = 0.5;

    /// A full budget.
    #[must_use]
    pub fn full() -> Self {
        Self {
            left: f64::from(Self::FULL),
            filled: Duration::ZERO,
        }
    }

    /// Takes one repeat, `elapsed` after the run began; `false` when it is used up.
    #[must_use]
    pub fn take(&mut self, elapsed: Duration) -> bool {
        // One repeat a minute comes back by itself.
        self.put(elapsed.saturating_sub(self.filled).as_secs_f64() / 60.0);
        self.filled = elapsed.max(self.filled);
        let has_one = self.left >= 1.0;
        if has_one {
            self.left -= 1.0;
        }
        has_one
    }

    /// Puts back what a success earns.
    pub fn earn(&mut self) {
        self.put(Self::PER_SUCCESS);
    }

    fn put(&mut self, more: f64) {
        self.left = (self.left + more).min(f64::from(Self::FULL));
    }
}

/// Decides after attempt number `repeats` (0 = the first); `asked` is the service's own `Retry-After`,
/// `jitter` a number from 0 to 1 that keeps many clients from coming back together.
#[must_use]
pub fn decide(attempt: Attempt, repeat: Repeat, repeats: u32, asked: Option<Duration>, jitter: f64) -> Next {
    let again = || {
        if repeats >= MAX_REPEATS {
            Next::GiveUp
        } else {
            Next::Again(wait(repeats, asked, jitter))
        }
    };
    match (attempt, repeat) {
        (Attempt::NeverSent { can_pass: false }, _) => Next::GiveUp,
        (Attempt::NeverSent { can_pass: true } | Attempt::Answered(Verdict::Again), _) => again(),
        (Attempt::UnknownEffect | Attempt::Answered(Verdict::LookFirst | Verdict::Busy), Repeat::Freely) => again(),
        (Attempt::UnknownEffect | Attempt::Answered(Verdict::LookFirst), Repeat::OnlyWithoutEffect) => Next::LookFirst,
        (Attempt::Answered(Verdict::Done | Verdict::Busy | Verdict::NewToken | Verdict::Final(_)), _) => Next::Done,
    }
}

/// The wait before repeat number `repeats + 1`: doubling from 1 s to 30 s with ± 20 %, never less than asked for,
/// however long that is: the deadline of the run decides, not we.
#[must_use]
pub fn wait(repeats: u32, asked: Option<Duration>, jitter: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1_u32.checked_shl(repeats).unwrap_or(u32::MAX));
    let own = doubled
        .min(LONGEST_WAIT)
        .mul_f64(jitter.clamp(0.0, 1.0).mul_add(0.4, 0.8));
    // "0" from a service must not become a busy loop, hence the larger of the two.
    asked.map_or(own, |asked| asked.max(own))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::judge::Reason;

    #[test]
    fn only_what_had_no_effect_is_repeated_blindly() {
        let decide = |attempt, repeat| decide(attempt, repeat, 0, None, 0.5);
        let again = Next::Again(Duration::from_secs(1));
        let answered = Attempt::Answered;
        let table = [
            (Attempt::NeverSent { can_pass: true }, again, again),
            (Attempt::NeverSent { can_pass: false }, Next::GiveUp, Next::GiveUp),
            (Attempt::UnknownEffect, again, Next::LookFirst),
            (answered(Verdict::Done), Next::Done, Next::Done),
            (answered(Verdict::Again), again, again),
            (answered(Verdict::LookFirst), again, Next::LookFirst),
            (answered(Verdict::Busy), again, Next::Done),
            (answered(Verdict::NewToken), Next::Done, Next::Done),
            (answered(Verdict::Final(Reason::Input)), Next::Done, Next::Done),
        ];
        for (attempt, read, write) in table {
            assert_eq!(decide(attempt, Repeat::Freely), read, "{attempt:?} of a read");
            assert_eq!(
                decide(attempt, Repeat::OnlyWithoutEffect),
                write,
                "{attempt:?} of a write"
            );
        }
    }

    #[test]
    fn repeats_end() {
        let last = decide(
            Attempt::Answered(Verdict::Again),
            Repeat::Freely,
            MAX_REPEATS,
            None,
            0.5,
        );
        assert_eq!(last, Next::GiveUp);
    }

    #[test]
    fn a_run_of_hours_never_empties_the_budget_with_a_hiccup_at_every_second_request() {
        let mut budget = Budget::full();
        for second in 0..10_000 {
            assert!(budget.take(Duration::from_secs(second)), "at second {second}");
            budget.earn();
            budget.earn();
        }
    }

    #[test]
    fn a_service_that_only_fails_empties_the_budget_and_a_minute_gives_one_back() {
        let mut budget = Budget::full();
        let taken = (0..100).filter(|_| budget.take(Duration::ZERO)).count();
        assert_eq!(taken, Budget::FULL as usize);
        assert!(!budget.take(Duration::from_secs(59)));
        assert!(budget.take(Duration::from_secs(61)));
        assert!(!budget.take(Duration::from_secs(61)));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_a_busy_loop_nor_shorter_than_asked(repeats: u32, asked in proptest::option::of(0_u64..100_000), jitter in -1.0..2.0) {
            let wait = wait(repeats, asked.map(Duration::from_secs), jitter);
            prop_assert!(wait >= Duration::from_millis(800));
            prop_assert!(wait >= Duration::from_secs(asked.unwrap_or_default()));
            prop_assert!(wait <= Duration::from_secs(asked.unwrap_or_default().max(36)));
        }
    }
}
