//! Which way leads from a machine to a version: managed image or snapshots, into which definition.
//!
//! One table (azure-wire: "which source may go into which definition") and the policy over it; no I/O.

use super::{
    machine::{Machine, SourceShape},
    security::{DefinitionSecurity, Security},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{Location, resource::ImageId},
    options::image::{MANAGED_IMAGE, PUBLISHING_PROFILE_JSON},
    settings::{Keys, ManagedImagePolicy, PublishSettings},
    words,
};

/// What a version is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Snapshots, then a managed image of them.
    ManagedImage {
        /// The image.
        image: ImageId,
    },
    /// Snapshots alone, with the reason why no managed image stands between.
    Snapshots {
        /// The reason.
        why: String,
    },
    /// The source's VHDs; nothing is made on the way.
    Vhds,
    /// The source itself, which is an image already; nothing is made on the way.
    Source {
        /// Its id.
        id: String,
    },
    /// Nothing: it is there already, and is the result as it is.
    Adopted,
}

/// What the user wants, as far as it decides the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policy {
    /// Whether a managed image stands between.
    pub managed_image: ManagedImagePolicy,
    /// With whose keys the replicas are encrypted.
    pub keys: Keys,
    /// What is said about a confidential machine's state.
    pub state: StateEncryption,
}

/// Whether each region says how the state of a confidential machine is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum StateEncryption {
    /// None does.
    #[default]
    Silent,
    /// It does, in the JSON of the publishing profile.
    Said,
}

#[derive(Clone, Copy)]
enum MadeOf {
    ManagedImage,
    Snapshots,
    Vhds,
}

impl Policy {
    /// What these settings say, for a version made in that region.
    #[must_use]
    pub(super) fn of(settings: &PublishSettings, own: &Location) -> Self {
        let is_said = settings.version_settings.profile.state_in(own).is_some();
        Self {
            managed_image: settings.managed_image,
            keys: settings.machine.keys,
            state: if is_said {
                StateEncryption::Said
            } else {
                StateEncryption::Silent
            },
        }
    }

    fn is_legal(self, made_of: MadeOf, machine: Security, definition: DefinitionSecurity) -> bool {
        let is_confidential = definition == DefinitionSecurity::Confidential && machine == Security::Confidential;
        let is_said = self.state == StateEncryption::Said;
        is_legal(made_of, machine, definition) || (is_confidential && is_said && matches!(made_of, MadeOf::Snapshots))
    }
}

/// Chooses the way, or refuses with the definition that would be legal. `image` is the managed image, should one be made.
/// The policy has no say where the source is an image already.
///
/// # Errors
/// `Refused` when no way, or not the demanded one, is legal.
pub(super) fn choose(wanted: Policy, machine: &Machine, definition: DefinitionSecurity, image: ImageId) -> Result<Way> {
    let policy = wanted.managed_image;
    if let SourceShape::Image(source) = &machine.shape {
        let id = source.id.clone();
        return if wanted.is_legal(MadeOf::ManagedImage, machine.security, definition) {
            Ok(Way::Source { id })
        } else {
            Err(illegal(wanted, machine, definition))
        };
    }
    if matches!(machine.shape, SourceShape::Vhds(_)) && policy != ManagedImagePolicy::Always {
        return if wanted.is_legal(MadeOf::Vhds, machine.security, definition) {
            Ok(Way::Vhds)
        } else {
            Err(illegal(wanted, machine, definition))
        };
    }
    let obstacle = managed_image_obstacle(machine, wanted.keys);
    let via_image = obstacle.is_none() && wanted.is_legal(MadeOf::ManagedImage, machine.security, definition);
    let via_snapshots = wanted.is_legal(MadeOf::Snapshots, machine.security, definition);
    let skipped = |why: &str| Ok(Way::Snapshots { why: why.to_owned() });
    match (policy, obstacle) {
        (ManagedImagePolicy::Never, _) if via_snapshots => skipped(&format!("{MANAGED_IMAGE} = never")),
        (ManagedImagePolicy::Auto, Some(obstacle)) if via_snapshots => skipped(&obstacle),
        (ManagedImagePolicy::Auto | ManagedImagePolicy::Always, None) if via_image => Ok(Way::ManagedImage { image }),
        (ManagedImagePolicy::Auto, None) if via_snapshots => {
            skipped("the definition takes no managed image of such a machine")
        }
        (ManagedImagePolicy::Always, Some(obstacle)) => Err(Error::new(
            ErrorKind::Refused,
            words![MANAGED_IMAGE, format!(" is always, but {obstacle}")],
        )
        .with_hint(words!["set ", MANAGED_IMAGE, " to auto or never"])),
        _ => Err(illegal(wanted, machine, definition)),
    }
}

