//! User-assigned managed identities as the resource manager shows them: made, listed and removed at once.
//!
//! Nothing signs in with them here; the identity of a machine is in `entra`. Whether there is an identity that a pool names is not
//! looked at.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    call::Call,
    envelope::{self, Answer, ArmError, ArmPath, unsupported},
    http::Response,
    ids::IdSource,
    json as edit,
    resource::{Item, Table, required_location, write_body},
};

/// The type of every resource here.
const TYPE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// Everything the provider knows.
#[derive(Debug, Default)]
pub struct Identities {
    identities: Table<()>,
}

/// What the provider answers with.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) identities: &'a mut Identities,
    pub(crate) ids: &'a mut IdSource,
    /// The tenant of the path's subscription.
    pub(crate) tenant: String,
    pub(crate) page_size: usize,
}

impl Identities {
    /// Removes everything in a resource group, given by its lower-case id.
    pub(crate) fn remove_group(&mut self, group: &str) {
        self.identities.remove_below(&format!("{group}/"));
    }

    /// Every identity.
    pub(crate) fn views(&self) -> Vec<Value> {
        self.identities.iter().map(view).collect()
    }
}

impl Parts<'_> {
    /// Puts an identity into a group.
    pub(crate) fn plant(&mut self, group: &str, name: &str, location: &str) {
        let id = format!("{group}/providers/{TYPE}/{name}");
        let properties = self.fresh();
        let body = json!({"location": location, "properties": properties});
        self.identities.identities.insert(Item::new(id, body, ()));
    }

    /// What a new identity is called in Entra.
    fn fresh(&mut self) -> Value {
        json!({"tenantId": self.tenant, "principalId": self.ids.guid(), "clientId": self.ids.guid()})
    }
}

/// Answers a request under `Microsoft.ManagedIdentity`.
pub(crate) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    match (&call.request.method, path.kind().as_str(), path.action().as_str()) {
        (&Method::GET, "", "userassignedidentities") => Ok(list(parts, call, path)),
        (method, "userassignedidentities", "") => on_identity(parts, call, (method, path)),
        _ => Err(unsupported(call.request)),
    }
}

fn on_identity(parts: &mut Parts<'_>, call: &Call<'_>, (method, path): (&Method, &ArmPath)) -> Answer {
    let is_there = parts.identities.identities.find(&path.key()).is_some();
    let status = match (method, is_there) {
        (&Method::GET, _) => StatusCode::OK,
        (&Method::PUT, _) => {
            make(parts, path, write_body(call)?)?;
            if is_there { StatusCode::OK } else { StatusCode::CREATED }
        }
        (&Method::DELETE, true) => {
            parts.identities.identities.remove(&path.key());
            return Ok(Response::empty(StatusCode::OK));
        }
        (&Method::DELETE, false) => return Ok(Response::empty(StatusCode::NO_CONTENT)),
        _ => return Err(unsupported(call.request)),
    };
    let found = parts.identities.identities.find(&path.key());
    let found = found.ok_or_else(|| ArmError::resource_not_found(&path.kind_and_name(), path.group()))?;
    Ok(Response::json(status, &view(found)))
}

/// Makes an identity or changes its tags; what it is called in Entra stays.
fn make(parts: &mut Parts<'_>, path: &ArmPath, mut body: Value) -> Result<(), ArmError> {
    let location = required_location(&body)?;
    edit::set(&mut body, &["location"], json!(location));
    let properties = match parts.identities.identities.find(&path.key()) {
        Some(known) => known.body.get("properties").cloned().unwrap_or_default(),
        None => parts.fresh(),
    };
    edit::set(&mut body, &["properties"], properties);
    parts.identities.identities.insert(Item::new(path.id(), body, ()));
    Ok(())
}

fn list(parts: &Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Response {
    let scope = ArmPath {
        namespace: None,
        tail: None,
        ..path.clone()
    };
    let prefix = format!("{}/", scope.key());
    let mut views = parts.identities.views();
    views.retain(|view| edit::text(view, "/id").is_some_and(|id| id.to_lowercase().starts_with(&prefix)));
    envelope::page(call.request, &views, parts.page_size)
}

/// The provider's resources show no provisioning state.
fn view(item: &Item<()>) -> Value {
    let mut view = json!({"id": item.id, "name": item.name(), "type": TYPE});
    edit::merge(&mut view, item.body.clone());
    view
}
