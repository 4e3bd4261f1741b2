//! What must be true when azure-arm and our post-processor are done.
//!
//! Everything is read from what they left: resources, requests, logs, the manifest. Nothing is asked again.

use azure_batch_e2e::{
    failure::{Failure, Result},
    journal::{Entry, Journal},
    process::Finished,
    world,
};
use serde_json::{Value, json};

/// How many checks have passed; the first that does not ends the run.
#[derive(Debug, Default)]
pub(super) struct Checks(u32);

impl Checks {
    /// Counts a check, or fails with what was seen instead.
    pub(super) fn pass(&mut self, what: &str, holds: bool, seen: impl FnOnce() -> String) -> Result {
        if holds {
            self.0 += 1;
            return Ok(());
        }
        Err(Failure::unexpected(format!("arm: not so: {what}\n{}", seen())))
    }

    fn equal(&mut self, what: &str, seen: &Value, wanted: &Value) -> Result {
        self.pass(what, seen == wanted, || format!("seen {seen}\nwanted {wanted}"))
    }

    pub(super) const fn passed(&self) -> u32 {
        self.0
    }
}

/// Every request of 1.4.5 by verb and parts of its path, which may be written in any case.
const REQUESTS: [(&str, &[&str]); 34] = [
    ("GET", &["/metadata/endpoints"]),
    ("POST", &["/oauth2/token"]),
    ("GET", &["/resourceGroups/rg-images"]),
    ("GET", &["/images/built"]),
    ("GET", &["/galleries/gal1/images/direct"]),
    ("HEAD", &["/resourceGroups/pkr-"]),
    ("PUT", &["/resourceGroups/pkr-"]),
    ("POST", &["/deployments/", "/validate"]),
    ("PUT", &["/deployments/"]),
    ("GET", &["/deployments/", "/operationStatuses/"]),
    ("GET", &["/publicIPAddresses/"]),
    ("GET", &["/virtualMachines/"]),
    ("POST", &["/virtualMachines/", "/deallocate"]),
    ("POST", &["/virtualMachines/", "/generalize"]),
    ("PUT", &["/snapshots/built_os"]),
    ("PUT", &["/snapshots/built_data1"]),
    ("PUT", &["/images/built"]),
    ("PUT", &["/galleries/gal1/images/direct/versions/1.0.0"]),
    ("GET", &["/deployments/", "/operations"]),
    ("DELETE", &["/virtualMachines/"]),
    ("DELETE", &["/networkInterfaces/"]),
    ("DELETE", &["/virtualNetworks/"]),
    ("DELETE", &["/publicIPAddresses/"]),
    ("DELETE", &["/disks/"]),
    ("DELETE", &["/deployments/"]),
    ("GET", &["/storageAccounts/vhds"]),
    ("POST", &["/storageAccounts/vhds/listKeys"]),
    ("POST", &["/virtualMachines/", "/capture"]),
    ("PUT", &["/images/pkros"]),
    ("DELETE", &["/images/pkros"]),
    ("GET", &["/galleries/theirs/images/base"]),
    ("GET", &["/galleries/theirs/images/base/versions/1.0.0"]),
    ("GET", &["/secrets/packerKeyVaultSecret"]),
    ("DELETE", &["/vaults/pkrkv"]),
];

/// The definition whose version 1.0.0 a build ends in.
fn definition(name: &str) -> &str {
    match name {
        "image" => "nodes",
        "gallery" => "direct",
        "vhd" | "windows" | "windows-2022" => name,
        _ => "plain",
    }
}

/// What Packer showed of the builder's artifact and of ours.
pub(super) fn output(checks: &mut Checks, name: &str, finished: &Finished) -> Result {
    let said = finished.said();
    let version = format!("/images/{}/versions/1.0.0", definition(name));
    let of_the_builder = match name {
        "gallery" => "ManagedImageSharedImageGalleryId:",
        "vhd" => "OSDiskUri:",
        _ => "ManagedImageId:",
    };
    let was_adopted = "it is adopted and nothing is copied";
    for part in ["Connected to SSH!", of_the_builder, &version] {
        checks.pass(&format!("{name} says {part}"), said.contains(part), || said.clone())?;
    }
    checks.pass(
        &format!("{name} says whether it is adopted"),
        said.contains(was_adopted) == (name == "gallery"),
        || said.clone(),
    )
}

