//! A change in place and returns, killed in each of their phases: the same command again ends them, and no task is lost.
//!
//! The pool is that of `work`, which has the same for a move to a second pool. Between two writes to a pool lie 30 s, so
//! returns begin in a world that a killed run has left: what it wrote into pools and jobs is its own.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use super::work::{NODES, batch, change, nothing_is_lost, pools, working};
use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure_equal},
    lab::Lab,
    pool::{self, LIMIT, POOL},
    process::{Program, Signal},
    suite::Case,
    time::wait_for,
    world,
};

/// How long a phase may take to come: a change writes to its pool up to four times before, with 30 s between two writes,
/// and waits for the tasks that run.
const PHASE_LIMIT: Duration = Duration::from_secs(300);

/// The tasks of the pool: some run, and some wait.
const TASKS: u32 = 8;

/// A canary command that fails: the local Azure reads how a task ends from its command line.
const BAD: &str = "exit 3";

/// The second pool.
const SECOND: &str = "pool1-1-0-1";

/// A point at which a run is killed: what the service has been sent by then, and how often.
#[derive(Clone, Copy)]
struct Phase {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    times: usize,
}

/// What makes a command line on a local Azure, with the name of its log.
type Command = fn(&Lab<'_>, &LocalAzure, &str) -> Result<Program>;

/// What is killed, and what is there once the same was run again. Each phase is followed by a wait, so that the run is
/// not over when it is killed.
#[derive(Clone, Copy)]
struct Killed {
    phases: &'static [Phase],
    world: fn(&Lab<'_>) -> Result<Value>,
    run: Command,
    exit: i32,
    pools: &'static str,
}

const fn phase(name: &'static str, method: &'static str, path: &'static str, times: usize) -> Phase {
    Phase {
        name,
        method,
        path,
        times,
    }
}

/// A change in place: its record, its jobs, its nodes, its image, the first node, the others, its jobs again.
const IN_PLACE: Killed = Killed {
    phases: &[
        phase("recorded", "PATCH", "/pools/pool1?", 1),
        phase("held", "POST", "/disable?", 1),
        phase("drained", "POST", "/pools/pool1/resize?", 1),
        phase("patched", "PATCH", "/pools/pool1?", 2),
        phase("tried", "POST", "/jobs?", 1),
        phase("grown", "POST", "/pools/pool1/resize?", 3),
        phase("released", "POST", "/enable?", 1),
    ],
    world: at_work,
    run: |lab, azure, log| in_place(lab, azure, log, "true"),
    exit: 0,
    pools: "pool1 5 on 1.0.1",
};

/// A change in place whose first node finds the image bad, and the way back: its record, its node, its image, its nodes,
/// its jobs.
const BACK_IN_PLACE: Killed = Killed {
    phases: &[
        phase("found bad", "POST", "/jobs?", 1),
        phase("turned", "PATCH", "/pools/pool1?", 1),
        phase("drained again", "POST", "/pools/pool1/resize?", 1),
        phase("patched back", "PATCH", "/pools/pool1?", 2),
        phase("grown back", "POST", "/pools/pool1/resize?", 2),
        phase("jobs back in place", "POST", "/enable?", 1),
    ],
    world: tried,
    run: |lab, azure, log| in_place(lab, azure, log, BAD),
    exit: 9,
    pools: "pool1 5 on 1.0.0",
};

/// A second pool whose first node finds the image bad, and the way back: the record, its node, the pool.
const BACK_FROM_FIRST_NODE: Killed = Killed {
    phases: &[
        phase("turned to former", "PATCH", "/pools/pool1?", 2),
        phase("emptied", "POST", "/pools/pool1-1-0-1/resize?", 1),
        phase("deleted", "DELETE", "/pools/pool1-1-0-1?", 1),
    ],
    world: at_work,
    run: |lab, azure, log| {
        let program = change(lab, azure, log, "rollout")?;
        Ok(program.args(["--canary-nodes", "1", "--canary-command", BAD]))
    },
    exit: 9,
    pools: "pool1 5 on 1.0.0",
};

/// A return by hand from a second pool that does the work: the record, the former pool's nodes, the jobs there and back,
/// the second pool's nodes, the pool.
const BACK_BY_HAND: Killed = Killed {
    phases: &[
        phase("turned by hand", "PATCH", "/pools/pool1?", 1),
        phase("filled again", "POST", "/pools/pool1/resize?", 1),
        phase("jobs held", "POST", "/disable?", 1),
        phase("jobs back", "POST", "/enable?", 1),
        phase("emptied by hand", "POST", "/pools/pool1-1-0-1/resize?", 1),
        phase("deleted by hand", "DELETE", "/pools/pool1-1-0-1?", 1),
    ],
    world: moved,
    run: |lab, azure, log| {
        let program = pool::command(lab, azure, log, "rollback")?;
        Ok(program.args(["--account", &world::account(world::ACCOUNT), "--pool-id", POOL]))
    },
    exit: 0,
    pools: "pool1 5 on 1.0.0",
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "change_in_place_killed_in_each_phase_is_finished_by_the_same_again",
        run: |lab| in_each_phase(lab, &[IN_PLACE]),
    },
    Case {
        name: "return_in_place_killed_in_each_phase_is_finished_by_the_same_again",
        run: |lab| in_each_phase(lab, &[BACK_IN_PLACE]),
    },
    Case {
        name: "return_to_the_former_pool_killed_in_each_phase_is_finished_by_the_same_again",
        run: |lab| in_each_phase(lab, &[BACK_FROM_FIRST_NODE, BACK_BY_HAND]),
    },
];

/// Phases share nothing, so they are met side by side.
fn in_each_phase(lab: &Lab<'_>, all: &[Killed]) -> Result {
    let mut parts = Vec::new();
    for killed in all {
        let seed = (killed.world)(lab)?;
        for phase in killed.phases {
            parts.push((part(lab, phase.name)?, *killed, *phase, seed.clone()));
        }
    }
    thread::scope(|scope| {
        let runs: Vec<_> = parts
            .into_iter()
            .map(|(part, killed, phase, seed)| scope.spawn(move || killed_in(&part, killed, phase, seed)))
            .collect();
        let ended = runs.into_iter().map(|run| {
            let lost = || Failure::unexpected("a part of the case panicked");
            run.join().map_err(|_panic| lost())?
        });
        ended.collect::<Result<Vec<()>>>().map(drop)
    })
}

fn killed_in(lab: &Lab<'_>, killed: Killed, phase: Phase, seed: Value) -> Result {
    let azure = lab.azure(seed)?;
    kill_at(phase, lab, &azure, killed.run)?;
    (killed.run)(lab, &azure, "again")?
        .run(LIMIT)?
        .ended_with(killed.exit)?;
    lab.keep_journal(&azure)?;
    ensure_equal(
        &format!("the pools after a kill in the phase {}", phase.name),
        &pools(&azure)?,
        &killed.pools.to_owned(),
    )?;
    nothing_is_lost(&azure, TASKS)
}

/// Runs that until the phase has come, and kills it there.
fn kill_at(phase: Phase, lab: &Lab<'_>, azure: &LocalAzure, run: Command) -> Result {
    let run = run(lab, azure, "killed")?.start()?;
    wait_for(&format!("the phase {}", phase.name), PHASE_LIMIT, || {
        let journal = azure.journal_without_bodies()?;
        let is_it = |entry: &&crate::journal::Entry| {
            let whole = format!("{}?", entry.path);
            entry.method == phase.method && whole.to_ascii_lowercase().contains(phase.path)
        };
        let times = journal.writes().filter(is_it).count();
        Ok((times >= phase.times).then_some(()))
    })?;
    run.signal(Signal::Kill)?;
    run.wait(LIMIT)?.ended_with(-9).map(drop)
}

/// A change in place whose first node runs that command.
fn in_place(lab: &Lab<'_>, azure: &LocalAzure, log: &str, command: &str) -> Result<Program> {
    let program = pool::people_rollout(lab, azure, log, ("1.0.1", NODES))?;
    Ok(program
        .args(["--strategy", "in-place", "--adopt"])
        .args(["--canary-nodes", "1", "--canary-command", command]))
}

/// The pool before any run.
fn at_work(lab: &Lab<'_>) -> Result<Value> {
    working(lab, TASKS, 2 * NODES)
}

/// What a change in place leaves that is killed once its first node is there, and before that has tried the image.
fn tried(lab: &Lab<'_>) -> Result<Value> {
    let mut seed = at_work(lab)?;
    let phase = phase("held, before a return", "POST", "/disable?", 3);
    let left = left_by(phase, lab, &seed, BACK_IN_PLACE.run)?;
    for (job, id) in list(&mut seed, "jobs")? {
        put(job, "metadata", left_in(&left, &format!("jobs/{id}"))?)?;
        put(job, "state", json!("disabled"))?;
    }
    for (pool, id) in list(&mut seed, "pools")? {
        put(pool, "metadata", left_in(&left, &format!("pools/{id}"))?)?;
        put(pool, "targetDedicatedNodes", json!(1))?;
        on_new_image(pool)?;
    }
    Ok(seed)
}

/// What a move to a second pool leaves that is killed once the former pool has no nodes any more.
fn moved(lab: &Lab<'_>) -> Result<Value> {
    let mut seed = at_work(lab)?;
    let phase = phase("made, before a return", "POST", "/pools?", 1);
    let left = left_by(phase, lab, &seed, |lab, azure, log| change(lab, azure, log, "rollout"))?;
    for (job, _id) in list(&mut seed, "jobs")? {
        put(job, "poolInfo", json!({ "poolId": SECOND }))?;
    }
    let mut second = Value::Null;
    for (pool, id) in list(&mut seed, "pools")? {
        second = pool.clone();
        put(pool, "metadata", left_in(&left, &format!("pools/{id}"))?)?;
        put(pool, "targetDedicatedNodes", json!(0))?;
    }
    put(&mut second, "id", json!(SECOND))?;
    put(&mut second, "metadata", left_in(&left, &format!("pools/{SECOND}"))?)?;
    on_new_image(&mut second)?;
    let pools = seed.pointer_mut("/batchAccounts/0/pools").and_then(Value::as_array_mut);
    pools.ok_or_else(missing)?.push(second);
    Ok(seed)
}

/// Pools and jobs after such a run that was killed there.
fn left_by(phase: Phase, lab: &Lab<'_>, seed: &Value, run: Command) -> Result<serde_json::Map<String, Value>> {
    let lab = part(lab, phase.name)?;
    let azure = lab.azure(seed.clone())?;
    kill_at(phase, &lab, &azure, run)?;
    lab.keep_journal(&azure)?;
    batch(&azure)
}

/// The metadata of a pool or job.
fn left_in(left: &serde_json::Map<String, Value>, end: &str) -> Result<Value> {
    let found = left.iter().find(|(id, _)| id.ends_with(&format!("/{end}")));
    let metadata = found.and_then(|(_, item)| item.get("metadata"));
    metadata
        .cloned()
        .ok_or_else(|| Failure::unexpected(format!("the killed run left nothing in {end}")))
}

/// The pools or jobs of a seed, with their ids.
fn list<'s>(seed: &'s mut Value, kind: &str) -> Result<Vec<(&'s mut Value, String)>> {
    let items = seed.pointer_mut(&format!("/batchAccounts/0/{kind}"));
    let items = items.and_then(Value::as_array_mut).ok_or_else(missing)?;
    let with_id = |item: &'s mut Value| {
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        (item, id)
    };
    Ok(items.iter_mut().map(with_id).collect())
}

fn on_new_image(pool: &mut Value) -> Result {
    let configuration = pool.get_mut("virtualMachineConfiguration").ok_or_else(missing)?;
    let reference = json!({ "virtualMachineImageId": pool::version_id("1.0.1") });
    put(configuration, "imageReference", reference)
}

fn put(item: &mut Value, name: &str, value: Value) -> Result {
    let fields = item.as_object_mut().ok_or_else(missing)?;
    fields.insert(name.to_owned(), value);
    Ok(())
}

fn missing() -> Failure {
    Failure::unexpected("the example lacks what is changed")
}

fn part<'a>(lab: &Lab<'a>, name: &str) -> Result<Lab<'a>> {
    lab.part(&name.replace(", ", "-").replace(' ', "-"))
}
