//! Header names as Azure writes them over HTTP/1.1: clients of the older generation read them by exact case.
//!
//! Inside the emulator names have no case. hyper writes the case of names that it has parsed itself, so one request with
//! the names is parsed at the start and what hyper remembered of it goes with every answer.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::Extensions;
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

/// The names that are not all lower case, as the services and the recordings have them.
const NAMES: [&str; 17] = [
    "Azure-AsyncNotification",
    "Azure-AsyncOperation",
    "Cache-Control",
    "Content-Length",
    "Content-Type",
    "DataServiceId",
    "DataServiceVersion",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Pragma",
    "Retry-After",
    "Server",
    "Strict-Transport-Security",
    "WWW-Authenticate",
];

/// What hyper needs with an answer to write these names; empty if it cannot be had.
pub(super) async fn of_azure() -> Extensions {
    let (mut client, server) = tokio::io::duplex(4096);
    let lines: String = NAMES.iter().map(|name| format!("{name}: 0\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    let parsed: Arc<Mutex<Extensions>> = Arc::default();
    let noted = Arc::clone(&parsed);
    let service = service_fn(move |request: http::Request<Incoming>| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = request.extensions().clone();
        std::future::ready(Ok::<_, Infallible>(http::Response::new(Empty::<Bytes>::new())))
    });
    if client.write_all(request.as_bytes()).await.is_ok() {
        let connection = http1::Builder::new()
            .preserve_header_case(true)
            .serve_connection(TokioIo::new(server), service);
        // The one answer fits into the pipe, so this ends; only what was parsed matters.
        let _answered = connection.await;
    }
    parsed.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
