//! What the pools of one account are like, read once for everyone who waits for one of them.
//!
//! A look costs two requests, however many pools are watched, a first look at many pools one, and one at their jobs
//! another. It decides nothing, writes nothing and never waits.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};

use crate::{
    batch::{
        job::{self, Job},
        node::{self, StateCounts},
        pool::{self, Pool},
    },
    client::Client,
    error::Result,
    ids::{BatchEndpoint, PoolId, resource::ImageVersionId},
    json,
    memory::RECENT,
};

/// A look this young is handed to the next who asks: less than half of the shortest pause, so that a pool that takes it and
/// pauses again is told of a change within one pause.
const FRESH: Duration = Duration::from_secs(2);

/// Pools of one run pause until the same times, so that one look serves all of them: each so often, the shortest pause of
/// a wait for a pool.
const TICK: Duration = Duration::from_secs(5);

/// The last looks at one account. Who holds the lock looks; the others wait for what is seen.
type Last = Arc<Mutex<Seen>>;

/// What was seen of one account last.
#[derive(Debug, Default)]
struct Seen {
    /// The look of a wait.
    look: Option<Arc<AccountLook>>,
    /// The pools that this run makes or lets grow, with the version and the nodes that each gets.
    expected: Vec<(PoolId, ImageVersionId, u32)>,
    /// All pools with everything that Batch shows, and when that was asked for.
    whole: Option<(Instant, Arc<[Pool]>)>,
    /// All jobs that are not over, and when that was asked for.
    jobs: Option<(Instant, Arc<[Job]>)>,
}

/// The last looks at accounts, shared by everything that works on their pools in one run.
#[derive(Debug, Default)]
pub struct Looks {
    accounts: std::sync::Mutex<Vec<(BatchEndpoint, Last)>>,
    versions: std::sync::Mutex<Vec<(ImageVersionId, Arc<Mutex<()>>)>>,
    is_of_many: bool,
}

/// The pools of one account that this run waits for.
#[derive(Debug)]
pub struct AccountWatch<'a> {
    client: &'a Client,
    endpoint: BatchEndpoint,
    watched: Vec<PoolId>,
    is_of_many: bool,
    last: Last,
}

/// What the account's pools were like at one time.
#[derive(Debug)]
pub struct AccountLook {
    began: Instant,
    pools: Arc<[Pool]>,
    /// The place of each pool by its id in small letters.
    places: HashMap<String, usize>,
    /// By the pool's id in small letters.
    counts: Option<HashMap<String, StateCounts>>,
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

    /// The turn at a version, for a pool that changes it or waits for it: of many pools one does that, and the others find
    /// it done. Nothing for a run that works on one pool.
    pub async fn turn(&self, version: &ImageVersionId) -> Option<OwnedMutexGuard<()>> {
        if !self.is_of_many {
            return None;
        }
        let turn = {
            let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
            let known = versions.iter().find(|(known, _)| known == version);
            match known {
                Some((_, turn)) => Arc::clone(turn),
                None => {
                    let turn = Arc::default();
                    versions.push((version.clone(), Arc::clone(&turn)));
                    turn
                }
            }
        };
        Some(turn.lock_owned().await)
    }

