//! Lets `azure_identity` send through our own transport: one connection pool, one CA, one retry rule, one budget.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use azure_core::{
    cloud::CustomConfiguration,
    error::ErrorKind as CoreErrorKind,
    http::{
        AsyncRawResponse, ClientOptions, HttpClient, Request, RetryOptions, Transport as CoreTransport,
        headers::{HeaderName, HeaderValue, Headers},
        request::Body,
    },
};
use bytes::Bytes;

use crate::{
    answer::Answer,
    cloud::Cloud,
    error::{Error, ErrorKind, RefusedBy, Result},
    judge,
    retry::Repeat,
    run::Run,
    sender::{Expects, Rules, Sender},
};

#[derive(Debug)]
struct OurClient {
    sender: Sender,
    of: RefusedBy,
}

/// Our error on its way through `azure_identity`, which hands causes on by reference only.
struct Passenger(Mutex<Option<Error>>);

#[async_trait]
impl HttpClient for OurClient {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        self.ask(request).await.map(decode).map_err(wrap)
    }
}

impl OurClient {
    async fn ask(&self, request: &Request) -> Result<Answer> {
        let run = run()?;
        let rules = Rules {
            doing: "ask for a token",
            // Asking for a token changes nothing, so it may be asked for again whatever became of the first time.
            repeat: Repeat::Freely,
            of: self.of,
            expects: Expects::Object,
            id: None,
        };
        let answer = self.sender.exchange(&run, rules, || encode(request)).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let refusal = answer.refusal(self.of, run.now());
        let doing = format!("not signed in: {}", judge::meaning(&refusal));
        Err(judge::refused(doing, refusal, run.written()))
    }
}

impl fmt::Debug for Passenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passenger")
    }
}

impl fmt::Display for Passenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no token")
    }
}

impl std::error::Error for Passenger {}

/// The options that every credential gets.
pub(super) fn options(cloud: &Cloud, sender: &Sender, of: RefusedBy) -> ClientOptions {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = cloud.authority.to_string();
    ClientOptions {
        cloud: Some(Arc::new(custom.into())),
        retry: RetryOptions::none(),
        transport: Some(CoreTransport::new(Arc::new(OurClient {
            sender: sender.clone(),
            of,
        }))),
        ..ClientOptions::default()
    }
}

tokio::task_local! {
    /// The run that a token is asked for. `azure_identity` hands nothing on from the one who asks to the one who sends.
    static RUN: Run;
}

/// Asks for a token for that run.
pub(super) async fn for_run<T>(run: &Run, asking: impl Future<Output = T>) -> T {
    RUN.scope(run.clone(), asking).await
}

/// The run that a token is asked for at the moment.
pub(super) fn run() -> Result<Run> {
    RUN.try_with(Clone::clone)
        .map_err(|cause| Error::new(ErrorKind::Azure, "a token is asked for outside a run").because(cause))
}

fn encode(request: &Request) -> Result<http::Request<Bytes>> {
    let body = match request.body() {
        Body::Bytes(bytes) => bytes.clone(),
        Body::SeekableStream(_) => Bytes::new(),
    };
    let mut builder = http::Request::builder()
        .method(request.method().as_str())
        .uri(request.url().as_str());
    for (name, value) in request.headers().iter() {
        builder = builder.header(name.as_str(), value.as_str());
    }
    builder
        .body(body)
        .map_err(|cause| Error::new(ErrorKind::BadInput, "the token request cannot be written down").because(cause))
}

fn decode(answer: Answer) -> AsyncRawResponse {
    let mut headers = Headers::new();
    for (name, value) in &answer.headers {
        if let Ok(value) = value.to_str() {
            headers.insert(
                HeaderName::from(name.as_str().to_owned()),
                HeaderValue::from(value.to_owned()),
            );
        }
    }
    AsyncRawResponse::from_bytes(answer.status.as_u16().into(), headers, answer.body)
}

/// Carries an error of ours through `azure_identity`.
pub(super) fn wrap(error: Error) -> azure_core::Error {
    azure_core::Error::new(CoreErrorKind::Credential, Passenger(Mutex::new(Some(error))))
}

/// Our own error in the chain of causes, the first time it is asked for.
pub(super) fn take_our_error(error: &azure_core::Error) -> Option<Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(layer) = cause {
        if let Some(passenger) = layer.downcast_ref::<Passenger>() {
            return passenger.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        cause = layer.source();
    }
    None
}
