//! Microsoft.Network as far as a VM needs it: public addresses, interfaces, security groups, virtual networks.
//!
//! It routes no packet: every public address is the one that the emulator was given, and rules have no effect.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    call::Call,
    envelope::{self, Answer, ArmError, ArmPath, unsupported},
    http::Response,
    operation::{Form, Started},
    resource::{self, Beginning, Doing, Item, require_idle, require_same_location, required_location, write_body},
};

mod attachment;
mod body;
mod state;
mod view;

pub(crate) use body::reference_missing;
pub use state::Network;
pub(crate) use state::Parts;
use state::{Kind, canonical_id, missing};

/// Answers a request under `Microsoft.Network`.
pub(crate) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    match (Kind::parse(&path.kind()), path.action().as_str()) {
        (Some(kind), "") => on_resource(parts, call, path, kind),
        (Some(Kind::VirtualNetwork), "subnets") if call.request.method == Method::GET => {
            let item = parts.network.resources.find(&path.key());
            let shown = view::one(parts, item.ok_or_else(|| missing(path))?, Kind::VirtualNetwork);
            let subnets = crate::json::list(&shown, "/properties/subnets").to_vec();
            Ok(envelope::page(call.request, &subnets, parts.engine.page_size))
        }
        (None, action) if path.parts.is_empty() && call.request.method == Method::GET => {
            let kind = Kind::parse(action).ok_or_else(|| unsupported(call.request))?;
            envelope::Filter::refuse(call.request)?;
            Ok(list(parts, call, path, kind))
        }
        _ => Err(unsupported(call.request)),
    }
}

fn on_resource(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, kind: Kind) -> Answer {
    match (&call.request.method, parts.network.resources.find(&path.key())) {
        (&Method::GET, Some(item)) => Ok(Response::json(StatusCode::OK, &view::one(parts, item, kind))),
        (&Method::GET, None) => Err(missing(path)),
        (&Method::PUT, found) => {
            let status = if found.is_some() {
                StatusCode::OK
            } else {
                StatusCode::CREATED
            };
            let started = make(parts, call, path, write_body(call)?)?;
            let item = parts.network.resources.find(&path.key()).ok_or_else(|| missing(path))?;
            Ok(started.announce(Response::json(status, &view::one(parts, item, kind))))
        }
        (&Method::DELETE, found) => {
            if let Some(item) = found {
                attachment::require_free(parts, item, kind)?;
            }
            let change = (Form::Network, parts.engine.timing.seconds.update);
            let table = &mut parts.network.resources;
            Ok(resource::delete(table, parts.engine, call, path, change))
        }
        _ => Err(unsupported(call.request)),
    }
}

/// Makes or replaces the resource at `path`.
pub(crate) fn make(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    mut body: Value,
) -> Result<Started, ArmError> {
    let kind = Kind::of(path).ok_or_else(|| unsupported(call.request))?;
    let location = required_location(&body)?;
    let mut doing = Doing::Creating;
    if let Some(item) = parts.network.resources.find(&path.key()) {
        require_idle(item)?;
        require_same_location(item, path, &location)?;
        doing = Doing::Updating;
    }
    crate::json::set(&mut body, &["location"], json!(location));
    body::complete(parts, path, kind, &mut body)?;
    let mut item = Item::new(canonical_id(path, kind), body, ());
    let seconds = parts.engine.timing.seconds.update;
    let beginning = Beginning::new(parts.engine, doing, (Form::Network, seconds));
    let started = resource::begin(parts.engine, call, path, &mut item, beginning);
    parts.network.resources.insert(item);
    Ok(started)
}

fn list(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath, kind: Kind) -> Response {
    let scope = ArmPath {
        namespace: None,
        tail: None,
        ..path.clone()
    };
    let prefix = format!("{}/", scope.key());
    let values: Vec<Value> = parts
        .network
        .items(kind)
        .filter(|item| item.id.to_lowercase().starts_with(&prefix))
        .map(|item| view::one(parts, item, kind))
        .collect();
    envelope::page(call.request, &values, parts.engine.page_size)
}
