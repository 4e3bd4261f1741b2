//! Back to what there was before: a pool after its last change in place, or the work after its move to a second pool.
//!
//! What comes next on the way is decided in `replace::next` and `blue_green::next`, which size comes back in `begin` of
//! both, and what is looked at first in `return_look`.

use super::{
    RolloutOutcome, RolloutReport,
    cancelled::{self, Halt, Stopped},
    explain::At,
    filling::Filling,
    pool::{PoolAccess, Purpose},
    replace::{Replacing, Way},
    return_look::{Found, Going, ReturnSurvey, plan, refuse_other},
    return_plan::ReturnPlan,
    tell_skipped,
    two_pools::{self, Return},
    verdict::Goal,
};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    plan::Ended,
    progress::Event,
    settings::{Canary, Checked, Gates, Judging, OnBad, Readiness, RollbackSettings},
    watch::Looks,
};

/// Brings a pool back to what it was before its last change in place: image, size, and jobs; or the work to the pool that
/// did it before.
pub async fn roll_back(client: &Client, settings: &Checked<RollbackSettings>) -> RolloutOutcome {
    run((client, &Looks::of_one()), settings, None).await
}

/// Brings one of many pools back, which share their looks. Its plan was shown.
pub async fn roll_back_among(
    (client, looks): (&Client, &Looks),
    settings: &Checked<RollbackSettings>,
    shown: &Going,
) -> RolloutOutcome {
    run((client, looks), settings, Some(shown)).await
}

/// What a return would do now. It writes nothing.
///
/// # Errors
/// As far as the same return would fail before its first write.
pub async fn plan_return(client: &Client, settings: &Checked<RollbackSettings>) -> Result<ReturnPlan> {
    let looks = Looks::of_one();
    let planned = async {
        let found = find((client, &looks), settings).await?;
        tell_skipped(client, &found.skipped);
        plan((client, &looks), settings, (&found, Purpose::Show)).await
    };
    let doing = format!("cannot bring pool {} back", settings.pool);
    planned.await.map_err(|error| error.in_flow(doing))
}

/// Says what comes, before the first write.
pub(crate) fn tell_return(client: &Client, plan: &ReturnPlan) {
    for step in &plan.plan.steps {
        client.note(format!("plan: {step}"));
    }
    if let Some(resized) = plan.resized.as_ref().filter(|resized| resized.is_news()) {
        client.warn(resized.to_string());
    }
}

async fn run(
    (client, looks): (&Client, &Looks),
    settings: &Checked<RollbackSettings>,
    shown: Option<&Going>,
) -> RolloutOutcome {
    let mut report = RolloutReport::of_return(settings);
    let result = Box::pin(go_back((client, looks), (settings, shown), &mut report)).await;
    report.steps = client.run().steps();
    let result = match result {
        Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline) => {
            let halt = cancelled::halt(client, None, &report).await;
            let stopped = shown.map_or(Stopped::Return, |_| Stopped::ReturnOfMany);
            Err(explained(error, client, (&report, halt), stopped))
        }
        result => result,
    };
    let doing = format!("cannot bring pool {} back", settings.pool);
    Ended {
        result: result.map_err(|error| error.in_flow(doing)),
        report,
    }
}

async fn find((client, looks): (&Client, &Looks), settings: &RollbackSettings) -> Result<Found> {
    let survey = ReturnSurvey::now((client, looks), &settings.account).await?;
    survey.found(client, settings).await
}

async fn go_back(
    (client, looks): (&Client, &Looks),
    (settings, shown): (&RollbackSettings, Option<&Going>),
    report: &mut RolloutReport,
) -> Result<()> {
    let (pool, account) = (&settings.pool, settings.account.name());
    let text = format!("pool {pool} in {account} → what it was before its last roll-out");
    client.tell(Event::Goal { text });
    let found = find((client, looks), settings).await?;
    report.endpoint = Some(found.endpoint.clone());
    report.skipped_checks.extend(found.skipped.iter().cloned());
    if let Some(shown) = shown {
        refuse_other((pool, &found.endpoint), (&shown.last, found.back.last.as_ref()))?;
    } else {
        tell_skipped(client, &found.skipped);
    }
    let plan = plan((client, looks), settings, (&found, Purpose::Write)).await?;
    if shown.is_none_or(|shown| shown.plan != plan) {
        tell_return(client, &plan);
    }
    note_size(&plan, settings, report);
    let Found { endpoint, back, .. } = found;
    let id = match back.back {
        Return::ToFormer(pair) => {
            return two_pools::go_back((client, looks), endpoint, (settings, *pair), report).await;
        }
        Return::InPlace(id, _) => id,
    };
    report.pool = id.clone();
    let watch = looks.watch(client, endpoint, id.clone());
    let (doing, canary) = (format!("bring pool {id} back"), Canary::default());
    let mut access = PoolAccess::new(&watch, id);
    let (judging, gates) = (Judging::default(), Gates::default());
    let way = Way {
        intent: None,
        make: None,
        running_tasks: settings.running_tasks,
        on_failure: OnBad::Keep,
        filling: Filling::of_return(settings, &canary, &doing),
        judging: &judging,
        gates: &gates,
    };
    let replacing = Replacing::new(&mut access, way, report);
    let what = "bringing the pool back to what it was";
    client.run().step("return", what, Box::pin(replacing.reach())).await
}

/// Notes the nodes that come back, and how many of them are enough: not what another roll-out has said of that.
fn note_size(plan: &ReturnPlan, settings: &RollbackSettings, report: &mut RolloutReport) {
    if let Some(nodes) = plan.nodes() {
        let usual = Readiness {
            min_dedicated: None,
            min_spot: None,
            ..settings.readiness
        };
        report.targets = nodes.into();
        report.needed = Goal::new(report.targets, usual).needed.total();
    }
}

/// The error of a return that was stopped, with what goes on and how to go on.
fn explained(error: Error, client: &Client, (report, halt): (&RolloutReport, Halt), stopped: Stopped) -> Error {
    let at = report.endpoint.as_ref().map(|endpoint| At {
        pool: &report.pool,
        endpoint,
        account: None,
    });
    cancelled::explained(error, (report, at), client.run(), (halt, stopped))
}
