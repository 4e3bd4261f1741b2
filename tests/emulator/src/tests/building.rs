//! Machines built as HashiCorp's azure-arm builder does it, in the paths and api-versions of both its generations.
//!
//! The builder itself runs in `cargo xtask judges arm`; here are its requests, and what goes wrong.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, id};

mod rows;

const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5";

/// What differs between the generations of the plugin: 1.4.5 writes `resourcegroups`, asks HEAD for a group and leaves
/// the provider out of operations; 2.x does not, and asks GET.
struct Generation {
    groups: &'static str,
    existence: Method,
    resources: &'static str,
    network: &'static str,
    compute: &'static str,
}

const GENERATIONS: [Generation; 2] = [
    Generation {
        groups: "resourcegroups",
        existence: Method::HEAD,
        resources: "2018-02-01",
        network: "2018-01-01",
        compute: "2021-11-01",
    },
    Generation {
        groups: "resourceGroups",
        existence: Method::GET,
        resources: "2022-09-01",
        network: "2023-09-01",
        compute: "2022-03-01",
    },
];

/// A template of the builder's shape, out of order as 2.x sends it.
fn template() -> Value {
    let named = |name: &str| format!("[parameters('{name}')]");
    json!({
        "parameters": {
            "vmName": {"type": "string"}, "adminPassword": {"type": "securestring"},
            "commandToExecute": {"type": "string", "defaultValue": ""},
        },
        "variables": {
            "location": "[resourceGroup().location]",
            "vnetID": "[resourceId(resourceGroup().name, 'Microsoft.Network/virtualNetworks', 'net')]",
            "subnetRef": "[concat(variables('vnetID'), '/subnets/', 'default')]",
        },
        "resources": [
            {"type": "Microsoft.Network/publicIPAddresses", "name": "ip", "location": "[variables('location')]",
             "apiVersion": "2023-04-01", "properties": {"dnsSettings": {"domainNameLabel": "[parameters('vmName')]"}}},
            {"type": "Microsoft.Network/networkInterfaces", "name": "nic", "location": "[variables('location')]",
             "dependsOn": ["Microsoft.Network/publicIPAddresses/ip", "[concat('Microsoft.Network/virtualNetworks/', 'net')]"],
             "properties": {"ipConfigurations": [{"name": "ipconfig", "properties": {
                "publicIPAddress": {"id": "[resourceId('Microsoft.Network/publicIPAddresses', 'ip')]"},
                "subnet": {"id": "[variables('subnetRef')]"}}}]}},
            {"type": "Microsoft.Compute/virtualMachines", "name": named("vmName"), "location": "[variables('location')]",
             "dependsOn": ["Microsoft.Network/networkInterfaces/nic"],
             "properties": {
                "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
                "osProfile": {"computerName": named("vmName"), "adminUsername": "packer", "adminPassword": named("adminPassword")},
                "networkProfile": {"networkInterfaces": [{"id": "[resourceId('Microsoft.Network/networkInterfaces', 'nic')]"}]},
                "storageProfile": {
                    "imageReference": {"publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2", "version": "latest"},
                    "osDisk": {"name": "os1", "createOption": "FromImage", "caching": "ReadWrite", "managedDisk": {"storageAccountType": "Standard_LRS"}},
                    "dataDisks": [{"lun": 0, "name": "dd-1", "createOption": "Empty", "diskSizeGB": 32, "caching": "ReadWrite"}],
                }}},
            {"type": "Microsoft.Compute/virtualMachines/extensions", "name": "[concat(parameters('vmName'), '/script')]",
             "condition": "[not(empty(parameters('commandToExecute')))]", "location": "[variables('location')]",
             "dependsOn": ["[resourceId('Microsoft.Compute/virtualMachines/', parameters('vmName'))]"],
             "properties": {"type": "CustomScriptExtension"}},
            {"type": "Microsoft.Network/networkSecurityGroups", "name": "nsg", "location": "[variables('location')]",
             "properties": {"securityRules": [{"name": "ssh", "properties": {"priority": 100}}]}},
            {"type": "Microsoft.Network/virtualNetworks", "name": "net", "location": "[variables('location')]",
             "dependsOn": ["[resourceId('Microsoft.Network/networkSecurityGroups/', 'nsg')]"],
             "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": "default", "properties": {
                "addressPrefix": "10.0.0.0/24",
                "networkSecurityGroup": {"id": "[resourceId('Microsoft.Network/networkSecurityGroups', 'nsg')]"}}}]}},
        ],
    })
}

