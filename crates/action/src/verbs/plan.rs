//! `plan`: what a roll-out would do. It changes nothing.
//!
//! The steps are core's; this file only shows them.

use azure_batch_core::{
    failure::Failure,
    fleet::{self, PoolPlan},
    ids::PoolId,
    options::Door,
    plan::Plan,
    rollout::{self, RolloutStep},
    settings::{self, Checked, UnresolvedRollout},
    words::plural,
};
use serde::Serialize;

use super::{
    asking::{Desk, ask},
    rollout::all_checked,
    started::take_event,
};
use crate::{
    console::Console,
    environment::Environment,
    github::runner::Runner,
    report::{SOMETHING_TO_ACT_ON, answer::Answer},
    run::{Watch, hide_secrets},
    values::Given,
};

/// The plan of one pool.
#[derive(Serialize)]
struct PlanOfOne {
    pool: PoolId,
    #[serde(flatten)]
    plan: Plan<RolloutStep>,
}

/// The plans of many pools.
#[derive(Serialize)]
struct Plans {
    changes: usize,
    pools: Vec<PlanOfPool>,
    #[serde(skip)]
    exit_code: u8,
}

/// The plan of one of them.
#[derive(Serialize)]
struct PlanOfPool {
    pool: PoolId,
    wave: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan<RolloutStep>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl Plans {
    fn of(pools: Vec<PoolPlan>, door: Door) -> Self {
        let failed = pools.iter().rev().find_map(|pool| pool.plan.as_ref().err());
        let exit_code = failed.map_or(0, |error| error.kind().exit_code().0);
        let pools: Vec<PlanOfPool> = pools.into_iter().map(|pool| PlanOfPool::of(pool, door)).collect();
        let changes = pools
            .iter()
            .filter_map(|pool| Some(pool.plan.as_ref()?.changes().count()));
        Self {
            changes: changes.sum(),
            exit_code,
            pools,
        }
    }
}

impl PlanOfPool {
    fn of(pool: PoolPlan, door: Door) -> Self {
        let (plan, failure) = match pool.plan {
            Ok(plan) => (Some(plan), None),
            Err(error) => (None, Some(Failure::of(&error, door))),
        };
        Self {
            pool: pool.pool,
            wave: pool.wave,
            plan,
            failure,
        }
    }
}

/// Looks and shows; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    hide_secrets(&given, console);
    let desk = Desk::open(&given, runner);
    let mut signals = match Watch::listen() {
        Ok(signals) => signals,
        Err(error) => return desk.fail_with(&error, &given, console),
    };
    given.read_files();
    if let Err(error) = take_event(&mut given, (runner, environment), console, &mut signals).await {
        return desk.fail_with(&error, &given, console);
    }
    // Once more: the files that were read now may hold some.
    hide_secrets(&given, console);
    if settings::names_many_pools(given.values()) {
        let door = given.door();
        let read = |values: &settings::Values| settings::fleet_plan(values).and_then(all_checked);
        let look = async |client: &_, settings: &_| Ok(Plans::of(fleet::plan(client, settings).await, door));
        return ask(given, (runner, environment), console, read, (look, answer_of_all)).await;
    }
    let read = |values: &settings::Values| {
        let asked = settings::plan(values)?;
        rollout::check(&asked.settings).map(|()| asked)
    };
    let look = async |client: &_, settings: &Checked<UnresolvedRollout>| {
        Ok(PlanOfOne {
            pool: settings.pool.id.clone(),
            plan: rollout::plan(client, settings).await?,
        })
    };
    ask(given, (runner, environment), console, read, (look, answer)).await
}

fn answer(planned: &PlanOfOne) -> Answer {
    let (pool, changes) = (&planned.pool, planned.plan.changes().count());
    let headline = match changes {
        0 => format!("Pool {pool} is as it was asked for: a roll-out would change nothing."),
        1 => format!("Pool {pool}: 1 change. Nothing was done."),
        changes => format!("Pool {pool}: {changes} changes. Nothing was done."),
    };
    let (word, exit_code) = ending(changes);
    Answer::new(word, exit_code, headline)
        .steps(None, &planned.plan)
        .lines(&planned.plan.facts)
        .of_pool(pool)
        .output("changes", changes)
}

fn answer_of_all(plans: &Plans) -> Answer {
    let (word, exit_code) = match plans.exit_code {
        0 => ending(plans.changes),
        failed => ("failed", failed),
    };
    let headline = format!(
        "{} in {}. Nothing was done.",
        plural(plans.changes, "change"),
        plural(plans.pools.len(), "pool")
    );
    let mut answer = Answer::new(word, exit_code, headline).output("changes", plans.changes);
    for pool in &plans.pools {
        if let Some(plan) = &pool.plan {
            answer = answer
                .steps(Some(format!("{} (wave {})", pool.pool, pool.wave)), plan)
                .lines(&plan.facts);
        }
        if let Some(failure) = &pool.failure {
            answer = answer.failed(format!("Pool {}", pool.pool), failure.clone());
        }
    }
    answer
}

const fn ending(changes: usize) -> (&'static str, u8) {
    match changes {
        0 => ("unchanged", 0),
        _ => ("changes", SOMETHING_TO_ACT_ON),
    }
}
