//! VHDs as what an image is made of, and what must be said of them since they do not say it themselves.

use std::{fmt, str::FromStr};

use super::SourceDisk;
use crate::ids::{BlobAddress, InvalidId, resource::StorageAccountId};

/// Page blobs with the disks of a generalized machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vhds {
    /// Of the OS disk.
    pub os: BlobAddress,
    /// Of the data disks.
    pub data: Vec<SourceDisk<BlobAddress>>,
    /// The account that has them all; found by their hosts when absent.
    pub account: Option<StorageAccountId>,
    /// What the user says of the machine; the definition says the rest.
    pub traits: VhdTraits,
}

/// What a VHD does not say of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VhdTraits {
    /// Linux or Windows.
    pub os_type: Option<OsType>,
    /// The Hyper-V generation.
    pub generation: Option<Generation>,
    /// The processor's architecture.
    pub architecture: Option<Architecture>,
}

/// Declares an enum with Azure's words, which are read in any case of letters.
macro_rules! azure_words {
    ($(#[$doc:meta])* $name:ident, $expected:literal, [$($(#[$of:meta])* $variant:ident = $word:literal),+]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant),+
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $word),+
                })
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let all = [$(($word, Self::$variant)),+];
                let found = all.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
                found.map(|(_, value)| value).ok_or_else(|| InvalidId {
                    value: text.to_owned(),
                    expected: $expected,
                })
            }
        }
    };
}

azure_words!(
    /// Which kind of operating system a disk holds.
    OsType, "Linux or Windows",
    [
        /// Linux.
        Linux = "Linux",
        /// Windows.
        Windows = "Windows"
    ]
);
azure_words!(
    /// Hyper-V's generation of a machine: how it boots.
    Generation, "V1 or V2",
    [
        /// It boots by BIOS.
        V1 = "V1",
        /// It boots by UEFI.
        V2 = "V2"
    ]
);
azure_words!(
    /// The architecture of a machine's processor.
    Architecture, "x64 or Arm64",
    [
        /// AMD's and Intel's.
        X64 = "x64",
        /// Arm's.
        Arm64 = "Arm64"
    ]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_azures_in_any_case_of_letters() {
        assert_eq!("linux".parse::<OsType>().unwrap().to_string(), "Linux");
        assert_eq!("v2".parse::<Generation>().unwrap(), Generation::V2);
        assert_eq!("ARM64".parse::<Architecture>().unwrap(), Architecture::Arm64);
        assert_eq!(
            "2".parse::<Generation>().unwrap_err().to_string(),
            "\"2\" is not V1 or V2"
        );
    }
}
