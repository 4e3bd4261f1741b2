//! Sends a request to Azure and says what came of it: address, token, request id, kind of a refusal, paging.
//!
//! What to send is `request`'s to say, what an answer means `judge`'s, whether to repeat `retry`'s, how bytes travel
//! `transport`'s. Writes go through `write`, which looks before it repeats one.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, StatusCode, header};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::{
    address::{bearer, secret_address},
    answer::{Answer, CLIENT_REQUEST_ID},
    claims::Claims,
    cloud::{Cloud, STORAGE_SCOPE},
    error::{Error, ErrorKind, RefusedBy, Result, ServiceError},
    ids::PoolId,
    judge::{self, Verdict},
    memory::Memory,
    progress::Event,
    request::{Form, Request, Service, Target},
    retry::Repeat,
    run::Run,
    sender::{Expects, Rules, Sender},
    token::Credential,
    transport::{SendError, Transport},
};

/// A signed-in connection to one cloud, for one run.
#[derive(Clone, Debug)]
pub struct Client {
    sender: Sender,
    credential: Arc<dyn Credential>,
    cloud: Arc<Cloud>,
    run: Run,
    memory: Arc<Memory>,
    reading: Reading,
}

/// What reads are answered with.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// The service's answer now.
    Fresh,
    /// What the run knows already, unless it is older.
    Recalled(Duration),
}

