//! Which image version: by id or from a manifest, held against the definition that was expected.
//!
//! Whether the version exists is for the roll-out to find out.

use azure_batch_core::ids::{
    NodeAgentSku,
    resource::{ImageDefinitionId, ImageVersionId},
};

use super::{manifest::Manifest, reader::Reader};
use crate::options;

pub(super) fn read_manifest(reader: &mut Reader<'_>) -> Option<Manifest> {
    let text = reader.file(options::MANIFEST)?;
    reader.checked(options::MANIFEST, Manifest::parse(&text))
}

/// The version; `None` after a fault.
pub(super) fn choose_version(reader: &mut Reader<'_>, manifest: Option<&Manifest>) -> Option<ImageVersionId> {
    let definition: Option<ImageDefinitionId> = reader.parsed(options::IMAGE_DEFINITION);
    let version = match (
        reader.is_given(options::IMAGE_VERSION),
        reader.is_given(options::MANIFEST),
    ) {
        (true, true) => {
            reader.refuse(
                options::IMAGE_VERSION,
                "manifest names a version too; give one of the two",
            );
            return None;
        }
        (false, false) => {
            reader.refuse(
                options::IMAGE_VERSION,
                "no image version is given; give its resource id, or the manifest of the Packer build in manifest",
            );
            return None;
        }
        (true, false) => reader.parsed::<ImageVersionId>(options::IMAGE_VERSION)?,
        (false, true) => manifest?.image_version.clone(),
    };
    if version.number().is_none() {
        let fault = format!("{version} names no version number; give the id of one version, ending in 1.2.3");
        reader.refuse(options::IMAGE_VERSION, fault);
        return None;
    }
    if let Some(expected) = definition.filter(|expected| *expected != version.definition()) {
        let fault = format!(
            "the version belongs to {}, not to {expected}; is the version the right one?",
            version.definition()
        );
        reader.refuse(options::IMAGE_DEFINITION, fault);
        return None;
    }
    Some(version)
}

/// An agent for the other operating system can never start on the image.
pub(super) fn check_agent(reader: &mut Reader<'_>, manifest: Option<&Manifest>) {
    let agent = reader
        .text(options::NODE_AGENT_SKU_ID)
        .and_then(|text| text.parse::<NodeAgentSku>().ok());
    let (Some(agent), Some(os_type)) = (agent, manifest.and_then(|manifest| manifest.os_type.as_deref())) else {
        return;
    };
    let is_windows_agent = agent.as_str().to_ascii_lowercase().contains("windows");
    if is_windows_agent != os_type.eq_ignore_ascii_case("windows") {
        let fault = format!(
            "{agent:?} does not run on the image, whose OS is {os_type}; give an agent for {os_type}",
            agent = agent.as_str()
        );
        reader.refuse(options::NODE_AGENT_SKU_ID, fault);
    }
}
