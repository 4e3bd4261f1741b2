//! From the version that a rule means to settings on one version, before anything else is looked at.
//!
//! The choice itself is made in `choice`. Many pools are resolved together, so that all of them get the same version,
//! except one whose roll-out to an earlier one has begun: the same command finishes what it began.

use super::{
    RolloutReport, RolloutStep,
    blue_green::family,
    cancelled::Halt,
    explained, former, observe,
    record::Back,
    under_way::{ChangeKind, ChangeWay, UnderWay, under_way},
};
use crate::{
    batch::pool::{self, Pool},
    choice::{Choice, Choosing},
    client::Client,
    error::Result,
    ids::{
        BatchEndpoint, PoolId,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    memory::RECENT,
    settings::{Checked, RolloutSettings, UnresolvedRollout, VersionRule, WantedVersion},
};

/// A roll-out of one version.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The settings.
    pub settings: Checked<RolloutSettings>,
    /// How the version was chosen; nothing when it was named, or when a roll-out to it has begun.
    pub choice: Option<Choice>,
}

impl Resolved {
    /// The choice as the first step of a plan.
    pub(super) fn step(&self) -> Option<RolloutStep> {
        self.choice.clone().map(RolloutStep::ChooseVersion)
    }
}

/// Finds out which version is meant, and reports it.
///
/// # Errors
/// When no version fits the rule, or what it takes to know cannot be read.
pub async fn resolve(
    client: &Client,
    choosing: &mut Choosing<'_>,
    settings: &Checked<UnresolvedRollout>,
) -> Result<Resolved> {
    let found = find(client, choosing, settings).await;
    let version = settings.pool.version.name();
    found.map_err(|error| {
        explained(
            error,
            (client, &settings.account),
            &version,
            (&RolloutReport::unresolved(settings), Halt::default()),
        )
    })
}

async fn find(client: &Client, choosing: &mut Choosing<'_>, settings: &Checked<UnresolvedRollout>) -> Result<Resolved> {
    let (definition, rule) = match &settings.pool.version {
        WantedVersion::One(version) => {
            return Ok(Resolved {
                settings: settings.on_version(version),
                choice: None,
            });
        }
        WantedVersion::Newest(definition, rule) => (definition, rule),
    };
    // What is not known of the account is said when the roll-out looks at it.
    let (endpoint, region) = observe::located(client, &settings.account, &mut Vec::new()).await?;
    if let Some(version) = begun((client, &endpoint), &settings.pool.id, (definition, rule)).await? {
        let (name, number) = (definition.name(), version.name());
        client.note(format!(
            "a roll-out of {name} {number} has begun and not come to its end: this run goes on with that version; which \
             one is {rule} now is for the run after it"
        ));
        return Ok(Resolved {
            settings: settings.on_version(&version),
            choice: None,
        });
    }
    let choice = choosing.choose(definition, rule, region.as_ref()).await?;
    for line in choice.lines() {
        client.note(line);
    }
    Ok(Resolved {
        settings: settings.on_version(&choice.version),
        choice: Some(choice),
    })
}

/// The version of a roll-out that is under way with the pool and that the rule may have meant. Whether it is this one is
/// found out where it goes on: a record knows that of one version only.
async fn begun(
    (client, endpoint): (&Client, &BatchEndpoint),
    given: &PoolId,
    (definition, rule): (&ImageDefinitionId, &VersionRule),
) -> Result<Option<ImageVersionId>> {
    let listed = client.recalling(RECENT).list(&pool::list(endpoint)).await;
    let pools: Vec<Pool> = match listed {
        Ok(items) => items.into_iter().map(Pool::new).collect(),
        // The roll-out says itself which right is missing.
        Err(error) if error.has_status(403) => return Ok(None),
        Err(error) => return Err(error),
    };
    let id = family::meant(&pools, given).ok();
    let pool = id.and_then(|id| pools.iter().find(|pool| pool.is_called(&id)));
    let Some((pool, change)) = pool.and_then(|pool| Some((pool, under_way(pool)?))) else {
        return Ok(None);
    };
    let Some(version) = meant(&change, definition, rule) else {
        return Ok(None);
    };
    // One that cannot go back is taken over by a roll-out of another version, which is the way out of a bad one.
    let is_taken_over =
        change.kind == ChangeKind::InPlace && former::of_pool(client, endpoint, pool).await? != Back::Possible;
    Ok((!is_taken_over).then_some(version))
}

/// The version that a change brings, where the rule may have meant it. Which version had a tag is not known afterwards.
fn meant(change: &UnderWay, definition: &ImageDefinitionId, rule: &VersionRule) -> Option<ImageVersionId> {
    let version: ImageVersionId = change.to.parse().ok()?;
    let is_meant = version.definition() == *definition && rule.admits(version.number()?);
    (is_meant && change.way == ChangeWay::Forward).then_some(version)
}
