//! Verbs whose world takes a run of its own to make: the return of a pool, and the deletion of one. Each request of a good
//! run meets what it must outlive; the next run reaches the end, and the one after that writes nothing.

use azure_batch_core::{
    deletion,
    error::{ErrorKind, Result},
    options::{
        fleet::YES,
        pool::{ACCOUNT, POOL_ID},
    },
    rollout,
    settings::{self, Values},
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{good, roll_out, settings as usual, world},
    rollout_in_place::{back, in_place, working},
    support::{Azure, GROUP},
    sweep::Ends,
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
async fn sweep(
    world: impl AsyncFn() -> Azure,
    run: impl AsyncFn(&Azure, &Ends) -> Result<()>,
    state: impl Fn(&Azure) -> String,
) -> usize {
    let azure = world().await;
    run(&azure, &Ends::none()).await.unwrap();
    let (requests, end) = (azure.journal().len(), state(&azure));
    let mut cases = 0;
    for at in 1..=requests {
        // A request meets one of the troubles, its neighbours the others: the world of each case takes a run of its own.
        for (_, trouble) in troubles()
            .into_iter()
            .enumerate()
            .filter(|(kind, _)| (kind + at) % 6 == 0)
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
    let changed = async || {
        let azure = working().await;
        good(roll_out(&azure, &in_place(5)).await);
        azure.turn_the_page();
        azure
    };
    let run = async |azure: &Azure, ends: &Ends| {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        rollout::roll_back(&client, &checked(&back())).await.result
    };
    let cases = sweep(changed, run, pool).await;
    assert!(cases > 20, "only {cases} cases");
    write_count("return", cases);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_deletion_of_a_pool_meets_what_it_must_outlive() {
    let made = async || {
        let azure = world(|_| ());
        good(roll_out(&azure, &usual("acct1", 5)).await);
        azure.turn_the_page();
        azure
    };
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let values = Values::default()
        .with(ACCOUNT, account)
        .with(POOL_ID, "p1")
        .with(YES, true);
    let asked = settings::deletion(&values).unwrap();
    let run = async |azure: &Azure, ends: &Ends| {
        let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
        deletion::run(&client, &asked.settings).await.map(drop)
    };
    let cases = sweep(made, run, pool).await;
    assert!(cases > 3, "only {cases} cases");
    write_count("deletion of a pool", cases);
}
