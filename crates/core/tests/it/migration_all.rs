//! All pools of an account leave their managed images in one run: one first, then the rest, each with its own end.

use std::time::Duration;

use azure_batch_core::{
    client::Client,
    error::{Error, ErrorKind},
    migration::{self, AllPlan, End, Fate, PoolEnd},
    options::{
        Door,
        fleet::{ALL_POOLS, YES},
        pool::{ACCOUNT, CANARY_COMMAND, CONTINUE_AFTER_FAILURE, STRATEGY},
    },
    settings::{self, ROLLOUT_DEADLINE, Values},
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    estate::{by_id, pool},
    migration::{made_of, managed_image, on_managed_image, state},
    reads_well::MustFail as _,
    rollout::{client, image},
    rollout_in_place::ask,
    support::{Azure, GROUP},
};

/// Pools `first`, `second` and `third` on two images, of each of which a version was made; `other` is on a version.
fn three_pools(change: impl FnOnce(&mut Value)) -> Azure {
    on_managed_image(|seed| {
        made_of(seed, 1, "i2");
        seed["batchAccounts"][0]["pools"] = json!([
            pool("first", by_id(&managed_image("i1")), 2),
            pool("other", by_id(&image("1.0.0")), 1),
            pool("second", by_id(&managed_image("i2")), 2),
            pool("third", by_id(&managed_image("i1")), 1),
        ]);
        change(seed);
    })
}

fn values() -> Values {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    Values::default()
        .with(ACCOUNT, account)
        .with(ALL_POOLS, true)
        .with(YES, true)
}

fn in_place() -> Values {
    values().with(STRATEGY, "in-place")
}

async fn planned(azure: &Azure, values: &Values) -> AllPlan {
    let asked = settings::migration_of_all(values).unwrap();
    let client = client(azure, asked.deadline).await;
    let plan = migration::plan_all(&client, &asked.settings).await;
    plan.unwrap_or_else(|error| panic!("{}", error.report()))
}

async fn moved_within(azure: &Azure, values: &Values, limit: Duration) -> Result<Vec<PoolEnd>, String> {
    let asked = settings::migration_of_all(values).unwrap();
    let client = client(azure, limit).await;
    let ends = migration::run_all(&client, &asked.settings).await;
    ends.map_err(|error| error.report())
}

async fn moved(azure: &Azure, values: &Values) -> Vec<PoolEnd> {
    moved_within(azure, values, ROLLOUT_DEADLINE).await.unwrap()
}

/// Moves all of them, and adds the checks that were skipped to what was said; the first failure is the end.
pub(crate) async fn moved_by(client: &Client, said: &mut Vec<String>) -> Result<(), Error> {
    let asked = settings::migration_of_all(&values()).unwrap();
    for it in migration::run_all(client, &asked.settings).await? {
        match it.end {
            End::Ran(_, outcome) => {
                said.extend(outcome.report.skipped_checks);
                outcome.result?;
            }
            End::Stays(error) => return Err(error),
            End::NotBegun(_) | End::Done(_) => {}
        }
    }
    Ok(())
}

/// Each pool with its wave and how it ended, one a line.
fn shown(ends: &[PoolEnd]) -> Vec<String> {
    let end = |end: &End| match end {
        End::Ran(_, outcome) => match &outcome.result {
            Ok(()) => format!("{:?}", outcome.report.action),
            Err(error) => format!("failed: {:?}", error.kind()),
        },
        End::NotBegun(_) => "not begun".to_owned(),
        End::Stays(error) => format!("stays: {:?}", error.kind()),
        End::Done(done) => done.headline(),
    };
    ends.iter()
        .map(|it| format!("{} {}: {}", it.wave, it.pool, end(&it.end)))
        .collect()
}

const ALL_IN_PLACE: &str = "first 2 on 1.0.0, other 1 on 1.0.0, second 2 on 0.9.0, third 1 on 1.0.0";

