//! What makes each failure.

use serde_json::{Value, json};

use super::{Scene, Stage, stage::Stop};
use crate::{failure::Result, pool, world};

/// All of them, in the order in which a person meets them: inputs, sign-in, rights, sizes, nodes, time.
pub const SCENES: &[Scene] = &[
    scene("01-many-bad-inputs", 2, many_bad_inputs),
    scene("02-ca-not-trusted", 8, ca_not_trusted),
    scene("03-image-version-missing", 2, image_version_missing),
    scene("04-account-missing", 2, account_missing),
    scene("05-wrong-client-secret", 3, wrong_client_secret),
    scene("06-no-credential", 3, no_credential),
    scene("07-no-data-plane-right", 3, no_data_plane_right),
    scene("08-no-reader-on-account", 3, no_reader_on_account),
    scene("09-core-quota", 4, core_quota),
    scene("10-subnet-is-full", 4, subnet_is_full),
    scene("11-overconstrained", 7, overconstrained),
    scene("12-disallowed-by-policy", 7, disallowed_by_policy),
    scene("13-dependent-resource-not-found", 7, dependent_resource_not_found),
    scene("14-unknown-vm-size", 2, unknown_vm_size),
    scene("15-other-node-agent", 2, other_node_agent),
    scene("16-other-version", 7, other_version),
    scene("17-other-vm-size", 7, other_vm_size),
    scene("18-start-task-failed", 7, start_task_failed),
    scene("19-nodes-unusable-with-code", 7, nodes_unusable_with_code),
    scene("20-nodes-unusable-without-code", 7, nodes_unusable_without_code),
    scene("21-deadline-while-503", 6, deadline_while_503),
    scene("22-ctrl-c", 130, ctrl_c),
    scene("23-lost-answers", 6, lost_answers),
    scene("24-quota-while-resizing", 4, quota_while_resizing),
    scene("25-right-refused-by-batch", 3, right_refused_by_batch),
];

const fn scene(name: &'static str, exit_code: i32, prepare: fn(&mut Stage) -> Result) -> Scene {
    Scene {
        name,
        exit_code,
        prepare,
    }
}

fn many_bad_inputs(stage: &mut Stage) -> Result {
    for (name, value) in [
        ("image-version", "latest"),
        ("account", "acct1"),
        ("pool-id", "render pool"),
        ("vm-size", "Standard D4"),
        ("target-dedicated-nodes", "many"),
        ("deadline", "soon"),
        ("nodes-per-replica", "7"),
        ("resize-rounds", "0"),
    ] {
        stage.give(name, value);
    }
    Ok(())
}

fn ca_not_trusted(stage: &mut Stage) -> Result {
    stage.give("ca-file", "");
    Ok(())
}

fn image_version_missing(stage: &mut Stage) -> Result {
    stage.give("image-version", &pool::version_id("9.9.9"));
    Ok(())
}

fn account_missing(stage: &mut Stage) -> Result {
    stage.give("account", &world::account("acct9"));
    Ok(())
}

fn wrong_client_secret(stage: &mut Stage) -> Result {
    let secret = ("AZURE_CLIENT_SECRET".to_owned(), "not-the-secret".to_owned());
    stage.variables.extend([secret]);
    Ok(())
}

