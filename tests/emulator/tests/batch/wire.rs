//! The data plane's protocol (§16.5 of the fact sheet on Azure's wire).

use http::Method;
use serde_json::json;

use crate::harness::{HOST, pool, world};

#[test]
fn point_5_a_created_pool_is_named_in_headers_and_has_an_unquoted_etag() {
    let mut world = world(|_| {});
    let created = world.post("/pools", pool("p", 0));
    let url = format!("https://{HOST}/pools/p");
    assert_eq!(created.status(), 201);
    assert!(created.response.body.is_empty());
    assert_eq!(created.header("location"), Some(url.as_str()));
    assert_eq!(created.header("dataserviceid"), Some(url.as_str()));
    let etag = created.header("etag").unwrap();
    assert!(etag.starts_with("0x8D") && etag.len() == 16, "{etag}");
    assert_eq!(created.header("dataserviceversion"), Some("3.0"));
    assert_eq!(created.header("last-modified"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
}

#[test]
fn point_5_bodies_are_crlf_json_with_odata_and_the_services_casing() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 0));
    let shown = world.get("/pools/p");
    assert_eq!(
        shown.header("content-type"),
        Some("application/json;odata=minimalmetadata")
    );
    let text = String::from_utf8_lossy(&shown.response.body).into_owned();
    let start = format!("{{\r\n  \"odata.metadata\":\"https://{HOST}/$metadata#pools/@Element\",\"id\":\"p\",");
    assert!(text.starts_with(&start), "{text}");
    assert_eq!(shown.body["vmSize"], "standard_d4s_v5");
    assert_eq!(shown.body["taskSchedulingPolicy"]["nodeFillType"], "Spread");
    assert_eq!(shown.body["eTag"].as_str(), shown.header("etag"));
}

#[test]
fn point_5_a_refusal_says_its_sentence_in_the_status_line_and_its_request_id_in_the_message() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 0));
    let refused = world.post("/pools", pool("P", 0));
    assert_eq!((refused.status(), refused.code()), (409, "PoolExists"));
    assert_eq!(
        refused.response.reason.as_deref(),
        Some("The specified pool already exists.")
    );
    let id = refused.header("request-id").unwrap();
    let message = format!("The specified pool already exists.\nRequestId:{id}\nTime:2026-01-01T00:00:00.0000000Z");
    assert_eq!(refused.body["message"], json!({"lang": "en-US", "value": message}));
}

#[test]
fn point_5_head_answers_without_a_body_also_when_there_is_nothing() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 0));
    for (id, status) in [("p", 200), ("q", 404)] {
        let head = world.batch(&Method::HEAD, &format!("/pools/{id}"), None);
        assert_eq!(head.status(), status);
        assert!(head.response.body.is_empty());
        assert_eq!(head.header("etag").is_some(), status == 200);
    }
}

#[test]
fn point_5_bodies_need_the_odata_content_type() {
    let mut world = world(|_| {});
    for (kind, status, code) in [
        ("application/json; odata=minimalmetadata", 201, ""),
        (
            "application/json; odata=minimalmetadata; charset=utf-8",
            409,
            "PoolExists",
        ),
        ("application/json", 400, "InvalidHeaderValue"),
        ("text/plain", 400, "InvalidHeaderValue"),
    ] {
        let answer = world.batch_with(&Method::POST, "/pools", Some(pool("p", 0)), &[("content-type", kind)]);
        assert_eq!((answer.status(), answer.code()), (status, code), "{kind}");
    }
}

#[test]
fn the_client_request_id_is_echoed_only_when_asked_for() {
    let mut world = world(|_| {});
    for (wish, echoed) in [
        (None, None),
        (Some("false"), None),
        (Some("true"), Some("my-id")),
        (Some("True"), Some("my-id")),
    ] {
        let mut headers = vec![("client-request-id", "my-id")];
        headers.extend(wish.map(|wish| ("return-client-request-id", wish)));
        let answer = world.batch_with(&Method::GET, "/pools", None, &headers);
        assert_eq!(answer.header("client-request-id"), echoed, "{wish:?}");
    }
}

#[test]
fn conditions_guard_pools() {
    let mut world = world(|_| {});
    let etag = world.post("/pools", pool("p", 0)).header("etag").unwrap().to_owned();
    let with = [("if-match", "0x8D000000000000")];
    let metadata = json!({"metadata": [{"name": "k", "value": "v"}]});
    let refused = world.batch_with(&Method::PATCH, "/pools/p", Some(metadata.clone()), &with);
    assert_eq!((refused.status(), refused.code()), (412, "ConditionNotMet"));
    let cached = world.batch_with(&Method::GET, "/pools/p", None, &[("if-none-match", &etag)]);
    assert_eq!((cached.status(), cached.response.body.len()), (304, 0));
    let done = world.batch_with(&Method::PATCH, "/pools/p", Some(metadata), &[("if-match", &etag)]);
    assert_eq!(done.status(), 200);
    assert_ne!(done.header("etag"), Some(etag.as_str()));
}

