//! What many pools cost in requests: what they have in common is asked once, whatever their number, and Azure never has to
//! refuse for want of patience.
//!
//! How long a roll-out takes is measured by `cargo xtask bench rollout`; no test asserts a time.

use std::collections::BTreeMap;

use azure_batch_core::{
    deletion,
    fleet::{self, PoolReturn, PoolReturnPlan, PoolRun, Prospect, ReturnEnd},
    options::{
        fleet::{EXPIRED, YES},
        pool::{ACCOUNT, IMAGE_VERSION, POOL_FILE},
    },
    rollout::PoolAction,
    settings::{self, Checked, FleetReturnSettings, FleetSettings, Values},
    status,
};
use azure_emulator::journal::Entry;
use http::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    estate::{by_id, pool},
    fleet_return,
    rollout::{image, world},
    rollout_in_place::ask,
    support::{Azure, GROUP},
};

/// How many requests of each kind.
type Tally = BTreeMap<String, usize>;

/// The kinds that every pool has for itself: it is read before it is written to, written, and its nodes are listed when
/// enough of them are ready.
const OWN: [&str; 3] = ["GET pool", "POST pools", "GET nodes"];

/// The kinds that every pool that goes back has for itself: each of its steps is decided by the pool and its jobs.
const OF_RETURN: [&str; 6] = [
    "GET pool",
    "GET jobs of a pool",
    "PATCH pool",
    "POST resize",
    "GET nodes",
    "DELETE pool",
];

/// What all pools of the tests have in common.
const DEFAULTS: &str = "defaults: {vm-size: Standard_D4s_v5, node-agent-sku-id: batch.node.ubuntu 22.04}";

/// What grows with time only: looks at all pools of the account, and what is read again when a minute is over.
const LOOKS: [&str; 4] = ["GET pools", "GET nodecounts", "GET version", "GET Microsoft.Batch"];

/// A look each five seconds and a version each minute, for the minutes that one pool after another takes here.
const MOST_LOOKS: usize = 60;

/// An account with room for many pools.
fn azure() -> Azure {
    world(|seed| {
        seed["batchAccounts"][0]["quotas"] = json!({"pools": 1000, "dedicatedCores": 100_000, "lowPriorityCores": 0});
        // So many that none has to be added.
        seed["versions"][0]["publishingProfile"]["targetRegions"][0]["regionalReplicaCount"] = json!(100);
    })
}

