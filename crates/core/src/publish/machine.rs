//! What an image is to be made of, as Azure shows it: the machine behind a VM, disks, snapshots or another image in one
//! shape.
//!
//! It reads and compares nothing with wishes; `preflight` does.

use futures::future::try_join_all;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    client::Client,
    compute::{disk, disk::DiskBody, image, snapshot, vm, vm::Vm},
    error::{Error, ErrorKind, Result},
    ids::{
        InvalidId, Location,
        resource::{DiskId, ImageId, SnapshotId, VmId},
    },
    publish::{captured, source_image, source_image::SourceImage},
    request::Request,
    settings::{Lun, Source},
};

/// The machine an image is made of.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// The region of its OS disk; the version's first region.
    pub location: Location,
    /// `Linux` or `Windows`.
    pub os_type: String,
    /// `V1` or `V2`.
    pub generation: String,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// What it was protected with.
    pub security: Security,
    /// Its purchase plan as the service shows it.
    pub plan: Option<Value>,
    /// The OS disk.
    pub os: SourceDisk,
    /// The data disks by LUN.
    pub data: Vec<(Lun, SourceDisk)>,
    /// What only a VM can tell.
    pub vm: Option<Vm>,
    /// In what shape its disks are.
    pub shape: SourceShape,
}

/// In what shape the disks of a source are, which decides what is copied first and what can be known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SourceShape {
    /// Disks, which are copied.
    Disks,
    /// Snapshots, which are used as they are.
    Snapshots,
    /// An image that holds them all and is used whole.
    Image(SourceImage),
}

/// One disk of the machine.
#[derive(Clone, Debug)]
pub(super) struct SourceDisk {
    /// The disk's or snapshot's id, in its own casing.
    pub id: String,
    /// Its last segment.
    pub name: String,
    /// The host cache, where a VM tells it.
    pub caching: Option<String>,
    /// What the service says of it.
    pub body: DiskBody,
}

/// How a machine is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Not at all.
    Standard,
    /// Trusted Launch.
    TrustedLaunch,
    /// A confidential VM.
    Confidential,
}

impl Security {
    /// Reads a VM's word or a disk's.
    fn parse(word: Option<&str>) -> Self {
        match word.unwrap_or_default().to_ascii_lowercase().as_str() {
            "trustedlaunch" => Self::TrustedLaunch,
            word if word.starts_with("confidentialvm") => Self::Confidential,
            _ => Self::Standard,
        }
    }

    /// The definition's word for machines that are protected so and no other.
    #[must_use]
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::TrustedLaunch => "TrustedLaunch",
            Self::Confidential => "ConfidentialVM",
        }
    }
}

/// Reads the machine behind a source.
///
/// # Errors
/// When a part is missing or not readable, a disk is not managed, or the run ends.
pub(super) async fn observe(client: &Client, source: &Source) -> Result<Machine> {
    match source {
        Source::Vm(id) => observe_vm(client, id).await,
        Source::Disks { os, data } => {
            let read_data = try_join_all(
                data.iter()
                    .map(|disk| read(client, disk::get(&disk.id), disk.id.to_string(), None)),
            );
            let (os, disks) = futures::try_join!(read(client, disk::get(os), os.to_string(), None), read_data)?;
            assemble(os, data.iter().map(|disk| disk.lun).zip(disks).collect(), None)
        }
        Source::Snapshots { os, data } => {
            let read_data = try_join_all(
                data.iter()
                    .map(|it| read(client, snapshot::get(&it.id), it.id.to_string(), None)),
            );
            let (os, disks) = futures::try_join!(read(client, snapshot::get(os), os.to_string(), None), read_data)?;
            let machine = assemble(os, data.iter().map(|it| it.lun).zip(disks).collect(), None)?;
            Ok(Machine {
                shape: SourceShape::Snapshots,
                ..machine
            })
        }
        Source::Captured { image, os, data_prefix } => {
            observe_captured(client, image, os, data_prefix.as_deref()).await
        }
        Source::ManagedImage(id) => source_image::observe_image(client, id).await,
        Source::ImageVersion(id) => source_image::observe_version(client, id).await,
    }
}

