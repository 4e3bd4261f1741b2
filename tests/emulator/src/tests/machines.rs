//! VMs, disks, snapshots and managed images: what they refuse, and what they take over from each other.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, GROUP, id};

fn vm(name: &str, more: &Value) -> Value {
    let mut vm = json!({"name": name, "resourceGroup": "rg-images", "location": "eastus2"});
    crate::json::merge(&mut vm, more.clone());
    json!({"vms": [vm]})
}

fn power(azure: &mut Azure, name: &str) -> String {
    let view = azure.get(&id(&format!("virtualMachines/{name}/instanceView"))).body;
    let statuses = view["statuses"].as_array().unwrap().clone();
    let code = statuses
        .iter()
        .filter_map(|status| status["code"].as_str())
        .find(|code| code.starts_with("PowerState/"));
    code.unwrap().to_owned()
}

#[test]
fn a_running_vm_is_deallocated_then_generalized_and_never_starts_again() {
    let mut azure = Azure::with_seed(&vm("worker", &json!({})));
    let path = id("virtualMachines/worker");
    let refused = azure.post(&format!("{path}/generalize"), &Value::Null);
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));
    assert_eq!(
        azure.get(&id("disks/worker_OsDisk")).body["properties"]["diskState"],
        "Attached"
    );

    let started = azure.post(&format!("{path}/deallocate"), &Value::Null);
    assert_eq!(power(&mut azure, "worker"), "PowerState/deallocating");
    let again = azure.post(&format!("{path}/deallocate"), &Value::Null);
    assert_eq!((again.status, again.code()), (409, "Conflict"));
    assert_eq!(azure.finish(&started)["status"], "Succeeded");
    assert_eq!(power(&mut azure, "worker"), "PowerState/deallocated");
    assert_eq!(
        azure.get(&id("disks/worker_OsDisk")).body["properties"]["diskState"],
        "Reserved"
    );
    let location = started.header("location").unwrap().to_owned();
    assert_eq!(azure.get(&location).status, 200);

    assert_eq!(azure.post(&format!("{path}/generalize"), &Value::Null).status, 200);
    let refused = azure.post(&format!("{path}/start"), &Value::Null);
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));
}

#[test]
fn a_disk_in_use_is_not_deleted_and_a_free_one_is() {
    let mut azure = Azure::example();
    let refused = azure.delete(&id("disks/vm-build_OsDisk"));
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));
    assert!(refused.message().contains("vm-build"));
    let empty =
        json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8}});
    let disk = azure.make(&id("disks/free"), &empty);
    assert_eq!(
        (
            &disk.body["properties"]["diskState"],
            &disk.body["properties"]["diskSizeBytes"]
        ),
        (&json!("Unattached"), &json!(8_u64 << 30))
    );
    let started = azure.delete(&id("disks/free"));
    azure.finish(&started);
    assert_eq!(azure.get(&id("disks/free")).code(), "ResourceNotFound");
    assert_eq!(azure.delete(&id("disks/free")).status, 204);
}

#[test]
fn a_snapshot_takes_over_what_its_disk_is_when_it_is_over() {
    let mut azure = Azure::with_seed(&vm(
        "safe",
        &json!({"securityType": "TrustedLaunch", "powerState": "stopped"}),
    ));
    let body = json!({"location": "eastus2", "tags": {"k": "v"}, "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": id("disks/safe_OsDisk")}, "future": {"field": 1}}});
    let path = id("snapshots/s");
    let started = azure.put(&path, &body);
    assert!(started.body["properties"].get("uniqueId").is_none() && started.body["properties"].get("osType").is_none());
    let output = azure.finish(&started)["properties"]["output"].clone();
    let properties = &output["properties"];
    assert_eq!(output, azure.get(&path).body, "the operation shows the snapshot");
    assert_eq!(properties["osType"], "Linux");
    assert_eq!(properties["hyperVGeneration"], "V2");
    assert_eq!(properties["securityProfile"]["securityType"], "TrustedLaunch");
    assert_eq!(properties["supportedCapabilities"]["architecture"], "x64");
    assert_eq!(properties["diskSizeGB"], 30);
    assert_eq!(properties["future"]["field"], 1, "unknown fields are kept");
    let disk = azure.get(&id("disks/safe_OsDisk")).body;
    assert_eq!(
        properties["creationData"]["sourceUniqueId"],
        disk["properties"]["uniqueId"]
    );
}

