//! `judge`: whether more tasks fail on new nodes than on those that were there. It changes nothing.
//!
//! What counts as worse is decided in core; this file only shows it.

use azure_batch_core::{
    judgement::{self, JudgementReport, Nodes, Outcome, Tasks},
    settings,
};

use super::asking::ask;
use crate::{
    console::{Console, table::Table},
    environment::Environment,
    github::runner::Runner,
    report::answer::Answer,
    values::Given,
};

/// Watches and shows; returns the exit code.
pub(super) async fn run(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let work = async |client: &_, settings: &_| judgement::run(client, settings).await;
    ask(
        given,
        (runner, environment),
        console,
        settings::judgement,
        (work, answer),
    )
    .await
}

fn answer(report: &JudgementReport) -> Answer {
    let (word, in_words, exit_code) = match report.outcome {
        Outcome::Good => ("good", "not worse", 0),
        Outcome::Bad => ("bad", "worse", 9),
        Outcome::Inconclusive => ("inconclusive", "not known", 6),
    };
    Answer::new(word, exit_code, format!("{in_words}: {}", report.why))
        .table(sides(report))
        .table(jobs(report))
        .table(endings(report))
}

fn sides(report: &JudgementReport) -> Table {
    let mut table = Table::new(["nodes", "image", "lost", "ready after", "tasks ended", "failed"]);
    for (word, nodes, tasks) in [
        ("old", &report.old_nodes, report.tasks.old),
        ("new", &report.new_nodes, report.tasks.new),
    ] {
        table.row([
            format!("{} {word}", nodes.seen),
            images(nodes),
            nodes.lost.to_string(),
            ready_after(nodes, report.slower.is_some() && word == "new"),
            tasks.ended.to_string(),
            failed(tasks),
        ]);
    }
    table
}

fn ready_after(nodes: &Nodes, is_slower: bool) -> String {
    let slower = if is_slower { " (slower)" } else { "" };
    let time = nodes.ready_after_seconds.map(|seconds| format!("{seconds} s{slower}"));
    time.unwrap_or_else(|| "–".to_owned())
}

fn jobs(report: &JudgementReport) -> Table {
    let mut table = Table::new(["job", "ended on new", "failed", "ended on old", "failed"]);
    for job in &report.jobs {
        let (new, old) = (job.tasks.new, job.tasks.old);
        table.row([
            job.job.clone(),
            new.ended.to_string(),
            failed(new),
            old.ended.to_string(),
            failed(old),
        ]);
    }
    table
}

fn endings(report: &JudgementReport) -> Table {
    let mut table = Table::new(["exit code", "Batch says", "on new", "on old"]);
    for ending in &report.endings {
        table.row([
            ending.exit_code.map_or_else(|| "–".to_owned(), |code| code.to_string()),
            ending.failure.clone().unwrap_or_default(),
            ending.new.to_string(),
            ending.old.to_string(),
        ]);
    }
    table
}

/// The last two parts of image ids, `ubuntu 1.4.2`, which people know.
fn images(nodes: &Nodes) -> String {
    let short = |id: &String| {
        let mut parts = id.rsplit('/');
        match (parts.next(), parts.nth(1)) {
            (Some(version), Some(definition)) => format!("{definition} {version}"),
            _ => id.clone(),
        }
    };
    nodes.images.iter().map(short).collect::<Vec<_>>().join(", ")
}

fn failed(tasks: Tasks) -> String {
    match tasks.rate() {
        Some(rate) => format!("{} ({:.1} %)", tasks.failed, rate * 100.0),
        None => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::judgement;

    fn shown(outcome: Outcome, tasks: (u64, u64)) -> (u8, String) {
        let report = judgement(outcome, tasks);
        let tables = [sides(&report), jobs(&report), endings(&report)];
        let texts: Vec<String> = tables
            .iter()
            .filter(|table| !table.is_empty())
            .map(|table| table.text(None, str::to_owned))
            .collect();
        (answer(&report).exit_code, texts.join("\n\n"))
    }

    #[test]
    fn new_nodes_that_are_slower_are_marked() {
        let mut report = judgement(Outcome::Good, (200, 1));
        report.slower = Some("new nodes take much longer".to_owned());
        let text = sides(&report).text(None, str::to_owned);
        let marked: Vec<&str> = text.lines().filter(|line| line.contains("90 s (slower)")).collect();
        assert!(marked.len() == 1 && marked[0].contains("2 new"), "{text}");
    }

    #[test]
    fn a_terminal_shows_both_sides_and_of_what_is_worse_the_jobs_and_the_endings() {
        for (outcome, code, tasks, failed) in [
            (Outcome::Good, 0, (200, 1), "1 (0.5 %)"),
            (Outcome::Inconclusive, 6, (0, 0), "–"),
            (Outcome::Bad, 9, (200, 40), "40 (20.0 %)"),
        ] {
            let (exit_code, text) = shown(outcome, tasks);
            assert_eq!(exit_code, code);
            let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
            let new = rows.iter().find(|row| row.starts_with(&["2", "new"])).unwrap();
            assert!(new.join(" ").ends_with(failed), "{text}");
            assert!(
                rows.iter().any(|row| row.starts_with(&["8", "old", "ubuntu", "1.4.1"])),
                "{text}"
            );
            let has_endings = rows.iter().any(|row| row.starts_with(&["137", "FailureExitCode"]));
            assert_eq!(has_endings, outcome == Outcome::Bad, "{text}");
            assert_eq!(text.contains("frame|1"), outcome == Outcome::Bad, "{text}");
        }
    }
}
