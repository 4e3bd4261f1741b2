//! After a resize round: enough, another one, or the end? Pure arithmetic over the rounds so far.
//!
//! Sending and waiting are in `size`.

use std::time::Duration;

use super::classify::{Class, Judgement};
use crate::{
    ids::NodeCounts,
    rollout::verdict::Goal,
    settings::patience::{self, JITTER, LONGEST_PAUSE},
};

/// So many rounds in a row without a node end the run: the next would end the same.
const FRUITLESS_ROUNDS: usize = 2;

/// The rounds so far.
#[derive(Clone, Debug)]
pub(in crate::rollout) struct Rounds {
    goal: Goal,
    limit: u32,
    timeout: Duration,
    /// The pool's size before the first round.
    before: NodeCounts,
    ended: Vec<Ended>,
}

/// A round that has ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    /// The pool's size after it.
    size: NodeCounts,
    /// What its errors let do.
    class: Class,
}

/// What comes after a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum AfterRound {
    /// The pool is large enough.
    Reached,
    /// Another round after this pause; it has a new timeout then.
    Again(Duration),
    /// Nodes stay that should go, since their tasks go on: the same is asked for again after this pause.
    Drain(Duration),
    /// No further round.
    End(End),
}

/// Why there is no further round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum End {
    /// The error would come again.
    Stopped,
    /// All rounds are used up.
    UsedUp,
    /// Two rounds changed nothing.
    Fruitless,
}

impl Rounds {
    /// Before the first round of a pool of that size.
    pub(in crate::rollout) fn new(goal: Goal, limit: u32, timeout: Duration, size: NodeCounts) -> Self {
        Self {
            goal,
            limit,
            timeout,
            before: size,
            ended: Vec::new(),
        }
    }

    /// The number of the round under way or just ended, from 1.
    pub(in crate::rollout) fn number(&self) -> u32 {
        u32::try_from(self.ended.len()).map_or(u32::MAX, |ended| ended.saturating_add(1))
    }

    /// The timeout of the round under way.
    pub(in crate::rollout) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Ends a round that left the pool at this size, and decides what comes next; `jitter` is from 0 to 1.
    pub(in crate::rollout) fn end(&mut self, size: NodeCounts, judged: Option<&Judgement>, jitter: f64) -> AfterRound {
        let ended = self.number();
        if self.goal.is_exceeded_by(size) && judged.is_none_or(Judgement::is_timeout) {
            return AfterRound::Drain(pause(1, Class::Retry, jitter));
        }
        let class = judged.map_or(Class::Retry, |judged| judged.class);
        self.ended.push(Ended { size, class });
        let is_enough = self.goal.is_reached_by(size);
        // Enough is no failure, but what is missing of it is asked for once more.
        let may_ask_once_more = ended == 1 && self.limit > 1 && class != Class::Stop;
        if is_enough && (self.goal.is_exactly(size) || !may_ask_once_more) {
            return AfterRound::Reached;
        }
        if class == Class::Stop {
            return AfterRound::End(End::Stopped);
        }
        if ended >= self.limit {
            return AfterRound::End(End::UsedUp);
        }
        if self.is_fruitless() {
            return AfterRound::End(End::Fruitless);
        }
        self.timeout = patience::next(self.timeout, self.goal.targets.total());
        AfterRound::Again(pause(ended, class, jitter))
    }

    /// Whether the last rounds did not bring the pool nearer to its targets. One whose cause passes by itself says nothing
    /// of the next.
    fn is_fruitless(&self) -> bool {
        let distance = |size: NodeCounts| size.distance(self.goal.targets);
        let before = std::iter::once(self.before).chain(self.ended.iter().map(|ended| ended.size));
        let rounds = before.zip(&self.ended);
        let in_vain: Vec<bool> = rounds
            .map(|(before, ended)| ended.class != Class::Wait && distance(ended.size) >= distance(before))
            .collect();
        let last = in_vain.iter().rev().take(FRUITLESS_ROUNDS);
        in_vain.len() >= FRUITLESS_ROUNDS && last.copied().all(|is_in_vain| is_in_vain)
    }
}

