//! What a change in place will do, as steps for its plan. Pure.
//!
//! The steps are those of the first look; what is really done is decided in `next` after each look.

use jiff::Timestamp;

use super::{
    begin::{Begun, forward, kept_on_return},
    next,
};
use crate::{
    batch::{
        job::{Job, JobState},
        pool::{Pool, Scaling},
    },
    gate::Checkpoint,
    ids::{NodeCounts, PoolId},
    rollout::{
        checkpoint,
        decide::{Intent, Refusal},
        jobs,
        record::{Back, Phase, Record},
        spec::{Spec, When},
        step::RolloutStep,
    },
    settings::{Judge, RolloutSettings},
};

/// The steps until the pool is filled again, and those after it.
///
/// # Errors
/// Why the change cannot begin.
pub(in crate::rollout) fn steps(
    (intent, spec): (&Intent, &Spec),
    (pool, all, way_back): (&Pool, &[Job], Back),
    settings: &RolloutSettings,
    now: Timestamp,
) -> Result<(Vec<RolloutStep>, Vec<RolloutStep>), Refusal> {
    let id = spec.id().clone();
    let record = match forward((intent, spec), (pool, way_back), &settings.change.canary, now)? {
        Begun::New(record) => record,
        Begun::Already(record) => {
            let resume = RolloutStep::ResumeChange {
                pool: id,
                since: record.since,
                back: record.phase == Phase::Back,
            };
            return Ok((vec![resume], Vec::new()));
        }
    };
    let held = held(&record, all);
    let mut before = match record.swapped {
        // It takes over a change that has brought the pool what is asked for.
        true => Vec::new(),
        false => changing((spec, settings), (pool, way_back), &held),
    };
    before.extend(trying(&id, &record, settings));
    let asked = checkpoint::gates_planned(&id, Checkpoint::Jobs, &settings.change);
    let mut after: Vec<RolloutStep> = asked.into_iter().collect();
    if !held.is_empty() {
        after.push(RolloutStep::ReleaseJobs {
            pool: id.clone(),
            jobs: held,
        });
    }
    if settings.change.judging.judge != Judge::No {
        after.push(checkpoint::planned((&id, &id), record.size, &settings.change));
    }
    Ok((before, after))
}

/// The jobs that go on at the end: those that the change holds, or the one that it takes over.
fn held(record: &Record, all: &[Job]) -> Vec<String> {
    let of_left = all
        .iter()
        .filter(|job| jobs::is_held(job) && job.state != JobState::Active);
    let of_this = next::to_hold(all).filter(|_| !record.swapped);
    of_this.chain(of_left).map(|job| job.id.clone()).collect()
}

/// The pool is emptied, and gets another image.
fn changing(
    (spec, settings): (&Spec, &RolloutSettings),
    (pool, way_back): (&Pool, Back),
    held: &[String],
) -> Vec<RolloutStep> {
    let (id, difference) = (spec.id().clone(), spec.compare(pool));
    let mut changed = difference.names(When::Empty);
    changed.extend(difference.names(When::AnyTime));
    let mut plan = Vec::new();
    if !held.is_empty() {
        plan.push(RolloutStep::HoldJobs {
            pool: id.clone(),
            jobs: held.to_vec(),
            running_tasks: jobs::word(settings.change.running_tasks),
        });
    }
    if pool.scaling == Scaling::Auto {
        plan.push(RolloutStep::DisableAutoscale { pool: id.clone() });
    }
    if pool.current.total() > 0 {
        plan.push(RolloutStep::EmptyPool {
            pool: id.clone(),
            from: pool.current,
        });
    }
    plan.push(RolloutStep::ChangePool {
        pool: id,
        from: pool.image_id().unwrap_or("an image without an id").to_owned(),
        to: settings.pool.version.clone(),
        settings: changed,
        on_return: kept_on_return(spec, pool, way_back),
    });
    plan
}

/// The first nodes try the image.
fn trying(id: &PoolId, record: &Record, settings: &RolloutSettings) -> Vec<RolloutStep> {
    if record.canary == 0 {
        return Vec::new();
    }
    let canary = &settings.change.canary;
    let mut plan = vec![RolloutStep::TryImage {
        pool: id.clone(),
        nodes: record.canary_nodes(),
        has_command: canary.command.is_some(),
        minutes: canary.bake.as_secs() / 60,
    }];
    plan.extend(checkpoint::gates_planned(id, Checkpoint::Canary, &settings.change));
    plan
}

/// The size from which the pool grows after its change.
pub(in crate::rollout) const EMPTIED: NodeCounts = NodeCounts { dedicated: 0, spot: 0 };
