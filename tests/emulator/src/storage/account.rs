//! One storage account as its data plane knows it: where it answers, its keys, its blobs.
//!
//! What the resource manager shows of it is in `storage`; requests are read in `data_plane`.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::blob::Blob;
use crate::resource::Facts;

/// What an account knows beyond what the resource manager shows.
#[derive(Debug)]
pub(crate) struct Account {
    /// Host and port of its blobs.
    pub(super) host: String,
    pub(super) keys: [Key; 2],
    /// Blobs by name, by container.
    pub(super) containers: BTreeMap<String, BTreeMap<String, Blob>>,
}

/// A key in base64, as `listKeys` gives it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key(String);

/// A blob's place in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) container: String,
    pub(super) blob: String,
}

impl Facts for Account {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The same key in every run, so that runs can be compared.
    fn of(account: &str, number: u8) -> Self {
        let half = |part: u8| Sha256::digest(format!("{account}/key{number}/{part}"));
        Self(STANDARD.encode([half(1), half(2)].concat()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl Place {
    /// From the segments of a path; `None` when they name a container only.
    pub(super) fn of(segments: &[String]) -> Option<Self> {
        let (container, rest) = segments.split_first()?;
        (!rest.is_empty()).then(|| Self {
            container: container.clone(),
            blob: rest.join("/"),
        })
    }
}

impl Account {
    /// An account without containers.
    pub(super) fn new(name: &str, host: String) -> Self {
        Self {
            host,
            keys: [Key::of(name, 1), Key::of(name, 2)],
            containers: BTreeMap::new(),
        }
    }

    /// Whether it answers at that host: its own, or the one that every account of that name has on Azure.
    pub(super) fn answers_at(&self, name: &str, host: &str) -> bool {
        let usual = host.to_lowercase().strip_suffix(".blob.core.windows.net") == Some(&name.to_lowercase());
        usual || self.host.eq_ignore_ascii_case(host)
    }

    pub(super) fn blob(&self, place: &Place) -> Option<&Blob> {
        self.containers.get(&place.container)?.get(&place.blob)
    }

    pub(super) fn blob_mut(&mut self, place: &Place) -> Option<&mut Blob> {
        self.containers.get_mut(&place.container)?.get_mut(&place.blob)
    }

    /// Puts a blob there, in a container that is made if it is missing.
    pub(super) fn put(&mut self, place: Place, blob: Blob) {
        self.containers
            .entry(place.container)
            .or_default()
            .insert(place.blob, blob);
    }
}
