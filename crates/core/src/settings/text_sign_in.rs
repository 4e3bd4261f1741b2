//! What the user said about signing in, as texts. Goes as soon as both programs read [`super::Values`].

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Fault, Login};
use crate::ids::{ClientId, TenantId};

/// What the user may have said about signing in; `resolve` makes one [`Login`] of it or says what is missing.
#[derive(Clone, Debug, Default)]
pub struct LoginInputs {
    /// `tenant_id`.
    pub tenant_id: Option<String>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `client_secret`.
    pub client_secret: Option<SecretString>,
    /// `client_jwt`.
    pub client_jwt: Option<SecretString>,
    /// `oidc_request_url`, or what the CI system puts into `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub oidc_request_url: Option<String>,
    /// `oidc_request_token`, or `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub oidc_request_token: Option<SecretString>,
    /// The file of a workload identity.
    pub federated_token_file: Option<PathBuf>,
    /// `use_azure_cli_auth`.
    pub use_azure_cli_auth: bool,
}

impl LoginInputs {
    /// Chooses the way to sign in. The order: az when asked for, client secret, client JWT, OIDC request, workload
    /// identity file, managed identity.
    ///
    /// # Errors
    /// All faults at once.
    pub fn resolve(self) -> Result<Login, Vec<Fault>> {
        let mut faults = Vec::new();
        let tenant = parsed("tenant_id", self.tenant_id.as_deref(), &mut faults);
        let client = parsed("client_id", self.client_id.as_deref(), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        if self.use_azure_cli_auth {
            return Ok(Login::AzureCli { tenant });
        }
        let way = Way::of(self);
        let Some(way) = way else {
            return Ok(Login::ManagedIdentity { client });
        };
        match (tenant, client) {
            (Some(tenant), Some(client)) => Ok(way.login(tenant, client)),
            (tenant, client) => {
                let missing = [("tenant_id", tenant.is_none()), ("client_id", client.is_none())];
                let fault = |name| {
                    Fault::new(
                        name,
                        format!("is needed with {}: set it to that of the application", way.setting()),
                    )
                };
                Err(missing
                    .into_iter()
                    .filter(|(_, is_missing)| *is_missing)
                    .map(|(name, _)| fault(name))
                    .collect())
            }
        }
    }
}

fn parsed<T: std::str::FromStr<Err = crate::ids::InvalidId>>(
    setting: &str,
    text: Option<&str>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    match text.filter(|text| !text.is_empty()).map(str::parse).transpose() {
        Ok(value) => value,
        Err(error) => {
            faults.push(Fault::new(setting, error.to_string()));
            None
        }
    }
}

/// The ways that need an application.
enum Way {
    Secret(SecretString),
    Jwt(SecretString),
    Oidc(String, SecretString),
    File(PathBuf),
}

impl Way {
    fn of(inputs: LoginInputs) -> Option<Self> {
        let filled = |secret: Option<SecretString>| secret.filter(|secret| !secret.expose_secret().is_empty());
        let oidc = inputs
            .oidc_request_url
            .filter(|url| !url.is_empty())
            .zip(filled(inputs.oidc_request_token));
        filled(inputs.client_secret)
            .map(Self::Secret)
            .or_else(|| filled(inputs.client_jwt).map(Self::Jwt))
            // A job may have the right to ask for a token and yet mean the machine's identity: no application, no OIDC.
            .or_else(|| {
                oidc.filter(|_| inputs.client_id.is_some())
                    .map(|(url, token)| Self::Oidc(url, token))
            })
            .or_else(|| inputs.federated_token_file.map(Self::File))
    }

    fn setting(&self) -> &'static str {
        match self {
            Self::Secret(_) => "client_secret",
            Self::Jwt(_) => "client_jwt",
            Self::Oidc(..) => "oidc_request_url",
            Self::File(_) => "the workload identity file",
        }
    }

    fn login(self, tenant: TenantId, client: ClientId) -> Login {
        match self {
            Self::Secret(secret) => Login::ClientSecret { tenant, client, secret },
            Self::Jwt(jwt) => Login::ClientJwt { tenant, client, jwt },
            Self::Oidc(request_url, request_token) => Login::Oidc {
                tenant,
                client,
                request_url,
                request_token,
            },
            Self::File(file) => Login::WorkloadIdentityFile { tenant, client, file },
        }
    }
}
