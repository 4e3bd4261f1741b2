//! A source that is VHDs: blobs of storage accounts, with what is said of their machine elsewhere.
//!
//! Accounts are read through the resource manager, and only hosts that it names get a token. What the identity may not read
//! of the blobs themselves is not known, and the run goes on.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::json;

use super::missing::missing;
use crate::{
    client::Client,
    compute::{disk::DiskBody, gallery, gallery::ImageDefinition},
    error::{Error, ErrorKind, Result},
    ids::{BlobAddress, BlobHost, Location},
    options::image::{SOURCE_HYPER_V_GENERATION, SOURCE_OS_TYPE, SOURCE_STORAGE_ACCOUNT},
    publish::machine::{Machine, SourceDisk, SourceShape, SourceVhds},
    settings::{PublishSettings, Vhds},
    storage::{self, BlobProperties, StorageAccount},
    words,
};

/// The bytes behind a disk that make it a VHD of a fixed size.
const FOOTER: u64 = 512;

/// Azure takes disks of whole MiB only.
const MIB: u64 = 1 << 20;

/// Bytes of a GiB.
const GIB: u64 = 1 << 30;

/// What the machine is, as words of Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Traits {
    os_type: String,
    generation: String,
    architecture: String,
}

/// What a blob shows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    gib: u64,
    etag: String,
}

/// What a blob shows, or why it could not be looked at.
type Look = std::result::Result<Seen, String>;

/// Reads the machine of these VHDs.
///
/// # Errors
/// When no account has them, a blob is missing or no VHD, or nothing says what the machine is.
pub(super) async fn observe(client: &Client, settings: &PublishSettings, vhds: &Vhds) -> Result<Machine> {
    let (accounts, traits) = futures::try_join!(accounts(client, settings, vhds), traits(client, settings, vhds))?;
    // Not before: only a host that is an account's gets a token.
    let data = try_join_all(vhds.data.iter().map(|disk| look(client, &disk.id)));
    let (os, data) = futures::try_join!(look(client, &vhds.os), data)?;
    let unread = std::iter::once(&os)
        .chain(&data)
        .find_map(|look| look.as_ref().err().cloned());
    let disk = |address: &BlobAddress, look: &Look, traits: Option<&Traits>| {
        let location = accounts.get(&address.host()).map(|account| &account.location);
        described(address, location, look, traits)
    };
    let os = disk(&vhds.os, &os, Some(&traits));
    let data = vhds.data.iter().zip(&data);
    let data = data.map(|(vhd, look)| (vhd.lun, disk(&vhd.id, look, None))).collect();
    let own = settings.definition.group().subscription();
    let mut subscriptions = accounts.values().map(|account| account.id.group().subscription());
    let foreign = subscriptions
        .find(|other| !other.eq_ignore_ascii_case(own))
        .map(str::to_owned);
    let accounts = accounts.into_iter().map(|(host, account)| (host, account.id)).collect();
    Ok(Machine {
        shape: SourceShape::Vhds(SourceVhds {
            accounts,
            unread,
            foreign,
        }),
        ..Machine::of_disks(os, data, None)?
    })
}

/// The accounts that have the blobs, by their hosts.
async fn accounts(
    client: &Client,
    settings: &PublishSettings,
    vhds: &Vhds,
) -> Result<BTreeMap<BlobHost, StorageAccount>> {
    let known = match &vhds.account {
        Some(id) => {
            let answer = client.find(&storage::get(id)).await?;
            let body = answer.ok_or_else(|| missing(&id.to_string()))?.value();
            vec![body]
        }
        None => {
            client
                .list(&storage::list(settings.definition.group().subscription()))
                .await?
        }
    };
    let known: Vec<StorageAccount> = known.iter().filter_map(StorageAccount::of).collect();
    let mut found = BTreeMap::new();
    for address in std::iter::once(&vhds.os).chain(vhds.data.iter().map(|disk| &disk.id)) {
        let host = address.host();
        let account = known.iter().find(|account| account.host == host);
        let account = account.ok_or_else(|| without_account(settings, vhds, &host))?;
        found.insert(host, account.clone());
    }
    Ok(found)
}

fn without_account(settings: &PublishSettings, vhds: &Vhds, host: &BlobHost) -> Error {
    if let Some(id) = &vhds.account {
        let text = format!("storage account {} has no blobs at {host}", id.name());
        return Error::new(ErrorKind::BadInput, text).with_hint(words![
            "give the account that has all VHDs, or leave ",
            SOURCE_STORAGE_ACCOUNT,
            " out"
        ]);
    }
    let subscription = settings.definition.group().subscription();
    let text = format!("no storage account in sight of subscription {subscription} has its blobs at {host}");
    Error::new(ErrorKind::BadInput, text).with_hint(words![
        "give its resource id as ",
        SOURCE_STORAGE_ACCOUNT,
        "; the identity needs Microsoft.Storage/storageAccounts/read on it"
    ])
}

