//! How nodes may boot from an image, as the feature `SecurityType` of its definition says. Pure.
//!
//! What a pool makes of it is decided in `rollout::spec`; which machines may go into a definition, in `publish`.

use serde_json::Value;

use super::parts::SecurityType;
use crate::{ids::VersionNumber, json};

/// The feature of a definition.
const FEATURE: &str = "SecurityType";

/// How nodes may boot from an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageSecurity {
    /// What the definition says.
    pub feature: SecurityFeature,
    /// How the OS disks of confidential nodes are encrypted.
    pub disks: ConfidentialDisks,
}

/// How the OS disks of confidential nodes are encrypted. Batch asks for it in each pool of such nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConfidentialDisks {
    /// The state of the guest alone.
    #[default]
    GuestState,
    /// The disk too.
    DiskAndGuestState,
    /// The state of the firmware is not kept.
    NotPersisted,
}

/// What a definition says of the machines that boot its images. The words are those of the compute API 2026-03-03.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityFeature {
    /// No feature, or `Standard`: machines without Trusted Launch.
    Standard,
    /// `TrustedLaunchSupported`: with Trusted Launch and without.
    TrustedLaunchSupported,
    /// `TrustedLaunch`: with Trusted Launch only.
    TrustedLaunch,
    /// `ConfidentialVmSupported`: confidential machines and plain ones.
    ConfidentialSupported,
    /// `ConfidentialVM`: confidential machines only.
    Confidential,
    /// `TrustedLaunchAndConfidentialVmSupported`: all three.
    BothSupported,
    /// Not read, or a word that is new to us: nothing is demanded, and nothing refused.
    #[default]
    Unknown,
}

impl ImageSecurity {
    /// What a definition's body says of one of its versions, and a target region of that version. A feature can begin with
    /// a later version.
    #[must_use]
    pub fn of(definition: &Value, version: Option<VersionNumber>, region: Option<&Value>) -> Self {
        let features = json::items(definition, "/properties/features");
        let own = features.filter(|feature| {
            json::text(feature, "/name").is_some_and(|name| name.eq_ignore_ascii_case(FEATURE))
                && has_begun(feature, version)
        });
        Self {
            feature: SecurityFeature::parse(own.last().and_then(|feature| json::text(feature, "/value"))),
            disks: region.map(ConfidentialDisks::of_region).unwrap_or_default(),
        }
    }
}

impl ConfidentialDisks {
    /// What a version's target region says.
    #[must_use]
    fn of_region(region: &Value) -> Self {
        let word = "/encryption/osDiskImage/securityProfile/confidentialVMEncryptionType";
        match json::text(region, word).unwrap_or_default() {
            "EncryptedWithPmk" | "EncryptedWithCmk" => Self::DiskAndGuestState,
            "NonPersistedTPM" => Self::NotPersisted,
            _ => Self::GuestState,
        }
    }

    /// Batch's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GuestState => "VMGuestStateOnly",
            Self::DiskAndGuestState => "DiskWithVMGuestState",
            Self::NotPersisted => "NonPersistedTPM",
        }
    }
}

impl SecurityFeature {
    /// Reads the feature's value; without one the images are plain.
    #[must_use]
    pub fn parse(value: Option<&str>) -> Self {
        match value.unwrap_or("Standard").to_ascii_lowercase().as_str() {
            "standard" => Self::Standard,
            "trustedlaunchsupported" => Self::TrustedLaunchSupported,
            "trustedlaunch" => Self::TrustedLaunch,
            "confidentialvmsupported" => Self::ConfidentialSupported,
            "confidentialvm" => Self::Confidential,
            "trustedlaunchandconfidentialvmsupported" => Self::BothSupported,
            _ => Self::Unknown,
        }
    }

    /// The only way in which its images boot, when it is not the plain one and there is no other.
    #[must_use]
    pub const fn demanded(self) -> Option<SecurityType> {
        match self {
            Self::TrustedLaunch => Some(SecurityType::TrustedLaunch),
            Self::Confidential => Some(SecurityType::ConfidentialVm),
            Self::Standard
            | Self::TrustedLaunchSupported
            | Self::ConfidentialSupported
            | Self::BothSupported
            | Self::Unknown => None,
        }
    }

    /// Whether its images boot in that way; `None` is the plain one.
    #[must_use]
    pub const fn allows(self, way: Option<SecurityType>) -> bool {
        match way {
            None => self.demanded().is_none(),
            Some(SecurityType::TrustedLaunch) => matches!(
                self,
                Self::TrustedLaunchSupported | Self::TrustedLaunch | Self::BothSupported | Self::Unknown
            ),
            Some(SecurityType::ConfidentialVm) => matches!(
                self,
                Self::ConfidentialSupported | Self::Confidential | Self::BothSupported | Self::Unknown
            ),
        }
    }

