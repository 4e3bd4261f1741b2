//! The id of a pool whose work has moved to a second one, in roll-outs that make no second pool: they are about the pool
//! that does the work, and never fill the one that has done it.
//!
//! The world is that of `rollout_blue_green`, after its move.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    deletion,
    error::ErrorKind,
    options::{fleet::WITH_JOBS, pool as pool_options},
    rollout::{self, PoolAction},
    settings::{self, ROLLOUT_DEADLINE, RolloutSettings, Strategy, Values},
};
use http::Method;
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, failure, good, image, roll_out},
    rollout_blue_green::{MOVED, back, blue_green, state},
    rollout_in_place::{ask, working},
    support::{Azure, GROUP, lines},
};

/// The work of p1 is on p1-1-0-0.
async fn moved() -> Azure {
    let azure = working().await;
    good(roll_out(&azure, &blue_green(5)).await);
    azure.turn_the_page();
    azure
}

/// A roll-out under the first pool's id.
fn asked(strategy: Strategy, version: &str, dedicated: u32) -> RolloutSettings {
    let mut settings = blue_green(dedicated);
    settings.change.strategy = strategy;
    settings.pool.version = image(version).parse().unwrap();
    settings
}

#[tokio::test(start_paused = true)]
async fn the_default_strategy_compares_and_resizes_the_pool_that_does_the_work() {
    let azure = moved().await;
    let report = good(roll_out(&azure, &asked(Strategy::CreateOnly, "1.0.0", 5)).await);
    assert_eq!(
        (report.pool.as_str(), report.action),
        ("p1-1-0-0", PoolAction::Unchanged)
    );
    let former = asked(Strategy::CreateOnly, "0.9.0", 5);
    let error = failure(&azure, &former).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error
            .report()
            .contains("pool p1-1-0-0 exists and runs def1 1.0.0, not def1 0.9.0"),
        "{}",
        error.report()
    );
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let planned = rollout::plan(&client, &checked(&former)).await;
    assert_eq!(planned.must_fail().kind(), ErrorKind::Refused);
    assert_eq!(azure.writes(), Vec::<String>::new());

    let report = good(roll_out(&azure, &asked(Strategy::CreateOnly, "1.0.0", 7)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Resized, Some(7)));
    assert_eq!(state(&azure).await, MOVED.replace("5 of 5", "7 of 7"));
}

#[tokio::test(start_paused = true)]
async fn in_place_changes_the_pool_that_does_the_work_and_a_rollback_by_the_same_id_undoes_that() {
    let azure = moved().await;
    let wanted = asked(Strategy::InPlace, "0.9.0", 5);
    let report = good(roll_out(&azure, &wanted).await);
    assert_eq!(
        (report.pool.as_str(), report.action),
        ("p1-1-0-0", PoolAction::Replaced)
    );
    let changed = MOVED.replace("5 of 5 on 1.0.0", "5 of 5 on 0.9.0");
    assert_eq!(state(&azure).await, changed);

    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let plan = rollout::plan_return(&client, &checked(&back())).await.unwrap();
    assert_eq!(plan.pool.as_str(), "p1-1-0-0");
    let report = good(rollout::roll_back(&client, &checked(&back())).await);
    assert_eq!(
        (report.pool.as_str(), report.action),
        ("p1-1-0-0", PoolAction::Returned)
    );
    assert_eq!(state(&azure).await, MOVED);
}

#[tokio::test(start_paused = true)]
async fn no_pool_is_made_in_the_place_of_a_former_one_that_is_gone() {
    let azure = moved().await;
    ask(&azure, Method::DELETE, "/pools/p1", None).await;
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    azure.turn_the_page();
    let report = good(roll_out(&azure, &asked(Strategy::CreateOnly, "1.0.0", 5)).await);
    assert_eq!(
        (report.pool.as_str(), report.action, azure.writes()),
        ("p1-1-0-0", PoolAction::Unchanged, Vec::new())
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_successor_is_gone_is_refused_and_a_rollback_gives_it_its_nodes_again() {
    let azure = moved().await;
    ask(&azure, Method::DELETE, "/pools/p1-1-0-0", None).await;
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    azure.turn_the_page();
    for strategy in [Strategy::CreateOnly, Strategy::InPlace] {
        let error = failure(&azure, &asked(strategy, "1.0.0", 5)).await;
        assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
        assert!(
            error
                .report()
                .contains("was replaced by a pool that is not there any more"),
            "{}",
            error.report()
        );
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    good(rollout::roll_back(&client, &checked(&back())).await);
    let report = good(roll_out(&azure, &asked(Strategy::CreateOnly, "0.9.0", 5)).await);
    assert_eq!((report.pool.as_str(), report.action), ("p1", PoolAction::Unchanged));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_of_the_pool_that_does_the_work_says_so() {
    let azure = moved().await;
    let told = async |pool: &str| {
        let values = Values::default()
            .with(
                pool_options::ACCOUNT,
                format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
            )
            .with(pool_options::POOL_ID, pool)
            .with(WITH_JOBS, true);
        let asked = settings::deletion(&values).unwrap();
        let (client, mut events) = azure.client(&CancellationToken::new()).await;
        deletion::run(&client, &asked.settings).await.unwrap();
        lines(&mut events).join("\n")
    };
    let said = told("p1-1-0-0").await;
    assert!(said.contains("pool p1-1-0-0 does the work of pool p1"), "{said}");
    let said = told("p1").await;
    assert!(!said.contains("does the work"), "{said}");
    assert_eq!(azure.writes(), Vec::<String>::new());
}
