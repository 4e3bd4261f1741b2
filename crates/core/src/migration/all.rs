//! All pools of an account that are on managed images move in one run: one first, then the rest, as those of a file do.
//!
//! Which version each gets is found out as for one pool, before any of them is written. When each has its turn is decided
//! in `fleet`, and moving one is a roll-out.

use std::iter;

use super::{Done, Migration, left_image, looked, of_pool, origin::Search, pace, within};
use crate::{
    batch::pool::{self, Pool, PoolLife},
    client::Client,
    error::{Error, ErrorKind, Result},
    fleet::{self, FleetPlan, PoolPlan},
    ids::PoolId,
    json,
    options::pool::CONTINUE_AFTER_FAILURE,
    rollout::{self, RolloutOutcome, unfinished},
    settings::{AfterFailure, AllPools, Checked, MigrationSettings, UnresolvedRollout},
    words,
};

/// The wave of a pool that has no turn: it has moved already, or cannot move.
const NO_WAVE: usize = 0;

/// What moving all of them would do.
#[derive(Debug)]
pub struct AllPlan {
    /// Those that move, in the order of their turns, then those that cannot.
    pub fleet: FleetPlan,
    /// How it is known which version each gets, in one sentence.
    pub whys: Vec<(PoolId, String)>,
    /// Those that have moved already.
    pub done: Vec<Done>,
}

/// What became of one of the pools.
#[derive(Debug)]
pub struct PoolEnd {
    /// The pool.
    pub pool: PoolId,
    /// 1 for the pool that goes first, 2 for the rest, 0 for one that has no turn.
    pub wave: usize,
    /// How it ended.
    pub end: End,
}

/// How it ended with one of the pools.
#[derive(Debug)]
pub enum End {
    /// It had its turn.
    Ran(Box<Checked<UnresolvedRollout>>, Box<RolloutOutcome>),
    /// Its turn did not come.
    NotBegun(Box<Checked<UnresolvedRollout>>),
    /// It cannot move.
    Stays(Error),
    /// It had moved already.
    Done(Done),
}

/// The pools that are on managed images or leaving them, and what becomes of each.
#[derive(Default)]
struct Found {
    /// Those whose move has begun.
    begun: Vec<(Checked<UnresolvedRollout>, String)>,
    moves: Vec<(Checked<UnresolvedRollout>, String)>,
    stay: Vec<(PoolId, Error)>,
    done: Vec<Done>,
}

/// What moving all of them would do now. It writes nothing.
///
/// # Errors
/// When the account or its pools cannot be read, or the run ends. What keeps one pool from moving is in its plan.
pub async fn plan_all(client: &Client, settings: &Checked<MigrationSettings<AllPools>>) -> Result<AllPlan> {
    let found = resolve(client, settings).await?;
    let (moves, sentences): (Vec<_>, Vec<_>) = found.begun.into_iter().chain(found.moves).unzip();
    let ids = moves.iter().map(|it| it.pool.id.clone());
    let whys = ids.zip(sentences).collect();
    let mut fleet = fleet::plan(client, &settings.as_fleet(moves)).await;
    fleet.pools.extend(found.stay.into_iter().map(|(pool, error)| PoolPlan {
        pool,
        wave: NO_WAVE,
        plan: Err(error),
    }));
    Ok(AllPlan {
        fleet,
        whys,
        done: found.done,
    })
}

