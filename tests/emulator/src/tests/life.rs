//! Until when a version lives, whether it is deleted before, and its keys for UEFI.

use serde_json::{Value, json};

use super::{
    azure::{Azure, id},
    versions::{VERSION, world},
};

#[test]
fn a_version_protected_until_its_end_of_life_is_not_deleted_before() {
    let (mut azure, os) = world();
    let mut body = Azure::version_body(&os, &["eastus2"]);
    crate::json::merge(
        &mut body,
        json!({"properties": {"publishingProfile": {"endOfLifeDate": "2026-06-02T00:00:00Z"}, "safetyProfile": {"blockDeletionBeforeEndOfLife": true}}}),
    );
    azure.make(&id(VERSION), &body);
    assert_eq!(azure.delete(&id(VERSION)).code(), "OperationNotAllowed");
    azure.wait(86_400);
    azure.token = azure.sign_in("https://management.azure.com/.default");
    assert_eq!(azure.delete(&id(VERSION)).status, 202);
}

#[test]
fn a_version_that_says_nothing_of_its_life_lives_for_six_months_from_api_version_2026_03_03_on() {
    let life = |version: &Value| {
        let ends = version["properties"]["publishingProfile"]["endOfLifeDate"].as_str();
        let blocked = version["properties"]["safetyProfile"]["blockDeletionBeforeEndOfLife"].as_bool();
        (ends.map(|time| time[..10].to_owned()), blocked)
    };
    let (mut azure, os) = world();
    let body = Azure::version_body(&os, &["eastus2"]);
    azure.make(&id(VERSION), &body);
    assert_eq!(life(&azure.get(&id(VERSION)).body), (None, None));
    azure.api_version = "2026-03-03";
    let in_six_months = (Some("2026-12-01".to_owned()), Some(true));
    let other = id("galleries/gal1/images/def/versions/1.0.1");
    azure.make(&other, &body);
    assert_eq!(life(&azure.get(&other).body), in_six_months);
    assert_eq!(azure.delete(&other).code(), "OperationNotAllowed");
    // One that was made before gets it with its next change, and what is said otherwise counts.
    azure.make(&id(VERSION), &body);
    assert_eq!(life(&azure.get(&id(VERSION)).body), in_six_months);
    let mut free = body;
    free["properties"]["safetyProfile"] = json!({"blockDeletionBeforeEndOfLife": false});
    azure.make(&other, &free);
    assert_eq!(life(&azure.get(&other).body).1, Some(false));
    assert_eq!(azure.delete(&other).status, 202);
}

#[test]
fn keys_for_uefi_are_shown_when_asked_for_and_are_those_of_the_last_write() {
    let (mut azure, os) = world();
    let mut body = Azure::version_body(&os, &["eastus2"]);
    let keys = json!({"uefiSettings": {"signatureTemplateNames": ["MicrosoftUefiCertificateAuthorityTemplate"]}});
    body["properties"]["securityProfile"] = keys.clone();
    azure.make(&id(VERSION), &body);
    let shown = |azure: &mut Azure, query: &str| {
        azure.get(&format!("{}{query}", id(VERSION))).body["properties"]["securityProfile"].clone()
    };
    assert_eq!(shown(&mut azure, ""), Value::Null);
    assert_eq!(shown(&mut azure, "?$expand=ReplicationStatus"), Value::Null);
    assert_eq!(shown(&mut azure, "?$expand=UefiSettings"), keys);
    let changed = azure.send(http::Method::PATCH, &id(VERSION), &json!({"tags": {"a": "b"}}));
    azure.finish(&changed);
    assert_eq!(shown(&mut azure, "?$expand=UefiSettings"), keys);
    azure.make(&id(VERSION), &Azure::version_body(&os, &["eastus2"]));
    assert_eq!(shown(&mut azure, "?$expand=UefiSettings"), Value::Null);
}
