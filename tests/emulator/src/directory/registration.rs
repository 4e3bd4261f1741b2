//! Whether a subscription may use a provider.
//!
//! Registering and showing it is `arm::provider`'s.

use jiff::Timestamp;

/// How a provider stands in a subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Registration {
    /// Not registered.
    Not,
    /// Registered from that time on.
    Since(Timestamp),
}

impl Registration {
    /// Whether the provider may be used at that time.
    pub(crate) fn is_good(self, now: Timestamp) -> bool {
        matches!(self, Self::Since(ready) if ready <= now)
    }
}

pub(crate) fn key(subscription: &str, namespace: &str) -> String {
    format!("{subscription}/{namespace}").to_lowercase()
}
