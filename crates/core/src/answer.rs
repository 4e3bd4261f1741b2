//! An answer of a service, whole.
//!
//! It reads; whether to send again is for `retry` to say, what a refusal means for `error`.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, ErrorKind, RefusedBy, Result, ServiceError};

/// The header in which ARM takes and repeats a client's id of a request.
pub(crate) const CLIENT_REQUEST_ID: &str = "x-ms-client-request-id";

/// One answer, whole.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, possibly empty.
    pub body: Bytes,
}

impl From<http::Response<Bytes>> for Answer {
    fn from(response: http::Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}

impl Answer {
    /// The same with our id of its request, where the service does not repeat it.
    #[must_use]
    pub(crate) fn of_request(mut self, id: &str) -> Self {
        if let Ok(id) = HeaderValue::from_str(id) {
            self.headers.entry(CLIENT_REQUEST_ID).or_insert(id);
        }
        self
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as a typed view.
    ///
    /// # Errors
    /// When it is not JSON of that shape: Azure's fault or ours, never the user's.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|cause| Error::new(ErrorKind::Azure, "the answer is not the JSON it should be").because(cause))
    }

    /// The body as JSON; `Null` when it is empty or not JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// When the service wrote it; nothing for an answer that was kept on the way.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        let is_fresh = self.header("age").is_none();
        let date = self.header("date").filter(|_| is_fresh)?;
        Some(jiff::fmt::rfc2822::parse(date.trim()).ok()?.timestamp())
    }

    /// How long the service asks us to wait, in either form and the `-ms` variants; `now` is for the date form.
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let millis = ["retry-after-ms", "x-ms-retry-after-ms"]
            .into_iter()
            .find_map(|name| self.header(name)?.trim().parse().ok());
        millis
            .map(Duration::from_millis)
            .or_else(|| parse_retry_after(self.header("retry-after")?.trim(), now))
    }

    /// The refusal that this answer is; call it only for statuses that are one. `now` is for a date in `Retry-After`.
    #[must_use]
    pub fn refusal(&self, by: RefusedBy, now: Timestamp) -> ServiceError {
        let body = self.value();
        let envelope = body.get("error").filter(|inner| inner.is_object()).unwrap_or(&body);
        let header = |names: [&str; 2]| names.into_iter().find_map(|name| self.header(name)).map(str::to_owned);
        ServiceError {
            by,
            request_id: header(["x-ms-request-id", "request-id"]),
            client_request_id: header([CLIENT_REQUEST_ID, "client-request-id"]),
            time: header(["date", "x-ms-date"]),
            retry_after: self.retry_after(now),
            ..ServiceError::from_envelope(self.status.as_u16(), envelope)
        }
    }
}

/// The body may hold credentials, so it is never shown.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let wait = |headers: &[(&'static str, &str)]| answer(429, headers, "").retry_after(now);
        assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(
            wait(&[("retry-after", "Thu, 01 Jan 2026 00:01:30 GMT")]),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            wait(&[("retry-after", "Wed, 31 Dec 2025 00:00:00 GMT")]),
            Some(Duration::ZERO),
            "a date gone by"
        );
        assert_eq!(
            wait(&[("x-ms-retry-after-ms", "250"), ("retry-after", "9")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
    }

    #[test]
    fn the_time_of_an_answer_is_read_unless_it_was_kept_on_the_way() {
        let date = |headers: &[(&'static str, &str)]| answer(200, headers, "").date();
        let written = ("date", "Thu, 01 Jan 2026 00:01:30 GMT");
        assert_eq!(date(&[written]), "2026-01-01T00:01:30Z".parse().ok());
        assert_eq!(date(&[written, ("age", "60")]), None);
        assert_eq!((date(&[("date", "today")]), date(&[])), (None, None));
    }

    #[test]
    fn both_services_refusals_read_alike() {
        let arm = answer(404, &[("x-ms-request-id", "r1")], r#"{"error":{"code":"ResourceNotFound","message":"The Resource 'x' was not found.","details":[{"code":"A","message":"b"}]}}"#).refusal(RefusedBy::Service, Timestamp::UNIX_EPOCH);
        assert_eq!(
            arm.to_string(),
            "the service refused: ResourceNotFound: The Resource 'x' was not found; A: b (request id r1)"
        );
        let batch = answer(409, &[], r#"{"code":"PoolExists","message":{"lang":"en-US","value":"The specified pool already exists.\nRequestId:5\nTime:2026"},"values":[{"key":"PropertyName","value":"vmSize"}]}"#).refusal(RefusedBy::Service, Timestamp::UNIX_EPOCH);
        assert_eq!(
            (batch.code.as_str(), batch.message.as_str()),
            ("PoolExists", "The specified pool already exists.")
        );
        assert_eq!(batch.details, [("PropertyName".to_owned(), "vmSize".to_owned())]);
        let entra = answer(
            401,
            &[],
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"}"#,
        )
        .refusal(RefusedBy::Service, Timestamp::UNIX_EPOCH);
        assert_eq!(entra.code, "invalid_client");
        assert_eq!(
            answer(502, &[], "<html>")
                .refusal(RefusedBy::Service, Timestamp::UNIX_EPOCH)
                .code,
            "HTTP 502"
        );
    }
}
