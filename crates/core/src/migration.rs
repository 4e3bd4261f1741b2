//! A pool on a managed image moves to the image version that was made of that image.
//!
//! It only finds out what the pool is and which version it shall run; the rest is a roll-out like any other. Batch ended
//! its support for pools on managed images on 31 March 2026.

mod all;
mod origin;
mod pace;
mod survey;

pub use all::{AllPlan, End, PoolEnd, plan_all, run_all};
pub use origin::{Origin, Tie};
pub use pace::run;
pub use survey::{Fate, ManagedPool, MigrationReport, list};

use crate::{
    absent,
    batch::{
        autoscale,
        image::PoolImage,
        pool::{self, Pool, Scaling},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{Location, NodeCounts, PoolId, resource::ImageId},
    json,
    options::pool::{IMAGE_VERSION, STRATEGY},
    progress::Event,
    rollout::{self, Unfinished, successor},
    settings::{Checked, MigrationSettings, PoolAsFound, SoughtVersion, UnresolvedRollout, WantedVersion},
    words,
};
use origin::Search;

/// What becomes of a pool.
#[derive(Debug)]
pub enum Migration {
    /// It moves.
    Moves(Box<Move>),
    /// It has moved already, or never was on a managed image.
    Done(Done),
}

/// A pool that moves.
#[derive(Debug)]
pub struct Move {
    /// How it is known which version it gets, in one sentence.
    pub why: String,
    /// The roll-out that moves it.
    pub settings: Checked<UnresolvedRollout>,
}

/// A pool that does not have to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The pool.
    pub pool: PoolId,
    /// The image that it runs.
    pub image: String,
    /// The pool that does its work by now, when a second one was made.
    pub successor: Option<PoolId>,
}

/// Where a pool stands that no change is under way with.
enum Standing {
    OnManaged(ImageId),
    Done(Done),
}

impl Done {
    /// What there is instead, in one sentence.
    #[must_use]
    pub fn headline(&self) -> String {
        match &self.successor {
            Some(successor) => format!("Pool {successor} does the work of pool {} already.", self.pool),
            None => format!(
                "Pool {} runs {} already, so nothing has to move.",
                self.pool, self.image
            ),
        }
    }
}

/// Finds out what the pool is, and which version it shall run. It writes nothing.
///
/// # Errors
/// `BadInput` when there is no such pool, it is on another kind of image, or no version was made of its image; when
/// something cannot be read, or the run ends.
pub async fn resolve(client: &Client, settings: &Checked<MigrationSettings>) -> Result<Migration> {
    let text = format!(
        "pool {} in {} → an image version",
        settings.pool,
        settings.account.name()
    );
    let what = "looking at the pool and at what was made of its image";
    let flow = format!("cannot migrate pool {}", settings.pool);
    looked(client, (text, what, flow), find(client, settings)).await
}

/// What a look at pools and images has found; nothing is written before. `text` is what is to become of them.
async fn looked<Found>(
    client: &Client,
    (text, what, flow): (String, &str, String),
    look: impl Future<Output = Result<Found>>,
) -> Result<Found> {
    client.tell(Event::Goal { text });
    let found = client.run().step("migration", what, look).await;
    found.map_err(|error| within(error, flow))
}

/// The error in its flow, unless it says what to do by itself.
fn within(error: Error, flow: String) -> Error {
    match error.has_next() {
        true => error,
        false => error.in_flow(flow),
    }
}

async fn find(client: &Client, settings: &Checked<MigrationSettings>) -> Result<Migration> {
    let (endpoint, region) = rollout::located(client, &settings.account, &mut Vec::new()).await?;
    let found = client.find(&pool::get(&endpoint, &settings.pool)).await?;
    let pool = Pool::new(
        found
            .ok_or_else(|| absent::pool(&settings.pool, std::iter::empty()))?
            .value(),
    );
    let mut search = Search::wanting(client, &settings.version);
    let found = of_pool((client, &mut search), settings, (&pool, region.as_ref())).await?;
    search.warn_of_parts();
    Ok(found)
}

