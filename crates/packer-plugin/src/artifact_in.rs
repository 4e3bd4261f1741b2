//! What the builder, or the post-processor before us, handed over.
//!
//! Its `generated_data` may hold private keys and passwords: it goes on to the next
//! post-processor and nowhere else. Whether what it names is still there is for core to ask.

use std::collections::BTreeMap;

use crate::{
    imaging::v1,
    packer::{artifact::InputArtifact, caller::CallError, log, state::GeneratedData},
};

/// The id of azure-arm's artifacts, of all its builders and in all its generations.
const AZURE_ARM: &str = "Azure.ResourceManagement.VMImage";

/// An input artifact with what had to be asked at once.
#[derive(Clone, Debug)]
pub struct Input {
    artifact: InputArtifact,
    generated: GeneratedData,
}

impl Input {
    /// Asks Packer about the artifact.
    ///
    /// # Errors
    /// When Packer does not answer any more.
    pub async fn read(artifact: InputArtifact) -> Result<Self, CallError> {
        Ok(Self {
            generated: artifact.generated_data().await?,
            artifact,
        })
    }

    /// The source that azure-arm left; `None` when another builder made the artifact.
    ///
    /// # Errors
    /// When Packer does not answer any more, or with what the artifact lacks and the remedy: a text for the user.
    pub async fn source(&self) -> Result<Option<v1::Source>, String> {
        let lost = |error: CallError| log::chain(&error);
        if self.artifact.builder_id().await.map_err(lost)? != AZURE_ARM {
            return Ok(None);
        }
        captured_source(&self.artifact.text().await.map_err(lost)?).map(Some)
    }

    /// What `{{build}}` of a legacy template knows.
    #[must_use]
    pub fn build_variables(&self) -> BTreeMap<String, String> {
        self.generated.texts()
    }

    /// The builder's own values for `build.*`.
    #[must_use]
    pub const fn generated(&self) -> &GeneratedData {
        &self.generated
    }

    /// The artifact, for what only Packer knows.
    #[must_use]
    pub const fn artifact(&self) -> &InputArtifact {
        &self.artifact
    }
}

/// Reads the lines of an azure-arm artifact, `Name: value`.
///
/// The artifact's own id is no help: with `keep_os_disk` it is a disk, which may be gone.
fn captured_source(text: &str) -> Result<v1::Source, String> {
    let line = |name: &str| {
        let mut values = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
        values
            .next()
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    };
    let image = line("ManagedImageId").ok_or(NO_IMAGE)?;
    let os_snapshot = line("ManagedImageOSDiskSnapshotName").ok_or(NO_SNAPSHOT)?;
    let (compute, _name) = image.rsplit_once("/images/").ok_or(NO_IMAGE)?;
    Ok(v1::Source {
        os_snapshot: Some(format!("{compute}/snapshots/{os_snapshot}")),
        data_snapshot_prefix: line("ManagedImageDataDiskSnapshotPrefix"),
        managed_image: Some(image),
        ..v1::Source::default()
    })
}

/// For a build that only made a version or a VHD.
const NO_IMAGE: &str = "azure-batch: azure-arm made no managed image that could be published\n  hint: set \
     managed_image_name, managed_image_resource_group_name and managed_image_os_disk_snapshot_name in the source block, \
     or name what to publish with source { … }";

/// For a build that kept nothing of its disks.
const NO_SNAPSHOT: &str = "azure-batch: azure-arm kept no snapshot of the OS disk, and its VM is gone\n  hint: set \
     managed_image_os_disk_snapshot_name in the source block, and managed_image_data_disk_snapshot_prefix if the machine \
     has data disks; or name what to publish with source { … }";

#[cfg(test)]
mod tests {
    use super::*;

    const COMPUTE: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute";

    fn artifact(more: &str) -> String {
        format!(
            "Azure.ResourceManagement.VMImage:\n\nOSType: Linux\nManagedImageResourceGroupName: rg\n\
             ManagedImageName: built\nManagedImageId: {COMPUTE}/images/built\nManagedImageLocation: eastus2\n{more}"
        )
    }

    #[test]
    fn named_snapshots_are_found_beside_the_managed_image() {
        let text =
            artifact("ManagedImageOSDiskSnapshotName: built_os\nManagedImageDataDiskSnapshotPrefix: built_data\n");
        let source = captured_source(&text).unwrap();
        assert_eq!(source.os_snapshot, Some(format!("{COMPUTE}/snapshots/built_os")));
        assert_eq!(source.managed_image, Some(format!("{COMPUTE}/images/built")));
        assert_eq!(source.data_snapshot_prefix.as_deref(), Some("built_data"));
    }

    #[test]
    fn what_the_builder_did_not_keep_is_told_with_the_remedy() {
        let cases = [
            (artifact(""), "managed_image_os_disk_snapshot_name"),
            (
                "Azure.ResourceManagement.VMImage:\n\nOSType: Linux\nVHDOSDiskUri: https://x\n".to_owned(),
                "no managed image",
            ),
        ];
        for (text, says) in cases {
            let refusal = captured_source(&text).unwrap_err();
            assert!(refusal.contains(says), "{refusal}");
        }
    }
}
