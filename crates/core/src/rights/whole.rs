//! Lists that may be parts: Azure leaves out of a list of a subscription what the caller may not read, and does not say so.
//! The caller's right at the whole scope is therefore asked for.
//!
//! What follows from a part is for each flow to say.

use std::fmt;

use super::{Need, Without, check};
use crate::{arm::permission::Action, client::Client, error::Result, ids::resource};

/// The right to ask Azure what one may do.
pub(crate) const PERMISSIONS: &str = "Microsoft.Authorization/permissions/read";

/// Everything of a kind in a scope, and the right that shows all of it.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    /// A subscription or a resource group.
    pub(crate) scope: String,
    pub(crate) right: &'static str,
    /// What is listed: `Batch accounts`.
    pub(crate) kind: &'static str,
}

/// A scope of which a list may show only a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) scope: String,
    /// Why it may be a part.
    pub(crate) why: String,
    /// The right that is missing there.
    pub(crate) needs: &'static str,
}

impl Part {
    /// `a part of subscription …`.
    pub(crate) fn what(&self) -> String {
        format!("a part of {}", resource::in_words(&self.scope))
    }

    /// Why, with the right that is missing.
    pub(crate) fn reason(&self) -> String {
        format!("{} (needs {} there)", self.why, self.needs)
    }
}

/// One sentence.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} is in sight: {}", self.what(), self.reason())
    }
}

/// Which of these lists may show only a part, in the same order.
///
/// # Errors
/// Only when the run ends or signing in fails.
pub(crate) async fn parts(client: &Client, wholes: &[Whole]) -> Result<Vec<Part>> {
    let need = |whole: &Whole| Need {
        scope: whole.scope.clone(),
        action: Action::Control(whole.right),
        purpose: "to see all of them",
        without: Without::Skips,
    };
    let rights = check(client, wholes.iter().map(need).collect()).await?;
    let is_missing = |whole: &&Whole| {
        let mut missing = rights.missing.iter();
        missing.any(|need| need.scope == whole.scope && need.action.name() == whole.right)
    };
    let missing = wholes.iter().filter(is_missing).map(|whole| Part {
        scope: whole.scope.clone(),
        why: format!(
            "its list of {} shows only those that this identity may read",
            whole.kind
        ),
        needs: whole.right,
    });
    let unread = rights.unread.iter().map(|(scope, why)| {
        let asked = wholes
            .iter()
            .filter(|whole| whole.scope == *scope)
            .map(|whole| whole.right);
        let asked: Vec<&str> = asked.collect();
        Part {
            scope: scope.clone(),
            why: format!(
                "whether this identity has {} there is not known: {why}",
                asked.join(", ")
            ),
            needs: PERMISSIONS,
        }
    });
    Ok(missing.chain(unread).collect())
}
