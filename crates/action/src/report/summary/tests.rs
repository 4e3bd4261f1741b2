//! Tests of the whole summary, page by page.

use azure_batch_core::{
    gate::{Checkpoint, GateAnswer, Said},
    ids::NodeCounts,
    judgement::Outcome,
    rollout::{FailedStarts, Pace, StepJudgement},
};

use super::super::tests::{bad_inputs, created, following, judgement, partly_reached, quota_reached, refused};
use super::*;

fn page(report: &Report) -> String {
    markdown(report, Some(Path::new("/tmp/azure-batch-pool-report.json")))
}

#[test]
fn a_good_roll_out_reads_well() {
    insta::assert_snapshot!(page(&created()));
}

#[test]
fn a_partly_reached_roll_out_says_what_came_and_how_to_go_on() {
    insta::assert_snapshot!(page(&partly_reached()));
}

#[test]
fn a_quota_is_the_first_thing_one_reads() {
    insta::assert_snapshot!(page(&quota_reached()));
}

#[test]
fn bad_inputs_are_listed() {
    insta::assert_snapshot!(page(&bad_inputs()));
}

#[test]
fn nodes_that_were_not_counted_are_not_said_to_be_none() {
    let page = page(&refused());
    assert!(!page.contains("| ready |") && !page.contains("**0**"), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn a_pool_that_was_left_as_it_was_has_one_line_for_it() {
    let mut report = created();
    let rollout = report.rollout.as_mut().unwrap();
    (rollout.action, rollout.rounds) = (PoolAction::Unchanged, Vec::new());
    let page = page(&report);
    assert!(
        page.starts_with("### ✅ Pool render&#95;a is on ubuntu 1.4.2 already: 700 of 700 nodes ready\n"),
        "{page}"
    );
    assert!(page.contains("\nNothing was changed. Account "), "{page}");
}

#[test]
fn rounds_that_ended_alike_are_one_line() {
    let mut report = partly_reached();
    let rollout = report.rollout.as_mut().unwrap();
    let mut round = rollout.rounds[0].clone();
    round.errors = vec!["AllocationTimedOut: too few".to_owned()];
    rollout.rounds = (1..=9)
        .map(|number| azure_batch_core::rollout::Round {
            number,
            dedicated: if number == 1 { 10 } else { 60 },
            ..round.clone()
        })
        .collect();
    let page = page(&report);
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("⚠️")).collect();
    assert_eq!(
        lines,
        [
            "⚠️ After round 1: 10 of 700 nodes, `AllocationTimedOut`.",
            "⚠️ After each of the rounds 2 to 9: 60 of 700 nodes, `AllocationTimedOut`."
        ]
    );
}

#[test]
fn a_long_text_of_the_service_is_shown_whole() {
    let mut report = partly_reached();
    let long = format!("{} and the remedy at its end", "x".repeat(5000));
    report.rollout.as_mut().unwrap().rounds[0].errors = vec![long.clone()];
    report.rollout.as_mut().unwrap().skipped_checks = vec![long.clone()];
    assert_eq!(page(&report).matches(&long).count(), 2);
}

#[test]
fn a_summary_that_github_would_refuse_points_to_the_report() {
    let mut report = quota_reached();
    report.rollout.as_mut().unwrap().skipped_checks = vec!["x".repeat(LONGEST_SUMMARY)];
    let page = page(&report);
    assert!(
        page.len() < LONGEST_SUMMARY && page.starts_with("### ❌ Pool render&#95;a: "),
        "{page}"
    );
    assert!(page.contains("everything is in the report file"), "{page}");
}

#[test]
fn what_gates_said_is_a_table_and_what_they_wrote_is_folded() {
    let gate = |checkpoint, (step, answer, why): (u32, Said, &str)| GateAnswer {
        checkpoint,
        step,
        steps: 3,
        gate: if step == 2 { "url gates.example" } else { "command" }.to_owned(),
        answer,
        why: why.to_owned(),
        asked: step,
        seconds: 30 * u64::from(step),
        output: if step == 3 { "alarms: 3 | <b>\n```\n" } else { "" }.to_owned(),
    };
    let mut report = created();
    report.rollout.as_mut().unwrap().gates = vec![
        gate(Checkpoint::Canary, (1, Said::Yes, "exit code 0")),
        gate(Checkpoint::Step, (2, Said::NotYet, "it answered 503")),
        gate(Checkpoint::Jobs, (3, Said::No, "exit code 3")),
    ];
    let page = page(&report);
    let from = page.find("**Gates.**").unwrap();
    let until = page.find("⚠️").unwrap();
    insta::assert_snapshot!(&page[from..until]);
}

#[test]
fn failed_start_tasks_are_shown_with_their_nodes_and_what_they_wrote() {
    let group =
        |exit_code: Option<i64>, (code, text, output): (&str, &str, &str), nodes: std::ops::Range<u32>| FailedStarts {
            exit_code,
            code: code.to_owned(),
            why: format!("{code}: {text}"),
            nodes: nodes.map(|number| format!("tvmps_{number}_d")).collect(),
            output: output.to_owned(),
        };
    let exit = "The task exited with an exit code representing a failure";
    let denied = "The specified blob container cannot be accessed";
    let mut report = created();
    report.rollout.as_mut().unwrap().start_task_failures = vec![
        group(
            Some(32),
            (
                "FailureExitCode",
                exit,
                "mounting\nmount: /mnt: wrong fs type, <bad> option\n",
            ),
            0..7,
        ),
        group(None, ("ResourceContainerAccessDenied", denied, ""), 7..8),
    ];
    let page = page(&report);
    let from = page.find("⚠️ The start task").unwrap();
    let until = page.find("<details><summary>What Azure said").unwrap();
    insta::assert_snapshot!(&page[from..until]);
}

#[test]
fn each_judgement_is_a_row_and_what_failed_is_folded() {
    let nodes = |dedicated| NodeCounts { dedicated, spot: 0 };
    let step = |outcome, tasks| StepJudgement {
        nodes: nodes(2),
        of: nodes(10),
        judgement: judgement(outcome, tasks),
    };
    let mut report = created();
    report.rollout.as_mut().unwrap().judgements = vec![
        step(Outcome::Inconclusive, (0, 0)),
        step(Outcome::Good, (200, 1)),
        step(Outcome::Bad, (200, 40)),
    ];
    let page = page(&report);
    for line in [
        "**Tasks on new and former nodes.** Last: 40 of 200 failed on the new nodes",
        "| new nodes | judged | new: failed of ended | former: failed of ended |",
        "| 2 of 10 | not known | none ended | 2 of 900 (0.2 %) |",
        "| 2 of 10 | not worse | 1 of 200 (0.5 %) | 2 of 900 (0.2 %) |",
        "| 2 of 10 | **worse** | 40 of 200 (20.0 %) | 2 of 900 (0.2 %) |",
        "<details><summary>How the tasks failed</summary>",
        "| 137 | FailureExitCode | 40 | 2 |",
        "| frame&#124;1 | 40 of 200 (20.0 %) | 2 of 900 (0.2 %) |",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line} is not in\n{page}");
    }
    let judgements = &mut report.rollout.as_mut().unwrap().judgements;
    judgements.pop();
    judgements[1].judgement.slower = Some("new nodes take much longer".to_owned());
    let page = self::page(&report);
    assert!(page.contains("\n⚠️ new nodes take much longer.\n"), "{page}");
    assert!(!page.contains("How the tasks failed"), "{page}");
}

