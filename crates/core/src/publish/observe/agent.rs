//! Reads which marketplace image a source comes from, along the chain of versions, and which node agent Batch has for it.

use serde_json::Value;

use crate::{
    batch::{
        account::Account,
        image::MarketplaceImage,
        supported::{self, AgentFault, ImageSupport, Supported, end_of_agent},
    },
    client::Client,
    compute::{
        disk::{self, DiskBody},
        image, snapshot, version,
        vm::{self, Vm},
    },
    error::{ErrorKind, Result},
    ids::MadeFrom,
    publish::origin::{NodeAgent, Origin},
    request::Request,
    rights,
    settings::ImageTest,
};

/// How many resources a chain is followed through: a version, its managed image, that one's disk, and the same of the
/// version that its machine was made of. Chains of copies could go on for ever.
const LONGEST_CHAIN: u32 = 8;

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

/// The marketplace image of a source: what it shows of itself, else what is said of it, else what the resources say that
/// it was made of. azure-arm deletes the machine and its disks, so what it says of them is often all that is left.
///
/// # Errors
/// When Azure fails, or the run ends.
pub(super) async fn base(client: &Client, shown: Origin, said: Option<&MadeFrom>) -> Result<Option<MarketplaceImage>> {
    if let Origin::Base(image) = shown {
        return Ok(Some(image));
    }
    let said = said.map_or(Origin::Unknown, Origin::from);
    match along(client, said).await? {
        Some(image) => Ok(Some(image)),
        None => along(client, shown).await,
    }
}

/// The marketplace image at the end of a chain. A resource that is gone or not readable ends it without one.
async fn along(client: &Client, mut origin: Origin) -> Result<Option<MarketplaceImage>> {
    for _ in 0..LONGEST_CHAIN {
        origin = match origin {
            Origin::Base(image) => return Ok(Some(image)),
            Origin::Unknown => return Ok(None),
            further => match next(client, &further).await {
                // Who may use an image need not be allowed to see what it was made of.
                Err(error) if error.kind() == ErrorKind::NoRights => {
                    client.note(format!("the base image is not looked up: {}", rights::lack(&error)));
                    return Ok(None);
                }
                found => found?,
            },
        };
    }
    Ok(None)
}

/// What a resource says that it was made of.
async fn next(client: &Client, origin: &Origin) -> Result<Origin> {
    let found = match origin {
        Origin::Version(id) => version::find(client, id).await?.as_ref().map(Origin::of_version),
        Origin::Image(id) => read(client, &image::get(id)).await?.as_ref().map(Origin::of_image),
        Origin::Disk(id) => read(client, &disk::get(id))
            .await?
            .map(|it| Origin::of_disk(&DiskBody::new(it))),
        Origin::Snapshot(id) => read(client, &snapshot::get(id))
            .await?
            .map(|it| Origin::of_disk(&DiskBody::new(it))),
        Origin::Vm(id) => read(client, &vm::get(id)).await?.map(|it| Origin::of_vm(&Vm::new(it))),
        Origin::Base(_) | Origin::Unknown => None,
    };
    Ok(found.unwrap_or(Origin::Unknown))
}

async fn read(client: &Client, get: &Request) -> Result<Option<Value>> {
    Ok(client.find(get).await?.map(|answer| answer.value()))
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
