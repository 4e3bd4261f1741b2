//! Builds under real Packer that are interrupted: Ctrl-C, kill -9, and the same build again.

use std::{path::Path, time::Duration};

use serde_json::Value;

use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure, ensure_equal, ensure_says, ensure_silent},
    files,
    lab::Lab,
    left::{self, Kind},
    packer::Packer,
    process::Signal,
    suite::Case,
    template::{self, Post},
    time::wait_for,
    world,
};

/// How long to wait for a build to come to the place where it is interrupted.
const PLACE_LIMIT: Duration = Duration::from_secs(120);

/// The example machine's disks: one with the system, two with data.
const DISKS: usize = 3;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "ctrl_c_before_the_version_removes_the_snapshots",
        run: ctrl_c_before_the_version_removes_the_snapshots,
    },
    Case {
        name: "ctrl_c_during_replication_can_be_resumed",
        run: ctrl_c_during_replication_can_be_resumed,
    },
    Case {
        name: "killed_after_its_snapshots_a_build_resumes",
        run: killed_after_its_snapshots_a_build_resumes,
    },
    Case {
        name: "killed_build_of_an_older_machine_is_not_taken_up",
        run: killed_build_of_an_older_machine_is_not_taken_up,
    },
];

fn ctrl_c_before_the_version_removes_the_snapshots(lab: &Lab<'_>) -> Result {
    let (azure, packer) = world_of(lab)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let build = packer.start_build("cancelled", &[], &template)?;
    wait_for("the snapshots", PLACE_LIMIT, || written(&azure, "/snapshots/", DISKS))?;
    build.signal(Signal::Interrupt)?;
    let ended = build.wait(Packer::limit())?.ended_with(1)?;
    lab.keep_journal(&azure)?;
    ensure_silent("packer build", &ended.said(), &["PACKER CRASH"])?;
    ensure(azure.journal()?.count("PUT", &["/versions/"]) == 0, || {
        "a version was asked for after Ctrl-C".to_owned()
    })?;
    left::ensure_no_temporaries(&azure.resources()?)
}

fn ctrl_c_during_replication_can_be_resumed(lab: &Lab<'_>) -> Result {
    let (azure, packer) = world_of(lab)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    let build = packer.start_build("cancelled", &[], &template)?;
    wait_for("the version", PLACE_LIMIT, || written(&azure, "/versions/", 1))?;
    build.signal(Signal::Interrupt)?;
    let ended = build.wait(Packer::limit())?.ended_with(1)?;
    // Deleting a source breaks the copy: they stay, and the user is informed.
    let snapshots = left::names(&azure.resources()?, Kind::Snapshot);
    let image = left::names(&azure.resources()?, Kind::ManagedImage);
    ensure(!snapshots.is_empty() || !image.is_empty(), || {
        "the sources of a version being made are gone".to_owned()
    })?;
    for name in snapshots.iter().chain(&image) {
        ensure_says("packer build", &ended.said(), &[name])?;
    }
    packer.build("resumed", &[], &template)?.ended_with(0)?;
    ensure_same_as_undisturbed(lab, &azure, &packer)
}

fn killed_after_its_snapshots_a_build_resumes(lab: &Lab<'_>) -> Result {
    let (azure, packer) = world_of(lab)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    kill_after_snapshots(&azure, &packer, &template)?;
    packer.build("resumed", &[], &template)?.ended_with(0)?;
    ensure_same_as_undisturbed(lab, &azure, &packer)
}

fn killed_build_of_an_older_machine_is_not_taken_up(lab: &Lab<'_>) -> Result {
    let (azure, packer) = world_of(lab)?;
    let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
    kill_after_snapshots(&azure, &packer, &template)?;
    let old = left::names(&azure.resources()?, Kind::Snapshot);
    azure.seed(&world::rebuilt_machine(lab)?)?;
    let rebuilt = packer.build("rebuilt", &[], &template)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let journal = azure.journal()?;
    let puts = journal.count("PUT", &["/snapshots/"]);
    ensure(puts == 2 * DISKS, || {
        format!("{puts} snapshots were made, wanted {DISKS} of each machine")
    })?;
    let uses_old = |body: &Value| old.iter().any(|name| body.to_string().contains(name.as_str()));
    let later = journal
        .0
        .iter()
        .filter(|entry| entry.is("PUT", &["/images/"]) && uses_old(&entry.request));
    ensure_equal("images and versions made of the older snapshots", &later.count(), &0)?;
    // Whether the other run was killed cannot be known from here: its lease protects what it made for an hour.
    let resources = azure.resources()?;
    ensure_equal("snapshots that stay", &left::names(&resources, Kind::Snapshot), &old)?;
    ensure_equal(
        "managed images that stay",
        &left::names(&resources, Kind::ManagedImage).len(),
        &0,
    )?;
    ensure_says("packer build", &rebuilt.said(), &["kept", "uses it until"])
}

fn world_of<'a>(lab: &'a Lab<'a>) -> Result<(LocalAzure, Packer<'a>)> {
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?;
    Ok((azure, packer))
}

/// Kills Packer and the plugin without a chance to do anything.
fn kill_after_snapshots(azure: &LocalAzure, packer: &Packer<'_>, template: &Path) -> Result {
    let build = packer.start_build("killed", &[], template)?;
    wait_for("the snapshots", PLACE_LIMIT, || written(azure, "/snapshots/", DISKS))?;
    build.signal(Signal::Kill)?;
    build.wait(Packer::limit())?.ended_with(-9).map(drop)
}

/// Whether so many different resources of a kind have been asked for.
fn written(azure: &LocalAzure, kind: &str, count: usize) -> Result<Option<()>> {
    Ok((azure.journal()?.count("PUT", &[kind]) >= count).then_some(()))
}

/// One version, made of one set of snapshots, and nothing left over.
fn ensure_same_as_undisturbed(lab: &Lab<'_>, azure: &LocalAzure, packer: &Packer<'_>) -> Result {
    lab.keep_journal(azure)?;
    let snapshots = azure.journal()?.count("PUT", &["/snapshots/"]);
    ensure(snapshots == DISKS, || {
        format!("{snapshots} snapshots were made of {DISKS} disks")
    })?;
    let resources = azure.resources()?;
    left::ensure_no_temporaries(&resources)?;
    ensure_equal(
        "versions",
        &left::names(&resources, Kind::Version),
        &vec!["1.0.0".to_owned()],
    )?;
    let manifest = files::read(&packer.work().join("azure-batch-manifest.json"))?;
    ensure_says("the manifest", &manifest, &["/versions/1.0.0"])
}
