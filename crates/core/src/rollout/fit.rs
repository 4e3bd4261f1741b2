//! What follows for a pool from its image version: LUNs that are taken, and how the nodes boot.
//!
//! It asks nothing: what was read is in the site. What the image demands is put into bodies in `spec::security`.

use super::{
    observe::Site,
    spec::{Spec, unusable},
};
use crate::{
    client::Client,
    compute::version::location_of,
    error::Result,
    plan::{About, Fact},
    settings::{ImageSecurity, RolloutSettings, fault::Fault, luns},
};

/// The settings with what is known of the image.
///
/// # Errors
/// `BadInput` when what is asked for cannot be on this image, with all faults.
pub(super) fn on_site(settings: &RolloutSettings, site: &Site) -> Result<RolloutSettings> {
    let mut settings = settings.clone();
    if let Some(security) = security(&settings, site) {
        settings.pool.image_security = security;
    }
    let pool = &settings.pool;
    let spec = Spec::new(&settings).map_err(|faults| unusable(&pool.id, &faults))?;
    // A node has each LUN once: the pool's own data disks must leave those of the image alone.
    let disks = site.version.as_ref().map(|version| version.data_disks());
    let luns = disks
        .map(|disks| luns::clashes(&disks, spec.body()))
        .unwrap_or_default();
    let faults = luns.into_iter().chain(spec.forbidden_security(&settings));
    let placed: Vec<Fault> = faults.map(|fault| pool.spots.placed(fault)).collect();
    if placed.is_empty() {
        Ok(settings)
    } else {
        Err(unusable(&pool.id, &placed))
    }
}

/// Says how the nodes boot, when the user has not.
pub(super) fn tell(client: &Client, settings: &RolloutSettings) {
    if let Some(text) = by_image(settings) {
        client.note(text);
    }
}

/// How the nodes boot, as a line of a plan.
pub(super) fn fact(settings: &RolloutSettings) -> Option<Fact> {
    let spec = Spec::new(settings).ok()?;
    let open = || {
        let definition = settings.pool.version.definition();
        let text = format!(
            "nodes boot without Trusted Launch; the images of {} boot with it too",
            definition.name()
        );
        spec.could_be_guarded().then_some(text)
    };
    let text = by_image(settings).or_else(open)?;
    Some(Fact::plain(About::Security, text))
}

fn by_image(settings: &RolloutSettings) -> Option<String> {
    let boots = Spec::new(settings).ok()?.boots_by_image()?;
    let definition = settings.pool.version.definition();
    Some(format!(
        "nodes boot {boots}, as the images of {} boot so only; a new pool gets secure boot and a virtual TPM",
        definition.name()
    ))
}

/// How nodes boot from the version, as its definition says it.
fn security(settings: &RolloutSettings, site: &Site) -> Option<ImageSecurity> {
    let definition = site.definition.as_ref()?;
    let regions = site.version.as_ref().map(|version| version.target_regions());
    let mut regions = regions.unwrap_or_default().into_iter();
    let here = regions.find(|region| site.location.is_some() && location_of(region) == site.location);
    let number = settings.pool.version.number();
    Some(ImageSecurity::of(definition.body(), number, here.as_ref()))
}
