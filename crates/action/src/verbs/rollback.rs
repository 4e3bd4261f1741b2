//! `rollback`: brings a pool back to what it was before its last change in place, or the work to its former pool; or
//! shows what that would do.
//!
//! What it was, and how it gets there, is core's. All pools of a file are in `many`.

mod many;

use azure_batch_core::{
    failure::Failure,
    options::fleet::PLAN_ONLY,
    rollout::{self, PoolAction, ReturnPlan, RolloutReport},
    settings,
    words::plural,
};
use serde::Serialize;

use super::asking::ask;
use crate::{
    console::Console,
    environment::Environment,
    github::runner::Runner,
    report::{SOMETHING_TO_ACT_ON, answer::Answer, title},
    run::hide_secrets,
    values::Given,
};

/// How a return ended.
#[derive(Serialize)]
struct Returned {
    #[serde(flatten)]
    report: RolloutReport,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// Goes back and says how it ended, or shows the plan of it; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    hide_secrets(&given, console);
    // How many pools a file holds is known once it was read; its faults are shown with all others.
    given.read_files();
    let door = given.door();
    let plan_only = given.text(PLAN_ONLY);
    let is_plan = plan_only.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if settings::names_many_pools(given.values()) {
        return match is_plan {
            true => many::show(given, runner, environment, console).await,
            false => many::carry_out(given, runner, environment, console).await,
        };
    }
    if is_plan {
        let look = async |client: &_, settings: &_| rollout::plan_return(client, settings).await;
        let read = settings::rollback;
        return ask(given, (runner, environment), console, read, (look, answer_of_plan)).await;
    }
    let go = async |client: &_, settings: &_| {
        let outcome = rollout::roll_back(client, settings).await;
        let error = outcome.result.err();
        Ok(Returned {
            report: outcome.report,
            exit_code: error.as_ref().map_or(0, |error| error.kind().exit_code().0),
            failure: error.map(|error| Failure::of(&error, door)),
        })
    };
    ask(given, (runner, environment), console, settings::rollback, (go, answer)).await
}

fn answer_of_plan(planned: &ReturnPlan) -> Answer {
    let (pool, changes) = (&planned.pool, planned.plan.changes().count());
    let answer = match changes {
        0 => Answer::new("unchanged", 0, format!("Pool {pool} is what it was already.")),
        _ => {
            let changes = plural(changes, "change");
            let headline = format!("Pool {pool}: {changes}. Nothing was done.");
            Answer::new("planned", SOMETHING_TO_ACT_ON, headline)
        }
    };
    let answer = answer
        .steps(None, &planned.plan)
        .of_pool(pool)
        .output("changes", changes);
    match &planned.resized {
        Some(resized) if resized.is_news() => answer.warning(resized),
        Some(_) | None => answer,
    }
}

fn answer(returned: &Returned) -> Answer {
    let report = &returned.report;
    let answer = match &returned.failure {
        Some(failure) => {
            let headline = title(Some(report.pool.as_str()), failure);
            Answer::new("failed", returned.exit_code, headline.clone()).failed(headline, failure.clone())
        }
        None => succeeded(report),
    };
    let answer = answer.of_pool(&report.pool);
    match report.ready {
        Some(ready) => answer.output("nodes-ready", ready),
        None => answer,
    }
}

fn succeeded(report: &RolloutReport) -> Answer {
    let answer = returned(report);
    match &report.second_pool {
        Some(second) => answer.line(format!("{}.", second.fate.says(&second.pool))),
        None => answer,
    }
}

fn returned(report: &RolloutReport) -> Answer {
    let pool = &report.pool;
    match (report.action, report.ready) {
        (PoolAction::Unchanged | PoolAction::None, _) => {
            Answer::new("unchanged", 0, format!("Pool {pool} is what it was already."))
        }
        (_, Some(ready)) => {
            let headline = format!("Pool {pool} is what it was before: {} ready.", plural(ready, "node"));
            Answer::new("returned", 0, headline)
        }
        (_, None) => Answer::new("returned", 0, format!("Pool {pool} is what it was before.")),
    }
}
