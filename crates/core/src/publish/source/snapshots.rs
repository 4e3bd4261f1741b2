//! A source that is snapshots, which are used as they are.

use super::{
    disks::{Wanted, read},
    missing::missing,
};
use crate::{
    client::Client,
    compute::snapshot,
    error::Result,
    ids::resource::SnapshotId,
    publish::machine::{Machine, SourceShape},
    settings::{Lun, SourceDisk},
};

/// Reads the machine of these snapshots.
///
/// # Errors
/// When one is missing or makes no sense.
pub(super) async fn observe(client: &Client, os: &SnapshotId, data: &[SourceDisk<SnapshotId>]) -> Result<Machine> {
    let data = data.iter().map(|disk| (disk.lun, disk.id.clone(), None)).collect();
    machine(client, os, data).await
}

/// The machine of a snapshot of the OS disk and of these of data disks, with their host caches.
///
/// # Errors
/// As [`observe`].
pub(super) async fn machine(
    client: &Client,
    os: &SnapshotId,
    data: Vec<(Lun, SnapshotId, Option<String>)>,
) -> Result<Machine> {
    let wanted = |id: &SnapshotId, caching: Option<String>| Wanted {
        id: id.to_string(),
        group: id.group().clone(),
        get: snapshot::get(id),
        caching,
    };
    let luns: Vec<Lun> = data.iter().map(|(lun, _, _)| *lun).collect();
    let data = data.into_iter().map(|(_, id, caching)| wanted(&id, caching));
    let all = std::iter::once(wanted(os, None)).chain(data).collect();
    let mut found = read(client, snapshot::list, all).await?.into_iter();
    let os = found.next().ok_or_else(|| missing(&os.to_string()))?;
    Ok(Machine {
        shape: SourceShape::Snapshots,
        ..Machine::of_disks(os, luns.into_iter().zip(found).collect(), None)?
    })
}
