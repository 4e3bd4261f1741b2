//! Waits for the nodes of a pool whose size a formula decides: until it was evaluated without an error, the pool is
//! steady, and the nodes that it asked for are ready.
//!
//! Such a pool is never resized. A pool of a fixed size is left to `ready`.

use tokio::time::Instant;

use super::{
    RolloutReport,
    counted::{bare, counted},
    decide::{self, Follows, Intent, Refusal},
    explain::refused,
    failed_starts::{self, FailedStarts},
    pool::PoolAccess,
    ready::{self, Stillness},
    size::classify::{Class, judge_all},
    verdict::{Census, Goal, Verdict, Waited},
};
use crate::{
    batch::{
        autoscale::{self, Evaluation},
        node::{Node, takes_tasks},
        pool::{Pool, PoolLife, Scaling},
    },
    client::Client,
    error::{Error, ErrorKind, Result, ServiceError},
    progress::Event,
    settings::{Readiness, RolloutSettings, Targets},
    words::Words,
};

/// So many kinds of failed start tasks are read, on one node each: further ones rarely say something new, and each costs
/// a request.
const MOST_READ: usize = 3;

/// Where a pool stands with its formula.
#[derive(Clone, Debug, PartialEq)]
enum Standing {
    /// It may yet get there.
    Pending,
    /// It has what the formula asked for, as far as counts show.
    Reached,
    /// Its nodes are there, and not enough of them can get ready.
    Unready,
    /// The formula could not be evaluated.
    NotEvaluated(ServiceError),
    /// Nodes are missing, and the next evaluation would not bring them.
    Short,
    /// Another caller has changed it.
    Changed(Refusal),
}

/// A look at the pool with its formula.
struct Look<'a> {
    pool: &'a Pool,
    goal: Goal,
    census: &'a Census,
    /// Whether the last evaluation is one of the formula that is asked for.
    is_evaluated: bool,
}

/// Waits until the nodes of a pool are there, whoever decides how many.
///
/// # Errors
/// As [`ready::wait`]; `Rejected` when the formula cannot be evaluated; `PartlyReached` or the class of what hinders
/// them when nodes that it asked for do not come.
pub(super) async fn nodes(
    access: &PoolAccess<'_>,
    intent: &Intent,
    readiness: Readiness,
    report: &mut RolloutReport,
) -> Result<Waited> {
    let waited = match &intent.follows {
        None => ready::wait(access, intent, readiness, report).await,
        Some(follows) => wait(access, (intent, follows), readiness, report).await,
    }?;
    tell_failed_starts(access, &waited, report).await;
    Ok(waited)
}

/// Says what a run is for. What a formula asks for is not known before the pool has been looked at.
pub(super) fn tell_goal(client: &Client, settings: &RolloutSettings, intent: &Intent) {
    let (pool, account, version) = (&settings.pool.id, settings.account.name(), &settings.pool.version);
    let (definition, number) = (version.definition(), version.name());
    let size = match &intent.follows {
        Some(_) => "as many nodes as its formula asks for".to_owned(),
        None => counted(intent.goal.targets),
    };
    let text = format!("pool {pool} in {account} → {} {number}, {size}", definition.name());
    client.tell(Event::Goal { text });
}

/// Notes, and says, what the formula of a pool that shall follow one has asked for so far.
pub(super) fn note(access: &PoolAccess<'_>, pool: Option<&Pool>, report: &mut RolloutReport) {
    let follows = |pool: &&Pool| report.autoscale.is_some() && pool.scaling == Scaling::Auto;
    let Some(asks) = pool.filter(follows).map(|pool| pool.targets) else {
        return;
    };
    report.note_formula(asks);
    let text = format!("the formula of pool {} asks for {} now", access.id(), counted(asks));
    access.client().note(&text);
}

/// A pool that does not wait for the success of its start task has nodes that take tasks without what it was to bring.
/// They are warned of once, and again when others have come.
async fn tell_failed_starts(access: &PoolAccess<'_>, waited: &Waited, report: &mut RolloutReport) {
    let mut failed = FailedStarts::of(&waited.nodes);
    if FailedStarts::nodes_of(&failed) == FailedStarts::nodes_of(&report.start_task_failures) {
        return;
    }
    for group in failed.iter_mut().take(MOST_READ) {
        if let Some(node) = group.nodes.first() {
            group.output = access.start_task_end(node).await;
        }
    }
    let ready = waited.nodes.iter().filter(|node| takes_tasks(node.state.as_str()));
    if let Some(text) = failed_starts::warning(&failed, ready.count()) {
        access.client().warn(text);
    }
    report.start_task_failures = failed;
}

