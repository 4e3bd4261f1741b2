//! Conditional requests: `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since`.
//!
//! It compares; it changes nothing. Both planes use it: quotes around an ETag do not matter.

use http::Method;
use jiff::Timestamp;

use super::refusal::{CONDITION_NOT_MET, NOT_MODIFIED, Refusal};
use super::wire::Version;
use crate::http::Request;

/// Checks the request's conditions against what is there.
///
/// # Errors
/// `ConditionNotMet`: 304 for reads that may be answered from a cache, else 412.
pub(crate) fn check(request: &Request, version: &Version) -> Result<(), Refusal> {
    let is_read = request.method == Method::GET || request.method == Method::HEAD;
    let matches = |header: &str| header.split(',').any(|tag| is_tag(tag, &version.etag));
    if request.header("if-match").is_some_and(|header| !matches(header)) {
        return Err(CONDITION_NOT_MET.into());
    }
    if request.header("if-none-match").is_some_and(matches) {
        return Err(if is_read { NOT_MODIFIED } else { CONDITION_NOT_MET }.into());
    }
    // Headers carry whole seconds.
    let modified = version.modified.as_second();
    if time(request, "if-modified-since").is_some_and(|since| modified <= since.as_second()) {
        return Err(if is_read { NOT_MODIFIED } else { CONDITION_NOT_MET }.into());
    }
    if time(request, "if-unmodified-since").is_some_and(|since| modified > since.as_second()) {
        return Err(CONDITION_NOT_MET.into());
    }
    Ok(())
}

fn is_tag(tag: &str, etag: &str) -> bool {
    let tag = tag.trim();
    tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == etag
}

fn time(request: &Request, name: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(request.header(name)?).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn conditions_hold_or_are_refused_with_304_for_reads_and_412_for_writes() {
        let version = Version {
            etag: "0x8D1".to_owned(),
            modified: "2026-01-01T00:00:10.5Z".parse().unwrap(),
        };
        let (get, patch) = (Method::GET, Method::PATCH);
        for (method, name, value, status) in [
            (&patch, "if-match", "0x8D1", None),
            (&patch, "if-match", "\"0x8D1\"", None),
            (&patch, "if-match", "*", None),
            (&patch, "if-match", "0x8D2", Some(412)),
            (&get, "if-match", "0x8D2", Some(412)),
            (&get, "if-none-match", "0x8D1", Some(304)),
            (&patch, "if-none-match", "0x8D1", Some(412)),
            (&get, "if-none-match", "0x8D2", None),
            (&get, "if-modified-since", "Thu, 01 Jan 2026 00:00:10 GMT", Some(304)),
            (&get, "if-modified-since", "Thu, 01 Jan 2026 00:00:09 GMT", None),
            (
                &patch,
                "if-unmodified-since",
                "Thu, 01 Jan 2026 00:00:09 GMT",
                Some(412),
            ),
            (&patch, "if-unmodified-since", "Thu, 01 Jan 2026 00:00:10 GMT", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            let request = Request {
                method: method.clone(),
                authority: String::new(),
                path: "/pools/p".to_owned(),
                query: Vec::new(),
                headers,
                body: Bytes::new(),
            };
            let refused = check(&request, &version).err().map(|refusal| refusal.status().as_u16());
            assert_eq!(refused, status, "{method} {name}: {value}");
        }
    }
}
