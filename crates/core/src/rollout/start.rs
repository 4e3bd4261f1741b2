//! From the plan to a resize under way: waits for what is in the way, then creates, resizes or joins.
//!
//! What to do is decided in `plan`; what follows the first resize is in `size`.

use super::{
    PoolAction,
    plan::{self, Plan},
    pool::{Newer, PoolAccess},
    size::{self, rounds::Rounds, timeout},
    spec::{SPEC, Spec},
    verdict::Goal,
};
use crate::{
    batch::pool::Pool,
    error::{Error, ErrorKind, Result},
    ids::NodeCounts,
    settings::{PendingResize, ResizePolicy},
};

/// How often others' resizes and deletions are waited for before we say that somebody is at odds with us.
const MAX_WAITS: u32 = 10;

/// What the plan has come to once nobody else's resize is in the way.
#[derive(Debug)]
pub(super) enum Start {
    /// There is no pool.
    Create,
    /// It needs another size.
    Resize(Pool),
    /// Somebody is bringing it to the targets.
    Join(Pool),
    /// It has its size.
    Unchanged(Pool),
}

/// Where the pool's size stands after the first write.
#[derive(Debug)]
pub(super) enum Sizing {
    /// It has its size.
    Done(Pool),
    /// The first round is under way.
    UnderWay {
        /// The rounds.
        rounds: Rounds,
        /// What the round's end is newer than.
        newer: Newer,
    },
}

impl Start {
    /// What the report calls it.
    pub(super) const fn action(&self) -> PoolAction {
        match self {
            Self::Create => PoolAction::Created,
            Self::Resize(_) => PoolAction::Resized,
            Self::Join(_) => PoolAction::Joined,
            Self::Unchanged(_) => PoolAction::Unchanged,
        }
    }

    /// Whether our own write will ask for more nodes than there are.
    pub(super) fn asks_for_nodes(&self, goal: Goal) -> bool {
        let more_than =
            |current: NodeCounts| goal.targets.dedicated > current.dedicated || goal.targets.spot > current.spot;
        match self {
            Self::Create => more_than(NodeCounts::default()),
            Self::Resize(pool) => more_than(pool.current),
            Self::Join(_) | Self::Unchanged(_) => false,
        }
    }
}

/// Looks at the pool, and again after every wait, until there is something to do or nothing.
///
/// # Errors
/// `Refused` with the reason and what works instead; or when Batch refuses, or the run ends.
pub(super) async fn agree(
    access: &mut PoolAccess<'_>,
    spec: &Spec,
    goal: Goal,
    pending: PendingResize,
) -> Result<Start> {
    for _ in 0..MAX_WAITS {
        let pool = access.find().await?;
        let plan = plan::decide(spec, goal, pending, pool.as_ref());
        match (plan, pool) {
            (Plan::Refuse(refusal), _) => {
                let text = format!("pool {} is there, but {}", access.id(), refusal.why);
                return Err(Error::new(ErrorKind::Refused, text).with_hint(refusal.remedy));
            }
            (Plan::Resize, Some(pool)) => return Ok(Start::Resize(told(access, pool))),
            (Plan::Join, Some(pool)) => return Ok(Start::Join(told(access, pool))),
            (Plan::Unchanged, Some(pool)) => return Ok(Start::Unchanged(told(access, pool))),
            (Plan::Create, _) | (Plan::Resize | Plan::Join | Plan::Unchanged, None) => return Ok(Start::Create),
            (other, Some(pool)) => wait_for(access, &other, &pool).await?,
            (_, None) => {}
        }
    }
    let text = format!("pool {} does not come to rest: others keep changing it", access.id());
    Err(Error::new(ErrorKind::Refused, text).with_hint("agree on its targets, then run it again"))
}

async fn wait_for(access: &mut PoolAccess<'_>, plan: &Plan, pool: &Pool) -> Result<()> {
    let progress = access.client().run().progress.clone();
    let size = pool.targets.total();
    match plan {
        Plan::StopOther => {
            progress.note(format!("stopping the resize to {size} nodes that is under way"));
            access.stop_resize().await?;
        }
        Plan::WaitForDeletion => {
            progress.note("the old pool of that id is being deleted; waiting until it is gone");
            return access.gone().await;
        }
        _ => progress.note(format!("a resize to {size} nodes is under way; waiting for its end")),
    }
    access.steady(Newer::ThanNothing).await.map(drop)
}

fn told(access: &PoolAccess<'_>, pool: Pool) -> Pool {
    if pool.metadata(SPEC).is_none() {
        let text = format!(
            "pool {} was made by somebody else: it is compared by image version, VM size and node agent only",
            access.id()
        );
        access.client().run().progress.note(text);
    }
    pool
}

/// Creates, resizes or joins.
///
/// # Errors
/// When settings for a new pool are missing, Batch refuses, or the run ends.
pub(super) async fn begin(
    access: &mut PoolAccess<'_>,
    spec: &Spec,
    goal: Goal,
    policy: ResizePolicy,
    start: Start,
) -> Result<Sizing> {
    let first = timeout::first(goal.targets.total(), spec.timeout());
    match start {
        Start::Unchanged(pool) => Ok(Sizing::Done(pool)),
        Start::Create => {
            let body = spec.create_body(goal.targets, first)?;
            let rounds = Rounds::new(goal, policy.rounds, first, NodeCounts::default());
            size::tell(access, goal, &rounds);
            access.create(spec, body).await?;
            Ok(Sizing::UnderWay {
                rounds,
                newer: Newer::ThanNothing,
            })
        }
        Start::Resize(pool) => {
            let rounds = Rounds::new(goal, policy.rounds, first, pool.current);
            let newer = size::begin(access, goal, &rounds, pool).await?;
            Ok(Sizing::UnderWay { rounds, newer })
        }
        Start::Join(pool) => {
            let text = "a resize to the same targets is under way; joining it";
            access.client().run().progress.note(text);
            let timeout = pool.resize_timeout.unwrap_or(first);
            Ok(Sizing::UnderWay {
                rounds: Rounds::new(goal, policy.rounds, timeout, pool.current),
                newer: Newer::ThanNothing,
            })
        }
    }
}