async fn observe_captured(client: &Client, image: &ImageId, os: &SnapshotId, prefix: Option<&str>) -> Result<Machine> {
    let answer = client.find(&image::get(image)).await?;
    let body = answer.ok_or_else(|| missing(&image.to_string()))?.value();
    let disks = captured::disks(&body, image, os, prefix)?;
    let read_data = try_join_all(disks.iter().map(|disk| {
        let caching = disk.caching.clone();
        read(
            client,
            snapshot::get(&disk.snapshot),
            disk.snapshot.to_string(),
            caching,
        )
    }));
    let (os, data) = futures::try_join!(read(client, snapshot::get(os), os.to_string(), None), read_data)?;
    let machine = assemble(os, disks.iter().map(|disk| disk.lun).zip(data).collect(), None)?;
    Ok(Machine {
        shape: SourceShape::Snapshots,
        ..machine
    })
}

async fn observe_vm(client: &Client, id: &VmId) -> Result<Machine> {
    let Some(answer) = client.find(&vm::get(id)).await? else {
        return Err(missing(&id.to_string()));
    };
    let vm = Vm::new(answer.value());
    let attached = vm.disks();
    let read_disk = |disk: vm::AttachedDisk| async move {
        let unmanaged = || {
            Error::new(
                ErrorKind::Refused,
                format!("a disk of {} is not a managed disk", id.name()),
            )
        };
        let disk_id = disk
            .id
            .ok_or_else(|| unmanaged().with_hint("convert it: az vm convert --name … --resource-group …"))?;
        let parsed: DiskId = disk_id.parse().map_err(odd)?;
        read(client, disk::get(&parsed), disk_id, disk.caching)
            .await
            .map(|read| (disk.lun, read))
    };
    let mut disks = try_join_all(attached.into_iter().map(read_disk)).await?.into_iter();
    let os = disks.next().ok_or_else(|| missing(&id.to_string()))?.1;
    let with_lun =
        |(lun, disk): (Option<u32>, SourceDisk)| Ok((Lun::try_from(lun.unwrap_or(u32::MAX)).map_err(odd)?, disk));
    let data = disks.map(with_lun).collect::<Result<_>>()?;
    assemble(os, data, Some(vm))
}

async fn read(client: &Client, get: Request, id: String, caching: Option<String>) -> Result<SourceDisk> {
    let answer = client.find(&get).await?.ok_or_else(|| missing(&id))?;
    let name = id.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(SourceDisk {
        id,
        name,
        caching,
        body: DiskBody::new(answer.value()),
    })
}

fn assemble(os: SourceDisk, mut data: Vec<(Lun, SourceDisk)>, vm: Option<Vm>) -> Result<Machine> {
    data.sort_by_key(|(lun, _)| *lun);
    let vm_says = |read: fn(&Vm) -> Option<&str>| vm.as_ref().and_then(read);
    let unknown = |what: &str| Error::new(ErrorKind::BadInput, format!("{} does not tell its {what}", os.name));
    let security = Security::parse(
        vm_says(|vm| Some(vm.security_type()))
            .filter(|word| *word != "Standard")
            .or(os.body.security_type()),
    );
    Ok(Machine {
        location: vm
            .as_ref()
            .and_then(Vm::location)
            .or_else(|| os.body.location())
            .ok_or_else(|| unknown("region"))?,
        os_type: vm_says(Vm::os_type)
            .or(os.body.os_type())
            .ok_or_else(|| unknown("OS type"))?
            .to_owned(),
        generation: vm_says(Vm::hyper_v_generation)
            .or(os.body.hyper_v_generation())
            .unwrap_or("V1")
            .to_owned(),
        architecture: os.body.architecture().unwrap_or("x64").to_owned(),
        plan: vm.as_ref().and_then(Vm::plan).or(os.body.plan()).cloned(),
        security,
        os,
        data,
        vm,
        shape: SourceShape::Disks,
    })
}

pub(super) fn missing(id: &str) -> Error {
    Error::new(ErrorKind::BadInput, format!("there is no {id}")).with_hint("check the source's id; was it deleted?")
}

pub(super) fn odd(cause: InvalidId) -> Error {
    Error::new(ErrorKind::Azure, "the machine's description makes no sense").because(cause)
}

impl Machine {
    /// All disks, the OS disk first.
    pub(super) fn disks(&self) -> impl Iterator<Item = &SourceDisk> {
        std::iter::once(&self.os).chain(self.data.iter().map(|(_, disk)| disk))
    }

