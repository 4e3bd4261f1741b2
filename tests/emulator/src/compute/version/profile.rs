//! The publishing profile of a version: target regions, replicas, end of life.
//!
//! It checks and completes; it copies nothing.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

use crate::{envelope::ArmError, json as edit, region};

/// The most replicas a region can have.
const MOST_REPLICAS: i64 = 100;

/// From this api-version on a version that does not say otherwise lives for [`USUAL_LIFE_MONTHS`] and is not deleted before
/// (az's announcement for `sig image-version create` and `update`).
const LIFE_SINCE: &str = "2026-03-03";

/// How long a version lives that does not say until when, in months from its publication.
const USUAL_LIFE_MONTHS: i32 = 6;

/// Storage account types in Azure's casing.
const STORAGE_TYPES: [&str; 4] = ["Standard_LRS", "Standard_ZRS", "Premium_LRS", "PremiumV2_LRS"];

/// Regions without availability zones, so without zone-redundant storage.
const WITHOUT_ZONES: [&str; 11] = [
    "australiacentral",
    "australiasoutheast",
    "canadaeast",
    "japanwest",
    "koreasouth",
    "northcentralus",
    "southindia",
    "ukwest",
    "westcentralus",
    "westus",
    "centraluseuap",
];

/// One target region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Normalised.
    pub(crate) region: String,
    pub(crate) replicas: u32,
    pub(crate) storage: String,
}

/// Checks the publishing profile of `body`, completes it in place and returns its regions.
pub(crate) fn normalise(body: &mut Value, location: &str, now: Timestamp) -> Result<Vec<Target>, ArmError> {
    let mut profile = body
        .pointer("/properties/publishingProfile")
        .cloned()
        .unwrap_or_else(|| json!({}));
    check_end_of_life(&mut profile, now)?;
    check_strategy(&profile)?;
    let regions = match edit::list(&profile, "/targetRegions") {
        [] => vec![json!({"name": location})],
        regions => regions.to_vec(),
    };
    let mut targets: Vec<Target> = Vec::new();
    let mut shown = Vec::new();
    for mut entry in regions {
        let target = complete_region(&mut entry, &profile)?;
        if targets.iter().any(|other| other.region == target.region) {
            return Err(invalid(
                "Duplicate regions are not allowed in target publishing regions.",
            ));
        }
        targets.push(target);
        shown.push(entry);
    }
    if !targets.iter().any(|target| target.region == location) {
        let names: Vec<&str> = targets.iter().map(|target| target.region.as_str()).collect();
        return Err(invalid(format!(
            "Gallery image version publishing profile regions {} must contain the location of image version {location}.",
            names.join(", ")
        )));
    }
    check_shallow(&profile, &targets)?;
    check_encryption(&shown, body)?;
    let defaults = json!({
        "replicaCount": 1,
        "excludeFromLatest": false,
        "publishedDate": edit::time(now),
        "storageAccountType": "Standard_LRS",
        "replicationMode": "Full",
    });
    let mut completed = defaults;
    if edit::text(&profile, "/storageAccountStrategy").is_some() {
        edit::remove(&mut completed, "", "storageAccountType");
    }
    edit::merge(&mut completed, profile);
    edit::set(&mut completed, &["targetRegions"], Value::Array(shown));
    edit::set(body, &["properties", "publishingProfile"], completed);
    complete_safety(body);
    Ok(targets)
}

/// The safety profile is shown also when none was sent.
fn complete_safety(body: &mut Value) {
    let mut safety = json!({"reportedForPolicyViolation": false, "allowDeletionOfReplicatedLocations": false});
    if let Some(sent) = body
        .pointer("/properties/safetyProfile")
        .filter(|sent| sent.is_object())
    {
        edit::merge(&mut safety, sent.clone());
    }
    edit::set(body, &["properties", "safetyProfile"], safety);
}

/// The keys for UEFI that a body sends. That a version has those alone that its last `PUT` sent, and that one made of
/// another version gets none by itself, are guesses.
pub(super) fn take_security(body: &mut Value) -> Option<Value> {
    let properties = body.get_mut("properties").and_then(Value::as_object_mut)?;
    properties.remove("securityProfile")
}

/// What new api-versions write on a version that says nothing of it: until when it lives, and that it is not deleted before.
/// That an update writes no end that is past is a guess.
pub(super) fn complete_life(body: &mut Value, api_version: &str, now: Timestamp) {
    if api_version < LIFE_SINCE {
        return;
    }
    let profile = "/properties/publishingProfile";
    let published = edit::text(body, &format!("{profile}/publishedDate")).and_then(|date| date.parse().ok());
    let ends = published
        .unwrap_or(now)
        .to_zoned(TimeZone::UTC)
        .saturating_add(USUAL_LIFE_MONTHS.months())
        .timestamp();
    if edit::text(body, &format!("{profile}/endOfLifeDate")).is_none() && ends > now {
        let place = ["properties", "publishingProfile", "endOfLifeDate"];
        edit::set(body, &place, json!(edit::time(ends)));
    }
    let place = ["properties", "safetyProfile", "blockDeletionBeforeEndOfLife"];
    if body.pointer(&format!("/{}", place.join("/"))).is_none() {
        edit::set(body, &place, json!(true));
    }
}