fn copy_of(disk: &str) -> Value {
    let data = json!({"createOption": "Copy", "sourceResourceId": id(disk)});
    json!({"location": "eastus2", "properties": {"creationData": data}})
}

#[test]
fn snapshots_refuse_what_the_service_refuses() {
    let mut azure = Azure::with_seed(&vm("far", &json!({"location": "westus2"})));
    let mut background = copy_of("disks/vm-build_OsDisk");
    background["properties"]["creationData"]["createOption"] = json!("CopyStart");
    background["properties"]["incremental"] = json!(true);
    let cases = [
        ("missing source", copy_of("disks/none"), 404, "ResourceNotFound"),
        ("other region", copy_of("disks/far_OsDisk"), 400, "InvalidParameter"),
        ("no location", json!({"properties": {}}), 400, "LocationRequired"),
        ("no option", json!({"location": "eastus2"}), 400, "InvalidParameter"),
        (
            "unknown region",
            json!({"location": "atlantis"}),
            400,
            "LocationNotAvailableForResourceType",
        ),
        ("background copy of a disk", background, 400, "InvalidParameter"),
        ("no object", json!("text"), 400, "InvalidRequestContent"),
    ];
    for (what, body, status, code) in cases {
        let reply = azure.put(&id("snapshots/s"), &body);
        assert_eq!((reply.status, reply.code()), (status, code), "{what}: {}", reply.body);
    }
    let named = azure.put(&id("snapshots/_bad"), &copy_of("disks/vm-build_OsDisk"));
    assert_eq!(named.code(), "InvalidResourceName");
}

#[test]
fn a_snapshot_cannot_become_one_of_another_disk() {
    let mut azure = Azure::example();
    let path = azure.snapshot("s", "vm-build_OsDisk");
    let other = json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": id("disks/vm-build_DataDisk_0")}}});
    let reply = azure.put(&path, &other);
    assert_eq!((reply.status, reply.code()), (409, "PropertyChangeNotAllowed"));
    let tagged = azure.send(Method::PATCH, &path, &json!({"tags": {"owner": "me"}}));
    assert_eq!(tagged.status, 202);
    azure.finish(&tagged);
    assert_eq!(azure.get(&path).body["tags"], json!({"owner": "me"}));
}

#[test]
fn an_access_grant_blocks_deletion_until_it_ends() {
    let mut azure = Azure::example();
    let path = azure.snapshot("s", "vm-build_OsDisk");
    let granted = azure.post(
        &format!("{path}/beginGetAccess"),
        &json!({"access": "Read", "durationInSeconds": 3600}),
    );
    let end = azure.finish(&granted);
    assert!(
        end["properties"]["output"]["accessSAS"]
            .as_str()
            .unwrap()
            .contains("sig=")
    );
    let by_location = granted.header("location").unwrap().to_owned();
    assert!(azure.get(&by_location).body["accessSAS"].is_string());
    assert_eq!(azure.delete(&path).code(), "OperationNotAllowed");
    let ended = azure.post(&format!("{path}/endGetAccess"), &Value::Null);
    azure.finish(&ended);
    assert_eq!(azure.delete(&path).status, 202);
    let journal = serde_json::to_string(azure.emulator.journal()).unwrap();
    assert!(
        !journal.contains("sig=a") && !journal.contains(&azure.token),
        "no secret in the journal"
    );
}

