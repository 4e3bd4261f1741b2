//! The last change that a roll-out made to a pool, for those who take it back from many pools. Pure.
//!
//! What a return of one pool does is decided in `replace` and `blue_green`.

use jiff::Timestamp;

use super::{
    explain::short_image,
    pair::Shift,
    record::{Phase, Record, Remembered},
};
use crate::{batch::pool::Pool, settings::LeftVersion};

/// The last change of a pool by a roll-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// The image that the pool got, or gets.
    to: String,
    /// When it began.
    since: Timestamp,
    phase: Phase,
}

impl LastChange {
    /// Whether this version was brought by it.
    #[must_use]
    pub fn is_to(&self, left: &LeftVersion) -> bool {
        left.is_meant_by(&self.to)
    }

    /// Whether an image is the one that it brought.
    #[must_use]
    pub fn is_to_image(&self, image: &str) -> bool {
        self.to.eq_ignore_ascii_case(image)
    }

    /// Whether it is the same change as another one, wherever the two of them are.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.since == other.since && self.brings_same(other)
    }

    /// Whether both bring one version.
    #[must_use]
    pub fn brings_same(&self, other: &Self) -> bool {
        self.is_to_image(&other.to)
    }

    /// Whether it is on its way back.
    #[must_use]
    pub const fn is_returning(&self) -> bool {
        matches!(self.phase, Phase::Back)
    }

    /// When it began.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// The version as people know it: its definition and number.
    #[must_use]
    pub fn version(&self) -> String {
        short_image(&self.to)
    }
}

impl From<&Record> for LastChange {
    fn from(record: &Record) -> Self {
        Self {
            to: record.to.clone(),
            since: record.since,
            phase: record.phase,
        }
    }
}

impl From<&Shift> for LastChange {
    fn from(shift: &Shift) -> Self {
        Self {
            to: shift.to.clone(),
            since: shift.since,
            phase: shift.phase,
        }
    }
}

/// Why a pool has nothing to go back to in place; nothing when it has, or may have.
pub(super) fn without_former(pool: &Pool) -> Option<&'static str> {
    match Record::of(pool) {
        Remembered::Nothing => Some("no roll-out has changed it"),
        Remembered::Change(record) if record.is_made() && record.phase == Phase::Done => {
            Some("a roll-out made it, and none has changed it since")
        }
        Remembered::Change(record) if record.phase == Phase::Returned => Some("it is what it was before already"),
        Remembered::Change(_) | Remembered::Unreadable => None,
    }
}
