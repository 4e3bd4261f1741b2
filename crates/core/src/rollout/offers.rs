//! Whether Batch offers the VM size that a new pool asks for, and what is offered in place of a size, a node agent or an
//! image version that is not there. Pure.
//!
//! It knows no list of its own: what there is, the service says.

use std::collections::BTreeSet;

use super::explain::At;
use crate::{
    absent::nearest,
    batch::{
        account::Account,
        size::SizeOffer,
        supported::{AgentFault, Supported, is_of_other_system},
    },
    error::{Error, ErrorKind},
    ids::{VersionNumber, resource::ImageVersionId},
    options::pool::{IMAGE_VERSION, NODE_AGENT_SKU_ID, POOL_JSON, VM_SIZE},
    settings::RolloutSettings,
    typing::{Command, az},
    words,
    words::Part,
};

/// So many of a definition's versions are named.
const NUMBERS: usize = 8;

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
    let command = at.az_with(
        az::VM_SIZES,
        &[
            ("subscription", account.id.group().subscription()),
            ("location", location.as_str()),
        ],
    );
    Some(match nearest(asked, offered.iter().map(|size| size.name.as_str())) {
        Some(name) => error
            .with_next(
                words![
                    "if the nearest name is meant, run again with ",
                    Part::set(VM_SIZE, name)
                ],
                None,
            )
            .with_next("to list all sizes that the region offers", command),
        None => error.with_next(
            "run again with one of the sizes that the region offers; to list them",
            command,
        ),
    })
}

/// The error for a version that its definition does not have. `has` is what it has, the newest first, where that may be
/// listed.
pub(super) fn missing_version(id: &ImageVersionId, has: Option<Vec<VersionNumber>>) -> Error {
    let (definition, number) = (id.definition(), id.name());
    let gallery = definition.gallery();
    let (name, group) = (definition.name(), gallery.group());
    let place = format!("gallery {} of {}", gallery.name(), group.in_words());
    let error = Error::plain(
        ErrorKind::BadInput,
        format!("there is no image version {name} {number}"),
    )
    .with_kept("nothing was changed");
    let Some(has) = has else {
        let values = [
            ("subscription", group.subscription()),
            ("group", group.name()),
            ("gallery", gallery.name()),
            ("definition", name),
        ];
        let then = words![
            "then give one of them in ",
            IMAGE_VERSION,
            format!(", or publish {number} first")
        ];
        return error
            .with_fact(format!("{place} has no version of that number"))
            .with_next(
                "to list the versions of the definition",
                Command::new(az::IMAGE_VERSIONS, &values),
            )
            .with_next(then, None);
    };
    let newest: Vec<String> = has.iter().take(NUMBERS).map(ToString::to_string).collect();
    match has.first() {
        None => error
            .with_fact(format!("definition {name} in {place} has no version at all"))
            .with_next(format!("publish {number} first"), None),
        Some(newest_of_all) => error
            .with_fact(match has.len() - newest.len() {
                0 => format!("definition {name} in {place} has {}", newest.join(", ")),
                more => format!(
                    "definition {name} in {place} has {} and {more} older ones",
                    newest.join(", ")
                ),
            })
            .with_next(
                words![
                    format!("run again with {newest_of_all}, or another of these, in place of {number} in "),
                    IMAGE_VERSION,
                    format!("; or publish {number} first")
                ],
                None,
            ),
    }
}

/// The error of a node agent with what Batch has in its place.
pub(super) fn with_agents(error: Error, at: At<'_>, (agent, fault): (&str, &AgentFault), list: &[Supported]) -> Error {
    let error = error.with_kept("nothing was changed");
    if let AgentFault::OfAnotherImage { base, right } = fault {
        let error = error.with_fact(format!("the image was made of {base}, and Batch has {right:?} for it"));
        return error.with_next(words!["run again with ", Part::set(NODE_AGENT_SKU_ID, right)], None);
    }
    let fits = |agent: &&str| match fault {
        AgentFault::OfAnotherSystem { system } => !is_of_other_system(agent, system),
        _ => true,
    };
    let names: BTreeSet<&str> = list.iter().map(|known| known.agent.as_str()).filter(fits).collect();
    let error = match fault {
        AgentFault::OfAnotherSystem { system } => {
            error.with_fact(format!("the image definition has the osType {system}"))
        }
        _ => error,
    };
    let listed = names.iter().map(|name| format!("{name:?}"));
    let error = match names.len() {
        0 => error,
        _ => error.with_fact(format!("Batch has {}", listed.collect::<Vec<String>>().join(", "))),
    };
    let is_known = list.iter().any(|known| known.agent.eq_ignore_ascii_case(agent));
    let such = match nearest(agent, names.into_iter()).filter(|_| !is_known) {
        Some(name) => format!(" (nearest in spelling only: {name:?})"),
        None => String::new(),
    };
    let text = format!("run again with that of the operating system in the image{such}; which system each is for");
    error.with_next(text, at.az(az::NODE_AGENTS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{failure::Failure, options::Door};

    #[test]
    fn a_missing_version_is_told_with_those_that_are_there() {
        let id: ImageVersionId = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/ubuntu/versions/9.9.9".parse().unwrap();
        let told = |has: Option<&[&str]>| {
            let has = has.map(|has| has.iter().map(|number| number.parse().unwrap()).collect());
            let text = Failure::of(&missing_version(&id, has), Door::Flag).complaint(100);
            text.split_whitespace().collect::<Vec<&str>>().join(" ")
        };
        let some = told(Some(&["1.10.0", "1.9.0", "1.0.0"]));
        assert!(
            some.contains("Definition ubuntu in gallery g of resource group rg"),
            "{some}"
        );
        assert!(some.contains("has 1.10.0, 1.9.0, 1.0.0."), "{some}");
        assert!(
            some.contains("Run again with 1.10.0, or another of these, in place of 9.9.9 in --image-version"),
            "{some}"
        );
        let many: Vec<String> = (0..12).rev().map(|number| format!("1.0.{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(
            told(Some(&many)).contains("1.0.4 and 4 older ones."),
            "{}",
            told(Some(&many))
        );
        assert!(told(Some(&[])).contains("has no version at all"));
        assert!(told(None).contains("az sig image-version list"), "{}", told(None));
    }
}
