//! ARM's error envelope and the errors that every provider shares.
//!
//! Batch's data plane and Entra have envelopes of their own; this is not used for them.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::Response;

/// What a handler answers with: a response, or an error that becomes one.
pub(crate) type Answer = Result<Response, ArmError>;

/// An error as ARM and its providers write it.
#[derive(Clone, Debug)]
pub struct ArmError {
    status: StatusCode,
    code: String,
    message: String,
    target: Option<String>,
    /// `details`, `innererror`, `additionalInfo`.
    more: Box<Map<String, Value>>,
    /// Seconds.
    retry_after: Option<i64>,
}

impl ArmError {
    /// An error with Azure's code and message.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            target: None,
            more: Box::default(),
            retry_after: None,
        }
    }

    /// 400 with that code.
    pub fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 `InvalidParameter` about one parameter.
    pub fn invalid_parameter(target: &str, message: impl Into<String>) -> Self {
        Self {
            target: Some(target.to_owned()),
            ..Self::bad_request("InvalidParameter", message)
        }
    }

    /// 409 with that code.
    pub fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 409 `PropertyChangeNotAllowed` for the property at that path.
    #[must_use]
    pub fn property_change(property: &str) -> Self {
        let message = format!("Changing property '{property}' is not allowed.");
        Self {
            target: Some(property.to_owned()),
            ..Self::conflict("PropertyChangeNotAllowed", message)
        }
    }

    /// 404 `ResourceNotFound` in ARM's words.
    #[must_use]
    pub fn resource_not_found(kind_and_name: &str, group: &str) -> Self {
        let message = format!(
            "The Resource '{kind_and_name}' under resource group '{group}' was not found. For more details \
             please go to https://aka.ms/ARMResourceNotFoundFix"
        );
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
    }

    /// 404 `ParentResourceNotFound` in ARM's words.
    #[must_use]
    pub fn parent_not_found(parent: &str) -> Self {
        let message =
            format!("Can not perform requested operation on nested resource. Parent resource '{parent}' not found.");
        Self::new(StatusCode::NOT_FOUND, "ParentResourceNotFound", message)
    }

    /// 404 `ResourceGroupNotFound` in ARM's words.
    #[must_use]
    pub fn group_not_found(group: &str) -> Self {
        let message = format!("Resource group '{group}' could not be found.");
        Self::new(StatusCode::NOT_FOUND, "ResourceGroupNotFound", message)
    }

    /// The same with one more field, e.g. `details`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// The same with `Retry-After`, in seconds.
    #[must_use]
    pub fn after(self, seconds: i64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// Azure's code, e.g. `ResourceNotFound`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The envelope.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"error": self.inner()})
    }

    /// What the envelope holds.
    #[must_use]
    pub fn inner(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(target) = &self.target {
            crate::json::set(&mut error, &["target"], json!(target));
        }
        for (name, value) in self.more.iter() {
            crate::json::set(&mut error, &[name], value.clone());
        }
        error
    }

    /// The whole answer.
    #[must_use]
    pub fn response(&self) -> Response {
        let response = Response::json(self.status, &self.body());
        match self.retry_after {
            Some(seconds) => response.with_header("retry-after", &seconds.to_string()),
            None => response,
        }
    }
}
