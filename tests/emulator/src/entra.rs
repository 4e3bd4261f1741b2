//! Entra ID: tenants, applications and identities, the tokens they get, and whether a token is good.
//!
//! It decides who is asking and never what they may do: every known application may do everything.
//! Paths are answered in `endpoint`, signatures made and checked in `key`.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

mod assertion;
mod certificate;
mod denied;
mod discovery;
mod endpoint;
mod error;
mod identity;
mod key;
mod route;
mod token;
mod validity;

pub use certificate::{Certificate, NotACertificate};
pub use denied::Denied;
pub(crate) use route::{error_response, is_entra_path, respond};

/// How long access tokens live when the seed does not say: Entra's usual hour, in seconds.
const TOKEN_LIFETIME: i64 = 3600;

/// Everything Entra knows.
#[derive(Debug, Default)]
pub struct Entra {
    tenants: Vec<Tenant>,
    verified: Verified,
}

/// The claims of tokens whose signature was found good, by the token's hash: a client shows the same token
/// with hundreds of requests, and checking one takes milliseconds in a debug build.
#[derive(Default)]
struct Verified(Mutex<HashMap<[u8; 32], Value>>);

/// A tenant, as a seed writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tenant {
    /// The tenant's GUID.
    pub id: String,
    /// A verified domain that names the tenant too, e.g. `contoso.onmicrosoft.com`.
    #[serde(default)]
    pub domain: Option<String>,
    /// The applications with their credentials.
    #[serde(default)]
    pub applications: Vec<Application>,
    /// The managed identity that this machine has, if any.
    #[serde(default)]
    pub managed_identity: Option<ManagedIdentity>,
    /// The workflow that GitHub's id-token endpoint speaks for, if any.
    #[serde(default)]
    pub github: Option<GitHubWorkflow>,
    /// The pipeline that Azure DevOps' token endpoint speaks for, if any.
    #[serde(default)]
    pub pipeline: Option<Pipeline>,
    /// How long access tokens live, in seconds; Entra's usual time when absent.
    #[serde(default)]
    pub token_lifetime: Option<i64>,
}

/// An application and its service principal.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// The application (client) id.
    pub client_id: String,
    /// The service principal's object id, the `oid` of its tokens.
    pub object_id: String,
    /// Client secrets.
    #[serde(default)]
    pub secrets: Vec<ClientSecret>,
    /// Certificates, as PEM, whose private keys sign assertions.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
    /// Federated credentials.
    #[serde(default)]
    pub federated_credentials: Vec<FederatedCredential>,
}

/// A client secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientSecret {
    /// The secret itself.
    pub value: Secret,
    /// When it stops working.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

/// Whose assertions an application accepts in place of a secret; compared to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FederatedCredential {
    /// The `iss` claim.
    pub issuer: String,
    /// The `sub` claim.
    pub subject: String,
    /// The `aud` claim.
    #[serde(default = "default_assertion_audience")]
    pub audience: String,
}

/// A managed identity: what `IDENTITY_ENDPOINT` and the metadata service give tokens for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManagedIdentity {
    /// The client id.
    pub client_id: String,
    /// The object id.
    pub object_id: String,
    /// What `X-IDENTITY-HEADER` must be.
    pub header: Secret,
    /// The id of a user-assigned identity, by which it can be asked for, too.
    #[serde(default)]
    pub resource_id: Option<String>,
}

/// A workflow run of GitHub Actions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitHubWorkflow {
    /// What `ACTIONS_ID_TOKEN_REQUEST_TOKEN` is.
    pub request_token: Secret,
    /// `owner/name`.
    pub repository: String,
    /// The `sub` claim, e.g. `repo:owner/name:ref:refs/heads/main`.
    pub subject: String,
}

/// A job of Azure Pipelines.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pipeline {
    /// What `SYSTEM_ACCESSTOKEN` is.
    pub access_token: Secret,
    /// The id of the service connection that the job may use.
    pub service_connection_id: String,
    /// The `iss` claim, e.g. `https://vstoken.dev.azure.com/{organization's id}`.
    pub issuer: String,
    /// The `sub` claim, e.g. `sc://organization/project/connection`.
    pub subject: String,
}

/// A text that never prints.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// Who a good token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant's id.
    pub tenant: String,
    /// The application's id.
    pub app_id: String,
    /// The service principal's object id.
    pub object_id: String,
}

/// For which service a token must be.
#[derive(Clone, Copy, Debug)]
pub enum Audience<'a> {
    /// The resource manager, by its public names or by the host and port it was reached at.
    Arm {
        /// The authority of the request.
        authority: &'a str,
    },
    /// Batch's data plane.
    Batch,
    /// The secrets of key vaults.
    Vault,
    /// The blobs of a storage account.
    Storage {
        /// Host and port of the account.
        host: &'a str,
    },
}

