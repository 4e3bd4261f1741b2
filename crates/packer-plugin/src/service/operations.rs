//! Operations by the names that clients gave them: started once, followed by everyone who asks.
//!
//! They live in memory, as long as the process: in a plugin that is one operation. What a killed process leaves is found
//! again in Azure, by core. How an operation is called and how long it is kept is described at `Publish` in the proto.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use azure_batch_core::{
    clock::Clock,
    error::{Error, ErrorKind},
    options::Door,
    plan::{Course, Ended},
    progress::Progress,
    redact::Redactor,
    settings::{Asked, PublishSettings},
};
use futures::{FutureExt as _, Stream, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{events, failure::Failed, publisher::Publisher, safe::Safe as _};
use crate::imaging::v1;

/// Longest name of an operation, so that it fits into a tag and a log line.
const LONGEST_ID: usize = 128;

/// How many operations that have ended are kept: a day's work of a busy release system.
const MOST_ENDED: usize = 100;

/// How long an operation that has ended is kept: until the people who started it are back at work.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// All operations.
#[derive(Debug)]
pub(super) struct Operations {
    known: Mutex<BTreeMap<String, Arc<Operation>>>,
    clock: Arc<dyn Clock>,
}

/// One publish: what it was asked, what it said, how it ended. Nothing secret is in it.
#[derive(Debug)]
pub(super) struct Operation {
    id: String,
    asked: Same,
    started: Timestamp,
    clock: Arc<dyn Clock>,
    cancel: CancellationToken,
    log: watch::Sender<Log>,
}

/// What makes two requests ask for the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Same {
    /// What to publish.
    pub(super) image: v1::Image,
    /// Whether a new version is made in any case.
    pub(super) force: bool,
}

/// What an operation is started with.
pub(super) struct Start {
    pub(super) asked: Asked<PublishSettings>,
    pub(super) publisher: Arc<dyn Publisher>,
    /// Knows the secrets of the request.
    pub(super) redactor: Redactor,
    /// How the callers know options.
    pub(super) door: Door,
}

/// What an operation has said; the event at index n has the number `before` + n + 1.
#[derive(Debug, Default)]
struct Log {
    /// How many events its former starts have said.
    before: u64,
    events: Vec<v1::Event>,
    end: Option<End>,
}

/// How an operation ended, and when.
#[derive(Debug)]
struct End {
    at: Timestamp,
    outcome: Result<v1::Published, Failed>,
}

/// What comes next for a follower.
enum Next {
    Event(Box<v1::Event>),
    Failure(Failed),
    End,
    NotYet,
}

impl Operations {
    /// No operations yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            known: Mutex::default(),
            clock,
        }
    }

    /// The operation of that name.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Operation>, Status> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut known, self.clock.now());
        let unknown = || {
            Status::not_found(format!(
                "there is no operation {id:?}: it was never started here, it ended long ago, or the service was restarted"
            ))
        };
        known.get(id).cloned().ok_or_else(unknown)
    }

    /// The operation of that name. It is started if there is none, or if it has failed and the request says what it was.
    pub(super) fn find_or_start(
        &self,
        id: &str,
        asked: Option<Same>,
        start: impl FnOnce(&v1::Image) -> Result<Start, Failed>,
    ) -> Result<Arc<Operation>, Failed> {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut known, now);
        let former = known.get(id);
        let asked = match (former, asked) {
            (Some(former), None) => return Ok(Arc::clone(former)),
            (Some(former), Some(asked)) => {
                former.check_same(&asked, now)?;
                if !former.has_failed() {
                    return Ok(Arc::clone(former));
                }
                asked
            }
            (None, Some(asked)) => asked,
            (None, None) => {
                let report = format!("there is no operation {id:?} to join; say what to publish to start it");
                return Err(Failed::new(ErrorKind::BadInput, report, now));
            }
        };
        let log = Log {
            before: former.map_or(0, |former| former.log.borrow().last_sequence()),
            ..Log::default()
        };
        let start = start(&asked.image)?;
        let operation = Arc::new(Operation {
            id: id.to_owned(),
            asked,
            started: now,
            clock: Arc::clone(&self.clock),
            cancel: CancellationToken::new(),
            log: watch::Sender::new(log),
        });
        known.insert(id.to_owned(), Arc::clone(&operation));
        tokio::spawn(drive(Arc::clone(&operation), start));
        Ok(operation)
    }
}

impl Operation {
    fn check_same(&self, asked: &Same, now: Timestamp) -> Result<(), Failed> {
        if *asked == self.asked {
            return Ok(());
        }
        let report = format!("operation {:?} was started for something else", self.id);
        let mut failed = Failed::new(ErrorKind::Refused, report, now);
        "give another operation id, or join without saying what to publish".clone_into(&mut failed.failure.hint);
        Err(failed)
    }

    fn has_failed(&self) -> bool {
        let log = self.log.borrow();
        log.end.as_ref().is_some_and(|end| end.outcome.is_err())
    }

    fn ended(&self) -> Option<Timestamp> {
        self.log.borrow().end.as_ref().map(|end| end.at)
    }

