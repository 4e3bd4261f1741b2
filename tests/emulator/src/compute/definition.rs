//! Gallery image definitions: what every version in them is.
//!
//! Whether a version fits its definition is checked where versions are made.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{feature, gallery, kind::Kind, name, state::canonical_id, state::missing, state::require_parent};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    operation::Form,
    resource::{self, Beginning, Doing, Item, changed, required_location, write_body},
};

/// From this api-version on a new V2 definition without a `SecurityType` supports Trusted Launch.
const TRUSTED_LAUNCH_SINCE: &str = "2025-03-03";

/// What cannot change, under `properties`.
const IMMUTABLE: [&str; 10] = [
    "osType",
    "osState",
    "hyperVGeneration",
    "architecture",
    "identifier/publisher",
    "identifier/offer",
    "identifier/sku",
    "purchasePlan/name",
    "purchasePlan/publisher",
    "purchasePlan/product",
];

/// Everything on a definition's own path.
pub(super) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.definitions.find(&path.key());
    match (&call.request.method, item) {
        (&Method::GET, Some(item)) => Ok(Response::json(
            StatusCode::OK,
            &item.view(&Kind::Definition.type_name()),
        )),
        (&Method::PUT, None) => create(parts, call, path),
        (&Method::PUT | &Method::PATCH, Some(_)) => update(parts, call, path),
        (&Method::DELETE, _) => {
            if parts.compute.versions.has_children_of(&path.key())
                || parts.compute.soft_deleted.has_children_of(&path.key())
            {
                return Err(gallery::nested_resources());
            }
            let seconds = parts.engine.timing.seconds.delete;
            Ok(resource::delete(
                &mut parts.compute.definitions,
                parts.engine,
                call,
                path,
                (Form::Gallery, seconds),
            ))
        }
        (&(Method::GET | Method::PATCH), None) => {
            path.parent().map_or(Ok(()), |parent| require_parent(parts, &parent))?;
            Err(missing(path))
        }
        _ => Err(unsupported(call.request)),
    }
}

/// Checks a new definition and fills in what the service does.
pub(crate) fn complete(body: &mut Value, api_version: &str) -> Result<(), ArmError> {
    for required in [
        "osType",
        "osState",
        "identifier/publisher",
        "identifier/offer",
        "identifier/sku",
    ] {
        if edit::text(body, &format!("/properties/{required}")).is_none() {
            let target = format!("galleryImage.properties.{}", required.replace('/', "."));
            let message = format!("Required parameter '{target}' is missing (null).");
            return Err(ArmError::invalid_parameter(&target, message));
        }
    }
    let sent = std::mem::replace(
        body,
        json!({"properties": {"hyperVGeneration": "V1", "architecture": "x64"}}),
    );
    edit::merge(body, sent);
    let is_v2 = edit::text(body, "/properties/hyperVGeneration") == Some("V2");
    let security = feature::of(body, "SecurityType").map(str::to_owned);
    if !is_v2 && security.as_deref().is_some_and(|value| value != "Standard") {
        let message = "The feature 'SecurityType' is only supported for images of Hyper-V generation V2.";
        return Err(ArmError::invalid_parameter("galleryImage.properties.features", message));
    }
    if is_v2 && security.is_none() && api_version >= TRUSTED_LAUNCH_SINCE {
        let mut features = edit::list(body, "/properties/features").to_vec();
        features.push(json!({"name": "SecurityType", "value": "TrustedLaunchSupported"}));
        edit::set(body, &["properties", "features"], Value::Array(features));
    }
    Ok(())
}

fn create(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let mut body = write_body(call)?;
    let location = required_location(&body)?;
    name::check(name::Rule::Definition, path.name())?;
    let parent = path.parent().ok_or_else(|| missing(path))?;
    require_parent(parts, &parent)?;
    let gallery = parts
        .compute
        .galleries
        .find(&parent.key())
        .ok_or_else(|| missing(&parent))?;
    if gallery.location() != location {
        let message = format!(
            "The resource with id '{}' has a different location ['{location}'] than its parent resource ['{}'].",
            path.id(),
            gallery.location()
        );
        return Err(ArmError::bad_request("InvalidParameter", message));
    }
    edit::set(&mut body, &["location"], json!(location));
    complete(&mut body, call.request.query("api-version").unwrap_or_default())?;
    require_own_identifier(parts, path, &body)?;
    let item = Item::new(canonical_id(path), body, ());
    Ok(write(parts, call, path, item, Doing::Creating))
}

fn identifier(body: &Value) -> [String; 3] {
    ["publisher", "offer", "sku"].map(|part| {
        let text = edit::text(body, &format!("/properties/identifier/{part}"));
        text.unwrap_or_default().to_lowercase()
    })
}

/// The publisher, offer and SKU together are unique in a gallery.
fn require_own_identifier(parts: &Parts<'_>, path: &ArmPath, body: &Value) -> Result<(), ArmError> {
    let own = identifier(body);
    let gallery = path
        .parent()
        .map(|parent| format!("{}/", parent.key()))
        .unwrap_or_default();
    let other = parts
        .compute
        .definitions
        .iter()
        .find(|other| other.id.to_lowercase().starts_with(&gallery) && identifier(&other.body) == own);
    let Some(other) = other else { return Ok(()) };
    let [publisher, offer, sku] = own;
    let message = format!(
        "Gallery image '{}' identified by (publisher:'{publisher}', offer:'{offer}', sku:'{sku}') already exists. \
         Choose a different publisher, offer, sku combination.",
        other.name()
    );
    Err(ArmError::conflict("Conflict", message))
}

fn update(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (body, item) = changed(&parts.compute.definitions, call, path, missing)?;
    for field in IMMUTABLE {
        let pointer = format!("/{field}");
        let new = edit::text(&body, &format!("/properties{pointer}"));
        if new.is_some() && new != item.property(&pointer) {
            return Err(ArmError::property_change(&format!(
                "galleryImage.properties.{}",
                field.replace('/', ".")
            )));
        }
    }
    require_feature_permission(&item.body, &body)?;
    let mut item = item.clone();
    let mut kept = body;
    edit::remove(&mut kept, "", "location");
    if kept.get("tags").is_some() {
        edit::remove(&mut item.body, "", "tags");
    }
    edit::merge(&mut item.body, kept);
    Ok(write(parts, call, path, item, Doing::Updating))
}

/// Features change only in a request that says so.
fn require_feature_permission(old: &Value, new: &Value) -> Result<(), ArmError> {
    let permitted = new.pointer("/properties/allowUpdateImage").and_then(Value::as_bool) == Some(true);
    let changed = new.pointer("/properties/features").is_some()
        && edit::list(new, "/properties/features") != edit::list(old, "/properties/features");
    if changed && !permitted {
        return Err(ArmError::property_change("galleryImage.properties.features"));
    }
    Ok(())
}

fn write(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, mut item: Item<()>, doing: Doing) -> Response {
    let seconds = &parts.engine.timing.seconds;
    let (seconds, status) = match doing {
        Doing::Creating => (seconds.definition, StatusCode::CREATED),
        Doing::Updating | Doing::Deleting => (seconds.update, StatusCode::OK),
    };
    let beginning = Beginning::new(parts.engine, doing, (Form::Gallery, seconds));
    let started = resource::begin(parts.engine, call, path, &mut item, beginning);
    let shown: Value = item.view(&Kind::Definition.type_name());
    parts.compute.definitions.insert(item);
    started.announce(Response::json(status, &shown))
}
