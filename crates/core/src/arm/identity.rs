//! User-assigned managed identities, as far as a pool needs them: whether one is there, and in which tenant.
//!
//! It decides nothing and does not sign in.

use http::Method;
use serde_json::Value;

use crate::{api::Api, ids::resource::ManagedIdentityId, json, request::Request};

/// The request for an identity.
#[must_use]
pub fn get(id: &ManagedIdentityId) -> Request {
    let doing = format!("read managed identity {}", id.name());
    Request::arm(Method::GET, id, Api::Identities, doing)
}

/// The tenant that an identity belongs to, from its body.
#[must_use]
pub fn tenant(body: &Value) -> Option<&str> {
    json::text(body, "/properties/tenantId").filter(|tenant| !tenant.is_empty())
}
