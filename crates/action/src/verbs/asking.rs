//! What verbs without a deployment share: read, sign in, work, and say how it ended, in the log and in files.
//!
//! What a verb does, and how its result looks, is the verb's own.

use std::{path::PathBuf, sync::Arc};

use azure_batch_core::{
    client::Client,
    connect::connect,
    error::{Error, Result},
    https::Authorities,
    settings::{Asked, Checked, Values, fault::Fault},
};
use serde::Serialize;

use crate::{
    console::{Console, Grade},
    environment::Environment,
    github::runner::{Runner, Starter},
    report::{
        Report, SOMETHING_TO_ACT_ON,
        answer::Answer,
        outputs::{self, Unwritten},
    },
    run::{Stopwatch, Watch, hide_secrets, open_https},
    values::Given,
    verbs::{
        rollout::report_path,
        sign_in::{advised, authorities, missing_permission},
    },
};

/// What a verb was asked for, valid by construction.
struct Request<Settings> {
    asked: Asked<Settings>,
    authorities: Authorities,
}

/// Where the end of a run is written down.
pub(super) struct Desk<'a> {
    runner: &'a Runner,
    report_path: Option<PathBuf>,
    stopwatch: Stopwatch,
}

/// The last JSON line.
#[derive(Serialize)]
struct Ended<'a, T> {
    event: &'static str,
    #[serde(flatten)]
    report: &'a T,
}

impl<Settings> Request<Settings> {
    fn read(
        given: &mut Given,
        runner: &Runner,
        read: impl FnOnce(&Values) -> Result<Asked<Settings>, Vec<Fault>>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = given.read_files();
        let asked = read(given.values()).map_err(|found| faults.extend(found));
        faults.extend(missing_permission(given, runner));
        let authorities = authorities(given).map_err(|fault| faults.push(fault));
        match (asked, authorities) {
            (Ok(asked), Ok(authorities)) if faults.is_empty() => Ok(Self { asked, authorities }),
            _ => Err(faults),
        }
    }
}

impl<'a> Desk<'a> {
    /// The run begins now.
    pub(super) fn open(given: &Given, runner: &'a Runner) -> Self {
        Self {
            runner,
            report_path: report_path(given, runner),
            stopwatch: Stopwatch::start(),
        }
    }

    /// The same without anything that was given.
    pub(super) fn bare(runner: &'a Runner) -> Self {
        Self {
            runner,
            report_path: None,
            stopwatch: Stopwatch::start(),
        }
    }

    /// Says how the work ended, and writes its files; returns the exit code.
    pub(super) fn close(&self, answer: &Answer, result: &impl Serialize, console: &mut Console) -> u8 {
        let redactor = console.redactor().clone();
        let unwritten = outputs::write_answer(
            (answer, result),
            self.stopwatch.ending(),
            self.report_path.as_deref(),
            self.runner,
            &redactor,
        );
        begin_last_words(&unwritten, console);
        answer.show(console);
        show_result(result, console);
        exit_code_of(self.runner.starter, answer.exit_code)
    }

    /// The same for inputs that cannot be used.
    pub(super) fn refuse(&self, faults: Vec<String>, console: &mut Console) -> u8 {
        self.fail(&Report::of_faults(faults, self.stopwatch.ending()), console)
    }

    /// The same for work that failed.
    pub(super) fn fail_with(&self, error: &Error, given: &Given, console: &mut Console) -> u8 {
        let report = Report::of_error(error, self.stopwatch.ending(), given.door());
        self.fail(&advised(report, given, self.runner), console)
    }

    fn fail(&self, report: &Report, console: &mut Console) -> u8 {
        let redactor = console.redactor().clone();
        let unwritten = outputs::write_all(report, self.report_path.as_deref(), self.runner, &redactor);
        begin_last_words(&unwritten, console);
        if let Some(failure) = &report.failure {
            console.fail(&report.headline(), failure);
        }
        show_result(report, console);
        report.exit_code
    }
}

/// Reads, signs in, works, and says how it ended; returns the exit code.
pub(super) async fn ask<Settings, T: Serialize>(
    mut given: Given,
    (runner, environment): (&Runner, &dyn Environment),
    console: &mut Console,
    read: impl FnOnce(&Values) -> Result<Asked<Settings>, Vec<Fault>>,
    (work, answer): (
        impl AsyncFnOnce(&Client, &Checked<Settings>) -> Result<T>,
        impl FnOnce(&T) -> Answer,
    ),
) -> u8 {
    hide_secrets(&given, console);
    let desk = Desk::open(&given, runner);
    let request = match Request::read(&mut given, runner, read) {
        Ok(request) => request,
        Err(faults) => {
            let faults = faults.iter().map(|fault| given.spelled(fault)).collect();
            let report = Report::of_faults(faults, desk.stopwatch.ending());
            return desk.fail(&advised(report, &given, runner), console);
        }
    };
    // Once more: the files that were read now may hold some.
    hide_secrets(&given, console);
    match work_in(&request, environment, console, work).await {
        Ok(result) => desk.close(&answer(&result), &result, console),
        Err(error) => desk.fail_with(&error, &given, console),
    }
}

async fn work_in<Settings, T>(
    request: &Request<Settings>,
    environment: &dyn Environment,
    console: &mut Console,
    work: impl AsyncFnOnce(&Client, &Checked<Settings>) -> Result<T>,
) -> Result<T> {
    let https = open_https(request.authorities.clone(), environment)?;
    let mut watch = Watch::begin(console)?;
    let (asked, run) = (&request.asked, watch.run(request.asked.deadline));
    let connection = &asked.connection;
    let work = async {
        let client = connect(&connection.login, &connection.cloud, Arc::new(https), run).await?;
        work(&client, &asked.settings).await
    };
    watch.over(work).await.and_then(|ended| ended)
}

fn begin_last_words(unwritten: &[Unwritten], console: &mut Console) {
    console.end_frame();
    console.end_group();
    for unwritten in unwritten {
        console.annotate(Grade::Warning, "Azure Batch pool", &unwritten.to_string());
    }
}

/// The exit code of the process. A look that found something, and a plan with changes, did what they were asked for: in the
/// action they are no failure, and the outputs say what was found.
const fn exit_code_of(starter: Starter, exit_code: u8) -> u8 {
    match (starter, exit_code) {
        (Starter::Action, SOMETHING_TO_ACT_ON) => 0,
        (Starter::Action | Starter::CommandLine, code) => code,
    }
}

/// Shows a result to programs.
fn show_result(result: &impl Serialize, console: &mut Console) {
    console.object(&Ended {
        event: "result",
        report: result,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_to_act_on_fails_no_job_of_the_action_and_is_told_to_scripts() {
        let codes = |starter| [0, 5, 9, 10].map(|code| exit_code_of(starter, code));
        assert_eq!(codes(Starter::Action), [0, 5, 9, 0]);
        assert_eq!(codes(Starter::CommandLine), [0, 5, 9, 10]);
    }
}
