//! `plan`: what a roll-out would do. It changes nothing.
//!
//! The steps are core's; this file only shows them.

use azure_batch_core::{
    plan::Plan,
    rollout::{self, RolloutStep},
    settings,
};

use super::asking::{ask, show_result};
use crate::{
    console::Console, environment::Environment, github::runner::Runner, report::SOMETHING_TO_ACT_ON, values::Given,
};

/// Looks and shows; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let read = |values: &settings::Values| {
        let asked = settings::plan(values)?;
        rollout::check(&asked.settings).map(|()| asked)
    };
    let look = async |client: &_, settings: &_| rollout::plan(client, settings).await;
    let plan: Plan<RolloutStep> = match ask(&mut given, (runner, environment), console, read, look).await {
        Ok(plan) => plan,
        Err(exit_code) => return exit_code,
    };
    console.remove_bars();
    console.end_group();
    for step in &plan.steps {
        console.line(format!("- {step}"));
    }
    console.line(headline(&plan));
    show_result(&plan, console);
    if plan.is_done() { 0 } else { SOMETHING_TO_ACT_ON }
}

fn headline(plan: &Plan<RolloutStep>) -> String {
    match plan.changes().count() {
        0 => "The pool is as it was asked for: a roll-out would change nothing.".to_owned(),
        1 => "1 change. Nothing was done.".to_owned(),
        changes => format!("{changes} changes. Nothing was done."),
    }
}
