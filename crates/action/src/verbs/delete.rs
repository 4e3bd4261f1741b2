//! `delete`: a pool that a roll-out made goes, after its plan was shown.
//!
//! What may go is decided in core; this file only shows it.

use azure_batch_core::{
    deletion::{self, DeletionReport},
    settings,
};

use super::asking::{ask, show_result};
use crate::{console::Console, environment::Environment, github::runner::Runner, values::Given};

/// The exit code of a plan that was not carried out.
const CHANGES: u8 = 10;

/// Shows the plan, and carries it out when told to; returns the exit code.
pub(super) async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let work = async |client: &_, settings: &_| deletion::run(client, settings).await;
    match ask(&mut given, (runner, environment), console, settings::deletion, work).await {
        Ok(report) => show(&report, console),
        Err(exit_code) => exit_code,
    }
}

fn show(report: &DeletionReport, console: &mut Console) -> u8 {
    console.remove_bars();
    console.end_group();
    if !report.gone {
        for step in &report.plan.steps {
            console.line(step);
        }
        console.line("nothing was changed; --yes does it");
    } else if report.plan.steps.is_empty() {
        console.line(format!("there is no pool {}", report.pool));
    } else {
        console.line(format!("pool {} is gone", report.pool));
    }
    show_result(report, console);
    if report.gone { 0 } else { CHANGES }
}
