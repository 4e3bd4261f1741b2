//! What is said of a command line that cannot be used: clap's own text, and on a runner an annotation, the summary and the
//! outputs as for any other failure.
//!
//! Which command lines can be used is clap's to say.

use azure_batch_core::{
    error::{Error, ErrorKind},
    options::{Door, Verb},
    typing::Command,
};

use crate::{
    console::{Console, Form},
    environment::Environment,
    github::runner::{Log, Runner},
    report::{Report, outputs},
    run::{Stopwatch, hide_secrets},
    values::Given,
};

/// How clap's first line begins.
const BEGIN: &str = "error: ";

/// How clap's advice begins.
const TIP: &str = "tip: ";

/// Shows what clap has to say; returns the exit code. Help and version are what was asked for, everything else is a
/// complaint with exit code 2, as for bad inputs.
pub fn show(answer: &clap::Error, runner: &Runner, environment: &dyn Environment) -> u8 {
    let form = match runner.log {
        Log::Workflow if answer.use_stderr() => Form::Workflow,
        Log::Workflow | Log::Plain => Form::Plain,
    };
    let mut console = Console::of_process(form, environment);
    if !answer.use_stderr() {
        console.asked_for(answer.render());
        return 0;
    }
    if form == Form::Plain {
        console.complain(answer.render());
        return ErrorKind::BadInput.exit_code().0;
    }
    // No verb is known; the secrets of the longest one are those of all.
    hide_secrets(
        &Given::collect(Verb::Rollout, |_| None, runner, environment),
        &mut console,
    );
    let report = Report::of_error(
        &error(&answer.render().to_string()),
        Stopwatch::start().ending(),
        Door::Flag,
    );
    let redactor = console.redactor().clone();
    for unwritten in outputs::write_all(&report, None, runner, &redactor) {
        console.complain(unwritten);
    }
    if let Some(failure) = &report.failure {
        console.fail(&report.headline(), failure);
    }
    report.exit_code
}

/// The error that clap's text describes: its first paragraph, and what it advises.
fn error(text: &str) -> Error {
    let first = text.split("\n\n").next().unwrap_or_default();
    let first = first.strip_prefix(BEGIN).unwrap_or(first);
    let words: Vec<&str> = first.split_whitespace().collect();
    let error = Error::plain(
        ErrorKind::BadInput,
        format!("the command line cannot be used: {}", words.join(" ")),
    );
    let tips = text.lines().filter_map(|line| line.trim().strip_prefix(TIP));
    let error = tips.fold(error, |error, tip| error.with_fact(tip));
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: "));
    let words = usage.unwrap_or_default().split_whitespace();
    let verb: Vec<&str> = words.take_while(|word| !word.starts_with(['-', '<', '['])).collect();
    let program = match verb.as_slice() {
        [] => env!("CARGO_PKG_NAME").to_owned(),
        words => words.join(" "),
    };
    error.with_next(
        "correct the command line and run it again; to see what it takes",
        Command::own(&format!("{program} --help"), &[]),
    )
}

#[cfg(test)]
mod tests {
    use azure_batch_core::failure::Failure;

    use super::*;

    #[test]
    fn a_slip_in_a_flag_is_said_with_what_clap_advises_and_where_all_flags_are() {
        let parsed = crate::cli::command().try_get_matches_from(["azure-batch-pool", "rollout", "--vm-sze", "x"]);
        let failure = Failure::of(&error(&parsed.unwrap_err().render().to_string()), Door::Flag);
        assert_eq!(
            failure.happened,
            "the command line cannot be used: unexpected argument '--vm-sze' found"
        );
        assert_eq!(failure.facts, ["A similar argument exists: '--vm-size'."]);
        let [step] = &failure.next[..] else {
            panic!("{:?}", failure.next)
        };
        assert_eq!(step.command, ["azure-batch-pool rollout --help"]);
    }
}
