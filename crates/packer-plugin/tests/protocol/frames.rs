//! Yamux frames as they are on the wire: what Go's implementation must be able to take.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use packer_plugin_azure_batch::packer::codec::{Request, Response, encode, record};
use packer_plugin_azure_batch::packer::serve::serve;
use packer_plugin_azure_batch::packer::spec::SpecEncoding;
use rmpv::Value;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::timeout;

use crate::reference::Reference;

const DATA: u8 = 0;
const WINDOW: u8 = 1;
const PING: u8 = 2;

const SYN: u16 = 1;
const ACK: u16 = 2;
const FIN: u16 = 4;

/// Bytes that either side may send on a stream before it is granted more.
const INITIAL_WINDOW: usize = 256 * 1024;

#[derive(Debug, Clone, PartialEq)]
struct Frame {
    kind: u8,
    flags: u16,
    stream: u32,
    length: u32,
    payload: Vec<u8>,
}

/// Packer's end of the connection, frame by frame.
struct Wire {
    pipe: DuplexStream,
}

/// What each stream carried, and its flags, whatever frames they came in.
#[derive(Default)]
struct Streams {
    bytes: BTreeMap<u64, Vec<u8>>,
    flags: BTreeMap<u64, u16>,
}

impl Wire {
    fn start() -> Self {
        let (ours, pipe) = tokio::io::duplex(1 << 20);
        tokio::spawn(serve(
            Box::new(ours),
            Arc::new(Reference::default()),
            SpecEncoding::Protobuf,
        ));
        Self { pipe }
    }

    async fn send(&mut self, kind: u8, flags: u16, stream: u32, length: u32) {
        let mut header = vec![0, kind];
        header.extend(flags.to_be_bytes());
        header.extend(stream.to_be_bytes());
        header.extend(length.to_be_bytes());
        self.pipe.write_all(&header).await.unwrap();
    }

    async fn send_data(&mut self, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap();
        self.send(DATA, 0, stream, length).await;
        self.pipe.write_all(payload).await.unwrap();
    }

    /// The next frame; our own round-trip pings are answered and passed over.
    async fn frame(&mut self) -> Frame {
        // Nothing waits here, so a minute of the paused clock means: for ever.
        let minute = Duration::from_secs(60);
        timeout(minute, self.read()).await.unwrap()
    }

    async fn read(&mut self) -> Frame {
        loop {
            assert_eq!(self.pipe.read_u8().await.unwrap(), 0, "version");
            let mut frame = Frame {
                kind: self.pipe.read_u8().await.unwrap(),
                flags: self.pipe.read_u16().await.unwrap(),
                stream: self.pipe.read_u32().await.unwrap(),
                length: self.pipe.read_u32().await.unwrap(),
                payload: Vec::new(),
            };
            if frame.kind == PING && frame.flags == SYN {
                self.send(PING, ACK, 0, frame.length).await;
                continue;
            }
            if frame.kind == DATA {
                frame.payload = vec![0; frame.length as usize];
                self.pipe.read_exact(&mut frame.payload).await.unwrap();
            }
            return frame;
        }
    }

    async fn open_main(&mut self, mode: &str) {
        self.send(WINDOW, SYN, 1, 0).await;
        self.send_data(1, &[0; 4]).await;
        let config = Value::Map(vec![(Value::from("mode"), Value::from(mode))]);
        let argument = record([("Configs", Value::Array(vec![config]))]);
        self.send_data(1, &call("PostProcessor.Configure", 0, argument)).await;
        let echo = self.frame().await;
        assert_eq!((echo.flags, echo.payload), (ACK, vec![0; 4]));
        assert_eq!(self.frame().await.stream, 1);
    }

    /// Starts PostProcess and answers the plugin's dialling; its stream is 2.
    async fn post_process(&mut self) {
        self.send_data(1, &call("PostProcessor.PostProcess", 1, Value::from(1)))
            .await;
        let dial = self.frame().await;
        assert_eq!((dial.flags, dial.stream), (SYN, 2), "{dial:?}");
        assert_eq!(dial.payload, 1_u32.to_le_bytes());
        self.send(WINDOW, ACK, 2, 0).await;
        self.send_data(2, &1_u32.to_le_bytes()).await;
    }
}

impl Streams {
    fn add(&mut self, stream: u64, flags: u16, payload: &[u8]) {
        self.bytes.entry(stream).or_default().extend(payload);
        *self.flags.entry(stream).or_default() |= flags;
    }
}

fn call(method: &str, seq: u64, argument: Value) -> Vec<u8> {
    encode(Request {
        method: method.to_owned(),
        seq,
        argument,
    })
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Values of a byte stream after its first four bytes, the broker's id.
fn values(mut bytes: &[u8]) -> Vec<Value> {
    let (_, rest) = bytes.split_at(4);
    bytes = rest;
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(rmpv::decode::read_value(&mut bytes).unwrap());
    }
    values
}

