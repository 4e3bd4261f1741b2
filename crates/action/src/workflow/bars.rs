//! Progress bars for a person at a terminal: the step, the nodes, the regions.
//!
//! Everything else stays a line. It draws on stderr, since stdout may be a pipe.

use std::{collections::BTreeMap, time::Duration};

use azure_batch_core::{ids::Location, progress::Event};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often the spinner turns: often enough to look alive, seldom enough for a slow line.
const TICK: Duration = Duration::from_millis(200);

/// The bars of one run.
#[derive(Debug)]
pub(super) struct Bars {
    all: MultiProgress,
    step: ProgressBar,
    nodes: Option<ProgressBar>,
    regions: BTreeMap<Location, ProgressBar>,
}

impl Bars {
    pub(super) fn on_stderr() -> Self {
        let bars = Self::on(MultiProgress::new());
        bars.step.enable_steady_tick(TICK);
        bars
    }

    fn on(all: MultiProgress) -> Self {
        let step = all.add(ProgressBar::new_spinner());
        Self {
            all,
            step,
            nodes: None,
            regions: BTreeMap::new(),
        }
    }

    /// Writes lines above the bars.
    pub(super) fn suspended(bars: Option<&Self>, write: impl FnOnce()) {
        match bars {
            Some(bars) => bars.all.suspend(write),
            None => write(),
        }
    }

    /// Moves the bars; `true` when they show the event as well as a line would.
    pub(super) fn apply(&mut self, event: &Event) -> bool {
        match event {
            Event::StepStarted { what, .. } => self.step.set_message(what.clone()),
            Event::Nodes { wanted, ready, .. } => {
                let bar = self
                    .nodes
                    .get_or_insert_with(|| add_bar(&self.all, u64::from(*wanted), "nodes"));
                bar.set_length(u64::from(*wanted));
                bar.set_position(u64::from(*ready));
                return true;
            }
            Event::Replication { region, percent, .. } => {
                let add = || add_bar(&self.all, 100, &format!("% in {region}"));
                let bar = self.regions.entry(region.clone()).or_insert_with(add);
                bar.set_position(u64::from(*percent));
                return true;
            }
            _ => {}
        }
        false
    }
}

/// Whatever way a run ends, no half bar stays on the screen.
impl Drop for Bars {
    fn drop(&mut self) {
        self.step.finish_and_clear();
        for bar in self.nodes.iter().chain(self.regions.values()) {
            bar.finish_and_clear();
        }
    }
}

fn add_bar(all: &MultiProgress, length: u64, unit: &str) -> ProgressBar {
    let bar = all.add(ProgressBar::new(length));
    // A template that indicatif does not take leaves its own style, which is no worse than a failed run.
    if let Ok(style) = ProgressStyle::with_template("  {bar:40} {pos} of {len} {msg}") {
        bar.set_style(style);
    }
    bar.set_message(unit.to_owned());
    bar
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::*;

    #[test]
    fn bars_follow_nodes_and_regions_and_leave_the_rest_to_lines() {
        let mut bars = Bars::on(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()));
        let nodes = Event::Nodes {
            wanted: 700,
            ready: 690,
            states: BTreeMap::new(),
        };
        let region = Event::Replication {
            region: "eastus2".parse().unwrap(),
            state: "Replicating".to_owned(),
            percent: 40,
        };
        assert!(bars.apply(&nodes) && bars.apply(&region));
        assert!(!bars.apply(&Event::Note { text: String::new() }));
        let bar = bars.nodes.as_ref().unwrap();
        assert_eq!((bar.position(), bar.length()), (690, Some(700)));
        assert_eq!(bars.regions[&"eastus2".parse().unwrap()].position(), 40);
    }
}
