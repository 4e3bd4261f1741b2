//! Who does what the service is asked for: core on the real Azure, or something else in tests.
//!
//! The transport and the credential of a run are made here, when the run starts and not before.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_batch_core::{
    client::Client,
    clock::Clock,
    error::Result,
    ids::resource::ImageVersionId,
    plan::{Course, Ended},
    progress::Progress,
    prune,
    publish::{self, PublishPlan, Published},
    settings::{Asked, Connection, PublishSettings},
};
use tokio_util::sync::CancellationToken;

use crate::azure;

/// How long the deletion of a version may take, with the look at everything that may use it; as long as of the verb `gc`.
const DELETION_DEADLINE: Duration = Duration::from_secs(3600);

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

    /// Deletes a version that nothing uses, on request.
    ///
    /// # Errors
    /// When something keeps it, or that cannot be known.
    async fn delete(&self, version: ImageVersionId, connection: &Connection) -> Result<()>;
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
        azure::client(
            &asked.connection,
            Arc::clone(&self.clock),
            asked.deadline,
            (progress, cancel),
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

    async fn delete(&self, version: ImageVersionId, connection: &Connection) -> Result<()> {
        let run = (Progress::silent(), CancellationToken::new());
        let client = azure::client(connection, Arc::clone(&self.clock), DELETION_DEADLINE, run).await?;
        prune::delete_asked(&client, &version).await
    }
}
