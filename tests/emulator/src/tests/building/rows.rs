//! The builder's requests one by one, in the paths and api-versions of its generation 2.x.
//!
//! Each test names the rows of the table of requests that it covers: what the builder reads of an answer, and the
//! codes that it takes. A field that is missing makes the builder panic, so every one of them is looked at.

use http::Method;
use serde_json::{Value, json};

use super::{
    super::azure::{Azure, CLIENT, GROUP, Reply, SECRET, TENANT, form, id},
    DEPLOYMENT, SUBSCRIPTION, built, deployment, template,
};

const COMPUTE: &str = "2022-03-01";
const GALLERIES: &str = "2023-07-03";
const NETWORK: &str = "2023-09-01";
const RESOURCES: &str = "2022-09-01";

fn get(azure: &mut Azure, api_version: &'static str, path: &str) -> Reply {
    azure.api_version = api_version;
    azure.get(path)
}

/// A write whose answer must be one of those codes, and its end.
fn write(azure: &mut Azure, (method, path, body): (Method, &str, &Value), accepted: &[u16]) -> Value {
    let started = azure.send(method, path, body);
    assert!(
        accepted.contains(&started.status),
        "{path}: {} {}",
        started.status,
        started.body
    );
    let end = azure.finish(&started);
    assert_eq!(end["status"], "Succeeded", "{path}: {end}");
    end
}

/// A deallocated machine that azure-arm has just made, with one data disk.
fn machine(azure: &mut Azure) -> String {
    let group = built(azure, &template(), "");
    let vm = format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1");
    azure.api_version = COMPUTE;
    let path = format!("{vm}/deallocate?hibernate=false");
    write(azure, (Method::POST, &path, &Value::Null), &[200, 202]);
    vm
}

#[test]
fn row_1_metadata_token_and_the_tenant_of_a_subscription() {
    let mut azure = Azure::example();
    for _ in 0..2 {
        let path = format!("/metadata/endpoints?api-version={RESOURCES}");
        let metadata = azure.ask(Method::GET, &path, "", &[]).body;
        for pointer in [
            "/name",
            "/resourceManager",
            "/microsoftGraphResourceId",
            "/authentication/loginEndpoint",
            "/suffixes/storage",
        ] {
            assert!(metadata.pointer(pointer).is_some_and(Value::is_string), "{pointer}");
        }
    }
    let fields = form(&[
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
        ("scope", "https://management.azure.com/.default"),
    ]);
    let token = azure
        .ask(Method::POST, &format!("/{TENANT}/oauth2/v2.0/token"), &fields, &[])
        .body;
    assert!(token["access_token"].as_str().unwrap().split('.').count() == 3 && token["expires_in"].is_u64());
    let path = format!("{SUBSCRIPTION}?api-version=2022-12-01");
    let unknown = azure.ask(Method::GET, &path, "", &[]);
    let challenge = unknown.header("www-authenticate").unwrap();
    assert!(unknown.status == 401 && challenge.contains(&format!("/{TENANT}\"")));
}

#[test]
fn row_2_an_existing_network_is_found_with_its_only_subnet() {
    let mut azure = Azure::example();
    let group = built(&mut azure, &template(), "");
    let networks = get(
        &mut azure,
        NETWORK,
        &format!("{SUBSCRIPTION}/providers/Microsoft.Network/virtualNetworks"),
    );
    let network = &networks.body["value"][0];
    assert_eq!(network["name"], "net");
    let subnets = get(
        &mut azure,
        NETWORK,
        &format!("{}/subnets", network["id"].as_str().unwrap()),
    );
    let subnets = subnets.body["value"].as_array().unwrap().clone();
    assert_eq!(subnets.len(), 1);
    let expected = format!("{group}/providers/Microsoft.Network/virtualNetworks/net/subnets/default");
    assert_eq!(
        (&subnets[0]["name"], &subnets[0]["id"]),
        (&json!("default"), &json!(expected))
    );
}

#[test]
fn rows_3_to_6_what_is_looked_at_before_a_managed_image_is_made() {
    let mut azure = Azure::example();
    let source = json!({"sourceVirtualMachine": {"id": id("virtualMachines/vm-build")}});
    azure.make(
        &id("images/there"),
        &json!({"location": "eastus2", "properties": source}),
    );
    let list = get(&mut azure, COMPUTE, &id("images")).body;
    let image = &list["value"][0];
    assert_eq!(
        (&image["id"], &image["name"]),
        (&json!(id("images/there")), &json!("there"))
    );
    assert_eq!(image["properties"]["storageProfile"]["dataDisks"][1]["lun"], 1);
    let group = get(&mut azure, RESOURCES, GROUP);
    assert_eq!((group.status, &group.body["location"]), (200, &json!("eastus2")));
    for absent in ["images/new", "snapshots/os", "snapshots/data0", "snapshots/data1"] {
        assert_eq!(get(&mut azure, COMPUTE, &id(absent)).status, 404, "{absent}");
    }
    // With -force, an image of that name is removed first.
    assert_eq!(azure.delete(&id("images/there")).status, 202);
    azure.wait(60);
    assert_eq!(azure.get(&id("images/there")).status, 404);
}

