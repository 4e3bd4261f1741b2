//! What was found of Azure lately, one fact a test; each names where it comes from.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, id};

const VERSION: &str = "galleries/gal1/images/def/versions/1.0.0";

fn regions(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"name": name})).collect()
}

/// An Azure with a version in three regions, of which a fault has spoilt the last.
fn with_failed_region(seed: &Value) -> Azure {
    let mut azure = Azure::with_seed(seed);
    let os = azure.snapshot("os", "vm-build_OsDisk");
    azure.definition("def");
    let fault = json!({"kind": "regionFailed", "region": "uksouth", "method": "PUT", "path": "*/versions/*"});
    azure.emulator.add_fault(serde_json::from_value(fault).unwrap());
    let body = Azure::version_body(&os, &["eastus2", "westus2", "uksouth"]);
    let started = azure.put(&id(VERSION), &body);
    assert_eq!(azure.finish(&started)["status"], "Failed");
    assert_eq!(azure.emulator.faults()[0].hits, 1);
    azure
}

fn take_out(azure: &mut Azure, stay: &[&str], allow: Option<bool>) -> (u16, String) {
    let mut body = json!({"properties": {"publishingProfile": {"targetRegions": regions(stay)}}});
    if let Some(allow) = allow {
        body["properties"]["safetyProfile"] = json!({"allowDeletionOfReplicatedLocations": allow});
    }
    let reply = azure.send(Method::PATCH, &id(VERSION), &body);
    if reply.status < 300 {
        azure.finish(&reply);
    }
    (reply.status, reply.code().to_owned())
}

/// The az command line's recording `test_gallery_e2e`.
#[test]
fn a_version_reads_back_a_safety_profile_that_was_not_sent() {
    let mut azure = Azure::example();
    let os = azure.snapshot("os", "vm-build_OsDisk");
    azure.definition("def");
    let made = azure.make(&id(VERSION), &Azure::version_body(&os, &["eastus2"]));
    let expected = json!({"reportedForPolicyViolation": false, "allowDeletionOfReplicatedLocations": false});
    assert_eq!(made.body["properties"]["safetyProfile"], expected);
}

#[test]
fn a_replicated_region_goes_only_with_the_safety_profiles_leave() {
    let mut azure = with_failed_region(&json!({}));
    let stay = ["eastus2", "uksouth"];
    let refused = (409, "OperationNotAllowed".to_owned());
    assert_eq!(take_out(&mut azure, &stay, None), refused);
    assert_eq!(take_out(&mut azure, &stay, Some(false)), refused);
    assert_eq!(take_out(&mut azure, &stay, Some(true)).0, 200);
}

#[test]
fn whether_a_failed_region_may_go_without_leave_is_a_guess_that_a_seed_can_turn() {
    let stay = ["eastus2", "westus2"];
    let mut strict = with_failed_region(&json!({}));
    assert_eq!(take_out(&mut strict, &stay, None).0, 409);
    let mut lenient = with_failed_region(&json!({"guesses": {"failedRegionRemoval": "permit"}}));
    assert_eq!(take_out(&mut lenient, &stay, None).0, 200);
    assert_eq!(
        take_out(&mut lenient, &["eastus2"], None).0,
        409,
        "a region with a copy is another matter"
    );
}

fn vm(size: &str, image: &Value) -> Value {
    json!({"location": "eastus2", "properties": {
        "hardwareProfile": {"vmSize": size},
        "storageProfile": {"imageReference": image},
        "osProfile": {"computerName": "vm", "adminUsername": "admin"},
        "networkProfile": {"networkInterfaces": [{"id": "none"}]},
    }})
}

