//! A version that fails in a region is repaired, and nothing that it had is lost by that, however a run ends.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    compute::version,
    error::ErrorKind,
    publish::{self, Outcome},
    replication,
    settings::{Latest, ReplicaStorage, TargetRegion},
};
use azure_emulator::journal::Entry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    adopt::{adopting, body, regions, version_id, world, world_with, write},
    given::checked,
    publish::{run, settings},
    support::{Azure, lines},
};

const UK_SOUTH: &str = "\"UK South\"";

/// Writes the version by hand with another region, which is never complete there: it fails now, and once more with the
/// next write. `more` is what the region says of itself.
async fn break_uk_south(azure: &Azure, more: (&str, Value)) {
    let fault = json!({"kind": "regionFailed", "region": "uksouth", "method": "PUT", "path": "*/versions/*"});
    azure.fault(fault.clone());
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let version = version::find(&client, &version_id("ubuntu")).await.unwrap().unwrap();
    let mut regions = version.target_regions();
    let mut region = json!({"name": "uksouth", "regionalReplicaCount": 5, "storageAccountType": "Standard_ZRS"});
    region[more.0] = more.1;
    regions.push(region);
    let put = version::put(&version.id, version.with_regions(regions));
    client.send(&put).await.unwrap();
    replication::settled(&client, &version.id, &[]).await.unwrap();
    azure.turn_the_page();
    azure.fault(fault);
}

/// The number of the write that takes the failed region out.
fn taken_out_at(azure: &Azure) -> u64 {
    let journal = azure.journal();
    let mut puts = journal.iter().filter(|entry| entry.method == "PUT");
    let is_out = |entry: &&Entry| {
        let regions = entry.request["properties"]["publishingProfile"]["targetRegions"].to_string();
        !regions.contains("uksouth") && !regions.contains(UK_SOUTH)
    };
    puts.find(is_out).expect("it is taken out").number
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_while_a_region_is_out_loses_nothing() {
    let twin = world();
    break_uk_south(&twin, ("excludeFromLatest", json!(true))).await;
    run(&twin, &adopting()).await.unwrap();
    let azure = world();
    break_uk_south(&azure, ("excludeFromLatest", json!(true))).await;
    let cancel = CancellationToken::new();
    azure.gone_after(taken_out_at(&twin), cancel.clone());
    let (client, _events) = azure.client(&cancel).await;
    let error = publish::run(&client, &checked(&adopting())).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", error.report());
    let between = body(&azure);
    assert!(!between.to_string().contains(UK_SOUTH), "{between}");
    assert_eq!(
        between["tags"]["azure-batch-taken-out"],
        "protected;uksouth:5:Standard_ZRS:excluded"
    );
    azure.turn_the_page();

    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&adopting())).await.unwrap();
    assert_eq!(plan.changes()[0], "put uksouth back with 5 replicas");
    run(&azure, &adopting()).await.unwrap();
    let after = body(&azure);
    let regions = after["properties"]["publishingProfile"]["targetRegions"]
        .as_array()
        .unwrap();
    let back = regions.iter().find(|region| region["name"] == "UK South").unwrap();
    assert_eq!(
        (&back["regionalReplicaCount"], &back["storageAccountType"]),
        (&json!(5), &json!("Standard_ZRS"))
    );
    assert_eq!(back["excludeFromLatest"], true);
    assert_eq!(after["tags"]["azure-batch-taken-out"], Value::Null);
    assert_eq!(after["tags"]["owner"], "them");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_more_than_a_tag_holds_is_left_to_its_owner() {
    let azure = world();
    let sets = json!([{"regionalReplicaCount": 1, "storageAccountType": "Premium_LRS"}]);
    break_uk_south(&azure, ("additionalReplicaSets", sets)).await;
    let mut wanted = adopting();
    (wanted.used_by, wanted.target_regions) = (Vec::new(), Vec::new());
    let error = run(&azure, &wanted).await.must_fail();
    let report = error.report();
    assert!(
        report.contains("to uksouth failed") && report.contains("the region carries additionalReplicaSets"),
        "{report}"
    );
    assert!(body(&azure).to_string().contains(UK_SOUTH));
}

