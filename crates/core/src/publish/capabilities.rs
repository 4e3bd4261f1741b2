//! What the operating system of a machine supports, as its OS disk says it, and the features of a definition that say the
//! same. Pure.
//!
//! How a machine is protected is in `security`; which sizes can boot a definition's images is in `boot`.

use crate::compute::{disk::DiskBody, gallery::ImageDefinition, vm::Vm};

/// The feature for disk controllers.
pub(super) const CONTROLLERS: &str = "DiskControllerTypes";

/// The feature for accelerated networking.
const NETWORK: &str = "IsAcceleratedNetworkSupported";

/// The feature for hibernation.
const HIBERNATION: &str = "IsHibernateSupported";

/// The disk controllers that an image can boot from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Controllers {
    /// SCSI only: what holds where nothing is said.
    #[default]
    Scsi,
    /// SCSI and NVMe.
    ScsiAndNvme,
}

/// What a machine's operating system supports; nothing where Azure does not say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// The disk controllers.
    pub controllers: Option<Controllers>,
    /// Whether the machine itself was on an NVMe controller.
    pub is_nvme: bool,
    /// Accelerated networking.
    pub network: Option<bool>,
    /// Hibernation.
    pub hibernation: Option<bool>,
}

impl Controllers {
    /// Reads Azure's list, such as `SCSI, NVMe`.
    #[must_use]
    pub(super) fn parse(list: &str) -> Self {
        let has_nvme = list.split(',').any(|one| one.trim().eq_ignore_ascii_case("NVMe"));
        if has_nvme { Self::ScsiAndNvme } else { Self::Scsi }
    }

    /// The definition's word.
    #[must_use]
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Scsi => "SCSI",
            Self::ScsiAndNvme => "SCSI, NVMe",
        }
    }
}

impl Capabilities {
    /// What an OS disk says, and the machine that it belongs to.
    #[must_use]
    pub(super) fn of_disk(os: &DiskBody, vm: Option<&Vm>) -> Self {
        let is_nvme = vm
            .and_then(Vm::disk_controller)
            .is_some_and(|controller| controller.eq_ignore_ascii_case("NVMe"));
        let of_machine = is_nvme.then_some(Controllers::ScsiAndNvme);
        Self {
            controllers: of_machine.or(os.controller_types().map(Controllers::parse)),
            is_nvme,
            network: os.accelerated_network(),
            hibernation: os.hibernation(),
        }
    }

    /// What a definition says of its images.
    #[must_use]
    pub(super) fn of_definition(definition: &ImageDefinition) -> Self {
        let is_true = |value: &str| value.eq_ignore_ascii_case("True");
        Self {
            controllers: definition.feature(CONTROLLERS).map(Controllers::parse),
            is_nvme: false,
            network: definition.feature(NETWORK).map(is_true),
            hibernation: definition.feature(HIBERNATION).map(is_true),
        }
    }

    /// The features of a definition that say the same. What nothing is said of stays Azure's own default.
    #[must_use]
    pub(super) fn features(self) -> Vec<(&'static str, &'static str)> {
        let word = |is_supported: bool| if is_supported { "True" } else { "False" };
        // Without the feature an image is for SCSI, in older api-versions too.
        let controllers = self.controllers.filter(|it| *it == Controllers::ScsiAndNvme);
        let all = [
            (CONTROLLERS, controllers.map(Controllers::as_str)),
            (NETWORK, self.network.map(word)),
            (HIBERNATION, self.hibernation.map(word)),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(supported: &serde_json::Value, vm: Option<&str>) -> Capabilities {
        let disk =
            DiskBody::new(json!({"properties": {"supportedCapabilities": supported, "supportsHibernation": true}}));
        let vm = vm.map(|word| Vm::new(json!({"properties": {"storageProfile": {"diskControllerType": word}}})));
        Capabilities::of_disk(&disk, vm.as_ref())
    }

    #[test]
    fn features_say_what_the_os_disk_says() {
        let hibernate = ("IsHibernateSupported", "True");
        let nvme = ("DiskControllerTypes", "SCSI, NVMe");
        let table = [
            (json!({}), None, vec![hibernate]),
            (json!({"diskControllerTypes": "SCSI"}), None, vec![hibernate]),
            (json!({"diskControllerTypes": "SCSI"}), Some("SCSI"), vec![hibernate]),
            (
                json!({"diskControllerTypes": "SCSI, NVMe"}),
                Some("SCSI"),
                vec![nvme, hibernate],
            ),
            (json!({"diskControllerTypes": "nvme"}), None, vec![nvme, hibernate]),
            (json!({}), Some("NVMe"), vec![nvme, hibernate]),
            (
                json!({"acceleratedNetwork": false}),
                None,
                vec![("IsAcceleratedNetworkSupported", "False"), hibernate],
            ),
        ];
        for (supported, vm, expected) in table {
            assert_eq!(of(&supported, vm).features(), expected, "{supported} {vm:?}");
        }
    }

    #[test]
    fn a_definition_says_the_same_of_its_images() {
        let capabilities = Capabilities {
            controllers: Some(Controllers::ScsiAndNvme),
            is_nvme: false,
            network: Some(true),
            hibernation: Some(false),
        };
        let features = capabilities.features().into_iter();
        let features: Vec<_> = features
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let definition = ImageDefinition::new(json!({"properties": {"features": features}}));
        assert_eq!(Capabilities::of_definition(&definition), capabilities);
    }
}
