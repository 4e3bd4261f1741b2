//! Another client writes while pools are deleted, one or all expired ones, while a pool is waited for, and while a file of
//! two pools is rolled out.
//!
//! What such runs must outlive besides is in `verbs_sweep`, rivals of a single pool's roll-outs next to their sweeps.

use azure_batch_core::{
    deletion,
    error::{Error, ErrorKind, Result},
    fleet,
    options::{
        fleet::{EXPIRED, YES},
        pool::{ACCOUNT, IMAGE_VERSION, POOL_FILE, POOL_ID},
    },
    rollout,
    settings::{self, Values},
};
use azure_emulator::journal::Entry;
use serde_json::{Value, json};

use crate::{
    publish_sweep::write_count,
    rollout::{foreign_pool, image, resize_by_somebody, world},
    support::{Azure, GROUP, lines},
    sweep::{
        Ends,
        rivals::{DELETES, OF_ONE_POOL, PATCHES, RESIZES, Rival, Rivals, SCALES, Since, Told, pool},
    },
};

const LATER: &str = r#"{"v":1,"at":"2027-01-01T00:00:00Z","after":31536000}"#;

/// Who changes an expired pool without wanting it longer: it goes all the same.
const OF_AN_EXPIRED_POOL: &[Rival] = &[
    DELETES,
    Rival {
        is_there: is_gone,
        ..RESIZES
    },
    Rival {
        is_there: is_gone,
        ..SCALES
    },
    Rival {
        is_there: is_gone,
        ..PATCHES
    },
    Rival {
        name: "wants the pool for longer",
        method: "PATCH",
        path: "/pools/p1",
        body: || metadata(LATER),
        pool: "p1",
        is_there: |pool| pool["state"] == "active" && pool["metadata"] == metadata(LATER)["metadata"],
        told: Told::Always,
    },
    MAKES_ANOTHER,
];

/// Who changes a pool that is to go: it goes all the same, unless it is not ours any more.
const OF_A_POOL_THAT_GOES: &[Rival] = &[
    DELETES,
    Rival {
        is_there: is_gone,
        ..RESIZES
    },
    Rival {
        is_there: is_gone,
        ..SCALES
    },
    Rival {
        is_there: is_gone,
        ..PATCHES
    },
    Rival {
        name: "takes the mark of roll-outs off the pool",
        method: "PATCH",
        path: "/pools/p1",
        body: || json!({"metadata": [{"name": "team", "value": "render"}]}),
        pool: "p1",
        is_there: |pool| pool["state"] == "active" && pool["metadata"][0]["name"] == "team",
        told: Told::Always,
    },
    MAKES_ANOTHER,
];

/// Makes pool p1 where it is gone.
const MAKES_ANOTHER: Rival = Rival {
    name: "makes a pool of that name again",
    method: "POST",
    path: "/pools",
    body: || {
        let mut pool = foreign_pool("1.0.0", 0);
        pool["id"] = json!("p1");
        pool["targetDedicatedNodes"] = json!(2);
        pool
    },
    pool: "p1",
    is_there: |pool| pool["state"] == "active" && pool["targetDedicatedNodes"] == 2,
    told: Told::Always,
};
/// Gives pool p1 a job.
const SUBMITS_A_JOB: Rival = Rival {
    name: "submits a job",
    method: "POST",
    path: "/jobs",
    body: || json!({"id": "late", "poolInfo": {"poolId": "p1"}}),
    pool: "jobs/late",
    is_there: |job| job["state"] == "active",
    told: Told::Always,
};

const RESIZES_THE_SECOND: Rival = Rival {
    name: "resizes the second pool",
    path: "/pools/p2/resize",
    pool: "p2",
    ..RESIZES
};
const DELETES_THE_SECOND: Rival = Rival {
    name: "deletes the second pool",
    path: "/pools/p2",
    pool: "p2",
    ..DELETES
};
const SCALES_THE_SECOND: Rival = Rival {
    name: "switches autoscale on for the second pool",
    path: "/pools/p2/enableautoscale",
    pool: "p2",
    ..SCALES
};
const PATCHES_THE_SECOND: Rival = Rival {
    name: "changes the start task of the second pool",
    path: "/pools/p2",
    pool: "p2",
    ..PATCHES
};
/// Who changes pool p2.
pub(crate) const OF_THE_SECOND: &[Rival] = &[
    RESIZES_THE_SECOND,
    DELETES_THE_SECOND,
    SCALES_THE_SECOND,
    PATCHES_THE_SECOND,
];

fn is_gone(pool: &Value) -> bool {
    pool.is_null() || pool["state"] == "deleting"
}

fn metadata(expiry: &str) -> Value {
    json!({"metadata": [{"name": "azure-batch-spec", "value": "v0:example"},
        {"name": "azure-batch-expiry", "value": expiry}]})
}

