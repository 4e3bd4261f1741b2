//! Purchase plans, from a Marketplace image to whatever is made of it.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, id};

fn plan() -> Value {
    json!({"name": "9-base", "publisher": "resf", "product": "rockylinux-x86_64"})
}

/// A world with a stopped machine that was bought, a snapshot of it, its managed image, and a network interface.
fn world() -> Azure {
    let mut azure = Azure::with_seed(
        &json!({"vms": [{"name": "sold", "resourceGroup": "rg-images", "location": "eastus2",
        "generalized": true, "powerState": "deallocated", "plan": plan()}]}),
    );
    azure.snapshot("sold", "sold_OsDisk");
    let image = json!({"sourceVirtualMachine": {"id": id("virtualMachines/sold")}});
    azure.make(&id("images/sold"), &json!({"location": "eastus2", "properties": image}));
    let network = |name: &str| id(name).replace("Microsoft.Compute", "Microsoft.Network");
    let subnets = json!([{"name": "s", "properties": {"addressPrefix": "10.0.0.0/24"}}]);
    let space = json!({"addressPrefixes": ["10.0.0.0/16"]});
    let net = json!({"location": "eastus2", "properties": {"addressSpace": space, "subnets": subnets}});
    azure.make(&network("virtualNetworks/net"), &net);
    let subnet = json!({"id": network("virtualNetworks/net/subnets/s")});
    let configurations = json!([{"name": "c", "properties": {"subnet": subnet}}]);
    let interface = json!({"location": "eastus2", "properties": {"ipConfigurations": configurations}});
    azure.make(&network("networkInterfaces/nic"), &interface);
    azure
}

fn machine(image: &Value, plan: &Value) -> Value {
    let nic = id("networkInterfaces/nic").replace("Microsoft.Compute", "Microsoft.Network");
    json!({"location": "eastus2", "plan": plan, "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "osProfile": {"computerName": "vm", "adminUsername": "admin"},
        "networkProfile": {"networkInterfaces": [{"id": nic}]},
        "storageProfile": {"imageReference": image},
    }})
}

fn version(source: &Value) -> Value {
    json!({"location": "eastus2", "properties": {
        "publishingProfile": {"targetRegions": [{"name": "eastus2"}]}, "storageProfile": source,
    }})
}

/// Every kind of source that carries the plan on.
fn sources() -> [(&'static str, Value); 3] {
    [
        (
            "VM",
            json!({"source": {"virtualMachineId": id("virtualMachines/sold")}}),
        ),
        ("image", json!({"source": {"id": id("images/sold")}})),
        (
            "snapshot",
            json!({"osDiskImage": {"source": {"id": id("snapshots/sold")}}}),
        ),
    ]
}

#[test]
fn a_version_of_something_bought_needs_the_plan_also_when_its_definition_says_nothing() {
    let mut azure = world();
    azure.definition("plain");
    let unnamed = "requires Plan information in the request";
    for (number, (what, source)) in sources().into_iter().enumerate() {
        let path = id(&format!("galleries/gal1/images/plain/versions/1.0.{number}"));
        azure.make(&path, &version(&source));
        let refused = azure.put(&id("virtualMachines/vm"), &machine(&json!({"id": path}), &Value::Null));
        assert!(refused.message().contains(unnamed), "{what}: {}", refused.body);
    }
    // A copy of a version takes the plan along.
    azure.definition("copies");
    let copy = id("galleries/gal1/images/copies/versions/1.0.0");
    let source = json!({"source": {"id": id("galleries/gal1/images/plain/versions/1.0.0")}});
    azure.make(&copy, &version(&source));
    let refused = azure.put(&id("virtualMachines/vm"), &machine(&json!({"id": copy}), &Value::Null));
    assert!(refused.message().contains(unnamed), "{}", refused.body);
    let bought = azure.put(&id("virtualMachines/vm"), &machine(&json!({"id": copy}), &plan()));
    assert_eq!(bought.status, 201, "{}", bought.body);
}

#[test]
fn a_machine_names_the_plan_of_its_image_wherever_that_came_from() {
    let mut azure = world();
    let features = json!([{"name": "SecurityType", "value": "Standard"}]);
    azure.definition_with("sold", &json!({"features": features, "purchasePlan": plan()}));
    let in_gallery = id("galleries/gal1/images/sold/versions/1.0.0");
    azure.make(&in_gallery, &version(&sources()[2].1));
    let platform = json!({"publisher": "resf", "offer": "rockylinux-x86_64", "sku": "9-base", "version": "latest"});
    for image in [platform, json!({"id": id("images/sold")}), json!({"id": in_gallery})] {
        let shouted = json!({"name": "9-BASE", "publisher": "resf", "product": "rockylinux-x86_64"});
        for (plan, says) in [
            (Value::Null, "requires Plan information in the request. VM: '"),
            (shouted, "is not that of the image"),
        ] {
            let refused = azure.put(&id("virtualMachines/vm"), &machine(&image, &plan));
            assert_eq!((refused.status, refused.code()), (400, "VMMarketplaceInvalidInput"));
            assert!(refused.message().contains(says), "{}", refused.message());
        }
        let vm = azure.make(&id("virtualMachines/vm"), &machine(&image, &plan())).body;
        assert_eq!(vm["plan"], plan());
        let disk = vm["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"].clone();
        let disk = azure.get(disk.as_str().unwrap()).body;
        assert_eq!(disk["properties"]["purchasePlan"], plan());
        let deleted = azure.delete(&id("virtualMachines/vm"));
        azure.finish(&deleted);
    }
}

#[test]
fn the_marketplace_shows_the_plan_and_a_definition_keeps_its_own() {
    let mut azure = world();
    let path = "/subscriptions/00000000-0000-0000-0000-0000000005b5/providers/Microsoft.Compute/locations/eastus2/\
                publishers/resf/artifactTypes/vmImage/offers/rockylinux-x86_64/skus/9-base/versions/9.6.20250531";
    assert_eq!(azure.get(path).body["properties"]["plan"], plan());
    let definition = azure.definition_with("sold", &json!({"purchasePlan": plan()}));
    let change = json!({"properties": {"purchasePlan": {"name": "8-base"}}});
    let refused = azure.send(Method::PATCH, &definition, &change);
    assert_eq!(
        refused.message(),
        "Changing property 'galleryImage.properties.purchasePlan.name' is not allowed."
    );
}
