//! All pools of a file go back: which of them, in which turns, and how each ends.
//!
//! The world is that of `rollout`: a roll-out of a file brought 1.0.0 to pools that ran 0.9.0.

use std::time::Duration;

use azure_batch_core::{
    error::ErrorKind,
    fleet::{self, PoolReturn, PoolReturnPlan, Prospect, ReturnEnd},
    ids::BatchEndpoint,
    options::{
        fleet::FROM_VERSION,
        pool::{ACCOUNT, IMAGE_VERSION, MAX_PARALLEL, POOL_FILE, SUBSCRIPTIONS},
    },
    progress::Event,
    request::Request,
    settings::{self, Checked, FleetReturnSettings, ROLLOUT_DEADLINE, Values},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    rollout::{client, image, world},
    rollout_in_place::ask,
    rollout_no_way_back::deleted,
    support::{Azure, GROUP},
};

const DEFAULTS: &str = "defaults: {vm-size: Standard_D4s_v5, node-agent-sku-id: batch.node.ubuntu 22.04}\n";
pub(crate) const A: &str = "  - {pool-id: a, target-dedicated-nodes: 2, strategy: in-place}\n";
const B: &str = "  - {pool-id: b, target-dedicated-nodes: 2, strategy: blue-green}\n";
const C: &str = "  - {pool-id: c, target-dedicated-nodes: 1}\n";
pub(crate) const D: &str = "  - {pool-id: d, target-dedicated-nodes: 2, strategy: in-place}\n";

fn account(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/{name}")
}

fn file(pools: &[&str]) -> Values {
    let text = format!("{DEFAULTS}pools:\n{}", pools.concat());
    Values::default().with(POOL_FILE, text).with(ACCOUNT, account("acct1"))
}

pub(crate) fn back(pools: &[&str]) -> Checked<FleetReturnSettings> {
    checked(&file(pools))
}

fn checked(values: &Values) -> Checked<FleetReturnSettings> {
    settings::fleet_return(values).unwrap().settings
}

/// Version 1.1.0, too.
fn another_version(seed: &mut Value) {
    let mut other = seed["versions"][0].clone();
    other["name"] = json!("1.1.0");
    seed["versions"].as_array_mut().unwrap().push(other);
}

/// Rolls a version out to these pools; returns how many of them have it.
async fn bring(azure: &Azure, pools: Values, version: &str) -> usize {
    let settings = settings::fleet(&pools.with(IMAGE_VERSION, image(version))).unwrap();
    let runs = fleet::run(&client(azure, settings.deadline).await, &settings.settings).await;
    let is_good = |run: &&fleet::PoolRun| run.outcome.as_ref().is_some_and(|outcome| outcome.result.is_ok());
    runs.iter().filter(is_good).count()
}

/// Pools of the file on 1.0.0, of which all but c ran 0.9.0 before.
pub(crate) async fn rolled_out(azure: &Azure, pools: &[&str]) {
    let before: Vec<&str> = pools.iter().copied().filter(|pool| *pool != C).collect();
    assert_eq!(bring(azure, file(&before), "0.9.0").await, before.len());
    assert_eq!(bring(azure, file(pools), "1.0.0").await, pools.len());
    azure.turn_the_page();
}

async fn go_back(azure: &Azure, asked: &Checked<FleetReturnSettings>) -> (Vec<PoolReturn>, Vec<Event>) {
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let ends = fleet::return_all(&client, asked).await.unwrap();
    (ends, std::iter::from_fn(|| events.try_recv().ok()).collect())
}

/// Each pool with what was done, why it stays, or the kind of its failure.
fn ends(ends: &[PoolReturn]) -> Vec<String> {
    let end = |end: &PoolReturn| match &end.end {
        ReturnEnd::Ran(outcome) => match &outcome.result {
            Ok(()) => outcome.report.action.word().to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        },
        ReturnEnd::NotBegun => "not begun".to_owned(),
        ReturnEnd::Stays(why) => format!("stays: {why}"),
        ReturnEnd::Refused(error) => {
            let report = error.report();
            let below = report.lines().nth(1).unwrap_or_default();
            format!("left alone: {}", below.trim().trim_start_matches("caused by: "))
        }
    };
    ends.iter().map(|own| format!("{}: {}", own.pool, end(own))).collect()
}

