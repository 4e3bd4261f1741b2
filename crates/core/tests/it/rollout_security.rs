//! How the nodes of a pool boot: what the image demands comes with it, what it forbids is refused (an agent of another system, too), and a pool that boots
//! as its image demands is left as it is.
//!
//! The world is that of `rollout`. Its definition `def2` has images that boot with Trusted Launch only.

use azure_batch_core::{
    error::ErrorKind,
    options::pool::{
        ACCOUNT, ANY_DEFINITION, IMAGE_VERSION, MANIFEST, NODE_AGENT_SKU_ID, POOL_FILE, POOL_ID,
        TARGET_DEDICATED_NODES, VM_SIZE,
    },
    rollout,
    settings::{self, ROLLOUT_DEADLINE, RolloutSettings, Strategy, Values},
};
use http::Method;
use serde_json::{Value, json};

use crate::{
    given::checked,
    reads_well::MustFail as _,
    rollout::{adopting, client, failure, foreign_pool, good, image, roll_out, settings, world},
    rollout_in_place::{ask, back},
    support::{APPLICATION, Azure, GROUP},
};

fn trusted() -> Value {
    json!({"securityType": "trustedLaunch", "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}})
}

/// A world in which `def2` has this security type.
fn world_with(word: &str, change: impl FnOnce(&mut Value)) -> Azure {
    world(|seed| {
        let mut definition = seed["definitions"][0].clone();
        definition["name"] = json!("def2");
        definition["properties"]["identifier"]["sku"] = json!("s2");
        definition["properties"]["features"] = json!([{"name": "SecurityType", "value": word}]);
        seed["definitions"].as_array_mut().unwrap().push(definition);
        let mut version = seed["versions"][0].clone();
        version["definition"] = json!("def2");
        seed["versions"].as_array_mut().unwrap().push(version);
        change(seed);
    })
}

fn guarded_image() -> String {
    image("1.0.0").replace("/def1/", "/def2/")
}

/// A roll-out of `def2`.
fn guarded(strategy: Strategy) -> RolloutSettings {
    let mut settings = settings("acct1", 2);
    settings.pool.version = guarded_image().parse().unwrap();
    settings.change.strategy = strategy;
    settings
}

async fn profile(azure: &Azure) -> Value {
    let pool = ask(azure, Method::GET, "/pools/p1", None).await;
    pool["virtualMachineConfiguration"]["securityProfile"].clone()
}

async fn facts(azure: &Azure, settings: &RolloutSettings) -> String {
    let client = client(azure, ROLLOUT_DEADLINE).await;
    let plan = rollout::plan(&client, &checked(settings)).await.unwrap();
    plan.facts.iter().map(|fact| format!("{fact}\n")).collect()
}

#[tokio::test(start_paused = true)]
async fn the_security_profile_comes_with_the_image() {
    let azure = world_with("TrustedLaunch", |_| {});
    let asked = guarded(Strategy::CreateOnly);
    let line = "security: nodes boot with Trusted Launch, as the images of def2 boot so only; a new pool gets secure boot and a virtual TPM";
    let said = facts(&azure, &asked).await;
    assert!(said.contains(line), "{said}");
    let report = good(roll_out(&azure, &asked).await);
    assert_eq!(report.ready, Some(2));
    assert_eq!(profile(&azure).await, trusted());
    azure.turn_the_page();
    good(roll_out(&azure, &asked).await);
    assert_eq!(azure.writes(), [] as [&str; 0], "it is the same pool");
}

#[tokio::test(start_paused = true)]
async fn where_the_image_leaves_it_open_the_pool_is_plain_and_the_plan_says_so() {
    let azure = world_with("TrustedLaunchSupported", |_| {});
    let asked = guarded(Strategy::CreateOnly);
    let said = facts(&azure, &asked).await;
    let line = "security: nodes boot without Trusted Launch; the images of def2 boot with it too";
    assert!(said.contains(line), "{said}");
    good(roll_out(&azure, &asked).await);
    assert_eq!(profile(&azure).await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_security_type_that_the_image_forbids_is_refused_before_the_first_write() {
    let azure = world_with("ConfidentialVM", |_| {});
    for (version, word) in [(image("1.0.0"), "Standard"), (guarded_image(), "ConfidentialVM")] {
        let mut asked = settings("acct1", 2);
        asked.pool.version = version.parse().unwrap();
        let machine = json!({"securityProfile": {"securityType": "trustedLaunch"}});
        asked
            .pool
            .json
            .insert("virtualMachineConfiguration".to_owned(), machine);
        let error = failure(&azure, &asked).await;
        assert_eq!(error.kind(), ErrorKind::BadInput);
        let report = error.report();
        let said = "pool_json.virtualMachineConfiguration.securityProfile.securityType: is trustedLaunch, and the images of definition";
        let type_said = format!("its SecurityType is {word}");
        assert!(report.contains(said) && report.contains(&type_said), "{report}");
    }
    let file = "security: {type: trustedlaunch}\n";
    let values = Values::default()
        .with(
            ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(IMAGE_VERSION, image("1.0.0"))
        .with(POOL_ID, "p1")
        .with(VM_SIZE, "Standard_D4s_v5")
        .with(NODE_AGENT_SKU_ID, "batch.node.ubuntu 22.04")
        .with(TARGET_DEDICATED_NODES, 2u32)
        .with(POOL_FILE, file);
    let asked = settings::rollout(&values).unwrap().settings;
    let error = rollout::run(&client(&azure, ROLLOUT_DEADLINE).await, &asked)
        .await
        .result
        .must_fail();
    assert!(
        error.report().contains("security.type: is trustedLaunch"),
        "{}",
        error.report()
    );
    assert_eq!(azure.writes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_of_others_that_boots_as_its_image_demands_keeps_its_own_settings() {
    let own =
        json!({"securityType": "trustedLaunch", "uefiSettings": {"secureBootEnabled": false, "vTpmEnabled": true}});
    let azure = world_with("TrustedLaunch", |seed| {
        let mut pool = foreign_pool("1.0.0", 2);
        pool["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] = json!(guarded_image());
        pool["virtualMachineConfiguration"]["securityProfile"] = own.clone();
        seed["batchAccounts"][0]["pools"] = json!([pool]);
    });
    let mut asked = adopting("acct1", 2);
    asked.pool.version = guarded_image().parse().unwrap();
    good(roll_out(&azure, &asked).await);
    assert_eq!(profile(&azure).await, own);
    azure.turn_the_page();
    good(roll_out(&azure, &asked).await);
    assert_eq!(azure.writes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_gets_another_definition_in_place_boots_as_that_demands_and_goes_back() {
    let azure = world_with("TrustedLaunch", |_| {});
    good(roll_out(&azure, &settings("acct1", 2)).await);
    assert_eq!(profile(&azure).await, Value::Null);
    let asked = guarded(Strategy::InPlace);
    let report = good(roll_out(&azure, &asked).await);
    assert_eq!((report.ready, profile(&azure).await), (Some(2), trusted()));
    azure.turn_the_page();
    good(roll_out(&azure, &asked).await);
    assert_eq!(azure.writes(), [] as [&str; 0]);
    good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    assert_eq!(profile(&azure).await, Value::Null);
    good(roll_out(&azure, &asked).await);
    let mut plain = settings("acct1", 2);
    plain.change.strategy = Strategy::InPlace;
    good(roll_out(&azure, &plain).await);
    assert_eq!(profile(&azure).await, Value::Null, "what the new image forbids is gone");
}

#[tokio::test(start_paused = true)]
async fn a_confidential_pool_gets_what_batch_asks_of_its_disks() {
    let azure = world_with("ConfidentialVM", |seed| {
        let last = seed["versions"].as_array_mut().unwrap().last_mut().unwrap();
        for region in last["publishingProfile"]["targetRegions"].as_array_mut().unwrap() {
            region["encryption"]["osDiskImage"]["securityProfile"]["confidentialVMEncryptionType"] =
                json!("NonPersistedTPM");
        }
    });
    let mut asked = guarded(Strategy::CreateOnly);
    asked.pool.vm_size = Some("Standard_DC4as_v5".parse().unwrap());
    good(roll_out(&azure, &asked).await);
    let pool = ask(&azure, Method::GET, "/pools/p1", None).await;
    let machine = &pool["virtualMachineConfiguration"];
    assert_eq!(machine["securityProfile"]["securityType"], "confidentialvm");
    assert_eq!(
        machine["osDisk"]["managedDisk"]["securityProfile"]["securityEncryptionType"],
        "NonPersistedTPM"
    );
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_may_not_be_read_is_said_and_the_manifest_counts_instead() {
    let role = |scope: &str, actions: Value| json!({"principal": APPLICATION, "scope": scope, "actions": actions});
    let azure = world_with("TrustedLaunch", |seed| {
        let subscription = GROUP.split("/resourceGroups").next().unwrap();
        seed["roleAssignments"] = json!([
            role(
                GROUP,
                json!([
                    "Microsoft.Batch/*",
                    "Microsoft.Compute/galleries/images/versions/*",
                    "Microsoft.Compute/disks/beginGetAccess/action",
                    "Microsoft.Authorization/*/read"
                ])
            ),
            role(
                subscription,
                json!(["Microsoft.Batch/*/read", "Microsoft.Resources/*/read"])
            ),
        ]);
    });
    let manifest = json!({"schema_version": 1, "image_version_id": guarded_image(), "os_type": "Linux",
        "node_agent_sku_id": "batch.node.ubuntu 22.04", "security_type": "TrustedLaunch"});
    let values = Values::default()
        .with(
            ACCOUNT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1"),
        )
        .with(MANIFEST, manifest.to_string())
        .with(ANY_DEFINITION, true)
        .with(POOL_ID, "p1")
        .with(VM_SIZE, "Standard_D4s_v5")
        .with(TARGET_DEDICATED_NODES, 2u32);
    let asked = settings::rollout(&values).unwrap().settings;
    let outcome = rollout::run(&client(&azure, ROLLOUT_DEADLINE).await, &asked).await;
    let skipped = outcome.report.skipped_checks.join("\n");
    let said = "security type of the image: this identity lacks Microsoft.Compute/galleries/images/read";
    assert!(skipped.contains(said), "{skipped}");
    good(outcome);
    assert_eq!(profile(&azure).await, trusted());
}

#[tokio::test(start_paused = true)]
async fn an_agent_of_another_system_than_the_definition_s_is_refused_before_anything_is_written() {
    let azure = world(|_| {});
    let mut settings = settings("acct1", 10);
    settings.pool.node_agent_sku = Some("batch.node.windows amd64".parse().unwrap());
    let error = failure(&azure, &settings).await;
    let report = error.report();
    assert_eq!(
        (error.kind(), azure.writes()),
        (ErrorKind::BadInput, Vec::new()),
        "{report}"
    );
    for text in [
        "\"batch.node.windows amd64\" does not fit the image",
        "the image definition has the osType Linux",
        "\"batch.node.ubuntu 22.04\"",
    ] {
        assert!(report.contains(text), "{text}\n{report}");
    }
}
