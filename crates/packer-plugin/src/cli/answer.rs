//! What a verb ends with: a text for people, a JSON document for programs, an exit code. Pure.
//!
//! Where they are written is decided in `cli`.

use std::io;

use azure_batch_core::{
    error::{Error, ErrorKind},
    failure::Failure,
    options::Door,
    plan::{Effect, Plan, Step},
    telling::hung,
};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::CHANGES;

/// What stands before a step: what it does.
const MARKS: [char; 4] = ['+', '~', '-', '!'];

/// The end of a verb.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    text: String,
    json: Json,
    exit_code: u8,
    end: End,
}

/// Whether it is what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Result,
    Failure(Box<Failure>),
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

    /// A plan, of which nothing was carried out. Its exit code is that of the run where the run would be refused.
    pub(super) fn planned<S: Step>(plan: &Plan<S>, text: impl Into<String>, json: &impl Serialize) -> Self {
        let exit_code = match (plan.is_done(), plan.stopped_by()) {
            (true, _) => 0,
            (false, Some(kind)) => kind.exit_code().0,
            (false, None) => CHANGES,
        };
        Self {
            exit_code,
            ..Self::done(text, json)
        }
    }

    /// Core failed.
    pub(super) fn failed(error: &Error, door: Door) -> Self {
        Self::of_failure(Failure::of(error, door))
    }

    /// Core failed in the middle of what is in the document: a program finds there what was done until then.
    pub(super) fn failed_after(error: &Error, door: Door, document: &impl Serialize) -> Self {
        let mut answer = Self::failed(error, door);
        if let (Some(fields), Ok(Json::Object(done))) = (answer.json.as_object_mut(), serde_json::to_value(document)) {
            fields.extend(done);
        }
        answer
    }

    /// What was given cannot be used.
    pub(super) fn wrong_input(faults: &[String]) -> Self {
        Self::of_failure(Failure::of_faults(faults.to_vec()))
    }

    /// The operating system did not let the work begin.
    pub(super) fn of_start(cause: &io::Error) -> Self {
        let error = Error::new(ErrorKind::Refused, format!("cannot start: {cause}"));
        Self::failed(&error, Door::Flag)
    }

    fn of_failure(failure: Failure) -> Self {
        Self {
            exit_code: failure.exit_code,
            json: json!({"failure": failure}),
            end: End::Failure(Box::new(failure)),
            text: String::new(),
        }
    }

    /// The result for people, broken at words for a terminal of so many columns; nothing for a failure. `clean` strikes out
    /// what is secret, before lines are broken.
    pub(super) fn result(&self, terminal: Option<usize>, clean: impl Fn(&str) -> String) -> Option<String> {
        match &self.end {
            End::Result => Some(broken(&clean(&self.text), terminal)),
            End::Failure(_) => None,
        }
    }

    /// Why something was not done, in lines of so many letters; nothing for a result.
    pub(super) fn complaint(&self, width: usize, clean: impl Fn(&str) -> String) -> Option<String> {
        match &self.end {
            End::Result => None,
            End::Failure(failure) => Some(failure.as_ref().clone().map(clean).complaint(width)),
        }
    }

    /// The document for programs.
    pub(super) fn json(&self) -> String {
        format!("{:#}", self.json)
    }

    /// The exit code of the process.
    pub(super) const fn exit_code(&self) -> u8 {
        self.exit_code
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

/// The text for a terminal of so many columns: a line goes on below what stands behind its indent and its step's mark.
fn broken(text: &str, terminal: Option<usize>) -> String {
    let line = |line: &str| {
        let rest = line.trim_start_matches(' ');
        let rest = MARKS
            .iter()
            .find_map(|mark| rest.strip_prefix(*mark)?.strip_prefix(' '))
            .unwrap_or(rest);
        hung(&line[..line.len() - rest.len()], rest, terminal)
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
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

#[cfg(test)]
mod tests {
    use azure_batch_core::specimens::{self, Lines, blemishes};

    use super::*;

    #[test]
    fn a_result_is_broken_at_words_below_its_text_and_not_where_there_is_no_terminal() {
        let text = "image version 1.0.0 of def1\n\n  ~ exclude image version 0.8.0 of def1 from latest and let its life end on \
                    2026-01-31\n  ! delete image version 0.7.0 of def1\n\n1 to change, 1 that cannot be undone; nothing was \
                    written. --yes carries it out";
        assert_eq!(broken(text, None), text);
        for columns in [120, 80, 60] {
            let shown = broken(text, Some(columns));
            assert!(shown.lines().all(|line| line.chars().count() <= columns), "{shown}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&shown), words(text));
        }
        insta::assert_snapshot!(broken(text, Some(60)), @r"
        image version 1.0.0 of def1

          ~ exclude image version 0.8.0 of def1 from latest and let
            its life end on 2026-01-31
          ! delete image version 0.7.0 of def1

        1 to change, 1 that cannot be undone; nothing was written.
        --yes carries it out
        ");
    }

    #[test]
    fn every_failure_reads_well_on_a_terminal() {
        let mut wrong = Vec::new();
        for specimen in specimens::all() {
            let text = Answer::failed(&specimen.error, Door::Flag);
            let text = text.complaint(80, str::to_owned).unwrap();
            let found = blemishes(
                &text,
                &Failure::of(&specimen.error, Door::Flag),
                Door::Flag,
                Lines::Ours,
            );
            wrong.extend(found.iter().map(|what| format!("{}: {what}", specimen.name)));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
