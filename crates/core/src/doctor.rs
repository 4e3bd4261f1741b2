//! Whether this identity can do its work: sign-in, account, rights and registration, one answer a check; and which former
//! pools of the account are kept.
//!
//! It goes on after a failure, so that one run shows everything. It writes nothing.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Serialize;

use crate::{
    arm::{provider::Registration, subscription},
    batch::{
        account, node,
        pool::{self, Pool},
    },
    claims::Claims,
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId},
    options::pool::ACCOUNT,
    preflight,
    progress::Span,
    rights::{self, Naming, Need, Remedy, Rights},
    rollout::{self, MadeBy},
    settings::{AccountRef, Checked, DoctorSettings},
    words::plural,
};

/// The schema that reports have today.
const SCHEMA: u32 = 1;

/// By how much clocks differ when it is worth a line: Entra ID lets some minutes pass, and less is no fault.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// The check of a right that every roll-out needs.
const RIGHT: &str = "right";

/// Everything that was checked.
#[derive(Debug, Serialize)]
pub struct DoctorReport {
    /// The schema of this report.
    pub schema_version: u32,
    /// What the last assertion said of itself, when one was used.
    pub assertion: Option<Claims>,
    /// The checks, in their order.
    pub checks: Vec<Diagnosis>,
    /// What gives the rights that are missing.
    pub remedy: Option<Remedy>,
}

/// One check.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// What was checked, e.g. `sign-in to ARM`.
    pub check: String,
    /// What came of it.
    pub state: State,
    /// One line: what was seen, or why it could not be.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What a failure means for the exit code.
    #[serde(skip)]
    pub kind: Option<ErrorKind>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// It works, and less is possible than could be.
    Limited,
    /// It could not be checked.
    Unknown,
}

impl DoctorReport {
    /// The first failure's kind; nothing when all is well.
    #[must_use]
    pub fn failure(&self) -> Option<ErrorKind> {
        let bad = self.checks.iter().filter(|check| check.state == State::Bad);
        bad.filter_map(|check| check.kind).next()
    }

    fn add(&mut self, check: impl Into<String>, state: State, text: impl Into<String>) {
        self.checks.push(Diagnosis {
            check: check.into(),
            state,
            text: text.into(),
            hint: None,
            kind: None,
        });
    }

    /// Adds what a question came to; a failure is bad.
    fn answered<T>(&mut self, check: &str, answer: Result<T>, good: impl FnOnce(&T) -> String) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.add(check, State::Good, good(&answer));
                Some(answer)
            }
            Err(error) => {
                self.failed(check, State::Bad, &error);
                None
            }
        }
    }

    /// Says when the clocks differ. Runs go by Azure's; what is signed before its first answer does not.
    fn compare_clocks(&mut self, behind: SignedDuration) {
        if behind.unsigned_abs() < CLOCKS_DIFFER {
            return;
        }
        let minutes = (behind.unsigned_abs().as_secs() + 30) / 60;
        let span = Span(minutes * 60);
        let is = if behind.is_positive() { "behind" } else { "ahead of" };
        self.checks.push(Diagnosis {
            check: "clock".to_owned(),
            state: State::Limited,
            text: format!("this machine's clock is {span} {is} Azure's; runs go by Azure's"),
            hint: Some("set this machine's clock: sign-in with a certificate fails when it is far off".to_owned()),
            kind: None,
        });
    }

    fn failed(&mut self, check: &str, state: State, error: &Error) {
        let hint = error.hint();
        let text = error.report();
        let text = match &hint {
            Some(hint) => ["hint", "next"]
                .iter()
                .fold(text, |text, kind| text.replace(&format!("\n  {kind}: {hint}"), "")),
            None => text,
        };
        self.checks.push(Diagnosis {
            check: check.to_owned(),
            state,
            text,
            hint,
            kind: Some(error.kind()),
        });
    }
}

/// Checks everything that the settings name.
///
/// # Errors
/// Only when the run ends.
pub async fn run(client: &Client, settings: &Checked<DoctorSettings>) -> Result<DoctorReport> {
    let mut report = DoctorReport {
        schema_version: SCHEMA,
        assertion: None,
        checks: Vec::new(),
        remedy: None,
    };
    let listed = client.list(&subscription::list()).await;
    let signed_in = over(listed)?;
    let seen = |all: &Vec<serde_json::Value>| format!("token accepted; {} in sight", plural(all.len(), "subscription"));
    let is_signed_in = report.answered("sign-in to ARM", signed_in, seen).is_some();
    report.assertion = client.presented();
    report.compare_clocks(client.run().behind_azure());
    if is_signed_in {
        let endpoint = check_account(client, settings.account.as_ref(), &mut report).await?;
        if let Some(endpoint) = endpoint {
            let counted = over(client.list(&node::count(&endpoint, None)).await)?;
            let pools = |pools: &Vec<serde_json::Value>| format!("token accepted; {}", plural(pools.len(), "pool"));
            if report.answered("sign-in to Batch", counted, pools).is_some() {
                check_former(client, &endpoint, &mut report).await?;
            }
        }
        check_rights(client, settings, &mut report).await?;
        check_registration(client, settings, &mut report).await?;
    }
    Ok(report)
}

/// An error of a question is an answer here, unless the run is over.
fn over<T>(answer: Result<T>) -> Result<Result<T>> {
    match answer {
        Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline) => Err(error),
        answer => Ok(answer),
    }
}

