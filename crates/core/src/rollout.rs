//! Flow 2, from an image version to a pool with its nodes ready: observe, plan, replicas, resize, nodes, verdict.
//!
//! It changes no image of an existing pool. What is decided is in the pure files below, what is written in `pool`.

mod explain;
mod observe;
mod one_line;
mod plan;
mod pool;
mod ready;
mod replicas;
mod report;
mod size;
mod spec;
mod start;
mod verdict;

pub use report::{Outcome, PoolAction, RolloutReport, Round};

use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    settings::RolloutSettings,
};
use pool::PoolAccess;
use ready::Waited;
use spec::Spec;
use start::Sizing;
use verdict::{Census, Goal, Verdict};

/// Rolls out.
pub async fn run(client: &Client, settings: &RolloutSettings) -> Outcome {
    let mut report = RolloutReport::new(settings);
    let result = Box::pin(roll_out(client, settings, &mut report)).await;
    let doing = || format!("cannot roll out {} to pool {}", settings.version.name(), settings.pool);
    let result = result.map_err(|error| with_way_on(error).while_doing(doing()));
    report.steps = client.run().steps();
    Outcome { report, result }
}

async fn roll_out(client: &Client, settings: &RolloutSettings, report: &mut RolloutReport) -> Result<()> {
    let run = client.run();
    let spec = Spec::new(settings)?;
    let goal = Goal::new(settings.targets);
    report.needed = goal.needed.total();

    let look = observe::observe(client, settings);
    let site = run
        .step("observe", "looking at account and image version", look)
        .await?;
    tell_skipped(client, &site.skipped);
    report.skipped_checks.clone_from(&site.skipped);

    let mut access = PoolAccess::new(client, site.endpoint.clone(), settings.pool.clone());
    let agree = start::agree(&mut access, &spec, goal, settings.resize.pending);
    let start = run.step("plan", "looking at the pool", agree).await?;

    if start.asks_for_nodes(goal) {
        let ensure = replicas::ensure(&access, &site, settings);
        run.step("replicas", "checking the version's replicas", ensure).await?;
    }

    let action = start.action();
    let sizing = start::begin(&mut access, &spec, goal, settings.resize, start).await?;
    report.action = action;
    let pool = match sizing {
        Sizing::Done(pool) => pool,
        Sizing::UnderWay { rounds, newer } => {
            let carry_on = size::carry_on(&mut access, goal, rounds, newer, &mut report.rounds);
            match run.step("resize", "bringing the pool to its size", carry_on).await {
                Ok(pool) => pool,
                Err(error) => return Err(with_states(error, &access, settings, report).await),
            }
        }
    };

    let wait = ready::wait(&access, goal, &settings.version, settings.readiness, pool.current);
    let waited = run.step("nodes", "waiting for the nodes", wait).await?;
    report.count(goal, &waited.census);
    judge(&access, settings, goal, &waited)
}

/// Checks the settings against each other and against the pool JSON; asks nobody.
///
/// # Errors
/// `BadInput` with all faults at once.
pub fn check(settings: &RolloutSettings) -> Result<()> {
    Spec::new(settings).map(drop)
}

fn tell_skipped(client: &Client, skipped: &[String]) {
    for check in skipped {
        client.run().progress.warn(format!("not checked: {check}"));
    }
}

fn judge(access: &PoolAccess<'_>, settings: &RolloutSettings, goal: Goal, waited: &Waited) -> Result<()> {
    if waited.verdict != Verdict::Good {
        return Err(explain::unready(
            access.id(),
            goal,
            waited,
            settings.readiness.node_timeout,
        ));
    }
    if let Some(image) = &waited.census.other_image {
        let text = format!(
            "{} nodes run another image, {}",
            waited.census.elsewhere,
            one_line::one_line(image)
        );
        access.client().run().progress.warn(text);
    }
    Ok(())
}

/// Looks once at the nodes of a pool that stayed too small, so that the report shows what is there.
async fn with_states(
    error: Error,
    access: &PoolAccess<'_>,
    settings: &RolloutSettings,
    report: &mut RolloutReport,
) -> Error {
    let is_over = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline);
    if !is_over && let Ok(nodes) = access.nodes().await {
        report.count(Goal::new(settings.targets), &Census::of(&nodes, &settings.version));
    }
    error
}

/// Says how to go on after a stop.
fn with_way_on(error: Error) -> Error {
    if error.kind() == ErrorKind::Cancelled {
        error.with_hint("the pool stays as it is; run the same again and it goes on from here")
    } else {
        error
    }
}

impl RolloutReport {
    fn count(&mut self, goal: Goal, census: &Census) {
        self.states.clone_from(&census.states);
        self.ready = goal.counted(census.ready);
    }
}
