//! Adopting a version that another tool made: it is completed and nothing else is written.

use crate::reads_well::MustFail as _;
use std::collections::BTreeMap;

use azure_batch_core::{
    compute::version,
    error::ErrorKind,
    ids::resource::ImageVersionId,
    publish::{self, Outcome},
    settings::{Latest, PublishSettings, Reuse, Source, TargetRegion, UsedBy},
};
use azure_emulator::seed::Seed;
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{run, settings},
    support::{Azure, GROUP, lines},
};

const NUMBER: &str = "1.4.2";

pub(crate) fn version_id(definition: &str) -> ImageVersionId {
    format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/{definition}/versions/{NUMBER}")
        .parse()
        .unwrap()
}

/// The only thing that an adoption writes.
pub(crate) fn write() -> String {
    format!("PUT {}", version_id("ubuntu"))
}

/// The example with a definition that has a version of azure-arm's: two regions, two data disks, a tag.
pub(crate) fn world_with(change: impl FnOnce(&mut Value)) -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    seed["definitions"] = json!([{"name": "ubuntu", "resourceGroup": "rg-images", "gallery": "gal1", "properties": {
        "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "architecture": "x64",
        "identifier": {"publisher": "p", "offer": "o", "sku": "s"}}}]);
    seed["versions"] = json!([{"name": NUMBER, "resourceGroup": "rg-images", "gallery": "gal1", "definition": "ubuntu",
        "dataDiskLuns": [3, 7], "tags": {"owner": "them"}, "publishingProfile": {"targetRegions": [
            {"name": "eastus2", "regionalReplicaCount": 2, "storageAccountType": "Standard_ZRS"},
            {"name": "northeurope", "regionalReplicaCount": 5}]}}]);
    change(&mut seed);
    Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap())
}

pub(crate) fn world() -> Azure {
    world_with(|_| {})
}

/// Adopts it for a pool of 700 nodes in westus2, and for westeurope.
pub(crate) fn adopting() -> PublishSettings {
    let mut wanted = settings();
    wanted.source = Source::ImageVersion(version_id("ubuntu"));
    wanted.used_by = vec![UsedBy {
        vm_size: None,
        account: format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct2")
            .parse()
            .unwrap(),
        nodes: 700,
    }];
    wanted.target_regions = vec![TargetRegion::new("westeurope".parse().unwrap(), None)];
    wanted.temporaries.tags = BTreeMap::from([("team".to_owned(), "render".to_owned())]);
    wanted
}

pub(crate) fn regions(published: &publish::Published) -> Vec<String> {
    let shown = |it: &publish::PublishedRegion| format!("{} {} {}", it.location, it.replicas, it.state);
    published.regions.iter().map(shown).collect()
}

pub(crate) fn body(azure: &Azure) -> Value {
    let all = azure.resources();
    let versions = all["compute"]["galleries/images/versions"].as_array().unwrap();
    versions
        .iter()
        .find(|it| it["id"].as_str().unwrap().ends_with(NUMBER))
        .unwrap()
        .clone()
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_latest_in_some_regions_only_does_not_become_so_in_those_that_are_added() {
    let tried = || {
        world_with(|seed| {
            seed["versions"][0]["publishingProfile"]["targetRegions"][1]["excludeFromLatest"] = true.into();
        })
    };
    let excluded = |azure: &Azure| -> Vec<bool> {
        let body = body(azure);
        let regions = body["properties"]["publishingProfile"]["targetRegions"]
            .as_array()
            .unwrap();
        regions.iter().map(|it| it["excludeFromLatest"] == true).collect()
    };
    let azure = tried();
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&adopting())).await.unwrap();
    let changes = plan.changes().join("; ");
    for region in ["westus2", "westeurope"] {
        let said = format!("exclude it from latest in {region}, as in northeurope");
        assert!(changes.contains(&said), "{changes}");
    }
    assert!(
        lines(&mut events)
            .join("; ")
            .contains("latest_now = true admits it there")
    );
    run(&azure, &adopting()).await.unwrap();
    assert_eq!(excluded(&azure), [false, true, true, true]);
    azure.turn_the_page();
    run(&azure, &adopting()).await.unwrap();
    assert_eq!(azure.writes(), [""; 0]);

    let azure = tried();
    let mut wanted = adopting();
    wanted.version_settings.latest = Latest::Admit;
    run(&azure, &wanted).await.unwrap();
    assert_eq!(excluded(&azure), [false, true, false, false], "it was asked for");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_there_is_completed_and_nothing_else_is_written() {
    let azure = world();
    let published = run(&azure, &adopting()).await.unwrap();
    assert_eq!(
        (published.outcome, published.version.clone()),
        (Outcome::Adopted, version_id("ubuntu"))
    );
    assert_eq!(
        regions(&published),
        [
            "eastus2 2 Completed",
            "northeurope 5 Completed",
            "westus2 4 Completed",
            "westeurope 1 Completed"
        ]
    );
    assert_eq!(published.data_disk_luns, [3, 7]);
    assert_eq!(
        azure.writes(),
        [write(), write()],
        "first where pools wait, then the rest"
    );
    let body = body(&azure);
    let tags = &body["tags"];
    assert_eq!((&tags["owner"], &tags["team"]), (&json!("them"), &json!("render")));
    assert_eq!(tags["azure-batch-run"], "run-1");
    assert_eq!(tags["azure-batch-fingerprint"], published.fingerprint.as_str());
    let own = &body["properties"]["publishingProfile"]["targetRegions"][0];
    assert_eq!(
        own["storageAccountType"], "Standard_ZRS",
        "what was there stays as it was"
    );
}

