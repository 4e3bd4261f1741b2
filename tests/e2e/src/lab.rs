//! What a single case gets: a folder, a local Azure of its own, and the tools.
//!
//! Cases share nothing, so they can run side by side. It does not know what a case checks.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    emulator::{LocalAzure, Start},
    failure::{Doing as _, Result},
    files,
    tools::Tools,
};

/// By how much the local Azure is faster than Azure, when a case does not say: a version that takes seven minutes is
/// there after seven seconds, slow enough for a signal to arrive in the middle.
pub const TIME_SCALE: u32 = 60;

/// One case's place.
#[derive(Clone, Debug)]
pub struct Lab<'a> {
    /// The tools.
    pub tools: &'a Tools,
    /// The case's folder.
    pub dir: PathBuf,
}

impl<'a> Lab<'a> {
    /// An empty place for the case of that name.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn new(tools: &'a Tools, case: &str) -> Result<Self> {
        let dir = tools.results.join(case);
        files::make_empty(&dir)?;
        Ok(Self { tools, dir })
    }

    /// A part of this place, for cases that do the same thing twice.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn part(&self, name: &str) -> Result<Self> {
        let dir = self.dir.join(name);
        files::make(&dir)?;
        Ok(Self { tools: self.tools, dir })
    }

    /// A local Azure with that content.
    ///
    /// # Errors
    /// When it does not start.
    pub fn azure(&self, seed: Value) -> Result<LocalAzure> {
        let dir = self.dir.join("azure");
        LocalAzure::start(&Start {
            binary: &self.tools.emulator,
            dir: &dir,
            seed,
            time_scale: TIME_SCALE,
        })
    }

    /// Keeps the journal next to the logs.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn keep_journal(&self, azure: &LocalAzure) -> Result {
        files::write(&self.dir.join("journal.jsonl"), azure.journal_text()?)
    }

    /// A folder of the case.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        files::make(&dir)?;
        Ok(dir)
    }

    /// Writes a file of the case and gives its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        files::write(&path, text)?;
        Ok(path)
    }
}

/// A path as the programs will see it, whatever their folder is.
///
/// # Errors
/// When it does not exist.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().doing(|| format!("find {}", path.display()))
}
