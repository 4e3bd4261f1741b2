//! Turns bytes into net/rpc requests and responses and back; pure.
//!
//! Reads whatever Go's codec may send in any of its options and writes what Go writes by
//! default. Does not read or write streams: [`super::messages`] does.

use std::io::ErrorKind;

use rmpv::Value;

/// Deepest nesting that is read: far beyond any template, and shallow enough for any stack.
pub(super) const MAX_DEPTH: usize = 64;

/// A call: which method, which of the calls on its stream, and the argument.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// `Service.Method`, as written by the caller.
    pub method: String,
    /// Number of the call on its stream, counted by the caller from 0.
    pub seq: u64,
    /// The one argument; nil when the method takes none.
    pub argument: Value,
}

/// The answer to the request with the same `seq` on the same stream.
#[derive(Clone, PartialEq)]
pub struct Response {
    /// `Service.Method` of the request; Packer may leave it out.
    pub method: String,
    /// Number of the request that is answered.
    pub seq: u64,
    /// The result, or the text of the error.
    pub outcome: Result<Value, String>,
}

/// What the bytes received so far amount to.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded<T> {
    /// A whole message, and how many bytes it took.
    Message {
        /// The message.
        message: T,
        /// Bytes to drop before the next message starts.
        length: usize,
    },
    /// The message is not complete yet; ask again with more bytes.
    Incomplete,
}

/// Bytes that can never become a message; the stream is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The value is nested deeper than any real message.
    #[error("message is nested too deeply")]
    TooDeep,
    /// The first value of a message must be a map or an array of fields.
    #[error("message header is neither a map nor an array")]
    Header,
}

/// A message of one direction.
pub trait Message: Sized {
    /// Builds the message from its two msgpack values; `None` if the header is unusable.
    fn from_parts(header: &Value, body: Value) -> Option<Self>;
    /// The message as its two msgpack values.
    fn into_parts(self) -> (Value, Value);
}

/// The fields of a header, which Go may write as a map or, in another option, as an array.
enum Fields<'a> {
    Named(&'a [(Value, Value)]),
    Ordered(&'a [Value]),
}

impl std::fmt::Debug for Request {
    /// Leaves the argument out: it may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Response {
    /// Leaves the result out: it may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("method", &self.method)
            .field("seq", &self.seq)
            .field("ok", &self.outcome.is_ok())
            .finish_non_exhaustive()
    }
}

impl Message for Request {
    fn from_parts(header: &Value, body: Value) -> Option<Self> {
        let fields = Fields::of(header)?;
        Some(Self {
            method: fields.text("ServiceMethod", 0),
            seq: fields.unsigned("Seq", 1),
            argument: body,
        })
    }

    fn into_parts(self) -> (Value, Value) {
        let header = record([
            ("ServiceMethod", Value::from(self.method)),
            ("Seq", Value::from(self.seq)),
        ]);
        (header, self.argument)
    }
}

impl Message for Response {
    fn from_parts(header: &Value, body: Value) -> Option<Self> {
        let fields = Fields::of(header)?;
        let error = fields.text("Error", 2);
        Some(Self {
            method: fields.text("ServiceMethod", 0),
            seq: fields.unsigned("Seq", 1),
            outcome: if error.is_empty() { Ok(body) } else { Err(error) },
        })
    }

    fn into_parts(self) -> (Value, Value) {
        let (error, body) = match self.outcome {
            Ok(body) => (String::new(), body),
            // Go drops the body of a failed call, but one must be there; its own is empty.
            Err(error) => (error, Value::Map(Vec::new())),
        };
        let header = record([
            ("ServiceMethod", Value::from(self.method)),
            ("Seq", Value::from(self.seq)),
            ("Error", Value::from(error)),
        ]);
        (header, body)
    }
}

impl<'a> Fields<'a> {
    fn of(header: &'a Value) -> Option<Self> {
        match header {
            Value::Map(entries) => Some(Self::Named(entries)),
            Value::Array(items) => Some(Self::Ordered(items)),
            _ => None,
        }
    }

    fn find(&self, name: &str, position: usize) -> Option<&'a Value> {
        match self {
            Self::Named(entries) => entries
                .iter()
                .find(|(key, _)| as_text(key) == Some(name))
                .map(|(_, value)| value),
            Self::Ordered(items) => items.get(position),
        }
    }

    fn text(&self, name: &str, position: usize) -> String {
        self.find(name, position)
            .and_then(as_text)
            .unwrap_or_default()
            .to_owned()
    }

    fn unsigned(&self, name: &str, position: usize) -> u64 {
        self.find(name, position).and_then(as_unsigned).unwrap_or_default()
    }
}

/// Reads one message from the start of `bytes`.
///
/// # Errors
///
/// When the bytes can never become a message, whatever follows.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<Decoded<M>, CodecError> {
    let mut rest = bytes;
    let Some(header) = read_value(&mut rest)? else {
        return Ok(Decoded::Incomplete);
    };
    let Some(body) = read_value(&mut rest)? else {
        return Ok(Decoded::Incomplete);
    };
    let message = M::from_parts(&header, body).ok_or(CodecError::Header)?;
    Ok(Decoded::Message {
        message,
        length: bytes.len() - rest.len(),
    })
}

/// Writes a message the way Go does.
#[must_use]
pub fn encode<M: Message>(message: M) -> Vec<u8> {
    let (header, body) = message.into_parts();
    let mut bytes = Vec::new();
    write_value(&mut bytes, &header);
    write_value(&mut bytes, &body);
    bytes
}

/// Builds a Go struct: a map whose keys are text, in field order.
#[must_use]
pub fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Map(
        fields
            .into_iter()
            .map(|(name, value)| (Value::from(name), value))
            .collect(),
    )
}

/// Reads text, which Go may also have written as bytes.
#[must_use]
pub fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => text.as_str(),
        Value::Binary(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// Reads a number that is not negative, in any integer width or as a whole float.
#[must_use]
pub fn as_unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(number) => number.as_u64(),
        Value::F32(_) | Value::F64(_) => value.as_f64().and_then(whole),
        _ => None,
    }
}

/// Finds a field of a Go struct or a Go map by name.
#[must_use]
pub fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(entries) => entries
            .iter()
            .find(|(key, _)| as_text(key) == Some(name))
            .map(|(_, value)| value),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole, not negative and below 2^53, where doubles are exact"
)]
fn whole(number: f64) -> Option<u64> {
    let exact = (0.0..9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    exact.then_some(number as u64)
}

fn read_value(bytes: &mut &[u8]) -> Result<Option<Value>, CodecError> {
    match rmpv::decode::read_value_with_max_depth(bytes, MAX_DEPTH) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        // Reading from a slice fails in no other way.
        Err(_) => Err(CodecError::TooDeep),
    }
}

#[expect(clippy::expect_used, reason = "a Vec takes every write")]
fn write_value(bytes: &mut Vec<u8>, value: &Value) {
    rmpv::encode::write_value(bytes, value).expect("writing to memory");
}

#[cfg(test)]
mod tests;