#[test]
fn an_image_comes_from_a_generalized_vm_or_from_snapshots() {
    let mut azure = Azure::with_seed(&vm("fresh", &json!({"powerState": "deallocated"})));
    let from = |name: &str| json!({"location": "eastus2", "properties": {"sourceVirtualMachine": {"id": id(name)}, "storageProfile": {"zoneResilient": false}}});
    let refused = azure.put(&id("images/i"), &from("virtualMachines/fresh"));
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));
    assert!(refused.message().contains("is not generalized"));

    let image = azure.make(&id("images/i"), &from("virtualMachines/vm-build")).body;
    let profile = &image["properties"]["storageProfile"];
    assert_eq!(profile["osDisk"]["managedDisk"]["id"], id("disks/vm-build_OsDisk"));
    assert_eq!(profile["osDisk"]["diskSizeGB"], 30);
    assert_eq!(profile["dataDisks"].as_array().unwrap().len(), 2);
    assert_eq!(image["properties"]["hyperVGeneration"], "V2");

    let os = azure.snapshot("os", "vm-build_OsDisk");
    let data = azure.snapshot("data", "vm-build_DataDisk_0");
    let body = json!({"location": "eastus2", "properties": {"storageProfile": {
        "osDisk": {"osType": "Linux", "osState": "Generalized", "snapshot": {"id": os}},
        "dataDisks": [{"lun": 0, "snapshot": {"id": data}, "caching": "ReadOnly"}],
    }}});
    let image = azure.make(&id("images/j"), &body).body;
    let disk = &image["properties"]["storageProfile"]["dataDisks"][0];
    assert_eq!(
        (&disk["diskSizeGB"], &disk["caching"], &disk["snapshot"]["id"]),
        (&json!(64), &json!("ReadOnly"), &json!(data))
    );
    assert_eq!(image["properties"]["hyperVGeneration"], "V2");
}

#[test]
fn images_refuse_wrong_generations_and_trusted_launch() {
    let mut azure = Azure::with_seed(&vm(
        "safe",
        &json!({"securityType": "TrustedLaunch", "powerState": "deallocated", "generalized": true}),
    ));
    let captured =
        json!({"location": "eastus2", "properties": {"sourceVirtualMachine": {"id": id("virtualMachines/safe")}}});
    assert_eq!(azure.put(&id("images/i"), &captured).code(), "OperationNotAllowed");
    let os = azure.snapshot("os", "vm-build_OsDisk");
    let mut body = json!({"location": "eastus2", "properties": {"hyperVGeneration": "V1", "storageProfile": {
        "osDisk": {"osType": "Linux", "osState": "Generalized", "snapshot": {"id": os}},
    }}});
    assert_eq!(azure.put(&id("images/i"), &body).code(), "InvalidParameter");
    crate::json::set(
        &mut body,
        &["properties", "sourceVirtualMachine", "id"],
        json!(id("virtualMachines/vm-build")),
    );
    assert_eq!(
        azure.put(&id("images/i"), &body).code(),
        "InvalidParameter",
        "two sources"
    );
}

#[test]
fn a_group_that_is_not_there_is_named() {
    let mut azure = Azure::example();
    let path = GROUP.replace("rg-images", "rg-none");
    let reply = azure.get(&format!("{path}/providers/Microsoft.Compute/disks/d"));
    assert_eq!((reply.status, reply.code()), (404, "ResourceGroupNotFound"));
    assert!(reply.message().contains("'rg-none'"));
    let reply = azure.get(&id("disks/none"));
    assert!(
        reply
            .message()
            .starts_with("The Resource 'Microsoft.Compute/disks/none' under resource group 'rg-images' was not found.")
    );
}

