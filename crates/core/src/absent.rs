//! What is said of a resource group, a subscription or a pool that is not there, and which name is near. Pure.
//!
//! Who asked for it names the option; what else is missing is said where it is read.

use crate::{
    error::{Error, ErrorKind},
    ids::{PoolId, SubscriptionId, resource::ResourceGroupId},
    options::{Opt, pool::POOL_ID},
    typing::{Command, az},
    words,
    words::Part,
};

/// A name that differs from the one asked for in more than this share of its letters is another name, not a slip.
const FAR: f64 = 0.4;

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

/// The error for a pool that its account does not have, with the one of a near name among those that are there.
#[must_use]
pub fn pool<'a>(id: &PoolId, there: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::new(ErrorKind::BadInput, format!("there is no pool {id} in the account"));
    error.with_hint(match nearest(id.as_str(), there) {
        Some(near) => words![
            "if the nearest id is meant, run again with ",
            Part::set(POOL_ID, near),
            "; else check the account"
        ],
        None => words!["check the pool's id and the account"],
    })
}

/// The name with the fewest letters to change; nothing when all are quite different.
#[must_use]
pub fn nearest<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let asked = asked.to_ascii_lowercase();
    let near = |name: &str| strsim::normalized_damerau_levenshtein(&asked, &name.to_ascii_lowercase());
    names
        .map(|name| (near(name), name))
        .filter(|(likeness, _)| *likeness >= 1.0 - FAR)
        .max_by(|(one, name), (other, another)| one.total_cmp(other).then_with(|| name.cmp(another)))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_away_and_not_another_name() {
        let sizes = [
            "Standard_D4s_v5",
            "Standard_D48s_v5",
            "Standard_E4s_v5",
            "Standard_D4s_v4",
        ];
        let near = |asked| nearest(asked, sizes.into_iter());
        assert_eq!(near("standard_d4s_v99"), Some("Standard_D4s_v5"));
        assert_eq!(near("Standard_D4s_5"), Some("Standard_D4s_v5"));
        assert_eq!(near("Standrad_E4s_v5"), Some("Standard_E4s_v5"));
        assert_eq!(near("t3.micro"), None);
    }
}
