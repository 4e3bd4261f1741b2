//! `delete`: a pool that a roll-out made goes, or all that are past their expiry, after the plan was shown.
//!
//! What may go is decided in core; this file only shows it.

use azure_batch_core::{
    deletion::{
        self, DeletionReport,
        expired::{self, ExpiredReport, Fate},
    },
    settings,
};

use super::asking::ask;
use crate::{
    console::{Console, table::Table},
    environment::Environment,
    github::runner::Runner,
    report::{SOMETHING_TO_ACT_ON, answer::Answer},
    values::Given,
};

/// The exit code when nothing is due, and not everything could be read.
const PARTLY_SEEN: u8 = 5;

/// Shows the plan, and carries it out when told to; returns the exit code.
pub(super) async fn run(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    if settings::names_expired(given.values()) {
        let work = async |client: &_, settings: &_| expired::run(client, settings).await;
        return ask(
            given,
            (runner, environment),
            console,
            settings::expired,
            (work, answer_of_expired),
        )
        .await;
    }
    let work = async |client: &_, settings: &_| deletion::run(client, settings).await;
    ask(
        given,
        (runner, environment),
        console,
        settings::deletion,
        (work, answer),
    )
    .await
}

fn answer(report: &DeletionReport) -> Answer {
    let steps = &report.plan.steps;
    let answer = if !report.gone {
        let headline = "nothing was changed; --yes does it";
        Answer::new("planned", SOMETHING_TO_ACT_ON, headline).steps(None, &report.plan)
    } else if steps.is_empty() {
        Answer::new("gone", 0, format!("there is no pool {}", report.pool))
    } else {
        Answer::new("deleted", 0, format!("pool {} is gone", report.pool))
    };
    let changes = if report.gone { 0 } else { steps.len() };
    answer.of_pool(&report.pool).output("changes", changes)
}

fn answer_of_expired(report: &ExpiredReport) -> Answer {
    let (due, deleted, kept) = (report.due(), report.deleted(), report.kept());
    let (word, exit_code) = match (report.failure(), due, report.unseen.is_empty()) {
        (Some(kind), ..) => (kind.code(), kind.exit_code().0),
        (None, 1.., _) => ("planned", SOMETHING_TO_ACT_ON),
        (None, 0, false) => ("partly-read", PARTLY_SEEN),
        (None, 0, true) if deleted > 0 => ("deleted", 0),
        (None, 0, true) => ("none-expired", 0),
    };
    let headline = match (report.pools.len(), due) {
        (0, _) => "no pool in sight has expired".to_owned(),
        (_, 0) => format!("{} deleted, {kept} kept", pools(deleted)),
        (..) => format!(
            "{} expired, {kept} kept; nothing was changed, --yes deletes {}",
            pools(due),
            if due == 1 { "it" } else { "them" }
        ),
    };
    let answer = Answer::new(word, exit_code, headline)
        .table(table(report))
        .output("changes", due)
        .output("deleted", deleted);
    report.unseen.iter().fold(answer, |answer, unseen| {
        answer.warning(format!(
            "{} could not be read, so expired pools in it stay: {}",
            unseen.what, unseen.why
        ))
    })
}

fn table(report: &ExpiredReport) -> Table {
    let mut table = Table::new(["account", "pool", "nodes", "expired", "what becomes of it"]).remarking_on(1);
    for pool in &report.pools {
        let expired = pool.expired.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        let fate = match &pool.fate {
            Fate::Due => "is deleted with --yes".to_owned(),
            Fate::Going => "goes".to_owned(),
            Fate::Deleted => "deleted".to_owned(),
            Fate::Kept { why } => format!("stays: {why}"),
            Fate::Failed { why, .. } => format!("not deleted: {why}"),
        };
        let (account, id) = (pool.account.clone(), pool.pool.to_string());
        table.row([account, id, pool.nodes.to_string(), expired.unwrap_or_default(), fate]);
    }
    table
}

fn pools(count: usize) -> String {
    match count {
        1 => "1 pool".to_owned(),
        count => format!("{count} pools"),
    }
}