/// What is there, and that nothing else is.
pub(super) fn world(checks: &mut Checks, resources: &Value) -> Result {
    let compute = |kind: &str| resources.get("compute").and_then(|compute| compute.get(kind));
    let named = |kind: &str, id: &str| {
        let all = compute(kind).and_then(Value::as_array);
        let found = all.into_iter().flatten().find(|resource| has_id(resource, id)).cloned();
        found.ok_or_else(|| Failure::unexpected(format!("arm: there is no {id} among the {kind}")))
    };
    let image = named("images", "/images/built")?;
    checks.equal(
        "the managed image is of the second generation",
        at(&image, "/properties/hyperVGeneration"),
        &json!("V2"),
    )?;
    let data = at(&image, "/properties/storageProfile/dataDisks/1/diskSizeGB");
    checks.equal("the managed image has both data disks", data, &json!(64))?;
    for (snapshot, size) in [("built_os", 30), ("built_data0", 32), ("built_data1", 64)] {
        let snapshot = named("snapshots", &format!("/snapshots/{snapshot}"))?;
        checks.equal(
            "a snapshot has its disk's size",
            at(&snapshot, "/properties/diskSizeGB"),
            &json!(size),
        )?;
    }
    for (definition, wanted) in [
        ("nodes", json!([["East US 2", 4]])),
        ("plain", json!([["East US 2", 4]])),
        ("vhd", json!([["East US 2", 4]])),
        ("windows", json!([["East US 2", 4]])),
        ("windows-2022", json!([["East US 2", 4]])),
        // The builder's own two regions, and the replicas that only the post-processor asked for.
        ("direct", json!([["West US 2", 1], ["East US 2", 4]])),
    ] {
        let version = named(
            "galleries/images/versions",
            &format!("/images/{definition}/versions/1.0.0"),
        )?;
        let regions = at(&version, "/properties/publishingProfile/targetRegions");
        checks.equal(&format!("the regions of {definition}"), &replicas(regions), &wanted)?;
        let state = at(&version, "/properties/provisioningState");
        checks.equal(&format!("{definition} is made"), state, &json!("Succeeded"))?;
        let tool = at(&version, "/tags/azure-batch-tool").as_str().unwrap_or_default();
        checks.pass(
            &format!("{definition} says who published it"),
            tool.starts_with("azure-batch-core/"),
            || version.to_string(),
        )?;
    }
    let source = |definition: &str| {
        let version = named(
            "galleries/images/versions",
            &format!("/images/{definition}/versions/1.0.0"),
        )?;
        Ok(at(&version, "/properties/storageProfile").clone())
    };
    let image = world::id("Microsoft.Compute/images", "plain");
    checks.equal(
        "a plain image is published as it is",
        at(&source("plain")?, "/source/id"),
        &json!(image),
    )?;
    vhds(checks, resources, &source("vhd")?)?;
    nothing_left(checks, resources)
}

/// The captured VHDs are there, the version is made of them, and the machine's own disks are gone.
fn vhds(checks: &mut Checks, resources: &Value, profile: &Value) -> Result {
    let blobs = at(resources, "/storage/0/blobs").as_object();
    let names: Vec<&String> = blobs.into_iter().flatten().map(|(name, _)| name).collect();
    let captured = names
        .iter()
        .filter(|name| name.starts_with("system/Microsoft.Compute/Images/images/built-"));
    checks.pass(
        "the VHDs of both disks are there, and no disk of the machine",
        captured.count() == 2 && names.len() == 2,
        || format!("{names:?}"),
    )?;
    for disk in ["/osDiskImage", "/dataDiskImages/0"] {
        let address = at(profile, &format!("{disk}/source/uri")).as_str().unwrap_or_default();
        let name = names.iter().any(|name| address.ends_with(name.as_str()));
        checks.pass("the version is made of a captured VHD", name, || profile.to_string())?;
    }
    Ok(())
}

fn nothing_left(checks: &mut Checks, resources: &Value) -> Result {
    for part in ["network", "deployments", "vaults"] {
        checks.equal(
            &format!("nothing is left of {part}"),
            at(resources, &format!("/{part}")),
            &json!([]),
        )?;
    }
    let groups = at(resources, "/resourceGroups").as_array().map_or(0, Vec::len);
    checks.equal(
        "only the example's group and that of others are left",
        &json!(groups),
        &json!(2),
    )?;
    // Ids only: images and versions go on naming what they were made of.
    let kinds = at(resources, "/compute").as_object();
    let all = kinds
        .into_iter()
        .flatten()
        .flat_map(|(_, kind)| kind.as_array().into_iter().flatten());
    let ids: Vec<&str> = all.filter_map(|resource| at(resource, "/id").as_str()).collect();
    let strays = |mark: &str| -> Vec<&str> { ids.iter().copied().filter(|id| id.contains(mark)).collect() };
    for (what, mark) in [
        ("of the builder's machines", "/pkr-"),
        ("of our temporaries", "/azure-batch-"),
    ] {
        let left = strays(mark);
        checks.pass(&format!("nothing is left {what}"), left.is_empty(), || left.join("\n"))?;
    }
    Ok(())
}

/// That every request of the builder came, and none was refused that it did not provoke itself.
pub(super) fn requests(checks: &mut Checks, journal: &Journal) -> Result {
    for (method, parts) in REQUESTS {
        let count = journal.count(method, parts);
        checks.pass(
            &format!("the builder asks {method} {}", parts.join("…")),
            count > 0,
            || "it did not".to_owned(),
        )?;
    }
    let odd = journal.0.iter().find(|entry| !is_expected(entry));
    let shown = || odd.map(Entry::line).unwrap_or_default();
    checks.pass(
        "every request is played, and none refused that was right",
        odd.is_none(),
        shown,
    )?;
    let in_use = journal
        .of("DELETE", &["/networkInterfaces/"])
        .any(|entry| entry.status == Some(400));
    checks.pass("an interface in use is not deleted", in_use, || {
        "it was at once".to_owned()
    })
}

