//! Talks to the user through Packer: lines, questions, progress bars.
//!
//! Packer runs calls in parallel and shows lines in whatever order they get ready, so each
//! answer is awaited before the next call. What to say, and how often, is decided elsewhere.

use std::sync::Arc;

use rmpv::Value;
use tokio::sync::Mutex;

use super::caller::{CallError, Caller};
use super::codec::{as_text, record};
use super::text::for_packer;

/// Largest step of a progress bar at once, in bytes.
///
/// Packer allocates a buffer as long as each step. 32 MiB keeps that harmless and moves a
/// bar over a 128 GiB disk in 4096 calls.
const MAX_STEP: u64 = 32 * 1024 * 1024;

/// The user's side of a build; clones talk on the same stream, one call at a time.
#[derive(Debug, Clone)]
pub struct Ui {
    caller: Caller,
    turn: Arc<Mutex<()>>,
}

/// A progress bar, which Packer draws on a terminal only.
#[derive(Debug)]
#[must_use = "a bar stays on the screen until it is closed"]
pub struct ProgressBar {
    ui: Ui,
    /// Packer's name for the bar's service.
    service: String,
}

impl Ui {
    /// The user interface that Packer serves on the stream of `caller`.
    #[must_use]
    pub fn new(caller: Caller) -> Self {
        Self {
            caller,
            turn: Arc::default(),
        }
    }

    /// Shows a text; each of its lines gets Packer's prefix.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn say(&self, text: &str) -> Result<(), CallError> {
        self.show("Ui.Say", text).await
    }

    /// Shows a text as a detail, which only Packer 1.7 shows differently from [`Ui::say`].
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn message(&self, text: &str) -> Result<(), CallError> {
        self.show("Ui.Message", text).await
    }

    /// Shows a text as an error, in red where there is colour.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn error(&self, text: &str) -> Result<(), CallError> {
        self.show("Ui.Error", text).await
    }

    /// Asks the user; holds back the output of all builds meanwhile.
    ///
    /// # Errors
    ///
    /// When there is no terminal, or Packer does not answer any more.
    pub async fn ask(&self, question: &str) -> Result<String, CallError> {
        let argument = Value::from(for_packer(question));
        let answer = self.call("Ui.Ask", argument).await?;
        read_text("Ui.Ask", &answer)
    }

    /// Writes a line for programs, seen with `-machine-readable` and in the log.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn machine(&self, category: &str, arguments: &[&str]) -> Result<(), CallError> {
        let texts = arguments.iter().map(|text| for_packer(text));
        let argument = record([
            ("Category", Value::from(category)),
            ("Args", Value::Array(texts.map(Value::from).collect())),
        ]);
        self.call("Ui.Machine", argument).await.map(drop)
    }

    /// Starts a progress bar; Packer shows the numbers as bytes.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn track_progress(&self, name: &str, current: u64, total: u64) -> Result<ProgressBar, CallError> {
        const METHOD: &str = "Ui.NewTrackProgress";
        // Packer reads both as int64; a negative number would crash it.
        let limit = i64::MAX.unsigned_abs();
        let argument = record([
            ("Src", Value::from(for_packer(name))),
            ("TotalSize", Value::from(total.min(limit))),
            ("CurrentSize", Value::from(current.min(total).min(limit))),
        ]);
        let answer = self.call(METHOD, argument).await?;
        Ok(ProgressBar {
            ui: self.clone(),
            service: format!("Ui{}", read_text(METHOD, &answer)?),
        })
    }

    async fn show(&self, method: &str, text: &str) -> Result<(), CallError> {
        let argument = Value::from(for_packer(text));
        self.call(method, argument).await.map(drop)
    }

    async fn call(&self, method: &str, argument: Value) -> Result<Value, CallError> {
        let _turn = self.turn.lock().await;
        self.caller.call(method, argument).await
    }
}

impl ProgressBar {
    /// Advances the bar by `amount` bytes.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn add(&self, amount: u64) -> Result<(), CallError> {
        let method = format!("{}.Add", self.service);
        let mut left = amount;
        while left > 0 {
            let step = left.min(MAX_STEP);
            self.ui.call(&method, Value::from(step)).await?;
            left -= step;
        }
        Ok(())
    }

    /// Ends the bar.
    ///
    /// # Errors
    ///
    /// When Packer does not answer any more.
    pub async fn close(self) -> Result<(), CallError> {
        let method = format!("{}.Close", self.service);
        self.ui.call(&method, Value::Nil).await.map(drop)
    }
}

fn read_text(method: &str, answer: &Value) -> Result<String, CallError> {
    as_text(answer).map(str::to_owned).ok_or_else(|| CallError::Unexpected {
        method: method.to_owned(),
        expected: "text",
    })
}
