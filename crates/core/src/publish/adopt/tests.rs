//! What is adopted and what is refused, as tables.

use serde_json::{Value, json};

use super::*;
use crate::{
    ids::resource::ImageDefinitionId,
    publish::plan::tests::{seen as planned, settings as publish_settings},
    settings::Source,
};

const DEFINITION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/gal/images/def";

fn settings(number: &str) -> PublishSettings {
    let definition: ImageDefinitionId = DEFINITION.parse().unwrap();
    PublishSettings {
        source: Source::ImageVersion(definition.version("1.4.2".parse().unwrap())),
        definition,
        version: number.parse().unwrap(),
        ..publish_settings()
    }
}

fn seen(profile: &Value, accounts: &[(&str, u32)]) -> Seen {
    let id = format!("{DEFINITION}/versions/1.4.2").parse().unwrap();
    let body = json!({"location": "eastus2", "properties": {"publishingProfile": profile}});
    Seen {
        version: ImageVersion::new(id, body),
        definition: ImageDefinition::new(
            json!({"properties": {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2"}}),
        ),
        accounts: planned(accounts).accounts,
    }
}

fn one_region() -> Value {
    json!({"targetRegions": [{"name": "East US 2", "regionalReplicaCount": 1}]})
}

fn decided(settings: &PublishSettings, seen: &Seen) -> Result<Plan> {
    decide(settings, seen, &Progress::silent())
}

#[test]
fn only_a_number_of_its_own_can_be_asked_for() {
    let seen = seen(&one_region(), &[]);
    for number in ["1.4.2", "next-patch", "next-patch 2.0"] {
        assert_eq!(decided(&settings(number), &seen).unwrap().number.to_string(), "1.4.2");
    }
    let error = decided(&settings("1.4.3"), &seen).unwrap_err();
    insta::assert_snapshot!(error.report(), @r#"
    version 1.4.2 is there already and keeps its number, 1.4.3 is asked for
      hint: set image_version = "1.4.2", or leave it out
    "#);
}

#[test]
fn its_own_region_and_those_of_pools_go_first() {
    let mut settings = settings("next-patch");
    settings.target_regions = vec![crate::settings::TargetRegion {
        location: "northeurope".parse().unwrap(),
        replicas: None,
    }];
    let plan = decided(&settings, &seen(&one_region(), &[("westus2", 700)])).unwrap();
    assert_eq!(regions_of(&plan.first), "eastus2, westus2");
    assert_eq!(regions_of(&plan.rest), "northeurope");
}

#[test]
fn a_specialized_version_is_refused() {
    let mut seen = seen(&one_region(), &[]);
    seen.definition = ImageDefinition::new(json!({"properties": {"osType": "Linux", "osState": "Specialized"}}));
    let error = decided(&settings("next-patch"), &seen).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.to_string().contains("generalized: the image is specialized"),
        "{error}"
    );
}

#[test]
fn a_shallow_version_is_taken_only_as_it_is() {
    let mut profile = one_region();
    profile["replicationMode"] = json!("Shallow");
    decided(&settings("next-patch"), &seen(&profile, &[])).unwrap();
    let error = decided(&settings("next-patch"), &seen(&profile, &[("eastus2", 700)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("replication mode Shallow"), "{error}");
}

#[test]
fn our_tags_are_only_the_first_and_the_user_s_always() {
    let mut settings = settings("next-patch");
    settings.temporaries.tags = [("team".to_owned(), "render".to_owned())].into();
    let details = decided(&settings, &seen(&one_region(), &[])).unwrap().details;
    assert_eq!(details.tags["team"], "render");
    let ours: Vec<&String> = details.first_tags.keys().collect();
    assert_eq!(ours, [FINGERPRINT_TAG, RUN_TAG, TOOL_TAG]);
}
