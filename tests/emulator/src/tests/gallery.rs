//! Galleries and definitions.

use http::Method;
use serde_json::json;

use super::azure::{Azure, id};

#[test]
fn a_gallery_has_a_unique_name_and_stays_where_it_is() {
    let mut azure = Azure::example();
    let gallery = azure
        .make(&id("galleries/My.Gal"), &json!({"location": "East US 2"}))
        .body;
    assert_eq!(
        gallery["properties"]["identifier"]["uniqueName"],
        "00000000-0000-0000-0000-0000000005b5-MY.GAL"
    );
    let moved = azure.put(&id("galleries/my.gal"), &json!({"location": "westus2"}));
    assert_eq!((moved.status, moved.code()), (409, "InvalidResourceLocation"));
    assert!(moved.message().contains("already exists in location 'eastus2'"));
    assert_eq!(
        azure
            .put(&id("galleries/my-gal"), &json!({"location": "eastus2"}))
            .status,
        400
    );
}

#[test]
fn definitions_refuse_what_the_service_refuses() {
    let mut azure = Azure::example();
    azure.definition("def");
    let body = |sku: &str, more: &serde_json::Value| {
        let mut properties = json!({"osType": "Linux", "osState": "Generalized", "identifier": {"publisher": "Example", "offer": "linux", "sku": sku}});
        crate::json::merge(&mut properties, more.clone());
        json!({"location": "eastus2", "properties": properties})
    };
    let other = id("galleries/gal1/images/other");
    let taken = azure.put(&other, &body("DEF", &json!({})));
    assert_eq!((taken.status, taken.code()), (409, "Conflict"));
    assert!(taken.message().contains("already exists"));
    let cases = [
        ("no OS type", body("x", &json!({"osType": null}))),
        ("no SKU", body("x", &json!({"identifier": {"sku": null}}))),
        (
            "trusted launch on V1",
            body(
                "x",
                &json!({"features": [{"name": "SecurityType", "value": "TrustedLaunch"}]}),
            ),
        ),
        (
            "other region",
            json!({"location": "westus2", "properties": body("x", &json!({}))["properties"]}),
        ),
    ];
    for (what, body) in cases {
        let reply = azure.put(&other, &body);
        assert_eq!(
            (reply.status, reply.code()),
            (400, "InvalidParameter"),
            "{what}: {}",
            reply.body
        );
    }
    let orphan = azure.put(&id("galleries/none/images/def"), &body("x", &json!({})));
    assert_eq!((orphan.status, orphan.code()), (404, "ParentResourceNotFound"));
}

#[test]
fn a_new_second_generation_definition_defaults_to_trusted_launch_only_in_new_api_versions() {
    let mut azure = Azure::example();
    let cases = [
        ("2021-10-01", "a", "V2", None),
        ("2025-03-03", "b", "V2", Some("TrustedLaunchSupported")),
        ("2026-03-03", "c", "V1", None),
    ];
    for (version, name, generation, expected) in cases {
        azure.api_version = version;
        let path = azure.definition_with(name, &json!({"hyperVGeneration": generation}));
        let definition = azure.get(&path).body;
        let value = definition["properties"]["features"][0]["value"].as_str();
        assert_eq!(value, expected, "{version} {generation}");
        assert_eq!(definition["properties"]["architecture"], "x64");
    }
}

#[test]
fn features_change_only_with_leave() {
    let mut azure = Azure::example();
    let path = azure.definition("def");
    let mut body = json!({"properties": {"features": [{"name": "SecurityType", "value": "TrustedLaunch"}]}});
    assert_eq!(
        azure.send(Method::PATCH, &path, &body).code(),
        "PropertyChangeNotAllowed"
    );
    crate::json::set(&mut body, &["properties", "allowUpdateImage"], json!(true));
    assert_eq!(azure.send(Method::PATCH, &path, &body).status, 200);
}
