//! A source that is snapshots, which are used as they are.

use super::{
    disks::{Wanted, read},
    missing::missing,
};
use crate::{
    client::Client,
    compute::snapshot,
    error::{Error, ErrorKind, Result},
    ids::resource::SnapshotId,
    publish::machine::{Machine, SourceDisk as FoundDisk, SourceShape},
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
    let found = read(client, snapshot::list, all).await?;
    require_whole(&found)?;
    let mut found = found.into_iter();
    let os = found.next().ok_or_else(|| missing(&os.to_string()))?;
    Ok(Machine {
        shape: SourceShape::Snapshots,
        ..Machine::of_disks(os, luns.into_iter().zip(found).collect(), None)?
    })
}

/// A snapshot that Azure still fills in the background has succeeded and is of no use yet.
fn require_whole(found: &[FoundDisk]) -> Result<()> {
    let percent = |disk: &FoundDisk| disk.body.completion_percent().filter(|percent| *percent < 100.0);
    let Some((disk, percent)) = found.iter().find_map(|disk| Some((disk, percent(disk)?))) else {
        return Ok(());
    };
    let text = format!("snapshot {} is still being copied: {percent:.0} % are there", disk.name);
    Err(Error::new(ErrorKind::Refused, text).with_hint("wait until its completionPercent is 100, and run again"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::publish::machine::tests::disk;

    #[test]
    fn a_snapshot_that_is_still_filled_is_no_source() {
        let of = |percent: Value| disk("s1", &json!({"completionPercent": percent}));
        for percent in [Value::Null, json!(100.0), json!(100)] {
            assert!(require_whole(&[of(percent.clone())]).is_ok(), "{percent}");
        }
        let error = require_whole(&[of(json!(100.0)), of(json!(41.6))]).unwrap_err();
        assert_eq!(error.to_string(), "snapshot s1 is still being copied: 42 % are there");
    }
}
