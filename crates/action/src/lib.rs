//! `azure-batch-pool`: the GitHub Action and the command line that bring Azure Batch pools to an image version.
//!
//! It knows GitHub and the command line; everything about Azure is `azure-batch-core`'s. Start at [`rollout`].

pub mod cli;
pub mod github;
pub mod http;
pub mod inputs;
pub mod options;
pub mod outputs;
pub mod render;
pub mod report;
pub mod rollout;
pub mod runner;
pub mod signals;
pub mod source;
pub mod summary;
pub mod workflow;

use std::ffi::OsString;

use crate::{
    cli::{Invocation, JsonEvents},
    runner::{Log, Runner},
    source::Source,
    workflow::{Console, Form},
};

/// Does what the command line says; returns the exit code.
pub async fn run(arguments: impl IntoIterator<Item = OsString>, source: &dyn Source) -> u8 {
    let runner = Runner::read(source);
    match cli::parse(arguments, source) {
        Ok(Invocation::Rollout { values, json }) => {
            let mut console = Console::of_process(form(json, &runner));
            rollout::run(&values, &runner, &mut console).await
        }
        Err(answer) => tell_usage(&answer),
    }
}

const fn form(json: JsonEvents, runner: &Runner) -> Form {
    match (json, runner.log) {
        (JsonEvents::Yes, _) => Form::Json,
        (JsonEvents::No, Log::Workflow) => Form::Workflow,
        (JsonEvents::No, Log::Plain) => Form::Plain,
    }
}

/// Help and version are what was asked for; everything else is a complaint with exit code 2, as for bad inputs.
fn tell_usage(answer: &clap::Error) -> u8 {
    let mut console = Console::of_process(Form::Plain);
    if answer.use_stderr() {
        console.complain(answer.render());
        return 2;
    }
    console.asked_for(answer.render());
    0
}
