//! Serves one post-processor on the connection that Packer made, until that ends.
//!
//! How the connection comes about is not here: see [`crate::handshake`].

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::broker::{Broker, BrokerId};
use super::cancellation::{CancelReason, Cancellation};
use super::dispatch::{self, Services};
use super::log;
use super::post_processor::{self, PostProcessor, PostProcessorService};
use super::session::{self, Duplex, Inbound};
use super::spec::SpecEncoding;

/// How long running work may take to stop when Packer is gone.
///
/// A CI step ends only when no process holds its output open any more, so not for long; ten
/// seconds let a request in flight come back and be noted, which shortens the next run.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Serves `post_processor` until Packer is gone and its work has stopped.
///
/// In the ordinary course this never returns: Packer kills its plugins when it is done.
pub async fn serve(io: Box<dyn Duplex>, post_processor: Arc<dyn PostProcessor>, encoding: SpecEncoding) {
    let cancel = Cancellation::new();
    let (driver, opener, inbound) = session::start(io);
    let broker = Broker::new(opener);
    let service = PostProcessorService::new(post_processor, broker.clone(), encoding, cancel.clone());
    let services = Services::default().with(post_processor::SERVICE, Arc::new(service));
    let main = broker.announce_as(BrokerId::MAIN);
    let lost = cancel.clone();
    let work = tokio::spawn(async move {
        // Nothing but the end of the connection can cancel before the main stream is there.
        let stream = tokio::select! {
            stream = main.accept() => stream,
            _ = lost.cancelled() => return,
        };
        if let Ok(stream) = stream {
            dispatch::serve(stream, services).await;
        }
    });
    tokio::spawn(admit_all(broker, inbound));

    if let Err(error) = driver.run().await {
        log::warn(&log::chain(&error));
    }
    cancel.cancel(CancelReason::ConnectionLost);
    if timeout(STOP_GRACE, work).await.is_err() {
        log::error("packer is gone and the work does not stop; leaving it");
    }
}

/// Each in a task of its own: a stream that says no id must not hold up the others.
async fn admit_all(broker: Broker, mut inbound: Inbound) {
    while let Some(stream) = inbound.accept().await {
        let broker = broker.clone();
        tokio::spawn(async move {
            if let Err(error) = broker.admit(stream).await {
                log::warn(&log::chain(&error));
            }
        });
    }
}
