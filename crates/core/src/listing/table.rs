//! What a list of versions shows, from versions and pools. Pure.

use jiff::Timestamp;
use serde::Serialize;

use super::Unseen;
use crate::{
    clock::to_second,
    compute::{soft_deleted::SoftDeleted, version::ImageVersion},
    ids::{Location, PoolId, VersionNumber, resource::ImageDefinitionId},
    operation::Status,
    tags::TestMark,
    users::PoolUser,
    versions::Versions,
};

/// The schema that lists have today.
const SCHEMA: u32 = 1;

/// The versions of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The schema of this list.
    pub schema_version: u32,
    /// The definition.
    pub definition: ImageDefinitionId,
    /// Its versions, the highest number first; those that were deleted and are kept among them.
    pub versions: Vec<ListedVersion>,
    /// The pools whose new nodes get what is latest.
    pub following: Vec<PoolUser>,
    /// What could not be read: pools there may use a version, too.
    pub unseen: Vec<Unseen>,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedVersion {
    /// Its number.
    pub number: VersionNumber,
    /// Azure's word for its state; `SoftDeleted` for one that was deleted and is kept.
    pub state: String,
    /// How its last test ended; nothing when none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestMark>,
    /// Its regions.
    pub regions: Vec<ListedRegion>,
    /// Whether `latest` passes it over everywhere.
    pub excluded: bool,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// When its life ends, by its publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<Timestamp>,
    /// Of a deleted one: until when nodes can be made from it by its exact id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usable_until: Option<Timestamp>,
    /// Of a deleted one: when it is gone for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Timestamp>,
    /// The pools on it.
    pub pools: Vec<PoolNodes>,
}

/// One region of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedRegion {
    /// The region.
    pub region: Location,
    /// Its replicas.
    pub replicas: u32,
    /// Azure's word: `Completed` when it is usable there.
    pub state: String,
    /// What `latest` says of it there.
    pub latest: Standing,
}

/// What `latest` says of a version in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is the latest.
    Latest,
    /// It is passed over.
    Excluded,
    /// A higher number is latest, or it cannot be used there.
    Behind,
}

/// Nodes of a pool on a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolNodes {
    /// What the pool's account is called.
    pub account: String,
    /// The pool.
    pub pool: PoolId,
    /// How many of its nodes run the version.
    pub nodes: u32,
}

impl ListedVersion {
    fn of(version: &ImageVersion, versions: &Versions, users: &[PoolUser]) -> Option<Self> {
        let number = version.id.number()?;
        Some(Self {
            number,
            state: version.provisioning_state().to_owned(),
            test: TestMark::read(version.body()),
            regions: regions(version, versions),
            excluded: version.is_excluded(),
            published: version.published().map(to_second),
            end_of_life: version.end_of_life(),
            usable_until: None,
            gone_at: None,
            pools: pools(number, users),
        })
    }

    fn of_deleted(deleted: &SoftDeleted, users: &[PoolUser]) -> Self {
        Self {
            number: deleted.number,
            state: "SoftDeleted".to_owned(),
            test: None,
            regions: Vec::new(),
            excluded: true,
            published: None,
            end_of_life: None,
            usable_until: deleted.usable_until,
            gone_at: deleted.gone_at,
            pools: pools(deleted.number, users),
        }
    }
}

/// The list.
#[must_use]
pub fn table(versions: &Versions, users: &[PoolUser], unseen: Vec<Unseen>) -> Listing {
    let there = versions
        .all
        .iter()
        .filter_map(|version| ListedVersion::of(version, versions, users));
    let deleted = versions.soft_deleted.iter().flatten();
    let deleted = deleted.map(|deleted| ListedVersion::of_deleted(deleted, users));
    let mut rows: Vec<ListedVersion> = there.chain(deleted).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.number));
    Listing {
        schema_version: SCHEMA,
        definition: versions.definition.clone(),
        versions: rows,
        following: users.iter().filter(|user| user.follows()).cloned().collect(),
        unseen,
    }
}

