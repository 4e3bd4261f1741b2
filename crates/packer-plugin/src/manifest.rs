//! The manifest: a JSON file that says what was published.
//!
//! `docs/manifest.md` describes it for its readers. It holds no secrets, and is written whole or not at all. Nothing
//! but an ordinary file is ever read or replaced.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::imaging::v1;

/// Grows when a reader of the former form would misread the new one.
const SCHEMA_VERSION: u32 = 1;

/// The longest file that is read to see whose it is. A manifest has some KiB.
const LONGEST: u64 = 1024 * 1024;

/// The path that means that none is wanted.
const NONE: &str = "none";

/// What to do when it cannot be written.
pub const HINT: &str = "give a path that can be written with manifest, or \"none\" for no manifest";

/// Where the manifest goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into a file.
    File(String),
    /// Nowhere.
    None,
}

/// The file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    schema_version: u32,
    image_version_id: String,
    image_definition_id: String,
    image_version: String,
    is_new: bool,
    outcome: String,
    os_type: String,
    hyper_v_generation: String,
    architecture: String,
    security_type: String,
    data_disk_luns: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_image_end_of_life: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_agent_sku_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_agent_end_of_life: Option<Timestamp>,
    regions: Vec<Region>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remaining: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_script: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_output: Option<String>,
    source: String,
    source_fingerprint: String,
    build_name: String,
    run_id: String,
    tool: &'static str,
    tool_version: &'static str,
    created: Timestamp,
}

/// A region of the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Region {
    name: String,
    replicas: u32,
    state: String,
}

/// Why the manifest is not there.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file system refused.
    #[error("cannot write the manifest {}", path.display())]
    Write {
        /// The manifest.
        path: PathBuf,
        /// The reason.
        #[source]
        cause: io::Error,
    },
    /// What is there is not a file of ours to replace.
    #[error("the manifest {} is {what}", path.display())]
    NotAFile {
        /// The manifest.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Another build of the same run has written another version there, which would be lost.
    #[error("the manifest {} is that of build {build:?} of this very run; builds side by side need one each", path.display())]
    Taken {
        /// The manifest.
        path: PathBuf,
        /// The other build.
        build: String,
    },
}

/// What is read of a manifest that is there.
#[derive(Deserialize)]
struct Former {
    image_version_id: String,
    build_name: String,
    run_id: String,
}

impl Manifest {
    /// The manifest of a version that a build published.
    #[must_use]
    pub fn new(published: &v1::Published, build_name: &str, now: Timestamp) -> Self {
        let how = published.outcome();
        let published = published.clone();
        let region = |region: v1::PublishedRegion| Region {
            name: region.name,
            replicas: region.replicas,
            state: region.state,
        };
        Self {
            schema_version: SCHEMA_VERSION,
            image_version_id: published.image_version_id,
            image_definition_id: published.image_definition_id,
            image_version: published.image_version,
            is_new: how == v1::Outcome::Created,
            outcome: outcome(how).to_owned(),
            os_type: published.os_type,
            hyper_v_generation: published.hyper_v_generation,
            architecture: published.architecture,
            security_type: published.security_type,
            data_disk_luns: published.data_disk_luns,
            base_image: published.base_image,
            base_image_end_of_life: published.base_image_end_of_life.and_then(time),
            node_agent_sku_id: published.node_agent_sku_id,
            node_agent_end_of_life: published.node_agent_end_of_life.and_then(time),
            regions: published.regions.into_iter().map(region).collect(),
            remaining: published.remaining,
            mount_script: published.mount_script,
            test_output: published.test_output,
            source: published.source,
            source_fingerprint: published.fingerprint,
            build_name: build_name.to_owned(),
            run_id: published.run_id,
            tool: env!("CARGO_PKG_NAME"),
            tool_version: env!("CARGO_PKG_VERSION"),
            // Readers of all kinds take whole seconds.
            created: Timestamp::from_second(now.as_second()).unwrap_or(now),
        }
    }
}

