//! What gates said at each checkpoint, as a table, and the end of what they wrote.
//!
//! What follows from it is said above, by the headline.

use azure_batch_core::{
    gate::{Checkpoint, GateAnswer, Said},
    progress::Span,
    rollout::RolloutReport,
};

use super::markdown::{Page, text};

/// Nothing when no gate was asked.
pub(super) fn all(page: &mut Page, rollout: &RolloutReport) {
    if rollout.gates.is_empty() {
        return;
    }
    page.paragraph("**Gates.**");
    let heads = ["asked", "gate", "said", "times", "took"];
    page.table(&heads, rollout.gates.iter().map(row).collect());
    let wrote = rollout.gates.iter().filter(|gate| !gate.output.trim().is_empty());
    let lines: Vec<String> = wrote
        .map(|gate| format!("{} {}: {}", when(gate), gate.gate, gate.output.trim_end()))
        .collect();
    if !lines.is_empty() {
        page.folded("What the gates wrote", |page| page.fenced("text", &lines.join("\n")));
    }
}

fn row(gate: &GateAnswer) -> Vec<String> {
    let said = match gate.answer {
        Said::Yes => "yes".to_owned(),
        Said::No => "**no**".to_owned(),
        Said::NotYet => "**not in time**".to_owned(),
    };
    vec![
        when(gate),
        text(&gate.gate),
        format!("{said} ({})", text(&gate.why)),
        gate.asked.to_string(),
        Span(gate.seconds).to_string(),
    ]
}

fn when(gate: &GateAnswer) -> String {
    match gate.checkpoint {
        Checkpoint::Canary => "after the first nodes".to_owned(),
        Checkpoint::Step => format!("after step {} of {}", gate.step, gate.steps),
        Checkpoint::Jobs => "before the jobs".to_owned(),
    }
}
