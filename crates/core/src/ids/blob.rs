//! The addresses of a blob and of a container, and the host that they are on.
//!
//! They carry no signature: Azure reads a VHD through its storage account, and what is signed would be a secret.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Url;

use super::InvalidId;

/// The address of a blob, such as `https://account.blob.core.windows.net/vhds/os.vhd`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobAddress(Url);

/// The address of a container, such as `https://account.blob.core.windows.net/logs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct ContainerAddress(Url);

/// Host and port of a storage account's blobs, in small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobHost(String);

impl BlobAddress {
    /// Where it is.
    #[must_use]
    pub fn host(&self) -> BlobHost {
        BlobHost::of(&self.0)
    }

    /// Container and name, still encoded, behind a `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The last part of its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.path().rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for BlobAddress {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected =
            "the address of a blob (https://ACCOUNT.blob.core.windows.net/CONTAINER/NAME, nothing behind it)";
        let found = plain(text).filter(|(_, parts)| *parts >= 2);
        found.map_or_else(
            || Err(InvalidId::new(&unsigned(text), expected)),
            |(url, _)| Ok(Self(url)),
        )
    }
}

impl FromStr for ContainerAddress {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected =
            "the address of a container (https://ACCOUNT.blob.core.windows.net/CONTAINER, nothing behind it)";
        let found = plain(text.trim_end_matches('/')).filter(|(_, parts)| *parts == 1);
        found.map_or_else(
            || Err(InvalidId::new(&unsigned(text), expected)),
            |(url, _)| Ok(Self(url)),
        )
    }
}

impl fmt::Display for ContainerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ContainerAddress> for String {
    fn from(address: ContainerAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for BlobAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for BlobAddress {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<BlobAddress> for String {
    fn from(address: BlobAddress) -> Self {
        address.to_string()
    }
}

impl BlobHost {
    /// Of any address on it.
    #[must_use]
    pub fn of(address: &Url) -> Self {
        let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
        Self(format!("{}{port}", address.host_str().unwrap_or_default()).to_ascii_lowercase())
    }
}

impl fmt::Display for BlobHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A signature must not come back in a message.
fn unsigned(text: &str) -> String {
    text.split_once('?')
        .map_or_else(|| text.to_owned(), |(start, _)| format!("{start}?…"))
}

/// An address without anything behind its path, and of how many parts that is.
fn plain(text: &str) -> Option<(Url, usize)> {
    let url = Url::parse(text).ok()?;
    let parts = url.path_segments()?.filter(|part| !part.is_empty()).count();
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let is_address = url.scheme() == "https" && url.has_host() && url.password().is_none();
    (is_plain && is_address).then_some((url, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_account_a_container_and_a_name() {
        let address: BlobAddress = "https://Acct.blob.core.windows.net/vhds/a/os.vhd".parse().unwrap();
        assert_eq!(address.host().to_string(), "acct.blob.core.windows.net");
        assert_eq!((address.path(), address.name()), ("/vhds/a/os.vhd", "os.vhd"));
        let local: BlobAddress = "https://127.0.0.1:9443/vhds/os.vhd".parse().unwrap();
        assert_eq!(local.host().to_string(), "127.0.0.1:9443");
        for bad in [
            "http://acct.blob.core.windows.net/vhds/os.vhd",
            "https://acct.blob.core.windows.net/os.vhd",
            "https://user@acct.blob.core.windows.net/vhds/os.vhd",
            "/subscriptions/x",
            "os.vhd",
        ] {
            assert!(bad.parse::<BlobAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_container_has_an_account_and_a_name() {
        let address: ContainerAddress = "https://acct.blob.core.windows.net/logs/".parse().unwrap();
        assert_eq!(address.to_string(), "https://acct.blob.core.windows.net/logs");
        for bad in [
            "https://acct.blob.core.windows.net/logs/node",
            "https://acct.blob.core.windows.net",
            "http://acct.blob.core.windows.net/logs",
            "logs",
        ] {
            assert!(bad.parse::<ContainerAddress>().is_err(), "{bad}");
        }
        let signed = "https://acct.blob.core.windows.net/logs?sp=w&sig=hunter2";
        let refusal = signed.parse::<ContainerAddress>().unwrap_err().to_string();
        assert!(refusal.contains("/logs?…") && !refusal.contains("hunter2"), "{refusal}");
    }

    #[test]
    fn a_signature_is_refused_and_not_repeated() {
        let signed = "https://acct.blob.core.windows.net/vhds/os.vhd?sv=1&sig=hunter2";
        let refusal = signed.parse::<BlobAddress>().unwrap_err().to_string();
        assert!(
            refusal.contains("os.vhd?…") && !refusal.contains("hunter2"),
            "{refusal}"
        );
    }
}
