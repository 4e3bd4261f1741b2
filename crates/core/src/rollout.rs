//! Flow 2, from an image version to a pool with its nodes ready: observe, plan, carry out, report.
//!
//! It changes no image of an existing pool. What comes next is decided in `decide`, after each look; the writes are in
//! `pool`.

mod agent;
mod as_found;
mod asked;
mod attempts;
mod awaited;
mod before;
mod blue_green;
mod canary;
mod cancelled;
mod checkpoint;
mod cost;
mod counted;
mod decide;
mod demand;
mod disk_sizes;
mod disks;
mod explain;
mod failed_starts;
mod fallback;
mod filling;
mod fit;
mod follow;
mod former;
mod grace;
mod heal;
mod healed;
mod jobs;
mod judged;
mod kept_pool;
mod last_change;
mod late;
mod live;
mod made_by;
mod node_logs;
mod observe;
mod offers;
mod other;
mod other_size;
mod outlook;
mod pace;
mod pair;
mod parts;
mod plan;
mod pool;
mod ready;
mod record;
mod replace;
mod replicas;
mod report;
mod resolve;
mod return_look;
mod return_plan;
mod rollback;
mod room;
mod size;
mod spec;
mod standing;
mod step;
mod stranded;
mod strays;
mod tags;
mod two_pools;
mod under_way;
mod unfinished;
mod verdict;
mod ways;
mod weighing;

pub use asked::AskedGates;
pub use blue_green::{family::works_for, find::Resumes};
pub use cost::Upkeep;
pub use demand::Demand;
pub use failed_starts::FailedStarts;
pub use former::no_return_to;
pub use healed::{HealedNode, NodeAction};
pub use jobs::{is_disabled_by_us, released};
pub use judged::StepJudgement;
pub use kept_pool::KeptPool;
pub use last_change::LastChange;
pub use live::changed as changed_live;
pub use made_by::MadeBy;
pub use node_logs::UploadedLogs;
pub use pace::Pace;
pub use pair::{Successor, has_family, successor};
pub use report::{BackOn, FormerPool, PoolAction, RolloutOutcome, RolloutReport, Round, SecondFate, SecondPool};
pub use resolve::{Resolved, resolve};
pub use return_look::{Going, ReturnSurvey, ToGoBack};
pub use return_plan::{Resized, ReturnPlan, ReturnStep};
pub use rollback::{plan_return, roll_back, roll_back_among};
pub use standing::{PoolStanding, wait};
pub use step::RolloutStep;
pub use stranded::{Stranded, does_work_of, read as read_stranded};
pub use under_way::{ChangeKind, ChangeWay, LeftEmpty, Returns, UnderWay, is_held, left_empty, under_way};
pub use unfinished::{Unfinished, unfinished};

pub(crate) use observe::located;
pub(crate) use rollback::tell_return;
pub(crate) use {size::classify::resize_failure, spec::fit_security};

use crate::{
    choice::Choosing,
    client::Client,
    error::{Error, ErrorKind, Result},
    expiry,
    ids::PoolId,
    one_line::one_line,
    plan::{Ended, Fact, Plan},
    rights::{self, Need},
    settings::{AccountRef, Checked, RolloutSettings, Strategy, UnresolvedRollout, fault::Fault},
    watch::Looks,
    words::plural,
};
use blue_green::{Surge, find};
use cancelled::{Halt, Stopped};
use decide::Intent;
use explain::At;
use filling::Filling;
use observe::Site;
use plan::Size;
use pool::PoolAccess;
use replace::{Replacing, Way};
use size::Sizing;
use spec::Spec;
use verdict::{Verdict, Waited};

/// What a roll-out would do.
#[derive(Debug)]
pub struct Foreseen {
    /// Its steps.
    pub plan: Plan<RolloutStep>,
    /// The nodes that it brings; nothing when it brings none, or when that is not known.
    pub demand: Option<Demand>,
    /// The pools that it is about: the one that does the work, and the second one that takes it over.
    pub works_on: Vec<PoolId>,
    /// Whether it goes on with the move of another run, which holds the room of two pools until it has ended.
    pub resumes: Resumes,
    /// The nodes that there are more on the way, where the work moves to a second pool.
    surge: Option<Surge>,
    /// The rights that it needs, where they do not follow from the settings and the steps alone.
    needs: Option<Vec<Need>>,
    /// What is there of the quotas, where that was looked at.
    quotas: Vec<Fact>,
    /// The nodes that are billed afterwards; nothing where a formula decides, where nothing changes, or where that was not
    /// looked at.
    pub upkeep: Option<Upkeep>,
}

