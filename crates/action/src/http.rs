//! The one HTTP client of this program: proxy, authorities, limits, user agent.
//!
//! It retries nothing; core does, and GitHub's interface is asked once.

use std::time::Duration;

use azure_batch_core::error::{Error, ErrorKind, Result};
use reqwest::{Certificate, Client, redirect::Policy};

/// A server that does not accept a connection for so long will not within a request's limit either.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Batch's slowest lists answer within a minute and a half; what takes longer has lost its connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(100);

/// How this program names itself.
const USER_AGENT: &str = concat!("azure-batch-pool/", env!("CARGO_PKG_VERSION"));

/// Builds the client. Proxies come from the environment; redirects are not followed, since requests carry tokens.
///
/// # Errors
/// When the machine's authorities cannot be read.
pub fn build_client(authorities: Vec<Certificate>) -> Result<Client> {
    // A provider that is installed already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .user_agent(USER_AGENT)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .tls_certs_merge(authorities)
        .build()
        .map_err(|cause| Error::new(ErrorKind::NeverSent, "cannot set up HTTPS").because(cause))
}
