//! The packages that render pages: one folder for each lock file, with the script that uses them.
//!
//! npm checks every package against the hash in the lock file; none of them runs a script of its own here.

use std::{path::PathBuf, process::Command};

use azure_batch_e2e::{failure::Result, files};

use super::cache;
use crate::build::{Checkout, key, step};

/// Written when everything is installed: an interrupted installation lacks it.
const COMPLETE: &str = "complete";

/// The folder with `browser.mjs` and its packages.
pub(crate) fn browser(checkout: &Checkout) -> Result<PathBuf> {
    let source = checkout.root.join("tests/e2e/src/browser");
    let lock = files::read(&source.join("package-lock.json"))?;
    let dir = cache()?.join(format!("browser-{}", key(&lock)));
    if !dir.join(COMPLETE).is_file() {
        files::make_empty(&dir)?;
        for file in ["package.json", "package-lock.json"] {
            files::copy(&source.join(file), &dir.join(file))?;
        }
        let mut install = Command::new("npm");
        install
            .args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&dir);
        step("install what renders pages", &mut install)?;
        files::write(&dir.join(COMPLETE), "")?;
    }
    // Node finds packages beside the script.
    files::copy(&source.join("browser.mjs"), &dir.join("browser.mjs"))?;
    Ok(dir)
}
