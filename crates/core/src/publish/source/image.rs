//! Sources that are images already, seen as the machine behind them: a managed image, or a version in a gallery.
//!
//! They show less than disks do; what they do not show is left open here, and `checks` names it.

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::missing::{missing, missing_among, missing_version, odd};
use crate::{
    client::Client,
    compute::{
        disk, disk::DiskBody, gallery, gallery::ImageDefinition, image, snapshot, version, version::ImageVersion,
    },
    error::{Error, ErrorKind, Result},
    ids::{
        CommunityVersionId, Location,
        resource::{DiskId, ImageId, ImageVersionId, SnapshotId},
    },
    json as read_json, judge,
    operation::{Status, drive, read_resource},
    publish::{
        capabilities::Capabilities,
        machine::{ImageKind, Machine, SourceDisk, SourceImage, SourceShape},
        security::{DefinitionSecurity, Security},
    },
    replication::{self, Settled},
    rights,
    settings::Lun,
    versions,
};

/// Reads the machine behind a managed image.
///
/// # Errors
/// When there is none, or it makes no sense.
pub(in crate::publish) async fn observe_image(client: &Client, id: &ImageId) -> Result<Machine> {
    let get = image::get(id);
    let Some(answer) = client.find(&get).await? else {
        return Err(missing_among(client, &id.to_string(), &image::list(id.group())).await);
    };
    let body = answer.value();
    if read_json::text(&body, "/properties/provisioningState").is_some_and(|it| it.eq_ignore_ascii_case("Deleting")) {
        let error = Error::new(
            ErrorKind::Refused,
            format!("managed image {} is being deleted", id.name()),
        );
        return Err(error.with_hint("build it again, or name another"));
    }
    let body = match read_resource(&body) {
        Status::Succeeded => body,
        Status::Failed(failure) => {
            let error = judge::failed(format!("managed image {} was never made", id.name()), failure);
            return Err(error.with_hint("build it again"));
        }
        Status::Running(_) | Status::Forgotten => {
            // Only names what is waited for.
            let create = image::create(id, Value::Null);
            drive::settle(client, &create, &get, body).await?
        }
    };
    let mut machine = of_image(id, &body)?;
    let data = machine.data.iter_mut().map(|(_, disk)| disk);
    let disks = std::iter::once(&mut machine.os).chain(data);
    let lacking = try_join_all(disks.map(|disk| identify(client, disk))).await?;
    machine.plan = machine.os.body.plan().cloned();
    if let Some(lack) = lacking.into_iter().flatten().next() {
        client.note(format!("the disks of the image are not compared: {lack}"));
    }
    Ok(machine)
}

/// Adds what distinguishes a disk of an image from a new one of the same name, and what it was made of, where Azure still
/// has it. Size and key stay as the image says them: the disk may have got others since. Gives the right that is missing to see the disk.
async fn identify(client: &Client, disk: &mut SourceDisk) -> Result<Option<String>> {
    let get = match (disk.id.parse::<DiskId>(), disk.id.parse::<SnapshotId>()) {
        (Ok(id), _) => disk::get(&id),
        (Err(_), Ok(id)) => snapshot::get(&id),
        (Err(_), Err(_)) => return Ok(None),
    };
    let found = match client.find(&get).await {
        // Who may use the image need not be allowed to see its disks.
        Err(error) if error.kind() == ErrorKind::NoRights => return Ok(Some(rights::lack(&error))),
        found => found?,
    };
    if let Some(answer) = found {
        let told = DiskBody::new(answer.value());
        disk.body = DiskBody::new(json!({"properties": {"diskSizeGB": disk.body.size_gib(),
            "uniqueId": told.unique_id(), "LastOwnershipUpdateTime": told.last_ownership_update(),
            "creationData": told.creation(), "purchasePlan": told.plan(), "encryption": {"diskEncryptionSetId": disk.body.encryption_set()}}}));
    }
    Ok(None)
}

/// Reads the machine behind a version of another definition; waits for one that is still in the making.
///
/// # Errors
/// When there is none, it failed or is being deleted, or the run ends.
pub(in crate::publish) async fn observe_version(client: &Client, id: &ImageVersionId) -> Result<Machine> {
    let found = find_version(client, id).await?;
    let version = if found.status() == Status::Succeeded {
        found
    } else {
        match replication::settled(client, id, found.location().as_slice()).await? {
            Settled::Complete(version) => version,
            Settled::RegionFailed(..) | Settled::ChangeFailed(_) | Settled::RegionMissing(_) => return Err(unfit(id)),
        }
    };
    let (definition, keys) = futures::try_join!(definition_of(client, id), version::security_profile(client, id))?;
    let mut machine = of_version(&version, &definition)?;
    if let SourceShape::Image(image) = &mut machine.shape {
        image.keys = keys;
    }
    Ok(machine)
}

