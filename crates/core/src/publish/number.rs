//! Which number a version gets: a pure choice over the versions that are there.
//!
//! A number that was ever seen is never used again for another source.

use std::collections::BTreeSet;

use crate::{
    compute::{gallery::ImageDefinition, version::ImageVersion},
    error::{Error, ErrorKind, Result},
    ids::VersionNumber,
    operation::Status,
    options::image::DESTINATION_IMAGE_VERSION,
    replication,
    settings::{Reuse, VersionChoice},
    tags::{Fingerprint, GivenOut, Tag},
    words,
};

/// The number, and whether its version is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A version to be made.
    New(VersionNumber),
    /// A version that was made, or is being made, of the same source.
    Found(VersionNumber),
    /// The version that is named as the source.
    Adopted(VersionNumber),
}

/// Numbers that are used up although no version shows them: versions that were deleted had them.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// Those that Azure still keeps.
    pub kept: BTreeSet<VersionNumber>,
    /// Those that the definition's tag remembers.
    pub given_out: GivenOut,
}

impl Number {
    /// The number itself.
    #[must_use]
    pub(super) const fn number(self) -> VersionNumber {
        match self {
            Self::New(number) | Self::Found(number) | Self::Adopted(number) => number,
        }
    }
}

impl Taken {
    /// Why a number cannot be had.
    fn why(&self, number: VersionNumber) -> Option<&'static str> {
        if self.kept.contains(&number) {
            Some("a version with this number was deleted, and the gallery still keeps it")
        } else {
            let is_used = self.given_out.contains(number);
            is_used.then_some("a version with this number was deleted, and pools may still run it")
        }
    }

    /// The highest of those that a computed number follows.
    fn highest(&self, choice: VersionChoice) -> Option<VersionNumber> {
        let kept = self
            .kept
            .iter()
            .copied()
            .filter(|number| is_before(choice, *number))
            .max();
        let given_out = match choice {
            VersionChoice::Explicit(_) => None,
            VersionChoice::NextPatch { major, minor } => self.given_out.highest_patch(major, minor),
            VersionChoice::NextMinor { major } => self.given_out.highest_minor(major),
        };
        kept.max(given_out)
    }
}

/// The numbers that versions of this definition had and may not have any more, as far as its tag says.
#[must_use]
pub(super) fn given_out(definition: Option<&ImageDefinition>) -> GivenOut {
    let body = definition.map(ImageDefinition::body);
    body.map(GivenOut::read).unwrap_or_default()
}

/// Chooses.
///
/// # Errors
/// `Refused` when an explicit number is taken, `Quota` when a line of numbers is used up.
pub(super) fn choose(
    (choice, reuse): (VersionChoice, Reuse),
    versions: &[ImageVersion],
    taken: &Taken,
    fingerprint: &Fingerprint,
) -> Result<Number> {
    match choice {
        VersionChoice::Explicit(number) => explicit((number, reuse), versions, taken, fingerprint),
        VersionChoice::NextPatch { .. } | VersionChoice::NextMinor { .. } => {
            let found = versions_of(versions, choice)
                .filter(|(_, version)| is_usable(version) && is_of(version, fingerprint))
                .map(|(number, _)| number)
                .max();
            match (found, reuse) {
                (Some(number), Reuse::SameSource) => Ok(Number::Found(number)),
                (Some(_) | None, _) => next(choice, versions, taken).map(Number::New),
            }
        }
    }
}

/// Whether a number is one of those that a computed one follows.
const fn is_before(choice: VersionChoice, number: VersionNumber) -> bool {
    match choice {
        VersionChoice::Explicit(_) => false,
        VersionChoice::NextPatch { major, minor } => number.major == major && number.minor == minor,
        VersionChoice::NextMinor { major } => number.major == major,
    }
}

