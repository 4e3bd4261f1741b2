//! Failures on the wire: a gRPC status whose details hold one `Failure`.
//!
//! Every language's gRPC library finds the details where `google.rpc.Status` puts them.

use azure_batch_core::{
    error::{Error, ErrorKind},
    settings::Fault,
};
use prost::Message as _;
use tonic::{Code, Status};

use super::grpc_code;
use crate::{
    config::fault_text,
    imaging::{rpc, v1},
};

/// By which the details' reader knows the message.
const TYPE_URL: &str = "type.googleapis.com/azure_batch.imaging.v1.Failure";

/// Longest report that goes into a status, in bytes: it travels in a header, where 64 KiB are still
/// taken by the clients that were looked at. Longer ones only come from services that answer pages of text.
const MAX_REPORT: usize = 16 * 1024;

/// A failure and its gRPC code.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// The code.
    pub code: Code,
    /// What is told.
    pub failure: v1::Failure,
}

impl Failed {
    /// What core failed with.
    #[must_use]
    pub fn of_error(error: Error) -> Self {
        let kind = error.kind();
        Self::new(kind, error.report(), error.hint().unwrap_or_default())
    }

    /// A failure of the service itself.
    #[must_use]
    pub fn new(kind: ErrorKind, mut report: String, hint: &str) -> Self {
        if report.len() > MAX_REPORT {
            report.truncate(report.floor_char_boundary(MAX_REPORT));
            report.push_str("\n  (cut)");
        }
        Self {
            code: grpc_code(kind),
            failure: v1::Failure {
                kind: kind.code().to_owned(),
                exit_code: kind.exit_code().0.into(),
                report,
                hint: hint.to_owned(),
                faults: Vec::new(),
            },
        }
    }

    /// What is wrong with the settings.
    #[must_use]
    pub fn of_faults(faults: Vec<Fault>) -> Self {
        let mut failed = Self::new(ErrorKind::BadInput, fault_text(&faults), "");
        failed.failure.faults = faults
            .into_iter()
            .map(|fault| v1::Fault {
                setting: fault.setting,
                text: fault.fault,
            })
            .collect();
        failed
    }

    /// Reads what a call failed with; a status of somebody else's making is told as it is.
    #[must_use]
    pub fn read(status: &Status) -> Self {
        let details = rpc::Status::decode(status.details()).unwrap_or_default();
        let ours = details.details.iter().find(|detail| detail.type_url == TYPE_URL);
        let failure = ours.and_then(|detail| v1::Failure::decode(detail.value.as_slice()).ok());
        match failure {
            Some(failure) => Self {
                code: status.code(),
                failure,
            },
            None => Self::new(
                ErrorKind::Azure,
                format!("the imaging service failed: {}", status.message()),
                "",
            ),
        }
    }
}

impl From<Failed> for Status {
    fn from(failed: Failed) -> Self {
        let message = failed.failure.report.clone();
        let details = rpc::Status {
            code: failed.code.into(),
            message: message.clone(),
            details: vec![prost_types::Any {
                type_url: TYPE_URL.to_owned(),
                value: failed.failure.encode_to_vec(),
            }],
        };
        Self::with_details(failed.code, message, details.encode_to_vec().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_comes_back_from_its_status_as_it_was() {
        let error = Error::new(ErrorKind::Deadline, "the deadline of 6 h passed").with_hint("run the same again");
        let failed = Failed::of_error(error);
        let status = Status::from(failed.clone());
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(Failed::read(&status), failed);
        assert_eq!(failed.failure.exit_code, 6);
    }

    #[test]
    fn a_foreign_status_is_told_as_it_is() {
        let failed = Failed::read(&Status::unavailable("broken pipe"));
        assert_eq!(failed.failure.report, "the imaging service failed: broken pipe");
    }

    #[test]
    fn a_report_beyond_measure_is_cut_between_letters() {
        let failed = Failed::new(ErrorKind::Azure, "ü".repeat(MAX_REPORT), "");
        assert!(failed.failure.report.ends_with("ü\n  (cut)"));
        assert!(failed.failure.report.len() < MAX_REPORT + 10);
    }
}
