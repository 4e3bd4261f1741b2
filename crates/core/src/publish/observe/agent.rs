//! Reads which marketplace image a source comes from, along the chain of versions, and which node agent Batch has for it.

use crate::{
    batch::{
        account::Account,
        image::MarketplaceImage,
        supported::{self, AgentFault, ImageSupport, Supported, end_of_agent},
    },
    client::Client,
    compute::version,
    error::{ErrorKind, Result},
    publish::origin::{NodeAgent, Origin},
    rights,
    settings::ImageTest,
};

/// What is known of node agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::publish) struct Agents {
    /// The one for the base image.
    pub inferred: Option<NodeAgent>,
    /// What is wrong with the one that the test names.
    pub fault: Option<AgentFault>,
    /// Whether Batch supports the base image; nothing when its list was not read.
    pub support: Option<ImageSupport>,
}

/// The marketplace image of a chain. A version that is gone or not readable ends it.
///
/// # Errors
/// When Azure fails, or the run ends.
pub(super) async fn base(client: &Client, origin: Origin) -> Result<Option<MarketplaceImage>> {
    let parent = match origin {
        Origin::Base(image) => return Ok(Some(image)),
        Origin::Unknown => return Ok(None),
        Origin::Parent(parent) => parent,
    };
    let found = match version::find(client, &parent).await {
        Err(error) if error.kind() == ErrorKind::NoRights => None,
        found => found?,
    };
    Ok(match found.as_ref().map(Origin::of_version) {
        Some(Origin::Base(image)) => Some(image),
        Some(Origin::Parent(_) | Origin::Unknown) | None => None,
    })
}

/// The agent for a base image, and what is to be said of the one that the test names, from the list of the first account.
/// An account whose list is not readable is no failure, unless the pool of a test needs the agent.
///
/// # Errors
/// When Azure fails, or the run ends.
pub(super) async fn agents(
    client: &Client,
    (base, test): (Option<&MarketplaceImage>, Option<&ImageTest>),
    mut accounts: impl Iterator<Item = &Account>,
) -> Result<Agents> {
    let given = test.and_then(|test| test.node_agent.as_ref());
    let (true, Some(account)) = (base.is_some() || given.is_some(), accounts.next()) else {
        return Ok(Agents::default());
    };
    let items = match client.list(&supported::list(&account.endpoint)).await {
        Err(error) if error.kind() == ErrorKind::NoRights && (test.is_none() || given.is_some()) => {
            client.note(format!("the node agent is not looked up: {}", rights::lack(&error)));
            return Ok(Agents::default());
        }
        listed => listed?,
    };
    let list: Vec<Supported> = items.iter().map(Supported::read).collect();
    let now = client.run().now();
    let found = base.and_then(|base| supported::for_image(&list, base));
    Ok(Agents {
        support: base
            .filter(|_| !list.is_empty())
            .map(|base| supported::support(&list, base)),
        fault: given.and_then(|given| supported::fault(&list, given.as_str(), base, now)),
        inferred: found.map(|found| NodeAgent {
            sku: found.agent.clone(),
            ends: end_of_agent(&list, &found.agent),
            base_image_ends: found.end_of_life,
            successor: supported::successor(&list, &found.agent, now).map(str::to_owned),
        }),
    })
}
