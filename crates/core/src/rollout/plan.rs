//! What a roll-out will do, as steps: from what is asked for and a first look at the pool. It writes nothing.
//!
//! The steps are what the first look shows. A pool that changes afterwards is looked at and decided about again.

use super::{
    as_found, checkpoint,
    decide::{Intent, Next, Refusal, Stage, Waiting},
    explain::refused,
    follow::not_evaluated,
    former, heal,
    pool::PoolAccess,
    record::{Phase, Record, Remembered},
    replace::{self, steps::EMPTIED},
    replicas::Need,
    spec::{Maker, When, unusable},
    step::RolloutStep,
    tags::{self, Retag},
    verdict::Goal,
};
use crate::{
    batch::{
        autoscale::{self, Evaluation},
        pool::Pool,
    },
    error::Result,
    gate::Checkpoint,
    ids::{NodeCounts, PoolId, resource::ImageVersionId},
    plan::Plan,
    rights::Naming,
    settings::{Adopt, Autoscale, RolloutSettings, patience},
};

/// What the first look has come to.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The steps.
    pub(super) plan: Plan<RolloutStep>,
    /// What the pool's size calls for.
    pub(super) size: Size,
    /// Tags that change.
    pub(super) retag: Option<Retag>,
}

/// What a pool's size calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Nothing: it is as wanted.
    Reached,
    /// A write or a wait that brings no node of ours.
    NoNewNodes,
    /// A write that asks for more nodes than there are, or a resize to more that another client has begun.
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
    /// Whether its steps make the pool, so that a request names image and subnet.
    pub(super) fn naming(&self) -> Naming {
        let makes_it = |step: &RolloutStep| {
            matches!(
                step,
                RolloutStep::CreatePool { .. } | RolloutStep::CreateAutoscalePool { .. }
            )
        };
        if self.plan.steps.iter().any(makes_it) {
            Naming::Named
        } else {
            Naming::Kept
        }
    }

    /// With a change of tags, which comes first.
    fn tagging(mut self, retag: Option<Retag>, pool: &PoolId) -> Self {
        self.plan
            .steps
            .splice(0..0, retag.as_ref().map(|retag| retag.step(pool)));
        Self { retag, ..self }
    }

    /// Puts what the version needs before the pool's own steps.
    pub(super) fn add_replicas(&mut self, need: &Need, settings: &RolloutSettings) {
        self.plan.steps.splice(0..0, need.steps(settings));
    }
}

impl Intent {
    /// What a write calls for that gives the pool its size. What a formula will say is not known.
    fn growth(&self, current: NodeCounts) -> Size {
        if self.follows.is_some() || self.goal.is_more_than(current) {
            Size::NewNodes
        } else {
            Size::NoNewNodes
        }
    }

    /// The step that makes the pool.
    fn creation(&self, version: &ImageVersionId, rounds: u32) -> RolloutStep {
        let (pool, version) = (self.spec.id().clone(), version.clone());
        match &self.follows {
            Some(follows) => RolloutStep::CreateAutoscalePool {
                pool,
                version,
                autoscale: follows.scale.clone(),
            },
            None => RolloutStep::CreatePool {
                pool,
                version,
                targets: self.goal.targets,
                timeouts_minutes: timeouts(self, rounds),
            },
        }
    }

    /// The step that gives the pool its size.
    fn resize(&self, from: NodeCounts, rounds: u32) -> RolloutStep {
        let pool = self.spec.id().clone();
        match &self.follows {
            Some(follows) => RolloutStep::EnableAutoscale {
                pool,
                autoscale: follows.scale.clone(),
                now: None,
            },
            None => RolloutStep::ResizePool {
                pool,
                from,
                targets: self.goal.targets,
                timeouts_minutes: timeouts(self, rounds),
            },
        }
    }

    /// The step that waits for the nodes.
    fn waiting(&self) -> RolloutStep {
        let pool = self.spec.id().clone();
        match &self.follows {
            Some(_) => RolloutStep::AwaitAutoscale { pool },
            None => RolloutStep::AwaitNodes {
                pool,
                needed: self.goal.needed,
            },
        }
    }
}

impl Plan<RolloutStep> {
    /// Says what the formula comes to now.
    fn expect(&mut self, expected: Option<&str>) {
        for step in &mut self.steps {
            if let RolloutStep::EnableAutoscale { now, .. } = step {
                *now = expected.map(str::to_owned);
            }
        }
    }
}

/// What the pool as it was found calls for, and what else is looked at for that.
///
/// # Errors
/// `Refused` with the reason and what works instead, `BadInput` when something that only a new pool needs is missing, or
/// when the pool cannot be read.
pub(super) async fn look(
    access: &PoolAccess<'_>,
    pool: Option<&Pool>,
    (intent, settings): (&Intent, &RolloutSettings),
) -> Result<Beginning> {
    let rounds = settings.policy.resize.rounds;
    let next = decided(intent, pool).map_err(|refusal| refused(access.at(), refusal))?;
    let will_be_made = matches!(next, Next::Create | Next::Wait(Waiting::Deletion));
    if will_be_made {
        // Nothing is written for a pool that could not be created afterwards.
        let asked = intent.spec.asked();
        let body = asked.map(|spec| intent.new_body(spec, intent.first_timeout()));
        body.transpose().map_err(|faults| unusable(access.id(), &faults))?;
    }
    let there = pool.filter(|_| !will_be_made);
    if let Some(pool) = there {
        tell_of(access, intent, pool);
    }
    let current = there.map_or_else(NodeCounts::default, |pool| pool.current);
    let expected = evaluated(access, intent, pool).await?;
    let retag = tags::look(access, there, intent).await?;
    if let Next::Replace(pool) = next {
        let mut beginning = match Record::of(pool) {
            Remembered::Change(record) if record.is_made() => tried_again(intent, pool, &record, settings),
            _ => replaced(access, intent, pool, settings).await?,
        };
        beginning.plan.expect(expected.as_deref());
        return Ok(beginning.tagging(retag, access.id()));
    }
    if will_be_made && intent.first.total() > 0 {
        return Ok(tried(intent, &next, settings));
    }
    let mut plan = steps((intent, &settings.pool.version), &next, rounds);
    plan.expect(expected.as_deref());
    let sized = match next {
        Next::Update(pool, _) => intent.sizing(pool),
        next => next,
    };
    let is_updated = plan
        .steps
        .iter()
        .any(|step| matches!(step, RolloutStep::UpdatePool { .. }));
    let healing = heal::foresee(access, (intent, settings), there).await?;
    let is_changed = is_updated || healing.is_some();
    plan.steps.extend(healing);
    let size = match sized {
        Next::Sized(_) if !is_changed => Size::Reached,
        Next::Sized(_) => Size::NoNewNodes,
        _ => intent.growth(current),
    };
    let beginning = Beginning {
        plan,
        size,
        retag: None,
    };
    Ok(beginning.tagging(retag, access.id()))
}

