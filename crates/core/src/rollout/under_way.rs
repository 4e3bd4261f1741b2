//! What a pool's metadata say of a change that has begun and not come to its end, for those who only look. Pure.
//!
//! Whether a run is still at work on it cannot be seen. How a run goes on with it is decided in `replace::next` and
//! `blue_green::next`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    jobs,
    pair::{self, Shift},
    record::{Back, Phase, Record, Remembered},
};
use crate::{
    batch::{job::Job, pool::Pool},
    ids::PoolId,
};

/// A change of a pool that has begun and not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    /// What it does.
    pub kind: ChangeKind,
    /// Which way it goes.
    pub way: ChangeWay,
    /// The image that the pool, or the one after it, gets; on its way back, that it was to get.
    pub to: String,
    /// The name of that version.
    pub version: String,
    /// When it began.
    pub since: Timestamp,
    /// The pool that takes the work over, when that is a second one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_pool: Option<PoolId>,
    /// Why it goes back, when it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The image that a return brings back, in place.
    #[serde(skip)]
    pub former_image: Option<String>,
    /// Whether that image can be brought back.
    #[serde(skip)]
    pub returns: Returns,
}

/// Whether a change can be turned back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// It can, as far as is known.
    Possibly,
    /// The former image cannot be used any more.
    Not,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The pool is emptied, changed and filled again.
    InPlace,
    /// The work moves to a second pool.
    BlueGreen,
    /// The pool was made, and its first nodes try the image.
    Creation,
}

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeWay {
    /// To what was asked for.
    Forward,
    /// Back to what was there before.
    Back,
}

/// A pool that a roll-out made and left without nodes, since those that tried its image were bad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftEmpty {
    /// The name of the version that it was to get.
    pub version: String,
    /// Why, when the record says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl UnderWay {
    fn of_shift(shift: Shift) -> Self {
        Self {
            kind: ChangeKind::BlueGreen,
            way: ChangeWay::of(shift.phase),
            version: version(&shift.to),
            to: shift.to,
            since: shift.since,
            new_pool: Some(shift.new),
            why: shift.why,
            former_image: None,
            returns: Returns::Possibly,
        }
    }

    fn of_record(record: Record) -> Self {
        Self {
            former_image: record.former_image().map(str::to_owned),
            returns: match record.way_back() {
                Back::Possible => Returns::Possibly,
                Back::Retired | Back::Lost(_) => Returns::Not,
            },
            kind: match record.is_made() {
                true => ChangeKind::Creation,
                false => ChangeKind::InPlace,
            },
            way: ChangeWay::of(record.phase),
            version: version(&record.to),
            to: record.to,
            since: record.since,
            new_pool: None,
            why: record.why,
        }
    }
}

impl ChangeWay {
    const fn of(phase: Phase) -> Self {
        match phase {
            Phase::Back | Phase::Returned => Self::Back,
            Phase::Forward | Phase::Done => Self::Forward,
        }
    }
}

/// `the change in place to 1.4.2, begun on 2026-01-01 10:20 UTC`.
impl fmt::Display for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, since) = (&self.version, self.since.strftime("%F %H:%M UTC"));
        let back = match self.way {
            ChangeWay::Forward => "",
            ChangeWay::Back => "return from the ",
        };
        match (self.kind, &self.new_pool) {
            (ChangeKind::InPlace, _) => write!(f, "the {back}change in place to {version}")?,
            (ChangeKind::BlueGreen, Some(new)) => write!(f, "the {back}move to pool {new} on {version}")?,
            (ChangeKind::BlueGreen, None) => write!(f, "the {back}move to a second pool on {version}")?,
            (ChangeKind::Creation, _) => write!(f, "the {back}creation with first nodes on {version}")?,
        }
        write!(f, ", begun on {since}")
    }
}

/// The change that is under way with a pool; nothing when none is, or when this version cannot read its record.
#[must_use]
pub fn under_way(pool: &Pool) -> Option<UnderWay> {
    if let Some(shift) = pair::under_way(pool) {
        return Some(UnderWay::of_shift(shift));
    }
    match Record::of(pool) {
        Remembered::Change(record) if record.is_under_way() => Some(UnderWay::of_record(*record)),
        Remembered::Change(_) | Remembered::Nothing | Remembered::Unreadable => None,
    }
}

/// Whether a pool was made by a roll-out that has left it without nodes.
#[must_use]
pub fn left_empty(pool: &Pool) -> Option<LeftEmpty> {
    let Remembered::Change(record) = Record::of(pool) else {
        return None;
    };
    let is_empty = pool.targets.total() + pool.current.total() == 0;
    let is_left = record.is_made() && record.phase == Phase::Returned && is_empty;
    is_left.then(|| LeftEmpty {
        version: version(&record.to),
        why: record.why,
    })
}

/// Whether a change of its pool has marked the job, and it is not over.
#[must_use]
pub fn is_held(job: &Job) -> bool {
    jobs::is_held(job)
}

/// What people call an image: the last part of its id.
fn version(image: &str) -> String {
    image.rsplit('/').next().unwrap_or(image).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::NodeCounts;

    fn pool(record: &Record, nodes: u32) -> Pool {
        let items = record.items().unwrap();
        let metadata: Vec<_> = items
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        Pool::new(json!({"id": "p1", "metadata": metadata,
            "targetDedicatedNodes": nodes, "currentDedicatedNodes": nodes}))
    }

    #[test]
    fn a_creation_says_where_it_stands_and_whether_it_left_the_pool_without_nodes() {
        let nodes = NodeCounts { dedicated: 1, spot: 0 };
        let record = Record::make("r".to_owned(), "/x/1.4.2".to_owned(), nodes, Timestamp::UNIX_EPOCH);
        let text = |phase| under_way(&pool(&record.at(phase), 1)).map(|change| change.to_string());
        let begun = "creation with first nodes on 1.4.2, begun on 1970-01-01 00:00 UTC";
        assert_eq!(text(Phase::Forward), Some(format!("the {begun}")));
        assert_eq!(text(Phase::Back), Some(format!("the return from the {begun}")));
        assert_eq!(text(Phase::Done), None);
        let left = |phase, nodes| left_empty(&pool(&record.at(phase), nodes)).map(|left| left.version);
        assert_eq!(left(Phase::Returned, 0), Some("1.4.2".to_owned()));
        assert_eq!([left(Phase::Returned, 1), left(Phase::Done, 0)], [None, None]);
    }
}
