//! What an answer means: one table from status, code and text to a verdict.
//!
//! It is pure: it neither sends nor waits. `sender`, `client` and `write` act on its verdicts, and `docs/answers.md` is
//! this table, which a test keeps so. Codes of a pool's resize errors are not answers; `rollout::classify` has those.

mod approved;
mod table;

use std::fmt;

use crate::{
    error::{Error, ErrorKind, RefusedBy, ServiceError},
    typing::{Command, az},
    words::Words,
};

pub(crate) use approved::Approved;

/// What is left of a run that has changed nothing.
pub(crate) const UNCHANGED: &str = "nothing was changed";

/// What to do about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The request got what it asked for.
    Done,
    /// Nothing was done, and the trouble passes: wait, send again.
    Again,
    /// The service may have acted: wait, look, and send again only what has no effect yet.
    LookFirst,
    /// Another writer works on the same resource, and nothing was done: wait, look, then decide.
    Busy,
    /// The token was not accepted: get a new one, once.
    NewToken,
    /// The same request will get the same answer.
    Final(Reason),
}

/// Why an answer is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// What was asked for is wrong, or names something that is not there.
    Input,
    /// As things stand the service does not do it.
    State,
    /// The identity lacks a right.
    NoRights,
    /// Signing in failed, or the token is for another tenant.
    SignIn,
    /// A policy of the organization forbids it.
    Policy,
    /// A lock protects the resource.
    Lock,
    /// A quota or a limit is used up.
    Quota,
    /// The service failed.
    Failed,
}

/// Whether the run has changed something in Azure before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Nothing yet: what is refused now is a fault of the input.
    Nothing,
    /// Something: the run stops in the middle.
    Something,
}

/// One row of the table. The first row that fits decides.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Who refused.
    by: RefusedBy,
    /// The status; any when 0.
    status: u16,
    /// The code, with `*` at either end for any letters; any when empty. Codes compare without case.
    code: &'static str,
    /// A part of the message, in small letters; any when empty.
    text: &'static str,
    verdict: Verdict,
    /// What it means: for the page, and for a refusal without a text.
    meaning: &'static str,
    /// What to do, for the page and as the error's hint; none when empty.
    remedy: &'static str,
}

impl Reason {
    /// The kind of error. Input that is refused before anything was written is bad input; afterwards the run has
    /// stopped in the middle.
    #[must_use]
    pub const fn kind(self, written: Written) -> ErrorKind {
        match (self, written) {
            (Self::Input, Written::Nothing) => ErrorKind::BadInput,
            (Self::Input, Written::Something) | (Self::State, _) => ErrorKind::Rejected,
            (Self::NoRights, _) => ErrorKind::NoRights,
            (Self::SignIn, _) => ErrorKind::SignIn,
            (Self::Policy, _) => ErrorKind::Policy,
            (Self::Lock, _) => ErrorKind::Locked,
            (Self::Quota, _) => ErrorKind::Quota,
            (Self::Failed, _) => ErrorKind::Azure,
        }
    }
}

impl Row {
    fn fits(&self, refusal: &ServiceError) -> bool {
        let code = refusal.code.to_ascii_lowercase();
        self.by == refusal.by
            && (self.status == 0 || self.status == refusal.status)
            && matches(&self.code.to_ascii_lowercase(), &code)
            && (self.text.is_empty() || refusal.message.to_ascii_lowercase().contains(self.text))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::LookFirst => "look first",
            Self::Busy => "busy",
            Self::NewToken => "new token",
            Self::Final(_) => "final",
        })
    }
}

#[cfg(test)]
mod tests;

/// An error for every row of the table, each with a name: for tests of those who show errors.
pub(crate) fn specimens() -> Vec<(String, Error)> {
    let one = |row: &Row| {
        let code = row.code.replace('*', "Some");
        let refusal = ServiceError {
            by: row.by,
            status: if row.status == 0 { 400 } else { row.status },
            code: if code.is_empty() {
                "SomeCode".to_owned()
            } else {
                code.clone()
            },
            message: format!("The service says why {}.", row.text),
            request_id: Some("6b51d431-0000-0000-0000-000000000000".to_owned()),
            ..ServiceError::default()
        };
        let name = format!("answer {:?} {} {code} {}", row.by, row.status, row.text);
        (
            name,
            refused("cannot create pool render-2026-11", refusal, Written::Nothing),
        )
    };
    table::ROWS.iter().map(one).collect()
}

