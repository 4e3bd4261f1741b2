//! Replicas before nodes: a pool that would outgrow the version's replicas in its region gets more of them first.
//!
//! The arithmetic is in `replicas`, the writing in `replication`. Nothing is ever lowered.

use crate::{
    batch::pool::{self, Pool},
    client::Client,
    compute::version::ImageVersion,
    error::Result,
    ids::Location,
    operation::Status,
    progress::Event,
    replicas::{self, RegionNeed},
    replication::{self, Settled, Wanted},
    settings::{ReplicaRule, RolloutSettings},
};

use super::{observe::Site, pool::PoolAccess, verdict::is_version};

/// What the version needs in the account's region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing.
    Nothing,
    /// Its replicas there are enough, but not complete yet.
    AwaitRegion,
    /// More replicas, or the region itself.
    Raise,
}

/// Makes sure that the version's replicas carry the account's pools once this one has its size, as far as we can see.
pub(super) async fn ensure(access: &PoolAccess<'_>, site: &Site, settings: &RolloutSettings) -> Result<()> {
    let client = access.client();
    let Some(version) = &site.version else {
        return Ok(());
    };
    let Some(location) = &site.location else {
        return usable(client, version).await;
    };
    let rule = settings.policy.replica_rule;
    let pools = pool_sizes(access, settings).await?;
    let need = replicas::need(rule, location, &pools)?;
    match decide(version, location, rule, &pools) {
        Step::Nothing => client.run().progress.tell(Event::StepSkipped {
            step: "replicas",
            why: format!(
                "{} are there for {} nodes",
                present(version, location),
                pools.iter().sum::<u32>()
            ),
        }),
        Step::AwaitRegion => match replication::settled(client, &version.id, std::slice::from_ref(location)).await? {
            Settled::Complete(_) => {}
            // Adding the region again repairs it.
            Settled::RegionFailed(..) | Settled::RegionMissing(_) | Settled::ChangeFailed(_) => {
                raise(client, version, need).await?;
            }
        },
        Step::Raise => raise(client, version, need).await?,
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
    let listed = access
        .client()
        .list(&pool::list_sizes(access.watch().endpoint()))
        .await?;
    let is_ours = |id: &str| id.eq_ignore_ascii_case(access.id().as_str());
    let others = listed.into_iter().filter_map(|item| {
        let is_other = item.get("id").and_then(|id| id.as_str()).is_some_and(|id| !is_ours(id));
        let pool = Pool::new(item);
        // What follows the definition may get this version with its next nodes.
        let follows =
            pool.image().follows_latest() && pool.image().definition() == Some(settings.pool.version.definition());
        let runs_it = follows
            || pool
                .image_id()
                .is_some_and(|image| is_version(image, &settings.pool.version));
        (is_other && runs_it).then(|| pool.targets.total())
    });
    let ours = settings
        .pool
        .targets
        .dedicated
        .saturating_add(settings.pool.targets.spot);
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