/// As on a GitHub-hosted runner without `id-token: write` and without an application: such a runner is a machine of
/// Azure, whose identity service answers and has no identity.
fn no_credential(stage: &mut Stage) -> Result {
    stage.variables = [
        ("IDENTITY_ENDPOINT", "{control}/msi/token"),
        ("IDENTITY_HEADER", "not-the-header"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for name in ["tenant-id", "client-id"] {
        stage.give(name, "");
    }
    Ok(())
}

fn no_data_plane_right(stage: &mut Stage) -> Result {
    stage.allow_only(&["*/read"]);
    Ok(())
}

fn no_reader_on_account(stage: &mut Stage) -> Result {
    stage.allow_only(&["Microsoft.Compute/*"]);
    Ok(())
}

fn core_quota(stage: &mut Stage) -> Result {
    account(stage, &json!({ "quotas": { "dedicatedCores": 40 } }));
    Ok(())
}

fn subnet_is_full(stage: &mut Stage) -> Result {
    let said = "Subnet pools with address prefix 10.0.0.0/28 does not have enough capacity for 9 IP addresses.";
    resize_refused(stage, "SubnetIsFull", said, 11);
    Ok(())
}

fn overconstrained(stage: &mut Stage) -> Result {
    let zonal = json!({ "virtualMachineConfiguration": { "nodePlacementConfiguration": { "policy": "zonal" } } });
    stage.give("pool-json", &zonal.to_string());
    let said = "Allocation failed. VM(s) with the following constraints cannot be allocated, because the condition is \
                too restrictive. Please remove some constraints and try again. Constraints applied are: - VM Size - \
                Availability Zone";
    resize_refused(stage, "OverconstrainedAllocationRequest", said, 0);
    Ok(())
}

fn disallowed_by_policy(stage: &mut Stage) -> Result {
    let policy = "/providers/Microsoft.Authorization/policyDefinitions/a451c1ef-c6ca-483d-87ed-f49761e3ffb5";
    let assignment = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/policyAssignments/sizes",
        world::SUBSCRIPTION
    );
    let said = format!(
        "Resource 'azurebatch-vmss' was disallowed by policy. Policy identifiers: \
         '[{{\"policyAssignment\":{{\"name\":\"VM sizes of team render\",\"id\":\"{assignment}\"}},\
         \"policyDefinition\":{{\"name\":\"Allowed virtual machine size SKUs\",\"id\":\"{policy}\"}}}}]'."
    );
    resize_refused(stage, "RequestDisallowedByPolicy", &said, 0);
    Ok(())
}

fn dependent_resource_not_found(stage: &mut Stage) -> Result {
    stage.fail_resize(json!({
        "kind": "allocationFailed", "code": "DependentResourceNotFound", "deliver": 0,
        "message": "A dependent resource of the pool was not found."
    }));
    // It may be there later, so Batch is asked again; here it is not waited for.
    stage.give("resize-rounds", "1");
    // Another client deletes the version before the pool is made.
    let path = format!("{}?api-version=2024-03-03", pool::version_id("1.0.0"));
    let rival = json!({
        "kind": "rival", "method": "GET", "path": "*/virtualMachineSkus*", "when": "afterEffect",
        "write": { "method": "DELETE", "path": path }
    });
    if let Some(faults) = stage.faults.as_array_mut() {
        faults.push(rival);
    }
    Ok(())
}

fn unknown_vm_size(stage: &mut Stage) -> Result {
    stage.give("vm-size", "Standard_D4s_v99");
    Ok(())
}

fn other_node_agent(stage: &mut Stage) -> Result {
    stage.give("node-agent-sku-id", "batch.node.ubuntu 20.04");
    // As a publish leaves it: the version says what it was made of.
    let version = stage.seed.pointer_mut("/versions/0").and_then(Value::as_object_mut);
    if let Some(version) = version {
        let made_of = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest";
        version.insert("tags".to_owned(), json!({ "azure-batch-base-image": made_of }));
    }
    Ok(())
}

fn other_version(stage: &mut Stage) -> Result {
    stage.earlier = Some(stage.given.clone());
    stage.give("image-version", &pool::version_id("1.1.0"));
    Ok(())
}

fn other_vm_size(stage: &mut Stage) -> Result {
    stage.earlier = Some(stage.given.clone());
    stage.give("vm-size", "Standard_D8s_v5");
    Ok(())
}

fn start_task_failed(stage: &mut Stage) -> Result {
    stage.give("start-task", "./install.sh");
    stage.fail_resize(json!({
        "kind": "startTaskFailed", "count": 4, "exitCode": 4,
        "output": "./install.sh: line 12: mount: /mnt/data: special device /dev/sdc1 does not exist."
    }));
    Ok(())
}

fn nodes_unusable_with_code(stage: &mut Stage) -> Result {
    stage.fail_resize(json!({ "kind": "unusableNodes", "count": 4, "code": "DiskFull" }));
    Ok(())
}

fn nodes_unusable_without_code(stage: &mut Stage) -> Result {
    // So long no node has changed its state before the run gives up.
    stage.give("node-ready-timeout", "1m");
    stage.fail_resize(json!({ "kind": "unusableNodes", "count": 4 }));
    Ok(())
}

fn deadline_while_503(stage: &mut Stage) -> Result {
    stage.give("deadline", "12s");
    stage.faults = json!([{
        "occurrence": "every", "kind": "status", "status": 503, "code": "ServerBusy", "message": "The server is busy.",
        "path": "*/pools*"
    }]);
    Ok(())
}

fn ctrl_c(stage: &mut Stage) -> Result {
    stage.give("target-dedicated-nodes", "400");
    stage.stop = Stop::WhileResizing;
    Ok(())
}

fn lost_answers(stage: &mut Stage) -> Result {
    stage.give("deadline", "20s");
    stage.faults = json!([{ "method": "POST", "path": "*/pools*", "occurrence": "every", "kind": "hang" }]);
    Ok(())
}

fn quota_while_resizing(stage: &mut Stage) -> Result {
    account(stage, &json!({ "quotas": { "dedicatedCores": 100 } }));
    // Another client makes a pool of 60 cores at the same moment.
    let image = json!({ "virtualMachineImageId": pool::version_id("1.0.0") });
    let nightly = json!({
        "id": "nightly", "vmSize": pool::SIZE, "targetDedicatedNodes": 15,
        "virtualMachineConfiguration": { "imageReference": image, "nodeAgentSKUId": pool::AGENT }
    });
    stage.faults = json!([{ "kind": "rival", "method": "POST", "path": "*/pools*",
        "write": { "method": "POST", "body": nightly } }]);
    Ok(())
}

fn right_refused_by_batch(stage: &mut Stage) -> Result {
    stage.faults = json!([{
        "method": "POST", "path": "*/pools*", "occurrence": "every", "kind": "status", "status": 403,
        "code": "InsufficientAccountPermissions",
        "message": "The authenticated principal does not have sufficient permissions to perform this operation."
    }]);
    Ok(())
}

/// The compute provider refuses the resize after so many nodes.
fn resize_refused(stage: &mut Stage, code: &str, said: &str, deliver: u32) {
    stage.fail_resize(json!({
        "kind": "allocationFailed", "deliver": deliver, "provider": { "error": { "code": code, "message": said } }
    }));
}

/// Changes the first account.
fn account(stage: &mut Stage, more: &Value) {
    let account = stage
        .seed
        .pointer_mut("/batchAccounts/0")
        .and_then(Value::as_object_mut);
    if let (Some(account), Some(more)) = (account, more.as_object()) {
        account.extend(more.clone());
    }
}
