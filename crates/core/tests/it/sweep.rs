//! Every request of a good run meets every trouble: a run with the trouble, a second run, a third run.
//!
//! It asserts that the trouble was met where it was meant, that the run recovered or failed naming the step in the
//! service's words, that nothing is left that only a run needs, that the second run reached the good end, and that the
//! third wrote nothing. What the flow is, the caller says. Cases share nothing, so they run on all cores.

mod cases;
pub(crate) mod pair;
pub(crate) mod rivals;
mod trouble;
pub(crate) mod upkeep;

use std::{collections::BTreeMap, fmt, time::Duration};

use azure_batch_core::error::{Error, ErrorKind, Result};
use azure_emulator::journal::Entry;
use jiff::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::{
    cases::{alone, fan_out},
    trouble::{How, On, TROUBLES, Trouble},
};
use crate::support::Azure;

/// Longer than any good run.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// What each change of a pool must outlive, wherever it comes: the end of the run, lost answers, and conflicts.
pub(crate) const OUTLIVED: &[&str] = &[
    "process gone",
    "cancelled",
    "deadline",
    "reset after the effect",
    "broken after the effect",
    "409 conflict",
    "operation failed",
];

/// How a run can be ended from outside.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// Asks it to stop.
    pub(crate) cancel: CancellationToken,
    /// How long it may take.
    pub(crate) limit: Duration,
}

/// How a run with a trouble ended.
enum Ended {
    Well,
    Badly(Error),
    Gone,
}

/// What the same run again does once all is as it shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It writes nothing.
    WritesNothing,
    /// It begins once more, since it ended where it had begun, and ends there again.
    BeginsOnceMore,
}

/// One trouble at one request.
struct Case {
    entry: Entry,
    trouble: &'static Trouble,
}

/// What a good run is.
struct Good {
    start: Timestamp,
    journal: Vec<Entry>,
    /// What is there afterwards.
    end: Value,
}

/// What is swept.
pub(crate) struct Sweep<World, Flow, Settle> {
    /// Which troubles, by their names; all when it is empty.
    pub(crate) troubles: &'static [&'static str],
    /// Of so many cases of a trouble one is run: 1 for all, more where a run makes many requests of one kind.
    pub(crate) one_of: usize,
    /// A fresh world.
    pub(crate) world: World,
    /// One run on it.
    pub(crate) flow: Flow,
    /// Makes two end states comparable that are equally good.
    pub(crate) settle: Settle,
}

impl Ends {
    /// It may come to its own end.
    pub(crate) fn none() -> Self {
        Self {
            cancel: CancellationToken::new(),
            limit: PATIENCE,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entry, trouble) = (&self.entry, self.trouble.name);
        write!(
            f,
            "{trouble} at request {} ({} {})",
            entry.number, entry.method, entry.path
        )
    }
}

impl Case {
    /// Whether the machine was looked at again after this request and before its version was written. A version that a run
    /// makes then is of the machine as it is since the request, and a second run only finds it.
    fn is_before_the_last_look(&self, journal: &[Entry]) -> bool {
        let is_version = |entry: &&Entry| entry.method == "PUT" && entry.path.contains("/versions/");
        let made = journal.iter().find(is_version).map_or(0, |entry| entry.number);
        let is_look = |entry: &&Entry| entry.method == "GET" && entry.path.contains("/virtualMachines/");
        let looks = journal.iter().filter(|entry| entry.number < made).filter(is_look);
        looks
            .map(|entry| entry.number)
            .max()
            .is_some_and(|look| self.entry.number <= look)
    }

