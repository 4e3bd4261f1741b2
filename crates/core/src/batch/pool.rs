//! Pools as the Batch data plane has them: requests, and a view of what is read.
//!
//! What a roll-out makes of a pool is decided in `rollout`.

use std::{fmt, time::Duration};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    batch::{API_VERSION, image::PoolImage, upgrade},
    ids::{BatchEndpoint, NodeCounts, PoolId},
    json as read_json,
    request::Request,
};

/// A pool as the service describes it: the fields we decide by, together with the whole body.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Whether it is on its way out.
    pub life: PoolLife,
    /// Where its allocation stands.
    pub allocation: AllocationState,
    /// Since when, by the service's clock.
    pub allocation_since: Option<Timestamp>,
    /// The nodes wanted.
    pub targets: NodeCounts,
    /// The nodes that are there; spot nodes include preempted ones.
    pub current: NodeCounts,
    /// The timeout of the last resize.
    pub resize_timeout: Option<Duration>,
    /// Who decides its size.
    pub scaling: Scaling,
    /// When its own properties changed last, by the service's clock; the end of a resize does not count.
    pub modified: Option<Timestamp>,
    /// Changes with the pool's own properties; not when a resize ends.
    pub etag: Option<String>,
    /// What the last finished resize failed with. It stays until the next one, so it may be old.
    pub resize_errors: Vec<ResizeError>,
    body: Value,
}

/// Whether a pool is here to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolLife {
    /// In use.
    Active,
    /// Being deleted.
    Deleting,
}

/// Where a pool's allocation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllocationState {
    /// No resize is under way.
    Steady,
    /// A resize is under way.
    Resizing,
    /// A resize was stopped and is ending.
    Stopping,
    /// A word that is new to us; it counts as under way.
    Other(String),
}

/// Who decides a pool's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// Its callers.
    Fixed,
    /// A formula.
    Auto,
}

/// One error of a resize.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResizeError {
    /// The code, in whatever case the service wrote it.
    pub code: String,
    /// The text.
    pub message: String,
    /// Names and values, such as `Provider Error Json`.
    pub values: Vec<(String, String)>,
}

/// A new size for a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// The nodes wanted; both kinds are always sent, as it is not documented what an absent one means.
    pub targets: NodeCounts,
    /// How long the service tries, in whole minutes.
    pub timeout: Duration,
    /// What becomes of tasks on nodes that go.
    pub deallocation: Deallocation,
}

/// What becomes of running tasks when a pool shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deallocation {
    /// No node goes, so it is not said.
    Unsaid,
    /// Nodes go once their tasks are done: nothing running is lost.
    TaskCompletion,
}

impl Pool {
    /// Reads a pool's body.
    #[must_use]
    pub fn new(body: Value) -> Self {
        let text = |pointer| read_json::text(&body, pointer);
        let is = |pointer, word: &str| text(pointer).is_some_and(|text| text.eq_ignore_ascii_case(word));
        Self {
            life: if is("/state", "deleting") {
                PoolLife::Deleting
            } else {
                PoolLife::Active
            },
            allocation: AllocationState::parse(text("/allocationState").unwrap_or_default()),
            allocation_since: text("/allocationStateTransitionTime").and_then(|time| time.parse().ok()),
            targets: counts(&body, "target"),
            current: counts(&body, "current"),
            resize_timeout: text("/resizeTimeout").and_then(parse_duration),
            scaling: if read_json::at(&body, "/enableAutoScale") == &Value::Bool(true) {
                Scaling::Auto
            } else {
                Scaling::Fixed
            },
            modified: text("/lastModified").and_then(|time| time.parse().ok()),
            etag: text("/eTag").map(str::to_owned),
            resize_errors: read_json::items(&body, "/resizeErrors")
                .map(ResizeError::read)
                .collect(),
            body,
        }
    }

    /// The body as it came.
    #[must_use]
    pub const fn body(&self) -> &Value {
        &self.body
    }

    /// Whether it has that id; ids compare without case.
    #[must_use]
    pub fn is_called(&self, id: &PoolId) -> bool {
        self.name().is_some_and(|own| own.eq_ignore_ascii_case(id.as_str()))
    }

