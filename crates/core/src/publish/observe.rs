//! Looking at everything that a publish needs to know; nothing is written and nothing is decided here.

mod agent;
pub(super) mod sizes;

pub(super) use self::agent::Agents;

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde_json::Value;

use super::{
    boot::{SizeOf, WantedSize},
    check::Check,
    machine::Machine,
    number,
    origin::Origin,
    source::{self, fingerprint, image},
};
use crate::{
    absent,
    arm::subscription::{self, Region},
    batch::{account, account::Account, image::MarketplaceImage},
    client::Client,
    compute::{
        gallery,
        gallery::{Gallery, ImageDefinition},
        version,
        version::ImageVersion,
    },
    error::{Error, ErrorKind, Result},
    ids::{
        Location, VersionNumber,
        resource::{ImageVersionId, ResourceGroupId},
    },
    json,
    operation::Status,
    options::image::{
        CREATE_GALLERY, DESTINATION_GALLERY_NAME, DESTINATION_RESOURCE_GROUP, TEST_BATCH_ACCOUNT, USED_BY_BATCH_ACCOUNT,
    },
    rights,
    settings::{PublishSettings, Source, UsedBy},
    tags::Fingerprint,
    temporaries::{self, Found},
    versions, words,
};

/// What is there.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The machine.
    pub machine: Machine,
    /// The gallery's region; `None` when there is no gallery yet.
    pub gallery: Option<Location>,
    /// The definition, if it is there.
    pub definition: Option<ImageDefinition>,
    /// Its versions.
    pub versions: Vec<ImageVersion>,
    /// The numbers of those that were deleted and that the gallery keeps, where it is known to keep any.
    pub soft_deleted: BTreeSet<VersionNumber>,
    /// The accounts with their pools' sizes.
    pub accounts: Vec<(Account, u32)>,
    /// The account that has the node of the test, if one is asked for.
    pub tester: Option<Account>,
    /// The marketplace image that the source was made of in the end.
    pub base: Option<MarketplaceImage>,
    /// What is known of node agents, when there is an account whose list can be asked.
    pub agents: Agents,
    /// The sizes of those pools, where they are named, and of the test.
    pub sizes: Vec<WantedSize>,
    /// The regions that the gallery's subscription may use; `None` when nobody asked, or they are not readable.
    pub locations: Option<Vec<Region>>,
    /// Snapshots and managed images in the group of temporaries.
    pub temporaries: Vec<Found>,
    /// The regions in which the version is known to be complete, with all that is wanted there.
    pub ready: Vec<Location>,
    /// What was checked of the machine, once it was.
    pub checks: Vec<Check>,
}

/// What is there of where the version goes.
#[derive(Default)]
struct Destination {
    gallery: Option<Location>,
    definition: Option<ImageDefinition>,
    versions: Vec<ImageVersion>,
    soft_deleted: BTreeSet<VersionNumber>,
}

/// The accounts with their pools' sizes, the VM sizes, and the account of the test.
type Pools = (Vec<(Account, u32)>, Vec<WantedSize>, Option<Account>);

impl Seen {
    /// A version by its id.
    #[must_use]
    pub(super) fn version(&self, id: &ImageVersionId) -> Option<&ImageVersion> {
        self.versions.iter().find(|version| version.id == *id)
    }

    /// Remembers a version as it was seen last.
    pub(super) fn put_version(&mut self, version: ImageVersion) {
        self.versions.retain(|it| it.id != version.id);
        self.versions.push(version);
    }
}

/// Looks at all of it.
///
/// # Errors
/// When the source, the gallery or the group of temporaries is missing, or Azure refuses.
pub(super) async fn all(client: &Client, settings: &PublishSettings) -> Result<Seen> {
    match settings.adopted() {
        Some(version) => of_adopted(client, settings, version).await,
        None => of_source(client, settings).await,
    }
}

async fn of_source(client: &Client, settings: &PublishSettings) -> Result<Seen> {
    let (machine, destination, (accounts, sizes, tester), locations, temporaries) = futures::try_join!(
        source::observe(client, settings),
        destination(client, settings),
        pools(client, settings),
        locations(client, settings),
        temporaries(client, settings),
    )?;
    let Destination {
        gallery,
        definition,
        mut versions,
        soft_deleted,
    } = destination;
    look_at_failed(client, &mut versions, &fingerprint::of(&machine, &settings.run_id)).await?;
    let origin = match &settings.source {
        Source::ImageVersion(id) => Origin::Version(id.clone()),
        _ => Origin::of(&machine),
    };
    let base = agent::base(client, origin, settings.made_from.as_ref()).await?;
    Ok(Seen {
        agents: agents(client, settings, base.as_ref(), (&accounts, tester.as_ref())).await?,
        tester,
        base,
        machine,
        gallery,
        definition,
        versions,
        soft_deleted,
        accounts,
        sizes,
        locations,
        temporaries,
        ready: Vec::new(),
        checks: Vec::new(),
    })
}

