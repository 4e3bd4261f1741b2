//! Requests to an account's own host: containers, blobs, pages, leases, copies.
//!
//! Who may make them is decided in `access`. Whatever is not listed here is refused with 501.

use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::Timestamp;

use super::{
    Storage,
    access::{self, Deed, Proof},
    account::{Account, Place},
    blob::{Blob, BlobKind, Copied, PAGE, Stamp},
    refusal::Refusal,
};
use crate::{
    call::Call, engine::Engine, entra::Entra, envelope::unsupported, http::Request, http::Response, resource::Item,
    rights::Rights,
};

/// The most bytes that one request writes into pages, or reads.
const LARGEST_RANGE: u64 = 4 << 20;

/// What the data plane answers with; `granted` gives the bytes of the disk that such an address lets its holder read.
pub(crate) struct Parts<'a> {
    pub(crate) storage: &'a mut Storage,
    pub(crate) engine: &'a mut Engine,
    pub(crate) entra: &'a Entra,
    pub(crate) rights: &'a Rights,
    pub(crate) granted: &'a dyn Fn(&str) -> Option<u64>,
}

/// A range of bytes, both ends in it.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u64,
    last: u64,
}

type Outcome = Result<Response, Refusal>;

impl Range {
    fn of(request: &Request) -> Result<Option<Self>, Refusal> {
        let Some(text) = request.header("x-ms-range").or_else(|| request.header("range")) else {
            return Ok(None);
        };
        let ends = text.strip_prefix("bytes=").and_then(|ends| ends.split_once('-'));
        let range = ends.and_then(|(first, last)| {
            Some(Self {
                first: first.parse().ok()?,
                last: last.parse().ok()?,
            })
        });
        let range = range.filter(|range| range.first <= range.last);
        range.map(Some).ok_or_else(|| Refusal::header("range"))
    }

    const fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// Answers a request whose host is an account's.
pub(crate) fn respond(mut parts: Parts<'_>, call: &Call<'_>) -> Response {
    let request = call.request;
    let answered = route(&mut parts, call);
    let response = answered.unwrap_or_else(|refusal| refusal.response(request));
    let version = request.header("x-ms-version").unwrap_or("2025-01-05");
    response
        .with_header("x-ms-request-id", &parts.engine.ids.guid())
        .with_header("x-ms-version", version)
}

fn route(parts: &mut Parts<'_>, call: &Call<'_>) -> Outcome {
    let request = call.request;
    let segments = request.segments();
    let Some(place) = Place::of(&segments) else {
        return route_container(parts, call, segments.first().cloned().unwrap_or_default());
    };
    let is_copy = request.headers.contains_key("x-ms-copy-source");
    match (&request.method, request.query("comp").unwrap_or_default()) {
        (&Method::GET | &Method::HEAD, "") => read(parts, call, &place),
        (&Method::PUT, "") if is_copy => copy(parts, call, place),
        (&Method::PUT, "") => create(parts, call, place),
        (&Method::PUT, "page") => write_pages(parts, call, &place),
        (&Method::PUT, "lease") => break_lease(parts, call, &place),
        (&Method::DELETE, "") => delete(parts, call, &place),
        _ => Ok(unsupported(request).response()),
    }
}

fn route_container(parts: &mut Parts<'_>, call: &Call<'_>, container: String) -> Outcome {
    let request = call.request;
    let place = Place {
        container,
        blob: String::new(),
    };
    let is_container = request.query("restype") == Some("container");
    match (&request.method, request.query("comp").unwrap_or_default()) {
        (&Method::PUT, "") if is_container => create_container(parts, call, &place),
        (&Method::GET, "list") if is_container => list(parts, call, &place),
        _ => Ok(unsupported(request).response()),
    }
}

/// The account that is asked, once the caller is known to be allowed to.
fn allowed<'a>(
    parts: &'a Parts<'_>,
    call: &Call<'_>,
    what: (Deed, &Place),
) -> Result<(&'a Item<Account>, Proof), Refusal> {
    let account = parts
        .storage
        .at_host(&call.request.authority)
        .ok_or_else(Refusal::container_not_found)?;
    let proof = access::check((parts.entra, parts.rights), account, call, what)?;
    Ok((account, proof))
}

