//! Every step fails once: for each request of a good run and each trouble, a run, a second run, a third run.
//!
//! It asserts that the trouble was met where it was meant, that the run recovered or named the step, that the second
//! run reached the good end, and that the third wrote nothing. What the flow is, the caller says.

use azure_batch_core::error::{Error, Result};
use azure_emulator::journal::Entry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::Azure;

/// What befalls one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Refused,
    ResetBeforeEffect,
    ResetAfterEffect,
    Throttled,
    Unavailable,
    OperationFailed,
    ProcessGone,
}

const TROUBLES: [Trouble; 7] = [
    Trouble::Refused,
    Trouble::ResetBeforeEffect,
    Trouble::ResetAfterEffect,
    Trouble::Throttled,
    Trouble::Unavailable,
    Trouble::OperationFailed,
    Trouble::ProcessGone,
];

/// How a run with a trouble ended.
enum Ended {
    Well,
    Badly(Error),
    Gone,
}

/// What is swept.
pub(crate) struct Sweep<World, Flow, Settle> {
    /// A fresh world.
    pub(crate) world: World,
    /// One run on it.
    pub(crate) flow: Flow,
    /// Makes two end states comparable that are equally good.
    pub(crate) settle: Settle,
}

impl<World, Flow, Future, Settle> Sweep<World, Flow, Settle>
where
    World: Fn() -> Azure,
    Flow: Fn(Azure, CancellationToken) -> Future,
    Future: std::future::Future<Output = Result<()>>,
    Settle: Fn(Value) -> Value,
{
    /// Sweeps, and returns how many cases were run.
    pub(crate) async fn run(&self) -> usize {
        let world = (self.world)();
        (self.flow)(world.clone(), CancellationToken::new())
            .await
            .expect("the good run is good");
        let good = world.journal();
        let end = (self.settle)(world.resources());
        let mut cases = 0;
        for entry in &good {
            for trouble in TROUBLES {
                if trouble == Trouble::OperationFailed && !starts_an_operation(entry) {
                    continue;
                }
                self.case(entry, trouble, &end).await;
                cases += 1;
            }
        }
        cases
    }

    async fn case(&self, entry: &Entry, trouble: Trouble, end: &Value) {
        let case = format!(
            "{trouble:?} at request {} ({} {})",
            entry.number, entry.method, entry.path
        );
        let world = (self.world)();
        let ended = self.with_trouble(&world, entry, trouble).await;
        assert_met(&world, entry, trouble, &case);
        match &ended {
            Ended::Badly(error) => assert!(
                names_step(error, entry),
                "{case}: the error does not name the step:\n{}",
                error.report()
            ),
            Ended::Gone => assert_eq!(trouble, Trouble::ProcessGone, "{case}"),
            // That the trouble was met is known by now, so the run has got over it.
            Ended::Well => {}
        }
        world.turn_the_page();
        if let Err(error) = (self.flow)(world.clone(), CancellationToken::new()).await {
            panic!("{case}: the second run failed:\n{}", error.report());
        }
        let found = (self.settle)(world.resources());
        assert!(found == *end, "{case}: another end state\n{}", difference(end, &found));
        world.turn_the_page();
        if let Err(error) = (self.flow)(world.clone(), CancellationToken::new()).await {
            panic!("{case}: the third run failed:\n{}", error.report());
        }
        assert_eq!(world.writes(), Vec::<String>::new(), "{case}: the third run wrote");
    }

    async fn with_trouble(&self, world: &Azure, entry: &Entry, trouble: Trouble) -> Ended {
        let gone = CancellationToken::new();
        inject(world, entry, trouble, &gone);
        let run = (self.flow)(world.clone(), CancellationToken::new());
        tokio::select! {
            biased;
            () = gone.cancelled() => Ended::Gone,
            result = run => match result {
                Ok(()) => Ended::Well,
                Err(error) => Ended::Badly(error),
            },
        }
    }
}

fn inject(world: &Azure, entry: &Entry, trouble: Trouble, gone: &CancellationToken) {
    let number = entry.number;
    let fault = |mut effect: Value| {
        effect["request"] = json!(number);
        world.fault(effect);
    };
    match trouble {
        Trouble::Refused => world.refuse(number),
        Trouble::ProcessGone => world.gone_after(number, gone.clone()),
        Trouble::ResetBeforeEffect => fault(json!({"kind": "resetBeforeEffect"})),
        Trouble::ResetAfterEffect => fault(json!({"kind": "resetAfterEffect"})),
        Trouble::Throttled => fault(json!({"kind": "throttle", "retryAfter": 3})),
        Trouble::Unavailable => {
            fault(json!({"kind": "status", "status": 503, "code": "ServerBusy", "message": "busy"}));
        }
        Trouble::OperationFailed => {
            fault(json!({"kind": "operationFailed", "code": "InternalOperationError", "message": "it broke"}));
        }
    }
}

/// A trouble that was never met proves nothing.
fn assert_met(world: &Azure, entry: &Entry, trouble: Trouble, case: &str) {
    // A world may script faults of its own; those of a sweep name a request.
    let in_script = world.emulator(|emulator, _| {
        let swept = emulator.faults().iter().filter(|fault| fault.request.is_some());
        swept.map(|fault| fault.hits).sum::<u64>()
    });
    assert_eq!(in_script + world.outside_hits(), 1, "{case}: not met exactly once");
    if trouble == Trouble::Refused {
        return;
    }
    let journal = world.journal();
    let met = journal
        .iter()
        .find(|it| it.number == entry.number)
        .expect("the request was made");
    assert_eq!(
        (&met.method, &met.path),
        (&entry.method, &entry.path),
        "{case}: another request was hit"
    );
}

/// Whether a long operation begins with this request: a pool's resize, or a write to ARM that is answered before it is
/// done.
fn starts_an_operation(entry: &Entry) -> bool {
    if entry.method == "POST" && (entry.path == "/pools" || entry.path.ends_with("/resize")) {
        return true;
    }
    let is_arm_write =
        matches!(entry.method.as_str(), "PUT" | "DELETE" | "PATCH") || entry.path.ends_with("/deallocate");
    let state = entry
        .response
        .pointer("/properties/provisioningState")
        .and_then(Value::as_str);
    let is_going_on = entry.status == Some(202) || state.is_some_and(|state| state != "Succeeded");
    entry.path.starts_with("/subscriptions/") && is_arm_write && is_going_on
}

/// The request's own name is in the report: the resource's, or that of signing in.
fn names_step(error: &Error, entry: &Entry) -> bool {
    let report = error.report().to_lowercase();
    if entry.path.contains("/oauth2/") {
        return report.contains("sign in");
    }
    let names = entry
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .rev()
        .take(2);
    names.map(str::to_lowercase).any(|name| report.contains(&name))
}

/// The first lines that differ.
fn difference(expected: &Value, found: &Value) -> String {
    let lines = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let (expected, found) = (lines(expected), lines(found));
    let missing = expected
        .lines()
        .filter(|line| !found.contains(line))
        .map(|line| format!("- {line}"));
    let extra = found
        .lines()
        .filter(|line| !expected.contains(line))
        .map(|line| format!("+ {line}"));
    missing.chain(extra).take(60).collect::<Vec<_>>().join("\n")
}
