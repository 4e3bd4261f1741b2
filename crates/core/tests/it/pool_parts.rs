//! Pools with parts that have a type: how they are made, compared again, and changed.

use azure_batch_core::{
    error::{Error, ErrorKind},
    options::pool::{ACCOUNT, IMAGE_VERSION, NODE_AGENT_SKU_ID, POOL_FILE, POOL_ID, TARGET_DEDICATED_NODES, VM_SIZE},
    request::Request,
    rollout::{self, PoolAction, RolloutOutcome},
    settings::{self, Elevation, ROLLOUT_DEADLINE, StartTask, Values, WaitForSuccess},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    rollout::{client, entries, foreign_pool, good, image, roll_out, settings, world},
    support::{APPLICATION, Azure, GROUP, lines},
};

const ASSIGN: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";

fn identity(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}")
}

fn account() -> String {
    format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1")
}

fn file(name: &str) -> String {
    format!(
        "pool-identity: {0}\npool-tags: {{team: render}}\npublic-ips: batch\n\
         container-registries: [{{server: images.azurecr.io, identity: {0}}}]\n\
         mounts: [{{kind: files, path: out, source: 'https://st1.file.core.windows.net/o', account: st1, account-key: k3y}}]\n",
        identity(name)
    )
}

fn values(file: &str) -> Values {
    Values::default()
        .with(ACCOUNT, account())
        .with(IMAGE_VERSION, image("1.0.0"))
        .with(POOL_ID, "p1")
        .with(VM_SIZE, "Standard_D4s_v5")
        .with(NODE_AGENT_SKU_ID, "batch.node.ubuntu 22.04")
        .with(TARGET_DEDICATED_NODES, 2u32)
        .with(POOL_FILE, file)
}

async fn from_file(azure: &Azure, file: &str) -> RolloutOutcome {
    let (client, _events) = azure.client(&CancellationToken::new()).await;
    let settings = settings::rollout(&values(file)).unwrap().settings;
    rollout::run(&client, &settings).await
}

async fn failed(azure: &Azure, file: &str) -> Error {
    from_file(azure, file).await.result.expect_err("must fail")
}

#[tokio::test(start_paused = true)]
async fn a_pool_with_an_identity_is_made_by_the_resource_manager_and_found_again() {
    let azure = world(|_| {});
    good(from_file(&azure, &file("mi1")).await);
    assert_eq!(azure.writes(), [format!("PUT {}/pools/p1", account())]);
    let put = &entries(&azure, &Method::PUT, "/pools/p1")[0].request;
    assert_eq!(
        put["identity"]["userAssignedIdentities"],
        json!({ identity("mi1"): {} })
    );
    assert_eq!(put["tags"], json!({"team": "render"}));
    azure.turn_the_page();
    good(from_file(&azure, &file("mi1")).await);
    assert_eq!(azure.writes(), [] as [&str; 0], "it is the same pool");
    let error = failed(&azure, &file("mi2")).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.report().contains("identity"), "{}", error.report());
}

