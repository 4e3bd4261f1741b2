//! Names and numbers that Azure gives meaning to, each parsed once at the edge.
//!
//! It checks form only; whether the thing exists is for the service to say.

mod blob;
mod cloud;
mod community;
mod counts;
mod endpoint;
mod marketplace;
pub mod resource;

pub use blob::{BlobAddress, BlobHost, ContainerAddress};
pub use cloud::{CloudChoice, KnownCloud};
pub use community::CommunityVersionId;
pub use counts::NodeCounts;
pub use endpoint::BatchEndpoint;
pub use marketplace::{MadeFrom, MarketplaceImage};

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not the id it was given as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct InvalidId {
    /// What was given.
    pub value: String,
    /// What it should have been, with its rule, e.g. `a pool id (1-64 letters, digits, "-" or "_")`.
    pub expected: &'static str,
}

/// Declares a text newtype that holds only what its rule accepts.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text as given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let rule: fn(&str) -> bool = $rule;
                if rule(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId::new(text, $expected)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A Batch pool id; Batch keeps its case and compares without it.
    PoolId,
    "a pool id (1-64 letters, digits, \"-\" or \"_\")",
    |text| is_made_of(text, 1..=64, "-_")
);
text_id!(
    /// An Azure subscription.
    SubscriptionId,
    "a subscription id (a GUID)",
    |text| is_made_of(text, 36..=36, "-")
);
text_id!(
    /// An Entra tenant: a GUID or a verified domain.
    TenantId,
    "a tenant id (letters, digits, \".\" and \"-\")",
    // Dots alone would lead the address of the sign-in elsewhere.
    |text| is_made_of(text, 1..=255, ".-") && text.contains(|c| c != '.')
);
text_id!(
    /// A service connection of Azure DevOps.
    ServiceConnectionId,
    "the id of a service connection (a GUID, not its name)",
    |text| is_made_of(text, 36..=36, "-")
);
text_id!(
    /// For whom a CI system's token is made out, as a federated credential in Entra names it.
    Audience,
    "an audience such as api://AzureADTokenExchange (no spaces, 600 letters at most)",
    // Entra takes 600 letters: the limit of `audiences` in Microsoft Graph's federatedIdentityCredential.
    |text| (1..=600).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
);
text_id!(
    /// The client id of an Entra application or managed identity.
    ClientId,
    "a client id (a GUID)",
    |text| is_made_of(text, 36..=36, "-")
);
text_id!(
    /// A VM size such as `Standard_D4s_v5`.
    VmSize,
    "a VM size such as Standard_D4s_v5",
    |text| is_made_of(text, 3..=64, "_-")
);
text_id!(
    /// A node agent SKU such as `batch.node.ubuntu 22.04`.
    NodeAgentSku,
    "a node agent SKU such as \"batch.node.ubuntu 22.04\"",
    |text| text.to_ascii_lowercase().starts_with("batch.node.") && is_made_of(text, 12..=128, "._- ")
);

/// An Azure region in its short form: `East US 2` and `eastus2` are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location(String);

/// The number of an image version: three parts of 31 bits, ordered as numbers and never as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionNumber {
    /// The first part.
    pub major: u32,
    /// The second part.
    pub minor: u32,
    /// The third part.
    pub patch: u32,
}

impl InvalidId {
    pub(crate) fn new(value: &str, expected: &'static str) -> Self {
        Self {
            value: value.to_owned(),
            expected,
        }
    }
}

impl Location {
    /// The short form, e.g. `eastus2`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Location {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let short: String = text
            .chars()
            .filter(|c| *c != ' ')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if is_made_of(&short, 2..=64, "") {
            Ok(Self(short))
        } else {
            Err(InvalidId::new(text, "a region such as eastus2"))
        }
    }
}

impl TryFrom<String> for Location {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl VersionNumber {
    /// The greatest value of a part: the service keeps signed 32-bit integers.
    pub const MAX_PART: u32 = i32::MAX.unsigned_abs();

