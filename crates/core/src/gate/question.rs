//! What a gate is asked: where a roll-out stands, as variables and as JSON. Pure.
//!
//! It holds no secret. `docs/gates.md` describes both forms.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::ids::{BatchEndpoint, NodeCounts, PoolId};

/// The schema of the JSON; it grows when a field goes or changes its meaning.
const SCHEMA: u32 = 1;

/// Where a roll-out stands when it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checkpoint {
    /// The first nodes have tried the image, and the others are still to come.
    Canary,
    /// A step of blue-green is done: its nodes are ready and its jobs have moved; the former pool has not shrunk for it.
    Step,
    /// A pool that is changed in place has its nodes again; its jobs are still disabled.
    Jobs,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    /// Where the account answers.
    pub account: &'q BatchEndpoint,
    /// The pool with the new image.
    pub pool: &'q PoolId,
    /// The pool whose work moves there; none when the pool itself is changed or made.
    pub former_pool: Option<&'q PoolId>,
    /// The resource id of the version.
    pub version: &'q str,
    /// Where the roll-out stands.
    pub checkpoint: Checkpoint,
    /// Which checkpoint it is, from 1.
    pub step: u32,
    /// Of how many.
    pub steps: u32,
    /// The nodes on the new image.
    pub nodes: NodeCounts,
    /// The nodes that the pool gets.
    pub of: NodeCounts,
}

impl Checkpoint {
    /// The word for it, stable across releases.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Step => "step",
            Self::Jobs => "jobs",
        }
    }

    /// When that is, for a plan.
    pub(crate) fn when(self, pool: &PoolId) -> String {
        match self {
            Self::Canary => format!("after the first nodes of pool {pool}"),
            Self::Step => format!("after each step of pool {pool}"),
            Self::Jobs => format!("before the jobs of pool {pool} run again"),
        }
    }
}

/// "at step 2 of 5", after what was asked or answered.
impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, of) = (self.nodes.total(), self.of.total());
        match self.checkpoint {
            Checkpoint::Canary => write!(f, "after the first {nodes} of {of} nodes of pool {}", self.pool),
            Checkpoint::Step => write!(
                f,
                "after step {} of {}, with {nodes} of {of} nodes in pool {}",
                self.step, self.steps, self.pool
            ),
            Checkpoint::Jobs => write!(f, "before the jobs of pool {} run again", self.pool),
        }
    }
}

impl Question<'_> {
    /// As variables for a command.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AZURE_BATCH_GATE_ACCOUNT", self.account.to_string()),
            ("AZURE_BATCH_GATE_POOL", self.pool.to_string()),
            (
                "AZURE_BATCH_GATE_FORMER_POOL",
                self.former_pool.map_or_else(String::new, ToString::to_string),
            ),
            ("AZURE_BATCH_GATE_VERSION", self.version.to_owned()),
            ("AZURE_BATCH_GATE_CHECKPOINT", self.checkpoint.word().to_owned()),
            ("AZURE_BATCH_GATE_STEP", self.step.to_string()),
            ("AZURE_BATCH_GATE_STEPS", self.steps.to_string()),
            ("AZURE_BATCH_GATE_NODES", self.nodes.total().to_string()),
            ("AZURE_BATCH_GATE_OF_NODES", self.of.total().to_string()),
        ]
    }

    /// As JSON for an address.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "schema-version": SCHEMA,
            "account": self.account.to_string(),
            "pool": self.pool,
            "former-pool": self.former_pool,
            "version": self.version,
            "checkpoint": self.checkpoint,
            "step": self.step,
            "steps": self.steps,
            "nodes": self.nodes.total(),
            "of-nodes": self.of.total(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let (account, pool) = (
            "acct1.eastus2.batch.azure.com".parse().unwrap(),
            "p1-1-0-0".parse().unwrap(),
        );
        let former = "p1".parse().unwrap();
        let nodes = |dedicated| NodeCounts { dedicated, spot: 0 };
        let question = Question {
            account: &account,
            pool: &pool,
            former_pool: Some(&former),
            version: "/v/1.0.0",
            checkpoint: Checkpoint::Step,
            step: 2,
            steps: 5,
            nodes: nodes(4),
            of: nodes(10),
        };
        let json = question.json();
        assert_eq!(
            json,
            json!({"schema-version": 1, "account": "acct1.eastus2.batch.azure.com", "pool": "p1-1-0-0",
                "former-pool": "p1", "version": "/v/1.0.0", "checkpoint": "step", "step": 2, "steps": 5,
                "nodes": 4, "of-nodes": 10})
        );
        for (variable, value) in question.variables() {
            let name = variable.strip_prefix("AZURE_BATCH_GATE_").unwrap();
            let field = &json[name.to_ascii_lowercase().replace('_', "-")];
            let said = field.as_str().map_or_else(|| field.to_string(), str::to_owned);
            assert_eq!(said, value, "{variable}");
        }
        assert_eq!(
            question.to_string(),
            "after step 2 of 5, with 4 of 10 nodes in pool p1-1-0-0"
        );
    }
}