fn deployment(template: &Value, command: &str) -> Value {
    json!({"properties": {"mode": "Incremental", "template": template, "parameters": {
        "vmName": {"value": "vm1"}, "adminPassword": {"value": "hidden-from-all"}, "commandToExecute": {"value": command},
    }}})
}

const DEPLOYMENT: &str = "providers/Microsoft.Resources/deployments/dp";

fn group(generation: &Generation) -> String {
    format!("{SUBSCRIPTION}/{}/pkr", generation.groups)
}

/// A group with a machine in it.
fn built(azure: &mut Azure, template: &Value, command: &str) -> String {
    let group = format!("{SUBSCRIPTION}/resourceGroups/pkr");
    azure.put(&group, &json!({"location": "eastus2"}));
    let started = azure.put(&format!("{group}/{DEPLOYMENT}"), &deployment(template, command));
    assert_eq!(started.status, 201, "{}", started.body);
    let end = azure.finish(&started);
    assert_eq!(end["status"], "Succeeded", "{end}");
    group
}

#[test]
fn both_generations_build_a_machine_and_take_it_apart() {
    for generation in GENERATIONS {
        let mut azure = Azure::example();
        build(&mut azure, &generation);
        take_apart(&mut azure, &generation);
        assert_eq!(azure.emulator.resources(azure.now)["network"], json!([]));
    }
}

