//! VM sizes as the list of compute's SKUs describes them.
//!
//! A capability that is not named says nothing: no size is refused for it. Whether a size boots an image is for the flows.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{Location, SubscriptionId, VmSize},
    json,
    request::Request,
};

/// A VM size in a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Sku {
    /// Its name.
    pub name: VmSize,
    body: Value,
}

impl Sku {
    /// Reads one item of the list; nothing when it is not a VM size.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let is_size =
            json::text(item, "/resourceType").is_some_and(|kind| kind.eq_ignore_ascii_case("virtualMachines"));
        let name = json::text(item, "/name").filter(|_| is_size)?.parse().ok()?;
        Some(Self {
            name,
            body: item.clone(),
        })
    }

    /// Reads one item of Batch's own list of sizes, whose capabilities have the same names.
    #[must_use]
    pub fn of_batch(item: &Value) -> Option<Self> {
        Some(Self {
            name: json::text(item, "/name")?.parse().ok()?,
            body: item.clone(),
        })
    }

    fn capability(&self, name: &str) -> Option<&str> {
        json::items(&self.body, "/capabilities")
            .find(|one| json::text(one, "/name").is_some_and(|own| own.eq_ignore_ascii_case(name)))
            .and_then(|one| json::text(one, "/value"))
    }

    fn is_true(&self, name: &str) -> bool {
        self.capability(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("True"))
    }

    /// The generations that it boots, such as `V1,V2`.
    #[must_use]
    pub fn generations(&self) -> Option<&str> {
        self.capability("HyperVGenerations")
    }

    /// `x64` or `Arm64`.
    #[must_use]
    pub fn architecture(&self) -> Option<&str> {
        self.capability("CpuArchitectureType")
    }

    /// Its disk controllers, such as `SCSI` or `SCSI, NVMe`.
    #[must_use]
    pub fn controllers(&self) -> Option<&str> {
        self.capability("DiskControllerTypes")
    }

    /// Whether Azure says that it has no Trusted Launch.
    #[must_use]
    pub fn is_without_trusted_launch(&self) -> bool {
        self.is_true("TrustedLaunchDisabled")
    }

    /// Whether it runs confidential machines.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.capability("ConfidentialComputingType").is_some()
    }

    /// Whether Azure says that it has no temporary disk.
    #[must_use]
    pub fn is_without_temporary_disk(&self) -> bool {
        self.temporary_mb() == Some(0)
    }

    /// How large its temporary disk is, in MB; 0 when it has none.
    #[must_use]
    pub fn temporary_mb(&self) -> Option<u64> {
        self.capability("MaxResourceVolumeMB")?.parse().ok()
    }
}

/// The request for everything that a region offers a subscription. The service filters by location only.
#[must_use]
pub fn list(subscription: &SubscriptionId, location: &Location) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/Microsoft.Compute/skus"),
        Api::Sizes,
        format!("list the VM sizes of {location}"),
    )
    .with_query("$filter", format!("location eq '{location}'"))
}
