//! What is said of a resource group or a subscription that is not there. Pure.
//!
//! Who asked for it names the option; what else is missing is said where it is read.

use crate::{
    error::{Error, ErrorKind},
    ids::{SubscriptionId, resource::ResourceGroupId},
    options::Opt,
    typing::{Command, az},
    words,
};

/// ARM's code for whatever is read or written in a group that is not there.
const NO_GROUP: &str = "ResourceGroupNotFound";

/// ARM's code for whatever is read in a subscription that is not there.
const NO_SUBSCRIPTION: &str = "SubscriptionNotFound";

/// Whether Azure refused since the group is not there.
#[must_use]
pub fn is_of_group(refusal: &Error) -> bool {
    refusal.has_code(NO_GROUP)
}

/// Whether Azure refused since the subscription is not there, or in another tenant.
#[must_use]
pub fn is_of_subscription(refusal: &Error) -> bool {
    refusal.has_code(NO_SUBSCRIPTION)
}

/// The error for a group that is not there, which that option names.
#[must_use]
pub fn group(id: &ResourceGroupId, named_in: &'static Opt) -> Error {
    Error::plain(ErrorKind::BadInput, format!("there is no resource group {}", id.name()))
        .with_fact(format!(
            "subscription {} has no resource group of that name",
            id.subscription()
        ))
        .with_kept("nothing was changed")
        .with_next(
            "to list the resource groups of the subscription",
            Command::new(az::RESOURCE_GROUPS, &[("subscription", id.subscription())]),
        )
        .with_next(
            words!["then give one of them in ", named_in, ", or create it first"],
            None,
        )
}

/// The error for a subscription that is not there, which that option names.
#[must_use]
pub fn subscription(id: &SubscriptionId, named_in: &'static Opt) -> Error {
    Error::plain(ErrorKind::BadInput, format!("there is no subscription {id}"))
        .with_fact("the tenant that the run is signed in to has no subscription with that id")
        .with_kept("nothing was changed")
        .with_next(
            "to list the subscriptions that you are signed in to",
            Command::new(az::SUBSCRIPTIONS, &[]),
        )
        .with_next(words!["then give one of them in ", named_in], None)
}
