//! What a run still does in Azure after it was asked to stop, and what it says of what goes on there.
//!
//! It has a second: a CI system that cancels a job kills it soon after. Each write is sent once, and nothing of others is
//! touched.

use std::time::Duration;

use super::{
    PoolAction, RolloutReport,
    counted::counted,
    explain::At,
    pair::{Kin, PairRecord},
    record::{Back, CANCELLED, Phase, Record, Remembered},
    spec::{recorded, related},
};
use crate::{
    batch::pool::{self, AllocationState, Pool, Scaling},
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, NodeCounts, PoolId},
    judge::Written,
    options::run::DEADLINE,
    run::Run,
    settings::OnCancel,
    typing::az,
    words,
    words::Part as Piece,
};

/// How long all of it may take. With the end of a write before and the files after it, a run ends within two seconds of
/// the signal; GitHub's runner sends the next one after 7.5 s and kills after 10 s.
const LIMIT: Duration = Duration::from_secs(1);

/// What is said of a write whose answer the end of the run did not leave time for.
const UNKNOWN: &str = "a write was under way, and it is not known whether Azure acted on it";

/// What was still done.
#[derive(Debug, Default)]
pub(super) struct Halt {
    /// In sentences.
    said: Vec<String>,
    /// What counts most for whoever goes on.
    done: Done,
    /// The pools of a change that has not come to its end, as they are left.
    left: Vec<Left>,
}

/// What was stopped, and so what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// A roll-out.
    RollOut,
    /// The return of a pool that was named.
    Return,
    /// That of one of many pools.
    ReturnOfMany,
}

/// A pool as a run leaves it.
#[derive(Debug)]
struct Left {
    id: PoolId,
    pool: Pool,
}

/// What was done, the weightier last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Done {
    /// Nothing.
    #[default]
    Nothing,
    /// A resize was stopped.
    Stopped,
    /// The next run goes back.
    Turned,
}

/// Where it is done.
struct Halting<'a> {
    client: Client,
    endpoint: &'a BatchEndpoint,
    halt: Halt,
}

impl Halting<'_> {
    /// Stops the growth of a pool.
    async fn stop(&mut self, id: &PoolId) {
        let stopped = async {
            let Some(pool) = self.find(id).await? else {
                return Ok(None);
            };
            let grows = pool.targets.total() > pool.current.total();
            // A formula would ask for them again.
            let follows = pool.scaling == Scaling::Auto;
            if pool.allocation != AllocationState::Resizing || !grows || follows {
                return Ok(None);
            }
            self.client.send(&pool::stop_resize(self.endpoint, id)).await?;
            Ok(Some(pool))
        };
        match stopped.await {
            Ok(None) => {}
            Ok(Some(pool)) => {
                self.halt.done = self.halt.done.max(Done::Stopped);
                let has = billed(pool.current);
                let text = format!("the resize of pool {id} was stopped; it has {has}");
                self.halt.said.push(text);
            }
            Err(error) => self.failed(&format!("the resize of pool {id} could not be stopped"), &error),
        }
    }

    /// Writes that the next run goes back.
    async fn turn(&mut self, id: &PoolId) {
        let turned = async {
            let Some(pool) = self.find(id).await? else {
                return Ok(false);
            };
            let why = Error::new(ErrorKind::Cancelled, CANCELLED);
            let Some(body) = turned(&pool, &why) else {
                return Ok(false);
            };
            let patch = pool::patch(self.endpoint, id, body, pool.etag.as_deref());
            self.client.send(&patch).await.map(|_answer| true)
        };
        match turned.await {
            Ok(true) => {
                self.halt.done = Done::Turned;
                let text = format!("pool {id} goes back to what it was: that is written down and not done yet");
                self.halt.said.push(text);
            }
            Ok(false) => {
                let text = format!("pool {id} has no record of a change that could go back");
                self.halt.said.push(text);
            }
            Err(error) => self.failed(
                &format!("it could not be written down that pool {id} goes back"),
                &error,
            ),
        }
    }

    /// Looks at what is left of a change. Where that fails, less is said.
    async fn look(&mut self, id: &PoolId) {
        if let Ok(Some(pool)) = self.find(id).await {
            self.halt.left.push(Left { id: id.clone(), pool });
        }
    }

    async fn find(&self, id: &PoolId) -> Result<Option<Pool>> {
        let found = self.client.find(&pool::get(self.endpoint, id)).await?;
        Ok(found.map(|answer| Pool::new(answer.value())))
    }

    fn failed(&mut self, what: &str, error: &Error) {
        // The service's own words: the one second is over before anything else can be tried.
        let why = error.service().map_or_else(|| error.to_string(), ToString::to_string);
        self.halt.said.push(format!("{what}: {why}"));
    }
}

impl Stopped {
    /// How to end a return that has begun.
    fn ending(self, error: Error, at: Option<At<'_>>) -> Error {
        match self {
            // The command of one pool would have to be typed for each.
            Self::ReturnOfMany => error.with_next(
                "run again with the same pool file: what has begun ends, and the other pools have their turn",
                None,
            ),
            Self::RollOut | Self::Return => error.with_next("to end the return, run this", at.map(At::rolling_back)),
        }
    }
}

