//! Reports as tests of the other files need them, and the words of the endings.

use std::collections::BTreeMap;

use azure_batch_core::{
    ids::NodeCounts,
    judgement::{Ending as TaskEnding, JobTasks, JudgementReport, Nodes, Outcome, Pair, Tasks, Times},
    plan::Plan,
    progress::StepTime,
    rollout::{HealedNode, NodeAction, Round, UploadedLogs},
    settings::{Autoscale, SpotCounts},
};

use super::*;

const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2";
const ACCOUNT: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-batch/providers/Microsoft.Batch/batchAccounts/acct1";
pub(crate) const ENDING: Ending = Ending {
    at: Timestamp::constant(1_767_603_600, 0),
    seconds: 2_460,
};

fn targets() -> Targets {
    Targets {
        dedicated: 700,
        spot: 20,
        spot_counts: SpotCounts::No,
    }
}

fn asked() -> Asked {
    Asked {
        pool: "render_a".parse().unwrap(),
        account: ACCOUNT.to_owned(),
        version: WantedVersion::One(VERSION.parse().unwrap()),
        chosen_by: None,
        vm_size: Some("Standard_D4s_v5".parse().unwrap()),
        node_agent_sku: Some("batch.node.ubuntu 22.04".parse().unwrap()),
        targets: targets(),
        autoscale: None,
        rounds: 5,
        page: Some(format!("https://portal.azure.com/#@/resource{ACCOUNT}/overview")),
    }
}

fn round(number: u32, dedicated: u32, errors: &[&str]) -> Round {
    Round {
        number,
        timeout_minutes: 30 + 15 * u64::from(number - 1),
        seconds: 600,
        dedicated,
        spot: 20,
        errors: errors.iter().map(|error| (*error).to_owned()).collect(),
    }
}

fn rollout(ready: Option<u32>, rounds: Vec<Round>, states: &[(&str, u32)]) -> RolloutReport {
    let step = |step: &str, seconds| StepTime {
        step: step.to_owned(),
        seconds,
    };
    RolloutReport {
        pool: asked().pool,
        endpoint: None,
        version: Some(VERSION.parse().unwrap()),
        former_pool: None,
        second_pool: None,
        back_on: None,
        back_from: None,
        targets: targets(),
        autoscale: None,
        formula_asks: None,
        plan: Plan::default(),
        action: PoolAction::Created,
        updated: Vec::new(),
        allocated: None,
        needed: 686,
        ready,
        canary: Vec::new(),
        judgements: Vec::new(),
        gates: Vec::new(),
        stand_ins: 0,
        vm_size: None,
        start_task_failures: Vec::new(),
        healed: Vec::new(),
        states: states
            .iter()
            .map(|(state, count)| ((*state).to_owned(), *count))
            .collect(),
        rounds,
        skipped_checks: Vec::new(),
        pace: None,
        steps: vec![
            step("observe", 4),
            step("replicas", 620),
            step("resize", 1500),
            step("nodes", 336),
        ],
    }
}

/// A judgement of two new nodes and eight former ones.
pub(crate) fn judgement(outcome: Outcome, (ended, failed): (u64, u64)) -> JudgementReport {
    let nodes = |seen, version: &str| Nodes {
        seen,
        lost: 0,
        timed: seen,
        ready_after_seconds: Some(90),
        images: vec![VERSION.replace("1.4.2", version)],
    };
    let tasks = Pair {
        old: Tasks { ended: 900, failed: 2 },
        new: Tasks { ended, failed },
    };
    let is_bad = outcome == Outcome::Bad;
    JudgementReport {
        schema_version: 1,
        pool: "render_a-1-4-2".parse().unwrap(),
        against: Some(asked().pool),
        times: Times::Same,
        outcome,
        why: format!("{failed} of {ended} failed on the new nodes"),
        seconds: 1800,
        tasks,
        increase: None,
        old_nodes: nodes(8, "1.4.1"),
        new_nodes: nodes(2, "1.4.2"),
        slower: None,
        jobs: is_bad
            .then(|| JobTasks {
                job: "frame|1".to_owned(),
                tasks,
            })
            .into_iter()
            .collect(),
        endings: is_bad
            .then(|| TaskEnding {
                exit_code: Some(137),
                failure: Some("FailureExitCode".to_owned()),
                old: 2,
                new: failed,
            })
            .into_iter()
            .collect(),
    }
}