/// Moves all of them; the results are in the order of their turns, then come those that had none.
///
/// # Errors
/// When the account or its pools cannot be read, or the run ends before the first of them has its turn.
pub async fn run_all(client: &Client, settings: &Checked<MigrationSettings<AllPools>>) -> Result<Vec<PoolEnd>> {
    let found = resolve(client, settings).await?;
    // As with a file: nothing is written when one of them cannot be changed as far as one can see.
    let is_stopped = !found.stay.is_empty() && settings.pool.after_failure == AfterFailure::Stop;
    // What has begun goes on first.
    let moves = found.begun.into_iter().chain(found.moves);
    let moves: Vec<_> = moves.map(|(moves, _why)| moves).collect();
    let outcomes = match is_stopped {
        true => Vec::new(),
        false => run_each(client, settings, &moves).await,
    };
    let outcomes = outcomes.into_iter().chain(iter::repeat_with(|| None));
    let mut ends: Vec<PoolEnd> = Vec::new();
    for (moves, outcome) in moves.into_iter().zip(outcomes) {
        ends.push(PoolEnd {
            pool: moves.pool.id.clone(),
            wave: fleet::wave(ends.len()),
            end: match outcome {
                Some(outcome) => End::Ran(Box::new(moves), Box::new(outcome)),
                None => End::NotBegun(Box::new(moves)),
            },
        });
    }
    let without_turn = |pool, end| PoolEnd {
        pool,
        wave: NO_WAVE,
        end,
    };
    let stay = found.stay.into_iter();
    ends.extend(stay.map(|(pool, error)| without_turn(pool, End::Stays(advised(error, is_stopped)))));
    let done = found.done.into_iter();
    ends.extend(done.map(|done| without_turn(done.pool.clone(), End::Done(done))));
    Ok(ends)
}

/// Moves them, and notes of each that had its turn how long it and its nodes took.
async fn run_each(
    client: &Client,
    settings: &Checked<MigrationSettings<AllPools>>,
    moves: &[Checked<UnresolvedRollout>],
) -> Vec<Option<RolloutOutcome>> {
    let mut before = Vec::new();
    for moves in moves {
        before.push(pace::before(client, moves).await);
    }
    let runs = fleet::run(client, &settings.as_fleet(moves.to_vec())).await;
    let mut outcomes = Vec::new();
    for (run, before) in runs.into_iter().zip(before) {
        let mut outcome = run.outcome;
        if let Some(outcome) = &mut outcome {
            pace::note(&client.for_pool(&run.pool), before, outcome).await;
        }
        outcomes.push(outcome);
    }
    outcomes
}

/// The reason with what lets the others move.
fn advised(error: Error, is_stopped: bool) -> Error {
    if !is_stopped {
        return error;
    }
    let others = words![
        "or let the other pools move all the same, with ",
        CONTINUE_AFTER_FAILURE
    ];
    error.with_next(others, None)
}

/// Reads all pools of the account, and finds out what becomes of those on managed images.
async fn resolve(client: &Client, settings: &Checked<MigrationSettings<AllPools>>) -> Result<Found> {
    let text = format!(
        "pools on managed images in {} → image versions",
        settings.account.name()
    );
    let what = "looking at the account's pools and at what was made of their images";
    let flow = "cannot migrate the pools".to_owned();
    looked(client, (text, what, flow), find(client, settings)).await
}

async fn find(client: &Client, settings: &Checked<MigrationSettings<AllPools>>) -> Result<Found> {
    let (endpoint, region) = rollout::located(client, &settings.account, &mut Vec::new()).await?;
    let bodies = client.list(&pool::list_whole(&endpoint)).await?;
    let mut search = Search::wanting(client, &settings.version);
    let mut found = Found::default();
    for (id, pool) in affected(bodies) {
        let settings = settings.of(id.clone());
        let client = client.for_pool(&id);
        match of_pool((&client, &mut search), &settings, (&pool, region.as_ref())).await {
            Ok(Migration::Moves(moves)) => {
                let group = match unfinished(&pool) {
                    Some(_) => &mut found.begun,
                    None => &mut found.moves,
                };
                group.push((moves.settings, moves.why));
            }
            Ok(Migration::Done(done)) => found.done.push(done),
            Err(error) if matches!(error.kind(), ErrorKind::BadInput | ErrorKind::NoRights) => {
                let flow = format!("cannot migrate pool {id}");
                found.stay.push((id, within(error, flow)));
            }
            Err(error) => return Err(error),
        }
    }
    search.warn_of_parts();
    Ok(found)
}

/// The pools that are on managed images or leaving them.
fn affected(bodies: Vec<serde_json::Value>) -> Vec<(PoolId, Pool)> {
    let of = |body: serde_json::Value| {
        let id = json::text(&body, "/id")?.parse().ok()?;
        let pool = Pool::new(body);
        let is_meant = pool.life != PoolLife::Deleting && left_image(&pool).is_some();
        is_meant.then_some((id, pool))
    };
    bodies.into_iter().filter_map(of).collect()
}
