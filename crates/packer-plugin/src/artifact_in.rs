//! What the builder, or the post-processor before us, handed over.
//!
//! Its `generated_data` may hold private keys and passwords: it goes on to the next
//! post-processor and nowhere else. Whether what it names is still there is for core to ask.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use azure_batch_core::{
    ids::resource::{ImageDefinitionId, ImageId, ImageVersionId},
    options::image,
    settings::Values,
};

use crate::packer::{artifact::InputArtifact, caller::CallError, log, state::GeneratedData};

/// The id of azure-arm's artifacts, of all its builders and in all its generations.
const AZURE_ARM: &str = "Azure.ResourceManagement.VMImage";

/// An input artifact with what had to be asked at once.
#[derive(Clone, Debug)]
pub struct Input {
    artifact: InputArtifact,
    generated: GeneratedData,
}

/// What azure-arm left behind, as the text of its artifact says: lines of the form `Name: value`.
///
/// The artifact's own id does not help: with `keep_os_disk` it is a disk, which may be gone.
#[derive(Debug, Default)]
struct Left {
    image: Option<ImageId>,
    os_snapshot: Option<String>,
    data_snapshot_prefix: Option<String>,
    version: Option<ImageVersionId>,
    /// Where its VHDs lie, when it made some.
    storage: Option<String>,
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

    /// The source that azure-arm left for a version of that definition; `None` when another builder made the artifact.
    ///
    /// # Errors
    /// When Packer does not answer any more, or with what the artifact lacks and the remedy: a text for the user.
    pub async fn source(&self, wanted: Option<&ImageDefinitionId>) -> Result<Option<Values>, String> {
        let lost = |error: CallError| log::chain(&error);
        if self.artifact.builder_id().await.map_err(lost)? != AZURE_ARM {
            return Ok(None);
        }
        let left = Left::read(&self.artifact.text().await.map_err(lost)?)?;
        left.source(wanted).map(Some)
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

impl Left {
    fn read(text: &str) -> Result<Self, String> {
        let line = |name: &str| {
            let mut values = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
            values
                .next()
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
        };
        Ok(Self {
            image: line("ManagedImageId").map(|id| parse(&id)).transpose()?,
            version: line("ManagedImageSharedImageGalleryId")
                .map(|id| parse(&id))
                .transpose()?,
            os_snapshot: line("ManagedImageOSDiskSnapshotName"),
            data_snapshot_prefix: line("ManagedImageDataDiskSnapshotPrefix"),
            storage: line("StorageAccountLocation"),
        })
    }

    /// A version of the wanted definition is the result already; else whatever holds the disks as the builder left
    /// them is better than a version somewhere else, which is a copy of it.
    fn source(self, wanted: Option<&ImageDefinitionId>) -> Result<Values, String> {
        let is_wanted = |version: &ImageVersionId| wanted.is_none_or(|wanted| version.definition() == *wanted);
        match (self.version, self.image) {
            (Some(version), None) => Ok(of_version(&version)),
            (Some(version), Some(_)) if is_wanted(&version) => Ok(of_version(&version)),
            (_, Some(image)) => Ok(of_image(&image, self.os_snapshot, self.data_snapshot_prefix)),
            (None, None) if self.storage.is_some() => Err(ONLY_VHDS.to_owned()),
            (None, None) => Err(NOTHING.to_owned()),
        }
    }
}

fn of_version(version: &ImageVersionId) -> Values {
    Values::default().with(image::SOURCE_IMAGE_VERSION, version.to_string())
}

/// The snapshots of an image are in its resource group; without them the image itself is the source.
fn of_image(captured: &ImageId, os_snapshot: Option<String>, data_snapshot_prefix: Option<String>) -> Values {
    let mut source = Values::default().with(image::SOURCE_MANAGED_IMAGE, captured.to_string());
    if let Some(name) = os_snapshot {
        source.set(image::SOURCE_OS_SNAPSHOT, captured.group().snapshot(&name).to_string());
        if let Some(prefix) = data_snapshot_prefix {
            source.set(image::SOURCE_DATA_SNAPSHOT_PREFIX, prefix);
        }
    }
    source
}

fn parse<Id: FromStr<Err: Display>>(id: &str) -> Result<Id, String> {
    id.parse().map_err(|error: Id::Err| {
        format!("azure-batch: azure-arm's artifact cannot be read: {error}\n  hint: name what to publish with source {{ … }}")
    })
}

/// For a build whose disks went to a storage account.
const ONLY_VHDS: &str = "azure-batch: azure-arm made VHDs, which are no source yet\n  hint: instead of storage_account set \
     shared_image_gallery_destination, or managed_image_name with managed_image_resource_group_name, in the source block; or \
     name what to publish with source { … }";

/// For a build that made nothing, as with `skip_create_image`.
const NOTHING: &str = "azure-batch: azure-arm made neither a version nor a managed image\n  hint: set \
     shared_image_gallery_destination, or managed_image_name with managed_image_resource_group_name, in the source block, \
     without skip_create_image; or name what to publish with source { … }";

#[cfg(test)]
mod tests;