/// The table. A `…Supported` definition is for standard and for Trusted Launch machines alike, so Azure takes only an
/// image or a VHD that belongs to neither kind; a snapshot always belongs to the kind of its machine. Of a confidential VM Azure
/// makes a version only when each region says how its disks are encrypted (azure-cli issue 22995), so the user must say it.
const fn is_legal(made_of: MadeOf, machine: Security, definition: DefinitionSecurity) -> bool {
    match (definition, machine, made_of) {
        (DefinitionSecurity::Standard, Security::Standard, _)
        | (DefinitionSecurity::Supported, Security::Standard, MadeOf::ManagedImage | MadeOf::Vhds)
        | (DefinitionSecurity::TrustedLaunch, Security::TrustedLaunch, MadeOf::Snapshots) => true,
        (
            DefinitionSecurity::Standard
            | DefinitionSecurity::Supported
            | DefinitionSecurity::TrustedLaunch
            | DefinitionSecurity::Confidential,
            _,
            _,
        ) => false,
    }
}

/// What a managed image cannot represent of this machine.
fn managed_image_obstacle(machine: &Machine, keys: Keys) -> Option<String> {
    let disk_of = |sku: &str| machine.disks().any(|disk| disk.body.sku().eq_ignore_ascii_case(sku));
    let what = if machine.architecture.eq_ignore_ascii_case("Arm64") {
        "an Arm64 machine"
    } else if machine.security == Security::TrustedLaunch {
        "a Trusted Launch machine"
    } else if machine.security == Security::Confidential {
        "a confidential VM"
    } else if machine.capabilities.is_nvme {
        "a machine on an NVMe controller"
    } else if disk_of("PremiumV2_LRS") {
        "a PremiumV2 disk"
    } else if keys == Keys::Own {
        return Some("a managed image would carry Azure's key, and the replicas get your own".to_owned());
    } else {
        return None;
    };
    Some(format!("a managed image cannot represent {what}"))
}

