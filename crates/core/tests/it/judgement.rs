//! New nodes are judged by the tasks that fail on them, from what Batch counts; nothing is written.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    batch::{
        self,
        pool::{self, Deallocation, Resize},
    },
    error::ErrorKind,
    ids::{BatchEndpoint, NodeCounts},
    judgement::{self, JudgementReport, Outcome},
    options::{
        judgement::{AGAINST, JUDGE_TASKS, WINDOW},
        pool as pool_options,
    },
    request::Request,
    settings::{self, Values},
};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::{
    estate::{by_id, definition, pool},
    rollout::{client, image, world},
    support::{APPLICATION, Azure, GROUP, lines},
};

const LIMIT: Duration = Duration::from_secs(6 * 3600);

async fn post(azure: &Azure, path: &str, body: Value) {
    let endpoint = BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap();
    let request = Request::batch(
        &endpoint,
        Method::POST,
        path.to_owned(),
        batch::API_VERSION,
        "set the stage",
    );
    client(azure, LIMIT).await.send(&request.with_body(body)).await.unwrap();
}

/// So many nodes come to a pool.
async fn grow(azure: &Azure, id: &str, dedicated: u32) {
    let endpoint = BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap();
    let order = Resize {
        targets: NodeCounts { dedicated, spot: 0 },
        timeout: Duration::from_secs(30 * 60),
        deallocation: Deallocation::Unsaid,
    };
    let request = pool::resize(&endpoint, &id.parse().unwrap(), &order, None);
    client(azure, LIMIT).await.send(&request).await.unwrap();
    tokio::time::advance(Duration::from_secs(300)).await;
}

/// Tasks of a minute each.
pub(crate) async fn work(azure: &Azure, job: &str, pool: &str, tasks: u32, ending: &str) {
    post(azure, "/jobs", json!({"id": job, "poolInfo": {"poolId": pool}})).await;
    let task =
        |number: u32| json!({"id": format!("t{number}"), "commandLine": format!("/bin/sh -c 'sleep 60; {ending}'")});
    for first in (0..tasks).step_by(100) {
        let some: Vec<Value> = (first..tasks.min(first + 100)).map(task).collect();
        post(azure, &format!("/jobs/{job}/addtaskcollection"), json!({"value": some})).await;
    }
}

/// Two pools with ten nodes each; of the tasks on the new one that part fails.
pub(crate) async fn two_pools(rate: f64) -> Azure {
    let azure = world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([
            pool("blue", by_id(&image("0.9.0")), 0),
            pool("green", by_id(&image("1.0.0")), 0),
        ]);
    });
    for (target, rate) in [("acct1/blue", 0.01), ("acct1/green", rate)] {
        azure.fault(json!({"kind": "tasksFail", "target": target, "rate": rate, "exitCode": 137, "seed": 7}));
    }
    grow(&azure, "blue", 10).await;
    grow(&azure, "green", 10).await;
    azure
}

