//! `rollback`: brings a pool back to what it was before its last change in place.
//!
//! What it was, and how it gets there, is core's.

use azure_batch_core::{
    failure::Failure,
    rollout::{self, PoolAction, RolloutReport},
    settings,
    words::plural,
};
use serde::Serialize;

use super::asking::ask;
use crate::{
    console::Console,
    environment::Environment,
    github::runner::Runner,
    report::{answer::Answer, title},
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

/// Goes back and says how it ended; returns the exit code.
pub async fn run(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let door = given.door();
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
