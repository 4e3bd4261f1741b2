//! One roll-out from inputs to exit code: parse, sign in, roll out, write the files, show the deployment.
//!
//! How Azure is brought there is decided in core; what all verbs do alike is in `run`.

mod fleet;
mod request;

use std::{path::Path, sync::Arc};

use azure_batch_core::{
    connect::connect,
    error::{Error, Result},
    failure::Step,
    https::Https,
    ids::PoolId,
    options::Door,
    rollout::{self, RolloutOutcome},
    settings::{self, FleetSettings, fault::Fault},
};

use super::started::take_event;
use crate::{
    console::{Console, Grade},
    environment::Environment,
    github::{
        deployment::{Deployment, DeploymentRequest},
        runner::{Repository, Runner},
    },
    report::{Asked, Ending, Report, outputs},
    run::{Stopwatch, Watch, hide_secrets, open_https},
    signals::Signals,
    values::Given,
    verbs::sign_in::{advised, permission},
};

pub(super) use fleet::close as close_fleet;
pub use request::{Request, RolloutRequest};
pub(super) use request::{all_checked, report_path};

/// Where the end of a run is written down.
pub(super) struct Desk<'a> {
    /// How the user gives options, and so what they are called.
    door: Door,
    runner: &'a Runner,
    report_path: Option<&'a Path>,
    stopwatch: Stopwatch,
    /// What lets the job sign in, when it has no way yet.
    permission: Option<Step>,
}

/// The last JSON line.
#[derive(serde::Serialize)]
struct Ended<'a> {
    event: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

impl<'a> Desk<'a> {
    /// The run begins now.
    pub(super) fn open(given: &Given, runner: &'a Runner, report_path: Option<&'a Path>) -> Self {
        let door = given.door();
        Self {
            door,
            runner,
            report_path,
            stopwatch: Stopwatch::start(),
            permission: permission(given, runner, door),
        }
    }

    /// How the user gives options.
    pub(super) const fn door(&self) -> Door {
        self.door
    }

    /// The run ends now.
    pub(super) fn ending(&self) -> Ending {
        self.stopwatch.ending()
    }

    /// The same for a run that failed before the roll-out began.
    pub(super) fn close_with(&self, error: &Error, console: &mut Console) -> u8 {
        let report = Report::of_error(error, self.ending(), self.door);
        let first = self.permission.clone().filter(|_| report.is_sign_in_failed());
        let report = match first {
            Some(step) => report.with_first_step(step),
            None => report,
        };
        self.close(&report, console)
    }

    /// The last words and the files; returns the exit code.
    pub(super) fn close(&self, report: &Report, console: &mut Console) -> u8 {
        console.end_frame();
        console.end_group();
        let redactor = console.redactor().clone();
        for unwritten in outputs::write_all(report, self.report_path, self.runner, &redactor) {
            console.annotate(Grade::Warning, "Azure Batch pool", &unwritten.to_string());
        }
        remark_changed(report, console);
        match &report.failure {
            Some(failure) => console.fail(&report.headline(), failure),
            None => {
                console.annotate_rounds(report.pool().map(PoolId::as_str));
                if let Some(times) = report.times() {
                    console.line(times);
                }
                console.line(report.headline());
            }
        }
        console.object(&Ended {
            event: "result",
            report,
        });
        report.exit_code
    }
}

/// Remarks on the run's page what was changed of a pool while it has nodes.
pub(in crate::verbs) fn remark_changed(report: &Report, console: &mut Console) {
    if let (Some(pool), Some(changed)) = (report.pool(), report.changed_live()) {
        console.remark(&format!("{pool}: settings changed"), &changed);
    }
}

/// Rolls out as was asked for; returns the exit code.
pub async fn run(mut given: Given, runner: &Runner, environment: &dyn Environment, console: &mut Console) -> u8 {
    hide_secrets(&given, console);
    let report_path = report_path(&given, runner);
    let desk = Desk::open(&given, runner, report_path.as_deref());
    // From now on a signal ends the run with all its files, also before Azure or GitHub is asked.
    let mut signals = match Watch::listen() {
        Ok(signals) => signals,
        Err(error) => return desk.close_with(&error, console),
    };
    given.read_files();
    if let Err(error) = take_event(&mut given, (runner, environment), console, &mut signals).await {
        return desk.close_with(&error, console);
    }
    // Once more: the files that were read now may hold some.
    hide_secrets(&given, console);
    if settings::names_many_pools(given.values()) {
        let request = Request::<FleetSettings>::read(&mut given, runner);
        let (request, https, mut watch) = match open(request, (&given, environment), &desk, (console, signals)) {
            Ok(opened) => opened,
            Err(exit_code) => return exit_code,
        };
        return fleet::carry_out(&request, &https, &desk, &mut watch).await;
    }
    let request = RolloutRequest::read(&mut given, runner);
    let (request, https, mut watch) = match open(request, (&given, environment), &desk, (console, signals)) {
        Ok(opened) => opened,
        Err(exit_code) => return exit_code,
    };
    carry_out(&request, &https, &desk, &mut watch).await
}

