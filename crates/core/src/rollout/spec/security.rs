//! The security profile of a pool against its image: what the image demands comes with it, and what it forbids goes.
//!
//! Pure. What a user says is never changed here; that it is forbidden is a fault. Whatever follows from the image alone
//! stands in the bodies that Batch gets and not in the mark, so a pool that boots as its image demands is the same pool.

use serde_json::{Value, json};

use super::{
    Spec,
    compare::{Field, When},
    set,
};
use crate::{
    json as read_json,
    options::parts::SECURITY_TYPE,
    settings::{ImageSecurity, RolloutSettings, fault::Fault, parts::SecurityType, shape},
};

/// Where it stands in a pool's body, and in a list of what differs.
const PROFILE: &str = "/virtualMachineConfiguration/securityProfile";
const PATH: &str = "virtualMachineConfiguration.securityProfile";

/// Where the encryption of a confidential OS disk stands in `virtualMachineConfiguration`.
const OS_DISK: &str = "/osDisk/managedDisk";

/// How nodes boot by a security profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Without anything that guards it.
    Plain,
    /// So.
    Guarded(SecurityType),
    /// By a word that is new to us: Batch may know it.
    Other,
}

impl Way {
    fn of(profile: &Value) -> Self {
        match read_json::text(profile, "/securityType")
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None | Some("standard") => Self::Plain,
            Some("trustedlaunch") => Self::Guarded(SecurityType::TrustedLaunch),
            Some("confidentialvm") => Self::Guarded(SecurityType::ConfidentialVm),
            Some(_) => Self::Other,
        }
    }

    /// The way that the image allows when the user has not chosen this one.
    const fn on(self, image: ImageSecurity) -> Self {
        let is_allowed = match self {
            Self::Plain => image.feature.allows(None),
            Self::Guarded(kind) => image.feature.allows(Some(kind)),
            Self::Other => true,
        };
        match (is_allowed, image.feature.demanded()) {
            (true, _) => self,
            (false, Some(kind)) => Self::Guarded(kind),
            (false, None) => Self::Plain,
        }
    }
}

impl Spec {
    /// Makes the `virtualMachineConfiguration` of a body fit the image.
    pub(super) fn fit_security(&self, body: &mut Value) {
        if let Some(configuration) = body.get_mut("virtualMachineConfiguration") {
            fit(configuration, self.image_security);
        }
    }

    /// The security profile, when a pool has one that its new image does not boot with and none was asked for.
    pub(super) fn other_security(&self, found: &Value) -> Option<Field> {
        let asked = read_json::at(&self.body, PROFILE);
        if read_json::text(asked, "/securityType").is_some() {
            return None;
        }
        let has = Way::of(read_json::at(found, PROFILE));
        let boots = has.on(self.image_security);
        (has != boots).then(|| Field {
            path: PATH.to_owned(),
            text: format!(
                "the security type (it boots {}, and the image boots {} only)",
                words(has),
                words(boots)
            ),
            when: When::Empty,
        })
    }

    /// How the nodes boot because of their image alone; nothing when the user has chosen, or the image leaves it open.
    pub(in crate::rollout) fn boots_by_image(&self) -> Option<&'static str> {
        let asked = Way::of(read_json::at(&self.body, PROFILE));
        let boots = asked.on(self.image_security);
        (asked != boots).then(|| words(boots))
    }

    /// Whether the nodes boot without a guard that their image would allow.
    pub(in crate::rollout) fn could_be_guarded(&self) -> bool {
        let is_plain = Way::of(read_json::at(&self.body, PROFILE)) == Way::Plain;
        is_plain && self.image_security.feature.offers_trusted_launch()
    }

    /// What is wrong with the security type that was asked for on this image.
    pub(in crate::rollout) fn forbidden_security(&self, settings: &RolloutSettings) -> Option<Fault> {
        let Way::Guarded(kind) = Way::of(read_json::at(&self.body, PROFILE)) else {
            return None;
        };
        let feature = self.image_security.feature;
        if feature.allows(Some(kind)) {
            return None;
        }
        let text = format!(
            "is {}, and the images of definition {} do not boot so, as its SecurityType is {}: leave it out, or give a \
             version of a definition for such nodes",
            word(kind),
            settings.pool.version.definition().name(),
            feature.as_str()
        );
        Some(match settings.pool.parts.security.kind {
            Some(_) => Fault::new(SECURITY_TYPE, text),
            None => shape::fault(format!("{PATH}.securityType"), text),
        })
    }
}

