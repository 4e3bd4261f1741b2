//! What a post-processor is to Packer, and how Packer's four calls reach it.
//!
//! What ours does with a machine is not here: see the implementation of [`PostProcessor`].

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt as _;
use rmpv::Value;

use super::artifact::{self, Artifact, ArtifactService, ForwardingService, InputArtifact};
use super::broker::{Broker, BrokerId};
use super::caller::Caller;
use super::cancellation::{CancelReason, Cancellation};
use super::codec::{as_unsigned, field, record};
use super::config::RawConfigs;
use super::dispatch::{Answer, Service, Services, panic_text, serve};
use super::log;
use super::spec::{Spec, SpecEncoding};
use super::text::for_packer;
use super::ui::Ui;

/// Name of the service that Packer calls on the main connection.
pub(super) const SERVICE: &str = "PostProcessor";

/// A post-processor, as Packer drives it.
///
/// Runs on a single-threaded runtime that also answers Packer's keep-alives: whatever
/// blocks or computes for long belongs on another thread.
#[async_trait]
pub trait PostProcessor: Send + Sync + 'static {
    /// The attributes and blocks that a user may write; the same every time.
    fn config_spec(&self) -> Spec;

    /// Takes a configuration, in place of any earlier one.
    ///
    /// Called once by `validate` and twice by `build`. In the first call texts may contain
    /// `<unknown>` and other values be zero, false or empty; all that must pass. Must not
    /// touch the network. Values from a legacy JSON template have no types yet:
    /// [`RawConfigs::render`] and [`conform`](super::conform::conform) make both kinds alike.
    ///
    /// # Errors
    ///
    /// With the text that the user sees as it is, lines kept.
    fn configure(&self, configs: RawConfigs) -> Result<(), String>;

    /// Does the work.
    ///
    /// Packer waits without limit, also after it asked to cancel. When this fails, Packer
    /// destroys the builder's artifact whatever the user wrote.
    ///
    /// # Errors
    ///
    /// With the text that the user sees as it is, lines kept.
    async fn post_process(&self, ui: Ui, input: InputArtifact, cancel: Cancellation) -> Result<Processed, String>;
}

/// What came out of a post-processor.
#[derive(Clone)]
pub struct Processed {
    /// What Packer gets.
    pub output: Output,
    /// What becomes of the input artifact.
    pub keep: Keep,
}

/// The artifact that a post-processor returns.
#[derive(Clone)]
pub enum Output {
    /// None; Packer then destroys the builder's artifact.
    Nothing,
    /// A new one.
    Artifact(Arc<dyn Artifact>),
    /// The input artifact, handed on.
    Input,
}

/// Whether the input artifact survives a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Only if the user asks for it.
    Discard,
    /// Unless the user asks for the opposite.
    Keep,
    /// Whatever the user asks for.
    KeepForced,
}

/// Serves a post-processor on the main connection.
pub(super) struct PostProcessorService {
    post_processor: Arc<dyn PostProcessor>,
    broker: Broker,
    encoding: SpecEncoding,
    /// Lives as long as the connection, so no Cancel is too early.
    cancel: Cancellation,
    calls: Arc<Mutex<Calls>>,
}

/// How many PostProcess calls there are and were.
#[derive(Debug, Default)]
struct Calls {
    running: usize,
    ended: usize,
}

/// The answer to a PostProcess that came to an end.
#[derive(Clone, Copy)]
struct Finished {
    keep: Keep,
    /// Under which id the artifact is served.
    artifact: Option<BrokerId>,
}

impl std::fmt::Debug for Processed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Processed")
            .field("output", &self.output)
            .field("keep", &self.keep)
            .finish()
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Artifact(_) => "Artifact(..)",
            Self::Input => "Input",
        })
    }
}

impl Calls {
    const fn end_one(&mut self) {
        self.running = self.running.saturating_sub(1);
        self.ended += 1;
    }

    /// Whether all work that there was has ended, so that a Cancel is for none of it.
    const fn is_over(&self) -> bool {
        self.running == 0 && self.ended > 0
    }
}

impl PostProcessorService {
    pub(super) fn new(
        post_processor: Arc<dyn PostProcessor>,
        broker: Broker,
        encoding: SpecEncoding,
        cancel: Cancellation,
    ) -> Self {
        Self {
            post_processor,
            broker,
            encoding,
            cancel,
            calls: Arc::default(),
        }
    }

