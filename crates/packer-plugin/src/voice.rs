//! Shows a publish in Packer's own Ui: what core's `telling` decided, line by line, bar by bar.
//!
//! Packer draws bars on a terminal only, so what a bar shows is also said as a line. When Packer does not answer any
//! more there is no reader left: it falls silent and stops nothing, since the session notices the loss by itself.

use std::collections::BTreeMap;

use azure_batch_core::telling::{Show, Teller};
use tokio::time::Instant;

use crate::{
    imaging::v1::Event,
    packer::{
        caller::CallError,
        log,
        ui::{ProgressBar, Ui},
    },
    render::news,
};

/// The voice of one publish.
#[derive(Debug)]
pub struct Voice {
    ui: Ui,
    teller: Teller,
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
            teller: Teller::default(),
            started: Instant::now(),
            bars: BTreeMap::new(),
            listener: Listener::There,
        }
    }

    /// Shows an event, when it is worth it; all events are in Packer's log.
    pub async fn tell(&mut self, event: &Event) {
        log::info(&event.text);
        let shown = self.teller.tell(news(event), self.started.elapsed());
        self.show_all(shown).await;
    }

    /// Says what has not moved for long.
    pub async fn tick(&mut self) {
        let shown = self.teller.tick(self.started.elapsed());
        self.show_all(shown).await;
    }

    /// Says a line of the post-processor itself.
    pub async fn say(&mut self, line: &str) {
        self.show_all(vec![Show::Headline(line.to_owned())]).await;
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
                Show::Headline(line) | Show::StepBegins(line) => self.ui.say(&line).await,
                Show::Detail(line) | Show::StepEnds(line) | Show::Warning { text: line, .. } => {
                    self.ui.say(&indented(&line)).await
                }
                Show::Bar {
                    name,
                    done,
                    total,
                    line,
                } => self.move_bar(name, (done, total), line).await,
            };
            self.note(outcome);
        }
    }

    /// A bar only ever grows: Packer counts what is added.
    async fn move_bar(
        &mut self,
        name: String,
        (done, total): (u64, u64),
        line: Option<String>,
    ) -> Result<(), CallError> {
        if let Some(line) = line {
            self.ui.say(&indented(&line)).await?;
        }
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

/// What belongs to the step above it.
fn indented(text: &str) -> String {
    format!("  {}", text.replace('\n', "\n  "))
}
