//! Whether the node agent that was asked for runs on the image: Batch has one for each image, and ends their support.
//!
//! What is wrong with an agent is decided in `batch::supported`. What may not be read is a note and stops nothing.

use jiff::Timestamp;

use super::{RolloutStep, explain::At, observe::Site, offers, spec};
use crate::{
    batch::{
        image::MarketplaceImage,
        supported::{self, AgentFault, Supported, Verification},
    },
    client::Client,
    error::{ErrorKind, Result},
    json,
    memory::OF_RUN,
    options::pool::NODE_AGENT_SKU_ID,
    plan::{About, Fact},
    rights,
    settings::{
        RolloutSettings,
        fault::{Fault, Place},
        shape,
    },
    tags::Tag,
};

/// What a node agent has to fit.
#[derive(Debug, Default)]
struct Under {
    /// The marketplace image that the pool's image was made of, as far as the version says.
    base: Option<MarketplaceImage>,
    /// The operating system, as far as the definition says.
    system: Option<String>,
}

impl Under {
    fn of(site: &Site) -> Self {
        let version = site.version.as_ref();
        let base = version.and_then(|version| Tag::BaseImage.read(version.body()));
        Self {
            base: base.and_then(MarketplaceImage::of_urn),
            system: site
                .definition
                .as_ref()
                .map(|definition| definition.os_type().to_owned()),
        }
    }

    /// What is wrong with an agent. That it is of another system counts more than that its support is over.
    fn fault(&self, list: &[Supported], agent: &str, now: Timestamp) -> Option<AgentFault> {
        let fault = supported::fault(list, agent, self.base.as_ref(), now);
        let other = self
            .system
            .clone()
            .filter(|system| supported::is_of_other_system(agent, system));
        match (fault, other) {
            (None | Some(AgentFault::Ended { .. }), Some(system)) => Some(AgentFault::OfAnotherSystem { system }),
            (fault, _) => fault,
        }
    }
}

/// Whether a pool gets the agent of the settings by this step. One that is only resized keeps its own.
pub(super) const fn is_given_by(step: &RolloutStep) -> bool {
    matches!(
        step,
        RolloutStep::CreatePool { .. } | RolloutStep::CreateAutoscalePool { .. } | RolloutStep::ChangePool { .. }
    )
}

/// Checks the agent that the settings name. An agent that they leave open is that of the pool that is there.
///
/// # Errors
/// `BadInput` when Batch has another agent for the image's base, or does not have this one.
pub(super) async fn check(client: &Client, settings: &RolloutSettings, site: &Site) -> Result<Vec<String>> {
    look(client, settings, site, &mut |text| client.warn(text)).await
}

/// The same before the pool's own turn comes, which says what else there is to say.
///
/// # Errors
/// As [`check`].
pub(super) async fn require(client: &Client, settings: &RolloutSettings, site: &Site) -> Result<()> {
    look(client, settings, site, &mut drop).await.map(drop)
}

async fn look(
    client: &Client,
    settings: &RolloutSettings,
    site: &Site,
    warn: &mut (dyn FnMut(String) + Send),
) -> Result<Vec<String>> {
    let Some((agent, place)) = named(settings) else {
        return Ok(Vec::new());
    };
    let (items, unread) = match client.recalling(OF_RUN).list(&supported::list(&site.endpoint)).await {
        Err(error) if error.kind() == ErrorKind::NoRights => {
            (Vec::new(), vec![format!("node agent: {}", rights::lack(&error))])
        }
        listed => (listed?, Vec::new()),
    };
    let list: Vec<Supported> = items.iter().map(Supported::read).collect();
    let (under, now) = (Under::of(site), client.run().now());
    warn_of_base((client, &list), under.base.as_ref(), warn);
    match under.fault(&list, &agent, now) {
        None => Ok(unread),
        Some(ended @ AgentFault::Ended { .. }) => {
            warn(format!("node agent {agent:?} {ended}"));
            Ok(unread)
        }
        Some(fault_of) => {
            let text = match &fault_of {
                // What speaks against it is a fact of its own.
                AgentFault::OfAnotherImage { .. } | AgentFault::OfAnotherSystem { .. } => {
                    format!("{agent:?} does not fit the image")
                }
                other => format!("{agent:?} {other}"),
            };
            let fault = Fault::new(place, text);
            let at = At {
                pool: &settings.pool.id,
                endpoint: &site.endpoint,
                account: site.account.as_ref(),
            };
            let error = spec::unusable(&settings.pool.id, &[settings.pool.spots.placed(fault)]);
            Err(offers::with_agents(error, at, (&agent, &fault_of), &list))
        }
    }
}

/// An image that was made of one which Batch supports no more may still run: its nodes get no fixes of the agent.
fn warn_of_base(
    (client, list): (&Client, &[Supported]),
    base: Option<&MarketplaceImage>,
    warn: &mut (dyn FnMut(String) + Send),
) {
    let now = client.run().now();
    let known = base.and_then(|base| Some((base, supported::for_image(list, base)?)));
    let is_over = |known: &Supported| known.end_of_life.is_some_and(|end| end <= now);
    if let Some((base, known)) = known.filter(|(_, known)| is_over(known)) {
        of_base(base, known, now).into_iter().for_each(|fact| warn(fact.text));
    }
}

