//! What a look at pools has found, for people and for programs.
//!
//! The serde form is stable: `schema_version` grows when a field is removed or changes its meaning.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;
use serde::Serialize;

use super::note::Note;
use crate::{
    ids::{Location, NodeCounts, PoolId, SubscriptionId, resource::BatchAccountId},
    listing::Unseen,
    rollout::{LeftEmpty, MadeBy, Returns, UnderWay},
    settings::Autoscale,
};

/// The schema that reports have today.
pub(super) const SCHEMA: u32 = 1;

/// Everything that was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusReport {
    /// The schema of this report.
    pub schema_version: u32,
    /// When it was looked.
    pub at: Timestamp,
    /// How many days ahead an end was looked for.
    pub within_days: u32,
    /// The pools, the next end first.
    pub pools: Vec<PoolStatus>,
    /// What is good to know and needs no act today.
    pub notes: Vec<Note>,
    /// What could not be read: there may be pools in it.
    pub unseen: Vec<Unseen>,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolStatus {
    /// The account's name, or its endpoint.
    pub account: String,
    /// The account's id, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<BatchAccountId>,
    /// The account's region, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Location>,
    /// The pool.
    pub pool: PoolId,
    /// `steady`, `resizing`, `stopping` or `deleting`.
    pub state: String,
    /// Its VM size.
    pub vm_size: String,
    /// Its nodes.
    pub nodes: NodesStatus,
    /// The formula that decides how many; absent when its size is fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<AutoscaleStatus>,
    /// What they run.
    pub image: ImageStatus,
    /// Its node agent SKU.
    pub node_agent_sku: String,
    /// Whether this program made it.
    pub ours: bool,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// How many whole days ago that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_days: Option<i64>,
    /// Until when a roll-out wanted it, when one said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The change that has begun and not come to its end; absent when none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeStatus>,
    /// What took over its work; absent unless a roll-out moved that to a second pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former: Option<FormerStatus>,
    /// The ends that are known, the next one first.
    pub retirements: Vec<Retirement>,
    /// What there is to act on.
    pub findings: Vec<Finding>,
    /// What to type next: what lets its jobs go on, how it moves away from its managed image, or what deletes a pool of
    /// others that is former or has expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A change of a pool that has begun and not come to its end. Whether a run is at work on it cannot be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeStatus {
    /// What it is.
    #[serde(flatten)]
    pub change: UnderWay,
    /// The jobs that it has disabled or is about to; absent when they may not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_jobs: Option<Vec<String>>,
}

/// A pool whose work a second one does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormerStatus {
    /// The pool that does its work.
    pub successor: PoolId,
    /// Until when it is kept for a return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Timestamp>,
    /// Who has made it: no roll-out deletes a pool that others made.
    pub made_by: MadeBy,
}

/// The formula of a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AutoscaleStatus {
    /// The formula, and how often it is evaluated.
    #[serde(flatten)]
    pub scale: Autoscale,
    /// What it came to last: `$TargetDedicatedNodes=4, $TargetLowPriorityNodes=0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

/// The nodes of a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodesStatus {
    /// How many it shall have.
    pub target: NodeCounts,
    /// How many it has; spot nodes include preempted ones.
    pub current: NodeCounts,
    /// How many take tasks; absent when the counts may not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<u32>,
    /// Nodes of both kinds by state, without empty states.
    pub states: BTreeMap<String, u32>,
    /// How many have which version of Batch's node agent; empty where the nodes were not read.
    pub agents: BTreeMap<String, u32>,
}

/// The image of a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageStatus {
    /// `version`, `definition`, `managed`, `marketplace`, `other` or `unknown`.
    pub kind: &'static str,
    /// Its id; of a marketplace image its URN.
    pub id: String,
    /// The number of the version that the pool names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The newest version that a pool in that region can get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// How many versions the oldest of its nodes is behind; absent when that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<usize>,
    /// The versions of its nodes, where nodes may differ.
    pub nodes: BTreeMap<String, u32>,
    /// The marketplace image that it was made of, when the version says so. Of a marketplace image itself, when the pool
    /// names one version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseStatus>,
}

/// The marketplace image under a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaseStatus {
    /// The image, as `publisher:offer:sku:version`.
    pub image: String,
    /// How many newer versions the marketplace has; absent when its list could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer: Option<usize>,
    /// The newest version; absent when that is not known, or the marketplace has none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
}

