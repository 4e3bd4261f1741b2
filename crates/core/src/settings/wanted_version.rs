//! Which image version a pool shall run: one, by id, number or manifest; or the newest of a definition that a rule admits.
//!
//! Which one that is, Azure knows; `choice` asks.

use std::{fmt, str::FromStr};

use semver::VersionReq;
use serde::Serialize;

use super::{manifest::Manifest, reader::Reader};
use crate::{
    ids::{
        VersionNumber,
        resource::{ImageDefinitionId, ImageId, ImageVersionId},
    },
    options::{
        Opt,
        pool::{ANY_DEFINITION, DISPATCH_PAYLOAD, IMAGE_DEFINITION, IMAGE_VERSION, MANIFEST},
    },
    words,
};

/// What a rule by a tag begins with.
const TAG: &str = "tag:";

/// What ranges of numbers begin with; those with `x` or `*` begin with a digit.
const OPERATORS: [char; 5] = ['~', '^', '<', '>', '='];

/// Why a managed image cannot be rolled out, and what can, as the end of a sentence that begins with its id.
pub(crate) const MANAGED_IMAGE: &str = "is a managed image, and Batch has made no pools on managed images since 31 March 2026: publish \
     it as a version of a gallery first (the post-processor azure-batch takes a managed image as its source), and give that version";

/// Which image version is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedVersion {
    /// This one.
    One(ImageVersionId),
    /// The newest one of a definition that the rule admits when the run begins.
    Newest(ImageDefinitionId, VersionRule),
}

/// Which versions of a definition are meant. The newest of them counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionRule {
    /// Those that Azure takes for `latest`: `latest`.
    Latest,
    /// Of those that Azure takes for `latest`, those in a range of numbers: `~1.4`, `1.4.x`, `>=1.4, <1.6`.
    Range(VersionReq),
    /// Those with a tag: `tag:release=stable`. Whether they are excluded from `latest` does not count.
    Tagged {
        /// The tag's name.
        name: String,
        /// Its value.
        value: String,
    },
}

/// Why a text is not a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// It has two numbers or one, and could mean this one or all that begin so.
    #[error("names part of a number; write all three (1.4.2), or ~ before it for the newest that begins so (~1.4)")]
    PartOfNumber,
    /// It is a tag without a name or a value.
    #[error("is not a tag with a value; write tag:name=value")]
    Tag,
    /// It is none of the forms.
    #[error(
        "is not a version; write its resource id, a number such as 1.4.2, latest, a range such as ~1.4 or 1.4.x, or \
         tag:name=value"
    )]
    Unknown,
}

/// What the values say of the version: which one, and what its manifest says of it.
pub(super) struct Named {
    /// The version; nothing after a fault.
    pub(super) version: Option<WantedVersion>,
    /// The manifest that names it.
    pub(super) manifest: Option<Manifest>,
}

impl WantedVersion {
    /// The definition that the version belongs to.
    #[must_use]
    pub fn definition(&self) -> ImageDefinitionId {
        match self {
            Self::One(id) => id.definition(),
            Self::Newest(definition, _) => definition.clone(),
        }
    }

    /// The version itself, when it is known.
    #[must_use]
    pub const fn known(&self) -> Option<&ImageVersionId> {
        match self {
            Self::One(id) => Some(id),
            Self::Newest(..) => None,
        }
    }

    /// Its number or the rule, for a sentence.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::One(id) => id.name().to_owned(),
            Self::Newest(_, rule) => rule.to_string(),
        }
    }
}

impl fmt::Display for WantedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(id) => id.fmt(f),
            Self::Newest(definition, rule) => write!(f, "{rule} of {definition}"),
        }
    }
}

impl Serialize for WantedVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl VersionRule {
    /// Whether the rule admits a number.
    #[must_use]
    pub fn admits(&self, number: VersionNumber) -> bool {
        match self {
            Self::Range(range) => {
                let [major, minor, patch] = [number.major, number.minor, number.patch].map(u64::from);
                range.matches(&semver::Version::new(major, minor, patch))
            }
            Self::Latest | Self::Tagged { .. } => true,
        }
    }
}

impl fmt::Display for VersionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Range(range) => range.fmt(f),
            Self::Tagged { name, value } => write!(f, "{TAG}{name}={value}"),
        }
    }
}

