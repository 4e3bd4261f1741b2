//! The data plane: which account a request is for, whether the caller may, and which handler answers.
//!
//! Handlers are below, one file a kind of resource. Whatever no handler knows is a 501 that names itself.

use http::Method;

use super::ids::PoolId;
use super::listing::Kind;
use super::refusal::{INVALID_HEADER_VALUE, MISSING_QUERY_PARAMETER, MISSING_REQUIRED_HEADER, Refusal};
use super::supported_images::IMAGES;
use crate::http::Request;

pub(crate) mod authenticate;
mod jobs;
mod nodes;
mod pools;
mod schedules;
mod site;
mod tasks;

use site::only;
pub(crate) use site::{Answer, Site};

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