impl Client {
    /// A client that sends with `transport` and signs with `credential`.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, credential: Arc<dyn Credential>, cloud: Arc<Cloud>, run: Run) -> Self {
        Self {
            sender: Sender::new(transport),
            credential,
            cloud,
            run,
            memory: Arc::default(),
            reading: Reading::Fresh,
        }
    }

    /// The run this client works for.
    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// Who signs in, as `az role assignment create --assignee` takes it; nothing when that is not known.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        self.credential.identity()
    }

    /// What the last assertion said of itself; nothing for ways of signing in without one.
    #[must_use]
    pub fn presented(&self) -> Option<Claims> {
        self.credential.presented()
    }

    /// The same client for cleaning up, after a good end too: nothing of it is stopped by a cancel or the run's
    /// deadline, sign-in included. See [`Run::for_cleanup`].
    #[must_use]
    pub fn for_cleanup(&self, limit: Duration) -> Self {
        Self {
            run: self.run.for_cleanup(limit),
            ..self.clone()
        }
    }

    /// The same client for what is still to be done after a cancel. See [`Run::halting`].
    #[must_use]
    pub fn halting(&self, limit: Duration) -> Self {
        Self {
            run: self.run.halting(limit),
            ..self.clone()
        }
    }

    /// The same client for the work on one of many pools: its events carry the pool's name, and its steps are counted
    /// by themselves.
    #[must_use]
    pub fn for_pool(&self, pool: &PoolId) -> Self {
        Self {
            run: self.run.for_pool(pool),
            ..self.clone()
        }
    }

    /// The same client, whose reads are answered with what this run has read before, unless that is older than `age`: for
    /// what many pools have in common. See [`memory`](crate::memory) for how old what may be.
    #[must_use]
    pub fn recalling(&self, age: Duration) -> Self {
        Self {
            reading: Reading::Recalled(age),
            ..self.clone()
        }
    }

    /// Reports an event of the run.
    pub fn tell(&self, event: Event) {
        self.run.progress.tell(event);
    }

    /// Reports a note.
    pub fn note(&self, text: impl Into<String>) {
        self.run.progress.note(text);
    }

    /// Reports a warning.
    pub fn warn(&self, text: impl Into<String>) {
        self.run.progress.warn(text);
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
            Err(self.refused(request, &answer))
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
            Err(self.refused(request, &answer))
        }
    }

    /// Reads a whole list, page by page.
    ///
    /// # Errors
    /// As [`Client::send`]; also when a page is not one, or leads to a page that was read before.
    pub async fn list(&self, request: &Request) -> Result<Vec<Value>> {
        let odd = |what: &str| Error::new(ErrorKind::Azure, format!("cannot {}: {what}", request.doing));
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        let mut page = self.send(request).await?.value();
        loop {
            let Some(Value::Array(values)) = page.get_mut("value").map(Value::take) else {
                return Err(odd("the answer holds no list"));
            };
            items.extend(values);
            let next = ["nextLink", "odata.nextLink"]
                .into_iter()
                .find_map(|key| page.get(key)?.as_str().map(str::to_owned));
            let Some(next) = next.filter(|next| !next.is_empty()) else {
                return Ok(items);
            };
            let follow = Request::follow(request.service.clone(), &next, request.doing.clone());
            if !seen.insert(next) {
                return Err(odd("the list does not end: a page leads to one that was read before"));
            }
            page = self.send(&follow).await?.value();
        }
    }

    /// Posts JSON to an address of the user's own: once, and without a token. What comes of it is for the caller to judge.
    ///
    /// # Errors
    /// When the request cannot be written down.
    pub(crate) async fn post_once(&self, address: &Url, body: &Value) -> Result<Result<Answer, SendError>> {
        let request = http::Request::post(address.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|cause| Error::new(ErrorKind::BadInput, "the request cannot be written down").because(cause))?;
        Ok(self.sender.once(request).await)
    }

    /// One request to its final answer, which may be one that the run has got before.
    async fn exchange(&self, request: &Request) -> Result<Answer> {
        let address = self.address(request);
        let address = address.map_err(|error| error.while_doing(format!("cannot {}", request.doing)))?;
        // Every request passes here, and what it carries would be part of each flow that sends one.
        let ask = Box::pin(self.ask(request, &address));
        match self.reading {
            Reading::Recalled(age) if request.method == Method::GET => self.memory.recall(&address, age, ask).await,
            Reading::Recalled(_) | Reading::Fresh => ask.await,
        }
    }

    /// Asks the service. A token that it does not accept is replaced once.
    async fn ask(&self, request: &Request, address: &Url) -> Result<Answer> {
        let doing = || format!("cannot {}", request.doing);
        let scope = match &request.service {
            Service::Arm => self.cloud.arm_scope.as_str(),
            Service::Batch(_) => self.cloud.batch_scope.as_str(),
            Service::Blobs(_) => STORAGE_SCOPE,
        };
        let signed_in = self.credential.token(scope, &self.run).await;
        let token = signed_in.map_err(|error| error.while_doing(doing()))?;
        let answer = self.answer(request, address, &token).await?;
        if !self.is_token_refused(&answer) {
            return Ok(answer);
        }
        let renewed = self.credential.token_instead_of(&token, scope, &self.run).await;
        let token = renewed.map_err(|error| error.while_doing(doing()))?;
        self.answer(request, address, &token).await
    }

    fn is_token_refused(&self, answer: &Answer) -> bool {
        answer.status == StatusCode::UNAUTHORIZED && judge::verdict(&self.refusal(answer)) == Verdict::NewToken
    }

    async fn answer(&self, request: &Request, address: &Url, token: &SecretString) -> Result<Answer> {
        // Under this id the service's support finds the request, also one that got no answer.
        let id = Uuid::from_u128(fastrand::u128(..)).to_string();
        let rules = Rules {
            doing: &request.doing,
            repeat: if request.is_read() {
                Repeat::Freely
            } else {
                Repeat::OnlyWithoutEffect
            },
            of: RefusedBy::Service,
            expects: match (&request.target, request.form) {
                (Target::Path { .. }, Form::Json) if request.method == Method::GET => Expects::Object,
                (Target::Path { .. }, Form::List) => Expects::List,
                (Target::Path { .. }, Form::Json | Form::File) | (Target::Verbatim(_), _) => Expects::Anything,
            },
            id: Some(&id),
        };
        let encode = || encode(request, address, token, &id);
        let sent = self.sender.exchange(&self.run, rules, encode).await;
        let may_have_written = match &sent {
            Ok(answer) => answer.status.is_success(),
            Err(error) => error.kind() == ErrorKind::UnknownEffect,
        };
        if may_have_written && !request.is_read() {
            self.run.note_write();
            self.memory.forget(address);
        }
        sent.map_err(|error| {
            let is_unanswered = error.service().is_none()
                && matches!(
                    error.kind(),
                    ErrorKind::UnknownEffect | ErrorKind::NeverSent | ErrorKind::Deadline
                );
            let id = if is_unanswered {
                format!(" (client request id {id})")
            } else {
                String::new()
            };
            error.while_doing(format!("cannot {}{id}", request.doing))
        })
    }

    /// The full address. One that the service gave us must lie on the service's own host: it gets our token.
    fn address(&self, request: &Request) -> Result<Url> {
        let base = match &request.service {
            Service::Arm => self.cloud.arm.as_str().trim_end_matches('/').to_owned(),
            Service::Batch(endpoint) => endpoint.base(),
            Service::Blobs(host) => format!("https://{host}"),
        };
        let text = match &request.target {
            Target::Path { path, .. } => format!("{base}{path}"),
            Target::Verbatim(address) => address.clone(),
        };
        // The query may be signed, so it is not shown.
        let shown = text.split('?').next().unwrap_or_default();
        let bad = |why: &str| {
            Error::new(
                ErrorKind::Azure,
                format!("refusing to send a token to {shown:?}: it {why}"),
            )
        };
        let mut address = secret_address(&text).map_err(bad)?;
        let own = secret_address(&base).map_err(bad)?;
        if address.scheme() != "https" {
            return Err(bad("is not an https address; a secret travels over HTTPS only"));
        }
        if !is_same_service(&address, &own) {
            return Err(bad("is not on the host that was asked"));
        }
        if let Target::Path { path, query } = &request.target {
            if leads_elsewhere(path) {
                return Err(bad("holds a part of dots alone, which leads elsewhere"));
            }
            let version = request.api.map(|api| ("api-version", api.version(self.cloud.apis())));
            let query = query.iter().map(|(name, value)| (*name, value.as_str()));
            let pairs: Vec<(&str, &str)> = version.into_iter().chain(query).collect();
            if !pairs.is_empty() {
                address.query_pairs_mut().extend_pairs(pairs);
            }
        }
        Ok(address)
    }

    fn refused(&self, request: &Request, answer: &Answer) -> Error {
        let doing = format!("cannot {}", request.doing);
        judge::refused(doing, self.refusal(answer), self.run.written())
    }

    fn refusal(&self, answer: &Answer) -> ServiceError {
        answer.refusal(RefusedBy::Service, self.run.now())
    }
}

