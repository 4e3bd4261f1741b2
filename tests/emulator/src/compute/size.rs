//! VM sizes: what they have, what images they can boot, and under which security types.
//!
//! One table for both planes, a selection of Azure's catalogue: with and without a temporary disk, first generation
//! only, second generation only, Arm64, confidential. Every region offers them all. Who may have how many is not here.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    call::Call,
    compute::Parts,
    envelope::{self, Answer, ArmPath, unsupported},
    http::Response,
    json as edit, region,
};

mod table;

/// One VM size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VmSize {
    /// In Azure's casing, e.g. `Standard_D4s_v5`.
    pub(crate) name: &'static str,
    /// The quota family, e.g. `standardDSv5Family`.
    pub(crate) family: &'static str,
    pub(crate) cores: u32,
    pub(crate) memory_mb: u32,
    /// The temporary disk in MiB; 0 when there is none.
    pub(crate) temporary_mb: u32,
    /// How many data disks a machine can have.
    pub(crate) data_disks: u32,
    /// `V1`, `V2` or `V1,V2`.
    pub(crate) generations: &'static str,
    /// `x64` or `Arm64`.
    pub(crate) architecture: &'static str,
    /// Whether it can boot with Trusted Launch.
    pub(crate) trusted_launch: bool,
}

/// Every size, by family and number.
pub(crate) fn all() -> impl Iterator<Item = &'static VmSize> {
    table::SERIES.iter().flat_map(|series| series.iter())
}

/// The size of that name, in any case.
pub(crate) fn find(name: &str) -> Option<&'static VmSize> {
    all().find(|size| size.name.eq_ignore_ascii_case(name))
}

impl VmSize {
    /// Whether an image of generation `V1` or `V2` boots on it.
    pub(crate) fn boots(&self, generation: &str) -> bool {
        self.generations
            .split(',')
            .any(|known| known.eq_ignore_ascii_case(generation))
    }

    /// Whether its disks are on NVMe controllers: sizes of the sixth version and later have no others.
    pub(crate) fn is_nvme(&self) -> bool {
        let version = self.name.rsplit_once("_v").map(|(_, version)| version.parse::<u32>());
        version.is_some_and(|version| version.is_ok_and(|version| version >= 6))
    }

    /// What is said of an image that cannot boot on it for want of an NVMe controller (image-builder pull request 1875).
    pub(crate) fn controller_message(name: &str) -> String {
        format!(
            "The VM size '{name}' cannot boot with OS image or disk. Please check that disk controller types supported by \
             the OS image or disk is one of the supported disk controller types for the VM size '{name}'. Please query sku \
             api at https://aka.ms/azure-compute-skus  to determine supported disk controller types for the VM size."
        )
    }

    /// The capabilities as the list of SKUs and Batch's list name them.
    pub(crate) fn capabilities(&self) -> Vec<Value> {
        let capability = |name: &str, value: String| json!({"name": name, "value": value});
        let word = |holds: bool| if holds { "True" } else { "False" }.to_owned();
        // The operating system's disk can be ephemeral where a premium size has a temporary disk to hold it.
        let ephemeral = self.is_premium() && self.temporary_mb > 0;
        let mut all = vec![
            capability("MaxResourceVolumeMB", self.temporary_mb.to_string()),
            capability("vCPUs", self.cores.to_string()),
            capability("MemoryGB", gigabytes(self.memory_mb)),
            capability("MaxDataDiskCount", self.data_disks.to_string()),
            capability("HyperVGenerations", self.generations.to_owned()),
            capability("CpuArchitectureType", self.architecture.to_owned()),
            capability("PremiumIO", word(self.is_premium())),
            capability("EphemeralOSDiskSupported", word(ephemeral)),
        ];
        if !self.trusted_launch {
            all.push(capability("TrustedLaunchDisabled", word(true)));
        }
        if self.is_nvme() {
            all.push(capability("DiskControllerTypes", "NVMe".to_owned()));
        }
        if self.is_confidential() {
            all.push(capability("ConfidentialComputingType", "SNP".to_owned()));
        }
        all
    }

    /// Whether it can run confidential machines; Azure's names say so, as `DC4as_v5`.
    pub(crate) fn is_confidential(&self) -> bool {
        self.name.starts_with("Standard_DC")
    }

