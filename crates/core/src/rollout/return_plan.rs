//! What a return will do, as steps of a plan, and which size it brings back. Pure.
//!
//! The steps are those of the first look; what is really done is decided in `replace::next` and `blue_green::next`.

use std::fmt;

use serde::Serialize;

use super::{
    blue_green::{begin, next::to_move},
    counted::{bare, counted},
    explain::short_image,
    jobs::is_held,
    pair::Shift,
    record::Record,
    replace::{begin::Begun, next::to_hold},
};
use crate::{
    batch::{job::Job, pool::Pool},
    ids::{NodeCounts, PoolId},
    plan::{Effect, Plan, Step},
};

/// What a return would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReturnPlan {
    /// The pool that does the work afterwards.
    pub pool: PoolId,
    /// The steps; none when everything is as it was before.
    #[serde(flatten)]
    pub plan: Plan<ReturnStep>,
    /// The pool that was resized since the roll-out, if it was: its size of today stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resized: Option<Resized>,
}

/// A pool that others gave another size since a roll-out had come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resized {
    /// The pool.
    pub pool: PoolId,
    /// The size that the roll-out gave it.
    pub rolled_out: NodeCounts,
    /// The size that it has, and that the return brings.
    pub today: NodeCounts,
    /// The size that there was before the roll-out.
    pub before: NodeCounts,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum ReturnStep {
    /// Jobs are disabled until the end.
    HoldJobs {
        /// The pool that they run on.
        pool: PoolId,
        /// Their ids.
        jobs: Vec<String>,
    },
    /// The pool is emptied and gets its former image and settings.
    ChangeBack {
        /// The pool.
        pool: PoolId,
        /// How many nodes go.
        nodes: NodeCounts,
        /// The former image.
        image: String,
    },
    /// A new pool whose first nodes tried the image loses them.
    EmptyPool {
        /// The pool.
        pool: PoolId,
    },
    /// The pool gets its nodes.
    FillPool {
        /// The pool.
        pool: PoolId,
        /// How many; absent when a formula decides.
        nodes: Option<NodeCounts>,
    },
    /// Jobs go back to the pool that they came from.
    MoveJobs {
        /// The pool that they leave.
        pool: PoolId,
        /// The pool that they get.
        former_pool: PoolId,
        /// Their ids.
        jobs: Vec<String>,
    },
    /// The second pool goes.
    DeletePool {
        /// The pool.
        pool: PoolId,
    },
}

impl ReturnPlan {
    /// There is nothing to go back.
    pub(super) fn nothing(pool: PoolId) -> Self {
        Self {
            pool,
            plan: Plan::default(),
            resized: None,
        }
    }

    /// The nodes that the pool shall have again; nothing where that stays as it is, or a formula decides.
    pub(super) fn nodes(&self) -> Option<NodeCounts> {
        self.plan.steps.iter().find_map(|step| match step {
            ReturnStep::FillPool { nodes, .. } => *nodes,
            _ => None,
        })
    }

    /// The image that the pool itself gets again.
    pub(super) fn image(&self) -> Option<&str> {
        self.plan.steps.iter().find_map(|step| match step {
            ReturnStep::ChangeBack { image, .. } => Some(image.as_str()),
            _ => None,
        })
    }

    /// Of a change in place that begins, or goes on, to go back.
    pub(super) fn in_place((id, pool): (&PoolId, &Pool), begun: &Begun, jobs: &[Job]) -> Self {
        let (Begun::New(back) | Begun::Already(back)) = begun;
        let pool_id = id.clone();
        if back.is_made() {
            let plan = Plan::new(vec![ReturnStep::EmptyPool { pool: pool_id.clone() }]);
            return Self {
                plan,
                ..Self::nothing(pool_id)
            };
        }
        let held: Vec<String> = to_hold(jobs)
            .chain(jobs.iter().filter(|job| is_held(job)))
            .map(|job| job.id.clone())
            .collect();
        let image = back
            .former_image()
            .map_or_else(|| "its former image".to_owned(), short_image);
        let hold = (!held.is_empty()).then(|| ReturnStep::HoldJobs {
            pool: id.clone(),
            jobs: held,
        });
        let change = ReturnStep::ChangeBack {
            pool: id.clone(),
            nodes: pool.current,
            image,
        };
        let fill = ReturnStep::FillPool {
            pool: id.clone(),
            nodes: back.was.autoscale.is_none().then_some(back.was.size),
        };
        Self {
            plan: Plan::new(hold.into_iter().chain([change, fill]).collect()),
            resized: Record::of_pool(pool).and_then(|found| resized_in_place(id, pool, &found)),
            pool: pool_id,
        }
    }

