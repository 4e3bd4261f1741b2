//! Where a Batch account answers, parsed once.
//!
//! It checks form only; whether an account answers there is for the service to say.

use std::{fmt, str::FromStr};

use super::{InvalidId, Location};

/// Where a Batch account answers: the host that ARM calls `accountEndpoint`, possibly with port and path prefix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BatchEndpoint(String);

impl BatchEndpoint {
    /// Reads ARM's `accountEndpoint` (no scheme) or a whole `https://` address.
    ///
    /// # Errors
    /// When it is not a host, with a port and a prefix of plain names at most: a token goes there, and a user name would
    /// hide the true host.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let whole = text.trim().trim_end_matches('/');
        let whole = whole.strip_prefix("https://").unwrap_or(whole);
        let mut parts = whole.split('/');
        let is_host = parts.next().is_some_and(is_host);
        if is_host && parts.all(is_plain) {
            Ok(Self(whole.to_owned()))
        } else {
            Err(InvalidId::new(
                text,
                "a Batch account endpoint such as acct1.eastus2.batch.azure.com",
            ))
        }
    }

    /// Whether it is a host of that suffix, without a port or a prefix.
    #[must_use]
    pub fn is_below(&self, suffix: &str) -> bool {
        self.0.to_ascii_lowercase().ends_with(suffix)
    }

    /// The base address.
    #[must_use]
    pub fn base(&self) -> String {
        format!("https://{}", self.0)
    }

    /// The account's name: the first part of the host, or the last of a prefix.
    #[must_use]
    pub fn account(&self) -> &str {
        let (host, prefix) = self.0.split_once('/').unwrap_or((&self.0, ""));
        match prefix.rsplit('/').next() {
            Some(name) if !name.is_empty() => name,
            _ => host.split(['.', ':']).next().unwrap_or(host),
        }
    }

    /// The region, as the second part of a public endpoint names it: `acct1.eastus2.batch.azure.com`.
    #[must_use]
    pub fn region(&self) -> Option<Location> {
        let mut parts = self.0.split('.');
        let (_account, region, service) = (parts.next()?, parts.next()?, parts.next()?);
        (service == "batch").then(|| region.parse().ok()).flatten()
    }
}

impl FromStr for BatchEndpoint {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl fmt::Display for BatchEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is a host name or an IPv4 address, with a port or without.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    port.parse::<u16>().is_ok() && host.split('.').all(is_plain)
}

/// Whether a text is one name: letters, digits and `-`, so neither `.` nor `..`.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_endpoint_tells_the_region() {
        let region = |text: &str| BatchEndpoint::parse(text).unwrap().region();
        assert_eq!(region("acct1.eastus2.batch.azure.com"), "eastus2".parse().ok());
        assert_eq!(region("127.0.0.1:8443/batch/acct1"), None);
        assert_eq!(region("batch.example.com"), None);
    }

    #[test]
    fn an_endpoint_is_read_with_and_without_scheme() {
        for text in [
            "acct1.eastus2.batch.azure.com",
            "https://acct1.eastus2.batch.azure.com/",
        ] {
            assert_eq!(
                BatchEndpoint::parse(text).unwrap().base(),
                "https://acct1.eastus2.batch.azure.com"
            );
        }
        assert_eq!(
            BatchEndpoint::parse("127.0.0.1:8443/batch/acct1").unwrap().base(),
            "https://127.0.0.1:8443/batch/acct1"
        );
        assert!(
            BatchEndpoint::parse("http://acct1.eastus2.batch.azure.com").is_err(),
            "tokens travel over HTTPS only"
        );
    }

    #[test]
    fn a_host_that_only_looks_like_one_of_the_cloud_is_not() {
        let is_below = |text: &str| BatchEndpoint::parse(text).unwrap().is_below(".batch.azure.com");
        assert!(is_below("Acct1.EastUS2.Batch.Azure.com"));
        for other in [
            "acct1.eastus2.batch.azure.co",
            "acct1.eastus2.batch.azure.com.evil.example",
            "evil.example/acct1-batch-azure-com",
            "127.0.0.2:8443",
            "acct1.eastus2.batch.azure.com:8443",
        ] {
            assert!(!is_below(other), "{other}");
        }
    }

    #[test]
    fn a_token_cannot_be_talked_to_another_host() {
        for text in [
            "acct1.eastus2.batch.azure.com@127.0.0.2:8443",
            "acct1.eastus2.batch.azure.com:secret@evil.example",
            "acct1.eastus2.batch.azure.com`",
            "acct1.eastus2.batch.azure.com\nx",
            "acct1.eastus2.batch.azure.com/../x",
            "acct1.eastus2.batch.azure.com\\@evil.example",
            "acct1.eastus2.batch.azure.com?x=y",
            "a..b",
            "",
        ] {
            assert!(BatchEndpoint::parse(text).is_err(), "{text:?}");
        }
    }
}
