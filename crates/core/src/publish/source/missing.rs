//! What is said of a source that is not there or makes no sense.

use crate::{
    error::{Error, ErrorKind},
    ids::InvalidId,
};

/// The source, or a part of it, is not there.
pub(super) fn missing(id: &str) -> Error {
    Error::new(ErrorKind::BadInput, format!("there is no {id}")).with_hint("check the source's id; was it deleted?")
}

/// Azure describes it in a way that makes no sense.
pub(super) fn odd(cause: InvalidId) -> Error {
    Error::new(ErrorKind::Azure, "the machine's description makes no sense").because(cause)
}
