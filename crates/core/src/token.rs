//! Who hands out tokens: the one word that a client needs of signing in.
//!
//! How a token is got is `credential`'s; tests and other sources of tokens implement the same trait.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::{claims::Claims, error::Result, run::Run};

/// Hands out tokens and renews them in time.
#[async_trait]
pub trait Credential: fmt::Debug + Send + Sync {
    /// A token for a scope, valid for a while. What has to be sent for it is sent for `run`, by its deadline, its budget
    /// and its cancel.
    ///
    /// # Errors
    /// When signing in fails, or the run ends.
    async fn token(&self, scope: &str, run: &Run) -> Result<SecretString>;

    /// A token in place of `refused`, which a service did not accept although it seemed valid.
    ///
    /// # Errors
    /// As [`Credential::token`].
    async fn token_instead_of(&self, refused: &SecretString, scope: &str, run: &Run) -> Result<SecretString>;

    /// Who signs in, as `az role assignment create --assignee` takes it; nothing when that is not known.
    fn identity(&self) -> Option<String> {
        None
    }

    /// What the last assertion said of itself; nothing for ways without one.
    fn presented(&self) -> Option<Claims> {
        None
    }
}
