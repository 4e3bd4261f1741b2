//! Judges new nodes by the work they do: do more tasks fail there than on the nodes that were there, over the same time?
//!
//! It writes nothing. A look costs one list of nodes for each pool; jobs and tasks are asked for only when the counts look
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
pub use report::JudgementReport;

use evidence::Evidence;
use ledger::{Ledger, Side};

use crate::{
    batch::{
        account,
        work::{self, NodeWork},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId},
    settings::{AccountRef, Checked, FailureRule, JudgementSettings},
};

/// How long is waited between two looks: tasks that matter take minutes.
const PAUSE: Duration = Duration::from_secs(60);

/// A comparison that is being made.
struct Trial<'a> {
    client: &'a Client,
    endpoint: BatchEndpoint,
    settings: &'a JudgementSettings,
    since: Timestamp,
    ledger: Ledger,
    looks: u32,
    /// The next look is due when so many tasks have ended on the judged nodes.
    due_at: u64,
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
}

impl Trial<'_> {
    async fn watch(&mut self) -> Result<(Verdict, Duration)> {
        let began = Instant::now();
        loop {
            let nodes = self.look().await?;
            self.ledger.note(nodes);
            let left = self.settings.window.saturating_sub(began.elapsed());
            if let Some(verdict) = self.verdict(left.is_zero()).await? {
                return Ok((verdict, began.elapsed()));
            }
            self.client.run().pause(PAUSE.min(left), "tasks to end").await?;
        }
    }

    /// All nodes with their sides.
    async fn look(&self) -> Result<Vec<(PoolId, Side, NodeWork)>> {
        let pool = &self.settings.pool;
        let nodes = self.nodes(pool).await?;
        let Some(against) = &self.settings.against else {
            let newest = ledger::by_version(&nodes);
            let side = |node: &NodeWork| match newest {
                Some(_) if ledger::number_of(node) == newest => Side::New,
                _ => Side::Old,
            };
            return Ok(nodes
                .into_iter()
                .map(|node| (pool.clone(), side(&node), node))
                .collect());
        };
        let former = self.nodes(against).await?;
        let old = former.into_iter().map(|node| (against.clone(), Side::Old, node));
        let new = nodes.into_iter().map(|node| (pool.clone(), Side::New, node));
        Ok(new.chain(old).collect())
    }

    async fn nodes(&self, pool: &PoolId) -> Result<Vec<NodeWork>> {
        match self.client.list(&work::nodes(&self.endpoint, pool)).await {
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

    /// What can be said now. Looks in between are few, and only for what is surely worse: each has its share of the
    /// chance to be wrong.
    async fn verdict(&mut self, is_over: bool) -> Result<Option<Verdict>> {
        let tasks = self.ledger.tasks();
        if !is_over && tasks.new.ended < self.due_at {
            return Ok(None);
        }
        self.looks += 1;
        self.due_at = tasks.new.ended + (tasks.new.ended / 2).max(self.settings.rule.min_tasks);
        self.client.note(report::progress(tasks));
        // Two things are tested, so each may use half of the chance to be wrong.
        let halved = |rule: FailureRule| FailureRule {
            confidence: f64::midpoint(1.0, rule.confidence),
            ..rule
        };
        let rule = halved(self.settings.rule);
        let of_nodes = FailureRule { min_tasks: 1, ..rule };
        if exact::judge(&[self.ledger.ready()], of_nodes, self.looks) == Outcome::Bad {
            return Ok(Some(Verdict::new(Outcome::Bad, By::Nodes, Evidence::default())));
        }
        let by_counts = exact::judge(&[tasks], rule, self.looks);
        if by_counts != Outcome::Bad {
            return Ok(is_over.then(|| Verdict::new(by_counts, By::Counts, Evidence::default())));
        }
        let pools: Vec<&PoolId> = [&self.settings.pool]
            .into_iter()
            .chain(&self.settings.against)
            .collect();
        let evidence = evidence::read(self.client, (&self.endpoint, &pools), self.since, &self.ledger).await?;
        let by_jobs = exact::judge(&evidence.pairs(), rule, self.looks);
        let says = by_jobs == Outcome::Bad || is_over;
        Ok(says.then(|| Verdict::new(by_jobs, By::Jobs, evidence)))
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
        AccountRef::Id(id) => account::read(client, id).await?.endpoint,
    };
    let mut trial = Trial {
        client,
        endpoint,
        settings,
        since: client.run().now(),
        ledger: Ledger::default(),
        looks: 0,
        due_at: settings.rule.min_tasks,
    };
    let watch = trial.watch();
    let what = "watching what becomes of tasks on both sides";
    let (verdict, took) = client.run().step("judgement", what, watch).await?;
    Ok(report::report(settings, &trial.ledger, verdict, took))
}
