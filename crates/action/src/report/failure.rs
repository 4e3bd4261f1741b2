//! Why a run failed, in words: the reason, the remedy, the way on.
//!
//! The words are core's where core knows more. Nothing is cut: a remedy or a request id at the end of a long reason is
//! what the reader needs.

use azure_batch_core::{
    error::{Error, ErrorKind},
    options::Door,
};
use serde::Serialize;

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What kind of failure, in words.
    pub kind: &'static str,
    /// The reason: one layer a line, or one fault of the inputs a line.
    pub reason: Vec<String>,
    /// What to do about this very failure, when core knows.
    pub hint: Option<String>,
    /// How to go on.
    pub next: &'static str,
    /// The service's code.
    pub service_code: Option<String>,
    /// The service's id of the request, for its support.
    pub request_id: Option<String>,
}

impl Failure {
    /// The failure that core ended with, with options named as users of a door know them.
    #[must_use]
    pub fn of(error: &Error, door: Door) -> Self {
        let report = error.report_for(door);
        let hint = error.hint_words().map(|hint| hint.spelled(door));
        let reason = match &hint {
            Some(hint) => report.strip_suffix(&format!("\n  hint: {hint}")).unwrap_or(&report),
            None => &report,
        };
        let service = error.service();
        Self {
            kind: kind_in_words(error.kind()),
            reason: reason.lines().map(str::to_owned).collect(),
            hint,
            next: next_step(error.kind()),
            service_code: service.map(|refusal| refusal.code.clone()),
            request_id: service.and_then(|refusal| refusal.request_id.clone()),
        }
    }

    /// Faults of the inputs, each with its name and remedy.
    #[must_use]
    pub const fn of_inputs(faults: Vec<String>) -> Self {
        Self {
            kind: kind_in_words(ErrorKind::BadInput),
            reason: faults,
            hint: None,
            next: next_step(ErrorKind::BadInput),
            service_code: None,
            request_id: None,
        }
    }

    /// The reason, the remedy and the way on, for a log.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = self.reason.clone();
        if let Some(hint) = &self.hint {
            lines.push(format!("  hint: {hint}"));
        }
        // Core's hint often is the way on already.
        if !self
            .hint
            .as_ref()
            .is_some_and(|hint| hint.contains("run the same again"))
        {
            lines.push(format!("  next: {}", self.next));
        }
        lines.join("\n")
    }
}

/// The exit codes' words.
const fn kind_in_words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadInput => "bad input",
        ErrorKind::SignIn => "sign-in failed",
        ErrorKind::NoRights => "no rights",
        ErrorKind::Quota => "quota or limit",
        ErrorKind::PartlyReached => "partly reached",
        ErrorKind::Deadline => "deadline passed",
        ErrorKind::Returned => "found bad, and brought back to what it was",
        ErrorKind::Refused => "refused for safety",
        ErrorKind::Rejected => "Azure refused it",
        ErrorKind::Policy => "forbidden by a policy",
        ErrorKind::Locked => "a lock is in the way",
        ErrorKind::Azure => "Azure failed",
        ErrorKind::NeverSent => "Azure could not be reached",
        ErrorKind::UnknownEffect => "the connection broke",
        ErrorKind::Cancelled => "cancelled",
    }
}

/// How to go on after a failure of a kind. A run that is repeated looks first at what is there.
const fn next_step(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadInput => "correct the inputs, then run again",
        ErrorKind::SignIn => "check tenant, application and the way of signing in, then run the same again",
        ErrorKind::NoRights => "give the identity the right that the reason names, then run the same again",
        ErrorKind::Quota => "raise the quota or ask for less, then run again",
        ErrorKind::PartlyReached => "run the same again: it goes on from the nodes that are there",
        ErrorKind::Deadline => "run the same again: it goes on from here; a longer deadline saves the repeat",
        ErrorKind::Returned => "correct what the reason names, publish another version, and roll that one out",
        ErrorKind::Refused => "choose one of the ways that the reason names, then run again",
        ErrorKind::Rejected => "correct what the service names, then run again",
        ErrorKind::Policy => {
            "ask the owner of the policy that the reason names, or ask for what it allows, then run again"
        }
        ErrorKind::Locked => "remove the lock that the reason names, then run the same again",
        ErrorKind::Azure => "remove the reason, then run the same again",
        ErrorKind::NeverSent => "check address, proxy and certificate authorities, then run the same again",
        ErrorKind::UnknownEffect | ErrorKind::Cancelled => "run the same again: it looks first at what is there",
    }
}