/// What the user says of the machine, and where that is silent, the definition.
async fn traits(client: &Client, settings: &PublishSettings, vhds: &Vhds) -> Result<Traits> {
    let told = vhds.traits;
    let definition = if told.os_type.is_some() && told.generation.is_some() && told.architecture.is_some() {
        None
    } else {
        let answer = client.find(&gallery::get_definition(&settings.definition)).await?;
        answer.map(|answer| ImageDefinition::new(answer.value()))
    };
    let of_definition = |read: fn(&ImageDefinition) -> &str| definition.as_ref().map(|it| read(it).to_owned());
    let untold = |opt| {
        let name = settings.definition.name();
        let text = words![
            opt,
            format!(" is missing: a VHD does not show it, and image definition {name}, which would, is not there")
        ];
        Error::new(ErrorKind::BadInput, text)
    };
    let os_type = told
        .os_type
        .map(|it| it.to_string())
        .or_else(|| of_definition(ImageDefinition::os_type));
    let generation = told.generation.map(|it| it.to_string());
    let generation = generation.or_else(|| of_definition(ImageDefinition::hyper_v_generation));
    let architecture = told.architecture.map(|it| it.to_string());
    let architecture = architecture.or_else(|| of_definition(ImageDefinition::architecture));
    Ok(Traits {
        os_type: os_type.ok_or_else(|| untold(SOURCE_OS_TYPE))?,
        generation: generation.ok_or_else(|| untold(SOURCE_HYPER_V_GENERATION))?,
        architecture: architecture.unwrap_or_else(|| "x64".to_owned()),
    })
}

/// Looks at a blob; inside is why it could not be looked at, if so.
async fn look(client: &Client, address: &BlobAddress) -> Result<Look> {
    match client.find(&storage::properties(address)).await {
        Ok(answer) => {
            let blob = BlobProperties::of(&answer.ok_or_else(|| missing(&address.to_string()))?);
            Ok(Ok(Seen {
                gib: disk_of(address, &blob)?.div_ceil(GIB),
                etag: blob.etag,
            }))
        }
        // A network rule of the account refuses as a missing role does.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NoRights | ErrorKind::SignIn | ErrorKind::NeverSent
            ) =>
        {
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// A VHD as the disk that it is; the OS disk has traits.
fn described(address: &BlobAddress, location: Option<&Location>, look: &Look, traits: Option<&Traits>) -> SourceDisk {
    let seen = look.as_ref().ok();
    let body = json!({"location": location, "properties": {
        "diskSizeGB": seen.map(|seen| seen.gib),
        "uniqueId": seen.map(|seen| &seen.etag),
        "osType": traits.map(|traits| &traits.os_type),
        "hyperVGeneration": traits.map(|traits| &traits.generation),
        "supportedCapabilities": {"architecture": traits.map(|traits| &traits.architecture)},
    }});
    SourceDisk {
        id: address.to_string(),
        name: address.name().to_owned(),
        caching: None,
        body: DiskBody::new(body),
    }
}

/// The bytes of the disk in a blob.
///
/// # Errors
/// When Azure makes no image of such a blob.
fn disk_of(address: &BlobAddress, blob: &BlobProperties) -> Result<u64> {
    let refused = |what: String, hint: &'static str| {
        let text = format!("Azure makes no image of {address}: {what}");
        Err(Error::new(ErrorKind::Refused, text).with_hint(hint))
    };
    if blob.kind != "PageBlob" {
        let what = format!("it is of type {}, and a VHD is a page blob", blob.kind);
        return refused(
            what,
            "upload it again as a page blob (az storage blob upload --type page)",
        );
    }
    if blob.copy_status == "pending" {
        return refused(
            "it is still being copied".to_owned(),
            "wait until its copy status is success",
        );
    }
    if !matches!(blob.copy_status.as_str(), "" | "success") {
        let what = format!("its copy ended as {}", blob.copy_status);
        return refused(what, "copy it again");
    }
    let bytes = blob.bytes.saturating_sub(FOOTER);
    if bytes == 0 || !bytes.is_multiple_of(MIB) {
        let what = format!(
            "it has {} bytes, and a VHD has whole MiB and {FOOTER} bytes behind them",
            blob.bytes
        );
        return refused(
            what,
            "make a VHD of a fixed size in whole MiB (qemu-img convert -O vpc -o subformat=fixed,force_size)",
        );
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_a_page_blob_of_whole_mebibytes_and_a_footer() {
        let address: BlobAddress = "https://acct.blob.core.windows.net/vhds/os.vhd".parse().unwrap();
        let blob = |kind: &str, bytes: u64, copy_status: &str| BlobProperties {
            kind: kind.to_owned(),
            bytes,
            etag: String::new(),
            copy_status: copy_status.to_owned(),
        };
        for (blob, expected) in [
            (blob("PageBlob", 30 * GIB + FOOTER, ""), Ok(30 * GIB)),
            (blob("PageBlob", 30 * GIB + FOOTER, "success"), Ok(30 * GIB)),
            (blob("BlockBlob", 30 * GIB + FOOTER, ""), Err("type BlockBlob")),
            (
                blob("PageBlob", 30 * GIB + FOOTER, "pending"),
                Err("still being copied"),
            ),
            (blob("PageBlob", 30 * GIB + FOOTER, "aborted"), Err("ended as aborted")),
            (blob("PageBlob", 30 * GIB, ""), Err("whole MiB")),
            (blob("PageBlob", FOOTER, ""), Err("whole MiB")),
        ] {
            match (disk_of(&address, &blob), expected) {
                (Ok(bytes), expected) => assert_eq!(Ok(bytes), expected),
                (Err(error), expected) => {
                    let says = expected.unwrap_err();
                    assert!(error.to_string().contains(says) && error.hint().is_some(), "{error}");
                }
            }
        }
    }
}
