//! `plan`: what a roll-out would do. It changes nothing.
//!
//! The steps are core's; this file only shows them.

use azure_batch_core::{
    failure::Failure,
    fleet::{self, PoolPlan},
    ids::PoolId,
    plan::Plan,
    rollout::{self, RolloutStep},
    settings,
};
use serde::Serialize;

use super::{
    asking::{ask, show_result},
    rollout::all_checked,
};
use crate::{
    console::Console, environment::Environment, github::runner::Runner, report::SOMETHING_TO_ACT_ON, run::hide_secrets,
    values::Given,
};

/// The plans of many pools, for programs.
#[derive(Serialize)]
struct Plans<'a> {
    changes: usize,
    pools: Vec<PlanOfPool<'a>>,
}

/// The plan of one of them.
#[derive(Serialize)]
struct PlanOfPool<'a> {
    pool: &'a PoolId,
    wave: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a Plan<RolloutStep>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// Looks and shows; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    given.read_files();
    hide_secrets(&given, console);
    if settings::names_many_pools(given.values()) {
        return run_all(given, (runner, environment), console).await;
    }
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

/// The same for all pools of a file.
async fn run_all(mut given: Given, (runner, environment): (&Runner, &dyn Environment), console: &mut Console) -> u8 {
    let door = given.door();
    let read = |values: &settings::Values| settings::fleet_plan(values).and_then(all_checked);
    let look = async |client: &_, settings: &_| Ok(fleet::plan(client, settings).await);
    let pools: Vec<PoolPlan> = match ask(&mut given, (runner, environment), console, read, look).await {
        Ok(pools) => pools,
        Err(exit_code) => return exit_code,
    };
    console.remove_bars();
    console.end_group();
    let mut exit_code = 0;
    let mut changes = 0;
    for pool in &pools {
        console.line(format!("{} (wave {}):", pool.pool, pool.wave));
        match &pool.plan {
            Ok(plan) => {
                plan.steps.iter().for_each(|step| console.line(format!("- {step}")));
                changes += plan.changes().count();
            }
            Err(error) => {
                let headline = format!("Pool {}", pool.pool);
                console.fail(&headline, &Failure::of(error, door));
                exit_code = error.kind().exit_code().0;
            }
        }
    }
    console.line(format!("{changes} changes in {} pools. Nothing was done.", pools.len()));
    let shown = pools.iter().map(|pool| PlanOfPool {
        pool: &pool.pool,
        wave: pool.wave,
        plan: pool.plan.as_ref().ok(),
        failure: pool.plan.as_ref().err().map(|error| Failure::of(error, door)),
    });
    let shown = Plans {
        changes,
        pools: shown.collect(),
    };
    show_result(&shown, console);
    match (exit_code, changes) {
        (0, 0) => 0,
        (0, _) => SOMETHING_TO_ACT_ON,
        (failed, _) => failed,
    }
}

fn headline(plan: &Plan<RolloutStep>) -> String {
    match plan.changes().count() {
        0 => "The pool is as it was asked for: a roll-out would change nothing.".to_owned(),
        1 => "1 change. Nothing was done.".to_owned(),
        changes => format!("{changes} changes. Nothing was done."),
    }
}
