//! The files a run leaves for the steps after it: outputs, job summary, report.
//!
//! What they say is made elsewhere. A file that cannot be written is reported, and does not fail the roll-out.

use std::{
    collections::hash_map::RandomState,
    fs::OpenOptions,
    hash::{BuildHasher as _, Hasher as _},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use azure_batch_core::{harmless::harmless_json, redact::Redactor};
use serde::Serialize;

use super::{
    Ending, Outputs, Report,
    answer::Answer,
    fleet::{self, FleetReport, PoolOfFleet},
    summary,
};
use crate::github::runner::Runner;

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the {what} to {path}: {source}", path = path.display())]
pub struct Unwritten {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// What the files hold.
struct Texts {
    report: String,
    outputs: Outputs,
    summary: String,
}

/// The names of the outputs, as `action.yml` declares them.
pub const NAMES: &[&str] = &[
    "pool-id",
    "image-version",
    "vm-size",
    "nodes-wanted",
    "nodes-ready",
    "rounds",
    "action",
    "result",
    "report-path",
    "pools",
    "exit-code",
    "changes",
    "deleted",
    "findings",
];

/// Writes all files; returns those that could not be written.
#[must_use]
pub fn write_all(report: &Report, report_path: Option<&Path>, runner: &Runner, redactor: &Redactor) -> Vec<Unwritten> {
    let texts = Texts {
        report: report_text(report),
        outputs: outputs(report, report_path),
        summary: summary::markdown(report, report_path),
    };
    write(&texts, report_path, runner, redactor)
}

/// Writes all files of a roll-out of many pools; returns those that could not be written.
#[must_use]
pub fn write_fleet(
    report: &FleetReport,
    report_path: Option<&Path>,
    runner: &Runner,
    redactor: &Redactor,
) -> Vec<Unwritten> {
    let texts = Texts {
        report: report_text(report),
        outputs: fleet_outputs(report, report_path),
        summary: report.markdown(),
    };
    write(&texts, report_path, runner, redactor)
}

/// Writes all files of a verb without a roll-out's report, and its result as the report; returns those that could not be
/// written.
#[must_use]
pub fn write_answer(
    (answer, result): (&Answer, &impl Serialize),
    ending: Ending,
    report_path: Option<&Path>,
    runner: &Runner,
    redactor: &Redactor,
) -> Vec<Unwritten> {
    let mut outputs = answer.outputs();
    outputs.push(("report-path", shown(report_path)));
    let texts = Texts {
        report: report_text(result),
        outputs,
        summary: answer.markdown(ending),
    };
    write(&texts, report_path, runner, redactor)
}

fn write(texts: &Texts, report_path: Option<&Path>, runner: &Runner, redactor: &Redactor) -> Vec<Unwritten> {
    let mut unwritten = Vec::new();
    let mut check = |what, path: &Path, written: io::Result<()>| {
        let path = path.to_owned();
        unwritten.extend(written.err().map(|source| Unwritten { what, path, source }));
    };
    if let Some(path) = report_path {
        check(
            "report",
            path,
            std::fs::write(path, harmless_json(&redactor.clean(&texts.report))),
        );
    }
    if let Some(path) = &runner.output {
        let text = outputs_text(&texts.outputs, random());
        check("outputs", path, append(path, &redactor.clean(&text)));
    }
    if let Some(path) = &runner.summary {
        check("job summary", path, append(path, &redactor.clean(&texts.summary)));
    }
    unwritten
}

fn report_text(report: &impl Serialize) -> String {
    // Our own types with text keys always serialise.
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// A number that may not be known: the runner shows it as empty then.
fn number(number: Option<u32>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| path.display().to_string())
}

fn outputs(report: &Report, report_path: Option<&Path>) -> Outputs {
    let asked = report.asked.as_ref();
    vec![
        ("pool-id", report.pool().map_or_else(String::new, ToString::to_string)),
        ("image-version", report.image_version().unwrap_or_default()),
        (
            "vm-size",
            report.vm_size().map_or_else(String::new, ToString::to_string),
        ),
        ("nodes-wanted", number(report.wanted())),
        ("nodes-ready", number(report.ready())),
        ("rounds", report.rounds().to_string()),
        ("action", report.action().to_owned()),
        ("result", report.result.to_owned()),
        ("report-path", shown(report_path)),
        (
            "pools",
            fleet::pools(std::iter::once((asked.map(|asked| &asked.pool), None, report))),
        ),
        ("exit-code", report.exit_code.to_string()),
    ]
}

/// Those of many pools: ids side by side, numbers together, and the result of the worst.
fn fleet_outputs(fleet: &FleetReport, report_path: Option<&Path>) -> Outputs {
    let reports = || fleet.pools.iter().map(|pool| &pool.report);
    let joined = |of: &dyn Fn(&Report) -> Option<String>| {
        let mut all: Vec<String> = reports().filter_map(of).collect();
        all.dedup();
        all.join(",")
    };
    let mut ids: Vec<&str> = fleet.pools.iter().map(|pool| pool.pool.as_str()).collect();
    ids.dedup();
    // Nodes that were not counted are not none, nor are those of a formula that was not looked at.
    let sum = |of: fn(&Report) -> Option<u32>| number(reports().map(of).sum::<Option<u32>>());
    vec![
        ("pool-id", ids.join(",")),
        ("image-version", joined(&Report::image_version)),
        ("vm-size", joined(&|report| report.vm_size().map(ToString::to_string))),
        ("nodes-wanted", sum(Report::wanted)),
        ("nodes-ready", sum(Report::ready)),
        ("rounds", reports().map(Report::rounds).sum::<usize>().to_string()),
        ("action", joined(&|report| Some(report.action().to_owned()))),
        ("result", fleet.result.to_owned()),
        ("report-path", shown(report_path)),
        ("pools", fleet::pools(fleet.pools.iter().map(PoolOfFleet::output))),
        ("exit-code", fleet.exit_code.to_string()),
    ]
}

/// The outputs in the runner's form. The delimiter is random, so that no value can end itself and begin another.
fn outputs_text(outputs: &Outputs, random: u64) -> String {
    let mut text = String::new();
    for (name, value) in outputs {
        let mut delimiter = format!("ghadelimiter_{random:016x}");
        while value.contains(&delimiter) {
            delimiter.push('_');
        }
        text.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    text
}

/// A number that cannot be foreseen: the seed of std's hash maps comes from the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{created, following, quota_reached};
    use super::*;

    #[test]
    fn outputs_have_one_value_each() {
        let text = outputs_text(&outputs(&created(), Some(Path::new("/t/report.json"))), 0xabc);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_size_of_a_pool_is_the_one_that_it_has() {
        let size = |report: &Report| {
            let outputs = outputs(report, None);
            let found = outputs.into_iter().find(|(name, _)| *name == "vm-size");
            found.map(|(_, size)| size)
        };
        let mut report = created();
        assert_eq!(size(&report).as_deref(), Some("Standard_D4s_v5"));
        report.rollout.as_mut().unwrap().vm_size = Some("Standard_D8s_v5".parse().unwrap());
        assert_eq!(size(&report).as_deref(), Some("Standard_D8s_v5"));
    }

    #[test]
    fn the_nodes_of_a_formula_are_a_number_only_when_it_is_known() {
        let wanted = |report: &Report| {
            let outputs = outputs(report, None);
            let found = outputs.into_iter().find(|(name, _)| *name == "nodes-wanted");
            found.map(|(_, wanted)| wanted)
        };
        assert_eq!(wanted(&following(Some(2))).as_deref(), Some("2"));
        assert_eq!(wanted(&following(None)).as_deref(), Some(""));
    }

    #[test]
    fn after_a_return_the_outputs_name_the_version_that_the_pool_runs_again() {
        let mut report = created();
        let version = |report: &Report| {
            let outputs = outputs(report, None);
            let value = |name| outputs.iter().find(|(known, _)| *known == name).unwrap().1.clone();
            let pools: serde_json::Value = serde_json::from_str(&value("pools")).unwrap();
            (value("image-version"), pools[0]["version"].clone())
        };
        let asked = report.image_version().unwrap();
        assert_eq!(version(&report), (asked.clone(), asked.clone().into()));
        let former = asked.replace("1.4.2", "1.4.1");
        let mut back_on = |image: Option<String>| {
            report.rollout.as_mut().unwrap().back_on = Some(azure_batch_core::rollout::BackOn { image });
            version(&report)
        };
        assert_eq!(back_on(Some(former.clone())), (former.clone(), former.into()));
        assert_eq!(back_on(None), (String::new(), serde_json::Value::Null));
    }

    #[test]
    fn a_value_cannot_end_itself() {
        let value = "ghadelimiter_0000000000000abc\nresult<<x\ncreated\nx".to_owned();
        let text = outputs_text(&vec![("pool-id", value)], 0xabc);
        assert!(text.starts_with("pool-id<<ghadelimiter_0000000000000abc_\n"), "{text}");
        assert!(text.contains("\nx\nghadelimiter_0000000000000abc_\n"), "{text}");
    }

    #[test]
    fn files_are_written_and_what_cannot_be_written_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let runner = Runner {
            output: Some(folder.path().join("outputs")),
            summary: Some(folder.path().join("missing/summary")),
            ..Runner::default()
        };
        let report_path = folder.path().join("report.json");
        let unwritten = write_all(&quota_reached(), Some(&report_path), &runner, &Redactor::default());
        let [unwritten] = &unwritten[..] else {
            panic!("{unwritten:?}")
        };
        assert!(
            unwritten.to_string().starts_with("cannot write the job summary to "),
            "{unwritten}"
        );
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report_path).unwrap()).unwrap();
        assert_eq!((&report["result"], &report["exit_code"]), (&"quota".into(), &4.into()));
        let outputs = std::fs::read_to_string(folder.path().join("outputs")).unwrap();
        assert!(outputs.contains("\nquota\n"), "{outputs}");
    }

    #[test]
    fn two_runs_have_two_delimiters() {
        assert_ne!(random(), random());
    }
}
