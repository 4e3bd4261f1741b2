//! What is refused and what is only said, as tables.

use serde_json::json;

use super::*;
use crate::publish::{machine::tests::machine, plan::tests::settings, security::Security};

fn definition(properties: &Value) -> ImageDefinition {
    let mut all = json!({"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2"});
    let members = properties.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(members);
    ImageDefinition::new(json!({"properties": all}))
}

fn controllers(word: &str) -> Value {
    json!({"features": [{"name": "diskControllerTypes", "value": word}]})
}

#[test]
fn a_definition_is_compared_field_by_field() {
    let other = definition(&json!({"osType": "Windows", "hyperVGeneration": "V1", "architecture": "Arm64"}));
    let error = require_fit(&DefinitionTraits::default(), &machine("V2", Security::Standard), &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the image definition does not fit the source: osType is Windows, the source needs Linux; hyperVGeneration is V1, the source needs V2; architecture is Arm64, the source needs x64"
    );
}

#[test]
fn a_plan_that_an_image_does_not_tell_is_no_difference() {
    use crate::publish::source::image::tests::image;
    let with_plan = definition(&json!({"purchasePlan": {"name": "p"}}));
    let traits = DefinitionTraits::default();
    assert!(require_fit(&traits, &machine("V2", Security::Standard), &with_plan).is_err());
    require_fit(&traits, &image("/os"), &with_plan).unwrap();
}

#[test]
fn another_purchase_plan_is_named_by_what_differs() {
    let plan = |publisher: &str| json!({"name": "planB", "publisher": publisher, "product": "render"});
    let mut machine = machine("V2", Security::Standard);
    machine.plan = Some(plan("pubB"));
    let traits = DefinitionTraits::default();
    let fit =
        |of_definition: Value| require_fit(&traits, &machine, &definition(&json!({"purchasePlan": of_definition})));
    fit(plan("PubB")).unwrap();
    let error = fit(json!({"name": "planA", "publisher": "pubA"})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the image definition does not fit the source: purchasePlan.name is planA, the source needs planB; purchasePlan.publisher is pubA, the source needs pubB; purchasePlan.product is not given, the source needs render"
    );
}

#[test]
fn a_machine_on_nvme_needs_a_definition_that_says_so_and_one_that_could_is_only_noted() {
    let (scsi, nvme) = (Some(Controllers::Scsi), Some(Controllers::ScsiAndNvme));
    // What the OS disk names, whether the machine is on NVMe, what the definition says: "-" refused, "n" a note.
    let table = [
        (None, false, json!({}), ' '),
        (scsi, false, json!({}), ' '),
        (nvme, false, json!({}), 'n'),
        (nvme, true, json!({}), '-'),
        (None, false, controllers("SCSI, NVMe"), ' '),
        (scsi, false, controllers("SCSI, NVMe"), 'n'),
        (nvme, true, controllers("SCSI, NVMe"), ' '),
        (nvme, true, controllers("SCSI"), '-'),
    ];
    for (of_disk, is_nvme, features, expected) in table {
        let mut machine = machine("V2", Security::Standard);
        machine.capabilities.controllers = of_disk;
        machine.capabilities.is_nvme = is_nvme;
        let definition = definition(&features);
        let found = match require_fit(&DefinitionTraits::default(), &machine, &definition) {
            Err(error) => {
                assert!(error.to_string().contains("the source needs SCSI, NVMe"), "{error}");
                '-'
            }
            Ok(()) if notes(&settings(), &machine, &definition).is_empty() => ' ',
            Ok(()) => 'n',
        };
        assert_eq!(found, expected, "{of_disk:?} {is_nvme} {features}");
    }
}

#[test]
fn a_feature_that_is_asked_for_must_be_there() {
    let traits = DefinitionTraits {
        features: [("DiskControllerTypes".to_owned(), "SCSI, NVMe".to_owned())].into(),
        ..DefinitionTraits::default()
    };
    let machine = machine("V2", Security::Standard);
    require_fit(&traits, &machine, &definition(&controllers("scsi, nvme"))).unwrap();
    let error = require_fit(&traits, &machine, &definition(&json!({}))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the image definition does not fit the source: DiskControllerTypes is not given, the settings ask for SCSI, NVMe"
    );
    assert!(error.hint().unwrap().to_string().contains("remove the feature"));
}

#[test]
fn what_a_definition_says_otherwise_is_noted_and_not_changed() {
    let mut settings = settings();
    settings.traits.description = Some("new".to_owned());
    settings.traits.sku = Some("gen2".to_owned());
    settings.traits.eula = Some("https://example.com".to_owned());
    let there = definition(
        &json!({"description": "old", "identifier": {"publisher": "p", "offer": "o", "sku": "gen1"},
        "eula": "https://example.com"}),
    );
    assert_eq!(
        notes(&settings, &machine("V2", Security::Standard), &there),
        [
            "the definition's description is \"old\", the settings say \"new\": a definition that exists is not changed",
            "the definition's identifier.sku is \"gen1\", the settings say \"gen2\": a definition that exists is not changed",
        ]
    );
}

#[test]
fn features_that_both_say_otherwise_are_noted_one_by_one() {
    let of = |name: &str, value: &str| definition(&json!({"features": [{"name": name, "value": value}]}));
    let found = |hibernation, network, definition: &ImageDefinition| {
        let mut machine = machine("V2", Security::Standard);
        machine.capabilities.hibernation = hibernation;
        machine.capabilities.network = network;
        notes(&settings(), &machine, definition)
    };
    let (hibernates, networks) = ("IsHibernateSupported", "IsAcceleratedNetworkSupported");
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(
        found(no, None, &of(hibernates, "True")),
        ["the definition says that its images support hibernation, and the source's OS disk says that it does not"]
    );
    assert_eq!(
        found(None, yes, &of(networks, "False")),
        [
            "the definition says that its images do not support accelerated networking, and the source's OS disk says that it does"
        ]
    );
    for (hibernation, network, definition) in [
        (yes, no, of(hibernates, "True")),
        (None, None, of(hibernates, "True")),
        (no, yes, of(networks, "True")),
    ] {
        assert_eq!(found(hibernation, network, &definition), [""; 0]);
    }
}
