//! Gives logical connections the ids by which Packer and the plugin name them.
//!
//! Whoever dials id N opens a stream and writes N as four little-endian bytes; the other
//! side looks up who waits for N and writes the same bytes back. Each side numbers the ids
//! it accepts on; 0 is the main connection. What then runs on the stream is not known here.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::session::{Opener, SessionError, Stream};

/// How long an announced id waits to be dialled.
///
/// Packer dials within milliseconds. Go's SDK gives up after 5 s; on a loaded machine that
/// would lose a finished version's artifact, whereas waiting longer only keeps a table entry.
const ACCEPT_EXPIRY: Duration = Duration::from_secs(60);

/// How long a dialled id may wait for Packer's echo.
///
/// Packer closes the stream itself after 5 s, so this only ends a dial that is not answered.
const DIAL_EXPIRY: Duration = Duration::from_secs(30);

/// Name of a logical connection, unique for the side that accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BrokerId(pub u32);

/// Makes and answers logical connections.
#[derive(Debug, Clone)]
pub struct Broker {
    opener: Opener,
    shared: Arc<Shared>,
}

/// An announced id: resolves to its stream.
#[derive(Debug)]
#[must_use = "an id is forgotten when nothing waits for it"]
pub struct Announced {
    id: BrokerId,
    stream: oneshot::Receiver<Stream>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    last_id: AtomicU32,
    waiting: Mutex<HashMap<BrokerId, oneshot::Sender<Stream>>>,
}

/// Why a logical connection did not come about.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The session has ended.
    #[error("cannot open connection {id} of this build to packer")]
    Open {
        /// The id that was dialled.
        id: BrokerId,
        /// Why the stream could not be opened.
        source: SessionError,
    },
    /// The stream broke or was closed before the id was agreed on.
    #[error("packer did not answer on connection {id} of this build")]
    Unanswered {
        /// The id that was dialled.
        id: BrokerId,
        /// What happened to the stream.
        source: io::Error,
    },
    /// The other side answered with another id.
    #[error("packer answered for connection {answer} of this build instead of {id}")]
    Mismatch {
        /// The id that was dialled.
        id: BrokerId,
        /// The id that came back.
        answer: BrokerId,
    },
    /// Packer dialled an id that was not announced, or is no longer waited for.
    #[error("packer asked for connection {id} of this build, where nothing is served")]
    Unknown {
        /// The id that was dialled.
        id: BrokerId,
    },
    /// A stream ended before it said which id it is for.
    #[error("packer opened a stream without an id")]
    Nameless(#[source] io::Error),
    /// Packer did not dial in time.
    #[error("packer did not come to connection {id} of this build within {} s", ACCEPT_EXPIRY.as_secs())]
    NotDialled {
        /// The id.
        id: BrokerId,
    },
    /// Packer did not answer in time.
    #[error("packer did not answer on connection {id} of this build within {} s", DIAL_EXPIRY.as_secs())]
    Silent {
        /// The id that was dialled.
        id: BrokerId,
    },
}

impl BrokerId {
    /// The connection that Packer dials first, on which it calls the plugin.
    pub const MAIN: Self = Self(0);
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Broker {
    /// A broker that opens its streams with `opener`.
    #[must_use]
    pub fn new(opener: Opener) -> Self {
        Self {
            opener,
            shared: Arc::default(),
        }
    }

    /// Connects to what Packer serves under `id`.
    ///
    /// # Errors
    ///
    /// When the session has ended, or Packer does not serve the id.
    pub async fn dial(&self, id: BrokerId) -> Result<Stream, BrokerError> {
        let stream = self
            .opener
            .open()
            .await
            .map_err(|source| BrokerError::Open { id, source })?;
        timeout(DIAL_EXPIRY, agree(stream, id))
            .await
            .map_err(|_| BrokerError::Silent { id })?
    }

    /// Takes the next free id and waits for it to be dialled.
    ///
    /// The id must be announced before it is sent to Packer: Packer dials at once.
    pub fn announce(&self) -> (BrokerId, Announced) {
        let id = BrokerId(self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        (id, self.announce_as(id))
    }

    /// Waits for `id` to be dialled.
    pub fn announce_as(&self, id: BrokerId) -> Announced {
        let (answer, stream) = oneshot::channel();
        self.shared.table(|table| table.insert(id, answer));
        Announced {
            id,
            stream,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Reads which id an inbound stream is for and hands it to who announced it.
    ///
    /// A stream for an id that was not announced is closed, because Packer waits without
    /// limit for the answer to its dialling.
    ///
    /// # Errors
    ///
    /// When the stream ends before the id is agreed on.
    pub async fn admit(&self, mut stream: Stream) -> Result<BrokerId, BrokerError> {
        let id = stream.read_u32_le().await.map_err(BrokerError::Nameless)?;
        let id = BrokerId(id);
        let unanswered = |source| BrokerError::Unanswered { id, source };
        let Some(answer) = self.shared.table(|table| table.remove(&id)) else {
            stream.shutdown().await.map_err(unanswered)?;
            return Err(BrokerError::Unknown { id });
        };
        stream.write_u32_le(id.0).await.map_err(unanswered)?;
        stream.flush().await.map_err(unanswered)?;
        // Fails only if the announcement expired this moment; the stream is then reset.
        drop(answer.send(stream));
        Ok(id)
    }
}

impl Announced {
    /// Waits until Packer has dialled the id.
    ///
    /// # Errors
    ///
    /// When it does not do so within a minute.
    pub async fn accept(mut self) -> Result<Stream, BrokerError> {
        let expired = BrokerError::NotDialled { id: self.id };
        match timeout(ACCEPT_EXPIRY, &mut self.stream).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) | Err(_) => Err(expired),
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.shared.table(|table| table.remove(&self.id));
    }
}

impl Shared {
    fn table<R>(&self, change: impl FnOnce(&mut HashMap<BrokerId, oneshot::Sender<Stream>>) -> R) -> R {
        // A poisoned table is whole: no change of it can panic half-way.
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn agree(mut stream: Stream, id: BrokerId) -> Result<Stream, BrokerError> {
    let unanswered = |source| BrokerError::Unanswered { id, source };
    stream.write_u32_le(id.0).await.map_err(unanswered)?;
    stream.flush().await.map_err(unanswered)?;
    let answer = BrokerId(stream.read_u32_le().await.map_err(unanswered)?);
    if answer == id {
        Ok(stream)
    } else {
        Err(BrokerError::Mismatch { id, answer })
    }
}
