//! Tokens for the way of signing in that the settings chose.
//!
//! The exchange itself is `azure_identity`'s; this file wraps it. Shared keys are never used.

mod assertion;
mod certificate;
mod http_client;

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, Secret, TokenCredential},
    http::ClientOptions,
};
use azure_identity as identity;
use certificate::Certificate;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use crate::{
    claims::Claims,
    cloud::Cloud,
    error::{Error, ErrorKind, RefusedBy, Result},
    ids::{Audience, ClientId, TenantId},
    retry::Repeat,
    run::Run,
    sender::Sender,
    settings::Login,
    token::Credential,
    transport::Transport,
    typing::{Command, az},
    words::Words,
};

/// The ways of `azure_identity`, with our errors. Its tokens are kept here and not there: so they can be thrown away when
/// a service refuses one, and an old one still serves when its renewal fails.
#[derive(Debug)]
struct EntraCredential {
    login: Login,
    cloud: Cloud,
    sender: Sender,
    kept: Mutex<Vec<Kept>>,
    presented: Presented,
}

/// What the last assertion said of itself.
type Presented = Arc<StdMutex<Option<Claims>>>;

/// A token that was got before.
#[derive(Debug)]
struct Kept {
    scope: String,
    token: AccessToken,
}

/// An application in its tenant.
struct Application {
    tenant: String,
    client: String,
    options: ClientOptions,
}

/// A token is renewed this long before it expires, as `azure_identity` does.
const RENEW_BEFORE_SECONDS: i64 = 300;
/// A token that has so long to live is worth a request, when it cannot be renewed.
const STILL_SERVES_SECONDS: i64 = 30;

/// How `azure_identity` ends its sentence about a host whose managed identity it knows and does not speak to, such as Azure
/// Arc, Azure ML or Cloud Shell. Before it stands the host's name. It has no type for this.
const NO_SUCH_IDENTITY: &str = " managed identity isn't supported";

/// How Entra's codes for an assertion that no federated credential fits begin: of its issuer, audience or subject.
const UNKNOWN_ASSERTION: &str = "aadsts70021";

/// Entra's codes for an application's secret that is wrong, and for one that is too old.
const OF_SECRET: [&str; 2] = ["aadsts7000215", "aadsts7000222"];

/// What to do where no way to sign in was given, and the machine has none either.
const AS_APPLICATION: &str = "to sign in with a secret, give {tenant_id}, {client_id} and {client_secret}";
const AS_ONESELF: &str =
    "to sign in as yourself, or as an azure/login step did, run `az login` and give {use_azure_cli_auth=true}";
const NOTHING_GIVEN: &str = "neither {use_azure_cli_auth} was given, nor {client_id} with a secret, a certificate or a token, so the \
                             machine's identity service was asked";
const AS_APPLICATION_OF_MACHINE: &str = "sign in as an application: give {tenant_id}, {client_id} and one of {client_secret}, \
                                         {client_cert_path} and {federated_token_file}";
const AS_MACHINE: &str = "to sign in as this machine, assign a managed identity to it and give its {client_id}";

