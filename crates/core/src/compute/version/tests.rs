//! How a version is read, and how its regions are merged.

use super::*;

fn version() -> ImageVersion {
    let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
    let body = json!({"id": id, "tags": {"Run": "r1"}, "properties": {"provisioningState": "Succeeded", "unknown": {"kept": true},
        "publishingProfile": {"publishedDate": "2026-01-01", "targetRegions": [
            {"name": "East US 2", "regionalReplicaCount": 2, "storageAccountType": "Standard_ZRS", "encryption": {"x": 1}},
            {"name": "West US 2", "regionalReplicaCount": 1}]},
        "replicationStatus": {"summary": [{"region": "East US 2", "state": "Completed", "progress": 100},
            {"region": "westus2", "state": "Replicating", "progress": 40, "details": ""}]}}});
    ImageVersion::new(id.parse().unwrap(), body)
}

fn need(location: &str, replicas: u32) -> RegionNeed {
    RegionNeed {
        location: location.parse().unwrap(),
        replicas,
        formula: String::new(),
    }
}

#[test]
fn regions_match_by_display_and_short_name() {
    let version = version();
    assert!(version.is_complete_in(&"eastus2".parse().unwrap()));
    assert!(!version.is_complete_in(&"westus2".parse().unwrap()));
    assert_eq!(version.regions()[1].percent, 40);
    assert_eq!(version.tag("run"), Some("r1"));
}

#[test]
fn a_merge_raises_and_adds_but_never_lowers_or_drops() {
    let merged = version()
        .merged_regions(
            &[need("eastus2", 1), need("westus2", 3), need("northeurope", 1)],
            "Standard_LRS",
            &[],
        )
        .unwrap();
    let counts: Vec<_> = merged
        .iter()
        .map(|r| (r["name"].as_str().unwrap(), r["regionalReplicaCount"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [("East US 2", 2), ("West US 2", 3), ("northeurope", 1)]);
    assert_eq!(merged[0]["encryption"]["x"], 1, "fields we do not know survive");
    assert_eq!(
        version().merged_regions(&[need("eastus2", 2)], "Standard_LRS", &[]),
        None
    );
}

#[test]
fn a_count_that_the_whole_version_has_is_not_lowered() {
    let mut body = version().body().clone();
    body["properties"]["publishingProfile"]["replicaCount"] = json!(5);
    body["properties"]["publishingProfile"]["targetRegions"] = json!([{"name": "East US 2"}]);
    let version = ImageVersion::new(version().id, body);
    assert_eq!(version.merged_regions(&[need("eastus2", 3)], "Standard_LRS", &[]), None);
}

#[test]
fn a_region_that_was_taken_out_comes_back_as_it_was() {
    let mut whole = version();
    whole.body["properties"]["publishingProfile"]["targetRegions"][0]["encryption"] = json!(null);
    let (without, out) = whole.taking_out(&"eastus2".parse().unwrap()).unwrap();
    let without = ImageVersion::new(whole.id.clone(), without);
    assert_eq!(without.taken_out(), std::slice::from_ref(&out));
    let merged = without
        .merged_regions(&[need("eastus2", 3)], "Standard_LRS", std::slice::from_ref(&out))
        .unwrap();
    assert_eq!(
        merged[1],
        json!({"name": "eastus2", "regionalReplicaCount": 3, "storageAccountType": "Standard_ZRS"})
    );
    assert_eq!(
        whole.merged_regions(&[], "Standard_LRS", &[out]),
        None,
        "it is there already"
    );
}

#[test]
fn a_region_is_not_added_to_a_version_with_keys_of_the_user_s() {
    let needs = [need("eastus2", 3), need("northeurope", 1)];
    version().require_no_key(&needs[..1]).unwrap();
    let error = version().require_no_key(&needs).unwrap_err();
    insta::assert_snapshot!(error.report(), @r"
    image version 1.0.0 of d is encrypted with keys of yours in East US 2, and those for northeurope are not known
      hint: add northeurope to its target regions by hand, each with its disk encryption sets, and run the same again
    ");
    let mut plain = version();
    plain.body["properties"]["publishingProfile"]["targetRegions"][0]["encryption"] = json!(null);
    plain.require_no_key(&needs).unwrap();
}

#[test]
fn a_written_body_keeps_what_it_does_not_know_and_drops_what_the_service_only_tells() {
    let mut whole = version();
    whole.body["properties"]["storageProfile"] = json!({"source": {"id": "/vm"}, "osDiskImage": {"sizeInGB": 30, "source": {"id": "/s"}},
        "dataDiskImages": [{"lun": 0, "source": {"id": "/d"}}]});
    let body = whole.with_regions(vec![]);
    assert_eq!(body["properties"]["unknown"]["kept"], true);
    assert_eq!(
        body["properties"]["storageProfile"],
        json!({"osDiskImage": {"sizeInGB": 30}, "dataDiskImages": [{"lun": 0}]}),
        "what it was made of may be gone"
    );
    for told in [
        "/id",
        "/properties/provisioningState",
        "/properties/replicationStatus",
        "/properties/publishingProfile/publishedDate",
    ] {
        assert!(body.pointer(told).is_none(), "{told}");
    }
}
