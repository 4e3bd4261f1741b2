//! The one HTTP client of a run: certificates, proxy, timeouts, who we are.
//!
//! It retries nothing and follows no redirect: both would be core's to decide, and a redirect
//! must not carry a token away. The proxy comes from `HTTPS_PROXY` and `NO_PROXY`.

use std::{path::Path, time::Duration};

use azure_batch_core::error::{Error, ErrorKind, Result};
use reqwest::{Certificate, Client, redirect};

/// How long a connection may take to come about: a slow proxy included, a dead host not waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one request may take. ARM ends its own requests after 60 s; what takes longer is an
/// operation that is asked for again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(100);

/// What we call ourselves, in Azure's logs too.
const USER_AGENT: &str = concat!("packer-plugin-azure-batch/", env!("CARGO_PKG_VERSION"));

/// Builds the client; trusts the certificates of `ca_file` beside the system's.
///
/// # Errors
/// When the file cannot be read or holds no certificate, or the system's certificates cannot be loaded.
pub fn client(ca_file: Option<&Path>) -> Result<Client> {
    // Somebody else in the process may have been first, with the same one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let certificates = ca_file.map(certificates).transpose()?.unwrap_or_default();
    Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .tls_certs_merge(certificates)
        .build()
        .map_err(|cause| Error::new(ErrorKind::BadInput, "cannot set up HTTPS").because(cause))
}

fn certificates(file: &Path) -> Result<Vec<Certificate>> {
    let doing = || format!("cannot use ca_file {}", file.display());
    let pem = std::fs::read(file).map_err(|cause| Error::new(ErrorKind::BadInput, doing()).because(cause))?;
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|cause| Error::new(ErrorKind::BadInput, doing()).because(cause))?;
    if certificates.is_empty() {
        return Err(
            Error::new(ErrorKind::BadInput, format!("{}: no certificate is in it", doing()))
                .with_hint("give a PEM file with lines BEGIN CERTIFICATE"),
        );
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client(Some(file.path())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert!(error.report().contains(&file.path().display().to_string()));
        let error = client(Some(Path::new("/nowhere/ca.pem"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }

    #[test]
    fn a_client_without_a_ca_file_trusts_the_system() {
        assert!(client(None).is_ok());
    }
}
