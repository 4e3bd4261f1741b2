//! Disks in blobs: what disks, snapshots, images and versions are made from them, and which are refused.

use http::Method;
use serde_json::{Value, json};

use super::{account, blob, error, world};
use crate::tests::azure::{Azure, GROUP, id};

fn imported(address: &str, location: &str) -> Value {
    let data = json!({"createOption": "Import", "sourceUri": address});
    json!({"location": location, "properties": {"creationData": data, "osType": "Linux"}})
}

fn image(address: &str, location: &str, generation: Option<&str>) -> Value {
    let os = json!({"osType": "Linux", "osState": "Generalized", "blobUri": address});
    let data = json!([{"lun": 3, "blobUri": blob("data.vhd")}]);
    let mut body = json!({"location": location, "properties": {"storageProfile": {"osDisk": os, "dataDisks": data}}});
    body["properties"]["hyperVGeneration"] = json!(generation);
    body
}

fn version(os: &str, account: &str) -> Value {
    let source = |address: &str| json!({"uri": address, "storageAccountId": account});
    json!({"location": "eastus2", "properties": {
        "publishingProfile": {"targetRegions": [{"name": "eastus2"}]},
        "storageProfile": {
            "osDiskImage": {"hostCaching": "ReadWrite", "source": source(os)},
            "dataDiskImages": [{"lun": 3, "source": source(&blob("data.vhd"))}],
        },
    }})
}

#[test]
fn disks_and_snapshots_have_the_size_of_the_disk_in_the_blob() {
    let mut azure = world();
    for kind in ["disks", "snapshots"] {
        let made = azure.make(&id(&format!("{kind}/d")), &imported(&blob("data.vhd"), "eastus2"));
        assert_eq!(made.body["properties"]["diskSizeGB"], 64, "{}", made.body);
    }
}

#[test]
fn an_image_of_blobs_needs_a_generation_and_shows_their_sizes() {
    let mut azure = world();
    let refused = azure.put(&id("images/i"), &image(&blob("os.vhd"), "eastus2", None));
    assert!(refused.message().contains("hyperVGeneration"), "{}", refused.body);
    let made = azure.make(&id("images/i"), &image(&blob("os.vhd"), "eastus2", Some("V2")));
    let profile = &made.body["properties"]["storageProfile"];
    assert_eq!(profile["osDisk"]["diskSizeGB"], 30);
    assert_eq!(profile["osDisk"]["blobUri"], blob("os.vhd"));
    assert_eq!(profile["dataDisks"][0]["diskSizeGB"], 64);
}

#[test]
fn a_version_is_made_of_blobs_and_fails_when_one_goes() {
    let mut azure = world();
    let definition = azure.definition_with(
        "vhd",
        &json!({"features": [{"name": "SecurityType", "value": "TrustedLaunchSupported"}]}),
    );
    let made = azure.make(
        &format!("{definition}/versions/1.0.0"),
        &version(&blob("os.vhd"), &account("vhds")),
    );
    assert_eq!(made.state(), "Succeeded");
    let profile = &made.body["properties"]["storageProfile"];
    assert_eq!(
        (
            &profile["osDiskImage"]["sizeInGB"],
            &profile["dataDiskImages"][0]["sizeInGB"]
        ),
        (&json!(30), &json!(64))
    );
    assert_eq!(profile["osDiskImage"]["source"]["uri"], blob("os.vhd"));

    let start = azure.put(
        &format!("{definition}/versions/1.0.1"),
        &version(&blob("os.vhd"), &account("vhds")),
    );
    assert_eq!(azure.blob(Method::DELETE, "/images/data.vhd", &[], "").status, 202);
    let end = azure.finish(&start);
    assert_eq!(
        (&end["status"], &end["error"]["code"]),
        (&json!("Failed"), &json!("NotFound"))
    );
}

