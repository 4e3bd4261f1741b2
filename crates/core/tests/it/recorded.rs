//! The real service's answers, read by core: every one of the 135 recorded exchanges.
//!
//! The recording is the emulator's (`tests/emulator/tests/batch/recorded.rs` names its origin); this judges core.
//! What core asks for itself is asked with its own requests; the rest, tasks and jobs, goes through its client.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_batch_core::{
    batch::API_VERSION,
    batch::node::{self, Node, NodeKind, Outlook},
    batch::pool::{self, Pool, PoolLife, Scaling},
    client::Client,
    clock::SystemClock,
    error::{ErrorKind, Result},
    ids::{BatchEndpoint, KnownCloud, NodeCounts},
    progress::Progress,
    request::Request,
    run::Run,
    token::Credential,
    transport::{SendError, Transport},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "billstestba24326.uksouth.batch.azure.com";

/// One line of the recording.
#[derive(Clone, Debug, Deserialize)]
struct Exchange {
    name: String,
    #[serde(default = "once")]
    times: usize,
    method: String,
    target: String,
    request: Option<Value>,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// What core makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    Pool,
    Nodes,
    Created,
    Refusal,
    /// What core never asks for.
    Other,
}

/// Answers whatever is asked as was recorded.
#[derive(Debug)]
struct Recorded(Exchange);

/// The recording has no tokens.
#[derive(Debug)]
struct AnyToken;

#[async_trait]
impl Transport for Recorded {
    async fn send(&self, _request: http::Request<Bytes>) -> Result<http::Response<Bytes>, SendError> {
        let mut response = http::Response::new(Bytes::from(self.0.body.clone()));
        *response.status_mut() = StatusCode::from_u16(self.0.status).expect("a status");
        for (name, value) in &self.0.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            response
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        Ok(response)
    }
}

#[async_trait]
impl Credential for AnyToken {
    async fn token(&self, _scope: &str, _run: &Run) -> Result<SecretString> {
        Ok(SecretString::from("token"))
    }

    async fn token_instead_of(&self, _refused: &SecretString, scope: &str, run: &Run) -> Result<SecretString> {
        self.token(scope, run).await
    }
}

fn once() -> usize {
    1
}

fn client(exchange: &Exchange) -> Client {
    let (progress, _events) = Progress::channel();
    let run = Run::new(
        Arc::new(SystemClock),
        Duration::from_secs(60),
        CancellationToken::new(),
        progress,
    );
    let transport = Arc::new(Recorded(exchange.clone()));
    Client::new(transport, Arc::new(AnyToken), Arc::new(KnownCloud::Public.into()), run)
}

/// Asks as core asks, or as was recorded where core does not ask, and checks what is read.
async fn read(exchange: &Exchange) -> Reading {
    let endpoint = BatchEndpoint::parse(ACCOUNT).unwrap();
    let client = client(exchange);
    let method: Method = exchange.method.parse().unwrap();
    let path = exchange.target.split('?').next().unwrap();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (&method, segments.as_slice()) {
        (&Method::GET, ["pools", id]) => {
            let answer = client.find(&pool::get(&endpoint, &id.parse().unwrap())).await.unwrap();
            let answer = answer.expect("the pool was there");
            let pool = Pool::new(answer.json().unwrap());
            check_pool(exchange, &pool, answer.header("etag"));
            Reading::Pool
        }
        (&Method::GET, ["pools", id, "nodes"]) => {
            let list = node::list(&endpoint, &id.parse().unwrap());
            let nodes = client.list(&list).await.unwrap();
            assert_eq!(nodes.len(), 1, "{}", exchange.name);
            nodes.iter().for_each(|item| check_node(exchange, &Node::new(item)));
            Reading::Nodes
        }
        (&Method::POST, ["pools"]) => {
            let body = exchange.request.clone().unwrap();
            let id = body["id"].as_str().unwrap().parse().unwrap();
            match client.send(&pool::create(&endpoint, &id, body)).await {
                Ok(answer) => {
                    let named = format!("https://{ACCOUNT}/pools/{id}");
                    assert_eq!(answer.header("location"), Some(named.as_str()));
                    Reading::Created
                }
                Err(error) => {
                    assert!(error.has_code("PoolExists") && error.has_status(409), "{error:?}");
                    assert_eq!(error.kind(), ErrorKind::Rejected);
                    let refusal = error.service().unwrap();
                    assert_eq!(refusal.message, "The specified pool already exists.");
                    assert_eq!(refusal.request_id.as_ref(), exchange.headers.get("request-id"));
                    Reading::Refusal
                }
            }
        }
        _ => {
            let mut request = Request::batch(&endpoint, method, path, API_VERSION, "repeat what was recorded");
            request.body.clone_from(&exchange.request);
            let answer = client.send(&request).await.unwrap();
            assert_eq!(
                answer.value().is_object(),
                !exchange.body.is_empty(),
                "{}",
                exchange.name
            );
            Reading::Other
        }
    }
}

fn check_pool(exchange: &Exchange, pool: &Pool, etag: Option<&str>) {
    let name = &exchange.name;
    let resizing = name.contains("resizing");
    assert_eq!(pool.is_steady(), !resizing, "{name}");
    assert_eq!((pool.life, pool.scaling), (PoolLife::Active, Scaling::Fixed), "{name}");
    let one = NodeCounts { dedicated: 1, spot: 0 };
    let current = if resizing { NodeCounts::default() } else { one };
    assert_eq!((pool.targets, pool.current), (one, current), "{name}");
    assert_eq!(pool.resize_timeout, Some(Duration::from_secs(900)), "{name}");
    assert!(pool.allocation_since.is_some(), "{name}");
    assert!(
        pool.etag.is_some() && pool.etag.as_deref() == etag,
        "{name}: body and header agree"
    );
    assert!(pool.resize_errors.is_empty() && pool.image_id().is_none(), "{name}");
}

fn check_node(exchange: &Exchange, node: &Node) {
    let name = &exchange.name;
    let coming = name.contains("creating") || name.contains("starting");
    let expected = if coming { Outlook::Coming } else { Outlook::Ready };
    assert_eq!((node.outlook(), node.kind), (expected, NodeKind::Dedicated), "{name}");
    assert!(node.id.starts_with("tvmps_"), "{name}: {}", node.id);
    assert!(node.errors.is_empty() && node.start_task.is_none(), "{name}");
}

#[tokio::test]
async fn every_recorded_answer_is_read() {
    let mut readings: BTreeMap<Reading, usize> = BTreeMap::new();
    for line in include_str!("../../../../tests/emulator/tests/batch/recorded.jsonl").lines() {
        let exchange: Exchange = serde_json::from_str(line).unwrap();
        for _ in 0..exchange.times {
            *readings.entry(read(&exchange).await).or_default() += 1;
        }
    }
    let expected = [
        (Reading::Pool, 57),
        (Reading::Nodes, 34),
        (Reading::Created, 3),
        (Reading::Refusal, 2),
        (Reading::Other, 39),
    ];
    assert_eq!(readings, BTreeMap::from(expected));
}