async fn check_account(
    client: &Client,
    account: Option<&AccountRef>,
    report: &mut DoctorReport,
) -> Result<Option<BatchEndpoint>> {
    let id = match account {
        None => return Ok(None),
        Some(AccountRef::Endpoint(endpoint)) => {
            report.add(
                "Batch account",
                State::Unknown,
                "given by its endpoint alone: ARM was not asked",
            );
            return Ok(Some(endpoint.clone()));
        }
        Some(AccountRef::Id(id)) => id,
    };
    let read = over(account::read(client, id, ACCOUNT).await)?;
    let shown = |account: &account::Account| {
        format!(
            "{} in {}, nodes use the quota of {}, Entra ID may sign in",
            account.id.name(),
            account.location,
            account.allocation.whose_quota()
        )
    };
    Ok(report
        .answered("Batch account", read, shown)
        .map(|account| account.endpoint))
}

/// The pools that roll-outs to a second pool have left, each with its time. Without any of them there is nothing to say.
async fn check_former(client: &Client, endpoint: &BatchEndpoint, report: &mut DoctorReport) -> Result<()> {
    let check = "former pools";
    let listed = match over(client.list(&pool::list(endpoint)).await)? {
        Ok(listed) => listed,
        Err(error) => {
            report.failed(check, State::Unknown, &error);
            return Ok(());
        }
    };
    let now = client.run().now();
    let all: Vec<Pool> = listed.into_iter().map(Pool::new).collect();
    let find = |id: &PoolId| all.iter().find(|pool| pool.is_called(id));
    for found in &all {
        let (Some(id), Some(successor)) = (found.id(), rollout::successor(found)) else {
            continue;
        };
        let kept = format!("{id}: pool {} does its work", successor.pool);
        if let Some(why) = rollout::no_return_to(client, endpoint, found).await? {
            let text = format!("{kept}; a return is not possible, as its image version {why}");
            report.add(check, State::Limited, text);
            continue;
        }
        match successor.kept_until {
            Some(until) if until <= now => {
                let day = until.strftime("%Y-%m-%d");
                let then = match successor.former_made_by {
                    MadeBy::RollOuts => "and the next roll-out deletes it",
                    MadeBy::Others => "and no roll-out deletes it, as none has made it",
                };
                let text = format!("{kept}; it was kept until {day}, {then}");
                report.add(check, State::Limited, text);
            }
            Some(until) => {
                let text = format!("{kept}; it is kept until {} for a return", until.strftime("%Y-%m-%d"));
                report.add(check, State::Good, text);
            }
            None => report.add(check, State::Good, format!("{kept}; it is kept for a return")),
        }
        let Some(doer) = rollout::does_work_of(found, find) else {
            continue;
        };
        match over(rollout::read_stranded(client, endpoint, (found, doer)).await)? {
            Ok(None) => {}
            Ok(Some(stranded)) => report.add("jobs of former pools", State::Limited, stranded.to_string()),
            Err(error) => report.failed("jobs of former pools", State::Unknown, &error),
        }
    }
    Ok(())
}

async fn check_rights(client: &Client, settings: &DoctorSettings, report: &mut DoctorReport) -> Result<()> {
    let version = settings.version.as_ref();
    let image = version.map(|version| {
        version
            .known()
            .map_or_else(|| version.definition().to_string(), ToString::to_string)
    });
    let account = settings.account.as_ref();
    let mut groups = vec![(RIGHT, rights::pool_work(account, image.as_deref(), Naming::Named))];
    if let Some(AccountRef::Id(id)) = account {
        groups.extend(rights::of_some_roll_outs(id));
    }
    let needs = groups.iter().flat_map(|(_, needs)| needs.iter().cloned());
    let rights = rights::check(client, needs.collect()).await?;
    show_rights(&rights, &groups, report);
    if !rights.missing.is_empty() {
        let identity = client.identity();
        report.remedy = Some(Remedy::of(rights.missing.iter(), identity.as_deref()));
    }
    Ok(())
}

/// Each right under what needs it.
fn show_rights(rights: &Rights, groups: &[(&str, Vec<Need>)], report: &mut DoctorReport) {
    let check = |need: &Need| {
        let group = groups.iter().find(|(_, needs)| needs.contains(need));
        group.map_or(RIGHT, |(check, _)| check).to_owned()
    };
    for need in &rights.held {
        report.add(
            check(need),
            State::Good,
            format!("{} {}", need.action.name(), need.purpose),
        );
    }
    for need in &rights.missing {
        let text = format!("{} {}, on {}", need.action.name(), need.purpose, need.scope);
        let (state, kind) = match need.without {
            rights::Without::Fails => (State::Bad, Some(ErrorKind::NoRights)),
            rights::Without::Skips => (State::Limited, None),
        };
        report.checks.push(Diagnosis {
            check: check(need),
            state,
            text: format!("missing: {text}"),
            hint: None,
            kind,
        });
    }
    for (scope, why) in &rights.unread {
        report.add(RIGHT, State::Unknown, format!("cannot be asked on {scope}: {why}"));
    }
}

async fn check_registration(client: &Client, settings: &DoctorSettings, report: &mut DoctorReport) -> Result<()> {
    let Some(subscription) = settings
        .version
        .as_ref()
        .and_then(|version| version.definition().gallery().group().subscription().parse().ok())
    else {
        return Ok(());
    };
    let check = "Microsoft.Batch registered";
    match over(preflight::registration(client, &subscription).await)? {
        Ok(Registration::Registered) => report.add(check, State::Good, format!("in subscription {subscription}")),
        Ok(Registration::Registering) => report.add(check, State::Limited, format!("under way in {subscription}")),
        Ok(Registration::Missing) => report.checks.push(Diagnosis {
            check: check.to_owned(),
            state: State::Bad,
            text: format!("not in the image's subscription {subscription}"),
            hint: Some(format!(
                "az provider register --namespace Microsoft.Batch --subscription {subscription}"
            )),
            kind: Some(ErrorKind::Refused),
        }),
        Err(error) => report.failed(check, State::Unknown, &error),
    }
    Ok(())
}
