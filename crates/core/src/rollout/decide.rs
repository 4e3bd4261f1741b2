//! What to do with the pool next: pure, from what is asked for, where the run stands, and the pool that is there.
//!
//! It is asked again after every look. A lost answer, or a refusal because another caller was faster, is just another look.

mod refusals;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    counted::{bare, counted},
    pair,
    record::{Phase, Record, Remembered},
    spec::{Difference, Maker, Spec, Wanted, When},
    verdict::{Goal, is_version},
};
use crate::{
    batch::{
        autoscale,
        pool::{AllocationState, Pool, PoolLife, Scaling},
        upgrade,
    },
    ids::NodeCounts,
    settings::{
        Adopt, Autoscale, PendingResize, Readiness, RolloutSettings, SpotCounts, Strategy, fault::Fault, patience,
    },
};

pub(super) use refusals::{deleted, deleting, replaced, shifting};

/// A pool that shows its former state so long after a write will not show another: reads lag by seconds.
pub(super) const LAG: Duration = Duration::from_secs(120);

/// What is wanted. It stays the same over the whole run.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    /// The pool.
    pub(super) spec: Wanted,
    /// Its size, and what is enough of it.
    pub(super) goal: Goal,
    /// What happens to a resize that another caller began.
    pub(super) pending: PendingResize,
    /// What happens to a pool that others made.
    pub(super) adopt: Adopt,
    /// How a pool gets what Batch changes only while it has no nodes.
    pub(super) strategy: Strategy,
    /// The nodes that try the image in a pool that this roll-out makes.
    pub(super) first: NodeCounts,
    /// How much of the pool is this intent's.
    pub(super) part: Part,
    /// The formula that decides its size; then the goal's numbers mean nothing.
    pub(super) follows: Option<Follows>,
}

/// A formula that a pool shall follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Follows {
    /// The formula.
    pub(super) scale: Autoscale,
    /// Whether the spot nodes that it asks for must be ready.
    pub(super) spot_counts: SpotCounts,
}

/// How much of a pool an intent is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, from its creation on.
    Whole,
    /// All of it. It was there when the run began, so if it goes, others have deleted it.
    Found,
    /// Its nodes, within a change that something else leads and that gives the pool only these sizes.
    Nodes([NodeCounts; 4]),
}

