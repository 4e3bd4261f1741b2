//! Client assertions: one that was given, one fetched from the CI system whenever a token is renewed, or one signed with
//! the application's own certificate.
//!
//! Files of certificates are read, and bytes signed, in `certificate`.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use bytes::Bytes;
use http::{Method, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use uuid::Uuid;

use super::{
    Presented,
    certificate::Certificate,
    http_client::{run, wrap},
};
use crate::{
    address::{bearer, secret_address},
    claims::Claims,
    cloud::Cloud,
    error::{Error, ErrorKind, RefusedBy, Result},
    ids::{ClientId, ServiceConnectionId, TenantId},
    json, judge,
    options::sign_in::{ADO_PIPELINE_SERVICE_CONNECTION_ID, OIDC_REQUEST_URL},
    retry::Repeat,
    sender::{Expects, Rules, Sender},
    words,
    words::Words,
};

/// An assertion that the user gave.
#[derive(Debug)]
pub(super) struct Given(SecretString);

/// Assertions from the endpoint of a CI system; each lives a few minutes, so none is kept.
#[derive(Debug)]
pub(super) struct Fetched {
    from: CiSystem,
    address: Url,
    token: SecretString,
    sender: Sender,
    presented: Presented,
}

/// Assertions that the application signs itself; each is made for one token.
#[derive(Debug)]
pub(super) struct Signed {
    certificate: Certificate,
    /// Where the assertion is to be shown, which is its audience.
    endpoint: Url,
    client: ClientId,
}

/// Who gives assertions to a job, which decides how they are asked for.
#[derive(Clone, Copy, Debug)]
enum CiSystem {
    /// GitHub Actions, and others that imitate it.
    GitHub,
    /// Azure Pipelines.
    Pipelines,
}

/// The api-version of Azure DevOps with which its own client (azure_identity) asks.
const PIPELINES_API_VERSION: &str = "7.1";

/// Keeps Azure DevOps from answering a wrong token with a redirect to a page for people.
const NO_REDIRECT: (&str, &str) = ("x-tfs-fedauthredirect", "Suppress");

/// How long an assertion of our own is valid: what Microsoft's libraries (MSAL) give theirs.
const LIFETIME_SECONDS: i64 = 600;

#[async_trait]
impl ClientAssertion for Given {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.expose_secret().to_owned())
    }
}

impl Given {
    pub(super) fn new(assertion: SecretString, presented: &Presented) -> Self {
        remember(presented, assertion.expose_secret());
        Self(assertion)
    }
}

impl Fetched {
    /// Assertions that are asked for at an address, which may carry a query: for an audience, or for a service connection
    /// of Azure Pipelines, which knows its audience.
    pub(super) fn new(
        request_url: &str,
        (audience, connection): (&str, Option<&ServiceConnectionId>),
        token: SecretString,
        (sender, presented): (&Sender, &Presented),
    ) -> azure_core::Result<Self> {
        let mut address = secret_address(request_url).map_err(|why| {
            wrap(Error::new(
                ErrorKind::BadInput,
                words![OIDC_REQUEST_URL, format!(" {why}")],
            ))
        })?;
        let from = match connection {
            Some(connection) => {
                let mut query = address.query_pairs_mut();
                query.append_pair("api-version", PIPELINES_API_VERSION);
                query.append_pair("serviceConnectionId", connection.as_str());
                CiSystem::Pipelines
            }
            None => {
                address.query_pairs_mut().append_pair("audience", audience);
                CiSystem::GitHub
            }
        };
        Ok(Self {
            from,
            address,
            token,
            sender: sender.clone(),
            presented: Arc::clone(presented),
        })
    }

    async fn fetch(&self) -> Result<String> {
        let doing = words!["cannot get an assertion from ", OIDC_REQUEST_URL];
        let run = run()?;
        let rules = Rules {
            doing: "ask for an assertion",
            repeat: Repeat::Freely,
            of: RefusedBy::TokenEndpoint,
            expects: Expects::Object,
            id: None,
        };
        let request = || {
            let bearer = bearer(&self.token)?;
            let request = http::Request::builder().uri(self.address.as_str());
            self.from
                .asking(request)
                .header(header::AUTHORIZATION, bearer)
                .body(Bytes::new())
                .map_err(|cause| Error::new(ErrorKind::BadInput, "the request cannot be written down").because(cause))
        };
        let answer = self.sender.exchange(&run, rules, request).await;
        let answer = answer.map_err(|error| error.while_doing(doing.clone()))?;
        if !answer.status.is_success() {
            let refusal = answer.refusal(rules.of, run.now());
            return Err(judge::refused(doing, refusal, run.written()).with_hint(self.from.hint()));
        }
        let value = json::text(&answer.value(), self.from.place()).map(str::to_owned);
        let value = value.ok_or_else(|| Error::new(ErrorKind::SignIn, "the answer holds none").while_doing(doing))?;
        remember(&self.presented, &value);
        Ok(value)
    }
}

impl Signed {
    /// Assertions of an application for the token endpoint of its tenant.
    pub(super) fn new(
        certificate: Certificate,
        cloud: &Cloud,
        (tenant, client): (&TenantId, &ClientId),
    ) -> azure_core::Result<Self> {
        let endpoint = cloud.authority.join(&format!("{tenant}/oauth2/v2.0/token"))?;
        Ok(Self {
            certificate,
            endpoint,
            client: client.clone(),
        })
    }

    fn sign(&self, now: Timestamp) -> Result<String> {
        self.certificate.check(now)?;
        let now = now.as_second();
        self.certificate.sign(&serde_json::json!({
            "aud": self.endpoint.as_str(),
            "iss": self.client.to_string(),
            "sub": self.client.to_string(),
            "jti": Uuid::from_u128(fastrand::u128(..)).to_string(),
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
        }))
    }
}

impl CiSystem {
    fn asking(self, request: http::request::Builder) -> http::request::Builder {
        match self {
            Self::GitHub => request
                .method(Method::GET)
                .header(header::ACCEPT, "application/json; api-version=2.0"),
            Self::Pipelines => request
                .method(Method::POST)
                .header(header::ACCEPT, "application/json")
                .header(header::CONTENT_LENGTH, "0")
                .header(NO_REDIRECT.0, NO_REDIRECT.1),
        }
    }

    /// Where an answer has the assertion.
    const fn place(self) -> &'static str {
        match self {
            Self::GitHub => "/value",
            Self::Pipelines => "/oidcToken",
        }
    }

    fn hint(self) -> Words {
        match self {
            Self::GitHub => words!["does the job have permissions: id-token: write?"],
            Self::Pipelines => words![
                "does the step have env: SYSTEM_ACCESSTOKEN: $(System.AccessToken), and may this pipeline use the service connection of ",
                ADO_PIPELINE_SERVICE_CONNECTION_ID,
                "?"
            ],
        }
    }
}

#[async_trait]
impl ClientAssertion for Signed {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let signed = run().and_then(|run| self.sign(run.now()));
        signed.map_err(wrap)
    }
}

#[async_trait]
impl ClientAssertion for Fetched {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.fetch().await.map_err(wrap)
    }
}

/// Keeps what an assertion says of itself, for a person who has to compare it.
fn remember(presented: &Presented, assertion: &str) {
    *presented.lock().unwrap_or_else(PoisonError::into_inner) = Claims::of(assertion);
}
