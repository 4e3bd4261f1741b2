//! `cargo xtask bench rollout`: how soon a roll-out ends after its last node is ready, and how often it asks for that, for
//! one pool, fifty and five hundred; compared with az's commands for the same.
//!
//! Nothing is faster than Azure here, so it takes some minutes and is asleep for most of them. It sets no limit, since
//! machines differ.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use azure_batch_e2e::{
    console::say,
    emulator::{LocalAzure, Start},
    failure::{Failure, Result, ensure},
    files,
    journal::{Entry, Journal},
    process::Program,
    world,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{bench::number, build::Checkout, judges::Venv};

/// A roll-out that takes ten times as long as its nodes is not worth waiting for.
const LIMIT: Duration = Duration::from_secs(1800);

/// What is rolled out, turn after turn; those of one turn run side by side. What needs a processor for itself has a turn of
/// its own, or it would measure the others. az takes about a second of the machine's time for each command, so that five
/// hundred pools would measure Python.
const TURNS: [&[Job]; 3] = [
    &[Job::of(By::Us, 1), Job::of(By::Us, 50), Job::of(By::Az, 1)],
    &[Job::of(By::Us, 500)],
    &[Job::of(By::Az, 50)],
];

/// The nodes of each pool: their list is one page.
const NODES: usize = 20;

/// Who rolls out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Us,
    Az,
}

/// One roll-out, on an Azure of its own.
#[derive(Clone, Copy, Debug)]
struct Job {
    by: By,
    pools: usize,
}

/// What a roll-out cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Seconds from the last node of all pools being ready to the last list that shows it.
    late: f64,
    requests: usize,
    /// The reads among them that no pool has for itself.
    common: usize,
    answered: usize,
    refused: usize,
}

/// Where the programs are.
struct Bench {
    results: PathBuf,
    root: PathBuf,
    /// As they are released: a list of five hundred pools keeps a debug build busy for seconds.
    emulator: PathBuf,
    pool: PathBuf,
    az: Venv,
}

impl Job {
    const fn of(by: By, pools: usize) -> Self {
        Self { by, pools }
    }

    fn name(self) -> String {
        let by = match self.by {
            By::Us => "ours",
            By::Az => "az",
        };
        format!("{by}, {} pools", self.pools)
    }

    /// The example's world with a version, and with room for all pools.
    fn seed(example: &Value) -> Value {
        let mut seed = example.clone();
        let of_group = |mut value: Value| {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("resourceGroup".to_owned(), json!(world::GROUP));
                fields.insert("gallery".to_owned(), json!(world::GALLERY));
            }
            value
        };
        let definition = json!({ "name": "ubuntu", "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": { "publisher": "example", "offer": "ubuntu", "sku": "22_04" } } });
        let version = json!({ "name": "1.0.0", "definition": "ubuntu", "publishingProfile": {
            "targetRegions": [{ "name": "eastus2", "regionalReplicaCount": 100 }] } });
        if let Some(fields) = seed.as_object_mut() {
            fields.insert("definitions".to_owned(), json!([of_group(definition)]));
            fields.insert("versions".to_owned(), json!([of_group(version)]));
        }
        if let Some(account) = seed.pointer_mut("/batchAccounts/0").and_then(Value::as_object_mut) {
            let quotas = json!({ "dedicatedCores": 1_000_000, "pools": 1000 });
            account.insert("quotas".to_owned(), quotas);
        }
        seed
    }

    /// The pools as a file.
    fn file(self) -> String {
        let version = format!("{}/versions/1.0.0", world::definition("ubuntu"));
        let head = format!(
            "defaults:\n  image-version: {version}\n  vm-size: Standard_D4s_v5\n  node-agent-sku-id: batch.node.ubuntu 22.04\n"
        );
        let each =
            (0..self.pools).map(|number| format!("  - {{pool-id: p{number}, target-dedicated-nodes: {NODES}}}\n"));
        format!(
            "{head}max-parallel: {}\npools:\n{}",
            self.pools,
            each.collect::<String>()
        )
    }
}

