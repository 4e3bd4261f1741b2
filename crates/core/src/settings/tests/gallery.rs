//! What is refused of what a gallery is to say.

use super::*;

#[test]
fn slips_in_what_a_definition_says_are_named() {
    let of = |definition: Json| json!({"definition": definition});
    assert_faults(
        published,
        &[
            (
                of(json!({"min_recommended_vcpu_count": 8, "max_recommended_vcpu_count": 4})),
                "definition.min_recommended_vcpu_count: is 8, which is more than the greatest number, 4",
            ),
            (
                of(json!({"max_recommended_memory_in_gb": 641})),
                "definition.max_recommended_memory_in_gb: is 641; write 1 to 640",
            ),
            (
                of(json!({"features": {"SecurityType": "Standard", "securitytype": "TrustedLaunch"}})),
                "definition.features.securitytype: is the same feature as SecurityType: remove one of the two",
            ),
            (
                of(json!({"features": {"DiskControllerTypes": " "}})),
                "definition.features.DiskControllerTypes: is empty: give the feature's name and value, or remove it",
            ),
        ],
    );
}

#[test]
fn slips_in_what_regions_are_to_be_like_are_named() {
    let set = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/diskEncryptionSets/us";
    let region = |mut region: Json| {
        region["name"] = json!("eastus2");
        json!({"shared_image_gallery_destination": {"target_region": [region]}})
    };
    let data = |disks: Json| json!({"disk_encryption_set_id": set, "data_disk_encryption": disks});
    let twice = json!([{"lun": 1, "disk_encryption_set_id": set}, {"lun": 1, "disk_encryption_set_id": set}]);
    assert_faults(
        published,
        &[
            (
                region(json!({"data_disk_encryption": [{"lun": 1, "disk_encryption_set_id": set}]})),
                "shared_image_gallery_destination.target_region[0].disk_encryption_set_id: is missing: Azure takes keys for all disks of a version or for none",
            ),
            (
                region(data(twice)),
                "shared_image_gallery_destination.target_region[0].data_disk_encryption[1].lun: 1 is named before: give one block for each LUN",
            ),
            (
                region(data(json!([{"disk_encryption_set_id": set}]))),
                "shared_image_gallery_destination.target_region[0].data_disk_encryption[0].lun: is missing: give the LUN of the data disk",
            ),
            (
                region(json!({"disk_encryption_set_id": "us"})),
                "shared_image_gallery_destination.target_region[0].disk_encryption_set_id: \"us\" is not a disk encryption set id (the whole id, from /subscriptions/ to Microsoft.Compute/diskEncryptionSets/NAME)",
            ),
            (
                json!({"shared_image_gallery_destination": {"replication_mode": "quick"}}),
                "shared_image_gallery_destination.replication_mode: \"quick\" is not Full or Shallow",
            ),
            (
                json!({"block_deletion_before_end_of_life": true}),
                "block_deletion_before_end_of_life: has no effect without end_of_life_date: give both",
            ),
        ],
    );
}

/// Settings with that profile.
fn of(profile: Json) -> Json {
    json!({"publishing_profile_json": profile.to_string()})
}

#[test]
fn a_publishing_profile_says_what_no_option_says_in_azures_own_names() {
    assert_faults(
        published,
        &[
            (
                of(json!({"excludeFromLatest": true})),
                "publishing_profile_json.excludeFromLatest: is what latest_now says: give that instead",
            ),
            (
                of(
                    json!({"targetRegions": [{"name": "eastus2", "encryption": {"osDiskImage": {"diskEncryptionSetId": "x"}}}]}),
                ),
                "publishing_profile_json.targetRegions[0].encryption.osDiskImage.diskEncryptionSetId: is what shared_image_gallery_destination.target_region.disk_encryption_set_id says: give that instead",
            ),
            (
                of(json!({"targetRegions": [{"name": "eastus2", "encryption": {"osDisk": {}}}]})),
                "publishing_profile_json.targetRegions[0].encryption.osDisk: is not a member that Azure has here: it has dataDiskImages, osDiskImage",
            ),
            (
                of(json!({"targetRegions": [{"name": "eastus2"}, {"name": "East US 2"}]})),
                "publishing_profile_json.targetRegions[1].name: eastus2 is named before: give one entry for each region",
            ),
            (
                of(json!({"targetRegions": [{}]})),
                "publishing_profile_json.targetRegions[0].name: is missing: give a region such as westeurope",
            ),
            (
                of(json!({"targetExtendedLocations": {}})),
                "publishing_profile_json.targetExtendedLocations: must be a JSON list, in brackets",
            ),
            (
                json!({"publishing_profile_json": r#"{"storageAccountStrategy": "PreferStandard_ZRS"}"#,
                    "shared_image_gallery_destination": {"storage_account_type": "Premium_LRS"}}),
                "publishing_profile_json.storageAccountStrategy: contradicts shared_image_gallery_destination.storage_account_type: remove one of the two",
            ),
        ],
    );
    let good = json!({"storageAccountStrategy": "PreferStandard_ZRS", "targetRegions": [{"name": "East US 2",
        "encryption": {"osDiskImage": {"securityProfile": {"confidentialVMEncryptionType": "NonPersistedTPM"}}}}]});
    let profile = published(&of(good)).unwrap().settings.version_settings.profile.clone();
    assert!(profile.has_strategy());
    assert_eq!(profile.state_in(&"eastus2".parse().unwrap()), Some("NonPersistedTPM"));
}