#[async_trait]
impl Credential for EntraCredential {
    async fn token(&self, scope: &str, run: &Run) -> Result<SecretString> {
        let mut kept = within(run, self.kept.lock()).await?;
        let old = kept.iter().find(|kept| kept.scope == scope);
        if let Some(fresh) = old.filter(|old| old.has(RENEW_BEFORE_SECONDS, run)) {
            return Ok(fresh.secret());
        }
        match self.fetch(scope, run).await {
            Ok(token) => Ok(keep(&mut kept, scope, token)),
            Err(error) => match old.filter(|old| old.has(STILL_SERVES_SECONDS, run)) {
                Some(old) if !matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline) => {
                    run.progress.warn(format!(
                        "the token could not be renewed and serves until it expires: {}",
                        error.report()
                    ));
                    Ok(old.secret())
                }
                _ => Err(error),
            },
        }
    }

    async fn token_instead_of(&self, refused: &SecretString, scope: &str, run: &Run) -> Result<SecretString> {
        let mut kept = within(run, self.kept.lock()).await?;
        let is_refused = |kept: &Kept| kept.token.token.secret() == refused.expose_secret();
        // Another request may have renewed it by now.
        if let Some(other) = kept.iter().find(|kept| kept.scope == scope && !is_refused(kept)) {
            return Ok(other.secret());
        }
        let token = self.fetch(scope, run).await?;
        Ok(keep(&mut kept, scope, token))
    }

    fn identity(&self) -> Option<String> {
        self.login.client().map(ToString::to_string)
    }

    fn presented(&self) -> Option<Claims> {
        self.presented.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl EntraCredential {
    fn inner(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        build_inner(&self.login, &self.cloud, (&self.sender, &self.presented))
    }

    /// Where Entra does not know the assertion, what it says and the line that makes an application trust it.
    fn advised(&self, error: Error) -> Error {
        let is_unknown = error.service().is_some_and(|refusal| {
            let text = refusal.message.to_ascii_lowercase();
            refusal.by == RefusedBy::TokenEndpoint && text.contains(UNKNOWN_ASSERTION)
        });
        match (self.presented(), self.login.client()) {
            (Some(claims), Some(client)) if is_unknown => {
                let other = match &claims.other_subject {
                    Some(other) => format!(" (GitHub's other form, {other}, does not fit)"),
                    None => String::new(),
                };
                error
                    .with_fact(format!("the token says {claims}{other}"))
                    .with_next("make the application trust exactly that", claims.trust(client))
                    .with_next("then run again", None)
            }
            (_, Some(client)) if is_of_secret(&error) => {
                let remedy = error.hint_words().cloned().unwrap_or_default();
                error.with_next(remedy, None).with_next(
                    "if the value is lost, make a new secret; this prints it",
                    Command::new(az::NEW_SECRET, &[("client", &client.to_string())]),
                )
            }
            (_, None) if self.is_last_resort(&error) => Error::plain(
                error.kind(),
                "not signed in: no way to sign in was given, and the managed identity of this machine cannot be used",
            )
            .because(error)
            .as_first()
            .with_fact(Words::naming(NOTHING_GIVEN))
            .with_next(Words::naming(AS_APPLICATION), None)
            .with_next(Words::naming(AS_ONESELF), None)
            .with_next(Words::naming(AS_MACHINE), None),
            _ => error,
        }
    }

    /// Whether the machine has refused what was tried for want of another way.
    fn is_last_resort(&self, error: &Error) -> bool {
        matches!(self.login, Login::ManagedIdentity { client: None })
            && error.service().is_some_and(|refusal| refusal.by == RefusedBy::Imds)
    }

    /// Asks for a token. What is sent for it goes by this run, which `azure_identity` cannot hand on: so it travels with
    /// the task.
    async fn fetch(&self, scope: &str, run: &Run) -> Result<AccessToken> {
        let doing = || format!("cannot sign in with {}", self.login);
        let asking = async {
            let scopes = [scope];
            self.inner()?.get_token(&scopes, None).await
        };
        let asked = within(run, http_client::for_run(run, asking)).await;
        let asked = asked.map_err(|error| error.while_doing(doing()))?;
        asked.map_err(|cause| match http_client::take_our_error(&cause) {
            Some(ours) => self.advised(ours.while_doing(doing())),
            None => Error::new(ErrorKind::SignIn, doing()).because(cause),
        })
    }
}

impl Application {
    fn with_secret(self, secret: &SecretString) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let secret = Secret::new(secret.expose_secret().to_owned());
        let options = identity::ClientSecretCredentialOptions {
            client_options: self.options,
        };
        Ok(identity::ClientSecretCredential::new(
            &self.tenant,
            self.client,
            secret,
            Some(options),
        )?)
    }

    fn with_assertion(
        self,
        assertion: impl identity::ClientAssertion + 'static,
    ) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let options = identity::ClientAssertionCredentialOptions {
            client_options: self.options,
        };
        Ok(identity::ClientAssertionCredential::new(
            self.tenant,
            self.client,
            assertion,
            Some(options),
        )?)
    }
}

impl Kept {
    /// Whether it has so many seconds to live, by the machine's clock: by that one its end was reckoned when it came.
    fn has(&self, seconds: i64, run: &Run) -> bool {
        run.machine_time().as_second() + seconds < self.token.expires_on.unix_timestamp()
    }

    fn secret(&self) -> SecretString {
        SecretString::from(self.token.token.secret().to_owned())
    }
}

/// Whether the application's secret is wrong or too old.
fn is_of_secret(error: &Error) -> bool {
    error.service().is_some_and(|refusal| {
        let text = refusal.message.to_ascii_lowercase();
        refusal.by == RefusedBy::TokenEndpoint && OF_SECRET.iter().any(|code| text.contains(code))
    })
}

/// Builds the credential for a login. Nothing is asked yet.
///
/// # Errors
/// When `azure_identity` refuses the settings.
pub fn build(login: &Login, cloud: &Cloud, transport: &Arc<dyn Transport>) -> Result<Arc<dyn Credential>> {
    let credential = EntraCredential {
        login: login.clone(),
        cloud: cloud.clone(),
        sender: Sender::new(Arc::clone(transport)),
        kept: Mutex::default(),
        presented: Presented::default(),
    };
    let doing = || format!("cannot sign in with {login}");
    let made = credential.inner();
    made.map_err(|cause| match http_client::take_our_error(&cause) {
        Some(ours) => ours.while_doing(doing()),
        None => of_other_host(&cause.to_string())
            .unwrap_or_else(|| Error::new(ErrorKind::BadInput, doing()))
            .because(cause),
    })?;
    Ok(Arc::new(credential))
}

