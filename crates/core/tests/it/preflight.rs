//! What is known before the first write: rights and registration.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    error::ErrorKind,
    request::Request,
    rollout,
    settings::{AccountRef, ROLLOUT_DEADLINE, Register, RolloutSettings},
};
use azure_emulator::seed::Seed;
use http::Method;
use serde_json::{Value, json};

use crate::{
    given::checked,
    rollout::{adopting, client, failure, foreign_pool, good, image, roll_out, settings, world},
    rollout_in_place::{in_place, working},
    support::{APPLICATION, Azure, GROUP, lines},
};

/// A world in which the application has these actions and no others.
fn with_roles(roles: Value) -> Azure {
    world(|seed| seed["roleAssignments"] = roles)
}

fn role(scope: &str, actions: &[&str]) -> Value {
    json!({"principal": APPLICATION, "scope": scope, "actions": actions})
}

fn account() -> String {
    format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1")
}

const ON_ACCOUNT: [&str; 3] = [
    "Microsoft.Authorization/*/read",
    "Microsoft.Batch/batchAccounts/read",
    "Microsoft.Batch/batchAccounts/pools/*",
];

const ON_IMAGE: [&str; 3] = [
    "Microsoft.Compute/galleries/images/read",
    "Microsoft.Compute/galleries/images/versions/read",
    "Microsoft.Compute/disks/beginGetAccess/action",
];

#[tokio::test(start_paused = true)]
async fn missing_rights_are_listed_before_the_first_write_with_what_gives_them() {
    let azure = with_roles(json!([role(&account(), &["*/read"]), role(GROUP, &ON_IMAGE)]));
    let error = failure(&azure, &settings("acct1", 5)).await;
    assert_eq!(error.kind(), ErrorKind::NoRights);
    let report = error.report();
    for said in [
        "the right Microsoft.Batch/batchAccounts/pools/write is missing on batchAccounts/acct1",
        "it is the right to create and resize pools",
        &format!(
            "az role assignment create --assignee {APPLICATION} --role \"Azure Batch Data Contributor\" --scope {}",
            account()
        ),
        "\"Actions\": [\n    \"Microsoft.Batch/batchAccounts/pools/write\"\n  ]",
    ] {
        assert!(report.contains(said), "{report}");
    }
    assert_eq!(azure.writes(), [] as [&str; 0]);
}

/// All of the resource manager, and nothing of jobs.
fn allow_no_jobs(azure: &Azure) {
    let of_group = ["Microsoft.Compute/*", "Microsoft.Authorization/*/read"];
    let roles = [role(&account(), &["*"]), role(GROUP, &of_group)];
    let seed = json!({"subscriptions": [], "roleAssignments": roles}).to_string();
    let seed = Seed::parse(&seed).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_look_at_jobs_that_is_refused_lists_all_rights_that_are_missing() {
    let azure = working().await;
    allow_no_jobs(&azure);
    let mut asked = in_place(5);
    asked.change.canary.command = Some("true".to_owned());
    let planned = rollout::plan(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&asked)).await;
    for error in [failure(&azure, &asked).await, planned.must_fail()] {
        assert_eq!(error.kind(), ErrorKind::NoRights);
        let report = error.report();
        for said in [
            "3 rights that this run needs are missing",
            "Microsoft.Batch/batchAccounts/jobs/read, the right to find the pool's jobs and tasks, is missing on",
            "Microsoft.Batch/batchAccounts/jobs/write, the right to disable the pool's jobs",
            "Microsoft.Batch/batchAccounts/jobs/delete, the right to delete the job that tries the image",
            "--role \"Azure Batch Data Contributor\"",
            "az role definition create",
            "nothing was changed",
        ] {
            assert!(report.contains(said), "{said}\n{report}");
        }
    }
    assert_eq!(azure.writes(), [""; 0]);
}

