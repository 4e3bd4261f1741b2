//! Who does what the service is asked for: core on the real Azure, or something else in tests.
//!
//! The transport and the credential of a run are made here, when the run starts and not before.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use azure_batch_core::{
    client::Client,
    clock::Clock,
    connect::connect,
    error::Result,
    https::{Authorities, https_client},
    plan::{Course, Ended},
    progress::Progress,
    publish::{self, PublishPlan, Published},
    run::Run,
    settings::{Asked, PublishSettings},
};
use tokio_util::sync::CancellationToken;

use crate::environment;

/// What we call ourselves, in Azure's logs too.
const USER_AGENT: &str = concat!("packer-plugin-azure-batch/", env!("CARGO_PKG_VERSION"));

/// Publishes.
#[async_trait]
pub trait Publisher: fmt::Debug + Send + Sync + 'static {
    /// Says what a publish would do.
    ///
    /// # Errors
    /// When it cannot be known, or would be refused.
    async fn plan(
        &self,
        asked: Asked<PublishSettings>,
        progress: Progress,
        cancel: CancellationToken,
    ) -> Result<PublishPlan>;

    /// Publishes; stops at a safe point when cancelled. What was done is reported also when the run fails, is cancelled,
    /// or its time is over.
    async fn publish(
        &self,
        asked: Asked<PublishSettings>,
        progress: Progress,
        cancel: CancellationToken,
    ) -> Ended<Published, Course>;
}

/// Publishes to Azure.
#[derive(Debug)]
pub struct AzurePublisher {
    clock: Arc<dyn Clock>,
}

impl AzurePublisher {
    /// A publisher that learns the time from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    async fn client(
        &self,
        asked: &Asked<PublishSettings>,
        progress: Progress,
        cancel: CancellationToken,
    ) -> Result<Client> {
        let ca_file = asked.connection.ca_file.as_deref();
        let authorities = ca_file.map(Authorities::of_file).transpose()?.unwrap_or_default();
        let identity_endpoint = environment::of_process("IDENTITY_ENDPOINT");
        let transport = https_client(USER_AGENT, authorities, identity_endpoint.as_deref())?;
        let run = Run::new(Arc::clone(&self.clock), asked.deadline, cancel, progress);
        connect(
            &asked.connection.login,
            &asked.connection.cloud,
            Arc::new(transport),
            run,
        )
        .await
    }
}

#[async_trait]
impl Publisher for AzurePublisher {
    async fn plan(
        &self,
        asked: Asked<PublishSettings>,
        progress: Progress,
        cancel: CancellationToken,
    ) -> Result<PublishPlan> {
        let client = self.client(&asked, progress, cancel).await?;
        publish::plan(&client, &asked.settings).await
    }

    async fn publish(
        &self,
        asked: Asked<PublishSettings>,
        progress: Progress,
        cancel: CancellationToken,
    ) -> Ended<Published, Course> {
        match self.client(&asked, progress, cancel).await {
            Ok(client) => publish::run(&client, &asked.settings).await,
            Err(error) => Ended {
                result: Err(error),
                report: Course::default(),
            },
        }
    }
}
