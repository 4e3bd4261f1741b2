//! The workflows of `examples/` that use actions of others, under a real runner; and the list of all examples with the
//! case that runs each.
//!
//! Four things are not those of GitHub: the event that starts them, the actions of others, which the network would have
//! to bring, `packer init`, which the release rehearsal runs, and the deployment that GitHub would show. Workflows with
//! our action alone are in `examples`.

use std::{ffi::OsString, path::PathBuf};

use serde_json::{Value, json};

use super::pages::{WORKFLOW, action, filled_in, repository};
use crate::{
    emulator::LocalAzure,
    failure::{Result, ensure_equal, ensure_says},
    files,
    lab::Lab,
    pool,
    runner::{self, Job, Report},
    suite::Case,
    world,
};

/// A line of a workflow that says which action a step uses.
const USES: &str = "uses: ";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "example_of_a_rollout_runs_under_a_real_runner",
        run: example_of_a_rollout_runs_under_a_real_runner,
    },
    Case {
        name: "example_of_retention_shows_its_plan_and_deletes_after_it",
        run: example_of_retention_shows_its_plan_and_deletes_after_it,
    },
    Case {
        name: "every_example_is_run",
        run: every_example_is_run,
    },
];

/// Each file of the folder, and the case that runs it.
const EXAMPLES: [(&str, &str); 12] = [
    (
        "blue-green.yml",
        "example_moves_the_work_to_a_second_pool_after_its_plan",
    ),
    (
        "branch-pools.yml",
        "example_makes_a_pool_for_a_branch_and_deletes_expired_ones",
    ),
    (
        "dispatch.yml",
        "example_rolls_out_what_another_repository_has_announced",
    ),
    ("in-place.yml", "example_changes_the_pool_in_place_on_a_schedule"),
    ("minimal.pkr.hcl", "pages_templates_are_built_by_real_packer"),
    ("pool.yaml", "example_changes_the_pool_in_place_on_a_schedule"),
    ("prices.yaml", "example_of_prices_is_in_a_plan"),
    ("publish.pkr.hcl", "whole_way_from_packer_to_a_ready_pool"),
    (
        "retention.yaml",
        "example_of_retention_shows_its_plan_and_deletes_after_it",
    ),
    (
        "retention.yml",
        "example_of_retention_shows_its_plan_and_deletes_after_it",
    ),
    ("rollout.yml", "example_of_a_rollout_runs_under_a_real_runner"),
    ("status.yml", "example_tells_every_night_of_pools_that_are_behind"),
];

/// An action of others, and what its stand-in does.
const STAND_INS: [(&str, &str); 3] = [
    ("hashicorp/setup-packer", "true"),
    (
        "actions/upload-artifact",
        "mkdir -p \"$ARTIFACTS\" && cp '${{ inputs.path }}' \"$ARTIFACTS/\"",
    ),
    ("actions/download-artifact", "cp \"$ARTIFACTS\"/* ."),
];

fn every_example_is_run(lab: &Lab<'_>) -> Result {
    let found = files::below(&lab.tools.checkout.join("examples"))?;
    let names: Vec<String> = found
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    ensure_equal(
        "files of examples/",
        &names,
        &EXAMPLES.map(|(name, _)| name.to_owned()).to_vec(),
    )?;
    let all = super::all();
    let missing: Vec<&str> = EXAMPLES
        .into_iter()
        .map(|(_, case)| case)
        .filter(|case| !all.iter().any(|known| known.name == *case))
        .collect();
    ensure_equal("cases that do not exist", &missing, &Vec::new())
}

fn example_of_a_rollout_runs_under_a_real_runner(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let text = files::read(&lab.tools.checkout.join("examples/rollout.yml"))?;
    let on_push = "on:\n  push:\n    branches: [main]\n    paths: [\"image/**\"]\n";
    ensure_says("the example", &text, &[on_push])?;
    let started_by_hand = text.replace(on_push, "on: workflow_dispatch\n");
    let is_of_github = |line: &&str| line.contains("github-token:") || line.contains("deployment-environment:");
    let lines: Vec<&str> = started_by_hand.lines().filter(|line| !is_of_github(line)).collect();
    let work = repository(lab, &filled_in(&lines.join("\n")))?;
    files::make(&work.join("image"))?;
    let template = lab.tools.checkout.join("examples/publish.pkr.hcl");
    files::copy(&template, &work.join("image/image.pkr.hcl"))?;
    let variables = [
        ("PKR_VAR_subscription_id", world::SUBSCRIPTION.to_owned()),
        ("PKR_VAR_tenant_id", world::TENANT.to_owned()),
        ("PKR_VAR_client_id", world::CLIENT.to_owned()),
        ("PKR_VAR_client_secret", world::client_secret(lab)?),
        ("PKR_VAR_metadata_host", azure.host().to_owned()),
        ("PKR_VAR_ca_file", azure.ca.display().to_string()),
        ("PKR_VAR_batch_account_id", world::account(world::ACCOUNT)),
    ];
    let report = run(lab, &azure, (&work, &text), &variables)?;
    lab.keep_journal(&azure)?;
    ensure_equal("the runner's exit code", &report.ended.code, &0)?;
    ensure_says("the last step", &report.printed(), &["render has 700 nodes ready"])
}

