//! Which image a pool or a node runs: the kinds of `imageReference`, read once.
//!
//! Whether a version is old, or an image still supported, is not decided here.

use std::fmt;

use serde_json::Value;

pub use crate::ids::MarketplaceImage;
use crate::{
    ids::resource::{ImageDefinitionId, ImageId, ImageVersionId},
    json,
};

/// What an `imageReference` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolImage {
    /// One version of a gallery: nodes never run another one.
    Version(ImageVersionId),
    /// A definition of a gallery: each node gets the version that is latest when the node is created.
    Definition(ImageDefinitionId),
    /// A managed image.
    Managed(ImageId),
    /// An image of the marketplace.
    Marketplace(MarketplaceImage),
    /// A reference of another kind, by its id: a community or a shared gallery's image, or one that is new to us.
    Other(String),
    /// The service named none.
    Unknown,
}

impl PoolImage {
    /// Reads an `imageReference` of the data plane.
    #[must_use]
    pub fn read(reference: &Value) -> Self {
        let text = |name: &str| json::text(reference, name).filter(|text| !text.is_empty());
        if let Some(id) = text("/virtualMachineImageId") {
            return Self::of_id(id);
        }
        if let Some(id) = text("/communityGalleryImageId").or_else(|| text("/sharedGalleryImageId")) {
            return Self::Other(id.to_owned());
        }
        let part = |name: &str| text(name).unwrap_or_default().to_owned();
        match text("/publisher") {
            Some(publisher) => Self::Marketplace(MarketplaceImage {
                publisher: publisher.to_owned(),
                offer: part("/offer"),
                sku: part("/sku"),
                version: text("/version").unwrap_or("latest").to_owned(),
            }),
            None => Self::Unknown,
        }
    }

    fn of_id(id: &str) -> Self {
        let latest = |id: ImageVersionId| match id.number() {
            Some(_) => Self::Version(id),
            // `…/versions/latest` means the same as the definition's own id.
            None => Self::Definition(id.definition()),
        };
        let version = || id.parse::<ImageVersionId>().ok().map(latest);
        let definition = || id.parse::<ImageDefinitionId>().ok().map(Self::Definition);
        let managed = || id.parse::<ImageId>().ok().map(Self::Managed);
        version()
            .or_else(definition)
            .or_else(managed)
            .unwrap_or_else(|| Self::Other(id.to_owned()))
    }

    /// The definition that it belongs to, when it comes from a gallery.
    #[must_use]
    pub fn definition(&self) -> Option<ImageDefinitionId> {
        match self {
            Self::Version(id) => Some(id.definition()),
            Self::Definition(id) => Some(id.clone()),
            Self::Managed(_) | Self::Marketplace(_) | Self::Other(_) | Self::Unknown => None,
        }
    }

    /// Whether nodes of one pool may run different images, since each gets what is latest when it is created.
    #[must_use]
    pub fn follows_latest(&self) -> bool {
        match self {
            Self::Definition(_) => true,
            Self::Marketplace(image) => image.version.eq_ignore_ascii_case("latest"),
            Self::Version(_) | Self::Managed(_) | Self::Other(_) | Self::Unknown => false,
        }
    }

    /// One word for its kind, stable for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Version(_) => "version",
            Self::Definition(_) => "definition",
            Self::Managed(_) => "managed",
            Self::Marketplace(_) => "marketplace",
            Self::Other(_) => "other",
            Self::Unknown => "unknown",
        }
    }
}

/// Its id; of a marketplace image its URN.
impl fmt::Display for PoolImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(id) => id.fmt(f),
            Self::Definition(id) => id.fmt(f),
            Self::Managed(id) => id.fmt(f),
            Self::Marketplace(image) => image.fmt(f),
            Self::Other(id) => f.write_str(id),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GALLERY: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d";

    #[test]
    fn every_kind_of_reference_is_distinguished() {
        let of_id = |id: &str| PoolImage::read(&json!({"virtualMachineImageId": id}));
        let managed = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/images/i";
        let version = format!("{GALLERY}/versions/1.2.3");
        let kinds = [
            of_id(&version),
            of_id(GALLERY),
            of_id(&format!("{GALLERY}/versions/latest")),
            of_id(managed),
            PoolImage::read(&json!({"publisher": "canonical", "offer": "o", "sku": "s"})),
            PoolImage::read(&json!({"communityGalleryImageId": "/communityGalleries/x/images/y"})),
            PoolImage::read(&Value::Null),
        ];
        assert_eq!(
            kinds.each_ref().map(PoolImage::kind),
            [
                "version",
                "definition",
                "definition",
                "managed",
                "marketplace",
                "other",
                "unknown"
            ]
        );
        assert_eq!(
            kinds.each_ref().map(PoolImage::follows_latest),
            [false, true, true, false, true, false, false]
        );
        assert_eq!(kinds[0].to_string(), version);
        assert_eq!(kinds[4].to_string(), "canonical:o:s:latest");
    }
}