fn build(azure: &mut Azure, generation: &Generation) {
    let group = group(generation);
    azure.api_version = generation.resources;
    let existence = azure.send(generation.existence.clone(), &group, &Value::Null);
    assert_eq!(existence.status, 404);
    assert_eq!(
        azure.put(&group, &json!({"location": "eastus2", "tags": {}})).status,
        201
    );
    let exists = azure.send(generation.existence.clone(), &group, &Value::Null);
    assert!(matches!(exists.status, 200 | 204));
    let body = deployment(&template(), "");
    let path = format!("{group}/{DEPLOYMENT}");
    assert_eq!(azure.post(&format!("{path}/validate"), &body).status, 200);
    let started = azure.put(&path, &body);
    assert!(
        started
            .header("azure-asyncoperation")
            .unwrap()
            .contains("/operationStatuses/")
    );
    assert_eq!(azure.get(&path).body["properties"]["provisioningState"], "Running");
    assert_eq!(azure.finish(&started)["status"], "Succeeded");

    azure.api_version = generation.network;
    let ip = azure
        .get(&format!("{group}/providers/Microsoft.Network/publicIPAddresses/ip"))
        .body;
    assert_eq!(ip["properties"]["ipAddress"], "127.0.0.1");
    let nic = azure
        .get(&format!("{group}/providers/Microsoft.Network/networkInterfaces/nic"))
        .body;
    let configuration = &nic["properties"]["ipConfigurations"][0]["properties"];
    assert_eq!(configuration["privateIPAddress"], "10.0.0.4");
    azure.api_version = generation.compute;
    let vm = azure
        .get(&format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1"))
        .body;
    let profile = &vm["properties"]["storageProfile"];
    assert!(
        profile["osDisk"]["managedDisk"]["id"]
            .as_str()
            .unwrap()
            .ends_with("/disks/os1")
    );
    assert_eq!(profile["dataDisks"][0]["lun"], 0);
    assert_eq!(profile["dataDisks"][0]["createOption"], "Empty");
    assert_eq!(profile["imageReference"]["exactVersion"], "22.04.202601010");
}

fn take_apart(azure: &mut Azure, generation: &Generation) {
    let group = group(generation);
    let operations = azure.get(&format!("{group}/deployments/dp/operations?$top=50")).body;
    let targets: Vec<&str> = operations["value"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|operation| operation["properties"]["targetResource"]["resourceType"].as_str())
        .collect();
    assert_eq!(
        targets,
        [
            "Microsoft.Network/publicIPAddresses",
            "Microsoft.Network/networkSecurityGroups",
            "Microsoft.Network/virtualNetworks",
            "Microsoft.Network/networkInterfaces",
            "Microsoft.Compute/virtualMachines",
        ]
    );
    for resource in [
        "Microsoft.Compute/virtualMachines/vm1",
        "Microsoft.Network/networkInterfaces/nic",
        "Microsoft.Network/virtualNetworks/net",
        "Microsoft.Network/networkSecurityGroups/nsg",
        "Microsoft.Network/publicIPAddresses/ip",
        "Microsoft.Compute/disks/os1",
        "Microsoft.Compute/disks/dd-1",
    ] {
        let path = format!("{group}/providers/{resource}");
        let deletion = azure.delete(&path);
        assert_eq!(deletion.status, 202, "{resource}: {}", deletion.body);
        assert!(deletion.header("location").is_some(), "{resource}");
        azure.wait(60);
        assert_eq!(azure.get(&path).status, 404, "{resource}");
    }
    assert_eq!(azure.delete(&format!("{group}/{DEPLOYMENT}")).status, 202);
    azure.wait(60);
    assert_eq!(azure.get(&format!("{group}/{DEPLOYMENT}")).code(), "DeploymentNotFound");
    assert_eq!(azure.delete(&group).status, 202);
    azure.wait(60);
    assert_eq!(
        azure.send(generation.existence.clone(), &group, &Value::Null).status,
        404
    );
}

#[test]
fn what_is_in_use_cannot_be_deleted() {
    let mut azure = Azure::example();
    let group = built(&mut azure, &template(), "");
    for (resource, code) in [
        ("networkInterfaces/nic", "NicInUse"),
        ("publicIPAddresses/ip", "PublicIPAddressCannotBeDeleted"),
        ("virtualNetworks/net", "InUseSubnetCannotBeDeleted"),
        ("networkSecurityGroups/nsg", "InUseNetworkSecurityGroupCannotBeDeleted"),
    ] {
        let refusal = azure.delete(&format!("{group}/providers/Microsoft.Network/{resource}"));
        assert_eq!((refusal.status, refusal.code()), (400, code), "{resource}");
    }
}

#[test]
fn a_public_address_is_there_as_long_as_a_machine_has_it() {
    let mut azure = Azure::example();
    let group = built(&mut azure, &template(), "");
    let path = format!("{group}/providers/Microsoft.Network/publicIPAddresses/ip");
    assert_eq!(azure.get(&path).body["properties"]["ipAddress"], "127.0.0.1");
    azure.delete(&format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1"));
    azure.wait(60);
    let properties = &azure.get(&path).body["properties"];
    assert!(properties.get("ipAddress").is_none(), "{properties}");
}

#[test]
fn extensions_come_only_when_their_condition_holds() {
    for (command, count) in [("", 0), ("true", 1)] {
        let mut azure = Azure::example();
        let group = built(&mut azure, &template(), command);
        let path = format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1/extensions");
        let extensions = azure.get(&path).body["value"].as_array().unwrap().len();
        assert_eq!(extensions, count, "{command:?}");
    }
}

#[test]
fn passwords_and_secure_parameters_are_never_shown() {
    let mut azure = Azure::example();
    let group = built(&mut azure, &template(), "");
    let vm = azure
        .get(&format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1"))
        .body;
    assert_eq!(vm["properties"]["osProfile"]["adminUsername"], "packer");
    let deployment = azure.get(&format!("{group}/{DEPLOYMENT}")).body;
    assert_eq!(deployment["properties"]["parameters"]["vmName"]["value"], "vm1");
    for shown in [vm, deployment] {
        assert!(!shown.to_string().contains("hidden-from-all"), "{shown}");
    }
}

#[test]
fn a_refused_step_fails_the_deployment_and_what_came_before_stays() {
    let mut azure = Azure::example();
    let mut template = template();
    template["resources"][2]["properties"]["hardwareProfile"]["vmSize"] = json!("Standard_None");
    let group = format!("{SUBSCRIPTION}/resourceGroups/pkr");
    azure.put(&group, &json!({"location": "eastus2"}));
    let path = format!("{group}/{DEPLOYMENT}");
    let started = azure.put(&path, &deployment(&template, ""));
    let end = azure.finish(&started);
    assert_eq!(
        (&end["status"], &end["error"]["code"]),
        (&json!("Failed"), &json!("DeploymentFailed"))
    );
    assert!(
        end["error"]["message"].as_str().unwrap().contains("Standard_None"),
        "{end}"
    );
    let shown = azure.get(&path).body;
    assert_eq!(shown["properties"]["error"]["details"][0]["code"], "InvalidParameter");
    let nic = azure.get(&format!("{group}/providers/Microsoft.Network/networkInterfaces/nic"));
    assert_eq!(nic.status, 200);
    let vm = azure.get(&format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1"));
    assert_eq!(vm.status, 404);
}

#[test]
fn templates_are_refused_for_what_is_wrong_with_them() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, u16, &str); 4] = [
        (
            "a parameter without a value",
            |template| template["parameters"]["more"] = json!({"type": "string"}),
            400,
            "'more'",
        ),
        (
            "two that wait for each other",
            |template| template["resources"][4]["dependsOn"] = json!(["Microsoft.Network/virtualNetworks/net"]),
            400,
            "Circular",
        ),
        (
            "a function that is not played",
            |template| template["resources"][0]["name"] = json!("[uniqueString('a')]"),
            501,
            "uniqueString",
        ),
        (
            "half an expression",
            |template| template["resources"][0]["name"] = json!("[concat('a']"),
            400,
            "position 10",
        ),
    ];
    for (what, change, status, says) in cases {
        let mut azure = Azure::example();
        let mut template = template();
        change(&mut template);
        let path = format!("{SUBSCRIPTION}/resourceGroups/rg-images/{DEPLOYMENT}");
        let body = deployment(&template, "");
        for refusal in [azure.post(&format!("{path}/validate"), &body), azure.put(&path, &body)] {
            assert_eq!(refusal.status, status, "{what}: {}", refusal.body);
            assert!(refusal.message().contains(says), "{what}: {}", refusal.message());
        }
    }
}

#[test]
fn machines_are_refused_that_could_not_start() {
    let cases = [
        (
            "/properties/hardwareProfile/vmSize",
            json!("Standard_A1_v2"),
            "BadRequest",
            "Hypervisor Generation '2'",
        ),
        (
            "/properties/hardwareProfile/vmSize",
            json!("Standard_D4ps_v5"),
            "BadRequest",
            "'Arm64'",
        ),
        (
            "/properties/storageProfile/imageReference/sku",
            json!("none"),
            "PlatformImageNotFound",
            ":none:",
        ),
        ("/properties/osProfile", Value::Null, "InvalidParameter", "osProfile"),
        (
            "/properties/networkProfile/networkInterfaces",
            json!([]),
            "InvalidParameter",
            "network interface",
        ),
        (
            "/properties/networkProfile/networkInterfaces/0/id",
            json!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/gone"),
            "InvalidResourceReference",
            "gone",
        ),
    ];
    for (pointer, value, code, says) in cases {
        let mut azure = Azure::example();
        let group = built(&mut azure, &template(), "");
        let path = format!("{group}/providers/Microsoft.Compute/virtualMachines/vm2");
        let mut body = machine(&group);
        *body.pointer_mut(pointer).unwrap() = value;
        let refusal = azure.put(&path, &body);
        assert_eq!(refusal.code(), code, "{pointer}: {}", refusal.body);
        assert!(refusal.message().contains(says), "{}", refusal.message());
    }
}

fn machine(group: &str) -> Value {
    let nic = format!("{group}/providers/Microsoft.Network/networkInterfaces/nic");
    json!({"location": "eastus2", "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "osProfile": {"computerName": "vm2", "adminUsername": "packer"},
        "networkProfile": {"networkInterfaces": [{"id": nic}]},
        "storageProfile": {"imageReference": {
            "publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2", "version": "latest",
        }},
    }})
}

