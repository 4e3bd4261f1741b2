//! What a run can fail with: a kind for the program that must decide, a sentence for the person who must act.
//!
//! Each layer describes only itself and keeps its cause in `source`; [`Error::report`] prints the chain once.

use std::{error::Error as StdError, fmt};

use crate::{options::Door, settings::fault::Faults, typing::Command, words::Words};

mod kind;
mod reason;
mod service;

pub use kind::{ErrorKind, ExitCode};
pub(crate) use reason::Place;
pub use reason::{Next, Reason};
pub use service::{RefusedBy, ServiceError};

/// What is known of the effect of a request whose answer did not come.
pub(crate) const EFFECT_UNKNOWN: &str = "it is not known whether Azure has acted on the request";

/// A boxed cause.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// A failed step: what was being done, what kind of failure it is, what to do, and the cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    doing: Words,
    hint: Option<Words>,
    reason: Option<Box<Reason>>,
    service: Option<Box<ServiceError>>,
    source: Option<Cause>,
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of a kind with the sentence for its layer.
    #[must_use]
    pub fn new(kind: ErrorKind, doing: impl Into<Words>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            hint: None,
            reason: None,
            service: None,
            source: None,
        }
    }

    /// An error whose sentence is the first that a reader sees, whatever is wrapped around it.
    #[must_use]
    pub fn plain(kind: ErrorKind, happened: impl Into<Words>) -> Self {
        Self {
            reason: Some(Box::new(Reason::first())),
            ..Self::new(kind, happened)
        }
    }

    /// The same with its sentence as the first that a reader sees.
    #[must_use]
    pub fn as_first(mut self) -> Self {
        self.reason_mut().place = Place::First;
        self
    }

    /// The same with something that is known about it, as a sentence.
    #[must_use]
    pub fn with_fact(mut self, fact: impl Into<Words>) -> Self {
        self.reason_mut().facts.push(fact.into());
        self
    }

    /// The same with what is left in Azure, and is billed.
    #[must_use]
    pub fn with_kept(mut self, kept: impl Into<Words>) -> Self {
        self.reason_mut().kept.push(kept.into());
        self
    }

    /// The same without what was left in Azure when it happened: by now it is gone.
    #[must_use]
    pub fn without_kept(mut self) -> Self {
        if let Some(reason) = &mut self.reason {
            reason.kept.clear();
        }
        self.source = self.source.map(|cause| match cause.downcast::<Self>() {
            Ok(ours) => Cause::from(Box::new(ours.without_kept())),
            Err(other) => other,
        });
        self
    }

    /// The same with a thing to do and the command for it; several are done in this order. They take the place of a
    /// hint, also of one that a layer around it has.
    #[must_use]
    pub fn with_next(mut self, text: impl Into<Words>, command: impl Into<Option<Command>>) -> Self {
        self.reason_mut().next.push(Next {
            text: text.into(),
            command: command.into(),
        });
        self
    }

    /// The same with a service's own words, for an answer that is not a refusal: `Batch: AllocationFailed: …`.
    #[must_use]
    pub fn with_words_of_service(mut self, said: impl Into<String>) -> Self {
        self.reason_mut().said.push(said.into());
        self
    }

    /// The same with the address of a page about it.
    #[must_use]
    pub fn with_page(mut self, address: impl Into<String>) -> Self {
        self.reason_mut().page = Some(address.into());
        self
    }

    fn reason_mut(&mut self) -> &mut Reason {
        self.reason.get_or_insert_default()
    }

    /// The same with its cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// The same with the sentence that says what to do; it may name options.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Words>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A refusal by a service; `judge` says of which kind it is.
    #[must_use]
    pub fn of_service(kind: ErrorKind, doing: impl Into<Words>, refusal: ServiceError) -> Self {
        Self {
            service: Some(Box::new(refusal)),
            ..Self::new(kind, doing)
        }
    }

    /// A layer around this error: it keeps the kind and says what was being done above.
    #[must_use]
    pub fn while_doing(self, doing: impl Into<Words>) -> Self {
        Self {
            kind: self.kind,
            doing: doing.into(),
            hint: None,
            reason: None,
            service: None,
            source: Some(Box::new(self)),
        }
    }

    /// The layer of a whole flow around this error: what the user asked for and so knows. Readers of a failure are not
    /// shown it.
    #[must_use]
    pub fn in_flow(self, doing: impl Into<Words>) -> Self {
        let mut whole = self.while_doing(doing);
        whole.reason_mut().place = Place::Nowhere;
        whole
    }

    /// What this layer says, and the reason that was given with it.
    pub(crate) const fn layer(&self) -> (&Words, Option<&Words>, Option<&Reason>) {
        // `as_deref` of an option is not for constants.
        let reason = match &self.reason {
            Some(reason) => Some(&**reason),
            None => None,
        };
        (&self.doing, self.hint.as_ref(), reason)
    }

    /// The causes of ours, this layer first.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |layer| layer.cause_of_ours())
    }

    /// What the caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether this layer or one below says what to do, as steps.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.layers()
            .any(|layer| layer.reason.as_ref().is_some_and(|reason| !reason.next.is_empty()))
    }

    /// The service's own refusal, of this layer or the one below that has it.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceError> {
        self.service
            .as_deref()
            .or_else(|| self.cause_of_ours().and_then(Self::service))
    }

    /// The hint nearest to the reader, this layer's or else a cause's, as users of a template read it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let steps = self.layers().filter_map(|layer| layer.reason.as_ref());
        let first = steps.flat_map(|reason| &reason.next).next();
        match first.and_then(|next| next.command.as_ref().map(|command| (&next.text, command))) {
            Some((text, command)) if self.hint.is_none() => Some(format!("{text}: {command}")),
            _ => self.hint_words().map(ToString::to_string),
        }
    }

    /// The same hint, to be spelled for a door.
    #[must_use]
    pub fn hint_words(&self) -> Option<&Words> {
        self.hint
            .as_ref()
            .or_else(|| self.reason.as_ref()?.next.first().map(|next| &next.text))
            .or_else(|| self.cause_of_ours().and_then(Self::hint_words))
    }

    fn cause_of_ours(&self) -> Option<&Self> {
        self.source.as_ref().and_then(|cause| cause.downcast_ref())
    }

    /// The refusal by the service that was asked; `None` when signing in was refused, which says nothing of the
    /// request.
    #[must_use]
    pub fn refusal_of_request(&self) -> Option<&ServiceError> {
        self.service().filter(|refusal| refusal.by == RefusedBy::Service)
    }

    /// Whether the service that was asked answered with this HTTP status.
    #[must_use]
    pub fn has_status(&self, status: u16) -> bool {
        self.refusal_of_request()
            .is_some_and(|refusal| refusal.status == status)
    }

    /// Whether the service that was asked answered with this code; codes compare without case.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.refusal_of_request()
            .is_some_and(|refusal| refusal.code.eq_ignore_ascii_case(code))
    }

    /// The text for a person, with options named as a template names them; see [`Self::report_for`].
    #[must_use]
    pub fn report(&self) -> String {
        self.report_for(Door::Template)
    }

    /// The text for users of a door: one layer a line, then what is known and left, the service's words, and what to do:
    /// the steps of the outermost layer that has some, or the hint. No line repeats another.
    #[must_use]
    pub fn report_for(&self, door: Door) -> String {
        let mut lines = vec![self.doing.spelled(door)];
        let mut cause = self.source();
        while let Some(layer) = cause {
            let text = match (layer.downcast_ref::<Self>(), layer.downcast_ref::<Faults>()) {
                (Some(ours), _) => ours.doing.spelled(door),
                (None, Some(faults)) => faults.spelled(door),
                (None, None) => layer.to_string(),
            };
            if !lines.iter().any(|line| line.contains(&text)) {
                lines.push(text);
            }
            cause = layer.source();
        }
        let mut report = lines.join("\n  caused by: ");
        for reason in self.layers().filter_map(|layer| layer.reason.as_deref()) {
            let facts = reason.facts.iter().chain(&reason.kept);
            let facts = facts.map(|fact| fact.spelled(door));
            for known in facts.chain(reason.said.iter().cloned()) {
                if !report.contains(&known) {
                    report.push_str(&format!("\n  {known}"));
                }
            }
        }
        let mut reasons = self.layers().filter_map(|layer| layer.reason.as_deref());
        let steps = reasons.find(|reason| !reason.next.is_empty());
        for step in steps.iter().flat_map(|reason| &reason.next) {
            let command = step.command.as_ref().map(|command| format!(": {command}"));
            let (text, command) = (step.text.spelled(door), command.unwrap_or_default());
            report.push_str(&format!("\n  next: {text}{command}"));
        }
        if let (None, Some(hint)) = (steps, self.hint_words()) {
            report.push_str("\n  hint: ");
            report.push_str(&hint.spelled(door));
        }
        report
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.doing.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let service = self
            .service
            .as_deref()
            .map(|refusal| refusal as &(dyn StdError + 'static));
        service.or_else(|| self.source.as_deref().map(|cause| cause as &(dyn StdError + 'static)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{options::pool, settings::fault::Fault, words};

    #[test]
    fn what_was_left_at_first_can_be_taken_back() {
        let inner = Error::new(ErrorKind::PartlyReached, "2 of 2 nodes are bad").with_kept("its 2 nodes are billed");
        let error = inner.while_doing("cannot try the image").without_kept();
        assert!(!error.report().contains("billed"), "{}", error.report());
        let error = Error::new(ErrorKind::Returned, "it went back").because(error);
        assert!(error.report().contains("2 of 2 nodes are bad"), "{}", error.report());
    }

    #[test]
    fn a_report_names_options_as_the_users_of_each_door_know_them() {
        let faults = vec![
            Fault::new(pool::VM_SIZE, "is needed to create the pool"),
            Fault::new(pool::NODE_AGENT_SKU_ID, "is needed to create the pool"),
        ];
        let error = Error::new(ErrorKind::BadInput, "the settings cannot be used")
            .because(Faults(faults))
            .with_hint(words!["give them, or ", pool::POOL_JSON])
            .while_doing(words!["cannot roll out with ", pool::POOL_ID]);
        insta::assert_snapshot!(error.report_for(Door::Flag), @r"
        cannot roll out with --pool-id
          caused by: the settings cannot be used
          caused by: --vm-size: is needed to create the pool
          --node-agent-sku-id: is needed to create the pool
          hint: give them, or --pool-json
        ");
        assert!(
            error.report().ends_with("hint: give them, or pool_json"),
            "{}",
            error.report()
        );
    }

    #[test]
    fn what_is_known_and_what_is_left_are_no_causes() {
        let cause = Error::plain(ErrorKind::NoRights, "the right a/read is missing")
            .with_fact("application x lacks it")
            .with_kept("nothing was changed")
            .with_words_of_service("Batch: no: go away")
            .with_next("give it the role", None);
        let error = cause.while_doing("cannot read it").with_fact("application x lacks it");
        insta::assert_snapshot!(error.report(), @r"
        cannot read it
          caused by: the right a/read is missing
          application x lacks it
          nothing was changed
          Batch: no: go away
          next: give it the role
        ");
    }

    #[test]
    fn a_report_has_one_layer_a_line_and_the_hint_last() {
        let cause =
            Error::new(ErrorKind::NeverSent, "cannot reach https://127.0.0.1:1").with_hint("is the proxy right?");
        let error = cause
            .while_doing("cannot read snapshot s1")
            .while_doing("cannot publish 1.0.0");
        insta::assert_snapshot!(error.report(), @r"
        cannot publish 1.0.0
          caused by: cannot read snapshot s1
          caused by: cannot reach https://127.0.0.1:1
          hint: is the proxy right?
        ");
    }
}
