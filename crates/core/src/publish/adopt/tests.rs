//! What is adopted and what is refused, as tables.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    compute::{gallery::ImageDefinition, version::ImageVersion},
    ids::resource::ImageDefinitionId,
    publish::{
        plan::{
            Goal, Numbers, decide,
            tests::{seen as planned, settings as publish_settings},
        },
        regions,
        source::image,
        unused,
        way::Way,
    },
    replication::Details,
    settings::{Generalized, Latest, Reuse, Source, Stopped},
    tags::Tag,
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
    let definition = json!({"properties": {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2"}});
    of(
        &json!({"location": "eastus2", "properties": {"publishingProfile": profile}}),
        &definition,
        accounts,
    )
}

fn of(version: &Value, definition: &Value, accounts: &[(&str, u32)]) -> Seen {
    let id = format!("{DEFINITION}/versions/1.4.2").parse().unwrap();
    let (version, definition) = (
        ImageVersion::new(id, version.clone()),
        ImageDefinition::new(definition.clone()),
    );
    Seen {
        machine: image::of_version(&version, &definition).unwrap(),
        definition: Some(definition),
        versions: vec![version],
        soft_deleted: BTreeSet::new(),
        ..planned(accounts)
    }
}

fn one_region() -> Value {
    json!({"targetRegions": [{"name": "East US 2", "regionalReplicaCount": 1}]})
}

fn decided(settings: &PublishSettings, seen: &Seen) -> Result<Goal> {
    decide(settings, seen, &Numbers::default())
}

#[test]
fn it_keeps_its_number_and_nothing_is_made_on_the_way() {
    let seen = seen(&one_region(), &[]);
    for number in ["1.4.2", "next-patch", "next-patch 2.0"] {
        let goal = decided(&settings(number), &seen).unwrap();
        assert_eq!((goal.version.name(), &goal.way), ("1.4.2", &Way::Adopted));
        assert_eq!(goal.temporaries(), []);
    }
}

#[test]
fn its_own_region_and_those_of_pools_go_first() {
    let mut settings = settings("next-patch");
    settings.target_regions = vec![crate::settings::TargetRegion::new("northeurope".parse().unwrap(), None)];
    let goal = decided(&settings, &seen(&one_region(), &[("westus2", 700)])).unwrap();
    assert_eq!(regions::names(&goal.first), "eastus2, westus2");
    assert_eq!(regions::names(&goal.later.concat()), "northeurope");
}

#[test]
fn a_specialized_version_is_refused() {
    let definition = json!({"properties": {"osType": "Linux", "osState": "Specialized"}});
    let seen = of(&json!({"location": "eastus2"}), &definition, &[]);
    let error = require_generalized(&settings("next-patch"), &seen).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        "version 1.4.2 is specialized as its definition is, and Batch starts pools from generalized images only"
    );
}

#[test]
fn a_shallow_version_is_taken_only_as_it_is() {
    let shallow = |accounts: &[(&str, u32)]| {
        let mut profile = one_region();
        profile["replicationMode"] = json!("Shallow");
        let mut seen = seen(&profile, accounts);
        let mut body = seen.versions[0].body().clone();
        body["tags"] = json!({"team": "render"});
        seen.versions = vec![ImageVersion::new(seen.versions[0].id.clone(), body)];
        seen
    };
    let with_tag = |value: &str| {
        let mut settings = settings("next-patch");
        settings.temporaries.tags = [("team".to_owned(), value.to_owned())].into();
        settings
    };
    let goal = decided(&with_tag("render"), &shallow(&[])).unwrap();
    assert_eq!(goal.details, Details::default(), "no write for tags of ours alone");
    let mut excluded = settings("next-patch");
    excluded.version_settings.latest = Latest::Exclude;
    let cases = [
        (settings("next-patch"), vec![("eastus2", 700)], "bring it to eastus2"),
        (with_tag("sim"), vec![], "set tag team = sim"),
        (excluded, vec![], "exclude it from latest"),
    ];
    for (settings, accounts, says) in cases {
        let error = decided(&settings, &shallow(&accounts)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().unwrap().contains("replication mode Full"));
    }
}

#[test]
fn a_region_is_not_added_to_regions_with_keys_of_the_user_s() {
    let mut profile = one_region();
    profile["targetRegions"][0]["encryption"] = json!({"osDiskImage": {"diskEncryptionSetId": "/des"}});
    decided(&settings("next-patch"), &seen(&profile, &[("eastus2", 700)])).unwrap();
    let error = decided(&settings("next-patch"), &seen(&profile, &[("westus2", 1)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.to_string().contains("in East US 2; the keys for westus2"),
        "{error}"
    );
}

#[test]
fn a_setting_without_effect_is_noted_once() {
    let mut settings = settings("next-patch");
    assert_eq!(unused::notes(&settings), Vec::<String>::new());
    settings.traits.publisher = Some("us".to_owned());
    settings.create_gallery = true;
    settings.machine.if_running = Stopped::Deallocate;
    settings.machine.generalized = Generalized::Mark;
    settings.reuse = Reuse::Never;
    assert_eq!(
        unused::notes(&settings),
        [
            "definition has no effect on a version that is adopted",
            "create_gallery has no effect on a version that is adopted",
            "deallocate has no effect on a version that is adopted",
            "generalize has no effect on a version that is adopted",
            "An adopted version is not made again, also when a new version is asked for",
        ]
    );
}

#[test]
fn our_tags_are_only_the_first_and_the_user_s_always() {
    let mut settings = settings("next-patch");
    settings.temporaries.tags = [("team".to_owned(), "render".to_owned())].into();
    let details = decided(&settings, &seen(&one_region(), &[])).unwrap().details;
    assert_eq!(details.tags["team"], "render");
    let ours: Vec<&String> = details.own_tags.keys().collect();
    assert_eq!(ours, [Tag::Fingerprint.name(), Tag::Run.name(), Tag::Tool.name()]);
}
