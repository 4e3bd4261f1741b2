//! Takes a version out of regions for good, which happens on request only.
//!
//! Whether a region may go is decided by the flow. A region that failed and comes back is `repair`'s.

use super::{
    ensure::{Wanted, doing, ensure},
    settled::{Settled, settled},
    taken_out::{is_tagged, take_out_for_good},
};
use crate::{
    client::Client,
    compute::version::{self, ImageVersion},
    error::{Error, ErrorKind, Result},
    ids::{Location, resource::ImageVersionId},
    write::Tries,
};

/// How often the version is written when other writers put a region back.
const MAX_WRITES: u32 = 5;

/// Writes the version without the regions until it shows none of them, and then lets it refuse removals again if it did.
///
/// A version has no `ETag`, so every write starts from the version as it was just read, and the next look shows what
/// became of it.
///
/// # Errors
/// When the version is missing, failed or being deleted, other writers put a region back again and again, the service
/// refuses, or the run ends.
pub async fn remove(client: &Client, id: &ImageVersionId, regions: &[Location]) -> Result<()> {
    let doing = doing(id);
    let mut tries = Tries::new(client, &doing);
    let mut writes = 0;
    loop {
        let found = settled(client, id, &[]).await?;
        let is_good = matches!(found, Settled::Complete(_));
        let version = found.into_version();
        match take_out_for_good(&version, regions) {
            Some(body) if writes < MAX_WRITES => match version::change(client, id, body).await {
                Ok(_) => writes += 1,
                Err(error) => drop(tries.after(error).await?),
            },
            Some(_) => return Err(put_back(&version)),
            None if is_tagged(&version) || !is_good => drop(ensure(client, id, &Wanted::default()).await?),
            None => return Ok(()),
        }
    }
}

fn put_back(version: &ImageVersion) -> Error {
    let text = format!(
        "{MAX_WRITES} times Azure accepted that regions are removed from {}, and it shows them",
        version.title()
    );
    Error::new(ErrorKind::Azure, text)
        .with_hint("look who else writes the version, and run the same again when they are done")
}

/// Whether a removal was begun and the version does not refuse removals again yet.
#[must_use]
pub fn is_under_way(version: &ImageVersion) -> bool {
    is_tagged(version)
}
