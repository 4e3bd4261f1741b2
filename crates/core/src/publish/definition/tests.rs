//! The body of a new definition: what follows from the machine, and what the user says.

use serde_json::json;

use super::*;
use crate::publish::{
    capabilities::{Capabilities, Controllers},
    machine::tests::machine,
    plan::tests::settings,
    security::Security,
};

fn properties(settings: &PublishSettings, machine: &Machine) -> Value {
    let body = body(settings, machine, &"eastus2".parse().unwrap());
    body["properties"].clone()
}

#[test]
fn features_follow_from_the_machine_and_the_users_replace_them() {
    let mut nvme = machine("V2", Security::Standard);
    nvme.capabilities = Capabilities {
        controllers: Some(Controllers::ScsiAndNvme),
        network: Some(true),
        ..Capabilities::default()
    };
    let mut settings = settings();
    assert_eq!(
        properties(&settings, &nvme)["features"],
        json!([{"name": "DiskControllerTypes", "value": "SCSI, NVMe"},
            {"name": "IsAcceleratedNetworkSupported", "value": "True"}, {"name": "SecurityType", "value": "Standard"}])
    );
    settings.traits.features = [
        ("diskControllerTypes", "SCSI"),
        ("SecurityType", "TrustedLaunchSupported"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    assert_eq!(
        properties(&settings, &nvme)["features"],
        json!([{"name": "IsAcceleratedNetworkSupported", "value": "True"},
            {"name": "SecurityType", "value": "TrustedLaunchSupported"}, {"name": "diskControllerTypes", "value": "SCSI"}])
    );
    let old = machine("V1", Security::Standard);
    settings.traits.features.clear();
    assert_eq!(properties(&settings, &old).get("features"), None);
}

#[test]
fn what_the_user_says_of_a_definition_is_in_azures_words() {
    let mut settings = settings();
    let text = |text: &str| Some(text.to_owned());
    settings.traits = DefinitionTraits {
        description: text("Render nodes"),
        release_note_uri: text("https://example.com/notes"),
        eula: text("https://example.com/eula"),
        privacy_statement_uri: text("https://example.com/privacy"),
        vcpus: Recommended {
            min: Some(4),
            max: None,
        },
        memory_gb: Recommended {
            min: Some(8),
            max: Some(64),
        },
        disk_types_not_allowed: vec!["Standard_LRS".to_owned()],
        ..DefinitionTraits::default()
    };
    let found = properties(&settings, &machine("V2", Security::Standard));
    let expected = json!({"description": "Render nodes", "releaseNoteUri": "https://example.com/notes",
        "eula": "https://example.com/eula", "privacyStatementUri": "https://example.com/privacy",
        "recommended": {"vCPUs": {"min": 4}, "memory": {"min": 8, "max": 64}}, "disallowed": {"diskTypes": ["Standard_LRS"]}});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(found[name], *value, "{name}");
    }
    let bare = properties(
        &super::super::plan::tests::settings(),
        &machine("V2", Security::Standard),
    );
    assert_eq!(
        bare.as_object().unwrap().keys().collect::<Vec<_>>(),
        [
            "osType",
            "osState",
            "hyperVGeneration",
            "architecture",
            "features",
            "identifier"
        ]
    );
}
