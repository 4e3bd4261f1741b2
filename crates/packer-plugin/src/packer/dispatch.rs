//! Answers the calls that Packer makes on a stream.
//!
//! Calls begin in the order in which they are read, run side by side and are answered as
//! they finish, each under its own number. Every call gets an answer, also when it panics:
//! no call has a timeout in Packer, so one that is forgotten hangs it for ever.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use rmpv::Value;

use super::codec::{Request, Response};
use super::log;
use super::messages::{MessageReader, Outbox, split};
use super::session::Stream;
use super::text::for_packer;

/// A call that has begun: resolves to the result or the text of the error.
pub type Answer = BoxFuture<'static, Result<Value, String>>;

/// A set of methods under one name, as Go's net/rpc has it.
pub trait Service: Send + Sync {
    /// Begins a call; `None` when there is no such method.
    ///
    /// Runs while nothing else is read from the stream: what must happen before the next
    /// call is seen belongs here, everything else into the answer.
    fn begin(&self, method: &str, argument: Value) -> Option<Answer>;
}

/// The services on a stream, by name.
#[derive(Clone, Default)]
pub struct Services {
    by_name: Vec<(&'static str, Arc<dyn Service>)>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(self.by_name.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Services {
    /// Adds a service.
    #[must_use]
    pub fn with(mut self, name: &'static str, service: Arc<dyn Service>) -> Self {
        self.by_name.push((name, service));
        self
    }

    fn begin(&self, request: Request) -> Answer {
        match self.find(&request.method, request.argument) {
            Ok(answer) => answer,
            Err(text) => std::future::ready(Err(text)).boxed(),
        }
    }

    /// Begins the call, or says in Go's own words why it cannot.
    fn find(&self, name: &str, argument: Value) -> Result<Answer, String> {
        // A progress bar's service has any text as its name, dots included.
        let (service, method) = name
            .rsplit_once('.')
            .ok_or_else(|| format!("rpc: service/method request ill-formed: {name}"))?;
        let (_, service) = self
            .by_name
            .iter()
            .find(|(known, _)| *known == service)
            .ok_or_else(|| format!("rpc: can't find service {name}"))?;
        let begun = std::panic::catch_unwind(AssertUnwindSafe(|| service.begin(method, argument)));
        begun
            .map_err(|panic| panic_text(panic.as_ref()))?
            .ok_or_else(|| format!("rpc: can't find method {name}"))
    }
}

/// Serves a stream until the other side closes it and all calls are answered.
pub async fn serve(stream: Stream, services: Services) {
    let (reader, outbox, writer) = split(stream);
    futures::join!(writer.run(), answer_calls(reader, outbox, services));
}

async fn answer_calls(mut reader: MessageReader, outbox: Outbox, services: Services) {
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            // Requests first: a Cancel must not wait behind answers.
            biased;
            request = reader.next::<Request>() => match request {
                Ok(Some(request)) => running.push(answer(&services, request)),
                Ok(None) => break,
                Err(error) => {
                    log::warn(&log::chain(&error));
                    break;
                }
            },
            Some(response) = running.next() => outbox.send(response),
        }
    }
    // Closed for writing by the other side, or broken: what runs is finished all the same.
    while let Some(response) = running.next().await {
        outbox.send(response);
    }
}

fn answer(services: &Services, request: Request) -> impl Future<Output = Response> + use<> {
    let (method, seq) = (request.method.clone(), request.seq);
    let call = AssertUnwindSafe(services.begin(request)).catch_unwind();
    async move {
        let outcome = match call.await {
            Ok(outcome) => outcome,
            Err(panic) => Err(panic_text(panic.as_ref())),
        };
        Response {
            method,
            seq,
            outcome: outcome.map_err(|text| for_packer(&text)),
        }
    }
}

/// What a panic becomes for the user; its place is in the log.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    format!("the plugin has a bug and stopped: {message}")
}

#[cfg(test)]
mod tests;
