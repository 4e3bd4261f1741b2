//! Snapshots beyond the plain copy: incremental ones, background copies, grants.

use serde_json::{Value, json};

use super::azure::{Azure, id};

/// A world with a disk that has no full snapshots.
fn world() -> Azure {
    Azure::with_seed(
        &json!({"vms": [{"name": "fast", "resourceGroup": "rg-images", "location": "eastus2",
        "dataDisks": [{"name": "v2", "sku": "PremiumV2_LRS", "sizeGB": 8}]}]}),
    )
}

fn copy(disk: &str, incremental: bool) -> Value {
    let data = json!({"createOption": "Copy", "sourceResourceId": id(disk)});
    json!({"location": "eastus2", "properties": {"creationData": data, "incremental": incremental}})
}

fn percent(azure: &mut Azure, name: &str) -> Option<f64> {
    azure.get(&id(&format!("snapshots/{name}"))).body["properties"]["completionPercent"].as_f64()
}

#[test]
fn premium_v2_disks_have_incremental_snapshots_only_and_those_fill_in_the_background() {
    let mut azure = world();
    let full = azure.put(&id("snapshots/s"), &copy("disks/v2", false));
    assert_eq!((full.status, full.code()), (400, "OperationNotAllowed"));
    assert!(full.message().contains("PremiumV2_LRS"));
    azure.make(&id("snapshots/s"), &copy("disks/v2", true));
    assert!(percent(&mut azure, "s").is_some_and(|percent| percent < 5.0));

    let disk = json!({"location": "eastus2", "sku": {"name": "PremiumV2_LRS"}, "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": id("snapshots/s")}}});
    let early = azure.put(&id("disks/d"), &disk);
    assert_eq!((early.status, early.code()), (409, "OperationNotAllowed"));
    assert!(early.message().contains("background copy"), "{}", early.message());
    azure.wait(600);
    assert_eq!(percent(&mut azure, "s"), Some(100.0));
    assert_eq!(azure.put(&id("disks/d"), &disk).status, 202);
}

#[test]
fn nothing_is_made_of_a_background_copy_that_is_not_complete() {
    let mut azure = world();
    azure.make(&id("snapshots/near"), &copy("disks/vm-build_OsDisk", true));
    let data = json!({"createOption": "CopyStart", "sourceResourceId": id("snapshots/near")});
    let far = json!({"location": "westus2", "properties": {"incremental": true, "creationData": data}});
    azure.make(&id("snapshots/far"), &far);
    let image = json!({"location": "westus2", "properties": {"storageProfile": {"osDisk": {"osType": "Linux", "osState": "Generalized", "snapshot": {"id": id("snapshots/far")}}}}});
    assert_eq!(azure.put(&id("images/i"), &image).code(), "OperationNotAllowed");
    azure.wait(600);
    assert_eq!(azure.put(&id("images/i"), &image).status, 201);
}

#[test]
fn incremental_snapshots_of_a_disk_are_one_family_on_one_sku() {
    let mut azure = world();
    let mut first = copy("disks/vm-build_OsDisk", true);
    first["sku"] = json!({"name": "standard_zrs"});
    azure.make(&id("snapshots/first"), &first);
    azure.wait(1);
    azure.make(&id("snapshots/second"), &copy("disks/vm-build_OsDisk", true));
    azure.make(&id("snapshots/other"), &copy("disks/vm-build_DataDisk_0", true));
    azure.make(&id("snapshots/full"), &copy("disks/vm-build_OsDisk", false));
    let get = |azure: &mut Azure, name: &str| azure.get(&id(&format!("snapshots/{name}"))).body;
    let [first, second, other, full] = ["first", "second", "other", "full"].map(|name| get(&mut azure, name));
    let family = |body: &Value| body["properties"]["incrementalSnapshotFamilyId"].clone();
    assert!(family(&first).is_string());
    assert_eq!(family(&first), family(&second));
    assert_ne!(family(&first), family(&other));
    assert_eq!(family(&full), Value::Null);
    let skus = [&first, &second, &full].map(|body| body["sku"]["name"].as_str().unwrap());
    assert_eq!(skus, ["Standard_ZRS", "Standard_ZRS", "Standard_LRS"]);
    let mut wrong = copy("disks/vm-build_OsDisk", true);
    wrong["sku"] = json!({"name": "UltraSSD_LRS"});
    assert_eq!(azure.put(&id("snapshots/wrong"), &wrong).code(), "InvalidParameter");
}

#[test]
fn the_eighth_incremental_snapshot_of_a_disk_within_five_minutes_is_refused() {
    let mut azure = world();
    let body = copy("disks/vm-build_OsDisk", true);
    for number in 0..7 {
        assert_eq!(azure.put(&id(&format!("snapshots/s{number}")), &body).status, 202);
    }
    let eighth = azure.put(&id("snapshots/s7"), &body);
    assert_eq!((eighth.status, eighth.code()), (409, "OperationNotAllowed"));
    let full = copy("disks/vm-build_OsDisk", false);
    assert_eq!(azure.put(&id("snapshots/full"), &full).status, 202);
    azure.wait(301);
    assert_eq!(azure.put(&id("snapshots/s7"), &body).status, 202);
}

#[test]
fn an_import_needs_a_blob() {
    let mut azure = world();
    let body = json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Import"}}});
    let refused = azure.put(&id("snapshots/s"), &body);
    assert!(refused.status == 400 && refused.message().contains("sourceUri"));
}

#[test]
fn a_grant_keeps_a_disk_until_it_is_taken_back_or_its_time_is_over() {
    let mut azure = world();
    let empty =
        json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8}});
    azure.make(&id("disks/free"), &empty);
    let begin = id("disks/free/beginGetAccess");
    for wrong in [
        json!({"access": "Read"}),
        json!({"access": "All", "durationInSeconds": 60}),
        json!({"access": "Read", "durationInSeconds": 60, "fileFormat": "ISO"}),
    ] {
        assert_eq!(azure.post(&begin, &wrong).code(), "InvalidParameter", "{wrong}");
    }
    azure.post(
        &begin,
        &json!({"access": "Read", "durationInSeconds": 60, "fileFormat": "VHDX"}),
    );
    azure.wait(30);
    let held = azure.delete(&id("disks/free"));
    assert_eq!((held.status, held.code()), (409, "OperationNotAllowed"));
    azure.wait(30);
    assert_eq!(
        azure.get(&id("disks/free")).body["properties"]["diskState"],
        "Unattached"
    );
    assert_eq!(azure.delete(&id("disks/free")).status, 202);
}
