//! Image versions: sources, regions, updates, latest, and what Batch sees of them.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, id};
use crate::compute::ImageMissing;

pub(super) const VERSION: &str = "galleries/gal1/images/def/versions/1.0.0";

type Refusal = (&'static str, Value, &'static str);

/// A world with two trusted-launch and one far VM, and snapshots of the plain one.
pub(super) fn world() -> (Azure, String) {
    let seed = json!({"vms": [
        {"name": "safe", "resourceGroup": "rg-images", "location": "eastus2", "securityType": "TrustedLaunch", "powerState": "deallocated", "generalized": true},
        {"name": "far", "resourceGroup": "rg-images", "location": "westus2"},
        {"name": "old", "resourceGroup": "rg-images", "location": "eastus2", "generation": "V1", "osType": "Windows"},
        {"name": "arm", "resourceGroup": "rg-images", "location": "eastus2", "architecture": "Arm64"},
        {"name": "fresh", "resourceGroup": "rg-images", "location": "eastus2"},
        {"name": "huge", "resourceGroup": "rg-images", "location": "eastus2", "dataDisks": [{"sizeGB": 4096}]},
    ]});
    let mut azure = Azure::with_seed(&seed);
    let os = azure.snapshot("os", "vm-build_OsDisk");
    azure.definition("def");
    (azure, os)
}

fn with_source(profile: &Value) -> Value {
    json!({"location": "eastus2", "properties": {"publishingProfile": {"targetRegions": [{"name": "eastus2"}]}, "storageProfile": profile}})
}

fn disk(path: &str) -> Value {
    with_source(&json!({"osDiskImage": {"source": {"id": id(path)}}}))
}

/// Bodies whose source is of no legal kind.
fn wrong_kinds(os: &str) -> Vec<Refusal> {
    let id_and_disk = json!({"source": {"id": id("images/i")}, "osDiskImage": {"source": {"id": os}}});
    let half = json!({"osDiskImage": {"source": {"uri": "https://x/y.vhd"}}});
    let whole = "must either be a managed image, virtual machine or another gallery image version";
    vec![
        (
            "gone",
            disk("snapshots/none"),
            "is not found. Please check source exists, and is in the same region",
        ),
        (
            "other region",
            disk("disks/far_OsDisk"),
            "is not found. Please check source exists",
        ),
        (
            "a disk as source.id",
            with_source(&json!({"source": {"id": os}})),
            whole,
        ),
        (
            "a VM as disk",
            disk("virtualMachines/vm-build"),
            "must be a managed disk or snapshot",
        ),
        ("no source", with_source(&json!({})), "Exactly one source"),
        ("two sources", with_source(&id_and_disk), "Exactly one source"),
        ("half a VHD", with_source(&half), "storageAccountId"),
    ]
}

/// Bodies whose source is something else than the definition says.
fn wrong_sources(os: &str, data: &str) -> Vec<Refusal> {
    let with_data = |disks: &[(u32, &str)]| {
        let disks: Vec<Value> = disks
            .iter()
            .map(|(lun, id)| json!({"lun": lun, "source": {"id": id}}))
            .collect();
        with_source(&json!({"osDiskImage": {"source": {"id": os}}, "dataDiskImages": disks}))
    };
    let huge = id("disks/huge_DataDisk_0");
    let fresh = json!({"source": {"virtualMachineId": id("virtualMachines/fresh")}});
    let generation = "has a different Hypervisor generation ['V1'] than the parent gallery image ['V2']";
    let state = "since the OS State in the parent gallery image ('Generalized') is not 'Specialized'";
    vec![
        ("generation", disk("disks/old_OsDisk"), generation),
        (
            "architecture",
            disk("disks/arm_OsDisk"),
            "has a different architecture ['Arm64']",
        ),
        (
            "trusted launch",
            disk("disks/safe_OsDisk"),
            "has the security type 'TrustedLaunch'",
        ),
        (
            "same LUN twice",
            with_data(&[(0, data), (0, &huge)]),
            "Duplicated lun numbers",
        ),
        ("same source twice", with_data(&[(0, os)]), "Duplicated source ids"),
        ("VM not generalized", with_source(&fresh), state),
        ("data disk beyond 2 TB", with_data(&[(0, &huge)]), "4096 GB is larger"),
    ]
}

