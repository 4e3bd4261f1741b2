//! Every Batch account in sight with all its pools: which image each runs, on how many nodes.
//!
//! What cannot be read is an entry of its own, so that nobody takes "not seen" for "not there". It writes nothing and
//! judges nothing: what is old or in use is for its readers to say.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use serde_json::Value;

use crate::{
    absent,
    arm::subscription::{self, Subscription},
    batch::{
        account::{self, Account, Allocation},
        image::PoolImage,
        node::{self, StateCounts},
        pool::{self, Pool},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, Location, PoolId, SubscriptionId, resource::BatchAccountId},
    json,
    options::{pool::ACCOUNT, versions::SUBSCRIPTIONS},
    rights::{self, Part, Whole},
    settings::{AccountRef, Depth, Sight},
};

/// How many accounts are read at one time: enough to hide the distance to Azure, few for one client among others.
const AT_ONCE: usize = 8;

/// The right without which the list of a subscription's accounts may be a part.
pub(crate) const ACCOUNTS: &str = "Microsoft.Batch/batchAccounts/read";

/// What was seen, and what could not be.
#[derive(Debug, Default)]
pub struct Estate {
    /// The accounts that could be read, by name.
    pub accounts: Vec<SeenAccount>,
    /// What could not be read, in the order in which it was met.
    pub gaps: Vec<Gap>,
    /// The subscriptions whose accounts were listed: those that this identity may read.
    listed: Vec<SubscriptionId>,
}

/// One account.
#[derive(Debug)]
pub struct SeenAccount {
    /// Its ARM id; absent when it was given by its endpoint.
    pub id: Option<BatchAccountId>,
    /// Where its data plane answers.
    pub endpoint: BatchEndpoint,
    /// Its region; absent when nothing shows it.
    pub location: Option<Location>,
    /// Whose machines its nodes are; absent when it was given by its endpoint.
    pub allocation: Option<Allocation>,
    /// Its pools, in the service's order.
    pub pools: Vec<SeenPool>,
}

/// One pool.
#[derive(Debug)]
pub struct SeenPool {
    /// Its id.
    pub id: PoolId,
    /// The pool as the service describes it.
    pub pool: Pool,
    /// Which image its new nodes get.
    pub image: PoolImage,
    /// Its nodes by state; absent when this identity may not read the counts.
    pub counts: Option<StateCounts>,
    /// How many of its nodes run which image, by the image's id. It is read only for pools whose nodes may differ.
    pub nodes: NodeImages,
    /// How many of its nodes have which version of Batch's node agent; empty where the nodes were not read.
    pub agents: BTreeMap<String, u32>,
}

/// Which images a pool's nodes run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeImages {
    /// The pool's own: no node can run another.
    AsPool,
    /// Each image with the number of its nodes. Nodes that are being created name none yet; those that name only the
    /// definition may run any version of it.
    Listed(Vec<(PoolImage, u32)>),
    /// The nodes could not be read; a [`Gap`] says why.
    Unread,
}

/// Something that could not be read.
#[derive(Debug)]
pub struct Gap {
    /// What: `subscription …`, `a part of subscription …`, `Batch account …`, `nodes of pool … in …`.
    pub what: String,
    /// Where it lies, if the whole account is unseen.
    pub account: Option<BatchAccountId>,
    /// Why.
    pub why: Error,
}

/// What the nodes of a pool say of themselves.
struct Nodes {
    images: NodeImages,
    agents: BTreeMap<String, u32>,
}

/// An account that is to be read, and what is known of it before.
struct Found {
    id: Option<BatchAccountId>,
    endpoint: BatchEndpoint,
    location: Option<Location>,
    allocation: Option<Allocation>,
}

impl Estate {
    /// All pools with their accounts.
    pub fn pools(&self) -> impl Iterator<Item = (&SeenAccount, &SeenPool)> {
        self.accounts
            .iter()
            .flat_map(|account| account.pools.iter().map(move |pool| (account, pool)))
    }

    /// Whether everything in sight could be read.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.gaps.is_empty()
    }
}

impl SeenAccount {
    /// What people call it: its name, else its endpoint.
    #[must_use]
    pub fn title(&self) -> String {
        let named = self.id.as_ref().map(|id| id.name().to_owned());
        named.unwrap_or_else(|| self.endpoint.to_string())
    }
}

impl SeenPool {
    /// Whether any node runs this image, as far as is known: where it is not known, it may.
    #[must_use]
    pub fn may_run(&self, image: &PoolImage) -> bool {
        if self.image == *image {
            return true;
        }
        // A node that names only its definition does not say which version it got.
        let may_be = |own: &PoolImage| own == image || (own.follows_latest() && own.definition() == image.definition());
        match &self.nodes {
            NodeImages::AsPool => false,
            NodeImages::Listed(nodes) => nodes.iter().any(|(own, _)| may_be(own)),
            NodeImages::Unread => may_be(&self.image),
        }
    }
}

impl Nodes {
    const fn unread(images: NodeImages) -> Self {
        Self {
            images,
            agents: BTreeMap::new(),
        }
    }
}

