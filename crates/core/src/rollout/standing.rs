//! Waits until a pool that is there has its nodes. It writes nothing, whoever made the pool.
//!
//! How many nodes are enough is decided in `verdict`, as for a roll-out.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use tokio::time::Instant;

use super::verdict::{Census, Goal, Verdict};
use crate::{
    batch::{
        account,
        node::{self, Node},
        pool::{Pool, PoolLife},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, NodeCounts, PoolId},
    options::pool::ACCOUNT,
    progress::Event,
    settings::{AccountRef, Checked, Targets, WaitSettings},
    watch::AccountWatch,
};

/// The schema that results have today.
const SCHEMA: u32 = 1;

/// How long is waited between two looks; a look costs two requests.
const PAUSE: Duration = Duration::from_secs(15);

/// A pool with its nodes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolStanding {
    /// The schema of this result.
    pub schema_version: u32,
    /// The pool.
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

impl Progress {
    /// How long no more nodes got ready.
    fn note(&mut self, ready: u32) -> Duration {
        if ready > self.most {
            (self.most, self.since) = (ready, Instant::now());
        }
        self.since.elapsed()
    }
}

/// Waits.
///
/// # Errors
/// `BadInput` when there is no such pool, `PartlyReached` when it stays too small, `Refused` while it is being deleted;
/// when it cannot be read, or the run ends.
pub async fn wait(client: &Client, settings: &Checked<WaitSettings>) -> Result<PoolStanding> {
    let waited = waited(client, settings).await;
    waited.map_err(|error| error.in_flow(format!("cannot wait for pool {}", settings.pool)))
}

async fn waited(client: &Client, settings: &WaitSettings) -> Result<PoolStanding> {
    let text = format!("pool {} in {}", settings.pool, settings.account.name());
    client.tell(Event::Goal { text });
    let endpoint = endpoint(client, &settings.account).await?;
    let watch = AccountWatch::new(client, endpoint.clone(), vec![settings.pool.clone()]);
    let mut progress = Progress {
        most: 0,
        since: Instant::now(),
    };
    loop {
        let look = watch.look(Some(Instant::now())).await?;
        let pool = look.pool(&settings.pool).ok_or_else(|| missing(&settings.pool))?;
        if pool.life == PoolLife::Deleting {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("pool {} is being deleted", settings.pool),
            ));
        }
        let goal = goal(pool, settings);
        let census = match look.counts(&settings.pool) {
            Some(counts) => Census::from(&counts),
            None => listed(client, &endpoint, &settings.pool).await?,
        };
        let census = census.of_pool(pool.current);
        let still = progress.note(census.ready.total());
        tell(client, pool, goal, &census);
        match judge(pool, goal, &census) {
            Verdict::Good => return Ok(standing(settings, goal, census)),
            Verdict::Pending if still < settings.readiness.node_timeout => {}
            Verdict::Pending | Verdict::Bad => return Err(unready(pool, goal, &census)),
        }
        client.run().pause(PAUSE, "nodes to be ready").await?;
    }
}

/// Where the account answers.
async fn endpoint(client: &Client, account: &AccountRef) -> Result<BatchEndpoint> {
    match account {
        AccountRef::Endpoint(endpoint) => Ok(endpoint.clone()),
        AccountRef::Id(id) => Ok(account::read(client, id, ACCOUNT).await?.endpoint),
    }
}

fn missing(pool: &PoolId) -> Error {
    Error::new(ErrorKind::BadInput, format!("there is no pool {pool} in the account"))
        .with_hint("check the pool's id and the account")
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

/// A pool that is resizing may still get its nodes; a steady one gets no more.
fn judge(pool: &Pool, goal: Goal, census: &Census) -> Verdict {
    match census.verdict(goal) {
        Verdict::Good if pool.is_steady() => Verdict::Good,
        Verdict::Bad if pool.is_steady() => Verdict::Bad,
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

fn standing(settings: &WaitSettings, goal: Goal, census: Census) -> PoolStanding {
    PoolStanding {
        schema_version: SCHEMA,
        pool: settings.pool.clone(),
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