#[test]
fn sources_that_do_not_fit_are_refused_with_the_documented_words() {
    let (mut azure, os) = world();
    let data = azure.snapshot("data", "vm-build_DataDisk_0");
    for (what, body, message) in wrong_kinds(&os).into_iter().chain(wrong_sources(&os, &data)) {
        let reply = azure.put(&id(VERSION), &body);
        assert!(matches!(reply.status, 400 | 404), "{what}: {}", reply.status);
        assert!(reply.message().contains(message), "{what}: {}", reply.message());
    }
}

/// Publishing profiles that are refused, and the words.
fn wrong_profiles() -> Vec<(Value, &'static str)> {
    let regions = |regions: Value| json!({"targetRegions": regions});
    let zones = json!([{"name": "eastus2"}, {"name": "westus", "storageAccountType": "Standard_ZRS"}]);
    let range = "must be between 1 and 100, inclusive";
    vec![
        (
            regions(json!([{"name": "westus2"}])),
            "must contain the location of image version",
        ),
        (
            regions(json!([{"name": "eastus2"}, {"name": "East US 2"}])),
            "Duplicate regions are not allowed in target publishing regions",
        ),
        (
            regions(json!([{"name": "eastus2"}, {"name": "atlantis"}])),
            "'atlantis' is not a region",
        ),
        (
            regions(json!([{"name": "eastus2", "regionalReplicaCount": 101}])),
            range,
        ),
        (json!({"replicaCount": 0}), range),
        (
            json!({"endOfLifeDate": "2020-01-01T00:00:00Z"}),
            "EndOfLifeDate must be set to a future date.",
        ),
        (
            regions(zones),
            "ZRS storage account type is not supported in this region.",
        ),
        (json!({"replicationMode": "Shallow", "replicaCount": 2}), "'Shallow'"),
        (
            json!({"storageAccountType": "Premium_LRS", "storageAccountStrategy": "PreferStandard_ZRS"}),
            "Only one of",
        ),
        (json!({"storageAccountStrategy": "Cheapest"}), "'Cheapest'"),
        (
            regions(json!([{"name": "eastus2", "additionalReplicaSets": [{"storageAccountType": "Standard_LRS"}]}])),
            "more than one replica set",
        ),
        (
            regions(
                json!([{"name": "eastus2", "additionalReplicaSets": [{"storageAccountType": "Premium_LRS", "regionalReplicaCount": 101}]}]),
            ),
            range,
        ),
        (
            regions(
                json!([{"name": "eastus2", "encryption": {"osDiskImage": {"diskEncryptionSetId": "/d"}}}, {"name": "uksouth"}]),
            ),
            "must be specified for all regions",
        ),
    ]
}

#[test]
fn publishing_profiles_that_do_not_fit_are_refused_with_the_documented_words() {
    let (mut azure, os) = world();
    let with_profile = |profile: &Value| {
        let mut body = Azure::version_body(&os, &["eastus2"]);
        crate::json::merge(&mut body, json!({"properties": {"publishingProfile": profile}}));
        body
    };
    for (profile, message) in wrong_profiles() {
        let reply = azure.put(&id(VERSION), &with_profile(&profile));
        assert_eq!((reply.status, reply.code()), (400, "InvalidParameter"), "{profile}");
        assert!(reply.message().contains(message), "{}", reply.message());
    }
    let named = azure.put(&id("galleries/gal1/images/def/versions/1.0"), &with_profile(&json!({})));
    assert!(named.message().contains("Major(int).Minor(int).Patch(int)"));
    // An empty date is what HashiCorp's builder sends when there is none.
    assert_eq!(
        azure
            .put(&id(VERSION), &with_profile(&json!({"endOfLifeDate": ""})))
            .status,
        201
    );
}

