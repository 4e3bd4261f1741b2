//! Scripted faults: what the client sees, and what has happened all the same.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::azure::{Azure, id, request};
use crate::{
    Outcome,
    fault::{Effect, Fault, Occurrence, Refusal, When},
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
        (
            Effect::Hang {
                when: When::BeforeEffect,
            },
            404,
            "hang",
        ),
        (Effect::ResetAfterEffect, 200, "resetAfterEffect"),
        (
            Effect::Hang {
                when: When::AfterEffect,
            },
            200,
            "hang",
        ),
        (Effect::EndlessBody, 200, "endlessBody"),
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
    let status = |status: StatusCode| {
        Effect::Status(Refusal {
            retry_after: Some(3),
            ..Refusal::new(status, "X", "m")
        })
    };
    let mut azure = Azure::example();
    azure
        .emulator
        .add_fault(Fault::new(Effect::Throttle { retry_after: Some(7) }).on(&Method::GET, "/subscriptions*"));
    azure
        .emulator
        .add_fault(Fault::new(status(StatusCode::SERVICE_UNAVAILABLE)).on(&Method::POST, "*/oauth2/*"));
    azure
        .emulator
        .add_fault(Fault::new(status(StatusCode::INTERNAL_SERVER_ERROR)).on(&Method::GET, "/pools*"));
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
            status: None,
            content_type: None,
        })
        .on(&Method::PUT, "*"),
    );
    let Outcome::Answer(answer) = azure.emulator.respond(&gallery_put(&azure), azure.now) else {
        panic!("no answer")
    };
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"<html>"[..]));
    assert_eq!(azure.get(&id("galleries/g")).status, 200);
}

/// A script in its JSON form, as tests of clients write it.
fn script(azure: &mut Azure, fault: Value) {
    azure.emulator.add_fault(serde_json::from_value(fault).unwrap());
}

#[test]
fn a_good_answer_can_lose_its_body_and_keep_its_effect() {
    for (body, content_type, shown) in [
        ("", None, Value::Null),
        ("{}", None, json!({})),
        ("<html></html>", Some("text/html"), Value::Null),
    ] {
        let mut azure = Azure::example();
        let fault = json!({
            "kind": "wrongBody", "body": body, "status": 202, "contentType": content_type, "method": "PUT", "path": "*",
        });
        script(&mut azure, fault);
        let reply = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
        assert_eq!((reply.status, &reply.body), (202, &shown), "{body}");
        assert!(
            reply
                .header("content-type")
                .is_some_and(|kind| kind.starts_with(content_type.unwrap_or("application/json")))
        );
        assert_eq!(azure.get(&id("galleries/g")).status, 200);
    }
}

#[test]
fn an_error_can_come_after_the_effect_with_what_a_policy_or_a_lock_says() {
    let mut azure = Azure::example();
    let policy = json!([{"type": "PolicyViolation", "info": {"policyAssignmentName": "only-tagged"}}]);
    script(
        &mut azure,
        json!({
            "kind": "status", "status": 403, "code": "RequestDisallowedByPolicy", "additionalInfo": policy,
            "headers": {"x-ms-failure-cause": "gateway"}, "when": "afterEffect", "method": "PUT", "path": "*",
        }),
    );
    let reply = azure.put(&id("galleries/g"), &json!({"location": "eastus2"}));
    assert_eq!((reply.status, reply.code()), (403, "RequestDisallowedByPolicy"));
    assert_eq!(reply.body["error"]["additionalInfo"], policy);
    assert_eq!(reply.header("x-ms-failure-cause"), Some("gateway"));
    assert_eq!(azure.get(&id("galleries/g")).status, 200, "the effect is there");
}

