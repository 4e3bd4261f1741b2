//! Which snapshots belong to a machine that Packer's azure-arm captured.
//!
//! It only reads the managed image's own description; whether the snapshots are there is asked by whoever needs them.

use serde_json::Value;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::resource::{ImageId, SnapshotId},
    json,
    settings::Lun,
};

/// A data disk of the captured machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CapturedDisk {
    pub lun: Lun,
    /// The host cache that the image gives it.
    pub caching: Option<String>,
    pub snapshot: SnapshotId,
}

/// The data disks of the image, each with its snapshot: `<prefix>0`, `<prefix>1`, …, in the image's order.
///
/// # Errors
/// When the image has data disks and nobody kept snapshots of them, or has a LUN that is none.
pub(super) fn disks(body: &Value, image: &ImageId, os: &SnapshotId, prefix: Option<&str>) -> Result<Vec<CapturedDisk>> {
    let disks = body
        .pointer("/properties/storageProfile/dataDisks")
        .and_then(Value::as_array);
    let disks = disks.map(Vec::as_slice).unwrap_or_default();
    if disks.is_empty() {
        return Ok(Vec::new());
    }
    let prefix = prefix.ok_or_else(|| {
        let count = disks.len();
        let what = format!(
            "managed image {} has {count} data disk(s), and no snapshots of them are named",
            image.name()
        );
        Error::new(ErrorKind::BadInput, what)
            .with_hint("let the builder keep them, with managed_image_data_disk_snapshot_prefix")
    })?;
    let captured = |(position, disk): (usize, &Value)| {
        let lun = disk
            .get("lun")
            .and_then(Value::as_u64)
            .and_then(|lun| u32::try_from(lun).ok());
        let lun = Lun::try_from(lun.unwrap_or(u32::MAX)).map_err(|cause| {
            Error::new(
                ErrorKind::Azure,
                format!("managed image {} makes no sense", image.name()),
            )
            .because(cause)
        })?;
        Ok(CapturedDisk {
            lun,
            caching: json::text(disk, "/caching").map(str::to_owned),
            snapshot: os.group().snapshot(&format!("{prefix}{position}")),
        })
    };
    disks.iter().enumerate().map(captured).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute";

    fn found(disks: &Value, prefix: Option<&str>) -> Result<Vec<CapturedDisk>> {
        let body = json!({"properties": {"storageProfile": {"dataDisks": disks}}});
        let image = format!("{GROUP}/images/built").parse().unwrap();
        let os = format!("{GROUP}/snapshots/built_os").parse().unwrap();
        super::disks(&body, &image, &os, prefix)
    }

    #[test]
    fn snapshots_are_numbered_in_the_images_order_and_luns_are_the_images() {
        let disks = found(
            &json!([{"lun": 3, "caching": "ReadOnly"}, {"lun": 1}]),
            Some("built_data"),
        )
        .unwrap();
        let seen: Vec<_> = disks
            .iter()
            .map(|disk| (disk.lun.number(), disk.snapshot.name(), disk.caching.as_deref()))
            .collect();
        assert_eq!(seen, [(3, "built_data0", Some("ReadOnly")), (1, "built_data1", None)]);
    }

    #[test]
    fn data_disks_that_nobody_kept_are_not_forgotten() {
        assert_eq!(found(&json!([]), None).unwrap(), []);
        let refusal = found(&json!([{"lun": 0}]), None).unwrap_err();
        assert!(refusal.to_string().contains("built has 1 data disk(s)"), "{refusal}");
    }
}
