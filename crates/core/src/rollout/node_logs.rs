//! Asks Batch to write the logs of its agent from an ill node where the user wants them, before the node is gone.
//!
//! A node whose logs cannot be had is treated as any other: a warning says why.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::pool::PoolAccess;
use crate::{batch::node::Node, ids::ContainerAddress, settings::NodeLogs, words::plural};

/// What happened longer before a node became ill is not asked for.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(24);

/// Batch answers before the files are there, and nothing tells when they are: so long a node stays before it is removed.
/// A guess.
const UPLOAD_TIME: Duration = Duration::from_secs(60);

/// Logs of a node that Batch writes into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UploadedLogs {
    /// The container.
    pub container: ContainerAddress,
    /// The folder in it.
    pub folder: String,
    /// How many files Batch writes there.
    pub files: u64,
}

/// Whose logs are asked for, and from when on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogsOf {
    /// The node.
    pub(super) id: String,
    since: Option<Timestamp>,
}

impl UploadedLogs {
    /// Where the logs of a node are, in a sentence.
    pub(super) fn of_node(&self, node: &str) -> String {
        let files = plural(self.files, "file");
        format!(
            "the logs of Batch's agent on node {node}: {}/{} ({files})",
            self.container, self.folder
        )
    }
}

impl LogsOf {
    /// Of this node: from a day before it came into its state, or from when it came into the pool.
    pub(super) fn new(node: &Node) -> Self {
        let day_before = node.since.and_then(|since| since.checked_sub(LOOKED_BACK).ok());
        Self {
            id: node.id.clone(),
            since: day_before.max(node.allocated),
        }
    }
}

/// Asks for the logs of a node, if the user wants them; nothing when Batch does not write them.
pub(super) async fn take(access: &PoolAccess<'_>, logs: Option<&NodeLogs>, of: &LogsOf) -> Option<UploadedLogs> {
    let logs = logs?;
    let now = access.client().run().now();
    let since = of.since.unwrap_or_else(|| now.checked_sub(LOOKED_BACK).unwrap_or(now));
    match access.upload_logs(&of.id, logs, since).await {
        Ok(uploaded) => Some(UploadedLogs {
            container: logs.container.clone(),
            folder: uploaded.folder,
            files: uploaded.files,
        }),
        Err(error) => {
            let text = format!(
                "the logs of node {} are not written to {}: {error}",
                of.id, logs.container
            );
            access.client().warn(text);
            None
        }
    }
}

/// Gives Batch the time to write logs that were asked for. A run that ends meanwhile says so at its next request.
pub(super) async fn let_write(access: &PoolAccess<'_>) {
    let run = access.client().run();
    let _ended = run.pause(UPLOAD_TIME, "Batch to write the logs of ill nodes").await;
}