    /// Azure's names say so: an `s` before the version, as in `D4ds_v5` and `DS2_v2`.
    fn is_premium(&self) -> bool {
        let middle = self.name.split('_').nth(1).unwrap_or_default();
        middle.contains(['s', 'S'])
    }
}

/// MiB as GiB, with the half that some sizes have.
fn gigabytes(mebibytes: u32) -> String {
    let whole = mebibytes / 1_024;
    if mebibytes.is_multiple_of(1_024) {
        whole.to_string()
    } else {
        format!("{whole}.5")
    }
}

/// `GET …/providers/Microsoft.Compute/skus`, with the one filter that the service has: by location.
pub(super) fn list(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    if call.request.method != Method::GET || path.group.is_some() {
        return Err(unsupported(call.request));
    }
    let wanted = call.request.query("$filter").and_then(filtered_location);
    let regions = region::all()
        .map(|(name, _)| name)
        .filter(|name| wanted.as_deref().is_none_or(|wanted| wanted == *name));
    let values: Vec<Value> = regions
        .flat_map(|region| all().map(move |size| sku(size, region)))
        .collect();
    // The service sends all of them on very few pages.
    Ok(envelope::page(call.request, &values, parts.engine.page_size.max(1000)))
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
    let values: Vec<Value> = all()
        .map(|size| {
            json!({
                "name": size.name,
                "numberOfCores": size.cores,
                "osDiskSizeInMB": 1_047_552,
                "resourceDiskSizeInMB": size.temporary_mb,
                "memoryInMB": size.memory_mb,
                "maxDataDiskCount": size.data_disks,
            })
        })
        .collect();
    edit::set(&mut body, &["value"], Value::Array(values));
    Ok(Response::json(StatusCode::OK, &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_found_by_name_in_any_case() {
        for (name, family, cores, generations, architecture) in [
            ("STANDARD_D4S_V5", "standardDSv5Family", 4, "V1,V2", "x64"),
            ("standard_a1_v2", "standardAv2Family", 1, "V1", "x64"),
            ("Standard_D3_v2", "standardDv2Family", 4, "V1", "x64"),
            ("Standard_D8ps_v5", "standardDPSv5Family", 8, "V2", "Arm64"),
            ("Standard_F16s_v2", "standardFSv2Family", 16, "V1,V2", "x64"),
            ("Standard_DC4as_v5", "standardDCASv5Family", 4, "V2", "x64"),
        ] {
            let size = find(name).unwrap();
            assert_eq!(
                (size.family, size.cores, size.generations, size.architecture),
                (family, cores, generations, architecture),
                "{name}"
            );
        }
        assert_eq!(find("Standard_D5s_v5"), None);
    }

    #[test]
    fn no_name_stands_for_two_sizes() {
        let mut names: Vec<&str> = all().map(|size| size.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// Figures of Azure's size pages: memory, temporary disk, data disks, premium, ephemeral.
    #[test]
    fn capabilities_are_those_of_the_size_pages() {
        for (name, figures) in [
            ("Standard_A2_v2", ["4", "20480", "4", "False", "False"]),
            ("Standard_D1_v2", ["3.5", "51200", "4", "False", "False"]),
            ("Standard_DS3_v2", ["14", "28672", "16", "True", "True"]),
            ("Standard_D4s_v5", ["16", "0", "8", "True", "False"]),
            ("Standard_D16ds_v5", ["64", "614400", "32", "True", "True"]),
            ("Standard_E4ds_v5", ["32", "153600", "8", "True", "True"]),
            ("Standard_D2ds_v6", ["8", "112640", "8", "True", "True"]),
            ("Standard_D96s_v6", ["384", "0", "64", "True", "False"]),
        ] {
            let capabilities = find(name).unwrap().capabilities();
            let value = |wanted: &str| {
                let found = capabilities.iter().find(|one| one["name"] == wanted).unwrap();
                found["value"].as_str().unwrap().to_owned()
            };
            let names = [
                "MemoryGB",
                "MaxResourceVolumeMB",
                "MaxDataDiskCount",
                "PremiumIO",
                "EphemeralOSDiskSupported",
            ];
            assert_eq!(names.map(value), figures, "{name}");
        }
    }
}
