//! Programs for which time passes faster: a pause of a minute is over after some seconds.
//!
//! The programs are those that are released: `libfaketime` stands between them and their clock. A program that asks the
//! kernel itself, as those in Go do, keeps the real time; so does the local Azure, which has a scale of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Doing as _, Failure, Result},
    process::Program,
};

/// By how much. A pause of a minute takes 12 s, and a connection still has 4 s to be made on a busy machine, of the 20 s
/// that our programs allow for it; with 10 times, connections failed while other work took both processors.
const FACTOR: u32 = 5;

/// Where distributions keep libraries.
const LIBRARIES: [&str; 2] = ["/usr/lib", "/usr/lib64"];

/// The library below one of them, or below a folder for the machine's architecture.
const LIBRARY: &str = "faketime/libfaketime.so.1";

impl Program {
    /// The same with time that passes faster.
    ///
    /// # Errors
    /// When the library is not installed.
    pub fn in_faster_time(self) -> Result<Self> {
        let [(library, path), (time, factor)] = variables()?;
        Ok(self.env(library, path).env(time, factor))
    }
}

/// The variables that a program needs for it, and hands on to those that it starts.
///
/// # Errors
/// When the library is not installed.
pub fn variables() -> Result<[(&'static str, String); 2]> {
    let library = library(&LIBRARIES.map(Path::new))?;
    Ok([
        ("LD_PRELOAD", library.to_string_lossy().into_owned()),
        ("FAKETIME", format!("+0 x{FACTOR}")),
    ])
}

fn library(folders: &[&Path]) -> Result<PathBuf> {
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let entries = fs::read_dir(folder).doing(|| format!("read {}", folder.display()))?;
        // A folder that cannot be read holds nothing for us.
        let below = entries.flatten().map(|entry| entry.path());
        let mut places = std::iter::once(folder.to_path_buf()).chain(below);
        if let Some(found) = places.find_map(|place| Some(place.join(LIBRARY)).filter(|path| path.is_file())) {
            return Ok(found);
        }
    }
    Err(Failure::unexpected(
        "libfaketime is not installed, which lets time pass faster for a program (Debian: apt-get install libfaketime)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn the_library_is_found_below_an_architecture_or_its_package_is_named() {
        let dir = std::env::temp_dir().join(format!("e2e-faster-{}", std::process::id()));
        let missing = library(&[&dir]).unwrap_err();
        assert!(missing.to_string().contains("apt-get install libfaketime"), "{missing}");
        let library_of = dir.join("x86_64-linux-gnu").join(LIBRARY);
        files::make_empty(library_of.parent().unwrap()).unwrap();
        files::write(&library_of, "").unwrap();
        assert_eq!(library(&[&dir]).unwrap(), library_of);
        fs::remove_dir_all(&dir).unwrap();
    }
}
