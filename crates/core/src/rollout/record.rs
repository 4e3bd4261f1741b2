//! What survives a run: an item in the pool's metadata that says which change is under way, and what the pool was before.
//!
//! It is written with the change that it announces, or before it, so that the next run knows how to go on or back. It
//! holds no secret: everybody who may read the pool reads it. How it is spread over items is in `stored`.

mod stored;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    batch::pool::{Pool, Scaling},
    compute::version,
    error::Error,
    ids::{
        NodeCounts,
        resource::{ImageId, ImageVersionId},
    },
    judgement::Tasks,
    one_line::one_line,
    settings::Autoscale,
};

pub(super) use stored::{Items, is_part};

/// The version of this form. A record of another one is never read, and its pool never changed.
const VERSION: u8 = 1;

/// The reason in a record that goes back because its run was cancelled.
pub(super) const CANCELLED: &str = "cancelled";

/// A reason in a record has so many letters at most, so that a record with one still fits.
const LONGEST_REASON: usize = 200;

/// A change of a pool that is under way or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    v: u8,
    /// Which way it goes, or how it ended.
    pub(super) phase: Phase,
    /// The roll-out that began it: the same settings have the same one.
    pub(super) id: String,
    /// The image that the pool gets.
    pub(super) to: String,
    /// The size that the pool gets, or had when the return began.
    pub(super) size: NodeCounts,
    /// How many nodes try the image first; 0 for none.
    #[serde(default)]
    pub(super) canary: u32,
    /// Whether the pool has its new settings; written with them.
    #[serde(default)]
    pub(super) swapped: bool,
    /// Whether there was a pool before.
    #[serde(default, skip_serializing_if = "Origin::is_a_pool")]
    from: Origin,
    /// What the pool was before.
    pub(super) was: Was,
    /// When it began.
    pub(super) since: Timestamp,
    /// What the pool's nodes had done until then; absent when nothing is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Tasks>,
    /// Why it goes back, when the new image was found bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// The short name of the formula that the pool gets, or had when the return began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) follows: Option<String>,
    /// The pool as the change left it that this one took over, until it has the settings of its direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) over: Option<Over>,
    /// How many further items hold the rest of it; 0 where it is whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    rest: usize,
}

/// Which way a change goes, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// To what was asked for.
    Forward,
    /// Back to what the pool was.
    Back,
    /// The pool is what was asked for; a return is still possible.
    Done,
    /// The pool is what it was before.
    Returned,
}

/// Whether a pool can be what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// It can, as far as is known.
    Possible,
    /// It was on an image of a kind that Batch gives no pool any more.
    Retired,
    /// No node can be made from its former image version.
    Lost(Lack),
}

/// Why no node can be made from an image version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// Its definition does not have it any more.
    Gone,
    /// It is deleted, and its gallery keeps it only so that it can be restored.
    Deleted,
    /// It failed.
    Failed,
    /// It is in other regions only.
    Elsewhere,
}

/// A change that another one took over before its end: the pool as it was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Over {
    /// Its image; absent when it has no id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<String>,
    /// Its targets.
    pub(super) targets: NodeCounts,
    /// The short name of the formula that it followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) follows: Option<String>,
}

/// What there was before a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    /// The pool as it was.
    #[default]
    APool,
    /// No pool: it was made by this change, for its nodes to try the image.
    Nothing,
}

/// What a pool was before its change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Was {
    /// Its targets.
    pub(super) size: NodeCounts,
    /// The former values of the settings that change, by their pointers in Batch's pool JSON; null for none.
    pub(super) fields: BTreeMap<String, Value>,
    /// The mark of its specification, if a roll-out had made it.
    #[serde(default)]
    pub(super) mark: Option<String>,
    /// The formula that decided its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) autoscale: Option<Autoscale>,
}

