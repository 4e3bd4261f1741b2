//! What was done with ill nodes, as the report shows it.
//!
//! Which nodes are ill is decided in `heal`.

use serde::Serialize;

use super::node_logs::UploadedLogs;

/// What was done with an ill node, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealedNode {
    /// The node.
    pub node: String,
    /// What was done.
    pub action: NodeAction,
    /// What was wrong with it, in its own words.
    pub why: String,
    /// The end of what its start task wrote, when that failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// Where the logs of Batch's agent on it are, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<UploadedLogs>,
}

/// What was done with an ill node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeAction {
    /// It was rebooted.
    Rebooted,
    /// It was removed.
    Removed,
}
