//! Whether the node agent that was asked for runs on the image: Batch has one for each image, and ends their support.
//!
//! What is wrong with an agent is decided in `batch::supported`. What may not be read is a note and stops nothing.

use jiff::Timestamp;

use super::{RolloutStep, explain::At, observe::Site, offers, spec};
use crate::{
    batch::{
        image::MarketplaceImage,
        supported::{self, AgentFault, Supported},
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
    let Some((agent, place)) = named(settings) else {
        return Ok(Vec::new());
    };
    let items = match client.recalling(OF_RUN).list(&supported::list(&site.endpoint)).await {
        Err(error) if error.kind() == ErrorKind::NoRights => {
            return Ok(vec![format!("node agent: {}", rights::lack(&error))]);
        }
        listed => listed?,
    };
    let list: Vec<Supported> = items.iter().map(Supported::read).collect();
    let tag = site
        .version
        .as_ref()
        .and_then(|version| Tag::BaseImage.read(version.body()));
    let base = tag.and_then(MarketplaceImage::of_urn);
    match supported::fault(&list, &agent, base.as_ref(), client.run().now()) {
        None => Ok(Vec::new()),
        Some(ended @ AgentFault::Ended { .. }) => {
            client.warn(format!("node agent {agent:?} {ended}"));
            Ok(Vec::new())
        }
        Some(fault_of) => {
            let fault = Fault::new(place, format!("{agent:?} {fault_of}"));
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

/// When Batch ends the support of the agent that the settings name, as a line of a plan.
///
/// # Errors
/// Only when the run ends.
pub(super) async fn fact(client: &Client, settings: &RolloutSettings, site: &Site) -> Result<Option<Fact>> {
    let Some((agent, _)) = named(settings) else {
        return Ok(None);
    };
    match client.recalling(OF_RUN).list(&supported::list(&site.endpoint)).await {
        Ok(items) => {
            let list: Vec<Supported> = items.iter().map(Supported::read).collect();
            let end = supported::end_of_agent(&list, &agent);
            let text = |end: Timestamp| format!("Batch supports node agent {agent} until {}", end.strftime("%F"));
            Ok(end.map(|end| Fact::plain(About::Dates, text(end))))
        }
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
            _ => Ok(None),
        },
    }
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
