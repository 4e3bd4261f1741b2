//! Replicas by what the pools in sight need: raised, lowered when asked to, never past a pool that cannot be seen.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    client::Client,
    error::{ErrorKind, Result},
    options::versions::{FIT, IMAGE_VERSION, REGIONS, REMOVED_REGIONS},
    scale::{self, Scaling},
    settings::{self, Checked, PUBLISH_DEADLINE, ScaleSettings, Values},
};
use azure_emulator::journal::Entry;
use serde_json::{Value, json};

use crate::{
    estate::{by_id, definition, pool},
    rollout::{client, image, world},
    support::Azure,
    sweep::upkeep::sweep,
};

pub(crate) fn settings(fit: bool) -> Checked<ScaleSettings> {
    let values = Values::default().with(IMAGE_VERSION, image("1.0.0")).with(FIT, fit);
    settings::scale(&values).unwrap().settings
}

/// The version goes from these regions.
fn removing(regions: &str) -> Checked<ScaleSettings> {
    let values = Values::default()
        .with(IMAGE_VERSION, image("1.0.0"))
        .with(REMOVED_REGIONS, regions);
    settings::scale(&values).unwrap().settings
}

/// Nothing in the west takes 1.0.0.
pub(crate) fn idle_west() -> Azure {
    azure(|seed| seed["batchAccounts"][1]["pools"] = json!([]))
}

pub(crate) async fn remove(azure: &Azure, regions: &str) -> Result<Scaling> {
    let client = client(azure, PUBLISH_DEADLINE).await;
    let settings = removing(regions);
    let mut scaling = scale::plan(&client, &settings).await?;
    if !scaling.plan.is_done() {
        scale::carry_out(&client, &settings, &mut scaling).await?;
    }
    Ok(scaling)
}

/// The properties of 1.0.0.
fn properties(azure: &Azure) -> Value {
    let all = azure.resources();
    let versions = all["compute"]["galleries/images/versions"].as_array().unwrap();
    versions.iter().find(|version| version["name"] == "1.0.0").unwrap()["properties"].clone()
}

/// 1.0.0 has 9 replicas in the east, where a pool of 10 is on it and one of 700 follows, and 1 in the west with 400 nodes.
pub(crate) fn azure(change: impl FnOnce(&mut Value)) -> Azure {
    world(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"] =
            json!([{"name": "eastus2", "regionalReplicaCount": 9}, {"name": "westus2", "regionalReplicaCount": 1}]);
        seed["batchAccounts"][0]["pools"] = json!([
            pool("small", by_id(&image("1.0.0")), 10),
            pool("follower", by_id(&definition()), 700)
        ]);
        seed["batchAccounts"][1]["pools"] = json!([pool("west", by_id(&image("1.0.0")), 400)]);
        change(seed);
    })
}

async fn run(azure: &Azure, fit: bool) -> Result<Scaling> {
    let client = client(azure, PUBLISH_DEADLINE).await;
    let mut scaling = scale::plan(&client, &settings(fit)).await?;
    scale::carry_out(&client, &settings(fit), &mut scaling).await?;
    Ok(scaling)
}

