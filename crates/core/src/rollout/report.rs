//! What a roll-out ends with: the report's values, whose serde names are stable.
//!
//! Nothing is decided here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    failed_starts::FailedStarts,
    healed::HealedNode,
    judged::StepJudgement,
    made_by::MadeBy,
    pace::Pace,
    step::RolloutStep,
    verdict::{Census, Goal},
};
use crate::{
    gate::GateAnswer,
    ids::{BatchEndpoint, NodeCounts, PoolId, VmSize, resource::ImageVersionId},
    plan::{Ended, Plan},
    progress::StepTime,
    settings::{Autoscale, RollbackSettings, RolloutSettings, Targets},
    trial::TriedTask,
    words::plural,
};

/// How a roll-out ended: the report is there either way.
pub type RolloutOutcome = Ended<(), RolloutReport>;

/// What was asked, what came, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RolloutReport {
    /// The pool.
    pub pool: PoolId,
    /// Where its account answers, once that is known; programs know it from what they asked for.
    #[serde(skip)]
    pub endpoint: Option<BatchEndpoint>,
    /// The version its nodes shall run; absent when the pool goes back to what it was, or when no version fits the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<ImageVersionId>,
    /// The pool that did the work before, when another one took it over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former_pool: Option<FormerPool>,
    /// The second pool, when the work went back from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_pool: Option<SecondPool>,
    /// What the pool runs again, when the new image was found bad and the run went back from it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_on: Option<BackOn>,
    /// The pool from which a return by hand takes the work back; programs know it from its plan.
    #[serde(skip)]
    pub back_from: Option<PoolId>,
    /// Nodes asked for: by the user, or by the formula when it was last looked at.
    pub targets: Targets,
    /// The formula that decides the pool's size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,
    /// Nodes that the pool's formula asked for when it was last looked at; absent when none decides, or none was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formula_asks: Option<NodeCounts>,
    /// What the first look at the pool has come to; empty when there was none.
    pub plan: Plan<RolloutStep>,
    /// What was done with the pool.
    pub action: PoolAction,
    /// Settings that were changed while the pool has nodes, by their names: nodes that are there have those that are for
    /// nodes only once they boot again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub updated: Vec<String>,
    /// The nodes that the pool had when it was last looked at while it grew or shrank; programs know it from the rounds.
    #[serde(skip)]
    pub allocated: Option<NodeCounts>,
    /// Nodes that count towards the wish and are needed for success.
    pub needed: u32,
    /// Nodes that are idle or running on the version; absent when they were not counted.
    pub ready: Option<u32>,
    /// All nodes by state.
    pub states: BTreeMap<String, u32>,
    /// What became of the command on the nodes that tried the image first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub canary: Vec<TriedTask>,
    /// What tasks on the new nodes said, step by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub judgements: Vec<StepJudgement>,
    /// What the gates said, checkpoint by checkpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateAnswer>,
    /// How many dedicated nodes stand in for spot nodes.
    #[serde(skip_serializing_if = "is_zero")]
    pub stand_ins: u32,
    /// The VM size that a new pool has in the place of the first one that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_size: Option<VmSize>,
    /// Nodes that take tasks though their start task failed, since the pool does not wait for its success.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub start_task_failures: Vec<FailedStarts>,
    /// Nodes that were ill, and what was done with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub healed: Vec<HealedNode>,
    /// The resize rounds.
    pub rounds: Vec<Round>,
    /// Checks that could not be made, with the reason.
    pub skipped_checks: Vec<String>,
    /// How long the pool and its nodes took; only a migration looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// How long each step took.
    pub steps: Vec<StepTime>,
}

/// What was done with the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolAction {
    /// Nothing yet.
    None,
    /// It was created.
    Created,
    /// It was resized.
    Resized,
    /// Settings were changed that take effect on nodes that boot from now on.
    Updated,
    /// It was given a formula that decides its size.
    Autoscaled,
    /// Ill nodes were rebooted or removed, and nothing else was to be done.
    Healed,
    /// A resize to the same target was found and joined.
    Joined,
    /// It was as wished already.
    Unchanged,
    /// It was emptied, changed and filled again, or this had begun.
    Replaced,
    /// It was brought back to what it was before a change, or this had begun.
    Returned,
    /// It took the work of another pool over, or this had begun.
    Moved,
}

/// A pool whose work another one took over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormerPool {
    /// The pool.
    pub pool: PoolId,
    /// The nodes that it shall have now.
    pub nodes: NodeCounts,
    /// Until when it is kept; absent while it still has work.
    pub kept_until: Option<Timestamp>,
    /// Who has made it: no roll-out deletes a pool that others made.
    pub made_by: MadeBy,
}

/// The second pool of a roll-out from which the work went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecondPool {
    /// The pool.
    pub pool: PoolId,
    /// What became of it.
    pub fate: SecondFate,
}

/// What became of a second pool that is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondFate {
    /// This run saw it, and it is deleted.
    Deleted,
    /// It was not there when this run looked.
    Gone,
    /// It is there without nodes; a warning says why.
    Left,
}