    /// A watch of a pool that shares its looks with the watches of the account's other pools.
    #[must_use]
    pub fn watch<'a>(&self, client: &'a Client, endpoint: BatchEndpoint, pool: PoolId) -> AccountWatch<'a> {
        self.watch_of(client, endpoint, vec![pool])
    }

    /// The same of several pools, or of all.
    #[must_use]
    pub fn watch_of<'a>(&self, client: &'a Client, endpoint: BatchEndpoint, pools: Vec<PoolId>) -> AccountWatch<'a> {
        // A look of a run on one pool counts the nodes of that pool alone.
        if !self.is_of_many && pools.len() != 1 {
            return AccountWatch::new(client, endpoint, pools);
        }
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
        let watched = if self.is_of_many { Vec::new() } else { pools };
        AccountWatch {
            client,
            endpoint,
            watched,
            is_of_many: self.is_of_many,
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
            is_of_many: false,
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

    /// The pause in place of one of that length which begins so long after the run: for many pools until the tick before
    /// its end, which all of them share.
    #[must_use]
    pub fn pause(&self, length: Duration, elapsed: Duration) -> Duration {
        if self.is_of_many {
            until_tick(length, elapsed)
        } else {
            length
        }
    }

    /// What the pools are like: the last look if it is fresh and began after `written`, otherwise a new one.
    ///
    /// # Errors
    /// When the pools cannot be listed, or the run ends.
    pub async fn look(&self, written: Option<Instant>) -> Result<Arc<AccountLook>> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.look.as_ref().filter(|look| look.is_fresh(written)) {
            return Ok(Arc::clone(look));
        }
        let look = Arc::new(self.read().await?);
        last.look = Some(Arc::clone(&look));
        Ok(look)
    }

    /// All pools as a wait sees them: by these it is found out which of them a run is about.
    ///
    /// # Errors
    /// As [`AccountWatch::look`].
    pub async fn pools(&self) -> Result<Arc<[Pool]>> {
        if self.is_of_many {
            return Ok(Arc::clone(&self.look(None).await?.pools));
        }
        let listed = self.client.list(&pool::list(&self.endpoint)).await?;
        Ok(listed.into_iter().map(Pool::new).collect())
    }

    /// The pool with everything that Batch shows of it, if it is there: for plans, which nothing is written by. Where many
    /// pools are looked at, it may be as old as [`RECENT`].
    ///
    /// # Errors
    /// When the pool, or the list of pools, cannot be read, or the run ends.
    pub async fn foreseen(&self, id: &PoolId) -> Result<Option<Pool>> {
        if !self.watched.is_empty() {
            let answer = self.client.find(&pool::get(&self.endpoint, id)).await?;
            return Ok(answer.map(|answer| Pool::new(answer.value())));
        }
        let pools = self.whole().await?;
        Ok(pools.iter().find(|pool| pool.is_called(id)).cloned())
    }

    /// Says that this run will bring so many nodes on that version to a pool of the account.
    pub async fn expect(&self, pool: PoolId, version: ImageVersionId, nodes: u32) {
        self.last.lock().await.expected.push((pool, version, nodes));
    }

    /// The nodes on that version that this run will bring, by pool.
    pub async fn expected(&self, version: &ImageVersionId) -> Vec<(PoolId, u32)> {
        let seen = self.last.lock().await;
        let on_it = seen.expected.iter().filter(|(_, of, _)| of == version);
        on_it.map(|(pool, _, nodes)| (pool.clone(), *nodes)).collect()
    }

    /// The jobs that run on the pool: for plans, as [`AccountWatch::foreseen`].
    ///
    /// # Errors
    /// When they cannot be listed, or the run ends.
    pub async fn foreseen_jobs(&self, id: &PoolId) -> Result<Vec<Job>> {
        if !self.is_of_many {
            let listed = self.client.list(&job::list(&self.endpoint, id)).await?;
            return Ok(listed.into_iter().map(Job::new).collect());
        }
        let jobs = self.live_jobs().await?;
        Ok(jobs.iter().filter(|job| job.runs_on(id)).cloned().collect())
    }

    async fn live_jobs(&self) -> Result<Arc<[Job]>> {
        let mut last = self.last.lock().await;
        let recent = last.jobs.as_ref().filter(|(asked, _)| asked.elapsed() < RECENT);
        if let Some((_, jobs)) = recent {
            return Ok(Arc::clone(jobs));
        }
        let asked = Instant::now();
        let listed = self.client.list(&job::list_live(&self.endpoint)).await?;
        let jobs: Arc<[Job]> = listed.into_iter().map(Job::new).collect();
        last.jobs = Some((asked, Arc::clone(&jobs)));
        Ok(jobs)
    }

    /// All pools with everything that Batch shows of them: for plans of many pools.
    ///
    /// # Errors
    /// When they cannot be listed, or the run ends.
    pub async fn whole(&self) -> Result<Arc<[Pool]>> {
        let mut last = self.last.lock().await;
        let recent = last.whole.as_ref().filter(|(asked, _)| asked.elapsed() < RECENT);
        if let Some((_, pools)) = recent {
            return Ok(Arc::clone(pools));
        }
        let asked = Instant::now();
        let listed = self.client.list(&pool::list_whole(&self.endpoint)).await?;
        let pools: Arc<[Pool]> = listed.into_iter().map(Pool::new).collect();
        last.whole = Some((asked, Arc::clone(&pools)));
        Ok(pools)
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
        let pools: Arc<[Pool]> = pools.into_iter().map(Pool::new).collect();
        let ids = pools
            .iter()
            .map(|pool| json::text(pool.body(), "/id").unwrap_or_default());
        Ok(AccountLook {
            began,
            places: ids.map(str::to_ascii_lowercase).zip(0..).collect(),
            pools,
            counts,
        })
    }
}

impl AccountLook {
    fn is_fresh(&self, written: Option<Instant>) -> bool {
        self.began.elapsed() < FRESH && written.is_none_or(|written| self.began > written)
    }

    /// All pools.
    #[must_use]
    pub fn pools(&self) -> &[Pool] {
        &self.pools
    }

    /// The pool, if it is there.
    #[must_use]
    pub fn pool(&self, id: &PoolId) -> Option<&Pool> {
        self.pools.get(*self.places.get(&id.as_str().to_ascii_lowercase())?)
    }

    /// The pool's nodes by state. `None` when this identity may not read the counts.
    #[must_use]
    pub fn counts(&self, id: &PoolId) -> Option<StateCounts> {
        let counts = self.counts.as_ref()?;
        let own = counts.get(&id.as_str().to_ascii_lowercase());
        Some(own.cloned().unwrap_or_default())
    }
}

fn until_tick(length: Duration, elapsed: Duration) -> Duration {
    let beyond = (elapsed + length).as_millis() % TICK.as_millis();
    let pause = length.saturating_sub(Duration::from_millis(u64::try_from(beyond).unwrap_or_default()));
    if pause.is_zero() { TICK } else { pause }
}

fn of_pool(item: &serde_json::Value) -> (String, StateCounts) {
    let id = json::text(item, "/poolId").unwrap_or_default();
    (id.to_ascii_lowercase(), StateCounts::read(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_that_pause_at_any_time_wake_together() {
        let wakes = |length: u64, elapsed: u64| {
            let (length, elapsed) = (Duration::from_millis(length), Duration::from_millis(elapsed));
            let pause = until_tick(length, elapsed);
            assert!(!pause.is_zero() && pause <= length.max(TICK), "{pause:?}");
            (elapsed + pause).as_millis()
        };
        assert_eq!(
            [wakes(5_000, 0), wakes(5_000, 1), wakes(5_000, 4_999)],
            [5_000, 5_000, 5_000]
        );
        assert_eq!(
            [wakes(5_000, 5_000), wakes(7_300, 5_100), wakes(30_000, 1_234)],
            [10_000, 10_000, 30_000]
        );
    }
}
