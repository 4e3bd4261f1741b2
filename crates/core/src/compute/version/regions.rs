//! A version's target regions as a list that is edited whole: counts raised, regions added, regions taken out and put
//! back.
//!
//! Nothing is sent here, and nothing is lowered.

use serde_json::{Value, json};

use super::{ImageVersion, TakenOut, short, target_region};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::Location,
    json as read_json,
    replicas::RegionNeed,
};

impl ImageVersion {
    /// Its target regions as they are.
    #[must_use]
    pub fn target_regions(&self) -> Vec<Value> {
        read_json::items(&self.body, "/properties/publishingProfile/targetRegions")
            .cloned()
            .collect()
    }

    /// Its target regions without one, and that one as it was.
    #[must_use]
    pub fn regions_without(&self, location: &Location) -> (Vec<Value>, Option<Value>) {
        let (without, mut out): (Vec<Value>, Vec<Value>) = self
            .target_regions()
            .into_iter()
            .partition(|region| !is_in(region, location));
        (without, out.pop())
    }

    /// Its target regions with those needs met and those that were taken out put back: counts raised, regions added,
    /// nothing lowered or removed. `None` when nothing changes.
    #[must_use]
    pub fn merged_regions(&self, needs: &[RegionNeed], storage: &str, taken_out: &[TakenOut]) -> Option<Vec<Value>> {
        let mut regions = self.target_regions();
        let default = self.default_replicas();
        let had = regions.len();
        for out in taken_out {
            if !regions.iter().any(|there| is_in(there, &out.location)) {
                regions.push(out.region());
            }
        }
        let mut is_changed = regions.len() > had;
        for need in needs {
            match regions.iter_mut().find(|region| is_in(region, &need.location)) {
                Some(region)
                    if read_json::number(region, "/regionalReplicaCount").unwrap_or(default)
                        < u64::from(need.replicas) =>
                {
                    if let Some(region) = region.as_object_mut() {
                        region.insert("regionalReplicaCount".to_owned(), json!(need.replicas));
                    }
                    is_changed = true;
                }
                Some(_) => {}
                None => {
                    regions.push(target_region(need, storage));
                    is_changed = true;
                }
            }
        }
        is_changed.then_some(regions)
    }

    /// Refuses to add a region to a version whose regions are encrypted with the user's own keys: Azure wants a disk
    /// encryption set in every region, and which one belongs there only the user knows.
    ///
    /// # Errors
    /// `Refused`, naming the encrypted regions and those that would have to be added.
    pub fn require_no_key(&self, needs: &[RegionNeed]) -> Result<()> {
        let regions = self.target_regions();
        let is_encrypted = |region: &&Value| !read_json::at(region, "/encryption").is_null();
        let encrypted: Vec<&str> = regions
            .iter()
            .filter(is_encrypted)
            .filter_map(|region| read_json::text(region, "/name"))
            .collect();
        let is_new = |need: &&RegionNeed| !regions.iter().any(|region| is_in(region, &need.location));
        let added: Vec<&str> = needs.iter().filter(is_new).map(|need| need.location.as_str()).collect();
        if encrypted.is_empty() || added.is_empty() {
            return Ok(());
        }
        let text = format!(
            "image version {} is encrypted with keys of yours in {}, and those for {} are not known",
            short(&self.id),
            encrypted.join(", "),
            added.join(", ")
        );
        let hint = format!(
            "add {} to its target regions by hand, each with its disk encryption sets, and run the same again",
            added.join(", ")
        );
        Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
    }
}

fn location_of(region: &Value) -> Option<Location> {
    read_json::text(region, "/name")?.parse().ok()
}

fn is_in(region: &Value, location: &Location) -> bool {
    location_of(region).as_ref() == Some(location)
}