/// What images of confidential machines need in each region: how the OS disk is encrypted there. Only the version's own
/// region is allowed, unless nothing of the machine's state is kept (azure-cli issue 22995, packer-plugin-azure pull
/// request 373).
pub(super) fn require_regional_encryption(body: &Value, home: &str) -> Result<(), ArmError> {
    let pointer = "/encryption/osDiskImage/securityProfile/confidentialVMEncryptionType";
    let target = "galleryImageVersion.properties.publishingProfile.targetRegions";
    for entry in edit::list(body, "/properties/publishingProfile/targetRegions") {
        let Some(kind) = edit::text(entry, pointer) else {
            let message = "The regional encryption.osDiskImage.securityProfile.type must be specified when the \
                           SecurityType of the image definition is ConfidentialVM.";
            return Err(ArmError::invalid_parameter(target, message));
        };
        let region = region::normalise(edit::text(entry, "/name").unwrap_or_default());
        if region != home && !kind.eq_ignore_ascii_case("NonPersistedTPM") {
            let message = format!(
                "Only the home region '{home}' can be specified as a target region for Images with the ConfidentialVM \
                 feature unless the Confidential VM encryption type is set to 'NonPersistedTPM'."
            );
            return Err(ArmError::invalid_parameter(target, message));
        }
    }
    Ok(())
}

/// Whether a version stays out of `latest` in a region.
pub(super) fn is_excluded(body: &Value, region: &str) -> bool {
    let profile = body
        .pointer("/properties/publishingProfile")
        .cloned()
        .unwrap_or_default();
    let excluded = |value: &Value| value.get("excludeFromLatest").and_then(Value::as_bool).unwrap_or(false);
    let in_region = edit::list(&profile, "/targetRegions")
        .iter()
        .any(|entry| region::normalise(edit::text(entry, "/name").unwrap_or_default()) == region && excluded(entry));
    excluded(&profile) || in_region
}

fn complete_region(entry: &mut Value, profile: &Value) -> Result<Target, ArmError> {
    let name = edit::text(entry, "/name").ok_or_else(|| invalid("Each target region needs a name."))?;
    let region = region::normalise(name);
    let display = region::display_name(name)
        .ok_or_else(|| invalid(format!("The target region '{name}' is not a region of Azure.")))?;
    let replicas = replicas(entry.get("regionalReplicaCount"), "regionalReplicaCount")?
        .or(replicas(profile.get("replicaCount"), "replicaCount")?)
        .unwrap_or(1);
    let asked = edit::text(entry, "/storageAccountType").or_else(|| edit::text(profile, "/storageAccountType"));
    let storage = storage(asked.unwrap_or_else(|| usual_storage(profile, &region)))?;
    complete_replica_sets(entry, storage)?;
    if storage == "Standard_ZRS" && WITHOUT_ZONES.contains(&region.as_str()) {
        return Err(invalid("ZRS storage account type is not supported in this region."));
    }
    let excluded = entry.get("excludeFromLatest").and_then(Value::as_bool).unwrap_or(false);
    edit::merge(
        entry,
        json!({
            "name": display,
            "regionalReplicaCount": replicas,
            "storageAccountType": storage,
            "excludeFromLatest": excluded,
        }),
    );
    Ok(Target {
        region,
        replicas,
        storage: storage.to_owned(),
    })
}

/// The storage type of a region that names none.
fn usual_storage(profile: &Value, region: &str) -> &'static str {
    let strategy = edit::text(profile, "/storageAccountStrategy").unwrap_or_default();
    if strategy.eq_ignore_ascii_case("PreferStandard_ZRS") && !WITHOUT_ZONES.contains(&region) {
        "Standard_ZRS"
    } else {
        "Standard_LRS"
    }
}

/// More replicas of a region, each set on a storage type of its own.
fn complete_replica_sets(entry: &mut Value, storage_of_region: &str) -> Result<(), ArmError> {
    let mut taken = vec![storage_of_region];
    let mut shown = Vec::new();
    for set in edit::list(entry, "/additionalReplicaSets") {
        let kind = storage(edit::text(set, "/storageAccountType").unwrap_or_default())?;
        if taken.contains(&kind) {
            let message =
                format!("The storage account type '{kind}' is used by more than one replica set of a region.");
            return Err(invalid(message));
        }
        taken.push(kind);
        let count = replicas(set.get("regionalReplicaCount"), "regionalReplicaCount")?.unwrap_or(1);
        shown.push(json!({"storageAccountType": kind, "regionalReplicaCount": count}));
    }
    if !shown.is_empty() {
        edit::set(entry, &["additionalReplicaSets"], Value::Array(shown));
    }
    Ok(())
}