/// Looks at failed versions of this source one by one: a list does not show which of their regions are complete.
async fn look_at_failed(client: &Client, versions: &mut [ImageVersion], fingerprint: &Fingerprint) -> Result<()> {
    let has_failed = |version: &&mut ImageVersion| {
        number::is_of(version, fingerprint) && matches!(version.status(), Status::Failed(_))
    };
    for version in versions.iter_mut().filter(has_failed) {
        if let Some(found) = version::find(client, &version.id).await? {
            *version = found;
        }
    }
    Ok(())
}

/// A version that is adopted shows that its gallery is there, and needs neither other versions nor temporaries.
async fn of_adopted(client: &Client, settings: &PublishSettings, id: &ImageVersionId) -> Result<Seen> {
    let (version, definition, (accounts, sizes, tester), locations) = futures::try_join!(
        image::settled_version(client, id),
        image::definition_of(client, id),
        pools(client, settings),
        locations(client, settings),
    )?;
    let machine = image::of_version(&version, &definition)?;
    let base = agent::base(client, Origin::of_version(&version), settings.made_from.as_ref()).await?;
    Ok(Seen {
        agents: agents(client, settings, base.as_ref(), (&accounts, tester.as_ref())).await?,
        tester,
        base,
        gallery: Some(machine.location.clone()),
        machine,
        definition: Some(definition),
        versions: vec![version],
        soft_deleted: BTreeSet::new(),
        accounts,
        sizes,
        locations,
        temporaries: Vec::new(),
        ready: Vec::new(),
        checks: Vec::new(),
    })
}

/// What is known of node agents, by the first account that is named.
async fn agents(
    client: &Client,
    settings: &PublishSettings,
    base: Option<&MarketplaceImage>,
    (accounts, tester): (&[(Account, u32)], Option<&Account>),
) -> Result<Agents> {
    let all = accounts.iter().map(|(account, _)| account).chain(tester);
    agent::agents(client, (base, settings.test.as_ref()), all).await
}

/// The accounts whose pools will use the version, with their numbers of nodes, the VM sizes, and the account of the test.
async fn pools(client: &Client, settings: &PublishSettings) -> Result<Pools> {
    let (accounts, tester) = futures::try_join!(accounts(client, settings), tester(client, settings))?;
    let of_pools = settings.used_by.iter().zip(&accounts);
    let of_pools = of_pools.filter_map(|(pool, (account, _))| {
        Some(sizes::Asked {
            of: SizeOf::Pool,
            name: pool.vm_size.as_ref()?,
            account,
        })
    });
    let of_test = settings.test.iter().zip(&tester).map(|(test, account)| sizes::Asked {
        of: SizeOf::Test,
        name: &test.vm_size,
        account,
    });
    let sizes = sizes::read(client, of_pools.chain(of_test)).await?;
    Ok((accounts, sizes, tester))
}

/// The account that has the node of the test.
async fn tester(client: &Client, settings: &PublishSettings) -> Result<Option<Account>> {
    match &settings.test {
        Some(test) => account::read(client, &test.account, TEST_BATCH_ACCOUNT).await.map(Some),
        None => Ok(None),
    }
}

/// The accounts whose pools will use the version, with the pools' sizes.
async fn accounts(client: &Client, settings: &PublishSettings) -> Result<Vec<(Account, u32)>> {
    let read = |it: &UsedBy| {
        let (id, nodes) = (it.account.clone(), it.nodes);
        async move { Ok((account::read(client, &id, USED_BY_BATCH_ACCOUNT).await?, nodes)) }
    };
    try_join_all(settings.used_by.iter().map(read)).await
}

