//! Removes what dead runs left: snapshots and managed images with our name and our tags that no run, version, pool or
//! machine needs.
//!
//! It shows its plan, and with consent looks again and removes what may still go. What was made by others, and what
//! `keep` kept, is never touched. What may go is decided in `choose`; it is read in `look`.

mod choose;
mod look;
mod pools;
mod step;

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use serde::Serialize;

use self::{
    choose::Chosen,
    look::{Looked, looked},
};
pub use self::{
    choose::{Leftover, Verdict},
    pools::LeftPool,
    step::GcStep,
};
use crate::{
    client::Client,
    compute::snapshot,
    error::Result,
    operation::drive,
    plan::{Kept, Plan, partly},
    preflight,
    progress::Event,
    rights::{self, Need},
    settings::{Checked, CollectionSettings},
    temporaries::{self, Found, TemporaryId},
    usage::Blind,
};

/// How many are removed at one time.
const AT_ONCE: usize = 8;

/// What was found, and what is or was done about it.
#[derive(Debug, Serialize)]
pub struct Collection {
    /// Everything that a run of ours made and that is there, by its id.
    pub leftovers: Vec<Leftover>,
    /// Every pool that tested a version and is there.
    pub pools: Vec<LeftPool>,
    /// Where lists may show only a part: there may be more than is said here.
    pub unseen: Vec<Blind>,
    /// What is to be done: nothing when nothing may go.
    pub plan: Plan<GcStep>,
    /// What was done; absent when nothing was to be written.
    pub done: Option<Collected>,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// The ids of what is gone; of a pool its id and account.
    pub removed: Vec<String>,
    /// What could go when it was planned and could not any more.
    pub spared: Vec<Kept>,
}

/// Looks at what is there, and says what may go. It writes nothing.
///
/// # Errors
/// When a place cannot be read, or the run ends.
pub async fn plan(client: &Client, settings: &Checked<CollectionSettings>) -> Result<Collection> {
    let what = "looking at snapshots and managed images, and at who needs them";
    let look = async { futures::try_join!(looked(client, settings), pools::looked(client, settings)) };
    let (Looked { chosen, parts }, pools) = client.run().step("leftovers", what, look).await?;
    let steps = chosen.iter().filter(|it| it.leftover.goes()).flat_map(steps);
    let of_pools = pools.iter().filter(|left| left.goes).map(|left| GcStep::RemovePool {
        pool: left.pool.clone(),
        account: left.account.name().to_owned(),
    });
    Ok(Collection {
        plan: Plan::new(steps.chain(of_pools).collect()),
        pools,
        unseen: parts.iter().map(Blind::of_part).collect(),
        leftovers: chosen.into_iter().map(|it| it.leftover).collect(),
        done: None,
    })
}

/// Looks again, and removes what the plan names and what may still go. What was done is in the collection, also after a
/// failure.
///
/// # Errors
/// `PartlyReached` when some could not be removed; when a place cannot be read, or the run ends.
pub async fn carry_out(
    client: &Client,
    settings: &Checked<CollectionSettings>,
    collection: &mut Collection,
) -> Result<()> {
    let what = "removing what no run needs";
    let needs = needs(collection);
    let going = collection.leftovers.iter().filter(|it| it.goes());
    let planned = going.map(|it| it.id.to_ascii_lowercase()).collect();
    let pools: Vec<LeftPool> = collection.pools.iter().filter(|left| left.goes).cloned().collect();
    let done = collection.done.insert(Collected::default());
    let work = async {
        preflight::require_rights(client, needs).await?;
        let of_pools = remove_pools(client, &pools, done).await;
        remove(client, settings, (&planned, done)).await.and(of_pools)
    };
    client.run().step("remove", what, work).await
}

/// The rights that the removal needs.
fn needs(collection: &Collection) -> Vec<Need> {
    let is_read = |name: &str| {
        let mut steps = collection.plan.steps.iter();
        steps.any(|step| matches!(step, GcStep::EndAccess { snapshot } if snapshot == name))
    };
    let going = collection.leftovers.iter().filter(|it| it.goes());
    let leftovers = going.flat_map(|it| rights::leftover(&it.id, it.id.rsplit('/').next().is_some_and(is_read)));
    let pools = collection.pools.iter().filter(|left| left.goes);
    leftovers
        .chain(pools.flat_map(|left| rights::test_pool(&left.account)))
        .collect()
}

/// Removes pools of tests one after the other; what Batch refuses is said at the end.
async fn remove_pools(client: &Client, going: &[LeftPool], done: &mut Collected) -> Result<()> {
    let mut failed = Vec::new();
    for left in going {
        match pools::remove(client, left).await {
            Ok(()) => {
                client.tell(Event::Removed { id: left.title() });
                done.removed.push(left.title());
            }
            Err(error) => failed.push((left.title(), error)),
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(partly(
            "pools of tests could not be removed",
            done.removed.len(),
            failed,
        )),
    }
}

async fn remove(
    client: &Client,
    settings: &CollectionSettings,
    (planned, done): (&BTreeSet<String>, &mut Collected),
) -> Result<()> {
    if planned.is_empty() {
        return Ok(());
    }
    let now = looked(client, settings).await?.chosen;
    let of_plan = |it: &Chosen| planned.contains(&it.leftover.id.to_ascii_lowercase());
    let (go, stay): (Vec<Chosen>, Vec<Chosen>) = now.into_iter().filter(of_plan).partition(|it| it.leftover.goes());
    done.spared = stay.iter().map(|it| spared(client, &it.leftover)).collect();
    let mut failed = Vec::new();
    let mut removals = stream::iter(go)
        .map(|it| async move { (remove_one(client, &it.found).await, it.leftover.id) })
        .buffer_unordered(AT_ONCE);
    while let Some((result, id)) = removals.next().await {
        match result {
            Ok(()) => done.removed.push(id),
            Err(error) => failed.push((id, error)),
        }
    }
    done.removed.sort();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(partly("leftovers could not be removed", done.removed.len(), failed)),
    }
}

fn spared(client: &Client, leftover: &Leftover) -> Kept {
    let kept = Kept {
        id: leftover.id.clone(),
        why: leftover.verdict.why().join("; "),
    };
    client.tell(Event::Kept {
        id: kept.id.clone(),
        why: kept.why.clone(),
    });
    kept
}

async fn remove_one(client: &Client, found: &Found) -> Result<()> {
    let id = &found.id;
    temporaries::end_access(client, found).await?;
    drive::delete(client, &id.delete(), &id.get()).await?;
    client.tell(Event::Removed { id: id.to_string() });
    Ok(())
}

fn steps(chosen: &Chosen) -> Vec<GcStep> {
    let name = chosen.found.id.name().to_owned();
    match &chosen.found.id {
        TemporaryId::Image(_) => vec![GcStep::RemoveImage { image: name }],
        TemporaryId::Snapshot(_) => {
            let access =
                snapshot::has_access(chosen.found.body()).then(|| GcStep::EndAccess { snapshot: name.clone() });
            access
                .into_iter()
                .chain([GcStep::RemoveSnapshot { snapshot: name }])
                .collect()
        }
    }
}
