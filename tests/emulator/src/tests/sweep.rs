//! Ten thousand requests that no client would send, to all of Azure's faces, from one seed.
//!
//! `random` shrinks what it finds but asks less; this asks much and says from which seed.

use std::collections::BTreeMap;

use fastrand::Rng;
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    azure::{Azure, GROUP, TENANT, request},
    random::{METHODS, SEGMENTS},
};
use crate::{Outcome, http::Response};

/// Any number would do; it is what a failure is repeated from.
const SEED: u64 = 20_260_601;

/// How many requests.
const REQUESTS: usize = 10_000;

/// After how many a new world begins: long enough for things to meet, short enough to be found again.
const PER_WORLD: usize = 500;

/// Up to how many seconds pass between two: a world stays within the hour that its tokens live.
const MOST_SECONDS: u32 = 12;

/// Paths with which something is there to break.
const DEEP: [&str; 23] = [
    "virtualMachineScaleSets/s",
    "virtualMachineScaleSets/s/virtualMachines",
    "virtualMachines/vm-build",
    "disks/vm-build_OsDisk",
    "snapshots/s",
    "images/i",
    "galleries/gal1",
    "galleries/gal1/images/d",
    "galleries/gal1/images/d/versions/1.0.0",
    "galleries/gal1/images/d/versions/{}",
    "galleries/gal1/softDeletedArtifactTypes/Images/artifacts/d/versions",
    "../Microsoft.Storage/storageAccounts/s",
    "../Microsoft.Network/virtualNetworks/n",
    "../Microsoft.Network/networkInterfaces/i",
    "../Microsoft.Network/publicIPAddresses/a",
    "../Microsoft.Resources/deployments/d",
    "../Microsoft.Resources/deployments/d/validate",
    "../Microsoft.KeyVault/vaults/v",
    "../Microsoft.ManagedIdentity/userAssignedIdentities/i",
    "locations/eastus2/usages",
    "skus",
    "../Microsoft.Batch/batchAccounts/acct1",
    "../Microsoft.Batch/batchAccounts/acct1/pools/p",
];

/// The same of Batch's data plane.
const BATCH: [&str; 21] = [
    "pools",
    "pools/p",
    "pools/p/resize",
    "pools/p/stopresize",
    "pools/p/evaluateautoscale",
    "pools/p/enableautoscale",
    "pools/p/disableautoscale",
    "pools/p/removenodes",
    "pools/p/updateproperties",
    "pools/p/nodes",
    "pools/p/nodes/n/reboot",
    "jobs",
    "jobs/j/tasks",
    "jobs/j",
    "jobs/j/disable",
    "jobschedules",
    "jobschedules/s",
    "jobschedules/s/jobs",
    "pools/p/nodes/n/disablescheduling",
    "supportedimages",
    "nodecounts",
];

const KEYS: [&str; 35] = [
    "location",
    "tags",
    "properties",
    "creationData",
    "createOption",
    "sourceResourceId",
    "storageProfile",
    "osDisk",
    "osDiskImage",
    "source",
    "id",
    "publishingProfile",
    "targetRegions",
    "name",
    "dataDisks",
    "lun",
    "features",
    "identifier",
    "vmSize",
    "virtualMachineConfiguration",
    "imageReference",
    "virtualMachineImageId",
    "nodeAgentSKUId",
    "targetDedicatedNodes",
    "resizeTimeout",
    "autoScaleFormula",
    "startTask",
    "commandLine",
    "metadata",
    "nodeList",
    "poolInfo",
    "autoPoolSpecification",
    "jobSpecification",
    "schedule",
    "recurrenceInterval",
];

const WORDS: [&str; 14] = [
    "",
    "eastus2",
    "Copy",
    "Linux",
    "1.0.0",
    "PT15M",
    "P9999999Y",
    "p",
    "n",
    "STANDARD_D4S_V5",
    "batch.node.ubuntu 22.04",
    "$TargetDedicatedNodes=1/0",
    "\u{0}\u{7f}ü😀",
    "99999999999999999999999999",
];

const QUERIES: [&str; 12] = [
    "api-version=2025-06-01",
    "api-version=2026-03-03",
    "api-version=",
    "",
    "api-version=x&$expand=instanceView",
    "api-version=2025-06-01&$filter=id eq 'p' and (state",
    "api-version=2025-06-01&$filter=startswith(id,'p')",
    "api-version=2025-06-01&$select=id,,state",
    "api-version=2025-06-01&maxresults=-1",
    "api-version=2025-06-01&maxresults=1",
    "api-version=2025-06-01&timeout=x",
    "api-version=2025-06-01&$skiptoken=%ff",
];