impl Place {
    /// The place that a user's text means.
    #[must_use]
    pub fn new(path: &str) -> Self {
        if path == NONE {
            Self::None
        } else {
            Self::File(path.to_owned())
        }
    }

    /// The path as given; nothing when none is wanted.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(path) => Some(path),
            Self::None => None,
        }
    }

    /// Makes the folder, and sees whether a file can be made there: a publish takes an hour, and a mistake in the path
    /// should cost seconds.
    ///
    /// # Errors
    /// When the file system refuses, or something else than an ordinary file is there.
    pub fn check(&self) -> Result<(), ManifestError> {
        let Some(path) = self.path().map(Path::new) else {
            return Ok(());
        };
        let target = target(path)?;
        let tried = make_folder(&target).and_then(|()| {
            let draft = draft(&target);
            fs::File::create_new(&draft).and_then(|_| fs::remove_file(&draft))
        });
        tried.map_err(|cause| refused(path, cause))
    }

    /// Writes the file; missing folders above it are made, and a link is followed. Where none is wanted it does nothing.
    ///
    /// # Errors
    /// When the file system refuses, something else than an ordinary file is there, or another build of this run has
    /// written there; a former manifest is then whole.
    pub fn write(&self, manifest: &Manifest) -> Result<(), ManifestError> {
        let Some(path) = self.path().map(Path::new) else {
            return Ok(());
        };
        let target = target(path)?;
        if let Some(build) = manifest.other_build_at(&target) {
            let path = path.to_owned();
            return Err(ManifestError::Taken { path, build });
        }
        manifest.try_write(&target).map_err(|cause| refused(path, cause))
    }
}

impl Manifest {
    /// The build of the same run whose manifest of another version is there.
    fn other_build_at(&self, path: &Path) -> Option<String> {
        let mut text = Vec::new();
        fs::File::open(path).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
        let former: Former = serde_json::from_slice(&text).ok()?;
        let is_other = former.run_id == self.run_id
            && former.build_name != self.build_name
            && former.image_version_id != self.image_version_id;
        is_other.then_some(former.build_name)
    }

    fn try_write(&self, path: &Path) -> io::Result<()> {
        make_folder(path)?;
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        let draft = draft(path);
        let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            // What is left of a failed attempt is useless; that it cannot be removed is not the error to report.
            drop(fs::remove_file(&draft));
        }
        written
    }
}

/// The file that a path leads to, which need not be there yet. A link is followed: who made it reads what it points to.
/// A device, a pipe or a folder is never opened, since opening alone can hang or destroy; nor is a file replaced that
/// somebody has protected.
fn target(path: &Path) -> Result<PathBuf, ManifestError> {
    let not_a_file = |what| {
        let path = path.to_owned();
        ManifestError::NotAFile { path, what }
    };
    if path.as_os_str().to_string_lossy().ends_with(std::path::is_separator) {
        return Err(not_a_file("the name of a folder"));
    }
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(not_a_file("a folder")),
        Ok(there) if !there.is_file() => Err(not_a_file("a device or a pipe, not a file")),
        Ok(there) if there.permissions().readonly() => Err(not_a_file("a file that is protected against writing")),
        Ok(_) => fs::canonicalize(path).map_err(|cause| refused(path, cause)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(_) => Err(not_a_file("a link to nothing")),
            Err(_) => Ok(path.to_owned()),
        },
        Err(cause) => Err(refused(path, cause)),
    }
}

fn refused(path: &Path, cause: io::Error) -> ManifestError {
    let path = path.to_owned();
    ManifestError::Write { path, cause }
}

fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// In the same folder, since a rename does not cross file systems; with our id and a number, since builds run side by
/// side, in processes of their own and in this one.
fn draft(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut draft = path.as_os_str().to_owned();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    draft.push(format!(".{}-{number}.tmp", std::process::id()));
    PathBuf::from(draft)
}

