//! Requests and responses as plain values, so that the emulator can be asked without a socket.
//!
//! It does no I/O; `host` turns these into bytes and back.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// One request as the service sees it.
#[derive(Clone)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// Host and port as the client addressed them, e.g. `management.azure.com` or `127.0.0.1:8443`.
    pub authority: String,
    /// The path as sent, still percent-encoded, starting with `/`.
    pub path: String,
    /// The query pairs in the order sent, decoded.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, empty when there is none.
    pub body: Bytes,
}

/// One answer.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// A reason phrase other than the usual one (Batch puts its message there; HTTP/1.1 only).
    pub reason: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// The decoded path segments, without empty ones: `/a//b%20c` is `["a", "b c"]`.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| {
                percent_encoding::percent_decode_str(segment)
                    .decode_utf8_lossy()
                    .into_owned()
            })
            .collect()
    }

    /// The first query value of that name; names compare without case, as Azure does.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; `None` when it is empty or is not JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl fmt::Debug for Request {
    // Headers and bodies carry credentials; the journal decides what may be written down.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} https://{}{}", self.method, self.authority, self.path)
    }
}

impl fmt::Debug for Response {
    // Token answers carry credentials in their bodies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

impl Response {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            reason: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// An answer with a JSON body as ARM and Entra write it.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        let mut response = Self::empty(status).with_header("content-type", "application/json; charset=utf-8");
        response.body = Bytes::from(body.to_string());
        response
    }

    /// The same with one more header; a value that no header can carry is left out.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// The same with the time: every front end of Azure writes it, also of an answer that is none of its own.
    #[must_use]
    pub(crate) fn dated(self, now: Timestamp) -> Self {
        if self.headers.contains_key("date") {
            return self;
        }
        self.with_header("date", &http_date(now))
    }
}

/// A time in the form of HTTP headers.
pub(crate) fn http_date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
