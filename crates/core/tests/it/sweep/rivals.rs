//! Another client writes at a request of a good run: what it did is not undone, no task is lost, and the run ends well or
//! says what others have changed.
//!
//! What the flow is, and who the rivals are, the caller says. Cases share nothing, so they run on all cores.

use std::fmt;

use azure_batch_core::error::{Error, ErrorKind, Result};
use azure_emulator::journal::Entry;
use serde_json::{Value, json};

use super::{
    Ends,
    cases::{alone, fan_out_counted},
    one_of,
};
use crate::support::Azure;

/// What another client does, once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rival {
    /// What it does, after "a rival that".
    pub(crate) name: &'static str,
    /// The verb of its request.
    pub(crate) method: &'static str,
    /// The path of its request.
    pub(crate) path: &'static str,
    /// The body of its request.
    pub(crate) body: fn() -> Value,
    /// The pool in which what it did must still be there; of something else in the account its kind and id, as `jobs/j`.
    pub(crate) pool: &'static str,
    /// Whether it is; what is gone is null.
    pub(crate) is_there: fn(&Value) -> bool,
    /// When it can be told from what the run itself does.
    pub(crate) told: Told,
}

/// When what a rival does can be told from what the run itself does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Always.
    Always,
    /// Unless the run holds the job, from its mark until that is taken off: to disable a disabled job changes nothing.
    Unheld,
}

/// Writes for which Batch takes no condition. Who writes in that moment, until the look after it, is not seen: what is
/// found then may be what the write has left.
const UNCONDITIONAL: [&str; 3] = ["/disableautoscale", "/stopresize", "/updateproperties"];

/// From which request on rivals come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// The first write to Batch: before it a pool is whatever others made of it.
    FirstWrite,
    /// The first request: whether there is something to write is what is decided.
    FirstLook,
}

/// One rival at one request.
struct Case {
    rival: Rival,
    request: u64,
}

/// What rivals meet.
pub(crate) struct Rivals<World, Flow> {
    /// Who they are.
    pub(crate) who: &'static [Rival],
    /// At one of so many requests each comes in: 1 for all.
    pub(crate) one_of: usize,
    /// A fresh world.
    pub(crate) world: World,
    /// One run on it.
    pub(crate) flow: Flow,
}

/// Resizes pool p1 to a size that no run here asks for.
pub(crate) const RESIZES: Rival = Rival {
    name: "resizes the pool",
    method: "POST",
    path: "/pools/p1/resize",
    body: || json!({"targetDedicatedNodes": 7, "targetLowPriorityNodes": 0, "nodeDeallocationOption": "taskcompletion"}),
    pool: "p1",
    is_there: |pool| pool["targetDedicatedNodes"] == 7,
    told: Told::Always,
};
/// Deletes pool p1.
pub(crate) const DELETES: Rival = Rival {
    name: "deletes the pool",
    method: "DELETE",
    path: "/pools/p1",
    body: || Value::Null,
    pool: "p1",
    is_there: |pool| pool.is_null() || pool["state"] == "deleting",
    told: Told::Always,
};
/// Lets a formula decide the size of pool p1.
pub(crate) const SCALES: Rival = Rival {
    name: "switches autoscale on",
    method: "POST",
    path: "/pools/p1/enableautoscale",
    body: || json!({"autoScaleFormula": "$TargetDedicatedNodes = 6;"}),
    pool: "p1",
    is_there: |pool| pool["enableAutoScale"] == true && pool["autoScaleFormula"] == "$TargetDedicatedNodes = 6;",
    told: Told::Always,
};
/// Gives pool p1 another start task.
pub(crate) const PATCHES: Rival = Rival {
    name: "changes the start task",
    method: "PATCH",
    path: "/pools/p1",
    body: || json!({"startTask": {"commandLine": "/bin/rival"}}),
    pool: "p1",
    is_there: |pool| pool["startTask"]["commandLine"] == "/bin/rival",
    told: Told::Always,
};
/// The same as [`RESIZES`] of the second pool.
pub(crate) const RESIZES_THE_NEW: Rival = Rival {
    name: "resizes the new pool",
    path: "/pools/p1-1-0-0/resize",
    pool: "p1-1-0-0",
    ..RESIZES
};
/// The same as [`SCALES`] of the second pool.
pub(crate) const SCALES_THE_NEW: Rival = Rival {
    name: "switches autoscale on for the new pool",
    path: "/pools/p1-1-0-0/enableautoscale",
    pool: "p1-1-0-0",
    ..SCALES
};