/// The manifest's word for how the version came to be.
const fn outcome(outcome: v1::Outcome) -> &'static str {
    match outcome {
        v1::Outcome::Created | v1::Outcome::Unspecified => "created",
        v1::Outcome::Found => "found",
        v1::Outcome::Adopted => "adopted",
    }
}

/// A day far off is said in whole seconds too.
fn time(time: prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(time.seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::sample;

    fn manifest() -> Manifest {
        Manifest::new(
            &sample::published(),
            "machine",
            "2026-11-22T05:46:31.5Z".parse().unwrap(),
        )
    }

    #[test]
    fn the_file_is_what_its_page_describes() {
        insta::assert_json_snapshot!(manifest());
        let page = include_str!("../../../docs/manifest.md");
        let json = serde_json::to_value(manifest()).unwrap();
        for key in json.as_object().unwrap().keys() {
            assert!(
                page.contains(&format!("| `{key}`")) || page.contains(&format!("`{key}` |")),
                "docs/manifest.md lacks {key}"
            );
        }
    }

    fn place(path: &Path) -> Place {
        Place::new(path.to_str().unwrap())
    }

    #[test]
    fn a_manifest_replaces_a_former_one_and_leaves_nothing_next_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out/manifest.json");
        for _ in 0..2 {
            place(&path).check().unwrap();
            place(&path).write(&manifest()).unwrap();
        }
        let read: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(read["schema_version"], SCHEMA_VERSION);
        assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
    }

    #[test]
    fn a_build_next_to_it_never_loses_its_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(&folder.path().join("manifest.json"));
        place.write(&manifest()).unwrap();
        let mut other = manifest();
        "other".clone_into(&mut other.build_name);
        place.write(&other).unwrap();
        let third = Manifest {
            build_name: "third".to_owned(),
            image_version_id: "another".to_owned(),
            ..other
        };
        let error = place.write(&third).unwrap_err().to_string();
        assert!(error.contains("is that of build \"other\" of this very run"), "{error}");
        let later = Manifest {
            run_id: "a later run".to_owned(),
            ..third
        };
        place.write(&later).unwrap();
    }

    #[test]
    fn none_is_a_place_too() {
        assert_eq!(Place::new("none"), Place::None);
        Place::None.check().unwrap();
        Place::None.write(&manifest()).unwrap();
    }

    /// What the file system says of everything below a folder: names, kinds, modes, and what stands in files.
    #[cfg(unix)]
    fn all_below(folder: &Path) -> Vec<(std::ffi::OsString, u32, Option<Vec<u8>>)> {
        use std::os::unix::fs::MetadataExt as _;

        let mut all: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let about = entry.metadata().unwrap();
                let text = about.is_file().then(|| fs::read(entry.path()).unwrap());
                (entry.file_name(), about.mode(), text)
            })
            .collect();
        all.sort();
        all
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_of_ours_is_refused_at_once_and_left_as_it_is() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(
            std::process::Command::new("mkfifo")
                .arg(at("pipe"))
                .status()
                .unwrap()
                .success()
        );
        fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink("/dev/null", at("link to a device")).unwrap();
        std::os::unix::fs::symlink("nothing", at("link to nothing")).unwrap();
        fs::write(at("protected"), "somebody's").unwrap();
        fs::set_permissions(at("protected"), fs::Permissions::from_mode(0o400)).unwrap();
        let before = all_below(folder.path());
        for (name, what) in [
            ("pipe", "is a device or a pipe, not a file"),
            ("folder", "is a folder"),
            ("new/", "is the name of a folder"),
            ("link to a device", "is a device or a pipe, not a file"),
            ("link to nothing", "is a link to nothing"),
            ("protected", "is a file that is protected against writing"),
            ("protected/below", "cannot write the manifest "),
        ] {
            let place = place(&at(name));
            for refused in [place.check(), place.write(&manifest())] {
                let text = refused.unwrap_err().to_string();
                assert!(text.contains(what), "{name}: {text}");
            }
        }
        assert_eq!(all_below(folder.path()), before);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        place(&link).write(&manifest()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&file).unwrap().contains("image_version_id"));
    }
}
