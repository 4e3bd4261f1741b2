//! From the version that a rule means to settings on one version, before anything else is looked at.
//!
//! The choice itself is made in `choice`. Many pools are resolved together, so that all of them get the same version.

use super::{RolloutReport, RolloutStep, cancelled::Halt, explained, observe};
use crate::{
    choice::{Choice, Choosing},
    client::Client,
    error::Result,
    settings::{Checked, RolloutSettings, UnresolvedRollout, WantedVersion},
};

/// A roll-out of one version.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The settings.
    pub settings: Checked<RolloutSettings>,
    /// How the version was chosen; nothing when it was named.
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
    let (_endpoint, region) = observe::located(client, &settings.account, &mut Vec::new()).await?;
    let choice = choosing.choose(definition, rule, region.as_ref()).await?;
    for line in choice.lines() {
        client.note(line);
    }
    Ok(Resolved {
        settings: settings.on_version(&choice.version),
        choice: Some(choice),
    })
}
