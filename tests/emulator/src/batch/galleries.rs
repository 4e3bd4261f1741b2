//! How Batch asks the compute provider for an image, and what it makes of the answer.
//!
//! Whether the image boots is for `image`; nothing here changes anything.

use jiff::Timestamp;
use serde_json::Value;

use super::image::{self, Lookup, MarketplacePlan};
use super::scene::Gallery;
use crate::compute::Compute;
use crate::directory::Directory;
use crate::envelope::ArmPath;
use crate::view::ImageVersionView;
use crate::{json, region};

/// The galleries as Batch sees them.
pub(super) struct Galleries<'a> {
    pub(super) compute: &'a Compute,
    pub(super) arm: &'a Directory,
    pub(super) tenant: Option<&'a str>,
}

impl Gallery for Galleries<'_> {
    fn look(&self, id: &str, region: &str, now: Timestamp) -> Lookup {
        let subscription = ArmPath::parse(id).map(|path| path.subscription).unwrap_or_default();
        match self.arm.tenant_of(&subscription) {
            None => return Lookup::Missing,
            Some(_) if self.arm.tenant_of(&subscription) != self.tenant => {
                return Lookup::OtherTenant;
            }
            Some(_) => {}
        }
        if !self.arm.is_registered(&subscription, "Microsoft.Batch", now) {
            return Lookup::Unregistered { subscription };
        }
        let view = if image::is_managed(id) {
            self.managed_image(id, now)
        } else {
            self.compute.image_version(id, region, now).ok()
        };
        view.map_or(Lookup::Missing, |view| Lookup::Found {
            plan: self.plan_of(&view.id, now),
            view: Box::new(view),
        })
    }
}

impl Galleries<'_> {
    /// A managed image as if it were a version that is complete where the image is.
    fn managed_image(&self, id: &str, now: Timestamp) -> Option<ImageVersionView> {
        let image = self.compute.resource(&ArmPath::parse(id)?.key(), now)?;
        let text = |pointer: &str| json::text(&image, pointer).unwrap_or_default().to_owned();
        Some(ImageVersionView {
            id: text("/id"),
            provisioning_state: text("/properties/provisioningState"),
            os_type: text("/properties/storageProfile/osDisk/osType"),
            os_state: text("/properties/storageProfile/osDisk/osState"),
            hyper_v_generation: text("/properties/hyperVGeneration"),
            architecture: "x64".to_owned(),
            security_type: None,
            disk_controllers: None,
            has_purchase_plan: false,
            data_disk_luns: Vec::new(),
            complete_regions: vec![(region::normalise(&text("/location")), 1)],
        })
    }

    /// What is known of the plan: the definition's, and that of the version's source as long as that is there.
    fn plan_of(&self, version: &str, now: Timestamp) -> MarketplacePlan {
        let Some(path) = ArmPath::parse(version) else {
            return MarketplacePlan::NotNeeded;
        };
        let definition = path
            .parent()
            .and_then(|parent| self.compute.definitions.find(&parent.key()));
        let of_definition = |part: &str| definition.and_then(|item| item.property(&format!("/purchasePlan/{part}")));
        match (of_definition("name"), of_definition("publisher")) {
            (Some(_), Some(_)) => return MarketplacePlan::Carried,
            (Some(_), None) => return MarketplacePlan::WithoutPublisher,
            (None, _) => {}
        }
        let item = self.compute.versions.find(&path.key());
        let source = item.and_then(|item| item.property("/storageProfile/osDiskImage/source/id"));
        let source = source
            .and_then(ArmPath::parse)
            .and_then(|path| self.compute.resource(&path.key(), now));
        let has_plan = |source: &Value| json::text(source, "/properties/purchasePlan/name").is_some();
        if source.as_ref().is_some_and(has_plan) {
            MarketplacePlan::Missing
        } else {
            MarketplacePlan::NotNeeded
        }
    }
}
