//! Runs yamux over the one connection that Packer makes.
//!
//! One future drives the connection: it reads frames, answers keep-alive pings, writes what
//! the streams have to send, hands out inbound streams and opens outbound ones. It must be
//! polled all the time (Packer ends a session whose ping waits for 10 s), so nothing slow
//! may run inside it. Knows no ids and no calls: [`super::broker`] comes next.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};

/// The connection to Packer, whatever it runs over.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

/// One logical connection.
///
/// Shutting it down sends a FIN, after which it can still be read. Dropping it before that
/// resets it, and Packer then loses what it has not read yet.
pub type Stream = Compat<yamux::Stream>;

/// Opens streams towards Packer.
#[derive(Debug, Clone)]
pub struct Opener {
    wanted: mpsc::UnboundedSender<oneshot::Sender<Stream>>,
}

/// The streams that Packer opens, in order.
#[derive(Debug)]
pub struct Inbound {
    streams: mpsc::UnboundedReceiver<Stream>,
}

/// Drives the connection until it ends.
#[must_use = "nothing moves unless the driver is polled"]
pub struct Driver {
    connection: yamux::Connection<Compat<Box<dyn Duplex>>>,
    wanted: mpsc::UnboundedReceiver<oneshot::Sender<Stream>>,
    waiting: VecDeque<oneshot::Sender<Stream>>,
    inbound: mpsc::UnboundedSender<Stream>,
}

/// The connection is gone: Packer was killed, or broke the protocol.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The stream was asked for after the end of the connection.
    #[error("connection to packer is closed")]
    Closed,
    /// The connection broke.
    #[error("connection to packer failed")]
    Failed(#[source] yamux::ConnectionError),
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl Opener {
    /// Opens a stream; it reaches Packer with the first byte written to it.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub async fn open(&self) -> Result<Stream, SessionError> {
        let (answer, opened) = oneshot::channel();
        self.wanted.send(answer).map_err(|_| SessionError::Closed)?;
        opened.await.map_err(|_| SessionError::Closed)
    }
}

impl Inbound {
    /// The next stream that Packer opened; `None` when the connection has ended.
    pub async fn accept(&mut self) -> Option<Stream> {
        self.streams.recv().await
    }
}

impl Driver {
    /// Runs until Packer closes the connection.
    ///
    /// # Errors
    ///
    /// When the connection breaks in any other way than by being closed.
    pub async fn run(mut self) -> Result<(), SessionError> {
        poll_fn(|context| self.poll(context))
            .await
            .map_err(SessionError::Failed)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), yamux::ConnectionError>> {
        loop {
            self.poll_outbound(context)?;
            match self.connection.poll_next_inbound(context) {
                // Fails only when streams are not accepted any more; the stream is then reset.
                Poll::Ready(Some(Ok(stream))) => drop(self.inbound.send(stream.compat())),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_outbound(&mut self, context: &mut Context<'_>) -> Result<(), yamux::ConnectionError> {
        while let Poll::Ready(Some(answer)) = self.wanted.poll_recv(context) {
            self.waiting.push_back(answer);
        }
        while let Some(answer) = self.waiting.pop_front() {
            match self.connection.poll_new_outbound(context) {
                // Fails only when the caller has given up waiting.
                Poll::Ready(stream) => drop(answer.send(stream?.compat())),
                Poll::Pending => {
                    self.waiting.push_front(answer);
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Starts a session in the plugin's role, the yamux server (even stream ids).
pub fn start(io: Box<dyn Duplex>) -> (Driver, Opener, Inbound) {
    start_as(io, yamux::Mode::Server)
}

fn start_as(io: Box<dyn Duplex>, mode: yamux::Mode) -> (Driver, Opener, Inbound) {
    let (opener, wanted) = mpsc::unbounded_channel();
    let (inbound, streams) = mpsc::unbounded_channel();
    let driver = Driver {
        // The defaults are Packer's own: 256 KiB a stream, and no limit that it reaches.
        connection: yamux::Connection::new(io.compat(), yamux::Config::default(), mode),
        wanted,
        waiting: VecDeque::new(),
        inbound,
    };
    (driver, Opener { wanted: opener }, Inbound { streams })
}

/// Starts a session in Packer's role, the yamux client (odd stream ids), to play against.
pub fn start_as_packer(io: Box<dyn Duplex>) -> (Driver, Opener, Inbound) {
    start_as(io, yamux::Mode::Client)
}
