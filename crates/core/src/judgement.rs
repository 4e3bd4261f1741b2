//! Judges new nodes by the work they do: do more tasks fail there than on the nodes that were there, over the same time?
//!
//! It writes nothing; what follows is for the verb `judge` and for a roll-out. A look costs one list of nodes for each pool; jobs and tasks are asked for only when the counts look
//! bad. The test is in `exact`, the counting in `ledger`, what tasks say in `evidence`.

mod evidence;
mod exact;
mod ledger;
mod report;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

pub use evidence::{Ending, JobTasks};
pub use exact::{Outcome, Pair, Tasks};
pub use ledger::Nodes;
pub use report::{JudgementReport, Times};

pub(crate) use evidence::unlike_each_other;

use evidence::Evidence;
use ledger::{Ledger, Side};

use crate::{
    batch::{
        account,
        work::{self, NodeWork, TaskEnding},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId},
    options::pool::ACCOUNT,
    progress::Event,
    settings::{AccountRef, Checked, FailureRule, JudgementSettings},
};

/// How long is waited between two looks: tasks that matter take minutes.
const PAUSE: Duration = Duration::from_secs(60);

/// How far back single tasks are read to compare with what was before: a day holds each kind of work, and few enough
/// tasks.
const BEFORE: Duration = Duration::from_secs(24 * 3600);

/// What the new nodes are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// The nodes of the same pool on older image versions, over the same time.
    OwnNodes,
    /// The nodes of another pool, over the same time.
    Pool(PoolId),
    /// What a pool had done before. It is not the same time, which counts when there is nothing else to compare with.
    Before(Before),
}

/// What the nodes of a pool had done until a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    /// The pool.
    pub(crate) pool: PoolId,
    /// Tasks that had ended on its nodes.
    pub(crate) tasks: Tasks,
    /// The moment.
    pub(crate) until: Timestamp,
}

/// A comparison that is being made. It can be gone on with: what it has seen stays, and so does its share of the chance
/// to be wrong.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    client: &'a Client,
    endpoint: BatchEndpoint,
    pool: PoolId,
    against: Against,
    rule: FailureRule,
    without_jobs: WithoutJobs,
    window: Duration,
    /// When the first look was made, by the service's clock.
    since: Option<Timestamp>,
    /// What ended in times before this one, each of which is compared with itself.
    earlier: Vec<Pair>,
    ledger: Ledger,
    looks: u32,
    /// The next look is due when so many tasks have ended on the judged nodes.
    due_at: u64,
}

/// What it means that the counts look bad and jobs may not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WithoutJobs {
    /// The comparison fails: a roll-out does not go on with it.
    Fails,
    /// Nothing can be said.
    Inconclusive,
}

/// What the first look that says something says.
struct Verdict {
    outcome: Outcome,
    by: By,
    evidence: Evidence,
}

/// What the verdict goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Nodes that were lost.
    Nodes,
    /// Tasks that failed, as the nodes count them.
    Counts,
    /// Tasks that failed, job by job.
    Jobs,
    /// Tasks that failed, as the nodes count them, since jobs may not be read.
    CountsAlone,
}

impl<'a> Comparison<'a> {
    /// Nothing is seen yet.
    pub(crate) fn new(
        client: &'a Client,
        endpoint: BatchEndpoint,
        (pool, against): (PoolId, Against),
        (rule, window): (FailureRule, Duration),
    ) -> Self {
        Self {
            client,
            endpoint,
            pool,
            against,
            rule,
            without_jobs: WithoutJobs::Fails,
            window,
            since: None,
            earlier: Vec::new(),
            ledger: Ledger::default(),
            looks: 0,
            due_at: rule.min_tasks,
        }
    }

    /// Begins another time: what ended in the one before is compared with itself.
    pub(crate) fn begin_again(&mut self, against: Against) {
        self.earlier.push(self.ledger.tasks());
        self.ledger = Ledger::default();
        self.against = against;
    }

    /// Watches both sides for a window and judges: as soon as the new nodes are surely worse, else when it is over.
    ///
    /// # Errors
    /// `BadInput` when a pool is not there; when Azure refuses, or the run ends.
    pub(crate) async fn judge(&mut self) -> Result<JudgementReport> {
        let (verdict, took) = self.watch().await?;
        let report = report::report(self, verdict, took);
        if let Some(slower) = &report.slower {
            self.client
                .warn(format!("{slower}; tasks alone decide whether the image is worse"));
        }
        Ok(report)
    }