/// Names and values of headers that decide something somewhere.
const HEADERS: [(&str, &str); 14] = [
    ("content-type", "application/json"),
    ("content-type", "application/json; odata=minimalmetadata"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "text/plain"),
    ("if-match", "*"),
    ("if-match", "\"x"),
    ("if-none-match", "*"),
    ("if-modified-since", "yesterday"),
    ("authorization", "Bearer x.y.z"),
    ("authorization", "SharedKey acct1:x"),
    ("authorization", "Basic"),
    ("ocp-date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("client-request-id", "\u{1}"),
    ("return-client-request-id", "true"),
];

/// Requests that are right, to be sent as they are or with one value spoilt.
fn rightful(rng: &mut Rng) -> (Method, String, Value) {
    let compute = |rest: &str| format!("{GROUP}/providers/Microsoft.Compute/{rest}");
    let disk = json!({"createOption": "Copy", "sourceResourceId": compute("disks/vm-build_OsDisk")});
    let image = json!({"imageReference": {"virtualMachineImageId": compute("galleries/gal1/images/d/versions/1.0.0")}, "nodeAgentSKUId": "batch.node.ubuntu 22.04"});
    let (method, path, mut body) = match rng.u32(..13) {
        0 => (
            "PUT",
            compute("snapshots/s"),
            json!({"location": "eastus2", "properties": {"creationData": disk}}),
        ),
        1 => (
            "PUT",
            compute("images/i"),
            json!({"location": "eastus2", "properties": {"hyperVGeneration": "V2", "storageProfile": {"osDisk": {"osType": "Linux", "osState": "Generalized", "snapshot": {"id": compute("snapshots/s")}}}}}),
        ),
        2 => (
            "PUT",
            compute("galleries/gal1/images/d"),
            json!({"location": "eastus2", "properties": {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "identifier": {"publisher": "a", "offer": "b", "sku": "c"}, "features": [{"name": "SecurityType", "value": "Standard"}]}}),
        ),
        3 => (
            "PUT",
            compute("galleries/gal1/images/d/versions/1.0.0"),
            json!({"location": "eastus2", "properties": {"publishingProfile": {"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 1}]}, "storageProfile": {"osDiskImage": {"source": {"id": compute("snapshots/s")}}}}}),
        ),
        4 => (
            "PATCH",
            compute("galleries/gal1/images/d/versions/1.0.0"),
            json!({"tags": {"a": "b"}, "properties": {"publishingProfile": {"excludeFromLatest": true}}}),
        ),
        5 => (
            "POST",
            "/batch/acct1/pools".to_owned(),
            json!({"id": "p", "vmSize": "STANDARD_D4S_V5", "virtualMachineConfiguration": image, "targetDedicatedNodes": 2, "startTask": {"commandLine": "true"}}),
        ),
        6 => (
            "POST",
            "/batch/acct1/pools/p/resize".to_owned(),
            json!({"targetDedicatedNodes": 3, "resizeTimeout": "PT15M"}),
        ),
        7 => (
            "PATCH",
            "/batch/acct1/pools/p".to_owned(),
            json!({"metadata": [{"name": "a", "value": "b"}]}),
        ),
        8 => (
            "POST",
            "/batch/acct1/jobs".to_owned(),
            json!({"id": "j", "poolInfo": {"poolId": "p"}}),
        ),
        9 => (
            "POST",
            "/batch/acct1/pools/p/enableautoscale".to_owned(),
            json!({"autoScaleFormula": "$TargetDedicatedNodes=1"}),
        ),
        other => around_a_machine(other),
    };
    if rng.bool() {
        spoil(rng, &mut body);
    }
    (method.parse().unwrap(), path, body)
}

/// What a builder makes around its machine.
fn around_a_machine(which: u32) -> (&'static str, String, Value) {
    let network = json!({"location": "eastus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/29"}}]}});
    let resource = json!({"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "[parameters('name')]", "location": "[resourceGroup().location]", "properties": {"addressSpace": {"addressPrefixes": ["[concat('10.0', '.0.0/16')]"]}}});
    let template = json!({"contentVersion": "1.0.0.0", "parameters": {"name": {"type": "string"}}, "variables": {"v": "[format('{0}', 'x')]"}, "resources": [resource]});
    match which {
        10 => (
            "PUT",
            format!("{GROUP}/providers/Microsoft.Network/virtualNetworks/n"),
            network,
        ),
        11 => (
            "PUT",
            format!("{GROUP}/providers/Microsoft.Resources/deployments/d"),
            json!({"properties": {"mode": "Incremental", "parameters": {"name": {"value": "n2"}}, "template": template}}),
        ),
        _ => (
            "PUT",
            format!("{GROUP}/providers/Microsoft.KeyVault/vaults/v"),
            json!({"location": "eastus2", "properties": {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}}),
        ),
    }
}

/// Puts something else in one place.
fn spoil(rng: &mut Rng, body: &mut Value) {
    let inner = match body {
        Value::Object(fields) if !fields.is_empty() => {
            let place = rng.usize(..fields.len());
            fields.values_mut().nth(place)
        }
        Value::Array(items) if !items.is_empty() => items.first_mut(),
        _ => None,
    };
    match inner {
        Some(inner) if rng.u32(..3) != 0 => spoil(rng, inner),
        _ => *body = value(rng, 2),
    }
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

fn value(rng: &mut Rng, depth: u32) -> Value {
    match rng.u32(..if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i64(..)),
        3 => json!(rng.f64() * 1e300),
        4 => json!(format!("{GROUP}/providers/Microsoft.Compute/{}", pick(rng, &DEEP))),
        5 => json!(pick(rng, &WORDS)),
        6 => (0..rng.usize(..3)).map(|_| value(rng, depth - 1)).collect(),
        _ => {
            let fields = (0..rng.usize(..6)).map(|_| ((*pick(rng, &KEYS)).to_owned(), value(rng, depth - 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn path(rng: &mut Rng) -> String {
    match rng.u32(..4) {
        0 => {
            let parts = (0..rng.usize(..10)).map(|_| *pick(rng, &SEGMENTS));
            format!("/{}", parts.collect::<Vec<_>>().join("/"))
        }
        1 => format!("/batch/acct1/{}", pick(rng, &BATCH)),
        _ => match pick(rng, &DEEP).strip_prefix("../") {
            Some(other) => format!("{GROUP}/providers/{other}"),
            None => format!("{GROUP}/providers/Microsoft.Compute/{}", pick(rng, &DEEP)),
        },
    }
}

/// Whether an error is in the form of one of the three services.
fn is_enveloped(body: &Value) -> bool {
    let arm = body["error"]["code"].is_string() && body["error"]["message"].is_string();
    let entra = body["error"].is_string() && body["error_description"].is_string();
    let github = body["message"].is_string() && body["code"].is_null();
    let batch = body["code"].is_string() && body["message"]["value"].is_string();
    arm || entra || batch || github
}

fn something(rng: &mut Rng) -> (Method, String, &'static str, String) {
    if rng.bool() {
        let (method, path, body) = rightful(rng);
        return (method, path, QUERIES[0], body.to_string());
    }
    let (method, path, query) = (pick(rng, &METHODS).clone(), path(rng), *pick(rng, &QUERIES));
    let body = match rng.u32(..4) {
        0 => (*pick(
            rng,
            &["", "{", "[]", "null", "\u{0}", "a=b&client_id=c", "{\"id\":\"p\"}"],
        ))
        .to_owned(),
        _ => value(rng, 4).to_string(),
    };
    (method, path, query, body)
}

fn ask(rng: &mut Rng, azure: &mut Azure, tokens: &[String; 2]) -> (String, Method, Response) {
    let (method, path, query, body) = something(rng);
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    if rng.u32(..8) != 0 {
        let token = &tokens[usize::from(path.starts_with("/batch"))];
        headers.insert("authorization", format!("Bearer {token}"));
        headers.insert("content-type", HEADERS[1].1.to_owned());
    }
    for _ in 0..rng.usize(..3) * rng.usize(..2) {
        let (name, value) = *pick(rng, &HEADERS);
        headers.insert(name, value.replace('\u{1}', "odd"));
    }
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    azure.wait(i64::from(rng.u32(..MOST_SECONDS)));
    let asked = request(method.clone(), &format!("{path}?{query}"), &body, &headers);
    match azure.emulator.respond(&asked, azure.now) {
        Outcome::Answer(response) => (format!("{method} {path}?{query} {body}"), method, response),
        other => panic!("{method} {path}: no answer: {other:?}"),
    }
}

#[test]
fn ten_thousand_random_requests_meet_no_panic_no_500_and_always_an_envelope() {
    let mut rng = Rng::with_seed(SEED);
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for world in 0..REQUESTS / PER_WORLD {
        let mut azure = Azure::with_seed(&json!({"tenant": null}));
        let batch = azure.sign_in("https://batch.core.windows.net/.default");
        let tokens = [azure.token.clone(), batch];
        for number in 0..PER_WORLD {
            let (asked, method, response) = ask(&mut rng, &mut azure, &tokens);
            let place = format!("seed {SEED}, world {world}, request {number}: {asked}");
            let status = response.status.as_u16();
            *statuses.entry(status).or_default() += 1;
            // Batch answers a second write to a pool within 30 seconds so, and says when to come back.
            let is_busy = status == 503 && response.headers.contains_key("retry-after");
            assert!(status < 500 || status == 501 || is_busy, "{place}: {status}");
            if status >= 400 && method != Method::HEAD {
                let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
                assert!(is_enveloped(&body), "{place}: {status} {body}");
            }
        }
    }
    // A sweep that is refused at the door proves nothing: something must have been found, made and refused.
    for status in [200, 201, 202, 400, 401, 404, 409, 501] {
        assert!(
            statuses.contains_key(&status),
            "seed {SEED}: nothing was answered {status}: {statuses:?}"
        );
    }
}
