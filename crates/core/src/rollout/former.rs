//! Whether a pool can get an image again that it had: what a return needs, read before anything is written.
//!
//! It writes nothing. What cannot be read speaks against no return. What follows is decided in `replace::begin`.

use super::{
    decide::Refusal,
    explain::{refused, short_image},
    observe,
    pool::PoolAccess,
    record::{Back, Lack, Record, is_retired},
};
use crate::{
    batch::pool::Pool,
    client::Client,
    compute::{
        soft_deleted::Phase,
        version::{self, ImageVersion, location_of},
    },
    error::{ErrorKind, Result},
    ids::{BatchEndpoint, Location, resource::ImageVersionId},
    memory::RECENT,
    operation::Status,
    replication, rights, versions,
};

/// What helps a pool that cannot be what it was.
pub(super) const NO_WAY_BACK: &str = "roll out another version with {strategy=in-place}: where a change has begun, that \
                                      roll-out takes it over and gives the jobs back at its end";

/// So many versions are named.
const NUMBERS: usize = 8;

/// The way back of the change that is under way with a pool, or of one that would begin with it now.
///
/// # Errors
/// When the run ends.
pub(super) async fn of_pool(client: &Client, endpoint: &BatchEndpoint, pool: &Pool) -> Result<Back> {
    let record = Record::of_pool(pool).filter(Record::is_under_way);
    let image = match &record {
        Some(record) => record.former_image(),
        None => pool.image_id(),
    };
    of_image(client, endpoint, image).await
}

/// The way back to an image.
///
/// # Errors
/// When the run ends.
pub(super) async fn of_image(client: &Client, endpoint: &BatchEndpoint, image: Option<&str>) -> Result<Back> {
    let Some(image) = image else {
        return Ok(Back::Possible);
    };
    if is_retired(image) {
        return Ok(Back::Retired);
    }
    let Ok(id) = image.parse::<ImageVersionId>() else {
        return Ok(Back::Possible);
    };
    match lack(client, endpoint.region().as_ref(), &id).await {
        Ok(lack) => Ok(lack.map_or(Back::Possible, Back::Lost)),
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
            ErrorKind::NoRights => {
                let (image, lack) = (short_image(image), rights::lack(&error));
                client.note(format!(
                    "not checked: whether nodes can still be made from {image}: {lack}"
                ));
                Ok(Back::Possible)
            }
            _ => Ok(Back::Possible),
        },
    }
}

/// Why no return to a former pool without nodes is possible, when none is.
///
/// # Errors
/// When the run ends.
pub async fn no_return_to(client: &Client, endpoint: &BatchEndpoint, former: &Pool) -> Result<Option<&'static str>> {
    Ok(match of_image(client, endpoint, former.image_id()).await? {
        Back::Lost(lack) => Some(lack.why()),
        // A pool that is there keeps its managed image.
        Back::Possible | Back::Retired => None,
    })
}

/// Refuses a return to an image that the pool cannot get, before anything is written.
///
/// # Errors
/// `Refused` with what works instead; when the run ends.
pub(super) async fn require(access: &PoolAccess<'_>, image: Option<&str>) -> Result<()> {
    let (client, endpoint) = (access.client(), access.watch().endpoint());
    let way_back = of_image(client, endpoint, image).await?;
    let image = image.unwrap_or_default();
    let Back::Lost(lack) = way_back else {
        return Ok(());
    };
    let refusal = Refusal {
        why: format!("cannot go back to {}, which {}", short_image(image), lack.why()),
        remedy: NO_WAY_BACK,
    };
    let error = refused(access.at(), refusal);
    let Ok(id) = image.parse::<ImageVersionId>() else {
        return Err(error);
    };
    let has = observe::numbers(&client.recalling(RECENT), &id.definition()).await;
    let has: Vec<String> = has.iter().take(NUMBERS).map(ToString::to_string).collect();
    Err(match has.is_empty() {
        true => error,
        false => error.with_fact(format!("the definition still has {}", has.join(", "))),
    })
}

async fn lack(client: &Client, location: Option<&Location>, id: &ImageVersionId) -> Result<Option<Lack>> {
    match version::find(&client.recalling(RECENT), id).await? {
        Some(version) => Ok(of_version(&version, location)),
        None => of_deleted(&client.recalling(RECENT), id).await,
    }
}

/// A deleted version can be used by its id for a time, where its gallery keeps it. One that may be kept and cannot be seen
/// counts as gone: few galleries keep what is deleted.
async fn of_deleted(client: &Client, id: &ImageVersionId) -> Result<Option<Lack>> {
    let kept = versions::kept(client, &id.definition()).await?;
    let mut kept = kept.unwrap_or_default().into_iter();
    let kept = kept.find(|kept| id.number() == Some(kept.number));
    let phase = kept.map_or(Phase::Gone, |kept| kept.phase(client.run().now()));
    Ok(match phase {
        Phase::Usable => None,
        Phase::Restorable => Some(Lack::Deleted),
        Phase::Gone => Some(Lack::Gone),
    })
}

fn of_version(version: &ImageVersion, location: Option<&Location>) -> Option<Lack> {
    let is_broken = matches!(version.status(), Status::Failed(_)) && replication::repairable_region(version).is_none();
    if is_broken {
        return Some(Lack::Failed);
    }
    let location = location?;
    let regions: Vec<Location> = version.target_regions().iter().filter_map(location_of).collect();
    (!regions.is_empty() && !regions.contains(location)).then_some(Lack::Elsewhere)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_lacks_what_keeps_nodes_from_it() {
        let id: ImageVersionId = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0".parse().unwrap();
        let of = |state: &str, region: &str| {
            let body = json!({"properties": {"provisioningState": state,
                "publishingProfile": {"targetRegions": [{"name": region}]}}});
            of_version(&ImageVersion::new(id.clone(), body), Some(&"eastus2".parse().unwrap()))
        };
        assert_eq!(of("Succeeded", "East US 2"), None);
        assert_eq!(of("Updating", "eastus2"), None);
        assert_eq!(of("Succeeded", "westus2"), Some(Lack::Elsewhere));
        assert_eq!(of("Failed", "eastus2"), Some(Lack::Failed));
    }
}
