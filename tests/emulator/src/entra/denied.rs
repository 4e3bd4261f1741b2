//! Why a token was refused, and what ARM answers then.
//!
//! Batch's data plane writes its own body from the same value.

use http::StatusCode;
use thiserror::Error;

use crate::{envelope::ArmError, http::Response};

/// Why a token was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// No `Authorization` header.
    #[error("the request has no Authorization header")]
    Missing,
    /// Not a bearer token that this Entra signed.
    #[error("the access token is not one of this tenant's")]
    Malformed,
    /// Past its `exp`.
    #[error("the access token has expired")]
    Expired,
    /// For another service.
    #[error("the access token is for {audience:?}")]
    WrongAudience {
        /// The token's `aud`.
        audience: String,
    },
    /// Of another tenant than the subscription's.
    #[error("the access token is from the wrong issuer; it must be of tenant {expected}")]
    WrongTenant {
        /// The subscription's tenant.
        expected: String,
    },
}

impl Denied {
    /// The `WWW-Authenticate` challenge for a tenant's login page.
    #[must_use]
    pub fn challenge(&self, authorization_uri: &str) -> String {
        let error = if matches!(self, Self::Missing) {
            "invalid_request"
        } else {
            "invalid_token"
        };
        let description = self.arm_error().message().replace('"', "'");
        format!(
            "Bearer authorization_uri=\"{authorization_uri}\", error=\"{error}\", \
             error_description=\"{description}\""
        )
    }

    /// ARM's answer: 401 with the challenge.
    #[must_use]
    pub fn arm_response(&self, authorization_uri: &str) -> Response {
        self.arm_error()
            .response()
            .with_header("www-authenticate", &self.challenge(authorization_uri))
    }

    fn arm_error(&self) -> ArmError {
        let (code, message) = match self {
            Self::Missing => (
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.".to_owned(),
            ),
            Self::Malformed => ("InvalidAuthenticationToken", "The access token is invalid.".to_owned()),
            Self::Expired => ("ExpiredAuthenticationToken", "The access token has expired.".to_owned()),
            Self::WrongAudience { audience } => (
                "InvalidAuthenticationTokenAudience",
                format!("The access token has been obtained for wrong audience or resource '{audience}'."),
            ),
            Self::WrongTenant { expected } => (
                "InvalidAuthenticationTokenTenant",
                format!(
                    "The access token is from the wrong issuer. It must match the tenant '{expected}' \
                     associated with this subscription."
                ),
            ),
        };
        ArmError::new(StatusCode::UNAUTHORIZED, code, message)
    }
}