/// The same, to be changed.
fn changed<'a>(
    parts: &'a mut Parts<'_>,
    call: &Call<'_>,
    what: (Deed, &Place),
) -> Result<(&'a mut Account, Stamp), Refusal> {
    allowed(parts, call, what)?;
    let stamp = Stamp {
        etag: format!("\"{}\"", parts.engine.ids.etag()),
        at: call.now,
    };
    let account = parts.storage.at_host_mut(&call.request.authority);
    account
        .map(|item| (&mut item.facts, stamp))
        .ok_or_else(Refusal::container_not_found)
}

fn create_container(parts: &mut Parts<'_>, call: &Call<'_>, place: &Place) -> Outcome {
    let (account, stamp) = changed(parts, call, (Deed::Container, place))?;
    if account.containers.contains_key(&place.container) {
        let message = "The specified container already exists.";
        return Err(Refusal::new(StatusCode::CONFLICT, "ContainerAlreadyExists", message));
    }
    account
        .containers
        .insert(place.container.clone(), std::collections::BTreeMap::new());
    Ok(stamped(Response::empty(StatusCode::CREATED), &stamp.etag, stamp.at))
}

fn list(parts: &Parts<'_>, call: &Call<'_>, place: &Place) -> Outcome {
    let (account, _) = allowed(parts, call, (Deed::List, place))?;
    let blobs = account
        .facts
        .containers
        .get(&place.container)
        .ok_or_else(Refusal::container_not_found)?;
    let prefix = call.request.query("prefix").unwrap_or_default();
    let shown: String = blobs
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, blob)| listed(name, blob))
        .collect();
    let mut response = Response::empty(StatusCode::OK).with_header("content-type", "application/xml");
    response.body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"{}\"><Blobs>{shown}</Blobs>\
         <NextMarker /></EnumerationResults>",
        place.container
    )
    .into();
    Ok(response)
}

fn listed(name: &str, blob: &Blob) -> String {
    format!(
        "<Blob><Name>{}</Name><Properties><Content-Length>{}</Content-Length><BlobType>{}</BlobType><Etag>{}</Etag>\
         </Properties></Blob>",
        name.replace('&', "&amp;").replace('<', "&lt;"),
        blob.size,
        blob.kind.word(),
        blob.etag.trim_matches('"')
    )
}

fn read(parts: &Parts<'_>, call: &Call<'_>, place: &Place) -> Outcome {
    let (account, _) = allowed(parts, call, (Deed::Read, place))?;
    let blob = found(&account.facts, place)?;
    let response = properties(Response::empty(StatusCode::OK), blob, call.now);
    if call.request.method == Method::HEAD {
        return Ok(response.with_header("content-length", &blob.size.to_string()));
    }
    let asked = Range::of(call.request)?;
    let range = asked.unwrap_or(Range {
        first: 0,
        last: blob.size.saturating_sub(1),
    });
    if range.last >= blob.size || range.length() > LARGEST_RANGE {
        return Err(no_range());
    }
    let length = usize::try_from(range.length()).unwrap_or_default();
    let mut response = response;
    response.body = Bytes::from(blob.read(range.first, length));
    if asked.is_some() {
        response.status = StatusCode::PARTIAL_CONTENT;
        let shown = format!("bytes {}-{}/{}", range.first, range.last, blob.size);
        return Ok(response.with_header("content-range", &shown));
    }
    Ok(response)
}

fn no_range() -> Refusal {
    let message = "The range specified is invalid for the current size of the resource.";
    Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message)
}

fn found<'a>(account: &'a Account, place: &Place) -> Result<&'a Blob, Refusal> {
    let container = account.containers.get(&place.container);
    let container = container.ok_or_else(Refusal::container_not_found)?;
    container.get(&place.blob).ok_or_else(Refusal::blob_not_found)
}

/// The size of a page blob that is to be made; `None` for a block blob, which is as large as its body.
fn page_size(request: &Request) -> Result<Option<u64>, Refusal> {
    let name = "x-ms-blob-content-length";
    let size = request.header(name).and_then(|size| size.parse::<u64>().ok());
    match request.header("x-ms-blob-type") {
        Some("PageBlob") => match size.filter(|size| size.is_multiple_of(PAGE)) {
            None => Err(Refusal::header(name)),
            size => Ok(size),
        },
        Some("BlockBlob") => Ok(None),
        _ => Err(Refusal::header("x-ms-blob-type")),
    }
}

