//! What is read, or a blind spot where it cannot be.
//!
//! What ends the whole run is an error all the same.

use serde_json::Value;

use super::Blind;
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    request::Request,
};

/// The items of a list; a blind spot when it cannot be read.
pub(super) async fn seen(
    client: &Client,
    list: &Request,
    (what, right): (String, &'static str),
) -> Result<Result<Vec<Value>, Blind>> {
    or_blind(client.list(list).await, (what, right))
}

/// What was read; a blind spot when it could not be.
pub(crate) fn or_blind<T>(read: Result<T>, (what, right): (String, &'static str)) -> Result<Result<T, Blind>> {
    match read {
        Ok(found) => Ok(Ok(found)),
        Err(error) => match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn => Err(error),
            _ => Ok(Err(blind(what, right, &error))),
        },
    }
}

/// What an error hides.
pub(super) fn blind(what: String, right: &'static str, why: &Error) -> Blind {
    Blind {
        what,
        why: why.report(),
        needs: (why.kind() == ErrorKind::NoRights).then_some(right),
    }
}