/// HCP Packer hears of the version in each region, behind what the builder itself says, and of the image that the builder
/// started from, in its words.
pub(super) fn registered(checks: &mut Checks, done: &Value) -> Result {
    let version = format!("/images/{}/versions/1.0.0", definition("gallery"));
    let artifacts = at(done, "/artifacts").as_array();
    let ours = artifacts
        .into_iter()
        .flatten()
        .filter(|artifact| has_end(artifact, "/external_identifier", &version));
    let regions: Vec<&str> = ours.filter_map(|artifact| at(artifact, "/region").as_str()).collect();
    for region in ["eastus2", "westus2"] {
        checks.pass(
            &format!("HCP Packer hears of the version in {region}"),
            regions.contains(&region),
            || done.to_string(),
        )?;
    }
    let source = at(done, "/source_external_identifier").as_str().unwrap_or_default();
    checks.pass(
        "HCP Packer hears what azure-arm started from",
        source.contains("/publishers/Canonical/") && source.contains("/skus/22_04-lts-gen2/"),
        || source.to_owned(),
    )
}

/// Looking for what is not there yet or not any more, and deleting what is still in use, are the builder's own ways.
fn is_expected(entry: &Entry) -> bool {
    const KEPT_WHILE_USED: [&str; 3] = ["/virtualNetworks/", "/networkInterfaces/", "/publicIPAddresses/"];
    match (entry.status, entry.method.as_str()) {
        (Some(200..=299), _) | (Some(404), "GET" | "HEAD") => true,
        (Some(400), "DELETE") => KEPT_WHILE_USED.iter().any(|kind| entry.path.contains(kind)),
        // It breaks the lease of a machine that is gone.
        (Some(409), "PUT") => entry.path.starts_with("/images/pkr"),
        _ => false,
    }
}

/// Together with a plugin without a protocol version, Packer speaks gob with every plugin.
pub(super) fn protocol(checks: &mut Checks, log: &str) -> Result {
    let starts: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("Starting plugin: ") && line.contains("packer-plugin-azure-batch"))
        .collect();
    checks.pass("Packer started our plugin", !starts.is_empty(), || log.to_owned())?;
    let with_protobuf = starts.iter().any(|line| line.contains("--protobuf"));
    checks.pass("Packer spoke gob with our plugin", !with_protobuf, || starts.join("\n"))
}

/// What all Linux machines were made of, as it is known in the end.
pub(super) const UBUNTU: &str = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest";

/// What a build's machine was made of, and the agent that Batch has for it.
fn base(name: &str) -> (String, Value) {
    let windows = |year: &str| {
        let image = format!("MicrosoftWindowsServer:WindowsServer:{year}-datacenter-g2:latest");
        (image, json!("batch.node.windows amd64"))
    };
    match name {
        "windows" => windows("2025"),
        "windows-2022" => windows("2022"),
        _ => (UBUNTU.to_owned(), json!("batch.node.ubuntu 22.04")),
    }
}

/// What the next step of a pipeline reads.
pub(super) fn manifest(checks: &mut Checks, name: &str, manifest: &Value) -> Result {
    let version = format!(
        "{}/images/{}/versions/1.0.0",
        world::id("Microsoft.Compute/galleries", world::GALLERY),
        definition(name)
    );
    checks.equal(
        &format!("the manifest of {name} names the version"),
        at(manifest, "/image_version_id"),
        &json!(version),
    )?;
    let luns = match name {
        "image" => json!([0, 1]),
        "vhd" => json!([0]),
        _ => json!([]),
    };
    let system = if name.starts_with("windows") {
        "Windows"
    } else {
        "Linux"
    };
    checks.equal(
        &format!("the manifest of {name} names the system"),
        at(manifest, "/os_type"),
        &json!(system),
    )?;
    let (image, agent) = base(name);
    checks.equal(
        &format!("the manifest of {name} names the base image"),
        at(manifest, "/base_image"),
        &json!(image),
    )?;
    checks.equal(
        &format!("the manifest of {name} names the node agent"),
        at(manifest, "/node_agent_sku_id"),
        &agent,
    )?;
    checks.equal(
        &format!("the manifest of {name} names the data disks"),
        at(manifest, "/data_disk_luns"),
        &luns,
    )
}

fn has_id(resource: &Value, end: &str) -> bool {
    has_end(resource, "/id", end)
}

fn has_end(value: &Value, pointer: &str, end: &str) -> bool {
    at(value, pointer).as_str().is_some_and(|text| text.ends_with(end))
}

/// Name and count of each region.
fn replicas(regions: &Value) -> Value {
    let all = regions.as_array().into_iter().flatten();
    all.map(|region| json!([at(region, "/name"), at(region, "/regionalReplicaCount")]))
        .collect()
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}
