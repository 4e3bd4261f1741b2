//! When something is said: remembers what was said, so that it is not said again, and breaks silence. Pure.

use std::{collections::BTreeMap, time::Duration};

use super::{
    News, Phase, Role, Show, Sight,
    gathered::{Deed, Gathered},
    regions::Regions,
};
use crate::progress::Span;

/// After this long without a line there is one even if nothing has changed: CI systems take silence for a hang, some
/// of them after ten minutes.
const SILENCE: Duration = Duration::from_secs(5 * 60);

/// Decides what to show.
#[derive(Debug, Default)]
pub struct Teller {
    watched: BTreeMap<String, Watched>,
    regions: Regions,
    regions_said_at: Duration,
    passed_checks: Vec<String>,
    gathered: Option<Gathered>,
    step: Option<Step>,
    longest: Option<(String, u64)>,
    said_at: Duration,
}

/// The step that is under way.
#[derive(Debug)]
struct Step {
    what: String,
    since: Duration,
}

/// What was seen last, and when a line last said it.
#[derive(Debug)]
struct Watched {
    seen: Sight,
    text: String,
    percent_said: u64,
    said_at: Duration,
}

impl Teller {
    /// What to show of news that came `at` after the start.
    #[must_use]
    pub fn tell(&mut self, news: News, at: Duration) -> Vec<Show> {
        let mut shown = Vec::new();
        let News { text, role } = news;
        if !matches!(role, Role::CheckPassed { .. }) {
            shown.extend(self.take_passed_checks());
        }
        if !is_gathered(&role) {
            shown.extend(self.take_gathered());
        }
        if !matches!(role, Role::Replicates(_) | Role::Created { .. } | Role::Removed { .. }) {
            shown.extend(self.take_regions(at));
        }
        match role {
            // Checks that pass come in a row: a line for each would hide the one that matters.
            Role::CheckPassed { check } => self.passed_checks.push(check),
            Role::Created { id } => shown.extend(self.gather(Deed::Created, id, at)),
            Role::Removed { id } => shown.extend(self.gather(Deed::Removed, id, at)),
            Role::Replicates(replica) => self.regions.note(replica, at),
            Role::Moved(sight) => shown.extend(self.watch(sight, text, at)),
            role => shown.extend(self.show(role, text, at)),
        }
        self.remember(&shown, at);
        shown
    }

    /// What to show although nothing new came; to be asked every second or so.
    #[must_use]
    pub fn tick(&mut self, at: Duration) -> Vec<Show> {
        let mut shown: Vec<Show> = self.take_passed_checks().into_iter().collect();
        if self.gathered.as_ref().is_some_and(|gathered| gathered.is_due(at)) {
            shown.extend(self.take_gathered());
        }
        let is_overdue = self.regions.go_on() && at.saturating_sub(self.regions_said_at) >= SILENCE;
        if is_overdue || self.regions.has_news() {
            shown.extend(self.say_regions(at));
        }
        for watched in self.watched.values_mut().filter(|watched| watched.is_overdue(at)) {
            watched.said_at = at;
            shown.push(Show::Meanwhile(watched.text.clone()));
        }
        let is_silent = shown.is_empty() && at.saturating_sub(self.said_at) >= SILENCE;
        if let Some(step) = self.step.as_ref().filter(|_| is_silent) {
            let span = Span(at.saturating_sub(step.since).as_secs());
            shown.push(Show::Meanwhile(format!("{}: {span} so far", step.what)));
        }
        self.remember(&shown, at);
        shown
    }

    /// What was held back until now; nothing comes any more.
    #[must_use]
    pub fn finish(&mut self, at: Duration) -> Vec<Show> {
        let mut shown: Vec<Show> = self.take_passed_checks().into_iter().collect();
        shown.extend(self.take_gathered());
        shown.extend(self.take_regions(at));
        shown
    }

