//! GitHub's REST interface for one repository: where it is, as whom it is asked, and what it refuses in one line.
//!
//! Each request is sent once. What is asked for is `deployment`'s, `notify`'s and `event`'s.

use std::{fmt, future::Future, time::Duration};

use azure_batch_core::https::Https;
use octocrab::Octocrab;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

/// Longer than GitHub takes on a bad day. A signal ends the wait earlier.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// How the host of the interface begins on github.com and on subdomains of ghe.com.
const API_HOST: &str = "api.";

/// Where files of releases are sent there. On GitHub Enterprise Server that is the interface's own host.
const UPLOADS_HOST: &str = "uploads.";

/// A place where GitHub answers, to which a token may travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAddress(Url);

/// The address is not one to which a token may travel.
#[derive(Debug, thiserror::Error)]
#[error("the address {0} is not https, so no token is sent there")]
pub struct Unprotected(String);

/// What GitHub did not do, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It answered with an error.
    Answered {
        /// The HTTP status.
        status: u16,
        /// Its sentence.
        message: String,
    },
    /// No connection came about, so nothing was done.
    NotReached(String),
    /// It may have been done or not.
    Unknown(String),
}

impl ApiAddress {
    /// An address over HTTPS, or one that does not leave the machine.
    ///
    /// # Errors
    /// When a token would leave unprotected.
    pub fn parse(text: &str) -> Result<Self, Unprotected> {
        let unprotected = || Unprotected(text.to_owned());
        let url = Url::parse(text).map_err(|_cause| unprotected())?;
        let is_protected = url.scheme() == "https" || stays_here(&url);
        (is_protected && url.host_str().is_some())
            .then_some(Self(url))
            .ok_or_else(unprotected)
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Where files of releases are sent.
    #[must_use]
    pub fn uploads(&self) -> String {
        let mut url = self.0.clone();
        if let Some(rest) = self.host().strip_prefix(API_HOST) {
            // A host that follows another prefix is one too.
            let _infallible = url.set_host(Some(&format!("{UPLOADS_HOST}{rest}")));
        }
        url.to_string()
    }

    /// A client for it.
    ///
    /// # Errors
    /// When it cannot be made of the address.
    pub fn open(&self, token: Option<&SecretString>, https: &Https) -> Result<Octocrab, Refusal> {
        let refused = |error: octocrab::Error| Refusal::NotReached(reason_of(&error));
        let mut builder = Octocrab::builder()
            .base_uri(self.0.as_str())
            .and_then(|builder| builder.upload_uri(self.uploads()))
            .map_err(refused)?;
        if let Some(token) = token {
            builder = builder.personal_token(token.expose_secret().to_owned());
        }
        let client = https.client_for(self.host()).clone();
        builder.build_with_reqwest(client).map_err(refused)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status, message } => write!(f, "{message} ({status})"),
            Self::NotReached(reason) | Self::Unknown(reason) => f.write_str(reason),
        }
    }
}

impl From<octocrab::Error> for Refusal {
    fn from(error: octocrab::Error) -> Self {
        if let octocrab::Error::GitHub { source, .. } = &error {
            return Self::Answered {
                status: source.status_code.as_u16(),
                message: source.message.clone(),
            };
        }
        let reason = reason_of(&error);
        if was_never_sent(&error) {
            Self::NotReached(reason)
        } else {
            Self::Unknown(reason)
        }
    }
}

/// Waits for an answer of GitHub.
///
/// # Errors
/// With GitHub's refusal, or when it takes too long.
pub async fn answer<T>(request: impl Future<Output = octocrab::Result<T>>) -> Result<T, Refusal> {
    let answered = tokio::time::timeout(TIMEOUT, request).await;
    let late = || Refusal::Unknown(format!("no answer within {} s", TIMEOUT.as_secs()));
    answered.map_err(|_elapsed| late())?.map_err(Refusal::from)
}

fn stays_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Whether no connection came about.
fn was_never_sent(error: &octocrab::Error) -> bool {
    let mut layer: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = layer {
        if inner
            .downcast_ref::<reqwest::Error>()
            .is_some_and(reqwest::Error::is_connect)
        {
            return true;
        }
        layer = inner.source();
    }
    false
}

/// octocrab's own text carries a backtrace; the innermost sentence is enough.
fn reason_of(error: &octocrab::Error) -> String {
    let mut layer: &dyn std::error::Error = error;
    while let Some(inner) = layer.source() {
        layer = inner;
    }
    layer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_travels_protected_or_not_at_all() {
        for (address, is_taken) in [
            ("https://api.github.com", true),
            ("https://github.example.com/api/v3", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://github.example.com/api/v3", false),
            ("http://localhost:8080", false),
            ("api.github.com", false),
        ] {
            assert_eq!(ApiAddress::parse(address).is_ok(), is_taken, "{address}");
        }
    }

    #[test]
    fn files_are_sent_to_the_host_for_uploads_or_to_the_server_itself() {
        let uploads = |address: &str| ApiAddress::parse(address).unwrap().uploads();
        assert_eq!(uploads("https://api.github.com"), "https://uploads.github.com/");
        assert_eq!(
            uploads("https://api.octocorp.ghe.com"),
            "https://uploads.octocorp.ghe.com/"
        );
        assert_eq!(
            uploads("https://github.example.com/api/v3"),
            "https://github.example.com/api/v3"
        );
    }
}