pub(crate) fn created() -> Report {
    let rounds = vec![
        round(
            1,
            412,
            &["AllocationTimedOut: Desired number of dedicated nodes could not be allocated"],
        ),
        round(2, 700, &[]),
    ];
    let outcome = RolloutOutcome {
        report: rollout(Some(700), rounds, &[("idle", 700)]),
        result: Ok(()),
    };
    Report::of_outcome(asked(), outcome, ENDING, Door::Input)
}

/// A roll-out of a pool whose formula asked for so many nodes when it was last looked at.
pub(crate) fn following(asks: Option<u32>) -> Report {
    let autoscale = Some(Autoscale {
        formula: "$TargetDedicatedNodes = 2;".to_owned(),
        minutes: None,
    });
    let mut report = created();
    let asked = report.asked.as_mut().unwrap();
    asked.autoscale.clone_from(&autoscale);
    (asked.targets.dedicated, asked.targets.spot) = (0, 0);
    let rollout = report.rollout.as_mut().unwrap();
    rollout.autoscale = autoscale;
    rollout.formula_asks = asks.map(|dedicated| NodeCounts { dedicated, spot: 0 });
    (rollout.needed, rollout.ready) = (asks.unwrap_or_default(), asks);
    rollout.rounds.clear();
    report
}

pub(crate) fn partly_reached() -> Report {
    let error = Error::new(
        ErrorKind::PartlyReached,
        "630 of 700 nodes are ready on image version 1.4.2, needed are 686",
    )
    .because(Error::new(
        ErrorKind::PartlyReached,
        "node tvm-1 (unusable): ImageNotFound | ::error::`x`",
    ))
    .with_hint("look at the start task's stderr.txt on tvm-1");
    let mut report = rollout(
        Some(630),
        vec![round(1, 700, &[])],
        &[("idle", 630), ("starttaskfailed", 40), ("unusable", 30)],
    );
    report.skipped_checks = vec!["quota: the identity may not read Microsoft.Batch/batchAccounts".to_owned()];
    Report::of_outcome(
        asked(),
        RolloutOutcome {
            report,
            result: Err(error),
        },
        ENDING,
        Door::Input,
    )
}

pub(crate) fn quota_reached() -> Report {
    let refusal = azure_batch_core::error::ServiceError {
        status: 409,
        code: "AccountCoreQuotaReached".to_owned(),
        message: "The specified account has reached core quota.".to_owned(),
        details: vec![("Dedicated core quota".to_owned(), "2000".to_owned())],
        request_id: Some("9b9a1f2e-0000-4000-8000-1234567890ab".to_owned()),
        ..Default::default()
    };
    let error = azure_batch_core::judge::failed("Batch refused 700 dedicated nodes", refusal)
        .while_doing("cannot resize pool render_a");
    let mut report = rollout(Some(0), vec![round(1, 0, &["AccountCoreQuotaReached"])], &[]);
    report.states = BTreeMap::new();
    Report::of_outcome(
        asked(),
        RolloutOutcome {
            report,
            result: Err(error),
        },
        ENDING,
        Door::Input,
    )
}

pub(crate) fn refused() -> Report {
    let text = "pool render_a exists and runs ubuntu 1.4.1, not ubuntu 1.4.2";
    let error = Error::plain(ErrorKind::Refused, text).with_next("roll out to a new pool id", None);
    let mut report = rollout(None, Vec::new(), &[]);
    (report.action, report.steps) = (PoolAction::None, Vec::new());
    let result = Err(error);
    Report::of_outcome(asked(), RolloutOutcome { report, result }, ENDING, Door::Input)
}

pub(crate) fn bad_inputs() -> Report {
    let faults = [
        "pool-id: is missing: give the id of the pool to create or resize",
        "deadline: \"90\" is not a duration; write 90m, 2h or PT15M",
    ];
    Report::of_faults(faults.map(str::to_owned).to_vec(), ENDING)
}

#[test]
fn a_failure_fits_on_a_screen_with_reason_remedy_and_way_on() {
    let texts = [partly_reached(), quota_reached(), bad_inputs()]
        .map(|report| format!("{}\n{}", report.headline(), report.failure.unwrap().complaint(80)));
    insta::assert_snapshot!(texts.join("\n\n"));
}

