//! A version is tested on one node before it is spread, and a bad one goes nowhere.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    compute::version::{self, ImageVersion},
    error::ErrorKind,
    listing,
    options::{
        Door,
        versions::{ALLOW_FAILED_TEST, IMAGE_DEFINITION, IMAGE_VERSION},
    },
    promotion,
    publish::{self, Outcome},
    settings::{ImageTest, Latest, PublishSettings, Source, Values, list, promote},
    tags::TestOutcome,
};
use azure_emulator::journal::Entry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    publish::{run, settings},
    rights::work::{make_network, subnet},
    support::{Azure, GROUP, lines},
};

/// The example's machine to two regions, with two replicas in its own, after this command has passed.
pub(crate) fn tested(command: &str) -> PublishSettings {
    let mut wanted = settings();
    wanted.target_regions[0].replicas = Some(2);
    wanted.test = Some(ImageTest {
        account: format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1")
            .parse()
            .unwrap(),
        vm_size: "Standard_D2s_v3".parse().unwrap(),
        command: command.to_owned(),
        node_agent: None,
        subnet: None,
        identities: Vec::new(),
        longest: Duration::from_secs(600),
    });
    wanted
}

/// The same with the node in a subnet.
pub(crate) fn in_subnet(mut wanted: PublishSettings, subnet: &str) -> PublishSettings {
    if let Some(test) = &mut wanted.test {
        test.subnet = Some(subnet.parse().unwrap());
    }
    wanted
}

