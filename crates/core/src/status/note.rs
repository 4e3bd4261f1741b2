//! What is good to know of many pools and needs no act today: newer base images, mixed agents, deleted versions.
//!
//! What there is to act on is a `Finding` of its pool; which notes there are is decided in `notes`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::compute::soft_deleted::Phase;

/// How many pools a sentence names.
const NAMED: usize = 3;

/// Something to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// The marketplace has newer versions of the image that versions or pools were made of.
    NewerBase {
        /// The image, as `publisher:offer:sku:version`.
        base: String,
        /// How many.
        newer: usize,
        /// The newest.
        newest: String,
        /// The pools that stand on it, as `account/pool`.
        pools: Vec<String>,
    },
    /// The marketplace does not offer that image any more.
    Withdrawn {
        /// The image, as `publisher:offer:sku:version`.
        base: String,
        /// The pools that stand on it, as `account/pool`.
        pools: Vec<String>,
    },
    /// Nodes of one pool have different versions of Batch's node agent; the report of the pool counts them.
    MixedAgents {
        /// The pools, as `account/pool`.
        pools: Vec<String>,
    },
    /// A deleted version that the gallery keeps.
    Deleted {
        /// Its definition.
        definition: String,
        /// Its number.
        version: String,
        /// What can still be done with it.
        phase: Phase,
        /// Until when nodes can be made from it by its exact id.
        #[serde(skip_serializing_if = "Option::is_none")]
        usable_until: Option<Timestamp>,
        /// When it is gone for good.
        #[serde(skip_serializing_if = "Option::is_none")]
        gone_at: Option<Timestamp>,
    },
    /// A question that stays open, since what answers it may not be read.
    NotKnown {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerBase {
                base,
                newer,
                newest,
                pools,
            } => {
                let versions = if *newer == 1 { "version" } else { "versions" };
                write!(
                    f,
                    "base image {base} has {newer} newer {versions}, the newest is {newest}: {}",
                    some(pools)
                )
            }
            Self::Withdrawn { base, pools } => {
                write!(
                    f,
                    "base image {base} is not in the marketplace any more: {}",
                    some(pools)
                )
            }
            Self::MixedAgents { pools } => {
                write!(
                    f,
                    "nodes have different versions of Batch's node agent: {}",
                    some(pools)
                )
            }
            Self::Deleted {
                definition,
                version,
                phase,
                usable_until,
                gone_at,
            } => {
                write!(f, "version {version} of {definition} is deleted")?;
                if let (Phase::Usable, Some(until)) = (phase, usable_until) {
                    write!(
                        f,
                        "; nodes can be made from it by its exact id until {}",
                        until.strftime("%F")
                    )?;
                }
                match gone_at {
                    Some(gone) => write!(f, "; it can be restored until {}", gone.strftime("%F")),
                    None => Ok(()),
                }
            }
            Self::NotKnown { what, why } => write!(f, "not known: {what} ({why})"),
        }
    }
}

/// The first few, and how many more there are.
fn some(pools: &[String]) -> String {
    let named = pools.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match pools.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_a_few_pools_and_counts_the_rest() {
        let pools = |count: usize| (1..=count).map(|number| format!("a/p{number}")).collect();
        let note = |newer, count| Note::NewerBase {
            base: "a:b:c:1.0.0".to_owned(),
            newer,
            newest: "1.2.0".to_owned(),
            pools: pools(count),
        };
        assert_eq!(
            note(1, 1).to_string(),
            "base image a:b:c:1.0.0 has 1 newer version, the newest is 1.2.0: a/p1"
        );
        assert!(note(4, 5).to_string().ends_with("a/p1, a/p2, a/p3 and 2 more"));
    }
}