impl Gap {
    fn of(what: impl Into<String>, account: Option<BatchAccountId>, why: Error) -> Self {
        Self {
            what: what.into(),
            account,
            why,
        }
    }
}

impl Found {
    fn of(account: Account) -> Self {
        Self {
            id: Some(account.id),
            endpoint: account.endpoint,
            location: Some(account.location),
            allocation: Some(account.allocation),
        }
    }
}

/// Reads what is in sight, and asks whether that is all of it: a list of a subscription's accounts leaves out what this
/// identity may not read, and does not say so. A subscription of which only a part may be in sight is a gap.
///
/// # Errors
/// When not even the list of subscriptions can be read, a subscription that was given is not there, or the run ends.
pub async fn read(client: &Client, sight: &Sight) -> Result<Estate> {
    read_to(client, sight, Depth::default()).await
}

/// The same, with as many of the nodes as are asked for.
///
/// # Errors
/// As [`read`].
pub async fn read_to(client: &Client, sight: &Sight, depth: Depth) -> Result<Estate> {
    let given: &[SubscriptionId] = match sight {
        Sight::Subscriptions(given) => given,
        Sight::Everything | Sight::Accounts(_) => &[],
    };
    let mut estate = read_given(client, (sight, given), depth).await?;
    let parts = parts(client, &estate.listed).await?;
    estate.gaps.extend(parts);
    Ok(estate)
}

/// Reads what is in sight, where the user has given only some of the subscriptions. Whether it is all of it is for the
/// caller to ask.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_given(
    client: &Client,
    (sight, given): (&Sight, &[SubscriptionId]),
    depth: Depth,
) -> Result<Estate> {
    let mut estate = Estate::default();
    let found = find(client, (sight, given), &mut estate).await?;
    let mut looks = stream::iter(found)
        .map(|found| look(client, found, depth))
        .buffered(AT_ONCE);
    while let Some(look) = looks.next().await {
        let (account, gaps) = look?;
        estate.accounts.extend(account);
        estate.gaps.extend(gaps);
    }
    estate
        .accounts
        .sort_by_key(|account| account.title().to_ascii_lowercase());
    Ok(estate)
}

async fn find(client: &Client, (sight, given): (&Sight, &[SubscriptionId]), estate: &mut Estate) -> Result<Vec<Found>> {
    match sight {
        Sight::Everything => {
            let items = client.list(&subscription::list()).await?;
            let all: Vec<_> = items.iter().filter_map(Subscription::read).map(|one| one.id).collect();
            accounts_of(client, (&all, given), estate).await
        }
        Sight::Subscriptions(all) => accounts_of(client, (all, given), estate).await,
        Sight::Accounts(accounts) => named(client, accounts, &mut estate.gaps).await,
    }
}

async fn accounts_of(
    client: &Client,
    (all, given): (&[SubscriptionId], &[SubscriptionId]),
    estate: &mut Estate,
) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for id in all {
        match client.list(&account::list(id)).await {
            Ok(items) => {
                found.extend(items.iter().filter_map(|item| usable(item, &mut estate.gaps)));
                estate.listed.push(id.clone());
            }
            Err(error) if absent::is_of_subscription(&error) && given.contains(id) => {
                return Err(absent::subscription(id, SUBSCRIPTIONS).because(error));
            }
            Err(error) => estate
                .gaps
                .push(Gap::of(format!("subscription {id}"), None, unless_over(error)?)),
        }
    }
    Ok(found)
}

/// The subscriptions of which only a part may be in sight.
async fn parts(client: &Client, listed: &[SubscriptionId]) -> Result<Vec<Gap>> {
    let whole = |id: &SubscriptionId| Whole {
        scope: format!("/subscriptions/{id}"),
        right: ACCOUNTS,
        kind: "Batch accounts",
    };
    let wholes: Vec<Whole> = listed.iter().map(whole).collect();
    let parts = rights::parts(client, &wholes).await?;
    let gap = |part: &Part| Gap::of(part.what(), None, Error::new(ErrorKind::NoRights, part.reason()));
    Ok(parts.iter().map(gap).collect())
}

/// The account of an item of a list; a gap when it cannot be used.
fn usable(item: &Value, gaps: &mut Vec<Gap>) -> Option<Found> {
    let text = json::text(item, "/id").unwrap_or_default();
    let id: BatchAccountId = match text.parse() {
        Ok(id) => id,
        Err(cause) => {
            let odd = Error::new(ErrorKind::Azure, "the list of accounts names something else").because(cause);
            gaps.push(Gap::of(format!("Batch account {text}"), None, odd));
            return None;
        }
    };
    let account = account::parse(&id, item);
    let mut missing = |why| gaps.push(Gap::of(format!("Batch account {}", id.name()), Some(id.clone()), why));
    account.map(Found::of).map_err(&mut missing).ok()
}

async fn named(client: &Client, accounts: &[AccountRef], gaps: &mut Vec<Gap>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for account in accounts {
        match account {
            AccountRef::Endpoint(endpoint) => found.push(Found {
                id: None,
                endpoint: endpoint.clone(),
                location: endpoint.region(),
                allocation: None,
            }),
            AccountRef::Id(id) => match account::read(client, id, ACCOUNT).await {
                Ok(account) => found.push(Found::of(account)),
                Err(error) => {
                    let what = format!("Batch account {}", id.name());
                    gaps.push(Gap::of(what, Some(id.clone()), unless_over(error)?));
                }
            },
        }
    }
    Ok(found)
}