/// Roles on pools, and on nothing else but what Microsoft's page asks for.
fn on_pools_alone() -> Value {
    json!([
        role(&account(), &["Microsoft.Batch/batchAccounts/pools/*"]),
        role(GROUP, &["Microsoft.Compute/disks/beginGetAccess/action"]),
    ])
}

fn by_endpoint() -> RolloutSettings {
    RolloutSettings {
        account: AccountRef::Endpoint("acct1.eastus2.batch.azure.com".parse().unwrap()),
        ..adopting("acct1", 5)
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_with_rights_on_pools_alone_resizes_a_pool_and_lists_what_it_skipped() {
    let azure = world(|seed| {
        seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 3)]);
        seed["roleAssignments"] = on_pools_alone();
    });
    let report = good(roll_out(&azure, &by_endpoint()).await);
    let skipped = report.skipped_checks.join("\n");
    for said in [
        "sign-in modes and quotas of the account",
        "lacks Microsoft.Compute/galleries/images/versions/read",
        "whether Microsoft.Batch is registered",
    ] {
        assert!(skipped.contains(said), "{skipped}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_on_an_image_that_this_identity_may_not_read_is_refused_before_anything_is_written() {
    let azure = with_roles(on_pools_alone());
    let error = failure(&azure, &by_endpoint()).await;
    let report = error.report();
    assert_eq!(error.kind(), ErrorKind::NoRights, "{report}");
    for said in [
        "the right Microsoft.Compute/galleries/images/versions/read is missing on galleries/gal1",
        "it is the right that Batch asks for before it makes a pool on the version",
    ] {
        assert!(report.contains(said), "{report}");
    }
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_batch_says_of_a_subnet_that_this_identity_may_not_join_is_a_missing_right() {
    let azure = with_roles(json!([role(&account(), &ON_ACCOUNT), role(GROUP, &ON_IMAGE)]));
    let subnet = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/net1/subnets/nodes");
    let body = json!({"id": "p1", "vmSize": "standard_d4s_v5", "networkConfiguration": {"subnetId": subnet},
        "virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": image("1.0.0")},
            "nodeAgentSKUId": "batch.node.ubuntu 22.04"}});
    let endpoint = "acct1.eastus2.batch.azure.com".parse().unwrap();
    let create = azure_batch_core::batch::pool::create(&endpoint, &"p1".parse().unwrap(), body);
    let error = client(&azure, ROLLOUT_DEADLINE).await.send(&create).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::NoRights, "{}", error.report());
    assert!(
        error
            .report()
            .contains("Microsoft.Network/virtualNetworks/subnets/join/action"),
        "{}",
        error.report()
    );
}

#[tokio::test(start_paused = true)]
async fn rights_that_are_enough_pass_and_a_run_that_writes_nothing_asks_for_none() {
    let azure = with_roles(json!([
        role(&account(), &ON_ACCOUNT),
        role(GROUP, &ON_IMAGE),
        role(
            "/subscriptions/00000000-0000-0000-0000-0000000005b5",
            &["Microsoft.Resources/subscriptions/providers/read"]
        ),
    ]));
    good(roll_out(&azure, &settings("acct1", 5)).await);
    azure.turn_the_page();
    let again = good(roll_out(&azure, &settings("acct1", 5)).await);
    assert_eq!(again.skipped_checks, [] as [String; 0]);
    let asked = azure.journal();
    assert!(asked.iter().all(|entry| !entry.path.ends_with("/permissions")));
}

