//! The VM sizes that Batch offers in a region: family, cores, and until when.
//!
//! How many of them an account may have is not known here.

use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{Location, SubscriptionId},
    json,
    request::Request,
};

/// One size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeOffer {
    /// Its name, such as `Standard_D4s_v5`.
    pub name: String,
    /// The family whose quota it uses, such as `standardDSv5Family`.
    pub family: String,
    /// Its cores; absent when the service does not say.
    pub cores: Option<u32>,
    /// When Batch ends its support; absent when no date is set.
    pub end_of_life: Option<Timestamp>,
}

impl SizeOffer {
    /// Reads one item of the list.
    #[must_use]
    pub fn read(item: &Value) -> Self {
        let text = |pointer| json::text(item, pointer).unwrap_or_default().to_owned();
        let capability = |name: &str| {
            json::items(item, "/capabilities")
                .find(|one| json::text(one, "/name").is_some_and(|own| own.eq_ignore_ascii_case(name)))
                .and_then(|one| json::text(one, "/value"))
        };
        Self {
            name: text("/name"),
            family: text("/familyName"),
            cores: capability("vCPUs").and_then(|value| value.parse().ok()),
            end_of_life: json::time(item, "/batchSupportEndOfLife"),
        }
    }

    /// Whether it has that name; names compare without case.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The request for the sizes of a region.
#[must_use]
pub fn list(subscription: &SubscriptionId, location: &Location) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/Microsoft.Batch/locations/{location}/virtualMachineSkus"),
        Api::BatchAccounts,
        format!("list the VM sizes that Batch offers in {location}"),
    )
}
