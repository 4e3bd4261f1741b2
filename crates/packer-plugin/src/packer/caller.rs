//! Makes calls to Packer on a stream and matches the answers.
//!
//! Several calls may be in flight; whoever needs an order awaits each answer before the
//! next call (see [`super::ui`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rmpv::Value;
use tokio::sync::oneshot;

use super::codec::{Request, Response};
use super::messages::{MessageReader, Outbox, split};
use super::session::Stream;

/// The calling side of a stream; clones share it, and the last one to go half-closes it.
#[derive(Debug, Clone)]
pub struct Caller {
    outbox: Outbox,
    calls: Arc<Mutex<Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    next_seq: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<Value, String>>>,
    ended: bool,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Packer answered with an error.
    #[error("packer refused {method}: {text}")]
    Refused {
        /// `Service.Method`.
        method: String,
        /// Packer's own text.
        text: String,
    },
    /// The stream ended before the answer came.
    #[error("packer did not answer {method}: the connection ended")]
    Lost {
        /// `Service.Method`.
        method: String,
    },
    /// The result is of another kind than the method promises.
    #[error("packer answered {method} with something else than {expected}")]
    Unexpected {
        /// `Service.Method`.
        method: String,
        /// What should have come.
        expected: &'static str,
    },
}

impl Caller {
    /// Takes over `stream`; its answers are read by a task of the current runtime.
    #[must_use]
    pub fn start(stream: Stream) -> Self {
        let (reader, outbox, writer) = split(stream);
        let calls = Arc::default();
        tokio::spawn(writer.run());
        tokio::spawn(match_answers(reader, Arc::clone(&calls)));
        Self { outbox, calls }
    }

    /// Calls `method` and waits for its result.
    ///
    /// # Errors
    ///
    /// When Packer answers with an error, or the stream ends first.
    pub async fn call(&self, method: &str, argument: Value) -> Result<Value, CallError> {
        let lost = || CallError::Lost {
            method: method.to_owned(),
        };
        let answer = self.send(method, argument).ok_or_else(lost)?;
        let outcome = answer.await.map_err(|_| lost())?;
        outcome.map_err(|text| CallError::Refused {
            method: method.to_owned(),
            text,
        })
    }

    fn send(&self, method: &str, argument: Value) -> Option<oneshot::Receiver<Result<Value, String>>> {
        let mut calls = lock(&self.calls);
        if calls.ended {
            return None;
        }
        let (sender, answer) = oneshot::channel();
        let seq = calls.next_seq;
        calls.next_seq += 1;
        calls.waiting.insert(seq, sender);
        // Within the lock, so that the numbers go out in order.
        self.outbox.send(Request {
            method: method.to_owned(),
            seq,
            argument,
        });
        Some(answer)
    }
}

async fn match_answers(mut reader: MessageReader, calls: Arc<Mutex<Calls>>) {
    while let Ok(Some(response)) = reader.next::<Response>().await {
        let waiting = lock(&calls).waiting.remove(&response.seq);
        if let Some(waiting) = waiting {
            // Fails only when the caller has given up waiting.
            drop(waiting.send(response.outcome));
        }
    }
    let mut calls = lock(&calls);
    calls.ended = true;
    calls.waiting.clear();
}

fn lock(calls: &Mutex<Calls>) -> std::sync::MutexGuard<'_, Calls> {
    // A poisoned table is whole: no change of it can panic half-way.
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