fn explicit(
    (number, reuse): (VersionNumber, Reuse),
    versions: &[ImageVersion],
    taken: &Taken,
    fingerprint: &Fingerprint,
) -> Result<Number> {
    let found = versions.iter().find(|version| version.id.number() == Some(number));
    let why = match found.map(|version| (is_of(version, fingerprint), is_usable(version), reuse)) {
        None => match taken.why(number) {
            Some(why) => why,
            None => return Ok(Number::New(number)),
        },
        Some((true, true, Reuse::SameSource)) => return Ok(Number::Found(number)),
        Some((true, true, Reuse::Never)) => "it is there, and a forced run never overwrites a version",
        Some((true, false, _)) => "it was made of this source and failed; its number cannot be used again",
        Some((false, _, _)) => "it was made of another source, or of this one before it changed",
    };
    let error = Error::new(
        ErrorKind::Refused,
        format!("version {number} cannot be published: {why}"),
    );
    let line = VersionChoice::NextPatch {
        major: number.major,
        minor: number.minor,
    };
    Err(error.with_hint(match next(line, versions, taken) {
        Ok(free) => words![
            "set ",
            DESTINATION_IMAGE_VERSION,
            format!(" to \"{free}\", which is free, or to \"{line}\"")
        ],
        Err(_) => words!["choose another number for ", DESTINATION_IMAGE_VERSION],
    }))
}

fn next(choice: VersionChoice, versions: &[ImageVersion], taken: &Taken) -> Result<VersionNumber> {
    let seen = versions_of(versions, choice).map(|(number, _)| number);
    let greatest = seen.max().max(taken.highest(choice));
    let first = |major, minor| VersionNumber { major, minor, patch: 0 };
    let (next, another) = match choice {
        VersionChoice::Explicit(number) => (Some(number), "\"next-patch\""),
        VersionChoice::NextPatch { major, minor } => {
            let next = greatest.map_or(Some(first(major, minor)), VersionNumber::next_patch);
            (next, "\"next-patch 1.1\"")
        }
        VersionChoice::NextMinor { major } => {
            let next = greatest.map_or(Some(first(major, 0)), VersionNumber::next_minor);
            (next, "\"next-minor 2\"")
        }
    };
    next.ok_or_else(|| {
        let last = greatest.map(|number| number.to_string()).unwrap_or_default();
        Error::new(ErrorKind::Quota, format!("the numbers after {last} are used up")).with_hint(words![
            "begin another line: set ",
            DESTINATION_IMAGE_VERSION,
            format!(" to {another}, for example")
        ])
    })
}

fn versions_of(
    versions: &[ImageVersion],
    choice: VersionChoice,
) -> impl Iterator<Item = (VersionNumber, &ImageVersion)> {
    let numbered = versions
        .iter()
        .filter_map(|version| Some((version.id.number()?, version)));
    numbered.filter(move |(number, _)| is_before(choice, *number))
}

/// Whether a version was made of this source as it was then.
#[must_use]
pub(super) fn is_of(version: &ImageVersion, fingerprint: &Fingerprint) -> bool {
    Tag::Fingerprint.read(version.body()) == Some(fingerprint.as_str())
}

