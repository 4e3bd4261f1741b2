//! The pool of a version's test has managed identities: how it is made, that it goes, and what is refused.

use std::time::Duration;

use azure_batch_core::{
    client::Client,
    error::{Error, ErrorKind},
    publish::{self, Outcome},
    settings::{self, PublishSettings},
};
use azure_emulator::{journal::Entry, seed::Seed};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    preflight,
    publish::run,
    reads_well::MustFail as _,
    support::{APPLICATION, Azure, GROUP, lines},
    testing::tested,
};

const ASSIGN: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
const READ: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/read";

pub(crate) fn identity(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}")
}

/// A test on a node with the identity that is there.
pub(crate) fn with_identity(command: &str) -> PublishSettings {
    with(command, &identity("mi1"))
}

fn with(command: &str, identity: &str) -> PublishSettings {
    let mut wanted = tested(command);
    if let Some(test) = &mut wanted.test {
        test.identities = vec![identity.parse().unwrap()];
    }
    wanted
}

/// The example with a managed identity.
pub(crate) fn world(change: impl FnOnce(&mut Value)) -> Azure {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    seed["managedIdentities"] = json!([{"name": "mi1", "resourceGroup": "rg-images", "location": "eastus2"}]);
    change(&mut seed);
    Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap())
}

fn is_creation(entry: &Entry) -> bool {
    entry.method == "PUT" && entry.path.contains("/pools/azure-batch-test-")
}

/// Writes to Batch on either plane, without the names.
fn writes_to_batch(azure: &Azure) -> Vec<String> {
    let plain = |path: &str| match path.split_once("/providers/Microsoft.Batch/") {
        Some((_, rest)) => format!("…/{}", rest.split("/azure-").next().unwrap_or_default()),
        None => path.split("/azure-").next().unwrap_or_default().to_owned(),
    };
    let is_batch =
        |path: &str| path.contains("Microsoft.Batch") || path.starts_with("/pools") || path.starts_with("/jobs");
    let journal = azure.journal();
    let writes = journal.iter().filter(|it| it.method != "GET" && is_batch(&it.path));
    writes.map(|it| format!("{} {}", it.method, plain(&it.path))).collect()
}

/// Whether a pool of a test is there an hour later.
async fn is_left(azure: &Azure) -> bool {
    tokio::time::advance(Duration::from_secs(3600)).await;
    azure.resources().to_string().contains("azure-batch-test-")
}

