//! A judgement that a roll-out has made of its new nodes: part of its report.
//!
//! When one is made, and what follows, is decided in `checkpoint`.

use serde::Serialize;

use crate::{ids::NodeCounts, judgement::JudgementReport};

/// A judgement that a roll-out has made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepJudgement {
    /// The nodes that the new image had then.
    pub nodes: NodeCounts,
    /// The nodes that it gets.
    pub of: NodeCounts,
    /// What was found.
    pub judgement: JudgementReport,
}
