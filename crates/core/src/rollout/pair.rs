//! What the metadata of two pools remember of a roll-out from the one to the other: which pools belong together, and how
//! far it is.
//!
//! The former pool carries the change, written before what it announces. Everybody who may read the pools reads it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    made_by::MadeBy,
    record::{Phase, reason},
};
use crate::{
    batch::pool::Pool,
    error::Error,
    ids::{NodeCounts, PoolId},
    judgement::Tasks,
};

/// The metadata item's name.
pub(super) const PAIR: &str = "azure-batch-blue-green";

/// The version of this form. A record of another one is never read, and its pool never changed.
const VERSION: u8 = 1;

/// What a pool's metadata say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PairRecord {
    v: u8,
    /// The pool id that roll-outs are given. The pools that follow each other under it have ids of their own.
    pub(super) family: PoolId,
    /// The pool before this one, if this one was made by such a roll-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<PoolId>,
    /// The roll-out from this pool to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shift: Option<Shift>,
}

/// A roll-out from one pool to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shift {
    /// Which way it goes, or how it ended.
    pub(super) phase: Phase,
    /// The roll-out that began it: the same settings have the same one.
    pub(super) id: String,
    /// The new pool.
    pub(super) new: PoolId,
    /// The image of the new pool.
    pub(super) to: String,
    /// The size of the new pool.
    pub(super) size: NodeCounts,
    /// The nodes of the new pool that try the image first.
    pub(super) first: NodeCounts,
    /// The nodes of the new pool whose work is judged before the rest comes; none when nothing is judged.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) sample: NodeCounts,
    /// The size of the former pool.
    pub(super) was: NodeCounts,
    /// How many nodes both pools may have together.
    pub(super) together: NodeCounts,
    /// When it began.
    pub(super) since: Timestamp,
    /// What the former pool's nodes had done until then; absent when nothing is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Tasks>,
    /// Why it goes back, when the new image was found bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// Until when the former pool is kept once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Timestamp>,
}

/// The pool that took over the work of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// That pool.
    pub pool: PoolId,
    /// Until when the former one is kept. The first roll-out after that deletes it, if a roll-out has made it and it has
    /// neither nodes nor jobs.
    pub kept_until: Option<Timestamp>,
    /// Who has made the former one.
    pub former_made_by: MadeBy,
}

/// What a pool's metadata say of its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    /// Nothing.
    Nothing,
    /// This.
    Member(Box<PairRecord>),
    /// Something that this version cannot read.
    Unreadable,
}

impl PairRecord {
    /// The record of a pool from which a roll-out begins.
    pub(super) fn from(pool: &Pool, family: PoolId, shift: Shift) -> Self {
        let after = match Self::of(pool) {
            Kin::Member(record) => record.after,
            Kin::Nothing | Kin::Unreadable => None,
        };
        Self {
            v: VERSION,
            family,
            after,
            shift: Some(shift),
        }
    }

    /// The record of a pool that is made after another.
    pub(super) const fn after(family: PoolId, former: PoolId) -> Self {
        Self {
            v: VERSION,
            family,
            after: Some(former),
            shift: None,
        }
    }

    /// What the pool says.
    pub(super) fn of(pool: &Pool) -> Kin {
        let Some(text) = pool.metadata(PAIR) else {
            return Kin::Nothing;
        };
        let record: Option<Self> = serde_json::from_str(text).ok();
        record
            .filter(|record| record.v == VERSION)
            .map_or(Kin::Unreadable, |record| Kin::Member(Box::new(record)))
    }

    /// The same with the roll-out in another phase.
    pub(super) fn at(&self, phase: Phase) -> Self {
        let shift = self.shift.clone().map(|shift| Shift { phase, ..shift });
        Self { shift, ..self.clone() }
    }

    /// The same with another state of the roll-out.
    pub(super) fn with(&self, shift: Shift) -> Self {
        Self {
            shift: Some(shift),
            ..self.clone()
        }
    }

    /// The same on its way back, with the reason.
    pub(super) fn back(&self, why: &Error) -> Self {
        let mut back = self.at(Phase::Back);
        if let Some(shift) = &mut back.shift {
            shift.why = Some(reason(why));
        }
        back
    }

    /// One line of JSON.
    pub(super) fn text(&self) -> String {
        // Our own types with text keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Shift {
    /// Whether the work of so many new nodes is compared with that of the former pool. Of the first nodes alone nothing
    /// is expected: they do too little.
    pub(super) const fn is_judged_at(&self, new: NodeCounts) -> bool {
        self.sample.total() > 0 && new.total() >= self.sample.total()
    }

    /// Whether it is neither done nor returned.
    pub(super) const fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::Forward | Phase::Back)
    }
}

/// Whether a roll-out has moved work from or to the pool.
#[must_use]
pub fn has_family(pool: &Pool) -> bool {
    PairRecord::of(pool) != Kin::Nothing
}

/// The pool that does the work of this one, when a roll-out to a second pool has come to its end.
#[must_use]
pub fn successor(pool: &Pool) -> Option<Successor> {
    let Kin::Member(record) = PairRecord::of(pool) else {
        return None;
    };
    let shift = record.shift.filter(|shift| shift.phase == Phase::Done)?;
    Some(Successor {
        pool: shift.new,
        kept_until: shift.until,
        former_made_by: MadeBy::of(pool),
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none(nodes: &NodeCounts) -> bool {
    nodes.total() == 0
}

/// The roll-out to another pool that has begun with this one and not come to its end.
pub(super) fn under_way(pool: &Pool) -> Option<Shift> {
    match PairRecord::of(pool) {
        Kin::Member(record) => record.shift.filter(Shift::is_under_way),
        Kin::Nothing | Kin::Unreadable => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shift() -> Shift {
        let nodes = |dedicated| NodeCounts { dedicated, spot: 0 };
        Shift {
            phase: Phase::Forward,
            id: "r".to_owned(),
            new: "render-1-1-0".parse().unwrap(),
            to: "/v".to_owned(),
            size: nodes(10),
            first: nodes(1),
            sample: nodes(0),
            was: nodes(10),
            together: nodes(12),
            since: Timestamp::UNIX_EPOCH,
            before: None,
            why: None,
            until: None,
        }
    }

    #[test]
    fn a_record_is_one_line_and_is_read_again() {
        let pool = |text: &str| Pool::new(json!({"id": "render", "metadata": [{"name": PAIR, "value": text}]}));
        let record = PairRecord::from(&pool("{}"), "render".parse().unwrap(), shift());
        let text = record.text();
        assert!(!text.contains('\n'));
        assert_eq!(PairRecord::of(&pool(&text)), Kin::Member(Box::new(record.clone())));
        assert_eq!(under_way(&pool(&text)), Some(shift()));
        assert_eq!(successor(&pool(&text)), None);
        let done = pool(&record.at(Phase::Done).text());
        assert_eq!(under_way(&done), None);
        assert_eq!(successor(&done).unwrap().pool, shift().new);
        assert_eq!(
            PairRecord::of(&pool(&text.replace("\"v\":1", "\"v\":2"))),
            Kin::Unreadable
        );
    }
}
