//! What the control port's page shows of pools: where the allocation stands, and how many nodes are in which state.
//!
//! Counts only; no node and no setting is shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Batch, account::Account, image, pool::Pool};

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