#[tokio::test(start_paused = true)]
async fn all_pools_of_an_account_move_to_the_versions_of_their_images_one_first_and_then_the_rest() {
    let azure = three_pools(|_| ());
    let plan = planned(&azure, &in_place()).await;
    let pools: Vec<(usize, &str)> = plan.fleet.pools.iter().map(|it| (it.wave, it.pool.as_str())).collect();
    assert_eq!(pools, [(1, "first"), (2, "second"), (2, "third")]);
    let whys: Vec<&str> = plan.whys.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "the image version is def1 1.0.0: managed image i1 is its source",
            "the image version is def1 0.9.0: managed image i2 is its source",
            "the image version is def1 1.0.0: managed image i1 is its source"
        ]
    );
    assert!(
        plan.fleet
            .pools
            .iter()
            .all(|it| it.plan.as_ref().is_ok_and(|plan| !plan.is_done()))
    );
    assert_eq!(azure.writes(), Vec::<String>::new());

    let ends = moved(&azure, &in_place()).await;
    assert_eq!(
        shown(&ends),
        ["1 first: Replaced", "2 second: Replaced", "2 third: Replaced"]
    );
    assert_eq!(state(&azure).await, ALL_IN_PLACE);
    let writes = azure.writes();
    let of = |pool: &str| {
        writes
            .iter()
            .map(|write| write.contains(&format!("/pools/{pool}")))
            .collect::<Vec<_>>()
    };
    let last_of_first = of("first").iter().rposition(|is| *is).unwrap();
    let first_of_rest = of("second")
        .iter()
        .zip(of("third"))
        .position(|(second, third)| *second || third)
        .unwrap();
    assert!(last_of_first < first_of_rest, "{writes:#?}");

    azure.turn_the_page();
    assert_eq!(shown(&moved(&azure, &in_place()).await), [""; 0]);
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn pools_whose_work_a_second_pool_does_are_done_when_the_run_comes_again() {
    let azure = three_pools(|_| ());
    let ends = moved(&azure, &values().with(STRATEGY, "blue-green")).await;
    assert_eq!(shown(&ends), ["1 first: Moved", "2 second: Moved", "2 third: Moved"]);
    azure.turn_the_page();
    assert_eq!(
        shown(&moved(&azure, &values()).await),
        [
            "0 first: Pool first-1-0-0 does the work of pool first already.",
            "0 second: Pool second-0-9-0 does the work of pool second already.",
            "0 third: Pool third-1-0-0 does the work of pool third already."
        ]
    );
    assert_eq!(planned(&azure, &values()).await.done.len(), 3);
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_pool_without_a_version_keeps_all_others_as_they_are_unless_they_may_go_on() {
    let azure = three_pools(|seed| made_of(seed, 1, "others"));
    let ends = moved(&azure, &in_place()).await;
    assert_eq!(
        shown(&ends),
        ["1 first: not begun", "2 third: not begun", "0 second: stays: BadInput"]
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
    let End::Stays(error) = &ends[2].end else {
        panic!("it stays")
    };
    let report = error.report_for(Door::Flag);
    for part in [
        "no image version was made of managed image i2",
        "--continue-after-failure",
    ] {
        assert!(report.contains(part), "{part:?} is not in\n{report}");
    }
    let plan = planned(&azure, &in_place()).await;
    let last = plan.fleet.pools.last().unwrap();
    assert!(last.pool.as_str() == "second" && last.plan.is_err());

    let ends = moved(&azure, &in_place().with(CONTINUE_AFTER_FAILURE, true)).await;
    assert_eq!(
        shown(&ends),
        ["1 first: Replaced", "2 third: Replaced", "0 second: stays: BadInput"]
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_no_further_pool_is_touched() {
    let azure = three_pools(|_| ());
    let bad = values().with(STRATEGY, "blue-green").with(CANARY_COMMAND, "exit 3");
    let ends = moved(&azure, &bad).await;
    assert_eq!(
        shown(&ends),
        ["1 first: failed: Returned", "2 second: not begun", "2 third: not begun"]
    );
    let writes = azure.writes();
    assert!(
        !writes
            .iter()
            .any(|write| write.contains("second") || write.contains("third")),
        "{writes:#?}"
    );
}

/// What another client does to the second pool, and how that is told: once it was found, and before its turn.
fn rivals() -> [(&'static str, &'static str, Value, &'static str); 3] {
    let size = json!({"targetDedicatedNodes": 7, "targetLowPriorityNodes": 0});
    let formula = json!({"autoScaleFormula": "$TargetDedicatedNodes = 6;"});
    [
        (
            "POST",
            "/pools/second/resize",
            size,
            "7 nodes there, 2 when it was found",
        ),
        ("POST", "/pools/second/enableautoscale", formula, "autoscale formula"),
        (
            "DELETE",
            "/pools/second",
            Value::Null,
            "pool second was deleted meanwhile",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_another_client_changes_before_its_turn_keeps_that_and_is_not_made_again() {
    for strategy in ["in-place", "blue-green"] {
        for (method, path, body, said) in rivals() {
            let azure = three_pools(|_| ());
            azure.fault(
                json!({"kind": "rival", "method": "PATCH", "path": "/pools/first", "occurrence": {"nth": 1},
                "write": {"method": method, "path": path, "body": body}}),
            );
            let asked = values().with(STRATEGY, strategy).with(CONTINUE_AFTER_FAILURE, true);
            let ends = moved(&azure, &asked).await;
            let case = format!("{strategy}, {method} {path}: {:?}", shown(&ends));
            assert_eq!(shown(&ends)[1], "2 second: failed: Refused", "{case}");
            let End::Ran(_, outcome) = &ends[1].end else {
                panic!("{case}")
            };
            let report = outcome.result.as_ref().unwrap_err().report();
            assert!(report.contains(said), "{case}\n{report}");
            let writes = azure.writes();
            assert!(
                !writes.iter().any(|write| write.contains("/pools/second")),
                "{case}: {writes:#?}"
            );
            assert_eq!(
                writes.iter().filter(|write| *write == "POST /pools").count(),
                usize::from(strategy != "in-place") * 2
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_that_has_begun_is_finished_before_the_room_for_the_others_is_looked_at() {
    let asked = values().with(STRATEGY, "blue-green");
    for seconds in [40, 80, 120, 160] {
        let azure = three_pools(|seed| {
            let account = &mut seed["batchAccounts"][0];
            let two = ["first", "second"];
            let pools = account["pools"].as_array_mut().unwrap();
            pools.retain(|pool| two.iter().any(|id| pool["id"] == *id));
            // For both and one node more, which the first of them takes.
            account["quotas"] = json!({"dedicatedCores": 4 * 5});
        });
        drop(moved_within(&azure, &asked, Duration::from_secs(seconds)).await);
        let killed = state(&azure).await;
        assert!(
            killed.contains("first-1-0-0") && !killed.contains("second-"),
            "{killed}"
        );
        let ends = shown(&moved(&azure, &asked).await);
        assert_eq!(
            ends,
            ["1 first: Moved", "2 second: Moved"],
            "killed after {seconds} s: {killed}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_killed_is_finished_by_the_same_command_and_the_list_shows_what_is_under_way() {
    let azure = three_pools(|_| ());
    let (mut runs, mut listed_on_its_way) = (0, false);
    while state(&azure).await != ALL_IN_PLACE || is_under_way(&azure).await {
        runs += 1;
        assert!(runs < 40, "{}", state(&azure).await);
        drop(moved_within(&azure, &in_place(), Duration::from_secs(100)).await);
        let now = ask(&azure, Method::GET, "/pools/first", None).await.to_string();
        if now.contains("versions/1.0.0") && is_under_way(&azure).await && !listed_on_its_way {
            listed_on_its_way = lists_first_on_its_way(&azure).await;
            assert!(listed_on_its_way, "{now}");
        }
    }
    assert!(runs > 2 && listed_on_its_way, "it was killed in the middle");
    let ends = moved(&azure, &in_place()).await;
    assert_eq!(shown(&ends), [""; 0]);
}

/// Whether the list still finds a change to go on with.
async fn is_under_way(azure: &Azure) -> bool {
    !planned(azure, &in_place()).await.fleet.pools.is_empty()
}

/// Whether the list of pools to migrate has the first pool, as one that is on its way.
async fn lists_first_on_its_way(azure: &Azure) -> bool {
    let asked = settings::migration_list(&Values::default()).unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let report = migration::list(&client, &asked.settings).await.unwrap();
    let first = report.pools.iter().find(|it| it.pool.as_str() == "first");
    first.is_some_and(|it| matches!(it.fate, Fate::UnderWay { .. }))
}

#[tokio::test(start_paused = true)]
async fn an_account_without_such_pools_has_nothing_to_move() {
    let azure = on_managed_image(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([pool("other", by_id(&image("1.0.0")), 1)]);
    });
    assert_eq!(shown(&moved(&azure, &values()).await), [""; 0]);
    assert_eq!(azure.writes(), Vec::<String>::new());
    let plan = planned(&azure, &values()).await;
    assert!(plan.fleet.pools.is_empty() && plan.done.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_pools_cannot_be_read_is_the_reason() {
    let azure = three_pools(|_| ());
    azure.fault(
        json!({"kind": "status", "method": "GET", "path": "*/pools", "occurrence": "every", "status": 403,
        "code": "AuthorizationPermissionMismatch", "message": "no"}),
    );
    let asked = settings::migration_of_all(&values()).unwrap();
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let error = migration::run_all(&client, &asked.settings).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::NoRights, "{}", error.report());
    assert_eq!(azure.writes(), Vec::<String>::new());
}
