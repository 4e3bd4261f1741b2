//! The data plane: which account a request is for, whether the caller may, and which handler answers.
//!
//! Handlers are below, one file a kind of resource. Whatever no handler knows is a 501 that names itself.

use http::Method;
use serde_json::Value;

use super::account::Account;
use super::ids::PoolId;
use super::listing::Kind;
use super::pool::body::{ApiAge, without_nulls};
use super::refusal::{
    INVALID_HEADER_VALUE, INVALID_REQUEST_BODY, MISSING_QUERY_PARAMETER, MISSING_REQUIRED_HEADER, Refusal,
};
use super::scene::Scene;
use super::supported_images::IMAGES;
use super::wire::Reply;
use crate::http::Request;

pub(crate) mod authenticate;
mod jobs;
mod nodes;
mod pools;
mod schedules;
mod tasks;

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

/// `supportedimages`.
const SUPPORTED_IMAGES: Kind = Kind {
    metadata: "supportedimages",
    filterable: &["nodeAgentSKUId", "osType", "verificationType"],
    selectable: &[],
};

/// `nodecounts`.
const NODE_COUNTS: Kind = Kind {
    metadata: "poolnodecounts",
    filterable: &["poolId"],
    selectable: &[],
};

impl Site<'_> {
    /// The protocol's version, as far as it decides anything.
    pub(crate) fn age(&self) -> ApiAge {
        ApiAge::of(self.request.query("api-version").unwrap_or_default())
    }

    /// The request's body, without nulls.
    ///
    /// # Errors
    /// There is none, or it is no JSON object.
    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        let body = self.request.json().filter(Value::is_object);
        body.map(without_nulls).ok_or_else(|| INVALID_REQUEST_BODY.into())
    }

    /// The same where a body may be left out.
    ///
    /// # Errors
    /// There is one and it is no JSON object.
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
    /// As [`super::listing::list`].
    pub(crate) fn list(&self, collection: &str, kind: Kind, items: Vec<(String, Value)>) -> Answer {
        super::listing::list(self.request, &self.base, collection, kind, items)
    }
}

/// Answers a request whose account is known and whose caller has proved itself.
///
/// # Errors
/// What the service refuses.
pub(crate) fn answer(site: &mut Site<'_>, segments: &[&str]) -> Answer {
    check_protocol(site.request)?;
    let method = site.request.method.clone();
    match segments {
        ["supportedimages"] => only(&method, &Method::GET, || supported_images(site)),
        ["nodecounts"] => only(&method, &Method::GET, || node_counts(site)),
        ["pools"] => pools::collection(site, &method),
        ["pools", pool] => pools::element(site, &method, &PoolId::of(pool)),
        ["pools", pool, "nodes", rest @ ..] => nodes::answer(site, &method, &PoolId::of(pool), rest),
        ["pools", pool, action] => pools::action(site, &method, &PoolId::of(pool), action),
        ["jobs", rest @ ..] => jobs::answer(site, &method, rest),
        ["jobschedules", rest @ ..] => schedules::answer(site, &method, rest),
        _ => Err(Refusal::unsupported(site.request)),
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

/// The api-version and, for bodies, the content type that the protocol demands.
fn check_protocol(request: &Request) -> Result<(), Refusal> {
    if request.query("api-version").is_none_or(str::is_empty) {
        return Err(Refusal::from(MISSING_QUERY_PARAMETER).with("QueryParameterName", "api-version"));
    }
    if request.body.is_empty() {
        return Ok(());
    }
    let Some(kind) = request.header("content-type") else {
        return Err(Refusal::from(MISSING_REQUIRED_HEADER).with("HeaderName", "Content-Type"));
    };
    let lower = kind.to_ascii_lowercase();
    if lower.starts_with("application/json") && lower.contains("odata=") {
        return Ok(());
    }
    Err(Refusal::from(INVALID_HEADER_VALUE)
        .with("HeaderName", "Content-Type")
        .with("HeaderValue", kind))
}

fn supported_images(site: &Site<'_>) -> Answer {
    let items = IMAGES.iter().enumerate();
    let items = items
        .map(|(place, image)| (format!("{place:04}"), image.render()))
        .collect();
    site.list("supportedimages", SUPPORTED_IMAGES, items)
}

fn node_counts(site: &Site<'_>) -> Answer {
    let now = site.scene.now;
    let pools = site.account.pools.iter().filter(|pool| !pool.is_gone(now));
    let items = pools
        .map(|pool| (pool.id.as_str().to_ascii_lowercase(), pool.node_counts(now)))
        .collect();
    site.list("nodecounts", NODE_COUNTS, items)
}
