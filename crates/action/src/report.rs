//! How a run ended, in one value: the report file, the outputs, the summary and the exit code are all made of it.
//!
//! It is made of what core says and decides only words; only `outputs` writes.

pub mod answer;
pub mod fleet;
pub mod outputs;
pub mod summary;

use azure_batch_core::{
    error::{Error, ErrorKind},
    failure::{Failure, Step},
    ids::{CloudChoice, KnownCloud, NodeAgentSku, PoolId, VmSize, resource::ImageVersionId},
    options::Door,
    rollout::{PoolAction, RolloutOutcome, RolloutReport},
    settings::{AccountRef, Targets, UnresolvedRollout, WantedVersion},
    words::plural,
};
use jiff::Timestamp;
use serde::Serialize;

/// The exit code of a look that found something to act on, or a plan with changes.
pub const SOMETHING_TO_ACT_ON: u8 = 10;

/// The schema that reports have today.
const SCHEMA: u32 = 1;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The schema of this report; it grows when a field is removed or changes its meaning.
    pub schema_version: u32,
    /// `created`, `resized`, `autoscaled`, `healed`, `updated`, `replaced`, `moved`, `joined`, `unchanged`; after a failure the word of its kind, e.g. `quota`.
    pub result: &'static str,
    /// The exit code.
    pub exit_code: u8,
    /// When the run ended.
    pub ended_at: Timestamp,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// What was asked for; absent when the inputs were not usable.
    pub asked: Option<Asked>,
    /// What core reports; absent when the run did not get that far.
    pub rollout: Option<RolloutReport>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// The pool.
    pub pool: PoolId,
    /// The account: its id or its endpoint.
    pub account: String,
    /// The version: its id; until it is known which one a rule means, the rule.
    pub version: WantedVersion,
    /// The rule that chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen_by: Option<String>,
    /// The VM size.
    pub vm_size: Option<VmSize>,
    /// The node agent SKU.
    pub node_agent_sku: Option<NodeAgentSku>,
    /// How many nodes.
    pub targets: Targets,
    /// How many resize rounds at most.
    pub rounds: u32,
    /// The account's page in the portal, where there is one.
    #[serde(skip)]
    pub page: Option<String>,
}

/// Outputs by name; one that does not apply is left out, which the runner shows as empty.
pub type Outputs = Vec<(&'static str, String)>;

/// When a run ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// The time of day.
    pub at: Timestamp,
    /// Since its start.
    pub seconds: u64,
}

impl Asked {
    /// What the settings ask for.
    #[must_use]
    pub fn of(settings: &UnresolvedRollout, cloud: &CloudChoice) -> Self {
        Self {
            pool: settings.pool.id.clone(),
            account: match &settings.account {
                AccountRef::Id(id) => id.to_string(),
                AccountRef::Endpoint(endpoint) => endpoint.to_string(),
            },
            version: settings.pool.version.clone(),
            chosen_by: None,
            vm_size: settings.pool.vm_size.clone(),
            node_agent_sku: settings.pool.node_agent_sku.clone(),
            targets: settings.pool.targets,
            rounds: settings.policy.resize.rounds,
            page: match (&settings.account, portal(cloud)) {
                (AccountRef::Id(id), Some(portal)) => Some(format!("{portal}/#@/resource{id}/overview")),
                _ => None,
            },
        }
    }

    /// The same once it is known which version it is.
    #[must_use]
    fn on(mut self, version: Option<&ImageVersionId>) -> Self {
        if let (WantedVersion::Newest(_, rule), Some(version)) = (&self.version, version) {
            self.chosen_by = Some(rule.to_string());
            self.version = WantedVersion::One(version.clone());
        }
        self
    }

    /// The version as people know it: its definition and number.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.version.definition().name(), self.version.name())
    }

    /// Nodes that were asked for and count towards readiness.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        if self.targets.counts_spot() {
            self.targets.dedicated.saturating_add(self.targets.spot)
        } else {
            self.targets.dedicated
        }
    }

    /// The same with nodes that stand in for spot nodes which do not count.
    #[must_use]
    pub fn wanted_in(&self, rollout: &RolloutReport) -> u32 {
        let stand_ins = if self.targets.counts_spot() {
            0
        } else {
            rollout.stand_ins
        };
        self.wanted().saturating_add(stand_ins)
    }
}

impl Report {
    /// The report of a roll-out that core ran.
    #[must_use]
    pub fn of_outcome(asked: Asked, outcome: RolloutOutcome, ending: Ending, door: Door) -> Self {
        let action = outcome.report.action;
        let mut report = match outcome.result {
            Ok(()) => Self::ended(action_word(action), 0, ending),
            Err(error) => Self::of_error(&error, ending, door),
        };
        report.asked = Some(asked.on(outcome.report.version.as_ref()));
        report.rollout = Some(outcome.report);
        report
    }

    /// The report of a run that failed before the roll-out began.
    #[must_use]
    pub fn of_error(error: &Error, ending: Ending, door: Door) -> Self {
        let kind = error.kind();
        Self {
            failure: Some(Failure::of(error, door)),
            ..Self::ended(kind.code(), kind.exit_code().0, ending)
        }
    }

    /// The report of a run whose inputs were not usable: one fault a line.
    #[must_use]
    pub fn of_faults(faults: Vec<String>, ending: Ending) -> Self {
        let kind = ErrorKind::BadInput;
        Self {
            failure: Some(Failure::of_faults(faults)),
            ..Self::ended(kind.code(), kind.exit_code().0, ending)
        }
    }

