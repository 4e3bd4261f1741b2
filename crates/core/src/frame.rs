//! What stands at the bottom of a terminal while a run goes on: what it is for, how long it has been, where it is. Pure.
//!
//! It hears every event and is asked for its rows as often as the terminal is drawn; it prints nothing and reads no clock
//! ([`screen`] makes of the rows what a terminal is sent). Lines for those who have no terminal are in `telling`.

mod row;
pub mod screen;

use std::{collections::BTreeMap, time::Duration};

use self::row::{Row, Tone};
use crate::{
    batch::node::{NodeState, Outlook},
    progress::{Event, Place, Span},
    telling::{News, Regions, Role},
    words::node_state,
};

/// As many rows as leave most of the smallest usual terminal, 24 rows, to the lines above.
const MOST_ROWS: usize = 8;

/// So many steps that are done keep a row each; what is older shares one.
const MOST_DONE: usize = 3;

/// Below this width a bar would have no room for its number.
const NARROWEST_WITH_BAR: usize = 60;

/// What a bar leaves for its number: room for `10000 of 10000 nodes allocated`.
const BESIDE_BAR: usize = 36;

/// A longer bar shows no more.
const LONGEST_BAR: usize = 80;

/// The frame of one run.
#[derive(Debug)]
pub struct Frame {
    limit: Duration,
    goal: String,
    done: Vec<Done>,
    current: Option<Current>,
    regions: Regions,
    stops: bool,
}

/// A step that is done.
#[derive(Debug)]
struct Done {
    what: String,
    took: u64,
}

/// The step that is under way.
#[derive(Debug)]
struct Current {
    what: String,
    place: Option<Place>,
    /// When it began, or its resize round.
    since: Duration,
    round: Option<String>,
    bar: Option<Bar>,
    states: BTreeMap<String, u32>,
    pause: Option<Pause>,
    /// Why it takes longer than it should.
    trouble: Option<String>,
}

/// How much of something that is counted is there.
#[derive(Debug)]
struct Bar {
    done: u64,
    total: u64,
    of_what: &'static str,
}

#[derive(Debug)]
struct Pause {
    what: String,
    until: Duration,
}

impl Frame {
    /// Of a run of that name, which may take so long.
    #[must_use]
    pub fn new(name: &str, limit: Duration) -> Self {
        Self {
            limit,
            goal: name.to_owned(),
            done: Vec::new(),
            current: None,
            regions: Regions::new(),
            stops: false,
        }
    }

    /// From now on the run ends as soon as that is safe.
    pub const fn stop(&mut self) {
        self.stops = true;
    }

    /// Takes notice of what happened `at` after the start.
    pub fn note(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Goal { text } => self.goal.clone_from(text),
            Event::StepStarted { what, place, .. } => self.current = Some(Current::new(what, *place, at)),
            Event::StepDone { seconds, .. } => {
                if let Some(step) = self.current.take() {
                    self.done.push(Done {
                        what: step.what,
                        took: *seconds,
                    });
                }
            }
            Event::Replication { .. } => {
                if let Role::Replicates(replica) = News::of(event).role {
                    self.regions.note(replica, at);
                }
            }
            _ => {
                if let Some(step) = &mut self.current {
                    step.note(event, at);
                }
            }
        }
    }

    /// Its rows `at` after the start, each narrower than `columns`.
    fn rows(&self, at: Duration, columns: usize) -> Vec<Row> {
        let width = columns.saturating_sub(1);
        let mut lower = Vec::new();
        if let Some(step) = &self.current {
            lower.push(step.title(at, width));
            lower.extend(step.bar(width));
            lower.extend(self.replication(at, width));
            lower.extend(step.states(width));
            lower.extend(step.trouble(width));
        }
        lower.truncate(MOST_ROWS - 1);
        let room = (MOST_ROWS - 1 - lower.len()).min(MOST_DONE);
        let header = std::iter::once(self.header(at, width));
        header.chain(self.done_rows(room, width)).chain(lower).collect()
    }

    fn header(&self, at: Duration, width: usize) -> Row {
        let (so_far, limit) = (Span(at.as_secs()), Span(self.limit.as_secs()));
        let goal = Row::of(Tone::Strong, &self.goal);
        let whole = match self.stops {
            true => format!("stopping, after {so_far}"),
            false => format!("{so_far} of at most {limit}"),
        };
        let has_room = goal.width() + 2 + whole.chars().count() <= width;
        let time = if has_room || self.stops {
            whole
        } else {
            so_far.to_string()
        };
        goal.with_right(Tone::Faint, &time, width)
    }

    /// The steps that are done: short ones share a row, and so do those for which there is no room.
    fn done_rows(&self, room: usize, width: usize) -> Vec<Row> {
        let mut rows: Vec<(String, u64)> = Vec::new();
        let mut last_was_short = false;
        for step in &self.done {
            let is_short = step.took == 0;
            match rows.last_mut() {
                Some((what, _)) if is_short && last_was_short => {
                    what.push_str(", ");
                    what.push_str(&step.what);
                }
                _ => rows.push((step.what.clone(), step.took)),
            }
            last_was_short = is_short;
        }
        if rows.len() > room {
            let kept = rows.split_off(rows.len() - room.saturating_sub(1));
            let took = rows.iter().map(|(_, took)| took).sum();
            let older = (format!("{} earlier steps", rows.len()), took);
            rows = std::iter::once(older).filter(|_| room > 0).chain(kept).collect();
        }
        rows.iter().map(|(what, took)| done_row(what, *took, width)).collect()
    }

    /// All steps that are done, as they stay on the screen at the end.
    fn last_rows(&self, columns: usize) -> Vec<Row> {
        self.done_rows(usize::MAX, columns.saturating_sub(1))
    }

    fn replication(&self, at: Duration, width: usize) -> Vec<Row> {
        let Some(line) = self.regions.on_their_way(at) else {
            return Vec::new();
        };
        let average = self.regions.average().unwrap_or_default();
        let bar = bar(average, 100, width).map(|bar| bar.and(Tone::Plain, &format!("  {average} %")));
        let line = Row::of(Tone::Plain, &format!("    {line}")).cut(width);
        bar.into_iter().chain([line]).collect()
    }
}

