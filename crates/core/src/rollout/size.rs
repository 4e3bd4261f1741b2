//! Resize rounds: wait for the one under way, judge it, pause, begin the next, until the pool is large enough.
//!
//! Whether there is a next round is decided in `rounds`, what an error means in `classify`.

pub(super) mod classify;
pub(super) mod rounds;
pub(super) mod timeout;

use std::time::Duration;

use super::{
    Round, explain,
    pool::{Begun, Newer, PoolAccess},
    verdict::Goal,
};
use crate::{
    batch::pool::{Deallocation, Pool, Resize},
    error::{Error, ErrorKind, Result},
    ids::NodeCounts,
    progress::Event,
};
use classify::{Judgement, judge, judge_all};
use rounds::{End, Next, Rounds};

/// How often others' resizes may come before ours; then they are at odds with us.
const MAX_OTHERS: u32 = 5;

/// Asks Batch for the goal's targets. Somebody's resize that comes in between is waited for.
///
/// # Errors
/// When Batch refuses, others keep resizing the pool, or the run ends.
pub(super) async fn begin(access: &mut PoolAccess<'_>, goal: Goal, rounds: &Rounds, mut seen: Pool) -> Result<Newer> {
    tell(access, goal, rounds);
    for _ in 0..MAX_OTHERS {
        match access
            .resize(&order(goal.targets, rounds.timeout(), seen.current), &seen)
            .await?
        {
            Begun::Ours(newer) => return Ok(newer),
            Begun::Others => {
                access
                    .client()
                    .run()
                    .progress
                    .note("somebody else is resizing the pool; waiting for the end of that");
                seen = access.steady(Newer::ThanNothing).await?;
            }
        }
    }
    let text = format!("others keep resizing pool {}", access.id());
    Err(Error::new(ErrorKind::Refused, text).with_hint("agree on its targets, then run it again"))
}

/// Carries rounds on until the pool has its size; the first is under way already.
///
/// # Errors
/// When an error of a round stops it, the rounds are used up, or the run ends. The rounds so far are in `report`.
pub(super) async fn carry_on(
    access: &mut PoolAccess<'_>,
    goal: Goal,
    mut rounds: Rounds,
    mut newer: Newer,
    report: &mut Vec<Round>,
) -> Result<Pool> {
    loop {
        let pool = access.steady(newer).await?;
        let judged = judge_all(&pool.resize_errors, goal.counts_spot());
        report.push(round(&rounds, &pool));
        match rounds.end(pool.current, judged.as_ref(), fastrand::f64()) {
            Next::Reached => return Ok(pool),
            Next::End(end) => return Err(ended(access, goal, &pool, (end, judged.as_ref(), report.len()))),
            Next::Again(pause) => {
                wait(access, pause, rounds.number(), judged.as_ref()).await?;
                newer = begin(access, goal, &rounds, pool).await?;
            }
        }
    }
}

/// Tells the round that begins.
pub(super) fn tell(access: &PoolAccess<'_>, goal: Goal, rounds: &Rounds) {
    access.client().run().progress.tell(Event::Resize {
        round: rounds.number(),
        dedicated: goal.targets.dedicated,
        spot: goal.targets.spot,
        timeout_minutes: rounds.timeout().as_secs() / 60,
    });
}

fn order(targets: NodeCounts, timeout: Duration, current: NodeCounts) -> Resize {
    let shrinks = targets.dedicated < current.dedicated || targets.spot < current.spot;
    Resize {
        targets,
        timeout,
        deallocation: if shrinks {
            Deallocation::TaskCompletion
        } else {
            Deallocation::Unsaid
        },
    }
}

fn round(rounds: &Rounds, pool: &Pool) -> Round {
    Round {
        number: rounds.number(),
        timeout_minutes: rounds.timeout().as_secs() / 60,
        dedicated: pool.current.dedicated,
        spot: pool.current.spot,
        errors: pool.resize_errors.iter().map(|error| judge(error).said).collect(),
    }
}

async fn wait(access: &PoolAccess<'_>, pause: Duration, round: u32, judged: Option<&Judgement>) -> Result<()> {
    let run = access.client().run();
    let why = judged.map_or_else(|| "nodes are missing".to_owned(), ToString::to_string);
    run.progress.warn(why);
    let what = format!("before resize round {round}");
    run.progress.tell(Event::Waiting {
        what: what.clone(),
        seconds: pause.as_secs(),
    });
    run.pause(pause, &what).await
}

fn ended(access: &PoolAccess<'_>, goal: Goal, pool: &Pool, how: (End, Option<&Judgement>, usize)) -> Error {
    let (end, judged, rounds) = how;
    explain::too_small(
        access.id(),
        goal,
        pool.current,
        &explain::Ending { end, judged, rounds },
    )
}