/// Reads a version that is to be adopted; waits for one that is being made or changed.
///
/// # Errors
/// When there is none, it is being deleted, it failed beyond repair, or the run ends.
pub(in crate::publish) async fn settled_version(client: &Client, id: &ImageVersionId) -> Result<ImageVersion> {
    let found = find_version(client, id).await?;
    if found.status() == Status::Succeeded {
        return Ok(found);
    }
    Ok(replication::settled(client, id, &[]).await?.into_version())
}

async fn find_version(client: &Client, id: &ImageVersionId) -> Result<ImageVersion> {
    match version::find(client, id).await? {
        Some(found) => Ok(found),
        None => Err(missing_version(client, id).await),
    }
}

fn unfit(id: &ImageVersionId) -> Error {
    let text = format!(
        "image version {} of {} cannot be copied: it has to be Succeeded, or Updating with its own region complete",
        id.name(),
        id.definition().name()
    );
    let hint = "repair it first: a publish to its own definition adopts it and writes again what failed";
    Error::new(ErrorKind::Refused, text).with_hint(hint)
}

/// The definition that a version belongs to.
///
/// # Errors
/// When it is gone or not readable.
pub(in crate::publish) async fn definition_of(client: &Client, id: &ImageVersionId) -> Result<ImageDefinition> {
    let definition = id.definition();
    let answer = client.find(&gallery::get_definition(&definition)).await?;
    let answer = answer.ok_or_else(|| missing(&definition.to_string()))?;
    Ok(ImageDefinition::new(answer.value()))
}

/// The machine behind a managed image.
pub(in crate::publish) fn of_image(id: &ImageId, body: &Value) -> Result<Machine> {
    let profile = read_json::at(body, "/properties/storageProfile");
    let os = read_json::at(profile, "/osDisk");
    let text = |value: &Value, pointer: &str| read_json::text(value, pointer).map(str::to_owned);
    let untold = |what: &str| Error::new(ErrorKind::BadInput, format!("{} does not show its {what}", id.name()));
    let region = text(body, "/location").and_then(|text| text.parse().ok());
    Ok(Machine {
        location: region.ok_or_else(|| untold("region"))?,
        os_type: text(os, "/osType").ok_or_else(|| untold("OS type"))?,
        generation: text(body, "/properties/hyperVGeneration").unwrap_or_else(|| "V1".to_owned()),
        // A managed image cannot be of another architecture, nor of a protected machine.
        architecture: "x64".to_owned(),
        security: Security::Standard,
        capabilities: Capabilities::default(),
        plan: None,
        os: image_disk(os),
        data: by_lun(read_json::items(profile, "/dataDisks"), image_disk)?,
        vm: None,
        shape: SourceShape::Image(SourceImage {
            kind: ImageKind::ManagedImage,
            id: id.to_string(),
            os_state: text(os, "/osState").unwrap_or_else(|| "Generalized".to_owned()),
            published: String::new(),
            keys: None,
            edge_zone: text(body, "/extendedLocation/name"),
            failed_test: None,
        }),
    })
}

/// The machine behind a version; most of it is read from the definition.
pub(in crate::publish) fn of_version(version: &ImageVersion, definition: &ImageDefinition) -> Result<Machine> {
    let id = &version.id;
    let body = version.body();
    let profile = read_json::at(body, "/properties/storageProfile");
    let region = read_json::text(body, "/location").and_then(|text| text.parse().ok());
    let published = read_json::text(body, "/properties/publishingProfile/publishedDate");
    let untold = || Error::new(ErrorKind::Azure, format!("image version {id} does not show its region"));
    let disk = |disk: &Value| version_disk(version, disk);
    let mut os = disk(read_json::at(profile, "/osDiskImage"));
    let whole = [
        "/source/id",
        "/source/virtualMachineId",
        "/source/communityGalleryImageId",
    ];
    if let Some(made_of) = whole.iter().find_map(|pointer| read_json::text(profile, pointer)) {
        made_of.clone_into(&mut os.id);
    }
    Ok(Machine {
        location: region.ok_or_else(untold)?,
        os_type: definition.os_type().to_owned(),
        generation: definition.hyper_v_generation().to_owned(),
        architecture: definition.architecture().to_owned(),
        security: security_of(definition),
        capabilities: Capabilities::of_definition(definition),
        plan: definition.plan().cloned(),
        os,
        data: by_lun(read_json::items(profile, "/dataDiskImages"), disk)?,
        vm: None,
        shape: SourceShape::Image(SourceImage {
            kind: ImageKind::Version,
            id: id.to_string(),
            os_state: definition.os_state().to_owned(),
            published: published.unwrap_or_default().to_owned(),
            keys: None,
            edge_zone: None,
            failed_test: versions::failed_test(version),
        }),
    })
}

