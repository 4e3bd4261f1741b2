//! Storage accounts: where they are, their keys, and the blobs that disks are made from and copied into.
//!
//! Accounts come from seeds alone. Requests to an account's own host are answered in `data_plane`; queues, tables and
//! files are not played.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    call::Call,
    envelope::{self, Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    resource::{Item, Table},
};

mod access;
mod account;
mod blob;
mod data_plane;
mod refusal;
mod signature;

use account::{Account, Place};
pub(crate) use blob::Blob;
use blob::{BlobKind, Stamp};
pub(crate) use data_plane::{Parts, respond as respond_to_blobs};
pub(crate) use refusal::refuse;

/// The type of every resource here.
const TYPE: &str = "Microsoft.Storage/storageAccounts";

/// Bytes of a GiB.
const GIB: u64 = 1 << 30;

/// Everything the storage provider knows.
#[derive(Debug, Default)]
pub struct Storage {
    accounts: Table<Account>,
    /// Hosts and ports at which blobs can be reached, that no account has yet.
    free_hosts: Vec<String>,
}

/// A blob together with the account that it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    /// The account's id.
    pub(crate) account: &'a str,
    /// The account's region, normalised by whoever planted it.
    pub(crate) location: &'a str,
    pub(crate) blob: &'a Blob,
}

/// A blob as a seed describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planted<'a> {
    pub(crate) container: &'a str,
    pub(crate) name: &'a str,
    /// A disk of so many GiB; a block blob without one.
    pub(crate) disk_gib: Option<u32>,
}

impl Storage {
    /// Without accounts; the accounts that come get these hosts, in order, and after them Azure's names.
    pub(crate) fn new(hosts: &[String]) -> Self {
        Self {
            free_hosts: hosts.iter().rev().cloned().collect(),
            ..Self::default()
        }
    }

    /// Puts an account there; `properties` win over what the service fills in.
    pub(crate) fn plant(&mut self, group_id: &str, name: &str, location: &str, properties: &Value) {
        let id = format!("{group_id}/providers/{TYPE}/{name}");
        let own = self
            .accounts
            .find(&id.to_lowercase())
            .map(|item| item.facts.host.clone());
        let host = own.or_else(|| self.free_hosts.pop());
        let host = host.unwrap_or_else(|| format!("{name}.blob.core.windows.net"));
        let file = format!("https://{name}.file.core.windows.net/");
        let mut body = json!({
            "location": location,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS", "tier": "Standard"},
            "properties": {"primaryEndpoints": {"blob": format!("https://{host}/"), "file": file}},
        });
        if properties.is_object() {
            edit::set(&mut body, &["properties"], properties.clone());
        }
        let shown = edit::text(&body, "/properties/primaryEndpoints/blob").and_then(|url| url::Url::parse(url).ok());
        let host = shown.map_or(host, |url| url.authority().to_owned());
        self.accounts.insert(Item::new(id, body, Account::new(name, host)));
    }

    /// Puts a blob into an account that is there.
    pub(crate) fn plant_blob(&mut self, account_id: &str, planted: Planted<'_>, now: Timestamp) {
        let size = planted.disk_gib.unwrap_or_default();
        let stamp = Stamp {
            etag: format!("\"0x8D{:X}{size:X}\"", now.as_millisecond()),
            at: now,
        };
        let blob = match planted.disk_gib {
            Some(gib) => Blob::disk(u64::from(gib) * GIB, stamp),
            None => Blob::empty(BlobKind::Block, 1024, stamp),
        };
        self.put(account_id, (planted.container, planted.name), blob);
    }

    /// Makes a blob with a disk of so many GiB at an address, e.g. that of a machine; `None` when no account has it.
    pub(crate) fn make_disk(&mut self, address: &str, gib: u32, (etag, now): (String, Timestamp)) -> Option<()> {
        let (account, place) = self.locate(address)?;
        let stamp = Stamp {
            etag: format!("\"{etag}\""),
            at: now,
        };
        let blob = Blob::disk(u64::from(gib) * GIB, stamp);
        self.put(&account, (&place.container, &place.blob), blob);
        Some(())
    }

    /// Makes the blob at an address the disk of a VM, given by its lower-case id.
    pub(crate) fn lease(&mut self, address: &str, vm: &str) {
        if let Some((account, place)) = self.locate(address)
            && let Some(blob) = self.blob_mut(&account, &place)
        {
            blob.leased_to = Some(vm.to_owned());
        }
    }

    /// Ends the leases of VMs that are not there any more.
    pub(crate) fn release(&mut self, is_there: impl Fn(&str) -> bool) {
        for account in self.accounts.iter_mut() {
            let blobs = account
                .facts
                .containers
                .values_mut()
                .flat_map(|blobs| blobs.values_mut());
            for blob in blobs {
                blob.leased_to.take_if(|vm| !is_there(vm));
            }
        }
    }