#[test]
fn values_in_a_publishing_profile_are_those_that_azure_has() {
    let in_region = |more: Json| {
        let mut region = json!({"name": "eastus2"});
        region
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        of(json!({"targetRegions": [region]}))
    };
    let confidential = |word: Json| {
        let profile = json!({"securityProfile": {"confidentialVMEncryptionType": word}});
        in_region(json!({"encryption": {"osDiskImage": profile}}))
    };
    let edge = |more: Json| of(json!({"targetExtendedLocations": [more]}));
    assert_faults(
        published,
        &[
            (
                of(json!({"storageAccountStrategy": "bogus"})),
                "publishing_profile_json.storageAccountStrategy: is not a value that Azure has here: it has PreferStandard_ZRS, DefaultStandard_LRS",
            ),
            (
                of(json!({"storageAccountStrategy": 7})),
                "publishing_profile_json.storageAccountStrategy: is not a value that Azure has here: it has PreferStandard_ZRS, DefaultStandard_LRS",
            ),
            (
                confidential(json!("foo")),
                "publishing_profile_json.targetRegions[0].encryption.osDiskImage.securityProfile.confidentialVMEncryptionType: is not a value that Azure has here: it has EncryptedVMGuestStateOnlyWithPmk, EncryptedWithPmk, EncryptedWithCmk, NonPersistedTPM, DataDiskEncryptedWithCmk",
            ),
            (
                in_region(json!({"encryption": {"dataDiskImages": [{"lun": "0"}]}})),
                "publishing_profile_json.targetRegions[0].encryption.dataDiskImages[0].lun: must be a whole number, without quotes",
            ),
            (
                in_region(json!({"additionalReplicaSets": [{"regionalReplicaCount": -1}]})),
                "publishing_profile_json.targetRegions[0].additionalReplicaSets[0].regionalReplicaCount: must be a whole number, without quotes",
            ),
            (
                edge(json!({"name": null})),
                "publishing_profile_json.targetExtendedLocations[0].name: must be a text, in quotes",
            ),
            (
                edge(json!({"encryption": {"osDiskImage": {"diskEncryptionSetId": 1}}})),
                "publishing_profile_json.targetExtendedLocations[0].encryption.osDiskImage.diskEncryptionSetId: must be a text, in quotes",
            ),
        ],
    );
    for good in [
        confidential(json!("encryptedwithpmk")),
        edge(
            json!({"name": "westus", "extendedLocation": {"name": "losangeles", "type": "EdgeZone"}, "extendedLocationReplicaCount": 1,
            "encryption": {"osDiskImage": {"diskEncryptionSetId": "/x"}}}),
        ),
    ] {
        published(&good).unwrap();
    }
}

#[test]
fn a_version_of_a_community_gallery_is_a_source_with_a_region() {
    let community = "/communityGalleries/hpc/images/alma9/versions/1.4.2";
    let with_region = json!({"source": {"vm": null, "image_version": community},
        "shared_image_gallery_destination": {"target_region": [{"name": "eastus2"}]}});
    assert_eq!(
        published(&with_region).unwrap().settings.source.to_string(),
        "image version 1.4.2 of alma9 in community gallery hpc"
    );
}

