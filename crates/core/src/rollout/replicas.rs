//! Replicas before nodes: a pool that would outgrow the version's replicas in its region gets more of them first.
//!
//! What is needed is foreseen without a write, so that a plan can show it. The arithmetic is in `replicas`, the writing
//! in `replication`. Nothing is ever lowered.

use crate::{
    batch::pool::Pool,
    client::Client,
    compute::version::ImageVersion,
    error::{Error, ErrorKind, Result},
    ids::{Location, NodeCounts},
    operation::Status,
    progress::Event,
    replicas::{self, RegionNeed},
    replication::{self, Settled, Wanted},
    settings::{NewRegion, ReplicaRule, RolloutSettings},
    words::{Words, plural},
};

use super::{observe::Site, pool::PoolAccess, step::RolloutStep, verdict::is_version};

/// What the version needs before the pool may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It cannot be seen, so nothing is done about it.
    Unseen,
    /// Nothing, and why.
    Nothing(String),
    /// The account's region is not known: the version as a whole must be done.
    AwaitVersion,
    /// Its replicas there are enough, but not complete yet; what to raise when they do not get so.
    AwaitRegion(RegionNeed),
    /// More replicas than are present there.
    Raise {
        /// How many, with the formula.
        need: RegionNeed,
        /// How many there are; 0 when the region is not one of the version's.
        present: u32,
    },
}

/// What the arithmetic calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    AwaitRegion,
    Raise,
}

impl Need {
    /// Whether the version is changed, or waited for.
    pub(super) const fn takes_time(&self) -> bool {
        match self {
            Self::Unseen | Self::Nothing(_) => false,
            Self::AwaitVersion | Self::AwaitRegion(_) | Self::Raise { .. } => true,
        }
    }

    /// The steps of a plan that follow from it.
    pub(super) fn steps(&self, settings: &RolloutSettings) -> Option<RolloutStep> {
        let version = settings.pool.version.clone();
        match self {
            Self::Raise { need, present } => Some(RolloutStep::RaiseReplicas {
                version,
                region: need.location.clone(),
                from: *present,
                to: need.replicas,
            }),
            Self::AwaitRegion(need) => Some(RolloutStep::AwaitReplicas {
                version,
                region: need.location.clone(),
            }),
            Self::Unseen | Self::Nothing(_) | Self::AwaitVersion => None,
        }
    }
}

/// What the version needs to carry the account's pools once this one has its size, as far as we can see.
///
/// # Errors
/// `Refused` when the version is not in the account's region and may not be brought there; `Quota` when no region could
/// hold so many replicas; when the pools cannot be listed.
pub(super) async fn foresee(access: &PoolAccess<'_>, site: &Site, settings: &RolloutSettings) -> Result<Need> {
    let Some(version) = &site.version else {
        return Ok(Need::Unseen);
    };
    let Some(location) = &site.location else {
        return Ok(Need::AwaitVersion);
    };
    let present = present(version, location);
    if present == 0 && settings.policy.new_region == NewRegion::Refuse {
        return Err(not_there(version, location));
    }
    let rule = settings.policy.replica_rule;
    let pools = pool_sizes(access, settings).await?;
    let need = replicas::need(rule, location, &pools)?;
    Ok(match decide(version, location, rule, &pools) {
        Step::Nothing => Need::Nothing(format!(
            "{present} are enough for {}",
            plural(pools.iter().sum::<u32>(), "node")
        )),
        Step::AwaitRegion => Need::AwaitRegion(need),
        Step::Raise => Need::Raise { need, present },
    })
}

fn not_there(version: &ImageVersion, location: &Location) -> Error {
    let regions: Vec<String> = version
        .regions()
        .iter()
        .map(|region| region.location.to_string())
        .collect();
    let text = format!(
        "image version {} has no replica in {location}, the account's region, so no node could start; it is in {}",
        version.id,
        regions.join(", ")
    );
    Error::new(ErrorKind::Refused, text).with_hint(Words::naming(
        "publish the version to that region, or give {add_region} to let this roll-out add it: it takes as long as a copy of the image, and the region is paid for",
    ))
}

/// Makes sure of what was foreseen.
///
/// # Errors
/// When the version cannot be changed or does not get complete, or the run ends.
pub(super) async fn carry_out(client: &Client, site: &Site, need: Need) -> Result<()> {
    let Some(version) = &site.version else {
        return Ok(());
    };
    match need {
        Need::Unseen => {}
        Need::Nothing(why) => client.run().progress.tell(Event::StepSkipped { step: "replicas", why }),
        Need::AwaitVersion => usable(client, version).await?,
        Need::AwaitRegion(need) => {
            let regions = std::slice::from_ref(&need.location);
            match replication::settled(client, &version.id, regions).await? {
                Settled::Complete(_) => {}
                // Adding the region again repairs it.
                Settled::RegionFailed(..) | Settled::RegionMissing(_) | Settled::ChangeFailed(_) => {
                    raise(client, version, need).await?;
                }
            }
        }
        Need::Raise { need, .. } => raise(client, version, need).await?,
    }
    Ok(())
}

