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
    rollout::{PoolAction, RolloutOutcome, RolloutReport, changed_live},
    settings::{AccountRef, Autoscale, Targets, UnresolvedRollout, WantedVersion},
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
    /// The word for what was done with the pool, e.g. `created`; after a failure the word of its kind, e.g. `quota`.
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
    /// How many nodes, where no formula decides.
    pub targets: Targets,
    /// The formula that decides how many nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,
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
            account: account_of(&settings.account),
            version: settings.pool.version.clone(),
            chosen_by: None,
            vm_size: settings.pool.vm_size.clone(),
            node_agent_sku: settings.pool.node_agent_sku.clone(),
            targets: settings.pool.targets,
            autoscale: settings.pool.autoscale.clone(),
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

    /// Nodes that were asked for and count towards readiness; nothing where a formula decides: it has not been looked at.
    #[must_use]
    pub fn wanted(&self) -> Option<u32> {
        self.autoscale.is_none().then(|| counted(self.targets))
    }

    /// The same with nodes that stand in for spot nodes which do not count. A formula's are those that it asked for
    /// when it was last looked at.
    #[must_use]
    pub fn wanted_in(&self, rollout: &RolloutReport) -> Option<u32> {
        let targets = self.targets_in(rollout)?;
        let stand_ins = if targets.counts_spot() { 0 } else { rollout.stand_ins };
        Some(counted(targets).saturating_add(stand_ins))
    }

    /// Nodes of both kinds; a formula's are those that it asked for when it was last looked at.
    #[must_use]
    pub fn targets_in(&self, rollout: &RolloutReport) -> Option<Targets> {
        match (&self.autoscale, rollout.formula_asks) {
            (None, _) => Some(self.targets),
            (Some(_), None) => None,
            (Some(_), Some(asks)) => Some(Targets {
                dedicated: asks.dedicated,
                spot: asks.spot,
                ..self.targets
            }),
        }
    }

    /// What is said next to numbers that a formula decides; nothing next to others.
    #[must_use]
    pub const fn by_formula(&self) -> &'static str {
        if self.autoscale.is_some() { " (autoscale)" } else { "" }
    }
}

impl Report {
    /// The report of a roll-out that core ran.
    #[must_use]
    pub fn of_outcome(asked: Asked, outcome: RolloutOutcome, ending: Ending, door: Door) -> Self {
        let asked = asked.on(outcome.report.version.as_ref());
        Self {
            asked: Some(asked),
            ..Self::of_work(outcome, ending, door)
        }
    }

    /// The same of work that brings no version, as a return does.
    #[must_use]
    pub fn of_work(outcome: RolloutOutcome, ending: Ending, door: Door) -> Self {
        let mut report = match outcome.result {
            Ok(()) => Self::ended(result_of(outcome.report.action), 0, ending),
            Err(error) => Self::of_error(&error, ending, door),
        };
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

    /// The report of a pool whose turn never came, since another one had failed or the run had ended.
    #[must_use]
    pub fn not_begun(asked: Option<Asked>, ending: Ending) -> Self {
        Self {
            asked,
            ..Self::ended(Self::NOT_BEGUN, 0, ending)
        }
    }

    /// The report of a pool that was as it should be before the run.
    #[must_use]
    pub const fn unchanged(ending: Ending) -> Self {
        Self::ended(PoolAction::Unchanged.word(), 0, ending)
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

    /// Nodes that were asked for and count; nothing when only a formula knows, which has not been looked at.
    #[must_use]
    pub fn wanted(&self) -> Option<u32> {
        match (&self.asked, &self.rollout) {
            (Some(asked), Some(rollout)) => asked.wanted_in(rollout),
            (Some(asked), None) => asked.wanted(),
            // How many a return brings is said by the pool alone.
            (None, Some(_)) => None,
            (None, None) => Some(0),
        }
    }

    /// The nodes that are ready, of those that are wanted where that is known; nothing when they were not counted.
    #[must_use]
    pub fn ready_of_wanted(&self) -> Option<String> {
        let by = self.asked.as_ref().map_or("", Asked::by_formula);
        let ready = self.ready()?;
        Some(match self.wanted() {
            Some(wanted) => format!("{ready} of {wanted}{by}"),
            None => format!("{ready}{by}"),
        })
    }

    /// Nodes that are ready; nothing when they were not counted, which is not the same as none.
    #[must_use]
    pub fn ready(&self) -> Option<u32> {
        self.rollout.as_ref().and_then(|rollout| rollout.ready)
    }

    /// The word for what was done with the pool, also when the run failed after it.
    #[must_use]
    pub fn action(&self) -> &'static str {
        let action = self.rollout.as_ref().map_or(PoolAction::None, |rollout| rollout.action);
        action.word()
    }

    /// The pool that does the work: the one that was asked for, unless another one does it under that id.
    #[must_use]
    pub fn pool(&self) -> Option<&PoolId> {
        let rolled_out = self.rollout.as_ref().map(|rollout| &rollout.pool);
        rolled_out.or_else(|| self.asked.as_ref().map(|asked| &asked.pool))
    }

    /// The id of the image version that the pool was to get; after a run that went back by itself, of what it runs again.
    /// Nothing while it is not known which one a rule means, and of a new pool that is left without nodes.
    #[must_use]
    pub fn image_version(&self) -> Option<String> {
        let back_on = self.rollout.as_ref().and_then(|rollout| rollout.back_on.as_ref());
        match back_on {
            Some(back_on) => back_on.image.clone(),
            None => self.asked.as_ref()?.version.known().map(ToString::to_string),
        }
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

    /// What was changed of the pool while it has nodes, and when its nodes have it; nothing when nothing was.
    #[must_use]
    pub fn changed_live(&self) -> Option<String> {
        let updated = &self.rollout.as_ref()?.updated;
        (!updated.is_empty()).then(|| changed_live(updated, ""))
    }

    /// How long the pool and its nodes took; nothing when that was not looked at.
    #[must_use]
    pub fn times(&self) -> Option<String> {
        self.rollout.as_ref()?.pace.as_ref()?.sentence()
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
        let by = asked.by_formula();
        let ready = match (self.ready(), self.wanted()) {
            (Some(ready), Some(wanted)) => format!("{ready} of {}{by} ready", plural(wanted, "node")),
            (Some(ready), None) => format!("{}{by} ready", plural(ready, "node")),
            (None, Some(wanted)) => format!("{}{by} asked for", plural(wanted, "node")),
            (None, None) => "nodes as its formula asks".to_owned(),
        };
        match self.rollout.as_ref().map(|rollout| rollout.action) {
            Some(PoolAction::Unchanged | PoolAction::None) => format!("Pool {pool} is on {version} already: {ready}"),
            _ => format!("Pool {pool}: {ready} on {version}"),
        }
    }
}

/// An account as reports name it: its id or its endpoint.
#[must_use]
pub fn account_of(account: &AccountRef) -> String {
    match account {
        AccountRef::Id(id) => id.to_string(),
        AccountRef::Endpoint(endpoint) => endpoint.to_string(),
    }
}

/// Nodes that count towards readiness.
fn counted(targets: Targets) -> u32 {
    if targets.counts_spot() {
        targets.dedicated.saturating_add(targets.spot)
    } else {
        targets.dedicated
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

/// The result of a run that ended well: "nothing" means that the pool was left as it was.
const fn result_of(action: PoolAction) -> &'static str {
    match action {
        PoolAction::None => PoolAction::Unchanged.word(),
        action => action.word(),
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