/// Customer-managed keys are for all regions and all disks, or for none (Microsoft's page on troubleshooting galleries,
/// whose sentences are shortened here).
fn check_encryption(regions: &[Value], body: &Value) -> Result<(), ArmError> {
    let pointer = "/encryption/osDiskImage/diskEncryptionSetId";
    let encrypted: Vec<&Value> = regions
        .iter()
        .filter(|region| edit::text(region, pointer).is_some())
        .collect();
    if ![0, regions.len()].contains(&encrypted.len()) {
        return Err(invalid(
            "Disk encryption set must be specified for all regions of the publishing profile.",
        ));
    }
    for disk in edit::list(body, "/properties/storageProfile/dataDiskImages") {
        let has_set = |region: &&Value| {
            let sets = edit::list(region, "/encryption/dataDiskImages");
            let own = sets.iter().find(|set| set.get("lun") == disk.get("lun"));
            own.is_some_and(|set| edit::text(set, "/diskEncryptionSetId").is_some())
        };
        if !encrypted.iter().all(has_set) {
            return Err(invalid(
                "Disk encryption set must be specified for all disks of the gallery image version.",
            ));
        }
    }
    Ok(())
}

/// The encryption of a region that stays is never another. That it is refused is a guess: the model says only that it
/// cannot be updated.
pub(super) fn require_same_encryption(old: &Value, new: &Value) -> Result<(), ArmError> {
    let pointer = "/properties/publishingProfile/targetRegions";
    for entry in edit::list(old, pointer) {
        let region = |entry: &Value| region::normalise(edit::text(entry, "/name").unwrap_or_default());
        let same = edit::list(new, pointer)
            .iter()
            .find(|next| region(next) == region(entry));
        let encryption = |entry: &Value| entry.get("encryption").filter(|it| !it.is_null()).cloned();
        if same.is_some_and(|next| encryption(next) != encryption(entry)) {
            return Err(ArmError::property_change(
                "galleryImageVersion.properties.publishingProfile.targetRegions.encryption",
            ));
        }
    }
    Ok(())
}

fn replicas(value: Option<&Value>, parameter: &str) -> Result<Option<u32>, ArmError> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let count = value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match count {
        Some(count) if (1..=MOST_REPLICAS).contains(&count) => Ok(u32::try_from(count).ok()),
        _ => Err(invalid(format!(
            "The value {value} of parameter {parameter} is out of range. The value must be between 1 and \
             {MOST_REPLICAS}, inclusive."
        ))),
    }
}

fn storage(asked: &str) -> Result<&'static str, ArmError> {
    STORAGE_TYPES
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(asked))
        .ok_or_else(|| {
            invalid(format!(
                "The value '{asked}' of parameter 'storageAccountType' is invalid."
            ))
        })
}

/// An empty date counts as none: HashiCorp's builder sends one.
fn check_end_of_life(profile: &mut Value, now: Timestamp) -> Result<(), ArmError> {
    let Some(date) = edit::text(profile, "/endOfLifeDate") else {
        edit::remove(profile, "", "endOfLifeDate");
        return Ok(());
    };
    match date.parse::<Timestamp>() {
        Ok(date) if date > now => Ok(()),
        Ok(_) => Err(invalid("EndOfLifeDate must be set to a future date.")),
        Err(_) => Err(invalid(format!(
            "The value '{date}' of parameter 'endOfLifeDate' is not a date."
        ))),
    }
}

/// A strategy decides the storage type of every region, so it excludes naming one for all of them.
fn check_strategy(profile: &Value) -> Result<(), ArmError> {
    let Some(strategy) = edit::text(profile, "/storageAccountStrategy") else {
        return Ok(());
    };
    let known = ["PreferStandard_ZRS", "DefaultStandard_LRS"];
    if !known.iter().any(|known| known.eq_ignore_ascii_case(strategy)) {
        let message = format!("The value '{strategy}' of parameter 'storageAccountStrategy' is invalid.");
        return Err(invalid(message));
    }
    if edit::text(profile, "/storageAccountType").is_some() {
        return Err(invalid(
            "Only one of 'storageAccountType' and 'storageAccountStrategy' can be specified.",
        ));
    }
    Ok(())
}

/// Shallow versions are for tests: one replica in their own region.
fn check_shallow(profile: &Value, targets: &[Target]) -> Result<(), ArmError> {
    let shallow = edit::text(profile, "/replicationMode").is_some_and(|mode| mode.eq_ignore_ascii_case("Shallow"));
    if shallow && (targets.len() > 1 || targets.iter().any(|target| target.replicas > 1)) {
        return Err(invalid(
            "A version with replication mode 'Shallow' has one replica in its own region only.",
        ));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> ArmError {
    ArmError::invalid_parameter("galleryImageVersion.properties.publishingProfile", message)
}
