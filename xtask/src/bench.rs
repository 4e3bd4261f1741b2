//! `cargo xtask bench`: what the released binaries cost, and the local Azure.
//!
//! It measures and prints; it sets no limit, since machines differ.

mod publish;
mod rollout;

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use azure_batch_e2e::{
    console::say,
    failure::{Doing as _, Failure, Result, ensure},
    files,
    time::{Stopwatch, wait_for},
};

pub(crate) use self::{publish::publish, rollout::rollout};
use crate::build::{Checkout, cargo, step};

/// How often each start is measured; the median of 40 is steady to a tenth of a millisecond here.
const ROUNDS: usize = 40;

/// What a pipe holds on Linux: once it is full, a program that writes to it stands still and can be looked at.
const PIPE: usize = 65_536;

/// The cookie by which a plugin knows that Packer starts it; public, part of Packer's plugin protocol.
const COOKIE: (&str, &str) = (
    "PACKER_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// What starting a plugin costs.
#[derive(Clone, Copy, Debug)]
struct Cost {
    describe: Duration,
    handshake: Duration,
    /// Most memory in use while describing, in KiB.
    describe_kib: u64,
    /// Memory in use while idle after the handshake, in KiB.
    idle_kib: u64,
    file_bytes: u64,
}

type Row = (&'static str, fn(&Cost) -> f64);

/// Measures our release plugin, and another one to compare it with.
///
/// # Errors
/// When a plugin does not start as a plugin does.
pub(crate) fn start(versus: Option<&Path>) -> Result {
    let ours = Checkout::find()?.released("packer-plugin-azure-batch")?;
    let cost = measure(&ours)?;
    let other = versus.map(measure).transpose()?;
    say(format!("{:<28}{:>14}{:>14}{:>9}", "", "ours", "other", "ratio"));
    for (name, of) in ROWS {
        let mine = of(&cost);
        let line = match other.as_ref().map(of) {
            Some(theirs) => format!("{name:<28}{mine:>14.2}{theirs:>14.2}{:>9.2}", mine / theirs),
            None => format!("{name:<28}{mine:>14.2}{:>14}{:>9}", "-", "-"),
        };
        say(line);
    }
    Ok(())
}

/// Measures the emulator; its own benchmark says how.
///
/// # Errors
/// When it does not build, start or answer.
pub(crate) fn emulator() -> Result {
    let mut bench = cargo();
    bench.args([
        "bench",
        "--locked",
        "--quiet",
        "--package",
        "azure-emulator",
        "--bench",
        "load",
    ]);
    step("measure", bench.current_dir(Checkout::find()?.root))
}

const ROWS: [Row; 5] = [
    ("describe, ms", |cost| cost.describe.as_secs_f64() * 1e3),
    ("start to handshake, ms", |cost| cost.handshake.as_secs_f64() * 1e3),
    ("memory of describe, MiB", |cost| mebi(cost.describe_kib * 1024)),
    ("memory when idle, MiB", |cost| mebi(cost.idle_kib * 1024)),
    ("file, MB", |cost| mebi(cost.file_bytes) * 1.048_576),
];

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes of files and processes are far below 2^52"
)]
fn mebi(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn measure(plugin: &Path) -> Result<Cost> {
    let file_bytes = std::fs::metadata(plugin)
        .doing(|| format!("look at {}", plugin.display()))?
        .len();
    let describe = median(|| describe_once(plugin))?;
    let handshake = median(|| Ok(handshake_once(plugin)?.0))?;
    let (_, idle_kib) = handshake_once(plugin)?;
    Ok(Cost {
        describe,
        handshake,
        describe_kib: describe_memory(plugin)?,
        idle_kib,
        file_bytes,
    })
}

fn median(mut once: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut times = (0..ROUNDS).map(|_round| once()).collect::<Result<Vec<_>>>()?;
    times.sort();
    times
        .get(ROUNDS / 2)
        .copied()
        .ok_or_else(|| Failure::unexpected("nothing was measured"))
}

fn describe_once(plugin: &Path) -> Result<Duration> {
    let watch = Stopwatch::start();
    let output = Command::new(plugin)
        .arg("describe")
        .output()
        .doing(|| format!("run {}", plugin.display()))?;
    ensure(output.status.success(), || {
        format!("{} describe ended with {}", plugin.display(), output.status)
    })?;
    Ok(watch.passed())
}

/// Starts the plugin as Packer does, to its handshake line; gives the time and the memory it then uses.
fn handshake_once(plugin: &Path) -> Result<(Duration, u64)> {
    let name = plugin.display();
    let component = component(plugin)?;
    let watch = Stopwatch::start();
    let mut child = Command::new(plugin)
        .args(["start", "post-processor", "--protobuf", &component])
        .env(COOKIE.0, COOKIE.1)
        .env("PACKER_PLUGIN_MIN_PORT", "10000")
        .env("PACKER_PLUGIN_MAX_PORT", "25000")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .doing(|| format!("start {name}"))?;
    let mut line = [0_u8; 3];
    let read = child.stdout.as_mut().map(|stdout| stdout.read_exact(&mut line));
    let passed = watch.passed();
    let memory = memory(child.id());
    drop(child.kill());
    drop(child.wait());
    read.unwrap_or(Ok(()))
        .doing(|| format!("read the handshake of {name}"))?;
    ensure(&line == b"5|0", || format!("{name} shook hands with {line:?}"))?;
    Ok((passed, memory?))
}

/// The plugin's first post-processor.
fn component(plugin: &Path) -> Result<String> {
    let output = Command::new(plugin)
        .arg("describe")
        .output()
        .doing(|| format!("run {}", plugin.display()))?;
    let described = files::parse("describe", &String::from_utf8_lossy(&output.stdout))?;
    let first = described
        .pointer("/post_processors/0")
        .and_then(serde_json::Value::as_str);
    first
        .map(str::to_owned)
        .ok_or_else(|| Failure::unexpected(format!("no post-processor in {described}")))
}

/// The most memory that describing takes: the program is held at its last write, into a pipe that is full.
fn describe_memory(plugin: &Path) -> Result<u64> {
    let (mut reader, mut writer) = std::io::pipe().doing(|| "make a pipe".to_owned())?;
    writer.write_all(&[b'.'; PIPE]).doing(|| "fill a pipe".to_owned())?;
    let child = Command::new(plugin).arg("describe").stdout(writer).spawn();
    let mut child = child.doing(|| format!("start {}", plugin.display()))?;
    let id = child.id();
    let held = wait_for("describe's last write", Duration::from_secs(10), || {
        Ok(files::read(Path::new(&format!("/proc/{id}/wchan")))?
            .contains("pipe")
            .then_some(()))
    });
    let memory = held.and_then(|()| memory(id));
    drop(child.kill());
    drop(child.wait());
    drop(reader.read(&mut [0]));
    memory
}

/// The number that az's script prints last.
fn number(said: &str) -> Result<usize> {
    let last = said.lines().last().unwrap_or_default();
    last.trim()
        .parse()
        .map_err(|_error| Failure::unexpected(format!("az's script says {last:?}, which is not a number")))
}

/// The most memory a process has used so far, in KiB.
fn memory(id: u32) -> Result<u64> {
    let status = files::read(Path::new(&format!("/proc/{id}/status")))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| Failure::unexpected(format!("process {id} does not tell its memory")))
}
