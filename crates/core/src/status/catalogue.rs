//! What pools are compared with: the versions of their definitions, and the ends that Batch has set.
//!
//! Each list is read once, however many pools need it. One that cannot be read is noted and leaves its questions open.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::{
    batch::{
        size::{self, SizeOffer},
        supported::{self, Supported},
    },
    client::Client,
    compute::version::{self, ImageVersion},
    error::{Error, ErrorKind, Result},
    estate::{Estate, SeenAccount},
    ids::{Location, SubscriptionId, resource::ImageDefinitionId},
    json,
    request::Request,
};

/// What is known of images, agents and sizes.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// The versions of each definition that some pool uses; without those that could not be read.
    pub(super) versions: HashMap<ImageDefinitionId, Vec<ImageVersion>>,
    /// What Batch supports. It is the same for all accounts of a cloud, so one of them is asked.
    pub(super) supported: Vec<Supported>,
    /// The sizes of each region.
    pub(super) sizes: BTreeMap<Location, Vec<SizeOffer>>,
    /// What could not be read, and why.
    pub(super) unread: Vec<(String, Error)>,
}

impl Catalogue {
    async fn read_versions(&mut self, client: &Client, definition: ImageDefinitionId) -> Result<()> {
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

    /// A list; nothing, and a note, when it cannot be read.
    async fn list(&mut self, client: &Client, request: &Request) -> Result<Option<Vec<Value>>> {
        match client.list(request).await {
            Ok(items) => Ok(Some(items)),
            Err(error) => match error.kind() {
                ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
                _ => {
                    self.unread.push((request.doing.clone(), error));
                    Ok(None)
                }
            },
        }
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
    for (location, subscription) in regions(estate) {
        if let Some(items) = catalogue.list(client, &size::list(&subscription, &location)).await? {
            catalogue
                .sizes
                .insert(location, items.iter().map(SizeOffer::read).collect());
        }
    }
    Ok(catalogue)
}

fn with_pools(estate: &Estate) -> impl Iterator<Item = &SeenAccount> {
    estate.accounts.iter().filter(|account| !account.pools.is_empty())
}

/// Every region in which there are pools, with a subscription through which its sizes can be asked for.
fn regions(estate: &Estate) -> BTreeMap<Location, SubscriptionId> {
    let of = |account: &SeenAccount| {
        let subscription = account.id.as_ref()?.group().subscription().parse().ok()?;
        Some((account.location.clone()?, subscription))
    };
    with_pools(estate).filter_map(of).collect()
}
