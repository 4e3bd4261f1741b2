//! Reads which marketplace image a source comes from, along the chain of versions, and which node agent Batch has for it.

use crate::{
    batch::{
        account::Account,
        image::MarketplaceImage,
        supported::{self, Supported, end_of_agent},
    },
    client::Client,
    compute::version,
    error::{ErrorKind, Result},
    publish::origin::{self, NodeAgent, Origin},
    rights,
    settings::ImageTest,
};

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

/// The agent for a base image, from the list of the first account. An account whose list is not readable is no failure,
/// unless the pool of a test needs the agent.
///
/// # Errors
/// When Azure fails, or the run ends.
pub(super) async fn agent(
    client: &Client,
    base: Option<&MarketplaceImage>,
    mut accounts: impl Iterator<Item = &Account>,
    test: Option<&ImageTest>,
) -> Result<Option<NodeAgent>> {
    let (Some(base), Some(account)) = (base, accounts.next()) else {
        return Ok(None);
    };
    let items = match client.list(&supported::list(&account.endpoint)).await {
        Err(error) if error.kind() == ErrorKind::NoRights && test.is_none_or(|test| test.node_agent.is_some()) => {
            client.note(format!("the node agent is not looked up: {}", rights::lack(&error)));
            return Ok(None);
        }
        listed => listed?,
    };
    let list: Vec<Supported> = items.iter().map(Supported::read).collect();
    Ok(origin::supported(&list, base).map(|found| NodeAgent {
        sku: found.agent.clone(),
        ends: end_of_agent(&list, &found.agent),
        base_image_ends: found.end_of_life,
    }))
}
