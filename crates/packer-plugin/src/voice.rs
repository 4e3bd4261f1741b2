//! Shows a publish in Packer's own Ui: what core's `telling` decided, line by line.
//!
//! There are no bars: Packer's move the cursor, and every line that is said while one is open is lost from the screen.
//! Lines are said by a task of its own, so that nothing waits for a Packer whose output is held back. When Packer does
//! not answer any more there is no reader left: it falls silent and stops nothing.

use std::time::Duration;

use azure_batch_core::telling::{Show, Teller};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    imaging::v1::Event,
    packer::{caller::CallError, cancellation::Cancellation, log, ui::Ui},
    render::news,
};

/// How long the last lines are waited for once the user has asked to stop: a Packer that shows lines at all shows them
/// at once.
const LAST_LINES: Duration = Duration::from_secs(5);

/// What is said, and how.
#[derive(Debug)]
enum Line {
    Said(String),
    /// In red: it needs a person.
    Warned(String),
}

/// The voice of one publish.
#[derive(Debug)]
pub struct Voice {
    teller: Teller,
    started: Instant,
    lines: UnboundedSender<Line>,
    speaker: JoinHandle<()>,
}

impl Voice {
    /// A voice that starts now.
    #[must_use]
    pub fn new(ui: Ui) -> Self {
        let (lines, queue) = unbounded_channel();
        Self {
            teller: Teller::default(),
            started: Instant::now(),
            lines,
            speaker: tokio::spawn(speak(ui, queue)),
        }
    }

    /// Shows an event, when it is worth it; all events are in Packer's log.
    pub fn tell(&mut self, event: &Event) {
        log::info(&event.text);
        let shown = self.teller.tell(news(event), self.started.elapsed());
        self.show_all(shown);
    }

    /// Says what has not moved for long.
    pub fn tick(&mut self) {
        let shown = self.teller.tick(self.started.elapsed());
        self.show_all(shown);
    }

    /// Says a line of the post-processor itself.
    pub fn say(&self, line: &str) {
        self.show(Show::Headline(line.to_owned()));
    }

    /// Waits until everything is said. After a Cancel not for long: a Packer that holds its output back must not hold up
    /// the end too.
    pub async fn finish(mut self, cancel: &Cancellation) {
        let shown = self.teller.finish(self.started.elapsed());
        self.show_all(shown);
        drop(self.lines);
        let mut speaker = self.speaker;
        let reason = tokio::select! {
            biased;
            _ = &mut speaker => return,
            reason = cancel.cancelled() => reason,
        };
        if timeout(LAST_LINES, &mut speaker).await.is_err() {
            log::warn(&format!("{reason:?}: the last lines were not taken"));
            speaker.abort();
        }
    }

    fn show_all(&self, shown: Vec<Show>) {
        for show in shown {
            self.show(show);
        }
    }

    fn show(&self, show: Show) {
        let line = match show {
            Show::Headline(line) | Show::StepBegins { what: line, .. } => Line::Said(line),
            Show::Detail(line) | Show::StepEnds(line) | Show::Meanwhile(line) => Line::Said(indented(&line)),
            Show::Round { about, text }
            | Show::Warning {
                about: Some(about),
                text,
            } => Line::Warned(indented(&format!("warning: {about}: {text}"))),
            Show::Warning { about: None, text } => Line::Warned(indented(&format!("warning: {text}"))),
        };
        // Packer is gone when nobody takes it.
        drop(self.lines.send(line));
    }
}

/// Says one line after the other until there are no more, or Packer is gone.
async fn speak(ui: Ui, mut lines: UnboundedReceiver<Line>) {
    while let Some(line) = lines.recv().await {
        let said = match line {
            Line::Said(line) => ui.say(&line).await,
            Line::Warned(line) => ui.error(&line).await,
        };
        let Err(error) = said else { continue };
        log::warn(&log::chain(&error));
        if matches!(error, CallError::Lost { .. }) {
            return;
        }
    }
}

/// What belongs to the step above it.
fn indented(text: &str) -> String {
    format!("  {}", text.replace('\n', "\n  "))
}
