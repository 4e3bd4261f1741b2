//! What the regions of the version are to be like: options, keys and Azure's own JSON brought together. Pure.
//!
//! Entries are made of it, and compared with a version that is there, in `replication`.

use serde_json::{Map, Value, json};

use super::{machine::Machine, security::Security};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::Location,
    options::image,
    replicas::RegionNeed,
    replication::{Added, Layout, RegionLayout, StorageChoice},
    settings::{DiskKeys, Latest, Lun, PublishSettings, ReplicationMode, TargetRegion},
    words,
};

/// Azure's word for a confidential machine that keeps no state of its TPM; only such a one goes to other regions (azure-cli
/// issue 22995, packer-plugin-azure pull request 373).
const NO_STATE: &str = "NonPersistedTPM";

/// What the regions are to be like. `needs` are all of them.
///
/// # Errors
/// `BadInput` when keys are given for some regions or for a LUN that is not there, or the JSON names a region that the
/// version does not go to.
pub(super) fn layout(settings: &PublishSettings, machine: &Machine, needs: &[RegionNeed]) -> Result<Layout> {
    let profile = &settings.version_settings.profile;
    if let Some(stray) = profile
        .regions
        .keys()
        .find(|it| !needs.iter().any(|need| need.location == **it))
    {
        let text = words![
            image::PUBLISHING_PROFILE_JSON,
            format!(" names {stray}, and the version does not go there")
        ];
        return Err(Error::new(ErrorKind::BadInput, text).with_hint(words![
            "name the region in ",
            image::DESTINATION_TARGET_REGION,
            " too"
        ]));
    }
    require_all_keys(settings, needs)?;
    require_states(settings, machine, needs)?;
    let luns: Vec<Lun> = machine.data.iter().map(|(lun, _)| *lun).collect();
    let mut layout = Layout {
        mode: settings.version_settings.replication,
        storage: if profile.has_strategy() {
            StorageChoice::Strategy
        } else {
            StorageChoice::Type(settings.version_settings.storage)
        },
        profile: profile.whole.clone(),
        regions: settings
            .target_regions
            .iter()
            .map(|region| Ok((region.location.clone(), of_region(region, &luns)?)))
            .collect::<Result<_>>()?,
        added: match settings.version_settings.latest {
            Latest::Admit => Added::Admitted,
            Latest::Keep | Latest::Exclude => Added::AsElsewhere,
        },
    };
    for (location, more) in &profile.regions {
        let region = layout.regions.entry(location.clone()).or_default();
        merge(&mut region.more, more);
    }
    Ok(layout)
}

/// What of it can never be changed, as parts of a sentence.
#[must_use]
pub(super) fn permanent(layout: &Layout) -> Vec<String> {
    let mut parts = vec![match layout.storage {
        StorageChoice::Type(storage) => format!("the storage type {} of its replicas", storage.as_str()),
        StorageChoice::Strategy => "the storage of its replicas, which Azure chooses".to_owned(),
    }];
    for (location, region) in &layout.regions {
        if let Some(storage) = region.storage {
            parts.push(format!("{} in {location}", storage.as_str()));
        }
    }
    let encrypted = layout
        .regions
        .iter()
        .filter(|(_, region)| region.more.contains_key("encryption"));
    let encrypted: Vec<&str> = encrypted.map(|(location, _)| location.as_str()).collect();
    if !encrypted.is_empty() {
        parts.push(format!("its encryption in {}", encrypted.join(", ")));
    }
    if layout.mode == ReplicationMode::Shallow {
        parts.push("its replication mode Shallow, which takes no change at all".to_owned());
    }
    parts
}

/// Azure takes keys for all regions of a version or for none.
fn require_all_keys(settings: &PublishSettings, needs: &[RegionNeed]) -> Result<()> {
    let has_key = |location: &Location| {
        let mut regions = settings.target_regions.iter();
        regions.any(|region| region.location == *location && region.keys.is_some())
    };
    let (with, without): (Vec<&Location>, Vec<&Location>) =
        needs.iter().map(|need| &need.location).partition(|it| has_key(it));
    if with.is_empty() || without.is_empty() {
        return Ok(());
    }
    let text = words![
        image::TARGET_REGION_DISK_ENCRYPTION_SET_ID,
        format!(
            " is given for {} and not for {}, and Azure takes keys for all regions of a version or for none",
            names(&with),
            names(&without)
        )
    ];
    Err(Error::new(ErrorKind::BadInput, text).with_hint(words![
        "give each of them a block ",
        image::DESTINATION_TARGET_REGION,
        " with its disk encryption set"
    ]))
}