#[test]
fn a_machine_from_an_image_gets_its_data_disks() {
    let mut azure = Azure::example();
    let group = built(&mut azure, &template(), "");
    let image = id("images/img");
    let source =
        json!({"location": "eastus2", "properties": {"sourceVirtualMachine": {"id": id("virtualMachines/vm-build")}}});
    azure.make(&image, &source);
    let path = format!("{group}/providers/Microsoft.Compute/virtualMachines/vm2");
    let mut body = machine(&group);
    body["properties"]["storageProfile"] = json!({"imageReference": {"id": image}});
    let vm = azure.make(&path, &body).body;
    let disks = vm["properties"]["storageProfile"]["dataDisks"].as_array().unwrap();
    let luns: Vec<(&Value, &Value, &Value)> = disks
        .iter()
        .map(|disk| (&disk["lun"], &disk["diskSizeGB"], &disk["createOption"]))
        .collect();
    let from_image = json!("FromImage");
    assert_eq!(
        luns,
        [
            (&json!(0), &json!(64), &from_image),
            (&json!(1), &json!(128), &from_image)
        ]
    );
}

#[test]
fn a_group_takes_everything_in_it_along() {
    let mut azure = Azure::example();
    let group = built(&mut azure, &template(), "");
    azure.put(
        &format!("{group}/providers/Microsoft.KeyVault/vaults/kv"),
        &json!({"location": "eastus2"}),
    );
    azure.delete(&group);
    azure.wait(60);
    let left = azure.emulator.resources(azure.now);
    assert_eq!(
        [&left["network"], &left["deployments"], &left["vaults"]],
        [&json!([]), &json!([]), &json!([])]
    );
    assert!(!left["compute"].to_string().contains("/pkr/"), "{left}");
}

