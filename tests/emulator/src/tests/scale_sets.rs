//! Scale sets are there to be looked at.

use serde_json::{Value, json};

use super::azure::{Azure, id};

const DEFINITION: &str = "/subscriptions/x/resourceGroups/rg/providers/Microsoft.Compute/galleries/gal1/images/d";

fn world() -> Azure {
    Azure::with_seed(&json!({"scaleSets": [{
        "name": "render", "resourceGroup": "rg-images", "location": "East US 2", "imageReference": {"id": DEFINITION},
        "instances": [{"id": DEFINITION, "exactVersion": "1.0.0"}, {"id": DEFINITION, "exactVersion": "1.0.1"}]}]}))
}

#[test]
fn a_scale_set_shows_the_image_of_its_model_and_of_each_instance() {
    let mut azure = world();
    let set = azure.get(&id("virtualMachineScaleSets/render")).body;
    let model = "/properties/virtualMachineProfile/storageProfile/imageReference/id";
    assert_eq!(set.pointer(model), Some(&json!(DEFINITION)));
    let instances = azure.get(&id("virtualMachineScaleSets/render/virtualMachines")).body;
    let exact: Vec<&Value> = instances["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|instance| &instance["properties"]["storageProfile"]["imageReference"]["exactVersion"])
        .collect();
    assert_eq!(exact, ["1.0.0", "1.0.1"]);
}

#[test]
fn scale_sets_are_listed_by_group_and_by_subscription_and_made_by_no_request() {
    let mut azure = world();
    let of_subscription = id("").split("/resourceGroups/").next().unwrap().to_owned()
        + "/providers/Microsoft.Compute/virtualMachineScaleSets?api-version=2025-04-01";
    for list in [id("virtualMachineScaleSets"), of_subscription] {
        let listed = azure.get(&list).body;
        assert_eq!(listed["value"][0]["name"], "render", "{list}");
    }
    let put = azure.put(&id("virtualMachineScaleSets/other"), &json!({"location": "eastus2"}));
    assert_eq!(put.status, 501);
    assert_eq!(azure.get(&id("virtualMachineScaleSets/other")).status, 404);
}
