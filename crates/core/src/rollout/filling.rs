//! Brings a pool to so many good nodes, and lets a few of them try the image before.
//!
//! What the sizes are, and what happens when the nodes are not good, those decide who change the pool.

use std::time::Duration;

use super::{
    RolloutReport,
    canary::{self, is_trial},
    decide::Intent,
    disk_sizes,
    disks::Disks,
    explain::{self, Within},
    follow,
    node_logs::{self, LogsOf},
    pool::PoolAccess,
    size::Sizing,
    verdict::{Verdict, Waited},
};
use crate::{
    batch::{job::Job, pool::Pool},
    error::{Error, Result},
    progress::Event,
    settings::{Canary, NodeLogs, Readiness, RollbackSettings, RolloutSettings},
};

/// How a pool is filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling<'s> {
    /// How the image is tried first.
    pub(super) canary: &'s Canary,
    /// When the nodes are good.
    pub(super) readiness: Readiness,
    /// How many resize rounds there may be.
    pub(super) rounds: u32,
    /// Where the logs of an ill node go.
    pub(super) node_logs: Option<&'s NodeLogs>,
    /// What for, after "cannot".
    pub(super) doing: &'s str,
}

impl<'s> Filling<'s> {
    /// That of a roll-out.
    pub(super) const fn of(settings: &'s RolloutSettings, doing: &'s str) -> Self {
        Self {
            canary: &settings.change.canary,
            readiness: settings.policy.readiness,
            rounds: settings.policy.resize.rounds,
            node_logs: settings.node_logs.as_ref(),
            doing,
        }
    }

    /// That of a return by hand, which tries no image.
    pub(super) const fn of_return(settings: &RollbackSettings, canary: &'s Canary, doing: &'s str) -> Self {
        Self {
            canary,
            readiness: settings.readiness,
            rounds: settings.resize.rounds,
            node_logs: None,
            doing,
        }
    }

    /// Brings the pool to its size, and waits until enough nodes are ready.
    ///
    /// # Errors
    /// When they do not come or do not get ready; when others change the pool meanwhile, or the run ends.
    pub(super) async fn grow(
        &self,
        access: &mut PoolAccess<'_>,
        intent: &Intent,
        report: &mut RolloutReport,
    ) -> Result<()> {
        let sizing = Sizing::new(access, intent, self.rounds, self.doing, report);
        sizing.reach().await?;
        let waited: Waited = follow::nodes(access, intent, self.readiness, report).await?;
        if waited.verdict == Verdict::Good {
            return Ok(());
        }
        Err(unready(access, (&waited, Within::Change), (self.readiness, self.node_logs)).await)
    }

    /// Brings the pool to the size of `intent`, runs the command on each node, and sees that they stay ready.
    ///
    /// # Errors
    /// As [`Self::grow`]; when the command fails on a node or does not end.
    pub(super) async fn try_image(
        &self,
        access: &mut PoolAccess<'_>,
        (pool, jobs): (&Pool, &[Job]),
        intent: &Intent,
        report: &mut RolloutReport,
    ) -> Result<()> {
        for left in jobs.iter().filter(|job| is_trial(job)) {
            canary::remove(access, &left.id).await;
        }
        self.grow(access, intent, report).await?;
        if let Some(command) = &self.canary.command {
            let longest = self.readiness.node_timeout;
            report.canary = canary::run(access, (pool, jobs), (command, intent), longest).await?;
        }
        let bake = self.canary.bake;
        if bake.is_zero() {
            return Ok(());
        }
        self.stay(access, intent, (bake, "for the first nodes to stay ready"), report)
            .await
    }

    /// Lets time pass, and sees that the pool is good afterwards.
    ///
    /// # Errors
    /// As [`Self::grow`].
    pub(super) async fn stay(
        &self,
        access: &mut PoolAccess<'_>,
        intent: &Intent,
        (time, what): (Duration, &str),
        report: &mut RolloutReport,
    ) -> Result<()> {
        let run = access.client().run();
        run.progress.tell(Event::Waiting {
            what: what.to_owned(),
            seconds: time.as_secs(),
        });
        run.pause(time, what).await?;
        self.grow(access, intent, report).await
    }
}

/// A pool that has its image and whose nodes are not good.
pub(super) async fn unready_pool(access: &PoolAccess<'_>, waited: &Waited, settings: &RolloutSettings) -> Error {
    let within = Within::pool(settings.pool.autoscale.as_ref());
    let patience = (settings.policy.readiness, settings.node_logs.as_ref());
    unready(access, (waited, within), patience).await
}

/// Nodes that are not good, with the end of what a failed start task wrote, the disks where one is full, and where
/// the logs of an ill node are.
async fn unready(
    access: &PoolAccess<'_>,
    (waited, within): (&Waited, Within),
    (readiness, node_logs): (Readiness, Option<&NodeLogs>),
) -> Error {
    let output = match explain::failed_start(waited) {
        Some(node) => access.start_task_end(node).await,
        None => String::new(),
    };
    let disks = match explain::is_disk_full(waited) {
        true => disk_sizes::look(access).await,
        false => Disks::default(),
    };
    let error = explain::unready(access.at(), waited, (readiness.node_timeout, within), (&output, &disks));
    let Some(ill) = explain::ill_node(waited).map(LogsOf::new) else {
        return error;
    };
    match node_logs::take(access, node_logs, &ill).await {
        Some(logs) => {
            // A change that goes back removes the node.
            node_logs::let_write(access).await;
            error.with_fact(logs.of_node(&ill.id))
        }
        None => error,
    }
}