fn example_of_retention_shows_its_plan_and_deletes_after_it(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(aged_versions(lab)?)?;
    let examples = lab.tools.checkout.join("examples");
    let text = files::read(&examples.join("retention.yml"))?;
    let work = repository(
        lab,
        &text
            .replace("${{ vars.AZURE_TENANT_ID }}", world::TENANT)
            .replace("${{ vars.AZURE_CLIENT_ID }}", world::CLIENT),
    )?;
    let rules = files::read(&examples.join("retention.yaml"))?;
    let no_subscription = "00000000-0000-0000-0000-000000000000";
    ensure_says("the rules", &rules, &[no_subscription])?;
    let rules = rules.replace(no_subscription, world::SUBSCRIPTION);
    files::write(&work.join("retention.yaml"), rules)?;
    let report = run(lab, &azure, (&work, &text), &[])?;
    lab.keep_journal(&azure)?;
    ensure_equal("the runner's exit code", &report.ended.code, &0)?;
    ensure_says(
        "the plan in the summary",
        &report.summary(),
        &[
            "- delete image version 1.0.0 of render",
            "it is one of the 5 newest that succeeded",
        ],
    )?;
    let journal = azure.journal()?;
    for number in ["1.0.0", "1.0.1"] {
        let deleted = journal.count("DELETE", &[&format!("/render/versions/{number}")]);
        ensure_equal(&format!("deletions of {number}"), &deleted, &1)?;
    }
    ensure_equal("all deletions", &journal.count("DELETE", &["/versions/"]), &2)
}

/// The example with seven old versions of the definition that the rules name, in a gallery with soft deletion: there a
/// version is deleted without being deprecated first.
fn aged_versions(lab: &Lab<'_>) -> Result<Value> {
    let numbers = ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5", "1.0.6"];
    let text = pool::with_versions(lab, &numbers)?.to_string();
    let mut seed = files::parse("the seed", &text.replace("\"ubuntu\"", "\"render\""))?;
    if let Some(gallery) = seed.pointer_mut("/galleries/0").and_then(Value::as_object_mut) {
        let policy = json!({ "softDeletePolicy": { "isSoftDeleteEnabled": true } });
        gallery.insert("properties".to_owned(), policy);
    }
    let versions = seed.get_mut("versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        if let Some(profile) = version.get_mut("publishingProfile").and_then(Value::as_object_mut) {
            profile.insert("publishedDate".to_owned(), json!("2020-01-01T00:00:00Z"));
        }
    }
    Ok(seed)
}

/// Runs the workflow of a repository; `text` is the example, which says which actions it uses.
fn run(lab: &Lab<'_>, azure: &LocalAzure, (work, text): (&PathBuf, &str), more: &[(&str, String)]) -> Result<Report> {
    let folders = stand_ins(lab, text)?;
    let actions: Vec<(&str, &std::path::Path)> = folders
        .iter()
        .map(|(uses, folder)| (uses.as_str(), folder.as_path()))
        .collect();
    let job = Job {
        dir: work,
        workflow: &work.join(WORKFLOW),
        actions: &actions,
    };
    let mut path = packer(lab)?.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut variables: Vec<(&str, OsString)> = vec![
        ("PATH", path),
        ("AZURE_BATCH_POOL_BINARY", lab.tools.pool.clone().into()),
        ("ARTIFACTS", lab.dir.join("artifacts").into()),
        ("ARM_METADATA_HOST", azure.host().into()),
        ("SSL_CERT_FILE", azure.ca.clone().into()),
        ("ARM_SUBSCRIPTION_ID", world::SUBSCRIPTION.into()),
        ("PACKER_PLUGIN_PATH", lab.tools.installed.clone().into()),
        ("CHECKPOINT_DISABLE", "1".into()),
    ];
    variables.extend(more.iter().map(|(name, value)| (*name, OsString::from(value))));
    runner::start(lab, azure, &job, &variables)
}

/// What takes the place of each action that the example uses, by the name and commit under which it uses it.
fn stand_ins(lab: &Lab<'_>, text: &str) -> Result<Vec<(String, PathBuf)>> {
    let mut folders = Vec::new();
    let uses = text
        .lines()
        .filter_map(|line| line.split_once(USES)?.1.split_whitespace().next());
    for uses in uses.filter(|uses| !uses.starts_with("actions/checkout@")) {
        if folders.iter().any(|(known, _)| known == uses) {
            continue;
        }
        let name = uses.split('@').next().unwrap_or(uses);
        let folder = match STAND_INS.iter().find(|(known, _)| *known == name) {
            Some((_, script)) => stand_in(lab, name, script)?,
            None => action(lab)?,
        };
        folders.push((uses.to_owned(), folder));
    }
    Ok(folders)
}

fn stand_in(lab: &Lab<'_>, name: &str, script: &str) -> Result<PathBuf> {
    let folder = lab.folder(&name.replace('/', "-"))?;
    let text = format!(
        "name: stand-in\ndescription: stands in for {name}\ninputs:\n  name: {{}}\n  path: {{}}\n  version: {{}}\n  \
         if-no-files-found: {{}}\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: |\n        {script}\n"
    );
    files::write(&folder.join("action.yml"), text)?;
    Ok(folder)
}

/// Packer whose `init` finds the plugin installed already.
fn packer(lab: &Lab<'_>) -> Result<PathBuf> {
    let folder = lab.folder("bin")?;
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = init ] && exit 0\nexec '{}' \"$@\"\n",
        lab.tools.packer.display()
    );
    files::write_program(&folder.join("packer"), &text)?;
    Ok(folder)
}
