//! Scripted faults: what the client sees, and what has happened all the same.

use http::Method;
use serde_json::{Value, json};

use super::azure::{Azure, id, request};
use crate::{
    Outcome,
    fault::{Effect, Fault, Occurrence},
};

fn gallery_put(azure: &Azure) -> crate::http::Request {
    let authorization = format!("Bearer {}", azure.token);
    let path = format!("{}?api-version=2026-03-03", id("galleries/g"));
    request(
        Method::PUT,
        &path,
        r#"{"location":"eastus2"}"#,
        &[("authorization", &authorization)],
    )
}

#[test]
fn a_reset_before_the_effect_leaves_nothing_and_one_after_it_leaves_everything() {
    for (effect, exists, cut) in [
        (Effect::ResetBeforeEffect, 404, "resetBeforeEffect"),
        (Effect::Hang, 404, "hang"),
        (Effect::ResetAfterEffect, 200, "resetAfterEffect"),
    ] {
        let mut azure = Azure::example();
        azure
            .emulator
            .add_fault(Fault::new(effect).on(&Method::PUT, "*/galleries/*"));
        let put = gallery_put(&azure);
        assert!(!matches!(azure.emulator.respond(&put, azure.now), Outcome::Answer(_)));
        assert_eq!(azure.get(&id("galleries/g")).status, exists, "{cut}");
        let entry = azure
            .emulator
            .journal()
            .iter()
            .find(|entry| entry.cut.is_some())
            .unwrap();
        assert_eq!((entry.cut, entry.fault.as_deref()), (Some(cut), Some("fault-1")));
    }
}

#[test]
fn errors_come_in_the_form_of_the_service_that_was_asked() {
    let status = |status: u16| Effect::Status {
        status,
        code: "X".to_owned(),
        message: "m".to_owned(),
        body: None,
        retry_after: Some(3),
    };
    let mut azure = Azure::example();
    azure
        .emulator
        .add_fault(Fault::new(Effect::Throttle { retry_after: Some(7) }).on(&Method::GET, "/subscriptions*"));
    azure
        .emulator
        .add_fault(Fault::new(status(503)).on(&Method::POST, "*/oauth2/*"));
    azure
        .emulator
        .add_fault(Fault::new(status(500)).on(&Method::GET, "/pools*"));
    let arm = azure.get("/subscriptions");
    assert_eq!(
        (arm.status, arm.code(), arm.header("retry-after")),
        (429, "TooManyRequests", Some("7"))
    );
    let entra = azure.ask(Method::POST, "/t/oauth2/v2.0/token", "", &[]);
    assert_eq!(
        (entra.status, &entra.body["error"], entra.header("retry-after")),
        (503, &json!("X"), Some("3"))
    );
    let batch = azure.ask(Method::GET, "/pools", "", &[]);
    assert_eq!((batch.status, &batch.body["code"]), (500, &json!("X")));
    let message = batch.body["message"]["value"].as_str();
    assert!(
        message.is_some_and(|text| text.starts_with("m\nRequestId:")),
        "{message:?}"
    );
    assert_eq!(
        azure.get("/subscriptions").status,
        200,
        "a fault hits once unless told otherwise"
    );
}

#[test]
fn a_wrong_body_comes_with_the_effect() {
    let mut azure = Azure::example();
    azure.emulator.add_fault(
        Fault::new(Effect::WrongBody {
            body: "<html>".to_owned(),
        })
        .on(&Method::PUT, "*"),
    );
    let Outcome::Answer(answer) = azure.emulator.respond(&gallery_put(&azure), azure.now) else {
        panic!("no answer")
    };
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"<html>"[..]));
    assert_eq!(azure.get(&id("galleries/g")).status, 200);
}

#[test]
fn an_operation_can_fail_or_stick() {
    let mut azure = Azure::example();
    azure
        .emulator
        .add_fault(Fault::new(Effect::OperationStuck).on(&Method::PUT, "*/snapshots/*"));
    azure.emulator.add_fault(
        Fault::new(Effect::OperationFailed {
            code: "QuotaExceeded".to_owned(),
            message: "too much".to_owned(),
        })
        .on(&Method::DELETE, "*"),
    );
    let body = json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": id("disks/vm-build_OsDisk")}}});
    let started = azure.put(&id("snapshots/s"), &body);
    azure.wait(86_000);
    azure.token = azure.sign_in("https://management.azure.com/.default");
    let url = started.header("azure-asyncoperation").unwrap().to_owned();
    assert_eq!(azure.get(&url).body["status"], "InProgress");

    let path = azure.snapshot("t", "vm-build_OsDisk");
    let started = azure.delete(&path);
    let end = azure.finish(&started);
    assert_eq!(
        (&end["status"], &end["error"]),
        (
            &json!("Failed"),
            &json!({"code": "QuotaExceeded", "message": "too much"})
        )
    );
    let location = started.header("location").unwrap().to_owned();
    assert_eq!(azure.get(&location).code(), "QuotaExceeded");
    assert_eq!(
        azure.get(&path).state(),
        "Succeeded",
        "what could not be deleted is still there"
    );
}

#[test]
fn a_region_fails_and_the_others_are_complete() {
    let mut azure = Azure::example();
    let os = azure.snapshot("os", "vm-build_OsDisk");
    azure.definition("def");
    azure.emulator.add_fault(
        Fault::new(Effect::RegionFailed {
            region: "West US 2".to_owned(),
        })
        .on(&Method::PUT, "*/versions/*"),
    );
    let path = id("galleries/gal1/images/def/versions/1.0.0");
    let started = azure.put(&path, &Azure::version_body(&os, &["eastus2", "westus2", "uksouth"]));
    assert_eq!(azure.finish(&started)["status"], "Failed");
    let status =
        azure.get(&format!("{path}?$expand=ReplicationStatus")).body["properties"]["replicationStatus"].clone();
    let states: Vec<&Value> = status["summary"]
        .as_array()
        .unwrap()
        .iter()
        .map(|region| &region["state"])
        .collect();
    assert_eq!(
        (&status["aggregatedState"], states),
        (
            &json!("Failed"),
            vec![&json!("Completed"), &json!("Failed"), &json!("Completed")]
        )
    );
    assert_eq!(azure.emulator.faults()[0].hits, 1);
}

#[test]
fn a_fault_can_be_told_the_number_of_its_request() {
    let mut azure = Azure::example();
    let next = azure.emulator.journal().len() as u64 + 1;
    azure.emulator.add_fault(
        Fault::new(Effect::Throttle { retry_after: None })
            .at_request(next + 1)
            .occurring(Occurrence::Every),
    );
    let statuses: Vec<u16> = (0..3).map(|_| azure.get("/subscriptions").status).collect();
    assert_eq!(statuses, [200, 429, 200]);
}
