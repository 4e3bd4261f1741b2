//! Whether the regions that are asked for exist. Pure.
//!
//! Azure itself says so only when the version is written, after everything was copied.

use crate::{
    arm::subscription::{Region, RegionKind},
    error::{Error, ErrorKind, Result},
    ids::Location,
    options::image::TARGET_REGION_NAME,
    settings::TargetRegion,
    typing::{Command, az},
    words,
};

/// How alike two names must be for one to be meant by the other, from 0 to 1: one letter wrong or two letters
/// exchanged in a name of ten.
const ALIKE: f64 = 0.8;

/// Refuses a region that is not among those that the subscription knows, or holds no resources. Without such a list nothing
/// is refused.
///
/// # Errors
/// `BadInput`, naming every region that is not there and the nearest one.
pub(super) fn require_known(asked: &[TargetRegion], known: Option<&[Region]>) -> Result<()> {
    let Some(known) = known else { return Ok(()) };
    let (physical, logical): (Vec<&Region>, Vec<&Region>) =
        known.iter().partition(|region| region.kind == RegionKind::Physical);
    let is_in = |location: &Location, list: &[&Region]| list.iter().any(|region| region.location == *location);
    let unknown = asked
        .iter()
        .map(|region| &region.location)
        .filter(|it| !is_in(it, &physical));
    let unknown: Vec<String> = unknown
        .map(|location| match nearest(location, &physical) {
            _ if is_in(location, &logical) => format!("{location} (that is Azure's name for several regions)"),
            Some(meant) => format!("{location} (is {meant} meant?)"),
            None => location.to_string(),
        })
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let text = words![
        TARGET_REGION_NAME,
        format!(": the subscription has no region {}", unknown.join(", "))
    ];
    Err(Error::new(ErrorKind::BadInput, text)
        .with_kept("nothing was changed")
        .with_next(
            "give one of the subscription's regions",
            Command::new(az::LOCATIONS, &[]),
        ))
}

fn nearest<'a>(asked: &Location, known: &[&'a Region]) -> Option<&'a Location> {
    let likeness = |location: &Location| strsim::normalized_damerau_levenshtein(asked.as_str(), location.as_str());
    let best = known
        .iter()
        .map(|region| &region.location)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(best) >= ALIKE).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_named_with_what_is_meant() {
        let region = |name: &str, kind: RegionKind| Region {
            location: name.parse().unwrap(),
            kind,
        };
        let mut known: Vec<Region> = ["westeurope", "westus", "eastus2"]
            .map(|name| region(name, RegionKind::Physical))
            .into();
        known.push(region("france", RegionKind::Logical));
        let asked = |names: &[&str]| -> Vec<TargetRegion> {
            let region = |name: &&str| TargetRegion::new(name.parse().unwrap(), None);
            names.iter().map(region).collect()
        };
        require_known(&asked(&["West Europe", "eastus2"]), Some(&known)).unwrap();
        require_known(&asked(&["mars"]), None).unwrap();
        let error = require_known(&asked(&["westeuorpe", "eastus2", "mars", "france"]), Some(&known)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert_eq!(
            error.to_string(),
            "shared_image_gallery_destination.target_region.name: the subscription has no region westeuorpe (is westeurope meant?), mars, france (that is Azure's name for several regions)"
        );
    }
}
