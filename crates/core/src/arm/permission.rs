//! What this identity may do at a scope, as Azure's roles write it.
//!
//! Which actions a run needs is not known here.

use http::Method;
use serde::Serialize;
use serde_json::Value;

use crate::{api::Api, json, request::Request};

/// Something that a role allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "plane", content = "action", rename_all = "lowercase")]
pub enum Action {
    /// Of resources, e.g. `Microsoft.Batch/batchAccounts/pools/write`. Roles list it in `actions`.
    Control(&'static str),
    /// Of what is in them, e.g. `Microsoft.Batch/batchAccounts/jobs/write`. Roles list it in `dataActions`.
    Data(&'static str),
}

/// What one role assignment allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    actions: Vec<String>,
    not_actions: Vec<String>,
    data_actions: Vec<String>,
    not_data_actions: Vec<String>,
}

impl Action {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control(name) | Self::Data(name) => name,
        }
    }
}

impl Permission {
    /// Reads one item of the list.
    #[must_use]
    pub fn read(item: &Value) -> Self {
        let texts = |pointer| {
            let items = json::items(item, pointer).filter_map(Value::as_str);
            items.map(str::to_owned).collect()
        };
        Self {
            actions: texts("/actions"),
            not_actions: texts("/notActions"),
            data_actions: texts("/dataActions"),
            not_data_actions: texts("/notDataActions"),
        }
    }

    /// Whether it allows the action. What one assignment takes out, another may still allow.
    #[must_use]
    pub fn allows(&self, action: Action) -> bool {
        let (granted, withheld) = match action {
            Action::Control(_) => (&self.actions, &self.not_actions),
            Action::Data(_) => (&self.data_actions, &self.not_data_actions),
        };
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, action.name()));
        any(granted) && !any(withheld)
    }
}

/// The request for what this identity may do at a scope: a subscription, a resource group or a resource.
#[must_use]
pub fn list(scope: &str) -> Request {
    Request::arm(
        Method::GET,
        format!("{scope}/providers/Microsoft.Authorization/permissions"),
        Api::Permissions,
        format!("read what this identity may do at {scope}"),
    )
}

/// Whether a name fits a pattern, in which `*` stands for any run of letters. Case does not matter. `/*/` also stands for
/// nothing in between: Microsoft's role *Managed Identity Operator* lists `userAssignedIdentities/*/assign/action`, and
/// gives `userAssignedIdentities/assign/action`.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    fits(pattern, name) || fits(&pattern.replace("/*/", "/"), name)
}

fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_fits_as_in_azures_roles() {
        let name = "Microsoft.Batch/batchAccounts/pools/write";
        for fits in [
            "*",
            "Microsoft.Batch/*",
            "microsoft.batch/batchaccounts/pools/write",
            "*/write",
            "Microsoft.Batch/*/pools/*",
            "Microsoft.*/pools/write",
            "Microsoft.Batch/batchAccounts/pools/*/write",
        ] {
            assert!(matches(fits, name), "{fits}");
        }
        for other in [
            "",
            "*/read",
            "Microsoft.Batch/batchAccounts/pools",
            "Microsoft.Batch/batchAccounts/*/read",
            "Microsoft.Batch/batchAccounts/pools/write/action",
            "Microsoft.Batch/batchAccounts/pools/writer*write",
        ] {
            assert!(!matches(other, name), "{other}");
        }
    }

    #[test]
    fn what_is_taken_out_is_not_allowed_and_planes_are_apart() {
        let permission = Permission::read(&json!({"actions": ["Microsoft.Batch/*"], "notActions": ["*/delete"],
            "dataActions": ["Microsoft.Batch/batchAccounts/jobs/*"]}));
        assert!(permission.allows(Action::Control("Microsoft.Batch/batchAccounts/pools/write")));
        assert!(!permission.allows(Action::Control("Microsoft.Batch/batchAccounts/pools/delete")));
        assert!(permission.allows(Action::Data("Microsoft.Batch/batchAccounts/jobs/write")));
        assert!(!permission.allows(Action::Data("Microsoft.Batch/batchAccounts/jobSchedules/write")));
        assert!(!Permission::default().allows(Action::Control("Microsoft.Batch/batchAccounts/read")));
    }
}
