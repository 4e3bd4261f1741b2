//! Which pools are on managed images, and what would become of each.
//!
//! It writes nothing. A pool that cannot move is an entry with the reason, and what cannot be read is named.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{left_image, origin::Search};
use crate::{
    batch::pool::Scaling,
    client::Client,
    error::{Error, ErrorKind, Result},
    estate::{self, SeenAccount, SeenPool},
    ids::{
        Location, NodeCounts, PoolId,
        resource::{BatchAccountId, ImageId, ImageVersionId},
    },
    listing::Unseen,
    rollout::{successor, unfinished},
    settings::{Checked, MigrationListSettings},
    words::plural,
};

/// The schema that results have today.
const SCHEMA: u32 = 1;

/// The pools on managed images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// The schema of this report.
    pub schema_version: u32,
    /// The pools, by account and then in the service's order.
    pub pools: Vec<ManagedPool>,
    /// What could not be read.
    pub unseen: Vec<Unseen>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ManagedPool {
    /// The account's name, or its endpoint.
    pub account: String,
    /// The account's id, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<BatchAccountId>,
    /// The pool.
    pub pool: PoolId,
    /// Its managed image.
    pub image: ImageId,
    /// The nodes that it shall have now.
    pub nodes: NodeCounts,
    /// Whether a formula decides how many. Such a pool can only be changed in place.
    pub autoscale: bool,
    /// What would become of it.
    pub fate: Fate,
}

/// What becomes of a pool on a managed image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// It would move to this version.
    Moves {
        /// The version.
        version: ImageVersionId,
        /// How it is known that it was made of the image.
        how: String,
    },
    /// A change to this version has begun and not come to its end.
    UnderWay {
        /// The version.
        version: ImageVersionId,
    },
    /// Another pool does its work.
    Moved {
        /// That pool.
        successor: PoolId,
    },
    /// Nothing says to which version.
    Stays {
        /// Why.
        why: String,
    },
}

/// What was found for each image and region.
type Known = BTreeMap<(String, Option<Location>), Fate>;

impl MigrationReport {
    /// How many pools have still to move, whether they can or not.
    #[must_use]
    pub fn to_move(&self) -> usize {
        let is_left = |pool: &&ManagedPool| !matches!(pool.fate, Fate::Moved { .. });
        self.pools.iter().filter(is_left).count()
    }

    /// What was found, in one sentence.
    #[must_use]
    pub fn headline(&self) -> String {
        let can = |pool: &&ManagedPool| matches!(pool.fate, Fate::Moves { .. } | Fate::UnderWay { .. });
        let can = self.pools.iter().filter(can).count();
        match self.to_move() {
            0 => "no pool in sight is on a managed image and in use".to_owned(),
            all => format!(
                "{} on managed images, {can} of them with an image version to move to; nothing was changed",
                plural(all, "pool")
            ),
        }
    }
}

/// Looks.
///
/// # Errors
/// When nothing can be listed, or the run ends. What alone could not be read is in the report.
pub async fn list(client: &Client, settings: &Checked<MigrationListSettings>) -> Result<MigrationReport> {
    let run = client.run();
    let look = estate::read(client, &settings.sight);
    let estate = run
        .step("estate", "looking at the Batch accounts in sight", look)
        .await?;
    let look = async {
        let mut search = Search::new(client, settings.within.clone());
        let mut known = BTreeMap::new();
        let mut pools = Vec::new();
        for (account, pool) in estate.pools() {
            if let Some(image) = left_image(&pool.pool) {
                let fate = fate((account, pool), &image, (&mut search, &mut known)).await?;
                pools.push(managed(account, pool, (image, fate)));
            }
        }
        let of_galleries: Vec<Unseen> = search.parts().map(Unseen::of_part).collect();
        Ok::<_, Error>((pools, of_galleries))
    };
    let what = "looking at what was made of managed images";
    let (pools, of_galleries) = run.step("versions", what, look).await?;
    let of_accounts = estate.gaps.iter().map(Unseen::of);
    Ok(MigrationReport {
        schema_version: SCHEMA,
        pools,
        unseen: of_accounts.chain(of_galleries).collect(),
    })
}

async fn fate(
    (account, pool): (&SeenAccount, &SeenPool),
    image: &ImageId,
    (search, known): (&mut Search<'_>, &mut Known),
) -> Result<Fate> {
    if let Some(successor) = successor(&pool.pool) {
        return Ok(Fate::Moved {
            successor: successor.pool,
        });
    }
    if let Some(begun) = unfinished(&pool.pool) {
        return Ok(Fate::UnderWay { version: begun.to });
    }
    let key = (image.to_string().to_ascii_lowercase(), account.location.clone());
    if let Some(fate) = known.get(&key) {
        return Ok(fate.clone());
    }
    let fate = match search.of(image, account.location.as_ref()).await {
        Ok(origin) => Fate::Moves {
            how: origin.how(),
            version: origin.version,
        },
        Err(error) if matches!(error.kind(), ErrorKind::BadInput | ErrorKind::NoRights) => Fate::Stays {
            why: error.report().lines().map(str::trim).collect::<Vec<_>>().join("; "),
        },
        Err(error) => return Err(error),
    };
    known.insert(key, fate.clone());
    Ok(fate)
}

fn managed(account: &SeenAccount, pool: &SeenPool, (image, fate): (ImageId, Fate)) -> ManagedPool {
    ManagedPool {
        account: account.title(),
        account_id: account.id.clone(),
        pool: pool.id.clone(),
        image,
        nodes: pool.pool.targets,
        autoscale: pool.pool.scaling == Scaling::Auto,
        fate,
    }
}