async fn wait(
    access: &PoolAccess<'_>,
    (intent, follows): (&Intent, &Follows),
    readiness: Readiness,
    report: &mut RolloutReport,
) -> Result<Waited> {
    let began = Instant::now();
    let mut stillness = Stillness::new();
    let mut since = None;
    loop {
        let seen = access.look().await?;
        let Some(pool) = seen.pool else {
            return Err(refused(access.at(), decide::deleted()));
        };
        // What this run has given the pool shows in the time of its last change.
        let first = *since.get_or_insert(access.has_followed().then_some(pool.modified).flatten());
        let run = autoscale::last_run(&pool);
        let is_evaluated = run
            .as_ref()
            .is_some_and(|run| first.is_none_or(|first| run.at >= Some(first)));
        let (goal, mut nodes) = (goal(&pool, follows, readiness), None);
        report.needed = goal.needed.total();
        report.note_formula(pool.targets);
        let mut census = seen.counts.as_ref().map(Census::from);
        if census
            .as_ref()
            .is_none_or(|census| census.clone().of_pool(pool.current).needs_list(goal))
        {
            let list = access.nodes().await?;
            census = Some(Census::of(&list, |image| intent.spec.runs(image)));
            nodes = Some(list);
        }
        let census = census.unwrap_or_default().of_pool(pool.current);
        report.count(goal, &census);
        if stillness.note(&census) {
            ready::tell(access, goal, &census);
        }
        let look = Look {
            pool: &pool,
            goal,
            census: &census,
            is_evaluated,
        };
        let is_over = stillness.length() >= readiness.node_timeout;
        let waited = |nodes: Option<Vec<Node>>, verdict| Waited {
            nodes: nodes.unwrap_or_default(),
            census: census.clone(),
            goal,
            verdict,
        };
        match standing(&look, run.as_ref()) {
            Standing::Reached | Standing::Unready => {
                // Counts are younger than the list of pools: nodes of a pool that is being deleted are not ill.
                still_follows(access, follows).await?;
                return Ok(waited(nodes, census.verdict(goal)));
            }
            Standing::NotEvaluated(error) => return Err(not_evaluated(error)),
            Standing::Short => return Err(short(access, &look)),
            Standing::Changed(refusal) => return Err(refused(access.at(), refusal)),
            Standing::Pending if is_over => return over(access, &look, run, waited(nodes, Verdict::Pending)),
            Standing::Pending => access.pause(began, "the formula's nodes to be ready").await?,
        }
    }
}

/// What the formula asks for now.
fn goal(pool: &Pool, follows: &Follows, readiness: Readiness) -> Goal {
    let targets = Targets {
        dedicated: pool.targets.dedicated,
        spot: pool.targets.spot,
        spot_counts: follows.spot_counts,
    };
    Goal::new(targets, readiness)
}

fn standing(look: &Look<'_>, run: Option<&Evaluation>) -> Standing {
    let (pool, goal) = (look.pool, look.goal);
    if pool.life == PoolLife::Deleting {
        return Standing::Changed(decide::deleted());
    }
    if pool.scaling == Scaling::Fixed {
        return Standing::Changed(unfollowed());
    }
    if !look.is_evaluated || !pool.is_steady() {
        return Standing::Pending;
    }
    if let Some(error) = run.and_then(|run| run.error.clone()) {
        return Standing::NotEvaluated(error);
    }
    if !goal.is_met_by(pool.current) {
        let judged = judge_all(&pool.resize_errors, goal.counts_spot());
        return match judged.map(|judged| judged.class) {
            Some(Class::Stop) => Standing::Short,
            _ => Standing::Pending,
        };
    }
    match look.census.verdict(goal) {
        Verdict::Good => Standing::Reached,
        Verdict::Bad => Standing::Unready,
        Verdict::Pending => Standing::Pending,
    }
}

fn unfollowed() -> Refusal {
    Refusal {
        why: "follows no autoscale formula any more".to_owned(),
        remedy: "agree with those who change the pool, then run again",
    }
}

/// The list of pools does not show formulas, so the pool itself is asked once at the end.
async fn still_follows(access: &PoolAccess<'_>, follows: &Follows) -> Result<()> {
    let pool = access.find().await?;
    let pool = pool.filter(|pool| pool.life != PoolLife::Deleting);
    let pool = pool.ok_or_else(|| refused(access.at(), decide::deleted()))?;
    match autoscale::of(&pool) {
        Some(found) if follows.scale.is_met_by(&found) => Ok(()),
        Some(_) => Err(refused(
            access.at(),
            Refusal {
                why: "follows another autoscale formula by now".to_owned(),
                ..unfollowed()
            },
        )),
        None => Err(refused(access.at(), unfollowed())),
    }
}

/// No node has come nearer for too long.
fn over(access: &PoolAccess<'_>, look: &Look<'_>, run: Option<Evaluation>, waited: Waited) -> Result<Waited> {
    if !look.is_evaluated {
        let text = format!("Batch has not evaluated the autoscale formula of pool {}", access.id());
        let error = Error::new(ErrorKind::Azure, text).with_hint("look at the pool's autoScaleRun, and run it again");
        return Err(match run.and_then(|run| run.error) {
            Some(last) => error.because(last),
            None => error,
        });
    }
    if look.pool.is_steady() && !look.goal.is_met_by(look.pool.current) {
        return Err(short(access, look));
    }
    Ok(waited)
}

fn short(access: &PoolAccess<'_>, look: &Look<'_>) -> Error {
    let (current, goal) = (look.pool.current, look.goal);
    let judged = judge_all(&look.pool.resize_errors, goal.counts_spot());
    let text = format!(
        "pool {} is steady: {} there, {} asked for by its formula",
        access.id(),
        counted(current),
        bare(goal.targets)
    );
    let stopped = judged.as_ref().filter(|judged| judged.class == Class::Stop);
    let kind = match stopped {
        Some(judged) => judged.kind,
        None if current.total() > 0 => ErrorKind::PartlyReached,
        None => ErrorKind::Azure,
    };
    match judged {
        Some(judged) => Error::new(kind, text)
            .because(judged.to_string())
            .with_hint(Words::naming(judged.remedy)),
        None => Error::new(kind, text)
            .because("Batch gives no reason")
            .with_hint("run again, which waits for the next evaluations of the formula"),
    }
}

/// The formula is the user's, and what is wrong with it is in the service's words.
pub(super) fn not_evaluated(error: ServiceError) -> Error {
    Error::new(ErrorKind::Rejected, "Batch cannot evaluate the autoscale formula")
        .because(error)
        .with_hint("correct the formula: az batch pool autoscale evaluate shows what it comes to")
}
