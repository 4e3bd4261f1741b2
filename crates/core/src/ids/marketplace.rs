//! Images of the marketplace, and what a machine is said to have been made of.
//!
//! What Azure has there is not read here.

use std::{fmt, str::FromStr};

use super::{
    InvalidId,
    resource::{ImageId, ImageVersionId},
};

/// An image of the marketplace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketplaceImage {
    /// Its publisher.
    pub publisher: String,
    /// Its offer.
    pub offer: String,
    /// Its SKU.
    pub sku: String,
    /// Its version: a number, or `latest`.
    pub version: String,
}

/// What a user or a builder says that a machine was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MadeFrom {
    /// An image of the marketplace.
    Marketplace(MarketplaceImage),
    /// A version of a gallery.
    Version(ImageVersionId),
    /// A managed image.
    Image(ImageId),
}

impl MarketplaceImage {
    /// Reads `publisher:offer:sku:version`.
    #[must_use]
    pub fn of_urn(urn: &str) -> Option<Self> {
        let mut parts = urn.split(':').map(str::to_owned);
        let image = Self {
            publisher: parts.next()?,
            offer: parts.next()?,
            sku: parts.next()?,
            version: parts.next()?,
        };
        parts.next().is_none().then_some(image)
    }

    /// Reads `…/Publishers/p/ArtifactTypes/VMImage/Offers/o/Skus/s/Versions/v`. azure-arm writes it with empty names when
    /// it started from an image of a gallery that is shared directly.
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        let segments: Vec<&str> = id.split('/').collect();
        let after = |name: &str| {
            let at = segments.iter().position(|segment| segment.eq_ignore_ascii_case(name))?;
            let value = segments.get(at + 1).filter(|segment| !segment.is_empty())?;
            Some((*value).to_owned())
        };
        Some(Self {
            publisher: after("Publishers")?,
            offer: after("Offers")?,
            sku: after("Skus")?,
            version: after("Versions")?,
        })
    }

    /// Whether it names one version, not whichever is newest.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.version.eq_ignore_ascii_case("latest")
    }

    /// Whether both are the same but for their versions.
    #[must_use]
    pub fn is_same_sku(&self, other: &Self) -> bool {
        let pairs = [
            (&self.publisher, &other.publisher),
            (&self.offer, &other.offer),
            (&self.sku, &other.sku),
        ];
        pairs.iter().all(|(one, other)| one.eq_ignore_ascii_case(other))
    }
}

impl fmt::Display for MarketplaceImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.publisher, self.offer, self.sku, self.version)
    }
}

impl FromStr for MadeFrom {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_named = |image: &MarketplaceImage| {
            let parts = [&image.publisher, &image.offer, &image.sku, &image.version];
            parts.iter().all(|part| !part.is_empty() && !part.contains('/'))
        };
        let market = || MarketplaceImage::of_urn(text).or_else(|| MarketplaceImage::of_id(text));
        let market = || market().filter(is_named).map(Self::Marketplace);
        // The id of a version ends in `/versions/…`, as that of an image of the marketplace does.
        let version = text.parse().ok().map(Self::Version);
        let found = version.or_else(|| text.parse().ok().map(Self::Image)).or_else(market);
        found.ok_or_else(|| {
            InvalidId::new(
                text,
                "an image (publisher:offer:sku:version, or the resource id of an image of the marketplace, \
                 of an image version or of a managed image)",
            )
        })
    }
}

impl fmt::Display for MadeFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marketplace(image) => image.fmt(f),
            Self::Version(id) => id.fmt(f),
            Self::Image(id) => id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPUTE: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute";
    const MARKET: &str = "/subscriptions/s/providers/Microsoft.Compute/locations/eastus2/publishers/Canonical/ArtifactTypes/vmimage/offers/jammy/skus/22_04/versions/latest";

    #[test]
    fn what_a_machine_was_made_of_is_read_in_every_form() {
        let version = format!("{COMPUTE}/galleries/g/images/d/versions/1.0.0");
        let image = format!("{COMPUTE}/images/i");
        let table = [
            ("Canonical:jammy:22_04:latest", "Canonical:jammy:22_04:latest"),
            (MARKET, "Canonical:jammy:22_04:latest"),
            (&version, &version),
            (&image, &image),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<MadeFrom>().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_names_no_image_is_refused() {
        let nameless = MARKET
            .replace("Canonical", "")
            .replace("jammy", "")
            .replace("22_04", "");
        let vhd = "https://account.blob.core.windows.net/vhds/os.vhd";
        let disk = format!("{COMPUTE}/disks/d");
        for text in [
            &nameless,
            "ERR_SOURCE_IMAGE_NAME_NOT_FOUND",
            "a:b:c",
            "a::c:d",
            vhd,
            &disk,
        ] {
            assert!(text.parse::<MadeFrom>().is_err(), "{text} was accepted");
        }
    }
}
