//! VM sizes: what they have, what images they can boot, and under which security types.
//!
//! One table for both planes, a selection of Azure's catalogue: with and without a temporary disk, first generation
//! only, second generation only, Arm64, confidential. Every region offers them all. Who may have how many is not here.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{self, Answer, ArmPath, unsupported},
    http::Response,
    json as edit, region,
};

mod table;
mod vm_size;

pub(crate) use vm_size::VmSize;

/// Every size, by family and number.
pub(crate) fn all() -> impl Iterator<Item = &'static VmSize> {
    table::SERIES.iter().flat_map(|series| series.iter())
}

/// The size of that name, in any case.
pub(crate) fn find(name: &str) -> Option<&'static VmSize> {
    all().find(|size| size.name.eq_ignore_ascii_case(name))
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
