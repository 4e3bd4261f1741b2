//! What the control port shows of pools and jobs: where the allocation stands, how many nodes are in which state, and how
//! far each job's tasks are.
//!
//! Counts only; no node, no task and no setting is shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Batch, account::Account, image, job::Job, pool::Pool, task::Task};

impl Batch {
    /// Every pool that is there, by account and id.
    pub(crate) fn overview(&self, now: Timestamp) -> Vec<Value> {
        let there = |account: &&Account| account.life.word(now).is_some();
        let pools = self.accounts.iter().filter(there).flat_map(|account| {
            let present = account.pools.iter().filter(|pool| !pool.is_gone(now));
            present.map(|pool| (&account.name, pool))
        });
        let mut all: Vec<(&String, &Pool)> = pools.collect();
        all.sort_by_key(|(account, pool)| (account.to_lowercase(), pool.id.as_str().to_lowercase()));
        all.into_iter()
            .map(|(account, pool)| view(account, pool, now))
            .collect()
    }

    /// Every job that is there, by account and id.
    pub(crate) fn overview_of_jobs(&self, now: Timestamp) -> Vec<Value> {
        let there = |account: &&Account| account.life.word(now).is_some();
        let jobs = self.accounts.iter().filter(there).flat_map(|account| {
            let present = account.jobs.iter().filter(|job| !job.is_gone(now));
            present.map(|job| (&account.name, job))
        });
        let mut all: Vec<(&String, &Job)> = jobs.collect();
        all.sort_by_key(|(account, job)| (account.to_lowercase(), job.id.as_str().to_lowercase()));
        all.into_iter()
            .map(|(account, job)| view_of_job(account, job, now))
            .collect()
    }
}

fn view_of_job(account: &str, job: &Job, now: Timestamp) -> Value {
    let requeued: u32 = job.tasks.iter().map(Task::requeues).sum();
    let mut counts = job.task_counts(now);
    let mut tasks = counts.get_mut("taskCounts").map(Value::take).unwrap_or_default();
    if let Some(fields) = tasks.as_object_mut() {
        fields.insert("requeued".to_owned(), json!(requeued));
    }
    json!({
        "account": account,
        "job": job.id.as_str(),
        "pool": job.pool().map(|pool| pool.as_str().to_owned()),
        "tasks": tasks,
    })
}

fn view(account: &str, pool: &Pool, now: Timestamp) -> Value {
    let mut states: BTreeMap<&str, u32> = BTreeMap::new();
    for node in pool.present(now) {
        *states.entry(node.state(now).word()).or_default() += 1;
    }
    let errors: Vec<&str> = pool
        .resize_errors(now)
        .iter()
        .map(|error| error.code.as_str())
        .collect();
    json!({
        "account": account,
        "pool": pool.id.as_str(),
        "allocation": pool.allocation_state(now).word(),
        "isDeleting": pool.deletion.is_some(),
        "image": image::gallery_id(pool.configuration()),
        "target": pool.targets.dedicated.saturating_add(pool.targets.low_priority),
        "states": states,
        "errors": errors,
    })
}