impl FromStr for VersionRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        if text.eq_ignore_ascii_case("latest") {
            return Ok(Self::Latest);
        }
        if let Some(tag) = text.strip_prefix(TAG) {
            let (name, value) = tag.split_once('=').ok_or(InvalidRule::Tag)?;
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            let is_whole = !name.is_empty() && !value.is_empty();
            return is_whole.then_some(Self::Tagged { name, value }).ok_or(InvalidRule::Tag);
        }
        let is_number_so_far = |text: &str| text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
        if !text.is_empty() && is_number_so_far(text) {
            return Err(InvalidRule::PartOfNumber);
        }
        let is_range = text.starts_with(OPERATORS) || text.starts_with(|letter: char| letter.is_ascii_digit());
        let range = VersionReq::parse(text).map_err(|_malformed| InvalidRule::Unknown)?;
        // Azure's numbers have no such parts.
        let is_plain = range.comparators.iter().all(|part| part.pre.is_empty());
        let is_rule = is_range && is_plain;
        is_rule.then_some(Self::Range(range)).ok_or(InvalidRule::Unknown)
    }
}

/// Whether a version is named, in whichever way.
pub(super) fn is_named(reader: &Reader<'_, '_>) -> bool {
    [IMAGE_VERSION, MANIFEST, DISPATCH_PAYLOAD]
        .into_iter()
        .any(|opt| reader.has(opt))
}

/// Reads which version is wanted.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Named {
    let manifest = manifest(reader);
    Named {
        version: version(reader, manifest.as_ref()),
        manifest,
    }
}

fn manifest(reader: &mut Reader<'_, '_>) -> Option<Manifest> {
    if let Some(text) = reader.text(MANIFEST) {
        return reader.checked(MANIFEST, Manifest::parse(text));
    }
    let text = reader.text(DISPATCH_PAYLOAD)?;
    reader.checked(DISPATCH_PAYLOAD, Manifest::of_payload(text))
}

/// The one option that names the version; nothing after a fault.
fn naming(reader: &mut Reader<'_, '_>) -> Option<&'static Opt> {
    let all = [IMAGE_VERSION, MANIFEST, DISPATCH_PAYLOAD];
    let mut given = all.into_iter().filter(|opt| reader.has(opt));
    match (given.next(), given.next()) {
        (Some(opt), None) => Some(opt),
        (Some(opt), Some(other)) => {
            reader.refuse(opt, words![other, " names a version too; give one of the two"]);
            None
        }
        (None, _) => {
            refuse_nothing(reader);
            None
        }
    }
}

fn version(reader: &mut Reader<'_, '_>, manifest: Option<&Manifest>) -> Option<WantedVersion> {
    let expected: Option<ImageDefinitionId> = reader.parsed(IMAGE_DEFINITION);
    let opt = naming(reader)?;
    let wanted = if opt == IMAGE_VERSION {
        given(reader, expected.as_ref())?
    } else {
        WantedVersion::One(from_manifest(reader, opt, manifest?)?)
    };
    if reader.has(IMAGE_DEFINITION) && reader.is_on(ANY_DEFINITION) {
        reader.refuse_both(ANY_DEFINITION, IMAGE_DEFINITION);
        return None;
    }
    if let Some(expected) = expected.filter(|expected| *expected != wanted.definition()) {
        let text = format!(
            "the version belongs to {}, not to {expected}; is the version the right one?",
            wanted.definition()
        );
        reader.refuse(IMAGE_DEFINITION, text);
        return None;
    }
    Some(wanted)
}

fn refuse_nothing(reader: &mut Reader<'_, '_>) {
    let text = if reader.has(IMAGE_DEFINITION) {
        words![
            "is missing: write latest for the newest version of ",
            IMAGE_DEFINITION,
            ", or another rule"
        ]
    } else {
        words![
            "is missing: give the resource id of the version, or the manifest of the Packer build in ",
            MANIFEST
        ]
    };
    reader.refuse(IMAGE_VERSION, text);
}

/// A version by its id, or by its number or a rule within the definition.
fn given(reader: &mut Reader<'_, '_>, definition: Option<&ImageDefinitionId>) -> Option<WantedVersion> {
    let text = reader.text(IMAGE_VERSION)?;
    if text.starts_with('/') {
        return by_id(reader, text);
    }
    let (number, rule) = (text.parse::<VersionNumber>(), text.parse::<VersionRule>());
    let Some(definition) = definition else {
        if reader.has(IMAGE_DEFINITION) {
            // Its fault was reported where it was read.
            return None;
        }
        if number.is_err() && rule.is_err() {
            reader.checked(IMAGE_VERSION, rule.map_err(|fault| shown(text, fault)));
        } else {
            let text = words![
                "is needed: ",
                IMAGE_VERSION,
                format!(" is {text}; give the resource id of the image definition that this is a version of")
            ];
            reader.refuse(IMAGE_DEFINITION, text);
        }
        return None;
    };
    match number {
        Ok(number) => Some(WantedVersion::One(definition.version(number))),
        Err(_) => {
            let rule = reader.checked(IMAGE_VERSION, rule.map_err(|fault| shown(text, fault)))?;
            Some(WantedVersion::Newest(definition.clone(), rule))
        }
    }
}