/// Azure makes no version of a confidential machine where a region does not say how its state is encrypted, and takes a
/// state that is kept to no other region than the machine's own.
fn require_states(settings: &PublishSettings, machine: &Machine, needs: &[RegionNeed]) -> Result<()> {
    if machine.security != Security::Confidential || settings.adopted().is_some() {
        return Ok(());
    }
    let profile = &settings.version_settings.profile;
    let locations = || needs.iter().map(|need| &need.location);
    let silent: Vec<&Location> = locations().filter(|it| profile.state_in(it).is_none()).collect();
    if silent.is_empty() {
        let is_kept = |it: &&Location| {
            let state = profile.state_in(it);
            state.is_some_and(|state| !state.eq_ignore_ascii_case(NO_STATE))
        };
        let far: Vec<&Location> = locations()
            .filter(is_kept)
            .filter(|it| **it != machine.location)
            .collect();
        return require_home(&far, &machine.location);
    }
    let text = words![
        "the machine is a confidential VM, and ",
        image::PUBLISHING_PROFILE_JSON,
        format!(" does not say how its state is encrypted in {}", names(&silent))
    ];
    Err(Error::new(ErrorKind::BadInput, text).with_hint(
        "give encryption.osDiskImage.securityProfile.confidentialVMEncryptionType in the entries of these regions",
    ))
}

fn require_home(far: &[&Location], home: &Location) -> Result<()> {
    if far.is_empty() {
        return Ok(());
    }
    let text = format!(
        "the machine is a confidential VM, and Azure takes its state to no other region than its own, {home}, so not to {}",
        names(far)
    );
    Err(Error::new(ErrorKind::BadInput, text).with_hint(words![
        "leave these regions out, or give them and the machine's own the confidentialVMEncryptionType NonPersistedTPM in ",
        image::PUBLISHING_PROFILE_JSON,
        ", where the machine keeps no state"
    ]))
}

fn of_region(region: &TargetRegion, luns: &[Lun]) -> Result<RegionLayout> {
    let encryption = region
        .keys
        .as_ref()
        .map(|keys| encryption(keys, region, luns))
        .transpose()?;
    Ok(RegionLayout {
        storage: region.storage,
        latest: region.latest,
        more: encryption
            .map(|value| ("encryption".to_owned(), value))
            .into_iter()
            .collect(),
    })
}

/// The encryption of one region: every disk of the image has a key there.
fn encryption(keys: &DiskKeys, region: &TargetRegion, luns: &[Lun]) -> Result<Value> {
    if let Some(stray) = keys.data.keys().find(|lun| !luns.contains(lun)) {
        let text = words![
            image::DATA_DISK_ENCRYPTION_LUN,
            format!(
                " of {} is {}, and the image has no data disk there",
                region.location,
                stray.number()
            )
        ];
        let there: Vec<String> = luns.iter().map(|lun| lun.number().to_string()).collect();
        let hint = if there.is_empty() {
            "take the block out: the image has no data disks".to_owned()
        } else {
            format!("the image has data disks at {}", there.join(", "))
        };
        return Err(Error::new(ErrorKind::BadInput, text).with_hint(hint));
    }
    let data = luns
        .iter()
        .map(|lun| json!({"lun": lun, "diskEncryptionSetId": keys.of(*lun)}));
    let mut encryption = json!({"osDiskImage": {"diskEncryptionSetId": keys.os}});
    if let (Some(members), false) = (encryption.as_object_mut(), luns.is_empty()) {
        members.insert("dataDiskImages".to_owned(), data.collect());
    }
    Ok(encryption)
}

/// Adds members of one object to another, object by object; entries of data disks are the same by LUN.
fn merge(into: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        match (into.entry(name.clone()).or_insert(Value::Null), value) {
            (Value::Object(into), Value::Object(more)) => merge(into, more),
            (Value::Array(into), Value::Array(more)) => more.iter().for_each(|item| merge_item(into, item)),
            (into, more) => *into = more.clone(),
        }
    }
}

fn merge_item(into: &mut Vec<Value>, item: &Value) {
    let same = into
        .iter_mut()
        .find(|there| there.get("lun").is_some() && there.get("lun") == item.get("lun"));
    match (same, item) {
        (Some(Value::Object(into)), Value::Object(more)) => merge(into, more),
        _ => into.push(item.clone()),
    }
}

fn names(locations: &[&Location]) -> String {
    let names: Vec<&str> = locations.iter().map(|location| location.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
