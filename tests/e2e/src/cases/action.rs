//! The Action under a real runner: the whole way, and the ways in which a roll-out fails.

use std::{ffi::OsString, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure, ensure_equal, ensure_says},
    journal::{Entry, Journal},
    lab::Lab,
    left,
    packer::Packer,
    pool::{self, POOL},
    runner::{self, Report},
    suite::Case,
    world,
};

/// How many lines a failure may need: one screen.
const SCREEN: usize = 40;

/// The first pause between two resize rounds is one minute, give or take a fifth.
const FIRST_PAUSE: [Duration; 2] = [Duration::from_secs(48), Duration::from_secs(72)];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "whole_way_from_packer_to_a_ready_pool",
        run: whole_way_from_packer_to_a_ready_pool,
    },
    Case {
        name: "steady_pool_without_nodes_fails_with_the_reason",
        run: steady_pool_without_nodes_fails_with_the_reason,
    },
    Case {
        name: "nodes_on_another_version_fail_the_rollout",
        run: nodes_on_another_version_fail_the_rollout,
    },
    Case {
        name: "quota_error_stops_at_once",
        run: quota_error_stops_at_once,
    },
];

fn whole_way_from_packer_to_a_ready_pool(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let packer = Packer::new(lab, &azure)?.with("PKR_VAR_batch_account_id", &world::account(world::ACCOUNT));
    packer
        .build("packer", &[], &lab.tools.checkout.join("examples/publish.pkr.hcl"))?
        .ended_with(0)?;
    left::ensure_no_temporaries(&azure.resources()?)?;
    ensure_two_regions(&azure.journal()?)?;
    azure.add_faults(&json!([{
        "name": "slow allocation", "target": format!("{}/{POOL}", world::ACCOUNT),
        "kind": "allocationTimeout", "deliver": 300
    }]))?;
    let manifest = packer.work().join("azure-batch-manifest.json");
    let report = run_action(lab, &azure, (&manifest, "render"), &[])?;
    lab.keep_journal(&azure)?;
    ensure_equal("the runner's exit code", &report.ended.code, &0)?;
    ensure_equal("nodes ready", &report.output("nodes-ready")?, &"700")?;
    ensure_says(
        "the output image-version",
        report.output("image-version")?,
        &["/versions/1.0.0"],
    )?;
    ensure_says(
        "the job summary",
        &report.summary(),
        &["700", "1.0.0", POOL, "AllocationTimedOut"],
    )?;
    ensure_second_round(&azure.journal()?)
}

fn steady_pool_without_nodes_fails_with_the_reason(lab: &Lab<'_>) -> Result {
    let faults = json!([{ "occurrence": "every", "kind": "allocationFailed", "deliver": 0, "provider": {
        "error": { "code": "SkuNotAvailable", "message": "The requested size is not available." } } }]);
    let (azure, report) = run_with_faults(lab, &faults, &[("RESIZE_ROUNDS", "1")])?;
    ensure_fails_in_one_screen(&report, &["0 of 20", "AllocationFailed"])?;
    ensure_equal("pools created", &azure.journal()?.count("POST", &["/pools"]), &1)
}

fn nodes_on_another_version_fail_the_rollout(lab: &Lab<'_>) -> Result {
    let faults =
        json!([{ "occurrence": "every", "kind": "wrongImage", "count": 20, "image": pool::version_id("0.9.0") }]);
    let (_azure, report) = run_with_faults(lab, &faults, &[])?;
    ensure_fails_in_one_screen(&report, &["0.9.0"])
}

fn quota_error_stops_at_once(lab: &Lab<'_>) -> Result {
    let faults = json!([{ "occurrence": "every", "kind": "quota", "deliver": 5, "code": "AccountCoreQuotaReached" }]);
    let (azure, report) = run_with_faults(lab, &faults, &[])?;
    ensure_fails_in_one_screen(&report, &["AccountCoreQuotaReached", "quota"])?;
    ensure_equal(
        "resizes after the quota error",
        &azure.journal()?.count("POST", &["/resize"]),
        &0,
    )
}

/// Rolls version 1.0.0 out to 20 nodes while things go wrong.
fn run_with_faults(lab: &Lab<'_>, faults: &Value, more: &[(&str, &str)]) -> Result<(LocalAzure, Report)> {
    let azure = lab.azure(pool::with_versions(lab, &["1.0.0", "0.9.0"])?)?;
    azure.add_faults(faults)?;
    let manifest = json!({
        "schema_version": 1, "image_version_id": pool::version_id("1.0.0"), "os_type": "Linux",
        "image_definition_id": world::definition("ubuntu"),
    });
    let manifest = lab.file("manifest.json", &manifest.to_string())?;
    let mut variables = vec![("TARGET_DEDICATED_NODES", "20")];
    variables.extend(more);
    let report = run_action(lab, &azure, (&manifest, "ubuntu"), &variables)?;
    lab.keep_journal(&azure)?;
    Ok((azure, report))
}

