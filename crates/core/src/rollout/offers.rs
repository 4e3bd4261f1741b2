//! Whether Batch offers the VM size and the node agent that a new pool asks for, and the nearest name when it does not.
//!
//! It knows no list of its own: what there is, the service says. What may not be read is a note and stops nothing.

use serde_json::Value;

use super::explain::At;
use crate::{
    batch::{
        account::Account,
        size::SizeOffer,
        supported::{self, Supported},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::BatchEndpoint,
    json,
    options::{
        Opt,
        pool::{NODE_AGENT_SKU_ID, POOL_JSON, VM_SIZE},
    },
    rights,
    settings::RolloutSettings,
    typing::az,
    words,
    words::Words,
};

/// A name that differs from the one asked for in more than this share of its letters is another name, not a slip.
const FAR: f64 = 0.4;

/// Where the name of a node agent stands in the pool JSON.
const AGENT_IN_JSON: &str = "virtualMachineConfiguration.nodeAgentSKUId";

/// A name that was asked for, and the option that it stands in.
#[derive(Debug)]
struct Asked<'a> {
    name: &'a str,
    place: Words,
}

impl<'a> Asked<'a> {
    /// The value of an option, else what the pool JSON has at that path.
    fn new(
        option: (&'static Opt, Option<&'a str>),
        (pool_json, path): (&'a serde_json::Map<String, Value>, &str),
    ) -> Option<Self> {
        if let (opt, Some(name)) = option {
            let place = words![opt];
            return Some(Self { name, place });
        }
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let value = pool_json.get(first)?;
        let name = match rest {
            "" => value.as_str()?,
            rest => json::text(value, &format!("/{rest}"))?,
        };
        Some(Self {
            name,
            place: words![POOL_JSON, format!(".{path}")],
        })
    }
}

/// The error for a VM size that is not in the region's list.
pub(super) fn unknown_size(account: &Account, settings: &RolloutSettings, offered: &[SizeOffer]) -> Option<Error> {
    let own = settings.pool.vm_size.as_ref().map(|size| size.as_str());
    let asked = Asked::new((VM_SIZE, own), (&settings.pool.json, "vmSize"))?;
    // An empty list says nothing.
    if offered.is_empty() || offered.iter().any(|size| size.is_called(asked.name)) {
        return None;
    }
    let at = At {
        pool: &settings.pool.id,
        endpoint: &account.endpoint,
        account: Some(account),
    };
    let location = &account.location;
    let names = offered.iter().map(|size| size.name.as_str());
    let error = unknown(
        &asked,
        &format!("Batch does not offer the VM size {} in {location}", asked.name),
        names,
    );
    let command = at.az_with(az::VM_SIZES, &[("location", location.as_str())]);
    Some(error.with_next("give one of the sizes that the region offers", command))
}

/// Checks that Batch has the node agent.
///
/// # Errors
/// `BadInput` when it has not, or the run ends.
pub(super) async fn check_agent(
    client: &Client,
    endpoint: &BatchEndpoint,
    settings: &RolloutSettings,
    skipped: &mut Vec<String>,
) -> Result<()> {
    let own = settings.pool.node_agent_sku.as_ref().map(|agent| agent.as_str());
    let Some(asked) = Asked::new((NODE_AGENT_SKU_ID, own), (&settings.pool.json, AGENT_IN_JSON)) else {
        return Ok(());
    };
    let listed = match client.list(&supported::list(endpoint)).await {
        Ok(listed) => listed,
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => return Err(error),
            ErrorKind::NoRights => {
                skipped.push(format!("the node agent: {}", rights::lack(&error)));
                return Ok(());
            }
            _ => {
                skipped.push(format!("the node agent: {error}"));
                return Ok(());
            }
        },
    };
    let supported: Vec<Supported> = listed.iter().map(Supported::read).collect();
    let is_known = supported
        .iter()
        .any(|known| known.agent.eq_ignore_ascii_case(asked.name));
    // An empty list says nothing.
    if is_known || supported.is_empty() {
        return Ok(());
    }
    let at = At {
        pool: &settings.pool.id,
        endpoint,
        account: None,
    };
    let names = supported.iter().map(|known| known.agent.as_str());
    let error = unknown(
        &asked,
        &format!("Batch does not know the node agent {}", asked.name),
        names,
    );
    Err(error
        .with_fact("it must be the agent of the operating system that is in the image")
        .with_next("give one of those that Batch knows", at.az(az::NODE_AGENTS)))
}

fn unknown<'a>(asked: &Asked<'_>, happened: &str, names: impl Iterator<Item = &'a str>) -> Error {
    let happened = asked.place.clone().followed_by(words![format!(": {happened}")]);
    let error = Error::plain(ErrorKind::BadInput, happened);
    let error = match nearest(asked.name, names) {
        Some(name) => error.with_fact(format!("is {name} meant? It is the nearest name in Batch's own list")),
        None => error,
    };
    error.with_kept("nothing was created")
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
