//! Galleries of others: what is seen of those that are shared directly or with everybody, and what is made of it.

use serde_json::{Value, json};

use super::azure::{Azure, GROUP};

const LOCATIONS: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5/providers/Microsoft.Compute/locations";

/// The name that a gallery of the example has for those with whom it is shared.
const UNIQUE: &str = "00000000-0000-0000-0000-0000000005b5-THEIRS";

/// One gallery, shared so, with a version in one region.
fn world(sharing: &Value) -> Azure {
    Azure::with_seed(&json!({
        "galleries": [{"name": "theirs", "resourceGroup": "rg-images", "location": "eastus2",
            "properties": {"description": "only for us", "sharingProfile": sharing}}],
        "definitions": [{"name": "base", "resourceGroup": "rg-images", "gallery": "theirs", "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "p", "offer": "o", "sku": "s"}}}],
        "versions": [{"name": "1.0.0", "resourceGroup": "rg-images", "gallery": "theirs", "definition": "base",
            "dataDiskLuns": [3], "tags": {"secret": "plan"},
            "publishingProfile": {"targetRegions": [{"name": "eastus2"}]}}],
    }))
}

fn community() -> Azure {
    world(&json!({"permissions": "Community", "communityGalleryInfo": {"publicNames": ["hpc-1234"]}}))
}

#[test]
fn a_shared_version_is_seen_by_region_and_with_less_than_its_owner_sees() {
    let direct = (
        world(&json!({"permissions": "Groups"})),
        "sharedGalleries",
        UNIQUE,
        "SharedGalleries",
    );
    let everybody = (community(), "communityGalleries", "hpc-1234", "CommunityGalleries");
    for (mut azure, kind, name, word) in [direct, everybody] {
        let gallery = format!("{LOCATIONS}/eastus2/{kind}/{name}");
        let seen = azure.get(&gallery).body;
        assert_eq!(seen["identifier"]["uniqueId"], format!("/{word}/{name}"));
        assert!(!seen.to_string().contains("only for us"), "{seen}");
        let definition = azure.get(&format!("{gallery}/images/base")).body;
        assert_eq!(definition["properties"]["hyperVGeneration"], "V2");
        let version = azure.get(&format!("{gallery}/images/base/versions/1.0.0")).body;
        let id = format!("/{word}/{name}/Images/base/Versions/1.0.0");
        assert_eq!(version["identifier"]["uniqueId"], id);
        assert_eq!(version["properties"]["storageProfile"]["dataDiskImages"][0]["lun"], 3);
        assert!(!version.to_string().contains("plan"), "{version}");
        for list in ["images", "images/base/versions"] {
            assert_eq!(
                azure.get(&format!("{gallery}/{list}")).body["value"]
                    .as_array()
                    .unwrap()
                    .len(),
                1
            );
        }
        let elsewhere = gallery.replace("eastus2", "westus2");
        assert_eq!(
            azure.get(&format!("{elsewhere}/images/base/versions/1.0.0")).status,
            404
        );
    }
}

#[test]
fn what_is_not_shared_so_is_not_there() {
    let mut private = world(&json!({"permissions": "Private"}));
    let mut direct = world(&json!({"permissions": "Groups"}));
    for path in [
        format!("{LOCATIONS}/eastus2/sharedGalleries/{UNIQUE}"),
        format!("{LOCATIONS}/eastus2/communityGalleries/{UNIQUE}"),
    ] {
        assert_eq!(private.get(&path).status, 404, "{path}");
    }
    assert_eq!(
        direct
            .get(&format!("{LOCATIONS}/eastus2/communityGalleries/{UNIQUE}"))
            .status,
        404
    );
}

#[test]
fn a_version_is_made_of_one_of_a_community_gallery() {
    let mut azure = community();
    let definition = format!("{GROUP}/providers/Microsoft.Compute/galleries/theirs/images/own");
    let kind = json!({"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
        "identifier": {"publisher": "p", "offer": "o", "sku": "own"}});
    let made = azure.put(&definition, &json!({"location": "eastus2", "properties": kind}));
    azure.finish(&made);
    let of = |id: &str| {
        json!({"location": "eastus2", "properties": {
            "publishingProfile": {"targetRegions": [{"name": "eastus2"}]},
            "storageProfile": {"source": {"communityGalleryImageId": id}}}})
    };
    let path = format!("{definition}/versions/1.0.0");
    let missing = azure.put(&path, &of("/CommunityGalleries/none/Images/base/Versions/1.0.0"));
    assert_eq!(missing.status, 404);
    let made = azure.put(&path, &of("/CommunityGalleries/hpc-1234/Images/base/Versions/1.0.0"));
    azure.finish(&made);
    let version = azure.get(&path);
    assert_eq!(version.state(), "Succeeded");
    assert_eq!(
        version.body["properties"]["storageProfile"]["dataDiskImages"][0]["lun"],
        3
    );
}

#[test]
fn a_vm_is_made_of_what_is_shared_and_its_disk_names_it() {
    for (mut azure, field, id) in [
        (
            world(&json!({"permissions": "Groups"})),
            "sharedGalleryImageId",
            format!("/SharedGalleries/{UNIQUE}/Images/base/Versions/1.0.0"),
        ),
        (
            community(),
            "communityGalleryImageId",
            "/CommunityGalleries/hpc-1234/Images/base".to_owned(),
        ),
    ] {
        let nic = format!("{GROUP}/providers/Microsoft.Network/networkInterfaces/nic");
        let made = azure.put(
            &nic,
            &json!({"location": "eastus2", "properties": {"ipConfigurations": []}}),
        );
        azure.finish(&made);
        let vm = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/of-theirs");
        let made = azure.put(
            &vm,
            &json!({"location": "eastus2", "properties": {
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "osProfile": {"computerName": "x", "adminUsername": "a", "adminPassword": "long-Enough-1"},
            "storageProfile": {"imageReference": {field: id}},
            "networkProfile": {"networkInterfaces": [{"id": nic}]}}}),
        );
        azure.finish(&made);
        let disk = azure.get(&vm).body["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"].clone();
        let disk = azure.get(disk.as_str().unwrap()).body;
        assert_eq!(
            disk["properties"]["creationData"]["galleryImageReference"][field], id,
            "{disk}"
        );
    }
}