/// The regions that the gallery's subscription lists, when regions are asked for by name.
///
/// # Errors
/// When Azure fails, or the run ends.
pub(super) async fn locations(client: &Client, settings: &PublishSettings) -> Result<Option<Vec<Region>>> {
    let subscription = settings.definition.group().subscription().parse();
    let (false, Ok(subscription)) = (settings.target_regions.is_empty(), subscription) else {
        return Ok(None);
    };
    match client.list(&subscription::locations(&subscription)).await {
        // Who may write into a gallery need not be allowed to read its subscription.
        Err(error) if error.kind() == ErrorKind::NoRights => {
            client.note(format!("names of regions are not compared: {}", rights::lack(&error)));
            Ok(None)
        }
        listed => Ok(Some(listed?.iter().filter_map(Region::read).collect())),
    }
}

async fn destination(client: &Client, settings: &PublishSettings) -> Result<Destination> {
    let id = settings.definition.gallery();
    let found = match client.send(&gallery::get(&id)).await {
        // Without its group a gallery cannot be made either.
        Err(error) if absent::is_of_group(&error) => {
            return Err(absent::group(id.group(), DESTINATION_RESOURCE_GROUP));
        }
        Err(error) if error.has_status(404) => None,
        answer => Some(answer?),
    };
    let Some(answer) = found else {
        if settings.create_gallery {
            return Ok(Destination::default());
        }
        let missing = Error::new(ErrorKind::BadInput, format!("there is no gallery {id}"));
        return Err(missing.with_hint(words![
            "check ",
            DESTINATION_GALLERY_NAME,
            " and ",
            DESTINATION_RESOURCE_GROUP,
            ", or set ",
            CREATE_GALLERY,
            " to true"
        ]));
    };
    let gallery = Gallery::new(answer.value());
    let definition = definition(client, settings).await?;
    let (versions, soft_deleted) = match definition {
        Some(_) => futures::try_join!(versions(client, settings), soft_deleted(client, settings, &gallery))?,
        None => (Vec::new(), BTreeSet::new()),
    };
    Ok(Destination {
        gallery: gallery.location(),
        definition,
        versions,
        soft_deleted,
    })
}

/// The numbers of deleted versions that the gallery keeps. That one which never had a policy keeps none is a guess; where
/// it is wrong, Azure refuses the number when the version is written.
async fn soft_deleted(
    client: &Client,
    settings: &PublishSettings,
    gallery: &Gallery,
) -> Result<BTreeSet<VersionNumber>> {
    if !gallery.has_soft_deletion_policy() {
        return Ok(BTreeSet::new());
    }
    let kept = versions::kept(client, &settings.definition).await?;
    Ok(kept.unwrap_or_default().into_iter().map(|kept| kept.number).collect())
}

/// The definition, if it is there.
///
/// # Errors
/// When it is not readable.
pub(super) async fn definition(client: &Client, settings: &PublishSettings) -> Result<Option<ImageDefinition>> {
    let found = client.find(&gallery::get_definition(&settings.definition)).await?;
    Ok(found.map(|answer| ImageDefinition::new(answer.value())))
}

/// The definition's versions; without a definition there are none.
///
/// # Errors
/// When they cannot be listed.
pub(super) async fn versions(client: &Client, settings: &PublishSettings) -> Result<Vec<ImageVersion>> {
    let bodies = match client.list(&version::list(&settings.definition)).await {
        Err(error) if error.has_status(404) => Vec::new(),
        listed => listed?,
    };
    let with_id = |body: Value| {
        let number: VersionNumber = json::text(&body, "/name")?.parse().ok()?;
        Some(ImageVersion::new(settings.definition.version(number), body))
    };
    Ok(bodies.into_iter().filter_map(with_id).collect())
}

/// Where snapshots and managed images go.
#[must_use]
pub(super) fn group(settings: &PublishSettings) -> &ResourceGroupId {
    let own = settings.temporaries.group.as_ref();
    let of_source = settings.source.group().unwrap_or_else(|| settings.definition.group());
    own.unwrap_or(of_source)
}

/// What is there already of snapshots and managed images; a source that is an image needs none.
async fn temporaries(client: &Client, settings: &PublishSettings) -> Result<Vec<Found>> {
    if matches!(
        settings.source,
        Source::ManagedImage(_) | Source::ImageVersion(_) | Source::Community(_)
    ) {
        return Ok(Vec::new());
    }
    match temporaries::look(client, group(settings), &[]).await {
        // The source lies there too, and its own error says more of what is missing.
        Err(error) if is_in_group_of_source(settings) && absent::is_of_group(&error) => Ok(Vec::new()),
        looked => looked,
    }
}

/// Whether snapshots and managed images go to the source's own group.
fn is_in_group_of_source(settings: &PublishSettings) -> bool {
    settings.temporaries.group.is_none() && settings.source.group().is_some()
}
