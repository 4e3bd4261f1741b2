//! A request as a value: what to send, to which service, and how to name it to a person.
//!
//! It is built without a server, a token or a clock, so tests compare requests as data.

use std::fmt;

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{BatchEndpoint, BlobAddress, BlobHost},
};

/// The service a request is for; it decides base address, audience and content type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// Azure Resource Manager.
    Arm,
    /// The data plane of one Batch account.
    Batch(BatchEndpoint),
    /// The blobs of one storage account.
    Blobs(BlobHost),
}

/// One request.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// What it does, for people: `create snapshot s1`. Errors say `cannot {doing}`.
    pub doing: String,
    /// The service.
    pub service: Service,
    /// The verb.
    pub method: Method,
    /// Path and query below the service's base, or a whole address that the service gave us.
    pub target: Target,
    /// The api-version, which depends on the cloud; none for blobs and for an address that the service gave us.
    pub api: Option<Api>,
    /// The JSON body.
    pub body: Option<Value>,
    /// Further headers, such as `If-Match`.
    pub headers: Vec<(&'static str, String)>,
    /// What a read is answered with.
    pub form: Form,
    /// Whether it changes something.
    pub effect: Effect,
}

/// Whether a request changes something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// As its verb says.
    #[default]
    OfVerb,
    /// It asks for an answer and changes nothing, whatever its verb.
    None,
}

/// What a read is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A JSON object; anything else is trouble that passes.
    #[default]
    Json,
    /// A bare JSON list, which may be empty; anything else is trouble that passes.
    List,
    /// The bytes of a file, which may be none.
    File,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Below the service's base: a path that starts with `/`, already encoded, and query pairs.
    Path {
        /// The path.
        path: String,
        /// The query besides the api-version, encoded when the request is sent.
        query: Vec<(&'static str, String)>,
    },
    /// An address the service gave us (poll URL, next link): used to the letter, it may be signed.
    Verbatim(String),
}

impl Request {
    /// A request to ARM: `path` is a resource id or collection, `api` its kind, which decides the api-version.
    #[must_use]
    pub fn arm(method: Method, path: impl fmt::Display, api: impl Into<Api>, doing: impl Into<String>) -> Self {
        Self::new(Service::Arm, method, path.to_string(), api.into(), doing.into())
    }

    /// A request to a Batch account's data plane; `version` is the api-version.
    #[must_use]
    pub fn batch(
        endpoint: &BatchEndpoint,
        method: Method,
        path: impl fmt::Display,
        version: &'static str,
        doing: impl Into<String>,
    ) -> Self {
        let service = Service::Batch(endpoint.clone());
        Self::new(service, method, path.to_string(), version.into(), doing.into())
    }

    /// A request to a blob; its version is a header.
    #[must_use]
    pub fn blob(address: &BlobAddress, method: Method, doing: impl Into<String>) -> Self {
        let target = Target::Path {
            path: address.path().to_owned(),
            query: Vec::new(),
        };
        Self {
            doing: doing.into(),
            service: Service::Blobs(address.host()),
            method,
            target,
            api: None,
            body: None,
            headers: Vec::new(),
            form: Form::Json,
            effect: Effect::OfVerb,
        }
    }

    fn new(service: Service, method: Method, path: String, api: Api, doing: String) -> Self {
        let query = Vec::new();
        Self {
            doing,
            service,
            method,
            target: Target::Path { path, query },
            api: Some(api),
            body: None,
            headers: Vec::new(),
            form: Form::Json,
            effect: Effect::OfVerb,
        }
    }

    /// A GET of an address the service gave us.
    #[must_use]
    pub fn follow(service: Service, address: &str, doing: impl Into<String>) -> Self {
        let target = Target::Verbatim(address.to_owned());
        Self {
            doing: doing.into(),
            service,
            method: Method::GET,
            target,
            api: None,
            body: None,
            headers: Vec::new(),
            form: Form::Json,
            effect: Effect::OfVerb,
        }
    }

    /// The same with one more query pair; nothing changes for an address that is used to the letter.
    #[must_use]
    pub fn with_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Target::Path { query, .. } = &mut self.target {
            query.push((name, value.into()));
        }
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, done only if what it changes still has this ETag; in any case when there is none.
    #[must_use]
    pub fn if_match(self, etag: Option<&str>) -> Self {
        match etag {
            Some(etag) => self.with_header("if-match", quoted(etag)),
            None => self,
        }
    }

    /// The same, answered with a bare list.
    #[must_use]
    pub const fn for_list(mut self) -> Self {
        self.form = Form::List;
        self
    }

    /// The same, answered with a file.
    #[must_use]
    pub const fn for_file(mut self) -> Self {
        self.form = Form::File;
        self
    }

    /// The same, known to change nothing.
    #[must_use]
    pub const fn without_effect(mut self) -> Self {
        self.effect = Effect::None;
        self
    }

    /// Whether it only reads, so that it may be repeated whatever became of it.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.effect == Effect::None || self.method == Method::GET || self.method == Method::HEAD
    }
}

/// Bodies and signed addresses stay out of logs.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Path { path, .. } => write!(f, "{} {path} ({})", self.method, self.doing),
            Target::Verbatim(_) => write!(f, "{} <address of the service> ({})", self.method, self.doing),
        }
    }
}

/// An ETag as a condition carries it: in quotes, as HTTP has it (RFC 9110) and azure-batch 15.1.0 sends it. The resource
/// manager gives ETags with their quotes, the data plane without.
fn quoted(etag: &str) -> String {
    let is_condition = etag == "*" || etag.starts_with("W/") || etag.starts_with('"');
    if is_condition {
        etag.to_owned()
    } else {
        format!("\"{etag}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Api;

    #[test]
    fn a_condition_carries_its_etag_in_quotes() {
        let request = || Request::arm(Method::PATCH, "/x", Api::BatchAccounts, "change x");
        for (given, sent) in [
            ("0x8D9061B2F7BB2F", "\"0x8D9061B2F7BB2F\""),
            ("\"0x8DA86ECCD0DCE92\"", "\"0x8DA86ECCD0DCE92\""),
            ("W/\"0x8D4EDFEBFADF4AB\"", "W/\"0x8D4EDFEBFADF4AB\""),
            ("*", "*"),
        ] {
            assert_eq!(request().if_match(Some(given)).headers, [("if-match", sent.to_owned())]);
        }
        assert_eq!(request().if_match(None).headers, []);
    }
}
