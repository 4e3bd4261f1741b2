//! Automatic OS upgrades of a pool: whether Azure moves its nodes by itself, and what of that endangers running work.
//!
//! Pure. Who may change such a pool is decided in the flows.

use serde_json::Value;

use crate::json;

const AUTOMATIC: &str = "upgradePolicy.automaticOSUpgradePolicy";
const ROLLING: &str = "upgradePolicy.rollingUpgradePolicy";

/// A part of a policy under which an upgrade can cost work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// Its path in Batch's pool JSON.
    pub path: String,
    /// What it does, as the end of a sentence that begins with the path.
    pub why: &'static str,
}

/// Whether a pool's body asks Azure to move its nodes to the newest version of their definition.
#[must_use]
pub fn is_by_platform(body: &Value) -> bool {
    is(body, AUTOMATIC, "enableAutomaticOSUpgrade")
}

/// What of a pool's upgrades endangers its work; nothing when Azure does not upgrade it.
///
/// The page on upgrade policies says that a node is upgraded under its tasks unless `osRollingUpgradeDeferral` is true.
/// The percentages are those of scale sets, and count only with `useRollingUpgradePolicy`.
#[must_use]
pub fn hazards(body: &Value) -> Vec<Hazard> {
    if !is_by_platform(body) {
        return Vec::new();
    }
    let hazard = |policy: &str, name: &str, why| Hazard {
        path: format!("{policy}.{name}"),
        why,
    };
    let is_all = |name: &str| {
        let counts = is(body, AUTOMATIC, "useRollingUpgradePolicy");
        counts && at(body, ROLLING, name).as_u64() == Some(100)
    };
    let deferral = (!is(body, AUTOMATIC, "osRollingUpgradeDeferral")).then(|| {
        let why = "is not true: Azure takes nodes down under their tasks, which begin again";
        hazard(AUTOMATIC, "osRollingUpgradeDeferral", why)
    });
    let rollback = is(body, AUTOMATIC, "disableAutomaticRollback").then(|| {
        let why = "is true: nodes that do not come up on the new version stay on it";
        hazard(AUTOMATIC, "disableAutomaticRollback", why)
    });
    let batch = is_all("maxBatchInstancePercent").then(|| {
        let why = "is 100: all nodes are down at one time";
        hazard(ROLLING, "maxBatchInstancePercent", why)
    });
    let unhealthy = is_all("maxUnhealthyUpgradedInstancePercent").then(|| {
        let why = "is 100: no number of bad nodes stops the upgrade";
        hazard(ROLLING, "maxUnhealthyUpgradedInstancePercent", why)
    });
    [deferral, rollback, batch, unhealthy].into_iter().flatten().collect()
}

fn is(body: &Value, policy: &str, name: &str) -> bool {
    at(body, policy, name) == &Value::Bool(true)
}

fn at<'a>(body: &'a Value, policy: &str, name: &str) -> &'a Value {
    json::at(body, &format!("/{}/{name}", policy.replace('.', "/")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The last names of the hazards of a policy.
    fn found(automatic: &Value, rolling: &Value) -> Vec<String> {
        let policy =
            json!({"mode": "automatic", "automaticOSUpgradePolicy": automatic, "rollingUpgradePolicy": rolling});
        let name = |hazard: &Hazard| hazard.path.rsplit('.').next().unwrap_or_default().to_owned();
        hazards(&json!({"upgradePolicy": policy})).iter().map(name).collect()
    }

    #[test]
    fn a_policy_that_can_cost_work_is_named_part_by_part() {
        let all = json!({"maxBatchInstancePercent": 100, "maxUnhealthyUpgradedInstancePercent": 100});
        let on = |more: Value| {
            let mut policy = json!({"enableAutomaticOSUpgrade": true});
            let more = more.as_object().cloned().unwrap_or_default();
            policy.as_object_mut().unwrap().extend(more);
            policy
        };
        for (automatic, rolling, expected) in [
            (json!({}), &all, vec![]),
            (
                json!({"enableAutomaticOSUpgrade": false, "disableAutomaticRollback": true}),
                &all,
                vec![],
            ),
            (on(json!({})), &all, vec!["osRollingUpgradeDeferral"]),
            (on(json!({"osRollingUpgradeDeferral": true})), &all, vec![]),
            (
                on(
                    json!({"osRollingUpgradeDeferral": true, "useRollingUpgradePolicy": true, "disableAutomaticRollback": true}),
                ),
                &all,
                vec![
                    "disableAutomaticRollback",
                    "maxBatchInstancePercent",
                    "maxUnhealthyUpgradedInstancePercent",
                ],
            ),
            (
                on(json!({"osRollingUpgradeDeferral": true, "useRollingUpgradePolicy": true})),
                &json!({"maxBatchInstancePercent": 20}),
                vec![],
            ),
        ] {
            assert_eq!(found(&automatic, rolling), expected, "{automatic} {rolling}");
        }
    }
}