/// Judges a success: any status below 400. 3xx are conditions that hold and redirects, which the caller reads.
#[must_use]
pub const fn is_done(status: u16) -> bool {
    status < 400
}

/// Judges a refusal by the first row of the table that fits.
#[must_use]
pub fn verdict(refusal: &ServiceError) -> Verdict {
    row(refusal).verdict
}

/// What a refusal means, for a person.
#[must_use]
pub fn meaning(refusal: &ServiceError) -> &'static str {
    row(refusal).meaning
}

/// Judges an error: what a write may do after it.
#[must_use]
pub fn of_error(error: &Error) -> Verdict {
    if error.kind() == ErrorKind::UnknownEffect {
        return Verdict::LookFirst;
    }
    match error.refusal_of_request() {
        // The last answer is only the reason why the run has ended.
        _ if matches!(error.kind(), ErrorKind::Deadline | ErrorKind::Cancelled) => Verdict::Final(Reason::Failed),
        Some(refusal) => verdict(refusal),
        None => Verdict::Final(Reason::Failed),
    }
}

/// The error for a refusal: its kind and its hint are the row's.
#[must_use]
pub fn refused(doing: impl Into<Words>, mut refusal: ServiceError, written: Written) -> Error {
    let row = row(&refusal);
    if refusal.message.is_empty() {
        // A status alone says little to a person.
        row.meaning.clone_into(&mut refusal.message);
    }
    let kind = kind(row, written);
    let approved = Approved::read(&refusal.message);
    let error = match written {
        Written::Nothing => Error::of_service(kind, doing, refusal).with_kept(UNCHANGED),
        Written::Something => Error::of_service(kind, doing, refusal),
    };
    match approved {
        Some(approved) => with_quota(error, row, &approved),
        None if row.remedy.is_empty() => error,
        None => error.with_hint(Words::naming(row.remedy)),
    }
}

/// The error with the quota that the service names, and where its numbers can be seen.
fn with_quota(error: Error, row: &Row, approved: &Approved) -> Error {
    let error = error
        .with_fact(row.meaning)
        .with_fact(approved.to_string())
        .with_next(Words::naming(row.remedy), None);
    match approved.region_of_cores() {
        Some(location) => error.with_next(
            "to see what is used there",
            Command::new(az::SUBSCRIPTION_USAGE, &[("location", location)]),
        ),
        None => error,
    }
}

/// The error for a long operation that ended badly, which only something that was written can do.
#[must_use]
pub fn failed(doing: impl Into<Words>, failure: ServiceError) -> Error {
    refused(doing, failure, Written::Something)
}

fn kind(row: &Row, written: Written) -> ErrorKind {
    match row.verdict {
        // Whatever keeps a token from us, the run has not signed in.
        _ if row.by != RefusedBy::Service => ErrorKind::SignIn,
        Verdict::Final(reason) => reason.kind(written),
        Verdict::NewToken => ErrorKind::SignIn,
        Verdict::Done | Verdict::Again | Verdict::LookFirst | Verdict::Busy => ErrorKind::Azure,
    }
}

fn row(refusal: &ServiceError) -> &'static Row {
    table::ROWS
        .iter()
        .find(|row| row.fits(refusal))
        .unwrap_or(&table::UNKNOWN)
}

/// Whether a code is the pattern's; `*` at either end stands for any letters, an empty pattern for any code.
fn matches(pattern: &str, code: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        _ if pattern.is_empty() => true,
        (Some(_), Some(_)) => code.contains(pattern.trim_matches('*')),
        (Some(end), None) => code.ends_with(end),
        (None, Some(begin)) => code.starts_with(begin),
        (None, None) => code == pattern,
    }
}
