//! `wait`: until a pool that is there has its nodes. It changes nothing.
//!
//! How many nodes are enough is decided in core; this file only shows the result.

use azure_batch_core::{
    rollout::{self, PoolStanding},
    settings,
    words::plural,
};

use super::asking::ask;
use crate::{
    console::Console, environment::Environment, github::runner::Runner, report::answer::Answer, values::Given,
};

/// Waits and shows; returns the exit code.
pub(super) async fn run(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let work = async |client: &_, settings: &_| rollout::wait(client, settings).await;
    ask(given, (runner, environment), console, settings::wait, (work, answer)).await
}

fn answer(standing: &PoolStanding) -> Answer {
    let (ready, wanted) = (standing.ready.total(), standing.wanted.total());
    let headline = format!("pool {}: {ready} of {} ready", standing.pool, plural(wanted, "node"));
    Answer::new("ready", 0, headline)
        .of_pool(&standing.pool)
        .output("nodes-ready", ready)
        .output("nodes-wanted", wanted)
}
