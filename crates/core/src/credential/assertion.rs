//! Client assertions: one that was given, or one fetched from the CI system whenever a token is renewed.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use bytes::Bytes;
use http::header;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    Presented,
    http_client::{run, wrap},
};
use crate::{
    address::{bearer, secret_address},
    claims::Claims,
    error::{Error, ErrorKind, RefusedBy, Result},
    json, judge,
    options::sign_in::OIDC_REQUEST_URL,
    retry::Repeat,
    sender::{Expects, Rules, Sender},
    words,
};

/// An assertion that the user gave.
#[derive(Debug)]
pub(super) struct Given(SecretString);

/// Assertions from GitHub's OIDC endpoint; each lives a few minutes, so none is kept.
#[derive(Debug)]
pub(super) struct Fetched {
    address: Url,
    token: SecretString,
    sender: Sender,
    presented: Presented,
}

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
    /// Assertions for an audience, asked for at an address that already carries a query.
    pub(super) fn new(
        (request_url, audience): (&str, &str),
        token: SecretString,
        sender: &Sender,
        presented: &Presented,
    ) -> azure_core::Result<Self> {
        let mut address = secret_address(request_url).map_err(|why| {
            wrap(Error::new(
                ErrorKind::BadInput,
                words![OIDC_REQUEST_URL, format!(" {why}")],
            ))
        })?;
        address.query_pairs_mut().append_pair("audience", audience);
        Ok(Self {
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
            http::Request::get(self.address.as_str())
                .header(header::ACCEPT, "application/json; api-version=2.0")
                .header(header::AUTHORIZATION, bearer)
                .body(Bytes::new())
                .map_err(|cause| Error::new(ErrorKind::BadInput, "the request cannot be written down").because(cause))
        };
        let answer = self.sender.exchange(&run, rules, request).await;
        let answer = answer.map_err(|error| error.while_doing(doing.clone()))?;
        if !answer.status.is_success() {
            let refusal = answer.refusal(rules.of, run.now());
            return Err(judge::refused(doing, refusal, run.written())
                .with_hint("does the job have permissions: id-token: write?"));
        }
        let value = json::text(&answer.value(), "/value").map(str::to_owned);
        let value = value.ok_or_else(|| Error::new(ErrorKind::SignIn, "the answer holds none").while_doing(doing))?;
        remember(&self.presented, &value);
        Ok(value)
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
