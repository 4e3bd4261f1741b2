//! Replays recorded conversations: sends what Packer sent, compares what we answer.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use packer_plugin_azure_batch::packer::serve::serve;
use packer_plugin_azure_batch::packer::session::{Inbound, Opener, Stream, start_as_packer};
use packer_plugin_azure_batch::packer::spec::SpecEncoding;
use rmpv::Value;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::reference::Reference;
use crate::specs;

/// Far more than the pipe ever has to hold at once.
const PIPE: usize = 1 << 20;

/// Packer's end of one stream.
struct Channel {
    stream: Stream,
    received: Vec<u8>,
}

/// One plugin process and the Packer that talks to it.
struct Replay {
    opener: Opener,
    inbound: Inbound,
    channels: HashMap<u64, Channel>,
    encoding: SpecEncoding,
}

impl Channel {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// Two msgpack values, read without our own codec.
    async fn message(&mut self) -> Json {
        loop {
            let mut rest = self.received.as_slice();
            let header = rmpv::decode::read_value(&mut rest);
            let body = rmpv::decode::read_value(&mut rest);
            if let (Ok(header), Ok(body)) = (header, body) {
                let left = rest.len();
                self.received.drain(..self.received.len() - left);
                return json!({"header": decoded(&header), "body": decoded(&body)});
            }
            let count = self.stream.read_buf(&mut self.received).await.unwrap();
            assert!(count > 0, "stream ended within a message");
        }
    }

    async fn end(&mut self) {
        let count = self.stream.read_buf(&mut self.received).await.unwrap();
        assert_eq!(count, 0, "no end, but {} bytes", self.received.len());
    }
}

impl Replay {
    fn start(arguments: &Json) -> Self {
        let encoding = if arguments.as_array().unwrap().contains(&json!("--protobuf")) {
            SpecEncoding::Protobuf
        } else {
            SpecEncoding::Gob
        };
        let (ours, theirs) = tokio::io::duplex(PIPE);
        tokio::spawn(serve(Box::new(ours), Arc::new(Reference::default()), encoding));
        let (driver, opener, inbound) = start_as_packer(Box::new(theirs));
        tokio::spawn(driver.run());
        Self {
            opener,
            inbound,
            channels: HashMap::new(),
            encoding,
        }
    }

    async fn step(&mut self, event: &Json) {
        let stream = event["stream"].as_u64().unwrap();
        let kind = event["kind"].as_str().unwrap();
        if event["from"] == "packer" {
            self.send(stream, kind, event).await;
        } else {
            self.compare(stream, kind, event).await;
        }
    }

    async fn send(&mut self, stream: u64, kind: &str, event: &Json) {
        if kind == "broker-id" && !self.channels.contains_key(&stream) {
            let opened = self.opener.open().await.unwrap();
            self.channels.insert(stream, Channel::new(opened));
        }
        let channel = &mut self.channel(stream).stream;
        match kind {
            "broker-id" => {
                let id = u32::try_from(event["json"].as_u64().unwrap()).unwrap();
                channel.write_u32_le(id).await.unwrap();
            }
            "fin" => channel.shutdown().await.unwrap(),
            _ => {
                let bytes = from_hex(event["hex"].as_str().unwrap());
                channel.write_all(&bytes).await.unwrap();
            }
        }
        channel.flush().await.unwrap();
    }

    async fn compare(&mut self, stream: u64, kind: &str, event: &Json) {
        if kind == "broker-id" && !self.channels.contains_key(&stream) {
            let accepted = self.inbound.accept().await.unwrap();
            self.channels.insert(stream, Channel::new(accepted));
        }
        match kind {
            "broker-id" => {
                let id = self.channel(stream).stream.read_u32_le().await.unwrap();
                assert_eq!(json!(id), event["json"]);
            }
            "fin" => self.channel(stream).end().await,
            _ => {
                let expected = self.expected(event);
                let message = self.channel(stream).message().await;
                assert_eq!(message, expected);
            }
        }
    }

