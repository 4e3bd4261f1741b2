//! What comes next in a roll-out from one pool to another: pure, from both pools, their jobs, and the former one's record.
//!
//! It has no memory but which sizes this run has seen good, so that a run that was killed is gone on with by the next
//! one. Whatever others did to the pools meanwhile is seen here, and never undone.

use std::collections::BTreeSet;

use super::stages::{Stage, jobs_of, stages};
use crate::{
    batch::{
        job::{Job, JobState},
        pool::{Pool, PoolLife, Scaling},
    },
    ids::{NodeCounts, PoolId},
    rollout::{
        canary::is_trial,
        counted::bare,
        decide::Refusal,
        jobs::{HELD, is_held, may_be_held},
        pair::{Kin, PairRecord, Shift},
        record::Phase,
    },
};

/// What a look shows.
#[derive(Clone, Copy, Debug)]
pub(in crate::rollout) struct Seen<'a> {
    /// The former pool.
    pub(in crate::rollout) old: &'a Pool,
    /// The new pool, once it is there.
    pub(in crate::rollout) new: Option<&'a Pool>,
    /// The roll-out.
    pub(in crate::rollout) shift: &'a Shift,
    /// The jobs that name one of them.
    pub(in crate::rollout) jobs: &'a [Job],
    /// The jobs that had tasks waiting when the new nodes were judged good to work; empty when nothing is judged.
    pub(in crate::rollout) waiting: &'a BTreeSet<String>,
    /// What this run has seen good.
    pub(in crate::rollout) good: Good,
}

/// The sizes at which this run has seen enough good nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::rollout) struct Good {
    /// Of the former pool.
    pub(in crate::rollout) old: Option<NodeCounts>,
    /// Of the new pool.
    pub(in crate::rollout) new: Option<NodeCounts>,
    /// Of the new pool, when all that was to be asked there spoke for it.
    pub(in crate::rollout) checked: Option<NodeCounts>,
}

/// One of the two pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Side {
    Old,
    New,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::rollout) enum Deed {
    /// Create the new pool with so many nodes.
    Create(NodeCounts),
    /// Bring the new pool to the size of a step and see that its nodes are good; the first nodes try the image.
    Grow(Stage),
    /// Ask whether to go on from a step: what tasks on the new nodes say. Such jobs run by then.
    Check(Stage, Work),
    /// Bring the former pool back to so many nodes and see that they are good.
    Refill(NodeCounts),
    /// Ask a pool for fewer nodes, each of which goes once it runs no task.
    Shrink(Side, NodeCounts),
    /// Look again: a pool is being resized, or deleted.
    Await(Side),
    /// Mark a job as one that this roll-out holds.
    Mark(Job),
    /// Disable a job that is marked.
    Disable(String),
    /// Look again: so many jobs still run tasks, or are on their way to run them again.
    AwaitJobs(usize),
    /// Give a disabled job the other pool.
    Point(Job, Side),
    /// Enable a job that is marked.
    Enable(String),
    /// Take the mark off a job that runs again.
    Unmark(Job),
    /// Delete a job that tried the image and was left by a run that was killed.
    Forget(String),
    /// Delete the new pool, which has no nodes any more.
    Delete,
    /// Write that the roll-out has come to its end.
    Finish,
    /// There is nothing left to do.
    Ended,
    /// Going on could undo what others did.
    Refuse(Side, Refusal),
}

/// Where jobs run that a roll-out moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Work {
    /// On no new node, so nothing can be compared.
    Old,
    /// On both pools.
    Both,
    /// On the new pool alone.
    New,
}

const AGREE: &str = "agree with those who change the pools, then run again, or go back with azure-batch-pool rollback";
const NO_ROOM: &str = "go back with azure-batch-pool rollback";

impl Seen<'_> {
    fn old_id(&self) -> Option<PoolId> {
        self.old.id()
    }
}

/// Decides.
pub(in crate::rollout) fn next(seen: Seen<'_>) -> Deed {
    if !seen.shift.is_under_way() {
        return Deed::Ended;
    }
    let is_forward = seen.shift.phase == Phase::Forward;
    // On the way back it does not matter whether there would be room for the way there.
    let stages = stages(seen.shift).or_else(|| (!is_forward).then(Vec::new));
    let Some(stages) = stages else {
        let why = "has a record of a roll-out for which there is no room".to_owned();
        return Deed::Refuse(Side::Old, Refusal { why, remedy: NO_ROOM });
    };
    if let Some((side, why)) = changed(&seen, &stages) {
        return Deed::Refuse(side, Refusal { why, remedy: AGREE });
    }
    match seen.shift.phase {
        Phase::Forward => forward(&seen, &stages),
        Phase::Back | Phase::Done | Phase::Returned => back(&seen, &stages),
    }
}

