//! How long a version is good for: its end of life, whether it can be latest, what Azure says against it.
//!
//! What follows for the pools that run it is not decided here.

use jiff::Timestamp;
use serde_json::Value;

use super::{ImageVersion, location_of};
use crate::{ids::Location, json as read_json, operation::Status};

impl ImageVersion {
    /// The day that its publisher set as its end.
    #[must_use]
    pub fn end_of_life(&self) -> Option<Timestamp> {
        read_json::time(self.body(), "/properties/publishingProfile/endOfLifeDate")
    }

    /// Whether pools that follow the definition can get it, in that region or, when the region is not known, anywhere:
    /// it is finished, is there, and is not excluded from latest.
    #[must_use]
    pub fn can_be_latest(&self, location: Option<&Location>) -> bool {
        let is_excluded = |of: &Value, pointer| read_json::at(of, pointer) == &Value::Bool(true);
        let regions = self.target_regions();
        let mut here = regions
            .iter()
            .filter(|region| location.is_none_or(|location| location_of(region).as_ref() == Some(location)));
        self.status() == Status::Succeeded
            && !is_excluded(self.body(), "/properties/publishingProfile/excludeFromLatest")
            && here.any(|region| !is_excluded(region, "/excludeFromLatest"))
    }

    /// What Azure says against it: policies that it violates, validations that failed. Empty for a good version.
    #[must_use]
    pub fn objections(&self) -> Vec<String> {
        let text = |item: &Value, pointer| read_json::text(item, pointer).unwrap_or_default().to_owned();
        let violations: Vec<String> = read_json::items(self.body(), "/properties/safetyProfile/policyViolations")
            .map(|item| format!("{}: {}", text(item, "/category"), text(item, "/details")))
            .collect();
        let is_reported = read_json::at(self.body(), "/properties/safetyProfile/reportedForPolicyViolation");
        let unexplained = violations.is_empty() && is_reported == &Value::Bool(true);
        let failed = read_json::items(self.body(), "/properties/validationsProfile/executedValidations")
            .filter(|item| text(item, "/status").eq_ignore_ascii_case("Failed"))
            .map(|item| format!("validation {} failed", text(item, "/type")));
        let reported = unexplained.then(|| "reported for a policy violation".to_owned());
        violations.into_iter().chain(reported).chain(failed).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(profile: Value, more: Value) -> ImageVersion {
        let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0";
        let mut body = json!({"properties": {"provisioningState": "Succeeded", "publishingProfile": profile}});
        if let (Some(members), Value::Object(more)) = (body["properties"].as_object_mut(), more) {
            members.extend(more);
        }
        ImageVersion::new(id.parse().unwrap(), body)
    }

    #[test]
    fn a_version_can_be_latest_where_it_is_and_not_excluded() {
        let (east, west): (Location, Location) = ("eastus2".parse().unwrap(), "westus2".parse().unwrap());
        let regions = json!([{"name": "East US 2"}, {"name": "West US 2", "excludeFromLatest": true}]);
        let open = version(json!({"targetRegions": regions}), Value::Null);
        assert!(open.can_be_latest(Some(&east)) && open.can_be_latest(None));
        assert!(!open.can_be_latest(Some(&west)) && !open.can_be_latest(Some(&"northeurope".parse().unwrap())));
        let excluded = version(
            json!({"targetRegions": regions, "excludeFromLatest": true}),
            Value::Null,
        );
        let failed = version(
            json!({"targetRegions": regions}),
            json!({"provisioningState": "Failed"}),
        );
        assert!(!excluded.can_be_latest(Some(&east)) && !failed.can_be_latest(Some(&east)));
    }

    #[test]
    fn what_azure_says_against_a_version_is_read_whole() {
        let flagged = version(
            json!({"endOfLifeDate": "2027-01-01T00:00:00Z"}),
            json!({"safetyProfile": {"reportedForPolicyViolation": true, "policyViolations": [{"category": "CopyrightValidation", "details": "found"}]},
                "validationsProfile": {"executedValidations": [{"type": "Boot", "status": "Failed"}, {"type": "Scan", "status": "Succeeded"}]}}),
        );
        assert_eq!(
            flagged.objections(),
            ["CopyrightValidation: found", "validation Boot failed"]
        );
        assert_eq!(flagged.end_of_life(), "2027-01-01T00:00:00Z".parse().ok());
        let reported = version(
            json!({}),
            json!({"safetyProfile": {"reportedForPolicyViolation": true}}),
        );
        assert_eq!(reported.objections(), ["reported for a policy violation"]);
    }
}