/// The machine behind a version of a community gallery, seen from a region.
pub(super) fn of_community(
    id: &CommunityVersionId,
    location: &Location,
    (version, definition): (&Value, &ImageDefinition),
) -> Result<Machine> {
    let profile = read_json::at(version, "/properties/storageProfile");
    let disk = |disk: &Value| source_disk(disk, &[], ("/hostCaching", "/diskSizeGB"), None);
    let published = read_json::text(version, "/properties/publishedDate").unwrap_or_default();
    Ok(Machine {
        location: location.clone(),
        os_type: definition.os_type().to_owned(),
        generation: definition.hyper_v_generation().to_owned(),
        architecture: definition.architecture().to_owned(),
        security: security_of(definition),
        capabilities: Capabilities::of_definition(definition),
        plan: definition.plan().cloned(),
        os: disk(read_json::at(profile, "/osDiskImage")),
        data: by_lun(read_json::items(profile, "/dataDiskImages"), disk)?,
        vm: None,
        shape: SourceShape::Image(SourceImage {
            kind: ImageKind::CommunityVersion,
            id: id.to_string(),
            os_state: definition.os_state().to_owned(),
            published: published.to_owned(),
            keys: None,
            edge_zone: None,
            failed_test: None,
        }),
    })
}

/// What machines a definition's images are of: for a `…Supported` one, of none in particular.
fn security_of(definition: &ImageDefinition) -> Security {
    match DefinitionSecurity::parse(definition.security_type()) {
        DefinitionSecurity::Standard | DefinitionSecurity::Supported => Security::Standard,
        DefinitionSecurity::TrustedLaunch => Security::TrustedLaunch,
        DefinitionSecurity::Confidential => Security::Confidential,
    }
}

fn by_lun<'a>(
    disks: impl Iterator<Item = &'a Value>,
    read: impl Fn(&Value) -> SourceDisk,
) -> Result<Vec<(Lun, SourceDisk)>> {
    let with_lun = |disk: &Value| {
        let lun = read_json::number(disk, "/lun").and_then(|lun| u32::try_from(lun).ok());
        Ok((Lun::try_from(lun.unwrap_or(u32::MAX)).map_err(odd)?, read(disk)))
    };
    let mut disks = disks.map(with_lun).collect::<Result<Vec<_>>>()?;
    disks.sort_by_key(|(lun, _)| *lun);
    Ok(disks)
}

/// A disk as a managed image shows it.
fn image_disk(disk: &Value) -> SourceDisk {
    let sources = ["/managedDisk/id", "/snapshot/id", "/blobUri"];
    let key = read_json::text(disk, "/diskEncryptionSet/id");
    source_disk(disk, &sources, ("/caching", "/diskSizeGB"), key)
}

/// A disk as a version shows it.
fn version_disk(version: &ImageVersion, disk: &Value) -> SourceDisk {
    let key = key_of(version, read_json::number(disk, "/lun"));
    let sources = ["/source/id", "/source/uri"];
    source_disk(disk, &sources, ("/hostCaching", "/sizeInGB"), key.as_deref())
}

/// The key of one of its disks: each region has one of its own, and any of them shows that it is the user's.
fn key_of(version: &ImageVersion, lun: Option<u64>) -> Option<String> {
    let set = |of: &Value| read_json::text(of, "/diskEncryptionSetId").map(str::to_owned);
    version.target_regions().iter().find_map(|region| match lun {
        None => set(read_json::at(region, "/encryption/osDiskImage")),
        Some(_) => {
            let mut data = read_json::items(region, "/encryption/dataDiskImages");
            data.find(|disk| read_json::number(disk, "/lun") == lun).and_then(set)
        }
    })
}

fn source_disk(disk: &Value, sources: &[&str], (caching, size): (&str, &str), key: Option<&str>) -> SourceDisk {
    let id = sources.iter().find_map(|pointer| read_json::text(disk, pointer));
    let id = id.unwrap_or_default().to_owned();
    let lun = read_json::number(disk, "/lun");
    SourceDisk {
        name: lun.map_or_else(|| "the OS disk".to_owned(), |lun| format!("the data disk at LUN {lun}")),
        id,
        caching: read_json::text(disk, caching).map(str::to_owned),
        body: DiskBody::new(json!({"properties": {"diskSizeGB": read_json::number(disk, size),
            "encryption": {"diskEncryptionSetId": key}}})),
    }
}

#[cfg(test)]
pub(in crate::publish) mod tests {
    use super::*;

    const GROUP: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute";

