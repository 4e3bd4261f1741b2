//! What an emulator must imitate to be honest: one test for each point about the resource manager.
//!
//! The points about Batch are tested with Batch.

use serde_json::{Value, json};

use super::azure::{Azure, id};

/// Point 1. The start codes are in `operations::every_write_starts_as_recorded`.
#[test]
fn polls_answer_200_also_on_failure_and_generalize_is_synchronous() {
    let mut azure = Azure::example();
    let effect = crate::fault::Effect::OperationFailed {
        code: "X".to_owned(),
        message: "m".to_owned(),
    };
    azure
        .emulator
        .add_fault(crate::fault::Fault::new(effect).on(&http::Method::PUT, "*"));
    let started = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
    azure.wait(3000);
    let url = started.header("azure-asyncoperation").unwrap().to_owned();
    let poll = azure.get(&url);
    assert_eq!((poll.status, &poll.body["status"]), (200, &json!("Failed")));
    let generalized = azure.post(&id("virtualMachines/vm-build/generalize"), &Value::Null);
    assert_eq!((generalized.status, generalized.body), (200, Value::Null));
}

/// Point 2.
#[test]
fn target_regions_come_back_with_display_names_and_replication_only_when_expanded() {
    let mut azure = Azure::example();
    let os = azure.snapshot("os", "vm-build_OsDisk");
    azure.definition("def");
    let path = id("galleries/gal1/images/def/versions/1.0.0");
    let mut body = Azure::version_body(&os, &["eastus2", "WestUS2"]);
    body["properties"]["publishingProfile"]["targetRegions"][1]["storageAccountType"] = json!("standard_lrs");
    body["properties"]["publishingProfile"]["replicaCount"] = json!(2);
    let created = azure.put(&path, &body);
    let profile = &created.body["properties"]["publishingProfile"];
    let region = |name: &str| json!({"name": name, "storageAccountType": "Standard_LRS", "regionalReplicaCount": 2, "excludeFromLatest": false});
    assert_eq!(
        profile["targetRegions"],
        json!([region("East US 2"), region("West US 2")])
    );
    assert!(profile["publishedDate"].as_str().unwrap().starts_with("2026-06-01T"));
    assert_eq!(
        created.body["properties"]["storageProfile"],
        json!({"osDiskImage": {"source": {"id": os}}})
    );
    azure.wait(1000);
    let plain = azure.get(&path).body;
    assert!(plain["properties"].get("replicationStatus").is_none());
    assert_eq!(plain["properties"]["storageProfile"]["osDiskImage"]["sizeInGB"], 30);
    let listed = azure
        .get(&id("galleries/gal1/images/def/versions?$expand=ReplicationStatus"))
        .body;
    assert!(listed["value"][0]["properties"].get("replicationStatus").is_none());
    let expanded = azure.get(&format!("{path}?$expand=ReplicationStatus")).body;
    assert_eq!(
        expanded["properties"]["replicationStatus"]["summary"][1]["region"],
        "West US 2"
    );
}

/// Point 3.
#[test]
fn a_deallocated_vm_hides_disk_sizes_and_shows_state_and_generation_only_in_the_instance_view() {
    let mut azure =
        Azure::with_seed(&json!({"vms": [{"name": "on", "resourceGroup": "rg-images", "location": "eastus2"}]}));
    let running = azure.get(&id("virtualMachines/on")).body;
    assert_eq!(running["properties"]["storageProfile"]["osDisk"]["diskSizeGB"], 30);
    let plain = azure.get(&id("virtualMachines/vm-build")).body;
    for disk in [
        "/properties/storageProfile/osDisk",
        "/properties/storageProfile/dataDisks/0",
    ] {
        let disk = plain.pointer(disk).unwrap();
        assert!(
            disk.get("diskSizeGB").is_none() && disk["managedDisk"].get("storageAccountType").is_none(),
            "{disk}"
        );
        assert!(disk["managedDisk"]["id"].is_string());
    }
    let text = plain.to_string();
    assert!(!text.contains("generalized") && !text.contains("hyperVGeneration"));
    let expanded = azure.get(&id("virtualMachines/vm-build?$expand=instanceView")).body;
    let view = &expanded["properties"]["instanceView"];
    assert_eq!(view["hyperVGeneration"], "V2");
    assert_eq!(
        view["statuses"][0],
        json!({"code": "OSState/generalized", "level": "Info", "displayStatus": "VM generalized"})
    );
    assert_eq!(view["statuses"][2]["code"], "PowerState/deallocated");
    assert!(view.get("vmAgent").is_none());
    azure.api_version = "2021-11-01";
    assert!(
        azure.get(&id("virtualMachines/vm-build")).body["properties"]
            .get("securityProfile")
            .is_none()
    );
}

