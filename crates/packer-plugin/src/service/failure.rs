//! Failures on the wire: a gRPC status whose details hold one `Failure`.
//!
//! Every language's gRPC library finds the details where `google.rpc.Status` puts them.

use azure_batch_core::{
    error::{Error, ErrorKind, ServiceError},
    failure::{Failure, Step},
    options::Door,
    plan::Course,
    settings::fault::{Fault, lines},
};
use jiff::Timestamp;
use prost::Message as _;
use tonic::{Code, Status};

use super::events;
use crate::imaging::{rpc, v1};

/// By which the details' reader knows the message.
const TYPE_URL: &str = "type.googleapis.com/azure_batch.imaging.v1.Failure";

/// Longest text of a status, in bytes: it travels in a header of its own in addition to the details, which hold the
/// whole report. Some clients take no more than 8 KiB of headers.
const LONGEST_MESSAGE: usize = 1024;

/// The width of a report: Packer shows it as it is, behind a few letters of its own.
const WIDTH: usize = 80;

/// What to call after a failure that the same request goes on from.
const SAME_AGAIN: &str = "Publish with the same request: what is done already is found";

/// A failure and its gRPC code.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// The code.
    pub code: Code,
    /// What is said of it.
    pub failure: Box<v1::Failure>,
}

impl Failed {
    /// What core failed with, in the words of a door.
    #[must_use]
    pub fn of_error(error: &Error, door: Door, now: Timestamp) -> Self {
        let told = Failure::of(error, door);
        let mut failed = Self::new(error.kind(), told.text(WIDTH), now);
        let failure = failed.failure.as_mut();
        failure.hint = told.next.first().map_or_else(String::new, |step| step.text.clone());
        failure.refusal = error.service().map(refusal);
        failure.next = told.next.into_iter().map(next_step).collect();
        (failure.happened, failure.facts, failure.left, failure.said) =
            (told.happened, told.facts, told.kept, told.said);
        failed
    }

    /// The same with what was done until then, by the run of that name.
    #[must_use]
    pub fn after(mut self, course: Course, run_id: &str) -> Self {
        self.failure.steps = events::steps(course.steps);
        self.failure.kept = events::kept(course.kept);
        run_id.clone_into(&mut self.failure.run_id);
        self
    }

    /// A failure of the service itself.
    #[must_use]
    pub fn new(kind: ErrorKind, report: String, now: Timestamp) -> Self {
        let resumable = is_resumable(kind);
        Self {
            code: grpc_code(kind),
            failure: Box::new(v1::Failure {
                kind: kind_of(kind).into(),
                exit_code: kind.exit_code().0.into(),
                report,
                time: Some(events::time(now)),
                resumable,
                next_call: if resumable {
                    SAME_AGAIN.to_owned()
                } else {
                    String::new()
                },
                ..v1::Failure::default()
            }),
        }
    }

    /// Something that only a mistake in this program can cause.
    #[must_use]
    pub fn of_fault_of_ours(report: String, now: Timestamp) -> Self {
        Self::new(ErrorKind::BadInput, report, now)
    }

    /// What is wrong with a request, in the words of a door.
    #[must_use]
    pub fn of_faults(faults: &[Fault], door: Door, now: Timestamp) -> Self {
        let mut failed = Self::new(ErrorKind::BadInput, lines(faults, door), now);
        let fault = |fault: &Fault| v1::Fault {
            setting: fault.place.spelled(door),
            text: fault.text.spelled(door),
        };
        failed.failure.faults = faults.iter().map(fault).collect();
        failed
    }

    /// Reads what a call failed with; a status that is not ours is shown as it is.
    #[must_use]
    pub fn read(status: &Status) -> Self {
        let details = rpc::Status::decode(status.details()).unwrap_or_default();
        let ours = details.details.iter().find(|detail| detail.type_url == TYPE_URL);
        let failure = ours.and_then(|detail| v1::Failure::decode(detail.value.as_slice()).ok());
        let failure = failure.unwrap_or_else(|| v1::Failure {
            kind: v1::FailureKind::Azure.into(),
            exit_code: ErrorKind::Azure.exit_code().0.into(),
            report: format!("the imaging service failed: {}", status.message()),
            ..v1::Failure::default()
        });
        Self {
            code: status.code(),
            failure: Box::new(failure),
        }
    }
}

