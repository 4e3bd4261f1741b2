//! An emulator, a clock and a caller with tokens for both audiences.

use azure_emulator::fault::{Effect, Fault, Occurrence};
use azure_emulator::http::{Request, Response};
use azure_emulator::seed::Seed;
use azure_emulator::{Emulator, Outcome};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The data plane of the example's first account.
pub(crate) const HOST: &str = "acct1.eastus2.batch.azure.com";

/// The version that most pools here use.
pub(crate) const VERSION: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/def1/versions/1.0.0";

/// ARM's path of the first account.
pub(crate) const ACCOUNT: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Batch/batchAccounts/acct1";

/// One world and its clock.
pub(crate) struct World {
    emulator: Emulator,
    pub(crate) now: Timestamp,
    api_version: &'static str,
    batch_token: String,
    arm_token: String,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status.as_u16()
    }

    pub(crate) fn code(&self) -> &str {
        let arm = self.body.pointer("/error/code");
        self.body
            .get("code")
            .or(arm)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The value of that key in the error's `values`.
    pub(crate) fn detail(&self, key: &str) -> &str {
        let values = self.body["values"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let found = values.iter().find(|pair| pair["key"] == key);
        found.and_then(|pair| pair["value"].as_str()).unwrap_or_default()
    }
}

impl World {
    /// Adds a seed.
    pub(crate) fn seed(&mut self, seed: &Value) {
        let seed = Seed::parse(&seed.to_string()).unwrap();
        self.emulator.seed(&seed, self.now).unwrap();
    }

    fn token(&mut self, seed: &Value, scope: &str) -> String {
        let tenant = seed["tenant"]["id"].as_str().unwrap();
        let application = &seed["tenant"]["applications"][0];
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={scope}",
            application["clientId"].as_str().unwrap(),
            application["secrets"][0]["value"].as_str().unwrap()
        );
        let request = Request {
            method: Method::POST,
            authority: "login.microsoftonline.com".to_owned(),
            path: format!("/{tenant}/oauth2/v2.0/token"),
            query: Vec::new(),
            headers: headers(&[("content-type", "application/x-www-form-urlencoded")]),
            body: Bytes::from(form),
        };
        let answer = self.send(&request);
        answer.body["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no token: {answer:?}"))
            .to_owned()
    }

    /// Moves the clock.
    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// Speaks another version of the data plane from now on.
    pub(crate) fn speak(&mut self, api_version: &'static str) {
        self.api_version = api_version;
    }

    /// Scripts one fault for the first match.
    pub(crate) fn fault(&mut self, effect: Value, occurrence: Occurrence) {
        let effect: Effect = serde_json::from_value(effect).unwrap();
        self.emulator.add_fault(Fault::new(effect).occurring(occurrence));
    }

    /// Scripts a fault.
    pub(crate) fn script(&mut self, fault: Fault) {
        self.emulator.add_fault(fault);
    }

    /// The same for one path.
    pub(crate) fn fault_on(&mut self, effect: Value, path: &str) {
        let effect: Effect = serde_json::from_value(effect).unwrap();
        self.emulator.add_fault(Fault::new(effect).on(&Method::POST, path));
    }

    /// Every resource, as the emulator shows it for comparison.
    pub(crate) fn resources(&mut self) -> Value {
        self.emulator.resources(self.now)
    }

    /// A request to the data plane with a bearer token.
    pub(crate) fn batch(&mut self, method: &Method, target: &str, body: Option<Value>) -> Answer {
        let authorization = format!("Bearer {}", self.batch_token);
        let request = self.request(method, HOST, target, body, &[("authorization", &authorization)]);
        self.send(&request)
    }

    /// The same with more headers; a header that is there already is replaced.
    pub(crate) fn batch_with(
        &mut self,
        method: &Method,
        target: &str,
        body: Option<Value>,
        more: &[(&str, &str)],
    ) -> Answer {
        let authorization = format!("Bearer {}", self.batch_token);
        let mut request = self.request(method, HOST, target, body, &[("authorization", &authorization)]);
        request.headers.extend(headers(more));
        self.send(&request)
    }

    /// A GET of the data plane at another authority.
    pub(crate) fn batch_at(&mut self, authority: &str, target: &str) -> Answer {
        let authorization = format!("Bearer {}", self.batch_token);
        let request = self.request(
            &Method::GET,
            authority,
            target,
            None,
            &[("authorization", &authorization)],
        );
        self.send(&request)
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.batch(&Method::GET, target, None)
    }

    pub(crate) fn post(&mut self, target: &str, body: Value) -> Answer {
        self.batch(&Method::POST, target, Some(body))
    }

    pub(crate) fn patch(&mut self, target: &str, body: Value) -> Answer {
        self.batch(&Method::PATCH, target, Some(body))
    }

    pub(crate) fn delete(&mut self, target: &str) -> Answer {
        self.batch(&Method::DELETE, target, None)
    }

    /// A request to the resource manager.
    pub(crate) fn arm(&mut self, method: &Method, target: &str, body: Option<Value>, more: &[(&str, &str)]) -> Answer {
        let authorization = format!("Bearer {}", self.arm_token);
        let mut request = self.request(
            method,
            "management.azure.com",
            target,
            body,
            &[("authorization", &authorization)],
        );
        request.headers.extend(headers(more));
        self.send(&request)
    }

    /// A GET of the resource manager at another authority.
    pub(crate) fn arm_at(&mut self, authority: &str, target: &str) -> Answer {
        let authorization = self.arm_authorization();
        let request = self.request(
            &Method::GET,
            authority,
            target,
            None,
            &[("authorization", &authorization)],
        );
        self.send(&request)
    }

    /// The header's value for the resource manager.
    pub(crate) fn arm_authorization(&self) -> String {
        format!("Bearer {}", self.arm_token)
    }

    /// The header's value for the data plane.
    pub(crate) fn batch_authorization(&self) -> String {
        format!("Bearer {}", self.batch_token)
    }

    /// A request of any form.
    #[expect(
        clippy::too_many_arguments,
        reason = "these are the parts of a request, in the order of the wire"
    )]
    pub(crate) fn request(
        &self,
        method: &Method,
        authority: &str,
        target: &str,
        body: Option<Value>,
        more: &[(&str, &str)],
    ) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if !pairs.iter().any(|(name, _)| name == "api-version") {
            pairs.push(("api-version".to_owned(), self.api_version.to_owned()));
        }
        let mut all = headers(more);
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        if !body.is_empty() {
            all.insert(
                "content-type",
                HeaderValue::from_static("application/json; odata=minimalmetadata"),
            );
        }
        // Reads have none: shared keys sign it as it is sent.
        if !body.is_empty() || *method != Method::GET {
            all.entry("content-length").or_insert(HeaderValue::from(body.len()));
        }
        Request {
            method: method.clone(),
            authority: authority.to_owned(),
            path: path.to_owned(),
            query: pairs,
            headers: all,
            body: Bytes::from(body),
        }
    }

    /// Sends a request and expects an answer.
    pub(crate) fn send(&mut self, request: &Request) -> Answer {
        match self.emulator.respond(request, self.now) {
            Outcome::Answer(response) => {
                let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
                Answer { response, body }
            }
            other => panic!("no answer: {other:?}"),
        }
    }

    /// The states of a pool's nodes, with how often each occurs, as `idle:2 creating:1`.
    pub(crate) fn node_states(&mut self, pool: &str) -> String {
        let answer = self.get(&format!("/pools/{pool}/nodes"));
        let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        for node in answer.body["value"].as_array().unwrap() {
            *counts.entry(node["state"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let shown: Vec<String> = counts.iter().map(|(state, count)| format!("{state}:{count}")).collect();
        shown.join(" ")
    }

    /// Creates a pool and waits until its nodes are idle.
    pub(crate) fn ready_pool(&mut self, id: &str, nodes: u32) {
        let answer = self.post("/pools", pool(id, nodes));
        assert_eq!(answer.status(), 201, "{answer:?}");
        self.wait(600);
    }
}

/// A world with one account, `acct1` in eastus2, to which the change is applied.
pub(crate) fn world(change: impl FnOnce(&mut Value)) -> World {
    let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
    seed["definitions"] = json!([{
        "gallery": "gal1", "name": "def1", "resourceGroup": "rg-images",
        "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "p", "offer": "o", "sku": "s"}
        }
    }]);
    seed["versions"] = json!([{
        "gallery": "gal1", "definition": "def1", "name": "1.0.0", "resourceGroup": "rg-images",
        "publishingProfile": {"targetRegions": [{"name": "eastus2"}]}
    }]);
    seed["batchAccounts"] = json!([{
        "name": "acct1", "resourceGroup": "rg-images", "location": "eastus2",
        "keys": {"primary": "cHJpbWFyeQ==", "secondary": "c2Vjb25kYXJ5"}
    }]);
    // Tests move the clock by days; renewing tokens is not what they are about.
    seed["tenant"]["tokenLifetime"] = json!(100_000_000);
    change(&mut seed);
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let emulator = Emulator::from_seed(&Seed::parse(&seed.to_string()).unwrap(), now).unwrap();
    let mut world = World {
        emulator,
        now,
        api_version: "2025-06-01",
        batch_token: String::new(),
        arm_token: String::new(),
    };
    world.batch_token = world.token(&seed, "https://batch.core.windows.net//.default");
    world.arm_token = world.token(&seed, "https://management.azure.com/.default");
    world
}

/// The body of a pool on the gallery image.
pub(crate) fn pool(id: &str, nodes: u32) -> Value {
    json!({
        "id": id, "vmSize": "STANDARD_D4S_V5", "targetDedicatedNodes": nodes, "targetLowPriorityNodes": 0,
        "virtualMachineConfiguration": {
            "imageReference": {"virtualMachineImageId": VERSION}, "nodeAgentSKUId": "batch.node.ubuntu 22.04"
        }
    })
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    pairs.iter().map(pair).collect()
}