    /// Whether its images boot with Trusted Launch as well as without.
    #[must_use]
    pub const fn offers_trusted_launch(self) -> bool {
        matches!(self, Self::TrustedLaunchSupported | Self::BothSupported)
    }

    /// Azure's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::TrustedLaunchSupported => "TrustedLaunchSupported",
            Self::TrustedLaunch => "TrustedLaunch",
            Self::ConfidentialSupported => "ConfidentialVmSupported",
            Self::Confidential => "ConfidentialVM",
            Self::BothSupported => "TrustedLaunchAndConfidentialVmSupported",
            Self::Unknown => "a word that is not known",
        }
    }
}

/// Whether a feature holds for a version. Where either number cannot be read, it does.
fn has_begun(feature: &Value, version: Option<VersionNumber>) -> bool {
    let since = json::text(feature, "/startsAtVersion").and_then(|since| since.parse::<VersionNumber>().ok());
    match (since, version) {
        (Some(since), Some(version)) => since <= version,
        (None, _) | (_, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TRUSTED: SecurityType = SecurityType::TrustedLaunch;
    const CONFIDENTIAL: SecurityType = SecurityType::ConfidentialVm;

    /// Each word: whether plain nodes, nodes with Trusted Launch and confidential nodes boot, and what is demanded.
    #[test]
    fn every_word_says_how_nodes_may_boot() {
        let table = [
            (None, [true, false, false], None),
            (Some("Standard"), [true, false, false], None),
            (Some("TrustedLaunchSupported"), [true, true, false], None),
            (Some("TrustedLaunch"), [false, true, false], Some(TRUSTED)),
            (Some("ConfidentialVmSupported"), [true, false, true], None),
            (Some("ConfidentialVM"), [false, false, true], Some(CONFIDENTIAL)),
            (
                Some("TrustedLaunchAndConfidentialVmSupported"),
                [true, true, true],
                None,
            ),
            (Some("SomethingNew"), [true, true, true], None),
        ];
        for (word, boots, demanded) in table {
            let feature = SecurityFeature::parse(word);
            let ways = [None, Some(TRUSTED), Some(CONFIDENTIAL)];
            assert_eq!(
                (ways.map(|way| feature.allows(way)), feature.demanded()),
                (boots, demanded),
                "{word:?}"
            );
            if let Some(word) = word.filter(|_| feature != SecurityFeature::Unknown) {
                assert_eq!(feature.as_str(), word);
                assert_eq!(
                    SecurityFeature::parse(Some(&word.to_uppercase())),
                    feature,
                    "words have no case"
                );
            }
        }
    }

    #[test]
    fn the_disks_of_confidential_nodes_are_encrypted_as_the_version_says_for_the_region() {
        let definition = json!({});
        for (word, expected) in [
            ("EncryptedVMGuestStateOnlyWithPmk", "VMGuestStateOnly"),
            ("EncryptedWithPmk", "DiskWithVMGuestState"),
            ("EncryptedWithCmk", "DiskWithVMGuestState"),
            ("NonPersistedTPM", "NonPersistedTPM"),
        ] {
            let region =
                json!({"encryption": {"osDiskImage": {"securityProfile": {"confidentialVMEncryptionType": word}}}});
            let security = ImageSecurity::of(&definition, None, Some(&region));
            assert_eq!(security.disks.as_str(), expected, "{word}");
        }
        assert_eq!(
            ImageSecurity::of(&definition, None, None).disks,
            ConfidentialDisks::GuestState
        );
    }

    #[test]
    fn a_feature_that_begins_later_does_not_hold_for_older_versions() {
        let definition = json!({"properties": {"features": [
            {"name": "securitytype", "value": "TrustedLaunch", "startsAtVersion": "2.0.0"}]}});
        for (version, expected) in [
            (Some("1.9.9"), SecurityFeature::Standard),
            (Some("2.0.0"), SecurityFeature::TrustedLaunch),
            (Some("10.0.0"), SecurityFeature::TrustedLaunch),
            (None, SecurityFeature::TrustedLaunch),
        ] {
            let number = version.map(|version| version.parse().unwrap());
            assert_eq!(
                ImageSecurity::of(&definition, number, None).feature,
                expected,
                "{version:?}"
            );
        }
    }
}