#[tokio::test(start_paused = true)]
async fn the_right_to_assign_an_identity_is_asked_for_before_the_pool_is_made() {
    let role = |scope: &str, actions: Value| json!({"principal": APPLICATION, "scope": scope, "actions": actions});
    let with = |on_identity: Value| {
        world(|seed| {
            seed["roleAssignments"] = json!([
                role(&account(), json!(["*"])),
                role(GROUP, json!(["Microsoft.Compute/*", "Microsoft.Authorization/*/read"])),
                role("/subscriptions/00000000-0000-0000-0000-0000000005b5", json!(["*/read"])),
                role(&identity("mi1"), on_identity),
            ]);
        })
    };
    let azure = with(json!(["*/read"]));
    let error = failed(&azure, &file("mi1")).await;
    assert_eq!(error.kind(), ErrorKind::NoRights);
    let report = error.report();
    assert!(
        report.contains(ASSIGN) && report.contains("Managed Identity Operator"),
        "{report}"
    );
    assert_eq!(azure.writes(), [] as [&str; 0]);
    good(from_file(&with(json!(["*/read", ASSIGN])), &file("mi1")).await);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_creation_makes_one_pool() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "resetAfterEffect", "method": "PUT", "path": "*/pools/p1", "occurrence": {"nth": 1}}));
    good(from_file(&azure, &file("mi1")).await);
    assert_eq!(entries(&azure, &Method::PUT, "/pools/p1").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lun_of_the_image_is_refused_before_anything_is_written() {
    let azure = world(|seed| seed["versions"][0]["dataDiskLuns"] = json!([0, 3]));
    let error = failed(&azure, "data-disks: [{lun: 1, size-gb: 64}, {lun: 3, size-gb: 64}]\n").await;
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let said = "is 3, and a data disk of the image has LUN 3 on every node";
    assert!(error.report().contains(said), "{}", error.report());
    assert_eq!(azure.writes(), [] as [&str; 0]);
    good(from_file(&azure, "data-disks: [{lun: 1, size-gb: 64}]\n").await);
}

#[tokio::test(start_paused = true)]
async fn a_start_task_that_is_no_longer_asked_for_goes() {
    let azure = world(|_| {});
    let mut with = settings("acct1", 3);
    with.pool.start_task = Some(StartTask {
        command: "/opt/start".to_owned(),
        elevation: Elevation::Admin,
        wait_for_success: WaitForSuccess::Yes,
        max_retries: 1,
    });
    good(roll_out(&azure, &with).await);
    azure.turn_the_page();
    let without = settings("acct1", 3);
    good(roll_out(&azure, &without).await);
    assert_eq!(azure.writes(), ["POST /pools/p1/updateproperties"]);
    assert!(!azure.resources().to_string().contains("/opt/start"));
    azure.turn_the_page();
    good(roll_out(&azure, &without).await);
    assert_eq!(azure.writes(), [] as [&str; 0]);
}

/// A pool of 3 nodes on 0.9.0, made with a start task.
async fn with_start_task() -> Azure {
    let azure = world(|_| {});
    let mut with = settings("acct1", 3);
    with.pool.version = image("0.9.0").parse().unwrap();
    with.pool.start_task = Some(StartTask {
        command: "/opt/start".to_owned(),
        elevation: Elevation::Admin,
        wait_for_success: WaitForSuccess::Yes,
        max_retries: 1,
    });
    good(roll_out(&azure, &with).await);
    azure.turn_the_page();
    azure
}

async fn start_task_of(azure: &Azure, pool: &str) -> Value {
    let pool = crate::rollout_in_place::ask(azure, Method::GET, &format!("/pools/{pool}"), None).await;
    pool["startTask"]["commandLine"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_start_task_that_is_no_longer_asked_for_goes_with_the_image_and_comes_back_with_it() {
    let azure = with_start_task().await;
    let without = crate::rollout_in_place::in_place(3);
    let report = good(roll_out(&azure, &without).await);
    assert_eq!(report.action, PoolAction::Replaced);
    assert_eq!(start_task_of(&azure, "p1").await, Value::Null);
    azure.turn_the_page();
    let again = good(roll_out(&azure, &without).await);
    assert_eq!((again.action, azure.writes()), (PoolAction::Unchanged, Vec::new()));
    let back = checked(&crate::rollout_in_place::back());
    let returned = rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &back).await;
    good(returned);
    assert!(
        start_task_of(&azure, "p1")
            .await
            .as_str()
            .unwrap()
            .contains("/opt/start")
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_task_that_is_no_longer_asked_for_is_not_given_to_a_second_pool() {
    let azure = with_start_task().await;
    good(roll_out(&azure, &crate::rollout_blue_green::blue_green(3)).await);
    assert_eq!(start_task_of(&azure, "p1-1-0-0").await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn tags_of_a_pool_that_is_there_are_compared_and_changed_while_it_has_nodes() {
    let tagged = |tags: &str| format!("pool-tags: {{{tags}}}\n");
    let azure = world(|_| {});
    let report = good(from_file(&azure, &tagged("team: render")).await);
    assert_eq!(report.ready, Some(2));
    let path = format!("{}/pools/p1", account());
    let others = Request::arm(Method::PATCH, &path, "2025-06-01", "tag")
        .with_body(json!({"tags": {"Team": "render", "cost": "7"}}));
    client(&azure, ROLLOUT_DEADLINE).await.send(&others).await.unwrap();
    azure.turn_the_page();
    good(from_file(&azure, &tagged("team: render")).await);
    assert_eq!(
        azure.writes(),
        [] as [&str; 0],
        "names have no case, and tags of others are no difference"
    );

    let report = good(from_file(&azure, &tagged("team: render, env: prod")).await);
    assert_eq!(azure.writes(), [format!("PATCH {path}")]);
    assert_eq!(report.action, PoolAction::Updated);
    assert_eq!(report.plan.steps[0].to_string(), "change tags of pool p1 (env)");
    let patches = entries(&azure, &Method::PATCH, "/pools/p1");
    assert_eq!(
        patches.last().unwrap().request["tags"],
        json!({"Team": "render", "cost": "7", "env": "prod"})
    );
    azure.turn_the_page();
    let report = good(from_file(&azure, &tagged("team: render, env: prod")).await);
    assert_eq!((azure.writes().len(), report.action), (0, PoolAction::Unchanged));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_change_of_tags_is_looked_at_and_not_repeated() {
    let azure = world(|_| {});
    good(from_file(&azure, "pool-tags: {team: render}\n").await);
    azure.turn_the_page();
    azure.fault(json!({"kind": "resetAfterEffect", "method": "PATCH", "path": "*/pools/p1", "occurrence": {"nth": 1}}));
    good(from_file(&azure, "pool-tags: {team: film}\n").await);
    assert_eq!(entries(&azure, &Method::PATCH, "/pools/p1").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn tags_of_a_pool_of_others_are_changed_with_consent_only() {
    let azure = world(|seed| seed["batchAccounts"][0]["pools"] = json!([foreign_pool("1.0.0", 2)]));
    let error = failed(&azure, "pool-tags: {team: render}\n").await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    let said = "was not made by a roll-out, and it differs in the tags team";
    assert!(error.report().contains(said), "{}", error.report());
    assert_eq!(azure.writes(), [] as [&str; 0]);
    good(from_file(&azure, "pool-tags: {team: render}\nadopt: true\n").await);
    let path = format!("{}/pools/p1", account());
    let look = Request::arm(Method::GET, &path, "2025-06-01", "look");
    let found = client(&azure, ROLLOUT_DEADLINE)
        .await
        .send(&look)
        .await
        .unwrap()
        .value();
    assert_eq!(found["tags"], json!({"team": "render"}));
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_there_are_nodes_is_named_in_log_and_report() {
    let azure = world(|_| {});
    let mut settings = settings("acct1", 2);
    let with = |text: &str| {
        let json = json!({"startTask": {"commandLine": text}, "metadata": [{"name": "team", "value": text}]});
        json.as_object().unwrap().clone().into()
    };
    settings.pool.json = with("true");
    good(roll_out(&azure, &settings).await);
    settings.pool.json = with("other");
    let (client, mut events) = azure.client(&CancellationToken::new()).await;
    let report = good(rollout::run(&client, &checked(&settings)).await);
    assert_eq!(report.action, PoolAction::Updated);
    assert_eq!(report.updated, ["startTask.commandLine", "metadata.team"]);
    let told = lines(&mut events).join("\n");
    let said = "changed startTask.commandLine, metadata.team of pool p1; nodes that are there keep the old until they boot again";
    assert!(told.contains(said), "{told}");
}