/// Until when Batch supports the agent that the settings name and the image below the pool's, as lines of a plan; and what
/// is wrong with them.
///
/// # Errors
/// Only when the run ends.
pub(super) async fn facts(client: &Client, settings: &RolloutSettings, site: &Site) -> Result<Vec<Fact>> {
    let Some((agent, _)) = named(settings) else {
        return Ok(Vec::new());
    };
    match client.recalling(OF_RUN).list(&supported::list(&site.endpoint)).await {
        Ok(items) => {
            let list: Vec<Supported> = items.iter().map(Supported::read).collect();
            Ok(lines(&list, &agent, &Under::of(site), client.run().now()))
        }
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
            _ => Ok(Vec::new()),
        },
    }
}

fn lines(list: &[Supported], agent: &str, under: &Under, now: Timestamp) -> Vec<Fact> {
    let mut facts = Vec::new();
    match under.fault(list, agent, now) {
        // Batch still lists it; whether it makes the pool, it decides.
        Some(fault @ AgentFault::Ended { .. }) => {
            facts.push(Fact::plain(About::Dates, format!("node agent {agent} {fault}")));
        }
        Some(fault) => {
            let fact = Fact::lacking(About::Agent, format!("node agent {agent} {fault}"));
            facts.push(fact.stopping(ErrorKind::BadInput));
        }
        None => {
            let end = supported::end_of_agent(list, agent);
            let text = |end| supported::until(&format!("node agent {agent}"), end);
            facts.extend(end.map(|end| Fact::plain(About::Dates, text(end))));
        }
    }
    let base = under.base.as_ref();
    let known = base.and_then(|base| Some((base, supported::for_image(list, base)?)));
    facts.extend(known.into_iter().flat_map(|(base, known)| of_base(base, known, now)));
    facts
}

/// What Batch says of the image below the pool's.
fn of_base(base: &MarketplaceImage, known: &Supported, now: Timestamp) -> Vec<Fact> {
    let ends = known.end_of_life.map(|end| {
        let day = end.strftime("%F");
        match end <= now {
            true => format!("the image was made of {base}, which is without support by Batch since {day}"),
            false => format!("the image was made of {base}, which Batch supports until {day}"),
        }
    });
    let untried = (known.verification == Verification::Unverified).then(|| {
        format!(
            "Batch has not tried node agent {} on {base}, of which the image was made",
            known.agent
        )
    });
    let dates = ends.map(|text| Fact::plain(About::Dates, text));
    dates
        .into_iter()
        .chain(untried.map(|text| Fact::plain(About::Agent, text)))
        .collect()
}

/// The agent, and where it is said.
fn named(settings: &RolloutSettings) -> Option<(String, Place)> {
    if let Some(agent) = &settings.pool.node_agent_sku {
        return Some((agent.as_str().to_owned(), NODE_AGENT_SKU_ID.into()));
    }
    let machine = settings.pool.json.get("virtualMachineConfiguration")?;
    let agent = json::text(machine, "/nodeAgentSKUId")?;
    let fault = shape::fault("virtualMachineConfiguration.nodeAgentSKUId", "");
    Some((agent.to_owned(), fault.place))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AGENT: &str = "batch.node.ubuntu 22.04";

    fn entry(agent: &str, end: Option<&str>, verification: &str) -> Supported {
        Supported::read(
            &json!({"nodeAgentSKUId": agent, "batchSupportEndOfLife": end, "verificationType": verification,
            "imageReference": {"publisher": "canonical", "offer": "ubuntu", "sku": agent.rsplit(' ').next()}}),
        )
    }

    fn said(list: &[Supported], base: Option<&str>) -> Vec<String> {
        let under = Under {
            base: base.and_then(MarketplaceImage::of_urn),
            system: None,
        };
        let now = "2027-07-01T00:00:00Z".parse().unwrap();
        lines(list, AGENT, &under, now)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_plan_says_until_when_agent_and_base_image_are_supported_and_what_is_over() {
        let next = || entry("batch.node.ubuntu 24.04", None, "verified");
        let urn = "canonical:ubuntu:22.04:1.2.3";
        let lives = [entry(AGENT, Some("2028-06-30T00:00:00Z"), "unverified"), next()];
        let over = [entry(AGENT, Some("2027-06-30T00:00:00Z"), "verified"), next()];
        let successor = "the next of its kind is \"batch.node.ubuntu 24.04\", which needs an image of that system";
        for (list, base, expected) in [
            (
                &lives[..],
                None,
                vec![format!("dates: Batch supports node agent {AGENT} until 2028-06-30")],
            ),
            (
                &lives[..],
                Some(urn),
                vec![
                    format!("dates: Batch supports node agent {AGENT} until 2028-06-30"),
                    format!("dates: the image was made of {urn}, which Batch supports until 2028-06-30"),
                    format!("node agent: Batch has not tried node agent {AGENT} on {urn}, of which the image was made"),
                ],
            ),
            (
                &over[..],
                Some(urn),
                vec![
                    format!("dates: node agent {AGENT} is without support since 2027-06-30; {successor}"),
                    format!("dates: the image was made of {urn}, which is without support by Batch since 2027-06-30"),
                ],
            ),
            (
                &over[1..],
                None,
                vec![format!(
                    "node agent, refused: node agent {AGENT} is not a node agent that Batch has; {successor}"
                )],
            ),
            (&[], Some(urn), vec![]),
        ] {
            assert_eq!(said(list, base), expected);
        }
    }
}
