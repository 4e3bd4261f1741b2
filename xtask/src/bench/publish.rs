//! `cargo xtask bench publish`: what our publish costs, compared with what the service itself needs, and with az.
//!
//! Nothing is faster than Azure here: the local Azure takes as long as the seed below says, and both programs wait as
//! they do in Azure. So it takes ten minutes, and is asleep for nearly all of them. It sets no limit, since machines differ.

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
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{bench::number, build::Checkout, judges::Venv};

/// How long the service takes, in seconds, as public recordings of az show it: the emulator's own defaults, written
/// down here so that the critical path can be added up.
const SECONDS: Seconds = Seconds {
    snapshot: 20,
    image: 60,
    definition: 10,
    version: 300,
    region: 60,
    delete: 15,
};

/// A publish that takes three times as long as it should is not worth waiting for.
const LIMIT: Duration = Duration::from_secs(1800);

/// The data disks of the machine that both publish, and those of the machine that shows what disks cost.
const DATA_DISKS: [usize; 2] = [2, 64];

/// How long the steps of the service take.
#[derive(Clone, Copy, Debug)]
struct Seconds {
    snapshot: u32,
    image: u32,
    definition: u32,
    version: u32,
    region: u32,
    delete: u32,
}

/// Who publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Us,
    Az,
}

/// One publish, on an Azure of its own.
#[derive(Clone, Copy, Debug)]
struct Job {
    by: By,
    data_disks: usize,
}

/// What a publish cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Seconds until the version was seen complete, which is what pools wait for.
    usable: f64,
    /// Seconds until the last answer, what is left over being removed.
    took: f64,
    requests: usize,
    writes: usize,
    refused: usize,
}

/// Where the programs are.
struct Bench {
    results: PathBuf,
    root: PathBuf,
    programs: PathBuf,
    az: Venv,
}

impl Seconds {
    /// What no client can do faster until the version is usable: the copies, the image of them, the version of that in
    /// both regions, each region a little later than the one before. The definition can be made at the same time.
    fn until_usable(self) -> f64 {
        f64::from(self.snapshot + self.image + self.version + 2 * self.region)
    }

    /// The same until nothing is left over: a version in the making needs what it is made of, so all of that is removed
    /// afterwards, side by side.
    fn until_ended(self) -> f64 {
        self.until_usable() + f64::from(self.delete)
    }

    fn seed(self) -> Value {
        json!({
            "snapshot": self.snapshot,
            "image": self.image,
            "definition": self.definition,
            "version": self.version,
            "versionRegion": self.region,
            "delete": self.delete,
        })
    }
}

impl Job {
    fn name(self) -> String {
        match self.by {
            By::Us => format!("ours, {} data disks", self.data_disks),
            By::Az => format!("az, {} data disks", self.data_disks),
        }
    }

    /// The example's world with this job's machine and the service's durations.
    fn seed(self, example: &Value) -> Value {
        let mut seed = example.clone();
        if let Some(fields) = seed.as_object_mut() {
            fields.insert("timing".to_owned(), SECONDS.seed());
        }
        let disk = |lun| json!({"lun": lun, "sizeGB": 64, "sku": "Premium_LRS", "caching": "ReadOnly"});
        if let Some(disks) = seed.pointer_mut("/vms/0/dataDisks") {
            *disks = (0..self.data_disks).map(disk).collect();
        }
        seed
    }
}

impl Cost {
    fn of(entries: &[Entry]) -> Result<Self> {
        let time = |entry: Option<&Entry>| -> Result<Timestamp> {
            let text = entry.map_or("", |entry| entry.time.as_str());
            let parsed = text.parse();
            parsed.map_err(|error| Failure::unexpected(format!("the journal has the time {text:?}: {error}")))
        };
        let first = time(entries.first())?;
        let after = |entry: Option<&Entry>| Ok::<_, Failure>(time(entry)?.duration_since(first).as_secs_f64());
        let removal = entries.iter().position(|entry| entry.method == "DELETE");
        let until_removal = entries.get(..removal.unwrap_or(entries.len())).unwrap_or_default();
        let of_version = |entry: &&Entry| entry.method == "GET" && entry.path.contains("/versions/");
        Ok(Self {
            usable: after(until_removal.iter().rfind(of_version))?,
            took: after(entries.last())?,
            requests: entries.len(),
            writes: entries.iter().filter(|entry| entry.is_write()).count(),
            refused: entries.iter().filter(|entry| entry.status == Some(429)).count(),
        })
    }

    fn line(&self, name: &str) -> String {
        let Self {
            usable,
            took,
            requests,
            writes,
            refused,
        } = self;
        let usable_ratio = usable / SECONDS.until_usable();
        let ended_ratio = took / SECONDS.until_ended();
        format!(
            "{name:<22}{usable:>8.0}{usable_ratio:>12.3}{took:>8.0}{ended_ratio:>12.3}{requests:>10}{writes:>8}{refused:>9}"
        )
    }
}

