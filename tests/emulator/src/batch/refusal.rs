//! What Batch refuses, in the service's own codes and sentences.
//!
//! It does not decide when; it only knows what each refusal looks like. Codes and statuses follow the service's
//! error-code reference; where that gives no sentence, the sentence is ours.

use http::{Method, StatusCode};

use crate::http::Request;

/// One refusal of the service's catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
}

/// One refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: String,
    message: String,
    values: Vec<(String, String)>,
    retry_after: Option<i64>,
    challenge: Option<String>,
}

pub(crate) const NOT_MODIFIED: Known = known(
    StatusCode::NOT_MODIFIED,
    "ConditionNotMet",
    "The condition specified using HTTP conditional header(s) is not met.",
);

pub(crate) const CONDITION_NOT_MET: Known = known(
    StatusCode::PRECONDITION_FAILED,
    "ConditionNotMet",
    "The condition specified using HTTP conditional header(s) is not met.",
);

pub(crate) const MISSING_REQUIRED_HEADER: Known = known(
    StatusCode::BAD_REQUEST,
    "MissingRequiredHeader",
    "A required HTTP header was not specified.",
);

pub(crate) const INVALID_HEADER_VALUE: Known = known(
    StatusCode::BAD_REQUEST,
    "InvalidHeaderValue",
    "The value provided for one of the HTTP headers was not in the correct format.",
);

pub(crate) const MISSING_REQUIRED_PROPERTY: Known = known(
    StatusCode::BAD_REQUEST,
    "MissingRequiredProperty",
    "A required property was not specified in the request body.",
);

pub(crate) const UNSUPPORTED_PROPERTY: Known = known(
    StatusCode::BAD_REQUEST,
    "UnsupportedProperty",
    "One of the properties specified in the request body is not supported.",
);

pub(crate) const INVALID_PROPERTY_VALUE: Known = known(
    StatusCode::BAD_REQUEST,
    "InvalidPropertyValue",
    "The value provided for one of the properties in the request body is invalid.",
);

pub(crate) const INVALID_REQUEST_BODY: Known = known(
    StatusCode::BAD_REQUEST,
    "InvalidRequestBody",
    "The specified Request Body is not syntactically valid.",
);

pub(crate) const MISSING_QUERY_PARAMETER: Known = known(
    StatusCode::BAD_REQUEST,
    "MissingRequiredQueryParameter",
    "A required query parameter was not specified for this request.",
);

pub(crate) const INVALID_QUERY_PARAMETER: Known = known(
    StatusCode::BAD_REQUEST,
    "InvalidQueryParameterValue",
    "Value for one of the query parameters specified in the request URI is invalid.",
);

pub(crate) const OUT_OF_RANGE_QUERY_PARAMETER: Known = known(
    StatusCode::BAD_REQUEST,
    "OutOfRangeQueryParameterValue",
    "A query parameter specified in the request URI is outside the permissible range.",
);

pub(crate) const INSUFFICIENT_PERMISSIONS: Known = known(
    StatusCode::BAD_REQUEST,
    "InsufficientPermissions",
    "The user identity used for this operation does not have the required permissions on the specified resource.",
);

pub(crate) const AUTOSCALE_SYNTAX: Known = known(
    StatusCode::BAD_REQUEST,
    "AutoScalingFormulaSyntaxError",
    "The specified auto-scaling formula has a syntax error.",
);

pub(crate) const AUTOSCALE_TOO_LONG: Known = known(
    StatusCode::BAD_REQUEST,
    "AutoScalingFormulaTooLong",
    "The specified auto-scaling formula exceeds lengths limit.",
);

pub(crate) const AUTHENTICATION_FAILED: Known = known(
    StatusCode::FORBIDDEN,
    "AuthenticationFailed",
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
);

pub(crate) const UNAUTHENTICATED: Known = known(
    StatusCode::UNAUTHORIZED,
    "AuthenticationFailed",
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
);

pub(crate) const ACCOUNT_NOT_FOUND: Known = known(
    StatusCode::NOT_FOUND,
    "AccountNotFound",
    "The specified account does not exist.",
);

pub(crate) const POOL_NOT_FOUND: Known = known(
    StatusCode::NOT_FOUND,
    "PoolNotFound",
    "The specified pool does not exist.",
);

