//! A pool: its settings, its nodes, and where its allocation stands.
//!
//! Rules about who may do what are in `pool/change` and `pool/scale`; the wire forms in `pool/body` and `pool/render`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::allocation::{DeallocationOption, NodeKind, ResizeError, Targets};
use super::ids::{NodeId, PoolId};
use super::image;
use super::node::Node;
use super::refusal::{POOL_BEING_DELETED, Refusal};
use super::supported_images::{self, OsType};
use super::timeline::Timeline;
use super::wire::Version;

pub(crate) mod body;
pub(crate) mod change;
pub(crate) mod render;
pub(crate) mod scale;

/// Where a pool's allocation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AllocationState {
    Steady,
    Resizing,
    Stopping,
}

/// How a pool's size is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// By its caller.
    Fixed,
    /// By a formula, since a moment.
    Auto {
        formula: String,
        interval: SignedDuration,
        since: Timestamp,
        /// Why its evaluation failed.
        failure: Option<String>,
    },
}

/// The last resize that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Resize {
    pub(crate) started: Timestamp,
    /// When it ends; `None` when never.
    pub(crate) ends: Option<Timestamp>,
    pub(crate) option: DeallocationOption,
    /// Shown once it has ended, until the next one begins.
    pub(crate) errors: Vec<ResizeError>,
}

/// Whether Azure will take nodes of a pool away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preemptions {
    None,
    Planned,
}

/// A change of its nodes to a newer version that Azure has begun by itself; `upgrade` goes on with it.
#[derive(Clone, Debug)]
pub(crate) struct Upgrade {
    pub(crate) to: String,
    /// The nodes that have not changed yet, in their order.
    pub(crate) left: Vec<NodeId>,
    /// How many nodes change at one time.
    pub(crate) batch: usize,
    /// How many of those that are left belong to the batch that is open.
    pub(crate) open: usize,
    /// The nodes of the batch that have changed.
    pub(crate) changed: Vec<NodeId>,
    /// When the batch has opened.
    pub(crate) since: Timestamp,
}

/// One pool.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(crate) id: PoolId,
    pub(crate) version: Version,
    pub(crate) created: Timestamp,
    /// As written by the caller.
    pub(crate) vm_size: String,
    /// The data plane's names, defaults filled in, without what the other fields hold.
    pub(crate) settings: Map<String, Value>,
    /// ARM's `identity`; only ARM can set it.
    pub(crate) identity: Option<Value>,
    /// ARM's `tags`; only ARM can set them.
    pub(crate) tags: Option<Value>,
    pub(crate) scale: Scale,
    pub(crate) targets: Targets,
    pub(crate) resize_timeout: SignedDuration,
    pub(crate) resize: Option<Resize>,
    pub(crate) allocation: Timeline<AllocationState>,
    pub(crate) nodes: Vec<Node>,
    /// The ids of nodes that are gone: the next ones get them again.
    pub(crate) spare_ids: Vec<NodeId>,
    /// How many nodes the pool ever had.
    pub(crate) node_count: u32,
    /// The change of its nodes to a newer version that Azure has begun by itself.
    pub(crate) upgrade: Option<Upgrade>,
    /// Spares the search among all nodes before every request.
    pub(crate) preemptions: Preemptions,
    /// When it was asked to go, and when it is gone.
    pub(crate) deletion: Option<(Timestamp, Timestamp)>,
    /// The last write that counts for the interval between writes.
    pub(crate) last_write: Option<Timestamp>,
}

impl AllocationState {
    /// The data plane's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Resizing => "resizing",
            Self::Stopping => "stopping",
        }
    }

    /// ARM's word.
    pub(crate) fn arm_word(self) -> &'static str {
        match self {
            Self::Steady => "Steady",
            Self::Resizing => "Resizing",
            Self::Stopping => "Stopping",
        }
    }
}

