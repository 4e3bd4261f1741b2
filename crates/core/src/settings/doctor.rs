//! What a doctor looks at: nothing but signing in, unless an account or a version is named.

use super::{AccountRef, Sight, WantedVersion, reader::Reader, status, wanted_version};
use crate::options::pool as options;

/// What is to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoctorSettings {
    /// The Batch account, if one is meant.
    pub account: Option<AccountRef>,
    /// The image version, if one is meant.
    pub version: Option<WantedVersion>,
}

/// Reads the settings.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<DoctorSettings> {
    let names_version = reader.has(options::IMAGE_VERSION) || reader.has(options::MANIFEST);
    let version = if names_version {
        Some(wanted_version::read(reader).version?)
    } else {
        None
    };
    let account = match status::sight(reader)? {
        Sight::Accounts(accounts) => accounts.into_iter().next(),
        Sight::Everything | Sight::Subscriptions(_) => None,
    };
    Some(DoctorSettings { account, version })
}
