//! Two runs of one job side by side, one of which is killed or cancelled at every request: the other ends well.

use std::{fmt, pin::pin};

use azure_batch_core::error::Result;
use futures::future::{Either, select};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Ends,
    cases::{alone, fan_out},
    difference,
};
use crate::support::Azure;

/// How the one ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Killed,
    Cancelled,
}

/// How one of the two is stopped.
const STOPS: [Stop; 2] = [Stop::Killed, Stop::Cancelled];

/// One end of one run at one request of both.
struct Case {
    request: u64,
    stop: Stop,
}

/// What runs twice.
pub(crate) struct Pair<World, Flow, Settle> {
    /// A fresh world.
    pub(crate) world: World,
    /// One run on it; the number distinguishes the two.
    pub(crate) flow: Flow,
    /// Makes two end states comparable that are equally good.
    pub(crate) settle: Settle,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of two {:?} at request {}", self.stop, self.request)
    }
}

impl<World, Flow, Future, Settle> Pair<World, Flow, Settle>
where
    World: Fn() -> Azure + Sync,
    Flow: Fn(Azure, Ends, u8) -> Future + Sync,
    Future: std::future::Future<Output = Result<()>>,
    Settle: Fn(Value) -> Value + Sync,
{
    /// Runs all cases and gives their number.
    pub(crate) fn run(&self) -> usize {
        let (last, end) = alone(async {
            let world = (self.world)();
            let one = (self.flow)(world.clone(), Ends::none(), 1);
            let other = (self.flow)(world.clone(), Ends::none(), 2);
            let (one, other) = tokio::join!(one, other);
            one.expect("the first of two runs is good");
            other.expect("the second of two runs is good");
            let last = world.journal().last().map_or(0, |entry| entry.number);
            (last, (self.settle)(world.resources()))
        });
        let at = |request| STOPS.map(|stop| Case { request, stop });
        let cases: Vec<Case> = (1..=last).flat_map(at).collect();
        fan_out(&cases, |case| alone(self.case(case, &end)))
    }

    async fn case(&self, case: &Case, end: &Value) -> Result<(), String> {
        let world = (self.world)();
        let stopped = CancellationToken::new();
        world.gone_after(case.request, stopped.clone());
        let mut ends = Ends::none();
        if matches!(case.stop, Stop::Cancelled) {
            ends.cancel = stopped.clone();
        }
        let one = async {
            let run = pin!((self.flow)(world.clone(), ends, 1));
            match case.stop {
                // Whatever it was about to do, it does no more.
                Stop::Killed => match select(pin!(stopped.cancelled()), run).await {
                    Either::Left(_) | Either::Right(_) => {}
                },
                // It says that it was stopped, or was done before.
                Stop::Cancelled => drop(run.await),
            }
        };
        let ((), other) = tokio::join!(one, (self.flow)(world.clone(), Ends::none(), 2));
        other.map_err(|error| format!("the other failed:\n{}", error.report()))?;
        world.turn_the_page();
        let third = (self.flow)(world.clone(), Ends::none(), 3).await;
        third.map_err(|error| format!("a run after both failed:\n{}", error.report()))?;
        let found = (self.settle)(world.resources());
        if found != *end {
            return Err(format!("another end state\n{}", difference(end, &found)));
        }
        Ok(())
    }
}