/// What a pool's metadata say of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    /// Nothing.
    Nothing,
    /// A change.
    Change(Box<Record>),
    /// Something that this version cannot read.
    Unreadable,
}

impl Was {
    /// The longest part of it by its name, and its letters, for people.
    pub(super) fn longest(&self) -> (String, usize) {
        let formula = self
            .autoscale
            .as_ref()
            .map(|scale| ("an autoscale formula".to_owned(), scale.formula.chars().count()));
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| (name.trim_start_matches('/').replace('/', "."), value));
        let fields = fields.map(|(name, value)| (name, value.to_string().len()));
        fields
            .chain(formula)
            .max_by_key(|(_, letters)| *letters)
            .unwrap_or_default()
    }

    /// What there was before both changes, when this is what a second one finds that takes over the first.
    pub(super) fn before(mut self, first: &Self) -> Self {
        let is_in_first = |pointer: &str| {
            let mut known = first.fields.keys();
            known.any(|known| pointer == known || pointer.starts_with(&format!("{known}/")))
        };
        self.fields.retain(|pointer, _| !is_in_first(pointer));
        self.fields.extend(first.fields.clone());
        Self {
            fields: self.fields,
            ..first.clone()
        }
    }
}

impl Lack {
    /// The end of a sentence that begins with the version.
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Gone => "is not there any more",
            Self::Deleted => "is deleted, and no node can be made from it unless it is restored",
            Self::Failed => "has failed, and no node can be made from it",
            Self::Elsewhere => "has no replica in the region of the pool",
        }
    }
}

impl Origin {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_a_pool(&self) -> bool {
        *self == Self::APool
    }
}

impl Record {
    /// A change that begins.
    pub(super) fn begin(id: String, to: String, (size, canary): (NodeCounts, u32), was: Was, since: Timestamp) -> Self {
        Self {
            v: VERSION,
            phase: Phase::Forward,
            id,
            to,
            size,
            canary,
            swapped: false,
            from: Origin::APool,
            was,
            since,
            before: None,
            why: None,
            follows: None,
            over: None,
            rest: 0,
        }
    }

    /// A pool that is made for so many nodes to try the image. What comes after that is no part of the change.
    pub(super) const fn make(id: String, to: String, nodes: NodeCounts, since: Timestamp) -> Self {
        Self {
            v: VERSION,
            phase: Phase::Forward,
            id,
            to,
            size: nodes,
            canary: nodes.total(),
            swapped: true,
            from: Origin::Nothing,
            was: Was {
                size: NodeCounts { dedicated: 0, spot: 0 },
                fields: BTreeMap::new(),
                mark: None,
                autoscale: None,
            },
            since,
            before: None,
            why: None,
            follows: None,
            over: None,
            rest: 0,
        }
    }

    /// The same in another phase.
    pub(super) fn at(&self, phase: Phase) -> Self {
        Self { phase, ..self.clone() }
    }

    /// The same on its way back, with the reason where there is room for it.
    pub(super) fn back(&self, why: &Error) -> Self {
        let back = Self {
            why: Some(reason(why)),
            ..self.at(Phase::Back)
        };
        if back.items().is_some() {
            back
        } else {
            self.at(Phase::Back)
        }
    }

    /// The same, once the pool has the settings of its direction.
    pub(super) fn after_swap(&self) -> Self {
        Self {
            swapped: self.phase == Phase::Forward,
            over: None,
            ..self.clone()
        }
    }

    /// The nodes that try the image first: dedicated ones, unless the pool gets none. What a formula will say is not
    /// known, so what it said last counts.
    pub(super) const fn canary_nodes(&self) -> NodeCounts {
        let size = match self.follows {
            Some(_) if self.was.size.total() == 0 => NodeCounts { dedicated: 1, spot: 0 },
            Some(_) => self.was.size,
            None => self.size,
        };
        first_nodes(size, self.canary)
    }

