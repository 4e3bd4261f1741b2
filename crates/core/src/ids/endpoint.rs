//! Where a Batch account answers, parsed once.
//!
//! It checks form only; whether an account answers there is for the service to say.

use std::fmt;

use super::InvalidId;

/// Where a Batch account answers: the host that ARM calls `accountEndpoint`, possibly with port and path prefix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BatchEndpoint(String);

impl BatchEndpoint {
    /// Reads ARM's `accountEndpoint` (no scheme) or a whole `https://` address.
    ///
    /// # Errors
    /// When it is empty, has another scheme, or contains a query.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let host = text.trim().trim_end_matches('/');
        let host = host.strip_prefix("https://").unwrap_or(host);
        if host.is_empty() || host.contains("://") || host.contains(['?', '#', ' ']) {
            return Err(InvalidId::new(
                text,
                "a Batch account endpoint such as acct1.eastus2.batch.azure.com",
            ));
        }
        Ok(Self(host.to_owned()))
    }

    /// The base address.
    #[must_use]
    pub fn base(&self) -> String {
        format!("https://{}", self.0)
    }
}

impl fmt::Display for BatchEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