fn illegal(wanted: Policy, machine: &Machine, definition: DefinitionSecurity) -> Error {
    let Policy {
        managed_image: policy,
        keys,
        ..
    } = wanted;
    let of = match machine.security {
        Security::Standard => "a machine without Trusted Launch",
        Security::TrustedLaunch => "a Trusted Launch machine",
        Security::Confidential => "a confidential VM",
    };
    let into = match definition {
        DefinitionSecurity::Standard => "SecurityType Standard",
        DefinitionSecurity::Supported => "a SecurityType that ends in Supported",
        DefinitionSecurity::TrustedLaunch => "SecurityType TrustedLaunch",
        DefinitionSecurity::Confidential => "SecurityType ConfidentialVM",
    };
    if machine.security == Security::Confidential {
        let text = "Azure makes a version of a confidential VM only from snapshots, into a definition of SecurityType ConfidentialVM, and when each region says how its disks are encrypted";
        return Error::new(ErrorKind::Refused, text).with_hint(words![
            "give encryption.osDiskImage.securityProfile.confidentialVMEncryptionType of every region in ",
            PUBLISHING_PROFILE_JSON,
            ", or build on a machine with Trusted Launch or without protection"
        ]);
    }
    let legal = machine.security.as_str();
    let via = match &machine.shape {
        SourceShape::Image(_) => " from an image",
        SourceShape::Snapshots => " from snapshots",
        SourceShape::Vhds(_) => " from VHDs",
        SourceShape::Disks if policy == ManagedImagePolicy::Never => " from snapshots",
        SourceShape::Disks => "",
    };
    let error = Error::new(
        ErrorKind::Refused,
        format!("the definition has {into}, which Azure does not make{via} of {of}"),
    );
    match (&machine.shape, machine.security, definition) {
        (SourceShape::Image(_), Security::TrustedLaunch | Security::Confidential, _) => {
            error.with_hint("publish from the machine itself: its VM, disks or snapshots")
        }
        (_, Security::Standard, DefinitionSecurity::Supported) if managed_image_obstacle(machine, keys).is_none() => {
            error.with_hint(words![
                "set ",
                MANAGED_IMAGE,
                format!(" to auto or always, or use a definition of SecurityType {legal}")
            ])
        }
        _ => error.with_hint(format!(
            "use a definition of SecurityType {legal}; one that does not exist yet is created so"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::machine::{SourceVhds, tests::machine};

    fn chosen(policy: ManagedImagePolicy, machine: &Machine, definition: Option<&str>) -> Result<Way> {
        let image = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/images/made";
        let definition = DefinitionSecurity::parse(definition);
        let policy = Policy {
            managed_image: policy,
            ..Policy::default()
        };
        choose(policy, machine, definition, image.parse().unwrap())
    }

    fn way(policy: ManagedImagePolicy, security: Security, definition: Option<&str>) -> Result<Way> {
        chosen(policy, &machine("V2", security), definition)
    }

    #[test]
    fn every_cell_of_the_table() {
        use ManagedImagePolicy::{Always, Auto, Never};
        use Security::{Confidential, Standard, TrustedLaunch};
        // "i": managed image, "s": snapshots, "-": refused; per policy auto, always, never.
        let table = [
            (Standard, None, "iis"),
            (Standard, Some("Standard"), "iis"),
            (Standard, Some("TrustedLaunchSupported"), "ii-"),
            (Standard, Some("TrustedLaunchAndConfidentialVmSupported"), "ii-"),
            (Standard, Some("TrustedLaunch"), "---"),
            (Standard, Some("ConfidentialVM"), "---"),
            (TrustedLaunch, None, "---"),
            (TrustedLaunch, Some("TrustedLaunchSupported"), "---"),
            (TrustedLaunch, Some("TrustedLaunch"), "s-s"),
            (Confidential, Some("ConfidentialVM"), "---"),
            (Confidential, Some("TrustedLaunch"), "---"),
        ];
        for (security, definition, expected) in table {
            for (policy, letter) in [Auto, Always, Never].into_iter().zip(expected.chars()) {
                let found = match way(policy, security, definition) {
                    Ok(Way::ManagedImage { .. }) => 'i',
                    Ok(Way::Snapshots { .. }) => 's',
                    Ok(Way::Source { .. } | Way::Vhds | Way::Adopted) => '?',
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Refused);
                        assert!(error.hint().is_some());
                        '-'
                    }
                };
                assert_eq!(found, letter, "{policy:?} {security:?} {definition:?}");
            }
        }
    }

    #[test]
    fn vhds_go_where_images_may_and_through_an_image_on_demand_only() {
        use ManagedImagePolicy::{Always, Auto, Never};
        // "v": VHDs, "i": managed image, "-": refused; per policy auto, always, never.
        let table = [
            ("x64", None, "viv"),
            ("x64", Some("TrustedLaunchSupported"), "viv"),
            ("x64", Some("TrustedLaunch"), "---"),
            ("x64", Some("ConfidentialVM"), "---"),
            ("Arm64", None, "v-v"),
        ];
        for (architecture, definition, expected) in table {
            let vhds = Machine {
                architecture: architecture.to_owned(),
                shape: SourceShape::Vhds(SourceVhds::default()),
                ..machine("V2", Security::Standard)
            };
            for (policy, letter) in [Auto, Always, Never].into_iter().zip(expected.chars()) {
                let found = match chosen(policy, &vhds, definition) {
                    Ok(Way::Vhds) => 'v',
                    Ok(Way::ManagedImage { .. }) => 'i',
                    Ok(Way::Snapshots { .. } | Way::Source { .. } | Way::Adopted) => '?',
                    Err(error) => {
                        assert!(error.hint().is_some());
                        '-'
                    }
                };
                assert_eq!(found, letter, "{policy:?} {architecture} {definition:?}");
            }
        }
    }

    #[test]
    fn an_image_goes_where_images_may_whatever_the_policy() {
        use crate::publish::source::image::tests::{image, version};
        // "i": made of the image, "-": refused; into a definition of each kind.
        let definitions = [
            None,
            Some("TrustedLaunchSupported"),
            Some("TrustedLaunch"),
            Some("ConfidentialVM"),
        ];
        let table = [
            (image("/os"), "ii--"),
            (version(None, "Generalized"), "ii--"),
            (version(Some("TrustedLaunchSupported"), "Generalized"), "ii--"),
            (version(Some("TrustedLaunch"), "Generalized"), "----"),
            (version(Some("ConfidentialVM"), "Generalized"), "----"),
        ];
        for (machine, expected) in table {
            for (definition, letter) in definitions.into_iter().zip(expected.chars()) {
                for policy in [
                    ManagedImagePolicy::Auto,
                    ManagedImagePolicy::Always,
                    ManagedImagePolicy::Never,
                ] {
                    let found = match chosen(policy, &machine, definition) {
                        Ok(Way::Source { .. }) => 'i',
                        Ok(Way::ManagedImage { .. } | Way::Snapshots { .. } | Way::Vhds | Way::Adopted) => '?',
                        Err(error) => {
                            assert!(error.hint().is_some());
                            '-'
                        }
                    };
                    assert_eq!(found, letter, "{policy:?} {:?} {definition:?}", machine.shape);
                }
            }
        }
    }

    #[test]
    fn a_confidential_machine_goes_where_its_encryption_is_said() {
        let way = |state, definition| {
            let policy = Policy {
                state,
                ..Policy::default()
            };
            let image = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/images/made";
            let definition = DefinitionSecurity::parse(Some(definition));
            let machine = machine("V2", Security::Confidential);
            choose(policy, &machine, definition, image.parse().unwrap())
        };
        use StateEncryption::{Said, Silent};
        assert!(matches!(way(Said, "ConfidentialVM"), Ok(Way::Snapshots { .. })));
        assert!(way(Silent, "ConfidentialVM").is_err());
        assert!(way(Said, "TrustedLaunch").is_err());
    }

    #[test]
    fn keys_of_the_user_s_take_no_managed_image() {
        let policy = |managed_image| Policy {
            managed_image,
            keys: Keys::Own,
            ..Policy::default()
        };
        let image = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/images/made";
        let machine = machine("V2", Security::Standard);
        let way = |wanted| {
            choose(
                policy(wanted),
                &machine,
                DefinitionSecurity::Standard,
                image.parse().unwrap(),
            )
        };
        assert!(matches!(way(ManagedImagePolicy::Auto), Ok(Way::Snapshots { .. })));
        let error = way(ManagedImagePolicy::Always).unwrap_err();
        assert_eq!(
            error.to_string(),
            "managed_image is always, but a managed image would carry Azure's key, and the replicas get your own"
        );
    }

    #[test]
    fn auto_says_why_there_is_no_managed_image() {
        let mut arm = machine("V2", Security::Standard);
        "Arm64".clone_into(&mut arm.architecture);
        let way = chosen(ManagedImagePolicy::Auto, &arm, None).unwrap();
        assert_eq!(
            way,
            Way::Snapshots {
                why: "a managed image cannot represent an Arm64 machine".to_owned()
            }
        );
    }

    #[test]
    fn a_refusal_names_the_definition_that_would_be_legal() {
        let error = way(ManagedImagePolicy::Auto, Security::TrustedLaunch, None).unwrap_err();
        insta::assert_snapshot!(error.report(), @r"
        the definition has SecurityType Standard, which Azure does not make of a Trusted Launch machine
          hint: use a definition of SecurityType TrustedLaunch; one that does not exist yet is created so
        ");
    }
}
