//! Who hands out tokens: the one word that a client needs of signing in.
//!
//! How a token is got is `credential`'s; tests and other sources of tokens implement the same trait.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::error::Result;

/// Hands out tokens; renewal is its own affair.
#[async_trait]
pub trait Credential: fmt::Debug + Send + Sync {
    /// A token for a scope, valid for minutes at least.
    ///
    /// # Errors
    /// When signing in fails.
    async fn token(&self, scope: &str) -> Result<SecretString>;
}