impl Current {
    fn new(what: &str, place: Option<Place>, since: Duration) -> Self {
        Self {
            what: what.to_owned(),
            place,
            since,
            round: None,
            bar: None,
            states: BTreeMap::new(),
            pause: None,
            trouble: None,
        }
    }

    fn note(&mut self, event: &Event, at: Duration) {
        // News ends a pause as well as trouble.
        let of_what = match event {
            Event::Waiting { what, seconds } => {
                self.pause = Some(Pause {
                    what: what.clone(),
                    until: at + Duration::from_secs(*seconds),
                });
                return;
            }
            Event::Retrying { .. } => {
                self.trouble = Some(event.to_string());
                return;
            }
            Event::Resize {
                round,
                rounds,
                timeout_minutes,
                ..
            } => {
                self.round = Some(format!(
                    "round {round} of {rounds} (timeout {})",
                    Span(timeout_minutes * 60)
                ));
                (self.since, self.bar, self.pause, self.trouble) = (at, None, None, None);
                return;
            }
            Event::Copied { .. } => "snapshots",
            Event::Allocation { states, .. } => {
                self.states.clone_from(states);
                "nodes allocated"
            }
            Event::Nodes { states, .. } => {
                self.states.clone_from(states);
                self.round = None;
                "nodes ready"
            }
            _ => return,
        };
        if let Role::Moved(sight) = News::of(event).role {
            self.bar = Some(Bar {
                done: sight.done,
                total: sight.total,
                of_what,
            });
        }
        (self.pause, self.trouble) = (None, None);
    }

    fn title(&self, at: Duration, width: usize) -> Row {
        if let Some(Pause { what, until }) = self.pause.as_ref().filter(|pause| pause.until > at) {
            // A part of a second is one too: the pause is over at 0 s.
            let left = Span((*until - at).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX));
            let text = format!("waiting {what}");
            return Row::of(Tone::Plain, "  ◌ ").and(Tone::Plain, &text).with_right(
                Tone::Faint,
                &format!("{left} left"),
                width,
            );
        }
        let text = match (&self.round, self.place) {
            (Some(round), _) => format!("resize {round}"),
            (None, Some(Place { number, of })) => format!("step {number} of {of}: {}", self.what),
            (None, None) => self.what.clone(),
        };
        let took = Span(at.saturating_sub(self.since).as_secs());
        Row::of(Tone::Plain, "  ● ")
            .and(Tone::Plain, &text)
            .with_right(Tone::Faint, &took.to_string(), width)
    }

    fn bar(&self, width: usize) -> Option<Row> {
        let Bar { done, total, of_what } = self.bar.as_ref()?;
        let number = format!("{done} of {total} {of_what}");
        Some(match bar(*done, *total, width) {
            Some(bar) => bar.and(Tone::Plain, &format!("  {number}")).cut(width),
            None => Row::of(Tone::Plain, &format!("    {number}")).cut(width),
        })
    }

    fn states(&self, width: usize) -> Option<Row> {
        if self.states.is_empty() {
            return None;
        }
        // Where there is no room for all, those that need a look are seen.
        let (bad, good): (Vec<_>, Vec<_>) = self.states.iter().partition(|(state, _)| is_bad(state));
        let bad = bad.into_iter().map(|state| (Tone::Bad, state));
        let good = good.into_iter().map(|state| (Tone::Plain, state));
        let mut row = Row::of(Tone::Plain, "    ");
        for (number, (tone, (state, count))) in bad.chain(good).enumerate() {
            let between = if number == 0 { "" } else { " · " };
            row = row
                .and(Tone::Plain, between)
                .and(tone, &format!("{} {count}", node_state(state)));
        }
        Some(row.cut(width))
    }

    fn trouble(&self, width: usize) -> Option<Row> {
        let text = self.trouble.as_ref()?;
        Some(Row::of(Tone::Bad, &format!("    {text}")).cut(width))
    }
}

/// Whether a node in that state will not become ready by itself.
fn is_bad(state: &str) -> bool {
    matches!(NodeState::new(state).outlook(), Outlook::Lost | Outlook::Doubtful)
}

fn done_row(what: &str, took: u64, width: usize) -> Row {
    let row = Row::of(Tone::Good, "  ✓ ").and(Tone::Plain, what);
    match took {
        0 => row.cut(width),
        took => row.with_right(Tone::Faint, &Span(took).to_string(), width),
    }
}

/// A bar with its indent, where the terminal is wide enough.
fn bar(done: u64, total: u64, width: usize) -> Option<Row> {
    // `width` is one less than the terminal's.
    if width + 1 < NARROWEST_WITH_BAR {
        return None;
    }
    let length = (width + 1 - BESIDE_BAR).min(LONGEST_BAR);
    let cells = u64::try_from(length).unwrap_or_default();
    let full = (done.min(total) * cells).checked_div(total).unwrap_or(cells);
    let full = usize::try_from(full).unwrap_or(length);
    Some(
        Row::of(Tone::Plain, "    ")
            .and(Tone::Good, &"█".repeat(full))
            .and(Tone::Faint, &"░".repeat(length - full)),
    )
}

#[cfg(test)]
mod tests;
