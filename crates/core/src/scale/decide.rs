//! How many replicas each region gets. Pure.

use std::fmt;

use serde::Serialize;

use super::pools::Carried;
use crate::{
    compute::version::{ImageVersion, RegionState},
    error::{Error, ErrorKind, Result},
    ids::Location,
    options::versions::REMOVED_REGIONS,
    plan::{Effect, Step},
    replicas::{self, RegionNeed},
    replication,
    settings::{Fit, ScaleSettings},
    words,
    words::plural,
};

/// A region of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// The region.
    pub region: Location,
    /// How many replicas it has.
    pub present: u32,
    /// How many the pools in sight need, with headroom.
    pub needed: u32,
    /// The arithmetic in words.
    pub formula: String,
    /// Why it is left as it is although there are more than needed; absent when it is not.
    pub left: Option<String>,
}

/// One thing that is done to the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum ScaleStep {
    /// A region gets another number of replicas.
    SetReplicas {
        /// The version's number and definition.
        version: String,
        /// The region.
        region: Location,
        /// How many there are.
        from: u32,
        /// How many there will be.
        to: u32,
    },
    /// The version goes from a region.
    RemoveRegion {
        /// The version's number and definition.
        version: String,
        /// The region.
        region: Location,
        /// How many replicas it has there.
        replicas: u32,
    },
    /// A removal that was begun is finished: the version refuses removals again.
    FinishRemoval {
        /// The version's number and definition.
        version: String,
    },
}

impl ScaleStep {
    /// Whether it takes replicas away.
    #[must_use]
    pub const fn lowers(&self) -> bool {
        match self {
            Self::SetReplicas { from, to, .. } => *to < *from,
            Self::RemoveRegion { .. } => true,
            Self::FinishRemoval { .. } => false,
        }
    }
}

impl Step for ScaleStep {
    fn effect(&self) -> Effect {
        match self {
            Self::SetReplicas { .. } | Self::FinishRemoval { .. } => Effect::Change,
            Self::RemoveRegion { .. } => Effect::Remove,
        }
    }
}

impl fmt::Display for ScaleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetReplicas {
                version,
                region,
                from,
                to,
            } => {
                let verb = if self.lowers() { "lower" } else { "raise" };
                write!(
                    f,
                    "{verb} the replicas of image version {version} in {region} from {from} to {to}"
                )
            }
            Self::RemoveRegion {
                version,
                region,
                replicas,
            } => write!(
                f,
                "take image version {version} out of {region}, where it has {}",
                plural(*replicas, "replica")
            ),
            Self::FinishRemoval { version } => write!(
                f,
                "finish an earlier removal: image version {version} refuses to lose regions again"
            ),
        }
    }
}

impl Region {
    /// Whether it has more than it needs and nothing speaks against fewer.
    #[must_use]
    pub const fn is_lowered(&self) -> bool {
        self.needed < self.present && self.left.is_none()
    }

    /// The step that it needs.
    #[must_use]
    pub fn step(&self, version: &ImageVersion) -> Option<ScaleStep> {
        (self.needed > self.present || self.is_lowered()).then(|| ScaleStep::SetReplicas {
            version: version.title(),
            region: self.region.clone(),
            from: self.present,
            to: self.needed,
        })
    }

