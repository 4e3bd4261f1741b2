//! A version's target regions, which are written as a whole list: replicas raised, regions added and put back.
//!
//! Nothing is sent here, and no number of replicas is ever lowered.

use serde_json::{Value, json};

use super::RegionOut;
use crate::{
    compute::version::{ImageVersion, location_of, target_region},
    error::{Error, ErrorKind, Result},
    ids::Location,
    json as read_json,
    replicas::RegionNeed,
    settings::ReplicaStorage,
};

/// A version's target regions with those needs met and with the regions that were taken out put back. `None` when
/// nothing changes.
#[must_use]
pub fn merged(
    version: &ImageVersion,
    needs: &[RegionNeed],
    storage: ReplicaStorage,
    taken_out: &[RegionOut],
) -> Option<Vec<Value>> {
    let mut regions = version.target_regions();
    let before = regions.clone();
    for out in taken_out {
        if !regions.iter().any(|region| is_in(region, &out.location)) {
            regions.push(out.target_region());
        }
    }
    for need in needs {
        match regions.iter_mut().find(|region| is_in(region, &need.location)) {
            Some(region) => raise(region, need.replicas, version.default_replicas()),
            None => regions.push(target_region(&need.location, need.replicas, storage)),
        }
    }
    (regions != before).then_some(regions)
}

/// The regions whose replicas have another storage; it cannot be changed.
#[must_use]
pub(super) fn with_other_storage(version: &ImageVersion, storage: ReplicaStorage) -> Vec<Location> {
    let has_other = |region: &&Value| {
        let has = read_json::text(region, "/storageAccountType").unwrap_or(ReplicaStorage::default().as_str());
        !has.eq_ignore_ascii_case(storage.as_str())
    };
    let regions = version.target_regions();
    regions.iter().filter(has_other).filter_map(location_of).collect()
}

/// Refuses to add a region to a version whose regions are encrypted with the user's own keys: Azure wants a disk
/// encryption set in every region, and only the user knows which one belongs there.
///
/// # Errors
/// `Refused`, naming the encrypted regions and those that would have to be added.
pub fn require_no_key(version: &ImageVersion, needs: &[RegionNeed]) -> Result<()> {
    let regions = version.target_regions();
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
    let (encrypted, added) = (encrypted.join(", "), added.join(", "));
    let text = format!(
        "image version {} is encrypted with your own keys in {encrypted}; the keys for {added} are not known",
        version.title()
    );
    let hint = format!(
        "add {added} to its target regions by hand, each with its disk encryption sets, and run the same again"
    );
    Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
}

fn raise(region: &mut Value, replicas: u32, default: u64) {
    let has = read_json::number(region, "/regionalReplicaCount").unwrap_or(default);
    if let (Some(members), true) = (region.as_object_mut(), has < u64::from(replicas)) {
        members.insert("regionalReplicaCount".to_owned(), json!(replicas));
    }
}

fn is_in(region: &Value, location: &Location) -> bool {
    location_of(region).as_ref() == Some(location)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::version, *};

    fn need(location: &str, replicas: u32) -> RegionNeed {
        RegionNeed {
            location: location.parse().unwrap(),
            replicas,
            formula: String::new(),
        }
    }

    fn merge(version: &ImageVersion, needs: &[RegionNeed]) -> Option<Vec<Value>> {
        merged(version, needs, ReplicaStorage::StandardLrs, &[])
    }

    #[test]
    fn a_merge_raises_and_adds_but_never_lowers_or_drops() {
        let needs = [need("eastus2", 1), need("westus2", 3), need("northeurope", 1)];
        let merged = merge(&version(), &needs).unwrap();
        let counts: Vec<_> = merged
            .iter()
            .map(|r| (r["name"].as_str().unwrap(), r["regionalReplicaCount"].as_u64().unwrap()))
            .collect();
        assert_eq!(counts, [("East US 2", 2), ("West US 2", 3), ("northeurope", 1)]);
        assert_eq!(merged[0]["encryption"]["x"], 1, "fields we do not know survive");
        assert_eq!(merge(&version(), &[need("eastus2", 2)]), None);
    }

    #[test]
    fn a_count_that_the_whole_version_has_is_not_lowered() {
        let mut body = version().body().clone();
        body["properties"]["publishingProfile"]["replicaCount"] = json!(5);
        body["properties"]["publishingProfile"]["targetRegions"] = json!([{"name": "East US 2"}]);
        let version = ImageVersion::new(version().id, body);
        assert_eq!(merge(&version, &[need("eastus2", 3)]), None);
    }

    #[test]
    fn a_region_that_was_taken_out_comes_back_as_it_was() {
        let out = RegionOut {
            location: "northeurope".parse().unwrap(),
            replicas: 5,
            storage: "Standard_ZRS".to_owned(),
        };
        let put_back = |needs: &[RegionNeed], out: RegionOut| {
            merged(
                &version(),
                needs,
                ReplicaStorage::StandardLrs,
                std::slice::from_ref(&out),
            )
        };
        let with = |replicas: u32| json!({"name": "northeurope", "regionalReplicaCount": replicas, "storageAccountType": "Standard_ZRS"});
        assert_eq!(put_back(&[], out.clone()).unwrap()[2], with(5));
        assert_eq!(put_back(&[need("northeurope", 7)], out.clone()).unwrap()[2], with(7));
        let there = RegionOut {
            location: "eastus2".parse().unwrap(),
            ..out
        };
        assert_eq!(put_back(&[], there), None, "it is there already");
    }

    #[test]
    fn another_storage_is_found_in_the_regions_that_are_there() {
        let other = |storage| {
            with_other_storage(&version(), storage)
                .iter()
                .map(|it| it.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(other(ReplicaStorage::StandardLrs), ["eastus2"]);
        assert_eq!(
            other(ReplicaStorage::StandardZrs),
            ["westus2"],
            "one that does not say has the default"
        );
        assert_eq!(other(ReplicaStorage::PremiumLrs), ["eastus2", "westus2"]);
    }

    #[test]
    fn a_region_is_not_added_to_a_version_with_keys_of_the_user_s() {
        let needs = [need("eastus2", 3), need("northeurope", 1)];
        require_no_key(&version(), &needs[..1]).unwrap();
        let error = require_no_key(&version(), &needs).unwrap_err();
        insta::assert_snapshot!(error.report(), @r"
        image version 1.0.0 of d is encrypted with your own keys in East US 2; the keys for northeurope are not known
          hint: add northeurope to its target regions by hand, each with its disk encryption sets, and run the same again
        ");
        let mut body = version().body().clone();
        body["properties"]["publishingProfile"]["targetRegions"][0]["encryption"] = json!(null);
        require_no_key(&ImageVersion::new(version().id, body), &needs).unwrap();
    }
}
