//! The HTTPS client of a run, the same in every program: authorities, proxy, limits, who we are.
//!
//! It repeats nothing and follows no redirect: core decides both, and a redirect must not carry a token away. The
//! proxy is the system's (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`); addresses of this machine never go through one.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{Certificate, Client, ClientBuilder, redirect::Policy};
use url::{Host, Url};

use crate::{
    error::{Error, ErrorKind, Result},
    proxy::Proxies,
    settings::Lookup,
    transport::{SendError, Transport},
};

/// How long a connection may take: enough for a slow proxy, and a dead host is not waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one request may take. ARM ends its own requests after 60 s, and Batch's slowest lists answer within a
/// minute and a half; what takes longer has lost its connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(100);

/// By which App Service, Service Fabric and others announce a managed identity.
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";

/// The name of this machine that every system knows without asking.
const LOCALHOST: &str = "localhost";

/// Certificate authorities to trust in addition to the system's.
#[derive(Clone, Debug, Default)]
pub struct Authorities(Vec<Certificate>);

/// Sends requests: through the system's proxy, or directly where a proxy must not see them.
#[derive(Clone, Debug)]
pub struct Https {
    proxied: Client,
    direct: Client,
    proxies: Proxies,
    /// Where the platform hands out tokens of a managed identity.
    identity: Option<Url>,
}

impl Authorities {
    /// The certificates of a file in PEM form.
    ///
    /// # Errors
    /// `BadInput` when the file cannot be read or holds no certificate.
    pub fn of_file(file: &Path) -> Result<Self> {
        let refused = || {
            let doing = format!("cannot use the certificate authorities in {}", file.display());
            Error::new(ErrorKind::BadInput, doing)
        };
        let pem = std::fs::read(file).map_err(|cause| refused().because(cause))?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|cause| refused().because(cause))?;
        if certificates.is_empty() {
            return Err(refused()
                .because("no certificate is in it")
                .with_hint("give a PEM file with lines BEGIN CERTIFICATE"));
        }
        Ok(Self(certificates))
    }
}

impl Https {
    /// The client that requests to this address go through.
    #[must_use]
    pub fn client_for(&self, host: &str) -> &Client {
        if self.is_direct(host) {
            &self.direct
        } else {
            &self.proxied
        }
    }

    /// Whether a proxy must not see requests to a host: this machine, its link (there the platform's metadata service
    /// hands out tokens), and the identity endpoint.
    fn is_direct(&self, host: &str) -> bool {
        let of_identity = self.identity.as_ref().and_then(Url::host_str);
        of_identity.is_some_and(|identity| identity.eq_ignore_ascii_case(host)) || is_here(host)
    }
}

#[async_trait]
impl Transport for Https {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SendError> {
        let host = request.uri().host().unwrap_or_default();
        let proxy = (!self.is_direct(host))
            .then(|| self.proxies.before(request.uri()))
            .flatten();
        let sent = self.client_for(host).send(request).await;
        match (sent, proxy) {
            // It was the proxy that could not be reached, or that refused; to the host no connection was tried.
            (Err(SendError::NeverSent { to, fault, source }), Some(proxy)) => Err(SendError::NeverSent {
                to: format!("the proxy {proxy} on the way to {to}"),
                fault,
                source,
            }),
            (sent, _) => sent,
        }
    }
}

/// Builds the client; `agent` is what the program calls itself, e.g. `azure-batch-pool/0.1.0`, and `lookup` finds the
/// variables that say how this machine reaches others: its proxies, and the endpoint of its managed identity.
///
/// # Errors
/// `BadInput` when the system's certificates, the given ones, or a proxy cannot be used.
pub fn https_client(agent: &str, authorities: Authorities, lookup: &Lookup<'_>) -> Result<Https> {
    // When another provider is installed already, that one serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let build = |builder: ClientBuilder| {
        builder
            .build()
            .map_err(|cause| Error::new(ErrorKind::BadInput, "cannot set up HTTPS").because(cause))
    };
    Ok(Https {
        proxied: build(common(agent, authorities.clone()))?,
        direct: build(common(agent, authorities).no_proxy())?,
        proxies: Proxies::read(lookup)?,
        identity: lookup(IDENTITY_ENDPOINT).and_then(|address| Url::parse(&address).ok()),
    })
}

fn common(agent: &str, authorities: Authorities) -> ClientBuilder {
    Client::builder()
        .user_agent(agent)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .tls_certs_merge(authorities.0)
}

/// Whether a host is this machine or on its link.
fn is_here(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(Host::Ipv6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        Ok(Host::Domain(name)) => name.eq_ignore_ascii_case(LOCALHOST),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_never_sees_this_machine_its_link_or_the_identity_endpoint() {
        let lookup =
            |name: &str| (name == IDENTITY_ENDPOINT).then(|| "https://10.0.0.4:2377/metadata/identity".to_owned());
        let https = https_client("test", Authorities::default(), &lookup).unwrap();
        for host in [
            "127.0.0.1",
            "127.0.0.3",
            "localhost",
            "[::1]",
            "169.254.169.254",
            "169.254.130.4",
            "[fe80::1]",
            "10.0.0.4",
        ] {
            assert!(https.is_direct(host), "{host} goes through the proxy");
        }
        for host in ["management.azure.com", "10.0.0.5", "169.254.example.com", ""] {
            assert!(!https.is_direct(host), "{host} does not go through the proxy");
        }
    }

    /// Takes one HTTP/2 connection, refuses every request on it before looking at it, and counts them.
    async fn refusing(listener: tokio::net::TcpListener, asked: tokio::sync::watch::Sender<u32>) {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((_request, mut response))) = connection.accept().await {
            asked.send_modify(|count| *count += 1);
            response.send_reset(h2::Reason::REFUSED_STREAM);
        }
    }

    #[tokio::test]
    async fn a_request_that_http_2_refuses_is_not_sent_again_behind_our_back() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let (counter, asked) = tokio::sync::watch::channel(0);
        let server = tokio::spawn(refusing(listener, counter));
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = common("test", Authorities::default())
            .no_proxy()
            .http2_prior_knowledge()
            .build()
            .unwrap();
        let sent = client.get(address).send().await;
        assert!(sent.is_err(), "{sent:?}");
        assert_eq!(*asked.borrow(), 1, "the run's budget and events know of one request");
        drop(client);
        server.await.unwrap();
    }

    #[test]
    fn a_file_without_a_certificate_is_bad_input_and_is_named() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        for file in [empty.path(), Path::new("/nowhere/ca.pem")] {
            let error = Authorities::of_file(file).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadInput);
            assert!(error.to_string().contains(&file.display().to_string()), "{error}");
        }
    }
}
