//! What the servers on loopback share: a certificate of this run, and reading a request.
//!
//! What is answered is up to each of them.

use std::{
    io::{self, BufRead as _, BufReader, Read},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::failure::{Failure, Result};

/// A key of this run, and its certificate for these hosts as PEM.
///
/// # Errors
/// When none can be made.
pub(crate) fn tls(hosts: &[&str]) -> Result<(Arc<ServerConfig>, String)> {
    let unexpected = |error: &dyn std::error::Error| Failure::unexpected(error.to_string());
    let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| unexpected(&error))?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unexpected(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(|error| unexpected(&error))?;
    Ok((Arc::new(config), made.cert.pem()))
}

/// The lines before an empty one; nothing at the end of the stream.
pub(crate) fn head(from: &mut BufReader<impl Read>) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(line.to_owned());
    }
}

/// The body that a head announces.
pub(crate) fn body(from: &mut BufReader<impl Read>, head: &[String]) -> io::Result<String> {
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().ok())?
    });
    let mut bytes = vec![0; length.unwrap_or(0)];
    from.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