/// Sizes of the sixth version have NVMe controllers only; a managed image and a definition without the feature are for
/// SCSI (kubernetes-sigs/image-builder pull request 1875).
#[test]
fn an_image_boots_on_nvme_sizes_only_when_its_definition_says_so() {
    let version = |name: &str, features: Value| {
        json!({
            "definitions": [{"gallery": "gal1", "name": name, "resourceGroup": "rg-images", "properties": {
                "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "features": features,
                "identifier": {"publisher": "p", "offer": "o", "sku": name}}}],
            "versions": [{"gallery": "gal1", "definition": name, "name": "1.0.0", "resourceGroup": "rg-images"}],
        })
    };
    for (features, boots) in [
        (json!([]), false),
        (json!([{"name": "DiskControllerTypes", "value": "SCSI"}]), false),
        (json!([{"name": "DiskControllerTypes", "value": "SCSI, NVMe"}]), true),
    ] {
        let mut azure = Azure::with_seed(&version("nvme", features));
        let image = json!({"id": id("galleries/gal1/images/nvme/versions/1.0.0")});
        let reply = azure.put(&id("virtualMachines/new"), &vm("Standard_D2s_v6", &image));
        let is_controller = reply
            .message()
            .starts_with("The VM size 'Standard_D2s_v6' cannot boot with OS image or disk.");
        assert_eq!(is_controller, !boots, "{}", reply.message());
        if !boots {
            assert_eq!(
                (reply.status, reply.code(), &reply.body["error"]["target"]),
                (400, "InvalidParameter", &json!("vmSize"))
            );
        }
        let other = azure.put(&id("virtualMachines/new"), &vm("Standard_D2s_v5", &image));
        assert!(!other.message().contains("disk controller"), "{}", other.message());
    }
}

#[test]
fn a_machine_of_an_nvme_size_says_so_of_itself_and_of_its_disk() {
    let machine =
        json!({"name": "new", "resourceGroup": "rg-images", "location": "eastus2", "vmSize": "Standard_D2s_v6"});
    let mut azure = Azure::with_seed(&json!({"vms": [machine]}));
    let shown = azure.get(&id("virtualMachines/new"));
    assert_eq!(shown.body["properties"]["storageProfile"]["diskControllerType"], "NVMe");
    let disk = azure.get(&id("disks/new_OsDisk"));
    assert_eq!(
        disk.body["properties"]["supportedCapabilities"]["diskControllerTypes"],
        "SCSI, NVMe"
    );
    let usual = azure.get(&id("virtualMachines/vm-build"));
    assert!(
        usual.body["properties"]["storageProfile"]
            .get("diskControllerType")
            .is_none()
    );
}

/// Microsoft's page on troubleshooting galleries; that they never change is what the model says.
#[test]
fn keys_are_for_all_disks_and_stay_what_they_were() {
    let mut azure = Azure::with_seed(&json!({}));
    azure.definition("def");
    let os = azure.snapshot("os", "vm-build_OsDisk");
    let data = azure.snapshot("data", "vm-build_DataDisk_0");
    let sets = |data: Value| json!({"osDiskImage": {"diskEncryptionSetId": "/d"}, "dataDiskImages": data});
    let body = |encryption: Value| {
        let mut body = Azure::version_body(&os, &["eastus2"]);
        body["properties"]["storageProfile"] = json!({"osDiskImage": {"source": {"id": os}},
            "dataDiskImages": [{"lun": 0, "source": {"id": data}}]});
        body["properties"]["publishingProfile"]["targetRegions"][0]["encryption"] = encryption;
        body
    };
    let refused = azure.put(&id(VERSION), &body(sets(json!([]))));
    assert!(refused.message().contains("for all disks"), "{}", refused.message());
    let mut made = azure
        .make(
            &id(VERSION),
            &body(sets(json!([{"lun": 0, "diskEncryptionSetId": "/d"}]))),
        )
        .body;
    made["properties"]["publishingProfile"]["targetRegions"][0]["encryption"] =
        sets(json!([{"lun": 0, "diskEncryptionSetId": "/other"}]));
    let changed = azure.put(&id(VERSION), &made);
    assert_eq!(changed.code(), "PropertyChangeNotAllowed", "{}", changed.message());
}

