//! The id of an image version in a community gallery, which everybody may use without a role.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{InvalidId, VersionNumber, resource::is_name};

/// `/CommunityGalleries/…/Images/…/Versions/1.2.3`. The gallery has its public name, and no subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommunityVersionId {
    gallery: String,
    image: String,
    number: VersionNumber,
}

impl CommunityVersionId {
    /// The gallery's public name.
    #[must_use]
    pub fn gallery(&self) -> &str {
        &self.gallery
    }

    /// The image definition's name.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.image
    }

    /// The version's number.
    #[must_use]
    pub const fn number(&self) -> VersionNumber {
        self.number
    }

    /// Whether a text means something in a community gallery, well written or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let first = text.trim_start_matches('/').split('/').next();
        first.is_some_and(|first| first.eq_ignore_ascii_case("communityGalleries"))
    }
}

impl FromStr for CommunityVersionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected = "an image version of a community gallery (/CommunityGalleries/NAME/Images/NAME/Versions/1.2.3)";
        let invalid = || InvalidId::new(text, expected);
        let segments: Vec<&str> = text.trim_start_matches('/').split('/').collect();
        let [galleries, gallery, images, image, versions, number] = segments.as_slice() else {
            return Err(invalid());
        };
        let words = [
            (galleries, "communityGalleries"),
            (images, "images"),
            (versions, "versions"),
        ];
        let is_well_formed = words.iter().all(|(word, kind)| word.eq_ignore_ascii_case(kind));
        if !is_well_formed || !is_name(gallery) || !is_name(image) {
            return Err(invalid());
        }
        Ok(Self {
            gallery: (*gallery).to_owned(),
            image: (*image).to_owned(),
            number: number.parse().map_err(|_shape| invalid())?,
        })
    }
}

impl fmt::Display for CommunityVersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gallery, image, number) = (&self.gallery, &self.image, self.number);
        write!(f, "/CommunityGalleries/{gallery}/Images/{image}/Versions/{number}")
    }
}

impl TryFrom<String> for CommunityVersionId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<CommunityVersionId> for String {
    fn from(id: CommunityVersionId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_any_case_and_written_in_azures() {
        let id: CommunityVersionId = "/communitygalleries/hpc-1234/images/alma9/versions/1.2.3"
            .parse()
            .unwrap();
        assert_eq!(
            id.to_string(),
            "/CommunityGalleries/hpc-1234/Images/alma9/Versions/1.2.3"
        );
        for bad in [
            "/CommunityGalleries/hpc/Images/alma9",
            "/CommunityGalleries/hpc/Images/alma9/Versions/latest",
            "/CommunityGalleries/../Images/alma9/Versions/1.2.3",
            "/SharedGalleries/hpc/Images/alma9/Versions/1.2.3",
        ] {
            assert!(bad.parse::<CommunityVersionId>().is_err(), "{bad} was accepted");
        }
    }
}
