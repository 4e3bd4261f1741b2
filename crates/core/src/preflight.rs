//! What can be known before the first write to a pool: rights, and whether the image's subscription knows Batch.
//!
//! What may not be asked is a note and stops nothing. It writes only what was asked for: a registration.

use std::time::Duration;

use crate::{
    arm::provider::{self, Registration},
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::SubscriptionId,
    memory::{OF_RUN, RECENT},
    options::pool::REGISTER_PROVIDER,
    rights::{self, Need, Without},
    settings::Register,
    typing::{Command, az},
    words,
};

/// How often a registration is looked at; Microsoft's clients look as often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Checks the rights that a run needs.
///
/// # Errors
/// `NoRights` with everything that is missing, when the run would fail without it.
pub async fn check_rights(client: &Client, needs: Vec<Need>, skipped: &mut Vec<String>) -> Result<()> {
    let rights = rights::check(&client.recalling(OF_RUN), needs).await?;
    for (scope, why) in &rights.unread {
        skipped.push(format!("rights on {scope}: {why}"));
    }
    for need in rights.missing.iter().filter(|need| need.without == Without::Skips) {
        client.note(format!("this identity lacks {} {}", need.action.name(), need.purpose));
    }
    match rights.error(client.identity().as_deref()) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The same for a run that lists nothing of what it could not check: that is a note. Each right is asked for once.
///
/// # Errors
/// `NoRights` with everything that is missing.
pub async fn require_rights(client: &Client, needs: impl IntoIterator<Item = Need>) -> Result<()> {
    let mut each: Vec<Need> = Vec::new();
    for need in needs {
        if !each
            .iter()
            .any(|known| known.scope == need.scope && known.action == need.action)
        {
            each.push(need);
        }
    }
    let mut skipped = Vec::new();
    check_rights(client, each, &mut skipped).await?;
    for what in skipped {
        client.note(format!("not checked: {what}"));
    }
    Ok(())
}

/// Checks that a subscription has registered Batch, which nodes on its images need; registers it when asked to.
///
/// # Errors
/// `Refused` when it is not registered and must not be.
pub async fn check_registration(
    client: &Client,
    subscription: &SubscriptionId,
    register: Register,
    skipped: &mut Vec<String>,
) -> Result<()> {
    match registration(&client.recalling(RECENT), subscription).await {
        Ok(Registration::Registered) => Ok(()),
        Ok(Registration::Missing) if register == Register::No => {
            let text = format!(
                "{} is not registered in the image's subscription {subscription}",
                provider::BATCH
            );
            let subscription = subscription.to_string();
            let values = [("namespace", provider::BATCH), ("subscription", subscription.as_str())];
            Err(Error::plain(ErrorKind::Refused, text)
                .with_kept("nothing was created")
                .with_next("register it", Command::new(az::REGISTER_PROVIDER, &values))
                .with_next(words!["or let the run register it, with ", REGISTER_PROVIDER], None))
        }
        Ok(Registration::Missing) => {
            client.send(&provider::register(subscription, provider::BATCH)).await?;
            wait_until_registered(client, subscription).await
        }
        Ok(Registration::Registering) => wait_until_registered(client, subscription).await,
        // Registering means waiting for it, which takes the right to look.
        Err(error) if error.has_status(403) && register == Register::No => {
            skipped.push(format!(
                "whether {} is registered in subscription {subscription}: {}",
                provider::BATCH,
                rights::lack(&error)
            ));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// How far the registration is.
///
/// # Errors
/// When it cannot be read.
pub async fn registration(client: &Client, subscription: &SubscriptionId) -> Result<Registration> {
    let answer = client.send(&provider::get(subscription, provider::BATCH)).await?;
    Ok(Registration::read(&answer.value()))
}

async fn wait_until_registered(client: &Client, subscription: &SubscriptionId) -> Result<()> {
    let doing = format!("registering {} in subscription {subscription}", provider::BATCH);
    client.note(format!(
        "waiting for {} in subscription {subscription} to be registered",
        provider::BATCH
    ));
    while registration(client, subscription).await? != Registration::Registered {
        client.run().pause(LOOK_EVERY, &doing).await?;
    }
    Ok(())
}