/// azure-cli issue 22995 and packer-plugin-azure pull request 373.
#[test]
fn a_confidential_version_says_in_each_region_how_it_is_encrypted() {
    let confidential = json!({"name": "cvm", "resourceGroup": "rg-images", "location": "eastus2", "vmSize": "Standard_DC2as_v5",
        "securityType": "ConfidentialVM", "powerState": "deallocated", "generalized": true});
    let mut azure = Azure::with_seed(&json!({"vms": [confidential]}));
    let os = azure.snapshot("os", "cvm_OsDisk");
    azure.definition_with(
        "def",
        &json!({"features": [{"name": "SecurityType", "value": "ConfidentialVM"}]}),
    );
    let mut put = |names: &[&str], kind: Option<&str>| {
        let mut body = Azure::version_body(&os, names);
        let regions = body["properties"]["publishingProfile"]["targetRegions"]
            .as_array_mut()
            .unwrap();
        for region in regions {
            if let Some(kind) = kind {
                region["encryption"] =
                    json!({"osDiskImage": {"securityProfile": {"confidentialVMEncryptionType": kind}}});
            }
        }
        let reply = azure.put(&id(VERSION), &body);
        (reply.status, reply.message().to_owned())
    };
    let (status, message) = put(&["eastus2"], None);
    assert!(
        status == 400 && message.starts_with("The regional encryption.osDiskImage.securityProfile.type must"),
        "{message}"
    );
    let (status, message) = put(&["eastus2", "westus2"], Some("EncryptedWithPmk"));
    assert!(
        status == 400 && message.starts_with("Only the home region 'eastus2' can be specified"),
        "{message}"
    );
    assert_eq!(put(&["eastus2"], Some("EncryptedWithPmk")).0, 201);
}

#[test]
fn the_state_of_a_confidential_machine_that_keeps_none_goes_to_other_regions() {
    let entry = |name: &str| json!({"name": name, "encryption": {"osDiskImage": {"securityProfile": {"confidentialVMEncryptionType": "NonPersistedTPM"}}}});
    let confidential = json!({"name": "cvm", "resourceGroup": "rg-images", "location": "eastus2", "vmSize": "Standard_DC2as_v5",
        "securityType": "ConfidentialVM", "powerState": "deallocated", "generalized": true});
    let mut azure = Azure::with_seed(&json!({"vms": [confidential]}));
    let os = azure.snapshot("os", "cvm_OsDisk");
    azure.definition_with(
        "def",
        &json!({"features": [{"name": "SecurityType", "value": "ConfidentialVM"}]}),
    );
    let mut body = Azure::version_body(&os, &[]);
    body["properties"]["publishingProfile"]["targetRegions"] = json!([entry("eastus2"), entry("westus2")]);
    assert_eq!(azure.put(&id(VERSION), &body).status, 201);
}

/// Premium v2 disks have sectors of 4,096 bytes, and so has every copy.
#[test]
fn large_sectors_stay_on_disks_that_have_them() {
    let machine = json!({"name": "big", "resourceGroup": "rg-images", "location": "eastus2",
        "dataDisks": [{"name": "v2", "sku": "PremiumV2_LRS", "sizeGB": 8}]});
    let mut azure = Azure::with_seed(&json!({"vms": [machine]}));
    let body = json!({"location": "eastus2", "properties": {"incremental": true,
        "creationData": {"createOption": "Copy", "sourceResourceId": id("disks/v2")}}});
    let snapshot = azure.make(&id("snapshots/s"), &body);
    assert_eq!(snapshot.body["properties"]["creationData"]["logicalSectorSize"], 4096);
    azure.wait(3_600);
    azure.token = azure.sign_in("https://management.azure.com/.default");
    let disk = |sku: &str| {
        json!({"location": "eastus2", "sku": {"name": sku},
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": id("snapshots/s")}}})
    };
    let refused = azure.put(&id("disks/copy"), &disk("Premium_LRS"));
    assert_eq!((refused.status, refused.code()), (400, "InvalidParameter"));
    assert_eq!(azure.put(&id("disks/copy"), &disk("PremiumV2_LRS")).status, 202);
}
