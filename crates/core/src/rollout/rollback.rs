//! Back to what there was before: a pool after its last change in place, or the work after its move to a second pool.
//!
//! What comes next on the way is decided in `replace::next` and `blue_green::next`, which size comes back in `begin` of
//! both.

use super::{
    RolloutOutcome, RolloutReport,
    cancelled::{self, Halt},
    decide,
    explain::{At, refused},
    filling::Filling,
    former,
    observe::located,
    pool::PoolAccess,
    replace::{
        Replacing, Way,
        begin::{self, Begun},
    },
    return_plan::ReturnPlan,
    tell_skipped,
    two_pools::{self, Return},
    verdict::Goal,
};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::BatchEndpoint,
    plan::Ended,
    preflight,
    progress::Event,
    settings::{Canary, Checked, Gates, Judging, OnBad, Readiness, RollbackSettings, SpotCounts, Targets},
    watch::AccountWatch,
};

/// What a return has found: where it is, which way it goes, and what it will do.
struct Found {
    endpoint: BatchEndpoint,
    back: Return,
    skipped: Vec<String>,
}

/// Brings a pool back to what it was before its last change in place: image, size, and jobs; or the work to the pool that
/// did it before.
pub async fn roll_back(client: &Client, settings: &Checked<RollbackSettings>) -> RolloutOutcome {
    let targets = Targets {
        dedicated: 0,
        spot: 0,
        spot_counts: SpotCounts::WhenAlone,
    };
    let mut report = RolloutReport::of_pool(&settings.pool, targets);
    let result = Box::pin(go_back(client, settings, &mut report)).await;
    report.steps = client.run().steps();
    let result = match result {
        Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline) => {
            let halt = cancelled::halt(client, None, &report).await;
            Err(explained(error, client, (&report, halt)))
        }
        result => result,
    };
    let doing = format!("cannot bring pool {} back", settings.pool);
    Ended {
        result: result.map_err(|error| error.in_flow(doing)),
        report,
    }
}

/// What a return would do now. It writes nothing.
///
/// # Errors
/// As far as the same return would fail before its first write.
pub async fn plan_return(client: &Client, settings: &Checked<RollbackSettings>) -> Result<ReturnPlan> {
    let planned = async {
        let found = find(client, settings).await?;
        tell_skipped(client, &found.skipped);
        plan(client, &found).await
    };
    let doing = format!("cannot bring pool {} back", settings.pool);
    planned.await.map_err(|error| error.in_flow(doing))
}

async fn find(client: &Client, settings: &RollbackSettings) -> Result<Found> {
    let mut skipped = Vec::new();
    let (endpoint, _region) = located(client, &settings.account, &mut skipped).await?;
    let back = two_pools::to_return(client, &endpoint, settings).await?;
    preflight::check_rights(client, back.needs(&settings.account), &mut skipped).await?;
    Ok(Found {
        endpoint,
        back,
        skipped,
    })
}

async fn plan(client: &Client, found: &Found) -> Result<ReturnPlan> {
    let id = match &found.back {
        Return::ToFormer(pair) => return pair.plan(client, &found.endpoint).await,
        Return::InPlace(id, _) => id,
    };
    let watch = AccountWatch::new(client, found.endpoint.clone(), vec![id.clone()]);
    let access = PoolAccess::new(&watch, id.clone());
    let pool = access.find().await?;
    let pool = pool.ok_or_else(|| refused(access.at(), decide::deleted()))?;
    let begun = begin::back(&pool).map_err(|refusal| refused(access.at(), refusal))?;
    let Some(begun) = begun else {
        return Ok(ReturnPlan::nothing(id.clone()));
    };
    let (Begun::New(back) | Begun::Already(back)) = &begun;
    if !back.is_made() {
        former::require(&access, back.former_image()).await?;
    }
    Ok(ReturnPlan::in_place((id, &pool), &begun, &access.jobs().await?))
}

async fn go_back(client: &Client, settings: &RollbackSettings, report: &mut RolloutReport) -> Result<()> {
    let (pool, account) = (&settings.pool, settings.account.name());
    let text = format!("pool {pool} in {account} → what it was before its last roll-out");
    client.tell(Event::Goal { text });
    let found = find(client, settings).await?;
    report.endpoint = Some(found.endpoint.clone());
    tell_skipped(client, &found.skipped);
    report.skipped_checks.extend(found.skipped.iter().cloned());
    let plan = plan(client, &found).await?;
    tell(client, &plan);
    note_size(&plan, settings, report);
    let Found { endpoint, back, .. } = found;
    let id = match back {
        Return::ToFormer(pair) => return two_pools::go_back(client, endpoint, (settings, *pair), report).await,
        Return::InPlace(id, _) => id,
    };
    report.pool = id.clone();
    let watch = AccountWatch::new(client, endpoint, vec![id.clone()]);
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

/// Says what comes, before the first write.
fn tell(client: &Client, plan: &ReturnPlan) {
    for step in &plan.plan.steps {
        client.note(format!("plan: {step}"));
    }
    if let Some(resized) = plan.resized.as_ref().filter(|resized| resized.is_news()) {
        client.warn(resized.to_string());
    }
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
fn explained(error: Error, client: &Client, (report, halt): (&RolloutReport, Halt)) -> Error {
    let at = report.endpoint.as_ref().map(|endpoint| At {
        pool: &report.pool,
        endpoint,
        account: None,
    });
    cancelled::explained(error, (report, at), client.run(), halt)
}