/// How far a plan looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// At what the steps follow from, and at what the roll-out would be refused for before its first write.
    Steps,
    /// Also at what the steps need: rights, registration, quotas, dates.
    WithNeeds,
}

/// Rolls out.
pub async fn run(client: &Client, settings: &Checked<UnresolvedRollout>) -> RolloutOutcome {
    match resolve(client, &mut Choosing::new(client), settings).await {
        Ok(resolved) => run_among(client, &resolved, &Looks::of_one()).await,
        Err(error) => refused(settings, error),
    }
}

/// Rolls out one of many pools, which share their looks.
pub async fn run_among(client: &Client, resolved: &Resolved, looks: &Looks) -> RolloutOutcome {
    let settings = &resolved.settings;
    let mut report = RolloutReport::new(settings);
    report.plan.steps.extend(resolved.step());
    let result = Box::pin(roll_out((client, looks), settings, &mut report)).await;
    report.steps = client.run().steps();
    let halt = match result.as_ref().map_err(Error::kind) {
        Err(ErrorKind::Cancelled) => cancelled::halt(client, Some(settings.change.on_cancel), &report).await,
        Err(ErrorKind::Deadline) => cancelled::halt(client, None, &report).await,
        Ok(()) | Err(_) => Halt::default(),
    };
    let asked = (client, &settings.account);
    let version = settings.pool.version.name();
    let result = result.map_err(|error| explained(error, asked, version, (&report, halt)));
    Ended { result, report }
}

/// Every error of a pool that is not good, each with a name: for tests of those who show errors.
#[must_use]
pub(crate) fn specimens() -> Vec<(String, Error)> {
    explain::specimens()
}

/// How a roll-out ended that was never begun.
pub fn refused<Version>(settings: &RolloutSettings<Version>, error: Error) -> RolloutOutcome {
    Ended {
        result: Err(error),
        report: RolloutReport::unresolved(settings),
    }
}

/// What a roll-out would do now. It writes nothing.
///
/// # Errors
/// As far as the same roll-out would fail before its first write.
pub async fn plan(client: &Client, settings: &Checked<UnresolvedRollout>) -> Result<Plan<RolloutStep>> {
    let resolved = resolve(client, &mut Choosing::new(client), settings).await?;
    let extent = (&Looks::of_one(), Extent::WithNeeds);
    Ok(Box::pin(plan_among(client, &resolved, extent)).await?.plan)
}

/// What the roll-out of one of many pools would do now. It writes nothing.
///
/// # Errors
/// As far as the same roll-out would fail before its first write.
pub async fn plan_among(client: &Client, resolved: &Resolved, (looks, extent): (&Looks, Extent)) -> Result<Foreseen> {
    let settings = &resolved.settings;
    let planned = async {
        intent(settings)?;
        let site = observe::observe(client, settings).await?;
        tell_skipped(client, &site.skipped);
        let settings = &fitted(client, settings, &site)?;
        let mut planned = match settings.change.strategy {
            Strategy::CreateOnly | Strategy::InPlace => {
                Box::pin(plan_one((client, looks), &site, (settings, extent))).await
            }
            Strategy::BlueGreen | Strategy::Auto => {
                Box::pin(two_pools::plan((client, looks), &site, (settings, extent))).await
            }
        }?;
        if extent == Extent::Steps && !planned.plan.is_done() {
            let steps = &planned.plan.steps;
            let needs = planned.needs.take().unwrap_or_else(|| outlook::needs(settings, steps));
            before::require(client, (settings, steps), &site, needs).await?;
        }
        if extent == Extent::WithNeeds && !planned.plan.is_done() {
            let watch = looks.watch(client, site.endpoint.clone(), settings.pool.id.clone());
            let access = PoolAccess::new(&watch, settings.pool.id.clone());
            let steps = &planned.plan.steps;
            let needs = planned.needs.take().unwrap_or_else(|| outlook::needs(settings, steps));
            let looked = outlook::look(&access, &site, (settings, planned.surge), needs).await?;
            planned.plan.facts = looked.before;
            if let Some(pool) = weighing::changed(steps) {
                let ways = Box::pin(weighing::look((client, looks), &site, (settings, pool))).await?;
                planned.plan.facts.extend(ways.iter().flat_map(ways::Ways::facts));
            }
            planned.plan.facts.append(&mut planned.quotas);
            planned.plan.facts.extend(looked.after);
            planned.upkeep = looked.upkeep;
        }
        Ok(planned)
    };
    let planned = before::looked(client, settings, planned).await;
    let asked = (client, &settings.account);
    let refused = |error: Error| {
        let report = RolloutReport::new(settings);
        explained(error, asked, settings.pool.version.name(), (&report, Halt::default()))
    };
    let mut planned = planned.map_err(refused)?;
    planned.plan.steps.splice(0..0, resolved.step());
    Ok(planned)
}

