//! Shows a publish in Packer's own Ui: what [`crate::render`] decided, line by line, bar by bar.
//!
//! When Packer does not answer any more nobody is there to be shown anything: it falls silent
//! and stops nothing, the session notices the loss by itself.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::{
    imaging::v1::PublishEvent,
    packer::{
        caller::CallError,
        log,
        ui::{ProgressBar, Ui},
    },
    render::{Renderer, Show},
};

/// The voice of one publish.
#[derive(Debug)]
pub struct Voice {
    ui: Ui,
    renderer: Renderer,
    started: Instant,
    bars: BTreeMap<String, Bar>,
    listener: Listener,
}

/// A bar on the screen and how far it stands.
#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    done: u64,
}

/// Whether Packer still answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    There,
    Gone,
}

impl Voice {
    /// A voice that starts now.
    #[must_use]
    pub fn new(ui: Ui) -> Self {
        Self {
            ui,
            renderer: Renderer::default(),
            started: Instant::now(),
            bars: BTreeMap::new(),
            listener: Listener::There,
        }
    }

    /// Tells of an event; all of them are in Packer's log.
    pub async fn tell(&mut self, event: &PublishEvent) {
        log::info(&event.text);
        let shown = self.renderer.show(event, self.started.elapsed());
        self.show_all(shown).await;
    }

    /// Tells what has not moved for long.
    pub async fn tick(&mut self) {
        let shown = self.renderer.tick(self.started.elapsed());
        self.show_all(shown).await;
    }

    /// Says a line of the post-processor itself.
    pub async fn say(&mut self, line: &str) {
        self.show_all(vec![Show::Line(line.to_owned())]).await;
    }

    /// Takes all bars off the screen.
    pub async fn finish(mut self) {
        for bar in std::mem::take(&mut self.bars).into_values() {
            let closed = bar.bar.close().await;
            self.note(closed);
        }
    }

    async fn show_all(&mut self, shown: Vec<Show>) {
        for show in shown {
            if self.listener == Listener::Gone {
                return;
            }
            let outcome = match show {
                Show::Line(line) => self.ui.say(&line).await,
                Show::Bar { name, done, total } => self.advance(name, done, total).await,
            };
            self.note(outcome);
        }
    }

    /// A bar only ever grows: Packer counts what is added.
    async fn advance(&mut self, name: String, done: u64, total: u64) -> Result<(), CallError> {
        if let Some(bar) = self.bars.get_mut(&name) {
            let step = done.saturating_sub(bar.done);
            if step > 0 {
                bar.bar.add(step).await?;
                bar.done = done;
            }
            return Ok(());
        }
        let bar = self.ui.track_progress(&name, done, total).await?;
        self.bars.insert(name, Bar { bar, done });
        Ok(())
    }

    fn note(&mut self, outcome: Result<(), CallError>) {
        let Err(error) = outcome else { return };
        log::warn(&log::chain(&error));
        if matches!(error, CallError::Lost { .. }) {
            self.listener = Listener::Gone;
        }
    }
}