    /// What we say where the Go plugin said something else, and otherwise the same.
    fn expected(&self, event: &Json) -> Json {
        let mut expected = event["json"].clone();
        if event["kind"] == "response" && event["method"] == "PostProcessor.ConfigSpec" {
            let suffix = match self.encoding {
                SpecEncoding::Protobuf => "protobuf.bin",
                SpecEncoding::Gob => "types-first.gob.bin",
            };
            let spec = fs::read(specs::folder().join(format!("reference.{suffix}"))).unwrap();
            expected["body"] = json!({"ConfigSpec": {"$bytes": spec}});
        }
        if expected["body"] == json!({"Message": "destroy failed on purpose"}) {
            // The Go SDK's answer, which Packer cannot decode; ours it can.
            expected["header"]["Error"] = json!("destroy failed on purpose");
            expected["body"] = json!({});
        }
        expected
    }

    fn channel(&mut self, stream: u64) -> &mut Channel {
        self.channels.get_mut(&stream).unwrap()
    }
}

fn decoded(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Integer(number) => number
            .as_u64()
            .map_or_else(|| json!(number.as_i64().unwrap()), |number| json!(number)),
        Value::F32(_) | Value::F64(_) => json!(value.as_f64().unwrap()),
        Value::String(text) => json!(text.as_str().unwrap()),
        Value::Binary(bytes) => json!({"$bytes": bytes}),
        Value::Array(items) => items.iter().map(decoded).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), decoded(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Ext(..) => panic!("extension"),
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

async fn replay(name: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/scenarios")
        .join(format!("{name}.jsonl"));
    let mut processes: HashMap<u64, Replay> = HashMap::new();
    let mut compared = 0;
    for (number, line) in fs::read_to_string(path).unwrap().lines().enumerate() {
        let event: Json = serde_json::from_str(line).unwrap();
        let process = event["process"].as_u64().unwrap_or_default();
        match event["kind"].as_str().unwrap() {
            "scenario" => {}
            "start" => {
                processes.insert(process, Replay::start(&event["args"]));
            }
            _ => {
                let replay = processes.get_mut(&process).unwrap();
                let step = replay.step(&event);
                // Nothing waits in a replay, so a minute of the paused clock means: for ever.
                let minute = std::time::Duration::from_secs(60);
                assert!(
                    tokio::time::timeout(minute, step).await.is_ok(),
                    "{name}: nothing came for line {}: {line}",
                    number + 1
                );
                compared += usize::from(event["from"] == "plugin");
            }
        }
    }
    for replay in processes.values() {
        for channel in replay.channels.values() {
            assert!(channel.received.is_empty(), "{name}: more than recorded");
        }
    }
    compared
}

macro_rules! scenarios {
    ($($test:ident: $name:literal, $compared:literal;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $test() {
            assert_eq!(replay($name).await, $compared);
        }
    )*};
}

scenarios! {
    build_with_everything_once: "build-ok", 38;
    build_with_an_artifact_and_no_ui: "build-plain", 15;
    build_without_an_artifact: "build-minimal", 9;
    build_that_fails: "build-fail", 9;
    build_that_is_cancelled: "build-cancel", 13;
    cancel_right_behind_post_process: "build-cancel-chain", 22;
    our_artifact_as_our_own_input_and_destroyed: "build-chain-two", 48;
    destroy_fails_in_a_way_that_packer_understands: "build-chain-destroy-error", 43;
    hcp_packer_asks_for_metadata: "build-hcp", 16;
    input_artifact_is_handed_on: "build-same-artifact", 19;
    input_is_kept_by_force: "build-keep-forced", 15;
    values_are_known_in_the_second_configure: "build-build-variables", 15;
    validate_with_everything: "validate-ok", 4;
    validate_with_unset_values: "validate-nulls", 4;
    validate_with_long_numbers: "validate-numbers", 4;
    validate_with_unknown_values: "validate-unknown-values", 4;
    validate_shows_our_error: "validate-configure-error", 3;
    legacy_template: "legacy-build-ok", 34;
    spec_as_gob: "gob-validate-ok", 4;
    packer_1_7: "packer-1.7.10-build-ok", 37;
}