#[test]
fn row_7_a_seeded_storage_account_says_where_its_blobs_are_and_is_not_made_here() {
    let account = json!({"storageAccounts": [
        {"name": "vhds", "resourceGroup": "rg-images", "location": "East US 2"},
        {"name": "near", "resourceGroup": "rg-images", "location": "eastus2",
         "properties": {"primaryEndpoints": {"blob": "http://127.0.0.1:1/near/"}}},
    ]});
    let mut azure = Azure::with_seed(&account);
    let path = |name: &str| format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}");
    for (name, blob) in [
        ("vhds", "https://vhds.blob.core.windows.net/"),
        ("near", "http://127.0.0.1:1/near/"),
    ] {
        let account = get(&mut azure, "2023-01-01", &path(name)).body;
        assert_eq!(account["location"], "eastus2");
        assert_eq!(account["properties"]["primaryEndpoints"]["blob"], blob);
    }
    assert_eq!(azure.get(&path("none")).code(), "ResourceNotFound");
    let listed = azure.get(&format!("{SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts"));
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 2);
    let made = azure.put(&path("new"), &json!({"location": "eastus2"}));
    assert!(made.status == 501 && made.message().contains("storageAccounts/new"));
}

#[test]
fn rows_8_and_9_definitions_and_versions_as_destination_and_as_source() {
    let mut azure = Azure::example();
    let definition = azure.definition("def");
    assert_eq!(get(&mut azure, GALLERIES, &definition).status, 200);
    let version = format!("{definition}/versions/1.0.0");
    assert_eq!(get(&mut azure, GALLERIES, &version).status, 404);
    let vm = json!({"source": {"virtualMachineId": id("virtualMachines/vm-build")}});
    let regions = json!({"targetRegions": [{"name": "eastus2"}]});
    let body = json!({"location": "eastus2", "properties": {"publishingProfile": regions, "storageProfile": vm}});
    write(&mut azure, (Method::PUT, &version, &body), &[200, 201, 202]);
    let source = azure.get(&definition).body;
    assert_eq!(source["properties"]["osState"], "Generalized");
    let source = azure.get(&version).body;
    assert_eq!(source["id"], version);
    let luns = source["properties"]["storageProfile"]["dataDiskImages"]
        .as_array()
        .unwrap();
    let luns: Vec<&Value> = luns.iter().map(|disk| &disk["lun"]).collect();
    assert_eq!(luns, [0, 1]);
}

#[test]
fn row_10_a_marketplace_version_is_found_in_any_casing_of_its_path() {
    let mut azure = Azure::example();
    for kind in ["artifactTypes/vmImage", "artifacttypes/vmimage"] {
        let path = format!(
            "{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus2/publishers/Canonical/{kind}/offers/\
             0001-com-ubuntu-server-jammy/skus/22_04-lts-gen2/versions/22.04.202601010"
        );
        let image = get(&mut azure, COMPUTE, &path);
        assert_eq!(
            (image.status, &image.body["properties"]["dataDiskImages"]),
            (200, &json!([])),
            "{kind}"
        );
    }
}

#[test]
fn row_11_the_build_group_is_looked_for_and_made() {
    let mut azure = Azure::example();
    azure.api_version = RESOURCES;
    let group = format!("{SUBSCRIPTION}/resourceGroups/pkr-Resource-Group-x");
    assert_eq!(azure.get(&group).status, 404);
    let body = json!({"location": "eastus2", "tags": {"made": "by"}});
    assert!(matches!(azure.put(&group, &body).status, 200 | 201));
    assert_eq!(azure.get(&group).status, 200);
}