/// Makes a `virtualMachineConfiguration` fit the image.
pub(crate) fn fit(configuration: &mut Value, image: ImageSecurity) {
    let profile = read_json::at(configuration, "/securityProfile").clone();
    let (has, boots) = (Way::of(&profile), Way::of(&profile).on(image));
    match boots {
        Way::Guarded(kind) => {
            set(configuration, "/securityProfile/securityType", json!(word(kind)));
            // Azure's own tools switch both on for such machines; a driver that is not signed needs secure boot off.
            if has != boots && read_json::at(&profile, "/uefiSettings").is_null() {
                let both = json!({"secureBootEnabled": true, "vTpmEnabled": true});
                set(configuration, "/securityProfile/uefiSettings", both);
            }
        }
        Way::Plain if has != boots => {
            take(configuration, "/securityProfile", &["securityType", "uefiSettings"]);
            take(configuration, OS_DISK, &["securityProfile"]);
        }
        Way::Plain | Way::Other => {}
    }
    let encryption = "/osDisk/managedDisk/securityProfile/securityEncryptionType";
    if boots == Way::Guarded(SecurityType::ConfidentialVm) && read_json::text(configuration, encryption).is_none() {
        set(configuration, encryption, json!(image.disks.as_str()));
    }
}

/// Takes members from an object; an object that is empty then goes too.
fn take(root: &mut Value, pointer: &str, names: &[&str]) {
    let Some(object) = root.pointer_mut(pointer).and_then(Value::as_object_mut) else {
        return;
    };
    names.iter().for_each(|name| drop(object.remove(*name)));
    if let (true, Some((parent, own))) = (object.is_empty(), pointer.rsplit_once('/')) {
        let parent = root.pointer_mut(parent).and_then(Value::as_object_mut);
        let _gone = parent.and_then(|parent| parent.remove(own));
    }
}

/// Batch's word.
pub(super) const fn word(kind: SecurityType) -> &'static str {
    match kind {
        SecurityType::TrustedLaunch => "trustedLaunch",
        SecurityType::ConfidentialVm => "confidentialvm",
    }
}

const fn words(way: Way) -> &'static str {
    match way {
        Way::Plain => "without Trusted Launch",
        Way::Guarded(SecurityType::TrustedLaunch) => "with Trusted Launch",
        Way::Guarded(SecurityType::ConfidentialVm) => "as a confidential VM",
        Way::Other => "in a way that is new to this program",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SecurityFeature;

    fn fitted(profile: Value, feature: SecurityFeature) -> Value {
        let mut configuration = json!({"securityProfile": profile});
        let image = ImageSecurity {
            feature,
            ..ImageSecurity::default()
        };
        fit(&mut configuration, image);
        let once = configuration.clone();
        fit(&mut configuration, image);
        assert_eq!(once, configuration, "what fits stays");
        configuration
    }

    #[test]
    fn what_an_image_demands_comes_with_it_and_what_it_forbids_goes() {
        let trusted = || json!({"securityType": "trustedLaunch", "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}});
        let unsigned = || json!({"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": false, "vTpmEnabled": true}});
        let of_disk = json!({"managedDisk": {"securityProfile": {"securityEncryptionType": "VMGuestStateOnly"}}});
        let confidential =
            json!({"securityType": "confidentialvm", "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}});
        let (standard, demands) = (SecurityFeature::Standard, SecurityFeature::TrustedLaunch);
        for (profile, feature, expected) in [
            (json!({}), standard, json!({"securityProfile": {}})),
            (
                json!({}),
                SecurityFeature::TrustedLaunchSupported,
                json!({"securityProfile": {}}),
            ),
            (json!({}), SecurityFeature::Unknown, json!({"securityProfile": {}})),
            (json!({}), demands, json!({"securityProfile": trusted()})),
            (
                json!({"encryptionAtHost": true}),
                demands,
                json!({"securityProfile": {"encryptionAtHost": true, "securityType": "trustedLaunch",
                    "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}}}),
            ),
            (
                unsigned(),
                demands,
                json!({"securityProfile": {"securityType": "trustedLaunch",
                    "uefiSettings": {"secureBootEnabled": false, "vTpmEnabled": true}}}),
            ),
            (trusted(), standard, json!({})),
            (
                json!({"securityType": "trustedLaunch", "encryptionAtHost": true}),
                standard,
                json!({"securityProfile": {"encryptionAtHost": true}}),
            ),
            (
                json!({}),
                SecurityFeature::Confidential,
                json!({"securityProfile": confidential, "osDisk": of_disk}),
            ),
            (
                json!({"securityType": "more"}),
                demands,
                json!({"securityProfile": {"securityType": "more"}}),
            ),
        ] {
            assert_eq!(fitted(profile.clone(), feature), expected, "{profile} on {feature:?}");
        }
    }

    #[test]
    fn the_disks_of_nodes_that_are_confidential_no_more_lose_what_only_those_may_have() {
        let mut configuration = json!({"securityProfile": {"securityType": "confidentialvm"},
            "osDisk": {"caching": "readonly", "managedDisk": {"securityProfile": {"securityEncryptionType": "VMGuestStateOnly"}}}});
        let standard = ImageSecurity {
            feature: SecurityFeature::Standard,
            ..ImageSecurity::default()
        };
        fit(&mut configuration, standard);
        assert_eq!(configuration, json!({"osDisk": {"caching": "readonly"}}));
    }
}