    async fn watch(&mut self) -> Result<(Verdict, Duration)> {
        let began = Instant::now();
        loop {
            let nodes = self.look().await?;
            self.since.get_or_insert_with(|| self.client.run().now());
            self.ledger.note(nodes);
            let left = self.window.saturating_sub(began.elapsed());
            if let Some(verdict) = self.verdict(left.is_zero()).await? {
                return Ok((verdict, began.elapsed()));
            }
            self.client.run().pause(PAUSE.min(left), "tasks to end").await?;
        }
    }

    /// All nodes with their sides.
    async fn look(&self) -> Result<Vec<(PoolId, Side, NodeWork)>> {
        let nodes = nodes_of(self.client, &self.endpoint, &self.pool).await?;
        let newest = ledger::by_version(&nodes);
        let side = |node: &NodeWork| match (&self.against, newest) {
            (Against::OwnNodes, Some(_)) if ledger::number_of(node) == newest => Side::New,
            (Against::OwnNodes, _) => Side::Old,
            (Against::Pool(_) | Against::Before(_), _) => Side::New,
        };
        let mut all: Vec<_> = nodes
            .into_iter()
            .map(|node| (self.pool.clone(), side(&node), node))
            .collect();
        if let Against::Pool(former) = &self.against {
            let nodes = nodes_of(self.client, &self.endpoint, former).await?;
            all.extend(nodes.into_iter().map(|node| (former.clone(), Side::Old, node)));
        }
        Ok(all)
    }

    /// What is compared: each time with itself, or all that was before with what is now.
    fn pairs(&self) -> Vec<Pair> {
        let now = self.ledger.tasks();
        match &self.against {
            Against::Before(before) => vec![Pair {
                old: before.tasks,
                new: now.new,
            }],
            Against::OwnNodes | Against::Pool(_) => self.earlier.iter().copied().chain([now]).collect(),
        }
    }

    /// What can be said now. Looks in between are few, and only for what is surely worse: each has its share of the
    /// chance to be wrong.
    async fn verdict(&mut self, is_over: bool) -> Result<Option<Verdict>> {
        let pairs = self.pairs();
        let tasks = Pair::sum(&pairs);
        if !is_over && tasks.new.ended < self.due_at {
            return Ok(None);
        }
        self.looks += 1;
        self.due_at = tasks.new.ended + (tasks.new.ended / 2).max(self.rule.min_tasks);
        self.client.note(report::progress(tasks));
        // Two things are tested, so each may use half of the chance to be wrong.
        let halved = |rule: FailureRule| FailureRule {
            confidence: f64::midpoint(1.0, rule.confidence),
            ..rule
        };
        let rule = halved(self.rule);
        let of_nodes = FailureRule { min_tasks: 1, ..rule };
        if exact::judge(&[self.ledger.ready()], of_nodes, self.looks) == Outcome::Bad {
            return Ok(Some(Verdict::new(Outcome::Bad, By::Nodes, Evidence::default())));
        }
        let by_counts = exact::judge(&pairs, rule, self.looks);
        if by_counts != Outcome::Bad {
            return Ok(is_over.then(|| Verdict::new(by_counts, By::Counts, Evidence::default())));
        }
        let evidence = match self.evidence().await {
            Err(error) if self.without_jobs == WithoutJobs::Inconclusive && error.has_status(403) => {
                let unknown = || Verdict::new(Outcome::Inconclusive, By::CountsAlone, Evidence::default());
                return Ok(is_over.then(unknown));
            }
            evidence => evidence?,
        };
        let by_jobs = exact::judge(&evidence.pairs(), rule, self.looks);
        let says = by_jobs == Outcome::Bad || is_over;
        Ok(says.then(|| Verdict::new(by_jobs, By::Jobs, evidence)))
    }

    async fn evidence(&self) -> Result<Evidence> {
        let mut pools = vec![&self.pool];
        let mut since = self.since.unwrap_or_else(|| self.client.run().now());
        match &self.against {
            Against::OwnNodes => {}
            Against::Pool(former) => pools.push(former),
            Against::Before(before) => {
                pools.push(&before.pool);
                pools.dedup();
                since = before.until.checked_sub(BEFORE).unwrap_or(before.until);
            }
        }
        evidence::read(self.client, (&self.endpoint, &pools), since, |ending| {
            self.side_of(ending)
        })
        .await
    }

