//! Removing what dead runs left: what is needed stays, and every request meets every trouble.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    client::Client,
    error::{Error, ErrorKind, Result},
    gc::{self, Collection},
    ids::resource::ImageDefinitionId,
    names::{Part, TemporaryNames},
    options::{
        image::TEMP_NAME_PREFIX,
        versions::{LEFTOVER_SUBSCRIPTIONS, RESOURCE_GROUPS},
    },
    settings::{self, COLLECTION_DEADLINE, Checked, CollectionSettings, Values},
    tags::Fingerprint,
};
use serde_json::{Value, json};

use crate::{
    estate::{by_id, definition, pool},
    rights::held,
    rollout::{client, image, world},
    support::{Azure, GROUP},
    sweep::upkeep::sweep,
};

pub(crate) fn settings() -> Checked<CollectionSettings> {
    let values = Values::default().with(RESOURCE_GROUPS, GROUP);
    settings::collection(&values).unwrap().settings
}

fn name(fingerprint: &str, part: Part) -> String {
    let definition: ImageDefinitionId = definition().parse().unwrap();
    let names = TemporaryNames::new("azure-batch", &definition, &Fingerprint::new(fingerprint));
    names.unwrap().of(part)
}

/// The tags of a leftover for a version of the world's definition.
fn tags(fingerprint: &str, more: &Value) -> Value {
    let mut tags = json!({"azure-batch-tool": "azure-batch-core/0.1.0", "azure-batch-run": "run-1",
        "azure-batch-version": "gal1/def1/1.0.0", "azure-batch-gallery": GROUP, "azure-batch-source": "0123",
        "azure-batch-fingerprint": fingerprint, "azure-batch-expires": "2025-12-31T00:00:00Z"});
    for (name, value) in more.as_object().unwrap() {
        tags[name] = value.clone();
    }
    tags
}

fn seeded(name: &str, tags: &Value) -> Value {
    json!({"name": name, "resourceGroup": "rg-images", "location": "eastus2", "tags": tags})
}

/// What a dead run left, one snapshot of it with an access; a snapshot that was kept, one that a run still uses, a copy
/// with our tags, and one of others.
pub(crate) fn leftovers(change: impl FnOnce(&mut Value)) -> Azure {
    let of_dead = tags("f1", &json!({}));
    let mut read = seeded(&name("f1", Part::OsDisk), &of_dead);
    read["accessHours"] = json!(48);
    let mut image = seeded(&name("f1", Part::Image), &of_dead);
    image["snapshot"] = json!(name("f1", Part::OsDisk));
    let kept = tags("f2", &json!({"azure-batch-kept": "run-2"}));
    let leased = tags("f3", &json!({"azure-batch-lease": "2026-01-02T00:00:00Z 1.0.0 run-3"}));
    world(|seed| {
        seed["snapshots"] = json!([
            read,
            seeded(&name("f1", Part::DataDisk(0_u32.try_into().unwrap())), &of_dead),
            seeded(&name("f2", Part::OsDisk), &kept),
            seeded(&name("f3", Part::OsDisk), &leased),
            seeded("backup-os", &of_dead),
            seeded("theirs", &json!({})),
        ]);
        seed["images"] = json!([image]);
        change(seed);
    })
}

async fn plan(azure: &Azure) -> Collection {
    let (client, settings) = (client(azure, COLLECTION_DEADLINE).await, settings());
    let planned = held(azure, "gc", gc::plan(&client, &settings)).await;
    planned.unwrap_or_else(|error| panic!("{}", error.report()))
}

async fn collect(azure: &Azure) -> Result<Collection, Error> {
    let (client, settings) = (client(azure, COLLECTION_DEADLINE).await, settings());
    let mut collection = gc::plan(&client, &settings).await?;
    held(azure, "gc", gc::carry_out(&client, &settings, &mut collection)).await?;
    Ok(collection)
}

