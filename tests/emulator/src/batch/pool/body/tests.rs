//! Tests of what POST /pools takes and refuses.

use super::*;

fn body() -> Value {
    json!({
        "id": "p1", "vmSize": "STANDARD_D4S_V5",
        "virtualMachineConfiguration": {
            "imageReference": {"virtualMachineImageId":
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/d/versions/1.0.0"},
            "nodeAgentSKUId": "batch.node.ubuntu 22.04"
        },
        "targetDedicatedNodes": 2
    })
}

fn read(change: impl FnOnce(&mut Value), age: ApiAge) -> Result<NewPool, String> {
    let mut body = body();
    change(&mut body);
    read_new(&without_nulls(body), age).map_err(|refusal| {
        let values: Vec<&str> = refusal.values().iter().map(|(_, value)| value.as_str()).collect();
        format!("{} {}", refusal.code(), values.join(" | "))
    })
}

#[test]
fn counts_come_as_numbers_or_as_text() {
    for count in [json!(2), json!("2")] {
        let pool = read(|body| body["targetDedicatedNodes"] = count, ApiAge::Old).unwrap();
        assert_eq!(
            pool.scale,
            NewScale::Fixed(Targets {
                dedicated: 2,
                low_priority: 0
            })
        );
    }
}

#[test]
fn defaults_are_those_that_were_recorded() {
    let pool = read(|body| body["startTask"] = json!({"commandLine": "true"}), ApiAge::New).unwrap();
    assert_eq!(pool.resize_timeout, FIFTEEN_MINUTES);
    assert_eq!(pool.settings["taskSlotsPerNode"], 1);
    assert_eq!(pool.settings["taskSchedulingPolicy"], json!({"nodeFillType": "Spread"}));
    assert_eq!(pool.settings["startTask"]["waitForSuccess"], true);
    assert_eq!(
        pool.settings["startTask"]["userIdentity"]["autoUser"]["elevationLevel"],
        "nonadmin"
    );
}

/// A body with one value changed: where, and to what.
fn changed(pointer: &str, value: Value) -> Result<NewPool, String> {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    read(|body| body.pointer_mut(parent).unwrap()[name] = value, ApiAge::New)
}

#[test]
fn what_the_service_refuses_is_refused_with_its_code() {
    let image = "/virtualMachineConfiguration/imageReference";
    let marketplace = json!({"publisher": "canonical", "offer": "ubuntuserver", "sku": "18.04-lts"});
    for (pointer, value, expected) in [
        ("/id", json!("a b"), "InvalidPropertyValue id"),
        ("/id", Value::Null, "MissingRequiredProperty id"),
        ("/vmSize", json!("Standard_Z9"), "InvalidPropertyValue vmSize"),
        ("/virtualMachineConfiguration", Value::Null, "MissingRequiredProperty"),
        (
            "/virtualMachineConfiguration/nodeAgentSKUId",
            json!("batch.node.os2"),
            "InvalidPropertyValue nodeAgentSKUId",
        ),
        (
            &format!("{image}/virtualMachineImageId"),
            json!("/subscriptions/s/images/x"),
            "InvalidPropertyValue imageReference",
        ),
        (
            &format!("{image}/publisher"),
            json!("canonical"),
            "InvalidPropertyValue imageReference",
        ),
        (image, marketplace, "InvalidPropertyValue nodeAgentSKUId"),
        (
            "/targetDedicatedNodes",
            json!(-1),
            "InvalidPropertyValue targetDedicatedNodes",
        ),
        ("/resizeTimeout", json!("PT4M"), "InvalidPropertyValue resizeTimeout"),
        ("/resizeTimeout", json!("soon"), "InvalidPropertyValue resizeTimeout"),
        (
            "/enableAutoScale",
            json!(true),
            "InvalidPropertyValue targetDedicatedNodes",
        ),
        (
            "/autoScaleFormula",
            json!("$x=1"),
            "InvalidPropertyValue autoScaleFormula",
        ),
        ("/taskSlotsPerNode", json!(17), "InvalidPropertyValue taskSlotsPerNode"),
        ("/startTask", json!({}), "MissingRequiredProperty startTask.commandLine"),
        ("/metadata", json!([{"name": "x"}]), "InvalidPropertyValue metadata"),
        ("/identity", json!({}), "InvalidRequestBody identity"),
        ("/resourceTags", json!({}), "UnsupportedProperty resourceTags"),
    ] {
        let refusal = changed(pointer, value).unwrap_err();
        assert!(refusal.starts_with(expected), "{expected}: {refusal}");
    }
    assert!(read(|body| body["resourceTags"] = json!({}), ApiAge::Middle).is_ok());
}

#[test]
fn versions_of_the_protocol_are_distinguished_by_date() {
    for (version, age) in [
        ("2022-01-01.15.0", ApiAge::Old),
        ("2024-02-01.19.0", ApiAge::Old),
        ("2024-07-01.20.0", ApiAge::Middle),
        ("2025-06-01", ApiAge::New),
        ("2026-03-01", ApiAge::New),
        ("2026-08-01", ApiAge::Newest),
    ] {
        assert_eq!(ApiAge::of(version), age, "{version}");
    }
}
