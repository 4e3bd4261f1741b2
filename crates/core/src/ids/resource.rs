//! Azure resource ids: one type a kind, parsed once, compared without case as Azure does.
//!
//! An id keeps the casing it came in, since people recognise it by that; nothing here asks the service.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::{InvalidId, VersionNumber};

/// A resource group: the place of what a run creates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceGroupId {
    subscription: String,
    name: String,
}

impl ResourceGroupId {
    /// A group by its subscription and name.
    ///
    /// # Errors
    /// When one of the two is not of the form Azure allows.
    pub fn new(subscription: &str, name: &str) -> Result<Self, InvalidId> {
        format!("/subscriptions/{subscription}/resourceGroups/{name}").parse()
    }

    /// The subscription's GUID.
    #[must_use]
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The group as people read it; its id is longer than a line of most terminals.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!("resource group {} (subscription {})", self.name, self.subscription)
    }
}

impl FromStr for ResourceGroupId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new(text, "a resource group id (/subscriptions/ID/resourceGroups/NAME)");
        let segments: Vec<&str> = text.trim_start_matches('/').split('/').collect();
        let [scope, subscription, groups, name] = segments.as_slice() else {
            return Err(invalid());
        };
        let is_well_formed = scope.eq_ignore_ascii_case("subscriptions")
            && groups.eq_ignore_ascii_case("resourceGroups")
            && is_guid_like(subscription)
            && is_name(name);
        if is_well_formed {
            Ok(Self {
                subscription: (*subscription).to_owned(),
                name: (*name).to_owned(),
            })
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for ResourceGroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/subscriptions/{}/resourceGroups/{}", self.subscription, self.name)
    }
}

/// Declares the id of one resource kind.
macro_rules! resource_id {
    ($(#[$doc:meta])* $name:ident, $namespace:literal, [$($kind:literal),+], $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            group: ResourceGroupId,
            names: Vec<String>,
        }

        impl $name {
            const TYPES: &'static [&'static str] = &[$($kind),+];

            /// The resource group it lies in.
            #[must_use]
            pub fn group(&self) -> &ResourceGroupId {
                &self.group
            }

            /// Its own name, the last segment.
            #[must_use]
            pub fn name(&self) -> &str {
                self.names.last().map_or("", String::as_str)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let (group, names) = parse_names(text, $namespace, Self::TYPES, $expected)?;
                Ok(Self { group, names })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/providers/{}", self.group, $namespace)?;
                for (kind, name) in Self::TYPES.iter().zip(&self.names) {
                    write!(f, "/{kind}/{name}")?;
                }
                Ok(())
            }
        }

        text_traits!($name);
    };
}