    /// On which side a task ended.
    fn side_of(&self, ending: &TaskEnding) -> Option<Side> {
        let is_on = |pool: &PoolId| pool.as_str() == ending.pool;
        match &self.against {
            Against::OwnNodes => self.ledger.side_of(&ending.pool, &ending.node),
            Against::Pool(former) if is_on(former) => Some(Side::Old),
            Against::Pool(_) => is_on(&self.pool).then_some(Side::New),
            Against::Before(before) if is_on(&before.pool) && ending.at.is_none_or(|at| at < before.until) => {
                Some(Side::Old)
            }
            Against::Before(_) => {
                let is_new = is_on(&self.pool) && ending.at.zip(self.since).is_some_and(|(at, since)| at >= since);
                is_new.then_some(Side::New)
            }
        }
    }
}

impl Verdict {
    const fn new(outcome: Outcome, by: By, evidence: Evidence) -> Self {
        Self { outcome, by, evidence }
    }
}

/// Watches both sides and judges: as soon as the new nodes are surely worse, else when the time is over.
///
/// # Errors
/// `BadInput` when a pool is not there; when Azure refuses, or the run ends.
pub async fn run(client: &Client, settings: &Checked<JudgementSettings>) -> Result<JudgementReport> {
    let judged = judged(client, settings).await;
    judged.map_err(|error| error.while_doing(format!("cannot judge pool {}", settings.pool)))
}

async fn judged(client: &Client, settings: &JudgementSettings) -> Result<JudgementReport> {
    let endpoint = match &settings.account {
        AccountRef::Endpoint(endpoint) => endpoint.clone(),
        AccountRef::Id(id) => account::read(client, id, ACCOUNT).await?.endpoint,
    };
    client.tell(Event::Goal { text: goal(settings) });
    let against = settings.against.clone().map_or(Against::OwnNodes, Against::Pool);
    if let Against::Pool(former) = &against {
        tell_unlike(client, &endpoint, (&settings.pool, former)).await?;
    }
    let sides = (settings.pool.clone(), against);
    let mut comparison = Comparison::new(client, endpoint, sides, (settings.rule, settings.window));
    comparison.without_jobs = WithoutJobs::Inconclusive;
    let what = "watching what becomes of tasks on both sides";
    client.run().step("judgement", what, comparison.judge()).await
}

/// Says at once when the jobs of both pools cannot be compared or read, since the window would only end with it.
async fn tell_unlike(client: &Client, endpoint: &BatchEndpoint, (new, old): (&PoolId, &PoolId)) -> Result<()> {
    let of = async |pool| evidence::jobs_of(client, endpoint, pool, || client.run().now()).await;
    let why = match (of(old).await, of(new).await) {
        (Err(error), _) | (_, Err(error)) if error.has_status(403) => Some(evidence::unread()),
        (old, new) => evidence::unlike(&old?, &new?),
    };
    if let Some(why) = why {
        client.warn(why);
    }
    Ok(())
}

/// What is compared with what.
fn goal(settings: &JudgementSettings) -> String {
    let pool = &settings.pool;
    match &settings.against {
        Some(former) => format!("nodes of pool {pool} against those of pool {former}"),
        None => format!("nodes of pool {pool} on its newest image version against its other nodes"),
    }
}

/// What the nodes of a pool have done since they were allocated.
///
/// # Errors
/// As [`Comparison::judge`].
pub(crate) async fn done_by(client: &Client, endpoint: &BatchEndpoint, pool: &PoolId) -> Result<Tasks> {
    let nodes = nodes_of(client, endpoint, pool).await?;
    Ok(nodes.iter().fold(Tasks::default(), |sum, node| {
        sum.and(Tasks {
            ended: node.ended,
            failed: node.ended.saturating_sub(node.succeeded),
        })
    }))
}

/// From the allocation of a node to idle, in seconds: the middle of the pool's nodes of which it is known.
///
/// # Errors
/// As [`Comparison::judge`].
pub(crate) async fn idle_after(client: &Client, endpoint: &BatchEndpoint, pool: &PoolId) -> Result<Option<u64>> {
    let nodes = nodes_of(client, endpoint, pool).await?;
    Ok(ledger::middle(nodes.iter().filter_map(|node| node.ready_after)))
}

async fn nodes_of(client: &Client, endpoint: &BatchEndpoint, pool: &PoolId) -> Result<Vec<NodeWork>> {
    match client.list(&work::nodes(endpoint, pool)).await {
        Ok(items) => Ok(items.iter().map(NodeWork::new).collect()),
        Err(error) if error.has_status(404) => {
            let text = format!("there is no pool {pool} in the account");
            Err(Error::new(ErrorKind::BadInput, text)
                .with_hint("check the pool's id and the account")
                .because(error))
        }
        Err(error) => Err(error),
    }
}
