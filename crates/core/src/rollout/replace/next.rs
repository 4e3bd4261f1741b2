//! What comes next in a change in place: pure, from the pool, its record and its jobs.
//!
//! It has no memory but two facts of the run, and does without them, so that a run that was killed is gone on with by the next one. Whatever
//! others did to the pool meanwhile is seen here, and never undone.

use crate::{
    batch::{
        autoscale,
        job::{Job, JobState},
        pool::{Pool, PoolLife, Scaling},
    },
    ids::NodeCounts,
    rollout::{
        canary::is_trial,
        counted::bare,
        decide::Refusal,
        jobs::{HELD, is_held, may_be_held},
        record::{Phase, Record},
        spec::{IMAGE_REFERENCE, formula_name},
    },
    settings::{Autoscale, RunningTasks},
};

/// What a look shows.
#[derive(Clone, Copy, Debug)]
pub(in crate::rollout) struct Seen<'a> {
    /// The pool.
    pub(in crate::rollout) pool: &'a Pool,
    /// Its record.
    pub(in crate::rollout) record: &'a Record,
    /// The jobs that name it.
    pub(in crate::rollout) jobs: &'a [Job],
    /// Whether this run has seen enough good nodes since the pool got its image.
    pub(in crate::rollout) filled: Filled,
    /// The targets that this run has seen last while the pool is to be emptied; none when it has not looked yet.
    pub(in crate::rollout) left: Option<NodeCounts>,
}

/// Whether the pool has its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Filled {
    /// Not that this run has seen.
    NotYet,
    /// They were ready in this run.
    Yes,
    /// They were, and what was asked once its jobs ran again spoke for them.
    Checked,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::rollout) enum Deed {
    /// Mark a job as one that this change holds.
    Mark(Job),
    /// Disable a job that is marked.
    Disable(String),
    /// Look again: so many jobs still run tasks, or are on their way to run them again.
    AwaitJobs(usize),
    /// Take the formula from the pool that decides its size.
    Unfollow,
    /// Ask for 0 nodes.
    Empty,
    /// Look again: the pool is being resized.
    AwaitSteady,
    /// Give the pool the image and settings of its direction.
    Swap,
    /// Bring it to its size, and see that its nodes are good.
    Fill,
    /// Ask whether the change is good: what tasks on the new nodes say. The jobs run again.
    Check,
    /// Enable a job that is marked.
    Enable(String),
    /// Take the mark off a job that runs again.
    Unmark(Job),
    /// Delete a job that tried the image and was left by a run that was killed.
    Forget(String),
    /// Write that the change has come to its end.
    Finish,
    /// There is nothing left to do.
    Ended,
    /// Going on could undo what others did.
    Refuse(Refusal),
}

/// Which image a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Image {
    Former,
    New,
    /// That of a change which this one took over before its end.
    Left,
    Another,
}

const AGREE: &str = "agree with those who change the pool, put it back to one of the two, then run again";

impl Seen<'_> {
    /// The targets that are left of a pool that is to be emptied, for the next look; none of another one.
    pub(in crate::rollout) fn targets_left(self) -> Option<NodeCounts> {
        let is_to_be_emptied = !self.is_there(image_of(self.pool, self.record)) && self.pool.scaling == Scaling::Fixed;
        is_to_be_emptied.then_some(self.pool.targets)
    }

    /// Whether the pool has the image of its direction.
    fn is_there(self, image: Image) -> bool {
        matches!(
            (self.record.phase, image),
            (Phase::Forward, Image::New) | (Phase::Back, Image::Former)
        )
    }
}

/// Decides.
pub(in crate::rollout) fn next(seen: Seen<'_>, running_tasks: RunningTasks) -> Deed {
    let (pool, record) = (seen.pool, seen.record);
    if !record.is_under_way() {
        return Deed::Ended;
    }
    let image = image_of(pool, record);
    if let Some(refusal) = changed(seen, image) {
        return Deed::Refuse(refusal);
    }
    if seen.is_there(image) {
        return match seen.filled {
            Filled::NotYet => Deed::Fill,
            Filled::Yes if record.phase == Phase::Forward && !record.is_made() => {
                release(seen.jobs).unwrap_or(Deed::Check)
            }
            Filled::Yes | Filled::Checked => release(seen.jobs).unwrap_or(Deed::Finish),
        };
    }
    // Whoever put jobs on a pool that is being tried wants them there: they wait for its nodes.
    let held = if record.is_made() {
        forget(seen.jobs)
    } else {
        hold(seen.jobs, running_tasks)
    };
    if let Some(deed) = held {
        return deed;
    }
    if pool.scaling == Scaling::Auto {
        return Deed::Unfollow;
    }
    match (pool.is_steady(), pool.current.total() + pool.targets.total()) {
        (false, _) => Deed::AwaitSteady,
        (true, 0) if record.is_made() => Deed::Finish,
        (true, 0) => Deed::Swap,
        (true, _) => Deed::Empty,
    }
}

