//! Every request of a migration of all pools of an account meets what it must outlive, and every look a rival of one of
//! them: in place, and by second pools.
//!
//! The world is that of `migration`, with two pools, of which the first works on a job.

use azure_batch_core::{
    error::{Error, ErrorKind, Result},
    migration::{self, End, PoolEnd},
    options::{
        fleet::{ALL_POOLS, YES},
        pool::{ACCOUNT, CANARY_COMMAND, CANARY_NODES, STRATEGY},
    },
    settings::{self, Values},
};
use serde_json::{Value, json};

use crate::{
    estate::{by_id, pool},
    migration::{made_of, managed_image, on_managed_image},
    publish_sweep::write_count,
    rivals_sweep::OF_THE_SECOND,
    rollout_blue_green_sweep::settle as settle_two,
    rollout_in_place_sweep::settle as settle_one,
    support::{Azure, GROUP},
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{OF_POOL_AND_JOB, OF_TWO_POOLS, Rivals},
    },
};

/// With room for the pools and one node more.
fn azure() -> Azure {
    on_managed_image(|seed| {
        made_of(seed, 1, "i2");
        let account = &mut seed["batchAccounts"][0];
        account["pools"] = json!([
            pool("p1", by_id(&managed_image("i1")), 2),
            pool("p2", by_id(&managed_image("i2")), 1),
        ]);
        account["quotas"] = json!({"dedicatedCores": 4 * 4});
        let task = |number: u32| json!({"id": format!("t{number}"), "commandLine": "sleep 60"});
        let tasks: Vec<Value> = (0..6).map(task).collect();
        account["jobs"] = json!([{"id": "busy", "poolInfo": {"poolId": "p1"}, "tasks": tasks}]);
    })
}

/// How far the work has come depends on how long a run took; that none of it was lost does not. The job that tried an
/// image is named after the time, and on its way out.
fn settle(resources: Value) -> Value {
    let mut resources = settle_two(settle_one(resources));
    let all = resources["batch"].as_object_mut().unwrap();
    let is_going = |id: &str, item: &Value| id.contains("/jobs/azure-batch-canary-") && item["state"] == "deleting";
    let going: Vec<String> = all
        .iter()
        .filter(|(id, item)| is_going(id, item))
        .map(|(id, _)| id.clone())
        .collect();
    all.retain(|id, _| !going.iter().any(|job| id.starts_with(job.as_str())));
    for (id, item) in all {
        if id.ends_with("/tasks") {
            *item = json!({"requeues": item["requeues"], "failed": item["taskCounts"]["failed"]});
        }
    }
    resources
}

/// Finds out what is left, and does it. What becomes of one pool is not to be the end of the other.
async fn migrate_all(azure: Azure, ends: Ends, strategy: &str) -> Result<()> {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let values = Values::default()
        .with(ACCOUNT, account)
        .with(ALL_POOLS, true)
        .with(YES, true)
        .with(STRATEGY, strategy)
        .with(CANARY_NODES, "1")
        .with(CANARY_COMMAND, "true");
    let asked = settings::migration_of_all(&values).unwrap();
    fastrand::seed(7);
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    let all = migration::run_all(&client, &asked.settings).await?;
    let failed: Vec<Error> = all.into_iter().filter_map(failure).collect();
    let ends_run = |error: &Error| matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline);
    let is_of_one = failed.len() < 2 || failed.iter().all(ends_run);
    assert!(is_of_one, "what meets one pool is the end of both: {failed:?}");
    failed.into_iter().next().map_or(Ok(()), Err)
}

fn failure(it: PoolEnd) -> Option<Error> {
    match it.end {
        End::Ran(_, outcome) => outcome.result.err(),
        End::Stays(error) => Some(error),
        End::NotBegun(_) | End::Done(_) => None,
    }
}

async fn in_place(azure: Azure, ends: Ends) -> Result<()> {
    migrate_all(azure, ends, "in-place").await
}

async fn by_second_pools(azure: Azure, ends: Ends) -> Result<()> {
    migrate_all(azure, ends, "blue-green").await
}

#[test]
fn every_request_of_a_migration_of_all_pools_in_place_meets_what_it_must_outlive() {
    let sweep = Sweep {
        troubles: OUTLIVED,
        one_of: 13,
        world: azure,
        flow: in_place,
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 20, "only {cases} cases");
    write_count("migration of all pools in place", cases);
}

#[test]
fn every_request_of_a_migration_of_all_pools_by_second_pools_meets_what_it_must_outlive() {
    let sweep = Sweep {
        troubles: OUTLIVED,
        one_of: 17,
        world: azure,
        flow: by_second_pools,
        settle,
    };
    let cases = sweep.run();
    assert!(cases > 20, "only {cases} cases");
    write_count("migration of all pools by second pools", cases);
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_migration_of_all_pools_in_place_is_not_undone() {
    let of = |who, one_of| Rivals {
        who,
        one_of,
        world: async || azure(),
        flow: in_place,
    };
    let taken = of(OF_POOL_AND_JOB, 37).run() + of(OF_THE_SECOND, 23).run();
    assert!(taken > 30, "only {taken} writes of rivals were taken");
    write_count("migration of all pools in place with rivals", taken);
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_migration_of_all_pools_by_second_pools_is_not_undone() {
    let of = |who, one_of| Rivals {
        who,
        one_of,
        world: async || azure(),
        flow: by_second_pools,
    };
    let taken = of(OF_TWO_POOLS, 61).run() + of(OF_THE_SECOND, 31).run();
    assert!(taken > 30, "only {taken} writes of rivals were taken");
    write_count("migration of all pools by second pools with rivals", taken);
}
