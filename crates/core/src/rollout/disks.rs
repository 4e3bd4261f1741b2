//! How large the disks of a pool's nodes are, in words, and what makes room: once a disk is full. Pure.
//!
//! They are read in `disk_sizes`. The rest of the text is `explain`'s.

use crate::{
    error::Error,
    one_line::one_line,
    options::pool,
    words::{Part, Words},
};

/// What makes an OS disk larger.
const OS_DISK_SIZE: &str = "virtualMachineConfiguration.osDisk.diskSizeGB in ";

/// MB in a GB, as Azure counts them.
const MB: u64 = 1024;

/// The disks of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Disks {
    /// The VM size.
    pub(super) size: String,
    /// The temporary disk, in MB; 0 where the size has none.
    pub(super) temporary_mb: Option<u64>,
    /// The OS disk, in GB.
    pub(super) os_gb: Option<u64>,
}

impl Disks {
    /// Where Batch has its folders, and how large the disks are, in one sentence; nothing when nothing is known.
    ///
    /// Batch does not say which disk is full. That its folders are on the temporary disk, where there is one, is on
    /// <https://learn.microsoft.com/azure/batch/batch-pool-node-error-checking>.
    pub(super) fn sentence(&self) -> Option<String> {
        let size = one_line(&self.size);
        let os = self.os_gb.map(|gb| format!("{gb} GB"));
        Some(match (self.temporary_mb, os) {
            (Some(0), Some(os)) => {
                format!("{size} has no temporary disk, so Batch has its folders on the OS disk, which has {os}")
            }
            (Some(0), None) => format!("{size} has no temporary disk, so Batch has its folders on the OS disk"),
            (Some(mb), os) => {
                let os = os.map(|os| format!("; the OS disk has {os}")).unwrap_or_default();
                let temporary = mb.div_ceil(MB);
                format!("Batch has its folders on the temporary disk, which has {temporary} GB on {size}{os}")
            }
            (None, Some(os)) => format!("the OS disk has {os}"),
            (None, None) => return None,
        })
    }
}

/// Nodes with a full disk: how large it is, and what makes room.
pub(super) fn advised(error: Error, disks: &Disks) -> Error {
    let error = match disks.sentence() {
        Some(sentence) => error.with_fact(sentence),
        None => error,
    };
    let mut text: Vec<Part> = vec![Part::from(
        "the other nodes may fill up too: write less in the start task and the application packages, ",
    )];
    match disks.temporary_mb {
        Some(1..) => text.extend([
            Part::from("or take a "),
            Part::from(pool::VM_SIZE),
            Part::from(
                " with a larger temporary disk; what is written outside Batch's folders needs a larger OS disk (",
            ),
            Part::from(OS_DISK_SIZE),
            Part::from(pool::POOL_JSON),
            Part::from(")"),
        ]),
        Some(0) | None => text.extend([
            Part::from("make the OS disk larger ("),
            Part::from(OS_DISK_SIZE),
            Part::from(pool::POOL_JSON),
            Part::from("), or take a "),
            Part::from(pool::VM_SIZE),
            Part::from(" with a temporary disk"),
        ]),
    }
    text.extend([
        Part::from("; then roll out with "),
        Part::set(pool::STRATEGY, "in-place"),
        Part::from(" or to a new "),
        Part::from(pool::POOL_ID),
    ]);
    error.with_next(text.into_iter().collect::<Words>(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_the_disks_is_one_sentence() {
        let said = |temporary_mb, os_gb| {
            let size = "Standard_D4s_v5".to_owned();
            let disks = Disks {
                size,
                temporary_mb,
                os_gb,
            };
            disks.sentence().unwrap_or_default()
        };
        assert_eq!(
            said(Some(0), Some(30)),
            "Standard_D4s_v5 has no temporary disk, so Batch has its folders on the OS disk, which has 30 GB"
        );
        assert_eq!(
            said(Some(153_600), Some(30)),
            "Batch has its folders on the temporary disk, which has 150 GB on Standard_D4s_v5; the OS disk has 30 GB"
        );
        assert_eq!(
            said(Some(153_600), None),
            "Batch has its folders on the temporary disk, which has 150 GB on Standard_D4s_v5"
        );
        assert_eq!(
            (said(None, Some(30)).as_str(), said(None, None).as_str()),
            ("the OS disk has 30 GB", "")
        );
    }
}