impl Left {
    fn is_resizing(&self) -> bool {
        self.pool.allocation == AllocationState::Resizing && self.pool.targets != self.pool.current
    }

    /// Whether a resize to more nodes goes on, which a command can stop.
    fn is_growing(&self) -> bool {
        self.is_resizing()
            && self.pool.scaling == Scaling::Fixed
            && self.pool.targets.total() > self.pool.current.total()
    }

    /// What goes on with it.
    fn goes_on(&self) -> Option<String> {
        let (id, pool) = (&self.id, &self.pool);
        if pool.scaling == Scaling::Auto {
            return Some(format!(
                "pool {id} follows its formula, and each node that comes is billed"
            ));
        }
        let billed = match self.is_growing() {
            true => ", and each node that comes is billed",
            false => "",
        };
        let to = some(pool.targets);
        self.is_resizing()
            .then(|| format!("the resize of pool {id} to {to} goes on in Azure{billed}"))
    }
}

/// Does what was asked for in the case of a cancel, and looks at what is left of a change; at a deadline it only looks.
pub(super) async fn halt(client: &Client, on_cancel: Option<OnCancel>, report: &RolloutReport) -> Halt {
    let Some(endpoint) = &report.endpoint else {
        return Halt::default();
    };
    let mut halting = Halting {
        client: client.halting(LIMIT),
        endpoint,
        halt: Halt::default(),
    };
    let former = report.former_pool.as_ref().map(|former| &former.pool);
    match on_cancel.filter(|_| is_ours(report.action)) {
        None | Some(OnCancel::Leave) => {}
        Some(OnCancel::StopResize) => halting.stop(&report.pool).await,
        Some(OnCancel::Return) => {
            // The record first: a resize that goes on does less harm than one that the next run goes on with.
            halting.turn(former.unwrap_or(&report.pool)).await;
            halting.stop(&report.pool).await;
        }
    }
    if is_of_record(report.action) && halting.halt.done == Done::Nothing {
        for id in former.into_iter().chain([&report.pool]).chain(&report.back_from) {
            halting.look(id).await;
        }
    }
    halting.halt
}

