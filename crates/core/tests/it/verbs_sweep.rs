//! Verbs whose world takes a run of its own to make: the return of a pool, deletions, a wait, a look at all pools; and a
//! file of pools. Each request of a good run meets what it must outlive; the next run reaches the end, and the one after
//! that writes nothing.

use azure_batch_core::{
    deletion,
    error::{ErrorKind, Result},
    fleet,
    options::{
        fleet::{EXPIRED, YES},
        pool::{ACCOUNT, IMAGE_VERSION, POOL_FILE, POOL_ID},
    },
    rollout,
    settings::{self, DeletionSettings, ROLLOUT_DEADLINE, Values},
    status,
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{client, good, image, roll_out, settings as usual, world},
    rollout_blue_green::blue_green,
    rollout_in_place::{back, in_place, working},
    support::{Azure, GROUP},
    sweep::{
        Ends, is_whole, one_of,
        rivals::{OF_ONE_POOL, OF_TWO_POOLS, Rivals},
    },
};

/// What a request meets, once; nothing is a cancel after it.
fn troubles() -> [Option<Value>; 6] {
    [
        None,
        Some(json!({"kind": "throttle", "retryAfter": 7})),
        Some(json!({"kind": "resetBeforeEffect"})),
        Some(json!({"kind": "resetAfterEffect"})),
        Some(json!({"kind": "status", "status": 503, "code": "ServerBusy", "message": "busy"})),
        Some(json!({"kind": "status", "status": 409, "code": "Conflict", "message": "another write"})),
    ]
}

/// Sweeps, and returns how many cases were run. `state` is what has to be the same at each end.
pub(crate) async fn sweep(
    world: impl AsyncFn() -> Azure,
    run: impl AsyncFn(&Azure, &Ends) -> Result<()>,
    state: impl Fn(&Azure) -> String,
) -> usize {
    sweep_one_of(1, world, run, state).await
}

/// The same of one of so many requests.
pub(crate) async fn sweep_one_of(
    so_many: usize,
    world: impl AsyncFn() -> Azure,
    run: impl AsyncFn(&Azure, &Ends) -> Result<()>,
    state: impl Fn(&Azure) -> String,
) -> usize {
    let azure = world().await;
    run(&azure, &Ends::none()).await.unwrap();
    let (requests, end) = (azure.journal().len(), state(&azure));
    let mut cases = 0;
    for at in (1..=requests).step_by(one_of(so_many)) {
        // A request meets one of the troubles, its neighbours the others: the world of each case takes a run of its own.
        for (_, trouble) in troubles()
            .into_iter()
            .enumerate()
            .filter(|(kind, _)| is_whole() || (kind + at) % 6 == 0)
        {
            let case = format!("request {at} of {requests}, {trouble:?}");
            let azure = world().await;
            let ends = Ends::none();
            match trouble {
                None => azure.gone_after(u64::try_from(at).unwrap(), ends.cancel.clone()),
                Some(mut trouble) => {
                    trouble["request"] = json!(at);
                    azure.fault(trouble);
                }
            }
            let first = run(&azure, &ends).await;
            if let Err(error) = &first {
                let may_end = ends.cancel.is_cancelled() == (error.kind() == ErrorKind::Cancelled);
                assert!(may_end, "{case}: {}", error.report());
            }
            azure.turn_the_page();
            let second = run(&azure, &Ends::none()).await;
            assert!(second.is_ok(), "{case}, second run: {second:?}");
            assert_eq!(state(&azure), end, "{case}");
            azure.turn_the_page();
            run(&azure, &Ends::none()).await.unwrap();
            assert_eq!(azure.writes(), [""; 0], "{case}: the third run writes");
            cases += 1;
        }
    }
    cases
}

/// Size, image and state of the pool.
fn pool(azure: &Azure) -> String {
    let resources = azure.resources();
    let pools = resources["batch"].as_object().cloned().unwrap_or_default();
    let own = pools.values().find(|pool| pool["id"] == "p1");
    own.map_or_else(
        || "gone".to_owned(),
        |pool| {
            format!(
                "{} {} {}",
                pool["state"],
                pool["targetDedicatedNodes"],
                pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"]
            )
        },
    )
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_return_meets_what_it_must_outlive() {
    let run = async |azure: &Azure, ends: &Ends| pool_back(azure.clone(), ends.clone()).await;
    let cases = sweep_one_of(5, changed, run, pool).await;
    assert!(cases > 12, "only {cases} cases");
    write_count("return", cases);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_return_from_a_second_pool_meets_what_it_must_outlive() {
    let cases = sweep_one_of(
        5,
        moved,
        async |azure: &Azure, ends: &Ends| work_back(azure.clone(), ends.clone()).await,
        pools,
    )
    .await;
    assert!(cases > 20, "only {cases} cases");
    write_count("return from a second pool", cases);
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_return_is_not_undone() {
    let in_place = Rivals {
        who: OF_ONE_POOL,
        one_of: 47,
        world: changed,
        flow: pool_back,
    };
    let from_second = Rivals {
        who: OF_TWO_POOLS,
        one_of: 47,
        world: moved,
        flow: work_back,
    };
    let taken = in_place.run() + from_second.run();
    assert!(taken > 10, "only {taken} writes of rivals were taken");
    write_count("return with rivals", taken);
}

/// A pool that was changed in place.
async fn changed() -> Azure {
    let azure = working().await;
    good(roll_out(&azure, &in_place(5)).await);
    azure.turn_the_page();
    azure
}

/// A pool whose work was moved to a second one.
async fn moved() -> Azure {
    let azure = working().await;
    good(roll_out(&azure, &blue_green(5)).await);
    azure.turn_the_page();
    azure
}

async fn pool_back(azure: Azure, ends: Ends) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    rollout::roll_back(&client, &checked(&back())).await.result
}

async fn work_back(azure: Azure, ends: Ends) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    let back = crate::rollout_blue_green::back();
    rollout::roll_back(&client, &checked(&back)).await.result
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_others_make_again_after_the_deletion_is_left_alone() {
    let asked = deletion();
    let run = async |azure: &Azure| deletion::run(&client(azure, ROLLOUT_DEADLINE).await, &asked.settings).await;
    let probe = made().await;
    run(&probe).await.unwrap();
    let journal = probe.journal();
    let last = journal
        .iter()
        .rev()
        .find(|entry| entry.path == "/pools/p1")
        .unwrap()
        .number;
    let azure = made().await;
    let again = json!({"id": "p1", "vmSize": "standard_d4s_v5", "targetDedicatedNodes": 2,
        "metadata": [{"name": "azure-batch-spec", "value": "v1:of-another-run"}],
        "virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": image("1.0.0")},
            "nodeAgentSKUId": "batch.node.ubuntu 22.04"}});
    azure
        .fault(json!({"kind": "rival", "request": last, "write": {"method": "POST", "path": "/pools", "body": again}}));
    let report = run(&azure).await.unwrap();
    assert!(azure.emulator(|emulator, _| emulator.faults().iter().any(|fault| fault.hits > 0)));
    assert!(report.gone);
    assert_eq!(azure.writes(), ["DELETE /pools/p1"]);
    assert!(pool(&azure).starts_with("\"active\" 2 "), "{}", pool(&azure));
}