#[test]
fn replica_sets_encryption_and_the_storage_strategy_are_filled_in_and_shown() {
    let (mut azure, os) = world();
    let mut body = Azure::version_body(&os, &["eastus2", "westus"]);
    let profile = &mut body["properties"]["publishingProfile"];
    profile["storageAccountStrategy"] = json!("PreferStandard_ZRS");
    let encryption = json!({"osDiskImage": {"diskEncryptionSetId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/diskEncryptionSets/d"}});
    for region in profile["targetRegions"].as_array_mut().unwrap() {
        region["encryption"] = encryption.clone();
    }
    profile["targetRegions"][0]["additionalReplicaSets"] = json!([{"storageAccountType": "premium_lrs"}]);
    let made = azure.make(&id(VERSION), &body).body;
    let regions = &made["properties"]["publishingProfile"]["targetRegions"];
    assert_eq!(regions[0]["storageAccountType"], "Standard_ZRS");
    assert_eq!(regions[1]["storageAccountType"], "Standard_LRS", "West US has no zones");
    let sets = json!([{"storageAccountType": "Premium_LRS", "regionalReplicaCount": 1}]);
    assert_eq!(regions[0]["additionalReplicaSets"], sets);
    assert_eq!(regions[1]["encryption"], encryption);
    // What was read can be written back.
    let started = azure.put(&id(VERSION), &made);
    assert_eq!(azure.finish(&started)["status"], "Succeeded");
}

/// The table of which source may go into which definition.
#[test]
fn the_security_type_of_the_definition_decides_which_sources_are_legal() {
    let (mut azure, os) = world();
    azure.make(
        &id("images/img"),
        &json!({"location": "eastus2", "properties": {"sourceVirtualMachine": {"id": id("virtualMachines/vm-build")}}}),
    );
    let safe = azure.snapshot("safe", "safe_OsDisk");
    for (name, security) in [("tls", "TrustedLaunchSupported"), ("tl", "TrustedLaunch")] {
        azure.definition_with(
            name,
            &json!({"features": [{"name": "SecurityType", "value": security}]}),
        );
    }
    let snapshot = |id: &str| with_source(&json!({"osDiskImage": {"source": {"id": id}}}));
    let image = with_source(&json!({"source": {"id": id("images/img")}}));
    let vm = |name: &str| with_source(&json!({"source": {"virtualMachineId": id(&format!("virtualMachines/{name}"))}}));
    let cases = [
        ("def", "plain snapshot", snapshot(&os), 201),
        ("def", "trusted snapshot", snapshot(&safe), 400),
        ("def", "image", image.clone(), 201),
        ("def", "plain VM", vm("vm-build"), 201),
        ("tls", "plain snapshot", snapshot(&os), 400),
        ("tls", "plain VM", vm("vm-build"), 400),
        ("tls", "image", image.clone(), 201),
        ("tl", "trusted snapshot", snapshot(&safe), 201),
        ("tl", "trusted VM", vm("safe"), 201),
        ("tl", "plain snapshot", snapshot(&os), 400),
        ("tl", "image", image, 400),
    ];
    for (number, (definition, what, body, status)) in cases.into_iter().enumerate() {
        let reply = azure.put(
            &id(&format!("galleries/gal1/images/{definition}/versions/0.0.{number}")),
            &body,
        );
        assert_eq!(reply.status, status, "{what} into {definition}: {}", reply.body);
        if definition == "tls" && status == 400 {
            assert!(
                reply
                    .message()
                    .starts_with("Currently only Vhd Blob, User Image and Gallery Image Version sources")
            );
        }
    }
}