/// What every id shares: equality without case, and the way to and from text.
macro_rules! text_traits {
    ($name:ident) => {
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.to_string().eq_ignore_ascii_case(&other.to_string())
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.to_string().to_ascii_lowercase().hash(state);
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

text_traits!(ResourceGroupId);

resource_id!(
    /// A virtual machine.
    VmId, "Microsoft.Compute", ["virtualMachines"],
    "a virtual machine id (the whole id, from /subscriptions/ to Microsoft.Compute/virtualMachines/NAME)"
);
resource_id!(
    /// A managed disk.
    DiskId, "Microsoft.Compute", ["disks"],
    "a disk id (the whole id, from /subscriptions/ to Microsoft.Compute/disks/NAME)"
);
resource_id!(
    /// A snapshot of a managed disk.
    SnapshotId, "Microsoft.Compute", ["snapshots"],
    "a snapshot id (the whole id, from /subscriptions/ to Microsoft.Compute/snapshots/NAME)"
);
resource_id!(
    /// A managed image.
    ImageId, "Microsoft.Compute", ["images"],
    "a managed image id (the whole id, from /subscriptions/ to Microsoft.Compute/images/NAME)"
);
resource_id!(
    /// An Azure Compute Gallery.
    GalleryId, "Microsoft.Compute", ["galleries"],
    "a gallery id (the whole id, from /subscriptions/ to Microsoft.Compute/galleries/NAME)"
);
resource_id!(
    /// An image definition in a gallery.
    ImageDefinitionId, "Microsoft.Compute", ["galleries", "images"],
    "an image definition id (the whole id, from /subscriptions/ to Microsoft.Compute/galleries/NAME/images/NAME)"
);
resource_id!(
    /// An image version of a definition.
    ImageVersionId, "Microsoft.Compute", ["galleries", "images", "versions"],
    "an image version id (the whole id, from /subscriptions/ to Microsoft.Compute/galleries/NAME/images/NAME/versions/1.2.3)"
);
resource_id!(
    /// A storage account.
    StorageAccountId, "Microsoft.Storage", ["storageAccounts"],
    "a storage account id (the whole id, from /subscriptions/ to Microsoft.Storage/storageAccounts/NAME)"
);
resource_id!(
    /// A disk encryption set: which key encrypts disks.
    DiskEncryptionSetId, "Microsoft.Compute", ["diskEncryptionSets"],
    "a disk encryption set id (the whole id, from /subscriptions/ to Microsoft.Compute/diskEncryptionSets/NAME)"
);
resource_id!(
    /// A subnet of a virtual network.
    SubnetId, "Microsoft.Network", ["virtualNetworks", "subnets"],
    "a subnet id (the whole id, from /subscriptions/ to Microsoft.Network/virtualNetworks/NAME/subnets/NAME)"
);
impl SubnetId {
    /// The name of its virtual network.
    #[must_use]
    pub fn network_name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// The id of its virtual network.
    #[must_use]
    pub fn network(&self) -> String {
        let name = self.network_name();
        format!("{}/providers/Microsoft.Network/virtualNetworks/{name}", self.group)
    }
}

resource_id!(
    /// A public address.
    PublicAddressId, "Microsoft.Network", ["publicIPAddresses"],
    "a public IP address id (the whole id, from /subscriptions/ to Microsoft.Network/publicIPAddresses/NAME)"
);
resource_id!(
    /// A user-assigned managed identity.
    ManagedIdentityId, "Microsoft.ManagedIdentity", ["userAssignedIdentities"],
    "a managed identity id (the whole id, from /subscriptions/ to Microsoft.ManagedIdentity/userAssignedIdentities/NAME)"
);
resource_id!(
    /// A Batch account.
    BatchAccountId, "Microsoft.Batch", ["batchAccounts"],
    "a Batch account id (the whole id, from /subscriptions/ to Microsoft.Batch/batchAccounts/NAME)"
);

impl ResourceGroupId {
    /// A snapshot in this group.
    #[must_use]
    pub fn snapshot(&self, name: &str) -> SnapshotId {
        SnapshotId {
            group: self.clone(),
            names: vec![name.to_owned()],
        }
    }

    /// A managed image in this group.
    #[must_use]
    pub fn image(&self, name: &str) -> ImageId {
        ImageId {
            group: self.clone(),
            names: vec![name.to_owned()],
        }
    }
}

impl GalleryId {
    /// A definition in this gallery.
    #[must_use]
    pub fn definition(&self, name: &str) -> ImageDefinitionId {
        ImageDefinitionId {
            group: self.group.clone(),
            names: vec![self.name().to_owned(), name.to_owned()],
        }
    }
}

impl ImageDefinitionId {
    /// The gallery it lies in.
    #[must_use]
    pub fn gallery(&self) -> GalleryId {
        GalleryId {
            group: self.group.clone(),
            names: self.names.iter().take(1).cloned().collect(),
        }
    }

    /// A version of this definition.
    #[must_use]
    pub fn version(&self, number: VersionNumber) -> ImageVersionId {
        let mut names = self.names.clone();
        names.push(number.to_string());
        ImageVersionId {
            group: self.group.clone(),
            names,
        }
    }
}

impl ImageVersionId {
    /// The definition it belongs to.
    #[must_use]
    pub fn definition(&self) -> ImageDefinitionId {
        ImageDefinitionId {
            group: self.group.clone(),
            names: self.names.iter().take(2).cloned().collect(),
        }
    }

    /// Another image and this one for a sentence that names both: of one definition as `ubuntu 1.0.1` and `1.0.0`, else
    /// by their whole ids.
    #[must_use]
    pub fn with_other(&self, other: &str) -> (String, String) {
        let sibling: Option<Self> = other.parse().ok();
        match sibling.filter(|sibling| sibling.definition() == self.definition()) {
            Some(sibling) => {
                let definition = self.definition();
                (
                    format!("{} {}", definition.name(), self.name()),
                    sibling.name().to_owned(),
                )
            }
            None => (self.to_string(), other.to_owned()),
        }
    }

    /// Its number; `None` for a name that is not a number, such as `latest`.
    #[must_use]
    pub fn number(&self) -> Option<VersionNumber> {
        self.name().parse().ok()
    }
}

/// A resource, a group or a subscription as people read it: `batchAccounts/acct1 in resource group rg`. What is none of
/// them stays as it is.
#[must_use]
pub fn in_words(id: &str) -> String {
    let segments: Vec<&str> = id.trim_start_matches('/').split('/').collect();
    match segments.as_slice() {
        ["subscriptions", subscription] => format!("subscription {subscription}"),
        ["subscriptions", subscription, groups, group] if groups.eq_ignore_ascii_case("resourceGroups") => {
            format!("resource group {group} of subscription {subscription}")
        }
        ["subscriptions", _, groups, group, providers, _, names @ ..]
            if groups.eq_ignore_ascii_case("resourceGroups")
                && providers.eq_ignore_ascii_case("providers")
                && !names.is_empty() =>
        {
            format!("{} in resource group {group}", names.join("/"))
        }
        _ => id.to_owned(),
    }
}

fn is_guid_like(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// Names differ by kind in what they allow; this is their union, so the service keeps the last word. A name of dots alone
/// would lead an address elsewhere.
pub(super) fn is_name(text: &str) -> bool {
    text.chars().any(|c| c != '.')
        && (1..=90).contains(&text.len())
        && text.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c))
}

/// Parses `{group}/providers/{namespace}/{type}/{name}…` against the wanted types.
fn parse_names(
    text: &str,
    namespace: &str,
    types: &[&str],
    expected: &'static str,
) -> Result<(ResourceGroupId, Vec<String>), InvalidId> {
    let invalid = || InvalidId::new(text, expected);
    let segments: Vec<&str> = text.trim_start_matches('/').split('/').collect();
    let (group, rest) = segments.split_at_checked(4).ok_or_else(invalid)?;
    let group: ResourceGroupId = group.join("/").parse().map_err(|_shape| invalid())?;
    let (head, pairs) = rest.split_at_checked(2).ok_or_else(invalid)?;
    let is_provider = head.first().is_some_and(|s| s.eq_ignore_ascii_case("providers"))
        && head.last().is_some_and(|s| s.eq_ignore_ascii_case(namespace));
    if !is_provider || pairs.len() != types.len() * 2 {
        return Err(invalid());
    }
    let mut names = Vec::with_capacity(types.len());
    for (pair, kind) in pairs.chunks(2).zip(types) {
        match pair {
            [found, name] if found.eq_ignore_ascii_case(kind) && is_name(name) => names.push((*name).to_owned()),
            _ => return Err(invalid()),
        }
    }
    Ok((group, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images";
    const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2";

    #[test]
    fn an_id_is_the_inverse_of_its_text() {
        assert_eq!(VERSION.parse::<ImageVersionId>().unwrap().to_string(), VERSION);
    }

    #[test]
    fn two_images_are_told_apart_with_as_few_words_as_it_takes() {
        let version: ImageVersionId = VERSION.parse().unwrap();
        let with = |other: &str| version.with_other(other);
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(with(&VERSION.replace("1.4.2", "1.3.0")), pair("ubuntu 1.4.2", "1.3.0"));
        let elsewhere = VERSION.replace("gal1", "gal2");
        assert_eq!(with(&elsewhere), pair(VERSION, &elsewhere));
        assert_eq!(with("a marketplace image"), pair(VERSION, "a marketplace image"));
    }

    #[test]
    fn an_id_in_words_is_no_longer_than_a_line() {
        let table = [
            ("/subscriptions/s", "subscription s"),
            (
                "/subscriptions/s/resourceGroups/rg",
                "resource group rg of subscription s",
            ),
            (
                "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/a",
                "batchAccounts/a in resource group rg",
            ),
            ("acct1", "acct1"),
        ];
        for (id, words) in table {
            assert_eq!(in_words(id), words);
        }
    }

    #[test]
    fn ids_compare_without_case() {
        let shouted = VERSION
            .replace("resourceGroups", "RESOURCEGROUPS")
            .replace("gal1", "GAL1");
        assert_eq!(shouted.parse::<ImageVersionId>().unwrap(), VERSION.parse().unwrap());
    }

    #[test]
    fn an_id_of_another_kind_is_refused_by_name() {
        let error = VERSION.parse::<ImageDefinitionId>().unwrap_err();
        assert!(error.to_string().contains("is not an image definition id"), "{error}");
        for bad in [
            "",
            "/",
            "/subscriptions/x",
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/a b",
        ] {
            assert!(bad.parse::<ResourceGroupId>().is_err(), "{bad:?} was accepted");
        }
    }

    /// Every name in every kind of id: each becomes a part of an address.
    #[test]
    fn no_id_holds_a_name_that_leads_elsewhere() {
        fn refuses<T: FromStr>(resource: &str) {
            let whole = format!("{GROUP}/providers/{resource}");
            assert!(whole.parse::<T>().is_ok(), "{whole}");
            let parts: Vec<&str> = whole.split('/').collect();
            // The first part is empty, then come pairs of a kind and a name; the third pair names the provider.
            for place in (2..parts.len()).step_by(2).filter(|place| *place != 6) {
                for dots in [".", "..", "...", "%2e%2e", "a/..", "..\\a", ""] {
                    let mut climbing = parts.clone();
                    climbing[place] = dots;
                    let climbing = climbing.join("/");
                    assert!(climbing.parse::<T>().is_err(), "{climbing:?} was accepted");
                }
            }
        }
        refuses::<VmId>("Microsoft.Compute/virtualMachines/vm1");
        refuses::<DiskId>("Microsoft.Compute/disks/d1");
        refuses::<SnapshotId>("Microsoft.Compute/snapshots/s1");
        refuses::<ImageId>("Microsoft.Compute/images/i1");
        refuses::<GalleryId>("Microsoft.Compute/galleries/gal1");
        refuses::<ImageDefinitionId>("Microsoft.Compute/galleries/gal1/images/ubuntu");
        refuses::<ImageVersionId>("Microsoft.Compute/galleries/gal1/images/ubuntu/versions/1.4.2");
        refuses::<StorageAccountId>("Microsoft.Storage/storageAccounts/a1");
        refuses::<DiskEncryptionSetId>("Microsoft.Compute/diskEncryptionSets/e1");
        refuses::<SubnetId>("Microsoft.Network/virtualNetworks/net/subnets/s1");
        refuses::<PublicAddressId>("Microsoft.Network/publicIPAddresses/a1");
        refuses::<ManagedIdentityId>("Microsoft.ManagedIdentity/userAssignedIdentities/u1");
        refuses::<BatchAccountId>("Microsoft.Batch/batchAccounts/b1");
    }

    #[test]
    fn parents_and_children_lead_to_each_other() {
        let version: ImageVersionId = VERSION.parse().unwrap();
        let definition = version.definition();
        assert_eq!(definition.gallery().definition("ubuntu"), definition);
        assert_eq!(definition.version(version.number().unwrap()), version);
    }
}