#[test]
fn blobs_that_are_no_disks_or_lie_elsewhere_are_refused() {
    let mut azure = world();
    let far = "https://faraway.blob.core.windows.net/images/os.vhd";
    let size = [("x-ms-blob-type", "PageBlob"), ("x-ms-blob-content-length", "1048576")];
    assert_eq!(azure.blob(Method::PUT, "/images/empty.vhd", &size, "").status, 201);
    let cases = [
        (blob("notes.txt"), "Only page blobs"),
        (blob("empty.vhd"), "conectix"),
        (blob("gone.vhd"), "does not exist"),
        (far.to_owned(), "location 'westus2'"),
        (format!("{}?sv=1&sig=hunter2", blob("gone.vhd")), "does not exist"),
    ];
    for (address, says) in cases {
        for (path, body) in [
            (id("disks/d"), imported(&address, "eastus2")),
            (id("snapshots/s"), imported(&address, "eastus2")),
            (id("images/i"), image(&address, "eastus2", Some("V2"))),
        ] {
            let refused = azure.put(&path, &body);
            assert_eq!(
                (refused.status, refused.code()),
                (400, "InvalidParameter"),
                "{path} {address}"
            );
            assert!(refused.message().contains(says), "{}", refused.message());
            assert!(!refused.message().contains("hunter2"), "{}", refused.message());
        }
    }
    let definition = azure.definition("vhd");
    for (os, account) in [
        (far.to_owned(), account("faraway")),
        (blob("os.vhd"), account("faraway")),
        (blob("gone.vhd"), account("vhds")),
    ] {
        let refused = azure.put(&format!("{definition}/versions/1.0.0"), &version(&os, &account));
        assert_eq!((refused.status, refused.code()), (404, "NotFound"), "{os}");
    }
}

#[test]
fn a_machine_on_blobs_is_captured_into_blobs() {
    let mut azure = world();
    machine(&mut azure);
    let early = azure.post(&id("virtualMachines/vm1/capture"), &capture());
    assert_eq!((early.status, early.code()), (409, "OperationNotAllowed"));
    let leased = azure.blob(Method::DELETE, "/images/pkros.vhd", &[], "");
    assert_eq!(error(&leased), (412, "LeaseIdMissing"));
    let stop = azure.post(&id("virtualMachines/vm1/deallocate"), &Value::Null);
    azure.finish(&stop);
    assert_eq!(
        azure.post(&id("virtualMachines/vm1/generalize"), &Value::Null).status,
        200
    );
    let start = azure.post(&id("virtualMachines/vm1/capture"), &capture());
    let end = azure.finish(&start);
    let captured = &end["properties"]["output"]["resources"][0]["properties"]["storageProfile"];
    let os = captured["osDisk"]["image"]["uri"].as_str().unwrap();
    assert!(
        os.contains("/system/Microsoft.Compute/Images/vhds/first-osDisk."),
        "{os}"
    );
    assert_eq!(captured["dataDisks"].as_array().map(Vec::len), Some(1));
    let made = azure.make(&id("disks/d"), &imported(os, "eastus2"));
    assert_eq!(made.body["properties"]["diskSizeGB"], 30);

    let gone = azure.delete(&id("virtualMachines/vm1"));
    azure.finish(&gone);
    let again = azure.blob(
        Method::PUT,
        "/images/pkros.vhd?comp=lease",
        &[("x-ms-lease-action", "break")],
        "",
    );
    assert_eq!(error(&again), (409, "LeaseNotPresentWithLeaseOperation"));
    assert_eq!(azure.blob(Method::DELETE, "/images/pkros.vhd", &[], "").status, 202);
}

fn capture() -> Value {
    json!({"vhdPrefix": "first", "destinationContainerName": "vhds", "overwriteVhds": false})
}

/// A machine whose disks are blobs, as azure-arm 1.x makes one for a VHD.
fn machine(azure: &mut Azure) {
    let network = format!("{GROUP}/providers/Microsoft.Network");
    let net = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}]}});
    azure.put(&format!("{network}/virtualNetworks/net"), &net);
    let nic = json!({"location": "eastus2", "properties": {"ipConfigurations": [{"name": "a", "properties": {
        "subnet": {"id": format!("{network}/virtualNetworks/net/subnets/default")}}}]}});
    azure.put(&format!("{network}/networkInterfaces/nic"), &nic);
    azure.wait(60);
    let made = azure.put(&id("virtualMachines/vm1"), &machine_body(&network));
    azure.finish(&made);
}

fn machine_body(network: &str) -> Value {
    json!({"location": "eastus2", "properties": {
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "osProfile": {"computerName": "vm1", "adminUsername": "packer"},
        "networkProfile": {"networkInterfaces": [{"id": format!("{network}/networkInterfaces/nic")}]},
        "storageProfile": {
            "imageReference": {"publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2", "version": "latest"},
            "osDisk": {"name": "os1", "createOption": "FromImage", "caching": "ReadWrite", "vhd": {"uri": blob("pkros.vhd")}},
            "dataDisks": [{"lun": 0, "name": "dd-1", "createOption": "Empty", "diskSizeGB": 32, "vhd": {"uri": blob("pkrdd-1.vhd")}}],
        },
    }})
}
