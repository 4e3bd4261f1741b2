//! Sends a request to Azure and says what came of it: address, token, retries, classification, paging.
//!
//! What to send is `request`'s affair, whether to repeat `retry`'s, how bytes travel `transport`'s.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde_json::Value;
use url::Url;

use crate::{
    answer::Answer,
    cloud::Cloud,
    error::{Error, ErrorKind, Result},
    request::{Request, Service, Target},
    retry::Repeat,
    run::Run,
    sender::Sender,
    token::Credential,
    transport::Transport,
};

/// A signed-in connection to one cloud, for one run.
#[derive(Clone, Debug)]
pub struct Client {
    sender: Sender,
    credential: Arc<dyn Credential>,
    cloud: Arc<Cloud>,
}

impl Client {
    /// A client that sends with `transport` and signs with `credential`.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, credential: Arc<dyn Credential>, cloud: Arc<Cloud>, run: Run) -> Self {
        Self {
            sender: Sender::new(transport, run),
            credential,
            cloud,
        }
    }

    /// The run this client works for.
    #[must_use]
    pub fn run(&self) -> &Run {
        self.sender.run()
    }

    /// The same client for cleaning up after a cancel; see [`Run::for_cleanup`].
    #[must_use]
    pub fn for_cleanup(&self, limit: std::time::Duration) -> Self {
        Self {
            sender: self.sender.with_run(self.run().for_cleanup(limit)),
            ..self.clone()
        }
    }

    /// Sends and expects a success.
    ///
    /// # Errors
    /// When the service refuses, cannot be reached, the effect is unknown, or the run ends.
    pub async fn send(&self, request: &Request) -> Result<Answer> {
        let answer = self.exchange(request).await?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(refused(request, &answer))
        }
    }

    /// Sends a read; `None` when there is no such resource.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn find(&self, request: &Request) -> Result<Option<Answer>> {
        let answer = self.answer_or_missing(request).await?;
        Ok((answer.status != StatusCode::NOT_FOUND).then_some(answer))
    }

    /// Sends a read and takes 404 for an answer too.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn answer_or_missing(&self, request: &Request) -> Result<Answer> {
        let answer = self.exchange(request).await?;
        if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
            Ok(answer)
        } else {
            Err(refused(request, &answer))
        }
    }

    /// Reads a whole list, page by page.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn list(&self, request: &Request) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut page = self.send(request).await?.value();
        loop {
            if let Some(Value::Array(values)) = page.get_mut("value").map(Value::take) {
                items.extend(values);
            }
            let next = ["nextLink", "odata.nextLink"]
                .into_iter()
                .find_map(|key| page.get(key)?.as_str().map(str::to_owned));
            let Some(next) = next.filter(|next| !next.is_empty()) else {
                return Ok(items);
            };
            page = self
                .send(&Request::follow(request.service.clone(), &next, request.doing.clone()))
                .await?
                .value();
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Answer> {
        let doing = || format!("cannot {}", request.doing);
        let address = self.address(request).map_err(|error| error.while_doing(doing()))?;
        let repeat = if request.is_read() {
            Repeat::Freely
        } else {
            Repeat::OnlyWithoutEffect
        };
        let scope = match &request.service {
            Service::Arm => &self.cloud.arm_scope,
            Service::Batch(_) => &self.cloud.batch_scope,
        };
        self.sender
            .exchange(&request.doing, repeat, || async {
                let token = self.credential.token(scope).await?;
                encode(request, &address, &token)
            })
            .await
            .map_err(|error| error.while_doing(doing()))
    }

    /// The full address. One that the service gave us must lie on the service's own host: it gets our token.
    fn address(&self, request: &Request) -> Result<Url> {
        let base = match &request.service {
            Service::Arm => self.cloud.arm.as_str().trim_end_matches('/').to_owned(),
            Service::Batch(endpoint) => endpoint.base(),
        };
        let text = match &request.target {
            Target::Path { path, .. } => format!("{base}{path}"),
            Target::Verbatim(address) => address.clone(),
        };
        let bad = |why: &str| Error::new(ErrorKind::Azure, format!("refusing to send a token to {text:?}: {why}"));
        let mut address = Url::parse(&text).map_err(|cause| bad("no address").because(cause))?;
        let own = Url::parse(&base).map_err(|cause| bad("its base is no address").because(cause))?;
        if address.scheme() != "https" {
            return Err(bad("only https keeps a token secret"));
        }
        if !is_same_service(&address, &own) {
            return Err(bad("not the host that was asked"));
        }
        if let Target::Path { query, .. } = &request.target {
            address.query_pairs_mut().extend_pairs(query);
        }
        Ok(address)
    }
}

/// ARM answers from regional hosts below its own at times.
fn is_same_service(address: &Url, base: &Url) -> bool {
    let (Some(host), Some(own)) = (address.host_str(), base.host_str()) else {
        return false;
    };
    let is_host = host.eq_ignore_ascii_case(own)
        || host
            .to_ascii_lowercase()
            .ends_with(&format!(".{}", own.to_ascii_lowercase()));
    is_host && address.port_or_known_default() == base.port_or_known_default()
}

fn refused(request: &Request, answer: &Answer) -> Error {
    Error::refused_by_service(format!("cannot {}", request.doing), answer.refusal())
}

fn encode(request: &Request, address: &Url, token: &secrecy::SecretString) -> Result<http::Request<Bytes>> {
    use secrecy::ExposeSecret as _;
    let content_type = match request.service {
        Service::Arm => "application/json",
        Service::Batch(_) => "application/json; odata=minimalmetadata",
    };
    let mut builder = http::Request::builder()
        .method(request.method.clone())
        .uri(address.as_str())
        .header(header::ACCEPT, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    let body = match &request.body {
        Some(body) => {
            builder = builder.header(header::CONTENT_TYPE, content_type);
            Bytes::from(body.to_string())
        }
        None => {
            // Azure's front ends answer 411 to a write over HTTP/1.1 that does not say that it has no body.
            if matches!(request.method, Method::POST | Method::PUT | Method::PATCH) {
                builder = builder.header(header::CONTENT_LENGTH, 0);
            }
            Bytes::new()
        }
    };
    builder
        .body(body)
        .map_err(|cause| Error::new(ErrorKind::Azure, "the request cannot be written down").because(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_without_a_body_says_that_it_is_empty() {
        let length = |method: Method| {
            let request = Request::arm(method, "/x", "2025-01-01", "test");
            let encoded = encode(&request, &Url::parse("https://a/x").unwrap(), &"token".into()).unwrap();
            encoded.headers().get(header::CONTENT_LENGTH).cloned()
        };
        for write in [Method::POST, Method::PUT, Method::PATCH] {
            assert_eq!(length(write.clone()).unwrap(), "0", "{write}");
        }
        assert_eq!((length(Method::GET), length(Method::DELETE)), (None, None));
    }

    #[test]
    fn a_token_goes_only_to_the_host_that_was_asked() {
        let own = Url::parse("https://management.azure.com").unwrap();
        let is_same = |text: &str| is_same_service(&Url::parse(text).unwrap(), &own);
        assert!(is_same("https://management.azure.com/x?t=1"));
        assert!(is_same("https://Management.azure.com:443/x"));
        assert!(is_same("https://eastus2.management.azure.com/x"));
        assert!(!is_same("https://management.azure.com.evil.example/x"));
        assert!(!is_same("https://evilmanagement.azure.com/x"));
        assert!(!is_same("https://management.azure.com:8443/x"));
    }
}
