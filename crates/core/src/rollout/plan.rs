//! What a roll-out will do, as steps: from what is asked for and a first look at the pool. It writes nothing.
//!
//! The steps are what the first look shows. A pool that changes afterwards is looked at and decided about again.

use super::{
    decide::{Intent, Next, Stage, Waiting},
    explain::refused,
    pool::PoolAccess,
    record::{Phase, Record, Remembered},
    replace::{self, steps::EMPTIED},
    replicas::Need,
    spec::{Maker, When, unusable},
    step::RolloutStep,
    verdict::Goal,
};
use crate::{
    batch::pool::Pool,
    error::Result,
    ids::{NodeCounts, resource::ImageVersionId},
    plan::Plan,
    settings::{Adopt, RolloutSettings, patience},
};

/// What the first look has come to.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The steps.
    pub(super) plan: Plan<RolloutStep>,
    /// What the pool's size calls for.
    pub(super) size: Size,
}

/// What a pool's size calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Nothing: it is as wanted.
    Reached,
    /// A write or a wait that brings no node of ours.
    NoNewNodes,
    /// A write that asks for more nodes than there are.
    NewNodes,
    /// The pool is emptied, changed and filled.
    Replaced,
    /// Some nodes of a pool that this roll-out makes try the image; then it gets its size.
    Tried,
}

impl Size {
    /// Whether nodes come that need the version's replicas.
    pub(super) const fn brings_nodes(self) -> bool {
        matches!(self, Self::NewNodes | Self::Replaced | Self::Tried)
    }
}

impl Beginning {
    /// Puts what the version needs before the pool's own steps.
    pub(super) fn add_replicas(&mut self, need: &Need, settings: &RolloutSettings) {
        self.plan.steps.splice(0..0, need.steps(settings));
    }
}

/// Looks at the pool.
///
/// # Errors
/// `Refused` with the reason and what works instead, `BadInput` when something that only a new pool needs is missing, or
/// when the pool cannot be read.
pub(super) async fn look(access: &PoolAccess<'_>, intent: &Intent, settings: &RolloutSettings) -> Result<Beginning> {
    let rounds = settings.policy.resize.rounds;
    let pool = access.find().await?;
    let next = intent.decide(Stage::Before, pool.as_ref());
    if let Next::Refuse(refusal) = next {
        return Err(refused(access.at(), refusal));
    }
    let will_be_made = matches!(next, Next::Create | Next::Wait(Waiting::Deletion));
    if will_be_made {
        // Nothing is written for a pool that could not be created afterwards.
        let asked = intent.spec.asked();
        let body = asked.map(|spec| spec.create_body(intent.goal.targets, intent.first_timeout()));
        body.transpose().map_err(|faults| unusable(access.id(), &faults))?;
    }
    if let Some(pool) = &pool
        && !will_be_made
    {
        tell_of(access, intent, pool);
    }
    let current = match &pool {
        Some(pool) if !will_be_made => pool.current,
        _ => NodeCounts::default(),
    };
    if let Next::Replace(pool) = next {
        return match Record::of(pool) {
            Remembered::Change(record) if record.is_made() => Ok(tried_again(intent, pool, &record, settings)),
            _ => replaced(access, intent, pool, settings).await,
        };
    }
    if will_be_made && intent.first.total() > 0 {
        return Ok(tried(intent, &next, settings));
    }
    let plan = steps((intent, &settings.pool.version), &next, rounds);
    let sized = match next {
        Next::Update(pool, _) => intent.sizing(pool),
        next => next,
    };
    let is_updated = plan
        .steps
        .iter()
        .any(|step| matches!(step, RolloutStep::UpdatePool { .. }));
    Ok(Beginning {
        plan,
        size: match sized {
            Next::Sized(_) if is_updated => Size::NoNewNodes,
            Next::Sized(_) => Size::Reached,
            Next::Join(_) => Size::NoNewNodes,
            _ if intent.goal.is_more_than(current) => Size::NewNodes,
            _ => Size::NoNewNodes,
        },
    })
}

/// A pool that is made with its first nodes.
fn tried(intent: &Intent, next: &Next<'_>, settings: &RolloutSettings) -> Beginning {
    let first = Intent {
        goal: Goal::all(intent.first),
        ..intent.clone()
    };
    let mut plan = steps((&first, &settings.pool.version), next, settings.policy.resize.rounds).steps;
    plan.pop();
    plan.extend(from_first(intent, settings));
    Beginning {
        plan: Plan::new(plan),
        size: Size::Tried,
    }
}

/// A pool of this roll-out whose image is being tried, or was found bad and is tried again.
fn tried_again(intent: &Intent, pool: &Pool, record: &Record, settings: &RolloutSettings) -> Beginning {
    let plan = match record.phase {
        Phase::Back => vec![RolloutStep::ResumeChange {
            pool: intent.spec.id().clone(),
            since: record.since,
            back: true,
        }],
        Phase::Forward | Phase::Done | Phase::Returned => {
            let first = Intent {
                goal: Goal::all(intent.first),
                ..intent.clone()
            };
            let next = first.sizing(pool);
            let mut plan = steps((&first, &settings.pool.version), &next, settings.policy.resize.rounds).steps;
            plan.pop();
            plan.extend(from_first(intent, settings));
            plan
        }
    };
    Beginning {
        plan: Plan::new(plan),
        size: Size::Tried,
    }
}

