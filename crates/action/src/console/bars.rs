//! Progress bars for a person at a terminal: the step, and everything that goes on for long.
//!
//! Everything else stays a line. It draws on stderr, since stdout may be a pipe.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often the spinner turns: often enough to look alive, seldom enough for a slow line.
const TICK: Duration = Duration::from_millis(200);

/// The bars of one run.
#[derive(Debug)]
pub(super) struct Bars {
    all: MultiProgress,
    step: ProgressBar,
    moving: BTreeMap<String, ProgressBar>,
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
            moving: BTreeMap::new(),
        }
    }

    /// Writes lines above the bars.
    pub(super) fn suspended(bars: Option<&Self>, write: impl FnOnce()) {
        match bars {
            Some(bars) => bars.all.suspend(write),
            None => write(),
        }
    }

    /// Names the step that is under way.
    pub(super) fn begin_step(&self, what: &str) {
        self.step.set_message(what.to_owned());
    }

    /// Moves a bar, and makes it first when it is new.
    pub(super) fn set(&mut self, name: String, done: u64, total: u64) {
        let all = &self.all;
        let bar = self.moving.entry(name).or_insert_with_key(|name| add_bar(all, name));
        bar.set_length(total);
        bar.set_position(done);
    }
}

/// Whatever way a run ends, no half bar stays on the screen.
impl Drop for Bars {
    fn drop(&mut self) {
        self.step.finish_and_clear();
        for bar in self.moving.values() {
            bar.finish_and_clear();
        }
    }
}

fn add_bar(all: &MultiProgress, name: &str) -> ProgressBar {
    let bar = all.add(ProgressBar::new(0));
    // If indicatif refuses the template, its own style stays: a run must not fail because of a bar.
    if let Ok(style) = ProgressStyle::with_template("  {bar:40} {pos} of {len} {msg}") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::*;

    #[test]
    fn every_name_has_a_bar_of_its_own() {
        let mut bars = Bars::on(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()));
        bars.set("nodes ready".to_owned(), 10, 700);
        bars.set("nodes ready".to_owned(), 690, 700);
        bars.set("replication to eastus2".to_owned(), 40, 100);
        let at = |name: &str| (bars.moving[name].position(), bars.moving[name].length());
        assert_eq!(at("nodes ready"), (690, Some(700)));
        assert_eq!(at("replication to eastus2"), (40, Some(100)));
    }
}
