//! Batch's data-plane wire form: CRLF JSON, odata envelopes, unquoted ETags, the error envelope, times and durations.
//!
//! It decides nothing about pools or jobs; handlers give it a [`Reply`] or a [`Refusal`].

use bytes::Bytes;
use http::StatusCode;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::{Map, Value, json};

use crate::http::{Request, Response, http_date};

use super::refusal::Refusal;
use super::secrets::without_secrets;

/// The content type of every body that the data plane writes; recordings have no space before `odata`.
const CONTENT_TYPE: &str = "application/json;odata=minimalmetadata";

/// A good answer, before the protocol is put around it.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// The status; zero never leaves this module since constructors set it.
    status: StatusCode,
    body: Option<Value>,
    file: Option<(File, Part)>,
    version: Option<Version>,
    /// The URL for `DataServiceId`, and whether `Location` repeats it.
    names: Option<(String, Naming)>,
}

/// A file on a node.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) url: String,
    pub(crate) text: String,
    pub(crate) modified: Timestamp,
}

/// How much of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Whole,
}

/// Which headers name the resource that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// `DataServiceId` only.
    Written,
    /// `DataServiceId` and `Location`.
    Created,
}

/// What conditional requests compare: a resource's ETag and when it was last modified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Unquoted, e.g. `0x8DA9061B2F7BB2F`.
    pub(crate) etag: String,
    /// When the resource's own properties last changed.
    pub(crate) modified: Timestamp,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// A 200 with a body.
    pub(crate) fn body(body: Value) -> Self {
        Self {
            body: Some(without_secrets(body)),
            ..Self::empty(StatusCode::OK)
        }
    }

    /// A 200 with a file's text.
    pub(crate) fn file(file: File) -> Self {
        Self {
            file: Some((file, Part::Whole)),
            ..Self::empty(StatusCode::OK)
        }
    }

    /// A 200 with a file's facts, for HEAD.
    pub(crate) fn file_head(file: File) -> Self {
        Self {
            file: Some((file, Part::Head)),
            ..Self::empty(StatusCode::OK)
        }
    }

    /// One resource, `…/$metadata#kind/@Element` first.
    pub(crate) fn element(base: &str, kind: &str, resource: Value) -> Self {
        Self::body(with_metadata(&format!("{base}/$metadata#{kind}/@Element"), resource))
    }

    /// A result that is no resource, `…/$metadata#kind` first.
    pub(crate) fn result(base: &str, kind: &str, result: Value) -> Self {
        Self::body(with_metadata(&format!("{base}/$metadata#{kind}"), result))
    }

    /// The same with `ETag` and `Last-Modified`.
    pub(crate) fn versioned(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// The same with the URL of what was written.
    pub(crate) fn naming(mut self, url: String, naming: Naming) -> Self {
        self.names = Some((url, naming));
        self
    }
}

/// Puts Batch's protocol around an answer.
pub(crate) fn respond(
    request: &Request,
    base: &str,
    id: &str,
    now: Timestamp,
    answer: Result<Reply, Refusal>,
) -> Response {
    let response = match answer {
        Ok(reply) => success(reply),
        Err(refusal) => failure(request, base, id, now, &refusal),
    };
    let response = response
        .with_header("dataserviceversion", "3.0")
        .with_header("request-id", id)
        .with_header("server", "Microsoft-HTTPAPI/2.0")
        .with_header("strict-transport-security", "max-age=31536000; includeSubDomains")
        .with_header("x-content-type-options", "nosniff");
    let wants_echo = request
        .header("return-client-request-id")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match request.header("client-request-id") {
        Some(client) if wants_echo => response.with_header("client-request-id", client),
        _ => response,
    }
}

fn success(reply: Reply) -> Response {
    let mut response = Response::empty(reply.status);
    if let Some(version) = &reply.version {
        response = response
            .with_header("etag", &version.etag)
            .with_header("last-modified", &http_date(version.modified));
    }
    if let Some((url, naming)) = &reply.names {
        response = response.with_header("dataserviceid", url);
        if *naming == Naming::Created {
            response = response.with_header("location", url);
        }
    }
    if let Some(body) = &reply.body {
        response = response.with_header("content-type", CONTENT_TYPE);
        response.body = Bytes::from(pretty(body));
    } else if let Some((file, part)) = reply.file {
        response = file_headers(response, &file);
        if part == Part::Whole {
            response.body = Bytes::from(file.text);
        }
    }
    response
}

fn file_headers(response: Response, file: &File) -> Response {
    let modified = http_date(file.modified);
    response
        .with_header("content-type", "application/octet-stream")
        .with_header("content-length", &file.text.len().to_string())
        .with_header("last-modified", &modified)
        .with_header("ocp-creation-time", &modified)
        .with_header("ocp-batch-file-isdirectory", "False")
        .with_header("ocp-batch-file-url", &file.url)
        .with_header("ocp-batch-file-mode", "0o100644")
}

