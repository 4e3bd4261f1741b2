//! Galleries.
//!
//! Sharing is stored and shown; what others see of it is in `shared`.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{kind::Kind, name, soft_delete, state::canonical_id, state::missing};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    operation::Form,
    resource::{self, Beginning, Doing, Item, changed, required_location, write_body},
};

/// Everything on a gallery's own path.
pub(super) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.galleries.find(&path.key());
    match (&call.request.method, item) {
        (&Method::GET, Some(item)) => Ok(Response::json(StatusCode::OK, &item.view(&Kind::Gallery.type_name()))),
        (&Method::PUT, None) => create(parts, call, path),
        (&Method::PUT | &Method::PATCH, Some(_)) => update(parts, call, path),
        (&Method::DELETE, _) => {
            if parts.compute.definitions.has_children_of(&path.key())
                || parts.compute.soft_deleted.has_children_of(&path.key())
            {
                return Err(nested_resources());
            }
            let seconds = parts.engine.timing.seconds.delete;
            Ok(resource::delete(
                &mut parts.compute.galleries,
                parts.engine,
                call,
                path,
                (Form::Gallery, seconds),
            ))
        }
        (&(Method::GET | Method::PATCH), None) => Err(missing(path)),
        _ => Err(unsupported(call.request)),
    }
}

/// The refusal to delete what still has something in it.
pub(super) fn nested_resources() -> ArmError {
    ArmError::conflict(
        "CannotDeleteResource",
        "Can not delete resource before nested resources are deleted.",
    )
}

/// A gallery's identifier, unique in Azure.
pub(crate) fn unique_name(subscription: &str, name: &str) -> String {
    format!("{subscription}-{}", name.to_uppercase())
}

fn create(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let mut body = write_body(call)?;
    let location = required_location(&body)?;
    name::check(name::Rule::Gallery, path.name())?;
    edit::set(&mut body, &["location"], json!(location));
    soft_delete::complete_policy(&mut body);
    let identifier = unique_name(&path.subscription, path.name());
    edit::set(
        &mut body,
        &["properties", "identifier", "uniqueName"],
        json!(identifier),
    );
    let item = Item::new(canonical_id(path), body, ());
    Ok(write(parts, call, path, item, Doing::Creating))
}

fn update(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (body, item) = changed(&parts.compute.galleries, call, path, missing)?;
    let mut item = item.clone();
    let mut kept = body;
    edit::remove(&mut kept, "", "location");
    edit::remove(&mut kept, "/properties", "identifier");
    if kept.get("tags").is_some() {
        edit::remove(&mut item.body, "", "tags");
    }
    edit::merge(&mut item.body, kept);
    soft_delete::complete_policy(&mut item.body);
    Ok(write(parts, call, path, item, Doing::Updating))
}

fn write(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, mut item: Item<()>, doing: Doing) -> Response {
    let seconds = &parts.engine.timing.seconds;
    let (seconds, status) = match doing {
        Doing::Creating => (seconds.gallery, StatusCode::CREATED),
        Doing::Updating | Doing::Deleting => (seconds.update, StatusCode::OK),
    };
    let beginning = Beginning::new(parts.engine, doing, (Form::Gallery, seconds));
    let started = resource::begin(parts.engine, call, path, &mut item, beginning);
    let shown: Value = item.view(&Kind::Gallery.type_name());
    parts.compute.galleries.insert(item);
    started.announce(Response::json(status, &shown))
}
