//! `doctor`: whether this identity can do its work, one answer a line, and what to type where it cannot.
//!
//! What is checked is decided in core; this file only shows it.

use azure_batch_core::{
    doctor::{self, Diagnosis, DoctorReport, State},
    settings,
};

use super::asking::{ask, show_result};
use crate::{
    console::{Console, table::Table},
    environment::Environment,
    github::runner::Runner,
    values::Given,
};

/// Checks and shows; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    let look = async |client: &_, settings: &_| doctor::run(client, settings).await;
    match ask(&mut given, (runner, environment), console, settings::doctor, look).await {
        Ok(report) => {
            show(&report, console);
            report.failure().map_or(0, |kind| kind.exit_code().0)
        }
        Err(exit_code) => exit_code,
    }
}

fn show(report: &DoctorReport, console: &mut Console) {
    console.remove_bars();
    console.end_group();
    if let Some(claims) = &report.assertion {
        console.line(format!("the CI job's token says: {claims}"));
        if let Some(other) = &claims.other_subject {
            console.line(format!(
                "  a federated credential needs that subject exactly; the other of GitHub's two forms, {other}, does not fit"
            ));
        }
    }
    let mut table = Table::new(["", "check", "found"]);
    for check in &report.checks {
        table.row([sign(check.state).to_owned(), check.check.clone(), first_line(check)]);
    }
    console.table(&table);
    for check in &report.checks {
        details(check, console);
    }
    if let Some(remedy) = &report.remedy {
        console.line(remedy);
    }
    console.line(headline(report));
    show_result(report, console);
}

/// What does not fit into a table: further lines of a failure, and what to do.
fn details(check: &Diagnosis, console: &mut Console) {
    for line in check.text.lines().skip(1) {
        console.line(line);
    }
    if let Some(hint) = &check.hint {
        console.line(format!("  hint for {}: {hint}", check.check));
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
    match count(State::Bad) {
        0 => format!("nothing stands in the way: {} checks passed", count(State::Good)),
        bad => format!("{bad} of {} checks failed", report.checks.len()),
    }
}