#[test]
fn azure_arms_words_for_the_destination_say_what_ours_say() {
    let destination = |more: Json| json!({"shared_image_gallery_destination": more});
    let mut all =
        destination(json!({"replication_regions": ["West US 2", "westeurope"], "use_shallow_replication": false}));
    merge(
        &mut all,
        &json!({
            "shared_image_gallery_replica_count": 3,
            "shared_gallery_image_version_end_of_life_date": "2027-01-02T15:04:05.99Z",
            "shared_gallery_image_version_exclude_from_latest": true,
            "block_deletion_before_end_of_life": true,
        }),
    );
    let ours = json!({
        "shared_image_gallery_destination": {"replication_mode": "Full",
            "target_region": [{"name": "westus2", "replicas": 3}, {"name": "westeurope", "replicas": 3}]},
        "end_of_life_date": "2027-01-02T15:04:05.99Z",
        "latest_now": false,
        "block_deletion_before_end_of_life": true,
    });
    let shown = |changes: &Json| format!("{:?}", published(changes).unwrap().settings);
    let at_least = "replicas: None, at_least: Some(3)";
    assert_eq!(
        shown(&all).replace(at_least, "replicas: Some(3), at_least: None"),
        shown(&ours)
    );
    assert_eq!(shown(&all).matches(at_least).count(), 2);
    let shallow = |name: &str, value: Json| shown(&destination(json!({name: value})));
    let of_azure_arm = shallow("use_shallow_replication", json!(true));
    assert_eq!(
        of_azure_arm.replace("UseShallowReplication", "ReplicationMode"),
        shallow("replication_mode", json!("Shallow"))
    );
    // As in azure-arm, 0 replicas are none that are asked for.
    assert_eq!(
        shown(&json!({"shared_image_gallery_replica_count": 0})),
        shown(&json!({}))
    );
}

#[test]
fn azure_arms_words_are_refused_together_with_ours() {
    let destination = |more: Json| json!({"shared_image_gallery_destination": more});
    assert_faults(
        published,
        &[
            (
                destination(json!({"replication_regions": ["westus2"], "target_region": [{"name": "eastus2"}]})),
                "shared_image_gallery_destination.replication_regions: cannot be given together with shared_image_gallery_destination.target_region: write a block for each region instead",
            ),
            (
                destination(json!({"replication_regions": ["westus2", "West US 2"]})),
                "shared_image_gallery_destination.replication_regions[1]: westus2 is named before: name each region once",
            ),
            (
                destination(json!({"use_shallow_replication": true, "replication_mode": "Full"})),
                "shared_image_gallery_destination.use_shallow_replication: says the same as shared_image_gallery_destination.replication_mode: remove one of the two",
            ),
            (
                json!({"shared_gallery_image_version_exclude_from_latest": true, "latest_now": true}),
                "shared_gallery_image_version_exclude_from_latest: says the same as latest_now: remove one of the two",
            ),
            (
                json!({"shared_gallery_image_version_end_of_life_date": "soon"}),
                "shared_gallery_image_version_end_of_life_date: \"soon\" is not a date; write one such as 2027-06-30 or 2027-06-30T12:00:00Z",
            ),
            (
                json!({"shared_image_gallery_replica_count": 2}),
                "shared_image_gallery_replica_count: is for the regions of shared_image_gallery_destination.replication_regions, and there are none: write a block shared_image_gallery_destination.target_region with replicas = 2 for each region",
            ),
            (
                {
                    let mut many = destination(json!({"replication_regions": ["westus2"]}));
                    merge(&mut many, &json!({"shared_image_gallery_replica_count": 101}));
                    many
                },
                "shared_image_gallery_replica_count: is 101; write 1 to 100, or leave it out for what the pools need",
            ),
        ],
    );
}

#[test]
fn what_a_machine_was_made_of_may_be_said_and_is_read_in_every_form() {
    let of = |said: &str| json!({"source": {"base_image": said}});
    let settings = published(&of("Canonical:jammy:22_04:latest")).unwrap().settings;
    let said = settings.made_from.as_ref().map(ToString::to_string);
    assert_eq!(said.as_deref(), Some("Canonical:jammy:22_04:latest"));
    let faults = published(&of("jammy")).map(|_| ()).unwrap_err();
    assert!(
        faults[0].starts_with("source.base_image: \"jammy\" is not an image (publisher:offer:sku:version"),
        "{faults:?}"
    );
}
