//! What a run says to a person: which events become a line or a bar, and how often. Pure.
//!
//! Both programs show a run through it, and each brings only its writer. It prints nothing and reads no clock: the
//! caller passes the time since the run's start.

use std::{collections::BTreeMap, time::Duration};

use crate::progress::{CheckOutcome, Event, Span};

/// A further line about the same thing comes after so many percent.
const LINE_EVERY_PERCENT: u64 = 10;

/// After this long without a line there is one even if nothing has changed: CI systems take silence for a hang, some
/// of them after ten minutes.
const SILENCE: Duration = Duration::from_secs(5 * 60);

/// An event as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The sentence.
    pub text: String,
    /// What the sentence is to the reader.
    pub role: Role,
}

/// What a sentence is to the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is about the whole run.
    Headline,
    /// A step begins; what follows belongs to it.
    StepBegins,
    /// The step ends.
    StepEnds,
    /// It belongs to the step.
    Detail,
    /// Something to look at that does not stop the run.
    Warning {
        /// What it is about, when the event says.
        about: Option<String>,
    },
    /// A check found everything as it should be.
    CheckPassed {
        /// The check.
        check: String,
    },
    /// Something that goes on for long has moved.
    Moved(Sight),
}

/// How far something that goes on for long is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What it is; unique within a run.
    pub name: String,
    /// The service's words for its state; a change is worth a line.
    pub state: String,
    /// How much is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
    /// Whether there is more to come.
    pub phase: Phase,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It goes on.
    Moving,
    /// It has ended, well or not.
    Ended,
}

/// Something to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// A line about the whole run.
    Headline(String),
    /// A step begins.
    StepBegins(String),
    /// The step ends.
    StepEnds(String),
    /// A line that belongs to the step.
    Detail(String),
    /// Something to look at.
    Warning {
        /// What it is about, when the event says.
        about: Option<String>,
        /// The sentence.
        text: String,
    },
    /// How far something is.
    Bar {
        /// By which the bar is known again.
        name: String,
        /// How much is done.
        done: u64,
        /// Of how much.
        total: u64,
        /// The line for readers without bars, when it is worth one.
        line: Option<String>,
    },
}

/// Decides what to show; remembers what was said, so that it is not said again.
#[derive(Debug, Default)]
pub struct Teller {
    watched: BTreeMap<String, Watched>,
    passed_checks: Vec<String>,
    step: Option<Step>,
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

impl News {
    /// An event of core as a reader sees it.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let (text, role) = match event {
            Event::SigningIn { .. } => (event.to_string(), Role::Headline),
            Event::StepStarted { what, .. } => (what.clone(), Role::StepBegins),
            Event::StepDone { .. } => (event.to_string(), Role::StepEnds),
            Event::Warning { text } => (text.clone(), Role::Warning { about: None }),
            Event::Check { name, outcome, text } => return Self::of_check(event, name, *outcome, text),
            Event::Created { id } => (format!("created {}", short(id)), Role::Detail),
            Event::Removed { id } => (format!("removed {}", short(id)), Role::Detail),
            Event::Copied { .. } | Event::Replication { .. } | Event::Allocation { .. } | Event::Nodes { .. } => {
                (event.to_string(), Sight::of(event).map_or(Role::Detail, Role::Moved))
            }
            Event::StepSkipped { .. }
            | Event::Note { .. }
            | Event::Kept { .. }
            | Event::Resize { .. }
            | Event::Retrying { .. }
            | Event::Waiting { .. } => (event.to_string(), Role::Detail),
            Event::OfPool { pool, event } => return Self::of_pool(pool.as_str(), Self::of(event)),
        };
        Self { text, role }
    }

    /// What is told of one of many pools. Steps of several pools overlap, so they are lines and no groups.
    fn of_pool(pool: &str, inner: Self) -> Self {
        let role = match inner.role {
            Role::StepBegins | Role::StepEnds | Role::Headline => Role::Detail,
            Role::CheckPassed { check } => Role::CheckPassed {
                check: format!("{check} of {pool}"),
            },
            Role::Moved(sight) => Role::Moved(Sight {
                name: format!("{pool}: {}", sight.name),
                ..sight
            }),
            role @ (Role::Detail | Role::Warning { .. }) => role,
        };
        Self {
            text: format!("{pool}: {}", inner.text),
            role,
        }
    }

    fn of_check(event: &Event, name: &str, outcome: CheckOutcome, text: &str) -> Self {
        match outcome {
            CheckOutcome::Pass => Self {
                text: event.to_string(),
                role: Role::CheckPassed { check: name.to_owned() },
            },
            CheckOutcome::Fail => Self {
                text: text.to_owned(),
                role: Role::Warning {
                    about: Some(format!("check {name}")),
                },
            },
            CheckOutcome::Ignored | CheckOutcome::CannotKnow => Self {
                text: event.to_string(),
                role: Role::Detail,
            },
        }
    }
}

impl Sight {
    /// A region of an image version; `state` is the service's word.
    #[must_use]
    pub fn replication(region: &str, state: &str, percent: u64) -> Self {
        let is_over = ["Completed", "Failed"]
            .iter()
            .any(|word| state.eq_ignore_ascii_case(word));
        Self {
            name: format!("replication to {region}"),
            state: state.to_owned(),
            done: percent.min(100),
            total: 100,
            phase: if is_over { Phase::Ended } else { Phase::Moving },
        }
    }