/// The pause after round number `ended`.
fn pause(ended: u32, class: Class, jitter: f64) -> Duration {
    let length = if class == Class::Wait {
        LONGEST_PAUSE
    } else {
        patience::pause(ended)
    };
    let factor = jitter.clamp(0.0, 1.0).mul_add(2.0 * JITTER, 1.0 - JITTER);
    // Whole seconds, so that the pause is as long as the event says.
    Duration::from_secs(length.mul_f64(factor).as_secs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        error::ErrorKind,
        rollout::size::classify::{Named, Origin},
        settings::{Readiness, SpotCounts, Targets},
    };

    fn rounds(limit: u32) -> Rounds {
        let targets = Targets {
            dedicated: 700,
            spot: 0,
            spot_counts: SpotCounts::No,
        };
        let goal = Goal::new(targets, Readiness::default());
        Rounds::new(goal, limit, patience::first(700, None), NodeCounts::default())
    }

    fn dedicated(dedicated: u32) -> NodeCounts {
        NodeCounts { dedicated, spot: 0 }
    }

    fn judged(class: Class) -> Judgement {
        Judgement {
            code: "x",
            class,
            kind: ErrorKind::Azure,
            said: String::new(),
            meaning: "",
            remedy: "",
            origin: Origin::Batch,
            named: Named::default(),
        }
    }

    const fn minutes(count: u64) -> AfterRound {
        AfterRound::Again(Duration::from_secs(count * 60))
    }

    #[test]
    fn five_rounds_with_pauses_of_1_2_4_8_minutes_and_growing_timeouts() {
        let mut rounds = rounds(5);
        let mut timeouts = vec![rounds.timeout().as_secs() / 60];
        for (size, expected) in [
            (100, minutes(1)),
            (200, minutes(2)),
            (300, minutes(4)),
            (400, minutes(8)),
        ] {
            assert_eq!(rounds.end(dedicated(size), Some(&judged(Class::Retry)), 0.5), expected);
            timeouts.push(rounds.timeout().as_secs() / 60);
        }
        assert_eq!(rounds.end(dedicated(500), None, 0.5), AfterRound::End(End::UsedUp));
        assert_eq!(timeouts, [30, 45, 68, 102, 120]);
    }

    #[test]
    fn two_rounds_in_a_row_without_a_node_end_it() {
        let mut barren = rounds(5);
        assert_eq!(barren.end(dedicated(0), None, 0.5), minutes(1));
        assert_eq!(barren.end(dedicated(0), None, 0.5), AfterRound::End(End::Fruitless));
        let mut late = rounds(9);
        for size in [0, 100, 100, 101, 101] {
            assert!(
                matches!(late.end(dedicated(size), None, 0.5), AfterRound::Again(_)),
                "{size}"
            );
        }
        assert_eq!(late.end(dedicated(101), None, 0.5), AfterRound::End(End::Fruitless));
    }

    #[test]
    fn rounds_that_wait_for_what_passes_by_itself_are_as_many_as_are_allowed() {
        let mut waiting = rounds(5);
        for _round in 1..5 {
            assert_eq!(waiting.end(dedicated(0), Some(&judged(Class::Wait)), 0.5), minutes(8));
        }
        let last = waiting.end(dedicated(0), Some(&judged(Class::Wait)), 0.5);
        assert_eq!(last, AfterRound::End(End::UsedUp));
        let mut mixed = rounds(9);
        for class in [Class::Retry, Class::Wait, Class::Retry] {
            let after = mixed.end(dedicated(0), Some(&judged(class)), 0.5);
            assert!(matches!(after, AfterRound::Again(_)), "{class:?}: {after:?}");
        }
        let last = mixed.end(dedicated(0), Some(&judged(Class::Retry)), 0.5);
        assert_eq!(last, AfterRound::End(End::Fruitless));
    }

    #[test]
    fn classes_decide_about_the_next_round() {
        let end = |class| rounds(5).end(dedicated(100), Some(&judged(class)), 0.5);
        assert_eq!(end(Class::Retry), minutes(1));
        assert_eq!(end(Class::Wait), minutes(8));
        assert_eq!(end(Class::Stop), AfterRound::End(End::Stopped));
        let enough = rounds(5).end(dedicated(686), Some(&judged(Class::Stop)), 0.5);
        assert_eq!(enough, AfterRound::Reached, "enough is enough, whatever the error");
    }

    #[test]
    fn what_is_missing_of_enough_is_asked_for_once_more() {
        let mut rounds = rounds(5);
        assert_eq!(rounds.end(dedicated(690), None, 0.5), minutes(1));
        assert_eq!(rounds.end(dedicated(690), None, 0.5), AfterRound::Reached);
        assert_eq!(self::rounds(5).end(dedicated(700), None, 0.5), AfterRound::Reached);
        assert_eq!(self::rounds(1).end(dedicated(690), None, 0.5), AfterRound::Reached);
    }

    #[test]
    fn a_shrink_that_tasks_hold_up_is_asked_for_as_often_as_it_takes() {
        let mut shrink = rounds(1);
        let timeout = Judgement {
            code: "AllocationTimedOut",
            ..judged(Class::Retry)
        };
        for error in [Some(&timeout), None, Some(&timeout)] {
            let after = shrink.end(dedicated(720), error, 0.5);
            assert_eq!(after, AfterRound::Drain(Duration::from_secs(60)));
            assert_eq!(shrink.number(), 1, "it is one round");
        }
        assert_eq!(shrink.clone().end(dedicated(700), None, 0.5), AfterRound::Reached);
        let other = shrink.end(dedicated(720), Some(&judged(Class::Retry)), 0.5);
        assert_eq!(other, AfterRound::End(End::UsedUp));
    }

    proptest! {
        #[test]
        fn a_pause_leaves_30_seconds_between_two_writes(ended in 1_u32..100, jitter in -1.0..2.0) {
            for class in [Class::Retry, Class::Wait] {
                let pause = pause(ended, class, jitter).as_secs();
                prop_assert!((48..=576).contains(&pause));
            }
        }

        #[test]
        fn rounds_always_end(limit in 1_u32..10, sizes in proptest::collection::vec(0_u32..680, 12)) {
            let mut rounds = rounds(limit);
            let ended = sizes.iter().position(|size| matches!(rounds.end(dedicated(*size), None, 0.5), AfterRound::End(_)));
            prop_assert!(ended.is_some_and(|ended| ended < limit as usize));
        }
    }
}
