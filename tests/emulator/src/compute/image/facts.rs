//! What a managed image knows beyond what it shows.
//!
//! What it is made from is in `image`.

use crate::{compute::plan::PurchasePlan, resource::Facts};

/// What an image knows beyond what it shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImageFacts {
    /// The purchase plan of what it was made from.
    pub(crate) plan: Option<PurchasePlan>,
}

impl Facts for ImageFacts {}
