//! The texts of azure-arm's artifacts, those of 1.4.5 and of 2.6.3, and what is made of each.

use azure_batch_core::settings::Value;

use super::*;

const COMPUTE: &str =
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute";

/// A text of azure-arm with these lines after its head.
fn text(lines: &[String]) -> String {
    format!(
        "Azure.ResourceManagement.VMImage:\n\nOSType: Linux\n{}\n",
        lines.join("\n")
    )
}

fn image() -> String {
    format!(
        "ManagedImageResourceGroupName: rg\nManagedImageName: built\nManagedImageId: {COMPUTE}/images/built\nManagedImageLocation: westeurope"
    )
}

fn snapshots() -> String {
    "ManagedImageOSDiskSnapshotName: built_os\nManagedImageDataDiskSnapshotPrefix: built_data".to_owned()
}

fn version() -> String {
    format!(
        "ManagedImageSharedImageGalleryId: {COMPUTE}/galleries/gal1/images/ubuntu/versions/1.4.2\n\
         SharedImageGalleryResourceGroup: rg\nSharedImageGalleryName: gal1\nSharedImageGalleryImageName: ubuntu\n\
         SharedImageGalleryImageVersion: 1.4.2\nSharedImageGalleryReplicatedRegions: westeurope, northeurope"
    )
}

/// VHDs as 2.x lists them.
fn vhd() -> String {
    "StorageAccountLocation: westeurope\nVHDOSDiskUri: https://x/c/os.vhd\n\
     AdditionalDiskUri (datadisk-1): https://x/c/d1.vhd\nAdditionalDiskUri (datadisk-2): https://x/c/d2.vhd"
        .to_owned()
}

/// VHDs as older generations list them; some addresses carry their own key.
fn older_vhd() -> String {
    "StorageAccountLocation: westeurope\nOSDiskUri: https://x/c/os.vhd\n\
     OSDiskUriReadOnlySas: https://x/c/os.vhd?sig=hunter2\nTemplateUri: https://x/c/t.json\n\
     TemplateUriReadOnlySas: https://x/c/t.json?sig=hunter2\nAdditionalDiskUri (datadisk-1): https://x/c/d1.vhd\n\
     AdditionalDiskUriReadOnlySas (datadisk-1): https://x/c/d1.vhd?sig=hunter2"
        .to_owned()
}

/// LUN and address of a data disk's VHD.
fn data_vhd(block: &Values) -> String {
    match (
        block.get(image::SOURCE_DATA_VHD_LUN),
        block.get(image::SOURCE_DATA_VHD_URI),
    ) {
        (Some(Value::Number(lun)), Some(Value::Text(address))) => format!("{lun}={address}"),
        odd => format!("{odd:?}"),
    }
}

/// The source as one line, for definition `gal1/{definition}`.
fn source(lines: &[String], definition: &str) -> Result<String, String> {
    let wanted = format!("{COMPUTE}/galleries/gal1/images/{definition}").parse().unwrap();
    let source = Left::read(&text(lines)).and_then(|left| left.source(Some(&wanted)))?;
    let short = |opt| match source.get(opt) {
        Some(Value::Text(id)) => id.replace(COMPUTE, "…"),
        _ => String::new(),
    };
    let parts = [
        image::SOURCE_IMAGE_VERSION,
        image::SOURCE_MANAGED_IMAGE,
        image::SOURCE_OS_SNAPSHOT,
        image::SOURCE_DATA_SNAPSHOT_PREFIX,
        image::SOURCE_OS_VHD,
        image::SOURCE_OS_TYPE,
    ]
    .map(short);
    let data = match source.get(image::SOURCE_DATA_VHD) {
        Some(Value::Blocks(blocks)) => blocks.iter().map(data_vhd).collect(),
        _ => Vec::new(),
    };
    let parts = parts.into_iter().chain(data).collect::<Vec<_>>();
    Ok(parts.join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn each_shape_has_its_source() {
    const VERSION: &str = "…/galleries/gal1/images/ubuntu/versions/1.4.2";
    let disk = || format!("OSDiskUri: {COMPUTE}/disks/pkrosabc");
    let prefix_only = || "ManagedImageDataDiskSnapshotPrefix: built_data".to_owned();
    let table = [
        (vec![image()], "ubuntu", "…/images/built"),
        (
            vec![image(), snapshots()],
            "ubuntu",
            "…/images/built …/snapshots/built_os built_data",
        ),
        // keep_os_disk: the disk is the artifact's id and may be gone; the image is there.
        (vec![image(), disk()], "ubuntu", "…/images/built"),
        (
            vec![image(), snapshots(), disk()],
            "ubuntu",
            "…/images/built …/snapshots/built_os built_data",
        ),
        (vec![image(), prefix_only()], "ubuntu", "…/images/built"),
        (vec![version()], "ubuntu", VERSION),
        (vec![version()], "UBUNTU", VERSION),
        (vec![version()], "other", VERSION),
        (vec![image(), version()], "ubuntu", VERSION),
        (vec![image(), version()], "other", "…/images/built"),
        (
            vec![image(), snapshots(), version()],
            "other",
            "…/images/built …/snapshots/built_os built_data",
        ),
        (vec![vhd(), version()], "ubuntu", VERSION),
        (
            vec![vhd()],
            "ubuntu",
            "https://x/c/os.vhd Linux 0=https://x/c/d1.vhd 1=https://x/c/d2.vhd",
        ),
        (
            vec![older_vhd()],
            "ubuntu",
            "https://x/c/os.vhd Linux 0=https://x/c/d1.vhd",
        ),
    ];
    for (lines, definition, expected) in table {
        assert_eq!(
            source(&lines, definition).as_deref(),
            Ok(expected),
            "{lines:?} for {definition}"
        );
    }
}

#[test]
fn lines_may_end_and_ids_be_spelled_as_windows_and_azure_like() {
    let shouted = image()
        .replace("resourceGroups", "resourcegroups")
        .replace("/images/", "/IMAGES/");
    let text = text(&[shouted, snapshots()]).replace('\n', "\r\n");
    let source = Left::read(&text).unwrap().source(None).unwrap();
    let id_of_image = format!("{COMPUTE}/images/built");
    assert!(matches!(source.get(image::SOURCE_MANAGED_IMAGE), Some(Value::Text(id)) if *id == id_of_image));
    let snapshot = format!("{COMPUTE}/snapshots/built_os");
    assert!(matches!(source.get(image::SOURCE_OS_SNAPSHOT), Some(Value::Text(id)) if *id == snapshot));
}

#[test]
fn what_is_no_source_is_shown_with_the_remedy() {
    let empty = "ManagedImageId: \nManagedImageSharedImageGalleryId: ".to_owned();
    let cases = [
        (vec![], "neither a version nor a managed image"),
        (vec![empty], "neither a version nor a managed image"),
        (
            vec!["ManagedImageId: built".to_owned()],
            "\"built\" is not a managed image id",
        ),
    ];
    for (lines, says) in cases {
        let refusal = source(&lines, "ubuntu").unwrap_err();
        assert!(refusal.contains(says), "{refusal}");
        assert!(refusal.contains("\n  hint: "), "{refusal}");
        assert!(
            !refusal.contains("hunter2"),
            "the key of an address is shown: {refusal}"
        );
    }
}
