//! What an identity must be allowed to do, what of it it may not, and what gives it the right.
//!
//! It asks and writes nothing else. Azure may refuse all the same: policies, locks and deny assignments are not looked at.

mod needs;
mod remedy;
mod upkeep;
mod whole;

use std::collections::BTreeMap;

use serde::Serialize;

pub use needs::{
    DELETE_POOLS, Naming, assignment, deletion, held_jobs, identities, of_some_roll_outs, other_sizes, pool_deletion,
    pool_work, replacement, return_in_place, return_to_former, rollout, second_pool, trial,
};
pub use remedy::{Remedy, given_by};
pub use upkeep::{Deed, leftover, test_pool, version_of};
pub(crate) use whole::{PERMISSIONS, Part, Whole, parts};

use crate::{
    arm::permission::{self, Action, Permission},
    client::Client,
    error::{Error, ErrorKind, Result},
    failure::CANNOT,
    ids::resource,
    options::Door,
    settings::AccountRef,
};

/// The code with which Batch's data plane refuses an identity that has no right to a pool.
const BATCH_REFUSES: &str = "InsufficientAccountPermissions";

/// Something that a run does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The resource on which it is done.
    pub scope: String,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// What for, as the rest of a sentence: `to create and resize pools`.
    pub purpose: &'static str,
    /// What happens without it.
    pub without: Without,
}

/// What happens without a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Without {
    /// The run fails.
    Fails,
    /// The run goes on without this part, and says so.
    Skips,
}

/// What an identity may do of what a run needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// What it may do.
    pub held: Vec<Need>,
    /// What it may not.
    pub missing: Vec<Need>,
    /// Scopes whose permissions could not be read, with the reason.
    pub unread: Vec<(String, String)>,
}

impl Need {
    /// Work with resources that a run fails without.
    #[must_use]
    pub fn failing(scope: impl Into<String>, action: &'static str, purpose: &'static str) -> Self {
        Self {
            scope: scope.into(),
            action: Action::Control(action),
            purpose,
            without: Without::Fails,
        }
    }
}

impl Rights {
    /// What is missing and makes the run fail.
    pub fn failing(&self) -> impl Iterator<Item = &Need> {
        self.missing.iter().filter(|need| need.without == Without::Fails)
    }

    /// The error of a run that lacks rights; nothing when it lacks none that it needs.
    #[must_use]
    pub fn error(&self, identity: Option<&str>) -> Option<Error> {
        let failing: Vec<&Need> = self.failing().collect();
        let who = remedy::who(identity);
        let happened = match failing.as_slice() {
            [] => return None,
            [one] => format!(
                "the right {} is missing on {}",
                one.action.name(),
                resource::in_words(&one.scope)
            ),
            several => format!("{} rights that this run needs are missing", several.len()),
        };
        let mut error = Error::plain(ErrorKind::NoRights, happened).with_fact(match failing.len() {
            1 => format!("{who} lacks it"),
            _ => format!("{who} lacks them"),
        });
        for need in &failing {
            error = error.with_fact(match failing.len() {
                1 => format!("it is the right {}", need.purpose),
                _ => format!(
                    "{}, the right {}, is missing on {}",
                    need.action.name(),
                    need.purpose,
                    resource::in_words(&need.scope)
                ),
            });
        }
        Some(remedy::given(
            error.with_kept("nothing was changed"),
            failing.into_iter(),
            identity,
        ))
    }

    fn sort(&mut self, permissions: &[Permission], needs: Vec<Need>) {
        for need in needs {
            if permissions.iter().any(|permission| permission.allows(need.action)) {
                self.held.push(need);
            } else {
                self.missing.push(need);
            }
        }
    }
}

/// What a refusal says that this identity lacks, in the service's own word for the action.
#[must_use]
pub fn lack(refusal: &Error) -> String {
    let report = refusal.report();
    let named = report.split('\'').find(|part| part.starts_with("Microsoft."));
    named.map_or_else(
        || "this identity may not read it".to_owned(),
        |action| format!("this identity lacks {action}"),
    )
}

