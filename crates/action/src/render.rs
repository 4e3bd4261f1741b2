//! From events to lines, groups and annotations: what a log shows and what it leaves out.
//!
//! Writing is `workflow`'s affair; a program that reads JSON gets every event.

use std::collections::BTreeMap;

use azure_batch_core::{
    ids::Location,
    progress::{CheckOutcome, Event},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::workflow::{Console, Form, Grade};

/// Shows events; remembers what a log has already said.
#[derive(Debug, Default)]
pub struct Renderer {
    nodes: Option<(u32, Vec<String>)>,
    regions: BTreeMap<Location, (u8, String)>,
}

/// An event with its time, as programs get it.
#[derive(Serialize)]
struct Timed<'a> {
    #[serde(flatten)]
    event: &'a Event,
    at: Timestamp,
}

/// A log without a terminal hears of progress at every tenth of the way.
const TENTHS: u32 = 10;

impl Renderer {
    /// Shows one event.
    pub fn show(&mut self, event: &Event, at: Timestamp, console: &mut Console) {
        if console.form() == Form::Json {
            return console.object(&Timed { event, at });
        }
        if console.is_shown_by_bars(event) || !self.is_news(event) {
            return;
        }
        match event {
            Event::StepStarted { what, .. } => console.begin_group(what),
            Event::StepDone { .. } => {
                console.line(event);
                console.end_group();
            }
            Event::Warning { text } => console.annotate(Grade::Warning, "Azure Batch pool", text),
            Event::Check {
                name,
                outcome: CheckOutcome::Fail,
                text,
            } => console.annotate(Grade::Warning, &format!("check {name}"), text),
            _ => console.line(event),
        }
    }

    /// Whether an event says more than the log has already said: states that are new, or the next tenth of the way.
    fn is_news(&mut self, event: &Event) -> bool {
        match event {
            Event::Nodes { wanted, ready, states } => {
                let tenth = ready.saturating_mul(TENTHS).checked_div(*wanted).unwrap_or(TENTHS);
                let now = (tenth, states.keys().cloned().collect());
                let is_new = self.nodes.as_ref() != Some(&now);
                self.nodes = Some(now);
                is_new
            }
            Event::Replication { region, state, percent } => {
                let now = (percent / 10, state.clone());
                self.regions.insert(region.clone(), now.clone()) != Some(now)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(ready: u32, states: &[&str]) -> Event {
        Event::Nodes {
            wanted: 700,
            ready,
            states: states.iter().map(|state| ((*state).to_owned(), 1)).collect(),
        }
    }

    #[test]
    fn a_log_hears_of_every_tenth_and_of_every_new_state() {
        let mut renderer = Renderer::default();
        let heard: Vec<bool> = [
            nodes(0, &["creating"]),
            nodes(10, &["creating"]),
            nodes(80, &["creating"]),
            nodes(81, &["creating", "unusable"]),
            nodes(82, &["creating", "unusable"]),
            nodes(700, &["idle"]),
        ]
        .iter()
        .map(|event| renderer.is_news(event))
        .collect();
        assert_eq!(heard, [true, false, true, true, false, true]);
    }

    #[test]
    fn each_region_is_heard_by_itself() {
        let mut renderer = Renderer::default();
        let mut at = |region: &str, percent| {
            renderer.is_news(&Event::Replication {
                region: region.parse().unwrap(),
                state: "Replicating".to_owned(),
                percent,
            })
        };
        let heard = [
            at("eastus2", 3),
            at("westeurope", 3),
            at("eastus2", 9),
            at("eastus2", 12),
        ];
        assert_eq!(heard, [true, true, false, true]);
    }
}