async fn plan_one(
    (client, looks): (&Client, &Looks),
    site: &Site,
    (settings, extent): (&RolloutSettings, Extent),
) -> Result<Foreseen> {
    let watch = looks.watch(client, site.endpoint.clone(), settings.pool.id.clone());
    let access = PoolAccess::new(&watch, settings.pool.id.clone()).in_account(site.account.clone());
    let pool = access.foreseen().await?;
    if let Some(other) = find::elsewhere(&watch, site, (settings, pool.as_ref())).await? {
        return Box::pin(plan_one((client, looks), site, (&other, extent))).await;
    }
    let settings = &other_size::settled(&access, (site, settings), pool.as_ref()).await?;
    let intent = intent(settings)?;
    let intent = fallback::aware(&access, pool.as_ref(), (intent, settings));
    weighing::refuse((&access, looks), site, (settings, &intent), pool.as_ref()).await?;
    let mut beginning = plan::look(&access, pool.as_ref(), (&intent, settings)).await?;
    let mut demand = None;
    if beginning.size.brings_nodes() {
        let need = replicas::foresee(&access, site, settings).await?;
        beginning.add_replicas(&need, settings);
        demand = Demand::of(site, settings, intent.goal, pool);
    }
    let mut quotas = Vec::new();
    if extent == Extent::WithNeeds && !beginning.plan.is_done() && intent.follows.is_none() {
        let look = watch.look(None).await?;
        quotas = room::facts(client, (settings, intent.goal), (site, look.pools())).await?;
    }
    Ok(Foreseen {
        plan: beginning.plan,
        demand,
        works_on: vec![settings.pool.id.clone()],
        resumes: Resumes::No,
        surge: None,
        needs: None,
        quotas,
        upkeep: None,
    })
}

/// Checks the settings against each other and against the pool JSON. It sends nothing.
///
/// # Errors
/// With all faults.
pub fn check(settings: &Checked<UnresolvedRollout>) -> Result<(), Vec<Fault>> {
    let faults = spec::faults(settings);
    if faults.is_empty() {
        return Ok(());
    }
    let spots = &settings.pool.spots;
    Err(faults.into_iter().map(|fault| spots.placed(fault)).collect())
}

async fn roll_out(
    (client, looks): (&Client, &Looks),
    settings: &RolloutSettings,
    report: &mut RolloutReport,
) -> Result<()> {
    let run = client.run();
    let asked = intent(settings)?;
    follow::tell_goal(client, settings, &asked);
    let look = observe::observe(client, settings);
    let site = run
        .step("observe", "looking at account and image version", look)
        .await?;
    tell_skipped(client, &site.skipped);
    let settings = &fitted(client, settings, &site)?;
    fit::tell(client, settings);
    report.skipped_checks.clone_from(&site.skipped);
    report.endpoint = Some(site.endpoint.clone());
    match settings.change.strategy {
        Strategy::CreateOnly | Strategy::InPlace => roll_out_one((client, looks), &site, settings, report).await,
        Strategy::BlueGreen | Strategy::Auto => two_pools::roll_out((client, looks), &site, settings, report).await,
    }
}

/// The settings with what follows from the place, and with an expiry that counts from now: by Azure's clock, which the
/// look at the place has shown.
fn fitted(client: &Client, settings: &RolloutSettings, site: &Site) -> Result<RolloutSettings> {
    fit::on_site(&expiry::stamped(settings, client.run().now()), site)
}

