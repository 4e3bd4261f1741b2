//! Whether a request may be sent again, and after how long: pure arithmetic over what happened.
//!
//! It neither sleeps nor sends, and knows no service. `client` asks it after every attempt.

use std::time::Duration;

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
    /// Answered with this status.
    Answered(u16),
}

/// Whether repeating the request can do harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// A read: repeat freely.
    Freely,
    /// A write: repeat only what certainly had no effect; otherwise somebody has to look first.
    OnlyWithoutEffect,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is an answer to work with.
    Done,
    /// Wait this long and send again.
    Again(Duration),
    /// Give up: the failure is final.
    GiveUp,
    /// Give up sending, look at what became of it.
    LookFirst,
}

/// How often one request may be repeated. With waits of 1 to 30 s that rides out about two minutes of trouble,
/// longer than the failovers that Azure's regional endpoints show.
pub const MAX_REPEATS: u32 = 7;

/// How many repeats a whole run may make; a run of some hundred requests that needs more is not in a passing storm.
pub const RUN_BUDGET: u32 = 60;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A service may ask for more than we would wait; beyond this the deadline of the run decides, not one header.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

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
    match attempt {
        Attempt::Answered(status) if !is_transient(status) => Next::Done,
        Attempt::NeverSent { can_pass: false } => Next::GiveUp,
        Attempt::NeverSent { can_pass: true } => again(),
        // Throttling and "busy" are said before anything is done.
        Attempt::Answered(429 | 503) => again(),
        Attempt::Answered(_) | Attempt::UnknownEffect => match repeat {
            Repeat::Freely => again(),
            Repeat::OnlyWithoutEffect => Next::LookFirst,
        },
    }
}

/// Statuses that a later attempt can turn into another.
#[must_use]
pub const fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The wait before repeat number `repeats + 1`: doubling from 1 s to 30 s with ± 20 %, never less than asked for.
#[must_use]
pub fn wait(repeats: u32, asked: Option<Duration>, jitter: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1_u32.checked_shl(repeats).unwrap_or(u32::MAX));
    let own = doubled
        .min(LONGEST_WAIT)
        .mul_f64(jitter.clamp(0.0, 1.0).mul_add(0.4, 0.8));
    // "0" from a service must not become a busy loop, hence the larger of the two.
    asked.map_or(own, |asked| asked.min(LONGEST_ASKED).max(own))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_had_no_effect_is_repeated_blindly() {
        let decide = |attempt, repeat| decide(attempt, repeat, 0, None, 0.5);
        let again = Next::Again(Duration::from_secs(1));
        let table = [
            (Attempt::NeverSent { can_pass: true }, again, again),
            (Attempt::NeverSent { can_pass: false }, Next::GiveUp, Next::GiveUp),
            (Attempt::UnknownEffect, again, Next::LookFirst),
            (Attempt::Answered(200), Next::Done, Next::Done),
            (Attempt::Answered(404), Next::Done, Next::Done),
            (Attempt::Answered(409), Next::Done, Next::Done),
            (Attempt::Answered(408), again, Next::LookFirst),
            (Attempt::Answered(429), again, again),
            (Attempt::Answered(500), again, Next::LookFirst),
            (Attempt::Answered(502), again, Next::LookFirst),
            (Attempt::Answered(503), again, again),
            (Attempt::Answered(504), again, Next::LookFirst),
            (Attempt::Answered(501), Next::Done, Next::Done),
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
        let last = decide(Attempt::Answered(503), Repeat::Freely, MAX_REPEATS, None, 0.5);
        assert_eq!(last, Next::GiveUp);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_a_busy_loop_nor_endless(repeats: u32, asked in proptest::option::of(0_u64..100_000), jitter in -1.0..2.0) {
            let wait = wait(repeats, asked.map(Duration::from_secs), jitter);
            prop_assert!(wait >= Duration::from_millis(800));
            prop_assert!(wait <= LONGEST_ASKED);
            if let Some(asked) = asked.filter(|asked| *asked <= 300) {
                prop_assert!(wait >= Duration::from_secs(asked));
            }
        }
    }
}
