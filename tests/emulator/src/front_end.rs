//! What Azure's front ends refuse before a service sees the request.
//!
//! It knows one rule: over HTTP/1.1 a write says how long its body is, also when it has none.

use http::{Method, StatusCode};

use crate::http::{Request, Response};

/// The page that people posted (hashicorp/go-azure-sdk, pull request 425).
const PAGE: &str = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n\
    <HTML><HEAD><TITLE>Length Required</TITLE>\r\n\
    <META HTTP-EQUIV=\"Content-Type\" Content=\"text/html; charset=us-ascii\"></HEAD>\r\n\
    <BODY><h2>Length Required</h2>\r\n\
    <hr><p>HTTP Error 411. The request must be chunked or have a content length.</p>\r\n\
    </BODY></HTML>\r\n";

/// Whether a write says nothing about the length of its body. One that has a body counts as sent by a client that says
/// so: in memory nothing counts the bytes.
pub(crate) fn is_without_length(request: &Request) -> bool {
    let is_write = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
    let says = |name: &str| request.headers.contains_key(name);
    is_write && request.body.is_empty() && !says("content-length") && !says("transfer-encoding")
}

/// 411 as the resource manager's and Entra's front ends answer it.
pub(crate) fn length_required() -> Response {
    let mut response =
        Response::empty(StatusCode::LENGTH_REQUIRED).with_header("content-type", "text/html; charset=us-ascii");
    response.body = PAGE.into();
    response
}
