//! Which cloud: one of Microsoft's by name, or one that a metadata host describes.
//!
//! Its addresses are `cloud`'s; nothing is asked here.

use std::str::FromStr;

use url::Url;

use super::InvalidId;
use crate::address::secret_address;

/// How the user says which cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloudChoice {
    /// One of Microsoft's.
    Known(KnownCloud),
    /// A host that describes a cloud at `/metadata/endpoints`, with its scheme.
    MetadataHost(Url),
}

/// Microsoft's clouds, by the names azure-arm's `cloud_environment_name` takes and by az's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KnownCloud {
    /// The public cloud.
    #[default]
    Public,
    /// US Government.
    UsGovernment,
    /// China, operated by 21Vianet.
    China,
}

impl KnownCloud {
    /// What the endpoint of every Batch account ends in (`name.region.batch.azure.com`); tokens for Batch go nowhere else.
    #[must_use]
    pub const fn batch_suffix(self) -> &'static str {
        match self {
            Self::Public => ".batch.azure.com",
            Self::UsGovernment => ".batch.usgovcloudapi.net",
            Self::China => ".batch.chinacloudapi.cn",
        }
    }
}

impl FromStr for KnownCloud {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.to_ascii_lowercase().as_str() {
            "public" | "azurepubliccloud" | "azurecloud" => Ok(Self::Public),
            "usgovernment" | "usgovernmentcloud" | "azureusgovernmentcloud" | "azureusgovernment" => {
                Ok(Self::UsGovernment)
            }
            "china" | "chinacloud" | "azurechinacloud" => Ok(Self::China),
            _ => Err(InvalidId {
                value: text.to_owned(),
                expected: "a cloud name (Public, USGovernment or China)",
            }),
        }
    }
}

impl CloudChoice {
    /// Reads `metadata_host`: a whole address, or a host to which `https://` is put.
    ///
    /// # Errors
    /// When it is not an https address.
    pub fn metadata_host(text: &str) -> Result<Self, InvalidId> {
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        // `https:///etc/hosts` is read as the host `etc`.
        let is_path = text.trim_start_matches("https:").starts_with("///") || text.starts_with('/');
        secret_address(&whole)
            .ok()
            .filter(|url| url.scheme() == "https" && !is_path)
            .filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
            .map(Self::MetadataHost)
            .ok_or_else(|| InvalidId {
                value: text.to_owned(),
                expected: "a metadata host such as https://127.0.0.1:8443 (https only, without a path)",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_has_the_names_of_az_and_of_azure_arm() {
        for name in ["AzureUSGovernmentCloud", "USGovernment"] {
            assert_eq!(name.parse::<KnownCloud>().unwrap(), KnownCloud::UsGovernment, "{name}");
        }
    }

    #[test]
    fn a_metadata_host_needs_no_scheme_but_no_other_than_https() {
        assert_eq!(
            CloudChoice::metadata_host("127.0.0.1:8443"),
            CloudChoice::metadata_host("https://127.0.0.1:8443")
        );
        for nonsense in [
            "http://127.0.0.1:8443",
            "/etc/hosts",
            "https:///etc/hosts",
            "a b",
            "host/path",
            "host?a=b",
        ] {
            assert!(CloudChoice::metadata_host(nonsense).is_err(), "{nonsense}");
        }
        assert!(CloudChoice::metadata_host("https://metadata.example/").is_ok());
    }
}
