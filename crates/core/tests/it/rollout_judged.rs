//! A roll-out goes on only when tasks do not fail more often on the new nodes: step by step, and at the end.
//!
//! The world is that of `rollout`, with a pool of ours on 0.9.0 with ten nodes that works on twenty jobs, and chance that
//! decides which tasks fail.

use std::time::Duration;

use azure_batch_core::{
    error::{Error, ErrorKind},
    judgement::{Outcome, Times},
    rollout::{self, RolloutOutcome, RolloutReport},
    settings::{FailureRule, Judge, Judging, OnBad, OnInconclusive, RolloutSettings, Strategy},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, good, image, roll_out, settings, world},
    rollout_in_place::ask,
    support::{Azure, lines},
};

const NODES: u32 = 10;
const JOBS: u32 = 20;

/// Time for all steps, and for some windows more.
const LONG: Duration = Duration::from_secs(4 * 3600);

/// How much of their tasks fails, by version, and which ones.
#[derive(Clone, Copy)]
struct Chance {
    old: f64,
    new: f64,
    seed: u64,
}

impl Chance {
    /// It holds for all nodes of a pool that come from now on.
    fn holds(azure: &Azure, pool: &str, (rate, seed): (f64, u64)) {
        azure.fault(
            json!({"kind": "tasksFail", "target": format!("acct1/{pool}"), "occurrence": "every", "rate": rate,
            "exitCode": 137, "seed": seed}),
        );
    }
}

const fn chance(old: f64, new: f64, seed: u64) -> Chance {
    Chance { old, new, seed }
}

/// The pool with so many tasks of some seconds in each of its jobs; all tasks end as the chance says, those of the job
/// `broken` always badly.
async fn working(chance: Chance, jobs: u32, tasks: u32) -> Azure {
    let azure = world(|_| {});
    Chance::holds(&azure, "p1", (chance.old, 2 * chance.seed));
    let mut old = settings("acct1", NODES);
    old.pool.version = image("0.9.0").parse().unwrap();
    good(roll_out(&azure, &old).await);
    azure.turn_the_page();
    for pool in ["p1", "p1-1-0-0"] {
        Chance::holds(&azure, pool, (chance.new, 2 * chance.seed + 1));
    }
    for job in 0..jobs {
        work(&azure, &format!("render-{job:02}"), tasks, "true").await;
    }
    // So long that each kind of work has ended on the former nodes.
    tokio::time::advance(Duration::from_secs(300)).await;
    azure
}

async fn work(azure: &Azure, job: &str, tasks: u32, ending: &str) {
    let body = json!({"id": job, "poolInfo": {"poolId": "p1"}});
    ask(azure, Method::POST, "/jobs", Some(body)).await;
    add(azure, job, 0..tasks, ending).await;
}

async fn add(azure: &Azure, job: &str, numbers: std::ops::Range<u32>, ending: &str) {
    let task =
        |number: u32| json!({"id": format!("t{number}"), "commandLine": format!("/bin/sh -c 'sleep 5; {ending}'")});
    for first in numbers.clone().step_by(100) {
        let some: Vec<Value> = (first..numbers.end.min(first + 100)).map(task).collect();
        let path = format!("/jobs/{job}/addtaskcollection");
        ask(azure, Method::POST, &path, Some(json!({"value": some}))).await;
    }
}

fn judged(strategy: Strategy, judge: Judge) -> RolloutSettings {
    let mut settings = settings("acct1", NODES);
    settings.change.strategy = strategy;
    settings.change.judging = Judging {
        judge,
        on_inconclusive: OnInconclusive::Wait,
        window: Duration::from_secs(1500),
        rule: FailureRule::default(),
    };
    settings
}

async fn run(azure: &Azure, settings: &RolloutSettings) -> RolloutOutcome {
    rollout::run(&client(azure, LONG).await, &checked(settings)).await
}

fn outcomes(report: &RolloutReport) -> Vec<(u32, Outcome, Times)> {
    let all = report.judgements.iter();
    all.map(|step| (step.nodes.total(), step.judgement.outcome, step.judgement.times))
        .collect()
}

fn failed(outcome: RolloutOutcome) -> (Error, RolloutReport) {
    (outcome.result.expect_err("must fail"), outcome.report)
}