/// The same as [`DELETES`] of the second pool.
pub(crate) const DELETES_THE_NEW: Rival = Rival {
    name: "deletes the new pool",
    path: "/pools/p1-1-0-0",
    pool: "p1-1-0-0",
    ..DELETES
};
/// The same as [`PATCHES`] of the second pool.
pub(crate) const PATCHES_THE_NEW: Rival = Rival {
    name: "changes the start task of the new pool",
    path: "/pools/p1-1-0-0",
    pool: "p1-1-0-0",
    // A return deletes it at the end.
    is_there: |pool| pool.is_null() || (PATCHES.is_there)(pool),
    ..PATCHES
};
/// Terminates the job that works.
pub(crate) const TERMINATES_THE_JOB: Rival = Rival {
    name: "terminates the job",
    method: "POST",
    path: "/jobs/busy/terminate",
    body: || json!({}),
    pool: "jobs/busy",
    is_there: |job| ["terminating", "completed"].iter().any(|state| job["state"] == *state),
    told: Told::Always,
};
/// Disables the job that works.
pub(crate) const DISABLES_THE_JOB: Rival = Rival {
    name: "disables the job",
    method: "POST",
    path: "/jobs/busy/disable",
    body: || json!({"disableTasks": "wait"}),
    pool: "jobs/busy",
    is_there: |job| ["disabling", "disabled"].iter().any(|state| job["state"] == *state),
    told: Told::Unheld,
};
/// Gives the job another pool, which Batch permits while it is disabled. It must run there.
pub(crate) const POINTS_THE_JOB: Rival = Rival {
    name: "gives the job another pool",
    method: "PATCH",
    path: "/jobs/busy",
    body: || json!({"poolInfo": {"poolId": "elsewhere"}}),
    pool: "jobs/busy",
    is_there: |job| job["poolInfo"]["poolId"] == "elsewhere" && job["state"] == "active",
    told: Told::Always,
};

/// Those of a single pool.
pub(crate) const OF_ONE_POOL: &[Rival] = &[RESIZES, DELETES, SCALES, PATCHES];
/// Those of a move to a second pool.
pub(crate) const OF_TWO_POOLS: &[Rival] = &[
    RESIZES,
    DELETES,
    SCALES,
    PATCHES,
    RESIZES_THE_NEW,
    SCALES_THE_NEW,
    DELETES_THE_NEW,
    PATCHES_THE_NEW,
    TERMINATES_THE_JOB,
    DISABLES_THE_JOB,
    POINTS_THE_JOB,
];
/// Those of a pool and of its job.
pub(crate) const OF_POOL_AND_JOB: &[Rival] = &[
    RESIZES,
    DELETES,
    SCALES,
    PATCHES,
    TERMINATES_THE_JOB,
    DISABLES_THE_JOB,
    POINTS_THE_JOB,
];

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a rival that {} at request {}", self.rival.name, self.request)
    }
}