impl From<Failed> for Status {
    fn from(failed: Failed) -> Self {
        let report = failed.failure.report.as_str();
        let message = match report.get(..report.floor_char_boundary(LONGEST_MESSAGE)) {
            Some(start) if start.len() < report.len() => "see the details: their Failure has the whole report",
            _ => report,
        };
        let message = message.to_owned();
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

fn next_step(step: Step) -> v1::NextStep {
    v1::NextStep {
        text: step.text,
        command: step.command,
    }
}

fn refusal(refusal: &ServiceError) -> v1::ServiceRefusal {
    v1::ServiceRefusal {
        code: refusal.code.clone(),
        status: refusal.status.into(),
        message: refusal.message.clone(),
        request_id: refusal.request_id.clone().unwrap_or_default(),
        client_request_id: refusal.client_request_id.clone().unwrap_or_default(),
        retry_after_seconds: refusal.retry_after.map(|pause| pause.as_secs()),
    }
}

const fn kind_of(kind: ErrorKind) -> v1::FailureKind {
    use v1::FailureKind;

    match kind {
        ErrorKind::BadInput => FailureKind::BadInput,
        ErrorKind::SignIn => FailureKind::SignIn,
        ErrorKind::NoRights => FailureKind::NoRights,
        ErrorKind::Quota => FailureKind::Quota,
        ErrorKind::PartlyReached => FailureKind::PartlyReached,
        ErrorKind::Deadline => FailureKind::Deadline,
        // No flow of this service rolls out, so none goes back or keeps what is bad.
        ErrorKind::BadNodes | ErrorKind::Returned | ErrorKind::Kept | ErrorKind::Refused => FailureKind::Refused,
        ErrorKind::Rejected => FailureKind::Rejected,
        ErrorKind::Policy => FailureKind::Policy,
        ErrorKind::Locked => FailureKind::Locked,
        ErrorKind::Azure => FailureKind::Azure,
        ErrorKind::NeverSent => FailureKind::NeverSent,
        ErrorKind::UnknownEffect => FailureKind::UnknownEffect,
        ErrorKind::Cancelled => FailureKind::Cancelled,
    }
}

/// Whether the same request goes on from where the failed one ended.
const fn is_resumable(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::PartlyReached
        | ErrorKind::Deadline
        | ErrorKind::Azure
        | ErrorKind::NeverSent
        | ErrorKind::UnknownEffect
        | ErrorKind::Cancelled => true,
        ErrorKind::BadInput
        | ErrorKind::SignIn
        | ErrorKind::NoRights
        | ErrorKind::Quota
        | ErrorKind::BadNodes
        | ErrorKind::Returned
        | ErrorKind::Kept
        | ErrorKind::Refused
        | ErrorKind::Rejected
        | ErrorKind::Policy
        | ErrorKind::Locked => false,
    }
}

/// The code that gRPC clients see for a kind of failure.
const fn grpc_code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::BadInput => Code::InvalidArgument,
        ErrorKind::SignIn => Code::Unauthenticated,
        ErrorKind::NoRights => Code::PermissionDenied,
        ErrorKind::Quota => Code::ResourceExhausted,
        ErrorKind::PartlyReached => Code::Aborted,
        ErrorKind::Deadline => Code::DeadlineExceeded,
        ErrorKind::BadNodes
        | ErrorKind::Returned
        | ErrorKind::Kept
        | ErrorKind::Refused
        | ErrorKind::Rejected
        | ErrorKind::Policy
        | ErrorKind::Locked => Code::FailedPrecondition,
        ErrorKind::Azure => Code::Internal,
        ErrorKind::NeverSent => Code::Unavailable,
        ErrorKind::UnknownEffect => Code::Unknown,
        ErrorKind::Cancelled => Code::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use azure_batch_core::specimens::{self, Lines, blemishes};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T05:46:31Z".parse().unwrap()
    }

    #[test]
    fn a_failure_comes_back_from_its_status_as_it_was() {
        let error = Error::new(ErrorKind::Deadline, "the deadline of 6 h passed").with_hint("run again");
        let failed = Failed::of_error(&error, Door::Request, now());
        let status = Status::from(failed.clone());
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(Failed::read(&status), failed);
        let failure = failed.failure;
        assert_eq!((failure.exit_code, failure.resumable), (6, true));
        assert_eq!(failure.kind(), v1::FailureKind::Deadline);
        assert_eq!(failure.time.unwrap().seconds, now().as_second());
        assert!(failure.next_call.starts_with("Publish with the same request"));
    }

    #[test]
    fn every_failure_reads_well_in_packer_and_says_in_its_fields_what_its_text_says() {
        let mut wrong = Vec::new();
        for specimen in specimens::all() {
            let told = Failure::of(&specimen.error, Door::Template);
            let failure = Failed::of_error(&specimen.error, Door::Template, now()).failure;
            let found = blemishes(&failure.report, &told, Door::Template, Lines::Ours);
            wrong.extend(found.iter().map(|what| format!("{}: {what}", specimen.name)));
            let steps: Vec<&str> = failure.next.iter().map(|step| step.text.as_str()).collect();
            let wanted: Vec<&str> = told.next.iter().map(|step| step.text.as_str()).collect();
            assert_eq!(
                (&failure.happened, steps),
                (&told.happened, wanted),
                "{}",
                specimen.name
            );
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_foreign_status_is_shown_as_it_is() {
        let failed = Failed::read(&Status::unavailable("broken pipe"));
        assert_eq!(failed.failure.report, "the imaging service failed: broken pipe");
    }

    #[test]
    fn a_long_report_is_whole_in_the_details() {
        let report = "ü".repeat(40_000);
        let failed = Failed::new(ErrorKind::Azure, report.clone(), now());
        let status = Status::from(failed);
        assert_eq!(Failed::read(&status).failure.report, report);
        assert!(status.message().len() < LONGEST_MESSAGE);
    }
}