fn asked(pools: usize) -> Checked<FleetSettings> {
    let each = (0..pools).map(|number| format!("  - {{pool-id: p{number}, target-dedicated-nodes: 2}}\n"));
    let file = format!("{DEFAULTS}\nmax-parallel: 500\npools:\n{}", each.collect::<String>());
    let values = Values::default()
        .with(POOL_FILE, file)
        .with(
            ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(IMAGE_VERSION, image("1.0.0"));
    settings::fleet(&values).unwrap().settings
}

async fn roll_out(azure: &Azure, pools: usize, action: PoolAction) -> Tally {
    azure.turn_the_page();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let runs = fleet::run(&client, &asked(pools)).await;
    let is_good = |run: &&PoolRun| {
        let outcome = run.outcome.as_ref();
        outcome.is_some_and(|outcome| outcome.result.is_ok() && outcome.report.action == action)
    };
    let bad = runs.iter().find(|run| !is_good(run));
    assert!(bad.is_none(), "{bad:?}");
    tally(azure)
}

/// The requests since the page was turned. None was refused; that a pool is not there yet is no refusal.
fn tally(azure: &Azure) -> Tally {
    let mut tally = Tally::new();
    for entry in azure.journal() {
        assert!(
            entry.status.is_some_and(|status| status < 300 || status == 404),
            "{entry:?}"
        );
        *tally.entry(kind(&entry)).or_default() += 1;
    }
    tally
}

/// The verb and the last word of the path that is no name.
fn kind(entry: &Entry) -> String {
    let parts: Vec<&str> = entry.path.split('/').collect();
    let is_of_pool = entry.query.to_string().contains("executionInfo/poolId");
    let what = match parts.as_slice() {
        ["", "jobs"] if is_of_pool => "jobs of a pool",
        ["", "pools", _pool] => "pool",
        [.., "versions", _number] => "version",
        [.., "batchAccounts", _account] => "account",
        [.., last] => last,
        [] => "",
    };
    format!("{} {what}", entry.method)
}

/// Those of the tally that are neither a pool's own nor looks.
fn common(tally: &Tally) -> Tally {
    let is_common = |kind: &str| !OWN.contains(&kind) && !LOOKS.contains(&kind);
    let common = tally.iter().filter(|(kind, _)| is_common(kind));
    common.map(|(kind, count)| (kind.clone(), *count)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_many_pools_is_as_few_requests_as_of_one() {
    let mut few: Option<Tally> = None;
    for pools in [1, 50, 500] {
        let azure = azure();
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let plans = fleet::plan(&client, &asked(pools)).await;
        assert!(plans.pools.iter().all(|pool| pool.plan.is_ok()));
        assert_eq!(
            *few.get_or_insert_with(|| tally(&azure)),
            tally(&azure),
            "{pools} pools"
        );
    }
}

/// The built binary rolls out five hundred: `cargo xtask real five_hundred_pools`.
#[tokio::test(start_paused = true)]
async fn what_many_pools_have_in_common_is_asked_once() {
    let mut few: Option<(Tally, Tally)> = None;
    for pools in [1, 50] {
        let azure = azure();
        let made = roll_out(&azure, pools, PoolAction::Created).await;
        let again = roll_out(&azure, pools, PoolAction::Unchanged).await;
        for looks in LOOKS {
            let count = made.get(looks).copied().unwrap_or_default();
            // The clock stands still while pools are made, so the look after each write is one of its own.
            assert!(count < MOST_LOOKS + pools, "{looks}: {made:?}");
        }
        for own in OWN {
            assert!(made.get(own).is_none_or(|count| *count <= 2 * pools), "{own}: {made:?}");
        }
        let all = (common(&made), common(&again));
        assert_eq!(*few.get_or_insert_with(|| all.clone()), all, "{pools} pools");
    }
}

/// An account with so many pools of roll-outs, all of them past their expiry.
fn expired(pools: usize) -> Azure {
    let metadata = json!([{"name": "azure-batch-spec", "value": "v0:example"},
        {"name": "azure-batch-expiry", "value": r#"{"v":1,"at":"2025-12-31T00:00:00Z","after":3600}"#}]);
    world(|seed| {
        let one = |number: usize| {
            let mut one = pool(&format!("p{number}"), by_id(&image("1.0.0")), 0);
            one["metadata"] = metadata.clone();
            one
        };
        seed["batchAccounts"][0]["pools"] = (0..pools).map(one).collect();
    })
}

#[tokio::test(start_paused = true)]
async fn the_deletion_of_many_pools_looks_at_their_accounts_and_not_at_each() {
    let mut few: Option<Tally> = None;
    for pools in [1, 50, 500] {
        let azure = expired(pools);
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let asked = settings::expired(&Values::default().with(EXPIRED, true).with(YES, true)).unwrap();
        let report = deletion::expired::run(&client, &asked.settings).await.unwrap();
        assert_eq!(report.deleted(), pools, "{report:?}");
        let mut tally = tally(&azure);
        assert_eq!(tally.remove("DELETE pool"), Some(pools));
        assert_eq!(*few.get_or_insert_with(|| tally.clone()), tally, "{pools} pools");
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_of_many_pools_is_as_few_requests_as_of_one() {
    let mut few: Option<Tally> = None;
    for pools in [1, 50, 500] {
        let azure = expired(pools);
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let asked = settings::status(&Values::default()).unwrap();
        let report = status::run(&client, &asked.settings).await.unwrap();
        assert_eq!(report.pools.len(), pools);
        assert_eq!(
            *few.get_or_insert_with(|| tally(&azure)),
            tally(&azure),
            "{pools} pools"
        );
    }
}

/// An account with so many pools that a roll-out of a file brought from 0.9.0 to 1.0.0 in place.
async fn rolled_out(pools: usize) -> Azure {
    let one = world(|_| {});
    fleet_return::rolled_out(&one, &[fleet_return::A]).await;
    let made = ask(&one, Method::GET, "/pools/a", None).await;
    world(|seed| {
        let each = (0..pools).map(|number| {
            let mut each = pool(&format!("p{number}"), by_id(&image("1.0.0")), 2);
            each["metadata"] = made["metadata"].clone();
            each
        });
        seed["batchAccounts"][0]["pools"] = each.collect();
        seed["batchAccounts"][0]["quotas"] = json!({"pools": 1000, "dedicatedCores": 100_000, "lowPriorityCores": 0});
    })
}

fn back(pools: usize) -> Checked<FleetReturnSettings> {
    let each = (0..pools).map(|number| format!("  - {{pool-id: p{number}}}\n"));
    let file = format!("max-parallel: 500\npools:\n{}", each.collect::<String>());
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let values = Values::default().with(POOL_FILE, file).with(ACCOUNT, account);
    settings::fleet_return(&values).unwrap().settings
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_the_return_of_many_pools_is_as_few_requests_as_of_two() {
    let mut few: Option<Tally> = None;
    // Whether one pool fits into the quotas with others is not asked.
    for pools in [2, 50, 500] {
        let azure = rolled_out(pools).await;
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let plan = fleet::plan_returns(&client, &back(pools)).await.unwrap();
        let goes = |pool: &&PoolReturnPlan| matches!(pool.prospect, Ok(Prospect::Goes(_)));
        assert_eq!(plan.pools.iter().filter(goes).count(), pools, "{plan:?}");
        assert_eq!(
            *few.get_or_insert_with(|| tally(&azure)),
            tally(&azure),
            "{pools} pools"
        );
    }
}

/// The same, of which each has a second pool that does its work.
async fn moved(pools: usize) -> Azure {
    let azure = azure();
    let each = |number| format!("  - {{pool-id: p{number}, target-dedicated-nodes: 2, strategy: blue-green}}\n");
    let each: Vec<String> = (0..pools).map(each).collect();
    let each: Vec<&str> = each.iter().map(String::as_str).collect();
    fleet_return::rolled_out(&azure, &each).await;
    azure
}

#[tokio::test(start_paused = true)]
async fn the_return_of_many_pools_in_place_looks_at_their_account_and_not_at_each() {
    assert_shared(50, 1, rolled_out).await;
}

#[tokio::test(start_paused = true)]
async fn the_return_of_many_pools_to_former_ones_looks_at_their_account_and_not_at_each() {
    assert_shared(10, 2, moved).await;
}

/// Each pool and its jobs are read before each of its steps; what is common to all is asked once, or as time passes.
async fn assert_shared(many: usize, looks: usize, world: impl AsyncFn(usize) -> Azure) {
    let mut few: Option<Tally> = None;
    for pools in [2, many] {
        let azure = world(pools).await;
        azure.turn_the_page();
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let ends = fleet::return_all(&client, &back(pools)).await.unwrap();
        assert_eq!(ends.iter().filter(is_back).count(), pools, "{ends:?}");
        let found = tally(&azure);
        let of_two = few.get_or_insert_with(|| found.clone());
        assert!(found.keys().eq(of_two.keys()), "{found:?} and {of_two:?}");
        for ((kind, count), of_two) in found.iter().zip(of_two.values()) {
            let most = match kind.as_str() {
                own if OF_RETURN.contains(&own) => of_two * pools / 2,
                // The clock stands still while pools are written to, so the look after a write is one of its own.
                "GET pools" | "GET nodecounts" => of_two + looks * (pools - 2),
                _ => *of_two,
            };
            assert!(*count <= most, "{kind}: {count} of {pools} pools, and {of_two} of two");
        }
    }
}

fn is_back(end: &&PoolReturn) -> bool {
    match &end.end {
        ReturnEnd::Ran(outcome) => outcome.result.is_ok() && outcome.report.action == PoolAction::Returned,
        ReturnEnd::NotBegun | ReturnEnd::Stays(_) | ReturnEnd::Refused(_) => false,
    }
}