fn failure(request: &Request, base: &str, id: &str, now: Timestamp, refusal: &Refusal) -> Response {
    let mut response = Response::empty(refusal.status());
    if let Some(seconds) = refusal.retry_after() {
        response = response.with_header("retry-after", &seconds.to_string());
    }
    if let Some(challenge) = refusal.challenge() {
        response = response.with_header("www-authenticate", challenge);
    }
    // HEAD answers and 304 carry no body, so the client learns the status only.
    if request.method == http::Method::HEAD || refusal.status() == StatusCode::NOT_MODIFIED {
        return response;
    }
    response.reason = Some(reason_phrase(refusal.message()));
    response.body = Bytes::from(pretty(&error_body(base, id, now, refusal)));
    response.with_header("content-type", CONTENT_TYPE)
}

/// The error envelope, with the request id and the time as two more lines of the message.
fn error_body(base: &str, id: &str, now: Timestamp, refusal: &Refusal) -> Value {
    let message = format!("{}\nRequestId:{id}\nTime:{}", refusal.message(), padded_timestamp(now));
    let mut body = Map::new();
    let kind = "Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element";
    body.insert("odata.metadata".to_owned(), json!(format!("{base}/$metadata#{kind}")));
    body.insert("code".to_owned(), json!(refusal.code()));
    body.insert("message".to_owned(), json!({"lang": "en-US", "value": message}));
    if !refusal.values().is_empty() {
        let values: Vec<Value> = refusal
            .values()
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        body.insert("values".to_owned(), Value::Array(values));
    }
    Value::Object(body)
}

/// The first sentence of a message, without what a status line cannot carry.
fn reason_phrase(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars()
        .filter(|character| character.is_ascii_graphic() || *character == ' ')
        .collect()
}

fn with_metadata(address: &str, resource: Value) -> Value {
    let mut body = Map::new();
    body.insert("odata.metadata".to_owned(), json!(address));
    match resource {
        Value::Object(fields) => body.extend(fields),
        other => {
            body.insert("value".to_owned(), other);
        }
    }
    Value::Object(body)
}

/// JSON as Batch writes it: a line break after every opening and before every closing bracket, none between members.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0);
    text
}

fn write_value(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let mut separator = "";
            open(text, '[', depth);
            for item in items {
                text.push_str(separator);
                write_value(text, item, depth + 1);
                separator = ",";
            }
            close(text, ']', depth);
        }
        Value::Object(fields) if !fields.is_empty() => {
            let mut separator = "";
            open(text, '{', depth);
            for (name, field) in fields {
                text.push_str(separator);
                text.push_str(&json!(name).to_string());
                text.push(':');
                write_value(text, field, depth + 1);
                separator = ",";
            }
            close(text, '}', depth);
        }
        other => text.push_str(&other.to_string()),
    }
}

fn open(text: &mut String, bracket: char, depth: usize) {
    text.push(bracket);
    line_break(text, depth + 1);
}

fn close(text: &mut String, bracket: char, depth: usize) {
    line_break(text, depth);
    text.push(bracket);
}

fn line_break(text: &mut String, depth: usize) {
    text.push_str("\r\n");
    text.push_str(&"  ".repeat(depth));
}

/// A time in ISO 8601, UTC, at most seven fractional digits, trailing zeros trimmed.
pub(crate) fn timestamp(at: Timestamp) -> String {
    // Batch counts in units of 100 ns.
    let nanoseconds = at.as_nanosecond();
    let ticks = nanoseconds - nanoseconds.rem_euclid(100);
    Timestamp::from_nanosecond(ticks).unwrap_or(at).to_string()
}

/// The same with all seven digits, as error messages have it.
fn padded_timestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.9f")
        .to_string()
        .get(..27)
        .map_or_else(|| timestamp(at), |text| format!("{text}Z"))
}

/// Reads an ISO 8601 duration; days count 24 hours. `None` when it is none, or is negative.
pub(crate) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (!duration.is_negative()).then_some(duration)
}

/// A duration as .NET writes it: `P7D`, `PT1H30M`, `PT0S`.
pub(crate) fn format_duration(duration: SignedDuration) -> String {
    let total = duration.as_secs();
    let parts = [
        (total / 86_400, "D"),
        (total / 3_600 % 24, "H"),
        (total / 60 % 60, "M"),
        (total % 60, "S"),
    ];
    let written = |(count, unit): &(i64, &str)| {
        if *count == 0 {
            String::new()
        } else {
            format!("{count}{unit}")
        }
    };
    let days: String = parts.iter().take(1).map(written).collect();
    let time: String = parts.iter().skip(1).map(written).collect();
    match (days.is_empty(), time.is_empty()) {
        (true, true) => "PT0S".to_owned(),
        (false, true) => format!("P{days}"),
        (_, false) => format!("P{days}T{time}"),
    }
}

#[cfg(test)]
mod tests;