/// The pools that are there: nodes and version of each.
async fn state(azure: &Azure) -> String {
    let pools = ask(azure, Method::GET, "/pools", None).await;
    let mut lines: Vec<String> = pools["value"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines.join(", ")
}

fn line(pool: &Value) -> String {
    let image = &pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"];
    let version = image.as_str().unwrap().rsplit('/').next().unwrap();
    let (id, nodes) = (pool["id"].as_str().unwrap(), &pool["currentDedicatedNodes"]);
    format!("{id} {nodes} on {version}")
}

/// How often the text is told of that pool.
fn told(events: &[Event], pool: &str, text: &str) -> usize {
    let is_it = |event: &&Event| matches!(event, Event::OfPool { pool: own, event } if own.as_str() == pool && event.to_string().contains(text));
    events.iter().filter(is_it).count()
}

/// The plan of all comes before the first pool has its turn.
fn assert_plans_come_first(events: &[Event]) {
    let is_goal = |event: &Event| matches!(event, Event::OfPool { event, .. } if matches!(**event, Event::Goal { .. }));
    let first_goal = events.iter().position(is_goal).unwrap();
    let last_plan = events.iter().rposition(|event| event.to_string().contains("plan: "));
    assert!(last_plan.unwrap() < first_goal, "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn each_pool_of_a_file_ends_as_it_should_and_a_failure_holds_no_other_back() {
    let azure = world(|_| {});
    rolled_out(&azure, &[A, B, C, D]).await;
    let asked = back(&[A, D, B, C]);
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = fleet::plan_returns(&client, &asked).await.unwrap();
    let goes = plan
        .pools
        .iter()
        .map(|pool| matches!(pool.prospect, Ok(Prospect::Goes(_))));
    assert!(goes.eq([true, true, true, false]), "{plan:?}");
    assert_eq!(azure.writes(), [""; 0]);

    azure.fault(
        json!({"kind": "status", "status": 400, "code": "InvalidPropertyValue", "method": "POST",
        "path": "*/pools/d/resize", "occurrence": {"nth": 1}}),
    );
    let (first, events) = go_back(&azure, &asked).await;
    assert_eq!(
        ends(&first),
        [
            "a: returned",
            "d: Rejected",
            "b: returned",
            "c: stays: no roll-out has changed it"
        ]
    );
    assert_eq!(first[0].image.as_deref(), Some("def1 0.9.0"));
    assert_eq!(first[2].image.as_deref(), Some("def1 0.9.0"));
    assert_eq!(
        state(&azure).await,
        "a 2 on 0.9.0, b 2 on 0.9.0, c 1 on 1.0.0, d 2 on 1.0.0"
    );
    assert_eq!(told(&events, "c", "it stays on def1 1.0.0"), 1);
    assert_eq!(told(&events, "b", "plan: delete pool b-1-0-0"), 1, "{events:?}");
    assert_plans_come_first(&events);

    azure.turn_the_page();
    let (second, _) = go_back(&azure, &asked).await;
    assert_eq!(
        ends(&second),
        [
            "a: stays: it is what it was before already",
            "d: returned",
            "b: stays: it is what it was before already",
            "c: stays: no roll-out has changed it"
        ]
    );
    assert!(
        azure.writes().iter().all(|write| write.contains("/pools/d")),
        "{:?}",
        azure.writes()
    );
    assert_eq!(
        state(&azure).await,
        "a 2 on 0.9.0, b 2 on 0.9.0, c 1 on 1.0.0, d 2 on 0.9.0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_return_of_many_pools_that_was_killed_is_finished_by_the_same_again() {
    let mut unfinished = 0;
    for seconds in [20, 60, 100, 140, 200] {
        let azure = world(|_| {});
        rolled_out(&azure, &[A, B, D]).await;
        let asked = back(&[A, B, D]);
        let killed = fleet::return_all(&client(&azure, Duration::from_secs(seconds)).await, &asked).await;
        let is_cut = |end: &PoolReturn| matches!(&end.end, ReturnEnd::Ran(outcome) if outcome.result.is_err());
        unfinished += killed.unwrap().iter().filter(|end| is_cut(end)).count();
        let (again, _) = go_back(&azure, &asked).await;
        let is_left = |end: &String| !end.ends_with(": returned") && !end.ends_with("already");
        assert!(
            !ends(&again).iter().any(is_left),
            "killed after {seconds} s: {:?}",
            ends(&again)
        );
        assert_eq!(
            state(&azure).await,
            "a 2 on 0.9.0, b 2 on 0.9.0, d 2 on 0.9.0",
            "killed after {seconds} s"
        );
    }
    assert!(
        unfinished > 3,
        "only {unfinished} pools were on their way when their run was killed"
    );
}

/// A roll-out that stops at a failure leaves pools on the version before, which nobody found bad.
#[tokio::test(start_paused = true)]
async fn a_pool_that_the_last_roll_out_did_not_reach_stays_unless_its_version_is_named() {
    let azure = world(another_version);
    let all = [A, B, D];
    rolled_out(&azure, &all).await;
    azure.fault(
        json!({"kind": "status", "status": 400, "code": "InvalidPropertyValue", "method": "POST",
        "path": "*/pools", "occurrence": {"nth": 1}}),
    );
    let next = file(&all).with(MAX_PARALLEL, 1);
    assert_eq!(
        bring(&azure, next, "1.1.0").await,
        1,
        "b has failed, so d was not begun"
    );
    azure.turn_the_page();
    let (found, _) = go_back(&azure, &back(&all)).await;
    let other = "its last roll-out gave it def1 1.0.0, and this return takes back def1 1.1.0; azure-batch-pool rollback of \
                 this pool alone brings it back";
    assert_eq!(ends(&found)[0], "a: returned");
    assert_eq!(ends(&found)[2], format!("d: stays: {other}"));
    let now = state(&azure).await;
    assert!(now.contains("a 2 on 1.0.0") && now.contains("d 2 on 1.0.0"), "{now}");

    let named = checked(&file(&all).with(FROM_VERSION, "1.0.0"));
    let (found, _) = go_back(&azure, &named).await;
    assert_eq!(ends(&found)[0], "a: stays: it is what it was before already");
    assert_eq!(ends(&found)[2], "d: returned");
}

#[tokio::test(start_paused = true)]
async fn pools_whose_former_sizes_do_not_fit_together_go_back_one_after_another() {
    let e = B.replace("pool-id: b", "pool-id: e");
    // For both pools and one node more, which the move of each takes in its turn.
    let azure = world(|seed| seed["batchAccounts"][0]["quotas"] = json!({"dedicatedCores": 4 * 5}));
    rolled_out(&azure, &[B, &e]).await;
    let (found, events) = go_back(&azure, &back(&[B, &e])).await;
    assert_eq!(ends(&found), ["b: returned", "e: returned"]);
    let writes = azure.writes();
    let of = |pool: &str| {
        let is_of = |write: &String| write.contains(&format!("/pools/{pool}"));
        (writes.iter().position(is_of), writes.iter().rposition(is_of))
    };
    assert!(of("b").1 < of("e").0, "{writes:?}");
    let said = "one after another, since not all of them fit at one time: dedicated cores of the account: 20, of which \
                other pools use 16; pools b and e need 16 together";
    assert!(
        events.iter().any(|event| event.to_string().contains(said)),
        "{events:?}"
    );
    assert_eq!(state(&azure).await, "b 2 on 0.9.0, e 2 on 0.9.0");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_others_changed_meanwhile_is_left_alone_before_anything_is_written_to_it() {
    let azure = world(|_| {});
    rolled_out(&azure, &[A, B]).await;
    let formula = json!({"autoScaleFormula": "$TargetDedicatedNodes=1"});
    for pool in ["a", "b-1-0-0"] {
        ask(
            &azure,
            Method::POST,
            &format!("/pools/{pool}/enableautoscale"),
            Some(formula.clone()),
        )
        .await;
    }
    tokio::time::advance(Duration::from_secs(3600)).await;
    azure.turn_the_page();
    let (found, _) = go_back(&azure, &back(&[A, B])).await;
    let all = ends(&found);
    assert!(
        all[1].contains("pool b-1-0-0 follows an autoscale formula by now"),
        "{all:?}"
    );
    assert!(
        !azure.writes().iter().any(|write| write.contains("/pools/b")),
        "{:?}",
        azure.writes()
    );
    // The formula of a pool that is changed in place goes with the version under which it was given.
    assert_eq!(all[0], "a: returned");
}

/// A version that is gone concerns only the pools that ran it.
#[tokio::test(start_paused = true)]
async fn pools_whose_former_version_is_gone_are_left_alone_and_the_others_go_back() {
    let azure = world(another_version);
    assert_eq!(bring(&azure, file(&[A, B]), "0.9.0").await, 2);
    assert_eq!(bring(&azure, file(&[D]), "1.1.0").await, 1);
    assert_eq!(bring(&azure, file(&[A, B, D]), "1.0.0").await, 3);
    deleted(&azure, "0.9.0").await;
    let asked = back(&[A, B, D]);
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = fleet::plan_returns(&client, &asked).await.unwrap();
    let goes = |pool: &PoolReturnPlan| matches!(pool.prospect, Ok(Prospect::Goes(_)));
    assert!(plan.pools.iter().map(goes).eq([false, false, true]), "{plan:?}");
    let (found, events) = go_back(&azure, &asked).await;
    let gone = "cannot go back to def1 0.9.0, which is not there any more";
    assert_eq!(
        ends(&found),
        [
            format!("a: left alone: pool a {gone}"),
            format!("b: left alone: pool b {gone}"),
            "d: returned".to_owned()
        ]
    );
    for pool in ["a", "b"] {
        assert_eq!(told(&events, pool, &format!("stays as it is: pool {pool} {gone}")), 1);
    }
    assert_plans_come_first(&events);
    let writes = azure.writes();
    assert!(writes.iter().all(|write| write.contains("/pools/d")), "{writes:?}");
    assert_eq!(
        state(&azure).await,
        "a 2 on 1.0.0, b 0 on 0.9.0, b-1-0-0 2 on 1.0.0, d 2 on 1.1.0"
    );
}

#[tokio::test(start_paused = true)]
async fn pools_of_several_accounts_go_back_in_one_return() {
    let azure = world(|_| {});
    let there = A.replace("pool-id: a,", &format!("pool-id: a, account: {},", account("acct2")));
    let here = A.replace("pool-id: a,", &format!("pool-id: a, account: {},", account("acct1")));
    let text = format!("{DEFAULTS}pools:\n{here}{there}");
    let values = Values::default()
        .with(POOL_FILE, text)
        .with(SUBSCRIPTIONS, "00000000-0000-0000-0000-0000000005b5");
    for version in ["0.9.0", "1.0.0"] {
        assert_eq!(bring(&azure, values.clone(), version).await, 2);
    }
    let (found, _) = go_back(&azure, &checked(&values)).await;
    assert_eq!(ends(&found), ["a: returned", "a: returned"]);
    let accounts: Vec<String> = found.iter().map(|end| end.account.name()).collect();
    assert_eq!(accounts, ["acct1", "acct2"]);
    let endpoint = BatchEndpoint::parse("acct2.westus2.batch.azure.com").unwrap();
    let request = Request::batch(&endpoint, Method::GET, "/pools/a", "2025-06-01", "ask");
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let pool = client.send(&request).await.unwrap().value();
    assert_eq!(line(&pool), "a 2 on 0.9.0");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_return_says_of_each_pool_what_goes_on_and_begins_no_other() {
    let azure = world(|_| {});
    rolled_out(&azure, &[A, B, D]).await;
    let cancel = CancellationToken::new();
    let (client, _events) = azure.client(&cancel).await;
    let asked = checked(&file(&[A, B, D]).with(MAX_PARALLEL, 2));
    let stopping = async {
        while !azure.writes().iter().any(|write| write == "POST /pools/b/resize") {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        cancel.cancel();
    };
    let (found, ()) = tokio::join!(fleet::return_all(&client, &asked), stopping);
    let found = found.unwrap();
    assert_eq!(ends(&found), ["a: Cancelled", "b: Cancelled", "d: not begun"]);
    let said = |end: &PoolReturn| match &end.end {
        ReturnEnd::Ran(outcome) => outcome.result.as_ref().unwrap_err().report(),
        other => panic!("{other:?}"),
    };
    let (a, b) = (said(&found[0]), said(&found[1]));
    assert!(
        a.contains("pool a goes back to what it was, and that has not come to its end: pool a has"),
        "{a}"
    );
    assert!(b.contains("the resize of pool b to 2 nodes goes on in Azure"), "{b}");
    for text in [&a, &b] {
        assert!(text.contains("run again with the same pool file"), "{text}");
        assert!(!text.contains("azure-batch-pool rollback"), "{text}");
    }
}

/// What the write did is not known, and no node of a pool that may be at work is to be removed.
#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_first_write_of_a_return_says_nothing_of_a_pool_that_may_have_been_made() {
    let azure = world(|_| {});
    rolled_out(&azure, &[A, D]).await;
    azure.fault(json!({"kind": "hang", "method": "PATCH", "path": "*/pools/a"}));
    let client = client(&azure, Duration::from_secs(300)).await;
    let found = fleet::return_all(&client, &back(&[A, D])).await.unwrap();
    assert_eq!(ends(&found)[0], "a: Deadline");
    let ReturnEnd::Ran(outcome) = &found[0].end else {
        panic!("{found:?}")
    };
    let said = outcome.result.as_ref().unwrap_err().report();
    assert!(said.contains("it is not known whether Azure acted on it"), "{said}");
    assert!(
        !said.contains("may exist") && !said.contains("remove its nodes"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_of_which_no_pool_is_there_is_a_mistake() {
    let azure = world(|_| {});
    rolled_out(&azure, &[A, D]).await;
    let others = [A, D].map(|pool| pool.replace("pool-id: ", "pool-id: a-"));
    let asked = back(&[&others[0], &others[1]]);
    let error = fleet::return_all(&client(&azure, ROLLOUT_DEADLINE).await, &asked).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{}", error.report());
    assert!(
        error.report().contains("there is no pool a-a in the account"),
        "{}",
        error.report()
    );
    let some = back(&[A, &others[1]]);
    let (found, _) = go_back(&azure, &some).await;
    assert_eq!(ends(&found), ["a: returned", "a-d: stays: it is not there"]);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_read_holds_no_pool_of_another_back() {
    let azure = world(|_| {});
    rolled_out(&azure, &[A]).await;
    let there = A.replace("pool-id: a,", &format!("pool-id: z, account: {},", account("acct2")));
    let here = A.replace("pool-id: a,", &format!("pool-id: a, account: {},", account("acct1")));
    let gone = there.replace("acct2", "acct3");
    let values = |pools: &[&str]| {
        Values::default()
            .with(POOL_FILE, format!("{DEFAULTS}pools:\n{}", pools.concat()))
            .with(SUBSCRIPTIONS, "00000000-0000-0000-0000-0000000005b5")
    };
    let other = gone.replace("pool-id: z", "pool-id: y");
    let (found, _) = go_back(&azure, &checked(&values(&[&gone, &here, &there, &other]))).await;
    let all = ends(&found);
    assert!(all[0].contains("acct3"), "{all:?}");
    assert_eq!(all[1..3], ["a: returned", "z: stays: it is not there"]);
    assert_eq!(
        all[3],
        "y: left alone: account acct3 could not be read, as is said of another pool"
    );
    let ReturnEnd::Refused(error) = &found[3].end else {
        panic!("{found:?}")
    };
    assert_ne!(error.kind(), ErrorKind::Refused, "the reason of the account counts");

    let failed = fleet::return_all(
        &client(&azure, ROLLOUT_DEADLINE).await,
        &checked(&values(&[&gone, &other])),
    )
    .await;
    assert!(
        failed.unwrap_err().report().contains("acct3"),
        "no pool of it could be looked at"
    );
}
