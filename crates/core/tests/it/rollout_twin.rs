//! What a second pool gets from the first that only the resource manager gives: identity and tags; and a key for disks.
//!
//! What Batch itself shows and takes is tested in `rollout_blue_green`.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    error::{Error, ErrorKind},
    options::{
        Door,
        pool::{
            ACCOUNT, IMAGE_VERSION, NODE_AGENT_SKU_ID, POOL_FILE, POOL_ID, STRATEGY, TARGET_DEDICATED_NODES, VM_SIZE,
        },
    },
    rollout::{self, PoolAction},
    settings::{self, AccountRef, ROLLOUT_DEADLINE, RolloutSettings, Values},
};
use azure_emulator::seed::Seed;
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, entries, failure, good, image, roll_out, world},
    rollout_blue_green::blue_green,
    rollout_in_place::ask,
    support::{APPLICATION, Azure, GROUP},
};

const ASSIGN: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";

fn identity() -> String {
    format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mi1")
}

fn account() -> String {
    format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1")
}

fn values(version: &str, file: &str) -> Values {
    Values::default()
        .with(ACCOUNT, account())
        .with(IMAGE_VERSION, image(version))
        .with(POOL_ID, "p1")
        .with(VM_SIZE, "Standard_D4s_v5")
        .with(NODE_AGENT_SKU_ID, "batch.node.ubuntu 22.04")
        .with(TARGET_DEDICATED_NODES, 2u32)
        .with(POOL_FILE, file)
}

async fn from_file(azure: &Azure, version: &str, file: &str) -> Result<(), Error> {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let asked = settings::rollout(&values(version, file)).unwrap();
    rollout::run(&client, &asked.settings).await.result.map(drop)
}

/// Moves the work of p1 to a second pool on 1.0.0 that this file describes.
async fn moved(azure: &Azure, file: &str) {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let asked = settings::rollout(&values("1.0.0", file).with(STRATEGY, "blue-green")).unwrap();
    rollout::run(&client, &asked.settings).await.result.unwrap();
}

/// A world with pool p1 of ours on 0.9.0 that this file describes.
async fn made_of(file: &str) -> Azure {
    let azure = world(|_| {});
    from_file(&azure, "0.9.0", file).await.unwrap();
    azure.turn_the_page();
    azure
}

/// What the plan of a second pool says that it needs.
async fn planned(azure: &Azure) -> Vec<String> {
    let asked = checked(&blue_green(2));
    let plan = rollout::plan(&client(azure, ROLLOUT_DEADLINE).await, &asked).await;
    plan.unwrap().facts.iter().map(ToString::to_string).collect()
}

fn with_identity() -> String {
    format!("pool-identity: {}\n", identity())
}

fn by_endpoint() -> RolloutSettings {
    let mut settings = blue_green(2);
    settings.account = AccountRef::Endpoint("acct1.eastus2.batch.azure.com".parse().unwrap());
    settings
}

#[tokio::test(start_paused = true)]
async fn a_second_pool_has_the_identity_and_the_tags_of_the_first() {
    let azure = made_of(&format!("{}pool-tags: {{team: render, env: test}}\n", with_identity())).await;
    let asked = "pool-tags: {Env: prod}\n";
    moved(&azure, asked).await;
    let put = &entries(&azure, &Method::PUT, "/pools/p1-1-0-0")[0].request;
    assert_eq!(put["identity"]["userAssignedIdentities"], json!({ identity(): {} }));
    assert_eq!(
        put["tags"],
        json!({"team": "render", "env": "prod"}),
        "what is asked for is over it"
    );
    let second = ask(&azure, Method::GET, "/pools/p1-1-0-0", None).await;
    assert_eq!(
        second["identity"]["userAssignedIdentities"][0]["resourceId"],
        identity()
    );
    azure.turn_the_page();
    moved(&azure, asked).await;
    assert_eq!(azure.writes(), [""; 0], "it is the same pool");
}