    /// Why the end of the run with the trouble is not a good one.
    fn fault(&self, world: &Azure, ended: &Ended, good: &Good) -> Option<String> {
        let error = match ended {
            Ended::Well => return None,
            Ended::Gone => return (self.trouble.how != How::Gone).then(|| "the run is gone".to_owned()),
            Ended::Badly(error) => error,
        };
        let report = error.report();
        let as_it_should = match self.trouble.how {
            How::Cancelled => error.kind() == ErrorKind::Cancelled,
            How::Deadline => error.kind() == ErrorKind::Deadline,
            How::Rebuilt => true,
            _ => good.is_step_named(&report, &self.entry),
        };
        let resources = world.resources();
        // What a version is made of, and what the next run goes on from after a deadline, stays.
        let may_stay = self.trouble.how == How::Deadline || count(&resources, "galleries~1images~1versions") > 0;
        let faults = [
            (!as_it_should, "the error is of another kind, or does not name the step"),
            (!report.contains(self.trouble.says), "the service's words are lost"),
            (
                !may_stay && temporaries(&resources) > 0,
                "temporaries are left without a version",
            ),
        ];
        let (_, fault) = faults.iter().find(|(is_there, _)| *is_there)?;
        Some(format!("{fault}:\n{report}"))
    }
}

impl Good {
    /// The trouble at each request that can meet it.
    fn cases(&self, trouble: &'static Trouble) -> Vec<Case> {
        let mut cases: Vec<Case> = Vec::new();
        for entry in self.journal.iter().filter(|entry| trouble.on.applies(entry)) {
            let is_same = |case: &&Case| (&case.entry.method, &case.entry.path) == (&entry.method, &entry.path);
            let is_moment = cases.iter().any(|case| case.entry.time == entry.time) || entry.time == self.start;
            let is_seen = match trouble.how {
                How::Deadline => is_moment,
                // The third look at the same thing proves nothing more than the second.
                _ => entry.method == "GET" && cases.iter().filter(is_same).count() > 1,
            };
            if !is_seen {
                let entry = entry.clone();
                cases.push(Case { entry, trouble });
            }
        }
        cases
    }

    /// The request's own name is in the report: the resource's, or that of signing in. A poll URL names nothing, so
    /// what is waited for does.
    fn is_step_named(&self, report: &str, entry: &Entry) -> bool {
        let report = report.to_lowercase();
        if entry.path.contains("/oauth2/") {
            return report.contains("sign in");
        }
        let written = || {
            self.journal
                .iter()
                .filter(|entry| On::Write.applies(entry))
                .flat_map(names)
        };
        if On::Poll.applies(entry) {
            return written().any(|name| report.contains(&name));
        }
        names(entry).iter().any(|name| report.contains(name))
    }
}

