//! Waits until a pool that is there has its nodes, and until a change of it has come to its end. It writes nothing,
//! whoever made the pool.
//!
//! Which pool is meant is decided in `awaited`, how many nodes are enough in `verdict`, as for a roll-out.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use tokio::time::Instant;

use super::{
    awaited::{Awaited, awaited},
    counted::counted,
    decide,
    explain::{At, refused},
    stranded,
    under_way::{ChangeKind, LeftEmpty, Returns, UnderWay},
    verdict::{Census, Goal, Verdict},
};
use crate::{
    absent,
    batch::{
        account::{self, Account},
        node::{self, Node},
        pool::Pool,
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, NodeCounts, PoolId},
    options::pool::{ACCOUNT, STRATEGY},
    progress::Event,
    settings::{AccountRef, Checked, Targets, WaitSettings},
    watch::{AccountLook, AccountWatch},
    words,
    words::{Part as Piece, plural},
};

/// The schema that results have today.
const SCHEMA: u32 = 1;

/// How long is waited between two looks; a look costs two requests.
const PAUSE: Duration = Duration::from_secs(15);

/// How long an emptied pool may stay without a request of the run that emptied it. A run that is at work changes it and
/// asks for its nodes within a minute; the rest is for requests that are repeated. A guess.
const EMPTIED: Duration = Duration::from_secs(300);

/// The state of a node that a pool loses.
const LEAVING: &str = "leavingpool";

/// A pool with its nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolStanding {
    /// The schema of this result.
    pub schema_version: u32,
    /// The pool: the one that does the work, when that has moved to another.
    pub pool: PoolId,
    /// The nodes it shall have.
    pub wanted: NodeCounts,
    /// The nodes that are enough.
    pub needed: NodeCounts,
    /// The nodes that take tasks.
    pub ready: NodeCounts,
    /// Nodes of both kinds by state, without empty states.
    pub states: BTreeMap<String, u32>,
}

/// Since when no node got ready.
struct Progress {
    most: u32,
    since: Instant,
}

/// What a change looked like last, and since when it looks so.
struct Standstill {
    seen: String,
    since: Instant,
}

/// A wait, and what it has seen.
struct Waiting<'a> {
    client: &'a Client,
    settings: &'a WaitSettings,
    place: Place,
    progress: Progress,
    standstill: Standstill,
    /// What was said last of the pool that is waited for.
    said: String,
    /// How many looks were made.
    looks: u32,
}

/// Where the account is.
struct Place {
    endpoint: BatchEndpoint,
    account: Option<Account>,
}

impl Progress {
    /// How long no more nodes got ready.
    fn note(&mut self, ready: u32) -> Duration {
        if ready > self.most {
            (self.most, self.since) = (ready, Instant::now());
        }
        self.since.elapsed()
    }
}

impl Standstill {
    /// How long it has looked like this.
    fn note(&mut self, seen: String) -> Duration {
        if seen != self.seen {
            (self.seen, self.since) = (seen, Instant::now());
        }
        self.since.elapsed()
    }
}

impl Waiting<'_> {
    /// Says something once.
    fn say(&mut self, text: String) {
        if text != self.said {
            self.client.note(text.clone());
            self.said = text;
        }
    }

    /// The pool is not there: not yet or under that name, or not any more, since a look that misses it is the last one.
    fn missing(&self, look: &AccountLook) -> Error {
        let pool = &self.settings.pool;
        if self.looks > 1 {
            return refused(self.at(pool), decide::deleted());
        }
        absent::pool(pool, look.pools().iter().filter_map(Pool::name))
    }

    fn at<'s>(&'s self, pool: &'s PoolId) -> At<'s> {
        At {
            pool,
            endpoint: &self.place.endpoint,
            account: self.place.account.as_ref(),
        }
    }

    /// The pool with its nodes, once enough of them are ready.
    async fn nodes(&mut self, look: &AccountLook, pool: &Pool) -> Result<Option<PoolStanding>> {
        let id = pool.id().unwrap_or_else(|| self.settings.pool.clone());
        if id != self.settings.pool {
            self.say(format!("pool {id} does the work of pool {}", self.settings.pool));
        }
        let goal = goal(pool, self.settings);
        let census = match look.counts(&id) {
            Some(counts) => Census::from(&counts),
            None => listed(self.client, &self.place.endpoint, &id).await?,
        };
        let census = census.of_pool(pool.current);
        let still = self.progress.note(census.ready.total());
        tell(self.client, pool, goal, &census);
        match judge(pool, goal, &census) {
            Verdict::Good => Ok(Some(standing(id, goal, census))),
            Verdict::Pending if still < self.settings.readiness.node_timeout => Ok(None),
            Verdict::Pending | Verdict::Bad => Err(unready(pool, goal, &census)),
        }
    }

    /// A change that goes on is waited for; one that stands still has lost its run.
    fn change(&mut self, look: &AccountLook, pool: &Pool, change: &UnderWay) -> Result<()> {
        let still = self.standstill.note(appearance(look, pool, change));
        let is_empty = pool.is_steady() && pool.targets.total() + pool.current.total() == 0;
        let patience = match (change.kind, is_empty) {
            (ChangeKind::InPlace | ChangeKind::Creation, true) => EMPTIED.min(self.settings.readiness.node_timeout),
            _ => self.settings.readiness.node_timeout,
        };
        if still >= patience {
            let id = pool.id().unwrap_or_else(|| self.settings.pool.clone());
            return Err(unended(self.at(&id), (pool, change), still));
        }
        self.say(format!("{change}, has not come to its end: waiting for it"));
        Ok(())
    }
}

