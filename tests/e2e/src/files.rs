//! Files and folders of a run.
//!
//! It only adds the path to what can fail; what files mean is up to those who read them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::failure::{Doing as _, Failure, Result};

/// Reads a text.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).doing(|| format!("read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads JSON.
///
/// # Errors
/// When it cannot be read or is none.
pub fn read_json(path: &Path) -> Result<Value> {
    parse(&path.display().to_string(), &read(path)?)
}

/// Reads a text as JSON; `what` names it in the failure.
///
/// # Errors
/// When it is none.
pub fn parse(what: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|source| Failure::NotJson {
        what: what.to_owned(),
        source,
    })
}

/// Writes a file.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, text: impl AsRef<[u8]>) -> Result {
    fs::write(path, text).doing(|| format!("write {}", path.display()))
}

/// Makes a folder with those above it.
///
/// # Errors
/// When it cannot be made.
pub fn make(dir: &Path) -> Result {
    fs::create_dir_all(dir).doing(|| format!("make {}", dir.display()))
}

/// Makes a folder empty.
///
/// # Errors
/// When it cannot be emptied or made.
pub fn make_empty(dir: &Path) -> Result {
    if dir.exists() {
        fs::remove_dir_all(dir).doing(|| format!("empty {}", dir.display()))?;
    }
    make(dir)
}

/// Removes a file.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(path: &Path) -> Result {
    fs::remove_file(path).doing(|| format!("remove {}", path.display()))
}

/// Removes a folder with all that is in it.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_folder(dir: &Path) -> Result {
    fs::remove_dir_all(dir).doing(|| format!("remove {}", dir.display()))
}

/// Copies a file.
///
/// # Errors
/// When it cannot be copied.
pub fn copy(from: &Path, to: &Path) -> Result {
    fs::copy(from, to).doing(|| format!("copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// All files below a folder, sorted; none when it is not there.
///
/// # Errors
/// When a folder cannot be listed.
pub fn below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).doing(|| format!("list {}", folder.display()))? {
            let entry = entry.doing(|| format!("list {}", folder.display()))?;
            let kind = entry
                .file_type()
                .doing(|| format!("look at {}", entry.path().display()))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes a script that can be run.
///
/// # Errors
/// When it cannot be written.
pub fn write_program(path: &Path, text: &str) -> Result {
    write(path, text)?;
    permit_to_run(path)
}

#[cfg(unix)]
fn permit_to_run(path: &Path) -> Result {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).doing(|| format!("permit {} to run", path.display()))
}

/// Cases run on Unix; elsewhere this crate only has to build, for `cargo xtask dist`.
#[cfg(not(unix))]
const fn permit_to_run(_path: &Path) -> Result {
    Ok(())
}
