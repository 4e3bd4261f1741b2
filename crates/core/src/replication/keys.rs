//! Whether a version's replicas can have the keys that are wanted. Azure takes keys for all regions of a version or for
//! none, in the write that adds the region, and never changes them. Pure.
//!
//! Which keys are wanted is in `layout`.

use serde_json::Value;

use super::{Layout, regions::is_in};
use crate::{
    compute::version::{ImageVersion, location_of},
    error::{Error, ErrorKind, Result},
    ids::Location,
    json as read_json,
    replicas::RegionNeed,
};

/// The key of the OS disk in a region.
const OF_OS: &str = "/encryption/osDiskImage/diskEncryptionSetId";

/// Refuses keys that a version cannot get: other ones than it has, and a region without one beside encrypted regions.
///
/// # Errors
/// `Refused`, naming the regions.
pub fn require_keys(version: &ImageVersion, needs: &[RegionNeed], layout: &Layout) -> Result<()> {
    require_same(version, layout)?;
    let regions = version.target_regions();
    let is_encrypted = |region: &&Value| !read_json::at(region, "/encryption").is_null();
    let encrypted: Vec<&str> = regions
        .iter()
        .filter(is_encrypted)
        .filter_map(|region| read_json::text(region, "/name"))
        .collect();
    let is_new = |need: &&RegionNeed| !regions.iter().any(|region| is_in(region, &need.location));
    let has_key = |location: &Location| {
        layout
            .regions
            .get(location)
            .is_some_and(|it| it.more.contains_key("encryption"))
    };
    let added = needs.iter().filter(is_new).map(|need| &need.location);
    let added: Vec<&str> = added.filter(|it| !has_key(it)).map(Location::as_str).collect();
    if encrypted.is_empty() || added.is_empty() {
        return Ok(());
    }
    let (encrypted, added) = (encrypted.join(", "), added.join(", "));
    let text = format!(
        "image version {} is encrypted with your own keys in {encrypted}; the keys for {added} are not known",
        version.title()
    );
    let hint = format!(
        "publish the same source again with the disk encryption sets of every region, {added} too; or add {added} to its target regions by hand, and run again"
    );
    Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
}

/// Refuses keys for regions that are there with others, or with none.
fn require_same(version: &ImageVersion, layout: &Layout) -> Result<()> {
    let differs = |entry: &Value| {
        let location = location_of(entry)?;
        let wanted = Value::Object(layout.regions.get(&location)?.more.clone());
        let (wanted, has) = (keys(&wanted), keys(entry));
        (!wanted.is_empty() && wanted != has).then_some(location)
    };
    let regions = version.target_regions();
    let others: Vec<String> = regions
        .iter()
        .filter_map(differs)
        .map(|location| location.to_string())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let text = format!(
        "image version {} has other keys, or Azure's own, in {}, and the keys of a version cannot be changed",
        version.title(),
        others.join(", ")
    );
    Err(Error::new(ErrorKind::Refused, text).with_hint("make a new version of the source, such as with -force"))
}

/// The disk encryption sets in a region's entry, as LUN and id; the OS disk has no LUN.
fn keys(entry: &Value) -> Vec<(Option<u64>, String)> {
    let set = |value: &Value, place| read_json::text(value, place).map(str::to_ascii_lowercase);
    let os = set(entry, OF_OS).map(|id| (None, id));
    let of_disk = |disk: &Value| Some((read_json::number(disk, "/lun"), set(disk, "/diskEncryptionSetId")?));
    let data = read_json::items(entry, "/encryption/dataDiskImages").filter_map(of_disk);
    let mut keys: Vec<_> = os.into_iter().chain(data).collect();
    keys.sort();
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::version, *};
    use crate::replication::RegionLayout;

    fn need(location: &str) -> RegionNeed {
        RegionNeed {
            location: location.parse().unwrap(),
            replicas: 3,
            formula: String::new(),
        }
    }

    fn layout(location: &str, set: &str) -> Layout {
        let more = json!({"encryption": {"osDiskImage": {"diskEncryptionSetId": set}, "dataDiskImages": [{"lun": 2, "diskEncryptionSetId": set}]}});
        let region = RegionLayout {
            more: more.as_object().cloned().unwrap(),
            ..RegionLayout::default()
        };
        Layout {
            regions: [(location.parse().unwrap(), region)].into(),
            ..Layout::default()
        }
    }

    fn encrypted(set: &str) -> ImageVersion {
        let mut body = version().body().clone();
        body["properties"]["publishingProfile"]["targetRegions"] = json!([{"name": "East US 2", "encryption": {
            "osDiskImage": {"diskEncryptionSetId": set}, "dataDiskImages": [{"lun": 2, "diskEncryptionSetId": set}]}}]);
        ImageVersion::new(version().id, body)
    }

    #[test]
    fn a_region_is_added_to_a_version_with_keys_only_with_its_own() {
        let needs = [need("eastus2"), need("northeurope")];
        let none = Layout::default();
        require_keys(&version(), &needs[..1], &none).unwrap();
        let error = require_keys(&version(), &needs, &none).unwrap_err();
        insta::assert_snapshot!(error.report(), @r"
        image version 1.0.0 of d is encrypted with your own keys in East US 2; the keys for northeurope are not known
          hint: publish the same source again with the disk encryption sets of every region, northeurope too; or add northeurope to its target regions by hand, and run again
        ");
        let mut body = version().body().clone();
        body["properties"]["publishingProfile"]["targetRegions"] = json!([{"name": "East US 2", "encryption": null}]);
        require_keys(&ImageVersion::new(version().id, body), &needs, &none).unwrap();
        require_keys(&version(), &needs, &layout("northeurope", "/des-eu")).unwrap();
    }

    #[test]
    fn keys_that_a_version_does_not_have_are_refused() {
        let wanted = layout("eastus2", "/Des-Us");
        require_keys(&encrypted("/des-us"), &[need("eastus2")], &wanted).unwrap();
        let error = require_keys(&encrypted("/des-other"), &[need("eastus2")], &wanted).unwrap_err();
        insta::assert_snapshot!(error.report(), @r"
        image version 1.0.0 of d has other keys, or Azure's own, in eastus2, and the keys of a version cannot be changed
          hint: make a new version of the source, such as with -force
        ");
        assert!(
            require_keys(&version(), &[], &wanted).is_err(),
            "it has none that are known"
        );
    }
}