fn create(parts: &mut Parts<'_>, call: &Call<'_>, place: Place) -> Outcome {
    let request = call.request;
    let size = page_size(request)?;
    let (account, stamp) = changed(parts, call, (Deed::Create, &place))?;
    if !account.containers.contains_key(&place.container) {
        return Err(Refusal::container_not_found());
    }
    let blob = if let Some(size) = size {
        Blob::empty(BlobKind::Page, size, stamp.clone())
    } else {
        let length = u64::try_from(request.body.len()).unwrap_or_default();
        let mut blob = Blob::empty(BlobKind::Block, length, stamp.clone());
        blob.write(0, request.body.clone(), stamp.clone());
        blob
    };
    account.put(place, blob);
    Ok(stamped(Response::empty(StatusCode::CREATED), &stamp.etag, stamp.at))
}

/// Whether a request clears pages instead of filling them.
fn clears(request: &Request) -> Result<bool, Refusal> {
    match request
        .header("x-ms-page-write")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("update") => Ok(false),
        Some("clear") => Ok(true),
        _ => Err(Refusal::header("x-ms-page-write")),
    }
}

/// The range that a request writes into, and the bytes for it: none to clear it.
fn page_write(request: &Request) -> Result<(Range, Option<Bytes>), Refusal> {
    let range = Range::of(request)?.ok_or_else(|| Refusal::header("x-ms-range"))?;
    let clears = clears(request)?;
    if !range.first.is_multiple_of(PAGE) || !range.length().is_multiple_of(PAGE) {
        return Err(no_page_range());
    }
    if range.length() > LARGEST_RANGE {
        let message = "The request body is too large and exceeds the maximum permissible limit.";
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestBodyTooLarge",
            message,
        ));
    }
    if !clears && u64::try_from(request.body.len()) != Ok(range.length()) {
        return Err(Refusal::header("content-length"));
    }
    Ok((range, (!clears).then(|| request.body.clone())))
}

fn no_page_range() -> Refusal {
    let message = "The page range specified is invalid.";
    Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidPageRange", message)
}

fn write_pages(parts: &mut Parts<'_>, call: &Call<'_>, place: &Place) -> Outcome {
    let (range, bytes) = page_write(call.request)?;
    let (account, stamp) = changed(parts, call, (Deed::Write, place))?;
    found(account, place)?;
    let blob = account.blob_mut(place).ok_or_else(Refusal::blob_not_found)?;
    if blob.kind != BlobKind::Page {
        let message = "The blob type is invalid for this operation.";
        return Err(Refusal::new(StatusCode::CONFLICT, "InvalidBlobType", message));
    }
    if range.last >= blob.size {
        return Err(no_page_range());
    }
    let zeros = || Bytes::from(vec![0; usize::try_from(range.length()).unwrap_or_default()]);
    blob.write(range.first, bytes.unwrap_or_else(zeros), stamp.clone());
    Ok(stamped(Response::empty(StatusCode::CREATED), &stamp.etag, stamp.at))
}

/// Only breaking is played: what a builder does before it deletes the disk of a machine that is gone.
fn break_lease(parts: &mut Parts<'_>, call: &Call<'_>, place: &Place) -> Outcome {
    if call.request.header("x-ms-lease-action") != Some("break") {
        return Ok(unsupported(call.request).response());
    }
    let (account, _) = changed(parts, call, (Deed::Write, place))?;
    found(account, place)?;
    let lease = account.blob_mut(place).and_then(|blob| blob.leased_to.take());
    if lease.is_none() {
        let message = "There is currently no lease on the blob.";
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "LeaseNotPresentWithLeaseOperation",
            message,
        ));
    }
    Ok(Response::empty(StatusCode::ACCEPTED).with_header("x-ms-lease-time", "0"))
}

fn delete(parts: &mut Parts<'_>, call: &Call<'_>, place: &Place) -> Outcome {
    let (account, _) = changed(parts, call, (Deed::Delete, place))?;
    if found(account, place)?.leased_to.is_some() {
        let message = "There is currently a lease on the blob and no lease ID was specified in the request.";
        return Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "LeaseIdMissing", message));
    }
    if let Some(blobs) = account.containers.get_mut(&place.container) {
        blobs.remove(&place.blob);
    }
    Ok(Response::empty(StatusCode::ACCEPTED))
}