    /// LUNs of its data disks, in order.
    pub(super) fn luns(&self) -> Vec<u8> {
        self.data.iter().map(|(lun, _)| lun.number()).collect()
    }

    /// What the source was: a hash of the ids and of when each disk last changed hands. A machine that was started,
    /// rebuilt or given another disk has another one, so a leftover of an older build is never taken for this one's. An
    /// image that [`Self::is_known_by_name`] is the exception.
    #[must_use]
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text.to_ascii_lowercase());
            hash.update([0]);
        };
        add(match (&self.vm, &self.shape) {
            (Some(vm), _) => vm.vm_id(),
            (None, SourceShape::Image(image)) => &image.id,
            (None, SourceShape::Disks | SourceShape::Snapshots) => "",
        });
        if let SourceShape::Image(image) = &self.shape
            && !image.published.is_empty()
        {
            add(&image.published);
        }
        for disk in self.disks() {
            add(&disk.id);
            add(disk.body.unique_id());
            add(disk.body.last_ownership_update());
        }
        for (lun, _) in &self.data {
            add(&lun.to_string());
        }
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Fingerprint(hex.chars().take(Fingerprint::LENGTH).collect())
    }
}

impl Machine {
    /// Whether nothing but names tells this source from one that is made anew under them: an image whose disks are gone.
    #[must_use]
    pub(super) fn is_known_by_name(&self) -> bool {
        let is_unpublished = matches!(&self.shape, SourceShape::Image(image) if image.published.is_empty());
        is_unpublished && self.os.body.unique_id().is_empty()
    }
}

/// A short hash of what a source was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(String);

impl Fingerprint {
    /// 64 bits in hexadecimal: enough to tell builds apart, short enough for a resource name.
    const LENGTH: usize = 16;

    /// The text.
    #[must_use]
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Source {
    /// The snapshots that are the source, when it is made of snapshots.
    #[must_use]
    pub fn snapshots(&self) -> Option<Vec<&SnapshotId>> {
        match self {
            Self::Snapshots { os, data } => Some(std::iter::once(os).chain(data.iter().map(|disk| &disk.id)).collect()),
            // Which snapshots belong to it, only Azure can tell.
            Self::Captured { .. } => None,
            Self::Vm(_) | Self::Disks { .. } | Self::ManagedImage(_) | Self::ImageVersion(_) => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::publish) fn disk(name: &str, properties: &Value) -> SourceDisk {
        let id = format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/disks/{name}"
        );
        let body = json!({"location": "eastus2", "sku": {"name": "Premium_LRS"}, "properties": properties});
        SourceDisk {
            id,
            name: name.to_owned(),
            caching: Some("ReadWrite".to_owned()),
            body: DiskBody::new(body),
        }
    }

    pub(in crate::publish) fn machine(generation: &str, security: Security) -> Machine {
        let os = disk(
            "os",
            &json!({"osType": "Linux", "hyperVGeneration": generation, "uniqueId": "u1", "diskSizeGB": 30}),
        );
        let data = vec![(
            Lun::try_from(2).unwrap(),
            disk("d2", &json!({"uniqueId": "u2", "diskSizeGB": 64})),
        )];
        let machine = assemble(os, data, None).unwrap();
        Machine { security, ..machine }
    }

    #[test]
    fn a_fingerprint_follows_ids_and_the_last_change_of_hands() {
        let one = machine("V2", Security::Standard);
        assert_eq!(one.fingerprint(), machine("V2", Security::Standard).fingerprint());
        let mut moved = one.clone();
        moved.os = disk(
            "os",
            &json!({"osType": "Linux", "uniqueId": "u1", "LastOwnershipUpdateTime": "2026-01-02T00:00:00Z"}),
        );
        assert_ne!(one.fingerprint(), moved.fingerprint());
        let mut shouted = one.clone();
        shouted.os.id = shouted.os.id.to_uppercase();
        assert_eq!(one.fingerprint(), shouted.fingerprint(), "casing is not identity");
    }

    #[test]
    fn security_is_read_from_either_word() {
        assert_eq!(Security::parse(Some("TrustedLaunch")), Security::TrustedLaunch);
        assert_eq!(
            Security::parse(Some("ConfidentialVM_DiskEncryptedWithPlatformKey")),
            Security::Confidential
        );
        assert_eq!(Security::parse(None), Security::Standard);
    }
}
