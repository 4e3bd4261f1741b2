//! `doctor`: whether this identity can do its work, one answer a line, and what to type where it cannot.
//!
//! What is checked is decided in core; this file only shows it.

use azure_batch_core::{
    doctor::{self, Diagnosis, DoctorReport, State},
    settings,
};

use super::asking::ask;
use crate::{
    console::{Console, table::Table},
    environment::Environment,
    github::runner::Runner,
    report::answer::Answer,
    values::Given,
};

/// Checks and shows; returns the exit code.
pub async fn run(given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let look = async |client: &_, settings: &_| doctor::run(client, settings).await;
    ask(given, (runner, environment), console, settings::doctor, (look, answer)).await
}

fn answer(report: &DoctorReport) -> Answer {
    let (word, exit_code) = match report.failure() {
        None => ("good", 0),
        Some(kind) => (kind.code(), kind.exit_code().0),
    };
    let mut answer = Answer::new(word, exit_code, headline(report));
    if let Some(claims) = &report.assertion {
        answer = answer.line(format!("the CI job's token says: {claims}"));
        if let Some(other) = &claims.other_subject {
            answer = answer.line(format!(
                "  a federated credential needs that subject exactly; the other of GitHub's two forms, {other}, does not fit"
            ));
        }
    }
    let mut table = Table::new(["state", "check", "found"]);
    for check in &report.checks {
        table.row([sign(check.state).to_owned(), check.check.clone(), first_line(check)]);
    }
    answer = answer.table(table);
    answer = report.checks.iter().fold(answer, details);
    match &report.remedy {
        Some(remedy) => answer.commands(remedy),
        None => answer,
    }
}

/// What does not fit into a table: further lines of a failure, and what to do.
fn details(answer: Answer, check: &Diagnosis) -> Answer {
    let answer = answer.lines(check.text.lines().skip(1));
    match &check.hint {
        Some(hint) => answer.line(format!("  hint for {}: {hint}", check.check)),
        None => answer,
    }
}

fn first_line(check: &Diagnosis) -> String {
    check.text.lines().next().unwrap_or_default().to_owned()
}

const fn sign(state: State) -> &'static str {
    match state {
        State::Good => "ok",
        State::Bad => "FAILED",
        State::Limited => "limited",
        State::Unknown => "unknown",
    }
}

fn headline(report: &DoctorReport) -> String {
    let count = |state| report.checks.iter().filter(|check| check.state == state).count();
    let (all, good) = (report.checks.len(), count(State::Good));
    match count(State::Bad) {
        0 if good == all => format!("all {all} checks passed"),
        0 => {
            let others = [State::Limited, State::Unknown].map(|state| (count(state), sign(state)));
            let others = others.iter().filter(|(count, _)| *count > 0);
            let others: Vec<String> = others.map(|(count, sign)| format!("{count} {sign}")).collect();
            format!("no check failed: {good} of {all} passed, {}", others.join(", "))
        }
        bad => format!("{bad} of {all} checks failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(states: &[State]) -> String {
        let check = |state: &State| Diagnosis {
            check: "right".to_owned(),
            state: *state,
            text: String::new(),
            hint: None,
            kind: None,
        };
        headline(&DoctorReport {
            schema_version: 1,
            assertion: None,
            checks: states.iter().map(check).collect(),
            remedy: None,
        })
    }

    #[test]
    fn all_checks_have_passed_only_when_nothing_is_lacking() {
        use State::{Bad, Good, Limited, Unknown};
        assert_eq!(said(&[Good, Good]), "all 2 checks passed");
        assert_eq!(
            said(&[Good, Limited, Limited]),
            "no check failed: 1 of 3 passed, 2 limited"
        );
        assert_eq!(
            said(&[Good, Limited, Unknown]),
            "no check failed: 1 of 3 passed, 1 limited, 1 unknown"
        );
        assert_eq!(said(&[Good, Limited, Bad]), "1 of 3 checks failed");
    }
}