/// A pool of ours with two nodes whose time is over.
fn expired() -> Azure {
    world(|seed| {
        let mut pool = foreign_pool("1.0.0", 2);
        pool["metadata"] = metadata(r#"{"v":1,"at":"2025-12-31T00:00:00Z","after":3600}"#)["metadata"].clone();
        seed["batchAccounts"][0]["pools"] = json!([pool]);
        // A rival writes to the account that the request goes to.
        seed["batchAccounts"].as_array_mut().unwrap().truncate(1);
    })
}

async fn delete_expired(azure: Azure, ends: Ends) -> Result<()> {
    let asked = settings::expired(&Values::default().with(EXPIRED, true).with(YES, true)).unwrap();
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    let report = deletion::expired::run(&client, &asked.settings).await?;
    report
        .failure()
        .map_or(Ok(()), |kind| Err(Error::new(kind, format!("{report:?}"))))
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_deletion_of_expired_pools_is_not_undone() {
    let rivals = Rivals {
        who: OF_AN_EXPIRED_POOL,
        one_of: 1,
        world: async || expired(),
        flow: delete_expired,
    };
    let taken = rivals.run_since(Since::FirstLook);
    assert!(taken > 30, "only {taken} writes of rivals were taken");
    write_count("deletion of expired pools with rivals", taken);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_an_expired_pool_into_use_before_the_last_look_keeps_it() {
    let good = expired();
    delete_expired(good.clone(), Ends::none()).await.unwrap();
    let journal = good.journal();
    let deletion = journal.iter().find(|entry| entry.method == "DELETE").unwrap().number;
    // Batch takes no condition on jobs, so one that comes after the look at them is not seen.
    let is_look = |entry: &&Entry| entry.path == "/jobs" && entry.number < deletion;
    let look = journal.iter().rev().find(is_look).unwrap().number;
    let before = journal.iter().filter(|entry| entry.number <= look);
    let to_batch =
        before.filter(|entry| !entry.path.starts_with("/subscriptions/") && !entry.path.contains("/oauth2/"));
    let numbers: Vec<u64> = to_batch.map(|entry| entry.number).collect();
    let write = json!({"method": "POST", "path": "/jobs", "body": {"id": "late", "poolInfo": {"poolId": "p1"}}});
    let mut taken = 0;
    for number in numbers {
        let azure = expired();
        azure.fault(json!({"kind": "rival", "request": number, "write": write}));
        delete_expired(azure.clone(), Ends::none()).await.unwrap();
        if azure.emulator(|emulator, _| emulator.faults().iter().any(|fault| fault.hits > 0)) {
            taken += 1;
            assert_eq!(pool(&azure.resources(), "p1")["state"], "active", "request {number}");
        }
    }
    assert!(taken > 3, "only {taken} jobs were taken");
}

/// A pool of ours with so many nodes.
fn own(nodes: u32) -> Azure {
    world(|seed| {
        let mut pool = foreign_pool("1.0.0", nodes);
        pool["metadata"] = json!([{"name": "azure-batch-spec", "value": "v0:example"}]);
        seed["batchAccounts"][0]["pools"] = json!([pool]);
        seed["batchAccounts"].as_array_mut().unwrap().truncate(1);
    })
}

/// Pool p1 of acct1.
fn of_pool() -> Values {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    Values::default().with(ACCOUNT, account).with(POOL_ID, "p1")
}

async fn delete_one(azure: Azure, ends: Ends) -> Result<()> {
    deleted_saying(&azure, &ends).await.0
}

/// The same with what it said.
async fn deleted_saying(azure: &Azure, ends: &Ends) -> (Result<()>, String) {
    let asked = settings::deletion(&of_pool().with(YES, true)).unwrap();
    let (client, mut events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    let ended = deletion::run(&client, &asked.settings).await.map(drop);
    (ended, lines(&mut events).join("\n"))
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_deletion_of_a_pool_is_not_undone() {
    let rivals = Rivals {
        who: OF_A_POOL_THAT_GOES,
        one_of: 1,
        world: async || own(2),
        flow: delete_one,
    };
    let taken = rivals.run_since(Since::FirstLook);
    assert!(taken > 25, "only {taken} writes of rivals were taken");
    write_count("deletion of a pool with rivals", taken);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_a_pool_into_use_keeps_it_until_the_last_look_and_is_named_after_it() {
    let good = own(2);
    delete_one(good.clone(), Ends::none()).await.unwrap();
    let journal = good.journal();
    let deletion = journal.iter().find(|entry| entry.method == "DELETE").unwrap().number;
    let look = journal
        .iter()
        .rev()
        .find(|entry| entry.path == "/jobs" && entry.number < deletion);
    // Batch takes no condition on jobs: none of its requests lies between the look and the deletion.
    assert_eq!(look.unwrap().number, deletion - 1);
    let to_batch = journal
        .iter()
        .filter(|entry| !entry.path.starts_with("/subscriptions/"));
    let numbers = to_batch.filter(|entry| !entry.path.contains("/oauth2/") && entry.number <= deletion);
    let write = json!({"method": SUBMITS_A_JOB.method, "path": SUBMITS_A_JOB.path, "body": (SUBMITS_A_JOB.body)()});
    let mut taken = 0;
    for number in numbers.map(|entry| entry.number) {
        let azure = own(2);
        azure.fault(json!({"kind": "rival", "request": number, "write": write}));
        let (ended, said) = deleted_saying(&azure, &Ends::none()).await;
        assert!(
            azure.emulator(|emulator, _| emulator.faults().iter().any(|fault| fault.hits > 0)),
            "{number}"
        );
        taken += 1;
        let resources = azure.resources();
        if number < deletion {
            assert_eq!(ended.unwrap_err().kind(), ErrorKind::Refused, "request {number}");
            assert_eq!(pool(&resources, "p1")["state"], "active", "request {number}");
        } else {
            ended.unwrap();
            assert!(
                said.contains("active jobs came to pool p1 while it was deleted: late."),
                "{said}"
            );
        }
        assert!(
            (SUBMITS_A_JOB.is_there)(pool(&resources, "jobs/late")),
            "request {number}"
        );
    }
    assert!(taken > 5, "only {taken} jobs were taken");
}

async fn wait(azure: Azure, ends: Ends) -> Result<()> {
    let asked = settings::wait(&of_pool()).unwrap();
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    rollout::wait(&client, &asked.settings).await.map(drop)
}

/// A pool whose four nodes are coming.
async fn growing() -> Azure {
    let azure = own(0);
    resize_by_somebody(&azure, 4).await;
    azure
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_wait_is_waited_for_or_said() {
    let rivals = Rivals {
        who: &[RESIZES, DELETES, SCALES, PATCHES, SUBMITS_A_JOB],
        one_of: 1,
        world: growing,
        flow: wait,
    };
    let taken = rivals.run_since(Since::FirstLook);
    assert!(taken > 20, "only {taken} writes of rivals were taken");
    write_count("wait with rivals", taken);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_goes_between_two_looks_of_a_wait_is_no_wrong_name() {
    let azure = growing().await;
    let is_look = json!({"method": "GET", "path": "/pools"});
    let rival = json!({"kind": "rival", "occurrence": {"nth": 2}, "when": "afterEffect",
        "write": {"method": "DELETE", "path": "/pools/p1"}});
    // The third look is late enough for the pool to be gone.
    let busy = json!({"kind": "throttle", "occurrence": {"nth": 3}, "retryAfter": 120});
    for mut fault in [rival, busy] {
        fault
            .as_object_mut()
            .unwrap()
            .extend(is_look.as_object().unwrap().clone());
        azure.fault(fault);
    }
    let error = wait(azure.clone(), Ends::none()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error.report().contains("pool p1 was deleted meanwhile"),
        "{}",
        error.report()
    );
}

/// Rolls out a file of pools p1 and p2. What becomes of one is not to be the end of the other: each is sized, refused, or
/// was not begun.
async fn roll_out_both(azure: Azure, ends: Ends) -> Result<()> {
    let file = "
defaults: {vm-size: Standard_D4s_v5, node-agent-sku-id: batch.node.ubuntu 22.04}
pools:
  - {pool-id: p1, target-dedicated-nodes: 2}
  - {pool-id: p2, target-dedicated-nodes: 3}
";
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let values = Values::default()
        .with(POOL_FILE, file)
        .with(ACCOUNT, account)
        .with(IMAGE_VERSION, image("1.0.0"));
    let asked = settings::fleet(&values).unwrap();
    fastrand::seed(7);
    let (client, _events) = azure.client_with_limit(&ends.cancel, ends.limit).await;
    let runs = fleet::run(&client, &asked.settings).await;
    let failed: Vec<Error> = runs.into_iter().filter_map(|run| run.outcome?.result.err()).collect();
    assert!(failed.len() < 2, "a rival of one pool is the end of both: {failed:?}");
    failed.into_iter().next().map_or(Ok(()), Err)
}

#[test]
fn whatever_a_rival_does_at_a_step_of_a_file_of_two_pools_is_not_undone() {
    let of = |who, one_of| Rivals {
        who,
        one_of,
        world: async || world(|_| ()),
        flow: roll_out_both,
    };
    let taken = of(OF_ONE_POOL, 3).run() + of(OF_THE_SECOND, 3).run();
    assert!(taken > 15, "only {taken} writes of rivals were taken");
    write_count("file of two pools with rivals", taken);
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_a_file_that_another_client_deletes_stops_those_that_are_not_begun() {
    let good = world(|_| ());
    roll_out_both(good.clone(), Ends::none()).await.unwrap();
    let journal = good.journal();
    let is_creation = |entry: &&Entry| entry.method == "POST" && entry.path == "/pools";
    let made = journal.iter().find(is_creation).unwrap().number;
    let is_look = |entry: &&Entry| entry.number > made && entry.path == "/pools";
    let look = journal.iter().find(is_look).unwrap().number;
    let azure = world(|_| ());
    let write = json!({"method": DELETES.method, "path": DELETES.path});
    azure.fault(json!({"kind": "rival", "request": look, "write": write}));
    let error = roll_out_both(azure.clone(), Ends::none()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(pool(&azure.resources(), "p2").is_null(), "the second pool was begun");
}