pub(crate) const NODE_NOT_FOUND: Known = known(
    StatusCode::NOT_FOUND,
    "NodeNotFound",
    "The specified node does not exist.",
);

pub(crate) const JOB_NOT_FOUND: Known = known(
    StatusCode::NOT_FOUND,
    "JobNotFound",
    "The specified job does not exist.",
);

pub(crate) const SCHEDULE_NOT_FOUND: Known = known(
    StatusCode::NOT_FOUND,
    "JobScheduleNotFound",
    "The specified job schedule does not exist.",
);

pub(crate) const TASK_NOT_FOUND: Known = known(
    StatusCode::NOT_FOUND,
    "TaskNotFound",
    "The specified task does not exist.",
);

pub(crate) const FILE_NOT_FOUND: Known = known(
    StatusCode::NOT_FOUND,
    "FileNotFound",
    "The specified file does not exist.",
);

pub(crate) const UNSUPPORTED_VERB: Known = known(
    StatusCode::METHOD_NOT_ALLOWED,
    "UnsupportedHttpVerb",
    "The resource doesn't support the specified Http Verb.",
);

pub(crate) const POOL_EXISTS: Known = known(StatusCode::CONFLICT, "PoolExists", "The specified pool already exists.");

pub(crate) const POOL_BEING_DELETED: Known = known(
    StatusCode::CONFLICT,
    "PoolBeingDeleted",
    "The specified pool has been marked for deletion and is being reclaimed.",
);

pub(crate) const POOL_BEING_RESIZED: Known = known(
    StatusCode::CONFLICT,
    "PoolBeingResized",
    "The specified pool is being resized.",
);

pub(crate) const POOL_QUOTA_REACHED: Known = known(
    StatusCode::CONFLICT,
    "PoolQuotaReached",
    "Pool quota for the account has been reached.",
);

pub(crate) const OPERATION_NOT_VALID_ON_POOL: Known = known(
    StatusCode::CONFLICT,
    "OperationNotValidOnPool",
    "The specified operation is not valid on the pool.",
);

pub(crate) const OPERATION_INVALID_FOR_STATE: Known = known(
    StatusCode::CONFLICT,
    "OperationInvalidForCurrentState",
    "The specified operation is not valid for the current state of the resource.",
);

pub(crate) const NODE_ALREADY_IN_STATE: Known = known(
    StatusCode::CONFLICT,
    "NodeAlreadyInTargetSchedulingState",
    "The specified node is already in the target scheduling state.",
);

pub(crate) const NODE_STATE_UNUSABLE: Known = known(
    StatusCode::CONFLICT,
    "NodeStateUnusable",
    "The state of the specified node is unusable.",
);

pub(crate) const JOB_EXISTS: Known = known(StatusCode::CONFLICT, "JobExists", "The specified job already exists.");

pub(crate) const SCHEDULE_EXISTS: Known = known(
    StatusCode::CONFLICT,
    "JobScheduleExists",
    "The specified job schedule already exists.",
);

pub(crate) const SCHEDULE_BEING_TERMINATED: Known = known(
    StatusCode::CONFLICT,
    "JobScheduleBeingTerminated",
    "The specified job schedule is being terminated.",
);

pub(crate) const SCHEDULE_BEING_DELETED: Known = known(
    StatusCode::CONFLICT,
    "JobScheduleBeingDeleted",
    "The specified job schedule has been marked for deletion and is being reclaimed.",
);

pub(crate) const SCHEDULE_COMPLETED: Known = known(
    StatusCode::CONFLICT,
    "JobScheduleCompleted",
    "The specified job schedule is already in completed state.",
);

pub(crate) const JOB_WITH_SAME_ID: Known = known(
    StatusCode::CONFLICT,
    "JobWithSameIdExists",
    "A job with the specified job schedule id exists. Job and job schedule cannot have the same id.",
);

pub(crate) const SCHEDULE_WITH_SAME_ID: Known = known(
    StatusCode::CONFLICT,
    "JobScheduleWithSameIdExists",
    "A job schedule with the specified job id exists. Job and job schedule cannot have the same id.",
);

pub(crate) const JOB_COMPLETED: Known = known(
    StatusCode::CONFLICT,
    "JobCompleted",
    "The specified job is already in a completed state.",
);