#[test]
fn a_vm_changes_only_under_the_conditions_of_the_request() {
    let mut azure = Azure::example();
    let path = id("virtualMachines/vm-build");
    let etag = azure.get(&path).body["etag"].as_str().unwrap().to_owned();
    let authorization = format!("Bearer {}", azure.token);
    let mut patch = |name: &str, value: &str| {
        let headers = [("authorization", authorization.as_str()), (name, value)];
        let path = format!("{path}?api-version=2026-04-01");
        azure.wait(60);
        azure.ask(Method::PATCH, &path, r#"{"tags": {"a": "b"}}"#, &headers)
    };
    assert_eq!(patch("if-match", "\"other\"").code(), "PreconditionFailed");
    assert_eq!(patch("if-none-match", "*").status, 412);
    let changed = patch("if-match", &etag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.body["etag"], etag);
    assert_eq!(patch("if-match", &etag).status, 412);
    assert_eq!(patch("if-match", "*").status, 200);
    azure.api_version = "2021-11-01";
    assert!(azure.get(&path).body.get("etag").is_none(), "older versions show none");
}

#[test]
fn lists_of_vms_show_states_only_when_asked() {
    let mut azure = Azure::example();
    for (query, codes) in [("", 0), ("?$expand=instanceView", 3), ("?statusOnly=true", 3)] {
        let list = azure.get(&id(&format!("virtualMachines{query}"))).body;
        let statuses = list["value"][0]["properties"]["instanceView"]["statuses"].as_array();
        assert_eq!(statuses.map_or(0, Vec::len), codes, "{query:?}");
    }
}

#[test]
fn cores_in_use_are_counted_and_more_than_the_quota_are_refused() {
    let mut azure = Azure::with_seed(&json!({
        "vms": [
            {"name": "runs", "resourceGroup": "rg-images", "location": "eastus2", "vmSize": "Standard_D4s_v5"},
            {"name": "sleeps", "resourceGroup": "rg-images", "location": "eastus2", "vmSize": "Standard_D8s_v5", "powerState": "deallocated"},
        ],
        "quotas": [{"location": "eastus2", "name": "standardDSv5Family", "limit": 12, "currentValue": 2}],
    }));
    let used = |azure: &mut Azure, name: &str| {
        let path =
            "/subscriptions/00000000-0000-0000-0000-0000000005b5/providers/Microsoft.Compute/locations/eastus2/usages";
        let usages = azure.get(path).body["value"].as_array().unwrap().clone();
        let usage = usages.into_iter().find(|usage| usage["name"]["value"] == name);
        usage.unwrap()["currentValue"].as_u64().unwrap()
    };
    assert_eq!(
        (used(&mut azure, "standardDSv5Family"), used(&mut azure, "cores")),
        (6, 4)
    );
    let refused = azure.post(&id("virtualMachines/sleeps/start"), &Value::Null);
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));
    assert_eq!(
        refused.message(),
        "Operation could not be completed as it results in exceeding approved standardDSv5Family Cores quota. \
         Additional details - Deployment Model: Resource Manager, Location: eastus2, Current Limit: 12, Current Usage: 6, \
         Additional Required: 8, (Minimum) New Limit Required: 14."
    );
    let stopped = azure.post(&id("virtualMachines/runs/deallocate"), &Value::Null);
    azure.finish(&stopped);
    assert_eq!(used(&mut azure, "standardDSv5Family"), 2);
    assert_eq!(
        azure.post(&id("virtualMachines/sleeps/start"), &Value::Null).status,
        202
    );
    assert_eq!(
        used(&mut azure, "standardDSv5Family"),
        10,
        "from when it begins to start"
    );
    let machine = json!({"location": "eastus2", "properties": {
        "hardwareProfile": {"vmSize": "Standard_D4s_v5"}, "osProfile": {},
        "storageProfile": {"imageReference": {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}},
    }});
    let refused = azure.put(&id("virtualMachines/new"), &machine);
    assert!(
        refused.message().contains("Additional Required: 4"),
        "{}",
        refused.message()
    );
}

