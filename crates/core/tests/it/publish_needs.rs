//! What a publish needs, as lines of its plan, and what stops it before the first write.

use crate::reads_well::MustFail as _;
use azure_batch_core::{
    error::ErrorKind,
    plan::{About, FactState},
    publish::{self, PublishPlan},
    request::Request,
    settings::{PUBLISH_DEADLINE, PublishSettings, Register, UsedBy},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    preflight::subscription_of_others,
    publish::{run, settings},
    rollout::client,
    support::{APPLICATION, Azure, GROUP, lines},
};

const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5";

/// All that a publish of the example does, but to write a version.
const ALL_BUT_VERSIONS: [&str; 9] = [
    "*/read",
    "Microsoft.Compute/galleries/images/write",
    "Microsoft.Compute/snapshots/write",
    "Microsoft.Compute/snapshots/delete",
    "Microsoft.Compute/images/write",
    "Microsoft.Compute/images/delete",
    "Microsoft.Compute/disks/beginGetAccess/action",
    "Microsoft.Compute/snapshots/endGetAccess/action",
    "Microsoft.Batch/batchAccounts/pools/read",
];

fn seeded(azure: &Azure, seed: &Value) {
    let seed = azure_emulator::seed::Seed::parse(&seed.to_string()).unwrap();
    azure.emulator(|emulator, now| emulator.seed(&seed, now)).unwrap();
}

fn used_by(account: String) -> PublishSettings {
    let pool = UsedBy {
        account: account.parse().unwrap(),
        nodes: 700,
        vm_size: None,
    };
    PublishSettings {
        used_by: vec![pool],
        ..settings()
    }
}

