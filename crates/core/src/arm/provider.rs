//! Resource providers: whether a subscription has registered one, and the request to do so.
//!
//! It waits for nothing.

use http::Method;
use serde_json::Value;

use crate::{api::Api, ids::SubscriptionId, json, request::Request};

/// The provider of Batch, which the image's subscription must have registered too.
pub const BATCH: &str = "Microsoft.Batch";

/// How far the registration of a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It is registered.
    Registered,
    /// It is under way.
    Registering,
    /// It is not, or ends.
    Missing,
}

impl Registration {
    /// Reads a provider's body. A word that is new to us counts as registered: the service has the last word.
    #[must_use]
    pub fn read(body: &Value) -> Self {
        match json::text(body, "/registrationState")
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "notregistered" | "unregistered" | "unregistering" => Self::Missing,
            "registering" => Self::Registering,
            _ => Self::Registered,
        }
    }
}

/// The request that reads a provider.
#[must_use]
pub fn get(subscription: &SubscriptionId, provider: &str) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/{provider}"),
        Api::Providers,
        format!("read whether {provider} is registered in subscription {subscription}"),
    )
}

/// The request that registers a provider. Registering twice does no harm.
#[must_use]
pub fn register(subscription: &SubscriptionId, provider: &str) -> Request {
    Request::arm(
        Method::POST,
        format!("/subscriptions/{subscription}/providers/{provider}/register"),
        Api::Providers,
        format!("register {provider} in subscription {subscription}"),
    )
}
