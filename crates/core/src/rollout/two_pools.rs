//! A roll-out that may use a second pool, from the first look to the end; and the return from one.
//!
//! Which of the two ways it takes is found out in `blue_green::find`, each step of the way in `blue_green::next`.

use std::collections::BTreeSet;

use super::{
    Demand, Extent, Foreseen, RolloutReport, agent, before,
    blue_green::{
        Pools, Shifting, Surge, Way, begin, family,
        find::{self, Found, Resumes, Two, What},
        next::{self, Deed, Good, Seen, Side, to_move},
        steps::steps,
        tidy,
    },
    decide, ensure_replicas,
    explain::{At, refused},
    filling::Filling,
    former,
    last_change::LastChange,
    made_by::MadeBy,
    pair::{PairRecord, Shift},
    pool::{PoolAccess, Purpose},
    record::{Phase, Record, Remembered},
    replicas,
    report::{FormerPool, PoolAction},
    return_plan::ReturnPlan,
    room,
    step::RolloutStep,
    stranded, tell_skipped,
};
use crate::{
    absent,
    batch::{job::Job, pool::Pool},
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId, resource::ImageVersionId},
    judgement::unlike_each_other,
    plan::Plan,
    rights::{self, Need},
    rollout::observe::Site,
    settings::{AccountRef, BlueGreen, Canary, Gates, Judge, Judging, OnBad, RollbackSettings, RolloutSettings},
    watch::{AccountWatch, Looks},
};

/// What a return is about.
#[derive(Debug)]
pub(super) struct ToReturn {
    /// What it brings back.
    pub(super) back: Return,
    /// The change that it takes back, or has taken back; nothing when no roll-out has changed the pool.
    pub(super) last: Option<LastChange>,
}

/// What a return brings back.
#[derive(Debug)]
pub(super) enum Return {
    /// The work, to the pool that did it before.
    ToFormer(Box<Pair>),
    /// This pool itself, to this version, if it ran on one.
    InPlace(PoolId, Option<ImageVersionId>),
}

/// The roll-out that a return goes back on.
#[derive(Debug)]
pub(super) struct Pair {
    former: PoolId,
    record: PairRecord,
    shift: Shift,
}

impl Pair {
    /// Whether the work is on the former pool again, and all else is done.
    pub(super) const fn has_returned(&self) -> bool {
        matches!(self.shift.phase, Phase::Returned)
    }

    /// What the return will do.
    pub(super) async fn plan(
        &self,
        (client, looks): (&Client, &Looks),
        endpoint: &BatchEndpoint,
        purpose: Purpose,
    ) -> Result<ReturnPlan> {
        let both = vec![self.former.clone(), self.shift.new.clone()];
        let watch = looks.watch_of(client, endpoint.clone(), both);
        let access = PoolAccess::new(&watch, self.shift.new.clone());
        let (new, jobs) = (purpose.find(&access).await?, access.foreseen_jobs().await?);
        if let Some(back) = begin::back(&self.shift, new.as_ref()) {
            let access = PoolAccess::new(&watch, self.former.clone());
            let old = purpose.find(&access).await?;
            // A former pool without nodes gets none when its image cannot be used any more.
            if self.shift.phase == Phase::Done {
                former::require(&access, old.as_ref().and_then(Pool::image_id)).await?;
            }
            self.refuse(endpoint, &back, (old.as_ref(), new.as_ref()), &jobs)?;
        }
        Ok(ReturnPlan::to_former(&self.former, (&self.shift, new.as_ref()), &jobs))
    }

    /// Refuses what a return would refuse at its first step, before its record is written.
    fn refuse(
        &self,
        endpoint: &BatchEndpoint,
        back: &Shift,
        (old, new): (Option<&Pool>, Option<&Pool>),
        jobs: &[Job],
    ) -> Result<()> {
        let at = |pool| At {
            pool,
            endpoint,
            account: None,
        };
        let old = old.ok_or_else(|| refused(at(&self.former), decide::deleted()))?;
        let seen = Seen {
            old,
            new,
            shift: back,
            jobs,
            waiting: &BTreeSet::new(),
            good: Good::default(),
        };
        match next::next(seen) {
            Deed::Refuse(Side::Old, refusal) => Err(refused(at(&self.former), refusal)),
            Deed::Refuse(Side::New, refusal) => Err(refused(at(&self.shift.new), refusal)),
            _ => Ok(()),
        }
    }
}

impl Return {
    /// The rights that it needs.
    pub(super) fn needs(&self, account: &AccountRef) -> Vec<Need> {
        match self {
            Self::ToFormer(_) => rights::return_to_former(account),
            Self::InPlace(_pool, version) => rights::return_in_place(account, version.as_ref()),
        }
    }
}

