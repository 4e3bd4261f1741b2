//! Where a secret may be sent: one rule for tokens, assertions and metadata hosts.
//!
//! It looks at the address alone; whether it is the host that was asked is for the caller to say.

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result};

/// Reads an address that a secret goes to.
///
/// # Errors
/// Why it must not: the rest of a sentence that begins with the address's name.
pub(crate) fn secret_address(text: &str) -> Result<Url, &'static str> {
    let address = Url::parse(text).map_err(|_| "is not an address")?;
    if !address.username().is_empty() || address.password().is_some() {
        return Err("holds a user name, which hides the true host");
    }
    match address.scheme() {
        "https" if address.has_host() => Ok(address),
        // A proxy of the CI system or an emulator on this very machine; nothing leaves it.
        "http" if is_loopback(&address) => Ok(address),
        _ => Err("is not an https address; a secret travels over HTTPS only"),
    }
}

/// Whether an address is this machine's own.
fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// The `Authorization` header of a token; no log of any layer shows it.
///
/// # Errors
/// When the token holds what no header may.
pub(crate) fn bearer(token: &SecretString) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| Error::new(ErrorKind::BadInput, "the token holds letters that no header may hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_to_https_or_to_this_machine() {
        for good in [
            "https://login.microsoftonline.com/",
            "https://127.0.0.2:8443/x",
            "http://127.0.0.1:8080/t?a=b",
            "http://[::1]:1/",
            "http://localhost/",
        ] {
            assert!(secret_address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://login.microsoftonline.com/",
            "http://127.0.0.1.evil.example/",
            "https://acct1.eastus2.batch.azure.com@evil.example/",
            "https://a:b@evil.example/",
            "ftp://127.0.0.1/",
            "acct1",
        ] {
            assert!(secret_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_not_in_what_debug_shows() {
        let shown = format!("{:?}", bearer(&SecretString::from("t0ken")).unwrap());
        assert!(!shown.contains("t0ken"), "{shown}");
    }
}