async fn unregister(azure: &Azure) {
    let path = "/subscriptions/00000000-0000-0000-0000-0000000005b5/providers/Microsoft.Batch/unregister";
    let request = Request::arm(Method::POST, path, "2021-04-01", "unregister");
    client(azure, ROLLOUT_DEADLINE).await.send(&request).await.unwrap();
    azure.turn_the_page();
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_does_not_know_batch_is_refused_with_the_command() {
    let azure = world(|_| ());
    unregister(&azure).await;
    let error = failure(&azure, &settings("acct1", 5)).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    let report = error.report();
    assert!(
        report.contains("az provider register --namespace Microsoft.Batch --subscription 00000000"),
        "{report}"
    );
    assert!(report.contains("with register_provider"), "{report}");
    assert_eq!(azure.writes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn batch_is_registered_when_asked_and_waited_for() {
    let azure = world(|_| ());
    unregister(&azure).await;
    let mut asked = settings("acct1", 5);
    asked.policy.register = Register::Yes;
    good(roll_out(&azure, &asked).await);
    assert!(
        azure.writes()[0].ends_with("/providers/Microsoft.Batch/register"),
        "{:?}",
        azure.writes()
    );
    assert!(image("1.0.0").starts_with("/subscriptions/00000000-0000-0000-0000-0000000005b5"));
}

/// The subscription of another team, and a tenant that is not the application's.
const OTHERS: &str = "00000000-0000-0000-0000-0000000000f1";
const ELSEWHERE: &str = "00000000-0000-0000-0000-0000000000e5";

pub(crate) fn subscription_of_others() -> String {
    format!("/subscriptions/{OTHERS}")
}

/// The usual version again, in a gallery of another subscription.
pub(crate) fn image_of_others() -> String {
    image("1.0.0").replace("00000000-0000-0000-0000-0000000005b5", OTHERS)
}

/// Adds that subscription with its gallery; it belongs to our tenant, or to the one that is given.
pub(crate) fn add_others(azure: &Azure, tenant: Option<&str>) {
    let seed = json!({
        "subscriptions": [{"id": OTHERS, "name": "others", "tenant": tenant.unwrap_or("00000000-0000-0000-0000-00000000aaaa")}],
        "resourceGroups": [{"name": "rg-images", "location": "eastus2"}],
        "galleries": [{"name": "gal1", "resourceGroup": "rg-images", "location": "eastus2"}],
        "definitions": [{"name": "def1", "resourceGroup": "rg-images", "gallery": "gal1", "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "p", "offer": "o", "sku": "s"}}}],
        "versions": [{"name": "1.0.0", "resourceGroup": "rg-images", "gallery": "gal1", "definition": "def1",
            "publishingProfile": {"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 4}]}}]});
    let seed = Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_image_of_another_tenant_is_refused_with_both_tenants() {
    let azure = world(|_| ());
    add_others(&azure, Some(ELSEWHERE));
    let mut asked = settings("acct1", 5);
    asked.pool.version = image_of_others().parse().unwrap();
    let error = failure(&azure, &asked).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    let report = error.report();
    for said in [
        "the image and the Batch account lie in two Entra tenants",
        &format!("the image's subscription {OTHERS} belongs to tenant {ELSEWHERE}"),
        "the account's subscription 00000000-0000-0000-0000-0000000005b5 belongs to tenant ",
    ] {
        assert!(report.contains(said), "{said}: {report}");
    }
    assert_eq!(azure.writes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_image_of_another_subscription_is_rolled_out_with_a_warning() {
    let azure = world(|_| ());
    add_others(&azure, None);
    let mut asked = settings("acct1", 5);
    asked.pool.version = image_of_others().parse().unwrap();
    let (client, mut events) = azure.client(&tokio_util::sync::CancellationToken::new()).await;
    let outcome = rollout::run(&client, &checked(&asked)).await;
    outcome.result.unwrap_or_else(|error| panic!("{}", error.report()));
    let said = lines(&mut events).join("\n");
    assert!(
        said.contains(&format!(
            "the image is in subscription {OTHERS} and the Batch account in 00000000-"
        )),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn where_a_tenant_may_not_be_read_nothing_is_claimed() {
    let azure = world(|_| ());
    add_others(&azure, None);
    azure.fault(json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET", "path": format!("/subscriptions/{OTHERS}"), "occurrence": "every"}));
    let mut asked = settings("acct1", 5);
    asked.pool.version = image_of_others().parse().unwrap();
    let report = good(roll_out(&azure, &asked).await);
    let open = report.skipped_checks.join("\n");
    assert!(open.contains("whether image and account lie in one tenant: "), "{open}");
}