async fn planned(azure: &Azure, wanted: &PublishSettings) -> Result<(), Error> {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    publish::plan(&client, &checked(wanted)).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn the_pool_of_a_test_has_the_identity_and_goes() {
    let azure = world(|_| ());
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let plan = publish::plan(&client, &checked(&with_identity("true"))).await.unwrap();
    let step = "on one Standard_D2s_v3 node with managed identity mi1 in Batch account acct1";
    assert!(plan.steps.to_string().contains(step), "{}", plan.steps);
    run(&azure, &with_identity("true")).await.unwrap();
    assert_eq!(
        writes_to_batch(&azure),
        [
            "PUT …/batchAccounts/acct1/pools",
            "POST /jobs",
            "POST /jobs",
            "DELETE /jobs",
            "DELETE /pools"
        ]
    );
    let journal = azure.journal();
    let made = journal.iter().find(|entry| is_creation(entry)).unwrap();
    assert_eq!(
        made.request["identity"],
        json!({"type": "UserAssigned", "userAssignedIdentities": {identity("mi1"): {}}})
    );
    let shown = journal.iter().find_map(|entry| {
        let is_look = entry.method == "GET" && entry.path.starts_with("/pools/azure-batch-test-");
        entry.response.pointer("/identity").filter(|_| is_look).cloned()
    });
    let shown = shown.expect("the pool shows its identity");
    assert_eq!(shown["userAssignedIdentities"][0]["resourceId"], json!(identity("mi1")));
    assert!(!is_left(&azure).await);

    azure.turn_the_page();
    let found = run(&azure, &with_identity("true")).await.unwrap();
    assert_eq!((found.outcome, azure.writes()), (Outcome::Found, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn the_pool_goes_too_when_the_test_fails_or_gets_no_node_or_a_bad_one() {
    for (fault, command, kind) in [
        (None, "exit 3", ErrorKind::Returned),
        (
            Some(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull"})),
            "true",
            ErrorKind::Returned,
        ),
        (
            Some(json!({"kind": "allocationFailed", "code": "AccountCoreQuotaReached", "occurrence": "every"})),
            "true",
            ErrorKind::Quota,
        ),
    ] {
        let azure = world(|_| ());
        if let Some(fault) = fault {
            azure.fault(fault);
        }
        let error = run(&azure, &with_identity(command)).await.must_fail();
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(azure.journal().iter().any(is_creation));
        assert!(!is_left(&azure).await, "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_finds_the_pool_again_and_a_lost_answer_makes_one_pool() {
    let azure = world(|_| ());
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let settings = checked(&with_identity("true"));
    let made = async {
        let mut looks = tokio::time::interval(Duration::from_secs(1));
        while !azure.journal().iter().any(is_creation) {
            looks.tick().await;
        }
    };
    tokio::select! {
        biased;
        () = made => {}
        ended = publish::run(&client, &settings) => panic!("{:?}", ended.result),
    }
    azure.turn_the_page();
    run(&azure, &with_identity("true")).await.unwrap();
    assert!(!azure.journal().iter().any(is_creation));
    assert!(!is_left(&azure).await);

    let azure = world(|_| ());
    azure.fault(json!({"kind": "resetAfterEffect", "method": "PUT", "path": "*/pools/azure-batch-test-*", "occurrence": {"nth": 1}}));
    run(&azure, &with_identity("true")).await.unwrap();
    assert_eq!(azure.journal().iter().filter(|entry| is_creation(entry)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_one_test_share_its_pool() {
    let azure = world(|_| ());
    // The first of the two answers says that the pool is there already, as to the slower of two runs.
    azure.fault(json!({"kind": "status", "status": 412, "code": "ConditionNotMet", "method": "PUT", "path": "*/pools/azure-batch-test-*"}));
    run(&azure, &with_identity("true")).await.unwrap();
    assert!(!is_left(&azure).await);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_not_there_or_of_another_tenant_is_refused_before_anything_is_written() {
    let azure = world(|_| ());
    preflight::add_others(&azure, Some("00000000-0000-0000-0000-00000000bbbb"));
    let of_others = format!("{}/resourceGroups/rg-images", preflight::subscription_of_others());
    for (id, kind, says) in [
        (
            identity("mi2"),
            ErrorKind::BadInput,
            "managed identity mi2 does not exist",
        ),
        (
            identity("mi1").replace(GROUP, &of_others),
            ErrorKind::Refused,
            "managed identity mi1 belongs to another Entra tenant than the Batch account",
        ),
    ] {
        let wanted = with("true", &id);
        let plan = planned(&azure, &wanted).await.unwrap_err();
        let error = run(&azure, &wanted).await.must_fail();
        for error in [plan, error] {
            assert_eq!(error.kind(), kind, "{}", error.report());
            assert!(error.report().contains(says), "{}", error.report());
        }
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
}

/// The example in which the application may do everything but what concerns the identity, where it may do this.
fn with_right(on_identity: &[&str]) -> Azure {
    let role = |scope: &str, actions: Value| json!({"principal": APPLICATION, "scope": scope, "actions": actions, "dataActions": ["*"]});
    let actions = [
        "Microsoft.Compute/*",
        "Microsoft.Batch/*",
        "Microsoft.Authorization/*/read",
    ];
    world(|seed| {
        seed["roleAssignments"] = json!([role(GROUP, json!(actions)), role(&identity("mi1"), json!(on_identity))]);
    })
}

#[tokio::test(start_paused = true)]
async fn the_right_to_assign_is_asked_for_first_and_microsofts_role_gives_it() {
    let azure = with_right(&[READ]);
    let error = run(&azure, &with_identity("true")).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::NoRights);
    let report = error.report();
    assert!(
        report.contains(ASSIGN) && report.contains("Managed Identity Operator"),
        "{report}"
    );
    assert_eq!(azure.writes(), Vec::<String>::new());

    // Reading is not what Batch asks for: without it the run goes on, and says which right is missing.
    let azure = with_right(&[ASSIGN]);
    let (client, mut events): (Client, _) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(&with_identity("true")))
        .await
        .result
        .unwrap();
    let said = lines(&mut events).join("\n");
    assert!(said.contains(&format!("this identity lacks {READ}")), "{said}");

    let of = "Microsoft.ManagedIdentity/userAssignedIdentities";
    let azure = with_right(&[&format!("{of}/*/read"), &format!("{of}/*/assign/action")]);
    run(&azure, &with_identity("true")).await.unwrap();
}

#[test]
fn what_is_not_an_identity_is_a_fault_of_the_option() {
    use azure_batch_core::options::{Door, image};
    let test = settings::Values::default()
        .with(
            image::TEST_BATCH_ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(image::TEST_VM_SIZE, "Standard_D2s_v3")
        .with(image::TEST_COMMAND, "true")
        .with(image::TEST_POOL_IDENTITY, vec!["mi1".to_owned()]);
    let context = settings::PublishContext {
        run_id: "r",
        reuse: settings::Reuse::SameSource,
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
        checks: &[],
    };
    let faults = settings::publish(&settings::Values::default().with(image::TEST, test), &context).unwrap_err();
    let lines = settings::fault::lines(&faults, Door::Template);
    assert!(
        lines.contains("test.pool_identity: \"mi1\" is not a managed identity id"),
        "{lines}"
    );
}