/// An end that is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retirement {
    /// Of what: `image version 1.4.2`, `node agent batch.node.ubuntu 22.04`, `VM size …`.
    pub what: String,
    /// When.
    pub date: Timestamp,
}

/// Something to act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// There are newer versions.
    Behind {
        /// How many.
        versions: usize,
        /// The newest.
        latest: String,
    },
    /// Its nodes run different versions.
    Mixed {
        /// How many.
        versions: usize,
    },
    /// The version is not in its definition any more: the pool cannot grow.
    Missing {
        /// The number.
        version: String,
    },
    /// The version was deleted. The gallery keeps it for a time.
    Deleted {
        /// The number.
        version: String,
        /// Until when nodes can be made from it; absent when they cannot any more.
        #[serde(skip_serializing_if = "Option::is_none")]
        usable_until: Option<Timestamp>,
        /// Until when it can be restored.
        #[serde(skip_serializing_if = "Option::is_none")]
        gone_at: Option<Timestamp>,
    },
    /// Batch does not list it, or not any more.
    Unlisted {
        /// What: `image …`, `node agent …`.
        what: String,
    },
    /// Azure objects to the version.
    Objection {
        /// What Azure says.
        text: String,
    },
    /// The version failed the test of its publish and was not admitted to latest since.
    FailedTest {
        /// The number.
        version: String,
        /// How it failed.
        text: String,
    },
    /// Something it stands on has ended.
    Ended {
        /// What and when.
        retirement: Retirement,
    },
    /// Something it stands on ends soon.
    Ends {
        /// What and when.
        retirement: Retirement,
        /// In how many days.
        days: i64,
    },
    /// The formula that decides its size cannot be evaluated.
    Formula {
        /// What Batch says.
        text: String,
    },
    /// Its expiry has passed: nothing but a deletion ends it.
    Expired,
    /// The same of a pool that no roll-out has made, though one has given it the expiry.
    ExpiredOfOthers,
    /// No change of it is under way, and jobs that one has disabled are still disabled.
    HeldJobs {
        /// The jobs.
        jobs: Vec<String>,
    },
    /// It is a former pool without nodes, and jobs or job schedules name it.
    Stranded {
        /// The pool that does its work.
        successor: PoolId,
        /// The jobs.
        jobs: Vec<String>,
        /// The job schedules.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        schedules: Vec<String>,
    },
    /// Its size is fixed and no resize is under way, and nodes that were asked for are not there.
    Short {
        /// How many it has.
        nodes: NodeCounts,
        /// How many it shall have.
        target: NodeCounts,
        /// What the last resize failed with, in Batch's words.
        errors: Vec<String>,
    },
    /// Azure moves its nodes to what is latest by itself, and a part of its policy endangers work.
    UnsafeUpgrade {
        /// The part of the pool's JSON.
        path: String,
        /// What it does.
        why: String,
    },
    /// A roll-out or a return has begun and not come to its end.
    Unfinished {
        /// What it is.
        #[serde(flatten)]
        change: UnderWay,
        /// How many jobs it holds; absent when they may not be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        held_jobs: Option<usize>,
    },
    /// A roll-out made it, found its first nodes bad, and left it without nodes.
    LeftEmpty {
        /// What it was to get, and why it did not.
        #[serde(flatten)]
        left: LeftEmpty,
    },
    /// Its work went to a pool that is not there any more.
    SuccessorGone {
        /// That pool.
        successor: PoolId,
    },
    /// It is a former pool, and the time for which it is kept is over.
    FormerIsOver {
        /// The pool that does its work.
        successor: PoolId,
    },
    /// The same of a pool that no roll-out has made, and that therefore none deletes.
    FormerOfOthers {
        /// The pool that does its work.
        successor: PoolId,
    },
    /// It runs a managed image. Batch ended the support of those on 31 March 2026.
    ManagedImage,
    /// It has more nodes than its managed image allows.
    AboveManagedCap {
        /// How many it has, or is to have.
        nodes: NodeCounts,
        /// How many it may have, with those of other pools on the image, or on images of its snapshot, taken off.
        most: NodeCounts,
        /// How many those other pools have.
        others: NodeCounts,
    },
    /// Its managed image is not there any more: the pool cannot grow.
    ManagedImageGone,
    /// Its managed image was not made of snapshots, and it has more nodes than go with that.
    NotOfSnapshots {
        /// How many it has, or is to have.
        nodes: NodeCounts,
        /// What the image was made of.
        made_of: &'static str,
    },
    /// Its managed image is in another region than its account.
    OtherRegion {
        /// The image's.
        image: Location,
        /// The account's.
        account: Location,
    },
    /// Its managed image is in another subscription than its account.
    OtherSubscription {
        /// The image's.
        image: SubscriptionId,
        /// The account's.
        account: SubscriptionId,
    },
}

