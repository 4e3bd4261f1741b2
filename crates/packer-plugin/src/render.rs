//! How events look in Packer: which lines, how often, and which progress bars; pure.
//!
//! Packer draws bars on a terminal only, so what a bar shows is also said, but not at every step.

use std::{collections::BTreeMap, time::Duration};

use crate::imaging::v1::{Copied, PublishEvent, Replication, publish_event::Event};

/// How many percent must have passed for a further line about a region.
const LINE_EVERY_PERCENT: u32 = 10;

/// After how long there is a line even if nothing moved: CI systems take silence for a hang, some
/// after ten minutes.
const LINE_EVERY: Duration = Duration::from_secs(5 * 60);

/// Something to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// A line.
    Line(String),
    /// How far something is.
    Bar {
        /// By which the bar is known again, and what stands before it.
        name: String,
        /// How much is done.
        done: u64,
        /// Of how much.
        total: u64,
    },
}

/// What was shown, so that it is not shown again.
#[derive(Debug, Default)]
pub struct Renderer {
    watched: BTreeMap<String, Watched>,
    /// Names of checks that passed and are not told of yet.
    passed: Vec<String>,
}

/// How far something that goes on for long is.
#[derive(Clone, Debug)]
struct Sight {
    line: String,
    state: String,
    percent: u32,
    phase: Phase,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Moving,
    Ended,
}

/// What was seen last, and when a line last told of it.
#[derive(Debug)]
struct Watched {
    seen: Sight,
    percent_said: u32,
    said_at: Duration,
}

impl Renderer {
    /// What to show for an event that came `at` after the start.
    #[must_use]
    pub fn show(&mut self, event: &PublishEvent, at: Duration) -> Vec<Show> {
        // Those that pass come in a row: a line for each would bury the one that matters.
        if let Some(Event::Check(check)) = &event.event
            && check.outcome == "pass"
        {
            self.passed.push(check.name.clone());
            return Vec::new();
        }
        let passed = self.tell_passed();
        passed.into_iter().chain(self.show_other(event, at)).collect()
    }

    fn show_other(&mut self, event: &PublishEvent, at: Duration) -> Vec<Show> {
        let text = event.text.as_str();
        match &event.event {
            Some(Event::StepStarted(_) | Event::Published(_) | Event::SignedIn(_)) => {
                vec![Show::Line(text.to_owned())]
            }
            Some(Event::Replication(replication)) => self.replication(replication, text, at),
            Some(Event::Copied(copied)) => self.copied(copied, text, at),
            Some(Event::Created(resource)) => vec![detail(&format!("created {}", short(&resource.id)))],
            Some(Event::Removed(resource)) => vec![detail(&format!("removed {}", short(&resource.id)))],
            _ => vec![detail(text)],
        }
    }

    fn tell_passed(&mut self) -> Option<Show> {
        let names = std::mem::take(&mut self.passed);
        match names.as_slice() {
            [] => None,
            [name] => Some(detail(&format!("check passed: {name}"))),
            _ => Some(detail(&format!("{} checks passed: {}", names.len(), names.join(", ")))),
        }
    }

    /// What to show when nothing came for a while.
    #[must_use]
    pub fn tick(&mut self, at: Duration) -> Vec<Show> {
        let overdue = self.watched.values_mut().filter(|watched| watched.is_overdue(at));
        overdue
            .map(|watched| {
                watched.said_at = at;
                detail(&watched.seen.line)
            })
            .collect()
    }

    fn replication(&mut self, replication: &Replication, text: &str, at: Duration) -> Vec<Show> {
        let percent = replication.percent.min(100);
        let is_over = ["Completed", "Failed"]
            .iter()
            .any(|word| replication.state.eq_ignore_ascii_case(word));
        let sight = Sight {
            line: text.to_owned(),
            state: replication.state.clone(),
            percent,
            phase: if is_over { Phase::Ended } else { Phase::Moving },
        };
        let name = format!("replication to {}", replication.region);
        let line = self.watch(&name, sight, at);
        let bar = Show::Bar {
            name,
            done: percent.into(),
            total: 100,
        };
        line.into_iter().chain([bar]).collect()
    }

    fn copied(&mut self, copied: &Copied, text: &str, at: Duration) -> Vec<Show> {
        let name = "snapshots".to_owned();
        let sight = Sight {
            line: text.to_owned(),
            // Every finished one is worth a line.
            state: copied.done.to_string(),
            percent: 0,
            phase: if copied.done < copied.total {
                Phase::Moving
            } else {
                Phase::Ended
            },
        };
        let line = self.watch(&name, sight, at);
        let bar = Show::Bar {
            name,
            done: copied.done.min(copied.total),
            total: copied.total,
        };
        line.into_iter().chain([bar]).collect()
    }

    /// A line, if there is enough to tell.
    fn watch(&mut self, name: &str, sight: Sight, at: Duration) -> Option<Show> {
        let line = detail(&sight.line);
        let percent = sight.percent;
        let is_worth_it = self.watched.get(name).is_none_or(|watched| watched.is_news(&sight, at));
        match self.watched.get_mut(name) {
            Some(watched) if !is_worth_it => watched.seen = sight,
            Some(_) | None => {
                let watched = Watched {
                    seen: sight,
                    percent_said: percent,
                    said_at: at,
                };
                self.watched.insert(name.to_owned(), watched);
            }
        }
        is_worth_it.then_some(line)
    }
}

impl Watched {
    fn is_news(&self, sight: &Sight, at: Duration) -> bool {
        let moved = sight.percent >= self.percent_said.saturating_add(LINE_EVERY_PERCENT);
        let changed = sight.state != self.seen.state || sight.phase != self.seen.phase;
        moved || changed || self.is_overdue(at)
    }

    fn is_overdue(&self, at: Duration) -> bool {
        self.seen.phase == Phase::Moving && at.saturating_sub(self.said_at) >= LINE_EVERY
    }
}

/// What tells a resource from the others of its group: its type and name.
fn short(id: &str) -> &str {
    id.split_once("/providers/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or(id, |(_, short)| short)
}

/// What belongs to the step above it.
fn detail(text: &str) -> Show {
    Show::Line(format!("  {}", text.replace('\n', "\n  ")))
}

#[cfg(test)]
mod tests;
