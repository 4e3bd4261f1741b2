//! What real Packer shows of a publish: a good one, one that a quota stops, one that a person stops; compared as a whole.
//!
//! Lines whose order is free are sorted: those of one step, and all of a build that is stopped. What becomes of the
//! resources is tested with Packer's other cases.

use std::time::Duration;

use serde_json::json;

use super::{scene::side_by_side, snapshot};
use crate::{
    failure::{Result, ensure},
    files,
    lab::Lab,
    packer::Packer,
    process::Signal,
    suite::Case,
    template::{self, Post},
    time::wait_for,
    world,
};

/// How long until a build has come to the place where it is stopped.
const PLACE_LIMIT: Duration = Duration::from_secs(120);

/// Stands for the lines that say which snapshots were made.
const SNAPSHOTS: &str = "created SNAPSHOTS";

pub(super) const CASES: &[Case] = &[Case {
    name: "logs_of_packer_are_what_they_were",
    run: logs_of_packer_are_what_they_were,
}];

/// What happens to a build.
#[derive(Clone, Copy, Debug)]
enum Build {
    Good,
    Quota,
    Cancelled,
}

impl Build {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Quota => "quota",
            Self::Cancelled => "cancelled",
        }
    }

    fn log(self, lab: &Lab<'_>) -> Result<String> {
        let lab = lab.part(self.name())?;
        let azure = lab.azure(world::example(&lab)?)?;
        let packer = Packer::new(&lab, &azure)?;
        if let Self::Quota = self {
            azure.add_faults(&json!([{ "method": "PUT", "path": "*/snapshots/*", "occurrence": "every", "kind": "status",
                "status": 409, "code": "QuotaExceeded", "message": "Operation could not be completed as it results in exceeding approved quota." }]))?;
        }
        let template = packer.template("t.pkr.hcl", &template::with_null_builder(&Post::default().block()))?;
        let build = packer.start_build("build", &[], &template)?;
        if let Self::Cancelled = self {
            wait_for("the version", PLACE_LIMIT, || {
                Ok((azure.journal()?.count("PUT", &["/versions/"]) > 0).then_some(()))
            })?;
            build.signal(Signal::Interrupt)?;
        }
        let code = i32::from(!matches!(self, Self::Good));
        let ended = build.wait(Packer::limit())?.ended_with(code)?;
        let lines: Vec<String> = ended
            .said()
            .lines()
            .filter(|line| !is_progress(line))
            .map(without_count)
            .collect();
        // What Packer is asked to stop in the middle of is a matter of moments.
        Ok(match self {
            Self::Cancelled => sorted(lines),
            Self::Good | Self::Quota => lines
                .chunk_by(|one, other| is_detail(one) && is_detail(other))
                .map(|chunk| sorted(chunk.to_vec()))
                .collect(),
        })
    }
}

fn logs_of_packer_are_what_they_were(lab: &Lab<'_>) -> Result {
    let builds = [Build::Good, Build::Quota, Build::Cancelled];
    let logs = side_by_side(
        builds
            .iter()
            .map(|build| (build.name().to_owned(), move || build.log(lab))),
    )?;
    let mut changed = Vec::new();
    for (build, log) in builds.iter().zip(logs) {
        let name = format!("packer-{}", build.name());
        files::write(&lab.dir.join(format!("{name}.txt")), &log)?;
        if let Err(failure) = snapshot::ensure_same(lab, &name, &log) {
            changed.push(failure.report());
        }
    }
    ensure(changed.is_empty(), || changed.join("\n"))
}

/// How far a region is: how often that is seen depends on the machine.
fn is_progress(line: &str) -> bool {
    line.ends_with(" %")
}

/// A line of what happens in a step. What is made side by side comes in any order.
fn is_detail(line: &str) -> bool {
    line.contains("(azure-batch):   ")
}

/// How many of the snapshots are named by one line depends on how soon after each other they are there.
fn without_count(line: &str) -> String {
    match line.split_once("created ") {
        Some((before, what)) if what.contains("snapshots") => format!("{before}{SNAPSHOTS}"),
        _ => line.to_owned(),
    }
}

fn sorted(mut lines: Vec<String>) -> String {
    lines.sort();
    lines.dedup_by(|one, other| one == other && one.ends_with(SNAPSHOTS));
    lines.into_iter().map(|line| line + "\n").collect()
}