#[test]
fn lists_filter_select_and_page() {
    let mut world = world(|_| {});
    for id in ["c", "a", "b"] {
        world.post("/pools", pool(id, 0));
    }
    let page = world.get("/pools?maxresults=2&$select=id,state").body;
    assert_eq!(
        page["value"],
        json!([{"id": "a", "state": "active"}, {"id": "b", "state": "active"}])
    );
    let link = page["odata.nextLink"]
        .as_str()
        .unwrap()
        .strip_prefix(&format!("https://{HOST}"))
        .unwrap()
        .to_owned();
    assert_eq!(world.get(&link).body["value"], json!([{"id": "c", "state": "active"}]));
    let found = world
        .get("/pools?$filter=startswith(id,'b') and allocationState eq 'resizing'")
        .body;
    assert_eq!(found["value"].as_array().map(Vec::len), Some(1));
    for query in [
        "$filter=virtualMachineConfiguration eq 'x'",
        "$filter=id like 'x'",
        "$select=nothing",
        "$expand=nodes",
    ] {
        let refused = world.get(&format!("/pools?{query}"));
        assert_eq!(
            (refused.status(), refused.code()),
            (400, "InvalidQueryParameterValue"),
            "{query}"
        );
    }
    assert_eq!(
        world.get("/pools?maxresults=1001").code(),
        "OutOfRangeQueryParameterValue"
    );
}

#[test]
fn supported_images_are_filtered_by_agent() {
    let mut world = world(|_| {});
    let all = world.get("/supportedimages").body;
    let some = world
        .get("/supportedimages?$filter=nodeAgentSKUId eq 'batch.node.ubuntu 22.04'")
        .body;
    let count = |body: &serde_json::Value| body["value"].as_array().map_or(0, Vec::len);
    assert!(count(&some) > 0 && count(&some) < count(&all));
    assert!(
        some["value"]
            .as_array()
            .unwrap()
            .iter()
            .all(|image| image["nodeAgentSKUId"] == "batch.node.ubuntu 22.04")
    );
}

#[test]
fn what_is_not_served_says_so_and_what_is_served_refuses_other_verbs() {
    let mut world = world(|_| {});
    world.post("/pools", pool("p", 0));
    for (method, path, status) in [
        (Method::GET, "/applications", 501),
        (Method::GET, "/lifetimepoolstats", 501),
        (Method::POST, "/pools/p/explode", 501),
        (Method::GET, "/pools/p/resize", 405),
        (Method::PUT, "/pools/p", 405),
        (Method::POST, "/supportedimages", 405),
    ] {
        let answer = world.batch(&method, path, None);
        assert_eq!(answer.status(), status, "{method} {path}");
        let named = answer.body["message"]["value"].as_str().unwrap().contains(path);
        assert_eq!(named, status == 501, "{method} {path}");
    }
}

#[test]
fn an_account_is_found_by_host_by_path_and_alone_at_the_root() {
    let mut one = world(|_| {});
    one.post("/pools", pool("p", 0));
    let authorization = |answer: &crate::harness::Answer| answer.status();
    for (authority, path, url) in [
        (HOST, "/pools/p", format!("https://{HOST}/pools/p")),
        (
            "127.0.0.1:8443",
            "/pools/p",
            "https://127.0.0.1:8443/pools/p".to_owned(),
        ),
        (
            "127.0.0.1:8443",
            "/batch/acct1/pools/p",
            "https://127.0.0.1:8443/batch/acct1/pools/p".to_owned(),
        ),
    ] {
        let answer = one.batch_at(authority, path);
        assert_eq!(authorization(&answer), 200, "{authority}{path}");
        assert_eq!(answer.body["url"], json!(url));
    }
    assert_eq!(one.batch_at("127.0.0.1:8443", "/batch/nobody/pools/p").status(), 404);
    let mut two = world(|seed| {
        let mut second = seed["batchAccounts"][0].clone();
        second["name"] = json!("acct2");
        seed["batchAccounts"].as_array_mut().unwrap().push(second);
    });
    assert_eq!(
        two.batch_at("127.0.0.1:8443", "/pools").code(),
        "AccountNotFound",
        "whose would it be?"
    );
    assert_eq!(two.batch_at("127.0.0.1:8443", "/batch/acct2/pools").status(), 200);
}