    /// Copies that are made at the same time.
    #[must_use]
    pub fn copies(done: u64, total: u64) -> Self {
        Self::count("snapshots", "", done, total)
    }

    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Copied { done, total } => {
                let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
                Some(Self::copies(number(*done), number(*total)))
            }
            Event::Replication { region, state, percent } => {
                Some(Self::replication(region.as_str(), state, u64::from(*percent)))
            }
            Event::Allocation {
                state,
                wanted,
                allocated,
            } => {
                let mut sight = Self::count("nodes allocated", state, (*allocated).into(), (*wanted).into());
                if state != "steady" {
                    sight.phase = Phase::Moving;
                }
                Some(sight)
            }
            Event::Nodes { wanted, ready, states } => {
                let names: Vec<&str> = states.keys().map(String::as_str).collect();
                Some(Self::count(
                    "nodes ready",
                    &names.join(", "),
                    (*ready).into(),
                    (*wanted).into(),
                ))
            }
            _ => None,
        }
    }

    fn count(name: &str, state: &str, done: u64, total: u64) -> Self {
        Self {
            name: name.to_owned(),
            state: state.to_owned(),
            done: done.min(total),
            total,
            phase: if done < total { Phase::Moving } else { Phase::Ended },
        }
    }

    fn percent(&self) -> u64 {
        (self.done.saturating_mul(100)).checked_div(self.total).unwrap_or(100)
    }
}

impl Teller {
    /// What to show of news that came `at` after the start.
    #[must_use]
    pub fn tell(&mut self, news: News, at: Duration) -> Vec<Show> {
        // Checks that pass come in a row: a line for each would hide the one that matters.
        if let Role::CheckPassed { check } = news.role {
            self.passed_checks.push(check);
            return Vec::new();
        }
        let mut shown: Vec<Show> = self.take_passed_checks().into_iter().collect();
        shown.push(self.show(news, at));
        self.remember(&shown, at);
        shown
    }

    /// What to show although nothing new came; to be asked every half minute or so.
    #[must_use]
    pub fn tick(&mut self, at: Duration) -> Vec<Show> {
        let mut shown: Vec<Show> = self.take_passed_checks().into_iter().collect();
        for watched in self.watched.values_mut().filter(|watched| watched.is_overdue(at)) {
            watched.said_at = at;
            shown.push(Show::Detail(watched.text.clone()));
        }
        let is_silent = shown.is_empty() && at.saturating_sub(self.said_at) >= SILENCE;
        if let Some(step) = self.step.as_ref().filter(|_| is_silent) {
            let span = Span(at.saturating_sub(step.since).as_secs());
            shown.push(Show::Detail(format!("{}: {span} so far", step.what)));
        }
        self.remember(&shown, at);
        shown
    }

    fn show(&mut self, news: News, at: Duration) -> Show {
        let text = news.text;
        match news.role {
            Role::Headline => Show::Headline(text),
            Role::StepBegins => {
                self.step = Some(Step {
                    what: text.clone(),
                    since: at,
                });
                Show::StepBegins(text)
            }
            Role::StepEnds => {
                self.step = None;
                Show::StepEnds(text)
            }
            Role::Detail | Role::CheckPassed { .. } => Show::Detail(text),
            Role::Warning { about } => Show::Warning { about, text },
            Role::Moved(sight) => self.watch(sight, text, at),
        }
    }

    fn watch(&mut self, sight: Sight, text: String, at: Duration) -> Show {
        let (name, done, total) = (sight.name.clone(), sight.done, sight.total);
        let before = self.watched.remove(&name);
        let is_news = before.as_ref().is_none_or(|before| before.is_outdated_by(&sight, at));
        let (percent_said, said_at) = match before {
            Some(before) if !is_news => (before.percent_said, before.said_at),
            Some(_) | None => (sight.percent(), at),
        };
        let line = is_news.then(|| text.clone());
        let watched = Watched {
            seen: sight,
            text,
            percent_said,
            said_at,
        };
        self.watched.insert(name.clone(), watched);
        Show::Bar {
            name,
            done,
            total,
            line,
        }
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

    fn remember(&mut self, shown: &[Show], at: Duration) {
        if shown.iter().any(|show| !matches!(show, Show::Bar { line: None, .. })) {
            self.said_at = at;
        }
    }
}

impl Watched {
    fn is_outdated_by(&self, sight: &Sight, at: Duration) -> bool {
        let moved = sight.percent() >= self.percent_said.saturating_add(LINE_EVERY_PERCENT);
        let changed = sight.state != self.seen.state || sight.phase != self.seen.phase;
        moved || changed || self.is_overdue(at)
    }

    fn is_overdue(&self, at: Duration) -> bool {
        self.seen.phase == Phase::Moving && at.saturating_sub(self.said_at) >= SILENCE
    }
}

/// The type and name of a resource, which distinguish it from the others of its group.
#[must_use]
pub fn short(id: &str) -> &str {
    id.split_once("/providers/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or(id, |(_, short)| short)
}

#[cfg(test)]
mod tests;