impl Bench {
    fn run(&self, job: Job) -> Result<Cost> {
        let dir = self.results.join(job.name().replace([' ', ','], "-"));
        files::make_empty(&dir)?;
        let example = files::read_json(&self.root.join("tests/emulator/seeds/example.json"))?;
        let azure = LocalAzure::start(&Start {
            binary: &self.programs.join("azure-emulator"),
            dir: &dir,
            seed: job.seed(&example),
            time_scale: 1,
        })?;
        let program = match job.by {
            By::Us => self.ours(&dir, &azure, &example)?,
            By::Az => self.azs(&dir, &azure),
        };
        let finished = program.run(LIMIT)?;
        files::write(&dir.join("journal.jsonl"), azure.journal_text()?)?;
        let finished = finished.ended_with(0)?;
        let first = match job.by {
            By::Us => 0,
            By::Az => number(&finished.stdout)?,
        };
        let Journal(entries) = azure.journal()?;
        ensure(entries.len() > first, || format!("{} asked nothing", job.name()))?;
        Cost::of(entries.get(first..).unwrap_or_default())
    }

    /// The service behind the post-processor, without Packer.
    fn ours(&self, dir: &Path, azure: &LocalAzure, example: &Value) -> Result<Program> {
        let secret = example
            .pointer("/tenant/applications/0/secrets/0/value")
            .and_then(Value::as_str);
        let secret = secret.ok_or_else(|| Failure::unexpected("the example has no secret"))?;
        Ok(
            Program::new(self.programs.join("examples/publish_without_packer"), dir, "ours")
                .arg(azure.host())
                .arg(&azure.ca)
                .arg(dir.join("manifest.json"))
                .env("ARM_CLIENT_SECRET", secret)
                .env("NO_PROXY", "127.0.0.1"),
        )
    }

    fn azs(&self, dir: &Path, azure: &LocalAzure) -> Program {
        Program::new(self.az.python(), dir, "az")
            .dir(dir)
            .arg("-B")
            .arg(self.root.join("tests/judges/publish_by_az.py"))
            .env("HOME", dir)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("JUDGE_ENDPOINT", &azure.endpoint)
            .env("JUDGE_CONTROL", &azure.control)
            .env("JUDGE_CA", &azure.ca)
            .env("JUDGE_FOLDER", dir)
            .env("JUDGE_AZ", self.az.program("az"))
            .env("JUDGE_SEED", self.root.join("tests/emulator/seeds/example.json"))
    }
}

/// Measures, all jobs side by side.
///
/// # Errors
/// When a publish fails.
pub(crate) fn publish() -> Result {
    let checkout = Checkout::find()?;
    let programs = checkout.programs()?;
    let az = Venv::of(&checkout.root.join("tests/judges"), "az")?;
    let bench = Bench {
        results: checkout.target.join("bench-publish"),
        root: checkout.root,
        programs,
        az,
    };
    files::make_empty(&bench.results)?;
    let [few, many] = DATA_DISKS;
    let job = |by, data_disks| Job { by, data_disks };
    let jobs = [job(By::Us, few), job(By::Az, few), job(By::Us, many)];
    say("▸ publishing, three times side by side: ten minutes");
    let costs: Vec<Result<Cost>> = thread::scope(|scope| {
        let running = jobs.map(|job| {
            let bench = &bench;
            scope.spawn(move || bench.run(job))
        });
        let lost = |_panic| Err(Failure::unexpected("a publish panicked"));
        running.into_iter().map(|one| one.join().unwrap_or_else(lost)).collect()
    });
    let of = |seconds: f64| format!("of {seconds:.0} s");
    say(format!(
        "{:<22}{:>8}{:>12}{:>8}{:>12}{:>10}{:>8}{:>9}",
        "",
        "usable",
        of(SECONDS.until_usable()),
        "ended",
        of(SECONDS.until_ended()),
        "requests",
        "writes",
        "refused"
    ));
    for (job, cost) in jobs.iter().zip(costs) {
        say(cost?.line(&job.name()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_own_time_is_copies_image_version_in_both_regions_and_the_removal() {
        assert!((SECONDS.until_usable() - 500.0).abs() < f64::EPSILON);
        assert!((SECONDS.until_ended() - 515.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_publish_costs_what_its_journal_says() {
        let line = |number: u32, second: u32, asked: &str, status: u16| {
            let (method, path) = asked.split_once(' ').unwrap();
            format!(
                r#"{{"number":{number},"time":"2026-01-01T00:00:{second:02}Z","method":"{method}","path":"{path}","status":{status}}}"#
            )
        };
        let text = [
            line(1, 1, "GET /x", 200),
            line(2, 2, "PUT /versions/1.0.0", 429),
            line(3, 21, "GET /versions/1.0.0", 200),
            line(4, 22, "DELETE /x", 202),
            line(5, 31, "GET /versions/1.0.0", 200),
        ];
        let cost = Cost::of(&Journal::parse(&text.join("\n")).unwrap().0).unwrap();
        assert!((cost.usable - 20.0).abs() < 1e-9 && (cost.took - 30.0).abs() < 1e-9);
        assert_eq!((cost.requests, cost.writes, cost.refused), (5, 2, 1));
    }
}