/// Whether it is, or may still become, good: one that is complete in a region is made, and the others can be repaired.
fn is_usable(version: &ImageVersion) -> bool {
    let is_going = version.provisioning_state().eq_ignore_ascii_case("Deleting");
    let is_lost = matches!(version.status(), Status::Failed(_)) && replication::repairable_region(version).is_none();
    !is_going && !is_lost
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(number: &str, state: &str, fingerprint: &str) -> ImageVersion {
        let id = format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/{number}"
        );
        ImageVersion::new(
            id.parse().unwrap(),
            json!({"tags": {"Azure-Batch-Fingerprint": fingerprint}, "properties": {"provisioningState": state}}),
        )
    }

    #[test]
    fn numbers_follow_the_table() {
        let fingerprint = Fingerprint::new("ours");
        let ours = fingerprint.as_str();
        let versions = [
            version("1.0.9", "Succeeded", "other"),
            version("1.0.10", "Failed", ours),
            version("1.1.0", "Creating", ours),
            version("1.1.1", "Succeeded", "other"),
            version("2.0.2147483647", "Succeeded", "other"),
            version("5.2147483647.0", "Failed", "other"),
        ];
        let table = [
            ("1.0.11", Ok("new 1.0.11")),
            ("1.1.0", Ok("found 1.1.0")),
            ("1.0.9", Err(ErrorKind::Refused)),
            ("1.0.10", Err(ErrorKind::Refused)),
            ("next-patch", Ok("new 1.0.11")),
            ("next-patch 1.1", Ok("found 1.1.0")),
            ("next-patch 3.2", Ok("new 3.2.0")),
            ("next-patch 2.0", Err(ErrorKind::Quota)),
            ("next-minor", Ok("found 1.1.0")),
            ("next-minor 2", Ok("new 2.1.0")),
            ("next-minor 4", Ok("new 4.0.0")),
            ("next-minor 5", Err(ErrorKind::Quota)),
        ];
        for (text, expected) in table {
            let found = choose(
                (text.parse().unwrap(), Reuse::SameSource),
                &versions,
                &Taken::default(),
                &fingerprint,
            );
            let found = found.map(|number| match number {
                Number::New(number) => format!("new {number}"),
                Number::Found(number) => format!("found {number}"),
                Number::Adopted(number) => format!("adopted {number}"),
            });
            assert_eq!(found.as_deref().map_err(Error::kind), expected, "{text}");
        }
    }

    #[test]
    fn an_explicit_number_that_a_deleted_version_had_is_refused() {
        let definition = ImageDefinition::new(json!({"tags": {"azure-batch-numbers": "1.0.1,3"}}));
        let taken = Taken {
            kept: BTreeSet::from(["1.0.5".parse().unwrap()]),
            given_out: given_out(Some(&definition)),
        };
        let chosen = |text: &str| {
            let asked = (text.parse().unwrap(), Reuse::SameSource);
            choose(asked, &[], &taken, &Fingerprint::new("ours"))
        };
        for (number, why) in [
            ("1.0.1", "pools may still run it"),
            ("1.0.3", "pools may still run it"),
            ("1.0.5", "the gallery still keeps it"),
        ] {
            let error = chosen(number).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("version {number} cannot be published: a version with this number was deleted, and {why}")
            );
            let hint = error.hint().unwrap().to_string();
            assert!(hint.contains("\"1.0.6\", which is free"), "{hint}");
        }
        assert_eq!(chosen("1.0.2").unwrap(), Number::New("1.0.2".parse().unwrap()));
    }

    #[test]
    fn a_number_that_azure_refuses_is_passed_over() {
        let taken = Taken {
            kept: BTreeSet::from(["1.0.3".parse().unwrap(), "2.0.9".parse().unwrap()]),
            given_out: GivenOut::default(),
        };
        let versions = [version("1.0.1", "Succeeded", "other")];
        let chosen = choose(
            ("next-patch".parse().unwrap(), Reuse::SameSource),
            &versions,
            &taken,
            &Fingerprint::new("ours"),
        );
        assert_eq!(chosen.unwrap(), Number::New("1.0.4".parse().unwrap()));
    }

    #[test]
    fn a_forced_run_never_takes_nor_overwrites_what_is_there() {
        let fingerprint = Fingerprint::new("ours");
        let versions = [version("1.0.0", "Succeeded", fingerprint.as_str())];
        let forced = |text: &str| {
            choose(
                (text.parse().unwrap(), Reuse::Never),
                &versions,
                &Taken::default(),
                &fingerprint,
            )
        };
        assert_eq!(forced("next-patch").unwrap(), Number::New("1.0.1".parse().unwrap()));
        assert_eq!(forced("1.0.0").unwrap_err().kind(), ErrorKind::Refused);
    }
}
