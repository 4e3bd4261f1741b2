//! Carries one HTTP request to its server and back: the only file that sends.
//!
//! It knows nothing of Azure, retries or tokens. What it must get right is whether a failed request ever left.

use std::{error::Error as StdError, fmt};

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Cause;

/// Sends requests; reqwest in the binaries, the emulator itself in tests.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer; the variant says whether the request can have had an effect.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SendError>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection came about, so nothing was sent.
    #[error("no connection to {to}")]
    NeverSent {
        /// The host and port.
        to: String,
        /// Whether trying again can help.
        fault: ConnectFault,
        /// The cause.
        source: Cause,
    },
    /// The connection broke after the request had left.
    #[error("the connection to {to} broke before the answer came")]
    UnknownEffect {
        /// The host and port.
        to: String,
        /// The cause.
        source: Cause,
    },
}

/// What kept a connection from coming about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    /// The certificate is not trusted: trying again cannot help.
    Certificate,
    /// The name does not resolve.
    Name,
    /// Refused, reset or timed out: trying again can help.
    Transient,
}

#[async_trait]
impl Transport for reqwest::Client {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SendError> {
        let to = request.uri().authority().map_or_else(String::new, ToString::to_string);
        let failed = |source: reqwest::Error| classify(&to, source);
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let mut response = self.execute(request).await.map_err(failed)?;
        let mut answer = http::Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        *answer.body_mut() = response.bytes().await.map_err(failed)?;
        Ok(answer)
    }
}

fn classify(to: &str, source: reqwest::Error) -> SendError {
    let to = to.to_owned();
    // A failed build of the request is ours, and was not sent either.
    if !source.is_connect() && !source.is_builder() {
        return SendError::UnknownEffect {
            to,
            source: source.without_url().into(),
        };
    }
    let fault = connect_fault(&source);
    SendError::NeverSent {
        to,
        fault,
        source: source.without_url().into(),
    }
}

/// reqwest keeps the reason in the text of an inner cause only.
fn connect_fault(error: &reqwest::Error) -> ConnectFault {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(layer) = cause {
        let text = layer.to_string().to_ascii_lowercase();
        if text.contains("certificate") || text.contains("unknownissuer") {
            return ConnectFault::Certificate;
        }
        if text.contains("dns error") || text.contains("failed to lookup") {
            return ConnectFault::Name;
        }
        cause = layer.source();
    }
    ConnectFault::Transient
}

impl SendError {
    /// What to do, where the fault alone tells.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NeverSent {
                fault: ConnectFault::Certificate,
                ..
            } => Some("the server's certificate is not trusted here: give the CA with ca_file, or SSL_CERT_FILE"),
            Self::NeverSent {
                fault: ConnectFault::Name,
                ..
            } => Some("the name does not resolve: is a proxy needed (HTTPS_PROXY), or is the name misspelt?"),
            Self::NeverSent {
                fault: ConnectFault::Transient,
                ..
            }
            | Self::UnknownEffect { .. } => None,
        }
    }
}
