//! Every request of a migration meets what it must outlive, and every look a rival: in place, and by a second pool.
//!
//! The world is that of `migration`, with a job on the pool.

use azure_batch_core::{
    error::Result,
    migration::{self, Migration},
    options::pool::{CANARY_COMMAND, CANARY_NODES, STRATEGY},
    rollout,
    settings::{self, Values},
};
use serde_json::json;

use crate::{
    migration::{on_managed_image, values},
    publish_sweep::write_count,
    rollout_blue_green_sweep::settle as settle_two,
    rollout_in_place_sweep::settle as settle_one,
    support::Azure,
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{OF_ONE_POOL, OF_TWO_POOLS, Rivals},
    },
};

/// With room for the pool and one node more.
fn azure() -> Azure {
    on_managed_image(|seed| {
        let account = &mut seed["batchAccounts"][0];
        account["pools"][0]["targetDedicatedNodes"] = json!(2);
        account["quotas"] = json!({"dedicatedCores": 4 * 3});
        account["jobs"] = json!([{"id": "busy", "poolInfo": {"poolId": "p1"}}]);
    })
}

fn by(strategy: &str) -> Values {
    values()
        .with(STRATEGY, strategy)
        .with(CANARY_NODES, "1")
        .with(CANARY_COMMAND, "true")
}

/// Finds out what is left, and does it.
async fn migrate(azure: Azure, ends: Ends, values: Values) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    fastrand::seed(7);
    let asked = settings::migration(&values).unwrap().settings;
    match migration::resolve(&client, &asked).await? {
        Migration::Moves(moves) => rollout::run(&client, &moves.settings).await.result,
        Migration::Done(_) => Ok(()),
    }
}

async fn in_place(azure: Azure, ends: Ends) -> Result<()> {
    migrate(azure, ends, by("in-place")).await
}

async fn by_second_pool(azure: Azure, ends: Ends) -> Result<()> {
    migrate(azure, ends, by("blue-green")).await
}

#[test]
fn every_request_of_a_migration_in_place_meets_what_it_must_outlive() {
    let sweep = Sweep {
        troubles: OUTLIVED,
        one_of: 7,
        world: azure,
        flow: in_place,
        settle: settle_one,
    };
    let cases = sweep.run();
    assert!(cases > 20, "only {cases} cases");
    write_count("migration in place", cases);
}

#[test]
fn every_request_of_a_migration_by_a_second_pool_meets_what_it_must_outlive() {
    let sweep = Sweep {
        troubles: OUTLIVED,
        one_of: 11,
        world: azure,
        flow: by_second_pool,
        settle: settle_two,
    };
    let cases = sweep.run();
    assert!(cases > 20, "only {cases} cases");
    write_count("migration by a second pool", cases);
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_migration_is_not_undone() {
    let one = Rivals {
        who: OF_ONE_POOL,
        one_of: 11,
        world: async || azure(),
        flow: in_place,
    };
    let two = Rivals {
        who: OF_TWO_POOLS,
        one_of: 23,
        world: async || azure(),
        flow: by_second_pool,
    };
    let taken = one.run() + two.run();
    assert!(taken > 30, "only {taken} writes of rivals were taken");
    write_count("migration with rivals", taken);
}
