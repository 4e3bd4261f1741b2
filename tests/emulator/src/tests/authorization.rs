//! Callers with few rights at the resource manager: what they see, and the words that refuse the rest.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, CLIENT, GROUP, id};

const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5";
const OBJECT: &str = "00000000-0000-0000-0000-00000000b0b1";

/// A world in which the example's application has only these assignments, and a second group that it has nothing in.
fn world(assignments: &Value) -> Azure {
    let vm = json!({"name": "private", "resourceGroup": "rg-private", "location": "eastus2"});
    let mut azure = Azure::with_seed(&json!({
        "resourceGroups": [{"name": "rg-private", "location": "eastus2"}], "vms": [vm],
    }));
    // What a test needs beforehand is made with all rights.
    azure.snapshot("os", "vm-build_OsDisk");
    azure.definition("def");
    let seed = crate::seed::Seed::parse(&json!({"roleAssignments": assignments}).to_string()).unwrap();
    azure.emulator.seed(&seed, azure.now).unwrap();
    azure
}

fn in_group(actions: &[&str]) -> Value {
    json!([{"principal": OBJECT, "scope": GROUP, "actions": actions}])
}

#[test]
fn what_no_assignment_allows_is_refused_in_the_words_of_azure() {
    let mut azure = world(&json!([{"application": CLIENT, "scope": GROUP, "actions": ["*/read"]}]));
    assert_eq!(azure.get(&id("virtualMachines/vm-build")).status, 200);
    let refused = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
    assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"));
    assert_eq!(
        refused.message(),
        format!(
            "The client '{CLIENT}' with object id '{OBJECT}' does not have authorization to perform action \
             'Microsoft.Compute/galleries/write' over scope '{}' or the scope is invalid. If access was recently \
             granted, please refresh your credentials.",
            id("galleries/g")
        )
    );
    for (method, path, action) in [
        (
            Method::POST,
            id("virtualMachines/vm-build/deallocate"),
            "Microsoft.Compute/virtualMachines/deallocate/action",
        ),
        (Method::DELETE, id("snapshots/os"), "Microsoft.Compute/snapshots/delete"),
        (
            Method::GET,
            format!("{SUBSCRIPTION}/resourceGroups/rg-private/providers/Microsoft.Compute/virtualMachines/private"),
            "Microsoft.Compute/virtualMachines/read",
        ),
        (
            Method::GET,
            format!("{SUBSCRIPTION}/resourceGroups/none"),
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ),
        (
            Method::PUT,
            format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1/pools/p"),
            "Microsoft.Batch/batchAccounts/pools/write",
        ),
        (
            Method::POST,
            format!("{SUBSCRIPTION}/providers/Microsoft.Batch/register"),
            "Microsoft.Batch/register/action",
        ),
    ] {
        let refused = azure.send(method, &path, &json!({}));
        assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"), "{path}");
        assert!(
            refused.message().contains(&format!("'{action}'")),
            "{}",
            refused.message()
        );
    }
}

#[test]
fn a_version_needs_write_on_its_disks_and_read_on_its_image() {
    let own = "Microsoft.Compute/galleries/*";
    let path = id("galleries/gal1/images/def/versions/1.0.0");
    let of_snapshot = Azure::version_body(&id("snapshots/os"), &["eastus2"]);
    let mut of_vm = of_snapshot.clone();
    of_vm["properties"]["storageProfile"] = json!({"source": {"virtualMachineId": id("virtualMachines/vm-build")}});
    let mut of_image = of_snapshot.clone();
    of_image["properties"]["storageProfile"] = json!({"source": {"id": id("images/i")}});
    for (body, needed, linked) in [
        (&of_snapshot, "Microsoft.Compute/snapshots/write", "snapshots/os"),
        (
            &of_vm,
            "Microsoft.Compute/virtualMachines/write",
            "virtualMachines/vm-build",
        ),
        (&of_image, "Microsoft.Compute/images/read", "images/i"),
    ] {
        let refused = world(&in_group(&[own])).put(&path, body);
        assert_eq!(
            (refused.status, refused.code()),
            (403, "LinkedAuthorizationFailed"),
            "{needed}"
        );
        assert_eq!(
            refused.message(),
            format!(
                "The client '{CLIENT}' with object id '{OBJECT}' has permission to perform action \
                 'Microsoft.Compute/galleries/images/versions/write' on scope '{path}'; however, it does not have \
                 permission to perform action '{needed}' on the linked scope(s) '{}' or the linked scope(s) are \
                 invalid.",
                id(linked)
            )
        );
        let allowed = world(&in_group(&[own, needed])).put(&path, body);
        assert_ne!(allowed.status, 403, "{needed}: {}", allowed.body);
    }
}

