//! The gRPC service: publishes as a stream of events that can be left and joined again.
//!
//! The post-processor uses it through an in-memory pipe ([`in_process`]); the same service
//! can stand behind a socket. It decides nothing about images, that is core's, and knows no
//! Packer.

mod events;
pub mod failure;
mod operations;
pub mod publisher;
mod safe;
pub mod values;

pub(crate) use self::events::published;

use std::{io, sync::Arc};

use azure_batch_core::{
    clock::Clock,
    options::Door,
    progress::Progress,
    publish::CHECK_NAMES,
    settings::{PublishContext, Reuse},
};
use futures::{Stream, StreamExt as _, stream::BoxStream};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint, Server, Uri, server::Connected},
};

use self::{
    failure::Failed,
    operations::{Operation, Operations, Same, Start},
    publisher::Publisher,
    safe::Safe as _,
    values::Read,
};
use crate::imaging::v1::{
    self,
    imaging_client::ImagingClient,
    imaging_server::{Imaging, ImagingServer},
};

/// Bytes in flight in the in-memory pipe: a few events' worth.
const PIPE_BYTES: usize = 64 * 1024;

/// Most bytes of headers a client takes: failures travel there, reports of many lines included.
const MAX_HEADER_BYTES: u32 = 1024 * 1024;

/// The service's calls.
#[derive(Debug)]
pub struct ImagingService {
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
    operations: Operations,
    door: Door,
}

impl ImagingService {
    /// A service without operations, whose callers know options as fields of requests.
    #[must_use]
    pub fn new(publisher: Arc<dyn Publisher>, clock: Arc<dyn Clock>) -> Self {
        Self {
            operations: Operations::new(Arc::clone(&clock)),
            publisher,
            clock,
            door: Door::Request,
        }
    }

    /// The same for callers that know options by the names of another door.
    #[must_use]
    pub const fn naming_options_as(mut self, door: Door) -> Self {
        self.door = door;
        self
    }

    fn begin(&self, request: v1::PublishRequest) -> Result<Arc<Operation>, Failed> {
        let id = operations::check_id(&request.operation_id, self.clock.now())?;
        let (run_id, force) = (request.run_id.as_deref().unwrap_or(id), request.force);
        let start = |image: &v1::Image| {
            let read = self.read(request.connection.as_ref(), image, (run_id, force))?;
            Ok(Start {
                asked: read.asked,
                redactor: read.redactor,
                publisher: Arc::clone(&self.publisher),
                door: self.door,
            })
        };
        let asked = request.image.map(|image| Same { image, force });
        self.operations.find_or_start(id, asked, start)
    }

    fn read(
        &self,
        connection: Option<&v1::Connection>,
        image: &v1::Image,
        (run_id, force): (&str, bool),
    ) -> Result<Read, Failed> {
        let context = PublishContext {
            run_id,
            reuse: if force { Reuse::Never } else { Reuse::SameSource },
            now: self.clock.now(),
            checks: &CHECK_NAMES,
        };
        values::read(connection, image, &context, self.door)
    }
}

#[tonic::async_trait]
impl Imaging for ImagingService {
    type PublishStream = BoxStream<'static, Result<v1::Event, Status>>;

    async fn plan(&self, request: Request<v1::PlanRequest>) -> Result<Response<v1::PlanResponse>, Status> {
        let request = request.into_inner();
        let image = request.image.unwrap_or_default();
        let Read { asked, redactor } = self.read(request.connection.as_ref(), &image, ("plan", request.force))?;
        let plan = self
            .publisher
            .plan(asked, Progress::silent(), CancellationToken::new())
            .await
            .map_err(|error| Failed::of_error(&error, self.door, self.clock.now()).safe(&redactor))?;
        Ok(Response::new(events::plan(plan).safe(&redactor)))
    }

    async fn publish(&self, request: Request<v1::PublishRequest>) -> Result<Response<Self::PublishStream>, Status> {
        let request = request.into_inner();
        let after = request.after_sequence;
        let operation = self.begin(request)?;
        Ok(Response::new(operation.follow(after).boxed()))
    }

    async fn get_operation(
        &self,
        request: Request<v1::GetOperationRequest>,
    ) -> Result<Response<v1::Operation>, Status> {
        let operation = self.operations.find(&request.into_inner().operation_id)?;
        Ok(Response::new(operation.describe()))
    }

    async fn cancel(&self, request: Request<v1::CancelRequest>) -> Result<Response<v1::CancelResponse>, Status> {
        self.operations.find(&request.into_inner().operation_id)?.cancel();
        Ok(Response::new(v1::CancelResponse {}))
    }
}

/// Serves on connections that the caller accepts, until there are no more and the last one has ended.
///
/// # Errors
/// When accepting fails.
pub async fn serve<I>(
    service: ImagingService,
    connections: impl Stream<Item = io::Result<I>> + Send,
) -> Result<(), tonic::transport::Error>
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Connected + Unpin + Send + 'static,
{
    Server::builder()
        .serve_with_incoming(ImagingServer::new(service), connections)
        .await
}

/// A client of a service of its own in this process, without a socket.
///
/// # Errors
/// When the two ends of the pipe do not come to speak.
pub async fn in_process(service: ImagingService) -> Result<ImagingClient<Channel>, tonic::transport::Error> {
    let (client, server) = tokio::io::duplex(PIPE_BYTES);
    let connection = futures::stream::once(std::future::ready(Ok::<_, io::Error>(server)));
    // It ends with the client's half of the pipe, so it need not be waited for.
    tokio::spawn(serve(service, connection));
    connect(client).await.map(ImagingClient::new)
}

async fn connect(pipe: DuplexStream) -> Result<Channel, tonic::transport::Error> {
    let mut pipe = Some(pipe);
    let connector = tower::service_fn(move |_: Uri| {
        let again = || io::Error::new(io::ErrorKind::NotConnected, "the pipe to the service has ended");
        std::future::ready(pipe.take().map(TokioIo::new).ok_or_else(again))
    });
    // The address is for logs only: nothing is resolved or dialled.
    Endpoint::from_static("http://in-process")
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .connect_with_connector(connector)
        .await
}
