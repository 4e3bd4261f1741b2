//! How temporaries are called: names that follow from definition and fingerprint alone, so that a repeated run finds
//! its own things, whichever number the version gets.
//!
//! What is written on them is in `tags`.

use std::fmt;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::resource::ImageDefinitionId,
    options::image::TEMP_NAME_PREFIX,
    settings::Lun,
    tags::{Fingerprint, short_hash},
    words,
};

/// The longest name of a snapshot or managed image, in letters (Azure's naming rules of Microsoft.Compute).
pub const LONGEST_NAME: usize = 80;

/// The longest prefix with which every name fits: `-`, 16 letters of a hash, and `-image`, the longest ending.
pub const LONGEST_PREFIX: usize = LONGEST_NAME - "-0123456789abcdef-image".len();

/// Which temporary it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The snapshot of the OS disk.
    OsDisk,
    /// The snapshot of a data disk.
    DataDisk(Lun),
    /// The managed image.
    Image,
}

/// The names of the temporaries of one source for one definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryNames {
    stem: String,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OsDisk => f.write_str("os"),
            Self::DataDisk(lun) => write!(f, "d{lun}"),
            Self::Image => f.write_str("image"),
        }
    }
}

impl TemporaryNames {
    /// The names for these.
    ///
    /// # Errors
    /// When the prefix is too long.
    pub fn new(prefix: &str, definition: &ImageDefinitionId, fingerprint: &Fingerprint) -> Result<Self> {
        let letters = prefix.chars().count();
        if letters > LONGEST_PREFIX {
            let text = words![
                TEMP_NAME_PREFIX,
                format!(
                    " {prefix:?} has {letters} letters; with more than {LONGEST_PREFIX} the names of snapshots and images get longer than the {LONGEST_NAME} that Azure allows"
                )
            ];
            return Err(Error::new(ErrorKind::BadInput, text).with_hint("give a shorter prefix"));
        }
        Ok(Self {
            stem: stem(prefix, definition, fingerprint),
        })
    }

    /// The name of one.
    #[must_use]
    pub fn of(&self, part: Part) -> String {
        format!("{}-{part}", self.stem)
    }
}

/// Whether a resource has the name that follows from what its tags say. A copy that carries our tags along has not.
#[must_use]
pub fn is_planned(name: &str, prefix: &str, definition: &ImageDefinitionId, fingerprint: &Fingerprint) -> bool {
    let stem = stem(prefix, definition, fingerprint);
    let Some((start, end)) = name.split_at_checked(stem.len()) else {
        return false;
    };
    let is_lun = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit());
    let end = end.to_ascii_lowercase();
    let is_part = matches!(end.as_str(), "-os" | "-image") || end.strip_prefix("-d").is_some_and(is_lun);
    start.eq_ignore_ascii_case(&stem) && is_part
}

/// The prefix of a name that follows from its tags but for the prefix.
#[must_use]
pub fn prefix_of<'n>(name: &'n str, definition: &ImageDefinitionId, fingerprint: &Fingerprint) -> Option<&'n str> {
    let end = stem("", definition, fingerprint);
    let at = name.to_ascii_lowercase().find(&end.to_ascii_lowercase())?;
    let prefix = name.get(..at)?;
    is_planned(name, prefix, definition, fingerprint).then_some(prefix)
}

fn stem(prefix: &str, definition: &ImageDefinitionId, fingerprint: &Fingerprint) -> String {
    format!(
        "{prefix}-{}",
        short_hash([definition.to_string().as_str(), fingerprint.as_str()])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str) -> ImageDefinitionId {
        let id = format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/gal/images/{name}"
        );
        id.parse().unwrap()
    }

    fn lun(number: u32) -> Part {
        Part::DataDisk(Lun::try_from(number).unwrap())
    }

    #[test]
    fn the_longest_prefix_still_fits_and_a_longer_one_is_refused() {
        let fingerprint = Fingerprint::new("f1");
        let longest = "p".repeat(LONGEST_PREFIX);
        let names = TemporaryNames::new(&longest, &definition("def"), &fingerprint).unwrap();
        for part in [Part::OsDisk, lun(63), Part::Image] {
            assert!(names.of(part).len() <= LONGEST_NAME, "{}", names.of(part));
        }
        assert_eq!(names.of(Part::Image).len(), LONGEST_NAME);
        let error = TemporaryNames::new(&format!("{longest}p"), &definition("def"), &fingerprint).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput);
    }

    #[test]
    fn names_follow_from_definition_and_fingerprint() {
        let name = |definition_name: &str, fingerprint: &str| {
            let fingerprint = Fingerprint::new(fingerprint);
            let names = TemporaryNames::new("azure-batch", &definition(definition_name), &fingerprint).unwrap();
            names.of(lun(2))
        };
        assert_eq!(name("def", "f1"), name("DEF", "f1"), "Azure compares ids without case");
        assert_ne!(name("def", "f1"), name("def", "f2"));
        assert_ne!(name("def", "f1"), name("other", "f1"));
        assert!(
            name("def", "f1").starts_with("azure-batch-") && name("def", "f1").ends_with("-d2"),
            "{}",
            name("def", "f1")
        );
    }

    #[test]
    fn a_copy_with_our_tags_does_not_have_our_name() {
        let (definition, fingerprint) = (definition("def"), Fingerprint::new("f1"));
        let names = TemporaryNames::new("azure-batch", &definition, &fingerprint).unwrap();
        let is_ours = |name: &str| is_planned(name, "azure-batch", &definition, &fingerprint);
        let other = TemporaryNames::new("nightly-x", &definition, &fingerprint).unwrap();
        let prefix = |name: &str| prefix_of(name, &definition, &fingerprint).map(str::to_owned);
        assert!(!is_ours(&other.of(lun(1))));
        assert_eq!(prefix(&other.of(lun(1))).as_deref(), Some("nightly-x"));
        assert_eq!(prefix("my-own-copy"), None);
        for part in [Part::OsDisk, lun(0), lun(63), Part::Image] {
            assert!(is_ours(&names.of(part)), "{part}");
            assert!(is_ours(&names.of(part).to_uppercase()), "{part}");
        }
        for copy in [
            "golden-backup-of-os".to_owned(),
            format!("{}-copy", names.of(Part::OsDisk)),
            format!("copy-{}", names.of(Part::OsDisk)),
            format!("{}-dx", names.stem),
            format!("{}-d", names.stem),
            names.stem.clone(),
        ] {
            assert!(!is_ours(&copy), "{copy}");
        }
    }
}