impl Cost {
    fn of(entries: &[Entry]) -> Result<Self> {
        let is_own = |entry: &&Entry| entry.path.contains("/pools/");
        let reads = || entries.iter().filter(|entry| entry.method == "GET");
        Ok(Self {
            late: late(entries)?,
            requests: entries.len(),
            common: reads().count() - reads().filter(is_own).count(),
            answered: entries.iter().map(|entry| entry.response.to_string().len()).sum(),
            refused: entries.iter().filter(|entry| entry.status == Some(429)).count(),
        })
    }

    fn line(&self, job: Job) -> String {
        let Self {
            late,
            requests,
            common,
            answered,
            refused,
        } = self;
        let each = ratio(*requests, job.pools);
        let kilobytes = ratio(*answered, 1000);
        format!(
            "{:<18}{late:>10.1}{requests:>10}{each:>10.1}{common:>10}{kilobytes:>12.0}{refused:>10}",
            job.name()
        )
    }
}

impl Bench {
    fn run(&self, job: Job) -> Result<Cost> {
        let dir = self.results.join(job.name().replace([' ', ','], "-"));
        files::make_empty(&dir)?;
        let example = files::read_json(&self.root.join("tests/emulator/seeds/example.json"))?;
        let file = dir.join("journal.jsonl");
        let start = Start {
            binary: &self.emulator,
            dir: &dir,
            seed: Job::seed(&example),
            time_scale: 1,
        };
        // What hundreds of pools are answered is more than the emulator keeps.
        let azure = LocalAzure::start_with(&start, &["--journal", &file.to_string_lossy()])?;
        let program = match job.by {
            By::Us => self.ours((&dir, &azure), job, &example)?,
            By::Az => self.azs((&dir, &azure), job),
        };
        let finished = program.run(LIMIT)?;
        let finished = finished.ended_with(0)?;
        let first = match job.by {
            By::Us => 0,
            By::Az => number(&finished.stdout)?,
        };
        drop(azure);
        let Journal(entries) = Journal::parse(&files::read(&file)?)?;
        Cost::of(entries.get(first..).unwrap_or_default())
    }

    fn ours(&self, (dir, azure): (&Path, &LocalAzure), job: Job, example: &Value) -> Result<Program> {
        let secret = example
            .pointer("/tenant/applications/0/secrets/0/value")
            .and_then(Value::as_str);
        let secret = secret.ok_or_else(|| Failure::unexpected("the example has no secret"))?;
        let file = dir.join("pools.yml");
        files::write(&file, job.file())?;
        Ok(Program::new(&self.pool, dir, "ours")
            .args(["rollout", "--json", "--account", &world::account(world::ACCOUNT)])
            .args(["--tenant-id", world::TENANT, "--client-id", world::CLIENT])
            .args(["--metadata-host", azure.host(), "--pool-file"])
            .arg(&file)
            .args(["--ca-file"])
            .arg(&azure.ca)
            .env("AZURE_CLIENT_SECRET", secret)
            .env("NO_PROXY", "127.0.0.1"))
    }

