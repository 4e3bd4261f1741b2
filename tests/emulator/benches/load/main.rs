//! What the emulator costs: how fast it starts, how much memory a large Batch account takes, how many requests it answers.
//!
//! It measures and prints, and asserts nothing about time. The limit for comparison is measured in the same
//! run: an answer that needs no token and looks nothing up, over the same kind of connection.

mod client;
mod memory;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use azure_batch_e2e::{
    console::say,
    emulator::{LocalAzure, Start},
    failure::{Failure, Result},
    files,
    time::Stopwatch,
};
use serde_json::{Value, json};

use self::{
    client::{Ask, Rate, Target, Token},
    memory::Memory,
};

/// How many pools the account has.
const POOLS: u32 = 500;

/// How many nodes each has: together as many as the largest users run.
const NODES: u32 = 200;

/// How often a start is measured; the median of 20 is steady to a millisecond here.
const STARTS: usize = 20;

/// How many connections ask at once; more only wait for each other on two cores.
const CONNECTIONS: usize = 4;

/// How long each kind of request is asked.
const EACH: Duration = Duration::from_secs(3);

fn main() -> Result {
    let binary = Path::new(env!("CARGO_BIN_EXE_azure-emulator"));
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("load");
    files::make_empty(&dir)?;
    let example = files::read_json(&Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/example.json"))?;

    let start_up = median(|| Ok(start(binary, &dir, &json!({}))?.1))?;
    say(format!(
        "start to ready line: {:.1} ms, median of {STARTS}",
        milliseconds(start_up)
    ));

    let (azure, _) = start(binary, &dir, &example)?;
    let small = Memory::of(azure.process())?;
    let watch = Stopwatch::start();
    azure.seed(&large(&example)?)?;
    say(format!(
        "seed of {POOLS} pools with {NODES} nodes each: {:.0} ms",
        milliseconds(watch.passed())
    ));
    say(format!("memory: {small} with the example"));
    say(format!("memory: {} with the pools", Memory::of(azure.process())?));

    let page = median(|| {
        let watch = Stopwatch::start();
        azure.overview()?;
        Ok(watch.passed())
    })?;
    say(format!(
        "what the page asks for, of {POOLS} pools with {NODES} nodes each: {:.1} ms, median of {STARTS} (aim: 200 ms)",
        milliseconds(page)
    ));

    let target = Target::new(&azure, secret(&example)?)?;
    say(format!(
        "{:<36}{:>12}{:>9}{:>9}{:>9}{:>8}",
        "", "requests/s", "p50 ms", "p99 ms", "MB/s", "ratio"
    ));
    let mut limit = None;
    for (name, ask) in asked() {
        let rate = target.load(&ask, CONNECTIONS, EACH)?;
        say(row(name, &rate, *limit.get_or_insert(rate.per_second)));
    }
    say(format!("memory: {} after all of it", Memory::of(azure.process())?));
    Ok(())
}

/// What is asked; the first is the limit.
fn asked() -> [(&'static str, Ask); 7] {
    let machine = azure_batch_e2e::world::machine();
    let get = |token, path: String| Ask {
        token,
        path,
        patch: None,
    };
    let batch = |path: &str| get(Token::Batch, format!("/batch/acct1{path}?api-version=2025-06-01"));
    [
        (
            "limit: endpoints of the cloud",
            get(Token::None, "/metadata/endpoints?api-version=2020-06-01".to_owned()),
        ),
        (
            "get a machine",
            get(Token::Arm, format!("{machine}?api-version=2025-04-01")),
        ),
        ("get a pool", batch("/pools/pool-250")),
        (
            "patch a pool",
            Ask {
                patch: Some(r#"{"metadata":[{"name":"load","value":"some"}]}"#),
                ..batch("/pools/pool-250")
            },
        ),
        ("list 500 pools", batch("/pools")),
        ("list 200 nodes", batch("/pools/pool-250/nodes")),
        ("count the nodes of 500 pools", batch("/nodecounts")),
    ]
}

fn row(name: &str, rate: &Rate, limit: f64) -> String {
    let (median, slow) = (milliseconds(rate.median), milliseconds(rate.slow));
    format!(
        "{name:<36}{:>12.0}{median:>9.2}{slow:>9.2}{:>9.1}{:>8.3}",
        rate.per_second,
        rate.megabytes,
        rate.per_second / limit
    )
}

/// Starts an emulator; gives the time until it says where it listens.
fn start(binary: &Path, dir: &Path, seed: &Value) -> Result<(LocalAzure, Duration)> {
    let start = Start {
        binary,
        dir,
        seed: seed.clone(),
        time_scale: 1,
    };
    let watch = Stopwatch::start();
    let azure = LocalAzure::start_with(&start, &["--quiet"])?;
    Ok((azure, watch.passed()))
}

fn median(mut once: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut times = (0..STARTS).map(|_round| once()).collect::<Result<Vec<_>>>()?;
    times.sort();
    let middle = times.get(STARTS / 2).copied();
    middle.ok_or_else(|| Failure::unexpected("nothing was measured"))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The example's first Batch account with many pools in it, which may be written to as often as one likes.
fn large(example: &Value) -> Result<Value> {
    let pool = |number: u32| {
        json!({
            "id": format!("pool-{number}"), "vmSize": "STANDARD_D4S_V5", "targetDedicatedNodes": NODES,
            "virtualMachineConfiguration": {
                "imageReference": {"publisher": "canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts", "version": "latest"},
                "nodeAgentSKUId": "batch.node.ubuntu 22.04",
            },
        })
    };
    let account = example.pointer("/batchAccounts/0").and_then(Value::as_object);
    let mut account = account
        .cloned()
        .ok_or_else(|| Failure::unexpected("the example has no Batch account"))?;
    account.insert("pools".to_owned(), (0..POOLS).map(pool).collect());
    account.insert("poolWriteIntervalSeconds".to_owned(), json!(0));
    account.insert(
        "quotas".to_owned(),
        json!({"dedicatedCores": 1_000_000, "pools": POOLS}),
    );
    // What is measured is the emulator, not Azure's limits.
    Ok(json!({"batchAccounts": [account], "throttling": {"whenEmpty": "answer"}}))
}

fn secret(example: &Value) -> Result<&str> {
    let secret = example.pointer("/tenant/applications/0/secrets/0/value");
    let secret = secret.and_then(Value::as_str);
    secret.ok_or_else(|| Failure::unexpected("the example's application has no secret"))
}
