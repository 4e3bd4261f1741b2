//! Subscriptions that this identity can see.

use http::Method;
use serde_json::Value;

use crate::{api::Api, ids::SubscriptionId, json, request::Request};

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// What people call it.
    pub name: String,
}

impl Subscription {
    /// Reads one item of the list; nothing when it has no usable id.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        Some(Self {
            id: json::text(item, "/subscriptionId")?.parse().ok()?,
            name: json::text(item, "/displayName").unwrap_or_default().to_owned(),
        })
    }
}

/// The request for all of them. A subscription in which the identity has no role is not in the list.
#[must_use]
pub fn list() -> Request {
    Request::arm(
        Method::GET,
        "/subscriptions",
        Api::Subscriptions,
        "list the subscriptions in sight",
    )
}

/// The request for one of them.
#[must_use]
pub fn get(id: &SubscriptionId) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{id}"),
        Api::Subscriptions,
        format!("read the tenant of subscription {id}"),
    )
}

/// The tenant that a subscription belongs to, from its body.
#[must_use]
pub fn tenant(body: &Value) -> Option<&str> {
    json::text(body, "/tenantId").filter(|tenant| !tenant.is_empty())
}

/// The request for the regions that a subscription may use.
#[must_use]
pub fn locations(id: &SubscriptionId) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{id}/locations"),
        Api::Subscriptions,
        format!("list the regions of subscription {id}"),
    )
}
