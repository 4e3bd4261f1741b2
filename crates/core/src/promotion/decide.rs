//! What a version becomes when it is admitted to `latest` or excluded from it, and which version is latest then. Pure.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    compute::version::{ImageVersion, RegionState, location_of},
    error::{Error, ErrorKind, Result},
    ids::{Location, VersionNumber},
    json as read_json,
    operation::Status,
    options::versions::ALLOW_FAILED_TEST,
    plan::{Effect, Step},
    settings::{FailedTest, Goal},
    tags::TestMark,
    users::PoolUser,
    versions::Versions,
    words,
};

const PROFILE: &str = "/properties/publishingProfile";
const EXCLUDED: &str = "excludeFromLatest";

/// The one step of such a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum PromotionStep {
    /// New nodes may get the version by `latest`.
    Admit {
        /// The version's number and definition.
        version: String,
        /// Where.
        regions: Vec<Location>,
    },
    /// New nodes do not get the version by `latest` any more.
    Exclude {
        /// The version's number and definition.
        version: String,
        /// Where.
        regions: Vec<Location>,
    },
}

/// Another version becomes latest in a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The region.
    pub region: Location,
    /// What is latest there now; nothing when no version is.
    pub from: Option<VersionNumber>,
    /// What is latest there afterwards.
    pub to: Option<VersionNumber>,
    /// The pools there that follow the definition.
    pub followers: Vec<PoolUser>,
}

impl PromotionStep {
    /// The step for a version, in those regions or in all of its own.
    #[must_use]
    pub fn new(title: String, goal: Goal, version: &ImageVersion, regions: &[Location]) -> Self {
        let own = || version.regions().into_iter().map(|region| region.location).collect();
        let regions = if regions.is_empty() { own() } else { regions.to_vec() };
        match goal {
            Goal::Admit => Self::Admit {
                version: title,
                regions,
            },
            Goal::Exclude => Self::Exclude {
                version: title,
                regions,
            },
        }
    }
}

impl Step for PromotionStep {
    fn effect(&self) -> Effect {
        Effect::Change
    }
}

impl fmt::Display for PromotionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admit { version, regions } => {
                write!(f, "admit image version {version} to latest in {}", joined(regions))
            }
            Self::Exclude { version, regions } => {
                write!(f, "exclude image version {version} from latest in {}", joined(regions))
            }
        }
    }
}

fn joined(regions: &[Location]) -> String {
    let names: Vec<&str> = regions.iter().map(Location::as_str).collect();
    names.join(", ")
}

/// The version as it is wanted in those regions, or in all of its own when none is named, with all that it shows; `None`
/// when it is so already. Nothing else in it changes. A version whose last change failed although it is complete
/// everywhere is written again as it is: until then it is never latest.
///
/// # Errors
/// `BadInput` when the version is not in a region; `Refused` when it is not usable or takes no later change.
pub fn changed(version: &ImageVersion, goal: Goal, regions: &[Location]) -> Result<Option<Value>> {
    require_regions(version, regions)?;
    let mut body = version.body().clone();
    edit(&mut body, goal, regions);
    if body == *version.body() {
        return Ok(is_broken(version).then_some(body));
    }
    require_change(version, goal)?;
    Ok(Some(body))
}

fn require_regions(version: &ImageVersion, regions: &[Location]) -> Result<()> {
    let own: Vec<Location> = version.regions().into_iter().map(|region| region.location).collect();
    match regions.iter().find(|region| !own.contains(region)) {
        None => Ok(()),
        Some(region) => {
            let text = format!("image version {} is not in {region}", version.title());
            let hint = format!("it is in {}", joined(&own));
            Err(Error::new(ErrorKind::BadInput, text).with_hint(hint))
        }
    }
}

fn is_broken(version: &ImageVersion) -> bool {
    let regions = version.regions();
    let is_whole = !regions.is_empty() && regions.iter().all(RegionState::is_complete);
    is_whole && matches!(version.status(), Status::Failed(_)) && !is_shallow(version)
}

fn is_shallow(version: &ImageVersion) -> bool {
    let mode = read_json::text(version.body(), "/properties/publishingProfile/replicationMode");
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("Shallow"))
}

