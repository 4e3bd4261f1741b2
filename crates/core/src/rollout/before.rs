//! What a roll-out checks before its first write: rights, registration, and whether the pool fits into the quotas.
//!
//! What may not be asked is a note and stops nothing.

use super::{RolloutReport, decide::Intent, observe::Site, room, tell_skipped};
use crate::{client::Client, error::Result, preflight, rights, settings::RolloutSettings};

/// Checks; what could not be checked is in the report.
///
/// # Errors
/// When the first write would be refused or not enough nodes would come, with everything that is missing.
pub(super) async fn check(
    client: &Client,
    (settings, intent): (&RolloutSettings, &Intent),
    site: &Site,
    report: &mut RolloutReport,
) -> Result<()> {
    let look = look(client, (settings, intent), site);
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
pub(super) async fn check_rights(client: &Client, settings: &RolloutSettings) -> Result<Vec<String>> {
    let mut skipped = Vec::new();
    preflight::check_rights(client, rights::rollout(settings), &mut skipped).await?;
    let definition = settings.pool.version.definition();
    if let Ok(subscription) = definition.gallery().group().subscription().parse() {
        let register = settings.policy.register;
        preflight::check_registration(client, &subscription, register, &mut skipped).await?;
    }
    Ok(skipped)
}

async fn look(client: &Client, (settings, intent): (&RolloutSettings, &Intent), site: &Site) -> Result<Vec<String>> {
    let mut skipped = check_rights(client, settings).await?;
    skipped.extend(room::check(client, (settings, intent), site).await?);
    Ok(skipped)
}