#[test]
fn a_good_token_can_be_refused_once_by_both_services() {
    let mut azure = Azure::example();
    script(&mut azure, json!({"kind": "tokenRefused", "path": "/subscriptions"}));
    script(
        &mut azure,
        json!({"kind": "tokenRefused", "reason": "invalid", "path": "/batch/*"}),
    );
    let arm = azure.get("/subscriptions");
    assert_eq!((arm.status, arm.code()), (401, "ExpiredAuthenticationToken"));
    let batch = azure.ask(Method::GET, "/batch/acct1/pools", "", &[]);
    assert_eq!(
        (batch.status, &batch.body["code"]),
        (401, &json!("AuthenticationFailed"))
    );
    for reply in [&arm, &batch] {
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    assert_eq!(azure.get("/subscriptions").status, 200);
    assert!(azure.emulator.faults().iter().all(|fault| fault.hits == 1));
}

#[test]
fn a_list_can_name_itself_as_its_next_page() {
    let mut azure = Azure::example();
    script(
        &mut azure,
        json!({"kind": "endlessList", "path": "*", "occurrence": "every"}),
    );
    let first = azure.get("/subscriptions");
    let next = first.body["nextLink"].as_str().unwrap().to_owned();
    let second = azure.get(&next);
    assert_eq!(second.body["nextLink"], json!(next));
    let _no_list = azure.get(&id("disks/vm-build_OsDisk"));
    assert_eq!(azure.emulator.faults()[0].hits, 2, "what is not a list is not hit");
}

#[test]
fn a_body_can_be_larger_than_any_client_wants() {
    let mut azure = Azure::example();
    script(&mut azure, json!({"kind": "hugeBody", "bytes": 1_000_000, "path": "*"}));
    let authorization = format!("Bearer {}", azure.token);
    let get = request(
        Method::GET,
        "/subscriptions?api-version=2022-12-01",
        "",
        &[("authorization", &authorization)],
    );
    let Outcome::Answer(answer) = azure.emulator.respond(&get, azure.now) else {
        panic!("no answer")
    };
    assert!(answer.body.len() > 1_000_000);
    assert!(
        serde_json::from_slice::<Value>(&answer.body).is_ok(),
        "it is still JSON"
    );
}

#[test]
fn another_caller_can_write_before_a_request_has_its_effect_and_after_it() {
    let group = |by: &str| json!({"location": "eastus2", "tags": {"by": by}});
    let path = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/shared";
    for (when, status, last) in [("beforeEffect", 200, "us"), ("afterEffect", 201, "rival")] {
        let mut azure = Azure::example();
        let write = json!({"method": "PUT", "body": group("rival")});
        script(
            &mut azure,
            json!({"kind": "rival", "path": path, "write": write, "when": when}),
        );
        assert_eq!(azure.put(path, &group("us")).status, status, "{when}");
        assert_eq!(azure.get(path).body["tags"]["by"], last, "{when}");
        assert_eq!(azure.emulator.faults()[0].hits, 1);
    }
    let mut azure = Azure::example();
    let write = json!({"method": "PUT", "path": "/subscriptions/none/resourceGroups/x", "body": group("rival")});
    script(&mut azure, json!({"kind": "rival", "path": path, "write": write}));
    assert_eq!(azure.put(path, &group("us")).status, 201);
    assert_eq!(
        azure.emulator.faults()[0].hits,
        0,
        "what the rival could not write does not count"
    );
}

#[test]
fn a_machine_can_be_rebuilt_in_the_middle() {
    let mut azure = Azure::example();
    let before = azure.get(&id("virtualMachines/vm-build")).body["properties"]["vmId"].clone();
    let vm = json!({"name": "vm-build", "resourceGroup": "rg-images", "location": "eastus2", "osType": "Linux"});
    script(
        &mut azure,
        json!({"kind": "seed", "path": "*/virtualMachines/*", "seed": {"vms": [vm]}}),
    );
    let after = azure.get(&id("virtualMachines/vm-build"));
    assert_eq!(after.status, 200);
    assert_ne!(after.body["properties"]["vmId"], before);
    assert_eq!(azure.emulator.faults()[0].hits, 1);
}

#[test]
fn a_write_without_a_length_reaches_no_service() {
    let mut azure = Azure::example();
    let authorization = format!("Bearer {}", azure.token);
    let path = format!("{}?api-version=2026-03-03", id("virtualMachines/vm-build/deallocate"));
    let mut post = request(Method::POST, &path, "", &[("authorization", &authorization)]);
    post.headers.remove("content-length");
    let answer = |azure: &mut Azure, request: &crate::http::Request| match azure.emulator.respond(request, azure.now) {
        Outcome::Answer(answer) => answer,
        other => panic!("no answer: {other:?}"),
    };
    let refused = answer(&mut azure, &post);
    assert_eq!(refused.status, 411);
    assert_eq!(refused.headers["content-type"], "text/html; charset=us-ascii");
    assert!(
        refused
            .body
            .ends_with(b"have a content length.</p>\r\n</BODY></HTML>\r\n")
    );
    for header in ["content-length", "transfer-encoding"] {
        let value = if header == "content-length" { "0" } else { "chunked" };
        let mut good = post.clone();
        good.headers.insert(header, value.parse().unwrap());
        assert_eq!(answer(&mut azure, &good).status, 202, "{header}");
        azure.wait(100);
    }
    let mut batch = request(
        Method::POST,
        "/batch/acct1/pools/p/stopresize?api-version=2025-06-01",
        "",
        &[],
    );
    batch.headers.remove("content-length");
    let refused = answer(&mut azure, &batch);
    let body: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(
        (refused.status.as_u16(), &body["code"]),
        (411, &json!("MissingContentLengthHeader"))
    );
    batch.method = Method::DELETE;
    assert_ne!(
        answer(&mut azure, &batch).status,
        411,
        "only writes that may have a body need it"
    );
}

/// Azure's numbers: 250 reads and 25 more each second, for each principal in each subscription.
#[test]
fn too_many_reads_are_refused_until_the_bucket_fills_again() {
    let mut azure = Azure::example();
    let path = id("disks/vm-build_OsDisk");
    let statuses: Vec<u16> = (0..251).map(|_| azure.get(&path).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 250);
    let refused = azure.get(&path);
    assert_eq!(
        (refused.status, refused.code(), refused.header("retry-after")),
        (429, "SubscriptionRequestsThrottled", Some("1"))
    );
    assert_eq!(refused.header("x-ms-ratelimit-remaining-subscription-reads"), Some("0"));
    assert!(refused.message().contains("'read' requests"), "{}", refused.message());
    assert_eq!(
        azure.put(&id("galleries/g"), &json!({"location": "eastus2"})).status,
        201,
        "writes have their own"
    );
    azure.wait(1);
    let statuses: Vec<u16> = (0..26).map(|_| azure.get(&path).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 25);
}

#[test]
fn the_compute_provider_refuses_beyond_its_window_and_says_which() {
    let mut azure = Azure::with_seed(&json!({"throttling": {"compute": {"LowCostGet3Min": 2}}}));
    let path = id("disks/vm-build_OsDisk");
    let statuses: Vec<u16> = (0..3).map(|_| azure.get(&path).status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    azure.wait(60);
    let refused = azure.get(&path);
    assert_eq!(
        (refused.code(), refused.header("retry-after")),
        ("OperationNotAllowed", Some("120"))
    );
    let detail = &refused.body["error"]["details"][0];
    assert_eq!(detail["target"], "LowCostGet3Min");
    let measured: Value = serde_json::from_str(detail["message"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&measured["allowedRequestCount"], &measured["measuredRequestCount"]),
        (&json!(2), &json!(4))
    );
    azure.wait(120);
    assert_eq!(azure.get(&path).status, 200);
}

#[test]
fn a_seed_can_let_budgets_run_down_without_refusing() {
    let mut azure =
        Azure::with_seed(&json!({"throttling": {"whenEmpty": "answer", "reads": {"size": 1, "perSecond": 0}}}));
    let path = id("disks/vm-build_OsDisk");
    for _ in 0..3 {
        let reply = azure.get(&path);
        assert_eq!(
            (
                reply.status,
                reply.header("x-ms-ratelimit-remaining-subscription-reads")
            ),
            (200, Some("0"))
        );
    }
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
fn a_fault_can_have_the_number_of_its_request() {
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
