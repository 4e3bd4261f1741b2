//! The cases of `cargo xtask release-rehearsal`: what is in the files of a release, and the two ways to them, with each
//! way in which these fail.
//!
//! The files are made by `xtask`; GitHub is played by [`github`](crate::github).

mod action;
mod archives;
mod packer;

use std::path::PathBuf;

use crate::{
    failure::Result,
    files,
    github::{FakeGitHub, Release, Spoilt},
    lab::Lab,
    suite::Case,
};

/// The tag of this checkout's version.
const TAG: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Every case.
pub const CASES: &[Case] = &[
    Case {
        name: "action_pinned_by_commit_runs_the_program_of_that_commit",
        run: action::action_pinned_by_commit_runs_the_program_of_that_commit,
    },
    Case {
        name: "install_tells_every_failure_apart",
        run: action::install_tells_every_failure_apart,
    },
    Case {
        name: "install_takes_a_mirror_with_its_token",
        run: action::install_takes_a_mirror_with_its_token,
    },
    Case {
        name: "packer_init_installs_the_release_and_builds_with_it",
        run: packer::packer_init_installs_the_release_and_builds_with_it,
    },
    Case {
        name: "older_packers_install_the_release_by_init",
        run: packer::older_packers_install_the_release_by_init,
    },
    Case {
        name: "packer_init_takes_the_release_before_a_tag_without_files",
        run: packer::packer_init_takes_the_release_before_a_tag_without_files,
    },
    Case {
        name: "packer_init_tells_every_failure_apart",
        run: packer::packer_init_tells_every_failure_apart,
    },
    Case {
        name: "archives_hold_a_released_program_with_its_papers",
        run: archives::archives_hold_a_released_program_with_its_papers,
    },
];

/// GitHub with these tags, and with files that are as they were made or wrong in one way.
fn github(lab: &Lab<'_>, tags: &[&str], spoilt: Option<(&str, Spoilt)>) -> Result<FakeGitHub> {
    let release = Release {
        files: &lab.tools.released,
        tags,
        spoilt,
    };
    FakeGitHub::start(&lab.dir, &release)
}

/// A folder for programs that a case installs. It lies outside its results, which are searched for secrets word by word.
fn aside(lab: &Lab<'_>, name: &str) -> Result<PathBuf> {
    let case = lab.dir.strip_prefix(&lab.tools.results).unwrap_or(&lab.dir);
    let folder = lab
        .tools
        .results
        .with_file_name("rehearsal-programs")
        .join(case)
        .join(name);
    files::make_empty(&folder)?;
    Ok(folder)
}
