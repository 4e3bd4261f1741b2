//! What becomes of keys, storage and JSON, and what is refused of them, as tables.

use super::*;
use crate::{
    publish::{machine::tests::machine, plan::tests::settings},
    settings::{Latest, ReplicaStorage},
};

const SETS: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/diskEncryptionSets";

fn need(location: &str) -> RegionNeed {
    RegionNeed {
        location: location.parse().unwrap(),
        replicas: 1,
        formula: String::new(),
    }
}

fn region(location: &str, keys: Option<DiskKeys>) -> TargetRegion {
    TargetRegion {
        keys,
        ..TargetRegion::new(location.parse().unwrap(), None)
    }
}

fn keys(os: &str, data: &[(u32, &str)]) -> DiskKeys {
    let set = |name: &str| format!("{SETS}/{name}").parse().unwrap();
    let data = data.iter().map(|(lun, name)| (Lun::try_from(*lun).unwrap(), set(name)));
    DiskKeys {
        os: set(os),
        data: data.collect(),
    }
}

fn of(settings: &PublishSettings, needs: &[RegionNeed]) -> Result<Layout> {
    layout(settings, &machine("V2", Security::Standard), needs)
}

#[test]
fn every_disk_of_the_image_gets_the_key_of_its_region() {
    let mut settings = settings();
    settings.target_regions = vec![
        region("eastus2", Some(keys("us", &[(2, "us-data")]))),
        region("westus2", Some(keys("west", &[]))),
    ];
    let layout = of(&settings, &[need("eastus2"), need("westus2")]).unwrap();
    let encryption = |location: &str| layout.entry(&need(location))["encryption"].clone();
    assert_eq!(
        encryption("eastus2"),
        json!({"osDiskImage": {"diskEncryptionSetId": format!("{SETS}/us")},
            "dataDiskImages": [{"lun": 2, "diskEncryptionSetId": format!("{SETS}/us-data")}]})
    );
    assert_eq!(
        encryption("westus2")["dataDiskImages"],
        json!([{"lun": 2, "diskEncryptionSetId": format!("{SETS}/west")}]),
        "a data disk without a set of its own has the OS disk's"
    );
    assert_eq!(
        permanent(&layout),
        [
            "the storage type Standard_LRS of its replicas",
            "its encryption in eastus2, westus2"
        ]
    );
}

#[test]
fn keys_for_some_regions_or_for_no_disk_are_refused() {
    let mut wanted = settings();
    wanted.target_regions = vec![region("eastus2", Some(keys("us", &[]))), region("westus2", None)];
    let needs = [need("eastus2"), need("westus2"), need("uksouth")];
    insta::assert_snapshot!(of(&wanted, &needs).unwrap_err().report(), @r"
    shared_image_gallery_destination.target_region.disk_encryption_set_id is given for eastus2 and not for westus2, uksouth, and Azure takes keys for all regions of a version or for none
      hint: give each of them a block shared_image_gallery_destination.target_region with its disk encryption set
    ");
    wanted.target_regions = vec![region("eastus2", Some(keys("us", &[(3, "x")])))];
    insta::assert_snapshot!(of(&wanted, &needs[..1]).unwrap_err().report(), @r"
    shared_image_gallery_destination.target_region.data_disk_encryption.lun of eastus2 is 3, and the image has no data disk there
      hint: the image has data disks at 2
    ");
}

#[test]
fn json_is_added_to_what_the_options_say() {
    let mut wanted = settings();
    wanted.target_regions = vec![TargetRegion {
        storage: Some(ReplicaStorage::PremiumLrs),
        latest: Latest::Exclude,
        ..region("eastus2", Some(keys("us", &[])))
    }];
    let more = json!({"additionalReplicaSets": [{"storageAccountType": "Standard_ZRS"}],
        "encryption": {"dataDiskImages": [{"lun": 2, "securityProfile": {"x": 1}}]}});
    wanted.version_settings.profile.regions = [("eastus2".parse().unwrap(), more.as_object().cloned().unwrap())].into();
    let strategy = json!({"storageAccountStrategy": "PreferStandard_ZRS"});
    wanted.version_settings.profile.whole = strategy.as_object().cloned().unwrap();
    let layout = of(&wanted, &[need("eastus2")]).unwrap();
    let entry = layout.entry(&need("eastus2"));
    let disk = &entry["encryption"]["dataDiskImages"];
    assert_eq!(
        disk,
        &json!([{"lun": 2, "diskEncryptionSetId": format!("{SETS}/us"), "securityProfile": {"x": 1}}])
    );
    assert_eq!(entry["additionalReplicaSets"], more["additionalReplicaSets"]);
    assert_eq!(
        (&entry["storageAccountType"], &entry["excludeFromLatest"]),
        (&json!("Premium_LRS"), &json!(true))
    );
    assert_eq!(layout.profile, strategy.as_object().cloned().unwrap());
    let error = of(&wanted, &[need("westus2")]).unwrap_err();
    insta::assert_snapshot!(error.report(), @r"
    publishing_profile_json names eastus2, and the version does not go there
      hint: name the region in shared_image_gallery_destination.target_region too
    ");
}

#[test]
fn a_confidential_machine_says_in_every_region_how_its_state_is_encrypted() {
    let mut wanted = settings();
    let machine = machine("V2", Security::Confidential);
    let said = json!({"encryption": {"osDiskImage": {"securityProfile": {"confidentialVMEncryptionType": "NonPersistedTPM"}}}});
    let said = said.as_object().cloned().unwrap();
    wanted.version_settings.profile.regions = [("eastus2".parse().unwrap(), said)].into();
    assert!(layout(&wanted, &machine, &[need("eastus2")]).is_ok());
    let error = layout(&wanted, &machine, &[need("eastus2"), need("uksouth")]).unwrap_err();
    insta::assert_snapshot!(error.report(), @r"
    the machine is a confidential VM, and publishing_profile_json does not say how its state is encrypted in uksouth
      hint: give encryption.osDiskImage.securityProfile.confidentialVMEncryptionType in the entries of these regions
    ");
}

#[test]
fn the_state_of_a_confidential_machine_stays_in_its_region_unless_none_is_kept() {
    let machine = machine("V2", Security::Confidential);
    let said = |word: &str| {
        let said = json!({"encryption": {"osDiskImage": {"securityProfile": {"confidentialVMEncryptionType": word}}}});
        let mut wanted = settings();
        let regions = [machine.location.as_str(), "uksouth"];
        let entry = |region: &str| (region.parse().unwrap(), said.as_object().cloned().unwrap());
        wanted.version_settings.profile.regions = regions.map(entry).into();
        wanted
    };
    let both = [need(machine.location.as_str()), need("uksouth")];
    for none in ["NonPersistedTPM", "nonpersistedtpm"] {
        assert!(layout(&said(none), &machine, &both).is_ok());
    }
    let error = layout(&said("EncryptedWithPmk"), &machine, &both).unwrap_err();
    insta::assert_snapshot!(error.report(), @r"
    the machine is a confidential VM, and Azure takes its state to no other region than its own, eastus2, so not to uksouth
      hint: leave these regions out, or give them and the machine's own the confidentialVMEncryptionType NonPersistedTPM in publishing_profile_json, where the machine keeps no state
    ");
}
