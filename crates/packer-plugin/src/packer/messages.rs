//! Reads and writes whole messages on a stream.
//!
//! Knows nothing of methods: [`super::dispatch`] answers calls, [`super::caller`] makes them.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::codec::{CodecError, Decoded, Message, decode, encode};
use super::session::Stream;

/// Bytes asked of the stream at once: a yamux frame of the peer holds 4 KiB (Go) or 16 KiB.
const READ_SIZE: usize = 16 * 1024;

/// The longest message that is waited for, in bytes. Packer's longest, an artifact's state, are a few KiB; one that never
/// ends must not take the machine's memory.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// Reads messages one after the other.
#[derive(Debug)]
pub struct MessageReader {
    stream: ReadHalf<Stream>,
    received: Vec<u8>,
    consumed: usize,
}

/// Takes messages to be written, in order, without waiting for the other side to read them.
///
/// The stream is half-closed when the last clone is dropped and everything is written.
#[derive(Debug, Clone)]
pub struct Outbox {
    messages: mpsc::UnboundedSender<Vec<u8>>,
}

/// Writes what its [`Outbox`]es take.
#[derive(Debug)]
#[must_use = "nothing is written unless the writer runs"]
pub struct MessageWriter {
    stream: WriteHalf<Stream>,
    messages: mpsc::UnboundedReceiver<Vec<u8>>,
}

/// Why no further message can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream broke.
    #[error("stream broke")]
    Stream(#[source] io::Error),
    /// The bytes are no message.
    #[error("stream carries no messages")]
    Codec(#[source] CodecError),
    /// The message does not end.
    #[error("a message is longer than {} MiB", MAX_MESSAGE / 1024 / 1024)]
    TooLong,
}

impl MessageReader {
    /// The next message; `None` when the other side has closed the stream.
    ///
    /// Nothing is lost when the returned future is dropped.
    ///
    /// # Errors
    ///
    /// When the stream breaks, ends within a message, or carries something else.
    pub async fn next<M: Message>(&mut self) -> Result<Option<M>, ReadError> {
        loop {
            if let Some(message) = self.decode()? {
                return Ok(Some(message));
            }
            self.received.drain(..self.consumed);
            self.consumed = 0;
            if self.received.len() > MAX_MESSAGE {
                return Err(ReadError::TooLong);
            }
            self.received.reserve(READ_SIZE);
            let count = self
                .stream
                .read_buf(&mut self.received)
                .await
                .map_err(ReadError::Stream)?;
            if count == 0 {
                return self.end();
            }
        }
    }

    fn decode<M: Message>(&mut self) -> Result<Option<M>, ReadError> {
        let unread = self.received.get(self.consumed..).unwrap_or_default();
        match decode(unread).map_err(ReadError::Codec)? {
            Decoded::Message { message, length } => {
                self.consumed += length;
                Ok(Some(message))
            }
            Decoded::Incomplete => Ok(None),
        }
    }

    fn end<M>(&self) -> Result<Option<M>, ReadError> {
        if self.received.is_empty() {
            Ok(None)
        } else {
            Err(ReadError::Stream(io::ErrorKind::UnexpectedEof.into()))
        }
    }
}

impl Outbox {
    /// Queues a message. It is lost when the stream has broken, which its reader notices.
    pub fn send<M: Message>(&self, message: M) {
        drop(self.messages.send(encode(message)));
    }
}

impl MessageWriter {
    /// Writes until all outboxes are dropped or the stream breaks.
    pub async fn run(mut self) {
        while let Some(message) = self.messages.recv().await {
            if self.write(&message).await.is_err() {
                return;
            }
        }
        // A stream that is dropped without this is reset, and unread answers with it.
        drop(self.stream.shutdown().await);
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}

/// Splits a stream into its two directions.
pub fn split(stream: Stream) -> (MessageReader, Outbox, MessageWriter) {
    let (read, write) = tokio::io::split(stream);
    let (sender, messages) = mpsc::unbounded_channel();
    let reader = MessageReader {
        stream: read,
        received: Vec::new(),
        consumed: 0,
    };
    let writer = MessageWriter {
        stream: write,
        messages,
    };
    (reader, Outbox { messages: sender }, writer)
}