    fn show(&mut self, role: Role, text: String, at: Duration) -> Option<Show> {
        Some(match role {
            Role::Headline => Show::Headline(text),
            Role::Result => Show::Headline(self.result(&text, at)),
            Role::StepBegins { step, what } => {
                self.step = Some(Step { what, since: at });
                Show::StepBegins { step, what: text }
            }
            Role::StepEnds { seconds } => return self.end_step(seconds),
            Role::Meanwhile => Show::Meanwhile(text),
            Role::Warning { about } => Show::Warning { about, text },
            Role::Round { about } => Show::Round { about, text },
            _ => Show::Detail(text),
        })
    }

    /// A step that took no time needs no end: the next line shows it.
    fn end_step(&mut self, seconds: u64) -> Option<Show> {
        // What is watched belongs to the step.
        self.watched.clear();
        let Step { what, .. } = self.step.take()?;
        if self.longest.as_ref().is_none_or(|(_, longest)| seconds > *longest) {
            self.longest = Some((what, seconds));
        }
        (seconds > 0).then(|| Show::StepEnds(format!("done in {}", Span(seconds))))
    }

    fn result(&self, text: &str, at: Duration) -> String {
        let total = Span(at.as_secs());
        match &self.longest {
            Some((what, seconds)) if *seconds > 0 => {
                format!("{text}, in {total}; the longest step took {}: {what}", Span(*seconds))
            }
            _ => format!("{text}, in {total}"),
        }
    }

    fn watch(&mut self, sight: Sight, text: String, at: Duration) -> Option<Show> {
        let name = sight.name.clone();
        let before = self.watched.remove(&name);
        let is_news = before.as_ref().is_none_or(|before| before.is_outdated_by(&sight, at));
        let (percent_said, said_at) = match before {
            Some(before) if !is_news => (before.percent_said, before.said_at),
            Some(_) | None => (sight.percent(), at),
        };
        let line = is_news.then(|| Show::Meanwhile(text.clone()));
        let watched = Watched {
            seen: sight,
            text,
            percent_said,
            said_at,
        };
        self.watched.insert(name, watched);
        line
    }

    fn gather(&mut self, deed: Deed, id: String, at: Duration) -> Option<Show> {
        let other = self.gathered.as_ref().is_some_and(|gathered| gathered.deed != deed);
        let line = if other { self.take_gathered() } else { None };
        self.gathered.get_or_insert_with(|| Gathered::new(deed, at)).add(id);
        line
    }

    fn take_gathered(&mut self) -> Option<Show> {
        self.gathered.take().map(|gathered| Show::Detail(gathered.line()))
    }

    fn take_regions(&mut self, at: Duration) -> Vec<Show> {
        match self.regions.has_news() {
            true => self.say_regions(at),
            false => Vec::new(),
        }
    }

    fn say_regions(&mut self, at: Duration) -> Vec<Show> {
        self.regions_said_at = at;
        self.regions.lines(at).into_iter().map(Show::Meanwhile).collect()
    }

    fn take_passed_checks(&mut self) -> Option<Show> {
        let names = std::mem::take(&mut self.passed_checks);
        match names.as_slice() {
            [] => None,
            [name] => Some(Show::Detail(format!("check passed: {name}"))),
            _ => Some(Show::Detail(format!(
                "{} checks passed: {}",
                names.len(),
                names.join(", ")
            ))),
        }
    }

    const fn remember(&mut self, shown: &[Show], at: Duration) {
        if !shown.is_empty() {
            self.said_at = at;
        }
    }
}

impl Watched {
    fn is_outdated_by(&self, sight: &Sight, at: Duration) -> bool {
        let moved = sight.percent() >= self.percent_said.saturating_add(sight.every);
        let changed = sight.state != self.seen.state || sight.phase != self.seen.phase;
        moved || changed || self.is_overdue(at)
    }

    fn is_overdue(&self, at: Duration) -> bool {
        self.seen.phase == Phase::Moving && at.saturating_sub(self.said_at) >= SILENCE
    }
}

/// What becomes part of a line that is said later.
const fn is_gathered(role: &Role) -> bool {
    matches!(
        role,
        Role::Created { .. } | Role::Removed { .. } | Role::Replicates(_) | Role::CheckPassed { .. }
    )
}