/// What the roll-out would do.
///
/// # Errors
/// As far as the roll-out would fail before its first write.
pub(super) async fn plan(
    (client, looks): (&Client, &Looks),
    site: &Site,
    (settings, extent): (&RolloutSettings, Extent),
) -> Result<Foreseen> {
    let account = looks.watch(client, site.endpoint.clone(), settings.pool.id.clone());
    let found = find::find(&account, site, settings, &mut Vec::new()).await?;
    let mut plan: Vec<RolloutStep> = found.choice.into_iter().collect();
    let (mut surge, mut quotas, mut needs) = (None, Vec::new(), None);
    let (mut resumes, mut works_on) = (Resumes::No, Vec::new());
    let demand = match &found.what {
        What::One(settings) => {
            let planned = super::plan_one((client, looks), site, (settings, extent)).await?;
            plan.extend(planned.plan.steps);
            quotas = planned.quotas;
            works_on = planned.works_on;
            planned.demand
        }
        What::Two(two) => {
            let watch = watch(client, site, two);
            let access = PoolAccess::new(&watch, two.shift.new.clone());
            let need = replicas::foresee(&access, site, &two.settings).await?;
            plan.extend(planned(client, &watch, two, &need).await?);
            resumes = two.resumes;
            works_on.extend([two.former_id.clone(), two.shift.new.clone()]);
            surge = Some(Surge::of(&two.shift, &settings.change));
            needs = Some(self::needs(two));
            if extent == Extent::WithNeeds && two.intent.follows.is_none() {
                let look = account.look(None).await?;
                let second = (&two.settings, two.intent.goal);
                quotas = room::facts_of_second(client, second, (site, look.pools())).await?;
            }
            quotas.extend(two.tags.fact(&two.former_id));
            Demand::of(site, &two.settings, two.intent.goal, Some(two.former.clone()))
        }
    };
    plan.extend(tidy::steps(&found.expired));
    Ok(Foreseen {
        plan: Plan::new(plan),
        demand,
        works_on,
        resumes,
        surge,
        needs,
        quotas,
        upkeep: None,
    })
}

/// Rolls out.
///
/// # Errors
/// As the roll-out.
pub(super) async fn roll_out(
    (client, looks): (&Client, &Looks),
    site: &Site,
    settings: &RolloutSettings,
    report: &mut RolloutReport,
) -> Result<()> {
    let mut skipped = Vec::new();
    let account = looks.watch(client, site.endpoint.clone(), settings.pool.id.clone());
    let look = find::find(&account, site, settings, &mut skipped);
    let look = client.run().step("find", "looking at the pools of this name", look);
    let found: Found = before::looked(client, settings, look).await?;
    tell_skipped(client, &skipped);
    report.skipped_checks.extend(skipped);
    if let Some(step) = found.choice {
        client.note(step.to_string());
        report.plan.steps.push(step);
    }
    match &found.what {
        What::One(settings) => {
            report.pool = settings.pool.id.clone();
            super::roll_out_one((client, looks), site, settings, report).await?;
        }
        What::Two(two) => move_work((client, looks), site, two, report).await?,
    }
    let former = found.former.iter().map(|(pool, successor)| (pool, successor.clone()));
    stranded::warn(client, &site.endpoint, former.collect()).await?;
    tidy::tidy(client, site, &found.expired).await
}

async fn move_work(
    (client, looks): (&Client, &Looks),
    site: &Site,
    two: &Two,
    report: &mut RolloutReport,
) -> Result<()> {
    report.pool = two.shift.new.clone();
    report.needed = two.intent.goal.needed.total();
    report.former_pool = Some(FormerPool {
        pool: two.former_id.clone(),
        nodes: two.former.targets,
        kept_until: None,
        made_by: MadeBy::of(&two.former),
    });
    let look = async {
        let mut skipped = before::check_rights(client, needs(two), &two.settings).await?;
        skipped.extend(agent::check(client, &two.settings, site).await?);
        Ok(skipped)
    };
    let mut skipped = client.run().step("before", "checking rights", look).await?;
    skipped.extend(two.tags.unseen(&two.former_id));
    tell_skipped(client, &skipped);
    report.skipped_checks.extend(skipped);
    let watch = watch(client, site, two);
    let access = PoolAccess::new(&watch, two.shift.new.clone());
    let need = replicas::foresee(&access, site, &two.settings).await?;
    let steps = planned(client, &watch, two, &need).await?;
    report.plan.steps.extend(steps);
    ensure_replicas((&access, looks), (site, &two.settings), need, report).await?;
    let change = &two.settings.change;
    let doing = format!("move the work of pool {} to pool {}", two.former_id, two.shift.new);
    let way = Way {
        intent: Some(&two.intent),
        record: &two.record,
        tags: two.tags.known(),
        running_tasks: change.running_tasks,
        on_failure: change.on_failure,
        filling: Filling::of(&two.settings, &doing),
        blue_green: &change.blue_green,
        judging: &change.judging,
        gates: &change.gates,
    };
    let pools = Pools::new(&watch, two.former_id.clone(), two.shift.new.clone());
    let mut pools = pools.in_account(site.account.clone());
    let shifting = Shifting::new(&mut pools, way, report);
    let what = "moving the work to the second pool";
    client.run().step("blue-green", what, Box::pin(shifting.reach())).await
}

