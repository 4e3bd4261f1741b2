//! One publish through the imaging service, shown as it goes and stopped when Packer asks.
//!
//! Which service that is, is decided here alone: one in this process.

use std::{sync::Arc, time::Duration};

use azure_batch_core::{clock::Clock, options::Door, settings::Values};
use tokio::time::{MissedTickBehavior, interval};
use tonic::{Streaming, transport::Channel};

use crate::{
    config::{Build, Force},
    imaging::v1::{self, event::Kind, imaging_client::ImagingClient},
    packer::{
        cancellation::{CancelReason, Cancellation},
        log,
        ui::Ui,
    },
    service::{self, ImagingService, failure::Failed, publisher::Publisher, values},
    voice::Voice,
};

/// How often it is asked whether a line is due: soon after many things moved at once, and when nothing did for long.
const TICK: Duration = Duration::from_secs(1);

/// Longest operation id that the service takes.
const MAX_OPERATION_ID: usize = 128;

/// What the service is asked for.
#[derive(Debug)]
pub(super) struct Request(v1::PublishRequest);

/// A publish that runs.
struct Publish<'a> {
    client: ImagingClient<Channel>,
    operation_id: String,
    events: Streaming<v1::Event>,
    voice: Voice,
    cancel: &'a Cancellation,
}

/// What happens next in a publish.
enum Turn {
    Event(Box<v1::Event>),
    Ended(Result<(), Failed>),
    Cancelled(CancelReason),
    Quiet,
}

impl Request {
    /// A request whose operation is known again by run, build and image: a Packer run may hold many.
    ///
    /// # Errors
    /// With the text for the user, if the request cannot be made of the values.
    pub(super) fn new(values: &Values, build: &Build) -> Result<Self, String> {
        let (connection, image) =
            values::to_request(values).map_err(|error| format!("azure-batch: the request cannot be made: {error}"))?;
        let run = build.run_uuid.clone();
        let destination = image.shared_image_gallery_destination.as_ref();
        let definition = destination
            .map(|destination| destination.image_name())
            .unwrap_or_default();
        let name = format!(
            "packer:{}:{}:{definition}",
            run.as_deref().unwrap_or("unnamed"),
            build.name
        );
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "._:-".contains(*c);
        Ok(Self(v1::PublishRequest {
            operation_id: name.chars().filter(allowed).take(MAX_OPERATION_ID).collect(),
            connection: Some(connection),
            image: Some(image),
            after_sequence: 0,
            run_id: run,
            force: build.force == Force::Yes,
        }))
    }
}

impl Publish<'_> {
    /// Shows the publish until it ends, also after it was asked to stop: what it leaves is shown last.
    async fn follow(mut self) -> Result<v1::Published, Failed> {
        let mut published = None;
        let mut pulse = interval(TICK);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = None;
        let outcome = loop {
            let turn = tokio::select! {
                biased;
                reason = self.cancel.cancelled(), if heard.is_none() => Turn::Cancelled(reason),
                next = self.events.message() => Turn::of_stream(next),
                _ = pulse.tick() => Turn::Quiet,
            };
            match turn {
                Turn::Event(event) => {
                    self.voice.tell(&event);
                    if let Some(Kind::Published(result)) = event.kind {
                        published = Some(*result);
                    }
                }
                Turn::Ended(outcome) => break outcome,
                Turn::Cancelled(reason) => {
                    heard = Some(reason);
                    self.stop(reason).await;
                }
                Turn::Quiet => self.voice.tick(),
            }
        };
        self.voice.finish(self.cancel).await;
        outcome?;
        published.ok_or_else(|| Failed::read(&tonic::Status::internal("it ended without a result")))
    }

    async fn stop(&mut self, reason: CancelReason) {
        let request = v1::CancelRequest {
            operation_id: self.operation_id.clone(),
        };
        // First the rest: with Packer gone there may be little time.
        if let Err(status) = self.client.cancel(request).await {
            log::warn(status.message());
        }
        if reason == CancelReason::Requested {
            self.voice
                .say("stopping at the next safe point; what is left will be named");
        }
    }
}

impl Turn {
    fn of_stream(next: Result<Option<v1::Event>, tonic::Status>) -> Self {
        match next {
            Ok(Some(event)) => Self::Event(Box::new(event)),
            Ok(None) => Self::Ended(Ok(())),
            Err(status) => Self::Ended(Err(Failed::read(&status))),
        }
    }
}

/// Publishes.
///
/// # Errors
/// With the text for the user.
pub(super) async fn run(
    publisher: &Arc<dyn Publisher>,
    clock: &Arc<dyn Clock>,
    request: Request,
    ui: &Ui,
    cancel: &Cancellation,
) -> Result<v1::Published, String> {
    let service = ImagingService::new(Arc::clone(publisher), Arc::clone(clock)).naming_options_as(Door::Template);
    let lost = |error: tonic::transport::Error| {
        format!(
            "azure-batch: the imaging service cannot be reached: {}",
            log::chain(&error)
        )
    };
    let mut client = service::in_process(service).await.map_err(lost)?;
    let operation_id = request.0.operation_id.clone();
    let started = client
        .publish(request.0)
        .await
        .map_err(|status| report(&Failed::read(&status)))?;
    let publish = Publish {
        client,
        operation_id,
        events: started.into_inner(),
        voice: Voice::new(ui.clone()),
        cancel,
    };
    publish.follow().await.map_err(|failed| report(&failed))
}

fn report(failed: &Failed) -> String {
    failed.failure.report.clone()
}
