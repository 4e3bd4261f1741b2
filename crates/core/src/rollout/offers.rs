//! Whether Batch offers the VM size that a new pool asks for, and what is offered in place of a size or a node agent that it
//! has not. Pure.
//!
//! It knows no list of its own: what there is, the service says.

use super::explain::At;
use crate::{
    batch::{account::Account, size::SizeOffer, supported::Supported},
    error::{Error, ErrorKind},
    options::pool::{POOL_JSON, VM_SIZE},
    settings::RolloutSettings,
    typing::az,
    words,
};

/// A name that differs from the one asked for in more than this share of its letters is another name, not a slip.
const FAR: f64 = 0.4;

/// The error for a VM size that is not in the region's list.
pub(super) fn unknown_size(account: &Account, settings: &RolloutSettings, offered: &[SizeOffer]) -> Option<Error> {
    let (asked, place) = match &settings.pool.vm_size {
        Some(size) => (size.as_str(), words![VM_SIZE]),
        None => (
            settings.pool.json.get("vmSize")?.as_str()?,
            words![POOL_JSON, ".vmSize"],
        ),
    };
    // An empty list says nothing.
    if offered.is_empty() || offered.iter().any(|size| size.is_called(asked)) {
        return None;
    }
    let at = At {
        pool: &settings.pool.id,
        endpoint: &account.endpoint,
        account: Some(account),
    };
    let location = &account.location;
    let text = format!(": Batch does not offer the VM size {asked} in {location}");
    let error = Error::plain(ErrorKind::BadInput, place.followed_by(words![text])).with_kept("nothing was changed");
    let command = at.az_with(az::VM_SIZES, &[("location", location.as_str())]);
    Some(match nearest(asked, offered.iter().map(|size| size.name.as_str())) {
        Some(name) => error.with_next(
            format!("the nearest name is {name}: give that if it is meant; all sizes that the region offers"),
            command,
        ),
        None => error.with_next("give one of the sizes that the region offers", command),
    })
}

/// The error of a node agent with what Batch has in its place.
pub(super) fn with_agents(error: Error, at: At<'_>, agent: &str, list: &[Supported]) -> Error {
    let names = || list.iter().map(|known| known.agent.as_str());
    let is_known = names().any(|known| known.eq_ignore_ascii_case(agent));
    let such = match nearest(agent, names()).filter(|_| !is_known) {
        Some(name) => format!(" (nearest in spelling only: {name:?})"),
        None => String::new(),
    };
    let text = format!("give the node agent of the operating system in the image{such}; all that Batch has");
    error
        .with_kept("nothing was changed")
        .with_next(text, at.az(az::NODE_AGENTS))
}

/// The name with the fewest letters to change; nothing when all are quite different.
fn nearest<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
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
