//! Certificates registered with an application, and assertions that their private keys have signed.
//!
//! A certificate's chain is not looked at: Entra takes self-signed ones.

use std::fmt;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use serde::Deserialize;
use serde_json::Value;
use webpki::{
    EndEntityCert,
    ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY},
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use super::{
    Application,
    error::TokenError,
    token::{Header, Token},
    validity,
};

/// A certificate without its private key.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// The first second in which it is not valid, since 1970.
    ends: i64,
}

/// Where an assertion of this kind is meant for: the token endpoint or the issuer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Host and port of the request.
    pub(super) authority: &'a str,
    /// The tenant's id.
    pub(super) tenant: &'a str,
}

/// Why a text is no certificate.
#[derive(Debug, thiserror::Error)]
#[error("a certificate is not PEM with one CERTIFICATE of an RSA key")]
pub struct NotACertificate;

impl TryFrom<String> for Certificate {
    type Error = NotACertificate;

    fn try_from(pem: String) -> Result<Self, Self::Error> {
        let body = pem.split_once("-----BEGIN CERTIFICATE-----").map(|(_, rest)| rest);
        let body = body.and_then(|rest| rest.split_once("-----END CERTIFICATE-----"));
        let text: String = body.ok_or(NotACertificate)?.0.split_whitespace().collect();
        let der = CertificateDer::from(STANDARD.decode(text).map_err(|_| NotACertificate)?);
        let key = EndEntityCert::try_from(&der)
            .map_err(|_| NotACertificate)?
            .subject_public_key_info();
        let rsa = RSA_PKCS1_2048_8192_SHA256.public_key_alg_id();
        if !key.windows(rsa.len()).any(|part| part == rsa.as_ref()) {
            return Err(NotACertificate);
        }
        let (_, read) = X509Certificate::from_der(&der).map_err(|_| NotACertificate)?;
        let ends = read.validity().not_after.timestamp();
        Ok(Self { der, ends })
    }
}

impl fmt::Debug for Certificate {
    // The text is long and says nothing to a reader.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", thumbprint(&self.der, &SHA1_FOR_LEGACY_USE_ONLY))
    }
}

impl Certificate {
    /// Whether the header names it, by whichever thumbprint it has.
    fn is_named_in(&self, header: &Header) -> bool {
        match (&header.x5t_s256, &header.x5t) {
            (Some(named), _) => *named == thumbprint(&self.der, &SHA256),
            (None, Some(named)) => named.trim_end_matches('=') == thumbprint(&self.der, &SHA1_FOR_LEGACY_USE_ONLY),
            (None, None) => false,
        }
    }

    fn has_signed(&self, token: &Token<'_>) -> bool {
        let Some(algorithm) = algorithm(&token.header.alg) else {
            return false;
        };
        EndEntityCert::try_from(&self.der).is_ok_and(|known| {
            known
                .verify_signature(algorithm, token.signed.as_bytes(), &token.signature)
                .is_ok()
        })
    }
}

impl Place<'_> {
    /// Entra takes its token endpoints of both generations and the issuer, by the tenant's id or a shared name.
    fn is_audience(self, audience: &str) -> bool {
        let Some(rest) = audience.strip_prefix("https://") else {
            return false;
        };
        let mut parts = rest.trim_end_matches('/').splitn(3, '/');
        let (host, tenant, rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
        let here = host.is_some_and(|host| host.eq_ignore_ascii_case(self.authority));
        let ours = tenant.is_some_and(|tenant| {
            [self.tenant, "adfs", "common", "organizations"]
                .iter()
                .any(|name| name.eq_ignore_ascii_case(tenant))
        });
        here && ours && matches!(rest, "" | "v2.0" | "oauth2/token" | "oauth2/v2.0/token")
    }
}

/// Whether claims are those of an application that speaks for itself.
pub(super) fn is_self_issued(application: &Application, claims: &Value) -> bool {
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    issuer.eq_ignore_ascii_case(&application.client_id)
}

/// Checks an assertion that an application has signed itself: thumbprint, its own end, signature, subject, audience and
/// time.
pub(super) fn check(
    application: &Application,
    token: &str,
    claims: &Value,
    (place, now): (Place<'_>, Timestamp),
) -> Result<(), TokenError> {
    let token =
        Token::read(token).ok_or_else(|| TokenError::invalid_client(50_027, "JWT token is invalid or malformed."))?;
    let mut registered = application.certificates.iter();
    let Some(certificate) = registered.find(|known| known.is_named_in(&token.header)) else {
        let named = token.header.x5t_s256.or(token.header.x5t).unwrap_or_default();
        let message = format!(
            "The certificate with identifier used to sign the client assertion is not registered on application. \
             [Reason - The key was not found., Thumbprint of key used by client: '{named}']"
        );
        return Err(TokenError::invalid_client(700_027, message));
    };
    if certificate.ends <= now.as_second() {
        let named = token.header.x5t_s256.or(token.header.x5t).unwrap_or_default();
        let message = format!(
            "The certificate with identifier used to sign the client assertion is expired on application. \
             [Reason - The key used is expired., Thumbprint of key used by client: '{named}']"
        );
        return Err(TokenError::invalid_client(700_027, message));
    }
    if !certificate.has_signed(&token) {
        let message = "Client assertion contains an invalid signature. [Reason - The key was found, but use of the \
                       key to verify the signature failed.]";
        return Err(TokenError::invalid_client(700_027, message));
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if !text("sub").eq_ignore_ascii_case(&application.client_id) {
        let message = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return Err(TokenError::invalid_client(700_021, message));
    }
    if !place.is_audience(text("aud")) {
        let message = "Client assertion audience claim does not match Realm issuer.";
        return Err(TokenError::invalid_client(700_023, message));
    }
    validity::check_time(claims, now)
}

/// What clients sign with: RS256 with a SHA-1 thumbprint, or PS256 with a SHA-256 one, as MSAL does since 1.28.
fn algorithm(name: &str) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    match name {
        "RS256" => Some(RSA_PKCS1_2048_8192_SHA256),
        "PS256" => Some(RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
        _ => None,
    }
}

fn thumbprint(der: &[u8], algorithm: &'static digest::Algorithm) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(algorithm, der))
}