fn wanted() -> PublishSettings {
    used_by(format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"))
}

async fn planned(azure: &Azure, settings: &PublishSettings) -> PublishPlan {
    let client = client(azure, PUBLISH_DEADLINE).await;
    let planned = publish::plan(&client, &checked(settings)).await;
    planned.unwrap_or_else(|error| panic!("{}", error.report()))
}

fn said(plan: &PublishPlan) -> String {
    let facts: Vec<String> = plan.steps.facts.iter().map(ToString::to_string).collect();
    facts.join("\n")
}

#[tokio::test(start_paused = true)]
async fn a_plan_names_the_right_that_is_missing_and_what_else_it_needs() {
    let azure = Azure::example();
    let role = json!({"principal": APPLICATION, "scope": SUBSCRIPTION, "actions": ALL_BUT_VERSIONS});
    seeded(&azure, &json!({"subscriptions": [], "roleAssignments": [role]}));
    let plan = planned(&azure, &wanted()).await;
    insta::assert_snapshot!(said(&plan), @r#"
    rights, missing: Microsoft.Compute/galleries/images/versions/write to make the version and its regions, on galleries/gal1 in resource group rg-images
    rights: a person who may assign roles there gives what is missing with: az role assignment create --assignee 00000000-0000-0000-0000-00000000c11e --role "Compute Gallery Artifacts Publisher" --scope /subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1
    rights: or, in place of the built-in role, with a role of exactly these rights: az role definition create --role-definition '{"Name":"Azure Batch images","IsCustom":true,"Description":"Rights that a run of the programs for Azure Batch was missing.","Actions":["Microsoft.Compute/galleries/images/versions/write"],"NotActions":[],"DataActions":[],"NotDataActions":[],"AssignableScopes":["/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images"]}'
    rights: and its assignment: az role assignment create --assignee 00000000-0000-0000-0000-00000000c11e --role "Azure Batch images" --scope /subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1
    registration: Microsoft.Batch is registered in subscription 00000000-0000-0000-0000-0000000005b5
    tenant: the gallery and the Batch accounts that are named lie in one Entra tenant
    checks: 14 checks of the source passed
    checks, not known: this kind of source does not show temp-drive
    node agent: batch.node.ubuntu 22.04, for Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.202601010; the next of its kind is batch.node.ubuntu 24.04, which needs an image of that system
    dates: Batch supports node agent batch.node.ubuntu 22.04 until 2027-06-30
    dates: Batch supports base image Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.202601010 until 2027-06-30
    times, not known: Azure does not say how fast it copies: a version of 50 GB was in one region after 7 minutes, and large ones took up to 6 hours
    "#);
    let lacking = plan.steps.facts.iter().filter(|fact| fact.state == FactState::Lacking);
    assert_eq!(lacking.map(|fact| fact.about).collect::<Vec<_>>(), [About::Rights]);
    let agent = plan.node_agent.unwrap();
    assert_eq!(agent.sku, "batch.node.ubuntu 22.04");
    assert!(plan.base_image.is_some() && !plan.checks.is_empty());
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_an_account_says_why_the_agent_is_not_known_and_one_without_changes_needs_nothing() {
    let azure = Azure::example();
    let plan = planned(&azure, &settings()).await;
    let none = said(&plan);
    assert!(none.contains("node agent, not known: the one for "), "{none}");
    assert!(none.contains("and none is named in used_by"), "{none}");
    run(&azure, &settings()).await.unwrap();
    assert_eq!(said(&planned(&azure, &settings()).await), "");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_there_is_found_also_by_who_may_not_remove_what_is_left_of_it() {
    let azure = Azure::example();
    for kind in ["snapshots", "images"] {
        azure.fault(
            json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "DELETE",
            "path": format!("*/{kind}/*"), "occurrence": "every"}),
        );
    }
    run(&azure, &settings()).await.unwrap();
    let resources = azure.resources();
    let left = resources.pointer("/compute/snapshots").and_then(Value::as_array);
    assert!(left.is_some_and(|left| !left.is_empty()), "something is left");
    let actions = ["*/read", "*/write", "*/action"];
    let role = json!({"principal": APPLICATION, "scope": SUBSCRIPTION, "actions": actions, "dataActions": ["*"]});
    seeded(&azure, &json!({"subscriptions": [], "roleAssignments": [role]}));
    let found = run(&azure, &settings()).await.unwrap();
    assert_eq!(found.outcome, publish::Outcome::Found);
}

async fn unregister(azure: &Azure) {
    let path = format!("{SUBSCRIPTION}/providers/Microsoft.Batch/unregister");
    let request = Request::arm(Method::POST, path, "2021-04-01", "unregister");
    client(azure, PUBLISH_DEADLINE).await.send(&request).await.unwrap();
    azure.turn_the_page();
}

#[tokio::test(start_paused = true)]
async fn a_gallery_whose_subscription_does_not_know_batch_is_refused_or_registered_when_asked() {
    let azure = Azure::example();
    unregister(&azure).await;
    let fact = "registration, missing: Microsoft.Batch in subscription 00000000-0000-0000-0000-0000000005b5";
    let plan = said(&planned(&azure, &wanted()).await);
    assert!(plan.contains(fact), "{plan}");
    let error = run(&azure, &wanted()).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let report = error.report();
    assert!(
        report.contains("az provider register --namespace Microsoft.Batch"),
        "{report}"
    );
    assert!(report.contains("with register_provider"), "{report}");
    assert_eq!(azure.writes(), [""; 0]);
    let asked = PublishSettings {
        register: Register::Yes,
        ..wanted()
    };
    run(&azure, &asked).await.unwrap();
    let first = &azure.writes()[0];
    assert!(first.ends_with("/providers/Microsoft.Batch/register"), "{first}");
}

#[tokio::test(start_paused = true)]
async fn an_account_of_another_tenant_is_refused_before_anything_is_written() {
    let azure = Azure::example();
    crate::preflight::add_others(&azure, Some("00000000-0000-0000-0000-0000000000e5"));
    let of_others = GROUP.replace(SUBSCRIPTION, &subscription_of_others());
    let wanted = used_by(format!("{of_others}/providers/Microsoft.Batch/batchAccounts/theirs"));
    let error = run(&azure, &wanted).await.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    let report = error.report();
    assert!(
        report.contains("the image and the Batch account lie in two Entra tenants"),
        "{report}"
    );
    assert_eq!(azure.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn where_the_registration_may_not_be_read_a_publish_says_so_and_goes_on() {
    let azure = Azure::example();
    azure.fault(
        json!({"kind": "status", "status": 403, "code": "AuthorizationFailed", "method": "GET",
        "path": "*/providers/Microsoft.Batch", "occurrence": "every"}),
    );
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    publish::run(&client, &checked(&wanted())).await.result.unwrap();
    let said = lines(&mut events).join("\n");
    assert!(
        said.contains("not checked: whether Microsoft.Batch is registered"),
        "{said}"
    );
}