/// A valid request, and what is needed to carry it out; the exit code when one of them is not to be had.
pub(super) fn open<'c, Settings>(
    request: Result<Request<Settings>, Vec<Fault>>,
    (given, environment): (&Given, &dyn Environment),
    desk: &Desk<'_>,
    (console, signals): (&'c mut Console, Signals),
) -> Result<(Request<Settings>, Https, Watch<'c>), u8> {
    let request = match request {
        Ok(request) => request,
        Err(faults) => {
            let faults = faults.iter().map(|fault| given.spelled(fault)).collect();
            let report = Report::of_faults(faults, desk.stopwatch.ending());
            return Err(desk.close(&advised(report, given, desk.runner), console));
        }
    };
    match open_https(request.authorities.clone(), environment) {
        Ok(https) => Ok((request, https, Watch::of(console, signals))),
        Err(error) => Err(desk.close(&Report::of_error(&error, desk.stopwatch.ending(), desk.door), console)),
    }
}

/// Runs a valid request, with its deployment around it. The files are written before GitHub is asked to show the end:
/// a runner that cancels a job leaves the program a few seconds only.
async fn carry_out(request: &RolloutRequest, https: &Https, desk: &Desk<'_>, watch: &mut Watch<'_>) -> u8 {
    let description = format!("Azure Batch pool {}", request.asked.settings.pool.id);
    let (repository, wanted) = (desk.runner.repository.as_ref(), request.deployment.as_ref());
    let deployment = begin_deployment(wanted, repository, https, watch, &description).await;
    let (settings, connection) = (&request.asked.settings, &request.asked.connection);
    let run = watch.run(request.asked.deadline);
    let work = async {
        let client = connect(&connection.login, &connection.cloud, Arc::new(https.clone()), run).await?;
        Ok(rollout::run(&client, settings).await)
    };
    let outcome = watch.over(work).await.and_then(|ended| ended);
    let report = report_of(request, outcome, desk);
    let exit_code = desk.close(&report, watch.console());
    if let Some(deployment) = deployment {
        let ended = watch.shortly(deployment.end(&report)).await;
        let ended = ended.map_err(|error| error.to_string());
        warn_of(
            ended.and_then(|answer| answer.map_err(|error| error.to_string())),
            watch.console(),
        );
    }
    exit_code
}

fn report_of(request: &RolloutRequest, outcome: Result<RolloutOutcome>, desk: &Desk<'_>) -> Report {
    let asked = Asked::of(&request.asked.settings, &request.asked.connection.cloud);
    let (stopwatch, door) = (desk.stopwatch, desk.door);
    let report = match outcome {
        Ok(outcome) => Report::of_outcome(asked, outcome, stopwatch.ending(), door),
        Err(error) => Report {
            asked: Some(asked),
            ..Report::of_error(&error, stopwatch.ending(), door)
        },
    };
    match desk.permission.clone().filter(|_| report.is_sign_in_failed()) {
        Some(step) => report.with_first_step(step),
        None => report,
    }
}

async fn begin_deployment(
    wanted: Option<&DeploymentRequest>,
    repository: Option<&Repository>,
    https: &Https,
    watch: &mut Watch<'_>,
    description: &str,
) -> Option<Deployment> {
    let begun = watch
        .shortly(Deployment::begin(wanted?, repository?, https, description))
        .await;
    let begun = begun.map_err(|error| error.to_string());
    warn_of(
        begun.and_then(|answer| answer.map_err(|error| error.to_string())),
        watch.console(),
    )
}

/// A roll-out does not fail because GitHub cannot show it.
fn warn_of<T>(result: Result<T, String>, console: &mut Console) -> Option<T> {
    result
        .map_err(|text| console.annotate(Grade::Warning, "GitHub deployment", &text))
        .ok()
}