/// What a pool runs after a run has gone back by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackOn {
    /// The id of its image; absent when it has none by id, and of a pool that was new and is left without nodes.
    pub image: Option<String>,
}

/// One resize round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Round {
    /// 1 for the first.
    pub number: u32,
    /// The timeout given to the service.
    pub timeout_minutes: u64,
    /// How long it took from the request to the end, or from when it was found under way, in seconds.
    pub seconds: u64,
    /// Dedicated nodes after it.
    pub dedicated: u32,
    /// Spot nodes after it.
    pub spot: u32,
    /// What the service said of it; empty when all came.
    pub errors: Vec<String>,
}

impl RolloutReport {
    /// The replicas that the run has given the version for nodes which it does not run.
    pub(super) fn replicas_left(&self) -> Option<String> {
        self.plan.steps.iter().find_map(|step| match step {
            RolloutStep::RaiseReplicas {
                version,
                region,
                from,
                to,
                ..
            } => {
                let (number, more) = (version.name(), plural(to.saturating_sub(*from), "more replica"));
                Some(format!(
                    "version {number} keeps {more} in {region} (from {from} to {to}), raised for this roll-out"
                ))
            }
            _ => None,
        })
    }
}

impl PoolAction {
    /// All of them, in the order in which pages list them.
    pub const ALL: [Self; 11] = [
        Self::Created,
        Self::Resized,
        Self::Autoscaled,
        Self::Healed,
        Self::Updated,
        Self::Replaced,
        Self::Moved,
        Self::Returned,
        Self::Joined,
        Self::Unchanged,
        Self::None,
    ];

    /// Its word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Created => "created",
            Self::Resized => "resized",
            Self::Updated => "updated",
            Self::Autoscaled => "autoscaled",
            Self::Healed => "healed",
            Self::Joined => "joined",
            Self::Unchanged => "unchanged",
            Self::Replaced => "replaced",
            Self::Returned => "returned",
            Self::Moved => "moved",
        }
    }

    /// Whether a roll-out that reaches what was asked for ends with it.
    #[must_use]
    pub const fn is_success(self) -> bool {
        !matches!(self, Self::None | Self::Returned)
    }
}

impl SecondFate {
    /// The same as a sentence about the pool.
    #[must_use]
    pub fn says(self, pool: &PoolId) -> String {
        match self {
            Self::Deleted => format!("pool {pool} is deleted"),
            Self::Gone => format!("pool {pool} is not there any more"),
            Self::Left => format!("pool {pool} stays without nodes"),
        }
    }
}

impl RolloutReport {
    /// The report of a roll-out that has done nothing yet.
    pub(super) fn new(settings: &RolloutSettings) -> Self {
        Self {
            version: Some(settings.pool.version.clone()),
            ..Self::unresolved(settings)
        }
    }

    /// The same where it is not known which version a rule means.
    pub(super) fn unresolved<Version>(settings: &RolloutSettings<Version>) -> Self {
        Self {
            autoscale: settings.pool.autoscale.clone(),
            ..Self::of_pool(&settings.pool.id, settings.pool.targets)
        }
    }

    /// The report of a return that has done nothing yet.
    pub(crate) fn of_return(settings: &RollbackSettings) -> Self {
        Self::of_pool(&settings.pool, NodeCounts::default().into())
    }

    /// The report of a change of a pool that has done nothing yet.
    pub(super) fn of_pool(pool: &PoolId, targets: Targets) -> Self {
        Self {
            pool: pool.clone(),
            endpoint: None,
            version: None,
            former_pool: None,
            second_pool: None,
            back_on: None,
            back_from: None,
            targets,
            autoscale: None,
            formula_asks: None,
            plan: Plan::default(),
            action: PoolAction::None,
            updated: Vec::new(),
            allocated: None,
            needed: 0,
            ready: None,
            states: BTreeMap::new(),
            canary: Vec::new(),
            judgements: Vec::new(),
            gates: Vec::new(),
            stand_ins: 0,
            vm_size: None,
            start_task_failures: Vec::new(),
            healed: Vec::new(),
            rounds: Vec::new(),
            skipped_checks: Vec::new(),
            pace: None,
            steps: Vec::new(),
        }
    }

    /// Notes the nodes that the pool's formula asks for.
    pub(super) const fn note_formula(&mut self, asks: NodeCounts) {
        self.formula_asks = Some(asks);
        (self.targets.dedicated, self.targets.spot) = (asks.dedicated, asks.spot);
    }

    /// Notes what was counted last.
    pub(super) fn count(&mut self, goal: Goal, census: &Census) {
        self.states.clone_from(&census.states);
        self.ready = Some(goal.counted(census.ready));
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_word_is_the_one_of_the_report_file_and_stands_once() {
        let words: std::collections::BTreeSet<&str> = PoolAction::ALL.map(PoolAction::word).into();
        assert_eq!(words.len(), PoolAction::ALL.len());
        for action in PoolAction::ALL {
            assert_eq!(json!(action), action.word());
        }
    }
}
