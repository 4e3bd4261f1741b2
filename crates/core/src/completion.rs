//! Waits until a version is complete in its regions, as `no_wait` leaves it or another program makes it.
//!
//! It writes nothing: a region that failed, or that the version does not have, is for a publish.

use serde::Serialize;

use crate::{
    client::Client,
    compute::version::{self, ImageVersion, RegionState},
    error::{Error, ErrorKind, Result},
    ids::{Location, resource::ImageVersionId},
    options::image::DESTINATION_TARGET_REGION,
    replication::{self, Settled},
    settings::{Checked, CompletionSettings},
    words,
};

/// What a wait has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Completion {
    /// The version.
    pub version: ImageVersionId,
    /// Its regions, also those that were not waited for.
    pub regions: Vec<CompletedRegion>,
}

/// A region of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CompletedRegion {
    /// The region.
    pub name: Location,
    /// Its replicas.
    pub replicas: u32,
    /// The service's word; `Completed` when the version is usable there.
    pub state: String,
}

impl From<RegionState> for CompletedRegion {
    fn from(region: RegionState) -> Self {
        Self {
            name: region.location,
            replicas: region.replicas,
            state: region.state,
        }
    }
}

/// Waits until the version is complete in the regions that were asked for, or in all that it has.
///
/// # Errors
/// When there is no such version, it has failed or is being deleted, it is not to be in one of the regions, a region has
/// failed, or the run ends.
pub async fn wait(client: &Client, settings: &Checked<CompletionSettings>) -> Result<Completion> {
    let title = version::title(&settings.version);
    let what = format!("waiting for image version {title}");
    let waited = client.run().step("replication", what, complete(client, settings)).await;
    let version = waited.map_err(|error| error.in_flow(format!("image version {title} is not complete")))?;
    Ok(Completion {
        regions: version.regions().into_iter().map(CompletedRegion::from).collect(),
        version: version.id,
    })
}

async fn complete(client: &Client, settings: &CompletionSettings) -> Result<ImageVersion> {
    let id = &settings.version;
    let wanted = match settings.regions.as_slice() {
        [] => {
            let version = replication::settled(client, id, &[]).await?.into_version();
            version.regions().into_iter().map(|region| region.location).collect()
        }
        asked => asked.to_vec(),
    };
    match replication::settled(client, id, &wanted).await? {
        Settled::Complete(version) => Ok(version),
        Settled::ChangeFailed(version) => Ok(version),
        Settled::RegionMissing(version) => Err(missing(&version, &wanted)),
        Settled::RegionFailed(version, region) => Err(replication::failed_region(&version, &region)
            .with_hint("the publish that made the version repairs it: run that again")),
    }
}

/// The version is not asked to be there, so it never will be.
fn missing(version: &ImageVersion, wanted: &[Location]) -> Error {
    let has: Vec<Location> = version.regions().into_iter().map(|region| region.location).collect();
    let names = |regions: &mut dyn Iterator<Item = &Location>| -> String {
        let names: Vec<&str> = regions.map(Location::as_str).collect();
        names.join(", ")
    };
    let lacks = names(&mut wanted.iter().filter(|region| !has.contains(region)));
    let text = format!("image version {} is not replicated to {lacks}", version.title());
    let has = format!("it has {}; add a region with a publish, in ", names(&mut has.iter()));
    Error::new(ErrorKind::BadInput, text).with_hint(words![has, DESTINATION_TARGET_REGION])
}
