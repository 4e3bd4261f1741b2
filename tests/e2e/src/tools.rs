//! Where everything is that a case needs: our binaries, the outside tools, the checkout, the place for logs.
//!
//! It finds and installs nothing; `xtask` does that.

use std::path::PathBuf;

/// A Packer that is not the newest.
#[derive(Clone, Debug)]
pub struct OlderPacker {
    /// Its version.
    pub version: &'static str,
    /// The program.
    pub program: PathBuf,
}

/// What cases run.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The checkout: examples, `action.yml`, workflows.
    pub checkout: PathBuf,
    /// Where each case gets a folder for its logs.
    pub results: PathBuf,
    /// Our plugin.
    pub plugin: PathBuf,
    /// The plugin installed as `packer plugins install` does it; the folder for `PACKER_PLUGIN_PATH`.
    pub installed: PathBuf,
    /// Our Action's binary.
    pub pool: PathBuf,
    /// The local Azure.
    pub emulator: PathBuf,
    /// The files of a release, for its rehearsal; nothing else looks there.
    pub released: PathBuf,
    /// HashiCorp Packer.
    pub packer: PathBuf,
    /// Older ones, which our users still have.
    pub older_packers: Vec<OlderPacker>,
    /// The Actions runner `act`.
    pub act: PathBuf,
    /// The folder with `browser.mjs` and the packages that it needs.
    pub browser: PathBuf,
    /// HashiCorp's `packer-sdc`, which has the plugin check.
    pub packer_sdc: PathBuf,
}
