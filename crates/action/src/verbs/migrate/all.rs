//! `migrate` for all pools of an account: the plan of all, or a run with a result for each.
//!
//! Whose turn it is, and what becomes of each pool, is decided in core.

use std::sync::Arc;

use azure_batch_core::{
    client::Client,
    connect::connect,
    error::{Error, Result},
    ids::PoolId,
    migration::{self, AllPlan, Done, End, PoolEnd},
    options::Door,
    settings::{self, AllPools, Checked, MigrationSettings},
    words::plural,
};
use serde::Serialize;

use crate::{
    console::Console,
    environment::Environment,
    github::runner::Runner,
    report::{
        Asked, Report,
        answer::Answer,
        fleet::{FleetReport, PoolOfFleet, Work, untouched},
    },
    run::{Watch, hide_secrets},
    values::Given,
    verbs::{
        asking::{self, ask},
        plan::Plans,
        rollout::{Desk, Request, close_fleet, open, report_path},
    },
};

/// What there is to say when the account has no such pool.
const NOTHING: &str = "No pool of the account is on a managed image, so nothing has to move.";

/// What would be done with all of them.
#[derive(Serialize)]
struct Planned {
    #[serde(flatten)]
    plans: Plans,
    done: Vec<Unmoved>,
}

/// A pool that has moved already.
#[derive(Serialize)]
struct Unmoved {
    pool: PoolId,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<PoolId>,
    #[serde(skip)]
    headline: String,
}

/// The account has no pool on a managed image.
#[derive(Serialize)]
struct Nothing {
    pools: [PoolId; 0],
}

impl From<Done> for Unmoved {
    fn from(done: Done) -> Self {
        Self {
            headline: done.headline(),
            pool: done.pool,
            successor: done.successor,
        }
    }
}

/// Shows the plan of all; returns the exit code.
pub(super) async fn show(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let door = given.door();
    let look = async |client: &Client, settings: &Checked<MigrationSettings<AllPools>>| {
        let AllPlan { fleet, whys, done } = migration::plan_all(client, settings).await?;
        Ok(Planned {
            plans: Plans::of(fleet, door).because(&whys),
            done: done.into_iter().map(Unmoved::from).collect(),
        })
    };
    ask(
        given,
        (runner, environment),
        console,
        settings::migration_of_all,
        (look, answer),
    )
    .await
}

fn answer(planned: &Planned) -> Answer {
    let (plans, done) = (&planned.plans, &planned.done);
    let changes = plans.changes;
    let headline = match (changes, plans.pools.len() + done.len()) {
        (_, 0) => NOTHING.to_owned(),
        (0, all) => format!("{} on managed images: nothing to change.", plural(all, "pool")),
        (changes, _) => format!(
            "{} in {}. Nothing was done; --yes does it.",
            plural(changes, "change"),
            plural(plans.pools.len(), "pool")
        ),
    };
    let (word, exit_code) = plans.ending("planned");
    let answer = Answer::new(word, exit_code, headline).output("changes", changes);
    plans.shown(answer).lines(done.iter().map(|done| &done.headline))
}

/// Moves all of them; returns the exit code.
pub(super) async fn carry_out(
    mut given: Given,
    runner: &Runner,
    environment: &dyn Environment,
    console: &mut Console,
) -> u8 {
    hide_secrets(&given, console);
    let asking_desk = asking::Desk::open(&given, runner);
    let path = report_path(&given, runner);
    let desk = Desk::open(&given, runner, path.as_deref());
    let signals = match Watch::listen() {
        Ok(signals) => signals,
        Err(error) => return desk.close_with(&error, console),
    };
    let request = Request::<MigrationSettings<AllPools>>::read(&mut given, runner);
    // Once more: the files that were read now may hold some.
    hide_secrets(&given, console);
    let (request, https, mut watch) = match open(request, (&given, environment), &desk, (console, signals)) {
        Ok(opened) => opened,
        Err(exit_code) => return exit_code,
    };
    let (settings, connection) = (&request.asked.settings, &request.asked.connection);
    let run = watch.run(request.asked.deadline);
    let work = async {
        let client = connect(&connection.login, &connection.cloud, Arc::new(https), run).await?;
        migration::run_all(&client, settings).await
    };
    let ends: Result<Vec<PoolEnd>, Error> = watch.over(work).await.and_then(|ended| ended);
    match ends {
        Ok(ends) if ends.is_empty() => {
            let answer = Answer::new("unchanged", 0, NOTHING);
            asking_desk.close(&answer, &Nothing { pools: [] }, watch.console())
        }
        Ok(ends) => {
            let asked = |settings: &_| Asked::of(settings, &connection.cloud);
            let report = report(ends, asked, (&desk, desk.door()));
            close_fleet(&report, &desk, watch.console());
            report.exit_code
        }
        Err(error) => desk.close_with(&error, watch.console()),
    }
}

fn report(
    ends: Vec<PoolEnd>,
    asked: impl Fn(&settings::UnresolvedRollout) -> Asked,
    (desk, door): (&Desk<'_>, Door),
) -> FleetReport {
    let failure = |end: &PoolEnd| match &end.end {
        End::Ran(_, outcome) => Some((end.pool.clone(), outcome.result.as_ref().err()?.kind())),
        End::Stays(error) => Some((end.pool.clone(), error.kind())),
        End::NotBegun(_) | End::Done(_) => None,
    };
    let why = untouched(&ends.iter().filter_map(failure).collect::<Vec<_>>());
    let one = |end: PoolEnd| {
        let (report, untouched) = match end.end {
            End::Ran(settings, outcome) => (
                Report::of_outcome(asked(&settings), *outcome, desk.ending(), door),
                None,
            ),
            End::NotBegun(settings) => (
                Report::not_begun(Some(asked(&settings)), desk.ending()),
                Some(why.clone()),
            ),
            End::Stays(error) => (Report::of_error(&error, desk.ending(), door), None),
            End::Done(done) => (Report::unchanged(desk.ending()), Some(done.headline())),
        };
        PoolOfFleet {
            pool: end.pool,
            wave: end.wave,
            report,
            untouched,
            back: None,
        }
    };
    FleetReport::of_pools(ends.into_iter().map(one).collect(), Work::Migration)
}
