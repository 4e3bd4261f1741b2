//! What is said last when a publish was asked to stop: what became of the version, and how it goes on. Pure.
//!
//! What is left and removed is decided in `cleanup`.

use crate::{
    compute::version::{ImageVersion, RegionState},
    operation::Status,
    plan::Kept,
};

use super::plan::Goal;

/// Nothing was begun.
pub(super) const BEFORE: &str = "stopped before anything was made; the same run again begins from the start";

/// The version as it is now, and what is left for the next run.
#[must_use]
pub(super) fn line(goal: &Goal, version: Option<&ImageVersion>, kept: &[Kept]) -> String {
    let name = goal.version.name();
    let fate = version.map_or_else(
        || format!("stopped. Image version {name} is not begun, and the same run again makes it"),
        |version| fate(name, version),
    );
    match kept.len() {
        0 => fate,
        1 => format!("{fate}. One resource is kept"),
        count => format!("{fate}. {count} resources are kept"),
    }
}

fn fate(name: &str, version: &ImageVersion) -> String {
    let regions: Vec<String> = version.regions().iter().map(region).collect();
    let regions = regions.join(", ");
    match version.status() {
        Status::Succeeded => {
            format!("stopped. Image version {name} is there: {regions}. The same run again does what is missing")
        }
        Status::Failed(_) => format!("stopped. Image version {name} has failed: {regions}"),
        Status::Running(_) | Status::Forgotten => format!(
            "stopped. Azure goes on making image version {name}: {regions}. The same run again waits for it and does the rest"
        ),
    }
}

fn region(region: &RegionState) -> String {
    match region.is_complete() {
        true => format!("{} complete", region.location),
        false => format!("{} {} %", region.location, region.percent),
    }
}