impl StatusReport {
    /// Whether there is something to act on.
    #[must_use]
    pub fn has_findings(&self) -> bool {
        self.pools.iter().any(|pool| !pool.findings.is_empty())
    }

    /// One line that says it all.
    #[must_use]
    pub fn headline(&self) -> String {
        let accounts: BTreeSet<_> = self.pools.iter().map(|pool| &pool.account).collect();
        let found = match self.pools.iter().filter(|pool| !pool.findings.is_empty()).count() {
            0 => "nothing to act on".to_owned(),
            1 => "1 needs attention".to_owned(),
            count => format!("{count} need attention"),
        };
        let unseen = match self.unseen.len() {
            0 => String::new(),
            count => format!("; {} could not be read", counted(count, "thing")),
        };
        let (pools, accounts) = (
            counted(self.pools.len(), "pool"),
            counted(accounts.len(), "Batch account"),
        );
        format!("{pools} in {accounts}: {found}{unseen}")
    }
}

const EXPIRED_OF_OTHERS: &str =
    "it has expired; no roll-out has made it, so only delete by its id takes it away, when told that any pool may go";
const HELD: &str = "a roll-out that is over has left jobs disabled, which start no task until they are enabled";
const GONE: &str = "which is not there any more; azure-batch-pool rollback brings it back";
const GOES: &str = "the next roll-out deletes it, unless it has nodes or jobs";
const STAYS: &str = "no roll-out has made it, so none deletes it";

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind { versions, latest } => write!(f, "{} behind {latest}", counted(*versions, "version")),
            Self::Mixed { versions } => write!(f, "nodes run {versions} versions"),
            Self::Missing { version } => write!(f, "version {version} is gone, so the pool cannot grow"),
            Self::Deleted {
                version,
                usable_until,
                gone_at,
            } => f.write_str(&deleted(version, *usable_until, *gone_at)),
            Self::Unlisted { what } => write!(f, "Batch does not list {what}"),
            Self::Objection { text } => write!(f, "Azure objects: {text}"),
            Self::FailedTest { version, text } => write!(f, "version {version} {text}"),
            Self::Ended { retirement } => {
                let day = retirement.date.strftime("%F");
                write!(f, "{} reached its end of life on {day}", retirement.what)
            }
            Self::Ends { retirement, days } => {
                write!(f, "{} reaches its end of life in {days} days", retirement.what)
            }
            Self::Formula { text } => write!(f, "Batch cannot evaluate its autoscale formula: {text}"),
            Self::Expired => f.write_str("it has expired; delete with --expired takes it away"),
            Self::ExpiredOfOthers => f.write_str(EXPIRED_OF_OTHERS),
            Self::HeldJobs { jobs } => write!(f, "{HELD}: {}", jobs.join(", ")),
            Self::Stranded {
                successor,
                jobs,
                schedules,
            } => f.write_str(&stranded(successor, jobs, schedules)),
            Self::Short { nodes, target, errors } => f.write_str(&short(*nodes, *target, errors)),
            Self::UnsafeUpgrade { path, why } => write!(f, "{path} {why}"),
            Self::Unfinished { change, held_jobs } => f.write_str(&unfinished(change, *held_jobs)),
            Self::LeftEmpty { left } => {
                write!(
                    f,
                    "its first nodes on {} were bad, so it was left without nodes",
                    left.version
                )?;
                left.why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Self::SuccessorGone { successor } => write!(f, "its work went to pool {successor}, {GONE}"),
            Self::FormerIsOver { successor } => f.write_str(&over(successor, GOES)),
            Self::FormerOfOthers { successor } => f.write_str(&over(successor, STAYS)),
            Self::ManagedImage => f.write_str("managed image: Batch ended its support on 2026-03-31"),
            Self::AboveManagedCap { nodes, most, others } => f.write_str(&above(*nodes, *most, *others)),
            Self::ManagedImageGone => f.write_str("its managed image is gone, so the pool cannot grow"),
            Self::NotOfSnapshots { nodes, made_of } => write!(
                f,
                "{} nodes, and its managed image was made of {made_of}: above 100 nodes it has to be made of snapshots",
                nodes.total()
            ),
            Self::OtherRegion { image, account } => write!(
                f,
                "its managed image is in {image} and its account in {account}, so the pool cannot grow"
            ),
            Self::OtherSubscription { image, account } => write!(
                f,
                "its managed image is in subscription {image} and its account in {account}, so the pool cannot grow"
            ),
        }
    }
}

