//! Rules for new snapshots: which kinds a disk may have, how many, and of which family.
//!
//! Figures are those of Azure's page on incremental snapshots; its codes and most of its words are not documented.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{facts::SnapshotFacts, is_incremental};
use crate::{
    compute::{kind::Kind, source::DiskSource, state::Compute},
    envelope::ArmError,
    ids::IdSource,
    json as edit,
    resource::Item,
};

/// The SKUs that snapshots are stored on.
const SKUS: [&str; 3] = ["Standard_LRS", "Premium_LRS", "Standard_ZRS"];

/// The most incremental snapshots of one disk.
const MOST_OF_A_DISK: usize = 500;

/// The most incremental snapshots of one disk within [`WINDOW_SECONDS`].
const MOST_IN_WINDOW: usize = 7;

/// Five minutes.
const WINDOW_SECONDS: i64 = 300;

/// Checks the SKU that a body names and puts it into Azure's casing.
pub(super) fn check_sku(body: &mut Value) -> Result<(), ArmError> {
    let Some(asked) = edit::text(body, "/sku/name") else {
        return Ok(());
    };
    let known = SKUS.into_iter().find(|known| known.eq_ignore_ascii_case(asked));
    let known = known.ok_or_else(|| {
        let message = format!(
            "The value '{asked}' of parameter 'snapshot.sku.name' is invalid; it must be one of {}.",
            SKUS.join(", ")
        );
        ArmError::invalid_parameter("snapshot.sku.name", message)
    })?;
    edit::set(body, &["sku", "name"], json!(known));
    Ok(())
}

/// Whether a snapshot of this source is copied in the background: always for disks without full snapshots.
pub(super) fn is_copied_in_background(source: &DiskSource<'_>) -> bool {
    let sku = edit::text(source.body, "/sku/name").unwrap_or_default();
    source.kind == Kind::Disk && matches!(sku, "UltraSSD_LRS" | "PremiumV2_LRS")
}

/// Ultra and Premium v2 disks have incremental snapshots only.
pub(super) fn require_kind(source: &DiskSource<'_>, incremental: bool) -> Result<(), ArmError> {
    if incremental || !is_copied_in_background(source) {
        return Ok(());
    }
    let sku = edit::text(source.body, "/sku/name").unwrap_or_default();
    let message = format!("Full snapshots are not supported for disks of SKU '{sku}'; set 'incremental' to true.");
    Err(ArmError::bad_request("OperationNotAllowed", message))
}

/// Refuses one more incremental snapshot of a disk that has too many, or too many of late.
pub(super) fn require_room(compute: &Compute, body: &Value, now: Timestamp) -> Result<(), ArmError> {
    let since = now - SignedDuration::from_secs(WINDOW_SECONDS);
    let (all, recent) = siblings(compute, body).fold((0, 0), |(all, recent), item| {
        (all + 1, recent + usize::from(item.facts.taken > since))
    });
    let message = if all >= MOST_OF_A_DISK {
        format!("A disk cannot have more than {MOST_OF_A_DISK} incremental snapshots.")
    } else if recent >= MOST_IN_WINDOW {
        format!(
            "No more than {MOST_IN_WINDOW} incremental snapshots of a disk can be created within five minutes. Retry \
             later."
        )
    } else {
        return Ok(());
    };
    Err(ArmError::conflict("OperationNotAllowed", message))
}

/// What an incremental snapshot has in common with those of the same disk: their SKU, unless it names one, and the
/// family.
pub(super) fn join_family(compute: &Compute, ids: &mut IdSource, body: &mut Value) -> Value {
    let last = siblings(compute, body).max_by_key(|item| item.facts.taken);
    let family = last.and_then(|item| item.property("/incrementalSnapshotFamilyId"));
    let family = family.map_or_else(|| ids.guid(), str::to_owned);
    let sku = last.and_then(|item| edit::text(&item.body, "/sku/name").map(str::to_owned));
    if let (Some(sku), None) = (sku, edit::text(body, "/sku/name")) {
        edit::set(body, &["sku", "name"], json!(sku));
    }
    json!({"properties": {"incrementalSnapshotFamilyId": family}})
}

/// The incremental snapshots of the disk that `body` is made from.
fn siblings<'a>(compute: &'a Compute, body: &Value) -> impl Iterator<Item = &'a Item<SnapshotFacts>> {
    let pointer = "/properties/creationData/sourceResourceId";
    let source = edit::text(body, pointer).unwrap_or_default().to_lowercase();
    compute.snapshots.iter().filter(move |item| {
        is_incremental(&item.body) && edit::text(&item.body, pointer).is_some_and(|own| own.to_lowercase() == source)
    })
}
