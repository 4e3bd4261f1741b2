//! Which snapshots belong to a machine that Packer's azure-arm captured.
//!
//! The managed image says the LUNs and host caches; the version is made of the snapshots.

use serde_json::Value;

use super::{missing::missing_among, snapshots};
use crate::{
    client::Client,
    compute::image,
    error::{Error, ErrorKind, Result},
    ids::resource::{ImageId, SnapshotId},
    json,
    publish::machine::Machine,
    settings::Lun,
};

/// A data disk of the captured machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CapturedDisk {
    pub lun: Lun,
    /// The host cache that the image gives it.
    pub caching: Option<String>,
    pub snapshot: SnapshotId,
}

/// Reads the machine that was captured.
///
/// # Errors
/// When the image or a snapshot is missing, or makes no sense.
pub(super) async fn observe(
    client: &Client,
    image: &ImageId,
    os: &SnapshotId,
    prefix: Option<&str>,
) -> Result<Machine> {
    let Some(answer) = client.find(&image::get(image)).await? else {
        return Err(missing_among(client, &image.to_string(), &image::list(image.group())).await);
    };
    let body = answer.value();
    let data = disks(&body, image, os, prefix)?.into_iter();
    let data = data.map(|disk| (disk.lun, disk.snapshot, disk.caching)).collect();
    snapshots::machine(client, os, data).await
}

/// The data disks of the image, each with its snapshot: `<prefix>0`, `<prefix>1`, …, in the image's order.
///
/// # Errors
/// When the image has data disks and no snapshots of them are named, or has an odd LUN.
fn disks(body: &Value, image: &ImageId, os: &SnapshotId, prefix: Option<&str>) -> Result<Vec<CapturedDisk>> {
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
    fn data_disks_without_snapshots_are_not_forgotten() {
        assert_eq!(found(&json!([]), None).unwrap(), []);
        let refusal = found(&json!([{"lun": 0}]), None).unwrap_err();
        assert!(refusal.to_string().contains("built has 1 data disk(s)"), "{refusal}");
    }
}
