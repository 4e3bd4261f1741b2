//! Which version is announced on GitHub, and how. The texts of files are given already; no file is read here.
//!
//! GitHub is not asked here, nor anywhere else in this library.

use std::{fmt, str::FromStr};

use url::{Host, Url};

use super::{Lun, SecurityFeature, manifest::Manifest, reader::Reader};
use crate::{
    ids::{NodeAgentSku, resource::ImageVersionId},
    options::{notify, pool},
    words,
};

/// The most letters of an event's type: GitHub's limit.
const LONGEST_TYPE: usize = 100;

/// The type of an event when nothing is said; workflows name it under `repository_dispatch: types`.
pub const EVENT_TYPE: &str = "azure-batch-image";

/// Where GitHub answers when nothing is said.
const GITHUB_API: &str = "https://api.github.com";

/// What an announcement needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    /// The repository.
    pub repository: RepositoryName,
    /// GitHub's REST interface.
    pub api_url: String,
    /// The version.
    pub version: ImageVersionId,
    /// `Linux` or `Windows`, when the manifest says.
    pub os_type: Option<String>,
    /// The node agent that runs on it, when the manifest says.
    pub node_agent: Option<NodeAgentSku>,
    /// How nodes may boot from it, as far as the manifest says.
    pub security: SecurityFeature,
    /// LUNs of the image's data disks, as far as the manifest says.
    pub data_disks: Vec<Lun>,
    /// How it is said.
    pub announcement: Announcement,
}

/// How a version is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// By a `repository_dispatch`.
    Dispatch {
        /// Its type.
        event_type: String,
    },
    /// By the manifest as a file of a release that is still a draft.
    Release {
        /// The release's tag.
        tag: String,
        /// The manifest's text.
        manifest: String,
    },
}

/// A repository of GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryName {
    /// Its owner.
    pub owner: String,
    /// Its name.
    pub name: String,
}

/// A text that names no repository.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a repository; write OWNER/NAME")]
pub struct InvalidRepository(String);

impl FromStr for RepositoryName {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, InvalidRepository> {
        let is_part = |part: &str| {
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            !part.is_empty() && part != "." && part != ".." && part.chars().all(is_letter)
        };
        match text.split_once('/') {
            Some((owner, name)) if is_part(owner) && is_part(name) => Ok(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(InvalidRepository(text.to_owned())),
        }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// Reads the settings.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<NotifySettings> {
    let repository = reader
        .required(notify::REPOSITORY, "give the repository, as OWNER/NAME")
        .and_then(|_| reader.parsed(notify::REPOSITORY));
    let api_url = reader.text(notify::GITHUB_API_URL).unwrap_or(GITHUB_API).to_owned();
    if !is_protected(&api_url) {
        let text = format!("{api_url:?} is not an https address, so no token is sent there; write https://HOST/api/v3");
        reader.refuse(notify::GITHUB_API_URL, text);
    }
    if !reader.has(notify::GITHUB_TOKEN) {
        let text = "is missing: give a token that may write to the repository (contents: write)";
        reader.refuse(notify::GITHUB_TOKEN, text);
    }
    let manifest_text = reader.text(pool::MANIFEST).map(str::to_owned);
    let manifest = manifest_text
        .as_deref()
        .and_then(|text| reader.checked(pool::MANIFEST, Manifest::parse(text)));
    let version = match (reader.has(pool::IMAGE_VERSION), reader.has(pool::MANIFEST)) {
        (true, true) => {
            reader.refuse_both(pool::IMAGE_VERSION, pool::MANIFEST);
            None
        }
        (false, false) => {
            let text = words!["is missing: give the resource id of the version, or ", pool::MANIFEST];
            reader.refuse(pool::IMAGE_VERSION, text);
            None
        }
        (true, false) => reader.parsed(pool::IMAGE_VERSION),
        (false, true) => manifest.as_ref().map(|manifest| manifest.image_version.clone()),
    };
    let announcement = announcement(reader, manifest_text);
    Some(NotifySettings {
        repository: repository?,
        api_url,
        version: numbered(reader, version?)?,
        security: manifest.as_ref().map(|manifest| manifest.security).unwrap_or_default(),
        data_disks: manifest
            .as_ref()
            .map(|manifest| manifest.data_disks.clone())
            .unwrap_or_default(),
        os_type: manifest.as_ref().and_then(|manifest| manifest.os_type.clone()),
        node_agent: manifest.and_then(|manifest| manifest.node_agent),
        announcement: announcement?,
    })
}

/// Whether a token may travel there: over HTTPS, or without leaving the machine.
fn is_protected(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let stays_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    url.host().is_some() && (url.scheme() == "https" || stays_here)
}

fn numbered(reader: &mut Reader<'_, '_>, version: ImageVersionId) -> Option<ImageVersionId> {
    if version.number().is_none() {
        let text = format!("{version} names no version number; give the id of one version, ending in 1.2.3");
        reader.refuse(pool::IMAGE_VERSION, text);
        return None;
    }
    Some(version)
}

fn announcement(reader: &mut Reader<'_, '_>, manifest: Option<String>) -> Option<Announcement> {
    let tag = reader.text(notify::RELEASE_TAG).map(str::to_owned);
    let event_type = reader.text(notify::EVENT_TYPE).unwrap_or(EVENT_TYPE).to_owned();
    match (tag, manifest) {
        (None, _) if event_type.chars().count() > LONGEST_TYPE => {
            let text = format!("has more than the {LONGEST_TYPE} letters that GitHub takes");
            reader.refuse(notify::EVENT_TYPE, text);
            None
        }
        (None, _) => Some(Announcement::Dispatch { event_type }),
        (Some(_), _) if reader.has(notify::EVENT_TYPE) => {
            reader.refuse_both(notify::EVENT_TYPE, notify::RELEASE_TAG);
            None
        }
        (Some(_), None) => {
            let text = words![
                "is needed with ",
                notify::RELEASE_TAG,
                ": the file is what the release gets"
            ];
            reader.refuse(pool::MANIFEST, text);
            None
        }
        (Some(tag), Some(manifest)) => Some(Announcement::Release { tag, manifest }),
    }
}