    fn config_spec(&self) -> Answer {
        let spec = self.post_processor.config_spec().encode(self.encoding);
        ready(Ok(record([("ConfigSpec", Value::Binary(spec))])))
    }

    fn configure(&self, argument: &Value) -> Answer {
        let configs = match field(argument, "Configs") {
            Some(Value::Array(configs)) => configs.as_slice(),
            _ => &[],
        };
        let outcome = RawConfigs::read(configs)
            .map_err(|error| log::chain(&error))
            .and_then(|configs| self.post_processor.configure(configs));
        ready(outcome.map(|()| Value::Nil))
    }

    fn post_process(&self, argument: &Value) -> Answer {
        let Some(id) = as_unsigned(argument).and_then(|id| u32::try_from(id).ok()) else {
            return ready(Err("PostProcess needs a stream id".to_owned()));
        };
        let post_processor = Arc::clone(&self.post_processor);
        let (broker, cancel) = (self.broker.clone(), self.cancel.clone());
        let calls = Arc::clone(&self.calls);
        lock(&calls).running += 1;
        async move {
            let outcome = run(post_processor.as_ref(), &broker, BrokerId(id), cancel).await;
            lock(&calls).end_one();
            Ok(result(outcome))
        }
        .boxed()
    }

    fn cancel(&self) -> Answer {
        if lock(&self.calls).is_over() {
            log::info("cancel requested after the work was over");
        } else {
            log::info("cancel requested");
            self.cancel.cancel(CancelReason::Requested);
        }
        ready(Ok(Value::Nil))
    }
}

impl Service for PostProcessorService {
    fn begin(&self, method: &str, argument: Value) -> Option<Answer> {
        Some(match method {
            "ConfigSpec" => self.config_spec(),
            "Configure" => self.configure(&argument),
            "PostProcess" => self.post_process(&argument),
            "Cancel" => self.cancel(),
            _ => return None,
        })
    }
}

fn lock(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    // Counting cannot panic half-way, so a poisoned count is whole.
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a post-processor with Packer's Ui and input artifact at its side.
async fn run(
    post_processor: &dyn PostProcessor,
    broker: &Broker,
    id: BrokerId,
    cancel: Cancellation,
) -> Result<Finished, String> {
    // At once, even if it is needed only later: Packer listens for five seconds.
    let stream = broker.dial(id).await.map_err(|error| log::chain(&error))?;
    let caller = Caller::start(stream);
    let input = InputArtifact::new(caller.clone());
    // The stream stays open as long as anything holds a part of it: an artifact that asks the
    // input for its states does so when this is long over.
    let work = post_processor.post_process(Ui::new(caller), input.clone(), cancel);
    let processed = AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(panic_text(panic.as_ref())));
    processed.map(|processed| Finished {
        keep: processed.keep,
        artifact: publish(broker, processed.output, input),
    })
}

/// Serves the resulting artifact; its id is announced before it is sent to Packer.
fn publish(broker: &Broker, output: Output, input: InputArtifact) -> Option<BrokerId> {
    let service: Arc<dyn Service> = match output {
        Output::Nothing => return None,
        Output::Artifact(artifact) => Arc::new(ArtifactService::new(artifact)),
        Output::Input => Arc::new(ForwardingService::new(input)),
    };
    let (id, announced) = broker.announce();
    tokio::spawn(async move {
        match announced.accept().await {
            Ok(stream) => serve(stream, Services::default().with(artifact::SERVICE, service)).await,
            Err(error) => log::warn(&log::chain(&error)),
        }
    });
    Some(id)
}

fn result(outcome: Result<Finished, String>) -> Value {
    let (error, finished) = match outcome {
        Ok(finished) => (Value::Nil, Some(finished)),
        Err(text) => {
            let message = Value::from(for_packer(&text));
            (record([("Message", message)]), None)
        }
    };
    let keep = finished.map_or(Keep::Discard, |finished| finished.keep);
    let stream = finished.and_then(|finished| finished.artifact);
    record([
        ("Err", error),
        ("Keep", Value::from(keep != Keep::Discard)),
        ("ForceOverride", Value::from(keep == Keep::KeepForced)),
        ("StreamId", Value::from(stream.map_or(0, |id| id.0))),
    ])
}

fn ready(outcome: Result<Value, String>) -> Answer {
    std::future::ready(outcome).boxed()
}
