//! Nodes that take tasks though their start task failed: how it ended, on which nodes, and the end of what it wrote.
//!
//! Nodes that a failed start task keeps from being ready are in the failure above.

use azure_batch_core::rollout::{FailedStarts, RolloutReport};

use super::markdown::{Page, text};

/// So many nodes of a group are named in its row, which stays readable on a telephone; the report file names all.
const MOST_NAMED: usize = 5;

/// Nothing when all start tasks went well, or the pool waits for their success.
pub(super) fn warn(page: &mut Page, rollout: &RolloutReport) {
    let failed = &rollout.start_task_failures;
    let nodes = match failed.iter().map(|group| group.nodes.len()).sum::<usize>() {
        0 => return,
        1 => "1 node that takes".to_owned(),
        count => format!("{count} nodes that take"),
    };
    page.paragraph(&format!(
        "⚠️ The start task failed on {nodes} tasks all the same, since `waitForSuccess` is false."
    ));
    page.table(
        &["exit code", "Batch says", "nodes", "which"],
        failed.iter().map(row).collect(),
    );
    for group in failed.iter().filter(|group| !group.output.trim().is_empty()) {
        let node = group.nodes.first().map_or("", String::as_str);
        let title = format!("The end of what the start task wrote on {}", text(node));
        page.folded(&title, |page| page.fenced("text", group.output.trim_end()));
    }
}

fn row(group: &FailedStarts) -> Vec<String> {
    vec![
        group.exit_code.map_or_else(|| "–".to_owned(), |code| code.to_string()),
        text(&group.why),
        group.nodes.len().to_string(),
        named(&group.nodes),
    ]
}

fn named(nodes: &[String]) -> String {
    let names: Vec<String> = nodes.iter().take(MOST_NAMED).map(|node| text(node)).collect();
    match nodes.len().saturating_sub(MOST_NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
