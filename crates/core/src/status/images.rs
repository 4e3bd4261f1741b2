//! What is known of a managed image under a pool: where it is and what it was made of.
//!
//! It is read in `catalogue`; what follows for pools is in `managed`.

use serde_json::Value;

use crate::{compute::image::MadeOf, ids::Location, json};

/// A managed image that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SeenImage {
    /// It is there.
    There {
        /// Its region; absent when the service names none.
        region: Option<Location>,
        /// What it was made of.
        made_of: MadeOf,
    },
    /// It is not there any more.
    Gone,
}

impl SeenImage {
    /// Reads an image's body.
    pub(super) fn read(body: &Value) -> Self {
        Self::There {
            region: json::text(body, "/location").and_then(|text| text.parse().ok()),
            made_of: MadeOf::read(body),
        }
    }

    pub(super) const fn made_of(&self) -> Option<&MadeOf> {
        match self {
            Self::There { made_of, .. } => Some(made_of),
            Self::Gone => None,
        }
    }
}