#[test]
fn row_12_windows_keeps_its_certificate_in_a_vault_made_by_a_deployment_or_there_before() {
    let mut azure = Azure::example();
    azure.api_version = RESOURCES;
    let vault = format!("{GROUP}/providers/Microsoft.KeyVault/vaults/pkrkv");
    let secret = json!({"type": "secrets", "name": "packerKeyVaultSecret", "properties": {"value": "hidden"}});
    let resources = json!([{"type": "Microsoft.KeyVault/vaults", "name": "pkrkv", "location": "eastus2", "properties": {}, "resources": [secret]}]);
    let body = deployment(&json!({"resources": resources}), "");
    let path = format!("{GROUP}/providers/Microsoft.Resources/deployments/kvpkrdp");
    assert_eq!(azure.post(&format!("{path}/validate"), &body).status, 200);
    write(&mut azure, (Method::PUT, &path, &body), &[200, 201]);
    let secret = format!("{vault}/secrets/packerKeyVaultSecret");
    let first = get(&mut azure, "2023-07-01", &secret).body;
    let uri = |body: &Value| body["properties"]["secretUriWithVersion"].as_str().unwrap().to_owned();
    let again = azure.put(&secret, &json!({"properties": {"value": "hidden"}}));
    assert_eq!(again.status, 200);
    assert_ne!(
        uri(&first),
        uri(&again.body),
        "a secret written again has a version of its own"
    );
    assert!(matches!(azure.delete(&vault).status, 200 | 204));
}