async fn pools(azure: &Azure) -> Vec<String> {
    let pools = ask(azure, Method::GET, "/pools", None).await;
    let line = |pool: &Value| format!("{} {}", pool["id"].as_str().unwrap(), pool["targetDedicatedNodes"]);
    pools["value"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn nodes_on_which_as_few_tasks_fail_get_all_the_work_step_by_step() {
    let azure = working(chance(0.02, 0.02, 1), JOBS, 200).await;
    let report = good(run(&azure, &judged(Strategy::BlueGreen, Judge::Act)).await);
    assert_eq!(
        outcomes(&report),
        [
            (2, Outcome::Good, Times::Same),
            (10, Outcome::Good, Times::OneAfterTheOther)
        ],
        "{:#?}",
        report.judgements
    );
    let first = &report.judgements[0].judgement;
    assert!(first.tasks.old.ended > 3 * first.tasks.new.ended, "{first:?}");
    assert_eq!(pools(&azure).await, ["p1 0", "p1-1-0-0 10"]);
}

#[tokio::test(start_paused = true)]
async fn nodes_on_which_more_tasks_fail_lose_their_work_again_before_a_third_of_the_pool() {
    let azure = working(chance(0.02, 0.12, 1), JOBS, 120).await;
    let (error, report) = failed(run(&azure, &judged(Strategy::BlueGreen, Judge::Act)).await);
    let text = error.report();
    assert_eq!(
        (error.kind(), error.kind().exit_code().0),
        (ErrorKind::Returned, 9),
        "{text}"
    );
    assert!(
        text.contains("the new nodes are worse: tasks fail more often: "),
        "{text}"
    );
    assert!(text.contains("exit code 137"), "{text}");
    assert_eq!(outcomes(&report), [(2, Outcome::Bad, Times::Same)]);
    assert_eq!(pools(&azure).await, ["p1 10"]);
    let jobs = ask(&azure, Method::GET, "/jobs", None).await;
    for job in jobs["value"].as_array().unwrap() {
        assert_eq!(
            (&job["poolInfo"]["poolId"], &job["state"]),
            (&json!("p1"), &json!("active"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_alone_stops_nothing() {
    let azure = working(chance(0.02, 0.12, 1), JOBS, 120).await;
    let report = good(run(&azure, &judged(Strategy::BlueGreen, Judge::Report)).await);
    assert_eq!(outcomes(&report)[0], (2, Outcome::Bad, Times::Same));
    assert_eq!(pools(&azure).await, ["p1 0", "p1-1-0-0 10"]);
}

#[tokio::test(start_paused = true)]
async fn too_few_tasks_are_waited_for_passed_over_or_returned_from_as_asked() {
    let chance = chance(0.02, 1.0, 1);
    let asked = |on_inconclusive| {
        let mut settings = judged(Strategy::BlueGreen, Judge::Act);
        settings.change.judging.on_inconclusive = on_inconclusive;
        settings
    };
    let azure = working(chance, 2, 3).await;
    work(&azure, "later-1", 3, "true").await;
    work(&azure, "later-2", 3, "true").await;
    let (error, report) = failed(run(&azure, &asked(OnInconclusive::Wait)).await);
    assert_eq!(error.kind(), ErrorKind::Deadline, "{}", error.report());
    assert_eq!(outcomes(&report), [(2, Outcome::Inconclusive, Times::Same)]);
    assert_eq!(pools(&azure).await, ["p1 10", "p1-1-0-0 2"], "nothing is lost");

    let report = good(run(&azure, &asked(OnInconclusive::Proceed)).await);
    assert!(outcomes(&report).iter().all(|it| it.1 == Outcome::Inconclusive));
    assert_eq!(pools(&azure).await, ["p1 0", "p1-1-0-0 10"]);

    let azure = working(chance, 2, 3).await;
    let (error, _) = failed(run(&azure, &asked(OnInconclusive::Return)).await);
    assert_eq!(error.kind(), ErrorKind::Returned);
    assert!(error.report().contains("too few tasks ended"), "{}", error.report());
    assert_eq!(pools(&azure).await, ["p1 10"]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_can_be_kept_for_a_look_at_its_tasks() {
    let azure = working(chance(0.02, 0.3, 1), JOBS, 120).await;
    let mut settings = judged(Strategy::BlueGreen, Judge::Act);
    settings.change.on_failure = OnBad::Keep;
    let (error, _) = failed(run(&azure, &settings).await);
    assert_eq!(error.kind(), ErrorKind::Kept, "{}", error.report());
    assert!(error.report().contains("pool p1 stays as it is"), "{}", error.report());
    assert_eq!(pools(&azure).await, ["p1 10", "p1-1-0-0 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_return_that_was_killed_is_gone_on_with_and_still_says_why() {
    let settings = judged(Strategy::BlueGreen, Judge::Act);
    let world = async || {
        let azure = working(chance(0.02, 0.3, 1), JOBS, 60).await;
        azure.emulator(|emulator, _| emulator.clear_journal());
        azure
    };
    let probe = world().await;
    failed(run(&probe, &settings).await);
    // The second time the former pool gets a record, it is the one of the return.
    let journal = probe.journal();
    let is_record = |entry: &azure_emulator::journal::Entry| entry.method == "PATCH" && entry.path == "/pools/p1";
    let records: Vec<usize> = (0..journal.len()).filter(|at| is_record(&journal[*at])).collect();
    let written = records[1];

    // The process is gone right after the record says that it goes back.
    let (azure, token) = (world().await, CancellationToken::new());
    azure.gone_after(written as u64 + 1, token.clone());
    fastrand::seed(7);
    let (killed, _events) = azure.client_with_limit(&token, LONG).await;
    let (error, _) = failed(rollout::run(&killed, &checked(&settings)).await);
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", error.report());
    let (error, _) = failed(run(&azure, &settings).await);
    assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
    let text = error.report();
    assert!(
        text.contains("an earlier run of this roll-out had found: the new nodes are worse: tasks fail more often"),
        "{text}"
    );
    assert_eq!(pools(&azure).await, ["p1 10"]);
}

#[tokio::test(start_paused = true)]
async fn in_place_the_work_after_the_change_is_compared_with_the_work_before() {
    for (new, expected) in [(0.02, Outcome::Good), (0.2, Outcome::Bad)] {
        let azure = working(chance(0.02, new, 3), 3, 600).await;
        let outcome = run(&azure, &judged(Strategy::InPlace, Judge::Act)).await;
        assert_eq!(outcomes(&outcome.report), [(10, expected, Times::OneAfterTheOther)]);
        let kind = outcome.result.as_ref().err().map(Error::kind);
        let text = outcome.result.map_or_else(|error| error.report(), |()| String::new());
        assert_eq!(
            kind,
            (expected == Outcome::Bad).then_some(ErrorKind::Returned),
            "{text}"
        );
        let pool = ask(&azure, Method::GET, "/pools/p1", None).await.to_string();
        let version = if expected == Outcome::Bad {
            "/versions/0.9.0"
        } else {
            "/versions/1.0.0"
        };
        assert!(pool.contains(&format!("def1{version}")), "{pool}");
        assert!(
            expected == Outcome::Good || text.contains("before, which is not the same time"),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn another_mix_of_jobs_after_a_change_in_place_is_no_alarm() {
    let azure = working(chance(0.02, 0.02, 3), 3, 120).await;
    work(&azure, "broken", 60, "exit 1").await;
    tokio::time::advance(Duration::from_secs(120)).await;
    // All of that has ended. From now on most of the work is of the job that fails on whatever nodes.
    add(&azure, "broken", 60..360, "exit 1").await;
    for job in 0..3 {
        add(&azure, &format!("render-{job:02}"), 120..180, "true").await;
    }
    let report = good(run(&azure, &judged(Strategy::InPlace, Judge::Act)).await);
    assert_eq!(outcomes(&report), [(10, Outcome::Good, Times::OneAfterTheOther)]);
    let judgement = &report.judgements[0].judgement;
    let (old, new) = (judgement.tasks.old.rate().unwrap(), judgement.tasks.new.rate().unwrap());
    assert!(new > old + 0.2, "together they look worse: {old} {new}");
    assert!(judgement.why.starts_with("job by job"), "{}", judgement.why);
}

/// How many chances are played when `SEEDS` in the environment does not say it: a hundred take minutes.
const SEEDS: u64 = 15;

/// What became of roll-outs with a chance of their own each: how they failed, and how many steps were judged.
async fn of_seeds(new: f64) -> Vec<(Option<ErrorKind>, usize)> {
    let seeds = std::env::var_os("SEEDS").and_then(|text| text.to_str()?.parse().ok());
    let mut all = Vec::new();
    for seed in 0..seeds.unwrap_or(SEEDS) {
        let azure = working(chance(0.02, new, seed), JOBS, 100).await;
        let outcome = run(&azure, &judged(Strategy::BlueGreen, Judge::Act)).await;
        let kind = outcome.result.as_ref().err().map(Error::kind);
        all.push((kind, outcome.report.judgements.len()));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn equal_rates_go_on_in_99_of_100_seeds() {
    let all = of_seeds(0.02).await;
    let stopped = all.iter().filter(|(kind, _)| kind.is_some()).count();
    assert!(stopped <= 1, "{stopped}: {all:?}");
}

#[tokio::test(start_paused = true)]
async fn eight_points_more_return_in_nearly_all_seeds_before_a_third_of_the_pool() {
    let all = of_seeds(0.10).await;
    let is_early = |it: &&(Option<ErrorKind>, usize)| **it == (Some(ErrorKind::Returned), 1);
    let late = all.len() - all.iter().filter(is_early).count();
    // Of few seeds one may be late; of a hundred five.
    assert!(late <= (all.len() / 20).max(1), "{late}: {all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_when_the_jobs_that_are_split_have_no_name_in_common() {
    let warned = async |names: &[&str], judge| {
        let azure = working(chance(0.0, 0.0, 1), 0, 0).await;
        for name in names {
            work(&azure, name, 1, "true").await;
        }
        let (client, mut events) = azure.client(&CancellationToken::new()).await;
        let settings = judged(Strategy::BlueGreen, judge);
        drop(rollout::plan(&client, &checked(&settings)).await.unwrap());
        let said = lines(&mut events);
        said.iter()
            .any(|line| line.contains("no two jobs of the pool (encode, render) have a name in common"))
    };
    assert!(warned(&["render", "encode"], Judge::Act).await);
    assert!(!warned(&["render", "encode"], Judge::No).await);
    assert!(!warned(&["render-1", "render-2"], Judge::Act).await);
}
