//! What a verb ends with: a text for people, a JSON document for programs, an exit code. Pure.
//!
//! Where they are written is decided in `cli`.

use std::io;

use azure_batch_core::{
    error::{Error, ErrorKind},
    options::Door,
    plan::{Effect, Plan, Step},
};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::CHANGES;

/// The end of a verb.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    text: String,
    json: Json,
    exit_code: u8,
    end: End,
}

/// Whether it is what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Result,
    Failure,
}

/// Why something was not done, for programs.
#[derive(Debug, Serialize)]
struct Failure {
    kind: &'static str,
    exit_code: u8,
    report: String,
    hint: Option<String>,
    service_code: Option<String>,
    request_id: Option<String>,
    faults: Vec<String>,
}

impl Failure {
    const fn new(kind: ErrorKind, report: String) -> Self {
        Self {
            kind: kind.code(),
            exit_code: kind.exit_code().0,
            report,
            hint: None,
            service_code: None,
            request_id: None,
            faults: Vec::new(),
        }
    }
}

impl Answer {
    /// What was asked for is done.
    pub(super) fn done(text: impl Into<String>, json: &impl Serialize) -> Self {
        Self {
            text: text.into(),
            // The values are our own types with text keys, which always serialise.
            json: serde_json::to_value(json).unwrap_or_default(),
            exit_code: 0,
            end: End::Result,
        }
    }

    /// A plan, of which nothing was carried out.
    pub(super) fn planned<S: Step>(plan: &Plan<S>, text: impl Into<String>, json: &impl Serialize) -> Self {
        let exit_code = if plan.is_done() { 0 } else { CHANGES };
        Self {
            exit_code,
            ..Self::done(text, json)
        }
    }

    /// Core failed.
    pub(super) fn failed(error: &Error, door: Door) -> Self {
        let service = error.service();
        Self::of_failure(Failure {
            hint: error.hint_words().map(|hint| hint.spelled(door)),
            service_code: service.map(|refusal| refusal.code.clone()),
            request_id: service.and_then(|refusal| refusal.request_id.clone()),
            ..Failure::new(error.kind(), error.report_for(door))
        })
    }

    /// What was given cannot be used.
    pub(super) fn wrong_input(faults: &[String]) -> Self {
        let count = match faults.len() {
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        };
        let lines: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        let report = format!("{count} in what was given:{lines}");
        Self::of_failure(Failure {
            faults: faults.to_vec(),
            ..Failure::new(ErrorKind::BadInput, report)
        })
    }

    /// The operating system did not let the work begin.
    pub(super) fn of_start(cause: &io::Error) -> Self {
        let error = Error::new(ErrorKind::Refused, format!("cannot start: {cause}"));
        Self::failed(&error, Door::Flag)
    }

    fn of_failure(failure: Failure) -> Self {
        Self {
            text: format!("error: {}", failure.report),
            exit_code: failure.exit_code,
            json: json!({"failure": failure}),
            end: End::Failure,
        }
    }

    /// The text for people.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The document for programs.
    pub(super) fn json(&self) -> String {
        format!("{:#}", self.json)
    }

    /// The exit code of the process.
    pub(super) const fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// Whether it says why something was not done.
    pub(super) fn is_failure(&self) -> bool {
        self.end == End::Failure
    }
}

/// The steps of a plan, one a line, each with a mark for its effect.
pub(super) fn step_lines<S: Step>(plan: &Plan<S>) -> String {
    let line = |step: &S| format!("  {} {step}\n", mark(step.effect()));
    plan.steps.iter().map(line).collect()
}

/// How many steps change something, by effect: `2 to create, 1 to remove`.
pub(super) fn summary<S: Step>(plan: &Plan<S>) -> String {
    let effects = [Effect::Create, Effect::Change, Effect::Remove, Effect::Irreversible];
    let counts = effects.map(|effect| (effect, plan.steps.iter().filter(|step| step.effect() == effect).count()));
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(effect, count)| match effect {
            Effect::Irreversible => format!("{count} that cannot be undone"),
            effect => format!("{count} to {effect}"),
        })
        .collect();
    if parts.is_empty() {
        "nothing to change".to_owned()
    } else {
        parts.join(", ")
    }
}

const fn mark(effect: Effect) -> char {
    match effect {
        Effect::Create => '+',
        Effect::Change => '~',
        Effect::Remove => '-',
        Effect::Irreversible => '!',
        Effect::Wait => ' ',
    }
}
