//! Carries one HTTP request to its server and back: the only file that sends.
//!
//! It knows nothing of Azure, retries or tokens. What it must get right is whether a failed request ever left.

use std::{error::Error as StdError, fmt};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::{error::Cause, options::sign_in::CA_FILE, typing::Command, words, words::Words};

/// Sends requests; reqwest in the binaries, the emulator itself in tests.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer; the variant says whether the request can have had an effect.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SendError>;
}

/// The longest body that is read, in bytes. A page of a list, the longest answer there is, stays below 10 MiB.
pub const MAX_BODY: usize = 64 * 1024 * 1024;

/// Shows the certificates that a server sends.
const SHOW_CERTIFICATES: &str = "openssl s_client -showcerts -connect {server} </dev/null";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection came about, so nothing was sent.
    #[error("{}", unreached(to, *fault))]
    NeverSent {
        /// The host and port.
        to: String,
        /// Whether trying again can help.
        fault: ConnectFault,
        /// The cause.
        source: Cause,
    },
    /// The request had left, and no answer came within the client's limit.
    #[error("no answer from {to} within the time limit of a request")]
    TimedOut {
        /// The host and port.
        to: String,
        /// The cause.
        source: Cause,
    },
    /// The request had left, and its answer does not end.
    #[error("the answer of {to} is longer than {} MiB", MAX_BODY / 1024 / 1024)]
    TooLong {
        /// The host and port.
        to: String,
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
    /// The certificate is not accepted: trying again cannot help.
    Certificate(CertificateFault),
    /// The name does not resolve.
    Name,
    /// Refused, reset or timed out: trying again can help.
    Transient,
}

/// Why a certificate is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// It is signed by an authority that is not trusted here.
    Authority,
    /// It is not valid yet, or no longer.
    Time,
    /// It is for another name.
    Name,
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
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(SendError::TooLong { to });
            }
            body.extend_from_slice(&chunk);
        }
        *answer.body_mut() = body.freeze();
        Ok(answer)
    }
}

impl SendError {
    /// What to do, where that follows from the fault alone.
    #[must_use]
    pub fn hint(&self) -> Option<Words> {
        match self {
            Self::NeverSent {
                fault: ConnectFault::Certificate(fault),
                ..
            } => Some(fault.hint()),
            Self::NeverSent {
                fault: ConnectFault::Name,
                ..
            } => Some(
                "check the spelling of the name; where only a proxy reaches it, give the proxy in HTTPS_PROXY".into(),
            ),
            Self::NeverSent {
                fault: ConnectFault::Transient,
                ..
            }
            | Self::TimedOut { .. }
            | Self::TooLong { .. }
            | Self::UnknownEffect { .. } => None,
        }
    }
}

impl SendError {
    /// What shows more of the fault, when typed.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        match self {
            Self::NeverSent {
                fault: ConnectFault::Certificate(CertificateFault::Authority),
                to,
                ..
            } => Some(Command::new(SHOW_CERTIFICATES, &[("server", to)])),
            _ => None,
        }
    }
}

impl CertificateFault {
    /// The fault in the words of rustls, in small letters.
    fn of(text: &str) -> Option<Self> {
        if !text.contains("certificate") && !text.contains("unknownissuer") {
            return None;
        }
        Some(if text.contains("expired") || text.contains("not valid yet") {
            Self::Time
        } else if text.contains("not valid for name") {
            Self::Name
        } else {
            Self::Authority
        })
    }

    fn hint(self) -> Words {
        match self {
            Self::Authority => words![
                "save the certificate of the authority that signed it as a PEM file, and run again with its path in ",
                CA_FILE,
                " or in SSL_CERT_FILE; where a proxy of your company decrypts HTTPS, the network team \
                 has that file"
            ],
            Self::Time => "check this machine's clock; if it is right, the server needs a new certificate".into(),
            Self::Name => "check the address; a proxy that opens HTTPS may answer in its place".into(),
        }
    }
}

/// Why nothing was sent. Where a certificate is not accepted, there was a connection.
fn unreached(to: &str, fault: ConnectFault) -> String {
    match fault {
        ConnectFault::Certificate(CertificateFault::Authority) => format!("the certificate of {to} is not trusted"),
        ConnectFault::Certificate(CertificateFault::Time) => format!("the certificate of {to} is not valid now"),
        ConnectFault::Certificate(CertificateFault::Name) => format!("the certificate of {to} is for another name"),
        ConnectFault::Name => format!("no address is known for {to}"),
        ConnectFault::Transient => format!("no connection to {to}"),
    }
}

fn classify(to: &str, source: reqwest::Error) -> SendError {
    let to = to.to_owned();
    if source.is_timeout() && !source.is_connect() {
        return SendError::TimedOut {
            to,
            source: source.without_url().into(),
        };
    }
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
        if let Some(fault) = CertificateFault::of(&text) {
            return ConnectFault::Certificate(fault);
        }
        if text.contains("dns error") || text.contains("failed to lookup") {
            return ConnectFault::Name;
        }
        cause = layer.source();
    }
    ConnectFault::Transient
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// What a server that never ends its body, or never begins one, makes of a request.
    async fn sent_to(is_endless: bool) -> SendError {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", server.local_addr().unwrap());
        let serving = async {
            let (mut stream, _) = server.accept().await.unwrap();
            assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0, "a request came");
            if !is_endless {
                return std::future::pending().await;
            }
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            let chunk = [b"100000\r\n".as_slice(), &[b' '; 0x10_0000], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {}
            std::future::pending::<()>().await;
        };
        // Another test of this process may have been first, with the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let limit = std::time::Duration::from_millis(if is_endless { 60_000 } else { 50 });
        let client = reqwest::Client::builder().timeout(limit).no_proxy();
        let client = client.tls_certs_only([]).build().unwrap();
        let sending = Transport::send(&client, http::Request::get(address).body(Bytes::new()).unwrap());
        tokio::select! {
            result = sending => result.unwrap_err(),
            () = serving => unreachable!("the server never ends"),
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_given_up_at_64_mib() {
        let error = sent_to(true).await;
        assert!(matches!(error, SendError::TooLong { .. }), "{error:?}");
        assert!(error.to_string().ends_with(" is longer than 64 MiB"), "{error}");
    }

    #[test]
    fn a_certificate_that_is_not_accepted_is_the_reason_and_not_a_missing_connection() {
        let table = [
            ("invalid peer certificate: unknownissuer", "is not trusted", "ca_file"),
            (
                "invalid peer certificate: certificate expired: verification time 1 (unix)",
                "is not valid now",
                "clock",
            ),
            (
                "invalid peer certificate: certificate not valid for name \"a\"",
                "is for another name",
                "address",
            ),
        ];
        for (text, happened, hint) in table {
            let fault = ConnectFault::Certificate(CertificateFault::of(text).unwrap());
            let to = "a:443".to_owned();
            let error = SendError::NeverSent {
                to,
                fault,
                source: text.into(),
            };
            assert_eq!(error.to_string(), format!("the certificate of a:443 {happened}"));
            assert!(error.hint().unwrap().to_string().contains(hint), "{:?}", error.hint());
        }
        assert_eq!(CertificateFault::of("connection refused"), None);
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_no_broken_connection() {
        let error = sent_to(false).await;
        assert!(matches!(error, SendError::TimedOut { .. }), "{error:?}");
    }
}
