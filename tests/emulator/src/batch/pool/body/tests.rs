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

#[test]
fn what_the_service_refuses_is_refused_with_its_code() {
    let cases: Vec<(fn(&mut Value), &str)> = vec![
        (|b| b["id"] = json!("a b"), "InvalidPropertyValue id"),
        (|b| b["id"] = Value::Null, "MissingRequiredProperty id"),
        (|b| b["vmSize"] = json!("Standard_Z9"), "InvalidPropertyValue vmSize"),
        (
            |b| b["virtualMachineConfiguration"] = Value::Null,
            "MissingRequiredProperty",
        ),
        (
            |b| b["virtualMachineConfiguration"]["nodeAgentSKUId"] = json!("batch.node.os2"),
            "InvalidPropertyValue nodeAgentSKUId",
        ),
        (
            |b| {
                b["virtualMachineConfiguration"]["imageReference"]["virtualMachineImageId"] =
                    json!("/subscriptions/s/images/x");
            },
            "InvalidPropertyValue imageReference.virtualMachineImageId",
        ),
        (
            |b| b["virtualMachineConfiguration"]["imageReference"]["publisher"] = json!("canonical"),
            "InvalidPropertyValue imageReference.virtualMachineImageId",
        ),
        (
            |b| {
                b["virtualMachineConfiguration"]["imageReference"] =
                    json!({"publisher": "canonical", "offer": "ubuntuserver", "sku": "18.04-lts"});
            },
            "InvalidPropertyValue nodeAgentSKUId",
        ),
        (
            |b| b["targetDedicatedNodes"] = json!(-1),
            "InvalidPropertyValue targetDedicatedNodes",
        ),
        (
            |b| b["resizeTimeout"] = json!("PT4M"),
            "InvalidPropertyValue resizeTimeout",
        ),
        (
            |b| b["resizeTimeout"] = json!("soon"),
            "InvalidPropertyValue resizeTimeout",
        ),
        (
            |b| b["enableAutoScale"] = json!(true),
            "InvalidPropertyValue targetDedicatedNodes",
        ),
        (
            |b| b["autoScaleFormula"] = json!("$x=1"),
            "InvalidPropertyValue autoScaleFormula",
        ),
        (
            |b| b["taskSlotsPerNode"] = json!(17),
            "InvalidPropertyValue taskSlotsPerNode",
        ),
        (
            |b| b["startTask"] = json!({}),
            "MissingRequiredProperty startTask.commandLine",
        ),
        (
            |b| b["metadata"] = json!([{"name": "x"}]),
            "InvalidPropertyValue metadata",
        ),
        (|b| b["identity"] = json!({}), "InvalidRequestBody identity"),
        (|b| b["resourceTags"] = json!({}), "UnsupportedProperty resourceTags"),
    ];
    for (change, expected) in cases {
        let refusal = read(change, ApiAge::New).unwrap_err();
        assert!(refusal.starts_with(expected), "{expected}: {refusal}");
    }
    assert!(read(|b| b["resourceTags"] = json!({}), ApiAge::Middle).is_ok());
}

#[test]
fn versions_of_the_protocol_are_told_apart_by_date() {
    for (version, age) in [
        ("2022-01-01.15.0", ApiAge::Old),
        ("2024-02-01.19.0", ApiAge::Old),
        ("2024-07-01.20.0", ApiAge::Middle),
        ("2025-06-01", ApiAge::New),
        ("2026-08-01", ApiAge::New),
    ] {
        assert_eq!(ApiAge::of(version), age, "{version}");
    }
}
