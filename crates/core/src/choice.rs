//! Which version a rule means now: the newest one that the rule admits and that nodes can be made from where the pool is.
//!
//! A definition is read once for many pools. What a rule looks like is said in `settings`; nothing is written here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    client::Client,
    compute::version::ImageVersion,
    error::{Error, ErrorKind, Result},
    ids::{
        Location, VersionNumber,
        resource::{ImageDefinitionId, ImageVersionId},
    },
    operation::Status,
    settings::VersionRule,
    versions::{self, Versions, is_usable_in},
};

/// How many versions a sentence names that do not fit; the rest is counted.
const NAMED: usize = 5;

/// A version that a rule chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The version.
    pub version: ImageVersionId,
    /// The rule.
    pub rule: String,
    /// Newer ones that the rule admits, the newest first, each with the reason why it is not the one.
    pub passed_over: Vec<PassedOver>,
    /// When the version's end of life was, if that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

/// A version that a rule admits and that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Its number.
    pub number: VersionNumber,
    /// Why it cannot be used.
    pub why: String,
}

/// Applies rules, and remembers what was read.
#[derive(Debug)]
pub struct Choosing<'c> {
    client: &'c Client,
    definitions: BTreeMap<String, Versions>,
}

impl Choice {
    /// The version, and what was asked for.
    #[must_use]
    pub fn title(&self) -> String {
        let (definition, number) = (self.version.definition(), self.version.name());
        format!("{} {number}, which is {} now", definition.name(), self.rule)
    }

    /// The choice in a sentence, and one for each newer version that was passed over.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let chosen = format!("the image version is {}", self.title());
        let passed = self.passed_over.iter().take(NAMED);
        let passed = passed.map(|other| format!("{} was passed over: {}", other.number, other.why));
        std::iter::once(chosen).chain(passed).collect()
    }
}

impl<'c> Choosing<'c> {
    /// Nothing was read yet.
    #[must_use]
    pub const fn new(client: &'c Client) -> Self {
        Self {
            client,
            definitions: BTreeMap::new(),
        }
    }

    /// The version that a rule means for nodes in a region; where the region is not known, the version must be complete
    /// in all of its own.
    ///
    /// # Errors
    /// When no version fits, with why each one does not; when the versions cannot be listed.
    pub async fn choose(
        &mut self,
        definition: &ImageDefinitionId,
        rule: &VersionRule,
        region: Option<&Location>,
    ) -> Result<Choice> {
        let key = definition.to_string().to_ascii_lowercase();
        let versions = match self.definitions.remove(&key) {
            Some(versions) => versions,
            None => read(self.client, definition, rule).await?,
        };
        let now = self.client.run().now();
        let chosen = choose(&versions, rule, region, now).map_err(|others| none(definition, (rule, region), &others));
        self.definitions.insert(key, versions);
        chosen
    }
}

async fn read(client: &Client, definition: &ImageDefinitionId, rule: &VersionRule) -> Result<Versions> {
    versions::read(client, definition).await.map_err(|error| {
        let is_hidden = error.kind() == ErrorKind::NoRights;
        let error = error.while_doing(format!("cannot find out which version {rule} is"));
        if is_hidden {
            error.with_hint("give the resource id of one version, or grant Microsoft.Compute/galleries/images/versions/read on the definition")
        } else {
            error
        }
    })
}

/// Chooses. Without a version that can be used, all that the rule admits are named, the newest first.
fn choose(
    versions: &Versions,
    rule: &VersionRule,
    region: Option<&Location>,
    now: Timestamp,
) -> Result<Choice, Vec<PassedOver>> {
    let mut passed_over = Vec::new();
    for version in versions.all.iter().rev() {
        let Some(number) = version.id.number().filter(|number| is_admitted(version, *number, rule)) else {
            continue;
        };
        match objection(version, rule, region) {
            Some(why) => passed_over.push(PassedOver { number, why }),
            None => {
                return Ok(Choice {
                    version: version.id.clone(),
                    rule: rule.to_string(),
                    passed_over,
                    ended: version.end_of_life().filter(|end| *end <= now),
                });
            }
        }
    }
    Err(passed_over)
}

fn is_admitted(version: &ImageVersion, number: VersionNumber, rule: &VersionRule) -> bool {
    match rule {
        VersionRule::Latest | VersionRule::Range(_) => rule.admits(number),
        VersionRule::Tagged { name, value } => version.tag(name) == Some(value.as_str()),
    }
}

/// Why nodes of that region should not get the version.
fn objection(version: &ImageVersion, rule: &VersionRule, region: Option<&Location>) -> Option<String> {
    if matches!(version.status(), Status::Failed(_)) {
        return Some(format!("its state is {}", version.provisioning_state()));
    }
    if let Some(objection) = version.objections().into_iter().next() {
        return Some(objection);
    }
    if let Some(failure) = versions::failed_test(version) {
        return Some(format!("it {failure}"));
    }
    let is_done = version.status() == Status::Succeeded;
    let (is_usable, is_excluded) = match region {
        Some(region) => (is_usable_in(version, region), version.is_excluded_in(region)),
        None => (is_done, is_done && !version.can_be_latest(None)),
    };
    let is_there = |region: &Location| version.regions().iter().any(|entry| entry.location == *region);
    match region {
        Some(region) if !is_there(region) => Some(format!("it has no replica in {region}")),
        Some(region) if !is_usable => Some(format!("it is not complete in {region} yet")),
        None if !is_usable => Some(format!("its state is {}", version.provisioning_state())),
        _ => (counts_latest(rule) && is_excluded).then(|| "it is excluded from latest".to_owned()),
    }
}

