//! What the program can be asked to do: one file a verb.
//!
//! What verbs without a report file share is in `asking`, what all verbs share in `run`.

mod asking;
mod delete;
pub mod doctor;
mod judge;
mod migrate;
mod notify;
pub mod plan;
pub mod rollback;
pub mod rollout;
mod sign_in;
mod started;
pub mod status;
mod wait;

use azure_batch_core::options::Verb;

use crate::{console::Console, environment::Environment, github::runner::Runner, inputs, values::Given};

/// Says that there is no such verb; returns the exit code.
pub fn refuse(fault: String, runner: &Runner, console: &mut Console) -> u8 {
    asking::Desk::bare(runner).refuse(vec![fault], console)
}

/// Does what a verb means; returns the exit code.
pub async fn run(
    verb: Verb,
    given: Given,
    (runner, environment): (&Runner, &dyn Environment),
    console: &mut Console,
) -> u8 {
    console.name_frames(inputs::word(verb));
    match verb {
        Verb::Rollout => rollout::run(given, runner, environment, console).await,
        Verb::Plan => plan::run(given, runner, environment, console).await,
        Verb::Rollback => rollback::run(given, runner, environment, console).await,
        Verb::Migrate => migrate::run(given, runner, environment, console).await,
        Verb::Doctor => doctor::run(given, runner, environment, console).await,
        Verb::Judge => judge::run(given, runner, environment, console).await,
        Verb::Wait => wait::run(given, runner, environment, console).await,
        Verb::Delete => delete::run(given, runner, environment, console).await,
        Verb::Notify => notify::run(given, runner, environment, console).await,
        Verb::Status => status::run(given, runner, environment, console).await,
        // Images are the other program's; no command line leads here.
        Verb::Publish
        | Verb::List
        | Verb::Promote
        | Verb::Demote
        | Verb::Gc
        | Verb::Prune
        | Verb::Scale
        | Verb::AwaitVersion => 2,
    }
}
