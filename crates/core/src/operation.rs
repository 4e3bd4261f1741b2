//! Azure's long-running operations as a pure machine: an answer goes in, what it means comes out.
//!
//! It neither sends nor waits; `operation::drive` does, by what this file decides.

pub mod drive;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::{answer::Answer, error::ServiceError, json};

/// Where the state of a running operation is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollBy {
    /// The status address of `Azure-AsyncOperation`.
    AsyncOperation(String),
    /// The result address of `Location`.
    Location(String),
    /// `properties.provisioningState` of the resource itself.
    Resource,
}

/// What an answer says about an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// It goes on; ask there.
    Running(PollBy),
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed(ServiceError),
    /// The record of the operation is gone: the resource shows what came of it.
    Forgotten,
}

enum Outcome {
    Running,
    Succeeded,
    Failed,
}

impl Outcome {
    /// Only the three terminal words end an operation, in any case and both spellings; every other goes on.
    fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "succeeded" => Self::Succeeded,
            "failed" | "canceled" | "cancelled" => Self::Failed,
            _ => Self::Running,
        }
    }
}

/// Reads the answer that started an operation. A header wins over the body, `Azure-AsyncOperation` over `Location`.
#[must_use]
pub fn begin(method: &Method, answer: &Answer) -> Status {
    if let Some(address) = answer.header("azure-asyncoperation") {
        return Status::Running(PollBy::AsyncOperation(address.to_owned()));
    }
    let is_pending = matches!(answer.status, StatusCode::ACCEPTED | StatusCode::CREATED);
    match answer.header("location") {
        Some(address) if is_pending => Status::Running(PollBy::Location(address.to_owned())),
        _ if method == Method::PUT || method == Method::PATCH => read_written(&answer.value()),
        _ => Status::Succeeded,
    }
}

/// Reads the body that a write was answered with. One that is not the resource says nothing: a proxy or a policy may
/// have replaced it, and only the resource shows what came of it.
fn read_written(body: &Value) -> Status {
    if body.is_object() {
        read_resource(body)
    } else {
        Status::Running(PollBy::Resource)
    }
}

/// Reads the answer of a poll.
#[must_use]
pub fn read(by: &PollBy, answer: &Answer) -> Status {
    let running = || Status::Running(by.clone());
    match by {
        _ if answer.status == StatusCode::NOT_FOUND => Status::Forgotten,
        PollBy::AsyncOperation(_) => read_async_operation(&answer.value(), running),
        PollBy::Location(_) if answer.status == StatusCode::ACCEPTED => running(),
        PollBy::Location(_) => Status::Succeeded,
        PollBy::Resource => read_resource(&answer.value()),
    }
}

fn read_async_operation(body: &Value, running: impl FnOnce() -> Status) -> Status {
    // A body without a status is what a proxy or a service in trouble answers; the next poll shows more.
    let status = json::text(body, "/status");
    match Outcome::parse(status.unwrap_or("InProgress")) {
        Outcome::Running => running(),
        Outcome::Succeeded => Status::Succeeded,
        Outcome::Failed => Status::Failed(failure(json::at(body, "/error"), status)),
    }
}

/// Reads a resource's own `provisioningState`; without one it is as it should be.
#[must_use]
pub fn read_resource(body: &Value) -> Status {
    let state = json::text(body, "/properties/provisioningState").unwrap_or("Succeeded");
    match Outcome::parse(state) {
        Outcome::Running => Status::Running(PollBy::Resource),
        Outcome::Succeeded => Status::Succeeded,
        Outcome::Failed => Status::Failed(failure(json::at(body, "/error"), Some(state))),
    }
}

fn failure(error: &Value, state: Option<&str>) -> ServiceError {
    let mut failure = ServiceError::from_envelope(200, error);
    if error.is_null() {
        state.unwrap_or("Failed").clone_into(&mut failure.code);
    }
    failure
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

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
    fn a_start_is_read_by_header_precedence() {
        let both = [("azure-asyncoperation", "https://a"), ("location", "https://l")];
        let creating = r#"{"properties":{"provisioningState":"Creating"}}"#;
        let poll_async = Status::Running(PollBy::AsyncOperation("https://a".to_owned()));
        let poll_location = Status::Running(PollBy::Location("https://l".to_owned()));
        assert_eq!(begin(&Method::PUT, &answer(202, &both, creating)), poll_async);
        assert_eq!(begin(&Method::POST, &answer(202, &both[1..], "")), poll_location);
        assert_eq!(
            begin(&Method::PUT, &answer(200, &both[1..], "{}")),
            Status::Succeeded,
            "Location of a finished PUT"
        );
        assert_eq!(
            begin(&Method::PUT, &answer(201, &[], creating)),
            Status::Running(PollBy::Resource)
        );
        assert_eq!(
            begin(&Method::PUT, &answer(200, &[], "{}")),
            Status::Succeeded,
            "no provisioningState means finished"
        );
        for odd in ["", "<html>", "null", "[]"] {
            let status = begin(&Method::PUT, &answer(202, &[], odd));
            assert_eq!(
                status,
                Status::Running(PollBy::Resource),
                "the resource has to tell: {odd:?}"
            );
        }
        assert_eq!(begin(&Method::POST, &answer(200, &[], "")), Status::Succeeded);
        assert_eq!(begin(&Method::DELETE, &answer(204, &[], "")), Status::Succeeded);
    }

    #[test]
    fn only_terminal_words_end_an_operation() {
        let by = PollBy::AsyncOperation("https://a".to_owned());
        let status = |word: &str| read(&by, &answer(200, &[], &format!(r#"{{"status":"{word}"}}"#)));
        for word in ["InProgress", "Creating", "Running", "Accepted", "Whatever"] {
            assert_eq!(status(word), Status::Running(by.clone()), "{word}");
        }
        for word in ["Succeeded", "SUCCEEDED"] {
            assert_eq!(status(word), Status::Succeeded);
        }
        for word in ["Failed", "Canceled", "Cancelled"] {
            assert!(matches!(status(word), Status::Failed(error) if error.code == word));
        }
        assert_eq!(
            read(&by, &answer(200, &[], "")),
            Status::Running(by.clone()),
            "a body without status"
        );
        assert_eq!(read(&by, &answer(404, &[], "")), Status::Forgotten);
    }

    #[test]
    fn a_failed_operation_keeps_the_service_s_words() {
        let by = PollBy::AsyncOperation("https://a".to_owned());
        let body = r#"{"status":"Failed","error":{"code":"DiskProcessingError","message":"bad disk"}}"#;
        let Status::Failed(error) = read(&by, &answer(200, &[], body)) else {
            panic!("not failed")
        };
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            ("DiskProcessingError", "bad disk")
        );
    }

    #[test]
    fn a_location_is_done_when_it_stops_saying_accepted() {
        let by = PollBy::Location("https://l".to_owned());
        assert_eq!(read(&by, &answer(202, &[], "")), Status::Running(by.clone()));
        assert_eq!(read(&by, &answer(200, &[], "{}")), Status::Succeeded);
        assert_eq!(read(&by, &answer(204, &[], "")), Status::Succeeded);
    }
}
