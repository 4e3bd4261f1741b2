//! Whether a pool's image can boot on its VM size, judged when nodes are allocated, as Azure does.
//!
//! It looks nothing up itself: the caller passes what the gallery says. What POST already refuses is in `pool/body`.

use serde_json::{Value, json};

use super::allocation::ResizeError;
use super::supported_images::{self, OsType};
use crate::compute::size::VmSize;
use crate::json::text;
use crate::region;
use crate::view::ImageVersionView;

/// What the gallery knows of an image id at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// The version, or the latest one of a definition; a managed image looks like a version in one region.
    Found {
        view: Box<ImageVersionView>,
        plan: MarketplacePlan,
    },
    /// There is none.
    Missing,
    /// It belongs to a subscription of another tenant.
    OtherTenant,
    /// Its subscription has not registered `Microsoft.Batch`.
    Unregistered { subscription: String },
}

/// What an image says of the plan of the marketplace image that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarketplacePlan {
    /// It comes from none that has a plan, as far as is known.
    NotNeeded,
    /// What it was made from has a plan, and its definition does not say so.
    Missing,
    /// Its definition has a plan without a publisher.
    WithoutPublisher,
    /// Its definition has the plan.
    Carried,
}

/// Whether the terms of marketplace plans have been accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Terms {
    #[default]
    Accepted,
    Open,
}

/// What a pool wants to boot.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    /// The pool's `virtualMachineConfiguration`.
    pub(crate) configuration: &'a Value,
    pub(crate) size: &'a VmSize,
    /// The pool's VM size as the caller wrote it.
    pub(crate) size_name: &'a str,
    /// The account's region.
    pub(crate) location: &'a str,
    /// Whether the account's owner has accepted the terms of plans.
    pub(crate) terms: Terms,
}

/// The id of the image that a configuration names, a gallery's or a managed one.
pub(crate) fn gallery_id(configuration: &Value) -> Option<&str> {
    text(configuration, "/imageReference/virtualMachineImageId")
}

/// Whether an image id is that of a managed image.
pub(crate) fn is_managed(id: &str) -> bool {
    crate::envelope::ArmPath::parse(id).is_some_and(|path| path.is_in("Microsoft.Compute") && path.kind() == "images")
}

/// Judges the image: the reference that nodes show, or the reason why none can boot.
pub(crate) fn judge(wanted: &Wanted<'_>, lookup: impl FnOnce(&str) -> Lookup) -> Result<Value, ResizeError> {
    let Some(id) = gallery_id(wanted.configuration) else {
        return marketplace(wanted);
    };
    let (view, plan) = match lookup(id) {
        Lookup::Found { view, plan } => (view, plan),
        Lookup::Missing => return Err(not_available(id, wanted.location)),
        Lookup::OtherTenant => return Err(other_tenant(id)),
        Lookup::Unregistered { subscription } => return Err(unregistered(&subscription)),
    };
    is_replicated(&view, wanted.location)?;
    has_plan(plan, wanted)?;
    fits_agent(&view, wanted.configuration)?;
    fits_generation(&view.hyper_v_generation, wanted)?;
    fits_architecture(&view.architecture, wanted)?;
    fits_controller(&view, wanted)?;
    fits_security(view.security_type.as_deref(), wanted)?;
    Ok(json!({"virtualMachineImageId": view.id}))
}

fn marketplace(wanted: &Wanted<'_>) -> Result<Value, ResizeError> {
    let Some(reference) = wanted.configuration.get("imageReference") else {
        return Ok(json!({}));
    };
    let part = |name: &str| text(reference, name).unwrap_or_default();
    let Some(image) = supported_images::find(part("/publisher"), part("/offer"), part("/sku")) else {
        return Ok(reference.clone());
    };
    fits_generation(image.generation(), wanted)?;
    fits_architecture("x64", wanted)?;
    let mut shown = reference.clone();
    let latest = part("/version").is_empty() || part("/version") == "latest";
    let exact = if latest {
        image.exact_version()
    } else {
        part("/version")
    };
    crate::json::set(&mut shown, &["exactVersion"], json!(exact));
    Ok(shown)
}

fn is_replicated(view: &ImageVersionView, location: &str) -> Result<(), ResizeError> {
    // While a version is updated, the regions that were complete before stay usable.
    let usable = matches!(view.provisioning_state.as_str(), "Succeeded" | "Updating");
    let here = region::normalise(location);
    if usable
        && view
            .complete_regions
            .iter()
            .any(|(region, replicas)| *region == here && *replicas > 0)
    {
        return Ok(());
    }
    Err(not_available(&view.id, location))
}

