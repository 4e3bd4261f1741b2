//! Machines by the image that they were made of: virtual machines and scale sets of a whole subscription.
//!
//! One machine by itself is in `vm`. Whose images they are is not known here.

use http::Method;
use serde_json::Value;

use crate::{
    api::Api,
    ids::{SubscriptionId, VersionNumber},
    json,
    request::Request,
};

/// An image as a machine names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeOf {
    /// The id: of a version, a definition, a managed image, or of a gallery that others share.
    pub id: String,
    /// Which version of a definition it was.
    pub exact: Option<VersionNumber>,
}

impl MadeOf {
    /// Reads an `imageReference`; nothing for an image of the marketplace.
    #[must_use]
    pub fn read(reference: &Value) -> Option<Self> {
        let id = ["/id", "/sharedGalleryImageId", "/communityGalleryImageId"]
            .into_iter()
            .find_map(|pointer| json::text(reference, pointer))?;
        Some(Self {
            id: id.to_owned(),
            exact: json::text(reference, "/exactVersion").and_then(|number| number.parse().ok()),
        })
    }

    /// The image of a virtual machine, or of an instance of a scale set.
    #[must_use]
    pub fn of_machine(body: &Value) -> Option<Self> {
        Self::read(json::at(body, "/properties/storageProfile/imageReference"))
    }

    /// The image of a scale set's new instances.
    #[must_use]
    pub fn of_scale_set(body: &Value) -> Option<Self> {
        let pointer = "/properties/virtualMachineProfile/storageProfile/imageReference";
        Self::read(json::at(body, pointer))
    }
}

/// The request for the virtual machines of a subscription.
#[must_use]
pub fn list(subscription: &SubscriptionId) -> Request {
    of_subscription(subscription, "virtualMachines", "virtual machines")
}

/// The request for the scale sets of a subscription.
#[must_use]
pub fn list_scale_sets(subscription: &SubscriptionId) -> Request {
    of_subscription(subscription, "virtualMachineScaleSets", "scale sets")
}

/// The request for the instances of a scale set, by its id.
#[must_use]
pub fn list_instances(scale_set: &str) -> Request {
    let name = scale_set.rsplit('/').next().unwrap_or_default();
    Request::arm(
        Method::GET,
        format!("{scale_set}/virtualMachines"),
        Api::Machines,
        format!("list the instances of scale set {name}"),
    )
}

fn of_subscription(subscription: &SubscriptionId, kind: &str, words: &str) -> Request {
    Request::arm(
        Method::GET,
        format!("/subscriptions/{subscription}/providers/Microsoft.Compute/{kind}"),
        Api::Machines,
        format!("list the {words} of subscription {subscription}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_is_read_wherever_it_lies_and_the_marketplace_has_none() {
        let read = |reference: Value| MadeOf::read(&reference).map(|made| (made.id, made.exact.is_some()));
        assert_eq!(
            read(json!({"id": "/d", "exactVersion": "1.0.0"})),
            Some(("/d".to_owned(), true))
        );
        assert_eq!(
            read(json!({"communityGalleryImageId": "/c"})),
            Some(("/c".to_owned(), false))
        );
        assert_eq!(read(json!({"publisher": "canonical", "exactVersion": "22.04.1"})), None);
    }
}
