//! A client for tests: it has a token, a clock that it moves itself, and no patience.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{Emulator, Outcome, Settings, http::Request, seed::Seed};

pub(super) const TENANT: &str = "00000000-0000-0000-0000-00000000aaaa";
pub(super) const CLIENT: &str = "00000000-0000-0000-0000-00000000c11e";
pub(super) const SECRET: &str = "example-secret-not-for-any-real-cloud";
pub(super) const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images";

/// An emulator with the example's world and a signed-in client.
pub(super) struct Azure {
    pub(super) emulator: Emulator,
    pub(super) now: Timestamp,
    pub(super) token: String,
    pub(super) api_version: &'static str,
}

/// An answer, read.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(super) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    pub(super) fn state(&self) -> &str {
        self.body["properties"]["provisioningState"]
            .as_str()
            .unwrap_or_default()
    }
}

impl Azure {
    pub(super) fn example() -> Self {
        Self::with_seed(&json!({}))
    }

    /// The example's world and then another seed.
    pub(super) fn with_seed(more: &Value) -> Self {
        Self::with(Settings::default(), more)
    }

    pub(super) fn with(settings: Settings, more: &Value) -> Self {
        let mut emulator = Emulator::new(settings);
        emulator.seed(&Seed::example(), start()).unwrap();
        emulator
            .seed(&Seed::parse(&more.to_string()).unwrap(), start())
            .unwrap();
        let mut azure = Self {
            emulator,
            now: start(),
            token: String::new(),
            // The newest with which a version lives without end.
            api_version: "2025-03-03",
        };
        azure.token = azure.sign_in("https://management.azure.com/.default");
        azure
    }

    pub(super) fn sign_in(&mut self, scope: &str) -> String {
        let form = form(&[
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("grant_type", "client_credentials"),
            ("scope", scope),
        ]);
        let reply = self.ask(Method::POST, &format!("/{TENANT}/oauth2/v2.0/token"), &form, &[]);
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body["access_token"].as_str().unwrap().to_owned()
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(super) fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, &Value::Null)
    }

    pub(super) fn put(&mut self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, body)
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, body)
    }

    pub(super) fn delete(&mut self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &Value::Null)
    }

    /// Signed in and with an api-version; absolute URLs go out as they are.
    pub(super) fn send(&mut self, method: Method, path: &str, body: &Value) -> Reply {
        let authorization = format!("Bearer {}", self.token);
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let path = match path.strip_prefix("https://management.azure.com") {
            Some(path) => path.to_owned(),
            None => format!(
                "{path}{}api-version={}",
                if path.contains('?') { "&" } else { "?" },
                self.api_version
            ),
        };
        self.ask(
            method,
            &path,
            &text,
            &[("authorization", &authorization), ("content-type", "application/json")],
        )
    }

    /// As is.
    pub(super) fn ask(&mut self, method: Method, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
        let request = request(method, path, body, headers);
        match self.emulator.respond(&request, self.now) {
            Outcome::Answer(answer) => Reply {
                status: answer.status.as_u16(),
                headers: answer.headers,
                body: serde_json::from_slice(&answer.body).unwrap_or_default(),
            },
            other => panic!("no answer: {other:?}"),
        }
    }

    /// Polls until the operation of that start is over, and returns its last body.
    pub(super) fn finish(&mut self, start: &Reply) -> Value {
        assert!(start.status < 300, "{}", start.body);
        let url = start.header("azure-asyncoperation").unwrap().to_owned();
        for _ in 0..10_000 {
            let poll = self.get(&url);
            assert_eq!(poll.status, 200, "{}", poll.body);
            if poll.body["status"] != "InProgress" {
                return poll.body;
            }
            self.wait(10);
        }
        panic!("the operation never ends");
    }

    /// A write that must succeed, and its end.
    pub(super) fn make(&mut self, path: &str, body: &Value) -> Reply {
        let start = self.put(path, body);
        let end = self.finish(&start);
        assert_eq!(end["status"], "Succeeded", "{end}");
        self.get(path)
    }

    /// A full snapshot of one of the VM's disks.
    pub(super) fn snapshot(&mut self, name: &str, disk: &str) -> String {
        let body = json!({"location": "eastus2", "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": id(&format!("disks/{disk}"))}}});
        self.make(&id(&format!("snapshots/{name}")), &body);
        id(&format!("snapshots/{name}"))
    }

    /// A definition for plain Linux machines of the second generation.
    pub(super) fn definition(&mut self, name: &str) -> String {
        self.definition_with(
            name,
            &json!({"features": [{"name": "SecurityType", "value": "Standard"}]}),
        )
    }

    pub(super) fn definition_with(&mut self, name: &str, more: &Value) -> String {
        let mut properties = json!({
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "example", "offer": "linux", "sku": name},
        });
        crate::json::merge(&mut properties, more.clone());
        let path = id(&format!("galleries/gal1/images/{name}"));
        self.make(&path, &json!({"location": "eastus2", "properties": properties}));
        path
    }

    /// The body of a version made from snapshots.
    pub(super) fn version_body(os: &str, regions: &[&str]) -> Value {
        let regions: Vec<Value> = regions.iter().map(|region| json!({"name": region})).collect();
        json!({
            "location": "eastus2",
            "properties": {
                "publishingProfile": {"targetRegions": regions},
                "storageProfile": {"osDiskImage": {"source": {"id": os}}},
            },
        })
    }
}

/// The full id of a compute resource of the example's group.
pub(super) fn id(rest: &str) -> String {
    format!("{GROUP}/providers/Microsoft.Compute/{rest}")
}

pub(super) fn start() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

pub(super) fn request(method: Method, path: &str, body: &str, headers: &[(&str, &str)]) -> Request {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    map.insert("content-length", HeaderValue::from(body.len()));
    Request {
        method,
        authority: "management.azure.com".to_owned(),
        path: path.to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: map,
        body: body.to_owned().into(),
    }
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