fn names(azure: &Azure, kind: &str) -> Vec<String> {
    let all = azure.resources();
    let items = all["compute"][kind].as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

fn going(collection: &Collection) -> usize {
    collection.leftovers.iter().filter(|it| it.goes()).count()
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_run_left_goes_with_its_access_and_nothing_else_does() {
    let azure = leftovers(|_| ());
    let planned = plan(&azure).await;
    assert!(azure.writes().is_empty());
    let steps = planned.plan.to_string();
    assert_eq!(
        (planned.leftovers.len(), going(&planned), planned.plan.steps.len()),
        (6, 3, 4),
        "{steps}"
    );
    assert!(steps.contains("end the access to snapshot"), "{steps}");
    let done = collect(&azure).await.unwrap().done.unwrap();
    assert_eq!((done.removed.len(), done.spared.len()), (3, 0));
    assert_eq!(names(&azure, "images"), [""; 0]);
    let mut left = names(&azure, "snapshots");
    left.sort();
    let mut expected = vec!["backup-os".to_owned(), "theirs".to_owned()];
    expected.extend(["f2", "f3"].map(|fingerprint| name(fingerprint, Part::OsDisk)));
    expected.sort();
    assert_eq!(left, expected);
    azure.turn_the_page();
    collect(&azure).await.unwrap();
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_a_pool_stands_on_stays_with_its_snapshot() {
    let image = format!("{GROUP}/providers/Microsoft.Compute/images/{}", name("f1", Part::Image));
    let azure = leftovers(|seed| seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&image), 1)]));
    let planned = plan(&azure).await;
    assert_eq!(
        going(&planned),
        1,
        "only the data disk's snapshot: {:?}",
        planned.leftovers
    );
    let why = planned.leftovers.iter().flat_map(|it| it.verdict.why());
    assert_eq!(
        why.filter(|why| *why == "pool p1 in acct1 makes its nodes of it")
            .count(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_run_with_another_prefix_left_stays_and_names_the_flag() {
    let azure = leftovers(|_| ());
    let asked = settings::collection(
        &Values::default()
            .with(RESOURCE_GROUPS, GROUP)
            .with(TEMP_NAME_PREFIX, "nightly"),
    )
    .unwrap()
    .settings;
    let client = client(&azure, COLLECTION_DEADLINE).await;
    let planned = gc::plan(&client, &asked).await.unwrap();
    assert_eq!(going(&planned), 0);
    let why = planned.leftovers[0].verdict.why();
    assert_eq!(
        why,
        ["its name begins with \"azure-batch\": give that as the prefix of temporary names"]
    );
}

#[tokio::test(start_paused = true)]
async fn who_uses_an_image_must_be_seen_before_it_goes() {
    let azure = leftovers(|_| ());
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailure", "method": "GET", "path": "/jobschedules", "occurrence": "every"}));
    let planned = plan(&azure).await;
    assert_eq!(going(&planned), 1);
    let why = planned.leftovers.iter().flat_map(|it| it.verdict.why());
    let needs = "job schedules in acct1 (needs Microsoft.Batch/batchAccounts/jobSchedules/read)";
    assert!(
        why.clone().any(|why| why.contains(needs)),
        "{:?}",
        why.collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_run_takes_up_between_plan_and_removal_is_spared() {
    let azure = leftovers(|_| ());
    let client = client(&azure, COLLECTION_DEADLINE).await;
    let mut collection = gc::plan(&client, &settings()).await.unwrap();
    let taken = name("f1", Part::OsDisk);
    let id = format!("{GROUP}/providers/Microsoft.Compute/snapshots/{taken}");
    let lease = json!({"azure-batch-lease": "2026-01-02T00:00:00Z 1.0.0 run-9"});
    let request =
        azure_batch_core::compute::snapshot::tag(&id.parse().unwrap(), tags("f1", &lease).as_object().unwrap().clone());
    client.send(&request).await.unwrap();
    gc::carry_out(&client, &settings(), &mut collection).await.unwrap();
    let done = collection.done.unwrap();
    assert_eq!(done.removed.len(), 2);
    assert_eq!(done.spared[0].why, "run run-9 uses it until 2026-01-02T00:00:00Z");
    assert!(names(&azure, "snapshots").contains(&taken));
}

#[tokio::test(start_paused = true)]
async fn a_whole_subscription_is_looked_at_and_a_group_that_is_not_there_is_named() {
    let azure = leftovers(|_| ());
    let subscription = GROUP.split('/').nth(2).unwrap();
    let values = Values::default().with(LEFTOVER_SUBSCRIPTIONS, subscription);
    let asked = settings::collection(&values).unwrap();
    let client = client(&azure, COLLECTION_DEADLINE).await;
    let planned = gc::plan(&client, &asked.settings).await.unwrap();
    assert_eq!(going(&planned), 3);
    let missing = GROUP.replace("rg-images", "rg-gone");
    let asked = settings::collection(&Values::default().with(RESOURCE_GROUPS, missing.as_str())).unwrap();
    let error = gc::plan(&client, &asked.settings).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let report = error.report();
    assert!(
        report.starts_with("there is no resource group rg-gone\n") && report.contains("resource_groups"),
        "{report}"
    );
    assert!(report.contains("az group list --subscription"), "{report}");
    let unknown = "00000000-0000-0000-0000-0000000fffff";
    for (values, option) in [
        (Values::default().with(LEFTOVER_SUBSCRIPTIONS, unknown), "subscriptions"),
        (
            Values::default().with(RESOURCE_GROUPS, format!("/subscriptions/{unknown}/resourceGroups/rg")),
            "resource_groups",
        ),
    ] {
        let asked = settings::collection(&values).unwrap();
        let error = gc::plan(&client, &asked.settings).await.must_fail();
        let report = error.report();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{report}");
        assert!(
            report.starts_with(&format!("there is no subscription {unknown}\n")),
            "{report}"
        );
        assert!(report.contains(&format!("give one of them in {option}")), "{report}");
    }
    assert!(
        settings::collection(&Values::default()).is_err(),
        "some place has to be named"
    );
}

/// A pool of a test that was to end so, and the job on it.
pub(crate) fn test_pool(id: &str, expires: &str) -> Value {
    let mut pool = pool(id, by_id(&image("1.0.0")), 1);
    pool["metadata"] = json!([{"name": "azure-batch-test", "value": image("1.0.0")}, {"name": "azure-batch-expires", "value": expires}]);
    pool
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_a_test_whose_run_is_dead_goes_with_its_job_and_no_other_pool_does() {
    let azure = world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([
            test_pool("azure-batch-test-dead", "2025-12-31T00:00:00Z"),
            test_pool("azure-batch-test-going", "2026-01-02T00:00:00Z"),
            pool("render", by_id(&image("1.0.0")), 1),
        ]);
        seed["batchAccounts"][0]["jobs"] =
            json!([{"id": "azure-batch-test-dead", "poolInfo": {"poolId": "azure-batch-test-dead"}}]);
    });
    let planned = plan(&azure).await;
    assert_eq!(
        planned.plan.to_string().trim(),
        "remove pool azure-batch-test-dead in acct1, which tested a version"
    );
    assert_eq!((planned.pools.len(), azure.writes()), (2, Vec::new()));
    let done = collect(&azure).await.unwrap().done.unwrap();
    assert_eq!(done.removed, ["pool azure-batch-test-dead in acct1"]);
    assert_eq!(
        azure.writes(),
        [
            "DELETE /jobs/azure-batch-test-dead",
            "DELETE /pools/azure-batch-test-dead"
        ]
    );
    azure.turn_the_page();
    collect(&azure).await.unwrap();
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_in_the_middle_it_says_what_is_gone() {
    let azure = leftovers(|_| ());
    let stuck = name("f1", Part::OsDisk);
    azure.fault(
        json!({"kind": "status", "status": 409, "code": "ScopeLocked", "message": "a lock", "method": "DELETE",
        "path": format!("*/snapshots/{stuck}"), "occurrence": "every"}),
    );
    let client = client(&azure, COLLECTION_DEADLINE).await;
    let mut collection = gc::plan(&client, &settings()).await.unwrap();
    let error = gc::carry_out(&client, &settings(), &mut collection).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::PartlyReached, "{}", error.report());
    let removed = collection.done.unwrap().removed;
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert!(!removed.iter().any(|id| id.ends_with(&stuck)), "{removed:?}");
}

#[test]
fn every_request_of_removing_leftovers_meets_every_trouble() {
    let collect = async |client: Client| {
        let mut collection = gc::plan(&client, &settings()).await?;
        gc::carry_out(&client, &settings(), &mut collection).await
    };
    sweep(("removing leftovers", 150, 4), || leftovers(|_| ()), collect);
}

#[tokio::test(start_paused = true)]
async fn of_a_subscription_that_is_seen_in_part_no_snapshot_goes_whose_images_may_not_show() {
    let azure = leftovers(|seed| {
        seed["images"] = json!([]);
        seed["roleAssignments"] = crate::estate::in_group_only();
    });
    let client = client(&azure, COLLECTION_DEADLINE).await;
    let subscription = GROUP.split('/').nth(2).unwrap();
    let values = Values::default().with(LEFTOVER_SUBSCRIPTIONS, subscription);
    let of_subscription = settings::collection(&values).unwrap().settings;
    let planned = gc::plan(&client, &of_subscription).await.unwrap();
    let unseen = json!(planned)["unseen"].clone();
    let needs: Vec<&str> = unseen
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["needs"].as_str())
        .collect();
    assert_eq!(
        needs,
        [
            "Microsoft.Compute/snapshots/read",
            "Microsoft.Compute/images/read",
            "Microsoft.Batch/batchAccounts/read"
        ]
    );
    assert_eq!(unseen[0]["what"], format!("a part of subscription {subscription}"));
    assert_eq!(going(&planned), 0, "{:?}", planned.leftovers);
    let why: Vec<&String> = planned.leftovers.iter().flat_map(|it| it.verdict.why()).collect();
    let of_images = why
        .iter()
        .filter(|why| why.contains("(needs Microsoft.Compute/images/read)"));
    assert_eq!(of_images.count(), 2, "{why:?}");

    let planned = gc::plan(&client, &settings()).await.unwrap();
    assert_eq!(
        json!(planned)["unseen"],
        json!([]),
        "a list of a group is whole, or refused"
    );
    assert_eq!(going(&planned), 2, "{:?}", planned.leftovers);
}