/// What the pool as it was found calls for first.
fn decided<'p>(intent: &Intent, pool: Option<&'p Pool>) -> Result<Next<'p>, Refusal> {
    let size = (
        intent.goal.targets,
        intent.follows.as_ref().map(|follows| &follows.scale),
    );
    match intent.decide(Stage::Before, pool) {
        Next::Refuse(refusal) => Err(refusal),
        next => as_found::changed(intent.adopt, size, pool).map_or(Ok(next), Err),
    }
}

/// What Batch says a new formula comes to in a pool that follows one; of others it cannot be asked, but Batch looks at a
/// formula before it takes it.
async fn evaluated(access: &PoolAccess<'_>, intent: &Intent, pool: Option<&Pool>) -> Result<Option<String>> {
    let (Some(follows), Some(pool)) = (&intent.follows, pool) else {
        return Ok(None);
    };
    let is_other = |found: &Autoscale| !follows.scale.is_met_by(found);
    if autoscale::of(pool).filter(is_other).is_none() {
        return Ok(None);
    }
    let evaluation = match access.evaluate(&follows.scale).await {
        Err(error) if error.has_status(403) => {
            access
                .client()
                .warn(format!("the autoscale formula was not evaluated: {error}"));
            None
        }
        evaluation => evaluation?,
    };
    match evaluation {
        Some(Evaluation { error: Some(error), .. }) => Err(not_evaluated(error)),
        Some(evaluation) => Ok(Some(evaluation.targets())),
        None => Ok(None),
    }
}

/// A pool that is made with its first nodes.
fn tried(intent: &Intent, next: &Next<'_>, settings: &RolloutSettings) -> Beginning {
    let first = Intent {
        goal: Goal::all(intent.first),
        ..intent.clone()
    }
    .without_formula();
    let mut plan = steps((&first, &settings.pool.version), next, settings.policy.resize.rounds).steps;
    plan.pop();
    plan.extend(from_first(intent, settings));
    Beginning {
        plan: Plan::new(plan),
        size: Size::Tried,
        retag: None,
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
            }
            .without_formula();
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
        retag: None,
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
    plan.extend(checkpoint::gates_planned(
        intent.spec.id(),
        Checkpoint::Canary,
        &settings.change,
    ));
    if intent.follows.is_some() || intent.goal.targets != intent.first {
        plan.push(intent.resize(intent.first, settings.policy.resize.rounds));
    }
    plan.push(intent.waiting());
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
    let way_back = former::of_pool(access.client(), access.watch().endpoint(), pool).await?;
    let around = replace::steps::steps((intent, spec), (pool, &jobs, way_back), settings, now);
    let (mut plan, after) = around.map_err(|refusal| refused(access.at(), refusal))?;
    let goes_on = matches!(plan.first(), Some(RolloutStep::ResumeChange { .. }));
    if let Some(left) = Record::of_pool(pool).filter(|left| left.is_under_way() && !goes_on) {
        access.client().warn(left.taken_over());
    }
    let mut filled = pool.clone();
    filled.current = EMPTIED;
    let grows = match intent.follows {
        Some(_) => Next::Follow(&filled),
        None => Next::Resize(&filled),
    };
    let grown = steps((intent, &settings.pool.version), &grows, settings.policy.resize.rounds);
    plan.extend(grown.steps);
    plan.extend(after);
    Ok(Beginning {
        plan: Plan::new(plan),
        size: Size::Replaced,
        retag: None,
    })
}

/// What a comparison alone does not decide, but users want to know.
fn tell_of(access: &PoolAccess<'_>, intent: &Intent, pool: &Pool) {
    let (progress, difference) = (&access.client().run().progress, intent.spec.compare(pool));
    if difference.maker == Maker::Another {
        let done = match intent.adopt {
            Adopt::No => "it is compared with what is asked for, and not written to",
            Adopt::Yes | Adopt::AsFound => "it is adopted",
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
    let create = || intent.creation(version, rounds);
    let resize = |from| intent.resize(from, rounds);
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
        Next::Resize(found) | Next::Follow(found) => vec![resize(found.current)],
        Next::Join(_) => vec![RolloutStep::JoinResize {
            pool: pool.clone(),
            targets,
        }],
        Next::Wait(Waiting::OurResize) | Next::RoundEnded(..) | Next::Replace(_) | Next::Sized(_) | Next::Refuse(_) => {
            Vec::new()
        }
    };
    steps.push(intent.waiting());
    Plan::new(steps)
}
