//! `migrate`: a pool on a managed image moves to the image version that was made of it; without a pool, those that have to
//! move are listed.
//!
//! Which version that is, is found out in core, and moving is a roll-out; this file only shows both. All pools of an
//! account are in `all`.

mod all;

use std::sync::Arc;

use azure_batch_core::{
    client::Client,
    connect::connect,
    error::Result,
    ids::PoolId,
    migration::{self, Done, Fate, ManagedPool, Migration, MigrationReport},
    options::fleet::YES,
    plan::Plan,
    rollout::{self, RolloutOutcome, RolloutStep},
    settings::{self, Checked, MigrationSettings, PoolsToMigrate, UnresolvedRollout},
    words::plural,
};
use serde::Serialize;

use super::{
    asking::{self, ask},
    rollout::{Desk, Request, open, report_path},
};
use crate::{
    console::{Console, table::Table},
    environment::Environment,
    github::runner::Runner,
    report::{Asked, Report, SOMETHING_TO_ACT_ON, answer::Answer},
    run::{Watch, hide_secrets},
    values::Given,
};

/// The exit code when nothing was found, and not everything could be read.
const PARTLY_SEEN: u8 = 5;

/// What would be done with one pool.
#[derive(Serialize)]
struct Planned {
    pool: PoolId,
    /// How it is known which version the pool gets; absent when nothing has to move.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(flatten)]
    plan: Plan<RolloutStep>,
    #[serde(skip)]
    done: Option<Done>,
}

/// What was done with one pool.
enum Worked {
    Moved(Box<Checked<UnresolvedRollout>>, Box<RolloutOutcome>),
    Nothing(Done),
}

/// A pool that did not have to move.
#[derive(Serialize)]
struct Unmoved {
    pool: PoolId,
}

/// Lists, or shows the plan for one pool, and carries it out when told to; returns the exit code.
pub(super) async fn run(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let acts = given.text(YES).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    match (settings::pools_to_migrate(given.values()), acts) {
        (PoolsToMigrate::None, _) => {
            let look = async |client: &_, settings: &_| migration::list(client, settings).await;
            let read = settings::migration_list;
            ask(given, (runner, environment), console, read, (look, answer_of_list)).await
        }
        (PoolsToMigrate::One, true) => carry_out(given, runner, environment, console).await,
        (PoolsToMigrate::One, false) => {
            let look = async |client: &_, settings: &Checked<MigrationSettings>| plan(client, settings).await;
            let read = settings::migration;
            ask(given, (runner, environment), console, read, (look, answer_of_plan)).await
        }
        (PoolsToMigrate::All, true) => all::carry_out(given, runner, environment, console).await,
        (PoolsToMigrate::All, false) => all::show(given, runner, environment, console).await,
    }
}

async fn plan(client: &Client, settings: &Checked<MigrationSettings>) -> Result<Planned> {
    let pool = settings.pool.clone();
    Ok(match migration::resolve(client, settings).await? {
        Migration::Moves(moves) => Planned {
            pool,
            plan: rollout::plan(client, &moves.settings).await?,
            why: Some(moves.why),
            done: None,
        },
        Migration::Done(done) => Planned {
            pool,
            plan: Plan::default(),
            why: None,
            done: Some(done),
        },
    })
}

async fn carry_out(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    hide_secrets(&given, console);
    let asking_desk = asking::Desk::open(&given, runner);
    let path = report_path(&given, runner);
    let desk = Desk::open(&given, runner, path.as_deref());
    let signals = match Watch::listen() {
        Ok(signals) => signals,
        Err(error) => return desk.close_with(&error, console),
    };
    let request = Request::<MigrationSettings>::read(&mut given, runner);
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
        Ok(match migration::resolve(&client, settings).await? {
            Migration::Moves(moves) => {
                let outcome = migration::run(&client, &moves).await;
                Worked::Moved(Box::new(moves.settings), Box::new(outcome))
            }
            Migration::Done(done) => Worked::Nothing(done),
        })
    };
    match watch.over(work).await.and_then(|ended| ended) {
        Ok(Worked::Moved(settings, outcome)) => {
            let asked = Asked::of(&settings, &connection.cloud);
            let report = Report::of_outcome(asked, *outcome, desk.ending(), desk.door());
            desk.close(&report, watch.console())
        }
        Ok(Worked::Nothing(done)) => {
            let answer = Answer::new("unchanged", 0, done.headline()).of_pool(&done.pool);
            let result = Unmoved { pool: done.pool };
            asking_desk.close(&answer, &result, watch.console())
        }
        Err(error) => desk.close_with(&error, watch.console()),
    }
}

fn answer_of_plan(planned: &Planned) -> Answer {
    let (pool, changes) = (&planned.pool, planned.plan.changes().count());
    if let Some(done) = &planned.done {
        return Answer::new("unchanged", 0, done.headline())
            .of_pool(pool)
            .output("changes", 0);
    }
    let (word, exit_code, headline) = match changes {
        0 => ("unchanged", 0, format!("Pool {pool} has moved already.")),
        changes => {
            let changes = plural(changes, "change");
            let headline = format!("Pool {pool}: {changes}. Nothing was done; --yes does it.");
            ("planned", SOMETHING_TO_ACT_ON, headline)
        }
    };
    Answer::new(word, exit_code, headline)
        .lines(&planned.why)
        .steps(None, &planned.plan)
        .lines(&planned.plan.facts)
        .of_pool(pool)
        .output("changes", changes)
}

fn answer_of_list(report: &MigrationReport) -> Answer {
    let (word, exit_code) = match (report.to_move(), report.unseen.is_empty()) {
        (1.., _) => ("to-act-on", SOMETHING_TO_ACT_ON),
        (0, false) => ("partly-read", PARTLY_SEEN),
        (0, true) => ("nothing-to-act-on", 0),
    };
    let answer = Answer::new(word, exit_code, report.headline())
        .table(table(report))
        .output("findings", report.to_move());
    report.unseen.iter().fold(answer, |answer, unseen| {
        answer.warning(format!("{} could not be read: {}", unseen.what, unseen.why))
    })
}

fn table(report: &MigrationReport) -> Table {
    let mut table = Table::new(["account", "pool", "managed image", "nodes", "what becomes of it"]).remarking_on(1);
    for pool in &report.pools {
        table.row([
            pool.account.clone(),
            pool.pool.to_string(),
            pool.image.name().to_owned(),
            nodes(pool),
            fate(&pool.fate),
        ]);
    }
    table
}

fn nodes(pool: &ManagedPool) -> String {
    let by = if pool.autoscale { " (autoscale)" } else { "" };
    format!("{}{by}", pool.nodes.total())
}

fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Moves { version, how } => {
            let definition = version.definition();
            format!("moves to {} {}: {how}", definition.name(), version.name())
        }
        Fate::UnderWay { version } => format!("is on its way to {} {}", version.definition().name(), version.name()),
        Fate::Moved { successor } => format!("{successor} does its work"),
        Fate::Stays { why } => format!("stays: {why}"),
    }
}
