//! Opens the way to Azure for one run: HTTPS with the user's certificates, the cloud, the way of signing in.
//!
//! What is done there is core's.

use std::{sync::Arc, time::Duration};

use azure_batch_core::{
    client::Client,
    clock::Clock,
    connect::connect,
    error::Result,
    https::{Authorities, https_client},
    progress::Progress,
    run::Run,
    settings::Connection,
};
use tokio_util::sync::CancellationToken;

use crate::environment;

/// What we call ourselves, in Azure's logs too.
const USER_AGENT: &str = concat!("packer-plugin-azure-batch/", env!("CARGO_PKG_VERSION"));

/// A signed-in client of a run that starts now.
///
/// # Errors
/// When certificates cannot be used, or the cloud or the way of signing in cannot.
pub(crate) async fn client(
    connection: &Connection,
    clock: Arc<dyn Clock>,
    deadline: Duration,
    (progress, cancel): (Progress, CancellationToken),
) -> Result<Client> {
    let ca_file = connection.ca_file.as_deref();
    let authorities = ca_file.map(Authorities::of_file).transpose()?.unwrap_or_default();
    let transport = https_client(USER_AGENT, authorities, &environment::of_process)?;
    let run = Run::new(clock, deadline, cancel, progress);
    connect(&connection.login, &connection.cloud, Arc::new(transport), run).await
}