#[test]
fn rows_13_to_16_a_template_is_validated_and_made_and_its_machine_read() {
    let mut azure = Azure::example();
    let group = built(&mut azure, &template(), "");
    azure.api_version = RESOURCES;
    let body = deployment(&template(), "");
    let listed = azure
        .get(&format!("{group}/providers/Microsoft.Resources/deployments/"))
        .body;
    assert_eq!(listed["value"][0]["name"], "dp");
    let valid = azure.post(&format!("{group}/{DEPLOYMENT}/validate"), &body);
    assert!(matches!(valid.status, 200 | 202), "{}", valid.body);
    write(
        &mut azure,
        (
            Method::PUT,
            &format!("{GROUP}/{DEPLOYMENT}"),
            &deployment(&json!({"resources": []}), ""),
        ),
        &[200, 201],
    );
    let network = |rest: &str| format!("{group}/providers/Microsoft.Network/{rest}");
    let ip = get(&mut azure, NETWORK, &network("publicIPAddresses/ip")).body;
    assert!(ip["properties"]["ipAddress"].is_string());
    let nic = get(&mut azure, NETWORK, &network("networkInterfaces/nic")).body;
    assert!(nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"].is_string());
    for _ in 0..2 {
        let vm = format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1");
        let profile = get(&mut azure, COMPUTE, &vm).body["properties"]["storageProfile"].clone();
        assert!(profile["osDisk"]["managedDisk"]["id"].is_string());
        let data = &profile["dataDisks"][0];
        assert_eq!((&data["lun"], &data["createOption"]), (&json!(0), &json!("Empty")));
        assert!(data["managedDisk"]["id"].is_string());
    }
}

#[test]
fn rows_17_to_20_a_machine_is_stopped_its_disks_saved_under_names_and_captured() {
    let mut azure = Azure::example();
    let vm = machine(&mut azure);
    let profile = azure.get(&vm).body["properties"]["storageProfile"].clone();
    let disks = [
        ("os", &profile["osDisk"]["managedDisk"]["id"]),
        ("data0", &profile["dataDisks"][0]["managedDisk"]["id"]),
    ];
    for (name, disk) in disks {
        let path = id(&format!("snapshots/{name}"));
        let source = json!({"creationData": {"createOption": "Copy", "sourceResourceId": disk}});
        let body = json!({"location": "eastus2", "tags": {}, "properties": source});
        write(&mut azure, (Method::PUT, &path, &body), &[200, 202]);
        assert_eq!(azure.get(&path).body["id"], path);
    }
    let generalized = azure.post(&format!("{vm}/generalize"), &Value::Null);
    assert_eq!((generalized.status, generalized.body), (200, Value::Null));
    let properties = json!({"sourceVirtualMachine": {"id": vm}, "storageProfile": {"zoneResilient": false}});
    let body = json!({"location": "eastus2", "tags": {}, "properties": properties});
    write(&mut azure, (Method::PUT, &id("images/i"), &body), &[200, 201]);
    assert_eq!(azure.get(&id("images/i")).state(), "Succeeded");
}

#[test]
fn row_21_a_vhd_build_reads_the_vm_id_and_borrows_each_disk() {
    let mut azure = Azure::example();
    let vm = machine(&mut azure);
    let vm = azure.get(&vm).body;
    assert!(vm["properties"]["vmId"].is_string());
    let disk = vm["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"]
        .as_str()
        .unwrap();
    let access = json!({"access": "Read", "durationInSeconds": 86_400});
    let path = format!("{disk}/beginGetAccess");
    let end = write(&mut azure, (Method::POST, &path, &access), &[200, 202]);
    assert!(
        end["properties"]["output"]["accessSAS"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );
    assert_eq!(azure.get(disk).body["properties"]["diskState"], "ActiveSAS");
    let path = format!("{disk}/endGetAccess");
    write(&mut azure, (Method::POST, &path, &Value::Null), &[200, 202]);
    assert_eq!(azure.get(disk).body["properties"]["diskState"], "Reserved");
}

/// The publishing profile as the builder writes it: an empty date, its own region last.
fn published(source: &Value, mode: &str, regions: &[&str]) -> Value {
    let regions: Vec<Value> = regions
        .iter()
        .map(|name| json!({"name": name, "regionalReplicaCount": 1}))
        .collect();
    let profile = json!({
        "endOfLifeDate": "", "excludeFromLatest": false, "replicaCount": 1, "replicationMode": mode,
        "storageAccountType": "Standard_LRS", "targetRegions": regions,
    });
    let storage = json!({"source": source});
    json!({"location": "eastus2", "tags": {}, "properties": {"publishingProfile": profile, "storageProfile": storage}})
}

#[test]
fn row_22_a_version_is_made_of_the_machine_of_its_image_or_of_a_specialized_machine() {
    let seed = json!({"vms": [{"name": "as-it-is", "resourceGroup": "rg-images", "location": "eastus2",
        "securityType": "TrustedLaunch", "powerState": "deallocated"}]});
    let mut azure = Azure::with_seed(&seed);
    let image = json!({"sourceVirtualMachine": {"id": id("virtualMachines/vm-build")}});
    azure.make(&id("images/i"), &json!({"location": "eastus2", "properties": image}));
    azure.definition("def");
    let trusted = json!([{"name": "SecurityType", "value": "TrustedLaunch"}]);
    azure.definition_with("exact", &json!({"osState": "Specialized", "features": trusted}));
    azure.api_version = GALLERIES;
    let machine = json!({"virtualMachineId": id("virtualMachines/vm-build")});
    let exact = json!({"virtualMachineId": id("virtualMachines/as-it-is")});
    for (version, body) in [
        (
            "def/versions/1.0.0",
            published(&machine, "Full", &["westus2", "eastus2"]),
        ),
        (
            "def/versions/1.0.1",
            published(&json!({"id": id("images/i")}), "Full", &["eastus2"]),
        ),
        ("exact/versions/1.0.0", published(&exact, "Shallow", &["eastus2"])),
    ] {
        let path = id(&format!("galleries/gal1/images/{version}"));
        write(&mut azure, (Method::PUT, &path, &body), &[200, 201, 202]);
        assert_eq!(azure.get(&path).body["id"], path);
    }
}

#[test]
fn rows_23_and_24_what_was_made_is_listed_and_deleted_one_by_one_until_it_is_not_found() {
    let mut azure = Azure::example();
    let vm = machine(&mut azure);
    let (group, _) = vm.split_once("/providers").unwrap();
    assert_eq!(get(&mut azure, COMPUTE, &vm).status, 200);
    let path = format!("{group}/deployments/dp/operations?$top=50");
    let operations = get(&mut azure, RESOURCES, &path).body;
    let with_target: Vec<(&Value, &Value)> = operations["value"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|operation| operation["properties"].get("targetResource"))
        .map(|target| (&target["resourceType"], &target["resourceName"]))
        .collect();
    assert!(with_target.contains(&(&json!("Microsoft.Compute/virtualMachines"), &json!("vm1"))));
    for resource in [
        "providers/Microsoft.Compute/virtualMachines/vm1",
        "providers/Microsoft.Network/networkInterfaces/nic",
        "providers/Microsoft.Network/virtualNetworks/net",
        "providers/Microsoft.Network/networkSecurityGroups/nsg",
        "providers/Microsoft.Network/publicIPAddresses/ip",
        "providers/Microsoft.Compute/disks/os1",
        "providers/Microsoft.Compute/disks/dd-1",
        DEPLOYMENT,
        "",
    ] {
        let path = format!("{group}/{resource}");
        let path = path.trim_end_matches('/');
        let deletion = azure.delete(path);
        assert_eq!(deletion.status, 202, "{resource}: {}", deletion.body);
        // The builder looks at no poll URL of a deletion: it asks for the resource every ten seconds.
        let gone = (0..60).any(|_| {
            azure.wait(10);
            azure.get(path).status == 404
        });
        assert!(gone, "{resource}");
        assert!(matches!(azure.delete(path).status, 204 | 404), "{resource}");
    }
}