/// The rights that it needs.
fn needs(two: &Two) -> Vec<Need> {
    let mut needs = rights::second_pool(&two.settings);
    needs.extend(rights::identities(&two.settings));
    needs
}

async fn planned(
    client: &Client,
    watch: &AccountWatch<'_>,
    two: &Two,
    need: &replicas::Need,
) -> Result<Vec<RolloutStep>> {
    let jobs = PoolAccess::new(watch, two.former_id.clone()).jobs().await?;
    for job in jobs.iter().filter(|job| job.is_of_schedule() || !job.names_pool) {
        let text = format!(
            "job {} is a schedule's, or has a pool of its own: it is left alone",
            job.id
        );
        client.note(text);
    }
    if two.settings.change.judging.judge != Judge::No && two.shift.is_under_way() {
        let moved = to_move(&jobs, &two.former_id).map(|job| job.id.clone()).collect();
        unlike_each_other(&moved).into_iter().for_each(|why| client.warn(why));
    }
    let mut plan: Vec<RolloutStep> = need.steps(&two.settings).into_iter().collect();
    let way_back = former::of_image(client, watch.endpoint(), two.former.image_id()).await?;
    plan.extend(steps(two, (&jobs, way_back), &two.settings));
    Ok(plan)
}

fn watch<'a>(client: &'a Client, site: &Site, two: &Two) -> AccountWatch<'a> {
    let both = vec![two.former_id.clone(), two.shift.new.clone()];
    AccountWatch::new(client, site.endpoint.clone(), both)
}

/// Whether a return is about a roll-out to a second pool or about a change in place, of the pool that does the work under
/// the id that was given.
///
/// # Errors
/// `BadInput` when there is no such pool, `Refused` when the former pool is gone.
pub(super) fn to_return(pools: &[Pool], given: &PoolId) -> Result<ToReturn> {
    let family = family::family_of(pools, given);
    let id = family::meant(pools, given).unwrap_or_else(|_unclear| given.clone());
    let meant = pools.iter().find(|pool| pool.is_called(&id));
    let change = match meant.map(Record::of) {
        Some(Remembered::Change(record)) => Some(record),
        Some(Remembered::Nothing | Remembered::Unreadable) | None => None,
    };
    let changed = change.as_ref().map(|record| record.since);
    let pair = family::to_return(pools, &family);
    let pair = pair.filter(|(_, _, shift)| shift.is_under_way() || changed.is_none_or(|since| since < shift.since));
    let Some((former, record, shift)) = pair else {
        let Some(meant) = meant else {
            return Err(absent::pool(given, pools.iter().filter_map(Pool::name)));
        };
        let is_second = meant.metadata(super::pair::PAIR).is_some();
        return if is_second && changed.is_none() {
            Err(Error::new(
                ErrorKind::Refused,
                "the pool that did the work before is not there any more",
            )
            .with_hint("roll out the version that the pool shall have"))
        } else {
            Ok(in_place(id, change.as_deref()))
        };
    };
    let last = LastChange::from(&shift);
    let pair = former.id().map(|former| Pair { former, record, shift });
    Ok(pair.map_or_else(
        || in_place(id, change.as_deref()),
        |pair| ToReturn {
            back: Return::ToFormer(Box::new(pair)),
            last: Some(last),
        },
    ))
}

fn in_place(pool: PoolId, change: Option<&Record>) -> ToReturn {
    let image = change.and_then(Record::former_image);
    ToReturn {
        back: Return::InPlace(pool, image.and_then(|id| id.parse().ok())),
        last: change.map(LastChange::from),
    }
}

/// Brings the work back to the former pool.
///
/// # Errors
/// As the return.
pub(super) async fn go_back(
    (client, looks): (&Client, &Looks),
    endpoint: BatchEndpoint,
    (settings, pair): (&RollbackSettings, Pair),
    report: &mut RolloutReport,
) -> Result<()> {
    let both = vec![pair.former.clone(), pair.shift.new.clone()];
    let watch = looks.watch_of(client, endpoint, both);
    let mut pools = Pools::new(&watch, pair.former.clone(), pair.shift.new.clone());
    report.pool = pair.former.clone();
    report.back_from = Some(pair.shift.new.clone());
    let new = pools.new.find().await?;
    let Some(shift) = begin::back(&pair.shift, new.as_ref()) else {
        report.action = PoolAction::Unchanged;
        return Ok(());
    };
    let record = pair.record.with(shift);
    let (doing, canary) = (
        format!("bring the work back to pool {}", pair.former),
        Canary::default(),
    );
    let (blue_green, judging, gates) = (BlueGreen::default(), Judging::default(), Gates::default());
    let way = Way {
        intent: None,
        record: &record,
        tags: None,
        running_tasks: settings.running_tasks,
        on_failure: OnBad::Keep,
        filling: Filling::of_return(settings, &canary, &doing),
        blue_green: &blue_green,
        judging: &judging,
        gates: &gates,
    };
    let shifting = Shifting::new(&mut pools, way, report);
    let what = "bringing the work back to the former pool";
    client.run().step("return", what, Box::pin(shifting.reach())).await
}