#[test]
fn a_vm_is_changed_by_the_body_that_a_read_gave() {
    let mut azure = Azure::with_seed(&vm("worker", &json!({"dataDisks": [{"name": "first"}]})));
    let empty =
        json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8}});
    azure.make(&id("disks/free"), &empty);
    let path = id("virtualMachines/worker");
    let mut body = azure.get(&path).body;
    body["tags"] = json!({"a": "b"});
    body["properties"]["hardwareProfile"]["vmSize"] = json!("Standard_D2s_v5");
    let attach = json!({"lun": 1, "createOption": "Attach", "managedDisk": {"id": id("disks/free")}});
    let new = json!({"lun": 2, "name": "new", "createOption": "Empty", "diskSizeGB": 16});
    body["properties"]["storageProfile"]["dataDisks"]
        .as_array_mut()
        .unwrap()
        .extend([attach.clone(), new]);
    let changed = azure.make(&path, &body).body;
    let disks = changed["properties"]["storageProfile"]["dataDisks"].as_array().unwrap();
    let disks: Vec<(&Value, &Value)> = disks.iter().map(|disk| (&disk["name"], &disk["diskSizeGB"])).collect();
    assert_eq!(
        disks,
        [
            (&json!("first"), &json!(30)),
            (&json!("free"), &json!(8)),
            (&json!("new"), &json!(16))
        ]
    );
    assert_eq!(changed["tags"], json!({"a": "b"}));
    assert_eq!(changed["properties"]["hardwareProfile"]["vmSize"], "Standard_D2s_v5");
    let state = |azure: &mut Azure, name: &str| {
        azure.get(&id(&format!("disks/{name}"))).body["properties"]["diskState"].clone()
    };
    assert_eq!(
        ["first", "free", "new"].map(|name| state(&mut azure, name)),
        ["Attached"; 3]
    );

    let only = json!({"properties": {"storageProfile": {"dataDisks": [{"lun": 2, "name": "new"}]}}});
    let started = azure.send(Method::PATCH, &path, &only);
    azure.finish(&started);
    assert_eq!(
        ["first", "free", "new"].map(|name| state(&mut azure, name)),
        ["Unattached", "Unattached", "Attached"]
    );
    let other = json!({"properties": {"storageProfile": {"dataDisks": [attach]}}});
    let build = id("virtualMachines/vm-build");
    let taken = json!({"lun": 3, "createOption": "Attach", "managedDisk": {"id": id("disks/new")}});
    let taken = json!({"properties": {"storageProfile": {"dataDisks": [taken]}}});
    let refused = azure.send(Method::PATCH, &build, &taken);
    assert_eq!((refused.status, refused.code()), (409, "ConflictingUserInput"));
    assert_eq!(azure.send(Method::PATCH, &build, &other).status, 200);
}

#[test]
fn what_makes_a_vm_what_it_is_does_not_change() {
    let mut azure = Azure::with_seed(&vm("worker", &json!({})));
    let path = id("virtualMachines/worker");
    let storage = |more: &Value| json!({"properties": {"storageProfile": more}});
    for (body, status, code) in [
        (
            storage(&json!({"osDisk": {"name": "other"}})),
            409,
            "PropertyChangeNotAllowed",
        ),
        (
            storage(&json!({"imageReference": {"id": "x"}})),
            409,
            "PropertyChangeNotAllowed",
        ),
        (
            storage(&json!({"dataDisks": [{"lun": 0}, {"lun": 0}]})),
            400,
            "InvalidParameter",
        ),
        (
            storage(&json!({"dataDisks": [{"lun": 0, "createOption": "Empty"}]})),
            400,
            "InvalidParameter",
        ),
        (
            json!({"properties": {"hardwareProfile": {"vmSize": "Standard_None"}}}),
            400,
            "InvalidParameter",
        ),
        (
            json!({"properties": {"networkProfile": {"networkInterfaces": [{"id": "x"}]}}}),
            501,
            "NotImplementedByEmulator",
        ),
    ] {
        let refused = azure.send(Method::PATCH, &path, &body);
        assert_eq!((refused.status, refused.code()), (status, code), "{body}");
    }
    assert_eq!(
        azure.put(&path, &json!({"location": "westus2"})).code(),
        "InvalidResourceLocation"
    );
}