/// The jobs that such a roll-out moves.
pub(in crate::rollout) fn to_move<'j>(jobs: &'j [Job], from: &'j PoolId) -> impl Iterator<Item = &'j Job> {
    jobs.iter()
        .filter(move |job| job.is_on(from) && may_be_held(job) && job.state != JobState::Other)
}

fn forward(seen: &Seen<'_>, stages: &[Stage]) -> Deed {
    let Some(first) = stages.first().copied() else {
        return Deed::Ended;
    };
    let Some(new) = seen.new else {
        return Deed::Create(first.new);
    };
    let Some(at) = stages.iter().position(|stage| stage.new == new.targets) else {
        return Deed::Grow(first);
    };
    let stage = stages.get(at).copied().unwrap_or(first);
    if seen.good.new != Some(stage.new) {
        return Deed::Grow(stage);
    }
    let old_id = seen.old_id();
    let moved = to_move(seen.jobs, &seen.shift.new).count();
    let mut all: Vec<&Job> = old_id.iter().flat_map(|id| to_move(seen.jobs, id)).collect();
    in_turn(seen, stage, &mut all);
    let still = jobs_of(seen.shift, stage, moved + all.len()).saturating_sub(moved);
    if let Some(deed) = move_jobs(seen, all, still, Side::New) {
        return deed;
    }
    // A former pool that has its next size already was told so after the question.
    let is_past = stage.old != seen.shift.was && seen.old.targets == stage.old;
    if seen.good.checked != Some(stage.new) && !is_past {
        return Deed::Check(stage, work(seen));
    }
    if let Some(deed) = shrink(seen.old, Side::Old, stage.old) {
        return deed;
    }
    match stages.get(at + 1) {
        Some(next) => Deed::Grow(*next),
        None => forget(seen.jobs).unwrap_or(Deed::Finish),
    }
}

/// Where the jobs run. Those that others have disabled run nowhere.
fn work(seen: &Seen<'_>) -> Work {
    let runs_on = |id: &PoolId| to_move(seen.jobs, id).any(|job| job.state == JobState::Active);
    match (seen.old_id().is_some_and(|id| runs_on(&id)), runs_on(&seen.shift.new)) {
        (_, false) => Work::Old,
        (true, true) => Work::Both,
        (false, true) => Work::New,
    }
}

fn back(seen: &Seen<'_>, stages: &[Stage]) -> Deed {
    let shift = seen.shift;
    let beside = seen
        .new
        .map_or_else(NodeCounts::default, |pool| most(pool.current, pool.targets));
    // The former pool takes the room that there is before its jobs come back.
    let sizes = stages.iter().map(|stage| stage.old).chain([shift.was]);
    let possible = sizes
        .filter(|size| fits(*size, beside, shift.together))
        .max_by_key(|size| size.total());
    if let Some(size) = possible.filter(|size| size.total() > seen.old.targets.total()) {
        return Deed::Refill(size);
    }
    let all: Vec<&Job> = to_move(seen.jobs, &shift.new).collect();
    let count = all.len();
    if let Some(deed) = move_jobs(seen, all, count, Side::Old).or_else(|| forget(seen.jobs)) {
        return deed;
    }
    let live = seen.new.filter(|pool| pool.life != PoolLife::Deleting);
    if let Some(deed) = live.and_then(|new| shrink(new, Side::New, NodeCounts::default())) {
        return deed;
    }
    if seen.good.old != Some(shift.was) {
        return Deed::Refill(shift.was);
    }
    match seen.new {
        None => Deed::Finish,
        Some(pool) if pool.life == PoolLife::Deleting => Deed::Await(Side::New),
        // Jobs that cannot be moved, such as a schedule's, would wait for a pool that is gone.
        Some(_)
            if seen
                .jobs
                .iter()
                .any(|job| job.is_on(&shift.new) && job.state != JobState::Other) =>
        {
            Deed::Finish
        }
        Some(_) => Deed::Delete,
    }
}

/// What comes next for jobs that go to the other pool: what has begun first, so that a job waits as short as possible.
fn move_jobs(seen: &Seen<'_>, mut from: Vec<&Job>, count: usize, to: Side) -> Option<Deed> {
    let target = match to {
        Side::New => Some(seen.shift.new.clone()),
        Side::Old => seen.old_id(),
    }?;
    let arrived = seen.jobs.iter().find(|job| job.is_on(&target) && is_held(job));
    if let Some(job) = arrived {
        return Some(match job.state {
            JobState::Disabled | JobState::Disabling => Deed::Enable(job.id.clone()),
            JobState::Enabling => Deed::AwaitJobs(1),
            JobState::Active | JobState::Other => Deed::Unmark(job.clone()),
        });
    }
    // Those that are held already, then those that others have disabled and that lose nothing.
    from.sort_by_key(|job| (job.metadata(HELD).is_none(), job.state != JobState::Disabled));
    let held = from.iter().filter(|job| job.metadata(HELD).is_some()).count();
    from.truncate(count.max(held));
    let of = |state: JobState| from.iter().find(move |job| job.state == state);
    if let Some(job) = of(JobState::Disabled) {
        return Some(Deed::Point((*job).clone(), to));
    }
    if let Some(job) = of(JobState::Active) {
        return Some(match job.metadata(HELD) {
            None => Deed::Mark((*job).clone()),
            Some(_) => Deed::Disable(job.id.clone()),
        });
    }
    (!from.is_empty()).then_some(Deed::AwaitJobs(from.len()))
}