impl<World, Made, Flow, Future> Rivals<World, Flow>
where
    World: Fn() -> Made + Sync,
    Made: std::future::Future<Output = Azure>,
    Flow: Fn(Azure, Ends) -> Future + Sync,
    Future: std::future::Future<Output = Result<()>>,
{
    /// Lets each rival come in after the first write of a run, and says how many of their writes the service has taken.
    pub(crate) fn run(&self) -> usize {
        self.run_since(Since::FirstWrite)
    }

    /// The same from another request on.
    pub(crate) fn run_since(&self, since: Since) -> usize {
        let journal = alone(async {
            let azure = (self.world)().await;
            let good = (self.flow)(azure.clone(), Ends::none()).await;
            good.unwrap_or_else(|error| panic!("the good run is good: {}", error.report()));
            azure.journal()
        });
        let to_batch = |entry: &&Entry| !entry.path.starts_with("/subscriptions/") && !entry.path.contains("/oauth2/");
        let is_read = |entry: &&Entry| entry.method == "GET" || entry.path.ends_with("/evaluateautoscale");
        let first = match since {
            Since::FirstLook => 0,
            Since::FirstWrite => journal.iter().filter(to_batch).take_while(is_read).count() + 1,
        };
        let after = journal.iter().filter(to_batch).skip(first);
        let is_unconditional = |entry: &&Entry| UNCONDITIONAL.iter().any(|end| entry.path.ends_with(end));
        let moments = journal.iter().filter(is_unconditional).map(|entry| entry.number);
        let unguarded: Vec<u64> = moments.flat_map(|number| [number, number + 1]).collect();
        let guarded = after.filter(|entry| !unguarded.contains(&entry.number));
        let numbers: Vec<u64> = guarded.map(|entry| entry.number).step_by(one_of(self.one_of)).collect();
        let held = held(&journal);
        let case = |rival: &Rival| {
            let rival = *rival;
            let at = |request: &u64| Case {
                rival,
                request: *request,
            };
            let is_told = |request: &&u64| rival.told == Told::Always || !held.contains(request);
            numbers.iter().filter(is_told).map(at).collect::<Vec<_>>()
        };
        let cases: Vec<Case> = self.who.iter().flat_map(case).collect();
        fan_out_counted(&cases, |case| alone(self.case(case)))
    }

    /// Whether its write was taken.
    async fn case(&self, case: &Case) -> Result<bool, String> {
        let (azure, rival) = ((self.world)().await, case.rival);
        let write = json!({"method": rival.method, "path": rival.path, "body": (rival.body)()});
        azure.fault(json!({"kind": "rival", "request": case.request, "write": write}));
        let ended = (self.flow)(azure.clone(), Ends::none()).await;
        if azure.emulator(|emulator, _| emulator.faults().last().map_or(0, |fault| fault.hits)) == 0 {
            return Ok(false);
        }
        let (report, kind) = match &ended {
            Ok(()) => ("it ended well".to_owned(), None),
            Err(error) => (error.report(), Some(Error::kind(error))),
        };
        let resources = azure.resources();
        let pool = pool(&resources, rival.pool);
        let faults = [
            (!(rival.is_there)(pool), "what it did was undone"),
            (
                !matches!(kind, None | Some(ErrorKind::Refused)),
                "the run ended for another reason",
            ),
            // Who deletes a pool takes its tasks off their nodes.
            (rival.method != "DELETE" && requeues(&resources) > 0, "a task was lost"),
        ];
        match faults.iter().find(|(is_there, _)| *is_there) {
            Some((_, fault)) => Err(format!("{fault}: {report}\n{pool}")),
            None => Ok(true),
        }
    }
}

/// The requests at which a run holds the job: from the one after its mark to the one that takes it off.
fn held(journal: &[Entry]) -> Vec<u64> {
    let marks = || {
        let all = journal
            .iter()
            .filter(|entry| entry.method == "PATCH" && entry.path == "/jobs/busy");
        all.map(|entry| entry.number)
    };
    let (Some(first), Some(last)) = (marks().min(), marks().max()) else {
        return Vec::new();
    };
    (first + 1..=last).collect()
}

/// The pool of acct1 with that id, or what it has of another kind; null when it is not there.
pub(crate) fn pool<'r>(resources: &'r Value, id: &str) -> &'r Value {
    let end = match id.contains('/') {
        true => format!("/acct1/{id}"),
        false => format!("/acct1/pools/{id}"),
    };
    let mut all = resources["batch"].as_object().into_iter().flatten();
    all.find(|(id, _)| id.ends_with(&end))
        .map_or(&Value::Null, |(_, pool)| pool)
}

/// How many tasks were taken off their nodes and queued again.
fn requeues(resources: &Value) -> u64 {
    let all = resources["batch"].as_object().into_iter().flatten();
    let works = all.filter(|(id, _)| id.ends_with("/tasks"));
    works.filter_map(|(_, work)| work["requeues"].as_u64()).sum()
}