    /// The blob at an address, with its account.
    pub(crate) fn find(&self, address: &str) -> Option<Found<'_>> {
        let (account, place) = self.locate(address)?;
        let item = self.accounts.find(&account.to_lowercase())?;
        Some(Found {
            account: &item.id,
            location: edit::text(&item.body, "/location").unwrap_or_default(),
            blob: item.facts.blob(&place)?,
        })
    }

    /// Copies a blob to another address of the same account, at once; `None` when either is not there.
    pub(crate) fn copy_within(&mut self, from: &str, to: &str) -> Option<()> {
        let mut blob = self.find(from)?.blob.clone();
        blob.leased_to = None;
        let (account, place) = self.locate(to)?;
        self.put(&account, (&place.container, &place.blob), blob);
        Some(())
    }

    /// Whether requests to that host are for blobs.
    pub(crate) fn has_host(&self, host: &str) -> bool {
        self.at_host(host).is_some()
    }

    /// Removes everything in a resource group, given by its lower-case id.
    pub(crate) fn remove_group(&mut self, group: &str) {
        self.accounts.remove_below(&format!("{group}/"));
    }

    /// Every account.
    pub(crate) fn views(&self) -> Vec<Value> {
        self.accounts.iter().map(|item| item.view(TYPE)).collect()
    }

    /// Every account with its blobs, which the resource manager does not show.
    pub(crate) fn resources(&self, now: Timestamp) -> Vec<Value> {
        let shown = |item: &Item<Account>| {
            let mut view = item.view(TYPE);
            for (container, blobs) in &item.facts.containers {
                for (name, blob) in blobs {
                    let place = format!("{container}/{name}");
                    edit::set(&mut view, &["blobs", &place], blob.shown(now));
                }
            }
            view
        };
        self.accounts.iter().map(shown).collect()
    }

    fn at_host(&self, host: &str) -> Option<&Item<Account>> {
        self.accounts
            .iter()
            .find(|item| item.facts.answers_at(item.name(), host))
    }

    fn at_host_mut(&mut self, host: &str) -> Option<&mut Item<Account>> {
        self.accounts
            .iter_mut()
            .find(|item| item.facts.answers_at(item.name(), host))
    }

    /// The id of the account that has an address, and the place in it.
    fn locate(&self, address: &str) -> Option<(String, Place)> {
        let url = url::Url::parse(address).ok()?;
        Some((self.at_host(url.authority())?.id.clone(), place_of(&url)?))
    }

    fn blob_mut(&mut self, account: &str, place: &Place) -> Option<&mut Blob> {
        self.accounts.find_mut(&account.to_lowercase())?.facts.blob_mut(place)
    }

    fn put(&mut self, account: &str, (container, name): (&str, &str), blob: Blob) {
        if let Some(item) = self.accounts.find_mut(&account.to_lowercase()) {
            let place = Place {
                container: container.to_owned(),
                blob: name.to_owned(),
            };
            item.facts.put(place, blob);
        }
    }
}

/// The container and blob in an address.
fn place_of(url: &url::Url) -> Option<Place> {
    let decoded = |segment: &str| {
        percent_encoding::percent_decode_str(segment)
            .decode_utf8_lossy()
            .into_owned()
    };
    let segments: Vec<String> = url
        .path_segments()?
        .filter(|part| !part.is_empty())
        .map(decoded)
        .collect();
    Place::of(&segments)
}

/// Answers a request under `Microsoft.Storage`.
pub(crate) fn respond(storage: &Storage, page_size: usize, call: &Call<'_>, path: &ArmPath) -> Answer {
    match (&call.request.method, path.kind().as_str(), path.action().as_str()) {
        (&Method::GET, "storageaccounts", "") => {
            let item = found(storage, path)?;
            Ok(Response::json(StatusCode::OK, &item.view(TYPE)))
        }
        (&Method::POST, "storageaccounts", "listkeys") => {
            let keys = found(storage, path)?.facts.keys.iter().zip(["key1", "key2"]);
            let shown: Vec<Value> = keys
                .map(|(key, name)| json!({"keyName": name, "value": key.text(), "permissions": "FULL"}))
                .collect();
            Ok(Response::json(StatusCode::OK, &json!({"keys": shown})))
        }
        (&Method::GET, "", "storageaccounts") => Ok(list(storage, page_size, call, path)),
        _ => Err(unsupported(call.request)),
    }
}

fn list(storage: &Storage, page_size: usize, call: &Call<'_>, path: &ArmPath) -> Response {
    let scope = ArmPath {
        namespace: None,
        tail: None,
        ..path.clone()
    };
    let prefix = format!("{}/", scope.key());
    let mut views = storage.views();
    views.retain(|view| edit::text(view, "/id").is_some_and(|id| id.to_lowercase().starts_with(&prefix)));
    envelope::page(call.request, &views, page_size)
}

fn found<'a>(storage: &'a Storage, path: &ArmPath) -> Result<&'a Item<Account>, ArmError> {
    let found = storage.accounts.find(&path.key());
    found.ok_or_else(|| ArmError::resource_not_found(&path.kind_and_name(), path.group()))
}