pub(crate) fn of_green() -> Values {
    Values::default()
        .with(
            pool_options::ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(pool_options::POOL_ID, "green")
        .with(AGAINST, "blue")
        .with(WINDOW, "40m")
}

async fn judged(azure: &Azure, values: &Values) -> JudgementReport {
    let asked = settings::judgement(values).unwrap();
    azure.turn_the_page();
    let report = judgement::run(&client(azure, asked.deadline).await, &asked.settings).await;
    assert_eq!(azure.writes(), Vec::<String>::new());
    report.unwrap_or_else(|error| panic!("{}", error.report()))
}

#[tokio::test(start_paused = true)]
async fn jobs_without_a_common_name_are_said_to_be_incomparable_before_the_watch_begins() {
    for (job, is_unlike) in [("encode-1", true), ("render-2", false)] {
        let azure = two_pools(0.01).await;
        work(&azure, "render-1", "blue", 30, "true").await;
        work(&azure, job, "green", 30, "true").await;
        let asked = settings::judgement(&of_green()).unwrap();
        let (client, mut events) = azure.client(&CancellationToken::new()).await;
        judgement::run(&client, &asked.settings).await.unwrap();
        let said = lines(&mut events);
        let warned = said
            .iter()
            .position(|line| line.contains("no job on the new nodes (encode-1) has the name of one"));
        let first = said.iter().position(|line| line.contains("tasks ended"));
        assert_eq!(warned.is_some(), is_unlike, "{said:?}");
        assert!(
            warned.is_none_or(|at| first.is_some_and(|first| at < first)),
            "{said:?}"
        );
    }
}

/// Lets the program read the account and its pools, and nothing else.
fn allow_no_jobs(azure: &Azure) {
    let role = json!({"principal": APPLICATION, "scope": format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        "actions": ["Microsoft.Batch/batchAccounts/read", "Microsoft.Batch/batchAccounts/pools/read"]});
    let seed = json!({"subscriptions": [], "roleAssignments": [role]}).to_string();
    let seed = azure_emulator::seed::Seed::parse(&seed).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_read_jobs_worse_nodes_are_not_judged_and_this_is_said_before_the_watch_begins() {
    let right = "Microsoft.Batch/batchAccounts/jobs/read";
    for (rate, outcome) in [(0.01, Outcome::Good), (0.3, Outcome::Inconclusive)] {
        let azure = two_pools(rate).await;
        work(&azure, "render-1", "blue", 300, "true").await;
        work(&azure, "render-2", "green", 300, "true").await;
        allow_no_jobs(&azure);
        let asked = settings::judgement(&of_green()).unwrap();
        let (client, mut events) = azure.client(&CancellationToken::new()).await;
        let report = judgement::run(&client, &asked.settings).await.unwrap();
        assert_eq!(report.outcome, outcome, "{}", report.why);
        assert_eq!(
            report.why.contains(right),
            outcome == Outcome::Inconclusive,
            "{}",
            report.why
        );
        let said = lines(&mut events);
        let warned: Vec<usize> = (0..said.len()).filter(|at| said[*at].contains(right)).collect();
        let first = said.iter().position(|line| line.contains("tasks ended"));
        assert!(
            matches!(warned[..], [at] if first.is_some_and(|first| at < first)),
            "{said:#?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_on_which_more_tasks_fail_are_found_with_the_exit_code_before_the_time_is_over() {
    let azure = two_pools(0.12).await;
    work(&azure, "render-1", "blue", 300, "true").await;
    work(&azure, "render-2", "green", 300, "true").await;
    let report = judged(&azure, &of_green()).await;
    assert_eq!(report.outcome, Outcome::Bad, "{}", report.why);
    assert!(report.why.starts_with("tasks fail more often: "), "{}", report.why);
    assert!(report.seconds < 1_500, "{}", report.seconds);
    assert_eq!(report.endings[0].exit_code, Some(137));
    assert!(
        report.endings[0].new > 10 * report.endings[0].old.max(1) / 2,
        "{:?}",
        report.endings
    );
    assert_eq!(report.new_nodes.images, [image("1.0.0")]);
}

#[tokio::test(start_paused = true)]
async fn nodes_on_which_as_few_tasks_fail_are_good_and_no_task_is_listed() {
    let azure = two_pools(0.01).await;
    work(&azure, "render-1", "blue", 300, "true").await;
    work(&azure, "render-2", "green", 300, "true").await;
    let report = judged(&azure, &of_green()).await;
    assert_eq!(report.outcome, Outcome::Good, "{}", report.why);
    assert_eq!((report.seconds, report.jobs.len()), (2_400, 0));
    let journal = azure.journal();
    assert!(
        !journal.iter().any(|it| it.path.contains("/tasks")),
        "tasks were listed"
    );
}

#[tokio::test(start_paused = true)]
async fn three_tasks_are_too_few() {
    let azure = two_pools(1.0).await;
    work(&azure, "render-1", "blue", 300, "true").await;
    work(&azure, "render-2", "green", 3, "true").await;
    let report = judged(&azure, &of_green()).await;
    assert_eq!(report.outcome, Outcome::Inconclusive, "{}", report.why);
    assert!(
        report.why.contains("3 on the new nodes") && report.why.contains("50 are needed"),
        "{}",
        report.why
    );
}

#[tokio::test(start_paused = true)]
async fn another_mix_of_jobs_is_no_alarm() {
    let azure = two_pools(0.01).await;
    work(&azure, "render-1", "blue", 150, "true").await;
    work(&azure, "render-2", "green", 150, "true").await;
    // Whoever runs this runs it on the new pool only, and it fails always.
    work(&azure, "broken", "green", 100, "exit 1").await;
    let report = judged(&azure, &of_green()).await;
    assert_eq!(report.outcome, Outcome::Good, "{}", report.why);
    assert!(report.why.starts_with("job by job"), "{}", report.why);
    let broken = report.jobs.iter().find(|job| job.job == "broken").unwrap();
    assert_eq!(broken.tasks.new.failed, broken.tasks.new.ended);
}

#[tokio::test(start_paused = true)]
async fn nodes_of_one_pool_are_compared_by_their_image_version() {
    let azure = world(|seed| {
        seed["versions"] = json!([seed["versions"][1]]);
        seed["batchAccounts"][0]["pools"] = json!([pool("green", by_id(&definition()), 0)]);
    });
    grow(&azure, "green", 10).await;
    // A newer version is there when it grows, and its nodes are bad.
    let mut later: Value = json!({"subscriptions": []});
    later["versions"] = json!([{"gallery": "gal1", "resourceGroup": "rg-images", "definition": "def1", "name": "1.0.0",
        "publishingProfile": {"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 4}]}}]);
    azure
        .emulator(|emulator, now| emulator.seed(&azure_emulator::seed::Seed::parse(&later.to_string()).unwrap(), now))
        .unwrap();
    azure.fault(json!({"kind": "tasksFail", "target": "acct1/green", "image": "/versions/1.0.0", "rate": 0.3}));
    grow(&azure, "green", 20).await;
    work(&azure, "render", "green", 600, "true").await;
    let values = Values::default()
        .with(
            pool_options::ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(pool_options::POOL_ID, "green");
    let report = judged(&azure, &values).await;
    assert_eq!(report.outcome, Outcome::Bad, "{}", report.why);
    assert_eq!((report.old_nodes.seen, report.new_nodes.seen), (10, 10));
    assert_eq!(report.jobs.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_nodes_are_lost_is_bad_without_any_task() {
    let azure = world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([
            pool("blue", by_id(&image("0.9.0")), 10),
            pool("green", by_id(&image("1.0.0")), 0),
        ]);
    });
    azure.fault(json!({"kind": "unusableNodes", "count": 8, "code": "DiskFull", "target": "acct1/green"}));
    grow(&azure, "green", 10).await;
    let report = judged(&azure, &of_green()).await;
    assert_eq!(report.outcome, Outcome::Bad, "{}", report.why);
    assert!(report.why.starts_with("8 of 10 new nodes"), "{}", report.why);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_not_there_is_named() {
    let azure = world(|_| {});
    let asked = settings::judgement(&of_green()).unwrap();
    let error = judgement::run(&client(&azure, asked.deadline).await, &asked.settings)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.report().contains("there is no pool green"), "{}", error.report());
}

#[test]
fn what_cannot_be_compared_is_refused_at_once() {
    let values = of_green()
        .with(AGAINST, "green")
        .with(azure_batch_core::options::judgement::CONFIDENCE, "100%")
        .with(azure_batch_core::options::judgement::MAX_FAILURE_INCREASE, "a few");
    let faults = settings::judgement(&values).must_fail();
    let door = azure_batch_core::options::Door::Flag;
    let texts: Vec<String> = faults.iter().map(|fault| fault.spelled(door)).collect();
    assert_eq!(texts.len(), 3, "{texts:#?}");
    assert!(
        texts
            .iter()
            .any(|text| text.contains("\"a few\"") && text.contains("1%")),
        "{texts:#?}"
    );
}

#[test]
fn what_a_roll_out_would_judge_for_nothing_is_refused() {
    let faults = |values: Values| -> Vec<String> {
        let given = values
            .with(pool_options::IMAGE_VERSION, image("1.0.0"))
            .with(pool_options::TARGET_DEDICATED_NODES, 5);
        let found = settings::rollout(&given).must_fail();
        found
            .iter()
            .map(|fault| fault.spelled(azure_batch_core::options::Door::Input))
            .collect()
    };
    let of_one = || {
        let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
        Values::default()
            .with(pool_options::ACCOUNT, account)
            .with(pool_options::POOL_ID, "p1")
    };
    assert_eq!(
        faults(of_one().with(WINDOW, "40m")),
        ["window: nothing is judged; give report or act in judge"]
    );
    assert_eq!(
        faults(of_one().with(JUDGE_TASKS, "act")),
        [
            "judge: compares new nodes with former ones, and there are none; give blue-green, in-place or auto in strategy"
        ]
    );
    assert_eq!(
        faults(
            of_one()
                .with(JUDGE_TASKS, "yes")
                .with(pool_options::STRATEGY, "blue-green")
        ),
        ["judge: \"yes\" is not known; write no, report or act"]
    );
}
