//! A version's target regions, which are written as a whole list: replicas raised, regions added and put back.
//!
//! Nothing is sent here, and no number of replicas is ever lowered.

use serde_json::{Value, json};

use super::{Layout, RegionOut, set};
use crate::{
    compute::version::{ImageVersion, location_of},
    ids::Location,
    json as read_json,
    replicas::RegionNeed,
};

/// A version's target regions with those needs met and with the regions that were taken out put back. `None` when
/// nothing changes.
#[must_use]
pub fn merged(
    version: &ImageVersion,
    needs: &[RegionNeed],
    layout: &Layout,
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
            Some(region) => {
                raise(region, need.replicas, version.default_replicas());
                layout.settle(region);
            }
            None => regions.push(added(version, need, layout)),
        }
    }
    (regions != before).then_some(regions)
}

/// The entry of a region that the version does not have. While the version is tried in some of its regions, `latest` does
/// not go to another one by itself.
fn added(version: &ImageVersion, need: &RegionNeed, layout: &Layout) -> Value {
    let mut entry = layout.entry(need);
    if !layout.excluded_as_in(version, &need.location).is_empty() {
        set(&mut entry, "", "excludeFromLatest", |flag| *flag = json!(true));
    }
    entry
}

fn raise(region: &mut Value, replicas: u32, default: u64) {
    let has = read_json::number(region, "/regionalReplicaCount").unwrap_or(default);
    if let (Some(members), true) = (region.as_object_mut(), has < u64::from(replicas)) {
        members.insert("regionalReplicaCount".to_owned(), json!(replicas));
    }
}

pub(super) fn is_in(region: &Value, location: &Location) -> bool {
    location_of(region).as_ref() == Some(location)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::version, *};
    use crate::{
        replication::{Added, RegionLayout},
        settings::Latest,
    };

    fn need(location: &str, replicas: u32) -> RegionNeed {
        RegionNeed {
            location: location.parse().unwrap(),
            replicas,
            formula: String::new(),
        }
    }

    fn merge(version: &ImageVersion, needs: &[RegionNeed]) -> Option<Vec<Value>> {
        merged(version, needs, &Layout::default(), &[])
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
    fn a_region_that_is_added_is_excluded_from_latest_as_another_one_is_unless_it_is_asked_for() {
        let needs = [need("northeurope", 1)];
        let tried = |exclude_whole: bool, exclude_west: bool| {
            let mut body = version().body().clone();
            let profile = &mut body["properties"]["publishingProfile"];
            profile["excludeFromLatest"] = json!(exclude_whole);
            profile["targetRegions"][1]["excludeFromLatest"] = json!(exclude_west);
            ImageVersion::new(version().id, body)
        };
        let flag = |version: &ImageVersion, layout: &Layout| {
            merged(version, &needs, layout, &[]).unwrap()[2]["excludeFromLatest"] == true
        };
        let usual = Layout::default();
        assert!(flag(&tried(false, true), &usual));
        assert!(!flag(&tried(false, false), &usual));
        assert!(
            !flag(&tried(true, true), &usual),
            "the whole version is passed over already"
        );
        let admitted = Layout {
            added: Added::Admitted,
            ..Layout::default()
        };
        assert!(!flag(&tried(false, true), &admitted));
        let said = RegionLayout {
            latest: Latest::Admit,
            ..RegionLayout::default()
        };
        let said = Layout {
            regions: [("northeurope".parse().unwrap(), said)].into(),
            ..Layout::default()
        };
        assert!(!flag(&tried(false, true), &said));
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
            is_excluded: false,
            keys: None,
        };
        let put_back = |needs: &[RegionNeed], out: RegionOut| {
            merged(&version(), needs, &Layout::default(), std::slice::from_ref(&out))
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
}
