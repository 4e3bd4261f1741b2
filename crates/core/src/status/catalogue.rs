//! What pools are compared with: the versions of their definitions, and the ends that Batch has set.
//!
//! Each list is read once, however many pools need it. One that cannot be read is noted and leaves its questions open.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::{base, images::SeenImage, managed::Images};
use crate::{
    batch::{
        image::{MarketplaceImage, PoolImage},
        job::{self, Job},
        pool::Pool,
        size::{self, SizeOffer},
        supported::{self, Supported},
    },
    client::Client,
    compute::{
        image, marketplace,
        soft_deleted::{self, SoftDeleted},
        version::{self, ImageVersion},
    },
    error::{Error, ErrorKind, Result},
    estate::{Estate, SeenAccount},
    ids::{
        BatchEndpoint, Location, SubscriptionId,
        resource::{ImageDefinitionId, ImageId},
    },
    json,
    request::Request,
    rights, rollout,
    tags::POOL_MARK,
};

/// Where the marketplace is asked.
type Place = (SubscriptionId, Location);

/// What is known of images, agents and sizes.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// The versions of each definition that some pool uses; without those that could not be read.
    pub(super) versions: HashMap<ImageDefinitionId, Vec<ImageVersion>>,
    /// The deleted versions of those definitions that their galleries keep.
    pub(super) deleted: HashMap<ImageDefinitionId, Vec<SoftDeleted>>,
    /// What the marketplace has of each base image, by `base::key`, the oldest first; nothing when it has none any more.
    pub(super) bases: BTreeMap<String, Vec<String>>,
    /// What Batch supports. It is the same for all accounts of a cloud, so one of them is asked.
    pub(super) supported: Vec<Supported>,
    /// The sizes of each region.
    pub(super) sizes: BTreeMap<Location, Vec<SizeOffer>>,
    /// The jobs that are not over of each account in which a roll-out has made or changed a pool, by its endpoint; without
    /// those that could not be read.
    pub(super) jobs: HashMap<BatchEndpoint, Vec<Job>>,
    /// The job schedules of each account with former pools, in the same way.
    pub(super) schedules: HashMap<BatchEndpoint, Vec<Value>>,
    /// What is known of the managed images that pools run; without those that could not be read.
    pub(super) images: Images,
    /// What could not be read, and why.
    pub(super) unread: Vec<(String, Error)>,
    /// Questions beyond what pools run that stay open, and why.
    pub(super) open: Vec<(String, String)>,
}

impl Catalogue {
    async fn read_versions(&mut self, client: &Client, definition: ImageDefinitionId) -> Result<()> {
        self.read_deleted(client, &definition).await?;
        let items = self.list(client, &version::list(&definition)).await?;
        let read = |item: Value| {
            let id = json::text(&item, "/id")?.parse().ok()?;
            Some(ImageVersion::new(id, item))
        };
        if let Some(items) = items {
            let versions = items.into_iter().filter_map(read).collect();
            self.versions.insert(definition, versions);
        }
        Ok(())
    }

    async fn read_deleted(&mut self, client: &Client, definition: &ImageDefinitionId) -> Result<()> {
        match client.list(&soft_deleted::list(definition)).await {
            Ok(items) => {
                let kept = items.iter().filter_map(SoftDeleted::read).collect();
                self.deleted.insert(definition.clone(), kept);
            }
            Err(error) if error.has_status(404) => {}
            Err(error) => self.leave_open(format!("deleted versions of {}", definition.name()), error)?,
        }
        Ok(())
    }

    async fn read_base(&mut self, client: &Client, image: &MarketplaceImage, place: &Place) -> Result<()> {
        let (subscription, location) = place;
        let Some(request) = marketplace::versions(subscription, location, image) else {
            return Ok(());
        };
        match client.find(&request).await {
            Ok(answer) => {
                let all = answer.map(|answer| marketplace::read(&answer.value()));
                self.bases.insert(base::key(image), all.unwrap_or_default());
            }
            Err(error) => {
                let what = format!("newer versions of base image {}", base::key(image));
                self.leave_open(what, error)?;
            }
        }
        Ok(())
    }

    /// Reads managed images of one subscription. What its list lacks is asked for by itself: a list leaves out what this
    /// identity may not read, and that is not gone.
    async fn read_images(&mut self, client: &Client, (of, wanted): (SubscriptionId, HashSet<ImageId>)) -> Result<()> {
        let listed = match client.list(&image::list_of_subscription(&of)).await {
            Ok(items) => items,
            Err(error) => return self.leave_open(format!("managed images of subscription {of}"), error),
        };
        let known = |item: &Value| Some((json::text(item, "/id")?.parse().ok()?, SeenImage::read(item)));
        let listed: Images = listed.iter().filter_map(known).collect();
        for id in wanted {
            match listed.get(&id) {
                Some(seen) => drop(self.images.insert(id, seen.clone())),
                None => self.read_image(client, id).await?,
            }
        }
        Ok(())
    }

    async fn read_image(&mut self, client: &Client, id: ImageId) -> Result<()> {
        match client.find(&image::get(&id)).await {
            Ok(answer) => {
                let seen = answer.map_or(SeenImage::Gone, |answer| SeenImage::read(&answer.value()));
                self.images.insert(id, seen);
                Ok(())
            }
            Err(error) => self.leave_open(format!("managed image {}", id.name()), error),
        }
    }

