//! Whether a VM size boots the images of a definition: definition × size as one table. Pure.
//!
//! A word that we do not know, on either side, refuses nothing. What is done about a size that does not boot is for the
//! flows.

use super::{gallery::ImageDefinition, sku::Sku};
use crate::settings::SecurityFeature;

/// Why a size does not boot the images of a definition; nothing when it does.
#[must_use]
pub fn misfits(definition: &ImageDefinition, sku: &Sku) -> Vec<String> {
    let all = [
        generation(definition, sku),
        architecture(definition, sku),
        controllers(definition, sku),
        security_type(SecurityFeature::parse(definition.security_type()), sku),
    ];
    all.into_iter().flatten().collect()
}

fn generation(definition: &ImageDefinition, sku: &Sku) -> Option<String> {
    let (needs, boots) = (definition.hyper_v_generation(), sku.generations()?);
    let fits = boots.split(',').any(|one| one.trim().eq_ignore_ascii_case(needs));
    (!fits).then(|| format!("it boots generation {boots}, the images are {needs}"))
}

fn architecture(definition: &ImageDefinition, sku: &Sku) -> Option<String> {
    let (needs, has) = (definition.architecture(), sku.architecture()?);
    (!has.eq_ignore_ascii_case(needs)).then(|| format!("it is {has}, the images are {needs}"))
}

fn controllers(definition: &ImageDefinition, sku: &Sku) -> Option<String> {
    let is_nvme_only = sku.controllers()?.trim().eq_ignore_ascii_case("NVMe");
    let images = definition.feature("DiskControllerTypes").unwrap_or_default();
    let has_nvme = images.split(',').any(|one| one.trim().eq_ignore_ascii_case("NVMe"));
    (is_nvme_only && !has_nvme).then(|| "it has NVMe disk controllers only, the images boot from SCSI only".to_owned())
}

fn security_type(feature: SecurityFeature, sku: &Sku) -> Option<String> {
    match feature {
        SecurityFeature::TrustedLaunch if sku.is_without_trusted_launch() => {
            Some("it has no Trusted Launch, and the images boot with Trusted Launch only".to_owned())
        }
        SecurityFeature::Confidential if !sku.is_confidential() => {
            Some("it is not for confidential VMs, and the images boot as such only".to_owned())
        }
        _ => None,
    }
}
