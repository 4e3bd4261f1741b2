//! A change in place, killed in each of its phases: the same command again ends it, and no task is lost.
//!
//! The pool is that of `work`, which has the same for a second pool.

use std::{thread, time::Duration};

use super::work::{NODES, nothing_is_lost, pools, working};
use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure_equal},
    lab::Lab,
    pool::{self, LIMIT},
    process::{Program, Signal},
    suite::Case,
    time::wait_for,
};

/// How long a phase may take to come: a change writes to its pool up to four times before, with 30 s between two writes,
/// and waits for the tasks that run.
const PHASE_LIMIT: Duration = Duration::from_secs(300);

/// The tasks of the pool: some run, and some wait.
const TASKS: u32 = 12;

/// A point at which a run is killed: what the service has been sent by then, and how often.
#[derive(Clone, Copy)]
struct Phase {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    times: usize,
}

/// What is killed, and what is there once the same was run again.
#[derive(Clone, Copy)]
struct Killed {
    phases: &'static [Phase],
    run: fn(&Lab<'_>, &LocalAzure, &str) -> Result<Program>,
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
    run: |lab, azure, log| in_place(lab, azure, log, "true"),
    exit: 0,
    pools: "pool1 5 on 1.0.1",
};

pub(super) const CASES: &[Case] = &[Case {
    name: "change_in_place_killed_in_each_phase_is_finished_by_the_same_again",
    run: |lab| in_each_phase(lab, IN_PLACE),
}];

/// Phases share nothing, so they are met side by side.
fn in_each_phase(lab: &Lab<'_>, killed: Killed) -> Result {
    let parts = killed.phases.iter().map(|phase| Ok((lab.part(phase.name)?, *phase)));
    let parts: Vec<(Lab<'_>, Phase)> = parts.collect::<Result<_>>()?;
    thread::scope(|scope| {
        let runs: Vec<_> = parts
            .iter()
            .map(|(part, phase)| scope.spawn(move || killed_in(part, killed, *phase)))
            .collect();
        let ended = runs.into_iter().map(|run| {
            let lost = || Failure::unexpected("a part of the case panicked");
            run.join().map_err(|_panic| lost())?
        });
        ended.collect::<Result<Vec<()>>>().map(drop)
    })
}

fn killed_in(lab: &Lab<'_>, killed: Killed, phase: Phase) -> Result {
    let azure = lab.azure(working(lab, TASKS, 2 * NODES)?)?;
    let run = (killed.run)(lab, &azure, "killed")?.start()?;
    wait_for(&format!("the phase {}", phase.name), PHASE_LIMIT, || {
        let journal = azure.journal()?;
        let is_it = |entry: &&crate::journal::Entry| {
            let whole = format!("{}?", entry.path);
            entry.method == phase.method && whole.to_ascii_lowercase().contains(phase.path)
        };
        let times = journal.writes().filter(is_it).count();
        Ok((times >= phase.times).then_some(()))
    })?;
    run.signal(Signal::Kill)?;
    run.wait(LIMIT)?.ended_with(-9)?;
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

/// A change in place whose first node runs that command.
fn in_place(lab: &Lab<'_>, azure: &LocalAzure, log: &str, command: &str) -> Result<Program> {
    let program = pool::people_rollout(lab, azure, log, ("1.0.1", NODES))?;
    Ok(program
        .args(["--strategy", "in-place", "--adopt"])
        .args(["--canary-nodes", "1", "--canary-command", command]))
}