pub(crate) const JOB_BEING_DELETED: Known = known(
    StatusCode::CONFLICT,
    "JobBeingDeleted",
    "The specified job has been marked for deletion and is being garbage collected.",
);

pub(crate) const JOB_BEING_TERMINATED: Known = known(
    StatusCode::CONFLICT,
    "JobBeingTerminated",
    "The specified job is being terminated.",
);

pub(crate) const JOB_QUOTA_REACHED: Known = known(
    StatusCode::CONFLICT,
    "ActiveJobAndScheduleQuotaReached",
    "Active job and schedule quota for the account has been reached.",
);

pub(crate) const TASK_EXISTS: Known = known(StatusCode::CONFLICT, "TaskExists", "The specified task already exists.");

pub(crate) const TOO_MANY_REQUESTS: Known = known(
    StatusCode::TOO_MANY_REQUESTS,
    "TooManyRequests",
    "Requests for the same pool must be separated by at least 30 seconds.",
);

pub(crate) const TOO_MANY_AUTOSCALE: Known = known(
    StatusCode::SERVICE_UNAVAILABLE,
    "TooManyEnableAutoScaleRequests",
    "Too many Enable Pool AutoScale requests are issued on the pool.",
);

impl From<Known> for Refusal {
    fn from(known: Known) -> Self {
        Self {
            status: known.status,
            code: known.code.to_owned(),
            message: known.message.to_owned(),
            values: Vec::new(),
            retry_after: None,
            challenge: None,
        }
    }
}

impl Refusal {
    /// A refusal that a script asks for.
    pub(crate) fn scripted(status: StatusCode, code: &str, message: &str) -> Self {
        let mut refusal = Self::from(known(status, "", "")).saying(message);
        code.clone_into(&mut refusal.code);
        refusal
    }

    /// A request that the emulator does not serve; it names itself, so that it is not taken for Azure's answer.
    pub(crate) fn unsupported(request: &Request) -> Self {
        let version = request.query("api-version").unwrap_or("none");
        let message = format!(
            "The emulator does not serve {} {} with api-version {version}.",
            request.method, request.path
        );
        Self::from(known(StatusCode::NOT_IMPLEMENTED, "NotImplemented", "")).saying(message)
    }

    /// A path that exists, asked with a verb that it does not have.
    pub(crate) fn verb(method: &Method) -> Self {
        Self::from(UNSUPPORTED_VERB).with("HttpVerb", method.as_str())
    }

    /// A right that the caller lacks on an image or subnet which it names.
    pub(crate) fn permission(action: &str, id: &str) -> Self {
        let reason = format!(
            "The user identity used for this operation does not have the required privelege {action} on the specified \
             resource {id}"
        );
        Self::from(INSUFFICIENT_PERMISSIONS).with("Reason", &reason)
    }

    /// A property with a value that the service does not take.
    pub(crate) fn property(name: &str, value: &str, reason: &str) -> Self {
        Self::from(INVALID_PROPERTY_VALUE)
            .with("PropertyName", name)
            .with("PropertyValue", value)
            .with("Reason", reason)
    }

    /// A property that is needed and absent.
    pub(crate) fn missing(name: &str) -> Self {
        Self::from(MISSING_REQUIRED_PROPERTY).with("PropertyName", name)
    }

    /// A query parameter with a value that the service does not take.
    pub(crate) fn parameter(name: &str, value: &str, reason: &str) -> Self {
        Self::from(INVALID_QUERY_PARAMETER)
            .with("QueryParameterName", name)
            .with("QueryParameterValue", value)
            .with("Reason", reason)
    }

    /// The same with another sentence.
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The same with one more of the `values`.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.values.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The same with `Retry-After`, in seconds.
    pub(crate) fn retry_in(mut self, seconds: i64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// The same with a `WWW-Authenticate` header.
    pub(crate) fn challenging(mut self, challenge: impl Into<String>) -> Self {
        self.challenge = Some(challenge.into());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn values(&self) -> &[(String, String)] {
        &self.values
    }

    pub(crate) fn retry_after(&self) -> Option<i64> {
        self.retry_after
    }

    pub(crate) fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }
}

const fn known(status: StatusCode, code: &'static str, message: &'static str) -> Known {
    Known { status, code, message }
}