fn shown(text: &str, fault: InvalidRule) -> String {
    format!("{text:?} {fault}")
}

fn by_id(reader: &mut Reader<'_, '_>, text: &str) -> Option<WantedVersion> {
    if text.parse::<ImageDefinitionId>().is_ok() {
        let text = words![
            "is the id of an image definition, not of a version: write latest here, and the id in ",
            IMAGE_DEFINITION
        ];
        reader.refuse(IMAGE_VERSION, text);
        return None;
    }
    if text.parse::<ImageId>().is_ok() {
        reader.refuse(IMAGE_VERSION, MANAGED_IMAGE);
        return None;
    }
    let version: ImageVersionId = reader.parsed(IMAGE_VERSION)?;
    if version.name().eq_ignore_ascii_case("latest") {
        return Some(WantedVersion::Newest(version.definition(), VersionRule::Latest));
    }
    if version.number().is_none() {
        let text = format!("{version} names no version number; give the id of one version, ending in 1.2.3");
        reader.refuse(IMAGE_VERSION, text);
        return None;
    }
    Some(WantedVersion::One(version))
}

/// The version of a manifest or an event. Whoever can change the one or send the other would choose what every node runs,
/// with the pool's identity; so the definition must be said where the roll-out is, or that any will do.
fn from_manifest(reader: &mut Reader<'_, '_>, opt: &'static Opt, manifest: &Manifest) -> Option<ImageVersionId> {
    let version = &manifest.image_version;
    if !reader.has(IMAGE_DEFINITION) && !reader.is_on(ANY_DEFINITION) {
        let other = if opt == MANIFEST {
            "another manifest"
        } else {
            "another event"
        };
        let text = words![
            "is missing: ",
            opt,
            format!(
                " names a version of {}; if that is the image that you expect, give this id, so that {other} cannot \
                 choose another image (",
                version.definition()
            ),
            ANY_DEFINITION,
            " takes any)"
        ];
        reader.refuse(IMAGE_DEFINITION, text);
        return None;
    }
    if version.number().is_none() {
        let text = format!("{version} names no version number; give one whose version ends in 1.2.3");
        reader.refuse(opt, text);
        return None;
    }
    Some(version.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> VersionNumber {
        text.parse().unwrap()
    }

    #[test]
    fn each_form_of_a_rule_admits_what_it_says() {
        for (text, admitted, others) in [
            ("latest", &["0.0.1", "9.9.9"][..], &[][..]),
            ("LATEST", &["0.0.1"], &[]),
            ("~1.4", &["1.4.0", "1.4.99"], &["1.5.0", "1.3.9", "2.4.0"]),
            ("~1.4.2", &["1.4.2", "1.4.3"], &["1.4.1", "1.5.0"]),
            ("~1", &["1.0.0", "1.99.0"], &["2.0.0"]),
            ("1.4.x", &["1.4.0", "1.4.7"], &["1.5.0"]),
            ("1.4.*", &["1.4.0"], &["1.5.0"]),
            ("1.X", &["1.0.0", "1.9.9"], &["2.0.0"]),
            ("^1.4", &["1.4.0", "1.9.0"], &["1.3.0", "2.0.0"]),
            (">=1.4, <1.6", &["1.4.0", "1.5.9"], &["1.6.0"]),
            ("tag:release=stable", &["1.0.0"], &[]),
            ("~2024.1208", &["2024.1208.2147483647"], &["2024.1209.0"]),
        ] {
            let rule: VersionRule = text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"));
            for found in admitted {
                assert!(rule.admits(number(found)), "{text} does not admit {found}");
            }
            for found in others {
                assert!(!rule.admits(number(found)), "{text} admits {found}");
            }
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_with_what_to_write() {
        for (text, fault) in [
            ("1.4", InvalidRule::PartOfNumber),
            ("1", InvalidRule::PartOfNumber),
            ("1.4.2.0", InvalidRule::PartOfNumber),
            ("tag:release", InvalidRule::Tag),
            ("tag:=stable", InvalidRule::Tag),
            ("tag:release=", InvalidRule::Tag),
            ("", InvalidRule::Unknown),
            ("newest", InvalidRule::Unknown),
            ("*", InvalidRule::Unknown),
            ("~1.4-beta", InvalidRule::Unknown),
            ("~1.4.2-beta", InvalidRule::Unknown),
            ("1.4.x beta", InvalidRule::Unknown),
        ] {
            assert_eq!(text.parse::<VersionRule>(), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn a_rule_is_shown_as_it_was_written() {
        for text in ["latest", "~1.4", "1.4.*", "tag:release=stable", ">=1.4, <1.6"] {
            assert_eq!(text.parse::<VersionRule>().unwrap().to_string(), text);
        }
    }
}
