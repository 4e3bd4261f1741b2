//! What an emulator must imitate to be honest: each point about the resource manager by its number.
//!
//! The points about Batch are tested with Batch. `docs/emulator.md` lists the points and what proves them.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, GROUP, TENANT, id};
use crate::{
    Settings,
    fault::{Effect, Fault, Occurrence},
    timing::Timing,
};

const VERSION: &str = "galleries/gal1/images/def/versions/1.0.0";

/// A snapshot of the example's OS disk and a definition `def`; what versions are made of.
fn publishable() -> (Azure, String) {
    let mut azure = Azure::example();
    let os = azure.snapshot("os", "vm-build_OsDisk");
    azure.definition("def");
    (azure, os)
}

fn at_home(properties: &Value) -> Value {
    json!({"location": "eastus2", "properties": properties})
}

fn copy_of_os_disk() -> Value {
    at_home(&json!({"creationData": {"createOption": "Copy", "sourceResourceId": id("disks/vm-build_OsDisk")}}))
}

#[test]
fn point_1_snapshots_and_disks_start_with_202_their_body_and_both_urls() {
    let mut azure = Azure::example();
    let empty = at_home(&json!({"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}));
    for (path, body) in [("snapshots/s", copy_of_os_disk()), ("disks/d", empty)] {
        for _ in ["made", "changed"] {
            let started = azure.put(&id(path), &body);
            assert_eq!((started.status, started.state()), (202, "Updating"), "{path}");
            assert_eq!(started.body["id"], id(path));
            assert!(started.header("azure-asyncoperation").is_some() && started.header("location").is_some());
            azure.finish(&started);
        }
    }
}

#[test]
fn point_1_images_galleries_definitions_and_versions_start_with_201_and_change_with_200() {
    let (mut azure, os) = publishable();
    let image = at_home(&json!({"sourceVirtualMachine": {"id": id("virtualMachines/vm-build")}}));
    let definition = at_home(&json!({
        "osType": "Linux", "osState": "Generalized", "identifier": {"publisher": "p", "offer": "o", "sku": "s"},
    }));
    for (path, body) in [
        ("images/i", image),
        ("galleries/g", at_home(&json!({}))),
        ("galleries/gal1/images/second", definition),
        (VERSION, Azure::version_body(&os, &["eastus2"])),
    ] {
        for (status, state) in [(201, "Creating"), (200, "Updating")] {
            let started = azure.put(&id(path), &body);
            assert_eq!((started.status, started.state()), (status, state), "{path}");
            assert!(started.header("azure-asyncoperation").is_some(), "{path}");
            assert_eq!(started.header("location"), None, "{path}");
            azure.finish(&started);
        }
    }
}

#[test]
fn point_1_generalizing_and_pools_of_the_resource_manager_answer_200_at_once() {
    let mut azure = Azure::example();
    let generalized = azure.post(&id("virtualMachines/vm-build/generalize"), &Value::Null);
    assert_eq!((generalized.status, &generalized.body), (200, &Value::Null));
    let image = json!({"publisher": "canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts"});
    let machine = json!({"imageReference": image, "nodeAgentSkuId": "batch.node.ubuntu 22.04"});
    let pool = json!({"properties": {
        "vmSize": "STANDARD_D2S_V3", "deploymentConfiguration": {"virtualMachineConfiguration": machine},
    }});
    let pool = azure.put(
        &format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1/pools/p"),
        &pool,
    );
    assert_eq!(pool.status, 200, "{}", pool.body);
    for answer in [generalized, pool] {
        assert_eq!(answer.header("azure-asyncoperation"), None);
        assert_eq!(answer.header("location"), None);
    }
}

#[test]
fn point_1_polls_answer_200_also_when_the_operation_failed() {
    let mut azure = Azure::example();
    let effect = Effect::OperationFailed {
        code: "X".to_owned(),
        message: "m".to_owned(),
    };
    azure.emulator.add_fault(Fault::new(effect).on(&Method::PUT, "*"));
    let started = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
    azure.wait(3000);
    let poll = azure.get(started.header("azure-asyncoperation").unwrap());
    assert_eq!((poll.status, &poll.body["status"]), (200, &json!("Failed")));
    assert_eq!(poll.body["error"], json!({"code": "X", "message": "m"}));
}

#[test]
fn point_1_retry_after_comes_only_when_asked_for() {
    for wanted in [None, Some(1)] {
        let timing = Timing {
            retry_after: wanted,
            ..Timing::default()
        };
        let settings = Settings {
            timing,
            ..Settings::default()
        };
        let wanted = wanted.map(|seconds: u32| seconds.to_string());
        let mut azure = Azure::with(settings, &json!({}));
        let started = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
        assert_eq!(started.header("retry-after"), wanted.as_deref());
        let url = started.header("azure-asyncoperation").unwrap().to_owned();
        assert_eq!(azure.get(&url).header("retry-after"), wanted.as_deref());
        azure.wait(60);
        assert_eq!(azure.get(&url).header("retry-after"), None);
    }
}

#[test]
fn point_1_poll_urls_are_beyond_4_kb_and_break_when_changed() {
    let mut azure = Azure::example();
    let started = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
    let url = started.header("azure-asyncoperation").unwrap().to_owned();
    assert!(url.len() > 4096, "{}", url.len());
    assert_eq!(azure.get(&url).status, 200);
    assert_eq!(azure.get(&url.to_lowercase()).status, 403);
    let (head, _) = url.split_once("&h=").unwrap();
    assert_eq!(azure.get(head).status, 403);

    let settings = Settings {
        short_poll_urls: true,
        ..Settings::default()
    };
    let mut plain = Azure::with(settings, &json!({}));
    let started = plain.put(&id("galleries/g"), &json!({"location": "eastus2"}));
    let url = started.header("azure-asyncoperation").unwrap().to_owned();
    assert!(url.len() < 300);
    assert_eq!(plain.get(&url).status, 200);
}

#[test]
fn point_2_target_regions_come_back_with_display_names_and_filled_in() {
    let (mut azure, os) = publishable();
    let mut body = Azure::version_body(&os, &["eastus2", "WestUS2"]);
    body["properties"]["publishingProfile"]["targetRegions"][1]["storageAccountType"] = json!("standard_lrs");
    body["properties"]["publishingProfile"]["replicaCount"] = json!(2);
    let created = azure.put(&id(VERSION), &body);
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
}

#[test]
fn point_2_replication_is_shown_only_when_expanded_and_with_display_names() {
    let (mut azure, os) = publishable();
    let path = id(VERSION);
    azure.make(&path, &Azure::version_body(&os, &["eastus2", "WestUS2"]));
    let plain = azure.get(&path).body;
    assert!(plain["properties"].get("replicationStatus").is_none());
    assert_eq!(plain["properties"]["storageProfile"]["osDiskImage"]["sizeInGB"], 30);
    let listed = azure
        .get(&id("galleries/gal1/images/def/versions?$expand=ReplicationStatus"))
        .body;
    assert!(listed["value"][0]["properties"].get("replicationStatus").is_none());
    let expanded = azure.get(&format!("{path}?$expand=ReplicationStatus")).body;
    let regions = expanded["properties"]["replicationStatus"]["summary"]
        .as_array()
        .unwrap();
    let regions: Vec<&Value> = regions.iter().map(|region| &region["region"]).collect();
    assert_eq!(regions, ["East US 2", "West US 2"]);
}

#[test]
fn point_3_a_deallocated_vm_hides_the_sizes_and_skus_of_its_disks() {
    let mut azure =
        Azure::with_seed(&json!({"vms": [{"name": "on", "resourceGroup": "rg-images", "location": "eastus2"}]}));
    let running = azure.get(&id("virtualMachines/on")).body;
    let os = &running["properties"]["storageProfile"]["osDisk"];
    assert_eq!(
        (&os["diskSizeGB"], &os["managedDisk"]["storageAccountType"]),
        (&json!(30), &json!("Premium_LRS"))
    );
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
}

#[test]
fn point_3_generalized_state_and_generation_are_in_the_instance_view_alone() {
    let mut azure = Azure::example();
    let text = azure.get(&id("virtualMachines/vm-build")).body.to_string();
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
    let old = azure.get(&id("virtualMachines/vm-build")).body;
    assert!(old["properties"].get("securityProfile").is_none());
}

#[test]
fn point_4_completion_percent_comes_only_with_a_background_copy_and_starts_at_0_after_the_operation_succeeded() {
    let mut azure = Azure::example();
    let mut incremental = copy_of_os_disk();
    incremental["properties"]["incremental"] = json!(true);
    for (name, body) in [("full", &copy_of_os_disk()), ("source", &incremental)] {
        let made = azure.make(&id(&format!("snapshots/{name}")), body);
        assert!(made.body["properties"].get("completionPercent").is_none(), "{name}");
    }
    let background = json!({"location": "westus2", "properties": {"incremental": true, "creationData": {"createOption": "CopyStart", "sourceResourceId": id("snapshots/source")}}});
    let started = azure.put(&id("snapshots/far"), &background);
    azure.wait(2);
    let poll = azure.get(started.header("azure-asyncoperation").unwrap());
    assert_eq!(poll.body["status"], "Succeeded");
    let percent = |azure: &mut Azure| azure.get(&id("snapshots/far")).body["properties"]["completionPercent"].as_f64();
    assert_eq!(percent(&mut azure), Some(0.0));
    azure.wait(300);
    assert_eq!(percent(&mut azure), Some(50.0));
    azure.wait(900);
    assert_eq!(percent(&mut azure), Some(100.0));
}

#[test]
fn point_9_versions_without_their_own_region_with_one_twice_or_of_a_wrong_source_are_refused() {
    let far = json!({"vms": [{"name": "far", "resourceGroup": "rg-images", "location": "westus2"}]});
    let mut azure = Azure::with_seed(&far);
    let os = azure.snapshot("os", "vm-build_OsDisk");
    azure.definition("def");
    let of = |source: &str| Azure::version_body(&id(source), &["eastus2"]);
    let mut whole = of("snapshots/os");
    whole["properties"]["storageProfile"] = json!({"source": {"id": os}});
    for (what, body, message) in [
        (
            "own region",
            Azure::version_body(&os, &["westus2"]),
            "must contain the location of image version",
        ),
        (
            "twice",
            Azure::version_body(&os, &["eastus2", "East US 2"]),
            "Duplicate regions are not allowed",
        ),
        (
            "a VM as disk",
            of("virtualMachines/vm-build"),
            "must be a managed disk or snapshot",
        ),
        (
            "a snapshot as a whole",
            whole,
            "must either be a managed image, virtual machine or another gallery image version",
        ),
        ("elsewhere", of("disks/far_OsDisk"), "is in the same region"),
    ] {
        let refused = azure.put(&id(VERSION), &body);
        assert!(matches!(refused.status, 400 | 404), "{what}: {}", refused.status);
        assert!(refused.message().contains(message), "{what}: {}", refused.message());
    }
}

#[test]
fn point_9_galleries_and_definitions_with_children_are_not_deleted() {
    let (mut azure, os) = publishable();
    let definition = id("galleries/gal1/images/def");
    azure.make(&id(VERSION), &Azure::version_body(&os, &["eastus2"]));
    for path in [&id("galleries/gal1"), &definition] {
        let reply = azure.delete(path);
        assert_eq!((reply.status, reply.code()), (409, "CannotDeleteResource"), "{path}");
        assert_eq!(
            reply.message(),
            "Can not delete resource before nested resources are deleted."
        );
    }
    for path in [&id(VERSION), &definition, &id("galleries/gal1")] {
        let started = azure.delete(path);
        azure.finish(&started);
        assert_eq!(azure.get(path).status, 404, "{path}");
    }
}

#[test]
fn point_9_immutable_fields_do_not_change() {
    let (mut azure, os) = publishable();
    let definition = id("galleries/gal1/images/def");
    azure.make(&id(VERSION), &Azure::version_body(&os, &["eastus2"]));
    let mut body = azure.get(&definition).body;
    body["properties"]["hyperVGeneration"] = json!("V1");
    let refused = azure.put(&definition, &body);
    assert_eq!((refused.status, refused.code()), (409, "PropertyChangeNotAllowed"));
    assert_eq!(
        refused.message(),
        "Changing property 'galleryImage.properties.hyperVGeneration' is not allowed."
    );
    let other = azure.snapshot("other", "vm-build_OsDisk");
    let refused = azure.put(&id(VERSION), &Azure::version_body(&other, &["eastus2"]));
    assert_eq!((refused.status, refused.code()), (409, "PropertyChangeNotAllowed"));
    assert!(refused.message().contains("storageProfile.osDiskImage.source.id"));
}

#[test]
fn point_10_throttling_says_when_to_come_back() {
    let mut azure = Azure::example();
    let throttle = Fault::new(Effect::Throttle { retry_after: Some(7) });
    azure.emulator.add_fault(
        throttle
            .on(&Method::PUT, "*/galleries/*")
            .occurring(Occurrence::First(2)),
    );
    let body = json!({"location": "eastus2"});
    let answers = [(); 3].map(|()| azure.put(&id("galleries/g"), &body));
    assert_eq!(answers.each_ref().map(|answer| answer.status), [429, 429, 201]);
    assert_eq!(answers[0].header("retry-after"), Some("7"));
    assert_eq!(answers[0].code(), "TooManyRequests");
}

#[test]
fn point_10_an_unregistered_provider_is_named_and_writes_once_it_is_registered() {
    let unregistered = json!({"subscriptions": [{
        "id": "00000000-0000-0000-0000-0000000005b5", "tenant": TENANT, "unregisteredProviders": ["Microsoft.Compute"],
    }]});
    let mut azure = Azure::with_seed(&unregistered);
    let body = json!({"location": "eastus2"});
    let refused = azure.put(&id("galleries/gal2"), &body);
    assert_eq!(
        (refused.status, refused.code()),
        (409, "MissingSubscriptionRegistration")
    );
    assert!(refused.message().contains("'Microsoft.Compute'"));
    let provider = "/subscriptions/00000000-0000-0000-0000-0000000005b5/providers/Microsoft.Compute";
    assert_eq!(azure.post(&format!("{provider}/register"), &Value::Null).status, 200);
    azure.wait(60);
    assert_eq!(azure.put(&id("galleries/gal2"), &body).status, 201);
}

#[test]
fn point_10_a_version_can_be_not_found_for_a_while_though_it_is_replicated() {
    let (mut azure, os) = publishable();
    let late = Fault::new(Effect::LateImage { seconds: 90 });
    azure.emulator.add_fault(late.on(&Method::PUT, "*/versions/*"));
    let version = azure.make(&id(VERSION), &Azure::version_body(&os, &["eastus2"]));
    assert_eq!(version.state(), "Succeeded");
    let path = format!("{}?$expand=ReplicationStatus", id(VERSION));
    let status = azure.get(&path).body["properties"]["replicationStatus"]["aggregatedState"].clone();
    assert_eq!(status, "Completed");
    let machine = at_home(&json!({
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"}, "storageProfile": {"imageReference": {"id": id(VERSION)}},
    }));
    let early = azure.put(&id("virtualMachines/vm"), &machine);
    assert_eq!((early.status, early.code()), (404, "GalleryImageNotFound"));
    azure.wait(90);
    let later = azure.put(&id("virtualMachines/vm"), &machine);
    assert_eq!(
        later.code(),
        "InvalidParameter",
        "found, and refused for want of a profile"
    );
    assert_eq!(azure.emulator.faults()[0].hits, 1);
}
