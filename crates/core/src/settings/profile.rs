//! Reads the rest of a publishing profile, and holds its names and values against Azure's schema.
//!
//! Which values fit together is Azure's to judge. How it is brought together with the options is in `publish::layout`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{ProfileJson, reader::Reader};
use crate::{
    ids::Location,
    options::{Opt, image},
    words,
    words::Words,
};

/// What Azure's schema (`GalleryImageVersionPublishingProfile`, compute 2026-03-03) has in one place.
type Members = &'static [(&'static str, Member)];

/// One member of it.
enum Member {
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number from 0.
    Number,
    /// The name of a region, which is read with the regions.
    Region,
    /// What this option says.
    Of(&'static Opt),
    /// An object.
    Object(Members),
    /// A list of objects.
    List(Members),
}

const PROFILE: Members = &[
    ("endOfLifeDate", Member::Of(image::END_OF_LIFE_DATE)),
    ("excludeFromLatest", Member::Of(image::LATEST_NOW)),
    ("replicaCount", Member::Of(image::TARGET_REGION_REPLICAS)),
    ("replicationMode", Member::Of(image::DESTINATION_REPLICATION_MODE)),
    (
        "storageAccountStrategy",
        Member::Word(&["PreferStandard_ZRS", "DefaultStandard_LRS"]),
    ),
    (
        "storageAccountType",
        Member::Of(image::DESTINATION_STORAGE_ACCOUNT_TYPE),
    ),
    ("targetExtendedLocations", Member::List(EXTENDED_LOCATION)),
    ("targetRegions", Member::List(REGION)),
];

const REGION: Members = &[
    ("additionalReplicaSets", Member::List(REPLICA_SET)),
    ("encryption", Member::Object(ENCRYPTION)),
    (
        "excludeFromLatest",
        Member::Of(image::TARGET_REGION_EXCLUDE_FROM_LATEST),
    ),
    ("name", Member::Region),
    ("regionalReplicaCount", Member::Of(image::TARGET_REGION_REPLICAS)),
    (
        "storageAccountType",
        Member::Of(image::TARGET_REGION_STORAGE_ACCOUNT_TYPE),
    ),
];

const REPLICA_SET: Members = &[
    ("regionalReplicaCount", Member::Number),
    (
        "storageAccountType",
        Member::Word(&["Standard_LRS", "Standard_ZRS", "Premium_LRS", "PremiumV2_LRS"]),
    ),
];

const ENCRYPTION: Members = &[
    ("dataDiskImages", Member::List(DATA_DISK)),
    ("osDiskImage", Member::Object(OS_DISK)),
];

const OS_DISK: Members = &[
    (
        "diskEncryptionSetId",
        Member::Of(image::TARGET_REGION_DISK_ENCRYPTION_SET_ID),
    ),
    ("securityProfile", Member::Object(SECURITY)),
];

const DATA_DISK: Members = &[
    ("diskEncryptionSetId", Member::Of(image::DATA_DISK_ENCRYPTION_SET_ID)),
    ("lun", Member::Number),
    ("securityProfile", Member::Object(SECURITY)),
];

const SECURITY: Members = &[
    (
        "confidentialVMEncryptionType",
        Member::Word(&[
            "EncryptedVMGuestStateOnlyWithPmk",
            "EncryptedWithPmk",
            "EncryptedWithCmk",
            "NonPersistedTPM",
            "DataDiskEncryptedWithCmk",
        ]),
    ),
    ("secureVMDiskEncryptionSetId", Member::Text),
];

const EXTENDED_LOCATION: Members = &[
    ("encryption", Member::Object(EXTENDED_ENCRYPTION)),
    (
        "extendedLocation",
        Member::Object(&[("name", Member::Text), ("type", Member::Word(&["EdgeZone"]))]),
    ),
    ("extendedLocationReplicaCount", Member::Number),
    ("name", Member::Text),
    (
        "storageAccountType",
        Member::Word(&["Standard_LRS", "Standard_ZRS", "StandardSSD_LRS", "Premium_LRS"]),
    ),
];

/// The keys of an edge zone, which no option says.
const EXTENDED_ENCRYPTION: Members = &[
    (
        "dataDiskImages",
        Member::List(&[
            ("diskEncryptionSetId", Member::Text),
            ("lun", Member::Number),
            ("securityProfile", Member::Object(SECURITY)),
        ]),
    ),
    (
        "osDiskImage",
        Member::Object(&[
            ("diskEncryptionSetId", Member::Text),
            ("securityProfile", Member::Object(SECURITY)),
        ]),
    ),
];

/// Reads it; nothing after a fault.
pub(super) fn profile(reader: &mut Reader<'_, '_>) -> Option<ProfileJson> {
    let opt = image::PUBLISHING_PROFILE_JSON;
    let mut whole = reader.json_object(opt);
    let mut faults = Vec::new();
    check(&whole, PROFILE, "", &mut faults);
    let block = reader.block(image::SHARED_IMAGE_GALLERY_DESTINATION);
    let names_storage = block.is_some_and(|block| block.has(image::DESTINATION_STORAGE_ACCOUNT_TYPE));
    if names_storage && whole.contains_key("storageAccountStrategy") {
        let other = image::DESTINATION_STORAGE_ACCOUNT_TYPE;
        let text = words!["contradicts ", other, ": remove one of the two"];
        faults.push(("storageAccountStrategy".to_owned(), text));
    }
    let regions = regions(whole.remove("targetRegions"), &mut faults);
    let is_good = faults.is_empty();
    for (path, text) in faults {
        reader.refuse_key(opt, &path, text);
    }
    is_good.then_some(ProfileJson { whole, regions })
}

/// The regions by their names.
fn regions(list: Option<Value>, faults: &mut Vec<(String, Words)>) -> BTreeMap<Location, Map<String, Value>> {
    let mut regions = BTreeMap::new();
    let Some(Value::Array(entries)) = list else {
        return regions;
    };
    for (index, entry) in entries.into_iter().enumerate() {
        let Value::Object(mut region) = entry else { continue };
        let name = region.remove("name");
        let path = format!("targetRegions[{index}].name");
        match name.as_ref().and_then(Value::as_str).map(str::parse::<Location>) {
            Some(Ok(location)) if regions.contains_key(&location) => {
                let text = format!("{location} is named before: give one entry for each region");
                faults.push((path, text.into()));
            }
            Some(Ok(location)) => drop(regions.insert(location, region)),
            Some(Err(error)) => faults.push((path, error.to_string().into())),
            None => faults.push((path, "is missing: give a region such as westeurope".to_owned().into())),
        }
    }
    regions
}

/// Holds an object against what the schema has there.
fn check(object: &Map<String, Value>, members: Members, path: &str, faults: &mut Vec<(String, Words)>) {
    for (name, value) in object {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match members.iter().find(|(known, _)| known == name) {
            None => faults.push((path, unknown(members))),
            Some((_, member)) => check_member(value, member, path, faults),
        }
    }
}

fn check_member(value: &Value, member: &Member, path: String, faults: &mut Vec<(String, Words)>) {
    match (member, value) {
        (Member::Object(inner), Value::Object(value)) => check(value, inner, &path, faults),
        (Member::List(inner), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                check_member(item, &Member::Object(inner), format!("{path}[{index}]"), faults);
            }
        }
        (member, value) => faults.extend(fault(member, value).map(|text| (path, text))),
    }
}

/// What is wrong with a value.
fn fault(member: &Member, value: &Value) -> Option<Words> {
    let text = match member {
        Member::Of(opt) => return Some(words!["is what ", *opt, " says: give that instead"]),
        Member::Region => return None,
        Member::Text => (!value.is_string()).then(|| "must be a text, in quotes".to_owned()),
        Member::Number => value
            .as_u64()
            .is_none()
            .then(|| "must be a whole number, without quotes".to_owned()),
        Member::Word(known) => {
            let is_known = |it: &str| known.iter().any(|known| known.eq_ignore_ascii_case(it));
            let is_good = value.as_str().is_some_and(is_known);
            (!is_good).then(|| format!("is not a value that Azure has here: it has {}", known.join(", ")))
        }
        Member::Object(_) => Some("must be a JSON object, in braces".to_owned()),
        Member::List(_) => Some("must be a JSON list, in brackets".to_owned()),
    };
    text.map(Words::from)
}

fn unknown(members: Members) -> Words {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    format!("is not a member that Azure has here: it has {}", names.join(", ")).into()
}