fn run_action(
    lab: &Lab<'_>,
    azure: &LocalAzure,
    (manifest, image): (&Path, &str),
    more: &[(&str, &str)],
) -> Result<Report> {
    let mut variables: Vec<(&str, OsString)> = vec![
        ("IMAGE_DEFINITION", world::definition(image).into()),
        ("MANIFEST", manifest.into()),
        ("ACCOUNT", world::account(world::ACCOUNT).into()),
        ("POOL_ID", POOL.into()),
        ("VM_SIZE", pool::SIZE.into()),
        ("NODE_AGENT_SKU_ID", pool::AGENT.into()),
        ("TARGET_DEDICATED_NODES", "700".into()),
        ("TENANT_ID", world::TENANT.into()),
        ("CLIENT_ID", world::CLIENT.into()),
        ("METADATA_HOST", azure.host().into()),
        ("CA_FILE", azure.ca.clone().into()),
    ];
    variables.extend(more.iter().map(|(name, value)| (*name, OsString::from(value))));
    runner::run(lab, azure, &variables)
}

/// The version is in the account's region with what its pool needs, ceil(700/300) and one more, and in the region that
/// the example asks for.
fn ensure_two_regions(journal: &Journal) -> Result {
    let bodies: String = journal
        .of("PUT", &["/versions/"])
        .map(|entry| entry.request.to_string())
        .collect();
    let lower = bodies.to_ascii_lowercase().replace(' ', "");
    let wanted = [
        "eastus2",
        "westeurope",
        "\"regionalreplicacount\":4",
        "\"regionalreplicacount\":1",
    ];
    ensure_says("the version's PUT", &lower, &wanted)
}

/// The failure is shown once, short, with the reason.
fn ensure_fails_in_one_screen(report: &Report, reasons: &[&str]) -> Result {
    ensure(report.ended.code != 0, || "the job did not fail".to_owned())?;
    let errors = report.annotations("error");
    let ours: Vec<&String> = errors
        .iter()
        .filter(|error| reasons.iter().all(|reason| error.contains(reason)))
        .collect();
    ensure(ours.len() == 1, || {
        format!("not one annotation says {reasons:?}: {errors:#?}")
    })?;
    let lines = ours.iter().map(|error| error.lines().count()).sum::<usize>();
    ensure(lines <= SCREEN, || format!("the annotation has {lines} lines"))?;
    ensure_says("the job summary", &report.summary(), reasons)
}

/// The second round asks for longer, after its pause, for the whole target.
fn ensure_second_round(journal: &Journal) -> Result {
    let asked = |entry: &Entry| {
        entry
            .request
            .get("resizeTimeout")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let created: Vec<&Entry> = journal
        .of("POST", &["/pools"])
        .filter(|entry| !entry.path.contains("/resize"))
        .collect();
    let resized: Vec<&Entry> = journal.of("POST", &["/resize"]).collect();
    ensure_equal("pools created", &created.len(), &1)?;
    ensure_equal("further resizes", &resized.len(), &1)?;
    let timeouts: Vec<_> = created.iter().chain(&resized).map(|entry| asked(entry)).collect();
    ensure_equal(
        "resize timeouts",
        &timeouts,
        &vec![Some("PT30M".to_owned()), Some("PT45M".to_owned())],
    )?;
    ensure_pause(journal, &resized)
}

fn ensure_pause(journal: &Journal, resized: &[&Entry]) -> Result {
    let Some(resize) = resized.first() else { return Ok(()) };
    // After the pause the pool is read once more, before the resize: a pause ends with a look. The one before it read
    // all pools and counted their nodes.
    let looked = journal
        .of("GET", &["/nodecounts"])
        .filter(|entry| entry.number < resize.number)
        .last();
    let Some(looked) = looked else { return Ok(()) };
    let pause = seconds_between(&looked.time, &resize.time);
    let [least, most] = FIRST_PAUSE.map(|pause| pause.as_secs());
    let between = format!("{pause:?} between {} and {}", looked.time, resize.time);
    // The last count may lie a poll before the pause; it is never after its end.
    ensure(pause.is_some_and(|pause| pause >= least && pause <= most + 30), || {
        format!("the pause was {between}")
    })
}

/// Seconds between two times of one day, as the journal writes them (`…T12:34:56.789Z`).
fn seconds_between(from: &str, to: &str) -> Option<u64> {
    let seconds = |time: &str| {
        let (_, clock) = time.split_once('T')?;
        let mut parts = clock
            .trim_end_matches('Z')
            .split(':')
            .map(|part| part.split('.').next()?.parse::<u64>().ok());
        Some(parts.next()?? * 3600 + parts.next()?? * 60 + parts.next()??)
    };
    const DAY: u64 = 24 * 3600;
    Some((seconds(to)? + DAY - seconds(from)?) % DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_apart_also_over_midnight() {
        assert_eq!(
            seconds_between("2026-01-01T10:00:00.5Z", "2026-01-01T10:01:01Z"),
            Some(61)
        );
        assert_eq!(
            seconds_between("2026-01-01T23:59:50Z", "2026-01-02T00:00:05Z"),
            Some(15)
        );
        assert_eq!(seconds_between("yesterday", "2026-01-02T00:00:05Z"), None);
    }
}
