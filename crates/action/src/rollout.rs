//! One roll-out from inputs to exit code: mask, parse, sign in, run, tell, write the files.
//!
//! How Azure is brought there is core's affair; how things are written is `workflow`'s and `outputs`'.

use std::{path::Path, sync::Arc};

use azure_batch_core::{
    clock::{Clock as _, SystemClock},
    connect::connect,
    error::{Error, ErrorKind, Result},
    progress::{Event, Progress},
    rollout::{self, RolloutOutcome},
    run::Run,
};
use jiff::Unit;
use tokio::{sync::mpsc::UnboundedReceiver, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Origin, Values},
    github::Deployment,
    http::build_client,
    inputs::{self, RolloutRequest},
    outputs,
    render::Renderer,
    report::{Asked, Ending, Report},
    runner::{Repository, Runner},
    signals::Signals,
    workflow::{Console, Grade},
};

/// Rolls out as the values say; returns the exit code.
pub async fn run(values: &Values, runner: &Runner, console: &mut Console) -> u8 {
    hide_secrets(values, console);
    let stopwatch = Stopwatch::start();
    let report = match inputs::parse_rollout(values, runner) {
        Ok(request) => carry_out(&request, runner, &stopwatch, console).await,
        Err(faults) => Report::of_faults(&faults, stopwatch.ending()),
    };
    finish(&report, inputs::report_path(values, runner).as_deref(), runner, console)
}

/// Nothing is written before every secret is struck out.
fn hide_secrets(values: &Values, console: &mut Console) {
    for secret in values.secrets() {
        console.redact(&secret.text);
    }
    for secret in values.secrets().iter().filter(|secret| secret.origin == Origin::User) {
        console.mask(&secret.text);
    }
}

/// Runs a valid request, with its deployment around it.
async fn carry_out(request: &RolloutRequest, runner: &Runner, stopwatch: &Stopwatch, console: &mut Console) -> Report {
    let http = match build_client(request.authorities.clone()) {
        Ok(http) => http,
        Err(error) => return Report::of_error(&error, stopwatch.ending()),
    };
    let asked = Asked::of(&request.settings);
    let deployment = begin_deployment(request, runner.repository.as_ref(), &http, console).await;
    let report = match attend(request, http, console).await {
        Ok(outcome) => Report::of_outcome(asked, outcome, stopwatch.ending()),
        Err(error) => Report {
            asked: Some(asked),
            ..Report::of_error(&error, stopwatch.ending())
        },
    };
    if let Some(deployment) = deployment {
        let ended = deployment.end(&report).await;
        warn_of(ended.map_err(|error| error.to_string()), console);
    }
    report
}

async fn begin_deployment(
    request: &RolloutRequest,
    repository: Option<&Repository>,
    http: &reqwest::Client,
    console: &mut Console,
) -> Option<Deployment> {
    let wanted = request.deployment.as_ref()?;
    let pool = &request.settings.pool.id;
    let begun = Deployment::begin(wanted, repository?, http.clone(), &format!("Azure Batch pool {pool}")).await;
    warn_of(begun.map_err(|error| error.to_string()), console)
}

/// What GitHub cannot show is no reason to fail a roll-out.
fn warn_of<T>(result: Result<T, String>, console: &mut Console) -> Option<T> {
    result
        .map_err(|text| console.annotate(Grade::Warning, "GitHub deployment", &text))
        .ok()
}

/// Runs core's flow while showing its events and listening to signals. The first signal asks it to stop where that
/// is safe, the second ends the wait.
async fn attend(request: &RolloutRequest, http: reqwest::Client, console: &mut Console) -> Result<RolloutOutcome> {
    let mut signals = Signals::listen().map_err(|cause| {
        Error::new(ErrorKind::Refused, "cannot listen to signals, so could not stop safely").because(cause)
    })?;
    let cancel = CancellationToken::new();
    let (progress, mut events) = Progress::channel();
    let run = Run::new(Arc::new(SystemClock), request.deadline, cancel.clone(), progress);
    let mut work = Box::pin(roll_out(request, http, run));
    let mut renderer = Renderer::default();
    let result = loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => renderer.show(&event, SystemClock.now(), console),
            () = signals.next() => {
                if cancel.is_cancelled() {
                    break Err(ended_at_once());
                }
                cancel.cancel();
                console.complain("asked to stop: ending where it is safe; ask again to end at once");
            }
            result = &mut work => break result,
        }
    };
    show_rest(&mut events, &mut renderer, console);
    result
}

async fn roll_out(request: &RolloutRequest, http: reqwest::Client, run: Run) -> Result<RolloutOutcome> {
    let client = connect(&request.login, &request.cloud, Arc::new(http), run).await?;
    Ok(rollout::run(&client, &request.settings).await)
}

fn ended_at_once() -> Error {
    Error::new(ErrorKind::Cancelled, "asked to stop a second time, so ended at once")
        .with_hint("what was asked of Azure before goes on there; look at the pool")
}

/// Events that were told in the moment in which the work ended.
fn show_rest(events: &mut UnboundedReceiver<Event>, renderer: &mut Renderer, console: &mut Console) {
    while let Ok(event) = events.try_recv() {
        renderer.show(&event, SystemClock.now(), console);
    }
}

/// The last words and the files.
fn finish(report: &Report, report_path: Option<&Path>, runner: &Runner, console: &mut Console) -> u8 {
    console.remove_bars();
    console.end_group();
    for unwritten in outputs::write_all(report, report_path, runner, &console.redactor().clone()) {
        console.annotate(Grade::Warning, "Azure Batch pool", &unwritten.to_string());
    }
    match &report.failure {
        Some(failure) => console.annotate(Grade::Error, &report.headline(), &failure.text()),
        None => console.line(report.headline()),
    }
    console.object(&Ended {
        event: "result",
        report,
    });
    report.exit_code
}

/// The last JSON line.
#[derive(serde::Serialize)]
struct Ended<'a> {
    event: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

/// When the run began.
struct Stopwatch(Instant);

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn ending(&self) -> Ending {
        let now = SystemClock.now();
        Ending {
            // People and programs compare whole seconds; a time that cannot be rounded is as good as it is.
            at: now.round(Unit::Second).unwrap_or(now),
            seconds: self.0.elapsed().as_secs(),
        }
    }
}
