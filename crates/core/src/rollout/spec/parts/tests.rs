//! Typed parts and Batch's own JSON come to the same pool, and never stand together.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    ids::NodeCounts,
    options::{
        Door,
        pool::{ACCOUNT, IMAGE_VERSION, NODE_AGENT_SKU_ID, POOL_FILE, POOL_ID, TARGET_DEDICATED_NODES, VM_SIZE},
    },
    rollout::spec::{Spec, faults},
    settings::{self, Values, fault::lines},
};

const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers";

/// Everything that has a type, in our form.
fn ours() -> String {
    format!(
        r"
subnet-id: {GROUP}/Microsoft.Network/virtualNetworks/v/subnets/batch
public-ips: none
accelerated-networking: true
pool-identity: [{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/mi1]
pool-tags: {{team: render}}
inbound-ports:
  - {{name: ssh, port: 22, first: 50000, last: 50099}}
os-disk: {{caching: readwrite, size-gb: 64, storage: premium_lrs, ephemeral: true}}
data-disks:
  - {{lun: 10, size-gb: 128, caching: readonly, storage: standard_lrs}}
mounts:
  - {{kind: blob, path: in, source: frames, account: st1, identity: {GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/mi1, options: -o ro}}
  - {{kind: files, path: out, source: 'https://st1.file.core.windows.net/out', account: st1, account-key: k3y}}
  - {{kind: nfs, path: lib, source: 'nfs1:/lib'}}
  - {{kind: cifs, path: win, source: '//srv/x', username: u, password: pw}}
security: {{type: trustedlaunch, secure-boot: true, vtpm: true, encryption-at-host: true}}
license-type: windows_server
encrypted-disks: [temporarydisk]
container-images: [images.azurecr.io/blender:4]
container-registries:
  - {{server: images.azurecr.io, identity: {GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/mi1}}
  - {{username: u, password: pw}}
user-accounts:
  - {{name: ops, password: pw, elevated: true}}
application-packages: [blender#4, tools]
"
    )
}

/// The same in Batch's form.
fn batchs() -> Value {
    let identity = format!("{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/mi1");
    json!({
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [{"resourceId": identity}]},
        "resourceTags": {"team": "render"},
        "networkConfiguration": {
            "subnetId": format!("{GROUP}/Microsoft.Network/virtualNetworks/v/subnets/batch"),
            "publicIPAddressConfiguration": {"provision": "nopublicipaddresses"},
            "enableAcceleratedNetworking": true,
            "endpointConfiguration": {"inboundNATPools": [{"name": "ssh", "protocol": "tcp", "backendPort": 22,
                "frontendPortRangeStart": 50000, "frontendPortRangeEnd": 50099}]}},
        "virtualMachineConfiguration": {
            "osDisk": {"caching": "readwrite", "diskSizeGB": 64, "managedDisk": {"storageAccountType": "premium_lrs"},
                "ephemeralOSDiskSettings": {"placement": "cachedisk"}},
            "dataDisks": [{"lun": 10, "diskSizeGB": 128, "caching": "readonly",
                "managedDisk": {"storageAccountType": "standard_lrs"}}],
            "securityProfile": {"securityType": "trustedLaunch", "encryptionAtHost": true,
                "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}},
            "licenseType": "Windows_Server",
            "diskEncryptionConfiguration": {"targets": ["temporarydisk"]},
            "containerConfiguration": {"type": "dockerCompatible", "containerImageNames": ["images.azurecr.io/blender:4"],
                "containerRegistries": [
                    {"registryServer": "images.azurecr.io", "identityReference": {"resourceId": identity}},
                    {"username": "u", "password": "pw"}]}},
        "mountConfiguration": [
            {"azureBlobFileSystemConfiguration": {"accountName": "st1", "containerName": "frames", "relativeMountPath": "in",
                "identityReference": {"resourceId": identity}, "blobfuseOptions": "-o ro"}},
            {"azureFileShareConfiguration": {"accountName": "st1", "azureFileUrl": "https://st1.file.core.windows.net/out",
                "accountKey": "k3y", "relativeMountPath": "out"}},
            {"nfsMountConfiguration": {"source": "nfs1:/lib", "relativeMountPath": "lib"}},
            {"cifsMountConfiguration": {"source": "//srv/x", "username": "u", "password": "pw", "relativeMountPath": "win"}}],
        "userAccounts": [{"name": "ops", "password": "pw", "elevationLevel": "admin"}],
        "applicationPackageReferences": [{"applicationId": "blender", "version": "4"}, {"applicationId": "tools"}],
    })
}

fn values(file: &str) -> Values {
    Values::default()
        .with(ACCOUNT, format!("{GROUP}/Microsoft.Batch/batchAccounts/acct1"))
        .with(
            IMAGE_VERSION,
            format!("{GROUP}/Microsoft.Compute/galleries/g/images/d/versions/1.0.0"),
        )
        .with(POOL_ID, "render")
        .with(VM_SIZE, "Standard_D4s_v5")
        .with(NODE_AGENT_SKU_ID, "batch.node.ubuntu 24.04")
        .with(TARGET_DEDICATED_NODES, 2u32)
        .with(POOL_FILE, file)
}

fn body(file: &str) -> Value {
    let asked = settings::rollout(&values(file));
    let asked = asked.unwrap_or_else(|faults| panic!("{}", lines(&faults, Door::Input)));
    let version = asked.settings.pool.version.known().unwrap().clone();
    let spec = Spec::new(&asked.settings.clone().into_inner().on(version)).unwrap();
    let nodes = NodeCounts { dedicated: 2, spot: 0 };
    spec.create_body(nodes, Duration::from_secs(900)).unwrap()
}

#[test]
fn every_part_comes_to_batchs_own_json() {
    let made = body(&ours());
    let wanted = batchs();
    for (name, value) in wanted.as_object().unwrap() {
        let mut found = made[name].clone();
        if name == "virtualMachineConfiguration" {
            let machine = found.as_object_mut().unwrap();
            machine.remove("imageReference");
            machine.remove("nodeAgentSKUId");
        }
        assert_eq!(&found, value, "{name}");
    }
}

#[test]
fn the_form_of_batch_comes_to_the_same_pool() {
    let mut whole = batchs();
    whole["id"] = "render".into();
    assert_eq!(body(&whole.to_string()), body(&ours()));
}

#[test]
fn a_part_that_the_pool_json_has_too_is_a_fault_that_names_both() {
    let both = "subnet-id: /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/a\n\
        container-images: [a]\nos-disk: {size-gb: 64}\npool-json:\n  networkConfiguration: {subnetId: x}\n  \
        virtualMachineConfiguration:\n    osDisk: {caching: none}\n    containerConfiguration: {containerImageNames: [b]}\n";
    let asked = settings::rollout(&values(both)).unwrap();
    insta::assert_snapshot!(lines(&faults(&asked.settings), Door::Input), @r"
    pool-json.networkConfiguration.subnetId: is given, and so is subnet-id; use one of the two
    pool-json.virtualMachineConfiguration.osDisk: is given, and so is os-disk; use one of the two
    pool-json.virtualMachineConfiguration.containerConfiguration.containerImageNames: is given, and so is container-images; use one of the two
    ");
}