/// What the version's target regions were in each write.
fn written_regions(azure: &Azure) -> Vec<String> {
    let journal = azure.journal();
    let puts = journal.iter().filter(|entry| entry.method == "PUT");
    puts.map(|entry| entry.request["properties"]["publishingProfile"]["targetRegions"].to_string())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_region_that_was_complete_stays_while_its_raise_fails() {
    let mut wanted = adopting();
    wanted.used_by.clear();
    wanted.target_regions = vec![TargetRegion::new("northeurope".parse().unwrap(), Some(8))];
    let azure = world();
    azure.fault(json!({"kind": "regionFailed", "region": "northeurope", "method": "PUT", "path": "*/versions/*", "occurrence": {"nth": 2}}));
    let published = run(&azure, &wanted).await.unwrap();
    assert_eq!(regions(&published), ["eastus2 2 Completed", "northeurope 8 Completed"]);
    let written = written_regions(&azure);
    assert_eq!(written.len(), 3, "details, the raise, and the same again");
    assert!(written.iter().all(|it| it.contains("North Europe")), "{written:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_version_s_own_region_is_never_taken_out() {
    let alone = |seed: &mut Value| {
        let regions = seed["versions"][0]["publishingProfile"]["targetRegions"].as_array_mut();
        regions.unwrap().truncate(1);
    };
    for azure in [world(), world_with(alone)] {
        azure.fault(json!({"kind": "regionFailed", "region": "eastus2", "method": "PUT", "path": "*/versions/*", "occurrence": "every"}));
        let mut wanted = adopting();
        wanted.used_by.clear();
        wanted.target_regions[0] = TargetRegion::new("eastus2".parse().unwrap(), Some(4));
        let error = run(&azure, &wanted).await.must_fail();
        let report = error.report();
        assert!(
            report.contains("replication of 1.4.2 of ubuntu to eastus2 failed"),
            "{report}"
        );
        let written = written_regions(&azure);
        assert_eq!(written.len(), 3);
        assert!(written.iter().all(|it| it.contains("East US 2")), "{written:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_failed_with_all_regions_complete_is_made_again_but_not_for_ever() {
    let fault = |occurrence: &Value| {
        json!({"kind": "operationFailed", "code": "InternalExecutionError", "message": "it broke", "method": "PUT",
            "path": "*/versions/*", "occurrence": occurrence})
    };
    let mut wanted = adopting();
    (wanted.used_by, wanted.target_regions) = (Vec::new(), Vec::new());
    let azure = world();
    azure.fault(fault(&json!({"nth": 1})));
    run(&azure, &wanted).await.unwrap();
    assert_eq!(azure.writes(), [write(), write()]);
    let azure = world();
    azure.fault(fault(&json!("every")));
    let error = run(&azure, &wanted).await.must_fail();
    assert_eq!(azure.writes(), [write(), write(), write()]);
    let report = error.report();
    assert!(
        report.contains("its regions are complete") && report.contains("run again later"),
        "{report}"
    );
}

/// What the run wrote as the version's permission to remove regions, write by write.
fn written_permissions(azure: &Azure) -> Vec<Value> {
    let journal = azure.journal();
    let puts = journal.iter().filter(|entry| entry.method == "PUT");
    puts.map(|entry| entry.request["properties"]["safetyProfile"]["allowDeletionOfReplicatedLocations"].clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_region_is_removed_with_permission_and_the_protection_comes_back() {
    let azure = world();
    break_uk_south(&azure, ("excludeFromLatest", json!(true))).await;
    run(&azure, &adopting()).await.unwrap();
    let written = written_permissions(&azure);
    let removed = written
        .iter()
        .position(|permission| permission == true)
        .expect("a region is removed");
    assert_eq!(written[removed + 1], false, "{written:?}");
    assert_ne!(
        body(&azure)["properties"]["safetyProfile"]["allowDeletionOfReplicatedLocations"],
        true
    );
}

#[tokio::test(start_paused = true)]
async fn a_complete_version_is_not_written_for_our_own_tags() {
    let azure = world();
    let mut wanted = adopting();
    (wanted.used_by, wanted.target_regions) = (Vec::new(), Vec::new());
    wanted.temporaries.tags.clear();
    let adopted = run(&azure, &wanted).await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    assert!(!adopted.fingerprint.is_empty());
    wanted.version_settings.latest = Latest::Exclude;
    run(&azure, &wanted).await.unwrap();
    assert_eq!(azure.writes(), [write()]);
    assert_eq!(
        body(&azure)["tags"]["azure-batch-fingerprint"],
        adopted.fingerprint.as_str(),
        "with another change they are written"
    );
}

#[tokio::test(start_paused = true)]
async fn a_found_version_gets_what_is_wanted_now() {
    let azure = Azure::example();
    let mut wanted = settings();
    let made = run(&azure, &wanted).await.unwrap();
    azure.turn_the_page();
    wanted.temporaries.tags = [("team".to_owned(), "render".to_owned())].into();
    wanted.version_settings.end_of_life = "2027-06-30T00:00:00Z".parse().ok();
    wanted.version_settings.latest = Latest::Admit;
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&wanted)).await.unwrap();
    assert_eq!(
        plan.changes(),
        [
            "set tag team = render",
            "end its life at 2027-06-30T00:00:00Z",
            "admit it to latest"
        ]
    );
    let found = run(&azure, &wanted).await.unwrap();
    assert_eq!((&found.version, found.outcome), (&made.version, Outcome::Found));
    assert_eq!(azure.writes(), [format!("PUT {}", made.version)]);
    let version = version::find(&client, &made.version).await.unwrap().unwrap();
    assert_eq!(version.tag("team"), Some("render"));
    let profile = &version.body()["properties"]["publishingProfile"];
    assert_eq!(
        (&profile["endOfLifeDate"], &profile["excludeFromLatest"]),
        (&json!("2027-06-30T00:00:00Z"), &json!(false))
    );
    azure.turn_the_page();
    wanted.version_settings.latest = Latest::Exclude;
    run(&azure, &wanted).await.unwrap();
    run(&azure, &wanted).await.unwrap();
    assert_eq!(azure.writes().len(), 1, "excluded again, once");
}

#[tokio::test(start_paused = true)]
async fn what_a_found_version_keeps_is_a_warning() {
    let azure = Azure::example();
    let mut wanted = settings();
    wanted.version_settings.end_of_life = "2027-06-30T00:00:00Z".parse().ok();
    run(&azure, &wanted).await.unwrap();
    azure.turn_the_page();
    wanted.version_settings.end_of_life = "2027-01-01T00:00:00Z".parse().ok();
    wanted.version_settings.storage = ReplicaStorage::PremiumLrs;
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(&wanted)).await.result.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    let lines = lines(&mut events).join("\n");
    for text in [
        "keeps the end of its life at 2027-06-30T00:00:00Z, which is later than 2027-01-01T00:00:00Z",
        "keeps the storage of its replicas in eastus2, westus2",
    ] {
        assert!(lines.contains(text), "{lines}");
    }
}

/// A client that looked before us and writes the regions as it knows them, with one of its own.
fn stale_write() -> Value {
    let regions = json!([{"name": "eastus2", "regionalReplicaCount": 2, "storageAccountType": "Standard_ZRS"},
        {"name": "northeurope", "regionalReplicaCount": 5}, {"name": "uksouth", "regionalReplicaCount": 3}]);
    json!({"method": "PATCH", "path": version_id("ubuntu"),
        "body": {"properties": {"publishingProfile": {"targetRegions": regions}}}})
}

#[tokio::test(start_paused = true)]
async fn whatever_another_writer_does_to_the_regions_at_any_request_neither_loses_one() {
    let good = world();
    run(&good, &adopting()).await.unwrap();
    let requests: Vec<u64> = good.journal().iter().map(|entry| entry.number).collect();
    let (mut taken, mut before_our_write) = (0, 0);
    for (number, when) in requests
        .iter()
        .flat_map(|number| [(number, "before"), (number, "afterEffect")])
    {
        let azure = world();
        let mut fault = json!({"kind": "rival", "request": number, "write": stale_write()});
        if when == "afterEffect" {
            fault["when"] = json!(when);
        }
        azure.fault(fault);
        let ended = run(&azure, &adopting()).await;
        if !azure.emulator(|emulator, _| emulator.faults().iter().any(|fault| fault.hits > 0)) {
            continue;
        }
        taken += 1;
        let is_put = |entry: &&Entry| entry.number == *number && entry.method == "PUT";
        before_our_write += azure.journal().iter().filter(is_put).count();
        let published = ended.unwrap_or_else(|error| panic!("{when} {number}: {}", error.report()));
        let body = body(&azure);
        let there = &body["properties"]["publishingProfile"]["targetRegions"];
        let mut all: Vec<String> = there
            .as_array()
            .unwrap()
            .iter()
            .map(|region| {
                format!(
                    "{} {}",
                    region["name"].as_str().unwrap(),
                    region["regionalReplicaCount"]
                )
            })
            .collect();
        all.sort();
        assert_eq!(
            all,
            [
                "East US 2 2",
                "North Europe 5",
                "UK South 3",
                "West Europe 1",
                "West US 2 4"
            ],
            "{when} {number}: {:?}",
            regions(&published)
        );
    }
    assert!(
        taken > 8 && before_our_write > 0,
        "{taken} writes were taken, {before_our_write} between look and write"
    );
}
