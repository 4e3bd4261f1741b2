//! Peers that end early, break the rules or mean harm. The plugin answers or ends; it never crashes, waits or grows.
//!
//! What good peers get is tested elsewhere. Time is paused: whatever waits for a time-out is seen by it.

use std::{fs, path::Path, sync::Arc, time::Duration};

use packer_plugin_azure_batch::packer::{serve::serve, spec::SpecEncoding};
use serde_json::Value as Json;
use tokio::{io::AsyncWriteExt as _, time::Instant};

use crate::reference::Reference;

/// Far more than any peer here gets to read.
const PIPE: usize = 1 << 20;

/// What Packer sent to a plugin in a build, every byte in order.
fn conversation() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/raw/build-minimal.frames.jsonl");
    let frames = fs::read_to_string(path).unwrap();
    let frames = frames.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    frames
        .filter(|frame| frame["from"] == "packer")
        .flat_map(|frame| from_hex(frame["hex"].as_str().unwrap()))
        .collect()
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn frame(kind: u8, flags: u16, stream: u32, length: u32) -> Vec<u8> {
    let mut frame = vec![0, kind];
    frame.extend(flags.to_be_bytes());
    frame.extend(stream.to_be_bytes());
    frame.extend(length.to_be_bytes());
    frame
}

/// Sends the bytes and goes away; returns how long the plugin stayed.
async fn stayed_after(bytes: &[u8]) -> Duration {
    let (ours, mut pipe) = tokio::io::duplex(PIPE);
    let plugin = tokio::spawn(serve(
        Box::new(ours),
        Arc::new(Reference::default()),
        SpecEncoding::Protobuf,
    ));
    let started = Instant::now();
    // It may have hung up on the first of them.
    drop(pipe.write_all(bytes).await);
    drop(pipe);
    plugin.await.expect("the plugin crashed");
    started.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_cut_at_any_byte_ends_at_once() {
    let whole = conversation();
    assert!(whole.len() > 500, "{} bytes", whole.len());
    for cut in 0..=whole.len() {
        let stayed = stayed_after(&whole[..cut]).await;
        assert_eq!(stayed, Duration::ZERO, "cut after {cut} of {} bytes", whole.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_breaks_the_rules_ends_its_stream_or_the_connection() {
    let opened = [frame(1, 1, 1, 0), frame(0, 0, 1, 4), vec![0; 4]].concat();
    let mut tried = 0;
    for kind in 0..=5 {
        for flags in [0, 1, 2, 4, 8, 15, u16::MAX] {
            for stream in [0, 1, 2, 3, u32::MAX] {
                for length in [0, 1, 4, 300 * 1024, u32::MAX] {
                    let bytes = [opened.clone(), frame(kind, flags, stream, length)].concat();
                    let stayed = stayed_after(&bytes).await;
                    assert_eq!(stayed, Duration::ZERO, "{kind} {flags} {stream} {length}");
                    tried += 1;
                }
            }
        }
    }
    let others: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        &[0; 64],
        &[0xff; 64],
        &[1, 0, 0, 0, 0, 0, 0, 1],
    ];
    for bytes in others {
        assert_eq!(stayed_after(bytes).await, Duration::ZERO, "{bytes:?}");
        tried += 1;
    }
    assert_eq!(tried, 6 * 7 * 5 * 5 + 4);
}

/// Sends bytes on the main stream; how long the plugin stays when the peer then goes away.
async fn stayed_after_message(message: &[u8]) -> Duration {
    let length = u32::try_from(message.len()).unwrap();
    let main = [frame(1, 1, 1, 0), frame(0, 0, 1, 4), vec![0; 4]].concat();
    stayed_after(&[main, frame(0, 0, 1, length), message.to_vec()].concat()).await
}

#[tokio::test(start_paused = true)]
async fn a_message_that_declares_more_than_it_sends_or_is_none_ends_with_its_peer() {
    let bombs: [&[u8]; 10] = [
        &[0xdb, 0xff, 0xff, 0xff, 0xff],
        &[0xc6, 0xff, 0xff, 0xff, 0xff],
        &[0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0xc9, 0xff, 0xff, 0xff, 0xff, 1],
        &[0xdc, 0xff, 0xff, 0xdc, 0xff, 0xff, 0xdc, 0xff, 0xff],
        &[0x81, 0xdb, 0xff, 0xff, 0xff, 0xff],
        &[0x91; 63],
        &[0x91; 200_000],
        &[0xc1],
    ];
    for bomb in bombs {
        let stayed = stayed_after_message(bomb).await;
        assert_eq!(stayed, Duration::ZERO, "{:x?}", &bomb[..bomb.len().min(9)]);
    }
}