/// The jobs that a change would hold, for its plan.
pub(in crate::rollout) fn to_hold(jobs: &[Job]) -> impl Iterator<Item = &Job> {
    jobs.iter()
        .filter(|job| job.state == JobState::Active && may_be_held(job))
}

/// Jobs are marked before they are disabled, so that only these are enabled again.
fn hold(jobs: &[Job], running_tasks: RunningTasks) -> Option<Deed> {
    if let Some(job) = to_hold(jobs).next() {
        return Some(match job.metadata(HELD) {
            None => Deed::Mark(job.clone()),
            Some(_) => Deed::Disable(job.id.clone()),
        });
    }
    let is_changing = |job: &&Job| match job.state {
        JobState::Enabling => may_be_held(job),
        // The nodes themselves wait for their tasks.
        JobState::Disabling => running_tasks != RunningTasks::TaskCompletion && job.metadata(HELD).is_some(),
        JobState::Active | JobState::Disabled | JobState::Other => false,
    };
    let changing = jobs.iter().filter(is_changing).count();
    (changing > 0).then_some(Deed::AwaitJobs(changing))
}

fn forget(jobs: &[Job]) -> Option<Deed> {
    let left = jobs.iter().find(|job| is_trial(job))?;
    Some(Deed::Forget(left.id.clone()))
}

fn release(jobs: &[Job]) -> Option<Deed> {
    if let Some(deed) = forget(jobs) {
        return Some(deed);
    }
    let job = jobs.iter().find(|job| is_held(job))?;
    Some(match job.state {
        JobState::Disabled | JobState::Disabling => Deed::Enable(job.id.clone()),
        JobState::Enabling => Deed::AwaitJobs(1),
        JobState::Active | JobState::Other => Deed::Unmark(job.clone()),
    })
}

fn image_of(pool: &Pool, record: &Record) -> Image {
    let is = |image: &str| pool.image_id().is_some_and(|found| found.eq_ignore_ascii_case(image));
    if let Some(over) = &record.over {
        let is_left = over.image.as_deref().map_or(pool.image_id().is_none(), is);
        return if is_left { Image::Left } else { Image::Another };
    }
    let former = record.was.fields.get(IMAGE_REFERENCE);
    let found = crate::json::at(pool.body(), IMAGE_REFERENCE);
    let is_former = record.former_image().map_or(former == Some(found), is);
    match (is(&record.to), is_former) {
        // Only other settings change: the record's own word decides, which is written with them.
        (true, true) if record.swapped => Image::New,
        (_, true) => Image::Former,
        (true, false) => Image::New,
        (false, false) => Image::Another,
    }
}

/// What others did to the pool that is neither the one state nor the other.
fn changed(seen: Seen<'_>, image: Image) -> Option<Refusal> {
    let (pool, record) = (seen.pool, seen.record);
    // We ask a pool that is to be emptied for no nodes, and for nothing else.
    let ours = [seen.left, Some(NodeCounts::default())];
    let now = seen.targets_left();
    let is_resized = seen.left.is_some() && now.is_some() && !ours.contains(&now);
    let why = if pool.life == PoolLife::Deleting {
        "is being deleted meanwhile".to_owned()
    } else if autoscale::of(pool).is_some_and(|found| !is_known(&found, record)) {
        "follows an autoscale formula by now that is neither its former one nor the new one".to_owned()
    } else if image == Image::Another {
        format!(
            "runs {} by now, which is neither its former image nor the new one",
            pool.image_id().unwrap_or("an image without an id")
        )
    } else if is_resized || !(is_size_of(record, pool.targets) || is_of_formula(pool, record, image)) {
        format!(
            "has other targets by now: {} nodes; before this change it had {}, and then it gets {}",
            bare(pool.targets),
            bare(record.was.size),
            bare(record.size)
        )
    } else {
        return None;
    };
    Some(Refusal { why, remedy: AGREE })
}

/// Whether the change itself gives the pool these targets, or found them when it took another one over.
fn is_size_of(record: &Record, targets: NodeCounts) -> bool {
    record.sizes().contains(&targets) || record.over.as_ref().is_some_and(|over| over.targets == targets)
}

/// Whether a formula is the pool's former one, or the one that it gets.
fn is_known(found: &Autoscale, record: &Record) -> bool {
    let is_former = record.was.autoscale.as_ref().is_some_and(|was| was.is_met_by(found));
    let name = Some(formula_name(found));
    is_former || record.follows == name || record.over.as_ref().is_some_and(|over| over.follows == name)
}

/// Whether the pool's targets may be any: a formula decides them, or has until it was taken away.
fn is_of_formula(pool: &Pool, record: &Record, image: Image) -> bool {
    let had_formula = match (record.phase, image) {
        (Phase::Forward, Image::Former) => record.was.autoscale.is_some(),
        (Phase::Back, Image::New) => record.follows.is_some(),
        (_, Image::Left) => record.over.as_ref().is_some_and(|over| over.follows.is_some()),
        _ => false,
    };
    had_formula || pool.scaling == Scaling::Auto
}

#[cfg(test)]
mod tests;