    /// A managed image as azure-arm leaves it.
    pub(in crate::publish) fn image(os_disk: &str) -> Machine {
        let body = json!({"location": "eastus2", "properties": {"hyperVGeneration": "V2", "storageProfile": {
            "osDisk": {"osType": "Linux", "osState": "Generalized", "managedDisk": {"id": os_disk}, "diskSizeGB": 30},
            "dataDisks": [{"lun": 3, "diskSizeGB": 64, "managedDisk": {"id": "/d3"}}, {"lun": 1, "blobUri": "https://a/b"}]}}});
        of_image(&format!("{GROUP}/images/built").parse().unwrap(), &body).unwrap()
    }

    /// A version with data disks, of a definition with those features.
    pub(in crate::publish) fn version(security: Option<&str>, os_state: &str) -> Machine {
        let id = format!("{GROUP}/galleries/g/images/d/versions/1.0.0").parse().unwrap();
        let body = json!({"location": "eastus2", "properties": {"storageProfile": {"source": {"virtualMachineId": "/vm-x"},
            "osDiskImage": {"sizeInGB": 30, "source": {}}, "dataDiskImages": [{"lun": 7, "sizeInGB": 64, "source": {}}]}}});
        let features: Vec<Value> = security
            .iter()
            .map(|word| json!({"name": "SecurityType", "value": word}))
            .collect();
        let definition = ImageDefinition::new(json!({"properties": {"osType": "Linux", "osState": os_state,
            "hyperVGeneration": "V2", "architecture": "Arm64", "features": features}}));
        of_version(&ImageVersion::new(id, body), &definition).unwrap()
    }

    fn luns(machine: &Machine) -> Vec<u8> {
        machine.data.iter().map(|(lun, _)| lun.number()).collect()
    }

    #[test]
    fn a_managed_image_tells_its_disks_by_lun() {
        let machine = image("/os");
        assert_eq!(luns(&machine), [1, 3]);
        assert_eq!((machine.os.id.as_str(), machine.generation.as_str()), ("/os", "V2"));
        assert_eq!(machine.data[1].1.body.size_gib(), 64);
        let print = |machine: &Machine| super::super::fingerprint::of(machine, "");
        assert_eq!(print(&machine), print(&image("/OS")));
        assert_ne!(
            print(&machine),
            print(&image("/os-of-the-next-build")),
            "an image that was built again under its name is another source"
        );
    }

    #[test]
    fn a_version_tells_of_what_it_was_made_and_its_definition_the_rest() {
        let machine = version(None, "Generalized");
        assert_eq!((luns(&machine), machine.os.id.as_str()), (vec![7], "/vm-x"));
        assert_eq!(machine.architecture, "Arm64");
        let securities = [
            (None, Security::Standard),
            (Some("TrustedLaunchSupported"), Security::Standard),
            (Some("ConfidentialVMSupported"), Security::Standard),
            (Some("TrustedLaunch"), Security::TrustedLaunch),
            (Some("ConfidentialVM"), Security::Confidential),
        ];
        for (word, expected) in securities {
            assert_eq!(version(word, "Generalized").security, expected, "{word:?}");
        }
    }

    #[test]
    fn an_image_and_a_version_tell_whose_keys_their_disks_have() {
        let keys = |machine: &Machine| -> Vec<String> {
            let key = |disk: &SourceDisk| disk.body.encryption_set().unwrap_or("Azure").to_owned();
            machine.disks().map(key).collect()
        };
        let body = json!({"location": "eastus2", "properties": {"storageProfile": {
            "osDisk": {"osType": "Linux", "diskEncryptionSet": {"id": "/of-os"}},
            "dataDisks": [{"lun": 1, "diskEncryptionSet": {"id": "/of-data"}}, {"lun": 2}]}}});
        let image = of_image(&format!("{GROUP}/images/built").parse().unwrap(), &body).unwrap();
        assert_eq!(keys(&image), ["/of-os", "/of-data", "Azure"]);

        let id = format!("{GROUP}/galleries/g/images/d/versions/1.0.0").parse().unwrap();
        let body = json!({"location": "eastus2", "properties": {
            "storageProfile": {"osDiskImage": {}, "dataDiskImages": [{"lun": 1}, {"lun": 2}]},
            "publishingProfile": {"targetRegions": [{"name": "eastus2", "encryption": {
                "osDiskImage": {"diskEncryptionSetId": "/of-os"},
                "dataDiskImages": [{"lun": 2, "diskEncryptionSetId": "/of-data"}]}}]}}});
        let definition = ImageDefinition::new(json!({"properties": {"osType": "Linux"}}));
        let version = of_version(&ImageVersion::new(id, body), &definition).unwrap();
        assert_eq!(keys(&version), ["/of-os", "Azure", "/of-data"]);
    }

    #[test]
    fn an_image_that_does_not_show_what_it_is_is_refused_by_name() {
        let refusal = of_image(
            &format!("{GROUP}/images/odd").parse().unwrap(),
            &json!({"location": "eastus2"}),
        );
        assert_eq!(refusal.unwrap_err().to_string(), "odd does not show its OS type");
    }
}