#[test]
fn a_long_reason_is_shown_whole_with_remedy_and_request_id() {
    let faults: Vec<String> = (0..99)
        .map(|n| format!("input-{n}: {}; remedy {n}", "é".repeat(999)))
        .collect();
    let text = Failure::of_faults(faults.clone()).rest(usize::MAX);
    assert!(faults.iter().all(|fault| text.contains(fault)), "{text}");

    let refusal = azure_batch_core::error::ServiceError {
        status: 400,
        code: "SubnetWithoutPublicIpRefused".to_owned(),
        message: format!("subnet {} refuses: switch its policy off", "s".repeat(300)),
        details: vec![("Reason".to_owned(), "PrivateEndpointNetworkPolicies is on".to_owned())],
        request_id: Some("9b9a1f2e-0000-4000-8000-1234567890ab".to_owned()),
        ..Default::default()
    };
    let text = Failure::of(
        &azure_batch_core::judge::failed("cannot create pool p", refusal),
        Door::Input,
    )
    .rest(usize::MAX);
    for part in [
        "switch its policy off",
        "PrivateEndpointNetworkPolicies is on",
        "(request id 9b9a1f2e-0000-4000-8000-1234567890ab)",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn what_was_done_with_the_pool_is_known_after_a_failure_too() {
    assert_eq!((quota_reached().result, quota_reached().action()), ("quota", "created"));
    assert_eq!(bad_inputs().action(), "none");
}

#[test]
fn every_kind_of_failure_has_its_exit_code_word_and_way_on() {
    let rows: Vec<String> = ErrorKind::ALL
        .iter()
        .map(|kind| {
            let report = Report::of_error(&Error::new(*kind, "x"), ENDING, Door::Input);
            let failure = report.failure.unwrap();
            format!("{} | {} | {}", report.exit_code, report.result, failure.next[0].text)
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn spot_nodes_are_wanted_when_they_are_counted() {
    for (dedicated, counts, wanted) in [
        (700, SpotCounts::No, 700),
        (700, SpotCounts::Yes, 720),
        (0, SpotCounts::WhenAlone, 20),
    ] {
        let targets = Targets {
            dedicated,
            spot: 20,
            spot_counts: counts,
        };
        assert_eq!(
            Asked { targets, ..asked() }.wanted(),
            Some(wanted),
            "{dedicated} {counts:?}"
        );
    }
}

#[test]
fn a_report_is_stable_json() {
    insta::assert_json_snapshot!(quota_reached());
}

#[test]
fn nodes_that_were_healed_are_a_table_with_reasons_and_logs() {
    let node = |id: &str, action, logs| HealedNode {
        node: id.to_owned(),
        action,
        why: "it is unusable: DiskFull: no space | left".to_owned(),
        output: String::new(),
        logs,
    };
    let logs = UploadedLogs {
        container: "https://st1.blob.core.windows.net/logs".parse().unwrap(),
        folder: "acct1/p1/tvm-2".to_owned(),
        files: 4,
    };
    let mut report = created();
    report.rollout.as_mut().unwrap().healed = vec![
        node("tvm-1", NodeAction::Rebooted, None),
        node("tvm-2", NodeAction::Removed, Some(logs)),
    ];
    let page = summary::markdown(&report, None);
    let table = page.lines().skip_while(|line| !line.starts_with("**Ill nodes"));
    let table: Vec<&str> = table.take(6).collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    **Ill nodes.**

    | node | was | why | logs of Batch's agent |
    | --- | --- | --- | --- |
    | `tvm-1` | rebooted | it is unusable: DiskFull: no space &#124; left | none |
    | `tvm-2` | removed | it is unusable: DiskFull: no space &#124; left | https://st1.blob.core.windows.net/logs/acct1/p1/tvm-2 |
    ");
}

#[test]
fn a_roll_out_that_moved_the_work_names_the_pool_that_does_it_now() {
    let mut report = created();
    let rollout = report.rollout.as_mut().unwrap();
    (rollout.pool, rollout.action) = ("render_a-1-4-2".parse().unwrap(), PoolAction::Moved);
    assert!(
        report.headline().starts_with("Pool render_a-1-4-2: 700 of 700"),
        "{}",
        report.headline()
    );
}

#[test]
fn the_nodes_of_a_formula_are_those_that_it_asked_for() {
    let report = following(Some(2));
    assert_eq!(report.wanted(), Some(2));
    assert_eq!(
        report.headline(),
        "Pool render_a: 2 of 2 nodes (autoscale) ready on ubuntu 1.4.2"
    );
    let unseen = following(None);
    assert_eq!(unseen.wanted(), None, "that is not none");
    assert_eq!(
        unseen.headline(),
        "Pool render_a: nodes as its formula asks on ubuntu 1.4.2"
    );
}
