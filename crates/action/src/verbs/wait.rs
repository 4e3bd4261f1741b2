//! `wait`: until a pool that is there has its nodes. It changes nothing.
//!
//! How many nodes are enough is decided in core; this file only shows the result.

use azure_batch_core::{
    rollout::{self, PoolStanding},
    settings,
};

use super::asking::{ask, show_result};
use crate::{console::Console, environment::Environment, github::runner::Runner, values::Given};

/// Waits and shows; returns the exit code.
pub(super) async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let work = async |client: &_, settings: &_| rollout::wait(client, settings).await;
    match ask(&mut given, (runner, environment), console, settings::wait, work).await {
        Ok(standing) => {
            show(&standing, console);
            0
        }
        Err(exit_code) => exit_code,
    }
}

fn show(standing: &PoolStanding, console: &mut Console) {
    console.remove_bars();
    console.end_group();
    let (ready, wanted) = (standing.ready.total(), standing.wanted.total());
    console.line(format!("pool {}: {ready} of {wanted} nodes ready", standing.pool));
    show_result(standing, console);
}
