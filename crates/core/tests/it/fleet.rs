//! Many pools in one run: their turns, their results, and what they share.

use std::time::Duration;

use azure_batch_core::{
    error::ErrorKind,
    fleet::{self, FleetPlan, PoolPlan, PoolRun},
    ids::PoolId,
    options::pool::{ACCOUNT, IMAGE_VERSION, NEW_POOL_ID, POOL_FILE, PRICE_FILE, STRATEGY},
    progress::Event,
    rollout::PoolAction,
    settings::{self, Checked, FleetSettings, ROLLOUT_DEADLINE, Values},
};
use http::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    rollout::{client, entries, image, world},
    support::{APPLICATION, Azure, GROUP},
};

const FILE: &str = "
defaults:
  vm-size: Standard_D4s_v5
  node-agent-sku-id: batch.node.ubuntu 22.04
max-parallel: 2
pools:
  - {pool-id: a, target-dedicated-nodes: 3}
  - {pool-id: b, target-dedicated-nodes: 4}
  - {pool-id: c, target-dedicated-nodes: 5}
  - {pool-id: d, target-dedicated-nodes: 6}
";

fn given(file: &str) -> Values {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    Values::default()
        .with(POOL_FILE, file)
        .with(ACCOUNT, account)
        .with(IMAGE_VERSION, image("1.0.0"))
}

fn asked(file: &str) -> Checked<FleetSettings> {
    settings::fleet(&given(file)).unwrap().settings
}

async fn roll_out(azure: &Azure, file: &str) -> (Vec<PoolRun>, Vec<Event>) {
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let runs = fleet::run(&client, &asked(file)).await;
    let events = std::iter::from_fn(|| events.try_recv().ok()).collect();
    (runs, events)
}

/// Each pool with what was done, or with the kind of its failure.
fn results(runs: &[PoolRun]) -> Vec<(&str, String)> {
    let result = |run: &PoolRun| match &run.outcome {
        None => "not begun".to_owned(),
        Some(outcome) => match &outcome.result {
            Ok(()) => format!("{:?}", outcome.report.action),
            Err(error) => format!("{:?}", error.kind()),
        },
    };
    runs.iter().map(|run| (run.pool.as_str(), result(run))).collect()
}