impl Secret {
    /// Whether it is that text.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0 == text
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verified")
    }
}

impl Verified {
    fn claims(&self, token: &str) -> Option<Value> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = known.get(&hash) {
            return Some(claims.clone());
        }
        let claims = key::verify(key::ACCESS_TOKENS, token)?;
        known.insert(hash, claims.clone());
        Some(claims)
    }
}

impl Entra {
    /// Adds a tenant, or what is said of it to the one with the same id.
    pub fn add_tenant(&mut self, tenant: Tenant) {
        let is_same = |known: &&mut Tenant| known.id.eq_ignore_ascii_case(&tenant.id);
        match self.tenants.iter_mut().find(is_same) {
            Some(known) => known.add(tenant),
            None => self.tenants.push(tenant),
        }
    }

    /// Checks an `Authorization` header's value for a service at a time.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the token; each service writes that in its own form.
    pub fn check(&self, authorization: Option<&str>, audience: Audience<'_>, now: Timestamp) -> Result<Caller, Denied> {
        let header = authorization.ok_or(Denied::Missing)?;
        let (scheme, token) = header.split_once(' ').ok_or(Denied::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Denied::Malformed);
        }
        let claims = self.verified.claims(token.trim()).ok_or(Denied::Malformed)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        if expires <= now.as_second() {
            return Err(Denied::Expired);
        }
        if !audience.accepts(&text("aud")) {
            return Err(Denied::WrongAudience { audience: text("aud") });
        }
        let tenant = text("tid");
        self.tenant(&tenant).ok_or(Denied::Malformed)?;
        Ok(Caller {
            tenant,
            app_id: text("appid"),
            object_id: text("oid"),
        })
    }

    /// An assertion of some issuer, as its token endpoint would give it out: valid for five minutes.
    ///
    /// Every issuer is played by the emulator; the key follows from the issuer's name.
    #[must_use]
    pub fn assertion(credential: &FederatedCredential, now: Timestamp) -> String {
        let issued = now.as_second();
        let claims = serde_json::json!({
            "iss": credential.issuer, "sub": credential.subject, "aud": credential.audience,
            "iat": issued, "nbf": issued, "exp": issued + identity::ASSERTION_LIFETIME,
        });
        key::sign(&credential.issuer, &claims)
    }

    fn tenant(&self, name: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.is_named(name))
    }
}

impl Tenant {
    /// Adds what another says of the same tenant. An application takes the place of the one with its client id; what is
    /// not said stays, so clients that are signed in go on.
    fn add(&mut self, more: Self) {
        let is_said_again = |known: &Application| {
            let mut said = more.applications.iter();
            said.any(|application| application.client_id.eq_ignore_ascii_case(&known.client_id))
        };
        self.applications.retain(|known| !is_said_again(known));
        self.applications.extend(more.applications);
        self.domain = more.domain.or(self.domain.take());
        self.managed_identity = more.managed_identity.or(self.managed_identity.take());
        self.github = more.github.or(self.github.take());
        self.pipeline = more.pipeline.or(self.pipeline.take());
        self.token_lifetime = more.token_lifetime.or(self.token_lifetime);
    }

    /// How long access tokens live, in seconds.
    fn lifetime(&self) -> i64 {
        self.token_lifetime.unwrap_or(TOKEN_LIFETIME)
    }

    fn is_named(&self, name: &str) -> bool {
        self.id.eq_ignore_ascii_case(name)
            || self
                .domain
                .as_deref()
                .is_some_and(|domain| domain.eq_ignore_ascii_case(name))
    }
}

impl Audience<'_> {
    /// Whether a token's `aud` is for this service; a trailing slash does not matter.
    fn accepts(self, aud: &str) -> bool {
        let aud = aud.trim_end_matches('/');
        match self {
            Self::Batch => aud.eq_ignore_ascii_case("https://batch.core.windows.net"),
            Self::Vault => aud.eq_ignore_ascii_case("https://vault.azure.net"),
            Self::Storage { host } => {
                let own = aud.split_once("://").map(|(_, own)| own);
                aud.eq_ignore_ascii_case("https://storage.azure.com")
                    || own.is_some_and(|own| own.eq_ignore_ascii_case(host))
            }
            Self::Arm { authority } => {
                aud.eq_ignore_ascii_case("https://management.azure.com")
                    || aud.eq_ignore_ascii_case("https://management.core.windows.net")
                    || aud
                        .split_once("://")
                        .is_some_and(|(_, host)| host.eq_ignore_ascii_case(authority))
            }
        }
    }
}

fn default_assertion_audience() -> String {
    "api://AzureADTokenExchange".to_owned()
}