async fn raise(client: &Client, version: &ImageVersion, need: RegionNeed) -> Result<()> {
    let present = present(version, &need.location);
    client
        .run()
        .progress
        .note(format!("{} (there are {present})", need.formula));
    let wanted = Wanted {
        regions: vec![need],
        ..Wanted::default()
    };
    replication::ensure(client, &version.id, &wanted).await?;
    Ok(())
}

/// Without a region to look at, the version as a whole must be done.
async fn usable(client: &Client, version: &ImageVersion) -> Result<()> {
    if !matches!(version.status(), Status::Succeeded) {
        replication::settled(client, &version.id, &[]).await?;
    }
    Ok(())
}

fn decide(version: &ImageVersion, location: &Location, rule: ReplicaRule, pools: &[u32]) -> Step {
    if present(version, location) < replicas::minimum(rule, pools).max(1) {
        Step::Raise
    } else if version.is_complete_in(location) && is_usable(version) {
        Step::Nothing
    } else {
        Step::AwaitRegion
    }
}

/// Complete regions can be used while others are added, but neither before the version was made nor after it failed.
fn is_usable(version: &ImageVersion) -> bool {
    let state = version.provisioning_state();
    ["Succeeded", "Updating"]
        .iter()
        .any(|usable| state.eq_ignore_ascii_case(usable))
}

/// How many replicas the version has in a region.
fn present(version: &ImageVersion, location: &Location) -> u32 {
    version
        .regions()
        .iter()
        .find(|region| region.location == *location)
        .map_or(0, |region| region.replicas)
}

/// The sizes of the account's pools on this version, or on whatever is latest: ours as it shall be, the others as they
/// are. Batch keeps the targets of an autoscale pool at what its formula said last; what it may say cannot be known.
async fn pool_sizes(access: &PoolAccess<'_>, settings: &RolloutSettings) -> Result<Vec<u32>> {
    let look = access.watch().look(None).await?;
    // What a formula will say is not known: it counts with what the user says it may come to, and with what it said last.
    let following = look.pool(access.id()).filter(|_| settings.pool.autoscale.is_some());
    let ours = following.map(|pool| pool.targets.total());
    let runs_it = |pool: &Pool| {
        // What follows the definition may get this version with its next nodes.
        let follows =
            pool.image().follows_latest() && pool.image().definition() == Some(settings.pool.version.definition());
        let image = pool.image_id();
        follows || image.is_some_and(|image| is_version(image, &settings.pool.version))
    };
    let expected = access.watch().expected(&settings.pool.version).await;
    let is_expected = |pool: &Pool| expected.iter().any(|(id, _)| pool.is_called(id));
    let others = look.pools().iter().filter(|pool| !pool.is_called(access.id()));
    let others = others.filter(|pool| runs_it(pool) && !is_expected(pool));
    let others = others.map(|pool| pool.targets.total());
    // One change of the version for all pools of the run: each change takes as long as a copy of the image.
    let rest = expected.iter().filter(|(id, _)| id != access.id());
    let others = others.chain(rest.map(|(_, nodes)| *nodes));
    let ours = ours.unwrap_or_else(|| NodeCounts::from(settings.pool.targets).total());
    let ours = ours.max(settings.policy.most_nodes.unwrap_or(0));
    Ok(std::iter::once(ours).chain(others).filter(|nodes| *nodes > 0).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(replicas: u32, state: &str) -> ImageVersion {
        let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
        let body = json!({"properties": {
            "publishingProfile": {"targetRegions": [{"name": "East US 2", "regionalReplicaCount": replicas}]},
            "replicationStatus": {"summary": [{"region": "East US 2", "state": state, "progress": 50}]}}});
        ImageVersion::new(id.parse().unwrap(), body)
    }

    #[test]
    fn replicas_are_raised_only_when_the_pools_outgrow_them() {
        let table = [
            ("eastus2", 3, "Completed", vec![700], Step::Nothing),
            ("eastus2", 2, "Completed", vec![700], Step::Raise),
            ("eastus2", 3, "Completed", vec![700, 1], Step::Raise),
            ("eastus2", 3, "Replicating", vec![700], Step::AwaitRegion),
            ("westus2", 3, "Completed", vec![1], Step::Raise),
            ("westus2", 3, "Completed", vec![], Step::Raise),
        ];
        for (location, replicas, state, pools, expected) in table {
            let location = location.parse().unwrap();
            let step = decide(&version(replicas, state), &location, ReplicaRule::default(), &pools);
            assert_eq!(step, expected, "{replicas} {state} for {pools:?}");
        }
    }
}