    fn azs(&self, (dir, azure): (&Path, &LocalAzure), job: Job) -> Program {
        Program::new(self.az.python(), dir, "az")
            .dir(dir)
            .arg("-B")
            .arg(self.root.join("tests/judges/rollout_by_az.py"))
            .env("HOME", dir)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("JUDGE_ENDPOINT", &azure.endpoint)
            .env("JUDGE_CONTROL", &azure.control)
            .env("JUDGE_CA", &azure.ca)
            .env("JUDGE_FOLDER", dir)
            .env("JUDGE_AZ", self.az.program("az"))
            .env("JUDGE_SEED", self.root.join("tests/emulator/seeds/example.json"))
            .env("JUDGE_POOLS", job.pools.to_string())
            .env("JUDGE_NODES", NODES.to_string())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes are far below 2^52")]
fn ratio(of: usize, to: usize) -> f64 {
    of as f64 / to as f64
}

/// Seconds from the last change of a node, as the lists of nodes have it, to the last of these lists.
fn late(entries: &[Entry]) -> Result<f64> {
    let is_list = |entry: &&Entry| entry.method == "GET" && entry.path.ends_with("/nodes") && entry.status == Some(200);
    let lists = || entries.iter().filter(is_list);
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let nodes = lists()
        .filter_map(|list| list.response.get("value")?.as_array())
        .flatten();
    let changed = nodes.filter_map(|node| time(node.get("stateTransitionTime")?.as_str()?));
    let both = changed.max().zip(lists().filter_map(|list| time(&list.time)).max());
    let late = both.map(|(ready, seen)| seen.duration_since(ready).as_secs_f64());
    late.ok_or_else(|| Failure::unexpected("no list of nodes has their times"))
}

/// Measures, and says each result as soon as its turn is over: one that fails takes none of the others with it.
///
/// # Errors
/// When a roll-out fails, after all have had their turn.
pub(crate) fn rollout() -> Result {
    let checkout = Checkout::find()?;
    let emulator = checkout.released("azure-emulator")?;
    let pool = checkout.released("azure-batch-pool")?;
    let az = Venv::of(&checkout.root.join("tests/judges"), "az")?;
    let bench = Bench {
        results: checkout.target.join("bench-rollout"),
        root: checkout.root,
        emulator,
        pool,
        az,
    };
    files::make_empty(&bench.results)?;
    say(format!(
        "▸ rolling out pools of {NODES} nodes in {} turns: some minutes each",
        TURNS.len()
    ));
    say(format!(
        "{:<18}{:>10}{:>10}{:>10}{:>10}{:>12}{:>10}",
        "", "late, s", "requests", "a pool", "common", "answers, kB", "refused"
    ));
    let mut failed = Vec::new();
    for turn in TURNS {
        for (job, cost) in turn.iter().zip(side_by_side(&bench, turn)) {
            match cost {
                Ok(cost) => say(cost.line(*job)),
                Err(failure) => {
                    say(format!("{:<18}failed", job.name()));
                    failed.push(format!("{}: {}", job.name(), failure.report()));
                }
            }
        }
    }
    ensure(failed.is_empty(), || failed.join("\n\n"))
}

fn side_by_side(bench: &Bench, turn: &[Job]) -> Vec<Result<Cost>> {
    let lost = |_panic| Err(Failure::unexpected("a roll-out panicked"));
    thread::scope(|scope| {
        let running: Vec<_> = turn.iter().map(|job| scope.spawn(move || bench.run(*job))).collect();
        running.into_iter().map(|one| one.join().unwrap_or_else(lost)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_out_is_as_late_as_its_last_pool_and_costs_what_its_journal_says() {
        let line = |number: u32, asked: &str, status: u16, response: &str| {
            let (method, path) = asked.split_once(' ').unwrap();
            format!(
                r#"{{"number":{number},"time":"2026-01-01T00:00:{number:02}Z","method":"{method}","path":"{path}","status":{status},"response":{response}}}"#
            )
        };
        let nodes = |second: u32| format!(r#"{{"value":[{{"stateTransitionTime":"2026-01-01T00:00:0{second}Z"}}]}}"#);
        let text = [
            line(1, "GET /pools", 429, "{}"),
            line(2, "POST /pools", 201, "null"),
            line(5, "GET /pools/a/nodes", 200, &nodes(1)),
            line(6, "GET /pools/a/nodes", 200, &nodes(4)),
            line(9, "GET /pools/b/nodes", 200, &nodes(6)),
        ];
        let cost = Cost::of(&Journal::parse(&text.join("\n")).unwrap().0).unwrap();
        assert!((cost.late - 3.0).abs() < 1e-9, "{}", cost.late);
        assert_eq!((cost.requests, cost.common, cost.refused), (5, 1, 1));
    }
}