/// Puts the jobs that move in a step first. Where tasks are compared, both pools need some that have work to do.
fn in_turn(seen: &Seen<'_>, stage: Stage, all: &mut [&Job]) {
    let waits = |job: &Job| seen.waiting.contains(&job.id);
    let there = to_move(seen.jobs, &seen.shift.new).filter(|job| waits(job)).count();
    let here = all.iter().filter(|job| waits(job)).count();
    let mut part = jobs_of(seen.shift, stage, there + here).saturating_sub(there);
    let mut turn = |job: &Job| match (waits(job), part) {
        (false, _) => 1,
        (true, 0) => 2,
        (true, _) => {
            part -= 1;
            0
        }
    };
    let mut turns: Vec<(u8, &Job)> = all.iter().map(|job| (turn(job), *job)).collect();
    turns.sort_by_key(|(turn, _)| *turn);
    for (place, (_, job)) in all.iter_mut().zip(turns) {
        *place = job;
    }
}

/// What brings a pool down to a size; nothing when it is there.
fn shrink(pool: &Pool, side: Side, size: NodeCounts) -> Option<Deed> {
    let is_larger = |nodes: NodeCounts| nodes.dedicated > size.dedicated || nodes.spot > size.spot;
    if !pool.is_steady() {
        return Some(Deed::Await(side));
    }
    (is_larger(pool.targets) || is_larger(pool.current)).then_some(Deed::Shrink(side, size))
}

fn forget(jobs: &[Job]) -> Option<Deed> {
    let left = jobs.iter().find(|job| is_trial(job))?;
    Some(Deed::Forget(left.id.clone()))
}

/// What others did to the pools that is no step of this roll-out.
fn changed(seen: &Seen<'_>, stages: &[Stage]) -> Option<(Side, String)> {
    let shift = seen.shift;
    let of_old = |size: NodeCounts| size == shift.was || stages.iter().any(|stage| stage.old == size);
    let of_new =
        |size: NodeCounts| size.total() == 0 || size == shift.size || stages.iter().any(|stage| stage.new == size);
    let has_shrunk = seen.old.targets != shift.was;
    let is_alone = seen.new.is_none() && shift.phase == Phase::Forward && has_shrunk;
    let why = |pool: &Pool, is_ours: bool| {
        if pool.life == PoolLife::Deleting {
            Some("is being deleted meanwhile".to_owned())
        } else if pool.scaling == Scaling::Auto {
            Some("follows an autoscale formula by now".to_owned())
        } else if is_ours {
            None
        } else {
            let targets = bare(pool.targets);
            Some(format!(
                "has other targets by now: {targets} nodes, which is no step of this roll-out"
            ))
        }
    };
    if let Some(why) = why(seen.old, of_old(seen.old.targets)) {
        return Some((Side::Old, why));
    }
    if is_alone {
        return Some((Side::New, "was deleted meanwhile".to_owned()));
    }
    let new = seen.new?;
    if new.life == PoolLife::Deleting && shift.phase == Phase::Back {
        return None;
    }
    if PairRecord::of(new) == Kin::Nothing {
        return Some((Side::New, "was made by others".to_owned()));
    }
    let is_image = new
        .image_id()
        .is_some_and(|image| image.eq_ignore_ascii_case(&shift.to));
    if !is_image {
        let image = new.image_id().unwrap_or("an image without an id");
        return Some((
            Side::New,
            format!("runs {image} by now, which is not the image of this roll-out"),
        ));
    }
    Some((Side::New, why(new, of_new(new.targets))?))
}

fn fits(size: NodeCounts, beside: NodeCounts, together: NodeCounts) -> bool {
    size.dedicated.saturating_add(beside.dedicated) <= together.dedicated
        && size.spot.saturating_add(beside.spot) <= together.spot
}

fn most(one: NodeCounts, other: NodeCounts) -> NodeCounts {
    NodeCounts {
        dedicated: one.dedicated.max(other.dedicated),
        spot: one.spot.max(other.spot),
    }
}

#[cfg(test)]
mod tests;
