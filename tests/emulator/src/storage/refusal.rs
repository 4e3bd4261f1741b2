//! What the data plane refuses with: a code, a sentence, and XML around them.
//!
//! Which request is refused is decided where it is read.

use http::{Method, StatusCode};

use crate::http::{Request, Response};

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// 404 for a blob that is not there.
    pub(super) fn blob_not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "BlobNotFound",
            "The specified blob does not exist.",
        )
    }

    /// 404 for a container that is not there.
    pub(super) fn container_not_found() -> Self {
        let message = "The specified container does not exist.";
        Self::new(StatusCode::NOT_FOUND, "ContainerNotFound", message)
    }

    /// 400 for a header that makes no sense.
    pub(super) fn header(name: &str) -> Self {
        let message = format!("The value for one of the HTTP headers is not in the correct format: {name}.");
        Self::new(StatusCode::BAD_REQUEST, "InvalidHeaderValue", message)
    }

    /// 403 for a signature or token that is not good.
    pub(super) fn authentication(detail: &str) -> Self {
        let message = format!(
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly \
             including the signature. {detail}"
        );
        Self::new(
            StatusCode::FORBIDDEN,
            "AuthenticationFailed",
            message.trim_end().to_owned(),
        )
    }

    /// 403 for a good one that does not reach so far.
    pub(super) fn permission() -> Self {
        let message = "This request is not authorized to perform this operation using this permission.";
        Self::new(StatusCode::FORBIDDEN, "AuthorizationPermissionMismatch", message)
    }

    /// The answer; one to HEAD has no body.
    pub(super) fn response(&self, request: &Request) -> Response {
        refuse(request, self.status, (self.code, &self.message))
    }
}

/// Any refusal in the data plane's form.
pub(crate) fn refuse(request: &Request, status: StatusCode, (code, message): (&str, &str)) -> Response {
    let mut response = Response::empty(status).with_header("x-ms-error-code", code);
    if request.method != Method::HEAD {
        let text = message.replace('&', "&amp;").replace('<', "&lt;");
        response = response.with_header("content-type", "application/xml");
        response.body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{text}</Message></Error>"
        )
        .into();
    }
    response
}
