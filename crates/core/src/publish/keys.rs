//! The user's own keys for replicas, looked at before the first write: a disk encryption set encrypts disks of its own
//! region only.
//!
//! Whether every region has one is decided in `layout`. Keys in Azure's own JSON are Azure's to check.

use futures::future::try_join_all;

use crate::{
    client::Client,
    compute::encryption_set,
    error::{Error, ErrorKind, Result},
    ids::{Location, resource::DiskEncryptionSetId},
    options::image,
    settings::PublishSettings,
    words,
};

/// Requires that each disk encryption set is there, in the region whose replicas it encrypts. One that this identity may
/// not read is a note: the service decides.
///
/// # Errors
/// `BadInput`, naming set and region; when Azure fails or the run ends.
pub(super) async fn require_sets(client: &Client, settings: &PublishSettings) -> Result<()> {
    let looks = wanted(settings)
        .into_iter()
        .map(|(set, region)| require(client, set, region));
    try_join_all(looks).await.map(drop)
}

/// Each set with the region that names it, once.
fn wanted(settings: &PublishSettings) -> Vec<(&DiskEncryptionSetId, &Location)> {
    let mut wanted: Vec<(&DiskEncryptionSetId, &Location)> = Vec::new();
    for region in &settings.target_regions {
        let keys = region.keys.iter();
        for set in keys.flat_map(|keys| std::iter::once(&keys.os).chain(keys.data.values())) {
            let one = (set, &region.location);
            if !wanted.contains(&one) {
                wanted.push(one);
            }
        }
    }
    wanted
}

async fn require(client: &Client, set: &DiskEncryptionSetId, region: &Location) -> Result<()> {
    let name = set.name();
    let found = match client.find(&encryption_set::get(set)).await {
        Err(error) if error.kind() == ErrorKind::NoRights => {
            client.note(format!(
                "not checked: whether disk encryption set {name} lies in {region}: this identity lacks {}",
                encryption_set::READ
            ));
            return Ok(());
        }
        found => found?,
    };
    let lies_in = found.as_ref().map(|answer| encryption_set::location(&answer.value()));
    let text = match lies_in {
        Some(Some(location)) if location != *region => {
            format!("disk encryption set {name} lies in {location}, and its key is to encrypt replicas in {region}")
        }
        None => format!("disk encryption set {name}, whose key is to encrypt replicas in {region}, is not there"),
        Some(_) => return Ok(()),
    };
    Err(Error::new(ErrorKind::BadInput, text).with_hint(words![
        "give the block ",
        image::DESTINATION_TARGET_REGION,
        format!(" of {region} a disk encryption set of that region: its resource id is {set} now")
    ]))
}
