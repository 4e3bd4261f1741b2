//! Where a data-plane request is answered: its account, what surrounds it, and who asks.
//!
//! Which answer it gets is decided by the other files here.

use http::Method;
use serde_json::Value;

use crate::batch::account::Account;
use crate::batch::listing::{self, Kind};
use crate::batch::pool::body::{ApiAge, without_nulls};
use crate::batch::refusal::{INVALID_REQUEST_BODY, Refusal};
use crate::batch::scene::Scene;
use crate::batch::wire::Reply;
use crate::http::Request;

/// What a handler answers with.
pub(crate) type Answer = Result<Reply, Refusal>;

/// How the caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Bearer,
    SharedKey,
}

/// One data-plane request and what it works with.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) account: &'a mut Account,
    pub(crate) scene: Scene<'a>,
    pub(crate) request: &'a Request,
    /// The account's URL as the caller reached it, without a slash at the end.
    pub(crate) base: String,
    pub(crate) proof: Proof,
}

impl Site<'_> {
    /// The protocol's version, as far as it decides anything.
    pub(crate) fn age(&self) -> ApiAge {
        ApiAge::of(self.request.query("api-version").unwrap_or_default())
    }

    /// The request's body, without nulls.
    ///
    /// # Errors
    /// There is none, or it is not a JSON object.
    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        let body = self.request.json().filter(Value::is_object);
        body.map(without_nulls).ok_or_else(|| INVALID_REQUEST_BODY.into())
    }

    /// The same where a body may be left out.
    ///
    /// # Errors
    /// There is one and it is not a JSON object.
    pub(crate) fn optional_body(&self) -> Result<Value, Refusal> {
        if self.request.body.is_empty() {
            Ok(Value::Object(serde_json::Map::new()))
        } else {
            self.body()
        }
    }

    /// Answers a list.
    ///
    /// # Errors
    /// As [`listing::list`].
    pub(crate) fn list(&self, collection: &str, kind: Kind, items: Vec<(String, Value)>) -> Answer {
        listing::list(self.request, &self.base, collection, kind, items)
    }
}

/// Answers one verb and refuses the others as the service does.
pub(crate) fn only(method: &Method, wanted: &Method, answer: impl FnOnce() -> Answer) -> Answer {
    if method == wanted {
        answer()
    } else {
        Err(Refusal::verb(method))
    }
}