/// Brings one pool to what was asked for.
async fn roll_out_one(
    (client, looks): (&Client, &Looks),
    site: &Site,
    settings: &RolloutSettings,
    report: &mut RolloutReport,
) -> Result<()> {
    let run = client.run();
    let watch = looks.watch(client, site.endpoint.clone(), settings.pool.id.clone());
    let mut access = PoolAccess::new(&watch, settings.pool.id.clone()).in_account(site.account.clone());
    let look = async {
        let pool = access.find().await?;
        if let Some(other) = find::elsewhere(&watch, site, (settings, pool.as_ref())).await? {
            return Ok(Err(Box::new(other)));
        }
        follow::note(&access, pool.as_ref(), report);
        let settled = other_size::settled(&access, (site, settings), pool.as_ref()).await?;
        let intent = fallback::aware(&access, pool.as_ref(), (intent(&settled)?, &settled)).found(pool.as_ref());
        weighing::refuse((&access, looks), site, (&settled, &intent), pool.as_ref()).await?;
        let beginning = plan::look(&access, pool.as_ref(), (&intent, &settled)).await?;
        Ok::<_, Error>(Ok((settled, intent, beginning)))
    };
    let look = run.step("plan", "looking at the pool", look);
    let (settled, mut intent, mut beginning) = match before::looked(client, settings, look).await? {
        Ok(found) => found,
        Err(other) => return roll_out_other((client, looks), site, (settings, &other), report).await,
    };
    let is_other = settled.pool.vm_size != settings.pool.vm_size;
    report.vm_size = settled.pool.vm_size.clone().filter(|_| is_other);
    let settings = &settled;
    report.needed = intent.goal.needed.total();
    if beginning.size != Size::Reached || beginning.retag.is_some() {
        before::check(&access, (settings, &intent), (site, &beginning), report).await?;
    }
    let need = if beginning.size.brings_nodes() {
        let need = replicas::foresee(&access, site, settings).await?;
        beginning.add_replicas(&need, settings);
        Some(need)
    } else {
        None
    };
    // What was chosen and reported before stays.
    report.plan.steps.extend(beginning.plan.steps);
    if let Some(need) = need {
        ensure_replicas((&access, looks), (site, settings), need, report).await?;
    }
    tags::carry_out(beginning.retag.take(), &mut access, report).await?;
    match beginning.size {
        Size::Replaced => return replace(&mut access, &intent, settings, report).await,
        Size::Tried => {
            try_first(&mut access, &intent, settings, report).await?;
            // What others have done since is not undone: from here on it is about the nodes that are still to come.
            intent = intent.sized(intent.goal, intent.first);
            let pool = access.find().await?;
            beginning.size = plan::look(&access, pool.as_ref(), (&intent, settings)).await?.size;
        }
        Size::Reached | Size::NoNewNodes | Size::NewNodes => {}
    }
    other_size::bring(&mut access, (&intent, settings), beginning.size, report).await
}

/// Brings the pool to what was asked for that does the work of the one that was named.
async fn roll_out_other(
    (client, looks): (&Client, &Looks),
    site: &Site,
    (asked, other): (&RolloutSettings, &RolloutSettings),
    report: &mut RolloutReport,
) -> Result<()> {
    let (named, pool) = (&asked.pool.id, &other.pool.id);
    client.note(format!("pool {pool} does the work of pool {named}"));
    report.pool = pool.clone();
    Box::pin(roll_out_one((client, looks), site, other, report)).await
}

async fn ensure_replicas(
    (access, looks): (&PoolAccess<'_>, &Looks),
    (site, settings): (&Site, &RolloutSettings),
    need: replicas::Need,
    report: &mut RolloutReport,
) -> Result<()> {
    let client = access.client();
    let ensure = async {
        let turn = if need.takes_time() {
            looks.turn(&settings.pool.version).await
        } else {
            None
        };
        if turn.is_none() {
            return replicas::carry_out(client, site, need).await;
        }
        // What another pool has done meanwhile counts.
        let site = site.with_version_now(client, settings).await?;
        let need = replicas::foresee(access, &site, settings).await?;
        replicas::carry_out(client, &site, need).await
    };
    let ensured = client
        .run()
        .step("replicas", "checking the version's replicas", ensure)
        .await;
    advised(client, site, ensured, report)
}

/// Brings a pool to its size that has its image, and judges its nodes.
async fn bring(
    access: &mut PoolAccess<'_>,
    (intent, settings): (&Intent, &RolloutSettings),
    size: Size,
    report: &mut RolloutReport,
) -> Result<()> {
    let run = access.client().run();
    if size != Size::Reached {
        let doing = format!("bring pool {} to its size", settings.pool.id);
        let sizing = Sizing::new(access, intent, settings.policy.resize.rounds, &doing, report);
        run.step("resize", "bringing the pool to its size", sizing.reach())
            .await?;
    } else if report.action == PoolAction::None {
        report.action = PoolAction::Unchanged;
    }
    let wait = heal::nodes(access, (intent, settings), report);
    let waited = run.step("nodes", "waiting for the nodes", wait).await?;
    let waited = fallback::replace_missing(access, (intent, settings), waited, report).await?;
    judge(access, settings, &waited).await
}

async fn replace(
    access: &mut PoolAccess<'_>,
    intent: &Intent,
    settings: &RolloutSettings,
    report: &mut RolloutReport,
) -> Result<()> {
    let client = access.client();
    let doing = format!("change pool {} in place", settings.pool.id);
    let replacing = Replacing::new(access, way(intent, settings, &doing), report);
    let what = "changing the pool in place";
    client.run().step("in-place", what, Box::pin(replacing.reach())).await
}

/// Lets the first nodes of a pool that this roll-out makes try the image.
async fn try_first(
    access: &mut PoolAccess<'_>,
    intent: &Intent,
    settings: &RolloutSettings,
    report: &mut RolloutReport,
) -> Result<()> {
    let client = access.client();
    let doing = format!("try the image on the first nodes of pool {}", settings.pool.id);
    let record = intent.made(client.run().now());
    let way = Way {
        make: record.as_ref(),
        ..way(intent, settings, &doing)
    };
    let trying = Replacing::new(access, way, report);
    let what = "trying the image on the first nodes";
    client.run().step("canary", what, Box::pin(trying.reach())).await
}

const fn way<'s>(intent: &'s Intent, settings: &'s RolloutSettings, doing: &'s str) -> Way<'s> {
    let change = &settings.change;
    Way {
        intent: Some(intent),
        make: None,
        running_tasks: change.running_tasks,
        on_failure: change.on_failure,
        filling: Filling::of(settings, doing),
        judging: &change.judging,
        gates: &change.gates,
    }
}