    /// The targets that the change itself gives the pool.
    pub(super) const fn sizes(&self) -> [NodeCounts; 4] {
        let none = NodeCounts { dedicated: 0, spot: 0 };
        [none, self.canary_nodes(), self.size, self.was.size]
    }

    /// Whether others gave the pool another size since the change had come to its end. What a formula decides was given by no client.
    pub(super) fn is_resized(&self, pool: &Pool) -> bool {
        let is_fixed = self.follows.is_none() && self.was.autoscale.is_none() && pool.scaling == Scaling::Fixed;
        self.phase == Phase::Done && !self.is_made() && is_fixed && pool.targets != self.size
    }

    /// What a pool says that this version can read.
    pub(super) fn of_pool(pool: &Pool) -> Option<Self> {
        match Self::of(pool) {
            Remembered::Change(record) => Some(*record),
            Remembered::Nothing | Remembered::Unreadable => None,
        }
    }

    /// Whether the pool was made by this change.
    pub(super) const fn is_made(&self) -> bool {
        matches!(self.from, Origin::Nothing)
    }

    /// Whether it is neither done nor returned.
    pub(super) const fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::Forward | Phase::Back)
    }

    /// What is said when another roll-out takes it over.
    pub(super) fn taken_over(&self) -> String {
        let (since, to) = (self.since, short_version(&self.to));
        format!(
            "the change to {to} that began {since} has not come to its end: this roll-out takes it over, with the jobs \
             that it holds and what the pool was before it"
        )
    }

    /// Whether Batch lets the pool be what it was.
    pub(super) fn way_back(&self) -> Back {
        match self.former_image().is_some_and(is_retired) {
            true => Back::Retired,
            false => Back::Possible,
        }
    }

    /// The id of the image that the pool had.
    pub(super) fn former_image(&self) -> Option<&str> {
        let reference = self.was.fields.get(super::spec::IMAGE_REFERENCE)?;
        reference.get("virtualMachineImageId")?.as_str()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What people call an image version.
fn short_version(image: &str) -> String {
    image
        .parse::<ImageVersionId>()
        .map_or_else(|_| image.to_owned(), |id| version::title(&id))
}

/// Whether an image is of a kind that Batch gives no pool any more: managed images, since 31 March 2026.
pub(super) fn is_retired(image: &str) -> bool {
    image.parse::<ImageId>().is_ok()
}

/// Why an image was found bad, as a record holds it: the first line, and no more than a line.
pub(super) fn reason(why: &Error) -> String {
    let text = one_line(&why.to_string());
    text.chars().take(LONGEST_REASON).collect()
}

/// So many nodes of a pool of that size: dedicated ones, unless it gets none.
pub(super) const fn first_nodes(size: NodeCounts, count: u32) -> NodeCounts {
    if size.dedicated > 0 {
        NodeCounts {
            dedicated: count,
            spot: 0,
        }
    } else {
        NodeCounts {
            dedicated: 0,
            spot: count,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(super) fn record() -> Record {
        let nodes = |dedicated| NodeCounts { dedicated, spot: 0 };
        let was = Was {
            size: nodes(5),
            fields: [("/vmSize".to_owned(), json!("standard_d4s_v5"))].into(),
            mark: None,
            autoscale: None,
        };
        Record::begin(
            "r1".to_owned(),
            "/to".to_owned(),
            (nodes(10), 1),
            was,
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn the_longest_part_of_what_was_there_is_named() {
        let mut was = record().was;
        assert_eq!(was.longest(), ("vmSize".to_owned(), 17));
        let command = json!({"commandLine": "x".repeat(100)});
        was.fields.insert("/startTask".to_owned(), command);
        assert_eq!(was.longest(), ("startTask".to_owned(), 118));
        was.autoscale = Some(Autoscale {
            formula: "y".repeat(3000),
            minutes: None,
        });
        assert_eq!(was.longest(), ("an autoscale formula".to_owned(), 3000));
    }
}
