//! Retention: what something uses stays, whoever it is and whenever it begins; what cannot be seen refuses.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    client::Client,
    error::{ErrorKind, Result},
    options::versions::{GRACE_DAYS, KEEP_DAYS, KEEP_NEWEST, PROTECTED_TAGS, PRUNED_DEFINITION},
    prune::{self, Fate, Pruning},
    settings::{self, Checked, PRUNE_DEADLINE, PruneSettings, Values},
};
use serde_json::{Value, json};

use crate::{
    estate::{by_id, definition, pool},
    rollout::{client, image, world},
    support::{Azure, GROUP},
    sweep::upkeep::sweep,
};

/// Something that uses 0.9.0, and how the reason begins.
type User = (&'static str, fn(&mut Value));

/// Two versions and what is latest are kept, and nothing by its age.
pub(crate) fn settings_with(change: impl FnOnce(Values) -> Values) -> Checked<PruneSettings> {
    let values = Values::default()
        .with(PRUNED_DEFINITION, definition())
        .with(KEEP_NEWEST, "2")
        .with(KEEP_DAYS, "0")
        .with(GRACE_DAYS, "0");
    settings::prune(&change(values), None).unwrap().settings
}

fn settings() -> Checked<PruneSettings> {
    settings_with(|values| values)
}

/// Versions 0.9.0 to 1.0.2, and a pool on 1.0.1: so 1.0.0 is what it would return to, and 0.9.0 may go.
pub(crate) fn azure(change: impl FnOnce(&mut Value)) -> Azure {
    let version = |name: &str| {
        json!({"name": name, "resourceGroup": "rg-images", "gallery": "gal1", "definition": "def1",
            "publishingProfile": {"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 1}]}})
    };
    world(|seed| {
        seed["versions"] = ["0.9.0", "1.0.0", "1.0.1", "1.0.2"].map(version).into();
        seed["batchAccounts"][0]["pools"] = json!([pool("p1", by_id(&image("1.0.1")), 1)]);
        change(seed);
    })
}

async fn plan(azure: &Azure) -> Result<Pruning> {
    prune::plan(&client(azure, PRUNE_DEADLINE).await, &settings()).await
}

async fn prune_with(azure: &Azure, settings: &Checked<PruneSettings>) -> Result<Pruning> {
    let client = client(azure, PRUNE_DEADLINE).await;
    let mut pruning = prune::plan(&client, settings).await?;
    prune::carry_out(&client, settings, &mut pruning).await?;
    Ok(pruning)
}

fn versions(azure: &Azure) -> Vec<String> {
    let all = azure.resources();
    let items = all["compute"]["galleries/images/versions"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Why a version stays; nothing when it goes.
fn why(pruning: &Pruning, number: &str) -> Vec<String> {
    let versions = &pruning.definitions[0].versions;
    let own = versions.iter().find(|it| it.number.to_string() == number).unwrap();
    if own.fate == Fate::Kept {
        own.why.clone()
    } else {
        Vec::new()
    }
}

#[tokio::test(start_paused = true)]
async fn what_nothing_needs_goes_and_the_rest_says_why_it_stays() {
    let azure = azure(|_| ());
    let planned = plan(&azure).await.unwrap();
    assert_eq!(planned.plan.to_string().trim(), "delete image version 0.9.0 of def1");
    assert_eq!(azure.writes(), [""; 0]);
    assert_eq!(
        why(&planned, "1.0.1"),
        [
            "it is one of the 2 newest that succeeded",
            "pool p1 in acct1 makes its nodes of it"
        ]
    );
    assert!(why(&planned, "1.0.0")[0].contains("the version before"), "{planned:?}");
    prune_with(&azure, &settings()).await.unwrap();
    assert_eq!(azure.writes(), [format!("DELETE {}", image("0.9.0"))]);
    assert_eq!(versions(&azure), ["1.0.0", "1.0.1", "1.0.2"]);
    azure.turn_the_page();
    prune_with(&azure, &settings()).await.unwrap();
    assert_eq!(azure.writes(), [""; 0]);
}

const USERS: [User; 9] = [
    ("pool p2 in acct2 makes its nodes of it", |seed| {
        seed["batchAccounts"][1]["pools"] = json!([pool("p2", by_id(&image("0.9.0")), 0)]);
    }),
    (
        "it is the version before 1.0.0, and pool p2 in acct2 makes its nodes of 1.0.0",
        |seed| {
            seed["batchAccounts"][1]["pools"] = json!([pool("p2", by_id(&image("1.0.0")), 0)]);
        },
    ),
    ("pool p2 in acct1 may return to it", |seed| {
        let record =
            json!({"v": 1, "phase": "done", "to": image("1.0.1"), "was": {"fields": {"/x": by_id(&image("0.9.0"))}}});
        let mut own = pool("p2", by_id(&image("1.0.1")), 1);
        own["metadata"] = json!([{"name": "azure-batch-rollout", "value": record.to_string()}]);
        seed["batchAccounts"][0]["pools"].as_array_mut().unwrap().push(own);
    }),
    ("job nightly in acct1 makes a pool of it", |seed| {
        seed["batchAccounts"][0]["jobs"] = json!([{"id": "nightly", "poolInfo": auto_pool()}]);
    }),
    ("job asleep in acct1 makes a pool of it", |seed| {
        seed["batchAccounts"][0]["jobs"] = json!([{"id": "asleep", "state": "disabled", "poolInfo": auto_pool()}]);
    }),
    ("virtual machine work in rg-images was made of it", |seed| {
        let vm = json!({"name": "work", "resourceGroup": "rg-images", "location": "eastus2",
            "imageReference": {"id": definition(), "exactVersion": "0.9.0"}});
        seed["vms"].as_array_mut().unwrap().push(vm);
    }),
    ("scale set web in rg-images makes its nodes of it", |seed| {
        seed["scaleSets"] = json!([scale_set(json!({"id": image("0.9.0")}), json!([]))]);
    }),
    ("2 nodes of scale set web in rg-images run it", |seed| {
        let old = json!({"id": definition(), "exactVersion": "0.9.0"});
        seed["scaleSets"] = json!([scale_set(json!({"id": definition()}), json!([old, old]))]);
    }),
    ("its tag hold protects it", |seed| {
        seed["versions"][0]["tags"] = json!({"hold": "x"});
    }),
];

fn auto_pool() -> Value {
    let mut own = pool("", by_id(&image("0.9.0")), 1);
    own.as_object_mut().unwrap().remove("id");
    json!({"autoPoolSpecification": {"autoPoolIdPrefix": "auto", "poolLifetimeOption": "job", "keepAlive": false, "pool": own}})
}

fn scale_set(reference: Value, instances: Value) -> Value {
    json!({"name": "web", "resourceGroup": "rg-images", "location": "eastus2", "imageReference": reference, "instances": instances})
}

#[tokio::test(start_paused = true)]
async fn a_version_that_anything_uses_is_never_deleted() {
    for (reason, user) in USERS {
        let azure = azure(user);
        let settings = settings_with(|values| values.with(PROTECTED_TAGS, "hold"));
        let pruning = prune_with(&azure, &settings).await;
        let pruning = pruning.unwrap_or_else(|error| panic!("{reason}: {}", error.report()));
        assert!(versions(&azure).contains(&"0.9.0".to_owned()), "{reason}");
        let why = why(&pruning, "0.9.0");
        assert!(why.iter().any(|why| why.starts_with(reason)), "{reason}: {why:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_makes_pools_of_a_version_keeps_it() {
    let azure = azure(|_| ());
    let endpoint = "acct1.eastus2.batch.azure.com".parse().unwrap();
    let body = json!({"id": "weekly", "schedule": {"recurrenceInterval": "P7D"}, "jobSpecification": {"poolInfo": auto_pool()}});
    let api = azure_batch_core::batch::API_VERSION;
    let request = azure_batch_core::request::Request::batch(
        &endpoint,
        http::Method::POST,
        "/jobschedules",
        api,
        "add a schedule",
    );
    client(&azure, PRUNE_DEADLINE)
        .await
        .send(&request.with_body(body))
        .await
        .unwrap();
    let planned = plan(&azure).await.unwrap();
    let why = why(&planned, "0.9.0");
    assert!(
        why.contains(&"job schedule weekly in acct1 makes a pool of it".to_owned()),
        "{why:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_refuses_and_names_the_right_that_is_missing() {
    let rows = [
        (
            "/pools",
            "Batch account acct1 (needs Microsoft.Batch/batchAccounts/pools/read)",
        ),
        ("/jobs", "jobs in acct1 (needs Microsoft.Batch/batchAccounts/jobs/read)"),
        (
            "/jobschedules",
            "job schedules in acct1 (needs Microsoft.Batch/batchAccounts/jobSchedules/read)",
        ),
        ("*/virtualMachines", "(needs Microsoft.Compute/virtualMachines/read)"),
        (
            "*/virtualMachineScaleSets",
            "(needs Microsoft.Compute/virtualMachineScaleSets/read)",
        ),
        ("*/batchAccounts", "(needs Microsoft.Batch/batchAccounts/read)"),
        ("*/permissions", "(needs Microsoft.Authorization/permissions/read)"),
    ];
    for (path, part) in rows {
        let azure = azure(|_| ());
        azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET", "path": path, "occurrence": "every"}));
        let error = prune_with(&azure, &settings()).await.must_fail();
        assert_eq!(error.kind(), ErrorKind::Refused, "{path}");
        let report = error.report();
        assert!(
            report.contains(part) && report.contains("no version of def1 is deleted"),
            "{path}: {report}"
        );
        assert_eq!(azure.writes(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_may_be_a_part_of_the_truth_refuses() {
    let subscription = GROUP.split("/resourceGroups").next().unwrap();
    let azure = azure(|seed| {
        let of_group = ["Microsoft.Compute/*", "Microsoft.Batch/*", "*/read"];
        seed["roleAssignments"] = json!([{"application": crate::support::APPLICATION, "scope": GROUP, "actions": of_group, "dataActions": ["*"]},
            {"application": crate::support::APPLICATION, "scope": subscription, "actions": ["Microsoft.Batch/batchAccounts/read", "Microsoft.Authorization/*/read"]}]);
    });
    let error = plan(&azure).await.must_fail();
    let report = error.report();
    assert_eq!(error.kind(), ErrorKind::Refused, "{report}");
    assert!(
        report.contains("(needs Microsoft.Compute/virtualMachines/read)")
            && report.contains("shows only those that this identity may read"),
        "{report}"
    );
    assert!(
        !report.contains("(needs Microsoft.Batch/batchAccounts/read)"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_needs_to_be_seen_when_no_version_may_go() {
    let azure = azure(|_| ());
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET", "path": "/jobs", "occurrence": "every"}));
    let settings = settings_with(|values| values.with(KEEP_NEWEST, "9"));
    let pruning = prune_with(&azure, &settings).await.unwrap();
    assert!(pruning.plan.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_version_is_deprecated_and_goes_when_its_grace_is_over() {
    let azure = azure(|_| ());
    let settings = settings_with(|values| values.with(GRACE_DAYS, "2"));
    let first = prune_with(&azure, &settings).await.unwrap();
    let step = "exclude image version 0.9.0 of def1 from latest and let its life end on 2026-01-03";
    assert_eq!(first.plan.to_string().trim(), step);
    let second = prune_with(&azure, &settings).await.unwrap();
    assert_eq!(why(&second, "0.9.0"), ["its life ends on 2026-01-03"]);
    tokio::time::advance(std::time::Duration::from_secs(2 * 24 * 3600 + 1)).await;
    prune_with(&azure, &settings).await.unwrap();
    assert_eq!(versions(&azure), ["1.0.0", "1.0.1", "1.0.2"]);
    let deletions = azure
        .writes()
        .iter()
        .filter(|write| write.starts_with("DELETE"))
        .count();
    assert_eq!(deletions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_version_is_shown_in_its_phases_and_never_put_past_soft_deletion() {
    use azure_batch_core::compute::soft_deleted::Phase;

    let azure = azure(|seed| {
        seed["galleries"][0]["properties"] = json!({"softDeletePolicy": {"isSoftDeleteEnabled": true, "retentionPeriodInDays": 7, "gracePeriodInDays": 3}});
    });
    let settings = settings_with(|values| values.with(GRACE_DAYS, ""));
    let first = prune_with(&azure, &settings).await.unwrap();
    let step = "delete image version 0.9.0 of def1: usable by its id for 7 more days, then only restorable for 3 days, then gone";
    assert_eq!(first.plan.to_string().trim(), step);
    assert!(
        azure
            .journal()
            .iter()
            .all(|entry| !entry.query.to_string().contains("bypass"))
    );
    for (days, phase) in [(0, Some(Phase::Usable)), (8, Some(Phase::Restorable)), (3, None)] {
        tokio::time::advance(std::time::Duration::from_secs(days * 24 * 3600)).await;
        let later = plan(&azure).await.unwrap();
        let deleted = later.definitions[0].deleted.first();
        assert_eq!(deleted.map(|it| it.phase), phase, "{days}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_begins_to_use_a_version_between_plan_and_deletion_keeps_it() {
    let good = azure(|_| ());
    prune_with(&good, &settings()).await.unwrap();
    let journal = good.journal();
    let deleted = journal.iter().find(|entry| entry.method == "DELETE").unwrap().number;
    let lists = journal
        .iter()
        .filter(|entry| entry.path == "/pools" && entry.number < deleted);
    let numbers: Vec<u64> = lists.map(|entry| entry.number).collect();
    assert_eq!(numbers.len(), 4, "both accounts are looked at twice");
    for number in numbers {
        let azure = azure(|_| ());
        let body = pool("rival", by_id(&image("0.9.0")), 0);
        azure.fault(
            json!({"kind": "rival", "request": number, "write": {"method": "POST", "path": "/pools", "body": body}}),
        );
        let ended = prune_with(&azure, &settings()).await.unwrap();
        let is_taken = azure.emulator(|emulator, _| emulator.faults().iter().any(|fault| fault.hits > 0));
        assert!(is_taken, "request {number}");
        assert!(
            versions(&azure).contains(&"0.9.0".to_owned()),
            "request {number}: {ended:?}"
        );
        let spared = ended.done.unwrap().spared;
        let reasons: Vec<String> = spared
            .into_iter()
            .map(|kept| kept.why)
            .chain(why(&ended_of(&ended.definitions), "0.9.0"))
            .collect();
        assert!(
            reasons.iter().any(|why| why.contains("pool rival in")),
            "request {number}: {reasons:?}"
        );
    }
}

/// The same plan without what was done.
fn ended_of(definitions: &[prune::PrunedDefinition]) -> Pruning {
    Pruning {
        definitions: definitions.to_vec(),
        plan: azure_batch_core::plan::Plan::new(Vec::new()),
        done: None,
    }
}

#[test]
fn every_request_of_a_deletion_of_versions_meets_every_trouble() {
    sweep(("deleting versions", 100, 4), || azure(|_| ()), pruning("0"));
}

#[test]
fn every_request_of_a_deprecation_meets_every_trouble() {
    sweep(("deprecating versions", 100, 4), || azure(|_| ()), pruning("30"));
}

fn pruning(grace: &'static str) -> impl AsyncFn(Client) -> Result<()> + Sync {
    async move |client: Client| {
        let settings = settings_with(|values| values.with(GRACE_DAYS, grace));
        let mut pruning = prune::plan(&client, &settings).await?;
        prune::carry_out(&client, &settings, &mut pruning).await
    }
}