/// Waits.
///
/// # Errors
/// `BadInput` when there is no such pool, `PartlyReached` when it stays too small or a change of it does not come to its
/// end, `Refused` while it is being deleted or when its work is nowhere; when it cannot be read, or the run ends.
pub async fn wait(client: &Client, settings: &Checked<WaitSettings>) -> Result<PoolStanding> {
    let waited = waited(client, settings).await;
    waited.map_err(|error| error.in_flow(format!("cannot wait for pool {}", settings.pool)))
}

async fn waited(client: &Client, settings: &WaitSettings) -> Result<PoolStanding> {
    let text = format!("pool {} in {}", settings.pool, settings.account.name());
    client.tell(Event::Goal { text });
    let place = place(client, &settings.account).await?;
    let mut counted = settings.pool.clone();
    let mut watch = AccountWatch::new(client, place.endpoint.clone(), vec![counted.clone()]);
    let mut waiting = Waiting {
        client,
        settings,
        place,
        progress: Progress {
            most: 0,
            since: Instant::now(),
        },
        standstill: Standstill {
            seen: String::new(),
            since: Instant::now(),
        },
        said: String::new(),
        looks: 0,
    };
    loop {
        let look = watch.look(Some(Instant::now())).await?;
        waiting.looks += 1;
        let what = match awaited(look.pools(), &settings.pool) {
            // The nodes of one pool are counted, and which one does the work may change meanwhile.
            Awaited::Nodes(pool) if pool.id().is_some_and(|id| id != counted) => {
                counted = pool.id().unwrap_or(counted);
                watch = AccountWatch::new(client, waiting.place.endpoint.clone(), vec![counted.clone()]);
                continue;
            }
            Awaited::Nodes(pool) => {
                if let Some(standing) = waiting.nodes(&look, pool).await? {
                    let former = stranded::former(look.pools()).into_iter();
                    let former = former.filter(|(_, doer)| *doer == standing.pool).collect();
                    stranded::warn(client, &waiting.place.endpoint, former).await?;
                    return Ok(standing);
                }
                "nodes to be ready"
            }
            Awaited::Change(pool, change) => {
                waiting.change(&look, pool, &change)?;
                "a change to come to its end"
            }
            Awaited::Left(left) => return Err(left_without_nodes(&settings.pool, &left)),
            Awaited::Deleting => {
                let text = format!("pool {} is being deleted", settings.pool);
                return Err(Error::new(ErrorKind::Refused, text));
            }
            Awaited::Missing => return Err(waiting.missing(&look)),
            Awaited::Unclear(refusal) => return Err(refused(waiting.at(&settings.pool), refusal)),
        };
        client.run().pause(PAUSE, what).await?;
    }
}

/// Where the account answers.
async fn place(client: &Client, account: &AccountRef) -> Result<Place> {
    match account {
        AccountRef::Endpoint(endpoint) => Ok(Place {
            endpoint: endpoint.clone(),
            account: None,
        }),
        AccountRef::Id(id) => {
            let account = account::read(client, id, ACCOUNT).await?;
            Ok(Place {
                endpoint: account.endpoint.clone(),
                account: Some(account),
            })
        }
    }
}

/// All by which it shows that a change goes on.
fn appearance(look: &AccountLook, pool: &Pool, change: &UnderWay) -> String {
    let second = change.new_pool.as_ref().and_then(|id| look.pool(id));
    let of = |pool: &Pool| {
        let ready = pool
            .id()
            .and_then(|id| look.counts(&id))
            .map(|counts| Census::from(&counts).ready);
        (pool.allocation.clone(), pool.targets, pool.current, ready)
    };
    format!("{:?} {:?} {:?}", change, of(pool), second.map(of))
}

