//! Pools that tested a version and whose runs are dead: they are in the Batch accounts of the places that are looked at.
//!
//! A publish with a test removes its own pool at every ending, and those it finds in its account. These are the others.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    batch::{
        account,
        pool::{self, Pool},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId, SubscriptionId, resource::BatchAccountId},
    json, rights,
    settings::{CollectionSettings, Place},
    trial,
};

/// How many accounts are read at one time.
const AT_ONCE: usize = 8;

/// A pool of a test that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftPool {
    /// The pool; its job has the same id.
    pub pool: PoolId,
    /// Its Batch account.
    pub account: BatchAccountId,
    /// The version that it was made to test, by its id.
    pub version: String,
    /// After when no run needs it.
    pub expires: Option<Timestamp>,
    /// Whether that time has come.
    pub goes: bool,
    /// Where the account answers.
    #[serde(skip)]
    endpoint: BatchEndpoint,
}

/// An account that is looked at.
struct Seen {
    id: BatchAccountId,
    endpoint: BatchEndpoint,
}

impl LeftPool {
    fn of(pool: &Pool, seen: &Seen, now: Timestamp) -> Option<Self> {
        Some(Self {
            version: pool.metadata(trial::TESTS)?.to_owned(),
            pool: pool.id()?,
            account: seen.id.clone(),
            endpoint: seen.endpoint.clone(),
            expires: trial::expires(pool),
            goes: trial::is_over(pool, now),
        })
    }

    /// Pool and account, for a sentence.
    #[must_use]
    pub fn title(&self) -> String {
        format!("pool {} in {}", self.pool, self.account.name())
    }
}

/// All pools of tests in the places. An account that may not be read is said, and holds nothing up.
///
/// # Errors
/// When Azure fails, or the run ends.
pub(super) async fn looked(client: &Client, settings: &CollectionSettings) -> Result<Vec<LeftPool>> {
    let mut accounts: Vec<Seen> = Vec::new();
    for place in &settings.places {
        for seen in in_place(client, place).await? {
            if !accounts.iter().any(|known| known.id == seen.id) {
                accounts.push(seen);
            }
        }
    }
    let now = client.run().now();
    let reads = stream::iter(accounts).map(|seen| async move {
        let listed = client.list(&pool::survey(&seen.endpoint)).await;
        let pools = readable(client, listed, &format!("pools of Batch account {}", seen.id.name()))?;
        let left = pools.into_iter().map(Pool::new);
        Ok::<_, Error>(
            left.filter_map(|pool| LeftPool::of(&pool, &seen, now))
                .collect::<Vec<_>>(),
        )
    });
    let mut left: Vec<LeftPool> = reads.buffered(AT_ONCE).try_concat().await?;
    left.sort_by_key(LeftPool::title);
    Ok(left)
}

/// Removes a pool with its job.
///
/// # Errors
/// When Batch refuses, or the run ends.
pub(super) async fn remove(client: &Client, left: &LeftPool) -> Result<()> {
    trial::remove(client, &left.endpoint, &left.pool, &left.version).await
}

async fn in_place(client: &Client, place: &Place) -> Result<Vec<Seen>> {
    let subscription: SubscriptionId = match place {
        Place::Group(group) => match group.subscription().parse() {
            Ok(id) => id,
            Err(_) => return Ok(Vec::new()),
        },
        Place::Subscription(id) => id.clone(),
    };
    let listed = client.list(&account::list(&subscription)).await;
    let bodies = readable(
        client,
        listed,
        &format!("Batch accounts of subscription {subscription}"),
    )?;
    let read = |body: &serde_json::Value| {
        let id: BatchAccountId = json::text(body, "/id")?.parse().ok()?;
        let endpoint = json::text(body, "/properties/accountEndpoint")?;
        Some(Seen {
            endpoint: BatchEndpoint::parse(endpoint).ok()?,
            id,
        })
    };
    let is_there = |seen: &Seen| match place {
        Place::Group(group) => seen.id.group() == group,
        Place::Subscription(_) => true,
    };
    Ok(bodies.iter().filter_map(read).filter(is_there).collect())
}

/// A list; empty, with a note, when it may not be read.
fn readable(client: &Client, listed: Result<Vec<serde_json::Value>>, what: &str) -> Result<Vec<serde_json::Value>> {
    match listed {
        Err(error) if error.kind() == ErrorKind::NoRights => {
            client.note(format!(
                "pools of tests are not looked for in the {what}: {}",
                rights::lack(&error)
            ));
            Ok(Vec::new())
        }
        listed => listed,
    }
}
