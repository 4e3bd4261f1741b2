//! What a roll-out checks before its first write: rights, registration, and whether the pool fits into the quotas.
//!
//! What may not be asked is a note and stops nothing.

use super::{
    RolloutReport, RolloutStep, Size, agent,
    decide::Intent,
    observe::{Site, subscriptions},
    plan::Beginning,
    pool::PoolAccess,
    room, tell_skipped,
};
use crate::{
    client::Client,
    error::Result,
    memory::OF_RUN,
    preflight,
    rights::{self, Naming, Need},
    settings::{RolloutSettings, Strategy},
};

/// Checks; what could not be checked is in the report.
///
/// # Errors
/// When the first write would be refused or not enough nodes would come, with everything that is missing.
pub(super) async fn check(
    access: &PoolAccess<'_>,
    (settings, intent): (&RolloutSettings, &Intent),
    (site, beginning): (&Site, &Beginning),
    report: &mut RolloutReport,
) -> Result<()> {
    let client = access.client();
    let look = look(access, (settings, intent), (site, beginning));
    let run = client.run();
    let skipped = run.step("before", "checking rights and quotas", look).await?;
    tell_skipped(client, &skipped);
    report.skipped_checks.extend(skipped);
    Ok(())
}

/// Checks rights and registration alone, for a pool whose room is looked at otherwise.
///
/// # Errors
/// When the first write would be refused.
pub(super) async fn check_rights(client: &Client, needs: Vec<Need>, settings: &RolloutSettings) -> Result<Vec<String>> {
    let mut skipped = Vec::new();
    preflight::check_rights(client, needs, &mut skipped).await?;
    let (image, account) = subscriptions(settings);
    if let (Some(image), Some(account)) = (&image, account.filter(|account| image.as_ref() != Some(account))) {
        client.warn(format!(
            "the image is in subscription {image} and the Batch account in {account}: Microsoft's page of 2019 asks for \
             one subscription, today's for one tenant; Batch decides"
        ));
    }
    if let Some(subscription) = image {
        let register = settings.policy.register;
        preflight::check_registration(client, &subscription, register, &mut skipped).await?;
    }
    Ok(skipped)
}

/// Refuses one of many pools for what its own turn would refuse it for: then no pool is begun yet. Its room is looked at with
/// that of all, and notes are for its turn.
///
/// # Errors
/// When its first write would be refused.
pub(super) async fn require(
    client: &Client,
    (settings, steps): (&RolloutSettings, &[RolloutStep]),
    site: &Site,
    needs: Vec<Need>,
) -> Result<()> {
    let rights = rights::check(&client.recalling(OF_RUN), needs).await?;
    if let Some(error) = rights.error(client.identity().as_deref()) {
        return Err(error);
    }
    if steps.iter().any(agent::is_given_by) {
        agent::require(client, settings, site).await?;
    }
    if steps.iter().any(RolloutStep::is_creation) {
        room::require_size(client, settings, site).await?;
    }
    Ok(())
}

/// What a look before the first write has shown. One that was refused names all rights that the roll-out lacks.
///
/// # Errors
/// The look's own.
pub(super) async fn looked<T>(
    client: &Client,
    settings: &RolloutSettings,
    look: impl Future<Output = Result<T>>,
) -> Result<T> {
    match look.await {
        Ok(seen) => Ok(seen),
        Err(error) => Err(preflight::with_all_lacks(client, error, foreseen(settings)).await),
    }
}

/// The rights that follow from the settings alone, when the pool is not known.
fn foreseen(settings: &RolloutSettings) -> Vec<Need> {
    let mut needs = match settings.change.strategy {
        Strategy::CreateOnly if settings.change.canary.command.is_some() => rights::trial(settings),
        Strategy::CreateOnly => rights::rollout(settings, Naming::Named),
        Strategy::InPlace => rights::replacement(settings),
        Strategy::BlueGreen | Strategy::Auto => rights::second_pool(settings),
    };
    if settings.change.strategy != Strategy::InPlace {
        needs.extend(rights::identities(settings));
    }
    needs.extend(rights::other_sizes(settings));
    needs
}

async fn look(
    access: &PoolAccess<'_>,
    (settings, intent): (&RolloutSettings, &Intent),
    (site, beginning): (&Site, &Beginning),
) -> Result<Vec<String>> {
    let client = access.client();
    let mut needs = match beginning.size {
        Size::Replaced => rights::replacement(settings),
        Size::Tried => rights::trial(settings),
        Size::Reached | Size::NoNewNodes | Size::NewNodes => rights::rollout(settings, beginning.naming()),
    };
    if beginning.plan.steps.iter().any(RolloutStep::is_creation) {
        needs.extend(rights::identities(settings));
        needs.extend(rights::other_sizes(settings));
    }
    let mut skipped = check_rights(client, needs, settings).await?;
    if beginning.plan.steps.iter().any(agent::is_given_by) {
        skipped.extend(agent::check(client, settings, site).await?);
    }
    skipped.extend(room::check(access, (settings, intent), site).await?);
    Ok(skipped)
}
