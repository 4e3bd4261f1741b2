//! Requests that no client would send: always an answer, never a 500 of the emulator's own.

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::azure::{Azure, GROUP, TENANT};

/// Pieces that paths are put together from: real ones, so that handlers are reached, and nonsense.
pub(super) const SEGMENTS: [&str; 34] = [
    "subscriptions",
    "00000000-0000-0000-0000-0000000005b5",
    "resourceGroups",
    "rg-images",
    "providers",
    "Microsoft.Compute",
    "Microsoft.Batch",
    "virtualMachines",
    "vm-build",
    "disks",
    "vm-build_OsDisk",
    "snapshots",
    "images",
    "galleries",
    "gal1",
    "def",
    "versions",
    "1.0.0",
    "beginGetAccess",
    "deallocate",
    "generalize",
    "locations",
    "eastus2",
    "usages",
    "skus",
    "operations",
    "register",
    "oauth2",
    "token",
    "pools",
    "jobs",
    "metadata",
    "endpoints",
    "%00%ff",
];

pub(super) const METHODS: [Method; 7] = [
    Method::GET,
    Method::PUT,
    Method::POST,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z0-9/ .]{0,12}".prop_map(Value::from),
        Just(json!("eastus2")),
        Just(json!(format!(
            "{GROUP}/providers/Microsoft.Compute/disks/vm-build_OsDisk"
        ))),
    ];
    let key = prop::sample::select(vec![
        "location",
        "tags",
        "properties",
        "creationData",
        "createOption",
        "sourceResourceId",
        "storageProfile",
        "osDisk",
        "source",
        "id",
        "publishingProfile",
        "targetRegions",
        "name",
        "dataDisks",
        "lun",
        "features",
        "identifier",
    ]);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

fn path() -> impl Strategy<Value = String> {
    let free = prop::collection::vec(prop::sample::select(SEGMENTS.to_vec()), 0..10)
        .prop_map(|parts| format!("/{}", parts.join("/")));
    let compute = prop::collection::vec(prop::sample::select(SEGMENTS.to_vec()), 1..7)
        .prop_map(|parts| format!("{GROUP}/providers/Microsoft.Compute/{}", parts.join("/")));
    prop_oneof![free, compute]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_is_answered_and_every_error_has_an_envelope(
        requests in prop::collection::vec((prop::sample::select(METHODS.to_vec()), path(), value(), any::<bool>(), 0_i64..400), 1..40)
    ) {
        let mut azure = Azure::example();
        for (method, path, body, signed, pause) in requests {
            azure.wait(pause);
            let reply = if signed {
                azure.send(method.clone(), &path, &body)
            } else {
                azure.ask(method.clone(), &path, &body.to_string(), &[])
            };
            prop_assert_ne!(reply.status, 500, "{} {}", method, path);
            let has_body = method != Method::HEAD && reply.status >= 400;
            let enveloped = reply.body["error"]["code"].is_string() || reply.body["error"].is_string() || reply.body["code"].is_string();
            prop_assert!(!has_body || enveloped, "{} {} {}: {}", method, path, reply.status, reply.body);
        }
    }
}

/// Paths that have to be known to be dangerous to a parser.
#[test]
fn strange_paths_are_refused_politely() {
    let mut azure = Azure::example();
    for path in [
        "",
        "/",
        "//",
        "/subscriptions//resourceGroups//",
        "/%",
        "/subscriptions/%2F",
        &format!("/{TENANT}/oauth2"),
        "/metadata/endpoints/x",
    ] {
        let reply = azure.send(Method::GET, path, &Value::Null);
        assert!(
            reply.status == 501 || reply.status == 404 || reply.status == 200,
            "{path}: {}",
            reply.status
        );
    }
}
