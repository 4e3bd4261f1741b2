//! Which pools use a definition: by one of its versions, or by following it. Pure; `estate` reads.
//!
//! What follows for the versions is decided by the flows.

use serde::Serialize;

use crate::{
    batch::{image::PoolImage, pool::Pool},
    estate::{Estate, NodeImages, SeenAccount, SeenPool},
    ids::{
        Location, PoolId, VersionNumber,
        resource::{ImageDefinitionId, ImageVersionId},
    },
};

/// A pool that uses a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolUser {
    /// What its account is called.
    pub account: String,
    /// The pool.
    pub pool: PoolId,
    /// Its region; absent when nothing shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Location>,
    /// Which version its new nodes get.
    pub takes: Takes,
    /// How many of its nodes run which version, as far as is known.
    pub nodes: Vec<NodesOn>,
    /// How many nodes it has, or is to have, whichever is more.
    pub size: u32,
    /// Who moves its nodes to a newer version.
    pub upgrade: Upgrade,
}

/// Which version new nodes of a pool get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "takes", content = "version", rename_all = "lowercase")]
pub enum Takes {
    /// One version, by its exact id.
    Version(VersionNumber),
    /// What is latest in its region when a node is made.
    Latest,
}

/// Nodes on one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NodesOn {
    /// The version.
    pub version: VersionNumber,
    /// How many nodes.
    pub nodes: u32,
}

/// Who moves a pool's nodes to a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Upgrade {
    /// Only who makes new nodes.
    Nobody,
    /// The platform, as soon as a version is latest in the region.
    Platform,
}

impl PoolUser {
    /// The pool and its account, for a sentence.
    #[must_use]
    pub fn title(&self) -> String {
        format!("pool {} in {}", self.pool, self.account)
    }

    /// Whether the version is the one that its new nodes get by exact id, or some of its nodes run it.
    #[must_use]
    pub fn is_on(&self, version: VersionNumber) -> bool {
        self.takes == Takes::Version(version) || self.nodes.iter().any(|nodes| nodes.version == version)
    }

    /// How many of its nodes run a version.
    #[must_use]
    pub fn nodes_on(&self, version: VersionNumber) -> u32 {
        let on = self.nodes.iter().filter(|nodes| nodes.version == version);
        on.map(|nodes| nodes.nodes).sum()
    }

    /// Whether its new nodes get what is latest.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.takes == Takes::Latest
    }
}

/// The pools in sight that use the definition.
#[must_use]
pub fn of(estate: &Estate, definition: &ImageDefinitionId) -> Vec<PoolUser> {
    let users = estate
        .pools()
        .filter_map(|(account, pool)| user(account, pool, definition));
    users.collect()
}

fn user(account: &SeenAccount, seen: &SeenPool, definition: &ImageDefinitionId) -> Option<PoolUser> {
    let takes = match &seen.image {
        PoolImage::Version(id) if id.definition() == *definition => Takes::Version(id.number()?),
        PoolImage::Definition(id) if id == definition => Takes::Latest,
        _ => return None,
    };
    let size = seen.pool.current.total().max(seen.pool.targets.total());
    Some(PoolUser {
        account: account.title(),
        pool: seen.id.clone(),
        region: account.location.clone(),
        nodes: nodes(seen, takes, definition),
        takes,
        size,
        upgrade: upgrade(&seen.pool),
    })
}

fn nodes(seen: &SeenPool, takes: Takes, definition: &ImageDefinitionId) -> Vec<NodesOn> {
    let of_definition = |id: &ImageVersionId| (id.definition() == *definition).then(|| id.number()).flatten();
    match (&seen.nodes, takes) {
        (NodeImages::Listed(listed), _) => listed
            .iter()
            .filter_map(|(image, nodes)| match image {
                PoolImage::Version(id) => Some(NodesOn {
                    version: of_definition(id)?,
                    nodes: *nodes,
                }),
                _ => None,
            })
            .collect(),
        (NodeImages::AsPool | NodeImages::Unread, Takes::Version(version)) => vec![NodesOn {
            version,
            nodes: seen.pool.current.total(),
        }],
        (NodeImages::AsPool | NodeImages::Unread, Takes::Latest) => Vec::new(),
    }
}

fn upgrade(pool: &Pool) -> Upgrade {
    if pool.is_upgraded_by_platform() {
        Upgrade::Platform
    } else {
        Upgrade::Nobody
    }
}