#[tokio::test(start_paused = true)]
async fn adopting_again_writes_nothing_and_keeps_whose_it_was_first() {
    let azure = world();
    let first = run(&azure, &adopting()).await.unwrap();
    azure.turn_the_page();
    let mut later = adopting();
    later.run_id = "run-2".to_owned();
    let second = run(&azure, &later).await.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    assert_eq!(
        (&first.regions, &first.fingerprint),
        (&second.regions, &second.fingerprint)
    );
    assert_eq!(second.outcome, Outcome::Adopted);
    assert_eq!(body(&azure)["tags"]["azure-batch-run"], "run-1");
}

#[tokio::test(start_paused = true)]
async fn an_adopted_version_is_not_made_again_by_force() {
    let azure = world();
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let mut forced = adopting();
    forced.reuse = Reuse::Never;
    let published = publish::run(&client, &checked(&forced)).await.result.unwrap();
    assert_eq!(published.version, version_id("ubuntu"));
    assert_eq!(azure.writes(), [write(), write()]);
    let told = lines(&mut events).join("\n");
    assert!(told.contains("An adopted version is not made again"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_version_with_all_it_needs_gets_its_dates_in_one_write() {
    let azure = world();
    let mut wanted = adopting();
    (wanted.used_by, wanted.target_regions) = (Vec::new(), Vec::new());
    wanted.version_settings.end_of_life = "2027-06-30T00:00:00Z".parse().ok();
    wanted.version_settings.latest = Latest::Exclude;
    run(&azure, &wanted).await.unwrap();
    assert_eq!(azure.writes(), [write()]);
    let profile = body(&azure)["properties"]["publishingProfile"].clone();
    assert_eq!(profile["endOfLifeDate"], "2027-06-30T00:00:00Z");
    assert_eq!(profile["excludeFromLatest"], true);
    azure.turn_the_page();
    wanted.version_settings.latest = Latest::Keep;
    run(&azure, &wanted).await.unwrap();
    assert_eq!(
        azure.writes(),
        Vec::<String>::new(),
        "an excluded version is not let in by silence"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_adopted_is_refused_before_anything_is_written() {
    let specialized = |seed: &mut Value| seed["definitions"][0]["properties"]["osState"] = json!("Specialized");
    let missing = |seed: &mut Value| seed["versions"] = json!([]);
    let cases = [
        (
            world_with(specialized),
            adopting(),
            ErrorKind::Refused,
            "is specialized as its definition is",
        ),
        (
            world_with(missing),
            adopting(),
            ErrorKind::BadInput,
            "there is no image version 1.4.2",
        ),
    ];
    for (azure, wanted, kind, says) in cases {
        let error = run(&azure, &wanted).await.must_fail();
        assert_eq!(error.kind(), kind, "{}", error.report());
        let report = error.report();
        assert!(
            report.starts_with("cannot adopt image version 1.4.2 of ubuntu\n"),
            "{report}"
        );
        assert!(report.contains(says), "{report}");
        assert_eq!(azure.writes(), Vec::<String>::new());
    }
}

/// Makes the version of the example's machine, as another tool would, without waiting for it.
async fn begin_a_version(azure: &Azure) {
    let vm = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-build");
    let body = json!({"location": "eastus2", "properties": {"storageProfile": {"source": {"virtualMachineId": vm}},
        "publishingProfile": {"targetRegions": [{"name": "eastus2"}]}}});
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    client.send(&version::put(&version_id("ubuntu"), body)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_version_that_another_tool_is_still_making_is_waited_for() {
    let azure = world_with(|seed| seed["versions"] = json!([]));
    begin_a_version(&azure).await;
    azure.turn_the_page();
    let published = run(&azure, &adopting()).await.unwrap();
    assert_eq!(published.data_disk_luns, [0, 1], "known only when it is made");
    assert_eq!(azure.writes(), [write(), write()]);
    let journal = azure.journal();
    for entry in journal.iter().filter(|entry| entry.method == "PUT") {
        let profile = &entry.request["properties"]["storageProfile"];
        assert_eq!(profile["dataDiskImages"].as_array().map(Vec::len), Some(2), "{profile}");
        let text = profile.to_string();
        assert!(!text.contains("\"source\""), "its machine may be gone: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_failed_is_not_repaired_but_named() {
    let azure = world_with(|seed| seed["versions"] = json!([]));
    azure.fault(json!({"kind": "operationFailed", "code": "InternalExecutionError", "message": "it broke", "method": "PUT", "path": "*/versions/*"}));
    begin_a_version(&azure).await;
    azure.turn_the_page();
    let error = run(&azure, &adopting()).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Azure);
    let report = error.report();
    assert!(
        report.contains("is Failed") && report.contains("publish under another one"),
        "{report}"
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_another_writer_is_looked_at_again() {
    let azure = world();
    azure.fault(json!({"kind": "status", "status": 409, "code": "Conflict", "method": "PUT", "path": "*/versions/*"}));
    let published = run(&azure, &adopting()).await.unwrap();
    assert_eq!(published.regions.len(), 4);
    assert_eq!(azure.writes(), [write(), write(), write()]);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_does_not_pass_is_the_error_itself() {
    let codes = ["ScopeLocked", "PropertyChangeNotAllowed", "OperationNotAllowed"];
    for code in codes {
        let azure = world();
        azure.fault(json!({"kind": "status", "status": 409, "code": code, "method": "PUT", "path": "*/versions/*", "occurrence": "every"}));
        let error = run(&azure, &adopting()).await.must_fail();
        let report = error.report();
        assert!(error.has_code(code) && !report.contains("other writers"), "{report}");
        assert_eq!(azure.writes(), [write()]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_adoption_that_fails_reports_its_steps_as_every_publish() {
    let azure = world();
    azure.fault(json!({"kind": "status", "status": 409, "code": "ScopeLocked", "method": "PUT", "path": "*/versions/*", "occurrence": {"nth": 2}}));
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let ended = publish::run(&client, &checked(&adopting())).await;
    let error = ended.result.must_fail();
    assert!(error.has_code("ScopeLocked"), "{}", error.report());
    let steps: Vec<&str> = ended.report.steps.iter().map(|it| it.step.as_str()).collect();
    assert_eq!(steps, ["source", "regions", "more regions"]);
    assert_eq!(ended.report.kept, []);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_never_ends_is_waited_for_and_named_in_its_own_words() {
    let azure = world();
    azure.fault(
        json!({"kind": "status", "status": 409, "code": "Conflict", "message": "in use by another request",
        "method": "PUT", "path": "*/versions/*", "occurrence": "every"}),
    );
    let began = Instant::now();
    let error = run(&azure, &adopting()).await.must_fail();
    let report = error.report();
    assert!(
        report.contains("without an effect") && report.contains("in use by another request"),
        "{report}"
    );
    assert_eq!(azure.writes().len(), 8, "as often as a read that fails");
    assert!(began.elapsed().as_secs() >= 20, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_adoptions_at_once_complete_one_version() {
    let azure = world();
    let (one, mut other) = (adopting(), adopting());
    other.used_by.clear();
    other.target_regions[0].location = "uksouth".parse().unwrap();
    let (one, other) = tokio::join!(run(&azure, &one), run(&azure, &other));
    assert!(
        regions(&one.unwrap())
            .iter()
            .any(|region| region.starts_with("westeurope 1"))
    );
    other.unwrap();
    let shown = body(&azure).to_string();
    for region in ["East US 2", "North Europe", "West US 2", "West Europe", "UK South"] {
        assert!(shown.contains(&format!("\"{region}\"")), "{region} is lost: {shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_while_it_replicates_loses_nothing_and_the_next_run_finishes() {
    let azure = world();
    let (client, _events) = azure
        .client_with_limit(&CancellationToken::new(), std::time::Duration::from_secs(30))
        .await;
    let error = publish::run(&client, &checked(&adopting())).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{}", error.report());
    let published = run(&azure, &adopting()).await.unwrap();
    assert_eq!(published.regions.len(), 4);
    assert_eq!(azure.writes(), [write(), write()], "one write each, over both runs");
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_an_adoption_lists_what_it_lacks() {
    let azure = world();
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&adopting())).await.unwrap();
    assert_eq!(
        plan.changes(),
        [
            "replicate to westus2 with 4 replicas",
            "set tag team = render",
            "replicate to westeurope with 1 replica"
        ],
        "as a run does it: what it says of itself is written with the regions that pools wait for"
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
    let told = lines(&mut events).join("\n");
    assert!(
        told.contains("cannot be known") || told.contains("temp-drive"),
        "{told}"
    );
    run(&azure, &adopting()).await.unwrap();
    assert_eq!(
        publish::plan(&client, &checked(&adopting())).await.unwrap().changes(),
        Vec::<String>::new()
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stick_is_warned_of_and_the_run_goes_on() {
    let azure = world();
    let mut wanted = adopting();
    (wanted.used_by, wanted.target_regions) = (Vec::new(), Vec::new());
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let mut answer = client.send(&version::get(&version_id("ubuntu"))).await.unwrap().value();
    answer["tags"] = json!({"owner": "them"});
    let forgetful = json!({"kind": "wrongBody", "body": answer.to_string(), "method": "GET", "path": "*/versions/*", "occurrence": "every"});
    azure.fault(forgetful);
    publish::run(&client, &checked(&wanted)).await.result.unwrap();
    assert_eq!(azure.writes(), [write()], "once");
    let told = lines(&mut events).join("\n");
    assert!(
        told.contains("does not show it; still to do: set tag team = render"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_being_deleted_is_named_by_plan_and_run() {
    let azure = world();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let mut delete = version::get(&version_id("ubuntu"));
    delete.method = Method::DELETE;
    client.send(&delete).await.unwrap();
    azure.turn_the_page();
    let planned = publish::plan(&client, &checked(&adopting())).await.map(drop);
    let done = run(&azure, &adopting()).await.map(drop);
    for ended in [planned, done] {
        let error = ended.must_fail();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.report().contains("is being deleted"), "{}", error.report());
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_later_end_of_life_stays_and_is_named() {
    let azure = world();
    let mut wanted = adopting();
    (wanted.used_by, wanted.target_regions) = (Vec::new(), Vec::new());
    wanted.version_settings.end_of_life = "2027-06-30T00:00:00Z".parse().ok();
    run(&azure, &wanted).await.unwrap();
    azure.turn_the_page();
    wanted.version_settings.end_of_life = "2027-01-01T00:00:00Z".parse().ok();
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(&wanted)).await.result.unwrap();
    assert_eq!(azure.writes(), Vec::<String>::new());
    let told = lines(&mut events).join("\n");
    assert!(
        told.contains("keeps the end of its life at 2027-06-30T00:00:00Z, which is later than 2027-01-01T00:00:00Z"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_definition_s_security_type_is_shown_however_the_version_came_to_be() {
    let azure = world_with(|seed| {
        seed["definitions"][0]["properties"]["features"] =
            json!([{"name": "SecurityType", "value": "TrustedLaunchSupported"}]);
    });
    let adopted = run(&azure, &adopting()).await.unwrap();
    let created = run(&azure, &settings()).await.unwrap();
    assert_eq!(
        (adopted.security_type.as_str(), created.security_type.as_str()),
        ("TrustedLaunchSupported", "TrustedLaunchSupported")
    );
}
