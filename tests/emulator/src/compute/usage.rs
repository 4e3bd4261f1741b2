//! Usages: how many cores of each family a subscription may use in a region, and how many it does.
//!
//! They are only reported; Batch has quotas of its own.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::size;
use crate::{
    arm::{self, Answer, ArmError, ArmPath},
    region, unsupported,
    world::{Call, World},
};

/// The limit of a family that no quota names: what a new subscription often has.
const DEFAULT_LIMIT: u64 = 100;

/// Quotas that a seed sets.
pub(crate) type Quotas = Vec<Quota>;

/// One quota of a region.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// The region in any spelling.
    pub location: String,
    /// A family such as `standardDSv5Family`, `cores` or `lowPriorityCores`.
    pub name: String,
    /// How many cores are allowed.
    pub limit: u64,
    /// How many are in use.
    #[serde(default)]
    pub current_value: u64,
}

/// `GET …/locations/{location}/usages`.
pub(super) fn list(world: &World, call: &Call<'_>, path: &ArmPath) -> Answer {
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
    let quota = |name: &str| {
        world
            .compute
            .quotas
            .iter()
            .find(|quota| region::normalise(&quota.location) == location && quota.name.eq_ignore_ascii_case(name))
    };
    let values: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let (limit, current) = quota(name).map_or((DEFAULT_LIMIT, 0), |quota| (quota.limit, quota.current_value));
            json!({
                "unit": "Count",
                "currentValue": current,
                "limit": limit,
                "name": {"value": name, "localizedValue": localized(name)},
            })
        })
        .collect();
    Ok(arm::page(call.request, &values, world.page_size))
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
