//! Roll-outs against the emulator: what is written, when, and what is said when a pool is not good.
//!
//! Each test begins with the same world: a version in eastus2, two Batch accounts, no pool.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    batch::pool::{self, Deallocation, Resize},
    client::Client,
    compute::version::find,
    error::{Error, ErrorKind},
    ids::{BatchEndpoint, NodeCounts},
    options::Door,
    replication::{Layout, StorageChoice, Wanted, ensure},
    rollout::{self, PoolAction, RolloutOutcome, RolloutReport},
    settings::{
        AccountRef, Adopt, Change, NewRegion, PendingResize, PoolSpec, ROLLOUT_DEADLINE, ReplicaStorage, RolloutPolicy,
        RolloutSettings, SpotCounts, Targets, fault::lines,
    },
};
use azure_emulator::{journal::Entry, seed::Seed};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    support::{Azure, GROUP},
};

/// The usual world with a change.
pub(crate) fn world(change: impl FnOnce(&mut Value)) -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    seed["definitions"] = json!([{"name": "def1", "resourceGroup": "rg-images", "gallery": "gal1", "properties": {
        "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "identifier": {"publisher": "p", "offer": "o", "sku": "s"}}}]);
    let version = |name: &str| {
        json!({"name": name, "resourceGroup": "rg-images", "gallery": "gal1", "definition": "def1",
            "publishingProfile": {"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 4}, {"name": "westus2", "regionalReplicaCount": 4}]}})
    };
    seed["versions"] = json!([version("1.0.0"), version("0.9.0")]);
    change(&mut seed);
    Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap())
}

pub(crate) fn image(version: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Compute/galleries/gal1/images/def1/versions/{version}")
}

/// A roll-out of 1.0.0 to pool p1 with so many dedicated nodes.
pub(crate) fn settings(account: &str, dedicated: u32) -> RolloutSettings {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/{account}");
    RolloutSettings {
        account: AccountRef::Id(account.parse().unwrap()),
        pool: PoolSpec {
            id: "p1".parse().unwrap(),
            version: image("1.0.0").parse().unwrap(),
            vm_size: Some("Standard_D4s_v5".parse().unwrap()),
            fallback_vm_sizes: Vec::new(),
            node_agent_sku: Some("batch.node.ubuntu 22.04".parse().unwrap()),
            targets: Targets {
                dedicated,
                spot: 0,
                spot_counts: SpotCounts::No,
            },
            autoscale: None,
            start_task: None,
            image_security: azure_batch_core::settings::ImageSecurity::default(),
            json: azure_batch_core::settings::PoolJson::default(),
            parts: azure_batch_core::settings::parts::PoolParts::default(),
            spots: azure_batch_core::settings::Spots::default(),
            expires_after: None,
        },
        policy: RolloutPolicy::default(),
        change: Change::default(),
        node_logs: None,
        prices: None,
    }
}

/// The same, of a pool that others made and that may be changed.
pub(crate) fn adopting(account: &str, dedicated: u32) -> RolloutSettings {
    let mut settings = settings(account, dedicated);
    settings.policy.adopt = Adopt::Yes;
    settings
}

/// A pool of another client on that version, as a seed describes it.
pub(crate) fn foreign_pool(version: &str, nodes: u32) -> Value {
    json!({"id": "p1", "vmSize": "standard_d4s_v5", "targetDedicatedNodes": nodes, "targetLowPriorityNodes": 0,
        "metadata": [{"name": "team", "value": "render"}],
        "virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": image(version)}, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}})
}

/// A client whose run may take so long. Pauses between rounds vary by chance; here they are the same in every run, so
/// that a sweep meets the request that it means.
pub(crate) async fn client(azure: &Azure, limit: Duration) -> Client {
    fastrand::seed(7);
    azure.client_with_limit(&CancellationToken::new(), limit).await.0
}

pub(crate) async fn roll_out(azure: &Azure, settings: &RolloutSettings) -> RolloutOutcome {
    rollout::run(&client(azure, ROLLOUT_DEADLINE).await, &checked(settings)).await
}

/// The journal's entries of requests with that verb, whose paths end so.
pub(crate) fn entries(azure: &Azure, method: &Method, path_end: &str) -> Vec<Entry> {
    let mut journal = azure.journal();
    journal.retain(|entry| entry.method == method.as_str() && entry.path.ends_with(path_end));
    journal
}

/// Another client asks for so many nodes in p1 of acct1; their request is not ours to count.
pub(crate) async fn resize_by_somebody(azure: &Azure, dedicated: u32) {
    let endpoint = BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap();
    let order = Resize {
        targets: NodeCounts { dedicated, spot: 0 },
        timeout: Duration::from_secs(30 * 60),
        deallocation: Deallocation::Unsaid,
    };
    let request = pool::resize(&endpoint, &"p1".parse().unwrap(), &order, None);
    client(azure, ROLLOUT_DEADLINE).await.send(&request).await.unwrap();
    azure.turn_the_page();
}

/// The error of a roll-out that must fail.
pub(crate) async fn failure(azure: &Azure, settings: &RolloutSettings) -> Error {
    roll_out(azure, settings).await.result.must_fail()
}

pub(crate) fn good(outcome: RolloutOutcome) -> RolloutReport {
    if let Err(error) = outcome.result {
        panic!("{}", error.report());
    }
    outcome.report
}

/// The timeouts that these requests gave their resizes.
pub(crate) fn timeouts(entries: &[Entry]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry.request["resizeTimeout"].as_str().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_region_that_failed_elsewhere_is_still_the_version_s_after_a_roll_out() {
    let azure = world(|seed| {
        for version in seed["versions"].as_array_mut().unwrap() {
            version["publishingProfile"]["targetRegions"]
                .as_array_mut()
                .unwrap()
                .remove(1);
        }
    });
    let publisher = client(&azure, ROLLOUT_DEADLINE).await;
    let version = image("1.0.0").parse().unwrap();
    let elsewhere = azure_batch_core::replicas::RegionNeed {
        location: "westus2".parse().unwrap(),
        replicas: 4,
        formula: String::new(),
    };
    azure.fault(json!({"kind": "regionFailed", "region": "westus2", "method": "PUT", "path": "*/versions/1.0.0", "occurrence": "every"}));
    let wanted = Wanted {
        regions: vec![elsewhere],
        layout: Layout {
            storage: StorageChoice::Type(ReplicaStorage::PremiumLrs),
            ..Layout::default()
        },
        ..Wanted::default()
    };
    let failed = ensure(&publisher, &version, &wanted).await;
    assert!(failed.is_err());
    azure.turn_the_page();
    good(roll_out(&azure, &settings("acct1", 10)).await);
    let found = find(&publisher, &version).await.unwrap().unwrap();
    let regions = found
        .body()
        .pointer("/properties/publishingProfile/targetRegions")
        .unwrap();
    let elsewhere = regions.as_array().unwrap().iter().find(|region| {
        region["name"]
            .as_str()
            .unwrap()
            .replace(' ', "")
            .eq_ignore_ascii_case("westus2")
    });
    let elsewhere = elsewhere.unwrap_or_else(|| panic!("{regions}"));
    assert_eq!(
        (&elsewhere["regionalReplicaCount"], &elsewhere["storageAccountType"]),
        (&json!(4), &json!("Premium_LRS"))
    );
}

#[tokio::test(start_paused = true)]
async fn creates_a_pool_of_700_nodes_and_a_second_run_writes_nothing() {
    let azure = world(|_| {});
    let report = good(roll_out(&azure, &settings("acct1", 700)).await);
    assert_eq!(
        (report.action, report.needed, report.ready),
        (PoolAction::Created, 686, Some(700))
    );
    assert_eq!(azure.writes(), ["POST /pools"]);
    assert_eq!(timeouts(&entries(&azure, &Method::POST, "/pools")), ["PT30M"]);
    assert_eq!(report.states.get("idle"), Some(&700));
    assert_eq!(report.rounds.len(), 1);
    let steps: Vec<&str> = report.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(steps, ["observe", "plan", "before", "replicas", "resize", "nodes"]);

    azure.turn_the_page();
    let again = good(roll_out(&azure, &settings("acct1", 700)).await);
    assert_eq!((again.action, again.ready), (PoolAction::Unchanged, Some(700)));
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn errors_of_an_older_resize_are_not_believed() {
    let azure = world(|seed| {
        let mut pool = foreign_pool("1.0.0", 10);
        pool["currentDedicatedNodes"] = json!(0);
        pool["resizeErrors"] =
            json!([{"code": "AccountCoreQuotaReached", "message": "The specified account has reached core quota"}]);
        seed["batchAccounts"][0]["pools"] = json!([pool]);
    });
    let report = good(roll_out(&azure, &adopting("acct1", 10)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Resized, Some(10)));
    assert_eq!(azure.writes(), ["PATCH /pools/p1", "POST /pools/p1/resize"]);
}

#[tokio::test(start_paused = true)]
async fn a_resize_to_the_same_targets_is_joined() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 5)]));
    resize_by_somebody(&azure, 700).await;
    let report = good(roll_out(&azure, &settings("acct1", 700)).await);
    assert_eq!((report.action, report.ready), (PoolAction::Joined, Some(700)));
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_resize_to_other_targets_is_waited_for_or_stopped() {
    for (pending, expected) in [
        (PendingResize::Wait, vec!["PATCH /pools/p1", "POST /pools/p1/resize"]),
        (
            PendingResize::Stop,
            vec!["PATCH /pools/p1", "POST /pools/p1/stopresize", "POST /pools/p1/resize"],
        ),
    ] {
        let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 5)]));
        resize_by_somebody(&azure, 400).await;
        let mut settings = adopting("acct1", 20);
        settings.policy.resize.pending = pending;
        let report = good(roll_out(&azure, &settings).await);
        assert_eq!(
            (report.action, report.ready),
            (PoolAction::Resized, Some(20)),
            "{pending:?}"
        );
        assert_eq!(azure.writes(), expected, "{pending:?}");
        let stopped = entries(&azure, &Method::POST, "/stopresize");
        let resized = entries(&azure, &Method::POST, "/resize");
        if let (Some(stopped), Some(resized)) = (stopped.last(), resized.last()) {
            assert!(
                resized.time.duration_since(stopped.time).as_secs() >= 30,
                "30 s between two writes"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_others_made_is_never_written_to_without_consent() {
    for (nodes, json) in [
        (5, json!({})),
        (50, json!({"startTask": {"commandLine": "mount -a"}})),
        (50, json!({"taskSlotsPerNode": 4})),
    ] {
        let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 50)]));
        let mut settings = settings("acct1", nodes);
        settings.pool.json = json.as_object().unwrap().clone().into();
        let error = failure(&azure, &settings).await;
        assert_eq!(
            (error.kind(), azure.writes()),
            (ErrorKind::Refused, Vec::new()),
            "{}",
            error.report()
        );
    }
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 50)]));
    let report = good(roll_out(&azure, &settings("acct1", 50)).await);
    assert_eq!((report.action, azure.writes()), (PoolAction::Unchanged, Vec::new()));
    let report = good(roll_out(&azure, &adopting("acct1", 50)).await);
    assert_eq!(
        (report.action, azure.writes()),
        (PoolAction::Updated, vec!["PATCH /pools/p1".to_owned()])
    );
    azure.turn_the_page();
    good(roll_out(&azure, &settings("acct1", 60)).await);
    assert_eq!(azure.writes(), ["POST /pools/p1/resize"], "it is ours from then on");
}