fn has_plan(plan: MarketplacePlan, wanted: &Wanted<'_>) -> Result<(), ResizeError> {
    match plan {
        MarketplacePlan::NotNeeded => Ok(()),
        MarketplacePlan::Carried if wanted.terms == Terms::Accepted => Ok(()),
        MarketplacePlan::WithoutPublisher => Err(ResizeError::coded("MissingPublisherPropertyInMarketPlacePlan")),
        MarketplacePlan::Missing => Err(provider(
            "VMMarketplaceInvalidInput",
            "Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image \
             requires Plan information in the request.",
        )),
        MarketplacePlan::Carried => Err(provider(
            "ResourcePurchaseValidationFailed",
            "User failed validation to purchase resources. Error message: 'You have not accepted the legal terms on \
             this subscription for this plan. Before the subscription can be used, you need to accept the legal terms \
             of the image.'",
        )),
    }
}

fn fits_agent(view: &ImageVersionView, configuration: &Value) -> Result<(), ResizeError> {
    if !view.os_state.eq_ignore_ascii_case("Generalized") {
        let id = &view.id;
        return Err(bad_request(&format!(
            "The image '{id}' is specialized. Batch pools can be created from generalized images only."
        )));
    }
    let agent = text(configuration, "/nodeAgentSKUId").unwrap_or_default();
    let agent_os = supported_images::agent_os(agent).map(OsType::word);
    if agent_os.is_some_and(|os| !os.eq_ignore_ascii_case(&view.os_type)) {
        let os = &view.os_type;
        return Err(bad_request(&format!(
            "The node agent SKU '{agent}' does not fit the image's OS type '{os}'."
        )));
    }
    Ok(())
}

fn fits_generation(generation: &str, wanted: &Wanted<'_>) -> Result<(), ResizeError> {
    if wanted.size.boots(generation) {
        return Ok(());
    }
    let (size, number) = (wanted.size_name, generation.trim_start_matches(['V', 'v']));
    Err(bad_request(&format!(
        "The selected VM size '{size}' cannot boot Hypervisor Generation '{number}'. If this was a Create operation \
         please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected \
         VM Size. If this was an Update operation please select a Hypervisor Generation '{number}' VM Size."
    )))
}

fn fits_architecture(architecture: &str, wanted: &Wanted<'_>) -> Result<(), ResizeError> {
    let own = wanted.size.architecture;
    if own.eq_ignore_ascii_case(architecture) {
        return Ok(());
    }
    Err(bad_request(&format!(
        "The selected VM size '{}' has the CPU Architecture '{own}', which does not match the image's CPU Architecture \
         '{architecture}'.",
        wanted.size_name
    )))
}

fn fits_controller(view: &ImageVersionView, wanted: &Wanted<'_>) -> Result<(), ResizeError> {
    if !wanted.size.is_nvme() || view.boots_from_nvme() {
        return Ok(());
    }
    Err(provider(
        "InvalidParameter",
        &VmSize::controller_message(wanted.size_name),
    ))
}

/// The pool's security type must be one that both the definition and the size allow.
fn fits_security(feature: Option<&str>, wanted: &Wanted<'_>) -> Result<(), ResizeError> {
    let asked = text(wanted.configuration, "/securityProfile/securityType")
        .unwrap_or("standard")
        .to_ascii_lowercase();
    let feature = feature.unwrap_or("Standard");
    let image_allows = match feature.to_ascii_lowercase().as_str() {
        "trustedlaunch" => asked == "trustedlaunch",
        "trustedlaunchsupported" => asked != "confidentialvm",
        "confidentialvm" => asked == "confidentialvm",
        "confidentialvmsupported" => asked != "trustedlaunch",
        "trustedlaunchandconfidentialvmsupported" => true,
        _ => asked == "standard",
    };
    if !image_allows {
        return Err(bad_request(&format!(
            "The security type '{asked}' of the pool is not supported by an image of the security type '{feature}'."
        )));
    }
    let size_allows = match asked.as_str() {
        "trustedlaunch" => wanted.size.trusted_launch,
        "confidentialvm" => wanted.size.is_confidential(),
        _ => true,
    };
    if size_allows {
        return Ok(());
    }
    Err(bad_request(&format!(
        "The VM size '{}' is not supported with the security type '{asked}'.",
        wanted.size_name
    )))
}

fn not_available(id: &str, location: &str) -> ResizeError {
    if is_managed(id) {
        let message = format!("The Image '{id}' cannot be found in '{location}' region.");
        return provider("NotFound", &message);
    }
    provider(
        "GalleryImageNotFound",
        &format!(
            "The gallery image {id} is not available in {location} region. Please contact image owner to replicate to \
             this region, or change your requested region."
        ),
    )
}

fn other_tenant(id: &str) -> ResizeError {
    let message = format!("The image '{id}' is not in the same Microsoft Entra tenant as the Batch account.");
    provider("LinkedAuthorizationFailed", &message)
}

fn unregistered(subscription: &str) -> ResizeError {
    let message = format!("The subscription '{subscription}' is not registered to use namespace 'Microsoft.Batch'.");
    provider("MissingSubscriptionRegistration", &message)
}

fn bad_request(message: &str) -> ResizeError {
    provider("BadRequest", message)
}

fn provider(code: &str, message: &str) -> ResizeError {
    ResizeError::of_provider(
        "AllocationFailed",
        &json!({"error": {"code": code, "message": message}}),
        false,
    )
}

#[cfg(test)]
mod tests;