/// Where the run stands with the pool's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was written; resizes that others began are waited for.
    Before,
    /// The pool was made so long ago, with a formula that decides its size.
    Made(Duration),
    /// A resize to our targets is under way.
    UnderWay {
        /// A steady state answers it when it began after this, by the service's clock. Any does without a time.
        after: Option<Timestamp>,
        /// How long ago we asked for it.
        passed: Duration,
    },
    /// A round has ended too small. The next write begins another round.
    Between,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next<'p> {
    /// The pool does not exist: create it.
    Create,
    /// Empty it, change it, and fill it again; or go on with that.
    Replace(&'p Pool),
    /// Change what can be changed while it has nodes, or put our mark on it.
    Update(&'p Pool, Difference),
    /// Bring it to the targets.
    Resize(&'p Pool),
    /// Let the formula decide its size.
    Follow(&'p Pool),
    /// Stop the resize to other targets that is under way.
    StopOther(&'p Pool),
    /// A resize to our targets is under way that this run did not begin: it is the round.
    Join(&'p Pool),
    /// Look again after a pause.
    Wait(Waiting),
    /// The round has ended.
    RoundEnded(&'p Pool, Errors),
    /// It has its size.
    Sized(&'p Pool),
    /// Going on could destroy something.
    Refuse(Refusal),
}

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The end of the pool's deletion.
    Deletion,
    /// The end of a resize to other targets.
    OtherResize(NodeCounts),
    /// The end of the resize to our targets.
    OurResize,
}

/// Whose errors a steady pool shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errors {
    /// This round's.
    OfThisRound,
    /// An older resize's.
    Stale,
}

/// Why a pool is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What stands in the way, as the end of a sentence that begins with the pool.
    pub(super) why: String,
    /// What works instead.
    pub(super) remedy: &'static str,
}

/// What to do about a pool whose image or size only a change in place can bring.
pub(super) const OTHER_STRATEGIES: &str = "run again with {strategy=in-place}, which waits for running tasks, removes all nodes, changes the pool and fills it again; or roll out to a new {pool_id}";
/// What to do about a pool that differs in what it can get with no nodes only.
pub(super) const OTHER_SETTINGS: &str = "run again with {strategy=in-place}, which waits for running tasks, removes all nodes, changes the pool and fills it again; or give what the pool has; or roll out to a new {pool_id}";
/// What to do about the pools that are left alone here, for tests of the texts.
pub(super) const REMEDIES: [&str; 7] = [
    OTHER_STRATEGIES,
    OTHER_SETTINGS,
    UNFINISHED,
    NEW_POOL,
    ADOPTING,
    FORMULA,
    AGREE,
];
/// What to do about a change in place that has not come to its end.
pub(super) const UNFINISHED: &str =
    "run the roll-out that began it again, with {strategy=in-place}, or go back with azure-batch-pool rollback";
const NEW_POOL: &str = "Batch never changes these of a pool that is there: roll out to a new {pool_id}";
pub(super) const ADOPTING: &str =
    "give {adopt=true} to let this roll-out change the pool from now on, or roll out to a new {pool_id}";
const FORMULA: &str = "give the formula in {autoscale_formula}, or take it from the pool (az batch pool autoscale disable), or give a new {pool_id}";
const AGREE: &str = "agree with those who change the pool, then run again";

impl Part {
    /// Whether its settings are a part of it.
    const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole | Self::Found)
    }
}

impl Intent {
    /// What this specification and policy want.
    pub(super) fn new(spec: Spec, settings: &RolloutSettings) -> Self {
        let policy = settings.policy;
        Self {
            spec: Wanted::Asked(Box::new(spec)),
            goal: Goal::new(settings.pool.targets, policy.readiness),
            pending: policy.resize.pending,
            adopt: policy.adopt,
            strategy: settings.change.strategy,
            first: settings.first_nodes(),
            part: Part::Whole,
            follows: settings.pool.autoscale.clone().map(|scale| Follows {
                scale,
                spot_counts: settings.pool.targets.spot_counts,
            }),
        }
    }

    /// The record of a pool that is made for its first nodes to try the image; nothing when none do.
    pub(super) fn made(&self, now: Timestamp) -> Option<Record> {
        let spec = self.spec.asked().filter(|_| self.first.total() > 0)?;
        let id = spec.roll_out_id(self.first, self.follows.as_ref().map(|follows| &follows.scale));
        Some(Record::make(id, spec.version().to_string(), self.first, now))
    }

    /// To fill an emptied pool with nodes of its former image.
    pub(super) fn to_former(spec: Wanted, record: &Record, readiness: Readiness) -> Self {
        // What was enough was another roll-out's to say.
        let usual = Readiness {
            min_dedicated: None,
            min_spot: None,
            ..readiness
        };
        Self {
            spec,
            goal: Goal::new(record.was.size.into(), usual),
            pending: PendingResize::Wait,
            adopt: Adopt::No,
            strategy: Strategy::CreateOnly,
            first: NodeCounts::default(),
            part: Part::Nodes(record.sizes()),
            follows: record.was.autoscale.clone().map(|scale| Follows {
                scale,
                spot_counts: SpotCounts::WhenAlone,
            }),
        }
    }

    /// The same about the nodes alone, and so many of them, of a pool that has these targets.
    pub(super) fn sized(&self, goal: Goal, from: NodeCounts) -> Self {
        Self {
            goal,
            part: Part::Nodes([from, goal.targets, from, goal.targets]),
            ..self.clone()
        }
    }

    /// To fill a pool again that has kept its image; a shrink that is under way need not end first.
    pub(super) fn refilling(spec: Wanted, (size, from): (NodeCounts, NodeCounts), readiness: Readiness) -> Self {
        let usual = Readiness {
            min_dedicated: None,
            min_spot: None,
            ..readiness
        };
        Self {
            spec,
            goal: Goal::new(size.into(), usual),
            pending: PendingResize::Stop,
            adopt: Adopt::No,
            strategy: Strategy::CreateOnly,
            first: NodeCounts::default(),
            part: Part::Nodes([from, size, from, size]),
            follows: None,
        }
    }

    /// The same about the nodes alone, and so many of them, within the change of a record.
    pub(super) fn filling(&self, goal: Goal, record: &Record) -> Self {
        Self {
            goal,
            part: Part::Nodes(record.sizes()),
            ..self.clone()
        }
    }

    /// The same, once it is known whether the pool is there.
    pub(super) fn found(self, pool: Option<&Pool>) -> Self {
        let is_there = self.part == Part::Whole && pool.is_some_and(|pool| pool.life != PoolLife::Deleting);
        let part = if is_there { Part::Found } else { self.part };
        Self { part, ..self }
    }

    /// The same, of a size that no formula decides.
    pub(super) fn without_formula(self) -> Self {
        Self { follows: None, ..self }
    }

    /// The body of the pool that is asked for.
    ///
    /// # Errors
    /// With what is missing that only a new pool needs.
    pub(super) fn new_body(&self, spec: &Spec, timeout: Duration) -> Result<Value, Vec<Fault>> {
        match &self.follows {
            None => spec.create_body(self.goal.targets, timeout),
            Some(follows) => spec.following_body(&follows.scale),
        }
    }

    /// Decides. In the stages `Before`, `Made` and `Between` the pool must be whole, since it is compared with what is asked.
    pub(super) fn decide<'p>(&self, stage: Stage, pool: Option<&'p Pool>) -> Next<'p> {
        match (stage, pool) {
            (Stage::Before, None) if self.part == Part::Whole => Next::Create,
            (Stage::UnderWay { passed, .. } | Stage::Made(passed), None) if passed < LAG => {
                Next::Wait(Waiting::OurResize)
            }
            (_, None) => Next::Refuse(deleted()),
            (Stage::Before, Some(pool)) if pool.life == PoolLife::Deleting && self.part == Part::Whole => {
                Next::Wait(Waiting::Deletion)
            }
            (Stage::Before | Stage::Made(_), Some(pool)) if pool.life == PoolLife::Deleting => Next::Refuse(deleting()),
            (Stage::Before | Stage::Made(_), Some(pool)) => self.before(pool),
            (Stage::UnderWay { after, passed }, Some(pool)) => self.under_way(pool, after, passed),
            (Stage::Between, Some(pool)) => self.between(pool),
        }
    }

    fn before<'p>(&self, pool: &'p Pool) -> Next<'p> {
        let difference = self.spec.compare(pool);
        if pool.is_upgraded_by_platform() {
            return Next::Refuse(by_platform(pool));
        }
        if let Part::Nodes(sizes) = self.part
            && pool.scaling == Scaling::Fixed
            && !sizes.contains(&pool.targets)
        {
            return Next::Refuse(self.other_targets(pool));
        }
        if self.part.is_whole() {
            if let Some(shift) = pair::under_way(pool) {
                return Next::Refuse(shifting(&shift));
            }
            match self.replacing(pool, &difference) {
                Ok(false) => {}
                Ok(true) => return Next::Replace(pool),
                Err(refusal) => return Next::Refuse(refusal),
            }
        }
        if let Some(refusal) = self.refusal(pool, &difference) {
            return Next::Refuse(refusal);
        }
        match self.sizing(pool) {
            next if difference.maker == Maker::Another && self.adopt == Adopt::No => {
                foreign(&difference, &next).map_or(next, Next::Refuse)
            }
            // Settings are written once a run; what another client changes after that is left.
            next if !self.part.is_whole() => next,
            _ if difference.maker == Maker::Another || !difference.is_none() => Next::Update(pool, difference),
            next => next,
        }
    }

    /// Whether the pool must be emptied for what is asked for, or was by a run that did not come to its end.
    fn replacing(&self, pool: &Pool, difference: &Difference) -> Result<bool, Refusal> {
        let may_write = difference.maker == Maker::RollOut || self.adopt != Adopt::No;
        match (Record::of(pool), self.strategy) {
            (Remembered::Unreadable, _) => Err(Refusal {
                why: "has a record of a change that this version cannot read".to_owned(),
                remedy: "finish that change with the version that began it",
            }),
            (Remembered::Change(record), _) if record.is_made() && record.is_under_way() => Ok(true),
            (Remembered::Change(record), _) if record.is_made() && self.tries_again(pool, &record, difference) => {
                Ok(true)
            }
            (Remembered::Change(record), strategy) if strategy != Strategy::InPlace && record.is_under_way() => {
                Err(Refusal {
                    why: format!(
                        "is being changed in place since {}, to {}, and that has not come to its end",
                        record.since, record.to
                    ),
                    remedy: UNFINISHED,
                })
            }
            (Remembered::Change(record), Strategy::InPlace) if record.is_under_way() => Ok(true),
            (_, Strategy::CreateOnly | Strategy::BlueGreen | Strategy::Auto) => Ok(false),
            (_, Strategy::InPlace) => {
                let is_changed = difference.image.is_some() || difference.of(When::Empty).next().is_some();
                let is_possible = difference.of(When::NewPool).next().is_none()
                    && (pool.scaling == Scaling::Fixed || self.follows.is_some());
                Ok(is_changed && is_possible && may_write)
            }
        }
    }

    /// Whether the pool has no nodes because those that tried its image were bad, and the image shall be tried again.
    fn tries_again(&self, pool: &Pool, record: &Record, difference: &Difference) -> bool {
        let is_same = difference.image.is_none()
            && difference.of(When::Empty).next().is_none()
            && difference.of(When::NewPool).next().is_none();
        is_same && record.phase == Phase::Returned && pool.targets.total() == 0 && self.first.total() > 0
    }

    /// What the size alone of a pool calls for that may be written to.
    pub(super) fn sizing<'p>(&self, pool: &'p Pool) -> Next<'p> {
        if let Some(follows) = &self.follows {
            return self.following(follows, pool);
        }
        let (goal, is_ours) = (self.goal, pool.targets == self.goal.targets);
        match (&pool.allocation, self.pending) {
            // What is missing of a pool that has enough is asked for once more in each run.
            (AllocationState::Steady, _) if is_ours && goal.is_exactly(pool.current) => Next::Sized(pool),
            (AllocationState::Steady, _) => Next::Resize(pool),
            (AllocationState::Resizing, _) if is_ours => Next::Join(pool),
            (AllocationState::Resizing, PendingResize::Stop) => Next::StopOther(pool),
            (AllocationState::Resizing | AllocationState::Stopping | AllocationState::Other(_), _) => {
                Next::Wait(Waiting::OtherResize(pool.targets))
            }
        }
    }

    /// A pool that follows the formula is left to it. Batch takes a formula only while no resize is under way.
    fn following<'p>(&self, follows: &Follows, pool: &'p Pool) -> Next<'p> {
        match autoscale::of(pool) {
            Some(found) if follows.scale.is_met_by(&found) => Next::Sized(pool),
            Some(_) if !self.part.is_whole() => Next::Refuse(Refusal {
                why: "follows another autoscale formula by now".to_owned(),
                remedy: AGREE,
            }),
            _ if pool.is_steady() => Next::Follow(pool),
            _ if pool.allocation == AllocationState::Resizing && self.pending == PendingResize::Stop => {
                Next::StopOther(pool)
            }
            _ => Next::Wait(Waiting::OtherResize(pool.targets)),
        }
    }

    fn under_way<'p>(&self, pool: &'p Pool, after: Option<Timestamp>, passed: Duration) -> Next<'p> {
        let is_lagging = passed < LAG;
        match self.changed(pool) {
            Some(refusal) if !is_lagging => Next::Refuse(refusal),
            None if pool.is_steady() && is_younger(pool, after) => Next::RoundEnded(pool, Errors::OfThisRound),
            None if pool.is_steady() && !is_lagging => Next::RoundEnded(pool, Errors::Stale),
            Some(_) | None => Next::Wait(Waiting::OurResize),
        }
    }

    fn other_image(&self, image: &str) -> String {
        match self.spec.asked().map(Spec::version) {
            Some(version) if is_version(&format!("{image}/versions/{}", version.name()), version) => {
                let number = version.name();
                format!("exists and follows the definition {image}, not the version {number}")
            }
            Some(version) => {
                let (wanted, runs) = version.with_other(image);
                let runs = match runs == image {
                    true => runs,
                    false => format!("{} {runs}", version.definition().name()),
                };
                format!("exists and runs {runs}, not {wanted}")
            }
            None => format!("exists and runs {image}, not {}", self.spec.image()),
        }
    }

    fn between<'p>(&self, pool: &'p Pool) -> Next<'p> {
        let difference = self.spec.compare(pool);
        let refusal = self
            .changed(pool)
            .or_else(|| self.refusal(pool, &difference))
            .or_else(|| meanwhile(&difference));
        match refusal {
            Some(refusal) => Next::Refuse(refusal),
            None if !pool.is_steady() => Next::Join(pool),
            None if self.goal.is_exactly(pool.current) => Next::Sized(pool),
            None => Next::Resize(pool),
        }
    }

    /// The pool, unless another caller has changed it since it had our targets.
    pub(super) fn unchanged<'p>(&self, pool: Option<&'p Pool>) -> Result<&'p Pool, Refusal> {
        let pool = pool.ok_or_else(deleted)?;
        self.changed(pool).map_or(Ok(pool), Err)
    }

    /// The timeout of the first round.
    pub(super) fn first_timeout(&self) -> Duration {
        patience::first(self.goal.targets.total(), self.spec.timeout())
    }

    /// What another caller has changed since the pool had our targets.
    fn changed(&self, pool: &Pool) -> Option<Refusal> {
        let why = if pool.life == PoolLife::Deleting {
            return Some(deleting());
        } else if pool.scaling == Scaling::Auto {
            "follows an autoscale formula by now".to_owned()
        } else if pool.targets != self.goal.targets {
            return Some(self.other_targets(pool));
        } else {
            return None;
        };
        Some(Refusal { why, remedy: AGREE })
    }

    fn other_targets(&self, pool: &Pool) -> Refusal {
        let (found, asked) = (counted(pool.targets), bare(self.goal.targets));
        Refusal {
            why: format!("has other targets by now: {found} there, {asked} asked for by this roll-out"),
            remedy: AGREE,
        }
    }

    fn refusal(&self, pool: &Pool, difference: &Difference) -> Option<Refusal> {
        if pool.scaling == Scaling::Auto && self.follows.is_none() {
            return Some(Refusal {
                why: "exists, and its size follows an autoscale formula, which a resize would end".to_owned(),
                remedy: FORMULA,
            });
        }
        let differs = |when: When| {
            let names = difference.naming(when);
            (!names.is_empty()).then(|| format!("exists and differs in {}", names.join(", ")))
        };
        // A change in place brings another image, and these it cannot bring: they are what stands in the way.
        let is_in_place = self.strategy == Strategy::InPlace && difference.maker == Maker::RollOut;
        if let Some(why) = differs(When::NewPool).filter(|_| is_in_place) {
            return Some(Refusal { why, remedy: NEW_POOL });
        }
        if let Some(image) = &difference.image {
            let remedy = if difference.maker == Maker::Another {
                ADOPTING
            } else {
                OTHER_STRATEGIES
            };
            return Some(Refusal {
                why: self.other_image(image),
                remedy,
            });
        }
        let never = differs(When::NewPool).map(|why| (why, NEW_POOL));
        let refused = never.or_else(|| Some((differs(When::Empty)?, OTHER_SETTINGS)));
        refused.map(|(why, remedy)| Refusal { why, remedy })
    }
}

