//! How a machine is protected, and which protection a definition asks for. Pure.
//!
//! Which of them fit together is decided in `way`.

use crate::settings::SecurityFeature;

/// How a machine is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Not at all.
    Standard,
    /// Trusted Launch.
    TrustedLaunch,
    /// A confidential VM.
    Confidential,
}

/// What a definition says about the machines that may boot from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DefinitionSecurity {
    /// No feature, or `Standard`.
    Standard,
    /// `TrustedLaunchSupported` and its likes: both kinds of machines may boot, so the image must be of neither.
    Supported,
    /// `TrustedLaunch`.
    TrustedLaunch,
    /// `ConfidentialVM`.
    Confidential,
}

impl Security {
    /// Reads a VM's word or a disk's.
    #[must_use]
    pub(super) fn parse(word: Option<&str>) -> Self {
        match word.unwrap_or_default().to_ascii_lowercase().as_str() {
            "trustedlaunch" => Self::TrustedLaunch,
            word if word.starts_with("confidentialvm") => Self::Confidential,
            _ => Self::Standard,
        }
    }

    /// The definition's word for machines that are protected so and no other.
    #[must_use]
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::TrustedLaunch => "TrustedLaunch",
            Self::Confidential => "ConfidentialVM",
        }
    }
}

impl DefinitionSecurity {
    /// Reads the value of the `SecurityType` feature.
    #[must_use]
    pub(super) fn parse(value: Option<&str>) -> Self {
        match SecurityFeature::parse(value) {
            SecurityFeature::TrustedLaunch => Self::TrustedLaunch,
            SecurityFeature::Confidential => Self::Confidential,
            SecurityFeature::TrustedLaunchSupported
            | SecurityFeature::ConfidentialSupported
            | SecurityFeature::BothSupported => Self::Supported,
            SecurityFeature::Standard | SecurityFeature::Unknown => Self::Standard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_is_read_from_either_word() {
        assert_eq!(Security::parse(Some("TrustedLaunch")), Security::TrustedLaunch);
        assert_eq!(
            Security::parse(Some("ConfidentialVM_DiskEncryptedWithPlatformKey")),
            Security::Confidential
        );
        assert_eq!(Security::parse(None), Security::Standard);
    }
}
