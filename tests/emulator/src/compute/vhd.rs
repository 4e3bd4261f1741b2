//! Disks inside blobs: found by their address, and checked against the place of what is made of them.
//!
//! Which targets take them is for the targets. That accounts of other regions and subscriptions are refused is what the
//! provider's models say; codes and most words are guesses.

use jiff::Timestamp;

use crate::{
    envelope::{ArmError, ArmPath},
    region,
    storage::Storage,
};

/// What is made of a blob: where, when, and the parameter that names the blob.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) location: &'a str,
    pub(super) now: Timestamp,
    pub(super) parameter: &'a str,
}

/// A disk inside a blob.
#[derive(Clone, Debug)]
pub(super) struct Vhd {
    /// The id of the blob's account.
    pub(super) account: String,
    /// The disk's size in whole GiB.
    pub(super) gib: u64,
}

impl Vhd {
    /// The disk in the blob at that address, if something can be made of it there.
    pub(super) fn find(storage: &Storage, address: &str, wanted: Wanted<'_>) -> Result<Self, ArmError> {
        let refused = |message: String| ArmError::invalid_parameter(wanted.parameter, message);
        let shown = without_query(address);
        let found = storage.find(address);
        let found = found.ok_or_else(|| refused(format!("The blob {shown} does not exist or cannot be read.")))?;
        if region::normalise(found.location) != wanted.location {
            return Err(refused(format!(
                "The blob {shown} is in a storage account of location '{}', not of '{}'.",
                found.location, wanted.location
            )));
        }
        let gib = found.blob.as_disk_gib(shown, wanted.now).map_err(refused)?;
        Ok(Self {
            account: found.account.to_owned(),
            gib,
        })
    }

    /// The same, and its account is in that subscription.
    pub(super) fn find_in(
        storage: &Storage,
        address: &str,
        (subscription, wanted): (&str, Wanted<'_>),
    ) -> Result<Self, ArmError> {
        let vhd = Self::find(storage, address, wanted)?;
        let own = ArmPath::parse(&vhd.account).map(|path| path.subscription);
        if own.is_some_and(|own| own.eq_ignore_ascii_case(subscription)) {
            return Ok(vhd);
        }
        let message = format!(
            "The blob {} is in a storage account of another subscription.",
            without_query(address)
        );
        Err(ArmError::invalid_parameter(wanted.parameter, message))
    }
}

/// An address without the signature that it may carry.
fn without_query(address: &str) -> &str {
    address.split('?').next().unwrap_or_default()
}