/// The error of a run that a service refused for want of a right, with what gives the right. Where Batch's words name no
/// action, what it refuses is work with the account's pools.
#[must_use]
pub fn advised(error: Error, identity: Option<&str>, account: Option<&AccountRef>) -> Error {
    let refusal = match error.refusal_of_request() {
        Some(refusal) if error.kind() == ErrorKind::NoRights && !error.has_next() => refusal,
        _ => return error,
    };
    let account = match account {
        Some(AccountRef::Id(id)) => Some(id.to_string()),
        _ => None,
    };
    let unread = account.as_ref().filter(|account| remedy::of_account(refusal, account));
    if let (Some((happened, _)), Some(account)) = (remedy::of_refusal(refusal, identity), unread) {
        let command = remedy::pool_work_role(account, identity);
        let fact = "the role below lets it read the account, and create and resize its pools";
        let who = remedy::who(identity);
        let error = lacking(happened, error)
            .with_fact(format!("{who} lacks it"))
            .with_fact(fact)
            .with_fact("Azure answers the same where there is no such account: check its id too");
        return remedy::assigned(error, vec![command]);
    }
    let account = account.filter(|_| refusal.code == BATCH_REFUSES);
    match (remedy::of_refusal(refusal, identity), account) {
        (Some((happened, command)), _) => {
            let who = remedy::who(identity);
            remedy::assigned(
                lacking(happened, error).with_fact(format!("{who} lacks it")),
                vec![command],
            )
        }
        (None, Some(account)) => {
            let action = remedy::named(refusal).map(str::to_owned);
            by_batch(error, action, &account, identity)
        }
        (None, None) => error,
    }
}

/// The error of a request that Batch refused, which has named the action or has not.
fn by_batch(error: Error, action: Option<String>, account: &str, identity: Option<&str>) -> Error {
    let (who, place) = (remedy::who(identity), resource::in_words(account));
    let doing = error.layers().last().map(|layer| layer.layer().0.spelled(Door::Flag));
    let (happened, fact) = match (action, doing.as_deref().and_then(|doing| doing.strip_prefix(CANNOT))) {
        (Some(action), _) => (
            format!("the right {action} is missing on {place}"),
            format!("{who} lacks it; the role below has all rights to the pools and jobs of the account"),
        ),
        (None, what) => {
            let refused = what.map_or_else(
                || "Batch refused it".to_owned(),
                |what| format!("Batch refused to {what}"),
            );
            let fact = format!(
                "{who} lacks it, and Batch does not say which right it is; the resource manager named none that is \
                 missing, or was not asked, and the role below has those on the account that a roll-out needs"
            );
            (format!("{refused}: a right to the pools of {place} is missing"), fact)
        }
    };
    let error = lacking(happened, error).with_fact(fact).with_next(
        "if the role was given in the last ten minutes, wait a little and run again",
        None,
    );
    remedy::assigned(error, vec![remedy::pool_work_role(account, identity)])
}

/// The right that is missing is the reason; what it kept from being done is a fact.
fn lacking(happened: String, refused: Error) -> Error {
    Error::plain(ErrorKind::NoRights, happened).because(refused)
}

/// Asks what the identity may do at each scope.
///
/// # Errors
/// Only when the run ends or signing in fails; a scope that cannot be asked is noted.
pub async fn check(client: &Client, needs: Vec<Need>) -> Result<Rights> {
    let mut by_scope: BTreeMap<String, Vec<Need>> = BTreeMap::new();
    for need in needs {
        by_scope.entry(need.scope.clone()).or_default().push(need);
    }
    let mut rights = Rights::default();
    for (scope, needs) in by_scope {
        match client.list(&permission::list(&scope)).await {
            Ok(items) => rights.sort(&items.iter().map(Permission::read).collect::<Vec<_>>(), needs),
            Err(error) => match error.kind() {
                ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => return Err(error),
                _ if error.has_status(403) => rights
                    .unread
                    .push((scope, "this identity may not read them".to_owned())),
                _ => rights.unread.push((scope, error.to_string())),
            },
        }
    }
    Ok(rights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServiceError;

    const ACCOUNT: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/a";

    fn refused(message: &str) -> String {
        let refusal = ServiceError {
            status: 403,
            code: BATCH_REFUSES.to_owned(),
            message: message.to_owned(),
            ..ServiceError::default()
        };
        let error = Error::of_service(ErrorKind::NoRights, "cannot list the jobs", refusal);
        let account = AccountRef::Id(ACCOUNT.parse().unwrap());
        advised(error, Some("app-1"), Some(&account)).report()
    }

    #[test]
    fn an_action_that_batch_names_is_the_right_that_is_missing() {
        let named = refused("The caller's roles do not allow 'Microsoft.Batch/batchAccounts/jobs/read'.");
        let right =
            "the right Microsoft.Batch/batchAccounts/jobs/read is missing on batchAccounts/a in resource group rg";
        assert!(named.contains(right) && !named.contains("which right"), "{named}");
        let role = "az role assignment create --assignee app-1 --role \"Azure Batch Data Contributor\"";
        assert!(named.contains(role), "{named}");
        let unnamed = refused("The account has no permission");
        assert!(unnamed.contains("Batch does not say which right it is"), "{unnamed}");
    }
}