    /// Asks it to stop at a safe point.
    pub(super) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// How far it is.
    pub(super) fn describe(&self) -> v1::Operation {
        let log = self.log.borrow();
        let outcome = log.end.as_ref().map(|end| &end.outcome);
        let state = match outcome {
            None => v1::OperationState::Running,
            Some(Ok(_)) => v1::OperationState::Succeeded,
            Some(Err(_)) => v1::OperationState::Failed,
        };
        v1::Operation {
            operation_id: self.id.clone(),
            state: state.into(),
            last_sequence: log.last_sequence(),
            published: outcome.and_then(|outcome| outcome.as_ref().ok()).cloned(),
            failure: outcome
                .and_then(|outcome| outcome.as_ref().err())
                .map(|failed| v1::Failure::clone(&failed.failure)),
            started: Some(events::time(self.started)),
            ended: log.end.as_ref().map(|end| events::time(end.at)),
        }
    }

    /// Its events behind that number, those to come included; ends as it ends.
    pub(super) fn follow(self: &Arc<Self>, after: u64) -> impl Stream<Item = Result<v1::Event, Status>> + Send + use<> {
        let behind = after.saturating_sub(self.log.borrow().before);
        let first = usize::try_from(behind).unwrap_or(usize::MAX);
        // The sender must live as long as there are followers.
        let follower = Some((Arc::clone(self), self.log.subscribe(), first));
        stream::unfold(follower, |follower| async move {
            let (operation, mut log, index) = follower?;
            loop {
                let next = log.borrow_and_update().next(index);
                match next {
                    Next::Event(event) => return Some((Ok(*event), Some((operation, log, index + 1)))),
                    Next::Failure(failed) => return Some((Err(failed.into()), None)),
                    Next::End => return None,
                    Next::NotYet => log.changed().await.ok()?,
                }
            }
        })
    }

    fn tell(&self, mut event: v1::Event) {
        event.time = Some(events::time(self.clock.now()));
        self.log.send_modify(|log| {
            event.sequence = log.last_sequence() + 1;
            log.events.push(event);
        });
    }

    fn end(&self, outcome: Result<v1::Published, Failed>) {
        if let Ok(published) = &outcome {
            self.tell(events::result(published.clone()));
        }
        let at = self.clock.now();
        self.log.send_modify(|log| log.end = Some(End { at, outcome }));
    }
}

impl Log {
    fn last_sequence(&self) -> u64 {
        let own = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        self.before.saturating_add(own)
    }

    fn next(&self, index: usize) -> Next {
        match (self.events.get(index), self.end.as_ref().map(|end| &end.outcome)) {
            (Some(event), _) => Next::Event(Box::new(event.clone())),
            (None, None) => Next::NotYet,
            (None, Some(Ok(_))) => Next::End,
            (None, Some(Err(failed))) => Next::Failure(failed.clone()),
        }
    }
}

/// Checks a name for an operation.
pub(super) fn check_id(id: &str, now: Timestamp) -> Result<&str, Failed> {
    let is_good =
        (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c));
    if is_good {
        return Ok(id);
    }
    let report =
        format!("{id:?} is not an operation id (1-{LONGEST_ID} letters, digits, \".\", \"_\", \":\" or \"-\")");
    Err(Failed::new(ErrorKind::BadInput, report, now))
}

/// Drops operations that ended too long ago, and the oldest of too many that have ended.
fn forget(known: &mut BTreeMap<String, Arc<Operation>>, now: Timestamp) {
    known.retain(|_, operation| operation.ended().is_none_or(|at| now.duration_since(at) < KEPT_FOR));
    let mut ended: Vec<(Timestamp, String)> = known
        .iter()
        .filter_map(|(id, operation)| Some((operation.ended()?, id.clone())))
        .collect();
    ended.sort();
    let too_many = ended.len().saturating_sub(MOST_ENDED);
    for (_, id) in ended.into_iter().take(too_many) {
        known.remove(&id);
    }
}

/// Publishes and reports to the operation's followers.
async fn drive(operation: Arc<Operation>, start: Start) {
    let (progress, mut told) = Progress::channel();
    let run_id = start.asked.settings.run_id.clone();
    let work = start.publisher.publish(start.asked, progress, operation.cancel.clone());
    let mut work = AssertUnwindSafe(work).catch_unwind().boxed();
    let outcome = loop {
        tokio::select! {
            biased;
            Some(event) = told.recv() => operation.tell(events::event(event).safe(&start.redactor)),
            outcome = &mut work => break outcome,
        }
    };
    while let Ok(event) = told.try_recv() {
        operation.tell(events::event(event).safe(&start.redactor));
    }
    let crashed = |_| Ended {
        result: Err(Error::new(
            ErrorKind::Azure,
            "a fault in azure-batch itself stopped the run; its log has the place",
        )),
        report: Course::default(),
    };
    let Ended { result, report } = outcome.unwrap_or_else(crashed);
    let now = operation.clock.now();
    operation.end(match result {
        Ok(published) => Ok(events::published(published, report, run_id).safe(&start.redactor)),
        Err(error) => {
            let failed = Failed::of_error(&error, start.door, now).after(report, &run_id);
            Err(failed.safe(&start.redactor))
        }
    });
}