    /// The next patch number; `None` when the parts are used up.
    #[must_use]
    pub fn next_patch(self) -> Option<Self> {
        (self.patch < Self::MAX_PART).then(|| Self {
            patch: self.patch + 1,
            ..self
        })
    }

    /// The first number of the next line, `1.5.0` after `1.4.2`; `None` when the parts are used up.
    #[must_use]
    pub fn next_minor(self) -> Option<Self> {
        (self.minor < Self::MAX_PART).then(|| Self {
            minor: self.minor + 1,
            patch: 0,
            ..self
        })
    }

    /// Compares only `major.minor`.
    #[must_use]
    pub fn cmp_line(self, other: Self) -> Ordering {
        (self.major, self.minor).cmp(&(other.major, other.minor))
    }
}

impl FromStr for VersionNumber {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || {
            InvalidId::new(
                text,
                "an image version (three whole numbers such as 1.4.2, each up to 2147483647)",
            )
        };
        let part = |part: Option<&str>| -> Result<u32, InvalidId> {
            let digits = part
                .filter(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()))
                .ok_or_else(invalid)?;
            digits
                .parse()
                .ok()
                .filter(|number| *number <= Self::MAX_PART)
                .ok_or_else(invalid)
        };
        let mut parts = text.split('.');
        let number = Self {
            major: part(parts.next())?,
            minor: part(parts.next())?,
            patch: part(parts.next())?,
        };
        if parts.next().is_some() {
            Err(invalid())
        } else {
            Ok(number)
        }
    }
}

impl TryFrom<String> for VersionNumber {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<VersionNumber> for String {
    fn from(number: VersionNumber) -> Self {
        number.to_string()
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

fn is_made_of(text: &str, length: std::ops::RangeInclusive<usize>, extra: &str) -> bool {
    length.contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_id_of_text_leads_an_address_elsewhere() {
        fn takes<T: FromStr>(text: &str) -> bool {
            text.parse::<T>().is_ok()
        }
        assert!(takes::<TenantId>("contoso.onmicrosoft.com") && takes::<PoolId>("render-1"));
        for dots in [".", "..", "...", "%2e%2e", "../a", "a/b", "..\\a", ""] {
            let accepted = [
                takes::<PoolId>(dots),
                takes::<SubscriptionId>(dots),
                takes::<TenantId>(dots),
                takes::<ClientId>(dots),
                takes::<VmSize>(dots),
                takes::<Location>(dots),
                takes::<VersionNumber>(dots),
            ];
            assert_eq!(accepted, [false; 7], "{dots:?}");
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        let parse = |text: &str| text.parse::<VersionNumber>().unwrap();
        assert!(parse("0.0.10") > parse("0.0.9"));
        assert!(parse("1.2.0") > parse("1.1.9"));
        assert_eq!(parse("1.0.7").next_patch(), Some(parse("1.0.8")));
        assert_eq!(parse("1.0.2147483647").next_patch(), None);
    }

    #[test]
    fn a_version_needs_three_numbers_in_range() {
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "1.2.x",
            "1..3",
            "1.2.2147483648",
            "+1.2.3",
            " 1.2.3",
        ] {
            assert!(bad.parse::<VersionNumber>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn display_names_of_regions_are_the_same_region() {
        assert_eq!("East US 2".parse::<Location>().unwrap(), "eastus2".parse().unwrap());
        assert!("east-us".parse::<Location>().is_err());
    }

    #[test]
    fn a_pool_id_says_what_it_may_hold() {
        let error = "render pool".parse::<PoolId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"render pool\" is not a pool id (1-64 letters, digits, \"-\" or \"_\")"
        );
    }

    proptest! {
        #[test]
        fn version_text_is_the_inverse_of_parsing(major in 0..=VersionNumber::MAX_PART, minor: u16, patch: u8) {
            let number = VersionNumber { major, minor: minor.into(), patch: patch.into() };
            prop_assert_eq!(number.to_string().parse::<VersionNumber>().unwrap(), number);
        }
    }
}
