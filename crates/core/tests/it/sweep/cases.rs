//! Runs many small cases on all cores, each with a paused clock of its own, and adds up what failed.

use std::{
    any::Any,
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Longer than all runs of a case together.
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many failures are shown whole: a fault of a kind fails many cases alike.
const SHOWN: usize = 12;

/// Runs one case with a paused clock of its own.
///
/// # Panics
/// When it waits for something that never comes: a paused clock reaches the end of patience at once.
pub(super) fn alone<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime needs nothing of the machine");
    let done = runtime.block_on(async { tokio::time::timeout(PATIENCE, case).await });
    done.expect("the case ends")
}

/// Runs all cases and gives their number.
///
/// # Panics
/// When a case failed, with all of them.
pub(super) fn fan_out<Case: Sync + Display>(cases: &[Case], run: impl Fn(&Case) -> Result<(), String> + Sync) -> usize {
    fan_out_counted(cases, |case| run(case).map(|()| true))
}

/// Runs all cases and gives the number of those that came about.
///
/// # Panics
/// When a case failed, with all of them.
pub(super) fn fan_out_counted<Case: Sync + Display>(
    cases: &[Case],
    run: impl Fn(&Case) -> Result<bool, String> + Sync,
) -> usize {
    let (next, came) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = catch_unwind(AssertUnwindSafe(|| run(case)));
            match outcome.unwrap_or_else(|panic| Err(words(panic.as_ref()))) {
                Ok(came_about) => {
                    came.fetch_add(usize::from(came_about), Ordering::Relaxed);
                }
                Err(fault) => failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(format!("{case}: {fault}")),
            }
        }
    };
    thread::scope(|scope| {
        for _core in 0..thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(work);
        }
    });
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort();
    let names: Vec<&str> = failed.iter().filter_map(|fault| fault.lines().next()).collect();
    assert!(
        failed.is_empty(),
        "{} of {} cases failed:\n{}\n\n{}",
        failed.len(),
        cases.len(),
        names.join("\n"),
        failed.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n\n")
    );
    came.into_inner()
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a case panicked: {}", text.unwrap_or("without words"))
}