/// Of a former pool whose time is over.
fn over(successor: &PoolId, then: &str) -> String {
    format!("pool {successor} does its work, and its time is over: {then}")
}

fn stranded(successor: &PoolId, jobs: &[String], schedules: &[String]) -> String {
    let named = [jobs_named(jobs), listed("job schedule", schedules)];
    let named: Vec<String> = named.into_iter().filter(|text| !text.is_empty()).collect();
    let verb = if jobs.len() + schedules.len() == 1 {
        "names"
    } else {
        "name"
    };
    format!(
        "{} {verb} it, and it has no nodes: pool {successor} does its work, so point them there",
        named.join(" and ")
    )
}

fn short(nodes: NodeCounts, target: NodeCounts, errors: &[String]) -> String {
    let kinds = [
        ("dedicated", nodes.dedicated, target.dedicated),
        ("spot", nodes.spot, target.spot),
    ];
    let kinds = kinds.into_iter().filter(|(.., target)| *target > 0);
    let counts: Vec<String> = kinds
        .map(|(kind, nodes, target)| format!("{nodes} of {target} {kind} nodes"))
        .collect();
    let why = match errors.is_empty() {
        true => String::new(),
        false => format!(", as Batch says: {}", errors.join("; ")),
    };
    format!(
        "it has {}, and no resize brings the rest{why}; the same roll-out again asks for them",
        counts.join(" and ")
    )
}

fn jobs_named(jobs: &[String]) -> String {
    listed("job", jobs)
}

/// `job a`, `jobs a, b`; nothing when there are none.
fn listed(kind: &str, ids: &[String]) -> String {
    match ids {
        [] => String::new(),
        [one] => format!("{kind} {one}"),
        all => format!("{kind}s {}", all.join(", ")),
    }
}

fn unfinished(change: &UnderWay, held_jobs: Option<usize>) -> String {
    let jobs = match held_jobs {
        Some(0) => String::new(),
        Some(1) => " and holds 1 job".to_owned(),
        Some(count) => format!(" and holds {count} jobs"),
        None => " and may hold jobs".to_owned(),
    };
    let else_ = match change.returns {
        Returns::Possibly => "azure-batch-pool rollback goes back",
        Returns::Not => "a roll-out in place of another version takes it over, and a return is not possible",
    };
    format!("{change}, has not come to its end{jobs}: the same roll-out again ends it, {else_}")
}

fn deleted(version: &str, usable_until: Option<Timestamp>, gone_at: Option<Timestamp>) -> String {
    let day = |time: Timestamp| time.strftime("%F").to_string();
    match (usable_until.map(day), gone_at.map(day)) {
        (Some(until), _) => format!("version {version} is deleted: from {until} on the pool cannot grow"),
        (None, Some(gone)) => {
            format!("version {version} is deleted, so the pool cannot grow; it can be restored until {gone}")
        }
        (None, None) => format!("version {version} is deleted, so the pool cannot grow"),
    }
}

fn above(nodes: NodeCounts, most: NodeCounts, others: NodeCounts) -> String {
    let (nodes, most) = (both(nodes), both(most));
    let why = match others.total() {
        0 => String::new(),
        _ => format!(", since other pools on it or on its snapshot have {}", both(others)),
    };
    format!("{nodes} nodes; its managed image allows {most}{why}")
}

fn both(nodes: NodeCounts) -> String {
    format!("{} dedicated and {} spot", nodes.dedicated, nodes.spot)
}

fn counted(count: usize, word: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {word}{end}")
}
