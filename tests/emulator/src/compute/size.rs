//! VM sizes: what they have and what images they can boot.
//!
//! A small selection, one or more of each sort that matters to images: with and without a temporary disk,
//! first generation only, second generation only, Arm64. Every region offers them all.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    arm::{self, Answer, ArmPath},
    http::Response,
    json as edit, region, unsupported,
    world::{Call, World},
};

/// One VM size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VmSize {
    /// In Azure's casing, e.g. `Standard_D4s_v5`.
    pub(crate) name: &'static str,
    /// The quota family, e.g. `standardDSv5Family`.
    pub(crate) family: &'static str,
    pub(crate) cores: u32,
    pub(crate) memory_gb: u32,
    /// The temporary disk in MiB; 0 when there is none.
    pub(crate) temporary_mb: u32,
    /// `V1`, `V2` or `V1,V2`.
    pub(crate) generations: &'static str,
    /// `x64` or `Arm64`.
    pub(crate) architecture: &'static str,
    /// Whether it can boot with Trusted Launch.
    pub(crate) trusted_launch: bool,
}

const fn size(
    name: &'static str,
    family: &'static str,
    (cores, memory_gb, temporary_mb): (u32, u32, u32),
    generations: &'static str,
) -> VmSize {
    VmSize {
        name,
        family,
        cores,
        memory_gb,
        temporary_mb,
        generations,
        architecture: "x64",
        trusted_launch: true,
    }
}

const fn without_trusted_launch(size: VmSize) -> VmSize {
    VmSize {
        trusted_launch: false,
        ..size
    }
}

const fn on_arm(size: VmSize) -> VmSize {
    VmSize {
        architecture: "Arm64",
        ..size
    }
}

/// Figures are those of Azure's size pages.
const SIZES: [VmSize; 16] = [
    without_trusted_launch(size("Standard_A1_v2", "standardAv2Family", (1, 2, 10_240), "V1")),
    without_trusted_launch(size("Standard_A2_v2", "standardAv2Family", (2, 4, 20_480), "V1")),
    without_trusted_launch(size("Standard_D2_v3", "standardDv3Family", (2, 8, 51_200), "V1")),
    size("Standard_D2s_v3", "standardDSv3Family", (2, 8, 16_384), "V1,V2"),
    size("Standard_D4s_v3", "standardDSv3Family", (4, 16, 32_768), "V1,V2"),
    size("Standard_D2s_v5", "standardDSv5Family", (2, 8, 0), "V1,V2"),
    size("Standard_D4s_v5", "standardDSv5Family", (4, 16, 0), "V1,V2"),
    size("Standard_D8s_v5", "standardDSv5Family", (8, 32, 0), "V1,V2"),
    size("Standard_D2ds_v5", "standardDDSv5Family", (2, 8, 76_800), "V1,V2"),
    size("Standard_D4ds_v5", "standardDDSv5Family", (4, 16, 153_600), "V1,V2"),
    size("Standard_D16ds_v5", "standardDDSv5Family", (16, 64, 614_400), "V1,V2"),
    size("Standard_E4ds_v5", "standardEDSv5Family", (4, 32, 153_600), "V1,V2"),
    size("Standard_F2s_v2", "standardFSv2Family", (2, 4, 16_384), "V1,V2"),
    size("Standard_D4ds_v6", "standardDdsv6Family", (4, 16, 225_280), "V2"),
    on_arm(size("Standard_D4ps_v5", "standardDPSv5Family", (4, 16, 0), "V2")),
    on_arm(size(
        "Standard_D4pds_v5",
        "standardDPDSv5Family",
        (4, 16, 153_600),
        "V2",
    )),
];

/// Every size.
pub(crate) fn all() -> impl Iterator<Item = &'static VmSize> {
    SIZES.iter()
}

impl VmSize {
    /// The capabilities as the list of SKUs and Batch's list name them.
    pub(crate) fn capabilities(&self) -> Vec<Value> {
        let capability = |name: &str, value: String| json!({"name": name, "value": value});
        let mut all = vec![
            capability("MaxResourceVolumeMB", self.temporary_mb.to_string()),
            capability("vCPUs", self.cores.to_string()),
            capability("MemoryGB", self.memory_gb.to_string()),
            capability("HyperVGenerations", self.generations.to_owned()),
            capability("CpuArchitectureType", self.architecture.to_owned()),
            capability("PremiumIO", "True".to_owned()),
            capability("EphemeralOSDiskSupported", "False".to_owned()),
        ];
        if !self.trusted_launch {
            all.push(capability("TrustedLaunchDisabled", "True".to_owned()));
        }
        all
    }
}

/// `GET …/providers/Microsoft.Compute/skus`, with the one filter that the service has: by location.
pub(super) fn list(world: &World, call: &Call<'_>, path: &ArmPath) -> Answer {
    if call.request.method != Method::GET || path.group.is_some() {
        return Err(unsupported(call.request));
    }
    let wanted = call.request.query("$filter").and_then(filtered_location);
    let regions = region::all()
        .map(|(name, _)| name)
        .filter(|name| wanted.as_deref().is_none_or(|wanted| wanted == *name));
    let values: Vec<Value> = regions
        .flat_map(|region| SIZES.iter().map(move |size| sku(size, region)))
        .collect();
    // The service sends all of them on very few pages.
    Ok(arm::page(call.request, &values, world.page_size.max(1000)))
}

/// The region of `location eq 'eastus2'`.
fn filtered_location(filter: &str) -> Option<String> {
    let (field, value) = filter.split_once(" eq ")?;
    (field.trim() == "location").then(|| region::normalise(value.trim().trim_matches('\'')))
}

fn sku(size: &VmSize, region: &str) -> Value {
    let short = size.name.split_once('_').map_or(size.name, |(_, short)| short);
    json!({
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": short,
        "family": size.family,
        "locations": [region],
        "locationInfo": [{"location": region, "zones": [], "zoneDetails": []}],
        "capabilities": size.capabilities(),
        "restrictions": [],
    })
}

/// `GET …/locations/{location}/vmSizes`.
pub(super) fn list_names(call: &Call<'_>) -> Answer {
    if call.request.method != Method::GET {
        return Err(unsupported(call.request));
    }
    let mut body = json!({"value": []});
    let values: Vec<Value> = SIZES
        .iter()
        .map(|size| {
            json!({
                "name": size.name,
                "numberOfCores": size.cores,
                "osDiskSizeInMB": 1_047_552,
                "resourceDiskSizeInMB": size.temporary_mb,
                "memoryInMB": size.memory_gb * 1024,
                "maxDataDiskCount": size.cores * 2,
            })
        })
        .collect();
    edit::set(&mut body, &["value"], Value::Array(values));
    Ok(Response::json(StatusCode::OK, &body))
}
