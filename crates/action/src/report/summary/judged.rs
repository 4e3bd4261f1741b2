//! What tasks on the new nodes said, as tables: each step with both sides, then what failed and how.
//!
//! What follows from it is said above, by the headline.

use azure_batch_core::{
    judgement::{JudgementReport, Outcome, Tasks},
    rollout::{RolloutReport, StepJudgement},
};

use super::markdown::{Page, text};

/// Nothing when nothing was judged.
pub(super) fn all(page: &mut Page, rollout: &RolloutReport) {
    let Some(last) = rollout.judgements.last() else {
        return;
    };
    page.paragraph(&format!(
        "**Tasks on new and former nodes.** Last: {}",
        text(&last.judgement.why)
    ));
    let heads = ["new nodes", "judged", "new: failed of ended", "former: failed of ended"];
    page.table(&heads, rollout.judgements.iter().map(row).collect());
    if let Some(slower) = &last.judgement.slower {
        page.paragraph(&format!("⚠️ {}.", text(slower)));
    }
    if !last.judgement.endings.is_empty() {
        page.folded("How the tasks failed", |page| failures(page, &last.judgement));
    }
}

fn row(step: &StepJudgement) -> Vec<String> {
    let judgement = &step.judgement;
    let word = match judgement.outcome {
        Outcome::Good => "not worse",
        Outcome::Bad => "**worse**",
        Outcome::Inconclusive => "not known",
    };
    vec![
        format!("{} of {}", step.nodes.total(), step.of.total()),
        word.to_owned(),
        failed(judgement.tasks.new),
        failed(judgement.tasks.old),
    ]
}

fn failures(page: &mut Page, judgement: &JudgementReport) {
    let ending = |code: Option<i64>| code.map_or_else(|| "–".to_owned(), |code| code.to_string());
    let rows = judgement.endings.iter().map(|it| {
        let said = it.failure.as_deref().map(text).unwrap_or_default();
        vec![ending(it.exit_code), said, it.new.to_string(), it.old.to_string()]
    });
    page.table(&["exit code", "Batch says", "on new", "on former"], rows.collect());
    let jobs = judgement.jobs.iter().map(|job| {
        let tasks = job.tasks;
        vec![text(&job.job), failed(tasks.new), failed(tasks.old)]
    });
    page.table(
        &["job", "new: failed of ended", "former: failed of ended"],
        jobs.collect(),
    );
}

fn failed(tasks: Tasks) -> String {
    match tasks.rate() {
        Some(rate) => format!("{} of {} ({:.1} %)", tasks.failed, tasks.ended, rate * 100.0),
        None => "none ended".to_owned(),
    }
}
