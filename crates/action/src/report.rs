//! How a run ended, in one value: the report file, the outputs, the summary and the exit code are all made of it.
//!
//! It is made of what core says and decides only words; it writes nothing.

use azure_batch_core::{
    error::{Error, ErrorKind},
    ids::{NodeAgentSku, PoolId, VmSize, resource::ImageVersionId},
    rollout::{Outcome, PoolAction, RolloutReport},
    settings::{AccountRef, Fault, RolloutSettings, Targets},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::options;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `created`, `resized`, `joined`, `unchanged`; after a failure the word of its kind, e.g. `quota`.
    pub result: &'static str,
    /// The exit code.
    pub exit_code: u8,
    /// When the run ended.
    pub ended_at: Timestamp,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// What was asked for; absent when the inputs were not usable.
    pub asked: Option<Asked>,
    /// What core reports; absent when the run did not get that far.
    pub rollout: Option<RolloutReport>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// The pool.
    pub pool: PoolId,
    /// The account: its id or its endpoint.
    pub account: String,
    /// The version.
    pub version: ImageVersionId,
    /// The VM size.
    pub vm_size: Option<VmSize>,
    /// The node agent SKU.
    pub node_agent_sku: Option<NodeAgentSku>,
    /// How many nodes.
    pub targets: Targets,
    /// How many resize rounds at most.
    pub attempts: u32,
}

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

/// When a run ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// The time of day.
    pub at: Timestamp,
    /// Since its start.
    pub seconds: u64,
}

impl Asked {
    /// What the settings ask for.
    #[must_use]
    pub fn of(settings: &RolloutSettings) -> Self {
        Self {
            pool: settings.pool.clone(),
            account: match &settings.account {
                AccountRef::Id(id) => id.to_string(),
                AccountRef::Endpoint(endpoint) => endpoint.to_string(),
            },
            version: settings.version.clone(),
            vm_size: settings.vm_size.clone(),
            node_agent_sku: settings.node_agent_sku.clone(),
            targets: settings.targets,
            attempts: settings.resize.rounds,
        }
    }

    /// Nodes that were asked for and count towards readiness.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        if self.targets.counts_spot() {
            self.targets.dedicated.saturating_add(self.targets.spot)
        } else {
            self.targets.dedicated
        }
    }
}

impl Failure {
    /// The failure that core ended with.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let report = error.report();
        let hint = error.hint().map(options::in_our_names);
        let reason = match error.hint() {
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

    /// Faults of the inputs.
    #[must_use]
    pub fn of_inputs(faults: &[Fault]) -> Self {
        Self {
            kind: kind_in_words(ErrorKind::BadInput),
            reason: faults.iter().map(ToString::to_string).collect(),
            hint: None,
            next: next_step(ErrorKind::BadInput),
            service_code: None,
            request_id: None,
        }
    }

    /// The reason, the remedy and the way on, for a log; no longer than a screen.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = on_one_screen(&self.reason);
        if let Some(hint) = &self.hint {
            lines.push(format!("  hint: {}", cut(hint)));
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

impl Report {
    /// The report of a roll-out that core ran.
    #[must_use]
    pub fn of_outcome(asked: Asked, outcome: Outcome, ending: Ending) -> Self {
        let action = outcome.report.action;
        let mut report = match outcome.result {
            Ok(()) => Self::ended(action_word(action), 0, ending),
            Err(error) => Self::of_error(&error, ending),
        };
        report.asked = Some(asked);
        report.rollout = Some(outcome.report);
        report
    }

    /// The report of a run that failed before the roll-out began.
    #[must_use]
    pub fn of_error(error: &Error, ending: Ending) -> Self {
        let kind = error.kind();
        Self {
            failure: Some(Failure::of(error)),
            ..Self::ended(kind.code(), kind.exit_code().0, ending)
        }
    }

    /// The report of a run whose inputs were not usable.
    #[must_use]
    pub fn of_faults(faults: &[Fault], ending: Ending) -> Self {
        let kind = ErrorKind::BadInput;
        Self {
            failure: Some(Failure::of_inputs(faults)),
            ..Self::ended(kind.code(), kind.exit_code().0, ending)
        }
    }

    const fn ended(result: &'static str, exit_code: u8, ending: Ending) -> Self {
        Self {
            result,
            exit_code,
            ended_at: ending.at,
            seconds: ending.seconds,
            asked: None,
            rollout: None,
            failure: None,
        }
    }

    /// Nodes that were asked for and count.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.asked.as_ref().map_or(0, Asked::wanted)
    }

    /// Nodes that are ready.
    #[must_use]
    pub fn ready(&self) -> u32 {
        self.rollout.as_ref().map_or(0, |rollout| rollout.ready)
    }

    /// How many resize rounds there were.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.rollout.as_ref().map_or(0, |rollout| rollout.rounds.len())
    }

    /// One line that says it all: the headline of the summary and the title of the annotation.
    #[must_use]
    pub fn headline(&self) -> String {
        let pool = self.asked.as_ref().map(|asked| format!("Pool {}", asked.pool));
        let subject = pool.as_deref().unwrap_or("Azure Batch pool");
        match (&self.failure, &self.asked) {
            (Some(failure), _) if self.attempts() > 0 => {
                let (ready, wanted) = (self.ready(), self.wanted());
                format!("{subject}: {}, {ready} of {wanted} nodes ready", failure.kind)
            }
            (Some(failure), _) => format!("{subject}: {}", failure.kind),
            (None, Some(asked)) => {
                let (ready, wanted, version) = (self.ready(), self.wanted(), asked.version.name());
                format!(
                    "{subject} {}: {ready} of {wanted} nodes ready on image version {version}",
                    self.result
                )
            }
            (None, None) => format!("{subject}: {}", self.result),
        }
    }
}

const fn action_word(action: PoolAction) -> &'static str {
    match action {
        PoolAction::Created => "created",
        PoolAction::Resized => "resized",
        PoolAction::Joined => "joined",
        PoolAction::Unchanged | PoolAction::None => "unchanged",
    }
}

/// The exit codes' words.
const fn kind_in_words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadInput => "bad input",
        ErrorKind::NoRights => "no rights",
        ErrorKind::Quota => "quota or limit",
        ErrorKind::PartlyReached => "partly reached",
        ErrorKind::Deadline => "deadline passed",
        ErrorKind::Refused => "refused for safety",
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
        ErrorKind::NoRights => "check tenant, application and its rights, then run the same again",
        ErrorKind::Quota => "raise the quota or ask for less, then run again",
        ErrorKind::PartlyReached => "run the same again: it goes on from the nodes that are there",
        ErrorKind::Deadline => "run the same again: it goes on from here; a longer deadline saves the repeat",
        ErrorKind::Refused => "choose one of the ways that the reason names, then run again",
        ErrorKind::Azure => "remove the reason, then run the same again",
        ErrorKind::NeverSent => "check address, proxy and ca-file, then run the same again",
        ErrorKind::UnknownEffect | ErrorKind::Cancelled => "run the same again: it looks first at what is there",
    }
}

/// Lines of a reason that fit on a screen together with hint and way on.
const SCREEN_LINES: usize = 20;

/// Letters of a line before it is cut: two rows of a usual terminal.
const LINE_LETTERS: usize = 240;

fn on_one_screen(lines: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = lines.iter().take(SCREEN_LINES).map(|line| cut(line)).collect();
    if let Some(left @ 1..) = lines.len().checked_sub(SCREEN_LINES) {
        shown.push(format!("  … and {left} more lines, in the report file"));
    }
    shown
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LINE_LETTERS) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