/// The steps from a pool's first nodes to its size.
fn from_first(intent: &Intent, settings: &RolloutSettings) -> Vec<RolloutStep> {
    let canary = &settings.change.canary;
    let mut plan = vec![RolloutStep::TryImage {
        pool: intent.spec.id().clone(),
        nodes: intent.first,
        has_command: canary.command.is_some(),
        minutes: canary.bake.as_secs() / 60,
    }];
    let (targets, rounds) = (intent.goal.targets, settings.policy.resize.rounds);
    if targets != intent.first {
        plan.push(RolloutStep::ResizePool {
            pool: intent.spec.id().clone(),
            from: intent.first,
            targets,
            timeouts_minutes: timeouts(intent, rounds),
        });
    }
    plan.push(RolloutStep::AwaitNodes {
        pool: intent.spec.id().clone(),
        needed: intent.goal.needed,
    });
    plan
}

fn timeouts(intent: &Intent, rounds: u32) -> Vec<u64> {
    let all = patience::rounds(intent.first_timeout(), intent.goal.targets.total(), rounds);
    all.map(|timeout| timeout.as_secs() / 60).collect()
}

async fn replaced(
    access: &PoolAccess<'_>,
    intent: &Intent,
    pool: &Pool,
    settings: &RolloutSettings,
) -> Result<Beginning> {
    let Some(spec) = intent.spec.asked() else {
        return Err(refused(access.at(), super::decide::replaced()));
    };
    let jobs = access.jobs().await?;
    for job in jobs.iter().filter(|job| job.is_of_schedule() || !job.names_pool) {
        let text = format!(
            "job {} is a schedule's, or has a pool of its own: it is left alone",
            job.id
        );
        access.client().note(text);
    }
    let now = access.client().run().now();
    let around = replace::steps::steps((intent, spec), (pool, &jobs), settings, now);
    let (mut plan, after) = around.map_err(|refusal| refused(access.at(), refusal))?;
    let mut filled = pool.clone();
    filled.current = EMPTIED;
    let grown = steps(
        (intent, &settings.pool.version),
        &Next::Resize(&filled),
        settings.policy.resize.rounds,
    );
    plan.extend(grown.steps);
    plan.extend(after);
    Ok(Beginning {
        plan: Plan::new(plan),
        size: Size::Replaced,
    })
}

/// What a comparison alone does not decide, but users want to know.
fn tell_of(access: &PoolAccess<'_>, intent: &Intent, pool: &Pool) {
    let (progress, difference) = (&access.client().run().progress, intent.spec.compare(pool));
    if difference.maker == Maker::Another {
        let done = match intent.adopt {
            Adopt::No => "it is compared with what is asked for, and not written to",
            Adopt::Yes => "it is adopted",
        };
        progress.note(format!("pool {} was not made by a roll-out: {done}", access.id()));
    }
    if !difference.hidden.is_empty() {
        let names = difference.hidden.join(", ");
        progress.note(format!(
            "not compared, since Batch does not show it: {names}; a new value takes effect in a new pool only"
        ));
    }
}

/// The steps that follow from the first decision.
fn steps((intent, version): (&Intent, &ImageVersionId), next: &Next<'_>, rounds: u32) -> Plan<RolloutStep> {
    let (pool, targets) = (intent.spec.id().clone(), intent.goal.targets);
    let timeouts_minutes = || timeouts(intent, rounds);
    let create = || RolloutStep::CreatePool {
        pool: pool.clone(),
        version: version.clone(),
        targets,
        timeouts_minutes: timeouts_minutes(),
    };
    let resize = |from| RolloutStep::ResizePool {
        pool: pool.clone(),
        from,
        targets,
        timeouts_minutes: timeouts_minutes(),
    };
    let mut steps = match next {
        Next::Update(found, difference) => {
            let update = RolloutStep::UpdatePool {
                pool: pool.clone(),
                settings: difference.names(When::AnyTime),
            };
            let mut steps = vec![update];
            steps.extend(self::steps((intent, version), &intent.sizing(found), rounds).steps);
            return Plan::new(steps);
        }
        Next::Create => vec![create()],
        Next::Wait(Waiting::Deletion) => vec![RolloutStep::AwaitDeletion { pool: pool.clone() }, create()],
        Next::Wait(Waiting::OtherResize(other)) => vec![
            RolloutStep::AwaitOtherResize {
                pool: pool.clone(),
                targets: *other,
            },
            resize(*other),
        ],
        Next::StopOther(found) => vec![
            RolloutStep::StopOtherResize {
                pool: pool.clone(),
                targets: found.targets,
            },
            resize(found.current),
        ],
        Next::Resize(found) => vec![resize(found.current)],
        Next::Join(_) => vec![RolloutStep::JoinResize {
            pool: pool.clone(),
            targets,
        }],
        Next::Wait(Waiting::OurResize) | Next::RoundEnded(..) | Next::Replace(_) | Next::Sized(_) | Next::Refuse(_) => {
            Vec::new()
        }
    };
    steps.push(RolloutStep::AwaitNodes {
        pool: pool.clone(),
        needed: intent.goal.needed,
    });
    Plan::new(steps)
}
