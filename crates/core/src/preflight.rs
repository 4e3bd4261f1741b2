//! What can be known before the first write to a pool: rights, whether the image's subscription knows Batch, and whether
//! image and account lie in one Entra tenant.
//!
//! What may not be asked is a note and stops nothing. It writes only what was asked for: a registration.

use std::time::Duration;

use crate::{
    arm::{
        provider::{self, Registration},
        subscription,
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{SubscriptionId, resource},
    memory::{OF_RUN, RECENT},
    options::pool::REGISTER_PROVIDER,
    plan::{About, Fact},
    rights::{self, Need, Rights, Without},
    settings::Register,
    typing::{Command, az},
    words,
    words::plural,
};

/// How often a registration is looked at; Microsoft's clients look as often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The code with which ARM refuses a token of another tenant than the subscription's.
pub(crate) const WRONG_TENANT: &str = "InvalidAuthenticationTokenTenant";

/// Checks the rights that a run needs.
///
/// # Errors
/// `NoRights` with everything that is missing, when the run would fail without it.
pub async fn check_rights(client: &Client, needs: Vec<Need>, skipped: &mut Vec<String>) -> Result<()> {
    let rights = rights::check(&client.recalling(OF_RUN), needs).await?;
    for (scope, why) in &rights.unread {
        skipped.push(format!("rights on {scope}: {why}"));
    }
    if let Some(error) = lacking(client, &rights) {
        return Err(error);
    }
    for right in spared(&rights) {
        client.note(format!("this identity lacks {right}; this run goes on without it"));
    }
    Ok(())
}

/// The error of a look that was refused for want of a right, with all that is missing for the run: it is said at once, and
/// not one right a run. For looks before the first write.
pub async fn with_all_lacks(client: &Client, refused: Error, needs: Vec<Need>) -> Error {
    let is_open = refused.kind() == ErrorKind::NoRights && refused.has_status(403) && !refused.has_next();
    if !is_open {
        return refused;
    }
    match rights::check(&client.recalling(OF_RUN), once(needs)).await {
        Ok(rights) => match lacking(client, &rights) {
            Some(error) => error.because(refused),
            None => refused,
        },
        Err(over) => over,
    }
}

/// The error of what makes the run fail. Who asks for rights asks once, so it names the others too.
fn lacking(client: &Client, rights: &Rights) -> Option<Error> {
    let error = rights.error(client.identity().as_deref())?;
    let others: Vec<String> = spared(rights).collect();
    Some(match others.is_empty() {
        true => error,
        false => error.with_fact(format!(
            "a run goes on without these, which are missing too: {}",
            others.join("; ")
        )),
    })
}

/// What is missing and makes no run fail.
fn spared(rights: &Rights) -> impl Iterator<Item = String> {
    let spared = rights.missing.iter().filter(|need| need.without == Without::Skips);
    spared.map(|need| format!("{}, the right {}", need.action.name(), need.purpose))
}

/// Each right once.
fn once(needs: impl IntoIterator<Item = Need>) -> Vec<Need> {
    let mut each: Vec<Need> = Vec::new();
    for need in needs {
        let is_known = |known: &Need| known.scope == need.scope && known.action == need.action;
        if !each.iter().any(is_known) {
            each.push(need);
        }
    }
    each
}

/// The same for a run that lists nothing of what it could not check: that is a note. Each right is asked for once.
///
/// # Errors
/// `NoRights` with everything that is missing.
pub async fn require_rights(client: &Client, needs: impl IntoIterator<Item = Need>) -> Result<()> {
    let mut skipped = Vec::new();
    check_rights(client, once(needs), &mut skipped).await?;
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
                .with_kept("nothing was changed")
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

/// What of these rights is there, as lines of a plan, with the commands that give what a run would fail without.
///
/// # Errors
/// When the run ends.
pub async fn rights_facts(client: &Client, needs: Vec<Need>) -> Result<Vec<Fact>> {
    let rights = rights::check(&client.recalling(OF_RUN), needs).await?;
    let missing = rights.missing.iter().map(|need| {
        let place = resource::in_words(&need.scope);
        let what = format!("{} {}, on {place}", need.action.name(), need.purpose);
        match need.without {
            Without::Fails => Fact::lacking(About::Rights, what).stopping(ErrorKind::NoRights),
            Without::Skips => Fact::lacking(About::Rights, format!("{what}; the run goes on without it")),
        }
    });
    let unread = rights
        .unread
        .iter()
        .map(|(scope, why)| Fact::unknown(About::Rights, format!("{scope}: {why}")));
    let identity = client.identity();
    let given = rights::given_by(rights.failing(), identity.as_deref());
    let given = given.into_iter().map(|line| Fact::plain(About::Rights, line));
    let mut facts: Vec<Fact> = missing.chain(unread).chain(given).collect();
    if facts.is_empty() {
        let count = plural(rights.held.len(), "right");
        facts.push(Fact::plain(
            About::Rights,
            format!("none of the {count} that this needs is missing"),
        ));
    }
    Ok(facts)
}

/// Whether a subscription has registered Batch, as a line of a plan.
///
/// # Errors
/// When the run ends.
pub async fn registration_fact(client: &Client, subscription: &SubscriptionId) -> Result<Fact> {
    let batch = provider::BATCH;
    let about = About::Registration;
    Ok(match registration(&client.recalling(RECENT), subscription).await {
        Ok(Registration::Registered) => {
            Fact::plain(about, format!("{batch} is registered in subscription {subscription}"))
        }
        Ok(Registration::Registering) => Fact::plain(
            about,
            format!("{batch} is being registered in subscription {subscription}"),
        ),
        Ok(Registration::Missing) => Fact::lacking(about, format!("{batch} in subscription {subscription}")),
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => return Err(error),
            ErrorKind::NoRights => Fact::unknown(about, rights::lack(&error)),
            _ => Fact::unknown(about, error.to_string()),
        },
    })
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

/// Requires that the image's subscription and the account's belong to one Entra tenant. Where a tenant cannot be read,
/// nothing is claimed and the service decides.
///
/// # Errors
/// `Refused` with both tenants; when the run ends.
pub async fn require_one_tenant(
    client: &Client,
    (image, account): (&SubscriptionId, &SubscriptionId),
    skipped: &mut Vec<String>,
) -> Result<()> {
    if image == account {
        return Ok(());
    }
    let (of_image, of_account) = (tenant(client, image).await?, tenant(client, account).await?);
    match (of_image, of_account) {
        (Ok(of_image), Ok(of_account)) if !of_image.eq_ignore_ascii_case(&of_account) => {
            let text = "the image and the Batch account lie in two Entra tenants";
            Err(Error::plain(ErrorKind::Refused, text)
                .with_fact(format!("the image's subscription {image} belongs to tenant {of_image}"))
                .with_fact(format!("the account's subscription {account} belongs to tenant {of_account}"))
                .with_kept("nothing was changed")
                .with_hint("publish the image to a gallery of the account's tenant: Batch makes nodes of images of its own tenant only"))
        }
        (Ok(_), Ok(_)) => Ok(()),
        (Err(why), _) | (_, Err(why)) => {
            skipped.push(format!("whether image and account lie in one tenant: {why}"));
            Ok(())
        }
    }
}

/// The tenant of a subscription, or why it is not known.
async fn tenant(client: &Client, id: &SubscriptionId) -> Result<Result<String, String>> {
    match client.send(&subscription::get(id)).await {
        Ok(answer) => {
            let tenant = subscription::tenant(&answer.value()).map(str::to_owned);
            Ok(tenant.ok_or_else(|| format!("subscription {id} does not say its tenant")))
        }
        Err(error) if error.has_code(WRONG_TENANT) => {
            let tenant = expected_tenant(&error.report());
            Ok(tenant.ok_or_else(|| format!("subscription {id} belongs to another tenant than this identity")))
        }
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
            ErrorKind::NoRights => Ok(Err(rights::lack(&error))),
            _ => Ok(Err(error.to_string())),
        },
    }
}

/// The tenant that ARM names when it refuses a token of another one: the last id after `match the tenant`.
fn expected_tenant(refusal: &str) -> Option<String> {
    let (_, named) = refusal.split_once("match the tenant")?;
    let is_of_id = |letter: char| letter.is_ascii_hexdigit() || letter == '-';
    let ids = named.split(|letter| !is_of_id(letter));
    ids.filter(|part| part.len() == 36).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_of_a_subscription_is_read_from_a_refusal() {
        let ours = "11111111-1111-1111-1111-111111111111";
        let theirs = "22222222-2222-2222-2222-222222222222";
        let azures = format!(
            "The access token is from the wrong issuer 'https://sts.windows.net/{ours}/'. It must match the tenant \
             'https://sts.windows.net/{theirs}/' associated with this subscription. Please use the authority (URL) \
             'https://login.windows.net/{theirs}' to get the token."
        );
        assert_eq!(expected_tenant(&azures).as_deref(), Some(theirs));
        assert_eq!(expected_tenant("It must match the tenant"), None);
        assert_eq!(expected_tenant(&format!("the wrong issuer {ours}")), None);
    }
}
