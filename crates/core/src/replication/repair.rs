//! What to do about a region or a change of a version that failed. Pure.
//!
//! Microsoft's troubleshooting page says to remove a failed region and to add it again. How often that is tried is
//! decided in `ensure`.

use serde_json::Value;

use super::{
    TakenOut,
    taken_out::{self},
};
use crate::{
    compute::version::{ImageVersion, RegionState},
    error::{Error, ErrorKind, Result},
    ids::Location,
};

/// A write that may repair a version.
#[derive(Debug)]
pub(super) enum Repair {
    /// A failed region is taken out. A later write puts it back.
    TakeOut {
        /// The version without the region.
        body: Value,
        /// What is out then.
        out: TakenOut,
        /// What is done and why, for the user.
        why: String,
    },
    /// The version is written again as it is.
    WriteAgain {
        /// The version.
        body: Value,
        /// What is done and why, for the user.
        why: String,
    },
}

/// How to repair a failed region. Two kinds of regions are never taken out: the version's own region, and a region that
/// was complete before, because nodes may be starting from it.
///
/// # Errors
/// When the region carries something that could get lost while it is out.
pub(super) fn of_region(version: &ImageVersion, region: &RegionState, complete_before: &[Location]) -> Result<Repair> {
    let location = &region.location;
    if complete_before.contains(location) || version.location().as_ref() == Some(location) {
        return Ok(Repair::WriteAgain {
            body: version.with_regions(version.target_regions()),
            why: format!("replication to {location} failed: the version is written again"),
        });
    }
    let (body, out) = taken_out::take_out(version, location).map_err(|more| by_hand(version, region, &more))?;
    Ok(Repair::TakeOut {
        body,
        out,
        why: format!("replication to {location} failed: the region is removed and added again"),
    })
}

/// How to repair a change that failed although every region is complete.
pub(super) fn of_change(version: &ImageVersion) -> Repair {
    Repair::WriteAgain {
        body: version.with_regions(version.target_regions()),
        why: format!(
            "the last change of {} failed, and its regions are complete: it is written again",
            version.title()
        ),
    }
}

/// A region that failed while another one is complete: such a version can be repaired.
#[must_use]
pub fn repairable_region(version: &ImageVersion) -> Option<RegionState> {
    let regions = version.regions();
    let is_complete_elsewhere = regions.iter().any(RegionState::is_complete);
    regions
        .into_iter()
        .find(|region| is_complete_elsewhere && region.has_failed())
}

/// The failure of a region, in the service's words where it has any.
#[must_use]
pub fn failed_region(version: &ImageVersion, region: &RegionState) -> Error {
    let mut text = format!("replication of {} to {} failed", version.title(), region.location);
    if !region.details.is_empty() {
        text = format!("{text}: {}", region.details);
    }
    Error::new(ErrorKind::Azure, text)
}

/// The failure of a change that left every region complete.
pub(super) fn failed_change(version: &ImageVersion) -> Error {
    let text = format!(
        "the last changes of {} failed, and its regions are complete",
        version.title()
    );
    Error::new(ErrorKind::Azure, text).with_hint("run again later")
}

fn by_hand(version: &ImageVersion, region: &RegionState, more: &str) -> Error {
    let location = &region.location;
    failed_region(version, region).with_hint(format!(
        "the region carries {more}, which would be lost if the run ended while the region is removed: note what the version says of {location}, remove it from the target regions by hand, add it again with the same, and run again"
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::version, *};

    fn failed(location: &str) -> RegionState {
        let regions = version().regions();
        let location = location.parse().unwrap();
        let region = regions.into_iter().find(|region| region.location == location);
        RegionState {
            state: "Failed".to_owned(),
            details: "no capacity".to_owned(),
            ..region.unwrap()
        }
    }

    #[test]
    fn only_a_region_that_nobody_can_be_using_is_taken_out() {
        let westus2: Location = "westus2".parse().unwrap();
        let repair = |location, before: &[Location]| of_region(&version(), &failed(location), before).unwrap();
        assert!(matches!(repair("westus2", &[]), Repair::TakeOut { .. }));
        assert!(matches!(repair("westus2", &[westus2]), Repair::WriteAgain { .. }));
        assert!(
            matches!(repair("eastus2", &[]), Repair::WriteAgain { .. }),
            "its own region"
        );
    }

    #[test]
    fn a_region_that_could_lose_something_is_left_to_its_owner() {
        let mut body = version().body().clone();
        body["location"] = "westus2".into();
        let error = of_region(&ImageVersion::new(version().id, body), &failed("eastus2"), &[]).unwrap_err();
        insta::assert_snapshot!(error.report(), @r"
        replication of 1.0.0 of d to eastus2 failed: no capacity
          hint: the region carries encryption, which would be lost if the run ended while the region is removed: note what the version says of eastus2, remove it from the target regions by hand, add it again with the same, and run again
        ");
    }
}