/// The replicas in the east and in the west.
fn replicas(azure: &Azure) -> Vec<u64> {
    let all = azure.resources();
    let versions = all["compute"]["galleries/images/versions"].as_array().unwrap();
    let own = versions.iter().find(|version| version["name"] == "1.0.0").unwrap();
    let regions = own["properties"]["publishingProfile"]["targetRegions"]
        .as_array()
        .unwrap();
    regions
        .iter()
        .map(|region| region["regionalReplicaCount"].as_u64().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn replicas_become_what_the_pools_in_sight_need() {
    let azure = azure(|_| ());
    let planned = scale::plan(&client(&azure, PUBLISH_DEADLINE).await, &settings(true))
        .await
        .unwrap();
    assert_eq!(azure.writes(), [""; 0]);
    assert_eq!(planned.plan.steps.len(), 2, "{}", planned.plan);
    run(&azure, false).await.unwrap();
    assert_eq!(replicas(&azure), [9, 3], "nothing is lowered unless asked for");
    run(&azure, true).await.unwrap();
    assert_eq!(replicas(&azure), [5, 3], "1 for 10 nodes, 3 for 700, 1 headroom");
    azure.turn_the_page();
    run(&azure, true).await.unwrap();
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_pool_that_a_job_will_make_counts() {
    let azure = azure(|seed| {
        let mut own = pool("", by_id(&image("1.0.0")), 900);
        own.as_object_mut().unwrap().remove("id");
        let info = json!({"autoPoolSpecification": {"autoPoolIdPrefix": "a", "poolLifetimeOption": "job", "keepAlive": false, "pool": own}});
        seed["batchAccounts"][0]["jobs"] = json!([{"id": "nightly", "state": "disabled", "poolInfo": info}]);
    });
    let planned = scale::plan(&client(&azure, PUBLISH_DEADLINE).await, &settings(true))
        .await
        .unwrap();
    assert!(planned.regions[0].needed >= 8, "{planned}");
}

/// What a rival does to pool small in the east, besides a new pool.
fn rivals() -> [(&'static str, &'static str, Value); 5] {
    let mut come = pool("come", by_id(&image("1.0.0")), 0);
    come["targetDedicatedNodes"] = json!(900);
    let to = json!({"targetDedicatedNodes": 900, "targetLowPriorityNodes": 0});
    [
        ("POST", "/pools/small/resize", to),
        ("DELETE", "/pools/small", Value::Null),
        (
            "POST",
            "/pools/small/enableautoscale",
            json!({"autoScaleFormula": "$TargetDedicatedNodes = 6;"}),
        ),
        (
            "PATCH",
            "/pools/small",
            json!({"startTask": {"commandLine": "/bin/rival"}}),
        ),
        ("POST", "/pools", come),
    ]
}

#[tokio::test(start_paused = true)]
async fn whatever_a_rival_does_to_pools_while_replicas_are_lowered_they_have_enough_in_the_end() {
    let good = azure(|_| ());
    run(&good, true).await.unwrap();
    let journal = good.journal();
    // Who comes after the last look at the pools of the first account is not seen; those of the second come later.
    let looks: Vec<&Entry> = journal.iter().filter(|entry| entry.path == "/pools").collect();
    let last = looks[looks.len() - 2].number;
    let to_batch = journal.iter().filter(|entry| entry.number <= last);
    let to_batch =
        to_batch.filter(|entry| ["/pools", "/jobs", "/jobschedules", "/nodecounts"].contains(&entry.path.as_str()));
    let numbers: Vec<u64> = to_batch.map(|entry| entry.number).collect();
    let mut taken = 0;
    // A request meets every other rival, its neighbours the rest.
    let each = |at: u64| rivals().into_iter().skip(usize::from(at.is_multiple_of(2))).step_by(2);
    for (number, (method, path, body)) in numbers.iter().flat_map(|at| each(*at).map(move |rival| (at, rival))) {
        let azure = azure(|_| ());
        let write = json!({"method": method, "path": path, "body": body});
        azure.fault(json!({"kind": "rival", "request": number, "write": write}));
        let ended = run(&azure, true).await;
        let hits = azure.emulator(|emulator, _| emulator.faults().iter().map(|fault| fault.hits).sum::<u64>());
        taken += usize::from(hits > 0);
        let case = format!("{method} {path} at request {number}");
        ended.unwrap_or_else(|error| panic!("{case}: {}", error.report()));
        let client = client(&azure, PUBLISH_DEADLINE).await;
        let open = scale::plan(&client, &settings(false)).await.unwrap();
        assert!(open.plan.is_done(), "{case}: {}", open.plan);
    }
    assert!(taken > 10, "only {taken} writes of rivals were taken");
}

#[tokio::test(start_paused = true)]
async fn replicas_that_another_client_has_raised_since_the_look_stay() {
    let good = azure(|_| ());
    run(&good, true).await.unwrap();
    let is_write = |entry: &&Entry| entry.method == "PUT" && entry.path == image("1.0.0");
    let journal = good.journal();
    let writes: Vec<u64> = journal.iter().filter(is_write).map(|entry| entry.number).collect();
    let [raised, lowered] = writes[..] else {
        panic!("{writes:?}")
    };
    let regions =
        json!([{"name": "eastus2", "regionalReplicaCount": 12}, {"name": "westus2", "regionalReplicaCount": 3}]);
    let write = json!({"method": "PATCH", "path": image("1.0.0"),
        "body": {"properties": {"publishingProfile": {"targetRegions": regions}}}});
    let mut taken = 0;
    for number in raised + 1..lowered {
        let azure = azure(|_| ());
        azure.fault(json!({"kind": "rival", "request": number, "write": write}));
        run(&azure, true).await.unwrap();
        let hits = azure.emulator(|emulator, _| emulator.faults().iter().map(|fault| fault.hits).sum::<u64>());
        if hits > 0 {
            taken += 1;
            assert_eq!(replicas(&azure), [12, 3], "before request {number}");
        }
    }
    assert!(taken > 0, "another client was never met");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lowered_while_a_pool_cannot_be_seen() {
    let azure = azure(|_| ());
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailure", "method": "GET", "path": "/jobs", "occurrence": "every"}));
    let error = run(&azure, true).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.report().contains("jobs in acct1"), "{}", error.report());
    assert_eq!(azure.writes(), [""; 0]);
    let raised = run(&azure, false).await.unwrap();
    assert!(!raised.unseen.is_empty());
    assert_eq!(replicas(&azure), [9, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_version_leaves_a_region_on_request_and_refuses_to_lose_others_again() {
    let azure = idle_west();
    let planned = scale::plan(&client(&azure, PUBLISH_DEADLINE).await, &removing("West US 2"))
        .await
        .unwrap();
    assert_eq!(
        planned.plan.to_string().trim(),
        "take image version 1.0.0 of def1 out of westus2, where it has 1 replica"
    );
    assert_eq!(azure.writes(), [""; 0]);
    remove(&azure, "westus2").await.unwrap();
    assert_eq!(replicas(&azure), [9], "what is left is as it was");
    let shown = properties(&azure);
    assert_eq!(shown["safetyProfile"]["allowDeletionOfReplicatedLocations"], false);
    azure.turn_the_page();
    let again = remove(&azure, "westus2").await.unwrap();
    assert_eq!((again.absent.len(), azure.writes()), (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_region_that_another_writer_puts_back_at_any_request_is_taken_out_again() {
    let good = idle_west();
    remove(&good, "westus2").await.unwrap();
    let requests: Vec<u64> = good.journal().iter().map(|entry| entry.number).collect();
    let regions =
        json!([{"name": "eastus2", "regionalReplicaCount": 9}, {"name": "westus2", "regionalReplicaCount": 1}]);
    let write = json!({"method": "PATCH", "path": image("1.0.0"),
        "body": {"properties": {"publishingProfile": {"targetRegions": regions}}}});
    let mut met = 0;
    for number in requests {
        let azure = idle_west();
        azure.fault(json!({"kind": "rival", "request": number, "write": write}));
        remove(&azure, "westus2").await.unwrap();
        met += usize::from(azure.emulator(|emulator, _| emulator.faults().iter().any(|fault| fault.hits > 0)));
        assert_eq!(replicas(&azure), [9], "before request {number}");
    }
    assert!(met > 8, "another writer was met {met} times");
}

#[tokio::test(start_paused = true)]
async fn a_version_stays_where_a_pool_takes_it_where_it_was_made_and_while_pools_are_out_of_sight() {
    let azure = azure(|_| ());
    for (regions, why) in [
        ("westus2", "in westus2 pool west in acct2 makes its nodes of it"),
        ("eastus2", "eastus2 is the region that it was made in"),
    ] {
        let error = remove(&azure, regions).await.must_fail();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.report().contains(why), "{}", error.report());
    }
    let azure = idle_west();
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailure", "method": "GET", "path": "/jobs", "occurrence": "every"}));
    let error = remove(&azure, "westus2").await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.report().contains("keeps its replicas"), "{}", error.report());
    assert_eq!(azure.writes(), [""; 0]);
}

/// A pool of that many nodes in the west that runs another version and has this in its metadata.
fn noting(nodes: u32, note: &Value) -> Value {
    let mut own = pool("night", by_id(&image("0.9.0")), nodes);
    own["metadata"] = json!([{"name": "azure-batch-rollout", "value": note.to_string()}]);
    own
}

#[tokio::test(start_paused = true)]
async fn a_version_keeps_region_and_replicas_where_a_pool_may_return_to_it() {
    let was = json!({"v": 1, "phase": "done", "to": image("0.9.0"), "was": {"fields": {"/x": by_id(&image("1.0.0"))}}});
    let azure = azure(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"][1]["regionalReplicaCount"] = json!(5);
        seed["batchAccounts"][1]["pools"] = json!([noting(400, &was)]);
    });
    let error = remove(&azure, "westus2").await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let why = "in westus2 pool night in acct2 may return to it";
    assert!(error.report().contains(why), "{}", error.report());
    run(&azure, true).await.unwrap();
    assert_eq!(replicas(&azure), [5, 3], "2 for 400 nodes, 1 headroom");
}

#[tokio::test(start_paused = true)]
async fn a_version_keeps_its_region_where_a_scale_set_uses_it() {
    let azure = azure(|seed| {
        seed["batchAccounts"][1]["pools"] = json!([]);
        let reference = by_id(&image("1.0.0"))["virtualMachineImageId"].clone();
        seed["scaleSets"] = json!([{"name": "web", "resourceGroup": "rg-images", "location": "westus2",
            "imageReference": {"id": reference}, "instances": [{"id": reference}, {"id": reference}]}]);
    });
    let error = remove(&azure, "westus2").await.must_fail();
    let why = "in westus2 scale set web in rg-images makes its nodes of it";
    assert!(error.report().contains(why), "{}", error.report());
    run(&azure, true).await.unwrap();
    assert_eq!(replicas(&azure), [5, 2], "1 for 2 instances, 1 headroom");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lowered_or_removed_while_a_subscription_is_seen_in_part() {
    for (fit, others) in [(true, ""), (false, "westus2")] {
        // The pool in the west is in a group that the identity does not see.
        let azure = azure(|seed| {
            let group = json!({"name": "rg-other", "location": "westus2"});
            seed["resourceGroups"].as_array_mut().unwrap().push(group);
            seed["batchAccounts"][1]["resourceGroup"] = json!("rg-other");
            seed["roleAssignments"] = crate::estate::in_group_only();
        });
        let result = match others {
            "" => run(&azure, fit).await,
            others => remove(&azure, others).await,
        };
        let error = result.must_fail();
        assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
        let why = "(needs Microsoft.Batch/batchAccounts/read): its list of Batch accounts shows only those that this identity may read";
        assert!(error.report().contains(why), "{}", error.report());
        assert_eq!(azure.writes(), [""; 0]);
    }
}

#[test]
fn a_region_is_kept_or_removed_and_not_both() {
    let values = Values::default()
        .with(IMAGE_VERSION, image("1.0.0"))
        .with(REGIONS, "eastus2,westus2")
        .with(REMOVED_REGIONS, "West US 2");
    let faults = settings::scale(&values).unwrap_err();
    assert_eq!(faults.len(), 1);
}

#[test]
fn every_request_of_a_removal_of_a_region_meets_every_trouble() {
    let remove = async |client: Client| {
        let settings = removing("westus2");
        let mut scaling = scale::plan(&client, &settings).await?;
        if scaling.plan.is_done() {
            return Ok(());
        }
        scale::carry_out(&client, &settings, &mut scaling).await
    };
    sweep(("removing a region", 40, 7), idle_west, remove);
}

#[test]
fn every_request_of_a_change_of_replicas_meets_every_trouble() {
    let fit = async |client: Client| {
        let mut scaling = scale::plan(&client, &settings(true)).await?;
        scale::carry_out(&client, &settings(true), &mut scaling).await
    };
    sweep(("changing replicas", 40, 7), || azure(|_| ()), fit);
}
