//! Which Batch accounts a run looks at.

use super::AccountRef;
use crate::ids::SubscriptionId;

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All accounts of all subscriptions that this identity can see.
    Everything,
    /// All accounts of these subscriptions.
    Subscriptions(Vec<SubscriptionId>),
    /// These accounts.
    Accounts(Vec<AccountRef>),
}
