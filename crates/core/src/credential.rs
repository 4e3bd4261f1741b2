//! Tokens for the way of signing in that the settings chose.
//!
//! The exchange itself is `azure_identity`'s; this file wraps it. Shared keys are never used.

mod assertion;
mod http_client;

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_identity as identity;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use crate::{
    cloud::Cloud,
    error::{Error, ErrorKind, Result},
    ids::ClientId,
    run::Run,
    sender::Sender,
    settings::Login,
    token::Credential,
    transport::Transport,
};

/// Builds the credential for a login. Nothing is asked yet.
///
/// # Errors
/// When `azure_identity` refuses the settings.
pub fn build(login: &Login, cloud: &Cloud, transport: &Arc<dyn Transport>, run: &Run) -> Result<Arc<dyn Credential>> {
    let sender = Sender::new(Arc::clone(transport), run.clone());
    let inner = build_inner(login, cloud, &sender)
        .map_err(|cause| Error::new(ErrorKind::BadInput, format!("cannot sign in with {login}")).because(cause))?;
    let keep = matches!(login, Login::AzureCli { .. });
    Ok(Arc::new(EntraCredential {
        inner,
        login: login.to_string(),
        kept: keep.then(Mutex::default),
        run: run.clone(),
    }))
}

fn build_inner(login: &Login, cloud: &Cloud, sender: &Sender) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let options = || http_client::options(cloud, sender);
    let by_assertion = || identity::ClientAssertionCredentialOptions {
        client_options: options(),
    };
    Ok(match login {
        Login::ClientSecret { tenant, client, secret } => {
            let secret = Secret::new(secret.expose_secret().to_owned());
            let options = identity::ClientSecretCredentialOptions {
                client_options: options(),
            };
            identity::ClientSecretCredential::new(tenant.as_str(), client.to_string(), secret, Some(options))?
        }
        Login::ClientJwt { tenant, client, jwt } => {
            let given = assertion::Given(jwt.clone());
            identity::ClientAssertionCredential::new(
                tenant.to_string(),
                client.to_string(),
                given,
                Some(by_assertion()),
            )?
        }
        Login::Oidc {
            tenant,
            client,
            request_url,
            request_token,
        } => {
            let fetched = assertion::Fetched::new(request_url, request_token.clone(), sender.clone())?;
            identity::ClientAssertionCredential::new(
                tenant.to_string(),
                client.to_string(),
                fetched,
                Some(by_assertion()),
            )?
        }
        Login::WorkloadIdentityFile { tenant, client, file } => {
            identity::WorkloadIdentityCredential::new(Some(identity::WorkloadIdentityCredentialOptions {
                credential_options: by_assertion(),
                tenant_id: Some(tenant.to_string()),
                client_id: Some(client.to_string()),
                token_file_path: Some(file.clone()),
            }))?
        }
        Login::AzureCli { tenant } => identity::AzureCliCredential::new(Some(identity::AzureCliCredentialOptions {
            tenant_id: tenant.as_ref().map(ToString::to_string),
            ..Default::default()
        }))?,
        Login::ManagedIdentity { client } => {
            let by_client_id = |client: &ClientId| identity::UserAssignedId::ClientId(client.to_string());
            identity::ManagedIdentityCredential::new(Some(identity::ManagedIdentityCredentialOptions {
                user_assigned_id: client.as_ref().map(by_client_id),
                client_options: options(),
            }))?
        }
    })
}

/// A credential of `azure_identity` with our errors. az starts a process for every token, so its tokens are kept here.
#[derive(Debug)]
struct EntraCredential {
    inner: Arc<dyn TokenCredential>,
    login: String,
    kept: Option<Mutex<Vec<(String, AccessToken)>>>,
    run: Run,
}

/// A token is renewed this long before it expires, as `azure_identity` does.
const RENEW_BEFORE_SECONDS: i64 = 300;

#[async_trait]
impl Credential for EntraCredential {
    async fn token(&self, scope: &str) -> Result<SecretString> {
        let Some(kept) = &self.kept else {
            return Ok(secret_of(&self.fetch(scope).await?));
        };
        let mut kept = kept.lock().await;
        let is_fresh =
            |token: &AccessToken| self.run.now().as_second() + RENEW_BEFORE_SECONDS < token.expires_on.unix_timestamp();
        if let Some((_, token)) = kept.iter().find(|(of, token)| of == scope && is_fresh(token)) {
            return Ok(secret_of(token));
        }
        let token = self.fetch(scope).await?;
        let secret = secret_of(&token);
        kept.retain(|(of, _)| of != scope);
        kept.push((scope.to_owned(), token));
        Ok(secret)
    }
}

impl EntraCredential {
    async fn fetch(&self, scope: &str) -> Result<AccessToken> {
        self.inner.get_token(&[scope], None).await.map_err(|cause| {
            let doing = format!("cannot sign in with {}", self.login);
            match http_client::take_our_error(&cause) {
                Some(ours) => ours.while_doing(doing),
                None => Error::new(ErrorKind::NoRights, doing).because(cause),
            }
        })
    }
}

fn secret_of(token: &AccessToken) -> SecretString {
    SecretString::from(token.token.secret().to_owned())
}