#[tokio::test(start_paused = true)]
async fn another_start_task_and_metadata_are_patched_while_nodes_are_there() {
    let azure = world(|_| {});
    let with = |sas: &str, build: &str| {
        let mut settings = settings("acct1", 10);
        let json = json!({"metadata": [{"name": "build", "value": build}],
            "startTask": {"commandLine": format!("/bin/bash -c 'wget https://st1.example/x?sig={sas}'")}});
        settings.pool.json = json.as_object().unwrap().clone().into();
        settings
    };
    good(roll_out(&azure, &with("SIGA", "41")).await);
    for (settings, expected) in [
        (with("SIGA", "41"), vec![]),
        (with("SIGA", "42"), vec!["PATCH /pools/p1".to_owned()]),
        (with("SIGB", "42"), vec!["PATCH /pools/p1".to_owned()]),
        (with("SIGB", "42"), vec![]),
    ] {
        azure.turn_the_page();
        good(roll_out(&azure, &settings).await);
        assert_eq!(azure.writes(), expected);
    }
    let pool = azure.resources().to_string();
    assert!(pool.contains("SIGB") && !pool.contains("SIGA"));
}

#[tokio::test(start_paused = true)]
async fn replicas_are_raised_before_the_pool_outgrows_them() {
    let azure = world(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"] =
            json!([{"name": "eastus2", "regionalReplicaCount": 2}, {"name": "westus2", "regionalReplicaCount": 1}]);
    });
    let version = image("1.0.0");
    good(roll_out(&azure, &settings("acct1", 700)).await);
    assert_eq!(azure.writes(), [format!("PUT {version}"), "POST /pools".to_owned()]);
    let put = &entries(&azure, &Method::PUT, "/1.0.0")[0];
    let counts: Vec<&Value> = put.request["properties"]["publishingProfile"]["targetRegions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|region| &region["regionalReplicaCount"])
        .collect();
    assert_eq!(counts, [4, 1], "3 for 700 nodes and 1 headroom; the other region stays");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_an_earlier_run_took_out_comes_back_with_a_raise() {
    let azure = world(|seed| {
        seed["versions"][0]["tags"] = json!({"azure-batch-taken-out": "northeurope:5:Standard_ZRS"});
        seed["versions"][0]["publishingProfile"]["targetRegions"] = json!([{"name": "eastus2"}]);
    });
    good(roll_out(&azure, &settings("acct1", 700)).await);
    let put = entries(&azure, &Method::PUT, "/versions/1.0.0").remove(0).request;
    assert_eq!(
        put["properties"]["publishingProfile"]["targetRegions"][1],
        json!({"name": "northeurope", "regionalReplicaCount": 5, "storageAccountType": "Standard_ZRS"})
    );
    assert_eq!(put["tags"], json!({}), "it is out no more");
}

#[tokio::test(start_paused = true)]
async fn a_missing_region_is_added_and_another_pool_of_the_account_counts() {
    let azure = world(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"] =
            json!([{"name": "eastus2", "regionalReplicaCount": 1}]);
        let mut other = foreign_pool("1.0.0", 400);
        other["id"] = json!("p2");
        seed["batchAccounts"][1]["pools"] = json!([other]);
    });
    let mut settings = settings("acct2", 10);
    let error = failure(&azure, &settings).await;
    assert_eq!((error.kind(), azure.writes()), (ErrorKind::Refused, Vec::new()));
    let report = error.report();
    assert!(
        report.contains("no replica in westus2") && report.contains("add_region"),
        "{report}"
    );
    settings.policy.new_region = NewRegion::Add;
    good(roll_out(&azure, &settings).await);
    let put = &entries(&azure, &Method::PUT, "/1.0.0")[0];
    let added = &put.request["properties"]["publishingProfile"]["targetRegions"][1];
    assert_eq!(
        added,
        &json!({"name": "westus2", "regionalReplicaCount": 4, "storageAccountType": "Standard_LRS"})
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_write_nothing_and_say_what_works() {
    type Change = fn(&mut Value);
    let other_version: Change = |seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("0.9.0", 5)]);
    let other_size: Change = |seed| {
        let mut pool = foreign_pool("1.0.0", 5);
        pool["vmSize"] = json!("standard_d8s_v5");
        seed["batchAccounts"][0]["pools"] = json!([pool]);
    };
    let autoscale: Change = |seed| {
        let mut pool = foreign_pool("1.0.0", 5);
        pool.as_object_mut()
            .unwrap()
            .retain(|name, _| !name.starts_with("target"));
        pool["enableAutoScale"] = json!(true);
        pool["autoScaleFormula"] = json!("$TargetDedicatedNodes=5;");
        seed["batchAccounts"][0]["pools"] = json!([pool]);
    };
    let shared_key: Change = |seed| seed["batchAccounts"][0]["allowedAuthenticationModes"] = json!(["SharedKey"]);
    let table = [
        (
            other_version,
            "runs def1 0.9.0, not def1 1.0.0",
            "or roll out to a new pool_id",
        ),
        (other_size, "differs in vm_size", "or roll out to a new pool_id"),
        (autoscale, "autoscale formula", "give the formula in autoscale_formula"),
        (
            shared_key,
            "allowedAuthenticationModes lack AAD",
            "switch it on: az batch account set",
        ),
    ];
    for (change, why, remedy) in table {
        let azure = world(change);
        let error = failure(&azure, &settings("acct1", 10)).await;
        let report = error.report();
        assert_eq!(error.kind(), ErrorKind::Refused, "{report}");
        assert!(report.contains(why) && report.contains(remedy), "{report}");
        assert_eq!(azure.writes(), Vec::<String>::new(), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_contradict_each_other_ask_nobody() {
    let azure = world(|_| {});
    let mut settings = settings("acct1", 10);
    settings.pool.json.insert("vmSize".to_owned(), json!("Standard_D8s_v5"));
    let error = failure(&azure, &settings).await;
    assert_eq!((error.kind(), azure.journal().len()), (ErrorKind::BadInput, 0));
    let faults = rollout::check(&checked(&settings)).must_fail();
    assert_eq!(
        lines(&faults, Door::Flag),
        r#"--pool-json.vmSize: is "Standard_D8s_v5" but --vm-size is "Standard_D4s_v5"; give it in one place"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_data_disk_on_a_lun_of_the_image_is_refused_before_the_first_write() {
    let azure = world(|seed| seed["versions"][0]["dataDiskLuns"] = json!([0, 2]));
    let mut settings = settings("acct1", 10);
    let disks = |lun: u32| json!({"dataDisks": [{"lun": lun, "diskSizeGB": 64}]});
    settings
        .pool
        .json
        .insert("virtualMachineConfiguration".to_owned(), disks(2));
    let error = failure(&azure, &settings).await;
    assert_eq!((error.kind(), azure.writes()), (ErrorKind::BadInput, Vec::new()));
    assert!(
        error.report().contains(
            "is 2, and a data disk of the image has LUN 2 on every node: give the disk another LUN, such as 1"
        ),
        "{}",
        error.report()
    );
    let planned = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&settings)).await;
    assert_eq!(planned.must_fail().kind(), ErrorKind::BadInput);
    settings
        .pool
        .json
        .insert("virtualMachineConfiguration".to_owned(), disks(1));
    good(roll_out(&azure, &settings).await);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_contradicts_the_base_image_or_is_gone_is_refused_before_the_first_write() {
    let base = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:1.2.3";
    let azure = world(|seed| seed["versions"][0]["tags"] = json!({"azure-batch-base-image": base}));
    for (agent, expected) in [
        (
            "batch.node.ubuntu 24.04",
            "the image was made of Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:1.2.3, and Batch has \"batch.node.ubuntu 22.04\" for it",
        ),
        ("batch.node.debian 3", "does not fit the image"),
    ] {
        let mut settings = settings("acct1", 10);
        settings.pool.node_agent_sku = Some(agent.parse().unwrap());
        let error = failure(&azure, &settings).await;
        let report = error.report();
        assert_eq!(
            (error.kind(), azure.writes()),
            (ErrorKind::BadInput, Vec::new()),
            "{report}"
        );
        assert!(report.contains(expected), "{report}");
    }
    good(roll_out(&azure, &settings("acct1", 10)).await);

    let unknown = world(|_| {});
    let mut settings = settings("acct1", 10);
    settings.pool.node_agent_sku = Some("batch.node.ubuntu 12.04".parse().unwrap());
    let report = failure(&unknown, &settings).await.report();
    assert!(
        report.contains("is not a node agent that Batch has; the next of its kind is \"batch.node.ubuntu "),
        "{report}"
    );
    assert_eq!(unknown.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_there_is_bad_input() {
    let azure = world(|_| {});
    let mut settings = settings("acct1", 10);
    settings.pool.version = image("7.0.0").parse().unwrap();
    let error = failure(&azure, &settings).await;
    assert_eq!((error.kind(), azure.writes().len()), (ErrorKind::BadInput, 0));
}

#[tokio::test(start_paused = true)]
async fn without_rights_in_arm_the_checks_not_made_are_listed() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "path": "/subscriptions/*", "occurrence": "every"}));
    let mut settings = settings("acct1", 10);
    settings.account = AccountRef::Endpoint(BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap());
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!(report.ready, Some(10));
    insta::assert_snapshot!(report.skipped_checks.join("\n"), @r"
    sign-in modes and quotas of the account: it is given by its endpoint alone
    state and replicas of the image version: this identity may not read it
    security type of the image: this identity may not read it
    rights on /subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/def1/versions/1.0.0: this identity may not read them
    whether Microsoft.Batch is registered in subscription 00000000-0000-0000-0000-0000000005b5: this identity may not read it
    ");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_leaves_the_pool_and_says_how_to_go_on() {
    let azure = world(|_| {});
    let cancel = CancellationToken::new();
    let (client, _events) = azure.client_with_limit(&cancel, ROLLOUT_DEADLINE).await;
    let settings = settings("acct1", 700);
    azure.gone_after(crate::rollout_meanwhile::while_it_waits(&settings).await, cancel);
    let outcome = rollout::run(&client, &checked(&settings)).await;
    let error = outcome.result.must_fail();
    assert_eq!(
        (error.kind(), outcome.report.action),
        (ErrorKind::Cancelled, PoolAction::Created)
    );
    assert!(error.report().contains("run again"), "{}", error.report());
    let report = good(roll_out(&azure, &settings).await);
    assert_eq!((report.action, report.ready), (PoolAction::Joined, Some(700)));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_resumable() {
    let azure = world(|_| {});
    let settings = settings("acct1", 700);
    let outcome = rollout::run(&client(&azure, Duration::from_secs(60)).await, &checked(&settings)).await;
    assert_eq!(outcome.result.must_fail().kind(), ErrorKind::Deadline);
    assert_eq!(good(roll_out(&azure, &settings).await).ready, Some(700));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_could_not_be_created_leaves_the_version_alone() {
    let azure = world(|seed| {
        seed["versions"][0]["publishingProfile"]["targetRegions"] =
            json!([{"name": "eastus2", "regionalReplicaCount": 1}]);
    });
    let mut settings = settings("acct1", 1000);
    (settings.pool.vm_size, settings.pool.node_agent_sku) = (None, None);
    let error = failure(&azure, &settings).await;
    assert_eq!((error.kind(), azure.writes()), (ErrorKind::BadInput, Vec::new()));
    let report = error.report();
    assert!(
        report.contains("vm_size: is needed to create the pool\n  node_agent_sku_id: is needed"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_the_steps_and_writes_nothing() {
    let azure = world(|_| {});
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let plan = rollout::plan(&client, &checked(&settings("acct1", 1500)))
        .await
        .unwrap();
    insta::assert_snapshot!(plan.to_string().replace(GROUP, "<group>"), @r"
    raise the replicas of <group>/providers/Microsoft.Compute/galleries/gal1/images/def1/versions/1.0.0 in eastus2 from 4 to 6
    create pool p1 with 1500 nodes on <group>/providers/Microsoft.Compute/galleries/gal1/images/def1/versions/1.0.0, resize timeouts of 30, 45, 68, 102, 120 minutes
    wait until 1470 nodes of pool p1 are ready
    ");
    assert_eq!(
        serde_json::to_value(&plan).unwrap()["steps"][1]["timeouts_minutes"],
        json!([30, 45, 68, 102, 120])
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
}