#[test]
fn a_vault_names_the_version_of_its_secrets_and_shows_no_value() {
    let mut azure = Azure::example();
    let vault = format!("{SUBSCRIPTION}/resourceGroups/rg-images/providers/Microsoft.KeyVault/vaults/kv");
    let template = json!({"resources": [{
        "type": "Microsoft.KeyVault/vaults", "name": "kv", "location": "eastus2", "properties": {},
        "resources": [{"type": "secrets", "name": "packerKeyVaultSecret", "properties": {"value": "hidden-from-all"}}],
    }]});
    let path = format!("{SUBSCRIPTION}/resourceGroups/rg-images/{DEPLOYMENT}");
    let started = azure.put(
        &path,
        &json!({"properties": {"mode": "Incremental", "template": template}}),
    );
    assert_eq!(azure.finish(&started)["status"], "Succeeded");
    let secret = azure.get(&format!("{vault}/secrets/packerKeyVaultSecret")).body;
    let uri = secret["properties"]["secretUriWithVersion"].as_str().unwrap();
    assert!(
        uri.starts_with("https://kv.vault.azure.net/secrets/packerKeyVaultSecret/"),
        "{uri}"
    );
    assert!(!secret.to_string().contains("hidden-from-all"));
    assert_eq!(azure.delete(&vault).status, 200);
    assert_eq!(azure.delete(&vault).status, 204);
}

#[test]
fn the_marketplace_is_listed_from_publisher_to_version() {
    let mut azure = Azure::example();
    let base = format!("{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus2/publishers");
    let sku = format!("{base}/Canonical/artifactTypes/vmImage/offers/0001-com-ubuntu-server-jammy/skus/22_04-lts");
    let names = |body: &Value| -> Vec<String> {
        let names = body.as_array().unwrap().iter();
        names.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    let publishers = names(&azure.get(&base).body);
    assert_eq!(publishers.first().map(String::as_str), Some("Canonical"));
    let versions = names(&azure.get(&format!("{sku}/versions")).body);
    assert_eq!(versions, ["22.04.202512010", "22.04.202601010"]);
    let latest = names(&azure.get(&format!("{sku}/versions?$top=1&$orderby=name%20desc")).body);
    assert_eq!(latest, ["22.04.202601010"]);
    let image = azure.get(&format!("{sku}/versions/22.04.202601010")).body;
    assert_eq!(image["properties"]["hyperVGeneration"], "V1");
    assert_eq!(azure.get(&format!("{sku}/versions/latest")).status, 404);
}

#[test]
fn a_subnet_gives_out_its_free_addresses_and_then_is_full() {
    let mut azure = Azure::example();
    let network = |rest: &str| id(rest).replace("Microsoft.Compute", "Microsoft.Network");
    let subnets = json!([{"name": "small", "properties": {"addressPrefix": "10.1.0.0/29"}}]);
    let space = json!({"addressPrefixes": ["10.1.0.0/16"]});
    let net = json!({"location": "eastus2", "properties": {"addressSpace": space, "subnets": subnets}});
    azure.make(&network("virtualNetworks/net"), &net);
    let subnet = json!({"id": network("virtualNetworks/net/subnets/small")});
    let interface = json!({"location": "eastus2", "properties": {"ipConfigurations": [{"name": "c", "properties": {"subnet": subnet}}]}});
    let address = |azure: &mut Azure, name: &str| {
        let made = azure.make(&network(&format!("networkInterfaces/{name}")), &interface);
        let configuration = &made.body["properties"]["ipConfigurations"][0]["properties"];
        configuration["privateIPAddress"].as_str().unwrap().to_owned()
    };
    for (name, expected) in [
        ("a", "10.1.0.4"),
        ("b", "10.1.0.5"),
        ("c", "10.1.0.6"),
        ("b", "10.1.0.5"),
    ] {
        assert_eq!(address(&mut azure, name), expected, "{name}");
    }
    let full = azure.put(&network("networkInterfaces/d"), &interface);
    assert_eq!((full.status, full.code()), (400, "SubnetIsFull"));
    assert!(full.message().contains("Subnet small with address prefix 10.1.0.0/29"));
    let deleted = azure.delete(&network("networkInterfaces/a"));
    azure.finish(&deleted);
    assert_eq!(address(&mut azure, "d"), "10.1.0.4");
}