    /// The name that it is listed under.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        read_json::text(&self.body, "/id")
    }

    /// Its id as the service writes it; nothing when that is not one.
    #[must_use]
    pub fn id(&self) -> Option<PoolId> {
        read_json::text(&self.body, "/id")?.parse().ok()
    }

    /// Which image its new nodes get.
    #[must_use]
    pub fn image(&self) -> PoolImage {
        PoolImage::read(read_json::at(&self.body, "/virtualMachineConfiguration/imageReference"))
    }

    /// Its VM size, in whatever case the service wrote it.
    #[must_use]
    pub fn vm_size(&self) -> &str {
        read_json::text(&self.body, "/vmSize").unwrap_or_default()
    }

    /// The subnet its nodes are in.
    #[must_use]
    pub fn subnet(&self) -> Option<&str> {
        read_json::text(&self.body, "/networkConfiguration/subnetId")
    }

    /// Whether no resize is under way.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        self.allocation == AllocationState::Steady
    }

    /// The id its image is given by: a gallery version's, a definition's, a managed image's; none for other images.
    #[must_use]
    pub fn image_id(&self) -> Option<&str> {
        read_json::text(
            &self.body,
            "/virtualMachineConfiguration/imageReference/virtualMachineImageId",
        )
    }

    /// Whether Azure itself moves its nodes to the newest version of their definition.
    #[must_use]
    pub fn is_upgraded_by_platform(&self) -> bool {
        upgrade::is_by_platform(&self.body)
    }

    /// A metadata item's value.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&str> {
        read_json::items(&self.body, "/metadata")
            .find(|item| read_json::text(item, "/name") == Some(name))
            .and_then(|item| read_json::text(item, "/value"))
    }
}

impl AllocationState {
    fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "steady" => Self::Steady,
            "resizing" => Self::Resizing,
            "stopping" => Self::Stopping,
            _ => Self::Other(word.to_owned()),
        }
    }
}

impl fmt::Display for AllocationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Steady => "steady",
            Self::Resizing => "resizing",
            Self::Stopping => "stopping",
            Self::Other(word) => word,
        })
    }
}

impl ResizeError {
    fn read(error: &Value) -> Self {
        let text = |value: &Value, pointer| read_json::text(value, pointer).unwrap_or_default().to_owned();
        Self {
            code: text(error, "/code"),
            message: text(error, "/message"),
            values: read_json::pairs(error, "/values"),
        }
    }
}

/// The request that reads a pool.
#[must_use]
pub fn get(endpoint: &BatchEndpoint, id: &PoolId) -> Request {
    Request::batch(endpoint, Method::GET, path(id), API_VERSION, format!("read pool {id}"))
}

/// The request for all pools of an account, with what a wait looks at and what counts against
/// quotas: states, sizes, errors, image, network and metadata.
#[must_use]
pub fn list(endpoint: &BatchEndpoint) -> Request {
    Request::batch(endpoint, Method::GET, "/pools", API_VERSION, "list the account's pools").with_query(
        "$select",
        "id,state,eTag,lastModified,allocationState,allocationStateTransitionTime,currentDedicatedNodes,currentLowPriorityNodes,\
         targetDedicatedNodes,targetLowPriorityNodes,resizeTimeout,resizeErrors,enableAutoScale,autoScaleRun,vmSize,metadata,\
         networkConfiguration,virtualMachineConfiguration",
    )
}

/// The request for all pools of an account with what a person wants to know of them: what a wait looks at, and since
/// when they are there, who upgrades them and by which formula they grow.
#[must_use]
pub fn survey(endpoint: &BatchEndpoint) -> Request {
    Request::batch(endpoint, Method::GET, "/pools", API_VERSION, "list the account's pools").with_query(
        "$select",
        "id,state,creationTime,allocationState,allocationStateTransitionTime,currentDedicatedNodes,\
         currentLowPriorityNodes,targetDedicatedNodes,targetLowPriorityNodes,resizeErrors,enableAutoScale,\
         autoScaleFormula,autoScaleEvaluationInterval,autoScaleRun,vmSize,enableInterNodeCommunication,metadata,upgradePolicy,networkConfiguration,virtualMachineConfiguration",
    )
}

/// The request for all pools of an account with everything that [`get`] shows of one.
#[must_use]
pub fn list_whole(endpoint: &BatchEndpoint) -> Request {
    Request::batch(endpoint, Method::GET, "/pools", API_VERSION, "list the account's pools")
}

/// The request that creates a pool from Batch's own pool JSON.
#[must_use]
pub fn create(endpoint: &BatchEndpoint, id: &PoolId, body: Value) -> Request {
    Request::batch(
        endpoint,
        Method::POST,
        "/pools",
        API_VERSION,
        format!("create pool {id}"),
    )
    .with_body(body)
}

/// The request that resizes a pool, unless it has changed since `etag`.
#[must_use]
pub fn resize(endpoint: &BatchEndpoint, id: &PoolId, order: &Resize, etag: Option<&str>) -> Request {
    let mut body = json!({
        "targetDedicatedNodes": order.targets.dedicated,
        "targetLowPriorityNodes": order.targets.spot,
        "resizeTimeout": iso_minutes(order.timeout),
    });
    if let (Deallocation::TaskCompletion, Some(fields)) = (order.deallocation, body.as_object_mut()) {
        fields.insert("nodeDeallocationOption".to_owned(), json!("taskcompletion"));
    }
    let path = format!("{}/resize", path(id));
    Request::batch(endpoint, Method::POST, path, API_VERSION, format!("resize pool {id}"))
        .with_body(body)
        .if_match(etag)
}

