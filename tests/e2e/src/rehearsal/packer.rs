//! Real `packer init` on a release.

use std::{path::Path, time::Duration};

use super::TAG;
use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure, ensure_says},
    files,
    github::{FakeGitHub, REPOSITORY, Spoilt},
    lab::Lab,
    packer::Packer,
    process::Finished,
    template::{self, Post},
    tools::Tools,
    world,
};

/// How long Packer may take to install a plugin or to give up.
const LIMIT: Duration = Duration::from_secs(60);

/// A version that has a tag and nothing else.
const WITHOUT_FILES: &str = "v9.9.9";

/// A way to fail: its name, the tags, what is wrong with the files, and what Packer says then.
type Trouble = (
    &'static str,
    &'static [&'static str],
    Option<(&'static str, Spoilt)>,
    &'static str,
);

/// A lab whose Packer has no plugin yet.
fn without_plugin(lab: &Lab<'_>) -> Result<Tools> {
    Ok(Tools {
        installed: super::aside(lab, "plugins")?,
        ..lab.tools.clone()
    })
}

/// `packer init` in a folder for temporary files of its own: Packer tries a plugin under a name that is the same in every
/// run, so that two at once take away each other's file.
fn init(lab: &Lab<'_>, packer: &Packer<'_>, github: &FakeGitHub, template: &Path) -> Result<Finished> {
    let temporary = super::aside(lab, "tmp")?;
    let program = packer
        .command("init")
        .arg("init")
        .arg(template)
        .env("TMPDIR", temporary);
    let ended = github.seen_by(program).run(LIMIT)?;
    files::write(&lab.dir.join("asked.txt"), github.asked().join("\n"))?;
    Ok(ended)
}

pub(super) fn packer_init_installs_the_release_and_builds_with_it(lab: &Lab<'_>) -> Result {
    let github = super::github(lab, &[TAG, "v0", "latest"], None)?;
    let tools = without_plugin(lab)?;
    let lab = Lab {
        tools: &tools,
        dir: lab.dir.clone(),
    };
    let azure = lab.azure(world::example(&lab)?)?;
    let packer = Packer::new(&lab, &azure)?;
    let template = packer.template("good.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let ended = init(&lab, &packer, &github, &template)?.ended_with(0)?;
    ensure_says("packer init", &ended.said(), &["Installed plugin", TAG])?;
    ensure_asked(&github)?;
    packer.validate("validate", &[], &template)?.ended_with(0)?;
    let built = packer.build("build", &[], &template)?.ended_with(0)?;
    ensure_says("packer build", &built.stdout, &["1.0.0"])?;
    ensure_made_version(&azure)
}

fn ensure_made_version(azure: &LocalAzure) -> Result {
    ensure_says("the local Azure", &azure.resources()?.to_string(), &["/versions/1.0.0"])
}

/// Packer takes the list of sums and the archive from the release of that tag, by the redirect.
fn ensure_asked(github: &FakeGitHub) -> Result {
    let asked = github.asked().join("\n");
    let sums =
        format!("302 github.com/{REPOSITORY}/releases/download/{TAG}/packer-plugin-azure-batch_{TAG}_SHA256SUMS");
    ensure_says(
        "what GitHub was asked for",
        &asked,
        &[&sums, "200 release-assets", ".zip"],
    )
}

/// Whoever has an older Packer gets the plugin the same way.
pub(super) fn older_packers_install_the_release_by_init(lab: &Lab<'_>) -> Result {
    ensure(!lab.tools.older_packers.is_empty(), || {
        "there is no older Packer to run".to_owned()
    })?;
    for older in &lab.tools.older_packers {
        let lab = lab.part(older.version)?;
        let github = super::github(&lab, &[TAG, "v0", "latest"], None)?;
        let plugins = super::aside(&lab, "plugins")?;
        let packer = Packer::offline(&lab)?.older(older, &plugins);
        let template = packer.template("good.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
        let ended = init(&lab, &packer, &github, &template)?.ended_with(0)?;
        ensure_says("packer init", &ended.said(), &["Installed plugin", TAG])?;
        ensure_asked(&github)?;
        packer.validate("validate", &[], &template)?.ended_with(0)?;
    }
    Ok(())
}

pub(super) fn packer_init_takes_the_release_before_a_tag_without_files(lab: &Lab<'_>) -> Result {
    let github = super::github(lab, &[TAG, WITHOUT_FILES], None)?;
    let tools = without_plugin(lab)?;
    let lab = Lab {
        tools: &tools,
        dir: lab.dir.clone(),
    };
    let packer = Packer::offline(&lab)?;
    let template = packer.template("good.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let ended = init(&lab, &packer, &github, &template)?.ended_with(0)?;
    ensure_says("packer init", &ended.said(), &["Installed plugin", TAG])?;
    ensure_says(
        "what GitHub was asked for",
        &github.asked().join("\n"),
        &[&format!(
            "/{WITHOUT_FILES}/packer-plugin-azure-batch_{WITHOUT_FILES}_SHA256SUMS"
        )],
    )
}

const TROUBLES: [Trouble; 4] = [
    ("no release", &[], None, "no release found"),
    (
        "a tag without files",
        &[WITHOUT_FILES],
        None,
        "could not get sha256 checksum file",
    ),
    (
        "another checksum",
        &[TAG],
        Some((".zip", Spoilt::Changed)),
        "did not match",
    ),
    (
        "a list cut short",
        &[TAG],
        Some(("SHA256SUMS", Spoilt::CutShort)),
        "could not find a local nor a remote checksum",
    ),
];

pub(super) fn packer_init_tells_every_failure_apart(lab: &Lab<'_>) -> Result {
    for (name, tags, spoilt, said) in TROUBLES {
        let part = lab.part(&name.replace(' ', "_"))?;
        ensure_refused(&part, &super::github(&part, tags, spoilt)?, name, said)?;
    }
    let part = lab.part("no_network")?;
    let github = super::github(&part, &[TAG], None)?.gone();
    ensure_refused(&part, &github, "no network", "proxyconnect tcp")
}

fn ensure_refused(lab: &Lab<'_>, github: &FakeGitHub, name: &str, said: &str) -> Result {
    let tools = without_plugin(lab)?;
    let lab = Lab {
        tools: &tools,
        dir: lab.dir.clone(),
    };
    let packer = Packer::offline(&lab)?;
    let template = packer.template("good.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let ended = init(&lab, &packer, github, &template)?;
    ensure(ended.code != 0, || format!("packer init succeeds with {name}"))?;
    ensure_says(name, &ended.said().to_lowercase(), &[said])?;
    let programs = files::below(&tools.installed)?;
    ensure(programs.is_empty(), || {
        format!("with {name} Packer installed {programs:?}")
    })
}
