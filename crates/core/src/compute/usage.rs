//! How many cores a subscription may use in a region, and how many it does.
//!
//! Which of them a pool needs is not known here.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{Location, SubscriptionId},
    json,
    request::Request,
};

/// The name of all cores of a region.
pub const ALL_CORES: &str = "cores";

/// The name of all spot cores of a region.
pub const SPOT_CORES: &str = "lowPriorityCores";

/// One usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// A family's name, or one of the two above.
    pub name: String,
    /// How many there may be.
    pub limit: u64,
    /// How many there are.
    pub current: u64,
}

impl Usage {
    /// Reads one item of the list.
    #[must_use]
    pub fn read(item: &Value) -> Self {
        let number = |pointer| json::number(item, pointer).unwrap_or_default();
        Self {
            name: json::text(item, "/name/value").unwrap_or_default().to_owned(),
            limit: number("/limit"),
            current: number("/currentValue"),
        }
    }
}

/// The request for the usages of a region.
#[must_use]
pub fn list(subscription: &SubscriptionId, location: &Location) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/usages"),
        Api::Machines,
        format!("read how many cores subscription {subscription} uses in {location}"),
    )
}
