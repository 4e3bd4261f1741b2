//! stderr for people: what happens meanwhile, with bars on a terminal.
//!
//! What is worth a line is decided in core's `telling`; what is safe to show, by its `redact`. The result is not written
//! here.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use azure_batch_core::{redact::Redactor, telling::Show};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use secrecy::SecretString;

/// How often the spinner turns: often enough to look alive, seldom enough for a slow line.
const TICK: Duration = Duration::from_millis(200);

/// The width of text where there is no terminal.
const USUAL_WIDTH: usize = 80;

/// Text that is narrower is hard to read, and so is text that is wider.
const NARROWEST: usize = 40;
const WIDEST: usize = 100;

/// Where lines and bars go.
#[derive(Default)]
pub(super) struct Terminal {
    bars: Option<Bars>,
    redactor: Redactor,
}

struct Bars {
    all: MultiProgress,
    step: ProgressBar,
    moving: BTreeMap<String, ProgressBar>,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// This process's stderr.
    pub(super) fn of_process() -> Self {
        Self::default()
    }

    /// Strikes these out of everything from now on.
    pub(super) fn hide(&mut self, secrets: Vec<&SecretString>) {
        for secret in secrets {
            self.redactor.add(secret);
        }
    }

    /// What makes texts safe to show.
    pub(super) const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// How many letters a line of text holds.
    pub(super) fn width(&self) -> usize {
        let size = console::Term::stderr().size_checked();
        size.map_or(USUAL_WIDTH, |(_rows, columns)| usize::from(columns).clamp(NARROWEST, WIDEST))
    }

    /// From now on there may be bars.
    pub(super) fn begin(&mut self) {
        self.bars = io::stderr().is_terminal().then(Bars::new);
    }

    /// Writes a line.
    pub(super) fn say(&mut self, text: &str) {
        // When stderr is gone, there is no other place to report it.
        let text = self.redactor.safe(text);
        let write = || drop(writeln!(io::stderr().lock(), "{text}"));
        match &self.bars {
            Some(bars) => bars.all.suspend(write),
            None => write(),
        }
    }

    /// Shows what core's `telling` found worth it.
    pub(super) fn show(&mut self, show: Show) {
        match show {
            Show::Headline(line) => self.say(&line),
            Show::Detail(line) | Show::StepEnds(line) => self.say(&format!("  {}", line.replace('\n', "\n  "))),
            Show::StepBegins(what) => {
                if let Some(bars) = &self.bars {
                    bars.step.set_message(self.redactor.safe(&what));
                }
                self.say(&what);
            }
            Show::Warning { about, text } => {
                let about = about.map(|about| format!("{about}: ")).unwrap_or_default();
                self.say(&format!("warning: {about}{text}"));
            }
            Show::Bar {
                name,
                done,
                total,
                line,
            } => match (&mut self.bars, line) {
                (Some(bars), _) => bars.set(self.redactor.safe(&name), done, total),
                (None, Some(line)) => self.say(&format!("  {line}")),
                (None, None) => {}
            },
        }
    }

    /// Takes the bars away, before the last words.
    pub(super) fn remove_bars(&mut self) {
        if let Some(bars) = self.bars.take() {
            bars.step.finish_and_clear();
            bars.moving.values().for_each(ProgressBar::finish_and_clear);
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let step = all.add(ProgressBar::new_spinner());
        step.enable_steady_tick(TICK);
        Self {
            all,
            step,
            moving: BTreeMap::new(),
        }
    }

    fn set(&mut self, name: String, done: u64, total: u64) {
        let all = &self.all;
        let bar = self.moving.entry(name).or_insert_with_key(|name| add_bar(all, name));
        bar.set_length(total);
        bar.set_position(done);
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