/// A change that stands still, as the run that was at work on it has ended.
fn unended(at: At<'_>, (pool, change): (&Pool, &UnderWay), still: Duration) -> Error {
    let minutes = plural(u32::try_from(still.as_secs() / 60).unwrap_or(u32::MAX), "minute");
    let text = format!("{change}, has not come to its end, and nothing of it has moved for {minutes}");
    let nodes = match pool.current.total() {
        0 => "no nodes".to_owned(),
        _ => counted(pool.current),
    };
    let error = Error::plain(ErrorKind::PartlyReached, text)
        .with_kept(format!("pool {} has {nodes}, and its jobs may be disabled", at.pool))
        .with_next("if no run is at work on it, end it by the same roll-out again", None);
    match change.returns {
        Returns::Possibly => error.with_next("or bring back what was there before", at.rolling_back()),
        Returns::Not => error.with_next(
            words![
                "or roll out another version with ",
                Piece::set(STRATEGY, "in-place"),
                ": it takes that change over, which has no way back"
            ],
            None,
        ),
    }
}

/// A pool whose roll-out has failed: that it has all of its 0 nodes is no success.
fn left_without_nodes(pool: &PoolId, left: &LeftEmpty) -> Error {
    let why = left.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let text = format!(
        "the first nodes of pool {pool} on {} were bad, so a roll-out left it without nodes{why}",
        left.version
    );
    Error::new(ErrorKind::PartlyReached, text).with_hint("correct what the reason names, and roll out again")
}

/// What the pool itself wants now: another run, a person or a formula may change it meanwhile.
fn goal(pool: &Pool, settings: &WaitSettings) -> Goal {
    let targets = Targets {
        dedicated: pool.targets.dedicated,
        spot: pool.targets.spot,
        spot_counts: settings.spot_counts,
    };
    Goal::new(targets, settings.readiness)
}

/// A pool that is resizing may still get its nodes; a steady one gets no more. Nodes that leave a steady one leave since
/// another client has changed it between the two requests of a look, and the next look shows how.
fn judge(pool: &Pool, goal: Goal, census: &Census) -> Verdict {
    let is_changing = census.states.contains_key(LEAVING);
    match census.verdict(goal) {
        Verdict::Good if pool.is_steady() => Verdict::Good,
        Verdict::Bad if pool.is_steady() && !is_changing => Verdict::Bad,
        Verdict::Good | Verdict::Pending | Verdict::Bad => Verdict::Pending,
    }
}

async fn listed(client: &Client, endpoint: &BatchEndpoint, pool: &PoolId) -> Result<Census> {
    let items = client.list(&node::list(endpoint, pool)).await?;
    let nodes: Vec<Node> = items.iter().map(Node::new).collect();
    Ok(Census::by_state(&nodes))
}

fn tell(client: &Client, pool: &Pool, goal: Goal, census: &Census) {
    if !pool.is_steady() {
        client.tell(Event::Allocation {
            state: pool.allocation.to_string(),
            wanted: goal.targets.total(),
            allocated: pool.current.total(),
            states: census.states.clone(),
        });
    }
    client.tell(Event::Nodes {
        wanted: goal.counted(goal.targets),
        ready: goal.counted(census.ready),
        states: census.states.clone(),
    });
}

fn standing(pool: PoolId, goal: Goal, census: Census) -> PoolStanding {
    PoolStanding {
        schema_version: SCHEMA,
        pool,
        wanted: goal.targets,
        needed: goal.needed,
        ready: census.ready,
        states: census.states,
    }
}

fn unready(pool: &Pool, goal: Goal, census: &Census) -> Error {
    let states: Vec<String> = census
        .states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let states = if states.is_empty() {
        "no nodes".to_owned()
    } else {
        states.join(", ")
    };
    let (ready, needed) = (goal.counted(census.ready), goal.needed.total());
    let errors: Vec<String> = pool
        .resize_errors
        .iter()
        .map(|error| format!("{}: {}", error.code, error.message))
        .collect();
    let said = if errors.is_empty() {
        String::new()
    } else {
        format!("; Batch says {}", errors.join("; "))
    };
    Error::new(
        ErrorKind::PartlyReached,
        format!("{ready} nodes are ready and {needed} are needed ({states}){said}"),
    )
    .with_hint("roll out again to ask for the missing nodes, or look at the nodes in the portal")
}