/// One account with its pools; without the account when its pools cannot be listed.
async fn look(client: &Client, found: Found, depth: Depth) -> Result<(Option<SeenAccount>, Vec<Gap>)> {
    let mut account = SeenAccount {
        id: found.id,
        endpoint: found.endpoint,
        location: found.location,
        allocation: found.allocation,
        pools: Vec::new(),
    };
    let bodies = match client.list(&pool::survey(&account.endpoint)).await {
        Ok(bodies) => bodies,
        Err(error) => {
            let what = format!("Batch account {}", account.title());
            return Ok((None, vec![Gap::of(what, account.id, unless_over(error)?)]));
        }
    };
    let mut counts = counts(client, &account.endpoint).await?;
    let mut gaps = Vec::new();
    for pool in bodies.into_iter().map(Pool::new) {
        let Some(id) = pool.id() else { continue };
        let (image, all) = (pool.image(), counts.as_mut());
        let counts = all.map(|all| all.remove(&id.as_str().to_ascii_lowercase()).unwrap_or_default());
        let Nodes { images, agents } = if image.follows_latest() || depth == Depth::EveryNode {
            nodes(client, &account, (&id, &image), &mut gaps).await?
        } else {
            Nodes::unread(NodeImages::AsPool)
        };
        account.pools.push(SeenPool {
            id,
            pool,
            image,
            counts,
            nodes: images,
            agents,
        });
    }
    Ok((Some(account), gaps))
}

/// Nodes by state, by the pool's id in lower case; nothing when this identity may not read them.
async fn counts(client: &Client, endpoint: &BatchEndpoint) -> Result<Option<BTreeMap<String, StateCounts>>> {
    match client.list(&node::count(endpoint, None)).await {
        Ok(items) => Ok(Some(items.iter().filter_map(of_pool).collect())),
        Err(error) => unless_over(error).map(|_unread| None),
    }
}

fn of_pool(item: &Value) -> Option<(String, StateCounts)> {
    let id = json::text(item, "/poolId")?.to_ascii_lowercase();
    Some((id, StateCounts::read(item)))
}

async fn nodes(
    client: &Client,
    account: &SeenAccount,
    (pool, image): (&PoolId, &PoolImage),
    gaps: &mut Vec<Gap>,
) -> Result<Nodes> {
    let may_differ = image.follows_latest();
    let images = |listed| if may_differ { listed } else { NodeImages::AsPool };
    match client.list(&node::list_images(&account.endpoint, pool)).await {
        Ok(items) => Ok(Nodes {
            images: images(NodeImages::Listed(by_image(&items))),
            agents: by_agent(&items),
        }),
        // The pool was deleted since it was listed.
        Err(error) if error.has_status(404) => Ok(Nodes::unread(images(NodeImages::Listed(Vec::new())))),
        Err(error) => {
            let what = format!("nodes of pool {pool} in {}", account.title());
            gaps.push(Gap::of(what, None, unless_over(error)?));
            Ok(Nodes::unread(images(NodeImages::Unread)))
        }
    }
}

/// Nodes by the version of their agent; one that is being created has none yet.
fn by_agent(nodes: &[Value]) -> BTreeMap<String, u32> {
    let mut agents = BTreeMap::new();
    for version in nodes
        .iter()
        .filter_map(|node| json::text(node, "/nodeAgentInfo/version"))
    {
        *agents.entry(version.to_owned()).or_insert(0) += 1;
    }
    agents
}

fn by_image(nodes: &[Value]) -> Vec<(PoolImage, u32)> {
    let mut images: Vec<(PoolImage, u32)> = Vec::new();
    for node in nodes {
        let image = PoolImage::read(&exact(json::at(node, "/virtualMachineInfo/imageReference")));
        match images.iter_mut().find(|(known, _)| *known == image) {
            Some((_, count)) => *count += 1,
            None if image == PoolImage::Unknown => {}
            None => images.push((image, 1)),
        }
    }
    images
}

/// A node's reference with the marketplace version that it really runs.
fn exact(reference: &Value) -> Value {
    let mut reference = reference.clone();
    if let (Some(version), Some(fields)) = (reference.get("exactVersion").cloned(), reference.as_object_mut()) {
        fields.insert("version".to_owned(), version);
    }
    reference
}

/// The error as something that was not seen, unless it ends the whole run.
fn unless_over(error: Error) -> Result<Error> {
    match error.kind() {
        ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
        _ => Ok(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_are_counted_by_the_version_of_their_agent() {
        let node = |version: &str| json!({"id": "n", "nodeAgentInfo": {"version": version}});
        let nodes = [node("1.12.3"), node("1.11.9"), node("1.12.3"), json!({"id": "new"})];
        assert_eq!(json!(by_agent(&nodes)), json!({"1.11.9": 1, "1.12.3": 2}));
    }
}
