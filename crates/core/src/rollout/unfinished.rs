//! What a roll-out was asked for that has begun and not come to its end, as its pool remembers it. Pure.
//!
//! Whoever starts it again without its settings finds them here.

use super::{
    pair,
    record::{Record, Remembered},
};
use crate::{
    batch::pool::Pool,
    ids::{
        NodeCounts,
        resource::{ImageId, ImageVersionId},
    },
    settings::Autoscale,
};

/// A roll-out that has begun and not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The version that the pool, or the one after it, gets.
    pub to: ImageVersionId,
    /// How many nodes; none when a formula decides.
    pub size: NodeCounts,
    /// The formula that the pool had before and gets again.
    pub autoscale: Option<Autoscale>,
    /// The managed image that the pool had before, in a change in place.
    pub leaves: Option<ImageId>,
}

/// The roll-out that is under way with a pool; nothing when none is.
#[must_use]
pub fn unfinished(pool: &Pool) -> Option<Unfinished> {
    if let Some(shift) = pair::under_way(pool) {
        return Some(Unfinished {
            to: shift.to.parse().ok()?,
            size: shift.size,
            autoscale: None,
            leaves: None,
        });
    }
    match Record::of(pool) {
        Remembered::Change(record) if record.is_under_way() && !record.is_made() => Some(Unfinished {
            to: record.to.parse().ok()?,
            size: record.size,
            leaves: record.former_image().and_then(|image| image.parse().ok()),
            autoscale: record.follows.as_ref().and(record.was.autoscale),
        }),
        Remembered::Change(_) | Remembered::Nothing | Remembered::Unreadable => None,
    }
}