    /// The jobs of an account, and its job schedules where a former pool may wait for them. Where no roll-out has made or
    /// changed a pool, none is asked for.
    async fn read_jobs(&mut self, client: &Client, account: &SeenAccount) -> Result<()> {
        let has = |is: fn(&Pool) -> bool| account.pools.iter().any(|seen| is(&seen.pool));
        if !has(|pool| pool.metadata(POOL_MARK).is_some() || rollout::under_way(pool).is_some()) {
            return Ok(());
        }
        let endpoint = &account.endpoint;
        let jobs = job::list_live(endpoint);
        // What a change that has not come to its end holds has to be known; of other pools it is one more question.
        let items = match has(|pool| rollout::under_way(pool).is_some()) {
            true => self.list(client, &jobs).await?,
            false => self.ask(client, &jobs, format!("jobs of {}", account.title())).await?,
        };
        if let Some(items) = items {
            let jobs = items.into_iter().map(Job::new).collect();
            self.jobs.insert(endpoint.clone(), jobs);
        }
        if has(|pool| rollout::successor(pool).is_some()) {
            let what = format!("job schedules of {}", account.title());
            let items = self.ask(client, &job::schedules(endpoint), what).await?;
            self.schedules.extend(items.map(|items| (endpoint.clone(), items)));
        }
        Ok(())
    }

    /// A list; nothing, and a question that stays open, when it cannot be read.
    async fn ask(&mut self, client: &Client, request: &Request, what: String) -> Result<Option<Vec<Value>>> {
        match client.list(request).await {
            Ok(items) => Ok(Some(items)),
            Err(error) => self.leave_open(what, error).map(|()| None),
        }
    }

    /// A list; nothing, and a note, when it cannot be read.
    async fn list(&mut self, client: &Client, request: &Request) -> Result<Option<Vec<Value>>> {
        match client.list(request).await {
            Ok(items) => Ok(Some(items)),
            Err(error) => {
                self.unread.push((listed(&request.doing), unless_over(error)?));
                Ok(None)
            }
        }
    }

    fn leave_open(&mut self, what: String, error: Error) -> Result<()> {
        let error = unless_over(error)?;
        let why = match error.kind() {
            ErrorKind::NoRights => rights::lack(&error),
            _ => error.report().replace('\n', "; "),
        };
        self.open.push((what, why));
        Ok(())
    }
}

/// Reads what the pools need.
pub(super) async fn read(client: &Client, estate: &Estate) -> Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    let used: HashSet<ImageDefinitionId> = estate.pools().filter_map(|(_, pool)| pool.image.definition()).collect();
    for definition in used {
        catalogue.read_versions(client, definition).await?;
    }
    if let Some(account) = with_pools(estate).next() {
        let items = catalogue.list(client, &supported::list(&account.endpoint)).await?;
        catalogue.supported = items.iter().flatten().map(Supported::read).collect();
    }
    for subscription in managed_images(estate) {
        catalogue.read_images(client, subscription).await?;
    }
    for (image, place) in bases(estate, &catalogue.versions) {
        catalogue.read_base(client, &image, &place).await?;
    }
    for account in &estate.accounts {
        catalogue.read_jobs(client, account).await?;
    }
    for (location, subscription) in regions(estate) {
        // It lies at the subscription, where who may read the pools need not have any right.
        let what = format!("when VM sizes in {location} end");
        let request = size::list(&subscription, &location);
        if let Some(items) = catalogue.ask(client, &request, what).await? {
            catalogue
                .sizes
                .insert(location, items.iter().map(SizeOffer::read).collect());
        }
    }
    Ok(catalogue)
}

/// What a request lists, as the subject of a sentence: `list the versions of d` lists `the versions of d`.
fn listed(doing: &str) -> String {
    let what = ["list ", "read "].iter().find_map(|verb| doing.strip_prefix(verb));
    what.unwrap_or(doing).to_owned()
}

fn with_pools(estate: &Estate) -> impl Iterator<Item = &SeenAccount> {
    estate.accounts.iter().filter(|account| !account.pools.is_empty())
}

/// The managed images under pools, by subscription.
fn managed_images(estate: &Estate) -> BTreeMap<SubscriptionId, HashSet<ImageId>> {
    let mut all = BTreeMap::<SubscriptionId, HashSet<ImageId>>::new();
    for (_, pool) in estate.pools() {
        let PoolImage::Managed(id) = &pool.image else { continue };
        if let Ok(subscription) = id.group().subscription().to_ascii_lowercase().parse() {
            all.entry(subscription).or_default().insert(id.clone());
        }
    }
    all
}

/// Every region in which there are pools, with a subscription through which its sizes can be asked for.
fn regions(estate: &Estate) -> BTreeMap<Location, SubscriptionId> {
    let of = |account: &SeenAccount| {
        let subscription = account.id.as_ref()?.group().subscription().parse().ok()?;
        Some((account.location.clone()?, subscription))
    };
    with_pools(estate).filter_map(of).collect()
}

/// Every image of the marketplace under some pool, once, with where to ask for its versions: one of the pools' regions.
fn bases(estate: &Estate, versions: &HashMap<ImageDefinitionId, Vec<ImageVersion>>) -> Vec<(MarketplaceImage, Place)> {
    let mut bases = BTreeMap::new();
    for (account, pool) in estate.pools() {
        let definition = pool.image.definition();
        let known = definition.as_ref().and_then(|id| versions.get(id));
        let place = || {
            let own = account.id.as_ref().map(|id| id.group().subscription().to_owned());
            let of_image = || Some(definition.as_ref()?.gallery().group().subscription().to_owned());
            Some((own.or_else(of_image)?.parse().ok()?, account.location.clone()?))
        };
        if let (Some(image), Some(place)) = (base::of(pool, known.map_or(&[], Vec::as_slice)), place()) {
            bases.entry(base::key(&image)).or_insert((image, place));
        }
    }
    bases.into_values().collect()
}

/// The error as something that was not seen, unless it ends the whole run.
fn unless_over(error: Error) -> Result<Error> {
    match error.kind() {
        ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
        _ => Ok(error),
    }
}
