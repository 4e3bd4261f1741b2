//! `azure-batch-pool`: the GitHub Action and the command line that bring Azure Batch pools to an image version.
//!
//! It knows GitHub and the command line; everything about Azure is `azure-batch-core`'s. Start at [`verbs::rollout`].

pub mod cli;
pub mod console;
pub mod environment;
pub mod github;
pub mod inputs;
pub mod report;
pub mod run;
pub mod signals;
pub mod values;
pub mod verbs;

use std::ffi::OsString;

use crate::{
    cli::{Invocation, JsonEvents, Misunderstood},
    console::{Console, Form},
    environment::Environment,
    github::runner::{Log, Runner},
};

/// Does what the command line says; returns the exit code.
pub async fn run(arguments: impl IntoIterator<Item = OsString>, environment: &dyn Environment) -> u8 {
    let runner = Runner::read(environment);
    match cli::parse(arguments, &runner, environment) {
        Ok(Invocation { verb, given, json }) => {
            let mut console = Console::of_process(form(json, &runner), environment);
            verbs::run(verb, given, (&runner, environment), &mut console).await
        }
        Err(Misunderstood::Usage(answer)) => show_usage(&answer, &runner, environment),
        Err(Misunderstood::Verb(fault)) => {
            let mut console = Console::of_process(form(JsonEvents::No, &runner), environment);
            verbs::refuse(fault, &runner, &mut console)
        }
    }
}

const fn form(json: JsonEvents, runner: &Runner) -> Form {
    match (json, runner.log) {
        (JsonEvents::Yes, _) => Form::Json,
        (JsonEvents::No, Log::Workflow) => Form::Workflow,
        (JsonEvents::No, Log::Plain) => Form::Plain,
    }
}

/// Help and version are what was asked for; everything else is a complaint with exit code 2, as for bad inputs. On a
/// runner it has an annotation and a summary, as they have.
fn show_usage(answer: &clap::Error, runner: &Runner, environment: &dyn Environment) -> u8 {
    let form = form(JsonEvents::No, runner);
    if !answer.use_stderr() {
        Console::of_process(Form::Plain, environment).asked_for(answer.render());
        return 0;
    }
    let mut console = Console::of_process(form, environment);
    if form == Form::Workflow {
        return verbs::refuse(reason(&answer.render().to_string()), runner, &mut console);
    }
    console.complain(answer.render());
    2
}

/// What the parser says in one line, without its usage.
fn reason(said: &str) -> String {
    let said = said.split("\n\nUsage:").next().unwrap_or_default();
    let words: Vec<&str> = said.trim_start_matches("error: ").split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_without_usage() {
        let said = "error: unexpected argument '--pol-id' found\n\n  tip: a similar argument exists: '--pool-id'\n\nUsage: x\n";
        assert_eq!(
            reason(said),
            "unexpected argument '--pol-id' found tip: a similar argument exists: '--pool-id'"
        );
    }
}
