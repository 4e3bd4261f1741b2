//! What each strategy would cost a pool that is there: what is read for it, and whether each is possible.
//!
//! It writes nothing. The words are in `ways`. What cannot be read is left out of them.

use std::time::Duration;

use super::{
    blue_green::{Surge, find, stages::stages},
    decide::{Intent, Next, OTHER_SETTINGS, OTHER_STRATEGIES, Refusal, Stage},
    former, intent,
    observe::Site,
    pool::PoolAccess,
    record::Back,
    replace, room,
    ways::{Emptying, Longest, Moving, Quotas, Way, Ways},
};
use crate::{
    batch::{
        pool::{self, Pool},
        work,
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::PoolId,
    rollout::step::RolloutStep,
    settings::{RolloutSettings, Strategy},
    watch::{AccountWatch, Looks},
};

/// The pool that these steps change by a strategy.
pub(super) fn changed(steps: &[RolloutStep]) -> Option<&PoolId> {
    steps.iter().find_map(|step| match step {
        RolloutStep::ChangePool { pool, .. } | RolloutStep::ShiftNodes { pool, .. } => Some(pool),
        _ => None,
    })
}

/// Refuses a pool that keeps what it has because of its strategy, with what the others cost.
///
/// # Errors
/// `Refused` for such a pool; when it cannot be read, or the run ends.
pub(super) async fn refuse(
    (access, looks): (&PoolAccess<'_>, &Looks),
    site: &Site,
    (settings, intent): (&RolloutSettings, &Intent),
    pool: Option<&Pool>,
) -> Result<()> {
    let Some(refusal) = kept(intent, pool) else {
        return Ok(());
    };
    match Box::pin(look((access.client(), looks), site, (settings, access.id()))).await? {
        Some(ways) => Err(ways.refused(access.at(), refusal)),
        None => Ok(()),
    }
}

/// Why a pool keeps what it has, where another strategy could change it.
fn kept(intent: &Intent, pool: Option<&Pool>) -> Option<Refusal> {
    let is_of_strategy = |refusal: &Refusal| [OTHER_STRATEGIES, OTHER_SETTINGS].contains(&refusal.remedy);
    match intent.decide(Stage::Before, pool) {
        Next::Refuse(refusal) if intent.strategy == Strategy::CreateOnly => Some(refusal).filter(is_of_strategy),
        _ => None,
    }
}

/// Looks at a pool of these settings, or of the same family.
///
/// # Errors
/// When the pool cannot be read or is gone, or the run ends.
pub(super) async fn look(
    (client, looks): (&Client, &Looks),
    site: &Site,
    (settings, id): (&RolloutSettings, &PoolId),
) -> Result<Option<Ways>> {
    let watch = looks.watch(client, site.endpoint.clone(), id.clone());
    let Some(found) = client.find(&pool::get(&site.endpoint, id)).await? else {
        return Ok(None);
    };
    let former = Pool::new(found.value());
    let cores = room::cores(client, site, former.vm_size()).await?;
    let blue_green = match find::possible(&watch, site, (settings, id)).await {
        Ok(Ok(two)) => {
            let moving = Moving {
                more: Surge::of(&two.shift, &settings.change).nodes,
                steps: stages(&two.shift).unwrap_or_default().len(),
                cores,
                quotas: match site.account {
                    Some(_) => Quotas::Seen,
                    None => Quotas::Unseen,
                },
            };
            Way::Possible(moving.cost())
        }
        Ok(Err(refusal)) => impossible(id, &refusal),
        Err(error) => Way::Impossible(unless_over(error)?.to_string()),
    };
    let way_back = former::of_pool(client, &site.endpoint, &former).await?;
    let in_place = match forward(settings, (id, &former, way_back), client)? {
        Ok(()) => {
            let emptying = Emptying {
                now: former.current,
                // What a formula will ask for is not known: what it asked for last is the best guess.
                then: match settings.pool.autoscale {
                    Some(_) => former.targets,
                    None => settings.pool.targets.into(),
                },
                cores,
                longest: longest(&watch, id).await?,
            };
            Way::Possible(emptying.cost())
        }
        Err(refusal) => impossible(id, &refusal),
    };
    Ok(Some(Ways { in_place, blue_green }))
}

/// A refusal as a reason, with options named as a template names them.
fn impossible(id: &PoolId, refusal: &Refusal) -> Way {
    Way::Impossible(format!("pool {id} {}", refusal.why))
}

/// Whether a change in place could begin.
fn forward(
    settings: &RolloutSettings,
    (id, pool, way_back): (&PoolId, &Pool, Back),
    client: &Client,
) -> Result<Result<(), Refusal>> {
    let mut settings = find::of_pool(settings, id, Strategy::InPlace);
    settings.pool.vm_size = settings.pool.vm_size.or_else(|| pool.vm_size().parse().ok());
    let intent = intent(&settings)?;
    Ok(match (intent.decide(Stage::Before, Some(pool)), intent.spec.asked()) {
        (Next::Refuse(refusal), _) => Err(refusal),
        (Next::Replace(_), Some(spec)) => {
            let now = client.run().now();
            replace::steps::steps((&intent, spec), (pool, &[], way_back), &settings, now).map(drop)
        }
        _ => Ok(()),
    })
}

/// For how long the tasks on a pool run; nothing where that may not be read.
async fn longest(watch: &AccountWatch<'_>, id: &PoolId) -> Result<Option<Longest>> {
    let client = watch.client();
    match client.list(&work::running(watch.endpoint(), id)).await {
        Ok(nodes) => {
            let now = client.run().now();
            let oldest = nodes.iter().filter_map(work::oldest_running).min();
            Ok(Some(oldest.map_or(Longest::None, |since| {
                Longest::Runs(Duration::try_from(now.duration_since(since)).unwrap_or_default())
            })))
        }
        Err(error) => unless_over(error).map(|_error| None),
    }
}

fn unless_over(error: Error) -> Result<Error> {
    match error.kind() {
        ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
        _ => Ok(error),
    }
}
