//! What to do with the pool next: pure, from what is asked for, where the run stands, and the pool that is there.
//!
//! It is asked again after every look. A lost answer, or a refusal because another caller was faster, is just another look.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    counted::bare,
    size::timeout,
    spec::{Likeness, Spec},
    verdict::{Goal, is_version},
};
use crate::{
    batch::pool::{AllocationState, Pool, PoolLife, Scaling},
    ids::NodeCounts,
    settings::PendingResize,
};

/// A pool that shows its former state so long after a write will not show another: reads lag by seconds.
const LAG: Duration = Duration::from_secs(120);

/// What is wanted. It stays the same over the whole run.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    /// The pool.
    pub(super) spec: Spec,
    /// Its size, and what is enough of it.
    pub(super) goal: Goal,
    /// What happens to a resize that another caller began.
    pub(super) pending: PendingResize,
}

/// Where the run stands with the pool's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was written; resizes that others began are waited for.
    Before,
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
    /// Bring it to the targets.
    Resize(&'p Pool),
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

const OTHER_STRATEGIES: &str = "changing an existing pool in place, or blue-green by a second pool, will come in a later release; until then roll out to a new pool id";
const AGREE: &str = "agree with those who change the pool, then run the same again";

impl Intent {
    /// What this specification and policy want.
    pub(super) const fn new(spec: Spec, goal: Goal, pending: PendingResize) -> Self {
        Self { spec, goal, pending }
    }

    /// Decides. In the stages `Before` and `Between` the pool must be whole, since it is compared with what is asked.
    pub(super) fn decide<'p>(&self, stage: Stage, pool: Option<&'p Pool>) -> Next<'p> {
        match (stage, pool) {
            (Stage::Before, None) => Next::Create,
            (Stage::UnderWay { passed, .. }, None) if passed < LAG => Next::Wait(Waiting::OurResize),
            (_, None) => Next::Refuse(deleted()),
            (Stage::Before, Some(pool)) => self.before(pool),
            (Stage::UnderWay { after, passed }, Some(pool)) => self.under_way(pool, after, passed),
            (Stage::Between, Some(pool)) => self.between(pool),
        }
    }

    fn before<'p>(&self, pool: &'p Pool) -> Next<'p> {
        if pool.life == PoolLife::Deleting {
            return Next::Wait(Waiting::Deletion);
        }
        if let Some(refusal) = self.refusal(pool) {
            return Next::Refuse(refusal);
        }
        let (goal, is_ours) = (self.goal, pool.targets == self.goal.targets);
        match (&pool.allocation, self.pending) {
            (AllocationState::Steady, _) if is_ours && goal.is_reached_by(pool.current) => Next::Sized(pool),
            (AllocationState::Steady, _) => Next::Resize(pool),
            (AllocationState::Resizing, _) if is_ours => Next::Join(pool),
            (AllocationState::Resizing, PendingResize::Stop) => Next::StopOther(pool),
            (AllocationState::Resizing | AllocationState::Stopping | AllocationState::Other(_), _) => {
                Next::Wait(Waiting::OtherResize(pool.targets))
            }
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

    fn between<'p>(&self, pool: &'p Pool) -> Next<'p> {
        match self.changed(pool).or_else(|| self.refusal(pool)) {
            Some(refusal) => Next::Refuse(refusal),
            None if !pool.is_steady() => Next::Join(pool),
            None if self.goal.is_reached_by(pool.current) => Next::Sized(pool),
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
        timeout::first(self.goal.targets.total(), self.spec.timeout())
    }

    /// What another caller has changed since the pool had our targets.
    fn changed(&self, pool: &Pool) -> Option<Refusal> {
        let why = if pool.life == PoolLife::Deleting {
            "is being deleted meanwhile".to_owned()
        } else if pool.scaling == Scaling::Auto {
            "follows an autoscale formula by now".to_owned()
        } else if pool.targets != self.goal.targets {
            format!(
                "has other targets by now: {} nodes there, {} asked for by this roll-out",
                bare(pool.targets),
                bare(self.goal.targets)
            )
        } else {
            return None;
        };
        Some(Refusal { why, remedy: AGREE })
    }

    fn refusal(&self, pool: &Pool) -> Option<Refusal> {
        let version = self.spec.version();
        if pool.scaling == Scaling::Auto {
            return Some(Refusal {
                why: "is there, but its size follows an autoscale formula, and a resize would end that".to_owned(),
                remedy: "roll-outs to autoscale pools will come in a later release; until then disable autoscale, or use a new pool id",
            });
        }
        let why = match self.spec.compare(pool) {
            Likeness::Same | Likeness::SameAsFarAsCompared => return None,
            Likeness::OtherImage(image) if is_version(&format!("{image}/versions/{}", version.name()), version) => {
                format!(
                    "is there, but it follows the definition {image}, not the version {}",
                    version.name()
                )
            }
            Likeness::OtherImage(image) => format!("is there, but it runs {image}, not {version}"),
            Likeness::OtherSpec(differences) => format!("is there, but it differs in {}", differences.join(", ")),
        };
        Some(Refusal {
            why,
            remedy: OTHER_STRATEGIES,
        })
    }
}

/// Whether the pool's allocation state began after that time. A state without a time may have.
fn is_younger(pool: &Pool, after: Option<Timestamp>) -> bool {
    match (pool.allocation_since, after) {
        (Some(since), Some(after)) => since > after,
        _ => true,
    }
}

fn deleted() -> Refusal {
    Refusal {
        why: "was deleted meanwhile".to_owned(),
        remedy: AGREE,
    }
}

#[cfg(test)]
mod tests;
