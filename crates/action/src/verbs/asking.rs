//! What verbs without files and without a deployment share: read, sign in, work, and say how it ended.
//!
//! What a verb does, and how its result looks, is the verb's own.

use std::sync::Arc;

use azure_batch_core::{
    client::Client,
    connect::connect,
    error::Result,
    https::Authorities,
    settings::{Asked, Checked, Values, fault::Fault},
};
use serde::Serialize;

use crate::{
    console::Console,
    environment::Environment,
    github::runner::Runner,
    report::Report,
    run::{Stopwatch, Watch, hide_secrets, open_https},
    values::Given,
    verbs::sign_in::{authorities, missing_permission},
};

/// What a verb was asked for, valid by construction.
pub(super) struct Request<Settings> {
    asked: Asked<Settings>,
    authorities: Authorities,
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

/// Reads, signs in and works. The work's result, or the exit code of a run whose failure has been shown.
pub(super) async fn ask<Settings, T>(
    given: &mut Given,
    (runner, environment): (&Runner, &dyn Environment),
    console: &mut Console,
    read: impl FnOnce(&Values) -> Result<Asked<Settings>, Vec<Fault>>,
    work: impl AsyncFnOnce(&Client, &Checked<Settings>) -> Result<T>,
) -> Result<T, u8> {
    hide_secrets(given, console);
    let stopwatch = Stopwatch::start();
    let request = match Request::read(given, runner, read) {
        Ok(request) => request,
        Err(faults) => {
            let faults = faults.iter().map(|fault| given.spelled(fault)).collect();
            return Err(failed(&Report::of_faults(faults, stopwatch.ending()), console));
        }
    };
    let outcome = work_in(&request, environment, console, work).await;
    outcome.map_err(|error| {
        let report = Report::of_error(&error, stopwatch.ending(), given.door());
        failed(&report, console)
    })
}

/// Shows a result to programs.
pub(super) fn show_result(result: &impl Serialize, console: &mut Console) {
    console.object(&Ended {
        event: "result",
        report: result,
    });
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

/// The last words of a run that failed; returns the exit code.
fn failed(report: &Report, console: &mut Console) -> u8 {
    console.remove_bars();
    console.end_group();
    if let Some(failure) = &report.failure {
        console.fail(&report.headline(), failure);
    }
    show_result(report, console);
    report.exit_code
}