/// The request that changes settings of a pool and leaves out those that stay, unless it has changed since `etag`.
#[must_use]
pub fn patch(endpoint: &BatchEndpoint, id: &PoolId, body: Value, etag: Option<&str>) -> Request {
    Request::batch(
        endpoint,
        Method::PATCH,
        path(id),
        API_VERSION,
        format!("change pool {id}"),
    )
    .with_body(body)
    .if_match(etag)
}

/// The request that replaces start task, application packages and metadata of a pool as a whole: a start task that is
/// left out goes.
#[must_use]
pub fn replace_live(endpoint: &BatchEndpoint, id: &PoolId, body: Value) -> Request {
    let path = format!("{}/updateproperties", path(id));
    Request::batch(endpoint, Method::POST, path, API_VERSION, format!("change pool {id}")).with_body(body)
}

/// The request that deletes a pool, unless it has changed since `etag`.
#[must_use]
pub fn delete(endpoint: &BatchEndpoint, id: &PoolId, etag: Option<&str>) -> Request {
    Request::batch(
        endpoint,
        Method::DELETE,
        path(id),
        API_VERSION,
        format!("delete pool {id}"),
    )
    .if_match(etag)
}

/// The request that stops a resize.
#[must_use]
pub fn stop_resize(endpoint: &BatchEndpoint, id: &PoolId) -> Request {
    let path = format!("{}/stopresize", path(id));
    Request::batch(
        endpoint,
        Method::POST,
        path,
        API_VERSION,
        format!("stop the resize of pool {id}"),
    )
}

fn path(id: &PoolId) -> String {
    format!("/pools/{id}")
}

/// A duration as Batch takes it, in whole minutes; what is begun counts.
#[must_use]
pub fn iso_minutes(duration: Duration) -> String {
    format!("PT{}M", duration.as_secs().div_ceil(60))
}

/// Reads an ISO 8601 duration such as `PT15M`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

fn counts(body: &Value, prefix: &str) -> NodeCounts {
    let count = |kind: &str| {
        let number = read_json::number(body, &format!("/{prefix}{kind}Nodes")).unwrap_or(0);
        u32::try_from(number).unwrap_or(u32::MAX)
    };
    NodeCounts {
        dedicated: count("Dedicated"),
        spot: count("LowPriority"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_read_with_its_resize_errors() {
        let pool = Pool::new(json!({"id": "p", "state": "active", "allocationState": "Steady",
            "allocationStateTransitionTime": "2026-01-01T00:00:52.1234567Z", "resizeTimeout": "PT1H30M", "eTag": "0x8D",
            "targetDedicatedNodes": 700, "currentDedicatedNodes": 12, "currentLowPriorityNodes": 3,
            "metadata": [{"name": "team", "value": "render"}],
            "resizeErrors": [{"code": "AllocationTimedout", "message": "m", "values": [{"name": "n", "value": "v"}]}]}));
        assert!(pool.is_steady() && pool.life == PoolLife::Active && pool.scaling == Scaling::Fixed);
        assert_eq!(
            (pool.targets.dedicated, pool.current),
            (700, NodeCounts { dedicated: 12, spot: 3 })
        );
        assert_eq!(pool.resize_timeout, Some(Duration::from_secs(5400)));
        assert_eq!(pool.metadata("team"), Some("render"));
        assert_eq!(pool.resize_errors[0].values, [("n".to_owned(), "v".to_owned())]);
    }

    #[test]
    fn a_word_that_is_new_counts_as_under_way() {
        let pool = Pool::new(json!({"allocationState": "defragmenting"}));
        assert_eq!(pool.allocation, AllocationState::Other("defragmenting".to_owned()));
        assert!(!pool.is_steady());
    }

    #[test]
    fn a_resize_says_both_targets_and_guards_against_other_writers() {
        let endpoint = BatchEndpoint::parse("acct1.eastus2.batch.azure.com").unwrap();
        let order = Resize {
            targets: NodeCounts {
                dedicated: 700,
                spot: 0,
            },
            timeout: Duration::from_secs(30 * 60),
            deallocation: Deallocation::Unsaid,
        };
        let request = resize(&endpoint, &"p".parse().unwrap(), &order, Some("0x8D"));
        assert_eq!(
            request.body,
            Some(json!({"targetDedicatedNodes": 700, "targetLowPriorityNodes": 0, "resizeTimeout": "PT30M"}))
        );
        assert_eq!(request.headers, [("if-match", "\"0x8D\"".to_owned())]);
    }
}
