//! Operations by the names that clients gave them: started once, followed by whoever asks.
//!
//! They live in memory, as long as the process: in a plugin that is one operation. What a
//! killed process leaves is found again in Azure, by core.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use azure_batch_core::{
    error::{Error, ErrorKind},
    plan::{Course, Ended},
    progress::Progress,
};
use futures::{FutureExt as _, Stream, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{convert::Job, events, failure::Failed, publisher::Publisher};
use crate::imaging::v1;

/// Longest name of an operation, so that it fits into a tag and a log line.
const MAX_ID: usize = 128;

/// All operations.
#[derive(Debug, Default)]
pub(super) struct Operations(Mutex<BTreeMap<String, Arc<Operation>>>);

/// One publish: what it was asked, what it said, how it ended.
#[derive(Debug)]
pub(super) struct Operation {
    id: String,
    settings: v1::Settings,
    cancel: CancellationToken,
    log: watch::Sender<Log>,
}

/// What an operation is started with.
pub(super) struct Start {
    pub(super) job: Job,
    pub(super) publisher: Arc<dyn Publisher>,
}

/// What an operation has said; the event at index n has the number n + 1.
#[derive(Debug, Default)]
struct Log {
    events: Vec<v1::PublishEvent>,
    outcome: Option<Result<v1::Published, Failed>>,
}

/// What comes next for a follower.
enum Next {
    Event(Box<v1::PublishEvent>),
    Failure(Failed),
    End,
    NotYet,
}

/// Checks a name for an operation.
pub(super) fn check_id(id: &str) -> Result<&str, Failed> {
    let is_good =
        (1..=MAX_ID).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c));
    if is_good {
        return Ok(id);
    }
    let report = format!("{id:?} is not an operation id (1-{MAX_ID} letters, digits, \".\", \"_\", \":\" or \"-\")");
    Err(Failed::new(ErrorKind::BadInput, report, ""))
}

impl Operations {
    /// The operation of that name.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Operation>, Status> {
        let operations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = || {
            Status::not_found(format!(
                "there is no operation {id:?}: it was never started here, or the service was restarted"
            ))
        };
        operations.get(id).cloned().ok_or_else(unknown)
    }

    /// The operation of that name; started if there is none.
    pub(super) fn find_or_start(
        &self,
        id: &str,
        settings: Option<v1::Settings>,
        start: impl FnOnce(&v1::Settings) -> Result<Start, Failed>,
    ) -> Result<Arc<Operation>, Failed> {
        let mut operations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = operations.get(id) {
            operation.check_same(settings.as_ref())?;
            return Ok(Arc::clone(operation));
        }
        let Some(settings) = settings else {
            let report = format!("there is no operation {id:?} to join, and no settings to start it with");
            return Err(Failed::new(ErrorKind::BadInput, report, ""));
        };
        let start = start(&settings)?;
        let operation = Arc::new(Operation {
            id: id.to_owned(),
            settings,
            cancel: CancellationToken::new(),
            log: watch::Sender::default(),
        });
        operations.insert(id.to_owned(), Arc::clone(&operation));
        tokio::spawn(drive(Arc::clone(&operation), start));
        Ok(operation)
    }
}

impl Operation {
    fn check_same(&self, settings: Option<&v1::Settings>) -> Result<(), Failed> {
        if settings.is_none_or(|settings| *settings == self.settings) {
            return Ok(());
        }
        let report = format!("operation {:?} was started with other settings", self.id);
        Err(Failed::new(
            ErrorKind::Refused,
            report,
            "give another operation id, or join without settings",
        ))
    }

    /// Asks it to stop at a safe point.
    pub(super) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// How far it is.
    pub(super) fn describe(&self) -> v1::Operation {
        let log = self.log.borrow();
        let state = match &log.outcome {
            None => v1::OperationState::Running,
            Some(Ok(_)) => v1::OperationState::Succeeded,
            Some(Err(_)) => v1::OperationState::Failed,
        };
        let outcome = log.outcome.as_ref();
        v1::Operation {
            operation_id: self.id.clone(),
            state: state.into(),
            last_sequence: log.last_sequence(),
            published: outcome.and_then(|outcome| outcome.as_ref().ok()).cloned(),
            failure: outcome
                .and_then(|outcome| outcome.as_ref().err())
                .map(|failed| failed.failure.clone()),
        }
    }

    /// Its events behind that number, those to come included; ends as it ends.
    pub(super) fn follow(
        self: &Arc<Self>,
        after: u64,
    ) -> impl Stream<Item = Result<v1::PublishEvent, Status>> + Send + use<> {
        let first = usize::try_from(after).unwrap_or(usize::MAX);
        // The sender must live as long as somebody follows.
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

    fn tell(&self, mut event: v1::PublishEvent) {
        self.log.send_modify(|log| {
            event.sequence = log.last_sequence() + 1;
            log.events.push(event);
        });
    }

    fn end(&self, outcome: Result<v1::Published, Failed>) {
        if let Ok(published) = &outcome {
            self.tell(events::result(published.clone()));
        }
        self.log.send_modify(|log| log.outcome = Some(outcome));
    }
}

impl Log {
    fn last_sequence(&self) -> u64 {
        self.events.len().try_into().unwrap_or(u64::MAX)
    }

    fn next(&self, index: usize) -> Next {
        match (self.events.get(index), &self.outcome) {
            (Some(event), _) => Next::Event(Box::new(event.clone())),
            (None, None) => Next::NotYet,
            (None, Some(Ok(_))) => Next::End,
            (None, Some(Err(failed))) => Next::Failure(failed.clone()),
        }
    }
}

/// Publishes and tells the operation's followers.
async fn drive(operation: Arc<Operation>, start: Start) {
    let (progress, mut told) = Progress::channel();
    let run_id = start.job.settings.run_id.clone();
    let work = start.publisher.publish(start.job, progress, operation.cancel.clone());
    let mut work = AssertUnwindSafe(work).catch_unwind().boxed();
    let outcome = loop {
        tokio::select! {
            biased;
            Some(event) = told.recv() => operation.tell(events::event(event)),
            outcome = &mut work => break outcome,
        }
    };
    while let Ok(event) = told.try_recv() {
        operation.tell(events::event(event));
    }
    let crashed = |_| Ended {
        result: Err(Error::new(
            ErrorKind::Azure,
            "a fault in azure-batch itself stopped the run; its log has the place",
        )),
        report: Course::default(),
    };
    let Ended { result, report } = outcome.unwrap_or_else(crashed);
    operation.end(
        result
            .map(|published| events::published(published, report, run_id))
            .map_err(Failed::of_error),
    );
}
