//! A state that changes at known moments: what everything in Batch that takes time is made of.
//!
//! It reads no clock and runs no task: the state at a moment is looked up, so a caller that asks once an hour
//! sees the same history as one that asks every second.

use jiff::Timestamp;

/// A state and the moments at which it becomes another; the first entry also holds for all time before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timeline<S> {
    first: (Timestamp, S),
    later: Vec<(Timestamp, S)>,
}

impl<S: Copy + PartialEq> Timeline<S> {
    /// A timeline that is in one state from `at` on.
    pub(crate) fn new(at: Timestamp, state: S) -> Self {
        Self {
            first: (at, state),
            later: Vec::new(),
        }
    }

    /// The same with one more change; a change before the last one happens together with it.
    pub(crate) fn then(mut self, at: Timestamp, state: S) -> Self {
        let at = at.max(self.last().0);
        self.later.push((at, state));
        self
    }

    /// Forgets what lay in the future at `now`; the state of that moment stays.
    pub(crate) fn cut(&mut self, now: Timestamp) {
        self.later.retain(|(at, _)| *at <= now);
    }

    /// The state at `now`.
    pub(crate) fn at(&self, now: Timestamp) -> S {
        self.entry(now).1
    }

    /// When the state that holds at `now` began.
    pub(crate) fn since(&self, now: Timestamp) -> Timestamp {
        self.entry(now).0
    }

    /// The state before the present one, and when that one began.
    pub(crate) fn before(&self, now: Timestamp) -> Option<(Timestamp, S)> {
        let begun = self.entries().filter(|(at, _)| *at <= now).count();
        self.entries().nth(begun.checked_sub(2)?)
    }

    /// The last moment at or before `now` at which the state became `state`.
    pub(crate) fn latest(&self, state: S, now: Timestamp) -> Option<Timestamp> {
        self.entries()
            .filter(|(at, entered)| *at <= now && *entered == state)
            .last()
            .map(|(at, _)| at)
    }

    /// The final state and when it is reached.
    pub(crate) fn last(&self) -> (Timestamp, S) {
        self.later.last().copied().unwrap_or(self.first)
    }

    /// All changes in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Timestamp, S)> + '_ {
        std::iter::once(self.first).chain(self.later.iter().copied())
    }

    fn entry(&self, now: Timestamp) -> (Timestamp, S) {
        self.later
            .iter()
            .rev()
            .find(|(at, _)| *at <= now)
            .copied()
            .unwrap_or(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn answers_the_state_of_any_moment_without_being_stepped() {
        let line = Timeline::new(at(10), 'a').then(at(20), 'b').then(at(30), 'c');
        for (now, state, since) in [(0, 'a', 10), (10, 'a', 10), (19, 'a', 10), (20, 'b', 20), (99, 'c', 30)] {
            assert_eq!((line.at(at(now)), line.since(at(now))), (state, at(since)), "at {now}");
        }
        assert_eq!(line.before(at(25)), Some((at(10), 'a')));
        assert_eq!(line.before(at(12)), None);
        assert_eq!(line.latest('b', at(99)), Some(at(20)));
    }

    #[test]
    fn a_cut_keeps_the_present_and_drops_the_future() {
        let mut line = Timeline::new(at(10), 'a').then(at(20), 'b').then(at(30), 'c');
        line.cut(at(25));
        assert_eq!(line.last(), (at(20), 'b'));
        let line = line.then(at(5), 'd');
        assert_eq!(line.last(), (at(20), 'd'), "a change cannot precede the one before it");
    }
}