/// A pool whose nodes Azure changes by itself has no version that a roll-out could bring it to.
fn by_platform(pool: &Pool) -> Refusal {
    let why = "has automatic OS upgrades (upgradePolicy): Azure moves its nodes to each new version of the definition as \
               soon as that is latest";
    let hazards = upgrade::hazards(pool.body()).into_iter();
    let unsafe_parts = hazards.map(|hazard| format!("; {} {}", hazard.path, hazard.why));
    Refusal {
        why: std::iter::once(why.to_owned()).chain(unsafe_parts).collect(),
        remedy: "promote or demote the version in the gallery instead, or roll out to a new {pool_id}",
    }
}

/// Why a pool that others made stays as it is: only when it would be written to.
fn foreign(difference: &Difference, next: &Next<'_>) -> Option<Refusal> {
    let names = difference.naming(When::AnyTime);
    let why = match next {
        _ if !names.is_empty() => format!("was not made by a roll-out, and it differs in {}", names.join(", ")),
        Next::Resize(pool) | Next::StopOther(pool) => format!(
            "was not made by a roll-out, and has other targets or nodes than asked for: {} there, targets {}",
            counted(pool.current),
            bare(pool.targets)
        ),
        Next::Follow(_) => "was not made by a roll-out, and does not follow the formula that is asked for".to_owned(),
        Next::Wait(Waiting::OtherResize(targets)) => format!(
            "was not made by a roll-out, and is being resized to {}",
            counted(*targets)
        ),
        _ => return None,
    };
    Some(Refusal { why, remedy: ADOPTING })
}

/// Settings that were changed since this run began with the pool.
fn meanwhile(difference: &Difference) -> Option<Refusal> {
    let names = difference.naming(When::AnyTime);
    (!names.is_empty()).then(|| Refusal {
        why: format!("was changed meanwhile in {}", names.join(", ")),
        remedy: AGREE,
    })
}

/// Whether the pool's allocation state began after that time. A state without a time may have.
fn is_younger(pool: &Pool, after: Option<Timestamp>) -> bool {
    match (pool.allocation_since, after) {
        (Some(since), Some(after)) => since > after,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
