//! Runs cases side by side and says how each ended; only a case that names what no registry has may be skipped.
//!
//! It knows no case by name. What they left is searched for secrets as the last case.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use crate::{
    console::{complain, say},
    failure::{Failure, Result, ensure},
    files,
    lab::Lab,
    secrets::Secrets,
    time::Stopwatch,
    tools::Tools,
};

/// The name of the last case, which searches what the others have left.
pub const SEARCH: &str = "no_secret_is_in_any_log";

/// How many cases run at once: most of a case is waiting for the emulated Azure, or for the 30 s between two writes to a
/// pool, so five to a core of CI's two: they leave it idle for the most part.
const SIDE_BY_SIDE: usize = 10;

/// A named case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, a sentence.
    pub name: &'static str,
    /// What it does; fails with what is wrong.
    pub run: fn(&Lab<'_>) -> Result,
}

/// How a case ended.
#[derive(Debug)]
struct Ended {
    name: &'static str,
    took: Duration,
    result: Result,
}

impl Ended {
    const fn skipped(&self) -> bool {
        matches!(self.result, Err(Failure::NotRun(_)))
    }

    const fn failed(&self) -> bool {
        self.result.is_err() && !self.skipped()
    }
}

/// Runs the cases whose name contains `filter` and then the search for secrets.
///
/// # Errors
/// When one failed, or when the filter fits none.
pub fn run(cases: &[Case], tools: &Tools, filter: &str, secrets: &Secrets) -> Result {
    let chosen: Vec<Case> = cases
        .iter()
        .copied()
        .filter(|case| case.name.contains(filter))
        .collect();
    ensure(!chosen.is_empty(), || format!("no case is named like {filter:?}"))?;
    say(format!(
        "running {} cases, logs under {}",
        chosen.len() + 1,
        tools.results.display()
    ));
    let mut ended = run_side_by_side(&chosen, tools);
    ended.push(search(tools, secrets));
    for case in &ended {
        if let Err(failure) = &case.result {
            complain(format!("\n---- {} ----\n{}", case.name, failure.report()));
        }
    }
    say(format!("\n{}", counts(&ended)));
    let names: Vec<&str> = ended
        .iter()
        .filter(|case| case.failed())
        .map(|case| case.name)
        .collect();
    ensure(names.is_empty(), || format!("failed: {}", names.join(", ")))
}

/// The closing line, as runners of tests write it.
fn counts(ended: &[Ended]) -> String {
    let failed = ended.iter().filter(|case| case.failed()).count();
    let skipped = ended.iter().filter(|case| case.skipped()).count();
    let passed = ended.len() - failed - skipped;
    match skipped {
        0 => format!("{passed} passed, {failed} failed"),
        _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
    }
}

fn run_side_by_side(cases: &[Case], tools: &Tools) -> Vec<Ended> {
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _worker in 0..SIDE_BY_SIDE {
            let tell = tell.clone();
            let next = &next;
            scope.spawn(move || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    drop(tell.send(run_one(case, tools)));
                }
            });
        }
        drop(tell);
        told.iter().inspect(announce).collect()
    })
}

fn run_one(case: &Case, tools: &Tools) -> Ended {
    let watch = Stopwatch::start();
    let result = Lab::new(tools, case.name).and_then(|lab| {
        let result = (case.run)(&lab);
        if let Err(failure) = &result {
            files::write(&lab.dir.join("failure.txt"), failure.report())?;
        }
        result
    });
    Ended {
        name: case.name,
        took: watch.passed(),
        result,
    }
}

fn search(tools: &Tools, secrets: &Secrets) -> Ended {
    let watch = Stopwatch::start();
    let result = secrets
        .search(&tools.results)
        .map(|count| say(format!("searched {count} files for secrets")));
    let ended = Ended {
        name: SEARCH,
        took: watch.passed(),
        result,
    };
    announce(&ended);
    ended
}

fn announce(case: &Ended) {
    let verdict = match &case.result {
        Ok(()) => "ok",
        Err(Failure::NotRun(_)) => "skipped",
        Err(_) => "FAILED",
    };
    say(format!(
        "test {} ... {verdict} ({:.1} s)",
        case.name,
        case.took.as_secs_f32()
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(result: Result) -> Ended {
        Ended {
            name: "a_case",
            took: Duration::ZERO,
            result,
        }
    }

    #[test]
    fn a_skipped_case_is_counted_apart() {
        let good = || ended(Ok(()));
        let bad = || ended(Err(Failure::unexpected("wrong")));
        let skipped = || ended(Err(Failure::NotRun("no PowerShell".to_owned())));
        assert_eq!(counts(&[good(), bad(), good()]), "2 passed, 1 failed");
        assert_eq!(counts(&[good(), skipped()]), "1 passed, 0 failed, 1 skipped");
        assert!(!skipped().failed());
    }
}
