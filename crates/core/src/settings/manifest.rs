//! The manifest that the Packer post-processor writes: what a roll-out needs of it.
//!
//! It is read leniently, since a newer plugin may write more; it is never written here.

use serde_json::Value;

use super::{Lun, SecurityFeature};
use crate::{
    ids::{InvalidId, NodeAgentSku, resource::ImageVersionId},
    json,
};

/// The schema that this file was written for; `docs/manifest.md` says that a reader refuses a greater one.
const SCHEMA: u64 = 1;

/// What a roll-out needs of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The version that was published.
    pub(super) image_version: ImageVersionId,
    /// `Linux` or `Windows`, when the manifest says.
    pub(super) os_type: Option<String>,
    /// The node agent that runs on it, when the manifest says.
    pub(super) node_agent: Option<NodeAgentSku>,
    /// The security type of its definition, when the manifest says.
    pub(super) security: SecurityFeature,
    /// LUNs of the image's data disks, as far as the manifest says.
    pub(super) data_disks: Vec<Lun>,
}

/// Why a payload is not one of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidPayload {
    /// It is not JSON.
    #[error("is not JSON ({0}); write ${{{{ toJSON(github.event.client_payload) }}}}")]
    NotJson(serde_json::Error),
    /// It was sent by a newer program, in another way.
    #[error("has schema-version {0}, and this program reads {SCHEMA}; use a newer version of the action")]
    TooNew(u64),
    /// It lacks what is needed.
    #[error("names no image version; it must come from an event that `azure-batch-pool notify` sent")]
    NoVersion,
    /// Its version is not an id.
    #[error("has an image-version that cannot be used: {0}")]
    BadVersion(#[from] InvalidId),
}

/// Why a file is not a manifest.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidManifest {
    /// It is not JSON.
    #[error("is not JSON ({0}); give the file that the post-processor azure-batch wrote")]
    NotJson(serde_json::Error),
    /// It was written by a newer plugin, in another way.
    #[error("has schema {0}, and this program reads {SCHEMA}; use a newer version of the action")]
    TooNew(u64),
    /// It lacks what is needed.
    #[error("has no image_version_id; give the file that the post-processor azure-batch wrote")]
    NoVersion,
    /// Its version is not an id.
    #[error("has an image_version_id that cannot be used: {0}")]
    BadVersion(#[from] InvalidId),
}

impl Manifest {
    /// Reads a manifest.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidManifest> {
        let value: Value = serde_json::from_str(text).map_err(InvalidManifest::NotJson)?;
        let schema = value.get("schema_version").and_then(Value::as_u64);
        if let Some(newer) = schema.filter(|schema| *schema > SCHEMA) {
            return Err(InvalidManifest::TooNew(newer));
        }
        let field = |name: &str| value.get(name).and_then(Value::as_str);
        Ok(Self {
            image_version: field("image_version_id").ok_or(InvalidManifest::NoVersion)?.parse()?,
            os_type: field("os_type").map(str::to_owned),
            node_agent: field("node_agent_sku_id").and_then(|sku| sku.parse().ok()),
            security: security(field("security_type")),
            data_disks: luns(&value, "/data_disk_luns"),
        })
    }
}

impl Manifest {
    /// Reads the client payload of an event: the same facts, under GitHub's kind of names.
    pub(super) fn of_payload(text: &str) -> Result<Self, InvalidPayload> {
        let value: Value = serde_json::from_str(text).map_err(InvalidPayload::NotJson)?;
        let schema = value.get("schema-version").and_then(Value::as_u64);
        if let Some(newer) = schema.filter(|schema| *schema > SCHEMA) {
            return Err(InvalidPayload::TooNew(newer));
        }
        let field = |name: &str| value.get(name).and_then(Value::as_str);
        Ok(Self {
            image_version: field("image-version").ok_or(InvalidPayload::NoVersion)?.parse()?,
            os_type: field("os-type").map(str::to_owned),
            node_agent: field("node-agent-sku-id").and_then(|sku| sku.parse().ok()),
            security: security(field("security-type")),
            data_disks: luns(&value, "/data-disk-luns"),
        })
    }
}

/// Nothing said is nothing known.
fn security(word: Option<&str>) -> SecurityFeature {
    word.map_or(SecurityFeature::Unknown, |word| SecurityFeature::parse(Some(word)))
}

fn luns(value: &Value, pointer: &str) -> Vec<Lun> {
    let numbers = json::items(value, pointer);
    numbers
        .filter_map(|lun| u32::try_from(lun.as_u64()?).ok()?.try_into().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2";

    #[test]
    fn a_manifest_with_more_in_it_is_read_too() {
        let text = format!(
            r#"{{"schema_version": 1, "image_version_id": "{VERSION}", "os_type": "Linux", "node_agent_sku_id": "batch.node.ubuntu 24.04", "security_type": "TrustedLaunch", "data_disk_luns": [0, 5, 64, "x"], "new": {{"x": []}}}}"#
        );
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(manifest.image_version.to_string(), VERSION);
        assert_eq!(manifest.os_type.as_deref(), Some("Linux"));
        assert_eq!(manifest.node_agent.unwrap().as_str(), "batch.node.ubuntu 24.04");
        assert_eq!(manifest.security, SecurityFeature::TrustedLaunch);
        let luns: Vec<u8> = manifest.data_disks.iter().map(|lun| lun.number()).collect();
        assert_eq!(luns, [0, 5], "what is no LUN is passed over");
    }

    #[test]
    fn a_payload_is_read_leniently_and_refused_with_the_reason() {
        let text = format!(r#"{{"schema-version": 1, "image-version": "{VERSION}", "os-type": "Linux", "new": 1}}"#);
        assert_eq!(Manifest::of_payload(&text).unwrap().image_version.to_string(), VERSION);
        let refused = |text: &str| Manifest::of_payload(text).unwrap_err().to_string();
        assert!(
            refused("x").contains("write ${{ toJSON(github.event.client_payload) }}"),
            "{}",
            refused("x")
        );
        assert!(refused("{}").starts_with("names no image version"));
        assert!(refused(r#"{"schema-version": 2}"#).starts_with("has schema-version 2"));
        assert!(refused(r#"{"image-version": "1.4.2"}"#).starts_with("has an image-version that cannot be used"));
    }

    #[test]
    fn what_is_not_a_manifest_is_refused_with_the_reason() {
        let refused = |text: &str| Manifest::parse(text).unwrap_err().to_string();
        assert!(refused("builds:").starts_with("is not JSON (expected value at line 1 column 1)"));
        assert!(refused("[]").starts_with("has no image_version_id"));
        assert!(refused(r#"{"schema_version": 2}"#).starts_with("has schema 2"));
        assert!(refused(r#"{"image_version_id": "1.4.2"}"#).starts_with("has an image_version_id that cannot be used"));
    }
}