/// Whether a part of the path is `.` or `..`, also in the form `%2e`. The parts are names, and a name that a service or a
/// file gave must not turn a request into one for another resource.
fn leads_elsewhere(path: &str) -> bool {
    path.split(['/', '\\'])
        .map(|part| part.to_ascii_lowercase().replace("%2e", "."))
        .any(|part| part == "." || part == "..")
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

fn encode(request: &Request, address: &Url, token: &SecretString, id: &str) -> Result<http::Request<Bytes>> {
    let mut builder = http::Request::builder()
        .method(request.method.clone())
        .uri(address.as_str())
        .header(header::ACCEPT, "application/json")
        .header(header::AUTHORIZATION, bearer(token)?);
    let content_type = match request.service {
        Service::Arm | Service::Blobs(_) => {
            builder = builder.header(CLIENT_REQUEST_ID, id);
            "application/json"
        }
        Service::Batch(_) => {
            builder = builder
                .header("client-request-id", id)
                .header("return-client-request-id", "true");
            "application/json; odata=minimalmetadata"
        }
    };
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
            let encoded = encode(&request, &Url::parse("https://a/x").unwrap(), &"token".into(), "id").unwrap();
            encoded.headers().get(header::CONTENT_LENGTH).cloned()
        };
        for write in [Method::POST, Method::PUT, Method::PATCH] {
            assert_eq!(length(write.clone()).unwrap(), "0", "{write}");
        }
        assert_eq!((length(Method::GET), length(Method::DELETE)), (None, None));
    }

    #[test]
    fn every_request_carries_an_id_under_which_support_finds_it() {
        let headers = |request: &Request| {
            let encoded = encode(request, &Url::parse("https://a/x").unwrap(), &"token".into(), "id-1").unwrap();
            encoded.into_parts().0.headers
        };
        let arm = headers(&Request::arm(Method::GET, "/x", "2025-01-01", "test"));
        assert_eq!(arm["x-ms-client-request-id"], "id-1");
        let endpoint = "acct1.eastus2.batch.azure.com".parse().unwrap();
        let batch = headers(&Request::batch(&endpoint, Method::GET, "/pools", "2025-06-01", "test"));
        assert_eq!(
            (&batch["client-request-id"], &batch["return-client-request-id"]),
            (&"id-1".parse().unwrap(), &"true".parse().unwrap())
        );
        assert!(batch["authorization"].is_sensitive());
    }

    #[test]
    fn a_path_of_names_is_told_from_one_that_leads_elsewhere() {
        for climbing in ["/a/../b", "/a/.", "/..", "/a/%2e%2E/b", "/a/.%2e", "/a\\..\\b"] {
            assert!(leads_elsewhere(climbing), "{climbing}");
        }
        for names in [
            "/a/b",
            "/a..b/c",
            "/.hidden",
            "/a/...",
            "/versions/1.0.0",
            "/a/%2e%2e%2e",
        ] {
            assert!(!leads_elsewhere(names), "{names}");
        }
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