    /// Of work that goes back to a former pool.
    pub(super) fn to_former(former: &PoolId, (shift, new): (&Shift, Option<&Pool>), jobs: &[Job]) -> Self {
        let Some(back) = begin::back(shift, new) else {
            return Self::nothing(former.clone());
        };
        let moved: Vec<String> = to_move(jobs, &shift.new).map(|job| job.id.clone()).collect();
        let fill = ReturnStep::FillPool {
            pool: former.clone(),
            nodes: Some(back.was),
        };
        let moves = (!moved.is_empty()).then(|| ReturnStep::MoveJobs {
            pool: shift.new.clone(),
            former_pool: former.clone(),
            jobs: moved,
        });
        let delete = new.map(|_| ReturnStep::DeletePool {
            pool: shift.new.clone(),
        });
        let resized = new.filter(|new| begin::is_resized(shift, new)).map(|new| Resized {
            pool: shift.new.clone(),
            rolled_out: shift.size,
            today: new.targets,
            before: shift.was,
        });
        Self {
            pool: former.clone(),
            plan: Plan::new([Some(fill), moves, delete].into_iter().flatten().collect()),
            resized,
        }
    }
}

impl Resized {
    /// Whether the return brings another size than there was before the roll-out.
    #[must_use]
    pub fn is_news(&self) -> bool {
        self.today != self.before
    }
}

impl fmt::Display for Resized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "pool {} was resized since the roll-out, from {} to {}: the return keeps that size; before the roll-out there were {}",
            self.pool,
            bare(self.rolled_out),
            counted(self.today),
            bare(self.before)
        )
    }
}

impl Step for ReturnStep {
    fn effect(&self) -> Effect {
        match self {
            Self::DeletePool { .. } => Effect::Irreversible,
            Self::HoldJobs { .. }
            | Self::ChangeBack { .. }
            | Self::EmptyPool { .. }
            | Self::FillPool { .. }
            | Self::MoveJobs { .. } => Effect::Change,
        }
    }
}

impl fmt::Display for ReturnStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HoldJobs { pool, jobs } => {
                let jobs = jobs.join(", ");
                write!(f, "disable the jobs of pool {pool} ({jobs}) until the pool is back")
            }
            Self::ChangeBack { pool, nodes, image } => {
                let nodes = counted(*nodes);
                write!(
                    f,
                    "remove the nodes of pool {pool} ({nodes} today) and give it {image} again"
                )
            }
            Self::EmptyPool { pool } => write!(f, "remove the nodes of pool {pool}, which tried the image"),
            Self::FillPool {
                pool,
                nodes: Some(nodes),
            } => write!(f, "bring pool {pool} to {}", counted(*nodes)),
            Self::FillPool { pool, nodes: None } => write!(f, "give pool {pool} its former formula"),
            Self::MoveJobs {
                pool,
                former_pool,
                jobs,
            } => {
                let jobs = jobs.join(", ");
                write!(f, "move the jobs of pool {pool} ({jobs}) to pool {former_pool}")
            }
            Self::DeletePool { pool } => write!(f, "delete pool {pool}"),
        }
    }
}

/// Of a pool whose change in place had come to its end, when its size is another one by now.
fn resized_in_place(id: &PoolId, pool: &Pool, found: &Record) -> Option<Resized> {
    found.is_resized(pool).then(|| Resized {
        pool: id.clone(),
        rolled_out: found.size,
        today: pool.targets,
        before: found.was.size,
    })
}
