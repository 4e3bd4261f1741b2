//! `rollback`: brings a pool back to what it was before its last change in place.
//!
//! What it was, and how it gets there, is core's.

use azure_batch_core::{
    failure::Failure,
    rollout::{self, PoolAction, RolloutOutcome},
    settings,
};

use super::asking::{ask, show_result};
use crate::{console::Console, environment::Environment, github::runner::Runner, report::title, values::Given};

/// Goes back and says how it ended; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let go = async |client: &_, settings: &_| Ok(rollout::roll_back(client, settings).await);
    let outcome: RolloutOutcome = match ask(&mut given, (runner, environment), console, settings::rollback, go).await {
        Ok(outcome) => outcome,
        Err(exit_code) => return exit_code,
    };
    console.remove_bars();
    console.end_group();
    let report = outcome.report;
    let exit_code = match outcome.result {
        Ok(()) => {
            console.line(match report.action {
                PoolAction::Unchanged | PoolAction::None => format!("Pool {} is what it was already.", report.pool),
                _ => match report.ready {
                    Some(ready) => format!("Pool {} is what it was before: {ready} nodes ready.", report.pool),
                    None => format!("Pool {} is what it was before.", report.pool),
                },
            });
            0
        }
        Err(error) => {
            let failure = Failure::of(&error, given.door());
            console.fail(&title(Some(report.pool.as_str()), &failure), &failure);
            error.kind().exit_code().0
        }
    };
    show_result(&report, console);
    exit_code
}
