//! Numbers of nodes in words: "700 nodes", "5 dedicated and 20 spot nodes".
//!
//! It decides nothing.

use crate::ids::NodeCounts;

/// With the noun.
pub(super) fn counted(nodes: NodeCounts) -> String {
    let noun = if nodes.total() == 1 { "node" } else { "nodes" };
    format!("{} {noun}", bare(nodes))
}

/// Without the noun.
pub(super) fn bare(nodes: NodeCounts) -> String {
    match nodes {
        NodeCounts { dedicated, spot: 0 } => dedicated.to_string(),
        NodeCounts { dedicated, spot } => format!("{dedicated} dedicated and {spot} spot"),
    }
}
