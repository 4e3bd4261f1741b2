//! Reading a source: one kind of source a file, all of them into the one shape of `machine`.
//!
//! Nothing is refused here but what cannot be read or makes no sense.

mod azure_arm;
mod community;
mod disks;
pub(super) mod fingerprint;
pub(super) mod image;
mod missing;
mod snapshots;
mod vhds;
mod vm;

use super::machine::Machine;
use crate::{
    client::Client,
    error::Result,
    settings::{PublishSettings, Source},
};

/// Reads the machine behind a source.
///
/// # Errors
/// When a part is missing or not readable, a disk is not managed, or the run ends.
pub(super) async fn observe(client: &Client, settings: &PublishSettings) -> Result<Machine> {
    match &settings.source {
        Source::Vm(id) => vm::observe(client, id).await,
        Source::Disks { os, data } => disks::observe(client, os, data).await,
        Source::Snapshots { os, data } => snapshots::observe(client, os, data).await,
        Source::Captured { image, os, data_prefix } => {
            azure_arm::observe(client, image, os, data_prefix.as_deref()).await
        }
        Source::ManagedImage(id) => image::observe_image(client, id).await,
        Source::ImageVersion(id) => image::observe_version(client, id).await,
        Source::Community(id) => community::observe(client, settings, id).await,
        // Large, and seldom needed: who looks at another source should not have to carry it.
        Source::Vhds(vhds) => Box::pin(vhds::observe(client, settings, vhds)).await,
    }
}
