//! Gates: what is asked outside before a roll-out goes on, a command of this machine and an address.
//!
//! Where one is asked, and what becomes of the pools after a no, those decide who change the pools. What an answer means
//! is in `heard`, what is asked in `question`.

mod heard;
mod question;

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

pub use heard::{Heard, Said};
pub use question::{Checkpoint, Question};

use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    options::gate as options,
    progress::Span,
    settings::{GateUrl, Gates},
    words,
};

/// The pause before a gate is asked again: what people and dashboards say changes in minutes.
const PAUSE: Duration = Duration::from_secs(30);

/// What a gate said at a checkpoint: part of a roll-out's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateAnswer {
    /// Where.
    pub checkpoint: Checkpoint,
    /// Which checkpoint it is, from 1.
    pub step: u32,
    /// Of how many.
    pub steps: u32,
    /// Which gate: `command`, or `url` with its host.
    pub gate: String,
    /// What it said last.
    pub answer: Said,
    /// In its own terms: `exit code 3`, `503`.
    pub why: String,
    /// How often it was asked.
    pub asked: u32,
    /// How long it took in all, in seconds.
    pub seconds: u64,
    /// The end of what it wrote.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// One gate.
#[derive(Clone, Copy, Debug)]
enum Gate<'g> {
    Command(&'g str),
    Url(&'g GateUrl),
}

impl Gates {
    fn all(&self) -> impl Iterator<Item = Gate<'_>> {
        let command = self.command.as_deref().map(Gate::Command);
        command.into_iter().chain(self.url.as_ref().map(Gate::Url))
    }

    /// The gates by name, for plans and notes.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.all().map(Gate::name).collect()
    }
}

impl Gate<'_> {
    fn name(self) -> String {
        match self {
            Self::Command(_) => "command".to_owned(),
            Self::Url(url) => format!("url {}", url.host()),
        }
    }

    fn title(self) -> String {
        match self {
            Self::Command(_) => "the gate command".to_owned(),
            Self::Url(url) => format!("the gate at {}", url.host()),
        }
    }

    /// Asks once.
    async fn hear(self, client: &Client, question: &Question<'_>) -> Result<Heard> {
        match self {
            Self::Command(line) => {
                let ran = client.run().shell().run(line, &question.variables()).await;
                heard::of_command(ran).map_err(|why| unusable(&why))
            }
            Self::Url(url) => {
                let sent = client.post_once(url.address(), &question.json()).await?;
                Ok(heard::of_address(sent))
            }
        }
    }
}

/// Asks all gates, one after the other, until each has said yes; the first that does not is the reason to stop, as
/// `Some`. What they said goes into `answers`.
///
/// # Errors
/// `Refused` when a gate cannot be asked; when the run ends.
pub async fn ask(
    client: &Client,
    gates: &Gates,
    question: &Question<'_>,
    answers: &mut Vec<GateAnswer>,
) -> Result<Option<Error>> {
    for gate in gates.all() {
        let answer = until_known(client, (gate, question), gates.patience).await?;
        let (said, why) = (answer.answer, refusal(gate, question, &answer, gates.patience));
        client.note(format!("{} said {}: {}", gate.title(), said.word(), answer.why));
        answers.push(answer);
        if said != Said::Yes {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// Asks one gate until it says yes or no, or its time is over.
async fn until_known(
    client: &Client,
    (gate, question): (Gate<'_>, &Question<'_>),
    patience: Duration,
) -> Result<GateAnswer> {
    let (began, run) = (Instant::now(), client.run());
    let doing = format!("ask {}", gate.title());
    client.note(format!("asking {}: {question}", gate.title()));
    let mut asked = 0;
    loop {
        asked += 1;
        let left = patience.saturating_sub(began.elapsed());
        let heard = run.at_most(left, &doing, gate.hear(client, question)).await?;
        let heard = heard.unwrap_or_else(|| Ok(Heard::too_late()))?;
        if asked == 1 && heard.said == Said::NotYet {
            let text = format!(
                "{} says not yet ({}); it is asked again every 30 seconds",
                gate.title(),
                heard.why
            );
            client.note(text);
        }
        if heard.said != Said::NotYet || began.elapsed() + PAUSE > patience {
            return Ok(GateAnswer {
                checkpoint: question.checkpoint,
                step: question.step,
                steps: question.steps,
                gate: gate.name(),
                answer: heard.said,
                why: heard.why,
                asked,
                seconds: began.elapsed().as_secs(),
                output: heard.output,
            });
        }
        run.pause(PAUSE, &format!("the answer of {}", gate.title())).await?;
    }
}

/// Why the roll-out does not go on.
fn refusal(gate: Gate<'_>, question: &Question<'_>, answer: &GateAnswer, patience: Duration) -> Error {
    let what = match answer.answer {
        Said::Yes | Said::No => format!("{} said no ({}) {question}", gate.title(), answer.why),
        Said::NotYet => {
            let limit = Span(patience.as_secs());
            format!(
                "{} did not say yes within {limit} ({}) {question}",
                gate.title(),
                answer.why
            )
        }
    };
    let error = Error::plain(ErrorKind::PartlyReached, what);
    let last = answer.output.lines().rfind(|line| !line.trim().is_empty());
    match last {
        Some(line) => error.with_fact(format!("its last line: {}", line.trim())),
        None => error,
    }
}

/// A gate that cannot be asked says nothing of the image, so nothing follows from it.
fn unusable(why: &str) -> Error {
    let happened = format!("the gate command could not be run: {why}");
    Error::plain(ErrorKind::Refused, happened)
        .with_kept("the roll-out stands where it was, which says nothing of the image")
        .with_next(
            words![
                "correct ",
                options::GATE_COMMAND,
                ", then run again: the run goes on from here; or go back with azure-batch-pool rollback"
            ],
            None,
        )
}
