//! The emulator's answers compared with those of the real service.
//!
//! `recorded.jsonl` holds the 135 exchanges with Batch that Azure/azure-batch-cli-extensions (MIT licence) recorded
//! against a real account in September 2022 (`tests/recordings/test_batch_extensions_live.yaml`, api-version
//! 2022-01-01.15.0), in their order. Authorization and signatures are left out; the list of images and one collection
//! of tasks are shortened. Where a poll was answered alike `times` in a row, apart from date and request id, it stands
//! once. `after` is ours: how many seconds to wait before a request so that the emulator, whose times are rounder, has
//! come as far as the service had.

use std::collections::BTreeSet;

use http::{HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{World, world};

const AUTHORITY: &str = "billstestba24326.uksouth.batch.azure.com";

/// How many exchanges were recorded.
const RECORDED: usize = 135;

/// What may differ, and why: the exchange, or none for all; the difference; the reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "",
        "header content-length",
        "the host frames bodies; the emulator proper leaves that to it",
    ),
    ("", "header transfer-encoding", "as for content-length"),
];

/// One recorded exchange.
#[derive(Deserialize)]
struct Exchange {
    name: String,
    after: i64,
    #[serde(default = "once")]
    times: usize,
    method: String,
    target: String,
    content_type: Option<String>,
    request: Option<Value>,
    status: u16,
    reason: String,
    headers: serde_json::Map<String, Value>,
    body: Option<String>,
}

fn once() -> usize {
    1
}

fn exchanges() -> Vec<Exchange> {
    include_str!("recorded.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// All keys of a body, arrays folded into one item.
fn keys(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                found.insert(format!("{at}/{name}"));
                keys(field, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, &format!("{at}/*"), found)),
        _ => {}
    }
}

/// The words that a client decides by, with where they stand.
fn words(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    const DECISIVE: [&str; 9] = [
        "state",
        "allocationState",
        "schedulingState",
        "previousState",
        "vmSize",
        "nodeFillType",
        "result",
        "code",
        "status",
    ];
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if DECISIVE.contains(&name.as_str()) && !field.is_object() {
                    found.insert(format!("{at}/{name} = {field}"));
                }
                words(field, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| words(item, &format!("{at}/*"), found)),
        _ => {}
    }
}

fn differences(
    recorded: &Exchange,
    status: u16,
    reason: Option<&str>,
    headers: &http::HeaderMap,
    body: &Value,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if status != recorded.status {
        found.push(format!("status {status} for {}", recorded.status));
    }
    let usual = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    if reason.or(usual) != Some(recorded.reason.as_str()) {
        found.push(format!("reason {reason:?} for {:?}", recorded.reason));
    }
    let ours: BTreeSet<String> = headers.keys().map(|name| format!("header {name}")).collect();
    let theirs: BTreeSet<String> = recorded.headers.keys().map(|name| format!("header {name}")).collect();
    found.extend(ours.symmetric_difference(&theirs).cloned());
    let recorded_body: Value = serde_json::from_str(recorded.body.as_deref().unwrap_or("null")).unwrap_or(Value::Null);
    for collect in [keys, words] {
        let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
        collect(body, "", &mut ours);
        collect(&recorded_body, "", &mut theirs);
        found.extend(ours.symmetric_difference(&theirs).cloned());
    }
    found
}

fn replay(world: &mut World, recorded: &Exchange) -> Vec<String> {
    world.wait(recorded.after);
    let method: Method = recorded.method.parse().unwrap();
    let authorization = world.batch_authorization();
    let mut request = world.request(
        &method,
        AUTHORITY,
        &recorded.target,
        recorded.request.clone(),
        &[("authorization", &authorization)],
    );
    if let Some(kind) = &recorded.content_type {
        request
            .headers
            .insert("content-type", HeaderValue::from_str(kind).unwrap());
    }
    let answer = world.send(&request);
    let response = &answer.response;
    differences(
        recorded,
        answer.status(),
        response.reason.as_deref(),
        &response.headers,
        &answer.body,
    )
}

#[test]
fn answers_have_the_recorded_shape() {
    let mut world = world(|seed| {
        seed["batchAccounts"] = json!([{
            "name": "billstestba24326", "resourceGroup": "rg-images", "location": "uksouth", "poolWriteIntervalSeconds": 0
        }]);
    });
    let exchanges = exchanges();
    let all: usize = exchanges.iter().map(|recorded| recorded.times).sum();
    assert_eq!(all, RECORDED);
    let mut used = BTreeSet::new();
    let mut different = BTreeSet::new();
    for recorded in exchanges.iter().flat_map(|one| std::iter::repeat_n(one, one.times)) {
        for difference in replay(&mut world, recorded) {
            let allowed = ALLOWED
                .iter()
                .find(|(name, what, _)| (name.is_empty() || *name == recorded.name) && *what == difference);
            match allowed {
                Some((name, what, _)) => drop(used.insert((*name, *what))),
                None => drop(different.insert(format!("{}: {difference}", recorded.name))),
            }
        }
    }
    assert!(different.is_empty(), "differs and is not allowed: {different:#?}");
    let stale: Vec<&&str> = ALLOWED
        .iter()
        .filter(|(name, what, _)| !used.contains(&(*name, *what)))
        .map(|(_, what, _)| what)
        .collect();
    assert!(stale.is_empty(), "allowed and no longer seen: {stale:?}");
}
