//! What a roll-out to a second pool will do, as steps for its plan. Pure.
//!
//! The steps are those of the first look; what is really done is decided in `next` after each look.

use super::{
    find::{Resumes, Two},
    next::to_move,
    stages::stages,
};
use crate::{
    batch::job::{Job, JobState},
    gate::Checkpoint,
    ids::NodeCounts,
    rollout::{
        checkpoint,
        jobs::{self, HELD},
        kept_pool::KeptPool,
        made_by::MadeBy,
        record::{Back, Phase},
        step::RolloutStep,
    },
    settings::{RolloutSettings, patience},
};

/// The steps.
pub(in crate::rollout) fn steps(
    two: &Two,
    (all, way_back): (&[Job], Back),
    settings: &RolloutSettings,
) -> Vec<RolloutStep> {
    let (old, new, shift) = (two.former_id.clone(), two.shift.new.clone(), &two.shift);
    if two.resumes == Resumes::Yes {
        return vec![RolloutStep::ResumeShift {
            pool: old,
            new_pool: new,
            since: shift.since,
            back: shift.phase == Phase::Back,
        }];
    }
    let stages = stages(shift).unwrap_or_default();
    let mut plan = making(two, stages.first().map(|stage| stage.new).unwrap_or_default(), settings);
    plan.extend(moving(two, all, settings));
    if shift.sample.total() > 0 {
        plan.push(checkpoint::planned((&new, &old), shift.sample, &settings.change));
    }
    plan.extend(checkpoint::gates_planned(&new, Checkpoint::Step, &settings.change));
    let pause = settings.change.blue_green.pause.as_secs() / 60;
    let sizes = stages
        .iter()
        .enumerate()
        .map(|(number, stage)| RolloutStep::ShiftNodes {
            pool: old.clone(),
            new_pool: new.clone(),
            new: stage.new,
            old: stage.old,
            minutes: if number + 1 < stages.len() { pause } else { 0 },
        });
    plan.extend(sizes);
    plan.push(RolloutStep::AwaitNodes {
        pool: new,
        needed: two.intent.goal.needed,
    });
    plan.push(RolloutStep::KeepPool(KeptPool {
        pool: old,
        hours: settings.change.blue_green.keep_old.as_secs() / 3600,
        made_by: MadeBy::of(&two.former),
        no_return: match way_back {
            Back::Lost(lack) => Some(lack.why()),
            // A pool that is there keeps its managed image.
            Back::Possible | Back::Retired => None,
        },
    }));
    plan
}

/// The second pool comes with its first nodes.
fn making(two: &Two, targets: NodeCounts, settings: &RolloutSettings) -> Vec<RolloutStep> {
    let (new, shift) = (&two.shift.new, &two.shift);
    let rounds = patience::rounds(
        two.intent.first_timeout(),
        targets.total(),
        settings.policy.resize.rounds,
    );
    let mut plan = vec![RolloutStep::CreatePool {
        pool: new.clone(),
        version: settings.pool.version.clone(),
        targets,
        timeouts_minutes: rounds.map(|timeout| timeout.as_secs() / 60).collect(),
    }];
    if shift.first.total() > 0 {
        plan.push(RolloutStep::TryImage {
            pool: new.clone(),
            nodes: shift.first,
            has_command: settings.change.canary.command.is_some(),
            minutes: settings.change.canary.bake.as_secs() / 60,
        });
        plan.extend(checkpoint::gates_planned(new, Checkpoint::Canary, &settings.change));
    }
    plan
}

/// The jobs get it.
fn moving(two: &Two, all: &[Job], settings: &RolloutSettings) -> Vec<RolloutStep> {
    let (old, new, mut plan) = (&two.former_id, &two.shift.new, Vec::new());
    let (idle, active): (Vec<&Job>, Vec<&Job>) =
        to_move(all, old).partition(|job| job.state == JobState::Disabled && job.metadata(HELD).is_none());
    let ids = |jobs: Vec<&Job>| -> Vec<String> { jobs.into_iter().map(|job| job.id.clone()).collect() };
    let (moved, pointed) = (ids(active), ids(idle));
    if !moved.is_empty() {
        plan.push(RolloutStep::MoveJobs {
            pool: old.clone(),
            new_pool: new.clone(),
            jobs: moved,
            running_tasks: jobs::word(settings.change.running_tasks),
        });
    }
    if !pointed.is_empty() {
        plan.push(RolloutStep::PointJobs {
            pool: old.clone(),
            new_pool: new.clone(),
            jobs: pointed,
        });
    }
    plan
}
