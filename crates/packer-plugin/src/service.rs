//! The gRPC service: publishes as a stream of events that can be left and joined again.
//!
//! The post-processor uses it through an in-memory pipe ([`in_process`]); the same service
//! can stand behind a socket. It decides nothing about images, that is core's, and knows no
//! Packer.

pub mod convert;
mod events;
pub mod failure;
mod operations;
pub mod publisher;

use std::{io, sync::Arc};

use azure_batch_core::{clock::Clock, error::ErrorKind, progress::Progress, settings::Reuse};
use futures::{Stream, StreamExt as _, stream::BoxStream};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint, Server, Uri, server::Connected},
};

use self::{
    convert::Context,
    failure::Failed,
    operations::{Operation, Operations, Start},
    publisher::Publisher,
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
}

impl ImagingService {
    /// A service without operations.
    #[must_use]
    pub fn new(publisher: Arc<dyn Publisher>, clock: Arc<dyn Clock>) -> Self {
        Self {
            publisher,
            clock,
            operations: Operations::default(),
        }
    }

    fn begin(&self, request: v1::PublishRequest) -> Result<Arc<Operation>, Failed> {
        let id = operations::check_id(&request.operation_id)?;
        let context = Context {
            run_id: request.run_id.as_deref().unwrap_or(id),
            reuse: reuse(request.force),
            now: self.clock.now(),
        };
        let start = |settings: &v1::Settings| {
            let job = convert::job(settings, &context).map_err(Failed::of_faults)?;
            Ok(Start {
                job,
                publisher: Arc::clone(&self.publisher),
            })
        };
        self.operations.find_or_start(id, request.settings, start)
    }
}

#[tonic::async_trait]
impl Imaging for ImagingService {
    type PublishStream = BoxStream<'static, Result<v1::PublishEvent, Status>>;

    async fn plan(&self, request: Request<v1::PlanRequest>) -> Result<Response<v1::PlanResponse>, Status> {
        let request = request.into_inner();
        let context = Context {
            run_id: "plan",
            reuse: reuse(request.force),
            now: self.clock.now(),
        };
        let settings = request.settings.unwrap_or_default();
        let job = convert::job(&settings, &context).map_err(Failed::of_faults)?;
        let plan = self
            .publisher
            .plan(job, Progress::silent(), CancellationToken::new())
            .await
            .map_err(Failed::of_error)?;
        Ok(Response::new(events::plan(plan)))
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

const fn reuse(force: bool) -> Reuse {
    if force { Reuse::Never } else { Reuse::SameSource }
}

/// Serves on connections that somebody accepts, until there are no more and the last one has ended.
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
    // It ends with the client's half of the pipe, so nobody needs to wait for it.
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

/// The code that gRPC clients see for a kind of failure.
#[must_use]
pub const fn grpc_code(kind: ErrorKind) -> tonic::Code {
    use tonic::Code;

    match kind {
        ErrorKind::BadInput => Code::InvalidArgument,
        ErrorKind::SignIn => Code::Unauthenticated,
        ErrorKind::NoRights => Code::PermissionDenied,
        ErrorKind::Quota => Code::ResourceExhausted,
        ErrorKind::PartlyReached => Code::Aborted,
        ErrorKind::Deadline => Code::DeadlineExceeded,
        ErrorKind::Refused | ErrorKind::Rejected | ErrorKind::Policy | ErrorKind::Locked => Code::FailedPrecondition,
        ErrorKind::Azure => Code::Internal,
        ErrorKind::NeverSent => Code::Unavailable,
        ErrorKind::UnknownEffect => Code::Unknown,
        ErrorKind::Cancelled => Code::Cancelled,
    }
}
