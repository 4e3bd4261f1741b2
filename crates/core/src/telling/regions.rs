//! The regions of an image version on their way, in as few lines as possible. Pure.
//!
//! One look at a version brings news of many regions at once, so the line is made afterwards, when it is asked for.

use std::{collections::BTreeMap, time::Duration};

use super::Replica;
use crate::progress::Span;

/// A further line comes when the regions have moved by so many percent on average.
const EVERY_PERCENT: u64 = 10;

/// Before that a guess how long it will take is worth nothing.
const GUESS_AFTER: Duration = Duration::from_secs(60);

/// The regions of one run, in the order in which they were seen.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    all: BTreeMap<String, Seen>,
    order: Vec<String>,
    /// The average percent of the last line.
    said: u64,
    /// Something has changed since the last line that is worth one.
    has_news: bool,
}

/// A region as it was seen last.
#[derive(Debug)]
struct Seen {
    now: Replica,
    since: Duration,
    /// The percent that it began with.
    from: u64,
    /// What ended and was not said yet.
    ended: Option<Ended>,
}

#[derive(Debug)]
enum Ended {
    After(Duration),
    Before,
}

impl Regions {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self {
            all: BTreeMap::new(),
            order: Vec::new(),
            said: 0,
            has_news: false,
        }
    }

    /// Takes notice of a region.
    pub(crate) fn note(&mut self, now: Replica, at: Duration) {
        let goes_on = now.goes_on();
        match self.all.get_mut(&now.region) {
            None => {
                self.order.push(now.region.clone());
                let seen = Seen {
                    since: at,
                    from: now.percent,
                    ended: (!goes_on).then_some(Ended::Before),
                    now,
                };
                self.all.insert(seen.now.region.clone(), seen);
                self.has_news = true;
            }
            Some(seen) => {
                if seen.now.state != now.state {
                    self.has_news = true;
                    if goes_on {
                        (seen.since, seen.from) = (at, now.percent);
                    }
                    seen.ended = (!goes_on).then(|| Ended::After(at.saturating_sub(seen.since)));
                }
                seen.now = now;
            }
        }
    }

    /// Whether there is something to say.
    pub(crate) fn has_news(&self) -> bool {
        self.has_news || self.average().is_some_and(|now| now >= self.said + EVERY_PERCENT)
    }

    /// Whether a region is on its way.
    pub(crate) fn go_on(&self) -> bool {
        self.moving().next().is_some()
    }

    /// What there is to say now: what has ended, then all that goes on in one line.
    pub(crate) fn lines(&mut self, at: Duration) -> Vec<String> {
        self.said = self.average().unwrap_or_default();
        self.has_news = false;
        let mut lines = Vec::new();
        for region in &self.order {
            if let Some(seen) = self.all.get_mut(region)
                && let Some(ended) = seen.ended.take()
            {
                lines.push(seen.end(&ended));
            }
        }
        lines.extend(self.on_their_way(at));
        lines
    }

    /// Those that are on their way, how long they have been, and how long it may still take.
    pub(crate) fn on_their_way(&self, at: Duration) -> Option<String> {
        let names: Vec<String> = self.moving().map(Seen::progress).collect();
        let first = self.moving().map(|seen| seen.since).min()?;
        let since = at.saturating_sub(first);
        let mut line = names.join(", ");
        if since >= GUESS_AFTER {
            line.push_str(&format!(" after {}", whole_minutes(since)));
            // The slowest counts; one of which nothing is known makes the guess worthless.
            let left: Option<Vec<Duration>> = self.moving().map(|seen| seen.left(at)).collect();
            if let Some(left) = left.and_then(|all| all.into_iter().max()) {
                line.push_str(&format!(", about {} left", whole_minutes(left)));
            }
        }
        Some(line)
    }

    fn moving(&self) -> impl Iterator<Item = &Seen> {
        let seen = self.order.iter().filter_map(|region| self.all.get(region));
        seen.filter(|seen| seen.now.goes_on())
    }

    /// How far those on their way are, on average.
    pub(crate) fn average(&self) -> Option<u64> {
        let count = u64::try_from(self.moving().count()).unwrap_or(u64::MAX);
        let sum: u64 = self.moving().map(|seen| seen.now.percent).sum();
        sum.checked_div(count)
    }
}

