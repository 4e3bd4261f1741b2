//! What there is before anything is decided: account, endpoint, region, image version, and what we may not see.
//!
//! It writes nothing. The pool itself is read by the plan's loop, which looks again after every wait.

use serde_json::Value;

use super::offers;
use crate::{
    batch::account::{self, Account},
    client::Client,
    compute::{
        gallery::{self, ImageDefinition},
        version::{self, ImageVersion},
    },
    error::{Error, ErrorKind, Result},
    ids::{
        BatchEndpoint, Location, SubscriptionId, VersionNumber,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    json,
    memory::{OF_RUN, RECENT},
    operation::Status,
    options::pool,
    preflight, replication, rights,
    settings::{AccountRef, RolloutSettings},
    versions, words,
};

/// Where the pool lives, and what it shall run.
#[derive(Debug)]
pub(super) struct Site {
    /// The account as ARM describes it; unknown when it is given by its endpoint.
    pub(super) account: Option<Account>,
    /// Where the account's data plane answers.
    pub(super) endpoint: BatchEndpoint,
    /// The account's region; unknown when neither ARM nor the endpoint shows it.
    pub(super) location: Option<Location>,
    /// The image version; unknown when we may not read it.
    pub(super) version: Option<ImageVersion>,
    /// The version's definition; unknown when we may not read it.
    pub(super) definition: Option<ImageDefinition>,
    /// Checks that could not be made.
    pub(super) skipped: Vec<String>,
}

impl Site {
    /// The same with the image version as it is now.
    pub(super) async fn with_version_now(&self, client: &Client, settings: &RolloutSettings) -> Result<Self> {
        Ok(Self {
            account: self.account.clone(),
            endpoint: self.endpoint.clone(),
            location: self.location.clone(),
            version: image_version(client, settings, &mut Vec::new()).await?,
            definition: self.definition.clone(),
            skipped: Vec::new(),
        })
    }
}

/// Looks.
pub(super) async fn observe(client: &Client, settings: &RolloutSettings) -> Result<Site> {
    let mut skipped = Vec::new();
    let account = account(client, &settings.account, &mut skipped).await?;
    let (endpoint, location) = place(&settings.account, account.as_ref())?;
    if let (Some(image), Some(account)) = subscriptions(settings) {
        preflight::require_one_tenant(client, (&image, &account), &mut skipped).await?;
    }
    let version = image_version(client, settings, &mut skipped).await?;
    if version.is_some() && location.is_none() {
        skipped.push("replicas of the image version: the account's region is not known".to_owned());
    }
    let definition = definition(client, settings, &mut skipped).await?;
    Ok(Site {
        account,
        endpoint,
        location,
        version,
        definition,
        skipped,
    })
}

/// The subscription of the image, and of the account unless it is given by its endpoint.
pub(super) fn subscriptions(settings: &RolloutSettings) -> (Option<SubscriptionId>, Option<SubscriptionId>) {
    let definition = settings.pool.version.definition();
    let image = definition.gallery().group().subscription().parse().ok();
    let account = match &settings.account {
        AccountRef::Id(id) => id.group().subscription().parse().ok(),
        AccountRef::Endpoint(_) => None,
    };
    (image, account)
}

/// Where the account answers, and its region.
pub(crate) async fn located(
    client: &Client,
    reference: &AccountRef,
    skipped: &mut Vec<String>,
) -> Result<(BatchEndpoint, Option<Location>)> {
    let read = account(client, reference, skipped).await?;
    place(reference, read.as_ref())
}

/// What ARM says of the account, unless it is given by its endpoint, and where it answers.
pub(super) async fn read_account(
    client: &Client,
    reference: &AccountRef,
    skipped: &mut Vec<String>,
) -> Result<(Option<Account>, BatchEndpoint)> {
    let read = account(client, reference, skipped).await?;
    let (endpoint, _region) = place(reference, read.as_ref())?;
    Ok((read, endpoint))
}

async fn account(client: &Client, account: &AccountRef, skipped: &mut Vec<String>) -> Result<Option<Account>> {
    let id = match account {
        AccountRef::Endpoint(_) => {
            skipped.push("sign-in modes and quotas of the account: it is given by its endpoint alone".to_owned());
            return Ok(None);
        }
        AccountRef::Id(id) => id,
    };
    match account::read(&client.recalling(OF_RUN), id, pool::ACCOUNT).await {
        Ok(account) => Ok(Some(account)),
        Err(error) if error.has_status(403) => {
            let error = rights::advised(error, client.identity().as_deref(), Some(account));
            Err(error.with_next(
                words![
                    "or, if it has rights to the pools by another role, give ",
                    pool::ACCOUNT_ENDPOINT,
                    " in place of ",
                    pool::ACCOUNT,
                    " (in the portal it is on the account's overview); quotas are then not checked"
                ],
                None,
            ))
        }
        Err(error) => Err(error),
    }
}

/// Where the account is: as ARM says, else as its endpoint shows.
fn place(account: &AccountRef, read: Option<&Account>) -> Result<(BatchEndpoint, Option<Location>)> {
    match (account, read) {
        (_, Some(read)) => Ok((read.endpoint.clone(), Some(read.location.clone()))),
        (AccountRef::Endpoint(endpoint), None) => Ok((endpoint.clone(), endpoint.region())),
        (AccountRef::Id(id), None) => Err(Error::new(ErrorKind::Azure, format!("there is no Batch account {id}"))),
    }
}

async fn image_version(
    client: &Client,
    settings: &RolloutSettings,
    skipped: &mut Vec<String>,
) -> Result<Option<ImageVersion>> {
    let id = &settings.pool.version;
    let version = match version::find(&client.recalling(RECENT), id).await {
        Ok(Some(version)) => version,
        Ok(None) => return Err(missing(client, id).await),
        Err(error) if error.has_status(403) => {
            skipped.push(format!(
                "state and replicas of the image version: {}",
                rights::lack(&error)
            ));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if let Status::Failed(failure) = version.status()
        && replication::repairable_region(&version).is_none()
    {
        let text = format!(
            "image version {id} is {} and cannot be used",
            version.provisioning_state()
        );
        return Err(Error::new(ErrorKind::Azure, text)
            .because(failure)
            .with_hint("publish under another number, and roll that one out"));
    }
    if let Some(end) = version.end_of_life().filter(|end| *end <= client.run().now()) {
        let (title, day) = (version.title(), end.strftime("%Y-%m-%d"));
        client.warn(format!(
            "image version {title} is past its end of life, which was {day}"
        ));
    }
    // Who names the version has decided; a rule passes such a version over.
    if let Some(failure) = versions::failed_test(&version) {
        client.warn(format!("image version {} {failure}", version.title()));
    }
    Ok(Some(version))
}

/// The definition, which says how its images boot. One that may not be read is a note.
async fn definition(
    client: &Client,
    settings: &RolloutSettings,
    skipped: &mut Vec<String>,
) -> Result<Option<ImageDefinition>> {
    let request = gallery::get_definition(&settings.pool.version.definition());
    match client.recalling(OF_RUN).find(&request).await {
        Ok(answer) => Ok(answer.map(|answer| ImageDefinition::new(answer.value()))),
        Err(error) if error.has_status(403) => {
            skipped.push(format!("security type of the image: {}", rights::lack(&error)));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What the definition has in place of a version that is not there. A list that cannot be read leaves the user to look.
async fn missing(client: &Client, id: &ImageVersionId) -> Error {
    let listed = client.list(&version::list(&id.definition())).await;
    offers::missing_version(id, listed.ok().map(|items| numbers_of(&items)))
}

/// The versions of a definition, the newest first; none where they cannot be read.
pub(super) async fn numbers(client: &Client, definition: &ImageDefinitionId) -> Vec<VersionNumber> {
    let listed = client.list(&version::list(definition)).await;
    numbers_of(&listed.unwrap_or_default())
}

fn numbers_of(items: &[Value]) -> Vec<VersionNumber> {
    let mut numbers: Vec<VersionNumber> = items
        .iter()
        .filter_map(|item| json::text(item, "/name")?.parse().ok())
        .collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers
}