/// The error of a run that was asked to stop, or that met its deadline, with what goes on and how to go on.
pub(super) fn explained(
    error: Error,
    (report, at): (&RolloutReport, Option<At<'_>>),
    run: &Run,
    (halt, stopped): (Halt, Stopped),
) -> Error {
    let written = run.written();
    let is_cancel = error.kind() == ErrorKind::Cancelled;
    let error = halt
        .said
        .iter()
        .fold(error, |error, said| error.with_kept(said.clone()));
    if halt.done == Done::Turned {
        return stopped.ending(error, at);
    }
    match report.action {
        PoolAction::Replaced | PoolAction::Returned | PoolAction::Moved => {
            left_changing(error, (report, at), (&halt, stopped))
        }
        // A return makes no pool, and its own may be at work.
        PoolAction::None if written == Written::Something && stopped != Stopped::RollOut => {
            stopped.ending(error.with_kept(UNKNOWN), at)
        }
        PoolAction::None if !is_cancel && written == Written::Something && at.is_some() => error
            .with_kept(format!("pool {} may exist, and its nodes may be billed", report.pool))
            .with_next(
                "to see whether it exists (PoolNotFound: it does not)",
                at.map(|at| at.az(az::POOL_STATE)),
            )
            .with_next(
                words![
                    "to go on, run again: the run looks first at what is there; for more time, with ",
                    Piece::set(DEADLINE, run.more_time())
                ],
                None,
            )
            .with_next(
                "if it exists and is not wanted, remove its nodes and pay no more",
                at.map(|at| at.az(az::RELEASE_NODES)),
            ),
        _ if !is_cancel => error,
        PoolAction::None | PoolAction::Unchanged if written == Written::Nothing => error
            .with_kept("the pool stays as it is")
            .with_next("run again: the run goes on from here", None),
        PoolAction::None | PoolAction::Unchanged => error
            .with_kept(UNKNOWN)
            .with_next("run again: the run looks first at what is there", None),
        _ if halt.done == Done::Stopped => error.with_next("run again to go on from here", None),
        _ => left_growing(error, report, at),
    }
}

/// A change that has begun and not come to its end.
fn left_changing(
    error: Error,
    (report, at): (&RolloutReport, Option<At<'_>>),
    (halt, stopped): (&Halt, Stopped),
) -> Error {
    if report.action == PoolAction::Returned {
        let error = going_on(error.with_kept(left_returning(report, halt)), halt);
        return stopping(stopped.ending(error, at), (halt, at));
    }
    let is_of_two = report.action == PoolAction::Moved || report.former_pool.is_some();
    let state = match halt.left.as_slice() {
        _ if is_of_two => "the work is on both pools, and jobs may be disabled".to_owned(),
        [Left { id, pool }] => {
            let nodes = some(pool.current);
            format!("the change in place has not come to its end: pool {id} has {nodes}, and its jobs may be disabled")
        }
        _ => "the change in place has not come to its end: the pool may be empty and its jobs disabled".to_owned(),
    };
    let back = match is_of_two {
        true => "or bring the work back to the former pool",
        false => "or bring the pool back to what it was",
    };
    let error = going_on(error.with_kept(state), halt)
        .with_next("run again to end it", None)
        .with_next(back, at.map(At::rolling_back));
    stopping(error, (halt, at))
}

/// How far a return is that has begun and not come to its end.
fn left_returning(report: &RolloutReport, halt: &Halt) -> String {
    let pool = &report.pool;
    let from_to = match (&report.back_from, &report.former_pool) {
        (Some(from), _) => Some((from, pool)),
        (None, Some(former)) => Some((pool, &former.pool)),
        (None, None) => None,
    };
    let what = match from_to {
        Some((from, to)) => format!("the work goes back from pool {from} to pool {to}"),
        None => format!("pool {pool} goes back to what it was"),
    };
    let has = |left: &Left| format!("pool {} has {}", left.id, some(left.pool.current));
    let state: Vec<String> = halt.left.iter().map(has).collect();
    let and = if state.is_empty() { "" } else { ", and " };
    let state = state.join(", ");
    format!("{what}, and that has not come to its end: {state}{and}jobs may be disabled")
}

/// What goes on in Azure.
fn going_on(error: Error, halt: &Halt) -> Error {
    halt.left.iter().filter_map(Left::goes_on).fold(error, Error::with_kept)
}

/// How to stop what grows.
fn stopping(error: Error, (halt, at): (&Halt, Option<At<'_>>)) -> Error {
    let growing = halt.left.iter().filter(|left| left.is_growing());
    growing.fold(error, |error, left| {
        let at = at.map(|at| At { pool: &left.id, ..at });
        error
            .with_next("or stop the resize first", at.map(|at| at.az(az::STOP_RESIZE)))
            .with_next(
                "nodes that have come stay and are billed; to remove them, once the resize has stopped",
                at.map(|at| at.az(az::RELEASE_NODES)),
            )
    })
}

/// A pool that gets nodes after the run has ended.
fn left_growing(error: Error, report: &RolloutReport, at: Option<At<'_>>) -> Error {
    let pool = &report.pool;
    let error = Error::plain(error.kind(), format!("stopped as asked, while pool {pool} was growing"))
        .because(error)
        .as_first();
    // A formula decides the size: there is no resize of ours to stop, and Batch refuses one to nothing.
    if report.autoscale.is_some() {
        let kept = format!("pool {pool} exists and follows its formula, and each node that comes is billed");
        return error.with_kept(kept).with_next("run again to go on from here", None);
    }
    let error = error.with_kept(format!(
        "pool {pool} exists; its resize to {} goes on in Azure, and each node that comes is billed",
        counted(report.targets.into())
    ));
    let error = match report.allocated {
        Some(nodes) => error.with_kept(format!("when it was last looked at, it had {}", some(nodes))),
        None => error,
    };
    error
        .with_next(
            "run again to go on from here, or stop the resize",
            at.map(|at| at.az(az::STOP_RESIZE)),
        )
        .with_next(
            "nodes that have come stay and are billed; to remove them, once the resize has stopped",
            at.map(|at| at.az(az::RELEASE_NODES)),
        )
}

/// The nodes, which may be none.
fn some(nodes: NodeCounts) -> String {
    match nodes.total() {
        0 => "no nodes".to_owned(),
        _ => counted(nodes),
    }
}

/// The same with what they cost.
fn billed(nodes: NodeCounts) -> String {
    match nodes.total() {
        0 => "no nodes".to_owned(),
        1 => "1 node, which stays and is billed".to_owned(),
        _ => format!("{}, which stay and are billed", counted(nodes)),
    }
}

/// Whether a run has changed something that it may stop or turn back; a return goes on.
const fn is_ours(action: PoolAction) -> bool {
    !matches!(
        action,
        PoolAction::None | PoolAction::Unchanged | PoolAction::Joined | PoolAction::Returned
    )
}

/// Whether a record in a pool's metadata says how to go on.
const fn is_of_record(action: PoolAction) -> bool {
    matches!(action, PoolAction::Replaced | PoolAction::Returned | PoolAction::Moved)
}

/// The change of a pool's record that turns its roll-out back; nothing when none is on its way forward.
fn turned(pool: &Pool, why: &Error) -> Option<serde_json::Value> {
    if let Remembered::Change(record) = Record::of(pool)
        && record.phase == Phase::Forward
        && record.way_back() == Back::Possible
    {
        return Some(recorded(pool, &record.back(why).items()?));
    }
    let Kin::Member(record) = PairRecord::of(pool) else {
        return None;
    };
    let is_forward = record.shift.as_ref().is_some_and(|shift| shift.phase == Phase::Forward);
    is_forward.then(|| related(pool, &record.back(why).text()))
}