fn created(azure: &Azure) -> Vec<String> {
    let posts = entries(azure, &Method::POST, "/pools");
    posts
        .iter()
        .map(|entry| entry.request["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_pool_is_made_first_then_the_rest_and_a_second_run_writes_nothing() {
    let azure = world(|_| {});
    let (runs, events) = roll_out(&azure, FILE).await;
    let all = |action: &str| ["a", "b", "c", "d"].map(|pool| (pool, action.to_owned()));
    assert_eq!(results(&runs), all("Created"));
    assert_eq!(runs.iter().map(|run| run.wave).collect::<Vec<_>>(), [1, 2, 2, 2]);
    assert_eq!(created(&azure), ["a", "b", "c", "d"]);
    let of_b: PoolId = "b".parse().unwrap();
    let is_of_b = |event: &&Event| matches!(event, Event::OfPool { pool, .. } if *pool == of_b);
    assert!(events.iter().filter(is_of_b).count() > 3);
    for run in &runs {
        let report = &run.outcome.as_ref().unwrap().report;
        assert_eq!(report.steps.iter().filter(|step| step.step == "observe").count(), 1);
    }
    azure.turn_the_page();
    let (again, _) = roll_out(&azure, FILE).await;
    assert_eq!(results(&again), all("Unchanged"));
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_move_that_has_begun_is_finished_before_the_room_for_the_other_pools_is_looked_at() {
    let file = "
defaults: {vm-size: Standard_D4s_v5, node-agent-sku-id: batch.node.ubuntu 22.04}
pools:
  - {pool-id: a, target-dedicated-nodes: 2}
  - {pool-id: b, target-dedicated-nodes: 2}
";
    let next = given(file).with(STRATEGY, "blue-green");
    let next = settings::fleet(&next).unwrap().settings;
    let former = given(file).with(IMAGE_VERSION, image("0.9.0"));
    let former = settings::fleet(&former).unwrap().settings;
    let mut held_up = 0;
    for seconds in [40, 80, 120, 160] {
        // For both and one node more, which the first of them takes.
        let azure = world(|seed| seed["batchAccounts"][0]["quotas"] = json!({"dedicatedCores": 4 * 5}));
        fleet::run(&client(&azure, ROLLOUT_DEADLINE).await, &former).await;
        fleet::run(&client(&azure, Duration::from_secs(seconds)).await, &next).await;
        let second = entries(&azure, &Method::POST, "/pools").len() > 2;
        held_up += usize::from(second);
        let runs = fleet::run(&client(&azure, ROLLOUT_DEADLINE).await, &next).await;
        let moved = [("a", "Moved".to_owned()), ("b", "Moved".to_owned())];
        assert_eq!(results(&runs), moved, "killed after {seconds} s");
    }
    assert!(held_up > 2, "only {held_up} runs were killed with two pools of a there");
}

#[tokio::test(start_paused = true)]
async fn pools_that_would_share_a_second_pool_are_refused_before_any_of_them_is_changed() {
    let file = "
defaults: {vm-size: Standard_D4s_v5, node-agent-sku-id: batch.node.ubuntu 22.04}
pools:
  - {pool-id: a, target-dedicated-nodes: 2}
  - {pool-id: b, target-dedicated-nodes: 2}
  - {pool-id: c, target-dedicated-nodes: 2}
";
    let run = async |azure: &Azure, values: Values| {
        let settings = settings::fleet(&values).unwrap().settings;
        fleet::run(&client(azure, ROLLOUT_DEADLINE).await, &settings).await
    };
    let azure = world(|_| {});
    run(&azure, given(file).with(IMAGE_VERSION, image("0.9.0"))).await;
    azure.turn_the_page();
    let next = given(file).with(STRATEGY, "blue-green").with(NEW_POOL_ID, "x");
    let runs = run(&azure, next.clone()).await;
    for run in &runs {
        let report = run.outcome.as_ref().unwrap().result.as_ref().unwrap_err().report();
        assert!(
            report.contains("3 pools of the file (a, b, c) are about one pool, x"),
            "{report}"
        );
    }
    assert_eq!(
        results(&runs),
        ["a", "b", "c"].map(|pool| (pool, "BadInput".to_owned()))
    );
    assert_eq!(azure.writes(), Vec::<String>::new());

    // Each by itself: the second one finds that x has work.
    let only = |pool: &str| {
        let pool = format!("pool-id: {pool},");
        let lines = file
            .lines()
            .filter(|line| !line.contains("pool-id: ") || line.contains(&pool));
        let file: Vec<&str> = lines.collect();
        next.clone().with(POOL_FILE, file.join("\n"))
    };
    let moved = run(&azure, only("a")).await;
    assert_eq!(results(&moved), [("a", "Moved".to_owned())]);
    azure.turn_the_page();
    let runs = run(&azure, only("b")).await;
    let report = runs[0].outcome.as_ref().unwrap().result.as_ref().unwrap_err().report();
    assert!(
        report.contains("cannot get the second pool x: that one does the work of pool a")
            && !report.contains("elete it"),
        "{report}"
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_no_further_pool_begins_unless_it_may() {
    let refused = json!({"kind": "status", "status": 400, "code": "InvalidPropertyValue", "method": "POST", "path": "*/pools", "occurrence": {"nth": 2}});
    let azure = world(|_| {});
    azure.fault(refused.clone());
    let (runs, _) = roll_out(&azure, FILE).await;
    let found: Vec<String> = results(&runs).into_iter().map(|(_, result)| result).collect();
    assert_eq!(found[0], "Created");
    assert_eq!(found[3], "not begun");
    assert_eq!(
        found.iter().filter(|result| *result == "BadInput").count(),
        1,
        "{found:?}"
    );
    let azure = world(|_| {});
    azure.fault(refused);
    let (runs, _) = roll_out(&azure, &FILE.replace("max-parallel: 2", "continue-after-failure: true")).await;
    let found: Vec<String> = results(&runs).into_iter().map(|(_, result)| result).collect();
    assert_eq!(
        found.iter().filter(|result| *result == "Created").count(),
        3,
        "{found:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_when_one_of_the_pools_cannot_be_rolled_out() {
    let azure = world(|_| {});
    let file = FILE.replace("pool-id: d,", "pool-id: d, vm-size: null, node-agent-sku-id: null,");
    let file = file
        .replace("  vm-size: Standard_D4s_v5\n", "")
        .replace("pool-id: a,", "pool-id: a, vm-size: Standard_D4s_v5,");
    let (runs, _) = roll_out(&azure, &file).await;
    assert_eq!(results(&runs)[0], ("a", "not begun".to_owned()));
    assert_eq!(azure.writes(), Vec::<String>::new());
    let failed = runs
        .iter()
        .filter_map(|run| run.outcome.as_ref())
        .map(|outcome| outcome.result.as_ref().unwrap_err().kind());
    assert!(failed.eq([ErrorKind::BadInput; 3]));
}

/// What its own turn would refuse a pool for is found out before the first one is begun.
#[tokio::test(start_paused = true)]
async fn nothing_is_written_when_the_last_pool_has_a_size_or_an_agent_that_is_not_there_or_lacks_a_right() {
    let with = |what: &str| FILE.replace("pool-id: d,", &format!("pool-id: d, {what},"));
    let refused = async |azure: Azure, file: &str, kind: ErrorKind| {
        let (runs, _) = roll_out(&azure, file).await;
        let error = runs[3].outcome.as_ref().unwrap().result.as_ref().unwrap_err();
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert_eq!((created(&azure), azure.writes()), (Vec::new(), Vec::new()), "{file}");
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let plans = fleet::plan(&client, &settings::fleet_plan(&given(file)).unwrap().settings).await;
        let stopped = plans.pools.iter().find_map(|pool| match &pool.plan {
            Ok(plan) => plan.stopped_by(),
            Err(error) => Some(error.kind()),
        });
        let shared = plans.facts.iter().find_map(|shared| shared.fact.stops);
        assert_eq!(stopped.or(shared), Some(kind), "the plan of {file}");
    };
    let (no_size, no_agent) = (
        with("vm-size: Standard_D4s_v55"),
        with("node-agent-sku-id: batch.node.windows amd64"),
    );
    refused(world(|_| {}), &no_size, ErrorKind::BadInput).await;
    refused(world(|_| {}), &no_agent, ErrorKind::BadInput).await;
    let reader = world(|seed| {
        let subscription = GROUP.split("/resourceGroups").next().unwrap();
        seed["roleAssignments"] = json!([{"principal": APPLICATION, "scope": subscription, "actions": ["*/read"]}]);
    });
    refused(reader, FILE, ErrorKind::NoRights).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_look_at_the_pools_is_a_failure() {
    let (stop, go_on) = (
        FILE.to_owned(),
        FILE.replace("max-parallel: 2", "continue-after-failure: true"),
    );
    for (file, first) in [(&stop, 1), (&go_on, 1), (&stop, 2), (&go_on, 2)] {
        let azure = world(|_| {});
        for nth in first..first + 500 {
            azure.fault(
                json!({"kind": "status", "status": 500, "code": "InternalError", "method": "GET",
                "path": "/pools", "occurrence": {"nth": nth}}),
            );
        }
        let (runs, _) = roll_out(&azure, file).await;
        let failures = runs
            .iter()
            .filter_map(|run| run.outcome.as_ref()?.result.as_ref().err());
        assert!(failures.count() > 0, "{first}: {:?}", results(&runs));
        assert!(
            runs.iter()
                .all(|run| run.outcome.as_ref().is_none_or(|ended| ended.result.is_err()))
        );
        assert_eq!(azure.writes(), [""; 0], "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_many_pools_names_each_and_writes_nothing() {
    let azure = world(|_| {});
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plans = fleet::plan(&client, &asked(FILE)).await;
    let changes: Vec<usize> = plans
        .pools
        .iter()
        .map(|pool| pool.plan.as_ref().unwrap().changes().count())
        .collect();
    assert!(changes.iter().all(|changes| *changes > 0), "{changes:?}");
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// The lines of a plan: first what pools share, then each pool's own.
fn needs(plan: &FleetPlan) -> Vec<String> {
    let names = |pools: &[PoolId]| pools.iter().map(PoolId::as_str).collect::<Vec<_>>().join(" ");
    let shared = plan.facts.iter();
    let shared = shared.map(|shared| format!("{}: {}", names(&shared.pools), shared.fact));
    let of_pool = |pool: &PoolPlan| {
        let facts = pool.plan.as_ref().unwrap().facts.clone();
        let name = pool.pool.clone();
        facts.into_iter().map(move |fact| format!("{name}: {fact}"))
    };
    shared.chain(plan.pools.iter().flat_map(of_pool)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_pools_of_a_file_have_in_common_is_said_once_with_their_sums_and_the_rest_for_each() {
    let azure = with_cores(100);
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let prices = "currency: EUR\nnode-hour: {Standard_D4s_v5: {eastus2: {dedicated: 0.23}}}";
    let values = given(FILE).with(PRICE_FILE, prices);
    let asked = settings::fleet_plan(&values).unwrap().settings;
    let said = needs(&fleet::plan(&client, &asked).await);
    insta::assert_snapshot!(said.join("\n"), @r"
    a b c d: rights: none of the 6 rights that this needs is missing
    a b c d: registration: Microsoft.Batch is registered in subscription 00000000-0000-0000-0000-0000000005b5
    a b c d: quota: pools of the account: 0 of 4 are there
    a b c d: dates: Batch supports node agent batch.node.ubuntu 22.04 until 2027-06-30
    a b c d: quota: dedicated cores of the account: 100, of which other pools use 0; pools a, b, c and d need 72 together
    a b c d: quota: pools of the account: 4, of which 0 are there; pools a, b, c and d would be 4 more
    a b c d: nodes: 18 nodes in these 4 pools, 432 node-hours a day
    a b c d: cost by your own prices: together 99.36 EUR a day
    a: quota: dedicated cores of the account: 100, others use 0, this pool needs 12
    a: nodes: 3 nodes of Standard_D4s_v5, 72 node-hours a day
    a: cost by your own prices: dedicated: 72 node-hours a day × 0.23 EUR = 16.56 EUR a day
    b: quota: dedicated cores of the account: 100, others use 0, this pool needs 16
    b: nodes: 4 nodes of Standard_D4s_v5, 96 node-hours a day
    b: cost by your own prices: dedicated: 96 node-hours a day × 0.23 EUR = 22.08 EUR a day
    c: quota: dedicated cores of the account: 100, others use 0, this pool needs 20
    c: nodes: 5 nodes of Standard_D4s_v5, 120 node-hours a day
    c: cost by your own prices: dedicated: 120 node-hours a day × 0.23 EUR = 27.60 EUR a day
    d: quota: dedicated cores of the account: 100, others use 0, this pool needs 24
    d: nodes: 6 nodes of Standard_D4s_v5, 144 node-hours a day
    d: cost by your own prices: dedicated: 144 node-hours a day × 0.23 EUR = 33.12 EUR a day
    ");
    assert_eq!(azure.writes(), [""; 0]);
}

/// The account is read once for all its pools, as the waits share their looks.
#[tokio::test(start_paused = true)]
async fn the_waits_of_many_pools_share_their_lists() {
    let lists = async |file: &str| {
        let azure = world(|_| {});
        let (runs, _) = roll_out(&azure, file).await;
        assert!(runs.iter().all(|run| {
            run.outcome
                .as_ref()
                .is_some_and(|outcome| outcome.report.action == PoolAction::Created)
        }));
        entries(&azure, &Method::GET, "/nodecounts").len()
    };
    let pools = |count: usize| {
        let each = (0..count).map(|number| format!("  - {{pool-id: p{number}, target-dedicated-nodes: 3}}\n"));
        let (defaults, _) = FILE.split_once("max-parallel").unwrap();
        format!("{defaults}max-parallel: 20\npools:\n{}", each.collect::<String>())
    };
    let (few, many) = (lists(&pools(3)).await, lists(&pools(21)).await);
    // A look after each write cannot be shared with those before it.
    assert!(many < few + 2 * 18, "{few} lists for 3 pools, {many} for 21");
}

/// Four cores a node: the four pools of the file need 72 together, and no two of them more than 44.
fn with_cores(cores: u32) -> Azure {
    world(|seed| seed["batchAccounts"][0]["quotas"] = json!({"dedicatedCores": cores, "pools": 4}))
}

#[tokio::test(start_paused = true)]
async fn pools_of_a_file_that_fit_alone_and_not_together_are_refused_before_the_first_write() {
    let azure = with_cores(71);
    let (runs, _) = roll_out(&azure, FILE).await;
    assert_eq!(azure.writes(), Vec::<String>::new());
    assert_eq!(results(&runs)[0], ("a", "Quota".to_owned()));
    assert!(results(&runs)[1..].iter().all(|(_, result)| result == "not begun"));
    let error = runs[0].outcome.as_ref().unwrap().result.as_ref().unwrap_err().report();
    let said = "dedicated cores of the account: 71, of which other pools use 0; pools a, b, c and d need 72 together";
    assert!(error.contains(said), "{error}");
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plans = fleet::plan(&client, &asked(FILE)).await;
    assert_eq!(plans.pools[0].plan.as_ref().unwrap_err().kind(), ErrorKind::Quota);

    let azure = with_cores(72);
    let (runs, _) = roll_out(&azure, FILE).await;
    assert!(results(&runs).iter().all(|(_, result)| result == "Created"));
    let (again, _) = roll_out(&azure, FILE).await;
    assert!(
        results(&again).iter().all(|(_, result)| result == "Unchanged"),
        "what is there counts once"
    );
}

#[tokio::test(start_paused = true)]
async fn where_the_others_go_on_after_a_failure_as_many_pools_are_made_as_fit() {
    let azure = with_cores(71);
    let (runs, events) = roll_out(
        &azure,
        &FILE.replace("max-parallel: 2", "continue-after-failure: true\nmax-parallel: 1"),
    )
    .await;
    let made = results(&runs).iter().filter(|(_, result)| result == "Created").count();
    assert_eq!(made, 3, "{:?}", results(&runs));
    let is_said = |event: &Event| matches!(event, Event::Warning { text } if text.contains("not every pool will get its nodes: dedicated cores"));
    assert!(events.iter().any(is_said), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_file_raises_the_replicas_in_one_change() {
    let azure = world(|_| {});
    let file = FILE.replace("max-parallel: 2", "max-parallel: 4");
    let sizes = ["nodes: 3}", "nodes: 4}", "nodes: 5}", "nodes: 6}"];
    let file = sizes.iter().fold(file, |file, size| file.replace(size, "nodes: 301}"));
    let (runs, _) = roll_out(&azure, &file).await;
    assert!(
        results(&runs).iter().all(|(_, result)| result == "Created"),
        "{:?}",
        results(&runs)
    );
    let puts = entries(&azure, &Method::PUT, "/versions/1.0.0");
    let replicas: Vec<&serde_json::Value> = puts
        .iter()
        .map(|entry| &entry.request["properties"]["publishingProfile"]["targetRegions"][0]["regionalReplicaCount"])
        .collect();
    assert_eq!(
        replicas,
        [&json!(9)],
        "2 for each of four pools, and 1 headroom; the first one finds enough"
    );
    // One of the pools waits for the version, and the others find it done.
    let looks = entries(&azure, &Method::GET, "/versions/1.0.0").len();
    assert!(looks < 40, "{looks}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_many_pools_ends_those_under_way_and_touches_no_other() {
    let azure = world(|_| {});
    let (client, _events) = azure
        .client_with_limit(&CancellationToken::new(), Duration::from_secs(150))
        .await;
    let cut = fleet::run(&client, &asked(FILE)).await;
    let found: Vec<String> = results(&cut).into_iter().map(|(_, result)| result).collect();
    assert_eq!(
        found,
        ["Created", "Deadline", "Deadline", "not begun"],
        "{:?}",
        created(&azure)
    );
    assert_eq!(created(&azure), ["a", "b", "c"]);
    let (again, _) = roll_out(&azure, FILE).await;
    assert!(
        again
            .iter()
            .all(|run| run.outcome.as_ref().is_some_and(|outcome| outcome.result.is_ok()))
    );
    assert_eq!(created(&azure), ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_first_pool_leaves_all_others_as_they_are() {
    let azure = world(|_| {});
    azure.fault(
        json!({"kind": "status", "status": 400, "code": "InvalidPropertyValue", "method": "POST", "path": "*/pools"}),
    );
    let (runs, _) = roll_out(&azure, FILE).await;
    let found: Vec<String> = results(&runs).into_iter().map(|(_, result)| result).collect();
    assert_eq!(found, ["BadInput", "not begun", "not begun", "not begun"]);
    assert_eq!(azure.writes(), ["POST /pools"]);
}
