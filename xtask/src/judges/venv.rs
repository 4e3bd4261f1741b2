//! Virtual environments of pinned clients, in the cache folder; what is there is used again.
//!
//! A folder's name holds a hash of its requirements and of everything they stand on, so a changed pin makes a new one and
//! never changes an old one.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use azure_batch_e2e::{failure::Result, files};

use crate::{
    build::{key, step},
    tools,
};

/// Written when everything is installed: an interrupted installation lacks it.
const COMPLETE: &str = "complete";

/// A folder with a client and all it needs.
#[derive(Clone, Debug)]
pub(crate) struct Venv(PathBuf);

impl Venv {
    /// The environment of `tests/judges/requirements-NAME.txt`, made when it is not there, with the versions of
    /// `constraints-NAME.txt` below it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn of(judges: &Path, name: &str) -> Result<Self> {
        let requirements = judges.join(format!("requirements-{name}.txt"));
        let constraints = judges.join(format!("constraints-{name}.txt"));
        let pins = files::read(&requirements)? + &files::read(&constraints)?;
        let dir = tools::cache()?.join(format!("judge-{name}-{}", key(&pins)));
        let venv = Self(dir);
        if venv.0.join(COMPLETE).is_file() {
            return Ok(venv);
        }
        files::make_empty(&venv.0)?;
        step(
            "make a virtual environment",
            Command::new("python3").args(["-m", "venv"]).arg(&venv.0),
        )?;
        let mut install = Command::new(venv.python());
        install
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements)
            .arg("-c")
            .arg(&constraints);
        step(&format!("install the clients of {name}"), &mut install)?;
        files::write(&venv.0.join(COMPLETE), "")?;
        Ok(venv)
    }

    /// Its Python.
    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }
}
