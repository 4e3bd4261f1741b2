//! What pools need beyond the image itself, checked before the first write: the gallery's subscription belongs to the
//! tenant of the Batch accounts that are named, and has registered Batch.
//!
//! Without it a version would be met by Batch's refusal after hours of replication. A publish that names no account has
//! nothing to check. It writes only what was asked for: a registration.

use crate::{
    client::Client,
    error::Result,
    ids::SubscriptionId,
    plan::{About, Fact},
    preflight,
    settings::PublishSettings,
};

/// The gallery's subscription, where Batch accounts are named, and theirs.
struct Places {
    gallery: SubscriptionId,
    accounts: Vec<SubscriptionId>,
}

impl Places {
    fn of(settings: &PublishSettings) -> Option<Self> {
        let used_by = settings.used_by.iter().map(|pool| &pool.account);
        let all = used_by.chain(settings.test.as_ref().map(|test| &test.account));
        let mut accounts: Vec<SubscriptionId> = Vec::new();
        for subscription in all.filter_map(|it| it.group().subscription().parse().ok()) {
            if !accounts.contains(&subscription) {
                accounts.push(subscription);
            }
        }
        let gallery = settings.definition.group().subscription().parse().ok()?;
        (!accounts.is_empty()).then_some(Self { gallery, accounts })
    }
}

/// Requires one Entra tenant of gallery and accounts; the reasons why that is not known.
///
/// # Errors
/// `Refused` with both tenants; when the run ends.
pub(super) async fn require_one_tenant(client: &Client, settings: &PublishSettings) -> Result<Vec<String>> {
    let mut skipped = Vec::new();
    let Some(places) = Places::of(settings) else {
        return Ok(skipped);
    };
    for account in &places.accounts {
        preflight::require_one_tenant(client, (&places.gallery, account), &mut skipped).await?;
    }
    Ok(skipped)
}

/// Requires that the gallery's subscription has registered Batch, and registers it when that was asked for.
///
/// # Errors
/// `Refused` when it is not registered and must not be; when the run ends.
pub(super) async fn check_registration(client: &Client, settings: &PublishSettings) -> Result<()> {
    let Some(places) = Places::of(settings) else {
        return Ok(());
    };
    let mut skipped = Vec::new();
    preflight::check_registration(client, &places.gallery, settings.register, &mut skipped).await?;
    tell_skipped(client, &skipped);
    Ok(())
}

/// Both as lines of a plan. `skipped` is what [`require_one_tenant`] could not see.
///
/// # Errors
/// When the run ends.
pub(super) async fn facts(client: &Client, settings: &PublishSettings, skipped: Vec<String>) -> Result<Vec<Fact>> {
    let Some(places) = Places::of(settings) else {
        return Ok(Vec::new());
    };
    let mut facts = vec![preflight::registration_fact(client, &places.gallery).await?];
    if skipped.is_empty() {
        let text = "the gallery and the Batch accounts that are named lie in one Entra tenant";
        facts.push(Fact::plain(About::Tenant, text));
    }
    facts.extend(skipped.into_iter().map(|why| Fact::unknown(About::Tenant, why)));
    Ok(facts)
}

/// Says what could not be checked.
pub(super) fn tell_skipped(client: &Client, skipped: &[String]) {
    for what in skipped {
        client.note(format!("not checked: {what}"));
    }
}
