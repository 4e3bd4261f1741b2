//! How long a resize may take, how long is paused between two, and so how long a roll-out may take when nothing is said.
//!
//! Pure arithmetic. Whether there is another round is decided in `rollout`.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// The service refuses less.
const LEAST: Duration = Duration::from_secs(5 * 60);
/// The service's default, and Microsoft's advice for every 1,000 nodes of a gallery image.
const A_THOUSAND_NODES: Duration = Duration::from_secs(15 * 60);
/// Microsoft's page: 15 minutes are not enough above 300 nodes of a custom image.
const MANY_NODES: u32 = 300;
/// What the same page advises there.
const MANY_NODES_LEAST: Duration = Duration::from_secs(30 * 60);
/// The pause before the second round; it doubles with every round after it.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The pause before the fifth round, and where the cause needs time to pass.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(8 * 60);
/// How much a pause varies, so that many pools do not come back together.
pub(crate) const JITTER: f64 = 0.2;
/// Rounds do not grow beyond two hours: what has not come by then comes no sooner for waiting longer.
const LONGEST_GROWN: Duration = Duration::from_secs(2 * 3600);

/// The timeout for a pool of so many nodes.
#[must_use]
pub(crate) fn by_size(nodes: u32) -> Duration {
    let thousands = nodes.div_ceil(1000).max(1);
    let advised = A_THOUSAND_NODES * thousands;
    if nodes > MANY_NODES {
        advised.max(MANY_NODES_LEAST)
    } else {
        advised
    }
}

/// The first round's timeout: what the user says, else by size; whole minutes, never less than the service takes.
#[must_use]
pub(crate) fn first(nodes: u32, said: Option<Duration>) -> Duration {
    whole_minutes(said.unwrap_or_else(|| by_size(nodes)).max(LEAST))
}

/// The next round's timeout: half as long again, at least what the size asks for, up to two hours; never shorter.
#[must_use]
pub(crate) fn next(last: Duration, nodes: u32) -> Duration {
    let grown = (last * 3 / 2).max(by_size(nodes));
    whole_minutes(grown.min(LONGEST_GROWN).max(last))
}

/// The timeouts of so many rounds.
pub(crate) fn rounds(first: Duration, nodes: u32, rounds: u32) -> impl Iterator<Item = Duration> {
    let count = usize::try_from(rounds).unwrap_or(usize::MAX);
    std::iter::successors(Some(first), move |last| Some(next(*last, nodes))).take(count)
}

/// The pause after round number `ended`, without jitter.
#[must_use]
pub(crate) fn pause(ended: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(ended.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST_PAUSE)
}

/// What it may take to bring so many nodes up: so many rounds from that timeout on with the longest pauses between them,
/// then two waits for nodes.
#[must_use]
pub(crate) fn whole(nodes: u32, first: Duration, rounds: u32, node_timeout: Duration) -> Duration {
    let resizes: Duration = self::rounds(first, nodes, rounds).sum();
    let pauses: Duration = (1..rounds).map(pause).sum();
    resizes + pauses.mul_f64(1.0 + JITTER) + 2 * node_timeout
}

fn whole_minutes(duration: Duration) -> Duration {
    let minutes = duration.as_secs().div_ceil(60);
    MINUTE * u32::try_from(minutes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn minutes(count: u64) -> Duration {
        Duration::from_secs(count * 60)
    }

    #[test]
    fn the_first_timeout_follows_the_target() {
        let table = [
            (0, 15),
            (1, 15),
            (300, 15),
            (301, 30),
            (700, 30),
            (1000, 30),
            (1001, 30),
            (2000, 30),
            (2001, 45),
            (10_000, 150),
        ];
        for (nodes, expected) in table {
            assert_eq!(first(nodes, None), minutes(expected), "{nodes} nodes");
        }
    }

    #[test]
    fn what_the_user_says_wins_but_for_the_service_s_least() {
        assert_eq!(first(700, Some(minutes(20))), minutes(20));
        assert_eq!(first(700, Some(minutes(1))), minutes(5));
        assert_eq!(first(700, Some(Duration::from_secs(601))), minutes(11));
    }

    #[test]
    fn rounds_grow_by_half_up_to_two_hours() {
        let rounds: Vec<u64> = rounds(first(700, None), 700, 6)
            .map(|timeout| timeout.as_secs() / 60)
            .collect();
        assert_eq!(rounds, [30, 45, 68, 102, 120, 120]);
        assert_eq!(
            next(minutes(180), 700),
            minutes(180),
            "a longer one of the user's stays"
        );
        assert_eq!(
            next(minutes(5), 700),
            minutes(30),
            "a joined resize's may have been too short"
        );
    }

    #[test]
    fn the_whole_of_a_roll_out_holds_all_rounds_with_their_pauses() {
        let whole = |nodes| whole(nodes, first(nodes, None), 5, minutes(30)).as_secs() / 60;
        // 365 minutes of rounds, 18 of pauses, 60 for nodes.
        assert_eq!(
            [10, 700, 5000].map(whole),
            [206 + 18 + 60, 365 + 18 + 60, 548 + 18 + 60]
        );
    }

    proptest! {
        #[test]
        fn a_timeout_is_whole_legal_and_never_shrinks(nodes in 0_u32..100_000, said in proptest::option::of(0_u64..100_000)) {
            let first = first(nodes, said.map(Duration::from_secs));
            let next = next(first, nodes);
            prop_assert!(first >= LEAST && next >= first);
            prop_assert!(first.as_secs().is_multiple_of(60) && next.as_secs().is_multiple_of(60));
            prop_assert!(next >= LONGEST_GROWN || next * 2 >= first * 3);
        }
    }
}