#[tokio::test(start_paused = true)]
async fn the_right_to_assign_the_identity_of_the_first_pool_is_asked_for_before_the_second_is_made() {
    let azure = made_of(&with_identity()).await;
    let role = |scope: &str, actions: Value| json!({"principal": APPLICATION, "scope": scope, "actions": actions});
    let mut of_account = role(&account(), json!(["*"]));
    of_account["dataActions"] = json!(["*"]);
    let roles = json!({"subscriptions": [], "roleAssignments": [
        of_account,
        role(GROUP, json!(["Microsoft.Compute/*", "Microsoft.Authorization/*/read"])),
        role("/subscriptions/00000000-0000-0000-0000-0000000005b5", json!(["*/read"])),
        role(&identity(), json!(["*/read"])),
    ]});
    let seed = Seed::parse(&roles.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
    let error = failure(&azure, &blue_green(2)).await;
    assert_eq!(error.kind(), ErrorKind::NoRights, "{}", error.report());
    assert!(error.report().contains(ASSIGN), "{}", error.report());
    assert_eq!(azure.writes(), [""; 0]);
    let facts = planned(&azure).await;
    let lacks = facts.iter().any(|fact| fact.contains(ASSIGN));
    assert!(lacks, "{facts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_identity_in_an_account_that_is_given_by_its_endpoint_is_refused_with_what_to_type() {
    let azure = made_of(&with_identity()).await;
    let error = failure(&azure, &by_endpoint()).await;
    let report = error.report_for(Door::Flag);
    assert_eq!(error.kind(), ErrorKind::Refused, "{report}");
    assert!(
        report.contains("pool p1 has a managed identity") && report.contains("the account in --account,"),
        "{report}"
    );
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn tags_that_cannot_be_seen_are_named_before_the_second_pool_is_made() {
    let azure = made_of("pool-tags: {team: render}\n").await;
    let refuse = || {
        azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailed",
            "message": "no authorization to perform action 'Microsoft.Batch/batchAccounts/pools/read'",
            "method": "GET", "path": "*/batchAccounts/acct1/pools/p1"}));
    };
    refuse();
    let line = "tags, not known: the second pool gets none of those of pool p1: this identity lacks \
        Microsoft.Batch/batchAccounts/pools/read";
    let facts = planned(&azure).await;
    assert!(facts.iter().any(|fact| fact == line), "{facts:#?}");
    refuse();
    let report = good(roll_out(&azure, &blue_green(2)).await);
    let skipped = report.skipped_checks.join("\n");
    assert!(
        skipped.contains("tags of pool p1, so the second pool gets none"),
        "{skipped}"
    );

    let azure = made_of("").await;
    let report = good(roll_out(&azure, &by_endpoint()).await);
    assert_eq!(report.action, PoolAction::Moved);
    let skipped = report.skipped_checks.join("\n");
    assert!(
        skipped.contains("tags of pool p1, so the second pool gets none"),
        "{skipped}"
    );
}

/// A pool in the resource manager's form whose disks have a key.
fn with_key(identity: &str) -> String {
    let key = json!({"keyUrl": "https://kv1.vault.azure.net/keys/k1", "rotationToLatestKeyVersionEnabled": true,
        "identityReference": {"resourceId": identity}});
    let machine =
        json!({"diskEncryptionConfiguration": {"targets": ["OsDisk", "TemporaryDisk"], "customerManagedKey": key}});
    json!({"identity": {"type": "UserAssigned", "userAssignedIdentities": {self::identity(): {}}},
        "properties": {"deploymentConfiguration": {"virtualMachineConfiguration": machine}}})
    .to_string()
}

#[tokio::test(start_paused = true)]
async fn a_key_for_the_disks_reaches_the_resource_manager_and_needs_an_identity_of_the_pool() {
    let azure = world(|_| {});
    from_file(&azure, "1.0.0", &with_key(&identity())).await.unwrap();
    assert_eq!(azure.writes(), [format!("PUT {}/pools/p1", account())]);
    let put = &entries(&azure, &Method::PUT, "/pools/p1")[0].request;
    let sent =
        &put["properties"]["deploymentConfiguration"]["virtualMachineConfiguration"]["diskEncryptionConfiguration"];
    assert_eq!(
        sent["customerManagedKey"]["keyUrl"],
        "https://kv1.vault.azure.net/keys/k1"
    );
    assert_eq!(
        sent["customerManagedKey"]["identityReference"]["resourceId"],
        identity()
    );
    azure.turn_the_page();
    from_file(&azure, "1.0.0", &with_key(&identity())).await.unwrap();
    assert_eq!(azure.writes(), [""; 0], "it is the same pool");

    let azure = world(|_| {});
    let error = from_file(&azure, "1.0.0", &with_key("/other")).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{}", error.report());
    assert!(
        error.report().contains("/other is not an identity of the pool"),
        "{}",
        error.report()
    );
    assert_eq!(azure.writes(), [""; 0]);
}
