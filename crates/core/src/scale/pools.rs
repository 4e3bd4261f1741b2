//! The pools that a version's replicas have to carry, in everything in sight: those that are there, and those that jobs
//! and schedules make.
//!
//! Followers of the definition count: their next nodes may get the version.

use futures::{StreamExt as _, stream};
use serde_json::Value;

use crate::{
    batch::{
        auto_pool::{self, AutoPool},
        image::PoolImage,
        pool::Scaling,
    },
    client::Client,
    error::{ErrorKind, Result},
    estate::{self, SeenAccount, SeenPool},
    ids::{Location, resource::ImageVersionId},
    settings::ScaleSettings,
    usage::Blind,
};

/// How many accounts are read at one time.
const AT_ONCE: usize = 8;

/// How the pool is read that a job or schedule makes.
type ReadPool = fn(&Value) -> Option<AutoPool>;

/// What has to be carried, and what of it could not be seen.
pub(super) struct Load {
    pub(super) pools: Vec<Carried>,
    pub(super) blind: Vec<Blind>,
}

/// A pool that takes the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// Where; absent when nothing shows it, so it may be anywhere.
    pub(super) region: Option<Location>,
    /// How many nodes it has, or is to have, whichever is more.
    pub(super) nodes: u32,
    /// Its name, for people.
    pub(super) name: String,
    /// Whether a formula decides its size: what that will say is not known.
    pub(super) is_by_formula: bool,
}

/// Reads the pools.
///
/// # Errors
/// When not even the subscriptions can be listed, or the run ends.
pub(super) async fn read(client: &Client, settings: &ScaleSettings) -> Result<Load> {
    let version = &settings.version;
    let estate = estate::read(client, &settings.sight).await?;
    let pools = estate
        .pools()
        .filter(|(_, pool)| takes(&pool.image, version) || runs(pool, version));
    let mut load = Load {
        pools: pools.map(|(account, pool)| carried(account, pool)).collect(),
        blind: estate
            .gaps
            .iter()
            .map(|gap| blind(gap.what.clone(), gap.why.report()))
            .collect(),
    };
    let mut looks = stream::iter(&estate.accounts)
        .map(|account| to_come(client, account, version))
        .buffered(AT_ONCE);
    while let Some(more) = looks.next().await {
        let more = more?;
        load.pools.extend(more.pools);
        load.blind.extend(more.blind);
    }
    Ok(load)
}

fn takes(image: &PoolImage, version: &ImageVersionId) -> bool {
    match image {
        PoolImage::Version(id) => id == version,
        PoolImage::Definition(id) => *id == version.definition(),
        PoolImage::Managed(_) | PoolImage::Marketplace(_) | PoolImage::Other(_) | PoolImage::Unknown => false,
    }
}

/// Whether nodes of a pool run it that follows something else by now.
fn runs(pool: &SeenPool, version: &ImageVersionId) -> bool {
    pool.may_run(&PoolImage::Version(version.clone()))
}

fn carried(account: &SeenAccount, pool: &SeenPool) -> Carried {
    Carried {
        region: account.location.clone(),
        nodes: pool.pool.current.total().max(pool.pool.targets.total()),
        name: format!("pool {} in {}", pool.id, account.title()),
        is_by_formula: pool.pool.scaling == Scaling::Auto,
    }
}

/// The pools that jobs and schedules of an account make.
async fn to_come(client: &Client, account: &SeenAccount, version: &ImageVersionId) -> Result<Load> {
    let lists: [(_, ReadPool, &str); 2] = [
        (auto_pool::list_jobs(&account.endpoint), AutoPool::of_job, "jobs"),
        (
            auto_pool::list_schedules(&account.endpoint),
            AutoPool::of_schedule,
            "job schedules",
        ),
    ];
    let mut load = Load {
        pools: Vec::new(),
        blind: Vec::new(),
    };
    for (list, read, what) in lists {
        match client.list(&list).await {
            Ok(items) => {
                let pools = items.iter().filter_map(read).filter(|pool| takes(&pool.image, version));
                load.pools.extend(pools.map(|pool| Carried {
                    region: account.location.clone(),
                    nodes: pool.nodes,
                    name: format!("a pool that {what} in {} make", account.title()),
                    is_by_formula: false,
                }));
            }
            Err(error) => match error.kind() {
                ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => return Err(error),
                _ => load
                    .blind
                    .push(blind(format!("{what} in {}", account.title()), error.report())),
            },
        }
    }
    Ok(load)
}

const fn blind(what: String, why: String) -> Blind {
    Blind { what, why, needs: None }
}