/// What becomes of a pool that was read.
async fn of_pool(
    (client, search): (&Client, &mut Search<'_>),
    settings: &Checked<MigrationSettings>,
    (pool, region): (&Pool, Option<&Location>),
) -> Result<Migration> {
    if let Some(unfinished) = rollout::unfinished(pool) {
        if let SoughtVersion::Named(version) = &settings.version
            && version.known() != Some(&unfinished.to)
        {
            let why = format!(
                "the image version was named; a change of the pool to {} has begun and not come to its end",
                unfinished.to
            );
            client.note(&why);
            let settings = settings.as_rollout(version.clone(), as_found(pool, Some(unfinished)));
            return Ok(Migration::Moves(Box::new(Move { why, settings })));
        }
        let why = format!(
            "a change of the pool to {} has begun, and this goes on with it",
            unfinished.to
        );
        client.note(&why);
        let version = WantedVersion::One(unfinished.to.clone());
        let settings = settings.as_rollout(version, as_found(pool, Some(unfinished)));
        return Ok(Migration::Moves(Box::new(Move { why, settings })));
    }
    let image = match standing(&settings.pool, pool)? {
        Standing::OnManaged(image) => image,
        Standing::Done(done) => return Ok(Migration::Done(done)),
    };
    let (version, why) = match &settings.version {
        SoughtVersion::Named(version) => {
            let why = format!(
                "the image version was named; the pool is on managed image {}",
                image.name()
            );
            (version.clone(), why)
        }
        SoughtVersion::MadeOfImage(_) => {
            let origin = search.of(&image, region).await?;
            let why = origin.sentence();
            (WantedVersion::One(origin.version), why)
        }
    };
    client.note(&why);
    let settings = settings.as_rollout(version, as_found(pool, None));
    Ok(Migration::Moves(Box::new(Move { why, settings })))
}

/// The managed image that a pool is on, or that it is leaving in place.
fn left_image(pool: &Pool) -> Option<ImageId> {
    match pool.image() {
        PoolImage::Managed(image) => Some(image),
        _ => rollout::unfinished(pool)?.leaves,
    }
}

fn standing(id: &PoolId, pool: &Pool) -> Result<Standing> {
    let image = pool.image();
    let done = |successor| {
        Standing::Done(Done {
            pool: id.clone(),
            image: image.to_string(),
            successor,
        })
    };
    if let Some(successor) = successor(pool) {
        return Ok(done(Some(successor.pool)));
    }
    match &image {
        PoolImage::Managed(image) => Ok(Standing::OnManaged(image.clone())),
        PoolImage::Version(_) | PoolImage::Definition(_) => Ok(done(None)),
        PoolImage::Marketplace(_) | PoolImage::Other(_) | PoolImage::Unknown => {
            let text = format!("pool {id} runs {image}, which is not a managed image");
            let next = words![
                "to give it another image all the same, roll one out with ",
                IMAGE_VERSION,
                " and ",
                STRATEGY
            ];
            Err(Error::plain(ErrorKind::BadInput, text)
                .with_kept("nothing was changed")
                .with_next(next, None))
        }
    }
}

/// What the pool stays, or was to be by a change that has begun.
fn as_found(pool: &Pool, begun: Option<Unfinished>) -> PoolAsFound {
    let text = |pointer| json::text(pool.body(), pointer);
    let (size, autoscale) = match (begun, pool.scaling) {
        (Some(begun), _) => (begun.size, begun.autoscale),
        (None, Scaling::Fixed) => (pool.targets, None),
        (None, Scaling::Auto) => (NodeCounts::default(), autoscale::of(pool)),
    };
    PoolAsFound {
        vm_size: pool.vm_size().parse().ok(),
        node_agent_sku: text("/virtualMachineConfiguration/nodeAgentSKUId").and_then(|sku| sku.parse().ok()),
        size,
        autoscale,
    }
}