#[test]
fn a_pool_with_an_identity_needs_the_right_to_assign_it() {
    let path = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1/pools/p");
    let identity = format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mi1");
    let body =
        json!({"identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}, "properties": {}});
    let refused = world(&in_group(&["Microsoft.Batch/*"])).put(&path, &body);
    assert_eq!((refused.status, refused.code()), (403, "LinkedAuthorizationFailed"));
    let assign = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
    assert!(refused.message().contains(assign), "{}", refused.message());
    let allowed = world(&in_group(&["Microsoft.Batch/*", assign])).put(&path, &body);
    assert_ne!(allowed.status, 403, "{}", allowed.body);
}

#[test]
fn a_copy_needs_access_to_the_disk() {
    let body = json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": id("disks/vm-build_OsDisk")}}});
    let refused = world(&in_group(&["Microsoft.Compute/snapshots/*"])).put(&id("snapshots/s"), &body);
    assert_eq!(refused.code(), "LinkedAuthorizationFailed");
    assert!(
        refused
            .message()
            .contains("'Microsoft.Compute/disks/beginGetAccess/action'")
    );
    let both = [
        "Microsoft.Compute/snapshots/*",
        "Microsoft.Compute/disks/beginGetAccess/action",
    ];
    assert_eq!(world(&in_group(&both)).put(&id("snapshots/s"), &body).status, 202);
}

#[test]
fn lists_of_a_subscription_show_what_the_caller_may_read() {
    let mut azure = world(&in_group(&["*/read"]));
    let names = |azure: &mut Azure, path: &str| -> Vec<String> {
        let list = azure.get(&format!("{SUBSCRIPTION}/{path}"));
        assert_eq!(list.status, 200, "{path}: {}", list.body);
        let values = list.body["value"].as_array().unwrap().iter();
        values.map(|value| value["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names(&mut azure, "providers/Microsoft.Compute/virtualMachines"),
        ["vm-build"]
    );
    assert_eq!(names(&mut azure, "resourceGroups"), ["rg-images"]);
    assert!(!names(&mut azure, "resources").contains(&"private".to_owned()));
    assert_eq!(azure.get("/subscriptions").body["value"].as_array().unwrap().len(), 1);
    assert_eq!(azure.get(SUBSCRIPTION).status, 200);
    let skus = azure.get(&format!("{SUBSCRIPTION}/providers/Microsoft.Compute/skus"));
    assert_eq!(skus.code(), "AuthorizationFailed", "these belong to no scope below");

    let elsewhere = json!([{"principal": OBJECT, "scope": "/subscriptions/other", "actions": ["*"]}]);
    let mut azure = world(&elsewhere);
    assert_eq!(azure.get("/subscriptions").body["value"], json!([]));
    assert_eq!(azure.get(SUBSCRIPTION).code(), "AuthorizationFailed");
}

#[test]
fn permissions_show_what_was_given() {
    let mut azure = world(&json!([
        {"principal": OBJECT, "scope": GROUP, "actions": ["*/read"], "notActions": ["Microsoft.Batch/*"]},
        {"principal": OBJECT, "scope": id("disks/vm-build_OsDisk"), "actions": ["*"], "dataActions": ["x/y"]},
    ]));
    let reader =
        json!({"actions": ["*/read"], "notActions": ["Microsoft.Batch/*"], "dataActions": [], "notDataActions": []});
    let owner = json!({"actions": ["*"], "notActions": [], "dataActions": ["x/y"], "notDataActions": []});
    let shown = |azure: &mut Azure, scope: &str| {
        let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
        azure.get(&path).body["value"].clone()
    };
    assert_eq!(shown(&mut azure, GROUP), json!([reader]));
    assert_eq!(shown(&mut azure, &id("disks/vm-build_OsDisk")), json!([reader, owner]));
    assert_eq!(shown(&mut azure, SUBSCRIPTION), json!([]));
}

#[test]
fn a_poll_url_is_proof_enough() {
    let write =
        json!([{"principal": OBJECT, "scope": id("galleries/g"), "actions": ["Microsoft.Compute/galleries/write"]}]);
    let mut azure = world(&write);
    let started = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
    assert_eq!(azure.finish(&started)["status"], "Succeeded");
    assert_eq!(azure.get(&id("galleries/g")).code(), "AuthorizationFailed");
}

#[test]
fn a_template_needs_the_right_to_write_each_of_its_resources() {
    let network = |kind: &str, name: &str| json!({"type": format!("Microsoft.Network/{kind}"), "name": name, "location": "eastus2", "properties": {}});
    let resources = json!([
        network("publicIPAddresses", "ip"),
        network("networkSecurityGroups", "nsg")
    ]);
    let body = json!({"properties": {"mode": "Incremental", "template": {"resources": resources}}});
    let path = format!("{GROUP}/providers/Microsoft.Resources/deployments/d");
    let deployer = "Microsoft.Resources/deployments/*";
    let groups = "Microsoft.Network/networkSecurityGroups/write";
    for (actions, says) in [
        (
            &[deployer][..],
            "Deployment failed with multiple errors: 'Authorization failed for template resource 'ip'",
        ),
        (
            &[deployer, groups][..],
            "The template deployment failed with error: 'Authorization failed for template resource 'ip' of type \
             'Microsoft.Network/publicIPAddresses'.",
        ),
    ] {
        let mut azure = world(&in_group(actions));
        for refused in [azure.post(&format!("{path}/validate"), &body), azure.put(&path, &body)] {
            assert_eq!((refused.status, refused.code()), (400, "InvalidTemplateDeployment"));
            assert!(refused.message().starts_with(says), "{}", refused.message());
        }
    }
    let all = [deployer, "Microsoft.Network/*/write"];
    assert_eq!(world(&in_group(&all)).put(&path, &body).status, 201);
}

#[test]
fn a_request_to_batch_is_measured_by_the_roles_of_its_token() {
    let account = format!("{GROUP}/providers/Microsoft.Batch/batchAccounts/acct1");
    let mut azure = world(&json!([
        {"application": CLIENT, "scope": account, "actions": ["Microsoft.Batch/batchAccounts/pools/read"]},
    ]));
    let bearer = format!("Bearer {}", azure.sign_in("https://batch.core.windows.net//.default"));
    let missing = |method: Method, path: &str, authorization: &str| {
        let request = super::azure::request(method, path, "", &[("authorization", authorization)]);
        let call = crate::call::Call {
            request: &request,
            now: azure.now,
        };
        let world = &azure.emulator.world;
        let action = world
            .rights
            .missing_on_request(&world.entra, &call, &account, "/batch/acct1");
        action.map(|action| action.name().to_owned())
    };
    assert_eq!(missing(Method::GET, "/batch/acct1/pools/p/nodes", &bearer), None);
    for (method, path, action) in [
        (Method::POST, "/batch/acct1/pools/p/resize", "pools/write"),
        (Method::GET, "/batch/acct1/Jobs", "jobs/read"),
    ] {
        let action = format!("Microsoft.Batch/batchAccounts/{action}");
        assert_eq!(missing(method, path, &bearer), Some(action), "{path}");
    }
    assert_eq!(missing(Method::GET, "/batch/acct1/jobs", "SharedKey acct1:x"), None);
}

#[test]
fn the_assignment_in_the_documentation_does_what_it_says() {
    let documentation = include_str!("../../../../docs/emulator.md");
    let (_, rest) = documentation.split_once("```json\n{\"roleAssignments\"").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    let seed: Value = serde_json::from_str(&format!("{{\"roleAssignments\"{block}")).unwrap();
    let mut azure = world(&seed["roleAssignments"]);
    let version = id("galleries/gal1/images/def/versions/1.0.0");
    let of_snapshot = Azure::version_body(&id("snapshots/os"), &["eastus2"]);
    assert_eq!(azure.put(&version, &of_snapshot).code(), "LinkedAuthorizationFailed");
    let of_disk = Azure::version_body(&id("disks/vm-build_OsDisk"), &["eastus2"]);
    assert_eq!(azure.put(&version, &of_disk).status, 201);
    assert_eq!(azure.get(&version).status, 200);
    assert_eq!(azure.delete(&id("snapshots/os")).code(), "AuthorizationFailed");
}

#[test]
fn batch_refuses_what_the_roles_of_a_token_do_not_allow() {
    let mut azure = world(&in_group(&["Microsoft.Batch/batchAccounts/pools/read"]));
    let bearer = format!("Bearer {}", azure.sign_in("https://batch.core.windows.net//.default"));
    let headers = [("authorization", bearer.as_str())];
    let read = azure.ask(Method::GET, "/batch/acct1/pools?api-version=2025-06-01", "", &headers);
    assert_eq!(read.status, 200);
    let refused = azure.ask(Method::GET, "/batch/acct1/jobs?api-version=2025-06-01", "", &headers);
    assert_eq!(
        (refused.status, refused.body["code"].as_str()),
        (403, Some("InsufficientAccountPermissions"))
    );
}

#[test]
fn batch_refuses_a_pool_on_an_image_or_in_a_subnet_that_the_caller_may_not_use() {
    let version = id("galleries/gal1/images/def/versions/1.0.0");
    let subnet = format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/net1/subnets/nodes");
    let pool = json!({"id": "p", "vmSize": "standard_d2s_v3", "networkConfiguration": {"subnetId": subnet},
        "virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": version},
            "nodeAgentSKUId": "batch.node.ubuntu 22.04"}});
    let (pools, read) = (
        "Microsoft.Batch/batchAccounts/pools/*",
        "Microsoft.Compute/galleries/images/versions/read",
    );
    let join = "Microsoft.Network/virtualNetworks/subnets/join/action";
    for (actions, lacking) in [
        (vec![pools], Some((read, &version))),
        (vec![pools, read], Some((join, &subnet))),
        (vec![pools, read, join], None),
    ] {
        let mut azure = world(&in_group(&actions));
        let bearer = format!("Bearer {}", azure.sign_in("https://batch.core.windows.net//.default"));
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json; odata=minimalmetadata"),
        ];
        let path = "/batch/acct1/pools?api-version=2025-06-01";
        let refused = azure.ask(Method::POST, path, &pool.to_string(), &headers);
        let code = refused.body["code"].as_str().unwrap_or_default();
        match lacking {
            Some((action, id)) => {
                assert_eq!((refused.status, code), (400, "InsufficientPermissions"));
                let reason = refused.body["values"][0]["value"].as_str().unwrap_or_default();
                assert!(reason.contains(action) && reason.ends_with(id.as_str()), "{reason}");
            }
            None => assert_ne!(code, "InsufficientPermissions", "{}", refused.body),
        }
    }
}

#[test]
fn a_disk_encryption_set_is_seeded_and_shows_its_region() {
    let set = json!({"name": "keys", "resourceGroup": "rg-images", "location": "West Europe"});
    let mut azure = Azure::with_seed(&json!({ "diskEncryptionSets": [set] }));
    let found = azure.get(&id("diskEncryptionSets/keys"));
    assert_eq!((found.status, &found.body["location"]), (200, &json!("westeurope")));
    assert_eq!(found.body["type"], "Microsoft.Compute/diskEncryptionSets");
    assert_eq!(azure.get(&id("diskEncryptionSets/none")).status, 404);
}

#[test]
fn a_disk_under_a_key_needs_read_on_its_encryption_set() {
    let set = id("diskEncryptionSets/keys");
    let disk = json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4,
        "encryption": {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": set}}});
    let mut azure = world(&in_group(&["Microsoft.Compute/disks/*"]));
    let refused = azure.put(&id("disks/own"), &disk);
    assert_eq!(refused.code(), "LinkedAuthorizationFailed");
    assert!(
        refused
            .body
            .to_string()
            .contains("Microsoft.Compute/diskEncryptionSets/read")
    );
}