#[test]
fn a_pool_with_a_formula_shows_what_the_formula_asked_for() {
    let page = page(&following(Some(2)));
    for line in [
        "| ready | **2** of 2 (autoscale) | `████████████████████` |",
        "the nodes of an autoscale formula (2 dedicated nodes when it was last looked at), `Standard_D4s_v5`, \
         `batch.node.ubuntu 22.04`, up to 5 resize rounds.",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line} is not in\n{page}");
    }
    let unseen = self::page(&following(None));
    assert!(!unseen.contains("| ready |") && !unseen.contains(" of 0"), "{unseen}");
}

#[test]
fn settings_that_were_changed_with_nodes_there_are_named_with_what_the_nodes_have() {
    let mut report = created();
    let rollout = report.rollout.as_mut().unwrap();
    rollout.action = PoolAction::Updated;
    rollout.updated = vec!["startTask.commandLine".to_owned(), "metadata.team".to_owned()];
    let page = page(&report);
    let line = "**Changed settings.** startTask.commandLine, metadata.team; nodes that are there keep the old until they \
                boot again.";
    assert!(page.lines().any(|shown| shown == line), "{page}");
}

#[test]
fn a_migration_says_how_long_pool_and_nodes_took() {
    let mut report = created();
    report.rollout.as_mut().unwrap().pace = Some(Pace {
        steady_seconds: Some(600),
        idle_seconds: Some(90),
        idle_seconds_before: Some(120),
    });
    let page = page(&report);
    let line = "**Times.** 10 min from asked to steady; nodes 1 min 30 s from allocation to idle, 2 min before.";
    assert!(page.lines().any(|shown| shown == line), "{page}");
}