    /// What it needs, as replication takes it.
    #[must_use]
    pub fn need(&self) -> RegionNeed {
        RegionNeed {
            location: self.region.clone(),
            replicas: self.needed,
            formula: self.formula.clone(),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; there are {}", self.formula, self.present)?;
        match &self.left {
            Some(why) => write!(f, ", which stay: {why}"),
            None => Ok(()),
        }
    }
}

/// Every region that is asked for, with what it needs.
///
/// # Errors
/// `Quota` when no region holds as many replicas as one needs.
pub(super) fn decide(version: &ImageVersion, pools: &[Carried], settings: &ScaleSettings) -> Result<Vec<Region>> {
    let is_asked = |location: &Location| {
        !settings.removed.contains(location) && (settings.regions.is_empty() || settings.regions.contains(location))
    };
    let regions = version
        .regions()
        .into_iter()
        .filter(|region| is_asked(&region.location));
    let region = |present: RegionState| {
        let here: Vec<&Carried> = pools.iter().filter(|pool| is_in(pool, &present.location)).collect();
        let nodes: Vec<u32> = here.iter().map(|pool| pool.nodes).filter(|nodes| *nodes > 0).collect();
        let need = replicas::need(settings.rule, &present.location, &nodes)?;
        Ok(Region {
            left: (need.replicas < present.replicas)
                .then(|| left(&here, settings.fit))
                .flatten(),
            region: present.location,
            present: present.replicas,
            needed: need.replicas,
            formula: need.formula,
        })
    };
    regions.map(region).collect()
}

/// What takes the version out of the regions that are to lose it.
///
/// # Errors
/// `Refused` for the version's own region, for a region where something uses the version or may return to it, and when
/// none would be left.
pub(super) fn removals(version: &ImageVersion, pools: &[Carried], settings: &ScaleSettings) -> Result<Vec<ScaleStep>> {
    let (going, staying): (Vec<_>, Vec<_>) = version
        .regions()
        .into_iter()
        .partition(|region| settings.removed.contains(&region.location));
    let objections: Vec<String> = going
        .iter()
        .flat_map(|region| objections(version, pools, &region.location))
        .collect();
    if !objections.is_empty() {
        let text = format!(
            "image version {} stays where it is:{}",
            version.title(),
            objections.concat()
        );
        return Err(Error::new(ErrorKind::Refused, text).with_hint(words![
            "give what is named another version or delete it, or name other regions in ",
            REMOVED_REGIONS
        ]));
    }
    if staying.is_empty() && !going.is_empty() {
        let text = format!("image version {} would be in no region", version.title());
        return Err(Error::new(ErrorKind::Refused, text).with_hint("the verb prune deletes versions"));
    }
    let title = version.title();
    if going.is_empty() && !settings.removed.is_empty() && replication::is_under_way(version) {
        return Ok(vec![ScaleStep::FinishRemoval { version: title }]);
    }
    let step = |region: RegionState| ScaleStep::RemoveRegion {
        version: title.clone(),
        region: region.location,
        replicas: region.replicas,
    };
    Ok(going.into_iter().map(step).collect())
}

/// Why a version cannot leave a region, one reason a line.
fn objections(version: &ImageVersion, pools: &[Carried], region: &Location) -> Vec<String> {
    if version.location().as_ref() == Some(region) {
        return vec![format!(
            "\n    {region} is the region that it was made in, which Azure never lets go"
        )];
    }
    let here = pools.iter().filter(|pool| is_in(pool, region));
    here.flat_map(|pool| &pool.why)
        .map(|why| format!("\n    in {region} {why}"))
        .collect()
}

fn is_in(pool: &Carried, region: &Location) -> bool {
    pool.region.as_ref().is_none_or(|own| own == region)
}

/// Why replicas stay that are not needed.
fn left(pools: &[&Carried], fit: Fit) -> Option<String> {
    if fit == Fit::RaiseOnly {
        return Some("nothing is lowered unless asked for".to_owned());
    }
    let by_formula = pools.iter().find(|pool| pool.is_by_formula)?;
    Some(format!(
        "{} grows by a formula, and how far is not known",
        by_formula.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        settings::{ReplicaRule, Sight},
        versions::tests::version,
    };

    fn pool(region: Option<&str>, nodes: u32, by_formula: bool) -> Carried {
        Carried {
            region: region.map(|region| region.parse().unwrap()),
            nodes,
            name: "pool p in a".to_owned(),
            why: vec!["pool p in a makes its nodes of it".to_owned()],
            is_by_formula: by_formula,
        }
    }

    /// What the east, with 3 replicas, and the west, with 1, get.
    fn decided(pools: &[Carried], fit: Fit) -> [u32; 2] {
        let version = version(
            "1.0.0",
            "Succeeded",
            false,
            &[("East US 2", 3, false), ("westus2", 1, false)],
        );
        let settings = ScaleSettings {
            version: version.id.clone(),
            regions: Vec::new(),
            fit,
            removed: Vec::new(),
            rule: ReplicaRule::default(),
            sight: Sight::Everything,
        };
        let regions = decide(&version, pools, &settings).unwrap();
        let becomes = |region: &Region| match region.step(&version) {
            Some(ScaleStep::SetReplicas { to, .. }) => to,
            _ => region.present,
        };
        [becomes(&regions[0]), becomes(&regions[1])]
    }

    #[test]
    fn regions_get_what_their_pools_need_and_are_lowered_only_when_asked() {
        let east = |nodes| pool(Some("eastus2"), nodes, false);
        assert_eq!(decided(&[east(900)], Fit::RaiseOnly), [4, 1]);
        assert_eq!(decided(&[east(10)], Fit::RaiseOnly), [3, 1]);
        assert_eq!(decided(&[east(10)], Fit::Lower), [2, 1]);
        assert_eq!(decided(&[], Fit::Lower), [1, 1]);
        assert_eq!(
            decided(&[pool(None, 10, false)], Fit::Lower),
            [2, 2],
            "it may be anywhere"
        );
    }

    #[test]
    fn a_pool_that_grows_by_a_formula_keeps_the_replicas_of_its_region() {
        assert_eq!(decided(&[pool(Some("eastus2"), 10, true)], Fit::Lower), [3, 1]);
        assert_eq!(decided(&[pool(Some("eastus2"), 900, true)], Fit::Lower), [4, 1]);
    }
}
