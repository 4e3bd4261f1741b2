//! What an error of the compute provider names: the policy that forbids something, the subnet that is full, the quota.
//!
//! Azure writes all of it into its sentences, and the policy also as JSON next to them.

use serde_json::Value;

use crate::{ids::resource, json, judge::Approved};

/// Where the scope of an assignment of a policy ends.
pub(in crate::rollout) const ASSIGNMENTS: &str = "/providers/Microsoft.Authorization/policyAssignments/";

/// The policy that forbids something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::rollout) struct Policy {
    /// The name of its definition.
    pub(in crate::rollout) name: Option<String>,
    /// The name of what assigns it.
    pub(in crate::rollout) assignment: Option<String>,
    /// The id of what assigns it.
    pub(in crate::rollout) id: Option<String>,
}

/// What is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::rollout) struct Named {
    /// The policy.
    pub(in crate::rollout) policy: Option<Policy>,
    /// The addresses of the subnet that is full, such as `10.0.0.0/24`.
    pub(in crate::rollout) prefix: Option<String>,
    /// How many addresses were missing there.
    pub(in crate::rollout) missing: Option<u64>,
    /// The quota that is used up.
    pub(in crate::rollout) approved: Option<Approved>,
}

impl Policy {
    /// Reads `additionalInfo` of an error, or the identifiers that stand as JSON in its text.
    fn read(error: &Value, message: &str) -> Option<Self> {
        let mut items = json::items(error, "/additionalInfo");
        let info = items.find_map(|item| item.get("info").filter(|info| info.get("policyAssignmentId").is_some()));
        let text = |value: &Value, pointers: &[&str]| {
            let found = pointers.iter().find_map(|pointer| json::text(value, pointer));
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        if let Some(info) = info {
            return Some(Self {
                name: text(info, &["/policyDefinitionDisplayName", "/policyDefinitionName"]),
                assignment: text(info, &["/policyAssignmentDisplayName", "/policyAssignmentName"]),
                id: text(info, &["/policyAssignmentId"]),
            });
        }
        let (_, behind) = message.split_once("Policy identifiers: '")?;
        let (list, _) = behind.split_once("}]'")?;
        let list: Value = serde_json::from_str(&format!("{list}}}]")).ok()?;
        let first = list.get(0)?;
        Some(Self {
            name: text(first, &["/policyDefinition/name"]),
            assignment: text(first, &["/policyAssignment/name"]),
            id: text(first, &["/policyAssignment/id"]),
        })
    }

    /// What it is assigned to.
    fn scope(&self) -> Option<&str> {
        let (scope, _) = self.id.as_deref()?.split_once(ASSIGNMENTS)?;
        Some(scope)
    }

    /// Where the policy is assigned, in a sentence.
    pub(in crate::rollout) fn sentence(&self) -> Option<String> {
        let name = self.assignment.as_ref().map(|name| format!(" \"{name}\""));
        let scope = self
            .scope()
            .map(|scope| format!(" is on {}", resource::in_words(scope)));
        let parts: String = [name, scope].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("the assignment of the policy{parts}"))
    }
}

impl Named {
    /// Reads what an error and its text name.
    pub(super) fn read(error: &Value, message: &str) -> Self {
        Self {
            policy: Policy::read(error, message),
            prefix: word_after(message, "address prefix ").map(str::to_owned),
            missing: word_after(message, "enough capacity for ").and_then(|word| word.parse().ok()),
            approved: Approved::read(message),
        }
    }

    /// Adds what another error names, where nothing of it is known yet.
    pub(super) fn add(&mut self, other: Self) {
        self.policy = self.policy.take().or(other.policy);
        self.prefix = self.prefix.take().or(other.prefix);
        self.missing = self.missing.or(other.missing);
        self.approved = self.approved.take().or(other.approved);
    }
}

fn word_after<'a>(text: &'a str, begin: &str) -> Option<&'a str> {
    let (_, behind) = text.split_once(begin)?;
    behind.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_read_from_the_json_beside_the_text_or_in_it() {
        let info = json!({"additionalInfo": [{"type": "PolicyViolation", "info": {
            "policyDefinitionDisplayName": "Allowed sizes", "policyAssignmentDisplayName": "Team render",
            "policyAssignmentId": "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/p"}}]});
        let sentence = "the assignment of the policy \"Team render\" is on subscription s";
        assert_eq!(Named::read(&info, "").policy.unwrap().sentence().unwrap(), sentence);
        let text = "Resource 'x' was disallowed by policy. Policy identifiers: \
                    '[{\"policyAssignment\":{\"name\":\"Team render\",\
                    \"id\":\"/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/p\"},\
                    \"policyDefinition\":{\"name\":\"Allowed sizes\",\"id\":\"/d\"}}]'.";
        assert_eq!(
            Named::read(&Value::Null, text).policy.unwrap().sentence().unwrap(),
            sentence
        );
        assert_eq!(Named::read(&Value::Null, "disallowed by policy"), Named::default());
    }

    #[test]
    fn a_full_subnet_names_its_addresses_and_how_many_are_missing() {
        let text = "Subnet pools with address prefix 10.0.0.0/28 does not have enough capacity for 9 IP addresses.";
        let named = Named::read(&Value::Null, text);
        assert_eq!((named.prefix.as_deref(), named.missing), (Some("10.0.0.0/28"), Some(9)));
    }
}
