//! Subscriptions that this identity can see.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{Location, SubscriptionId},
    json,
    request::Request,
};

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// What people call it.
    pub name: String,
}

/// A region that a subscription lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub location: Location,
    /// Whether it holds resources.
    pub kind: RegionKind,
}

/// Whether a region holds resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    /// It does. So is one of a kind that we do not know.
    Physical,
    /// A name for several regions, such as `france`: it holds none.
    Logical,
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

impl Region {
    /// Reads one item of the list; nothing when it has no usable name.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let kind = json::text(item, "/metadata/regionType").unwrap_or_default();
        Some(Self {
            location: json::text(item, "/name")?.parse().ok()?,
            kind: match kind.eq_ignore_ascii_case("Logical") {
                true => RegionKind::Logical,
                false => RegionKind::Physical,
            },
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
