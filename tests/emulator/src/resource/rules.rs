//! Rules that writes of every kind of resource share: a body, a region, one write at a time.
//!
//! What else a kind demands is with its provider.

use http::Method;
use serde_json::Value;

use super::table::{Item, Table};
use crate::{
    call::Call,
    envelope::{ArmError, ArmPath},
    json as edit, region,
};

/// The body of a write, which must be a JSON object.
pub(crate) fn write_body(call: &Call<'_>) -> Result<Value, ArmError> {
    call.request.json().filter(Value::is_object).ok_or_else(|| {
        ArmError::bad_request(
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized.",
        )
    })
}

/// The region of a new resource, normalised.
pub(crate) fn required_location(body: &Value) -> Result<String, ArmError> {
    let location = edit::text(body, "/location").ok_or_else(|| {
        ArmError::bad_request(
            "LocationRequired",
            "The location property is required for this definition.",
        )
    })?;
    if region::display_name(location).is_none() {
        let message = format!("The provided location '{location}' is not available for this resource type.");
        return Err(ArmError::bad_request("LocationNotAvailableForResourceType", message));
    }
    Ok(region::normalise(location))
}

/// The body of a `PUT` or `PATCH` of a resource that is there, and the resource: one write at a time, and a `PUT` stays in
/// its region. `missing` says that there is none.
pub(crate) fn changed<'a, F>(
    table: &'a Table<F>,
    call: &Call<'_>,
    path: &ArmPath,
    missing: impl FnOnce(&ArmPath) -> ArmError,
) -> Result<(Value, &'a Item<F>), ArmError> {
    let body = write_body(call)?;
    let item = table.find(&path.key()).ok_or_else(|| missing(path))?;
    require_idle(item)?;
    if call.request.method == Method::PUT {
        require_same_location(item, path, &required_location(&body)?)?;
    }
    Ok((body, item))
}

/// Refuses a PUT that names another region than the resource has.
pub(crate) fn require_same_location<F>(item: &Item<F>, path: &ArmPath, location: &str) -> Result<(), ArmError> {
    if item.location() == location {
        return Ok(());
    }
    let message = format!(
        "The resource '{}' already exists in location '{}' in resource group '{}'. A resource with the same name \
         cannot be created in location '{location}'. Please select a new resource name.",
        item.name(),
        item.location(),
        path.group()
    );
    Err(ArmError::conflict("InvalidResourceLocation", message))
}

/// Refuses a write while another one is running.
pub(crate) fn require_idle<F>(item: &Item<F>) -> Result<(), ArmError> {
    if !item.is_busy() {
        return Ok(());
    }
    let message = format!(
        "The resource '{}' is in provisioning state '{}'. Another operation is in progress; retry when it is over.",
        item.id,
        item.provisioning_state()
    );
    Err(ArmError::conflict("Conflict", message))
}