fn intent(settings: &RolloutSettings) -> Result<Intent> {
    let spec = Spec::new(settings).map_err(|faults| spec::unusable(&settings.pool.id, &faults))?;
    Ok(Intent::new(spec, settings))
}

fn tell_skipped(client: &Client, skipped: &[String]) {
    for check in skipped {
        client.run().progress.warn(format!("not checked: {check}"));
    }
}

/// More replicas are advice: an identity that may not change the version rolls out all the same, with a warning. A
/// region without any is not: no node would come.
fn advised(client: &Client, site: &Site, ensured: Result<()>, report: &mut RolloutReport) -> Result<()> {
    let is_there = match (&site.version, &site.location) {
        (Some(version), Some(location)) => version.is_complete_in(location),
        _ => false,
    };
    match ensured {
        Err(error) if is_there && error.kind() == ErrorKind::NoRights && error.has_status(403) => {
            let skipped = format!("replicas of the image version: this identity may not change it ({error})");
            tell_skipped(client, std::slice::from_ref(&skipped));
            report.skipped_checks.push(skipped);
            Ok(())
        }
        ensured => ensured,
    }
}

async fn judge(access: &PoolAccess<'_>, settings: &RolloutSettings, waited: &Waited) -> Result<()> {
    if waited.verdict != Verdict::Good {
        return Err(filling::unready_pool(access, waited, settings).await);
    }
    warn_of_missing(access, waited);
    if let Some(image) = &waited.census.other_image {
        let text = format!(
            "another image, {}, is on {}",
            one_line(image),
            plural(waited.census.elsewhere, "node")
        );
        access.client().run().progress.warn(text);
    }
    Ok(())
}

/// Enough nodes are a success; those that are missing of what was asked for are said all the same. Only those that are
/// not there are asked for again.
fn warn_of_missing(access: &PoolAccess<'_>, waited: &Waited) {
    let (ready, goal) = (waited.census.ready, waited.goal);
    if goal.is_more_than(ready) {
        let rest = match goal.is_more_than(waited.census.total) {
            true => "the same run again asks for the rest",
            false => "the others are there and not ready",
        };
        let text = format!(
            "{} ready, which is enough ({} needed), but {} were asked for; {rest}",
            counted::counted(ready),
            counted::bare(goal.needed),
            counted::bare(goal.targets)
        );
        access.client().run().progress.warn(text);
    }
}

/// The error as the last layer of a roll-out; after a stop it says what goes on and how to continue.
fn explained(
    error: Error,
    (client, account): (&Client, &AccountRef),
    version: &str,
    (report, halt): (&RolloutReport, Halt),
) -> Error {
    let error = rights::advised(error, client.identity().as_deref(), Some(account));
    let doing = format!("cannot roll out {version} to pool {}", report.pool);
    let at = report.endpoint.as_ref().map(|endpoint| At {
        pool: &report.pool,
        endpoint,
        account: None,
    });
    let error = match error.kind() {
        ErrorKind::Cancelled | ErrorKind::Deadline => {
            cancelled::explained(error, (report, at), client.run(), (halt, Stopped::RollOut))
        }
        _ => error,
    };
    error.in_flow(doing)
}