impl Seen {
    fn progress(&self) -> String {
        let Replica { region, state, percent } = &self.now;
        match state.eq_ignore_ascii_case("Replicating") {
            true => format!("{region} {percent} %"),
            false => format!("{region} {state} {percent} %"),
        }
    }

    fn end(&self, ended: &Ended) -> String {
        let (region, is_complete) = (&self.now.region, self.now.is_complete());
        match ended {
            Ended::Before if is_complete => format!("{region}: complete already"),
            Ended::After(time) if is_complete => format!("{region}: complete after {}", Span(time.as_secs())),
            Ended::Before => format!("{region}: {}", self.now.state),
            Ended::After(time) => format!("{region}: {} after {}", self.now.state, Span(time.as_secs())),
        }
    }

    /// As long as the rest takes at the speed so far.
    fn left(&self, at: Duration) -> Option<Duration> {
        let moved = u32::try_from(self.now.percent.checked_sub(self.from)?).ok()?;
        let rest = u32::try_from(100 - self.now.percent).ok()?;
        (moved > 0).then(|| at.saturating_sub(self.since) * rest / moved)
    }
}

/// What is only a guess, or moves on at once, is said in whole minutes.
fn whole_minutes(time: Duration) -> Span {
    let minutes = (time.as_secs() + 30) / 60;
    Span(minutes.max(1) * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn note(regions: &mut Regions, at: Duration, all: &[(&str, &str, u64)]) {
        for (region, state, percent) in all {
            regions.note(Replica::new(region, state, *percent), at);
        }
    }

    #[test]
    fn all_regions_share_a_line_with_the_time_so_far_and_left() {
        let mut regions = Regions::default();
        let at_start = [("eastus2", "Replicating", 0), ("westeurope", "Replicating", 0)];
        note(&mut regions, Duration::ZERO, &at_start);
        assert_eq!(regions.lines(Duration::ZERO), ["eastus2 0 %, westeurope 0 %"]);
        assert!(!regions.has_news());
        let later = [("eastus2", "Replicating", 33), ("westeurope", "Replicating", 20)];
        note(&mut regions, 8 * MINUTE, &later);
        assert_eq!(
            regions.lines(8 * MINUTE),
            ["eastus2 33 %, westeurope 20 % after 8 min, about 32 min left"]
        );
        let end = [("eastus2", "Completed", 100), ("westeurope", "Replicating", 50)];
        note(&mut regions, 20 * MINUTE, &end);
        assert_eq!(
            regions.lines(20 * MINUTE),
            [
                "eastus2: complete after 20 min",
                "westeurope 50 % after 20 min, about 20 min left"
            ]
        );
    }

    #[test]
    fn a_region_that_was_complete_before_is_said_once() {
        let mut regions = Regions::default();
        for _look in 0..3 {
            note(&mut regions, MINUTE, &[("eastus2", "Completed", 100)]);
        }
        assert_eq!(regions.lines(MINUTE), ["eastus2: complete already"]);
        note(&mut regions, MINUTE, &[("eastus2", "Completed", 100)]);
        assert!(!regions.has_news() && !regions.go_on());
    }

    #[test]
    fn a_region_that_failed_and_starts_again_is_timed_anew() {
        let mut regions = Regions::default();
        note(&mut regions, Duration::ZERO, &[("eastus2", "Replicating", 50)]);
        note(&mut regions, 5 * MINUTE, &[("eastus2", "Failed", 50)]);
        assert_eq!(regions.lines(5 * MINUTE), ["eastus2: Failed after 5 min"]);
        note(&mut regions, 6 * MINUTE, &[("eastus2", "Replicating", 0)]);
        note(&mut regions, 16 * MINUTE, &[("eastus2", "Replicating", 50)]);
        assert_eq!(
            regions.lines(16 * MINUTE),
            ["eastus2 50 % after 10 min, about 10 min left"]
        );
    }

    #[test]
    fn a_word_that_is_new_to_us_is_shown_and_no_guess_is_made_of_nothing() {
        let mut regions = Regions::default();
        note(&mut regions, Duration::ZERO, &[("eastus2", "Pondering", 0)]);
        assert_eq!(regions.lines(3 * MINUTE), ["eastus2 Pondering 0 % after 3 min"]);
    }
}
