//! What the pools of one account are like, read once for everyone who waits for one of them.
//!
//! A look costs two requests, however many pools are watched. It decides nothing, writes nothing and never waits.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use crate::{
    batch::{
        node::{self, StateCounts},
        pool::{self, Pool},
    },
    client::Client,
    error::Result,
    ids::{BatchEndpoint, PoolId},
};

/// A look this young is handed to the next who asks. Pools change in tens of seconds, and a wait looks at them this often at most.
const FRESH: Duration = Duration::from_secs(5);

/// The last look at one account.
type Last = Arc<Mutex<Option<Arc<AccountLook>>>>;

/// The last looks at accounts, shared by everything that works on their pools in one run.
#[derive(Debug, Default)]
pub struct Looks {
    accounts: std::sync::Mutex<Vec<(BatchEndpoint, Last)>>,
    is_of_many: bool,
}

/// The pools of one account that this run waits for.
#[derive(Debug)]
pub struct AccountWatch<'a> {
    client: &'a Client,
    endpoint: BatchEndpoint,
    watched: Vec<PoolId>,
    last: Last,
}

/// What the account's pools were like at one time.
#[derive(Debug)]
pub struct AccountLook {
    began: Instant,
    pools: Vec<Pool>,
    counts: Option<Vec<(String, StateCounts)>>,
}

impl Looks {
    /// Looks for a run that works on one pool.
    #[must_use]
    pub fn of_one() -> Self {
        Self::default()
    }

    /// Looks for a run that works on many pools at one time.
    #[must_use]
    pub fn of_many() -> Self {
        Self {
            is_of_many: true,
            ..Self::default()
        }
    }

    /// A watch of a pool that shares its looks with the watches of the account's other pools.
    #[must_use]
    pub fn watch<'a>(&self, client: &'a Client, endpoint: BatchEndpoint, pool: PoolId) -> AccountWatch<'a> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.iter().find(|(known, _)| *known == endpoint);
        let last = match known {
            Some((_, last)) => Arc::clone(last),
            None => {
                let last = Last::default();
                accounts.push((endpoint.clone(), Arc::clone(&last)));
                last
            }
        };
        // A look that others take too must count the nodes of all pools.
        let watched = if self.is_of_many { Vec::new() } else { vec![pool] };
        AccountWatch {
            client,
            endpoint,
            watched,
            last,
        }
    }
}

impl<'a> AccountWatch<'a> {
    /// A watch of these pools of the account.
    #[must_use]
    pub fn new(client: &'a Client, endpoint: BatchEndpoint, watched: Vec<PoolId>) -> Self {
        Self {
            client,
            endpoint,
            watched,
            last: Last::default(),
        }
    }

    /// Who sends its requests.
    #[must_use]
    pub const fn client(&self) -> &'a Client {
        self.client
    }

    /// Where the account answers.
    #[must_use]
    pub const fn endpoint(&self) -> &BatchEndpoint {
        &self.endpoint
    }

    /// What the pools are like: the last look if it is fresh and began after `written`, otherwise a new one.
    ///
    /// # Errors
    /// When the pools cannot be listed, or the run ends.
    pub async fn look(&self, written: Option<Instant>) -> Result<Arc<AccountLook>> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.is_fresh(written)) {
            return Ok(Arc::clone(look));
        }
        let look = Arc::new(self.read().await?);
        *last = Some(Arc::clone(&look));
        Ok(look)
    }

    async fn read(&self) -> Result<AccountLook> {
        let began = Instant::now();
        let pools = self.client.list(&pool::list(&self.endpoint)).await?;
        let only = match self.watched.as_slice() {
            [pool] => Some(pool),
            _ => None,
        };
        let counts = match self.client.list(&node::count(&self.endpoint, only)).await {
            Ok(items) => Some(items.iter().map(of_pool).collect()),
            // Counts are cheaper than lists of nodes, but they are not needed: an identity may lack that right.
            Err(error) if error.has_status(403) => None,
            Err(error) => return Err(error),
        };
        Ok(AccountLook {
            began,
            pools: pools.into_iter().map(Pool::new).collect(),
            counts,
        })
    }
}

impl AccountLook {
    fn is_fresh(&self, written: Option<Instant>) -> bool {
        self.began.elapsed() < FRESH && written.is_none_or(|written| self.began > written)
    }

    /// The pool, if it is there.
    #[must_use]
    pub fn pool(&self, id: &PoolId) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.is_called(id))
    }

    /// The pool's nodes by state. `None` when this identity may not read the counts.
    #[must_use]
    pub fn counts(&self, id: &PoolId) -> Option<StateCounts> {
        let counts = self.counts.as_ref()?;
        let own = counts.iter().find(|(pool, _)| pool.eq_ignore_ascii_case(id.as_str()));
        Some(own.map(|(_, counts)| counts.clone()).unwrap_or_default())
    }
}

fn of_pool(item: &serde_json::Value) -> (String, StateCounts) {
    let id = crate::json::text(item, "/poolId").unwrap_or_default();
    (id.to_owned(), StateCounts::read(item))
}