/// Begins a copy, from a disk by its SAS or from another blob; it goes on by itself.
fn copy(parts: &mut Parts<'_>, call: &Call<'_>, place: Place) -> Outcome {
    let address = call.request.header("x-ms-copy-source").unwrap_or_default().to_owned();
    let (_, proof) = allowed(parts, call, (Deed::Create, &place))?;
    let (content, copy) = (
        source(parts, call, &address, proof)?,
        begun(parts.engine, call.now, &address),
    );
    let (account, stamp) = changed(parts, call, (Deed::Create, &place))?;
    if !account.containers.contains_key(&place.container) {
        return Err(Refusal::container_not_found());
    }
    let blob = content.copied(copy.clone(), stamp.clone());
    account.put(place, blob);
    Ok(stamped(Response::empty(StatusCode::ACCEPTED), &stamp.etag, stamp.at)
        .with_header("x-ms-copy-id", &copy.id)
        .with_header("x-ms-copy-status", copy.status(call.now)))
}

fn begun(engine: &mut Engine, now: Timestamp, address: &str) -> Copied {
    Copied {
        id: engine.ids.guid(),
        source: address.split('?').next().unwrap_or_default().to_owned(),
        begun: now,
        ends: now + engine.timing.lasts(engine.timing.seconds.blob_copy),
    }
}

/// What is to be copied: it must be readable by its address alone, unless it is of the same account.
fn source(parts: &Parts<'_>, call: &Call<'_>, address: &str, proof: Proof) -> Result<Blob, Refusal> {
    let unverified = |status| {
        let message = "Could not verify the copy source within the specified time.";
        Refusal::new(status, "CannotVerifyCopySource", message)
    };
    if let Some(bytes) = (parts.granted)(address) {
        let stamp = Stamp {
            etag: String::new(),
            at: call.now,
        };
        return Ok(Blob::disk(bytes, stamp));
    }
    let url = url::Url::parse(address).map_err(|_shape| Refusal::header("x-ms-copy-source"))?;
    let not_there = || unverified(StatusCode::NOT_FOUND);
    let account = parts.storage.at_host(url.authority()).ok_or_else(not_there)?;
    let place = super::place_of(&url).ok_or_else(not_there)?;
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let field = |name: &str| {
        let found = query.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let is_own = account.facts.host.eq_ignore_ascii_case(&call.request.authority) && proof != Proof::Signature;
    if !field("sig").is_empty() {
        access::sas(account, field, (Deed::Read, &place), call.now)
            .map_err(|_refusal| unverified(StatusCode::FORBIDDEN))?;
    } else if !is_own {
        return Err(unverified(StatusCode::NOT_FOUND));
    }
    account.facts.blob(&place).cloned().ok_or_else(not_there)
}

/// The headers that describe a blob.
fn properties(response: Response, blob: &Blob, now: Timestamp) -> Response {
    let mut response = stamped(response, &blob.etag, blob.modified)
        .with_header("x-ms-blob-type", blob.kind.word())
        .with_header("content-type", "application/octet-stream")
        .with_header("accept-ranges", "bytes")
        .with_header(
            "x-ms-lease-state",
            if blob.leased_to.is_some() {
                "leased"
            } else {
                "available"
            },
        );
    if let Some(copy) = &blob.copy {
        response = response
            .with_header("x-ms-copy-id", &copy.id)
            .with_header("x-ms-copy-source", &copy.source)
            .with_header("x-ms-copy-status", copy.status(now))
            .with_header(
                "x-ms-copy-progress",
                &format!("{}/{}", copied(copy, blob.size, now), blob.size),
            );
    }
    response
}

/// How many bytes have arrived.
fn copied(copy: &Copied, size: u64, now: Timestamp) -> u64 {
    let seconds = |from: Timestamp, to: Timestamp| u64::try_from(to.duration_since(from).as_secs()).unwrap_or_default();
    let whole = seconds(copy.begun, copy.ends).max(1);
    if now < copy.ends {
        size / whole * seconds(copy.begun, now)
    } else {
        size
    }
}

fn stamped(response: Response, etag: &str, at: Timestamp) -> Response {
    response
        .with_header("etag", etag)
        .with_header("last-modified", &at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}