const fn counts_latest(rule: &VersionRule) -> bool {
    match rule {
        VersionRule::Latest | VersionRule::Range(_) => true,
        VersionRule::Tagged { .. } => false,
    }
}

fn none(
    definition: &ImageDefinitionId,
    (rule, region): (&VersionRule, Option<&Location>),
    others: &[PassedOver],
) -> Error {
    let place = region.map(|region| format!(" in {region}")).unwrap_or_default();
    let text = format!("no version of {definition} can be used as {rule}{place}");
    let hint = if others.is_empty() {
        "check the rule and the definition; packer-plugin-azure-batch list shows its versions"
    } else {
        "admit a version to latest with packer-plugin-azure-batch promote, or give one by its number"
    };
    let error = Error::plain(ErrorKind::BadInput, text).with_hint(hint);
    if others.is_empty() {
        return error.with_fact("it has no version that the rule admits");
    }
    let named = others.iter().take(NAMED);
    let error = named.fold(error, |error, other| {
        error.with_fact(format!("{}: {}", other.number, other.why))
    });
    match others.len().saturating_sub(NAMED) {
        0 => error,
        more => error.with_fact(format!("and {more} older ones")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::versions::tests::{version, versions};

    const BOTH: &[(&str, u32, bool)] = &[("East US 2", 1, false), ("West US 2", 1, false)];

    fn with(version: &ImageVersion, change: impl FnOnce(&mut Value)) -> ImageVersion {
        let mut body = version.body().clone();
        change(&mut body);
        ImageVersion::new(version.id.clone(), body)
    }

    fn some() -> Versions {
        let stable = version("1.3.0", "Succeeded", true, BOTH);
        let flagged = version("1.4.9", "Succeeded", false, BOTH);
        versions(vec![
            version("1.2.0", "Succeeded", false, BOTH),
            with(&stable, |body| {
                body["tags"] = json!({"release": "stable"});
                body["properties"]["publishingProfile"]["endOfLifeDate"] = "2026-01-01T00:00:00Z".into();
            }),
            version("1.4.0", "Succeeded", false, BOTH),
            version(
                "1.4.1",
                "Succeeded",
                false,
                &[("eastus2", 1, true), ("westus2", 1, false)],
            ),
            version("1.4.2", "Succeeded", false, &[("West US 2", 1, false)]),
            with(&flagged, |body| {
                body["properties"]["safetyProfile"] = json!({"reportedForPolicyViolation": true});
            }),
            version("1.5.0", "Succeeded", true, BOTH),
            version("1.6.0", "Creating", false, BOTH),
            version("1.7.0", "Failed", false, BOTH),
        ])
    }

    fn chosen(rule: &str, region: Option<&str>) -> Result<Choice, Vec<PassedOver>> {
        let region = region.map(|region| region.parse().unwrap());
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        choose(&some(), &rule.parse().unwrap(), region.as_ref(), now)
    }

    #[test]
    fn a_rule_means_the_newest_version_that_can_be_used_there() {
        for (rule, region, number) in [
            ("latest", Some("eastus2"), "1.4.0"),
            ("latest", Some("westus2"), "1.4.2"),
            ("~1.4", Some("westus2"), "1.4.2"),
            ("1.2.x", Some("eastus2"), "1.2.0"),
            ("tag:release=stable", Some("eastus2"), "1.3.0"),
            ("latest", None, "1.4.2"),
        ] {
            let choice = chosen(rule, region).unwrap_or_else(|others| panic!("{rule}: {others:?}"));
            assert_eq!(choice.version.name(), number, "{rule} in {region:?}");
        }
    }

    #[test]
    fn every_newer_version_is_named_with_the_reason() {
        assert_eq!(
            chosen("latest", Some("eastus2")).unwrap().lines(),
            [
                "the image version is d 1.4.0, which is latest now",
                "1.7.0 was passed over: its state is Failed",
                "1.6.0 was passed over: it is not complete in eastus2 yet",
                "1.5.0 was passed over: it is excluded from latest",
                "1.4.9 was passed over: reported for a policy violation",
                "1.4.2 was passed over: it has no replica in eastus2",
            ]
        );
        let none: Vec<String> = chosen("~1.5", Some("eastus2"))
            .unwrap_err()
            .into_iter()
            .map(|other| other.why)
            .collect();
        assert_eq!(none, ["it is excluded from latest"]);
        assert_eq!(chosen("tag:release=canary", None), Err(Vec::new()));
    }

    #[test]
    fn a_version_that_failed_its_test_is_passed_over_unless_it_was_admitted_all_the_same() {
        let tested = |number, excluded, mark: &str| {
            with(&version(number, "Succeeded", excluded, BOTH), |body| {
                body["tags"] = json!({"release": "stable", "azure-batch-tested": mark});
            })
        };
        let all = versions(vec![
            tested("1.0.0", true, "passed 0123abcd"),
            tested("1.1.0", false, "failed 0123abcd exit code 3"),
            tested("1.2.0", true, "failed 0123abcd exit code 3"),
        ]);
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        let lines = |rule: &str| choose(&all, &rule.parse().unwrap(), None, now).unwrap().lines();
        assert_eq!(
            lines("tag:release=stable"),
            [
                "the image version is d 1.1.0, which is tag:release=stable now",
                "1.2.0 was passed over: it failed its test: exit code 3"
            ]
        );
        assert_eq!(
            lines("latest")[1],
            "1.2.0 was passed over: it failed its test: exit code 3"
        );
    }

    #[test]
    fn a_version_past_its_end_is_taken_and_says_so() {
        assert!(chosen("tag:release=stable", None).unwrap().ended.is_some());
        assert_eq!(chosen("latest", None).unwrap().ended, None);
    }
}