fn deletion() -> settings::Asked<DeletionSettings> {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let values = Values::default()
        .with(ACCOUNT, account)
        .with(POOL_ID, "p1")
        .with(YES, true);
    settings::deletion(&values).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_deletion_of_a_pool_meets_what_it_must_outlive() {
    let asked = deletion();
    let run = async |azure: &Azure, ends: &Ends| {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        deletion::run(&client, &asked.settings).await.map(drop)
    };
    let cases = sweep(made, run, pool).await;
    assert!(cases > 3, "only {cases} cases");
    write_count("deletion of a pool", cases);
}

/// A pool that a roll-out has made with five nodes.
async fn made() -> Azure {
    let azure = world(|_| ());
    good(roll_out(&azure, &usual("acct1", 5)).await);
    azure.turn_the_page();
    azure
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_wait_and_of_a_look_at_all_pools_meets_what_it_must_outlive() {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let waiting = settings::wait(&Values::default().with(ACCOUNT, account).with(POOL_ID, "p1")).unwrap();
    let wait = async |azure: &Azure, ends: &Ends| {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        rollout::wait(&client, &waiting.settings).await.map(drop)
    };
    let cases = sweep(made, wait, pool).await;
    assert!(cases > 3, "only {cases} cases");
    write_count("wait", cases);
    let looking = settings::status(&Values::default()).unwrap();
    let look = async |azure: &Azure, ends: &Ends| {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        status::run(&client, &looking.settings).await.map(drop)
    };
    let cases = sweep(made, look, pool).await;
    assert!(cases > 7, "only {cases} cases");
    write_count("status", cases);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_deletion_of_expired_pools_meets_what_it_must_outlive() {
    let expired = async || {
        let metadata = json!([{"name": "azure-batch-spec", "value": "v0:example"},
            {"name": "azure-batch-expiry", "value": r#"{"v":1,"at":"2025-12-31T00:00:00Z","after":3600}"#}]);
        world(|seed| {
            let mut pool = crate::rollout::foreign_pool("1.0.0", 2);
            pool["metadata"] = metadata;
            seed["batchAccounts"][0]["pools"] = json!([pool]);
        })
    };
    let asked = settings::expired(&Values::default().with(EXPIRED, true).with(YES, true)).unwrap();
    let run = async |azure: &Azure, ends: &Ends| {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        deletion::expired::run(&client, &asked.settings).await.map(drop)
    };
    let cases = sweep(expired, run, pool).await;
    assert!(cases > 9, "only {cases} cases");
    write_count("deletion of expired pools", cases);
}

/// Size and image of both pools of the file.
fn pools(azure: &Azure) -> String {
    let resources = azure.resources();
    let all = resources["batch"].as_object().cloned().unwrap_or_default();
    let line = |pool: &Value| {
        format!(
            "{} {} {}",
            pool["id"], pool["targetDedicatedNodes"], pool["currentDedicatedNodes"]
        )
    };
    let mut lines: Vec<String> = all.values().filter(|it| it["vmSize"].is_string()).map(line).collect();
    lines.sort();
    lines.join(", ")
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_file_of_two_pools_meets_what_it_must_outlive() {
    let file = "
defaults: {vm-size: Standard_D4s_v5, node-agent-sku-id: batch.node.ubuntu 22.04}
pools:
  - {pool-id: a, target-dedicated-nodes: 2}
  - {pool-id: b, target-dedicated-nodes: 3}
";
    let values = Values::default()
        .with(POOL_FILE, file)
        .with(
            ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(IMAGE_VERSION, image("1.0.0"));
    let asked = settings::fleet(&values).unwrap();
    let run = async |azure: &Azure, ends: &Ends| {
        fastrand::seed(7);
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        let runs = fleet::run(&client, &asked.settings).await;
        let mut outcomes = runs.into_iter().map(|run| run.outcome);
        let failed = outcomes.find_map(|outcome| outcome?.result.err());
        failed.map_or(Ok(()), Err)
    };
    let cases = sweep_one_of(5, async || world(|_| ()), run, pools).await;
    assert!(cases > 14, "only {cases} cases");
    write_count("file of two pools", cases);
}