    /// The same with something that is to be done before all else, if it failed.
    #[must_use]
    pub fn with_first_step(mut self, step: Step) -> Self {
        if let Some(failure) = &mut self.failure {
            failure.next.insert(0, step);
        }
        self
    }

    /// Whether signing in failed.
    #[must_use]
    pub fn is_sign_in_failed(&self) -> bool {
        self.result == ErrorKind::SignIn.code()
    }

    /// The result of a pool whose turn never came.
    pub(crate) const NOT_BEGUN: &'static str = "not-begun";

    /// The report of a pool whose turn never came, since another one had failed.
    #[must_use]
    pub fn not_begun(asked: Asked, ending: Ending) -> Self {
        Self {
            asked: Some(asked),
            ..Self::ended(Self::NOT_BEGUN, 0, ending)
        }
    }

    /// The report of a pool that was as it should be before the run.
    #[must_use]
    pub const fn unchanged(ending: Ending) -> Self {
        Self::ended("unchanged", 0, ending)
    }

    const fn ended(result: &'static str, exit_code: u8, ending: Ending) -> Self {
        Self {
            schema_version: SCHEMA,
            result,
            exit_code,
            ended_at: ending.at,
            seconds: ending.seconds,
            asked: None,
            rollout: None,
            failure: None,
        }
    }

    /// Nodes that were asked for and count.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        match (&self.asked, &self.rollout) {
            (Some(asked), Some(rollout)) => asked.wanted_in(rollout),
            (Some(asked), None) => asked.wanted(),
            (None, _) => 0,
        }
    }

    /// Nodes that are ready; nothing when they were not counted, which is not the same as none.
    #[must_use]
    pub fn ready(&self) -> Option<u32> {
        self.rollout.as_ref().and_then(|rollout| rollout.ready)
    }

    /// What was done with the pool, also when the run failed after it: `created`, `resized`, `autoscaled`, `healed`, `updated`, `moved`, `joined`, `unchanged`, or
    /// `none`.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self.rollout.as_ref().map(|rollout| rollout.action) {
            None | Some(PoolAction::None) => "none",
            Some(action) => action_word(action),
        }
    }

    /// The pool that does the work: the one that was asked for, unless another one does it under that id.
    #[must_use]
    pub fn pool(&self) -> Option<&PoolId> {
        let rolled_out = self.rollout.as_ref().map(|rollout| &rollout.pool);
        rolled_out.or_else(|| self.asked.as_ref().map(|asked| &asked.pool))
    }

    /// The VM size that the pool has: that of a fallback when one took the place of the size that was asked for.
    #[must_use]
    pub fn vm_size(&self) -> Option<&VmSize> {
        let asked = || self.asked.as_ref()?.vm_size.as_ref();
        self.other_vm_size().or_else(asked)
    }

    /// The VM size that took the place of the one that was asked for.
    #[must_use]
    pub fn other_vm_size(&self) -> Option<&VmSize> {
        self.rollout.as_ref()?.vm_size.as_ref()
    }

    /// How many resize rounds there were.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rollout.as_ref().map_or(0, |rollout| rollout.rounds.len())
    }

    /// One line that says it all: the headline of the summary and the title of the annotation.
    #[must_use]
    pub fn headline(&self) -> String {
        let pool = self.pool().map(|pool| pool.as_str());
        match (&self.failure, &self.asked) {
            (Some(failure), _) => title(pool, failure),
            (None, Some(asked)) => self.success(asked),
            (None, None) => format!("Azure Batch pool: {}", self.result),
        }
    }

    fn success(&self, asked: &Asked) -> String {
        let (pool, version) = (self.pool().unwrap_or(&asked.pool), asked.title());
        let wanted = self.wanted();
        let ready = match self.ready() {
            Some(ready) => format!("{ready} of {} ready", plural(wanted, "node")),
            None => format!("{} asked for", plural(wanted, "node")),
        };
        match self.rollout.as_ref().map(|rollout| rollout.action) {
            Some(PoolAction::Unchanged | PoolAction::None) => format!("Pool {pool} is on {version} already: {ready}"),
            _ => format!("Pool {pool}: {ready} on {version}"),
        }
    }
}

/// The line that says it all of a failure. The pool is named once.
#[must_use]
pub fn title(pool: Option<&str>, failure: &Failure) -> String {
    let happened = &failure.happened;
    let is_named = |pool: &str| happened.split([' ', ':', ',']).any(|word| word == pool);
    match pool {
        Some(pool) if !is_named(pool) => format!("Pool {pool}: {happened}"),
        Some(_) => capitalized(happened),
        None => format!("Azure Batch pool: {happened}"),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The word for what was done with the pool. Of a run that ended well, "nothing" means that the pool was left as it was.
const fn action_word(action: PoolAction) -> &'static str {
    match action {
        PoolAction::Created => "created",
        PoolAction::Resized => "resized",
        PoolAction::Autoscaled => "autoscaled",
        PoolAction::Healed => "healed",
        PoolAction::Updated => "updated",
        PoolAction::Joined => "joined",
        PoolAction::Replaced => "replaced",
        PoolAction::Returned => "returned",
        PoolAction::Moved => "moved",
        PoolAction::Unchanged | PoolAction::None => "unchanged",
    }
}

/// Where a cloud's portal is; one that only a host describes has none that we know.
const fn portal(cloud: &CloudChoice) -> Option<&'static str> {
    match cloud {
        CloudChoice::Known(KnownCloud::Public) => Some("https://portal.azure.com"),
        CloudChoice::Known(KnownCloud::UsGovernment) => Some("https://portal.azure.us"),
        CloudChoice::Known(KnownCloud::China) => Some("https://portal.azure.cn"),
        CloudChoice::MetadataHost(_) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