/// Point 4.
#[test]
fn completion_percent_comes_only_with_a_background_copy_and_starts_at_0_after_the_operation_succeeded() {
    let mut azure = Azure::example();
    let incremental = json!({"location": "eastus2", "properties": {"incremental": true, "creationData": {"createOption": "Copy", "sourceResourceId": id("disks/vm-build_OsDisk")}}});
    let source = azure.make(&id("snapshots/source"), &incremental);
    assert!(source.body["properties"].get("completionPercent").is_none());
    let background = json!({"location": "westus2", "properties": {"incremental": true, "creationData": {"createOption": "CopyStart", "sourceResourceId": id("snapshots/source")}}});
    let started = azure.put(&id("snapshots/far"), &background);
    azure.wait(2);
    let url = started.header("azure-asyncoperation").unwrap().to_owned();
    assert_eq!(azure.get(&url).body["status"], "Succeeded");
    let percent = |azure: &mut Azure| azure.get(&id("snapshots/far")).body["properties"]["completionPercent"].as_f64();
    assert_eq!(percent(&mut azure), Some(0.0));
    azure.wait(300);
    assert_eq!(percent(&mut azure), Some(50.0));
    azure.wait(900);
    assert_eq!(percent(&mut azure), Some(100.0));
}

/// Point 9. Sources and regions are in `versions`.
#[test]
fn parents_with_children_are_not_deleted_and_immutable_fields_do_not_change() {
    let mut azure = Azure::example();
    let os = azure.snapshot("os", "vm-build_OsDisk");
    let definition = azure.definition("def");
    let version = format!("{definition}/versions/1.0.0");
    azure.make(&version, &Azure::version_body(&os, &["eastus2"]));
    for path in [&id("galleries/gal1"), &definition] {
        let reply = azure.delete(path);
        assert_eq!((reply.status, reply.code()), (409, "CannotDeleteResource"), "{path}");
        assert_eq!(
            reply.message(),
            "Can not delete resource before nested resources are deleted."
        );
    }
    let mut body = azure.get(&definition).body;
    body["properties"]["hyperVGeneration"] = json!("V1");
    let refused = azure.put(&definition, &body);
    assert_eq!((refused.status, refused.code()), (409, "PropertyChangeNotAllowed"));
    assert_eq!(
        refused.message(),
        "Changing property 'galleryImage.properties.hyperVGeneration' is not allowed."
    );
    for path in [&version, &definition, &id("galleries/gal1")] {
        let started = azure.delete(path);
        azure.finish(&started);
        assert_eq!(azure.get(path).status, 404, "{path}");
    }
}

/// Point 10, the resource manager's part; the rest is in `faults`.
#[test]
fn an_unregistered_provider_and_throttling_can_be_had() {
    let mut azure = Azure::example();
    let effect = crate::fault::Effect::Status {
        status: 404,
        code: "GalleryImageNotFound".to_owned(),
        message: "not yet".to_owned(),
        body: None,
        retry_after: None,
    };
    azure
        .emulator
        .add_fault(crate::fault::Fault::new(effect).on(&http::Method::GET, "*/galleries/gal1"));
    assert_eq!(azure.get(&id("galleries/gal1")).code(), "GalleryImageNotFound");
    assert_eq!(azure.get(&id("galleries/gal1")).status, 200);
}
