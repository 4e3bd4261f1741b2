//! The manifest: a JSON file that says what was published.
//!
//! `docs/manifest.md` describes it for its readers. It holds no secrets, and is written whole or
//! not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::imaging::v1;

/// Grows when a reader of the former form would misread the new one.
const SCHEMA_VERSION: u32 = 1;

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
    regions: Vec<Region>,
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
            regions: published.regions.into_iter().map(region).collect(),
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

    /// Writes the file; missing folders above it are made.
    ///
    /// # Errors
    /// When the file system refuses, or another build of this run has written there; a former manifest is then whole.
    pub fn write(&self, path: &Path) -> Result<(), ManifestError> {
        let path_of_error = || path.to_owned();
        if let Some(build) = self.other_build_at(path) {
            return Err(ManifestError::Taken {
                path: path_of_error(),
                build,
            });
        }
        self.try_write(path).map_err(|cause| ManifestError::Write {
            path: path_of_error(),
            cause,
        })
    }

    /// The build of the same run whose manifest of another version is there.
    fn other_build_at(&self, path: &Path) -> Option<String> {
        let former: Former = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let is_other = former.run_id == self.run_id
            && former.build_name != self.build_name
            && former.image_version_id != self.image_version_id;
        is_other.then_some(former.build_name)
    }

    fn try_write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        // In the same folder, since a rename does not cross file systems; with our id, since builds run side by side.
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}.tmp", std::process::id()));
        let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            // What is left of a failed attempt is useless; that it cannot be removed is not the error to report.
            drop(fs::remove_file(&draft));
        }
        written
    }
}

/// The manifest's word for how the version came to be.
const fn outcome(outcome: v1::Outcome) -> &'static str {
    match outcome {
        v1::Outcome::Created | v1::Outcome::Unspecified => "created",
        v1::Outcome::Found => "found",
        v1::Outcome::Adopted => "adopted",
    }
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

    #[test]
    fn a_manifest_replaces_a_former_one_and_leaves_nothing_next_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out/manifest.json");
        for _ in 0..2 {
            manifest().write(&path).unwrap();
        }
        let read: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(read["schema_version"], SCHEMA_VERSION);
        assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
    }

    #[test]
    fn a_build_next_to_it_never_loses_its_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        manifest().write(&path).unwrap();
        let mut other = manifest();
        "other".clone_into(&mut other.build_name);
        other.write(&path).unwrap();
        let third = Manifest {
            build_name: "third".to_owned(),
            image_version_id: "another".to_owned(),
            ..other
        };
        let error = third.write(&path).unwrap_err().to_string();
        assert!(error.contains("is that of build \"other\" of this very run"), "{error}");
        let later = Manifest {
            run_id: "a later run".to_owned(),
            ..third
        };
        later.write(&path).unwrap();
    }

    #[test]
    fn a_manifest_that_cannot_be_written_is_named_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A folder stands where the file should.
        let error = manifest().write(folder.path()).unwrap_err();
        assert!(error.to_string().contains(&folder.path().display().to_string()));
        let beside = fs::read_dir(folder.path().parent().unwrap()).unwrap();
        let name = folder.path().file_name().unwrap().to_string_lossy().into_owned();
        let drafts = beside.filter(|entry| {
            let entry = entry.as_ref().unwrap().file_name();
            entry.to_string_lossy().starts_with(&format!("{name}."))
        });
        assert_eq!(drafts.count(), 0);
    }
}
