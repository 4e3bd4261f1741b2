//! Usages: how many cores of each family a subscription may use in a region, and how many it does.
//!
//! Making or starting a machine that would use more is refused. Batch has quotas of its own.

use http::Method;
use serde_json::{Value, json};

use super::{
    size::{self, VmSize},
    state::Compute,
    vm::facts::VmFacts,
};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{self, Answer, ArmError, ArmPath, unsupported},
    region,
    resource::Item,
};

/// The limit of a family that no quota names: what a new subscription often has.
const DEFAULT_LIMIT: u64 = 100;

/// How a budget of cores stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    limit: u64,
    used: u64,
}

/// `GET …/locations/{location}/usages`.
pub(super) fn list(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    if call.request.method != Method::GET {
        return Err(unsupported(call.request));
    }
    let location = region::normalise(path.name());
    if region::display_name(&location).is_none() {
        let message = format!(
            "No registered resource provider found for location '{}' and API version '{}' for type 'locations/usages'.",
            path.name(),
            call.request.query("api-version").unwrap_or_default()
        );
        return Err(ArmError::bad_request("NoRegisteredProviderFound", message));
    }
    let mut names: Vec<&str> = vec!["cores", "lowPriorityCores"];
    for size in size::all() {
        if !names.contains(&size.family) {
            names.push(size.family);
        }
    }
    let values: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let standing = standing(parts.compute, &path.subscription, &location, name);
            json!({
                "unit": "Count",
                "currentValue": standing.used,
                "limit": standing.limit,
                "name": {"value": name, "localizedValue": localized(name)},
            })
        })
        .collect();
    Ok(envelope::page(call.request, &values, parts.engine.page_size))
}

/// Refuses cores that would be too many for their family or for the region.
pub(super) fn require_cores(
    compute: &Compute,
    subscription: &str,
    location: &str,
    size: &VmSize,
) -> Result<(), ArmError> {
    for (name, words) in [(size.family, size.family), ("cores", "Total Regional")] {
        let Standing { limit, used } = standing(compute, subscription, location, name);
        let needed = used + u64::from(size.cores);
        if needed > limit {
            let message = format!(
                "Operation could not be completed as it results in exceeding approved {words} Cores quota. Additional \
                 details - Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, Current \
                 Usage: {used}, Additional Required: {}, (Minimum) New Limit Required: {needed}.",
                size.cores
            );
            return Err(ArmError::conflict("OperationNotAllowed", message));
        }
    }
    Ok(())
}

/// The size of a machine as its body names it; `None` for one that is not in the table.
pub(super) fn size_of(vm: &Item<VmFacts>) -> Option<&'static VmSize> {
    let name = vm.property("/hardwareProfile/vmSize")?;
    size::all().find(|size| size.name.eq_ignore_ascii_case(name))
}

fn standing(compute: &Compute, subscription: &str, location: &str, name: &str) -> Standing {
    let quota = compute
        .quotas
        .iter()
        .find(|quota| region::normalise(&quota.location) == location && quota.name.eq_ignore_ascii_case(name));
    let (limit, elsewhere) = quota.map_or((DEFAULT_LIMIT, 0), |quota| (quota.limit, quota.current_value));
    let prefix = format!("/subscriptions/{subscription}/").to_lowercase();
    let here: u64 = compute
        .vms
        .iter()
        .filter(|vm| vm.facts.has_host() && vm.location() == location && vm.id.to_lowercase().starts_with(&prefix))
        .filter_map(size_of)
        .filter(|size| name == "cores" || name == size.family)
        .map(|size| u64::from(size.cores))
        .sum();
    Standing {
        limit,
        used: elsewhere + here,
    }
}

fn localized(name: &str) -> String {
    match name {
        "cores" => "Total Regional vCPUs".to_owned(),
        "lowPriorityCores" => "Total Regional Spot vCPUs".to_owned(),
        family => {
            let inner = family.trim_start_matches("standard").trim_end_matches("Family");
            format!("Standard {inner} Family vCPUs")
        }
    }
}