impl Pool {
    /// Whether it is gone at `now`.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion.is_some_and(|(_, gone)| gone <= now)
    }

    /// The allocation state at `now`.
    pub(crate) fn allocation_state(&self, now: Timestamp) -> AllocationState {
        self.allocation.at(now)
    }

    /// The nodes that are there at `now`.
    pub(crate) fn present(&self, now: Timestamp) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.is_present(now))
    }

    /// How many nodes are there at `now`.
    pub(crate) fn current(&self, now: Timestamp) -> Targets {
        let count = |kind: NodeKind| {
            let nodes = self.present(now).filter(|node| node.kind == kind).count();
            u32::try_from(nodes).unwrap_or(u32::MAX)
        };
        Targets {
            dedicated: count(NodeKind::Dedicated),
            low_priority: count(NodeKind::LowPriority),
        }
    }

    /// Whether it has no nodes and is not about to get some.
    pub(crate) fn is_empty(&self, now: Timestamp) -> bool {
        self.allocation_state(now) == AllocationState::Steady && self.present(now).next().is_none()
    }

    /// The errors of the last resize, once it has ended.
    pub(crate) fn resize_errors(&self, now: Timestamp) -> &[ResizeError] {
        let steady = self.allocation_state(now) == AllocationState::Steady;
        self.resize
            .as_ref()
            .filter(|_| steady)
            .map_or(&[], |resize| &resize.errors)
    }

    /// The pool's `virtualMachineConfiguration`.
    pub(crate) fn configuration(&self) -> &Value {
        self.settings.get("virtualMachineConfiguration").unwrap_or(&Value::Null)
    }

    /// The pool's start task.
    pub(crate) fn start_task(&self) -> Option<&Value> {
        self.settings.get("startTask")
    }

    /// The operating system of its nodes, which follows from the node agent SKU.
    pub(crate) fn os(&self) -> OsType {
        let agent = crate::json::text(self.configuration(), "/nodeAgentSKUId").unwrap_or_default();
        supported_images::agent_os(agent).unwrap_or(OsType::Linux)
    }

    /// Whether its image is a managed image and no gallery's.
    pub(crate) fn is_on_managed_image(&self) -> bool {
        image::gallery_id(self.configuration()).is_some_and(image::is_managed)
    }

    /// The subnet that its nodes are put into, if it names one.
    pub(crate) fn subnet_id(&self) -> Option<&str> {
        crate::json::text(self.settings.get("networkConfiguration")?, "/subnetId")
    }

    /// Whether nodes talk to each other, which limits how many there can be.
    pub(crate) fn is_communicating(&self) -> bool {
        self.settings.get("enableInterNodeCommunication") == Some(&Value::Bool(true))
    }

    /// How many tasks a node runs at once.
    pub(crate) fn slots(&self) -> usize {
        let slots = self
            .settings
            .get("taskSlotsPerNode")
            .and_then(Value::as_u64)
            .unwrap_or(1);
        usize::try_from(slots).unwrap_or(1).max(1)
    }

    /// Marks the pool's own properties as changed.
    pub(crate) fn touch(&mut self, etag: String, now: Timestamp) {
        self.version = Version { etag, modified: now };
    }

    /// Forgets nodes that are gone.
    pub(crate) fn prune(&mut self, now: Timestamp) {
        let is_gone = |node: &Node| node.removed.is_some_and(|removed| removed <= now);
        let gone = self
            .nodes
            .iter()
            .filter(|node| is_gone(node))
            .map(|node| node.id.clone());
        self.spare_ids.extend(gone);
        self.nodes.retain(|node| !is_gone(node));
    }

    /// The id of a node of that kind that is gone.
    pub(crate) fn take_spare_id(&mut self, kind: NodeKind) -> Option<NodeId> {
        let suffix = kind.suffix();
        let place = self.spare_ids.iter().position(|id| id.as_str().ends_with(suffix))?;
        Some(self.spare_ids.remove(place))
    }

    /// # Errors
    /// `PoolBeingDeleted` when it is.
    pub(crate) fn ensure_active(&self) -> Result<(), Refusal> {
        if self.deletion.is_some() {
            Err(POOL_BEING_DELETED.into())
        } else {
            Ok(())
        }
    }
}
