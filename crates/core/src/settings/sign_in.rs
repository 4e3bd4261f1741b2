//! How to sign in: what the user said, and the one way that follows from it.
//!
//! Nothing is asked here; `credential` makes tokens of it. Shared keys are never used.

use std::{fmt, path::PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::Fault;
use crate::ids::{ClientId, TenantId};

/// How to sign in: exactly one way, with all it needs.
#[derive(Clone, Debug)]
pub enum Login {
    /// An application with a secret.
    ClientSecret {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// Its secret.
        secret: SecretString,
    },
    /// An application with a signed assertion that somebody made before; it serves until it expires.
    ClientJwt {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// The assertion.
        jwt: SecretString,
    },
    /// An application that trusts the CI system's identity; a new assertion is fetched at every renewal, since a run
    /// outlives any one of them.
    Oidc {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// Where to ask for an assertion; it already carries a query.
        request_url: String,
        /// The bearer token for asking.
        request_token: SecretString,
    },
    /// An application that trusts a token in a file, which somebody renews there.
    WorkloadIdentityFile {
        /// The tenant.
        tenant: TenantId,
        /// The application.
        client: ClientId,
        /// The file.
        file: PathBuf,
    },
    /// Whoever is signed in to az.
    AzureCli {
        /// The tenant, when it is not az's own choice.
        tenant: Option<TenantId>,
    },
    /// The identity of the machine; a user-assigned one when named.
    ManagedIdentity {
        /// The user-assigned identity.
        client: Option<ClientId>,
    },
}

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

/// The sentence that says which credential is used; no secret is in it.
impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientSecret { client, .. } => write!(f, "the secret of application {client}"),
            Self::ClientJwt { client, .. } => write!(f, "the given assertion of application {client}"),
            Self::Oidc { client, .. } => write!(f, "the CI job's identity (OIDC) as application {client}"),
            Self::WorkloadIdentityFile { client, file, .. } => write!(
                f,
                "the workload identity file {} as application {client}",
                file.display()
            ),
            Self::AzureCli { .. } => f.write_str("the account az is signed in with"),
            Self::ManagedIdentity { client: Some(client) } => write!(f, "the managed identity {client}"),
            Self::ManagedIdentity { client: None } => f.write_str("the managed identity of this machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPLICATION: &str = "00000000-0000-0000-0000-00000000c11e";

    /// Everything that can be said at once; each test takes away.
    fn all() -> LoginInputs {
        let secret = |text: &str| Some(SecretString::from(text));
        LoginInputs {
            tenant_id: Some("contoso.onmicrosoft.com".to_owned()),
            client_id: Some(APPLICATION.to_owned()),
            client_secret: secret("s3cret"),
            client_jwt: secret("j.w.t"),
            oidc_request_url: Some("https://oidc.example/t?a=b".to_owned()),
            oidc_request_token: secret("t0ken"),
            federated_token_file: Some("/var/run/token".into()),
            use_azure_cli_auth: true,
        }
    }

    #[test]
    fn ways_are_tried_in_the_documented_order() {
        let mut inputs = all();
        let mut used = Vec::new();
        let takes: [fn(&mut LoginInputs); 5] = [
            |inputs| inputs.use_azure_cli_auth = false,
            |inputs| inputs.client_secret = None,
            |inputs| inputs.client_jwt = None,
            |inputs| inputs.oidc_request_token = None,
            |inputs| inputs.federated_token_file = None,
        ];
        for take in takes {
            used.push(inputs.clone().resolve().unwrap().to_string());
            take(&mut inputs);
        }
        used.push(inputs.resolve().unwrap().to_string());
        insta::assert_snapshot!(used.join("\n"), @r"
        the account az is signed in with
        the secret of application 00000000-0000-0000-0000-00000000c11e
        the given assertion of application 00000000-0000-0000-0000-00000000c11e
        the CI job's identity (OIDC) as application 00000000-0000-0000-0000-00000000c11e
        the workload identity file /var/run/token as application 00000000-0000-0000-0000-00000000c11e
        the managed identity 00000000-0000-0000-0000-00000000c11e
        ");
    }

    #[test]
    fn what_is_missing_is_said_all_at_once() {
        let inputs = LoginInputs {
            client_secret: Some(SecretString::from("s3cret")),
            ..LoginInputs::default()
        };
        let faults: Vec<String> = inputs.resolve().unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "tenant_id: is needed with client_secret: set it to that of the application",
                "client_id: is needed with client_secret: set it to that of the application"
            ]
        );
    }

    #[test]
    fn no_secret_is_in_what_debug_shows() {
        let mut inputs = all();
        inputs.use_azure_cli_auth = false;
        let shown = format!("{inputs:?} {:?}", inputs.clone().resolve().unwrap());
        for secret in ["s3cret", "j.w.t", "t0ken"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
