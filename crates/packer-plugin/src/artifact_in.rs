//! What the builder, or the post-processor before us, handed over.
//!
//! Its `generated_data` may hold private keys and passwords: it goes on to the next
//! post-processor and nowhere else. Whether what it names is still there is for core to ask.

mod chroot;

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use azure_batch_core::{
    ids::resource::{ImageDefinitionId, ImageId, ImageVersionId},
    options::image,
    settings::{Value, Values},
};

use crate::packer::{artifact::InputArtifact, caller::CallError, log, state::GeneratedData};

/// The id of azure-arm's artifacts, of all its builders and in all its generations.
const AZURE_ARM: &str = "Azure.ResourceManagement.VMImage";

/// Under which name azure-arm hands on the id of the image that it started from.
const SOURCE_OF_AZURE_ARM: &str = "SourceImageName";

/// The id of azure-chroot's artifacts.
const AZURE_CHROOT: &str = "azure.chroot";

/// An input artifact with what had to be asked at once.
#[derive(Clone, Debug)]
pub struct Input {
    artifact: InputArtifact,
    generated: GeneratedData,
}

/// The most data disks that any size of a VM takes.
const MOST_DATA_DISKS: usize = 64;

/// What azure-arm left behind, as the text of its artifact says: lines of the form `Name: value`.
///
/// The artifact's own id does not help: with `keep_os_disk` it is a disk, which may be gone.
#[derive(Debug, Default)]
struct Left {
    image: Option<ImageId>,
    os_snapshot: Option<String>,
    data_snapshot_prefix: Option<String>,
    version: Option<ImageVersionId>,
    vhds: Option<LeftVhds>,
}

/// The VHDs that azure-arm left in a storage account.
#[derive(Debug)]
struct LeftVhds {
    os: String,
    /// In the order of their LUNs, which begin at 0.
    data: Vec<String>,
    os_type: Option<String>,
}

/// What holds a whole machine.
#[derive(Debug)]
enum Whole {
    Version(ImageVersionId),
    Image(ImageId),
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

    /// The source that azure-arm or azure-chroot left for a version of that definition; `None` when another builder made
    /// the artifact.
    ///
    /// # Errors
    /// When Packer does not answer any more, or with what the artifact lacks and the remedy: a text for the user.
    pub async fn source(&self, wanted: Option<&ImageDefinitionId>) -> Result<Option<Values>, String> {
        let lost = |error: CallError| log::chain(&error);
        let builder = self.artifact.builder_id().await.map_err(lost)?;
        if builder != AZURE_ARM && builder != AZURE_CHROOT {
            return Ok(None);
        }
        let text = self.artifact.text().await.map_err(lost)?;
        let source = if builder == AZURE_ARM {
            Left::read(&text)?.source(wanted)
        } else {
            chroot::source(&text, wanted)
        };
        source.map(Some)
    }

    /// What the builder says that it started from.
    #[must_use]
    pub fn made_from(&self) -> Option<String> {
        let said = self.generated.find(SOURCE_OF_AZURE_ARM).map(ToString::to_string);
        // azure-arm writes ERR_SOURCE_IMAGE_NAME_NOT_FOUND where it does not know.
        said.filter(|said| !said.is_empty() && !said.starts_with("ERR_"))
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
        let line = |name: &str| line(text, name);
        Ok(Self {
            image: line("ManagedImageId").map(|id| parse(&id)).transpose()?,
            version: line("ManagedImageSharedImageGalleryId")
                .map(|id| parse(&id))
                .transpose()?,
            os_snapshot: line("ManagedImageOSDiskSnapshotName"),
            data_snapshot_prefix: line("ManagedImageDataDiskSnapshotPrefix"),
            vhds: LeftVhds::read(text),
        })
    }

    fn source(self, wanted: Option<&ImageDefinitionId>) -> Result<Values, String> {
        match better(self.version, self.image, wanted) {
            Some(Whole::Version(version)) => Ok(of_version(&version)),
            Some(Whole::Image(image)) => Ok(of_image(&image, self.os_snapshot, self.data_snapshot_prefix)),
            None => self.vhds.map(LeftVhds::source).ok_or_else(|| NOTHING.to_owned()),
        }
    }
}

impl LeftVhds {
    /// Since 2.0 the OS disk's line is `VHDOSDiskUri`. Before it was `OSDiskUri`, which also names the disk that
    /// `keep_os_disk` keeps, by its id. Other lines have the same addresses with signatures, which are left alone.
    fn read(text: &str) -> Option<Self> {
        let os = line(text, "VHDOSDiskUri").or_else(|| line(text, "OSDiskUri"));
        let numbers = 1..=MOST_DATA_DISKS;
        let data = numbers.map_while(|number| line(text, &format!("AdditionalDiskUri (datadisk-{number})")));
        Some(Self {
            os: os.filter(|os| os.starts_with("https://"))?,
            data: data.collect(),
            os_type: line(text, "OSType"),
        })
    }

    fn source(self) -> Values {
        let mut source = Values::default().with(image::SOURCE_OS_VHD, self.os);
        if let Some(os_type) = self.os_type {
            source.set(image::SOURCE_OS_TYPE, os_type);
        }
        let vhd = |(lun, address): (u64, String)| {
            Values::default()
                .with(image::SOURCE_DATA_VHD_LUN, Value::Number(lun))
                .with(image::SOURCE_DATA_VHD_URI, address)
        };
        let data: Vec<Values> = (0..).zip(self.data).map(vhd).collect();
        if !data.is_empty() {
            source.set(image::SOURCE_DATA_VHD, Value::Blocks(data));
        }
        source
    }
}

/// A version of the wanted definition is the result already; else whatever holds the disks as the builder left them is
/// better than a version somewhere else, which is a copy of it.
fn better(
    version: Option<ImageVersionId>,
    image: Option<ImageId>,
    wanted: Option<&ImageDefinitionId>,
) -> Option<Whole> {
    let is_wanted = |version: &ImageVersionId| wanted.is_none_or(|wanted| version.definition() == *wanted);
    match (version, image) {
        (Some(version), None) => Some(Whole::Version(version)),
        (Some(version), Some(_)) if is_wanted(&version) => Some(Whole::Version(version)),
        (_, Some(image)) => Some(Whole::Image(image)),
        (None, None) => None,
    }
}

/// The value behind a name, from the first line that has one.
fn line(text: &str, name: &str) -> Option<String> {
    let mut values = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    let value = values.next().map(str::trim);
    value.filter(|value| !value.is_empty()).map(str::to_owned)
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

/// For a build that made nothing, as with `skip_create_image`.
const NOTHING: &str = "azure-batch: azure-arm made neither a version nor a managed image nor VHDs\n  hint: set \
     shared_image_gallery_destination, or managed_image_name with managed_image_resource_group_name, in the source block, \
     without skip_create_image; or name what to publish with source { … }";

#[cfg(test)]
mod tests;
