//! How a version is read, and which body changes it.

use serde_json::json;

use super::*;

fn version() -> ImageVersion {
    let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
    let body = json!({"id": id, "tags": {"Run": "r1"}, "properties": {"provisioningState": "Succeeded", "unknown": {"kept": true},
        "publishingProfile": {"publishedDate": "2026-01-01", "targetRegions": [
            {"name": "East US 2", "regionalReplicaCount": 2}, {"name": "West US 2"}]},
        "replicationStatus": {"aggregatedState": "InProgress", "summary": [
            {"region": "East US 2", "state": "Completed", "progress": 100},
            {"region": "westus2", "state": "Replicating", "progress": 40, "details": ""}]}}});
    ImageVersion::new(id.parse().unwrap(), body)
}

#[test]
fn regions_match_by_display_and_short_name() {
    let version = version();
    assert!(version.is_complete_in(&"eastus2".parse().unwrap()));
    assert!(!version.is_complete_in(&"westus2".parse().unwrap()));
    assert_eq!((version.regions()[1].percent, version.regions()[1].replicas), (40, 1));
    assert_eq!(version.tag("run"), Some("r1"));
}

#[test]
fn a_written_body_keeps_what_it_does_not_know_and_drops_what_the_service_only_reports() {
    let mut whole = version();
    whole.body["properties"]["storageProfile"] = json!({"source": {"id": "/vm"},
        "osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {"id": "/s"}},
        "dataDiskImages": [{"lun": 0, "sizeInGB": 64, "source": {"id": "/d"}}]});
    whole.body["properties"]["validationsProfile"] = json!({"validationETag": "x"});
    whole.body["properties"]["imageMetadataProfiles"] = json!([]);
    whole.body["properties"]["safetyProfile"] = json!({"reportedForPolicyViolation": false, "policyViolations": [],
        "allowDeletionOfReplicatedLocations": false, "blockDeletionBeforeEndOfLife": true});
    assert_eq!(
        whole.with_regions(vec![]),
        json!({"tags": {"Run": "r1"}, "properties": {"unknown": {"kept": true},
            "publishingProfile": {"targetRegions": []},
            "safetyProfile": {"allowDeletionOfReplicatedLocations": false, "blockDeletionBeforeEndOfLife": true},
            "storageProfile": {"osDiskImage": {"hostCaching": "ReadWrite"}, "dataDiskImages": [{"lun": 0}]}}}),
        "what it was made of may be gone"
    );
}