#[tokio::test(start_paused = true)]
async fn packers_own_frames_are_answered_with_what_go_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/raw/build-minimal.frames.jsonl");
    let mut wire = Wire::start();
    let (mut ours, mut gos) = (Streams::default(), Streams::default());
    for line in fs::read_to_string(path).unwrap().lines() {
        let frame: Json = serde_json::from_str(line).unwrap();
        let bytes = from_hex(frame["hex"].as_str().unwrap());
        if frame["from"] == "packer" {
            wire.pipe.write_all(&bytes).await.unwrap();
            continue;
        }
        let stream = frame["stream"].as_u64().unwrap();
        let flags = u16::from_be_bytes([bytes[2], bytes[3]]);
        gos.add(stream, flags, &bytes[12..]);
        // Ours come in fewer frames: SYN, ACK and FIN ride on data.
        while frame["type"] == "data" && ours.bytes.get(&stream).map_or(0, Vec::len) < gos.bytes[&stream].len() {
            let frame = wire.frame().await;
            assert!(frame.kind == DATA || frame.kind == WINDOW, "{frame:?}");
            ours.add(u64::from(frame.stream), frame.flags, &frame.payload);
        }
    }
    assert_eq!(ours.flags, gos.flags);
    assert_eq!(ours.flags, BTreeMap::from([(1, ACK), (2, SYN | FIN)]));
    assert_eq!(ours.bytes[&2], gos.bytes[&2]);
    let (ours, gos) = (values(&ours.bytes[&1]), values(&gos.bytes[&1]));
    assert_eq!(ours.len(), gos.len());
    for (ours, gos) in ours.iter().zip(&gos) {
        // Only the order inside the spec differs, which is random in Go.
        let spec = |value: &Value| value.as_map().is_some_and(|map| map[0].0 == Value::from("ConfigSpec"));
        assert!(ours == gos || (spec(ours) && spec(gos)), "{ours}\n{gos}");
    }
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_while_post_process_runs() {
    let mut wire = Wire::start();
    wire.open_main("block").await;
    wire.post_process().await;
    assert_eq!(wire.frame().await.stream, 2, "blocking until cancelled");
    for value in [0, 7, u32::MAX] {
        wire.send(PING, SYN, 0, value).await;
        let pong = wire.frame().await;
        assert_eq!((pong.kind, pong.flags, pong.stream, pong.length), (PING, ACK, 0, value));
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_is_sent_than_the_window_allows_and_pings_get_through_meanwhile() {
    let mut wire = Wire::start();
    wire.open_main("big").await;
    wire.post_process().await;
    let text = "0123456789abcde ".repeat(40_000);
    let expected = call("Ui.Say", 0, Value::from(text));

    // The dialled id was part of the first window.
    let mut window = INITIAL_WINDOW - 4;
    let mut received = Vec::new();
    while received.len() < expected.len() {
        let mut batch = 0;
        while batch < window && received.len() < expected.len() {
            let frame = wire.frame().await;
            assert_eq!((frame.kind, frame.stream), (DATA, 2));
            batch += frame.payload.len();
            received.extend(frame.payload);
        }
        assert!(batch <= window, "{batch} of {window}");
        wire.send(PING, SYN, 0, 9).await;
        assert_eq!(wire.frame().await.kind, PING, "nothing beyond the window");
        window = INITIAL_WINDOW;
        wire.send(WINDOW, 0, 2, u32::try_from(window).unwrap()).await;
    }
    assert!(received == expected);
    let said = encode(Response {
        method: "Ui.Say".to_owned(),
        seq: 0,
        outcome: Ok(Value::Nil),
    });
    wire.send_data(2, &said).await;
    // On two streams, so in either order.
    let last = [wire.frame().await, wire.frame().await];
    assert!(last.iter().any(|frame| frame.stream == 1), "{last:?}");
    assert!(
        last.iter().any(|frame| (frame.stream, frame.flags) == (2, FIN)),
        "{last:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_in_frames_of_one_byte_is_understood() {
    let mut wire = Wire::start();
    wire.open_main("no-artifact").await;
    for byte in call("PostProcessor.Nothing", 9, Value::from("x".repeat(300))) {
        wire.send_data(1, &[byte]).await;
    }
    let answer = encode(Response {
        method: "PostProcessor.Nothing".to_owned(),
        seq: 9,
        outcome: Err("rpc: can't find method PostProcessor.Nothing".to_owned()),
    });
    assert_eq!(wire.frame().await.payload, answer);
}
