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
pub mod shell;
pub mod signals;
pub mod usage;
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
        Err(Misunderstood::Usage(answer)) => usage::show(&answer, &runner, environment),
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
