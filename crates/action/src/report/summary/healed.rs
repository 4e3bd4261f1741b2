//! Ill nodes that were rebooted or removed, as a table, and the end of what their start tasks wrote.
//!
//! That nodes are ill and were left as they are is said elsewhere.

use azure_batch_core::rollout::{HealedNode, NodeAction, RolloutReport};

use super::markdown::{Page, code, text};

/// Nothing when no node was treated.
pub(super) fn all(page: &mut Page, rollout: &RolloutReport) {
    if rollout.healed.is_empty() {
        return;
    }
    page.paragraph("**Ill nodes.**");
    let mut heads = vec!["node", "was", "why"];
    let have_logs = rollout.healed.iter().any(|node| node.logs.is_some());
    if have_logs {
        heads.push("logs of Batch's agent");
    }
    let rows = rollout.healed.iter().map(|node| row(node, have_logs));
    page.table(&heads, rows.collect());
    let wrote = rollout.healed.iter().filter(|node| !node.output.trim().is_empty());
    let lines: Vec<String> = wrote
        .map(|node| format!("{}: {}", node.node, node.output.trim_end()))
        .collect();
    if !lines.is_empty() {
        page.folded("What their start tasks wrote", |page| {
            page.fenced("text", &lines.join("\n"));
        });
    }
}

fn row(node: &HealedNode, have_logs: bool) -> Vec<String> {
    let action = match node.action {
        NodeAction::Rebooted => "rebooted",
        NodeAction::Removed => "removed",
    };
    let mut cells = vec![code(&node.node), action.to_owned(), text(&node.why)];
    if have_logs {
        let place = node
            .logs
            .as_ref()
            .map(|logs| format!("{}/{}", logs.container, logs.folder));
        cells.push(place.map_or_else(|| "none".to_owned(), |place| text(&place)));
    }
    cells
}
