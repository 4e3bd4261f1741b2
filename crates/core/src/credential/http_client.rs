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

use crate::{answer::Answer, cloud::Cloud, error::Error, retry::Repeat, sender::Sender};

/// The options that every credential gets.
pub(super) fn options(cloud: &Cloud, sender: &Sender) -> ClientOptions {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = cloud.authority.to_string();
    ClientOptions {
        cloud: Some(Arc::new(custom.into())),
        retry: RetryOptions::none(),
        transport: Some(CoreTransport::new(Arc::new(OurClient(sender.clone())))),
        ..ClientOptions::default()
    }
}

#[derive(Debug)]
struct OurClient(Sender);

#[async_trait]
impl HttpClient for OurClient {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        // Asking for a token changes nothing, so it may be asked for again whatever became of the first time.
        let answer = self
            .0
            .exchange("ask for a token", Repeat::Freely, || async { encode(request) })
            .await;
        match answer {
            Ok(answer) if answer.status.is_success() => Ok(decode(answer)),
            Ok(answer) => Err(wrap(Error::refused_by_service("no token was given", answer.refusal()))),
            Err(error) => Err(wrap(error)),
        }
    }
}

fn encode(request: &Request) -> crate::error::Result<http::Request<Bytes>> {
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
    builder.body(body).map_err(|cause| {
        Error::new(
            crate::error::ErrorKind::BadInput,
            "the token request cannot be written down",
        )
        .because(cause)
    })
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

/// Our error on its way through `azure_identity`, which hands causes on by reference only.
struct Passenger(Mutex<Option<Error>>);

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
