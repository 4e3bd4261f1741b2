//! The other ways to a pool's size, and every request of them meets what it must outlive, and every look a rival: a pool of
//! others that gets settings while it is being resized, a formula, dedicated nodes that stand in for spot nodes.
//!
//! How a pool is made and grows in rounds is swept in `rollout_sweep`; here rivals meet that, too.

use std::time::Duration;

use azure_batch_core::{
    error::Result,
    rollout,
    settings::{Adopt, PendingResize, RolloutSettings, Share, SpotCounts, SpotFallback},
};
use serde_json::json;

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{foreign_pool, settings, world},
    rollout_autoscale::following,
    rollout_in_place_sweep::settle,
    support::Azure,
    sweep::{
        Ends, OUTLIVED, Sweep,
        rivals::{OF_ONE_POOL, Rivals},
    },
};

async fn run(azure: Azure, ends: Ends, settings: RolloutSettings) -> Result<()> {
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    fastrand::seed(7);
    rollout::run(&client, &checked(&settings)).await.result
}

/// Sweeps and lets rivals in, and says how many cases were run and how many writes of rivals were taken.
fn swept(
    world: impl Fn() -> Azure + Sync,
    settings: impl Fn() -> RolloutSettings + Sync,
    (troubles, one_of): (&'static [&'static str], (usize, usize)),
) -> (usize, usize) {
    let flow = |azure, ends| run(azure, ends, settings());
    let sweep = Sweep {
        troubles,
        one_of: one_of.0,
        world: &world,
        flow,
        settle: |resources| settle(resources),
    };
    let rivals = Rivals {
        who: OF_ONE_POOL,
        one_of: one_of.1,
        world: async || world(),
        flow,
    };
    (sweep.run(), rivals.run())
}

/// A pool of others that another client begins to resize right before the run looks at it.
fn being_resized() -> Azure {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 2)]));
    let write = json!({"method": "POST", "path": "/pools/p1/resize",
        "body": {"targetDedicatedNodes": 9, "targetLowPriorityNodes": 0}});
    azure.fault(json!({"kind": "rival", "method": "GET", "path": "/pools/p1", "write": write}));
    azure
}

fn with_settings() -> RolloutSettings {
    let mut settings = settings("acct1", 4);
    settings.policy.adopt = Adopt::Yes;
    settings.policy.resize.pending = PendingResize::Stop;
    settings.pool.json = json!({"startTask": {"commandLine": "true"}})
        .as_object()
        .unwrap()
        .clone()
        .into();
    settings
}

/// One dedicated node and three spot nodes, of which Azure has room for one.
fn falling_back() -> RolloutSettings {
    let mut settings = settings("acct1", 1);
    settings.pool.targets.spot = 3;
    settings.pool.targets.spot_counts = SpotCounts::WhenAlone;
    settings.policy.resize.rounds = 1;
    settings.policy.spot_fallback = Some(SpotFallback {
        most: Share::Nodes(2),
        after: Duration::from_secs(60),
    });
    settings
}

#[test]
fn every_request_of_settings_for_a_pool_that_others_resize_meets_what_it_must_outlive() {
    let (cases, taken) = swept(being_resized, with_settings, (OUTLIVED, (3, 5)));
    assert!(cases > 15 && taken > 10, "only {cases} cases and {taken} rivals");
    write_count("settings for a pool that others resize", cases);
    write_count("settings for a pool that others resize, with rivals", taken);
}

#[test]
fn every_request_of_a_new_pool_with_a_formula_meets_what_it_must_outlive() {
    let formula = || following("$TargetDedicatedNodes = 3");
    // Nodes that a formula did not get come with one of its next evaluations, or not: that is Azure's to say.
    let (_, outlived) = OUTLIVED.split_last().unwrap();
    let (cases, taken) = swept(|| world(|_| {}), formula, (outlived, (4, 5)));
    assert!(cases > 15 && taken > 10, "only {cases} cases and {taken} rivals");
    write_count("new pool with a formula", cases);
    write_count("new pool with a formula, with rivals", taken);
}

#[test]
fn every_request_of_nodes_that_stand_in_meets_what_it_must_outlive() {
    let room = || world(|seed| seed["batchAccounts"][0]["quotas"] = json!({"lowPriorityCores": 4}));
    let (cases, taken) = swept(room, falling_back, (OUTLIVED, (6, 13)));
    assert!(cases > 15 && taken > 10, "only {cases} cases and {taken} rivals");
    write_count("nodes that stand in", cases);
    write_count("nodes that stand in, with rivals", taken);
}

/// Azure has no room for the first size of a new pool, which gets the next one.
#[test]
fn every_request_of_another_vm_size_meets_what_it_must_outlive() {
    let full = || {
        let azure = world(|_| {});
        azure.fault(
            json!({"kind": "allocationFailed", "code": "OverconstrainedAllocationRequestError",
            "target": "acct1/p1"}),
        );
        azure
    };
    let with_sizes = || {
        let mut settings = settings("acct1", 5);
        settings.pool.fallback_vm_sizes = vec!["Standard_D8s_v5".parse().unwrap()];
        settings
    };
    let flow = |azure, ends| run(azure, ends, with_sizes());
    let sweep = Sweep {
        troubles: OUTLIVED,
        one_of: 2,
        world: full,
        flow,
        // A run that ends before it asks for nodes does not meet the shortage: the next one gets the first size.
        settle: |resources| {
            let mut settled = settle(resources);
            for pool in settled["batch"].as_object_mut().unwrap().values_mut() {
                if let Some(fields) = pool.as_object_mut().filter(|fields| fields.contains_key("vmSize")) {
                    fields.retain(|name, _| !["vmSize", "metadata"].contains(&name.as_str()));
                }
            }
            settled
        },
    };
    let rivals = Rivals {
        who: OF_ONE_POOL,
        one_of: 3,
        world: async || full(),
        flow,
    };
    let (cases, taken) = (sweep.run(), rivals.run());
    assert!(cases > 15 && taken > 10, "only {cases} cases and {taken} rivals");
    write_count("another VM size", cases);
    write_count("another VM size, with rivals", taken);
}

#[test]
fn whatever_a_rival_does_while_a_new_pool_grows_in_rounds_is_not_undone() {
    let rivals = Rivals {
        who: OF_ONE_POOL,
        one_of: 5,
        world: async || {
            let azure = world(|_| {});
            azure.fault(json!({"kind": "allocationFailed", "deliver": 1, "target": "acct1/p1"}));
            azure
        },
        flow: |azure, ends| run(azure, ends, settings("acct1", 4)),
    };
    let taken = rivals.run();
    assert!(taken > 15, "only {taken} writes of rivals were taken");
    write_count("roll-out with rivals", taken);
}