impl<World, Flow, Future, Settle> Sweep<World, Flow, Settle>
where
    World: Fn() -> Azure + Sync,
    Flow: Fn(Azure, Ends) -> Future + Sync,
    Future: std::future::Future<Output = Result<()>>,
    Settle: Fn(Value) -> Value + Sync,
{
    /// Sweeps, and returns how many cases were run.
    pub(crate) fn run(&self) -> usize {
        self.run_with(Again::WritesNothing)
    }

    /// The same of a run after which the same run again does that.
    pub(crate) fn run_with(&self, again: Again) -> usize {
        for name in self.troubles {
            assert!(
                TROUBLES.iter().any(|trouble| trouble.name == *name),
                "there is no trouble {name:?}"
            );
        }
        let good = alone(async {
            let world = (self.world)();
            let start = world.emulator(|_, now| now);
            let result = (self.flow)(world.clone(), Ends::none()).await;
            result.expect("the good run is good");
            let (journal, end) = (world.journal(), (self.settle)(world.resources()));
            Good { start, journal, end }
        });
        let wanted = |trouble: &&Trouble| self.troubles.is_empty() || self.troubles.contains(&trouble.name);
        let cases: Vec<Case> = TROUBLES
            .iter()
            .filter(wanted)
            .flat_map(|trouble| good.cases(trouble).into_iter().step_by(one_of(self.one_of)))
            .collect();
        fan_out(&cases, |case| alone(self.case((case, again), &good)))
    }

    async fn case(&self, (case, again): (&Case, Again), good: &Good) -> Result<(), String> {
        let world = (self.world)();
        let ended = self.with_trouble(&world, case, good.start).await;
        case.trouble.met(&world, &case.entry)?;
        if let Some(fault) = case.fault(&world, &ended, good) {
            return Err(fault);
        }
        let is_of_new_machine = matches!(ended, Ended::Well) && case.is_before_the_last_look(&world.journal());
        world.turn_the_page();
        let second = (self.flow)(world.clone(), Ends::none()).await;
        second.map_err(|error| format!("the second run failed:\n{}", error.report()))?;
        let found = (self.settle)(world.resources());
        if case.trouble.how == How::Rebuilt {
            if temporaries(&found) > 0 {
                return Err("temporaries are left after the second run".to_owned());
            }
            if is_of_new_machine && !world.writes().is_empty() {
                return Err(format!("the version was not of the new machine: {:?}", world.writes()));
            }
        } else if found != good.end {
            return Err(format!("another end state\n{}", difference(&good.end, &found)));
        }
        world.turn_the_page();
        let third = (self.flow)(world.clone(), Ends::none()).await;
        third.map_err(|error| format!("the third run failed:\n{}", error.report()))?;
        match (again, world.writes()) {
            (Again::WritesNothing, writes) if !writes.is_empty() => Err(format!("the third run wrote: {writes:?}")),
            (Again::WritesNothing, _) => Ok(()),
            (Again::BeginsOnceMore, _) => match (self.settle)(world.resources()) {
                end if end == good.end => Ok(()),
                end => Err(format!("another end of the third run\n{}", difference(&good.end, &end))),
            },
        }
    }

    async fn with_trouble(&self, world: &Azure, case: &Case, start: Timestamp) -> Ended {
        let mut ends = Ends::none();
        let gone = CancellationToken::new();
        let number = case.entry.number;
        match case.trouble.how {
            How::Refused => world.refuse(number),
            How::Gone => world.gone_after(number, gone.clone()),
            How::Cancelled => world.gone_after(number, ends.cancel.clone()),
            How::Deadline => ends.limit = case.entry.time.duration_since(start).unsigned_abs(),
            How::Fault(fault) => trouble::script(world, number, fault()),
            How::Rebuilt => trouble::script(world, number, trouble::rebuilt()),
        }
        tokio::select! {
            biased;
            () = gone.cancelled() => Ended::Gone,
            result = (self.flow)(world.clone(), ends) => match result {
                Ok(()) => Ended::Well,
                Err(error) => Ended::Badly(error),
            },
        }
    }
}

/// Whether every case of every sweep is run: with `SWEEP=whole` in the environment. Otherwise the large ones run one of
/// so many of their cases.
pub(crate) fn is_whole() -> bool {
    std::env::var_os("SWEEP").is_some_and(|word| word == "whole")
}

/// Of how many cases one is run.
pub(crate) fn one_of(so_many: usize) -> usize {
    if is_whole() { 1 } else { so_many }
}

/// How many snapshots and managed images there are that a run has made: a world may have others, such as the source.
pub(crate) fn temporaries(resources: &Value) -> usize {
    let is_made = |item: &&Value| {
        item["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("azure-batch-"))
    };
    let of_kind = |kind| {
        let all = resources.pointer(&format!("/compute/{kind}")).and_then(Value::as_array);
        all.into_iter().flatten().filter(is_made).count()
    };
    ["snapshots", "images"].map(of_kind).iter().sum()
}

fn count(resources: &Value, kind: &str) -> usize {
    let all = resources.pointer(&format!("/compute/{kind}")).and_then(Value::as_array);
    all.map_or(0, Vec::len)
}

/// The last two parts of a request's path, and the id in its body.
fn names(entry: &Entry) -> Vec<String> {
    let parts = entry.path.split('/').filter(|part| !part.is_empty()).rev().take(2);
    let id = entry.request.pointer("/id").and_then(Value::as_str);
    parts.chain(id).map(str::to_lowercase).collect()
}

/// The first lines that one has more often than the other.
fn difference(expected: &Value, found: &Value) -> String {
    let mut times: BTreeMap<String, i32> = BTreeMap::new();
    for (value, step) in [(expected, -1), (found, 1)] {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        text.lines()
            .for_each(|line| *times.entry(line.to_owned()).or_default() += step);
    }
    let uneven = times.iter().filter(|(_, times)| **times != 0);
    let shown = uneven.map(|(line, times)| format!("{times:+} {line}"));
    shown.take(20).collect::<Vec<_>>().join("\n")
}