fn require_change(version: &ImageVersion, goal: Goal) -> Result<()> {
    if is_shallow(version) {
        let text = format!(
            "image version {} was published with replication mode Shallow, which takes no later change",
            version.title()
        );
        return Err(Error::new(ErrorKind::Refused, text).with_hint("build it again with replication mode Full"));
    }
    if goal == Goal::Admit && version.status() != Status::Succeeded {
        let text = format!("image version {} is {}", version.title(), version.provisioning_state());
        let hint = "only a version that has succeeded can become latest; the publish that made it, run again, repairs regions that failed";
        return Err(Error::new(ErrorKind::Refused, text).with_hint(hint));
    }
    Ok(())
}

/// Requires that the last test of a version which is to be latest did not fail, unless that is allowed.
///
/// # Errors
/// `Refused`, with what failed.
pub fn require_passed(version: &ImageVersion, goal: Goal, failed_test: FailedTest) -> Result<()> {
    let failure = TestMark::read(version.body()).and_then(|mark| mark.failure());
    match (goal, failed_test, failure) {
        (Goal::Admit, FailedTest::Refused, Some(failure)) => {
            let text = format!("image version {} {failure}", version.title());
            Err(Error::new(ErrorKind::Refused, text).with_hint(words![
                "publish it with a test that it passes, or a better image; to make it latest all the same, add ",
                ALLOW_FAILED_TEST
            ]))
        }
        _ => Ok(()),
    }
}

/// A version that is excluded as a whole is admitted to some regions by excluding it from the others one by one.
fn edit(body: &mut Value, goal: Goal, regions: &[Location]) {
    let was_excluded = read_json::at(read_json::at(body, PROFILE), "/excludeFromLatest").as_bool() == Some(true);
    let is_everywhere = regions.is_empty();
    let Some(profile) = body.pointer_mut(PROFILE).and_then(Value::as_object_mut) else {
        return;
    };
    match goal {
        Goal::Admit if was_excluded => drop(profile.insert(EXCLUDED.to_owned(), json!(false))),
        Goal::Exclude if is_everywhere && !was_excluded => drop(profile.insert(EXCLUDED.to_owned(), json!(true))),
        Goal::Admit | Goal::Exclude => {}
    }
    let entries = profile.get_mut("targetRegions").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        let is_named = location_of(entry).is_some_and(|location| regions.contains(&location));
        let exclude = match goal {
            Goal::Admit if is_everywhere || is_named => Some(false),
            Goal::Admit if was_excluded => Some(true),
            Goal::Exclude if is_named && !was_excluded => Some(true),
            Goal::Admit | Goal::Exclude => None,
        };
        let is_excluded = read_json::at(entry, "/excludeFromLatest").as_bool() == Some(true);
        if let (Some(exclude), Some(entry)) = (exclude.filter(|exclude| *exclude != is_excluded), entry.as_object_mut())
        {
            entry.insert(EXCLUDED.to_owned(), json!(exclude));
        }
    }
}

/// The regions in which another version is latest afterwards, with the pools that follow.
#[must_use]
pub fn moves(before: &Versions, after: &Versions, users: &[PoolUser]) -> Vec<Move> {
    let number =
        |versions: &Versions, region: &Location| versions.latest_in(region).and_then(|latest| latest.id.number());
    let of = |region: Location| {
        let (from, to) = (number(before, &region), number(after, &region));
        (from != to).then(|| Move {
            from,
            to,
            followers: followers(users, &region),
            region,
        })
    };
    before.regions().into_iter().filter_map(of).collect()
}

