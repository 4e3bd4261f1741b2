//! Reads and writes whole messages on a stream.
//!
//! Knows nothing of methods: [`super::dispatch`] answers calls, [`super::caller`] makes them.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::codec::{CodecError, Decoded, MAX_DEPTH, Message, decode, encode};
use super::extent::Extent;
use super::session::Stream;

/// Bytes asked of the stream at once: a yamux frame of the peer holds 4 KiB (Go) or 16 KiB.
const READ_SIZE: usize = 16 * 1024;

/// The longest message that is waited for, in bytes. Packer's longest, an artifact's state, are a few KiB; one that never
/// ends must not take the machine's memory.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// A message is two values, header and body.
const VALUES: u64 = 2;

/// Reads messages one after the other.
#[derive(Debug)]
pub struct MessageReader {
    stream: ReadHalf<Stream>,
    inbox: Inbox,
}

/// The bytes of messages that have arrived; pure.
#[derive(Debug)]
struct Inbox {
    received: Vec<u8>,
    /// How far the first message was looked at.
    seen: usize,
    extent: Extent,
    /// The longest message that is taken, in bytes.
    longest: usize,
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
            if let Some(message) = self.inbox.next()? {
                return Ok(Some(message));
            }
            let received = self.inbox.room();
            let count = self.stream.read_buf(received).await.map_err(ReadError::Stream)?;
            if count == 0 {
                return self.inbox.end();
            }
        }
    }
}

impl Inbox {
    fn of(longest: usize) -> Self {
        Self {
            received: Vec::new(),
            seen: 0,
            extent: Extent::of(VALUES),
            longest,
        }
    }

    /// Where more bytes go.
    fn room(&mut self) -> &mut Vec<u8> {
        self.received.reserve(READ_SIZE);
        &mut self.received
    }

    /// The first message, when it is whole. It is read once, not at each piece that arrives.
    fn next<M: Message>(&mut self) -> Result<Option<M>, ReadError> {
        self.seen += self.extent.take(self.received.get(self.seen..).unwrap_or_default());
        if self.extent.depth() > MAX_DEPTH {
            return Err(ReadError::Codec(CodecError::TooDeep));
        }
        if self.extent.is_whole() {
            return self.take().map(Some);
        }
        if self.received.len() > self.longest {
            return Err(ReadError::TooLong);
        }
        Ok(None)
    }

    fn take<M: Message>(&mut self) -> Result<M, ReadError> {
        let decoded = decode(self.received.get(..self.seen).unwrap_or_default()).map_err(ReadError::Codec)?;
        let Decoded::Message { message, length } = decoded else {
            // Both read the same format; what only one of them takes for whole is no message.
            return Err(ReadError::Codec(CodecError::Header));
        };
        self.received.drain(..length);
        self.seen = 0;
        self.extent = Extent::of(VALUES);
        Ok(message)
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
        inbox: Inbox::of(MAX_MESSAGE),
    };
    let writer = MessageWriter {
        stream: write,
        messages,
    };
    (reader, Outbox { messages: sender }, writer)
}

#[cfg(test)]
mod tests {
    use rmpv::Value;

    use super::*;
    use crate::packer::codec::Request;

    fn request(seq: u64, argument: Value) -> Request {
        Request {
            method: "PostProcessor.Configure".to_owned(),
            seq,
            argument,
        }
    }

    #[test]
    fn messages_arrive_whole_and_in_order_however_they_are_cut() {
        let long = request(1, Value::Array(vec![Value::from("text"); 5000]));
        let all = [request(0, Value::Nil), long, request(2, Value::from(7))];
        let bytes: Vec<u8> = all.iter().cloned().flat_map(encode).collect();
        for piece in [1, 7, 4096, bytes.len()] {
            let mut inbox = Inbox::of(MAX_MESSAGE);
            let mut got: Vec<Request> = Vec::new();
            for part in bytes.chunks(piece) {
                inbox.room().extend(part);
                while let Some(message) = inbox.next().unwrap() {
                    got.push(message);
                }
            }
            assert!(got == all, "in pieces of {piece}: {got:?}");
            assert!(matches!(inbox.end::<Request>(), Ok(None)));
        }
    }

    #[test]
    fn a_message_that_does_not_end_is_refused_after_64_mib() {
        let mut inbox = Inbox::of(MAX_MESSAGE);
        // A header, then an array that declares 4,294,967,295 values.
        inbox.room().extend(encode(request(0, Value::Nil)));
        inbox.received.pop();
        inbox.room().extend([0xdd, 0xff, 0xff, 0xff, 0xff]);
        let piece = vec![0xc0; 1024 * 1024];
        let mut taken = 0;
        let error = loop {
            match inbox.next::<Request>() {
                Ok(None) => {
                    inbox.room().extend(&piece);
                    taken += 1;
                }
                Ok(Some(message)) => panic!("{message:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(
            (error.to_string().as_str(), taken),
            ("a message is longer than 64 MiB", 64)
        );
    }
}
