//! What an operation on an account works with in addition to the account: the time, the script, the gallery.
//!
//! It holds no state of its own.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::allocation::{ResizeError, Upset};
use super::image::Lookup;
use super::misfortune::Misfortune;
use super::node::{Boot, Fate, Preemption};
use super::pace::Pace;
use super::subnet::Subnet;
use crate::fault::{Effect, Faults, Moment};
use crate::ids::IdSource;
use crate::timing::Timing;

/// How Batch asks for a gallery image.
pub(crate) trait Gallery {
    /// What is known of a version id, or of a definition id's latest version, in a region.
    fn look(&self, id: &str, region: &str, now: Timestamp) -> Lookup;
}

/// The surroundings of one request.
pub(crate) struct Scene<'a> {
    pub(crate) now: Timestamp,
    pub(crate) timing: &'a Timing,
    pub(crate) pace: &'a Pace,
    pub(crate) faults: &'a mut Faults,
    pub(crate) ids: &'a mut IdSource,
    pub(crate) gallery: &'a dyn Gallery,
    pub(crate) subnets: &'a [Subnet],
}

/// What a script makes of the nodes of a resize.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeUpset {
    /// How many nodes it hits, the first ones.
    pub(crate) count: u32,
    pub(crate) fate: Fate,
    /// The image that they run instead of the pool's.
    pub(crate) image: Option<String>,
    /// The failures of tasks on all nodes, or on those with an image id that has this part.
    pub(crate) misfortune: Option<(Option<String>, Misfortune)>,
}

impl NodeUpset {
    /// What happens to the tasks of a node with that image.
    pub(crate) fn misfortune_of(&self, image: &Value) -> Option<Misfortune> {
        let (part, misfortune) = self.misfortune.as_ref()?;
        let id = crate::json::text(image, "/virtualMachineImageId").unwrap_or_default();
        let is_hit = part.as_ref().is_none_or(|part| id.contains(part.as_str()));
        is_hit.then_some(*misfortune)
    }
}

impl<'a> Scene<'a> {
    /// The moment so much (unscaled) time from now.
    pub(crate) fn after(&self, duration: SignedDuration) -> Timestamp {
        self.now
            .checked_add(self.timing.scaled(duration))
            .unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn boot(&self) -> Boot<'a> {
        Boot {
            pace: self.pace,
            timing: self.timing,
        }
    }

    /// The subnet of that id.
    pub(crate) fn subnet(&self, id: &str) -> Option<&'a Subnet> {
        self.subnets.iter().find(|subnet| subnet.is(id))
    }

    /// The script's word on how a shrink ends.
    pub(crate) fn removal_upset(&mut self, target: &str) -> Option<Upset> {
        match self.faults.next(Moment::Removal, target)?.effect {
            Effect::AllocationFailed {
                deliver, code, message, ..
            } => Some(Upset::NotRemoved {
                deliver,
                error: ResizeError::coded(&code).saying(message),
            }),
            _ => None,
        }
    }

    /// The script's word on how a growth ends.
    pub(crate) fn upset(&mut self, target: &str) -> Option<Upset> {
        match self.faults.next(Moment::Allocation, target)?.effect {
            Effect::AllocationTimeout { deliver, code } => Some(Upset::TimedOut { deliver, code }),
            Effect::AllocationFailed {
                deliver,
                code,
                message,
                provider,
                values,
                truncated,
            } => {
                // Of Batch's codes only this one stands for an error of the compute provider.
                let usual = code.eq_ignore_ascii_case("AllocationFailed").then(
                    || serde_json::json!({"error": {"code": "AllocationFailed", "message": "Allocation failed."}}),
                );
                let error = match provider.or(usual) {
                    Some(provider) => ResizeError::of_provider(&code, &provider, truncated),
                    None => ResizeError::coded(&code),
                };
                let mut error = error.saying(message);
                error.values.extend(values);
                Some(Upset::Failed { deliver, error })
            }
            Effect::Quota { deliver, code } => {
                let error = ResizeError::coded(&code);
                Some(Upset::Failed { deliver, error })
            }
            _ => None,
        }
    }

    /// The script's word on the operation that the request starts: for a resize, that it never ends or fails.
    pub(crate) fn operation_upset(&mut self) -> Option<Upset> {
        match self.faults.take_operation()? {
            Effect::OperationFailed { code, message } => Some(Upset::Failed {
                deliver: 0,
                error: ResizeError::new(&code, message),
            }),
            _ => Some(Upset::Stuck),
        }
    }

    /// The script's word on the nodes that come.
    pub(crate) fn node_upset(&mut self, target: &str) -> NodeUpset {
        let some = |count, fate| NodeUpset {
            count,
            fate,
            ..NodeUpset::default()
        };
        match self.faults.next(Moment::Nodes, target).map(|fault| fault.effect) {
            Some(Effect::UnusableNodes { count, code, details }) => some(count, Fate::Unusable { code, details }),
            Some(Effect::StartTaskFailed {
                count,
                exit_code,
                output,
            }) => some(count, Fate::StartTaskFails { exit_code, output }),
            Some(Effect::UnknownNodes { count }) => some(count, Fate::Unknown),
            Some(Effect::OfflineNodes { count }) => some(count, Fate::Offline),
            Some(Effect::WrongImage { count, image }) => NodeUpset {
                image: Some(image),
                ..some(count, Fate::Ready)
            },
            Some(Effect::TasksFail {
                image,
                rate,
                exit_code,
                seed,
            }) => NodeUpset {
                misfortune: Some((image, Misfortune::new(rate, exit_code, seed))),
                ..NodeUpset::default()
            },
            Some(Effect::Preempted {
                count,
                after,
                returns_after,
            }) => {
                let preemption = Preemption {
                    after: self.timing.lasts(after),
                    returns: returns_after.map(|seconds| self.timing.lasts(seconds)),
                };
                some(count, Fate::Preempted(preemption))
            }
            _ => NodeUpset::default(),
        }
    }
}

impl std::fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scene({})", self.now)
    }
}
