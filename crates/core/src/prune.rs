//! Retention: versions that nothing needs go, and a version that something uses never does.
//!
//! It shows its plan with the reason of every version. With consent it looks at everything again right before each
//! single step. What cannot be seen makes it refuse. What may go is decided in `decide`; it is read in `look`.

mod asked;
mod carry;
mod decide;
mod look;
mod step;

use serde::Serialize;

pub use self::{
    asked::delete_asked,
    decide::{Fate, Judged},
    step::PruneStep,
};
use self::{decide::judge, look::Scene};
use crate::{
    client::Client,
    compute::soft_deleted::{Phase, SoftDeleted},
    error::{Error, ErrorKind, Result},
    ids::{VersionNumber, resource::ImageDefinitionId},
    plan::{Kept, Plan},
    preflight,
    settings::{Checked, PruneSettings, RetentionRule},
    usage::{Blind, Claimed},
};

/// What there is, and what is or was done about it.
#[derive(Debug, Serialize)]
pub struct Pruning {
    /// Each definition with the fate of its versions.
    pub definitions: Vec<PrunedDefinition>,
    /// What is to be done: nothing when no version may go.
    pub plan: Plan<PruneStep>,
    /// What was done; absent when nothing was to be written.
    pub done: Option<Pruned>,
}

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrunedDefinition {
    /// Its id.
    pub definition: ImageDefinitionId,
    /// What is kept of it in any case.
    pub rule: RetentionRule,
    /// Its versions, the highest number first.
    pub versions: Vec<Judged>,
    /// Versions that were deleted and that the gallery keeps, the highest number first.
    pub deleted: Vec<Remaining>,
}

/// A version that was deleted and that the gallery keeps for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remaining {
    /// The version.
    #[serde(flatten)]
    pub version: SoftDeleted,
    /// Which of its last phases it is in.
    pub phase: Phase,
    /// Who uses it all the same: it is to be restored, or they are to be moved.
    pub used: Vec<String>,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The steps that were carried out, as the plan words them.
    pub steps: Vec<String>,
    /// Versions that could go when it was planned and could not any more.
    pub spared: Vec<Kept>,
}

/// Looks at everything and says what may go. It writes nothing.
///
/// # Errors
/// `Refused` when a version may go and who uses it cannot be seen; when a definition cannot be read, or the run ends.
pub async fn plan(client: &Client, settings: &Checked<PruneSettings>) -> Result<Pruning> {
    let what = "looking at versions and at everything in sight that may use them";
    let scenes = client.run().step("versions", what, look::all(client, settings)).await?;
    let definitions: Vec<PrunedDefinition> = scenes.iter().map(|scene| pruned(client, scene)).collect();
    let mut steps = Vec::new();
    for (scene, definition) in scenes.iter().zip(&definitions) {
        // The lowest number first: what is oldest is missed least if the run ends.
        let lowest_first = definition.versions.iter().rev();
        let own: Vec<PruneStep> = lowest_first.filter_map(|it| step_of(scene, it)).collect();
        refuse_unseen(scene, own.len())?;
        steps.extend(own);
    }
    Ok(Pruning {
        definitions,
        plan: Plan::new(steps),
        done: None,
    })
}

/// Carries the plan out, and looks again before each step. A version that is used since is spared. What was done is in the
/// pruning, also after a failure.
///
/// # Errors
/// `NoRights`, before anything is written, when a right is missing; `PartlyReached` when Azure refused a step; `Refused` when something cannot be seen any more; or the run ends.
pub async fn carry_out(client: &Client, settings: &Checked<PruneSettings>, pruning: &mut Pruning) -> Result<()> {
    let what = "removing versions that nothing needs";
    let done = pruning.done.insert(Pruned::default());
    let plan = &pruning.plan;
    let work = async {
        preflight::require_rights(client, plan.steps.iter().filter_map(PruneStep::need)).await?;
        carry::steps(client, settings, (plan, done)).await
    };
    client.run().step("prune", what, work).await
}

/// The step that follows from the fate of a version; nothing when it is kept.
fn step_of(scene: &Scene, judged: &Judged) -> Option<PruneStep> {
    let version = scene.versions.definition.version(judged.number);
    match judged.fate {
        Fate::Kept => None,
        Fate::Deprecated { ends } => Some(PruneStep::Deprecate { version, ends }),
        Fate::Going => Some(PruneStep::AwaitDeletion { version }),
        Fate::Deleted => Some(PruneStep::Delete {
            version,
            soft: scene.soft,
        }),
    }
}

fn pruned(client: &Client, scene: &Scene) -> PrunedDefinition {
    let now = client.run().now();
    let mut versions = judge(&scene.facts(now));
    versions.reverse();
    let soft_deleted = scene.versions.soft_deleted.iter().flatten();
    let mut deleted: Vec<Remaining> = soft_deleted.map(|it| remaining(scene, it, now)).collect();
    deleted.sort_by_key(|it| std::cmp::Reverse(it.version.number));
    PrunedDefinition {
        definition: scene.versions.definition.clone(),
        rule: scene.rule.clone(),
        versions,
        deleted,
    }
}

fn remaining(scene: &Scene, version: &SoftDeleted, now: jiff::Timestamp) -> Remaining {
    let names = |number: VersionNumber| Claimed::Version(number);
    let using = scene.claims.iter().filter(|claim| claim.of == names(version.number));
    Remaining {
        version: version.clone(),
        phase: version.phase(now),
        used: using.map(|claim| claim.why.clone()).collect(),
    }
}

/// Refuses to plan steps for a definition when not everything in sight could be seen.
fn refuse_unseen(scene: &Scene, steps: usize) -> Result<()> {
    if steps == 0 || scene.blind.is_empty() {
        return Ok(());
    }
    Err(unseen(&scene.versions.definition, &scene.blind))
}

fn unseen(definition: &ImageDefinitionId, blind: &[Blind]) -> Error {
    let lines: Vec<String> = blind.iter().map(|blind| format!("\n    {blind}")).collect();
    let text = format!(
        "no version of {} is deleted, since not everything that may use one can be seen:{}",
        definition.name(),
        lines.concat()
    );
    let hint = match blind.iter().any(|blind| blind.needs.is_some()) {
        true => "give this identity the rights that are named, and run again",
        false => "run again when it can be seen",
    };
    Error::new(ErrorKind::Refused, text).with_hint(hint)
}