/// The regions of each write of a version, and when the pool was made and went, in the order of the requests.
fn story(azure: &Azure) -> Vec<String> {
    let told = |entry: &Entry| {
        if entry.method == "PUT" && entry.path.contains("/versions/") {
            let regions = entry.request["properties"]["publishingProfile"]["targetRegions"].as_array()?;
            let region = |it: &Value| {
                format!(
                    "{} {}",
                    it["name"].as_str().unwrap_or_default(),
                    it["regionalReplicaCount"]
                )
            };
            return Some(regions.iter().map(region).collect::<Vec<_>>().join(", "));
        }
        let is_batch = entry.path.starts_with("/pools") || entry.path.starts_with("/jobs");
        let plain: String = entry.path.split('-').next().unwrap_or_default().to_owned();
        (is_batch && entry.method != "GET").then(|| format!("{} {plain}", entry.method))
    };
    azure.journal().iter().filter_map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn the_node_of_a_test_is_in_the_subnet_that_is_asked_for() {
    let azure = Azure::example();
    make_network(&azure).await;
    run(&azure, &in_subnet(tested("true"), &subnet())).await.unwrap();
    let journal = azure.journal();
    let made = journal
        .iter()
        .find(|it| it.method == "POST" && it.path == "/pools")
        .unwrap();
    assert_eq!(made.request["networkConfiguration"]["subnetId"], json!(subnet()));
}

#[tokio::test(start_paused = true)]
async fn a_subnet_that_is_not_there_is_refused_before_anything_is_written_and_by_plan_too() {
    let azure = Azure::example();
    make_network(&azure).await;
    azure.turn_the_page();
    for (wrong, says) in [
        (
            subnet().replace("/nodes", "/tests"),
            "test.subnet_id: virtual network net1 has no subnet tests; it has nodes",
        ),
        (
            subnet().replace("net1", "net2"),
            "test.subnet_id: there is no virtual network net2",
        ),
    ] {
        let wanted = in_subnet(tested("true"), &wrong);
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let planned = publish::plan(&client, &checked(&wanted)).await.unwrap_err();
        let error = run(&azure, &wanted).await.unwrap_err();
        for error in [planned, error] {
            assert_eq!(error.kind(), ErrorKind::BadInput);
            assert!(error.report().contains(says), "{}", error.report());
        }
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
}

fn batch_left(azure: &Azure) -> bool {
    azure.resources().to_string().contains("azure-batch-test-")
}

async fn only_version(azure: &Azure) -> ImageVersion {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let id = settings().definition.version("1.0.0".parse().unwrap());
    version::find(&client, &id).await.unwrap().unwrap()
}

/// Until the command was given to the job.
async fn task_added(azure: &Azure) {
    let is_it = |entry: &Entry| entry.method == "POST" && entry.path.ends_with("/tasks");
    let mut looks = tokio::time::interval(Duration::from_secs(1));
    while !azure.journal().iter().any(is_it) {
        looks.tick().await;
    }
}

/// Lets what is being deleted go.
async fn later() {
    tokio::time::advance(Duration::from_secs(3600)).await;
}

#[tokio::test(start_paused = true)]
async fn a_test_whose_pool_does_not_fit_is_refused_before_anything_is_made() {
    let mut seed: Value = serde_json::from_str(azure_emulator::seed::Seed::example_text()).unwrap();
    seed["batchAccounts"][0]["quotas"] = json!({"dedicatedCores": 1});
    let azure = Azure::with_seed(&azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap());
    let error = run(&azure, &tested("true")).await.must_fail();
    assert_eq!(
        (error.kind(), azure.writes()),
        (ErrorKind::Quota, Vec::new()),
        "{}",
        error.report()
    );
    let said = "the pool of the test does not fit: dedicated cores of the account: 1 in all, others use none; 1 node of Standard_D2s_v3 needs 2";
    assert!(error.report().contains(said), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_size_that_the_test_cannot_have_is_refused_before_anything_is_made_and_by_plan_too() {
    let azure = Azure::example();
    for (size, kind, says) in [
        (
            "Standard_D4_v99",
            ErrorKind::BadInput,
            "test.vm_size: eastus2 has no VM size Standard_D4_v99",
        ),
        (
            "Standard_D4ds_v6",
            ErrorKind::Refused,
            "Standard_D4ds_v6 in eastus2: it has NVMe disk controllers only, the images boot from SCSI only",
        ),
    ] {
        let mut wanted = tested("true");
        if let Some(test) = &mut wanted.test {
            test.vm_size = size.parse().unwrap();
        }
        let (client, _events) = azure.client(&CancellationToken::new()).await;
        let planned = publish::plan(&client, &checked(&wanted)).await.unwrap_err();
        let error = run(&azure, &wanted).await.must_fail();
        for error in [planned, error] {
            let report = error.report();
            assert_eq!(error.kind(), kind, "{report}");
            assert!(report.contains(says) && report.contains("test.vm_size"), "{report}");
        }
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// The example with a confidential machine, and the settings that publish and test it.
fn confidential() -> (Azure, PublishSettings) {
    let azure = Azure::example();
    let seed = json!({"subscriptions": [], "vms": [{"name": "vm-build", "resourceGroup": "rg-images", "location": "eastus2",
        "vmSize": "Standard_DC2as_v5", "securityType": "ConfidentialVM", "powerState": "deallocated", "generalized": true}]});
    let seed = azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
    let mut wanted = tested("true");
    wanted.target_regions.truncate(1);
    let encryption = json!({"encryption": {"osDiskImage": {"securityProfile":
        {"confidentialVMEncryptionType": "EncryptedWithPmk"}}}});
    let region = encryption.as_object().unwrap().clone();
    wanted.version_settings.profile.regions = [("eastus2".parse().unwrap(), region)].into();
    if let Some(test) = &mut wanted.test {
        test.vm_size = "Standard_DC4as_v5".parse().unwrap();
        test.node_agent = Some("batch.node.ubuntu 22.04".parse().unwrap());
    }
    (azure, wanted)
}

#[tokio::test(start_paused = true)]
async fn a_confidential_version_is_tested_on_a_confidential_node() {
    let (azure, wanted) = confidential();
    run(&azure, &wanted).await.unwrap();
    let journal = azure.journal();
    let made = journal
        .iter()
        .find(|it| it.method == "POST" && it.path == "/pools")
        .unwrap();
    let machine = &made.request["virtualMachineConfiguration"];
    assert_eq!(machine["securityProfile"]["securityType"], "confidentialvm");
    assert_eq!(
        machine["osDisk"]["managedDisk"]["securityProfile"]["securityEncryptionType"],
        "DiskWithVMGuestState"
    );
    assert_eq!(
        only_version(&azure)
            .await
            .tag("azure-batch-tested")
            .and_then(|text| text.split(' ').next().map(str::to_owned)),
        Some("passed".to_owned())
    );
    azure.turn_the_page();
    let found = run(&azure, &wanted).await.unwrap();
    assert_eq!((found.outcome, azure.writes()), (Outcome::Found, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_spread_before_the_test_has_passed() {
    let azure = Azure::example();
    let mut wanted = tested("echo ok");
    wanted.version_settings.latest = Latest::Admit;
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&wanted)).await.unwrap();
    let changes = plan.changes();
    let at = |text: &str| {
        changes
            .iter()
            .position(|change| change.contains(text))
            .unwrap_or_else(|| panic!("{changes:?}"))
    };
    assert!(
        at("create image version") < at("test image version") && at("test image version") < at("replicate to westus2")
    );

    let made = publish::run(&client, &checked(&wanted)).await.result.unwrap();
    assert_eq!(made.outcome, Outcome::Created);
    let wrote = made.test_output.as_deref();
    assert!(
        wrote.is_some_and(|wrote| wrote.starts_with("emulated: /bin/bash -c 'echo ok'")),
        "{wrote:?}"
    );
    let story = story(&azure);
    assert_eq!(
        story,
        [
            "eastus2 1",
            "POST /pools",
            "POST /jobs",
            "POST /jobs/azure",
            "DELETE /jobs/azure",
            "DELETE /pools/azure",
            "East US 2 1",
            "East US 2 2",
            "East US 2 2, westus2 1",
        ]
    );
    let version = only_version(&azure).await;
    assert!(version.tag("azure-batch-tested").unwrap().starts_with("passed "));
    assert!(!version.is_excluded(), "latest_now holds once it has passed");
    let excluded = azure
        .journal()
        .iter()
        .find(|entry| entry.method == "PUT" && entry.path.contains("/versions/"))
        .map(|entry| entry.request["properties"]["publishingProfile"]["excludeFromLatest"].clone());
    assert_eq!(excluded, Some(json!(true)), "and not before");
    let lines = lines(&mut events).join("\n");
    assert!(
        lines.contains("passed its test") && lines.contains("it wrote: emulated: /bin/bash -c 'echo ok'"),
        "{lines}"
    );
    later().await;
    assert!(!batch_left(&azure));

    azure.turn_the_page();
    let found = run(&azure, &wanted).await.unwrap();
    assert_eq!(
        (found.outcome, azure.writes()),
        (Outcome::Found, Vec::new()),
        "a test that was passed is not repeated"
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_that_fails_its_test_goes_nowhere_and_nothing_else_is_left() {
    let azure = Azure::example();
    let error = run(&azure, &tested("echo broken; exit 3")).await.must_fail();
    assert_eq!((error.kind(), error.kind().exit_code().0), (ErrorKind::Returned, 9));
    let report = error.report();
    for said in [
        "image version 1.0.0 of ubuntu failed its test: exit code 3",
        "the command wrote: emulated: exit code 3",
        "stays in eastus2 with one replica",
    ] {
        assert!(report.contains(said), "{report}");
    }
    later().await;
    let version = only_version(&azure).await;
    assert_eq!(version.regions().len(), 1);
    assert!(version.is_excluded());
    assert!(version.tag("azure-batch-tested").unwrap().starts_with("failed "));
    assert!(!batch_left(&azure), "{}", azure.resources());
    assert!(!azure.resources().to_string().contains("/snapshots/azure-batch-"));

    // Another command is another test; the same machine needs no second version.
    azure.turn_the_page();
    let made = run(&azure, &tested("echo good")).await.unwrap();
    assert_eq!((made.outcome, made.regions.len()), (Outcome::Found, 2));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_failed_its_test_is_neither_spread_nor_made_latest_unless_that_is_allowed() {
    let azure = Azure::example();
    run(&azure, &tested("echo broken; exit 3")).await.must_fail();
    let mut untested = settings();
    untested.version_settings.latest = Latest::Admit;
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    azure.turn_the_page();
    let planned = publish::plan(&client, &checked(&untested)).await.unwrap_err();
    let published = run(&azure, &untested).await.must_fail();
    for error in [planned, published] {
        assert_eq!(error.kind(), ErrorKind::Refused);
        for said in [
            "image version 1.0.0 of ubuntu failed its test: exit code 3",
            "replicate to westus2 with 1 replica; admit it to latest",
        ] {
            assert!(error.report().contains(said), "{}", error.report());
        }
        let next = format!("{:?}", azure_batch_core::failure::Failure::of(&error, Door::Flag).next);
        assert!(next.contains("--allow-failed-test"), "{next}");
    }
    let version = only_version(&azure).await;
    let mut onward = settings();
    onward.source = Source::ImageVersion(version.id.clone());
    onward.definition = version.id.definition().gallery().definition("other");
    let onward = run(&azure, &onward).await.must_fail();
    assert_eq!(onward.kind(), ErrorKind::Refused);
    assert!(
        onward.report().contains("failed its test: exit code 3, and this run"),
        "{}",
        onward.report()
    );
    let promoting = |values: Values| {
        let asked = promote(&values.with(IMAGE_VERSION, version.id.to_string()));
        asked.unwrap().settings
    };
    let refused = promotion::plan(&client, &promoting(Values::default()))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.report().contains("failed its test: exit code 3"));
    let definition = version.id.definition().to_string();
    let asked = list(&Values::default().with(IMAGE_DEFINITION, definition)).unwrap();
    let listed = listing::run(&client, &asked.settings).await.unwrap();
    let outcome = listed.versions[0].test.as_ref().map(|test| test.outcome);
    assert_eq!(outcome, Some(TestOutcome::Failed));
    assert_eq!(azure.writes(), [""; 0]);

    let allowed = promoting(Values::default().with(ALLOW_FAILED_TEST, true));
    let mut promotion = promotion::plan(&client, &allowed).await.unwrap();
    promotion::carry_out(&client, &allowed, &mut promotion).await.unwrap();
    let _seen = lines(&mut events);
    let made = publish::run(&client, &checked(&untested)).await.result.unwrap();
    assert_eq!(made.regions.len(), 2);
    let said = lines(&mut events).join("\n");
    assert!(said.contains("it was admitted to latest all the same"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_start_from_the_image_fails_the_test() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull", "details": {"Disk": "/mnt"}}));
    let error = run(&azure, &tested("true")).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Returned, "{}", error.report());
    for said in [
        "failed its test: a node does not start from it",
        "DiskFull",
        "(Disk: /mnt)",
    ] {
        assert!(error.report().contains(said), "{said}: {}", error.report());
    }
    later().await;
    assert!(!batch_left(&azure));
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_no_fault_of_the_image() {
    let azure = Azure::example();
    azure.fault(json!({"kind": "allocationFailed", "code": "AccountCoreQuotaReached", "occurrence": "every"}));
    let error = run(&azure, &tested("true")).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Quota, "{}", error.report());
    later().await;
    assert!(!batch_left(&azure));
    assert_eq!(only_version(&azure).await.tag("azure-batch-tested"), None);
}

#[tokio::test(start_paused = true)]
async fn a_refused_deletion_of_a_test_s_job_or_pool_is_sent_again_and_one_that_stays_refused_is_said() {
    for path in ["*/jobs/azure-batch-test*", "*/pools/azure-batch-test*"] {
        let refusal = |occurrence: Value| {
            json!({"kind": "status", "status": 409, "code": "OperationNotAllowed", "method": "DELETE",
                "path": path, "occurrence": occurrence})
        };
        let azure = Azure::example();
        azure.fault(refusal(json!({"first": 1})));
        run(&azure, &tested("true")).await.unwrap();
        later().await;
        assert!(!batch_left(&azure), "{path}");
        let azure = Azure::example();
        azure.fault(refusal(json!("every")));
        let error = run(&azure, &tested("true")).await.must_fail();
        assert!(
            error.report().contains("cannot remove what tested"),
            "{}",
            error.report()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_in_the_middle_of_a_test_goes_on_with_the_same_pool() {
    let azure = Azure::example();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let settings = checked(&tested("true"));
    // A process that is gone cleans nothing up.
    tokio::select! {
        biased;
        () = task_added(&azure) => {}
        ended = publish::run(&client, &settings) => panic!("{:?}", ended.result),
    }
    assert!(batch_left(&azure));
    azure.turn_the_page();
    run(&azure, &tested("true")).await.unwrap();
    assert!(
        !story(&azure).iter().any(|line| line.starts_with("POST ")),
        "{:?}",
        story(&azure)
    );
    later().await;
    assert!(!batch_left(&azure));
}

/// Starts a publish and kills it as soon as something was made at a path with that end.
async fn killed_after(azure: &Azure, end: &str, command: &str) {
    let is_it = |entry: &Entry| entry.method == "POST" && entry.path.ends_with(end) && entry.status.is_some();
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let settings = checked(&tested(command));
    let asked = async {
        let mut looks = tokio::time::interval(Duration::from_secs(1));
        while !azure.journal().iter().any(is_it) {
            looks.tick().await;
        }
    };
    tokio::select! {
        biased;
        () = asked => {}
        ended = publish::run(&client, &settings) => panic!("{:?}", ended.result),
    }
    assert!(batch_left(azure));
    azure.turn_the_page();
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_a_killed_test_left_goes_when_the_version_is_tested_by_another_command() {
    for end in ["/pools", "/tasks"] {
        let azure = Azure::example();
        killed_after(&azure, end, "echo wrong").await;
        tokio::time::advance(Duration::from_secs(600)).await;
        let made = publish_whole(&azure, "echo right").await;
        assert!(made.kept.is_empty(), "after {end}: {:?}", made.kept);
        later().await;
        assert!(!batch_left(&azure), "after {end}: {}", azure.resources());
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_another_run_may_be_at_work_on_is_said_with_what_stops_its_bill() {
    let azure = Azure::example();
    // The command waits for a node, which never comes.
    azure.fault(json!({"kind": "allocationFailed", "code": "AccountCoreQuotaReached", "occurrence": "every"}));
    killed_after(&azure, "/tasks", "echo wrong").await;
    let made = publish_whole(&azure, "echo right").await;
    assert_eq!(made.kept.len(), 1, "{:?}", made.kept);
    let (id, why) = (&made.kept[0].id, &made.kept[0].why);
    assert!(
        id.starts_with("pool azure-batch-test-ubuntu-") && id.ends_with(" in acct1"),
        "{id}"
    );
    for said in [
        "a run may be at work on it",
        "az batch pool resize --account-name acct1",
        "; after 2026-01-01 ",
    ] {
        assert!(why.contains(said), "{why}");
    }
}

/// A publish with its report, however it ends.
async fn publish_whole(azure: &Azure, command: &str) -> azure_batch_core::plan::Course {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(&tested(command))).await.report
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_that_name_that_is_not_ours_is_left_alone() {
    let twin = Azure::example();
    run(&twin, &tested("true")).await.unwrap();
    let journal = twin.journal();
    let made = journal
        .iter()
        .find(|entry| entry.method == "POST" && entry.path == "/pools")
        .unwrap();
    let azure = Azure::example();
    let mut body = Value::clone(&made.request);
    body["metadata"] = json!([]);
    body["targetDedicatedNodes"] = json!(0);
    body["virtualMachineConfiguration"]["imageReference"] =
        json!({"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"});
    body["virtualMachineConfiguration"]["nodeAgentSKUId"] = json!("batch.node.ubuntu 24.04");
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let endpoint = made.authority.parse().unwrap();
    let id = body["id"].as_str().unwrap().parse().unwrap();
    client
        .send(&azure_batch_core::batch::pool::create(&endpoint, &id, body))
        .await
        .unwrap();
    let error = run(&azure, &tested("true")).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(batch_left(&azure));
}