/// `provisioningState aggregatedState` and then each region's state and progress.
fn replication(azure: &mut Azure) -> String {
    let body = azure.get(&format!("{}?$expand=ReplicationStatus", id(VERSION))).body;
    let status = &body["properties"]["replicationStatus"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut words = vec![
        text(&body["properties"]["provisioningState"]),
        text(&status["aggregatedState"]),
    ];
    for region in status["summary"].as_array().unwrap() {
        words.push(format!("{}:{}", text(&region["state"]), region["progress"]));
    }
    words.join(" ")
}

#[test]
fn regions_complete_one_after_the_other_and_the_version_with_the_last() {
    let (mut azure, os) = world();
    azure.put(&id(VERSION), &Azure::version_body(&os, &["eastus2", "westus2"]));
    azure.wait(180);
    assert_eq!(
        replication(&mut azure),
        "Creating InProgress Replicating:50 Replicating:42"
    );
    azure.wait(190);
    assert_eq!(
        replication(&mut azure),
        "Creating InProgress Completed:100 Replicating:88"
    );
    let compute = &azure.emulator.world.compute;
    let view = compute.image_version(&id(VERSION), "eastus2", azure.now).unwrap();
    assert_eq!(view.complete_regions, [("eastus2".to_owned(), 1)]);
    azure.wait(60);
    assert_eq!(
        replication(&mut azure),
        "Succeeded Completed Completed:100 Completed:100"
    );
    let compute = &azure.emulator.world.compute;
    let view = compute.image_version(&id(VERSION), "eastus2", azure.now).unwrap();
    assert_eq!(
        (view.provisioning_state.as_str(), view.complete_regions.len()),
        ("Succeeded", 2)
    );
    assert_eq!(
        (view.os_type.as_str(), view.hyper_v_generation.as_str()),
        ("Linux", "V2")
    );
    assert_eq!(view.security_type.as_deref(), Some("Standard"));
}

#[test]
fn deleting_a_source_while_the_version_is_made_breaks_it_and_afterwards_does_not() {
    let (mut azure, os) = world();
    let started = azure.put(&id(VERSION), &Azure::version_body(&os, &["eastus2"]));
    azure.wait(30);
    let deleted = azure.delete(&os);
    azure.finish(&deleted);
    let end = azure.finish(&started);
    assert_eq!(end["status"], "Failed");
    assert!(end["error"]["message"].as_str().unwrap().contains("is not found"));
    let path = format!("{}?$expand=ReplicationStatus", id(VERSION));
    let version = azure.get(&path);
    assert_eq!(
        (
            version.state(),
            &version.body["properties"]["replicationStatus"]["aggregatedState"]
        ),
        ("Failed", &json!("Failed"))
    );

    let os = azure.snapshot("os2", "vm-build_OsDisk");
    let second = id("galleries/gal1/images/def/versions/1.0.1");
    azure.make(&second, &Azure::version_body(&os, &["eastus2"]));
    let deleted = azure.delete(&os);
    azure.finish(&deleted);
    assert_eq!(azure.get(&second).state(), "Succeeded");
}

#[test]
fn a_failed_version_is_made_again_from_the_same_source() {
    let (mut azure, os) = world();
    azure.emulator.add_fault(
        crate::fault::Fault::new(crate::fault::Effect::OperationFailed {
            code: "InternalOperationError".to_owned(),
            message: "no".to_owned(),
        })
        .on(&Method::PUT, "*/versions/*"),
    );
    let body = Azure::version_body(&os, &["eastus2"]);
    let started = azure.put(&id(VERSION), &body);
    let end = azure.finish(&started);
    assert_eq!(
        (&end["status"], &end["error"]["code"]),
        (&json!("Failed"), &json!("InternalOperationError"))
    );
    assert_eq!(azure.get(&id(VERSION)).state(), "Failed");
    let other = azure.snapshot("other", "vm-build_OsDisk");
    assert_eq!(
        azure
            .put(&id(VERSION), &Azure::version_body(&other, &["eastus2"]))
            .code(),
        "PropertyChangeNotAllowed"
    );
    let version = azure.make(&id(VERSION), &body);
    assert_eq!(version.state(), "Succeeded");
}

#[test]
fn a_version_that_was_made_is_repaired_after_a_failed_update() {
    let (mut azure, os) = world();
    let path = id(VERSION);
    let regions = |names: &[&str]| json!({"location": "eastus2", "properties": {"publishingProfile": {"targetRegions": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()}}});
    azure.make(&path, &Azure::version_body(&os, &["eastus2"]));
    azure.emulator.add_fault(
        crate::fault::Fault::new(crate::fault::Effect::OperationFailed {
            code: "InternalOperationError".to_owned(),
            message: "no".to_owned(),
        })
        .on(&Method::PUT, "*/versions/*"),
    );
    let started = azure.put(&path, &regions(&["eastus2", "westus2"]));
    azure.finish(&started);
    assert_eq!(azure.get(&path).state(), "Failed");
    // No source is needed.
    let mut without = regions(&["eastus2"]);
    without["properties"]["safetyProfile"] = json!({"allowDeletionOfReplicatedLocations": true});
    let started = azure.put(&path, &without);
    azure.finish(&started);
    let started = azure.put(&path, &regions(&["eastus2", "westus2"]));
    azure.finish(&started);
    assert_eq!(azure.get(&path).state(), "Succeeded");
}

#[test]
fn updates_add_regions_keep_copies_and_ask_leave_to_remove_one() {
    let (mut azure, os) = world();
    let path = id(VERSION);
    azure.make(&path, &Azure::version_body(&os, &["eastus2"]));
    let regions = |names: &[&str]| json!({"properties": {"publishingProfile": {"targetRegions": names.iter().map(|name| json!({"name": name, "regionalReplicaCount": 3})).collect::<Vec<_>>()}}});
    let started = azure.send(Method::PATCH, &path, &regions(&["eastus2", "westus2"]));
    assert_eq!((started.status, started.state()), (200, "Updating"));
    let busy = azure.send(Method::PATCH, &path, &regions(&["eastus2"]));
    assert_eq!((busy.status, busy.code()), (409, "Conflict"));
    let view = azure
        .emulator
        .world
        .compute
        .image_version(&path, "eastus2", azure.now)
        .unwrap();
    assert_eq!(
        view.complete_regions,
        [("eastus2".to_owned(), 3)],
        "what was there stays usable"
    );
    azure.finish(&started);

    let refused = azure.send(Method::PATCH, &path, &regions(&["eastus2"]));
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));
    let mut permitted = regions(&["eastus2"]);
    crate::json::set(
        &mut permitted,
        &["properties", "safetyProfile", "allowDeletionOfReplicatedLocations"],
        json!(true),
    );
    let started = azure.send(Method::PATCH, &path, &permitted);
    azure.finish(&started);
    assert_eq!(
        azure.get(&path).body["properties"]["publishingProfile"]["targetRegions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn updates_take_the_body_that_a_read_gave_and_refuse_other_sources() {
    let (mut azure, os) = world();
    let path = id(VERSION);
    let mut body = azure.make(&path, &Azure::version_body(&os, &["eastus2"])).body;
    crate::json::set(&mut body, &["tags", "checked"], json!("yes"));
    let started = azure.put(&path, &body);
    azure.finish(&started);
    assert_eq!(azure.get(&path).body, body);
    let without_source =
        json!({"location": "eastus2", "properties": {"publishingProfile": {"excludeFromLatest": true}}});
    let started = azure.put(&path, &without_source);
    azure.finish(&started);
    assert_eq!(
        azure.get(&path).body["properties"]["publishingProfile"]["excludeFromLatest"],
        true
    );

    for (pointer, value) in [
        (
            ["storageProfile", "osDiskImage", "source"],
            json!({"id": id("snapshots/other")}),
        ),
        (["publishingProfile", "replicationMode", ""], json!("Shallow")),
        (
            ["publishingProfile", "targetRegions", ""],
            json!([{"name": "eastus2", "storageAccountType": "Premium_LRS"}]),
        ),
    ] {
        let mut patch = json!({});
        let keys: Vec<&str> = std::iter::once("properties")
            .chain(pointer)
            .filter(|key| !key.is_empty())
            .collect();
        crate::json::set(&mut patch, &keys, value);
        let reply = azure.send(Method::PATCH, &path, &patch);
        assert_eq!(
            (reply.status, reply.code()),
            (409, "PropertyChangeNotAllowed"),
            "{patch}"
        );
    }
}

#[test]
fn updates_name_no_source_that_is_gone() {
    let (mut azure, os) = world();
    let path = id(VERSION);
    let body = azure.make(&path, &Azure::version_body(&os, &["eastus2"])).body;
    let deleted = azure.delete(&os);
    azure.finish(&deleted);
    let refused = azure.put(&path, &body);
    assert_eq!(refused.status, 404);
    assert!(
        refused.message().starts_with(&format!("Source {os} is not found.")),
        "{}",
        refused.message()
    );
    let mut without = body;
    crate::json::remove(&mut without, "/properties/storageProfile/osDiskImage", "source");
    let started = azure.put(&path, &without);
    azure.finish(&started);
    assert_eq!(azure.get(&path).state(), "Succeeded");
}

#[test]
fn a_raise_that_fails_keeps_the_replicas_that_were_there() {
    let (mut azure, os) = world();
    let path = id(VERSION);
    azure.make(&path, &Azure::version_body(&os, &["eastus2", "westus2"]));
    let raised = json!({"location": "eastus2", "properties": {"publishingProfile": {"targetRegions": [
        {"name": "eastus2"}, {"name": "westus2", "regionalReplicaCount": 4}]}}});
    let fault = crate::fault::Effect::RegionFailed {
        region: "westus2".to_owned(),
    };
    azure
        .emulator
        .add_fault(crate::fault::Fault::new(fault).on(&Method::PUT, "*/versions/*"));
    let started = azure.put(&path, &raised);
    azure.finish(&started);
    assert_eq!(replication(&mut azure), "Failed Failed Completed:100 Failed:99");
    let seen = |azure: &Azure| {
        let compute = &azure.emulator.world.compute;
        let view = compute.image_version(&id(VERSION), "westus2", azure.now).unwrap();
        view.complete_regions
    };
    let region = |name: &str, replicas| (name.to_owned(), replicas);
    assert_eq!(seen(&azure), [region("eastus2", 1), region("westus2", 1)]);
    let started = azure.put(&path, &raised);
    azure.finish(&started);
    assert_eq!(azure.get(&path).state(), "Succeeded");
    assert_eq!(seen(&azure), [region("eastus2", 1), region("westus2", 4)]);
}

#[test]
fn latest_is_the_highest_number_that_is_complete_in_the_region_and_not_excluded() {
    let version = |name: &str, profile: Value| json!({"name": name, "resourceGroup": "rg-images", "gallery": "gal1", "definition": "seeded", "publishingProfile": profile});
    let seed = json!({
        "definitions": [{"name": "seeded", "resourceGroup": "rg-images", "gallery": "gal1", "properties": {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "identifier": {"publisher": "p", "offer": "o", "sku": "s"}}}],
        "versions": [
            version("1.9.0", json!({"targetRegions": [{"name": "eastus2"}, {"name": "westus2"}]})),
            version("1.10.0", json!({"targetRegions": [{"name": "eastus2"}]})),
            version("1.11.0", json!({"excludeFromLatest": true})),
            version("1.12.0", json!({"targetRegions": [{"name": "eastus2", "excludeFromLatest": true}]})),
        ],
    });
    let azure = Azure::with_seed(&seed);
    let latest = |region: &str| {
        azure
            .emulator
            .world
            .compute
            .image_version(&id("galleries/gal1/images/seeded"), region, azure.now)
    };
    assert!(latest("East US 2").unwrap().id.ends_with("/1.10.0"));
    assert!(latest("westus2").unwrap().id.ends_with("/1.9.0"));
    assert!(matches!(latest("uksouth"), Err(ImageMissing::NoVersion { region, .. }) if region == "uksouth"));
    let gone = azure
        .emulator
        .world
        .compute
        .image_version(&id("galleries/gal1/images/none"), "eastus2", azure.now);
    assert!(matches!(gone, Err(ImageMissing::NotFound { .. })));
}