/// What to do on a host whose managed identity does not serve; nothing when the sentence is about something else.
fn of_other_host(sentence: &str) -> Option<Error> {
    let host = sentence.strip_suffix(NO_SUCH_IDENTITY)?;
    let happened = format!("cannot sign in with the managed identity of {host}");
    let error = Error::plain(ErrorKind::BadInput, happened)
        .with_fact("the managed identities of virtual machines and of App Service are the only ones that serve here")
        .with_next(Words::naming(AS_APPLICATION_OF_MACHINE), None)
        .with_next(Words::naming(AS_ONESELF), None);
    Some(error)
}

fn build_inner(
    login: &Login,
    cloud: &Cloud,
    (sender, presented): (&Sender, &Presented),
) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let of = match login {
        Login::ManagedIdentity { .. } => RefusedBy::Imds,
        _ => RefusedBy::TokenEndpoint,
    };
    let options = || http_client::options(cloud, sender, of);
    let application = |tenant: &TenantId, client: &ClientId| Application {
        tenant: tenant.to_string(),
        client: client.to_string(),
        options: options(),
    };
    Ok(match login {
        Login::ClientSecret { tenant, client, secret } => application(tenant, client).with_secret(secret)?,
        Login::ClientCertificate {
            tenant,
            client,
            file,
            password,
            names,
        } => {
            let certificate = Certificate::of_file(file, password.as_ref(), names).map_err(http_client::wrap)?;
            let signed = assertion::Signed::new(certificate, cloud, (tenant, client))?;
            application(tenant, client).with_assertion(signed)?
        }
        Login::ClientJwt { tenant, client, jwt } => {
            application(tenant, client).with_assertion(assertion::Given::new(jwt.clone(), presented))?
        }
        Login::Oidc {
            tenant,
            client,
            request_url,
            request_token,
            audience,
            connection,
        } => {
            let own = cloud.assertion_audience.as_str();
            let issue = (audience.as_ref().map_or(own, Audience::as_str), connection.as_ref());
            let (token, through) = (request_token.clone(), (sender, presented));
            let fetched = assertion::Fetched::new(request_url, issue, token, through)?;
            application(tenant, client).with_assertion(fetched)?
        }
        Login::WorkloadIdentityFile { tenant, client, file } => {
            let credential_options = identity::ClientAssertionCredentialOptions {
                client_options: options(),
            };
            identity::WorkloadIdentityCredential::new(Some(identity::WorkloadIdentityCredentialOptions {
                credential_options,
                tenant_id: Some(tenant.to_string()),
                client_id: Some(client.to_string()),
                token_file_path: Some(file.clone()),
            }))?
        }
        Login::AzureCli { tenant } => identity::AzureCliCredential::new(Some(identity::AzureCliCredentialOptions {
            tenant_id: tenant.as_ref().map(ToString::to_string),
            ..Default::default()
        }))?,
        Login::ManagedIdentity { client } => managed_identity(client.as_ref(), options())?,
    })
}

fn managed_identity(
    client: Option<&ClientId>,
    client_options: ClientOptions,
) -> azure_core::Result<Arc<identity::ManagedIdentityCredential>> {
    let by_client_id = |client: &ClientId| identity::UserAssignedId::ClientId(client.to_string());
    identity::ManagedIdentityCredential::new(Some(identity::ManagedIdentityCredentialOptions {
        user_assigned_id: client.map(by_client_id),
        client_options,
    }))
}

/// Waits for one step of signing in, which may be az's process or another request's sign-in.
async fn within<T>(run: &Run, step: impl Future<Output = T>) -> Result<T> {
    run.within(Repeat::Freely, "sign in", step).await
}

fn keep(kept: &mut Vec<Kept>, scope: &str, token: AccessToken) -> SecretString {
    kept.retain(|kept| kept.scope != scope);
    let new = Kept {
        scope: scope.to_owned(),
        token,
    };
    let secret = new.secret();
    kept.push(new);
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        failure::Failure,
        options::Door,
        specimens::{Lines, blemishes},
    };

    #[test]
    fn a_host_whose_identity_does_not_serve_is_named_with_other_ways_to_sign_in() {
        let error = of_other_host("Azure Arc managed identity isn't supported").unwrap();
        for door in [Door::Template, Door::Flag, Door::Input] {
            let failure = Failure::of(&error, door);
            let found = blemishes(&failure.clone().complaint(80), &failure, door, Lines::Ours);
            assert!(found.is_empty(), "{found:?}");
        }
        insta::assert_snapshot!(Failure::of(&error, Door::Flag).complaint(100), @r"
        error: cannot sign in with the managed identity of Azure Arc (exit code 2)

          The managed identities of virtual machines and of App Service are the only ones that serve here.

          Sign in as an application: give --tenant-id, --client-id and one of ARM_CLIENT_SECRET,
          --client-cert-path and --federated-token-file.

          To sign in as yourself, or as an azure/login step did, run `az login` and give
          --use-azure-cli-auth.

          More about it: https://github.com/azure-batch-tools/packer-plugin-azure-batch/blob/main/docs/failures.md#bad-input
        ");
        assert!(of_other_host("the federated token file is empty").is_none());
    }
}
