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

/// Of which pools the nodes are read one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Of those whose nodes may run different images.
    #[default]
    WhereTheyDiffer,
    /// Of all: one more request for 1,000 nodes of each pool.
    EveryNode,
}
