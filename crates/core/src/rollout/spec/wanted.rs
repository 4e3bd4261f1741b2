//! What a pool shall be: as it was asked for, or as it was before its last change.
//!
//! Pure. The former pool is known by its image alone, since a return puts its settings back by itself.

use std::time::Duration;

use super::{Difference, Maker, Spec};
use crate::{
    batch::pool::Pool,
    ids::PoolId,
    rollout::{record::Record, verdict::is_version},
};

/// What a pool shall be.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::rollout) enum Wanted {
    /// As it was asked for.
    Asked(Box<Spec>),
    /// As it was.
    Former {
        /// The pool.
        pool: PoolId,
        /// Its image's id; none for an image that has no id.
        image: Option<String>,
    },
}

impl Wanted {
    /// As it was before the change of a record.
    pub(in crate::rollout) fn former(pool: &PoolId, record: &Record) -> Self {
        Self::Former {
            pool: pool.clone(),
            image: record.former_image().map(str::to_owned),
        }
    }

    /// A pool with the image that it has.
    pub(in crate::rollout) fn as_it_is(id: &PoolId, pool: &Pool) -> Self {
        Self::Former {
            pool: id.clone(),
            image: pool.image_id().map(str::to_owned),
        }
    }

    /// The specification that was asked for.
    pub(in crate::rollout) fn asked(&self) -> Option<&Spec> {
        match self {
            Self::Asked(spec) => Some(spec),
            Self::Former { .. } => None,
        }
    }

    /// The pool's id.
    pub(in crate::rollout) fn id(&self) -> &PoolId {
        match self {
            Self::Asked(spec) => spec.id(),
            Self::Former { pool, .. } => pool,
        }
    }

    /// The image for people.
    pub(in crate::rollout) fn image(&self) -> String {
        match self {
            Self::Asked(spec) => spec.version().to_string(),
            Self::Former { image, .. } => image.clone().unwrap_or_else(|| "its former image".to_owned()),
        }
    }

    /// The first resize timeout that was asked for.
    pub(in crate::rollout) fn timeout(&self) -> Option<Duration> {
        self.asked().and_then(Spec::timeout)
    }

    /// Whether a node that says this image runs the right one. A node of a pool that follows a definition says a version.
    pub(in crate::rollout) fn runs(&self, found: &str) -> bool {
        match self {
            Self::Asked(spec) => is_version(found, spec.version()),
            Self::Former { image: None, .. } => true,
            Self::Former { image: Some(image), .. } => {
                let (found, image) = (found.to_ascii_lowercase(), image.to_ascii_lowercase());
                found == image || found.starts_with(&format!("{image}/versions/"))
            }
        }
    }

    /// Compares a pool with it.
    pub(in crate::rollout) fn compare(&self, pool: &Pool) -> Difference {
        match self {
            Self::Asked(spec) => spec.compare(pool),
            Self::Former { image, .. } => {
                let is_same = match (image, pool.image_id()) {
                    (Some(image), Some(found)) => image.eq_ignore_ascii_case(found),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                };
                let other = (!is_same).then(|| pool.image_id().unwrap_or("an image without an id").to_owned());
                Difference {
                    maker: Maker::RollOut,
                    image: other,
                    fields: Vec::new(),
                    hidden: Vec::new(),
                }
            }
        }
    }
}