fn regions(version: &ImageVersion, versions: &Versions) -> Vec<ListedRegion> {
    let is_succeeded = version.status() == Status::Succeeded;
    let region = |region: crate::compute::version::RegionState| {
        let latest = versions.latest_in(&region.location);
        let latest = if latest.is_some_and(|latest| latest.id == version.id) {
            Standing::Latest
        } else if version.is_excluded_in(&region.location) {
            Standing::Excluded
        } else {
            Standing::Behind
        };
        // A list does not show the regions' states.
        let state = match region.state.is_empty() && is_succeeded {
            true => "Completed".to_owned(),
            false => region.state,
        };
        ListedRegion {
            region: region.location,
            replicas: region.replicas,
            state,
            latest,
        }
    };
    version.regions().into_iter().map(region).collect()
}

fn pools(number: VersionNumber, users: &[PoolUser]) -> Vec<PoolNodes> {
    let on = users.iter().filter(|user| user.is_on(number));
    let nodes = |user: &PoolUser| PoolNodes {
        account: user.account.clone(),
        pool: user.pool.clone(),
        nodes: user.nodes_on(number),
    };
    on.map(nodes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        users::{NodesOn, Takes, Upgrade},
        versions::tests::{version, versions},
    };

    fn user(pool: &str, takes: Takes, nodes: &[(&str, u32)]) -> PoolUser {
        let on = |(version, nodes): &(&str, u32)| NodesOn {
            version: version.parse().unwrap(),
            nodes: *nodes,
        };
        PoolUser {
            account: "acct1".to_owned(),
            pool: pool.parse().unwrap(),
            region: "eastus2".parse().ok(),
            takes,
            nodes: nodes.iter().map(on).collect(),
            size: nodes.iter().map(|(_, nodes)| nodes).sum(),
            upgrade: Upgrade::Nobody,
        }
    }

    #[test]
    fn each_version_shows_where_it_is_latest_and_who_runs_it() {
        let all = Versions {
            soft_deleted: Some(vec![SoftDeleted {
                number: "1.0.1".parse().unwrap(),
                usable_until: "2026-02-01T00:00:00Z".parse().ok(),
                gone_at: None,
            }]),
            ..versions(vec![
                version(
                    "1.0.2",
                    "Succeeded",
                    false,
                    &[("East US 2", 2, false), ("westus2", 1, true)],
                ),
                version("1.0.10", "Succeeded", true, &[("eastus2", 1, false)]),
            ])
        };
        let users = [
            user("exact", Takes::Version("1.0.2".parse().unwrap()), &[("1.0.2", 7)]),
            user("empty", Takes::Version("1.0.1".parse().unwrap()), &[]),
            user("follower", Takes::Latest, &[("1.0.10", 3), ("1.0.2", 4)]),
        ];
        let listing = table(&all, &users, Vec::new());
        let shown = |row: &ListedVersion| {
            let regions = row
                .regions
                .iter()
                .map(|region| format!("{} {:?}", region.replicas, region.latest));
            let pools = row.pools.iter().map(|pool| format!("{} {}", pool.pool, pool.nodes));
            let parts: Vec<String> = regions.chain(pools).collect();
            format!("{} {}: {}", row.number, row.state, parts.join(", "))
        };
        let rows: Vec<String> = listing.versions.iter().map(shown).collect();
        assert_eq!(
            rows,
            [
                "1.0.10 Succeeded: 1 Excluded, follower 3",
                "1.0.2 Succeeded: 2 Latest, 1 Excluded, exact 7, follower 4",
                "1.0.1 SoftDeleted: empty 0",
            ]
        );
        let following: Vec<&str> = listing.following.iter().map(|user| user.pool.as_str()).collect();
        assert_eq!(following, ["follower"]);
    }
}