/// The followers in a region; one whose region nothing shows may be in any.
fn followers(users: &[PoolUser], region: &Location) -> Vec<PoolUser> {
    let is_here = |user: &&PoolUser| user.region.as_ref().is_none_or(|own| own == region);
    users
        .iter()
        .filter(|user| user.follows())
        .filter(is_here)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::tests::{version, versions};

    const EAST: (&str, u32, bool) = ("East US 2", 1, false);
    const WEST: (&str, u32, bool) = ("westus2", 1, false);
    const WEST_EXCLUDED: (&str, u32, bool) = ("westus2", 1, true);

    fn regions(names: &[&str]) -> Vec<Location> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    /// Where the changed version is excluded: as a whole, in the east, in the west. Nothing when nothing changes.
    fn becomes(excluded: bool, west: (&str, u32, bool), goal: Goal, named: &[&str]) -> Option<[bool; 3]> {
        let version = version("1.0.0", "Succeeded", excluded, &[EAST, west]);
        let body = changed(&version, goal, &regions(named)).unwrap()?;
        let flag = |pointer: &str| body.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
        Some([
            flag("/properties/publishingProfile/excludeFromLatest"),
            flag("/properties/publishingProfile/targetRegions/0/excludeFromLatest"),
            flag("/properties/publishingProfile/targetRegions/1/excludeFromLatest"),
        ])
    }

    #[test]
    fn a_version_is_admitted_and_excluded_as_a_whole_or_by_region() {
        let (yes, no) = (true, false);
        assert_eq!(becomes(yes, WEST, Goal::Admit, &[]), Some([no, no, no]));
        assert_eq!(becomes(yes, WEST_EXCLUDED, Goal::Admit, &[]), Some([no, no, no]));
        assert_eq!(becomes(yes, WEST, Goal::Admit, &["eastus2"]), Some([no, no, yes]));
        assert_eq!(
            becomes(no, WEST_EXCLUDED, Goal::Admit, &["westus2"]),
            Some([no, no, no])
        );
        assert_eq!(becomes(no, WEST_EXCLUDED, Goal::Admit, &["eastus2"]), None);
        assert_eq!(becomes(no, WEST, Goal::Admit, &[]), None);
        assert_eq!(becomes(no, WEST, Goal::Exclude, &[]), Some([yes, no, no]));
        assert_eq!(becomes(no, WEST, Goal::Exclude, &["westus2"]), Some([no, no, yes]));
        assert_eq!(becomes(yes, WEST, Goal::Exclude, &["westus2"]), None);
        assert_eq!(becomes(yes, WEST, Goal::Exclude, &[]), None);
    }

    #[test]
    fn what_cannot_become_latest_says_why() {
        let refusal = |version: &ImageVersion, named: &[&str]| {
            changed(version, Goal::Admit, &regions(named)).unwrap_err().to_string()
        };
        let open = version("1.0.0", "Succeeded", true, &[EAST]);
        assert_eq!(
            refusal(&open, &["northeurope"]),
            "image version 1.0.0 of d is not in northeurope"
        );
        let failed = version("1.0.0", "Failed", true, &[EAST]);
        assert_eq!(refusal(&failed, &[]), "image version 1.0.0 of d is Failed");
        let mut body = open.body().clone();
        body["properties"]["publishingProfile"]["replicationMode"] = json!("Shallow");
        let shallow = ImageVersion::new(open.id, body);
        assert!(refusal(&shallow, &[]).contains("Shallow, which takes no later change"));
    }

    #[test]
    fn a_version_that_failed_its_test_is_made_latest_only_when_that_is_allowed() {
        let tested = |text: &str| {
            let version = version("1.0.0", "Succeeded", true, &[EAST]);
            let mut body = version.body().clone();
            body["tags"] = json!({"azure-batch-tested": text});
            ImageVersion::new(version.id, body)
        };
        let bad = tested("failed 0123abcd exit code 3");
        let error = require_passed(&bad, Goal::Admit, FailedTest::Refused).unwrap_err();
        assert_eq!(
            error.to_string(),
            "image version 1.0.0 of d failed its test: exit code 3"
        );
        require_passed(&bad, Goal::Admit, FailedTest::Allowed).unwrap();
        require_passed(&bad, Goal::Exclude, FailedTest::Refused).unwrap();
        require_passed(&tested("passed 0123abcd"), Goal::Admit, FailedTest::Refused).unwrap();
    }

    #[test]
    fn latest_moves_only_where_no_higher_number_is_latest() {
        let all = versions(vec![
            version("1.0.0", "Succeeded", false, &[EAST, WEST]),
            version("1.1.0", "Succeeded", true, &[EAST, WEST]),
            version("1.2.0", "Succeeded", false, &[WEST]),
        ]);
        let promoted = all.find("1.1.0".parse().unwrap()).unwrap();
        let body = changed(promoted, Goal::Admit, &[]).unwrap().unwrap();
        let moved = moves(&all, &all.with(&promoted.id, body), &[]);
        let shown: Vec<(&str, Option<VersionNumber>, Option<VersionNumber>)> = moved
            .iter()
            .map(|one| (one.region.as_str(), one.from, one.to))
            .collect();
        let number = |text: &str| text.parse().ok();
        assert_eq!(shown, [("eastus2", number("1.0.0"), number("1.1.0"))]);
    }
}
