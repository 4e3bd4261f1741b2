//! The plugin's program as a person uses it: plan, publish, wait, list, promote, gc and prune, one after the other.
//!
//! What a machine is like, and what becomes of it under Packer, is in `machines`.

use serde_json::{Value, json};

use crate::{
    emulator::LocalAzure,
    failure::{Failure, Result, ensure, ensure_equal, ensure_says},
    image::{self, LIMIT},
    lab::Lab,
    left::{self, Kind},
    pool,
    process::Finished,
    suite::Case,
    world,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "plan_shows_what_a_publish_does_and_writes_nothing",
        run: plan_shows_what_a_publish_does_and_writes_nothing,
    },
    Case {
        name: "publish_that_does_not_wait_is_waited_for_and_finished",
        run: publish_that_does_not_wait_is_waited_for_and_finished,
    },
    Case {
        name: "promote_shows_who_takes_the_version_and_list_shows_what_is_latest",
        run: promote_shows_who_takes_the_version_and_list_shows_what_is_latest,
    },
    Case {
        name: "gc_removes_what_a_dead_run_left_and_leaves_the_rest",
        run: gc_removes_what_a_dead_run_left_and_leaves_the_rest,
    },
    Case {
        name: "prune_deletes_what_nothing_uses_and_keeps_what_a_pool_runs",
        run: prune_deletes_what_nothing_uses_and_keeps_what_a_pool_runs,
    },
    Case {
        name: "vhds_become_a_version",
        run: vhds_become_a_version,
    },
];

fn plan_shows_what_a_publish_does_and_writes_nothing(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let settings = lab.file("image.yaml", &image::settings("render"))?;
    let plan = image::command(lab, &azure, "plan", "plan")?
        .arg("--settings")
        .arg(&settings);
    let shown = plan.run(LIMIT)?.ended_with(10)?;
    ensure_says(
        "the plan",
        &shown.stdout,
        &[
            "  + create image definition render",
            "eastus2: 4 replicas = 3 for pools of 700 nodes",
            "nothing was written",
        ],
    )?;
    ensure_wrote(&azure, 0, &[])?;
    let publish = image::command(lab, &azure, "publish", "publish")?
        .arg("--settings")
        .arg(&settings);
    publish.run(LIMIT)?.ended_with(0)?;
    let before = azure.journal()?.0.len();
    let again = image::command(lab, &azure, "again", "plan")?
        .arg("--settings")
        .arg(&settings);
    let again = again.run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says("the plan afterwards", &again.stdout, &["nothing to change"])?;
    ensure_wrote(&azure, before, &[])
}

fn publish_that_does_not_wait_is_waited_for_and_finished(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let settings = lab.file("image.yaml", &image::settings("render"))?;
    let hasty = image::command(lab, &azure, "hasty", "publish")?.args(["--set", "no_wait=true", "--settings"]);
    let hasty = hasty.arg(&settings).run(LIMIT)?.ended_with(0)?;
    ensure_says(
        "the hasty publish",
        &hasty.stdout,
        &["still to do: wait for image version 1.0.0"],
    )?;
    let version = format!("{}/versions/1.0.0", world::definition("render"));
    let wait = image::command(lab, &azure, "wait", "wait")?.args(["--image-version", &version, "--json"]);
    let waited = image::document(&wait.run(LIMIT)?.ended_with(0)?.stdout)?;
    ensure_says("what was waited for", &waited.to_string(), &["\"state\":\"Completed\""])?;
    let rest = image::command(lab, &azure, "rest", "publish")?
        .arg("--settings")
        .arg(&settings);
    let rest = rest.run(LIMIT)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says(
        "the rest",
        &rest.stdout,
        &["render: found", "westus2: 1 replicas, Completed"],
    )?;
    left::ensure_no_temporaries(&azure.resources()?)
}

fn promote_shows_who_takes_the_version_and_list_shows_what_is_latest(lab: &Lab<'_>) -> Result {
    let mut seed = pool::with_versions(lab, &["1.0.0", "1.0.1"])?;
    set(
        &mut seed,
        "/versions/1/publishingProfile/excludeFromLatest",
        json!(true),
    )?;
    set(
        &mut seed,
        "/batchAccounts/0/pools",
        json!([on_image("follower", &world::definition("ubuntu"))]),
    )?;
    let azure = lab.azure(seed)?;
    let promote = |log: &str, more: &[&str]| {
        let command = image::command(lab, &azure, log, "promote")?;
        command
            .args(["--image-version", &pool::version_id("1.0.1")])
            .args(more)
            .run(LIMIT)
    };
    let planned = promote("planned", &[])?.ended_with(10)?;
    ensure_says(
        "the plan",
        &planned.stdout,
        &[
            "eastus2: latest moves from 1.0.0 to 1.0.1",
            "pool follower in acct1: its new nodes get 1.0.1",
            "nothing was written",
        ],
    )?;
    ensure_wrote(&azure, 0, &[])?;
    promote("done", &["--yes"])?.ended_with(0)?;
    let list = image::command(lab, &azure, "list", "list")?;
    let list = list
        .args(["--image-definition", &world::definition("ubuntu")])
        .run(LIMIT)?;
    lab.keep_journal(&azure)?;
    ensure_wrote(&azure, 0, &["/versions/1.0.1"])?;
    let shown = list.ended_with(0)?.stdout;
    let newest = shown.lines().find(|line| line.starts_with("1.0.1")).unwrap_or_default();
    ensure_says("the line of the newest version", newest, &["Succeeded", "eastus2"])?;
    ensure_says("the list", &shown, &["pool follower in acct1 follows ubuntu"])
}

fn gc_removes_what_a_dead_run_left_and_leaves_the_rest(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let settings = lab.file("image.yaml", &image::settings("render"))?;
    let hasty = image::command(lab, &azure, "hasty", "publish")?.args(["--set", "no_wait=true", "--settings"]);
    hasty.arg(&settings).run(LIMIT)?.ended_with(0)?;
    let group = format!("/subscriptions/{}/resourceGroups/{}", world::SUBSCRIPTION, world::GROUP);
    let gc = |log: &str, more: &[&str]| -> Result<Finished> {
        let command = image::command(lab, &azure, log, "gc")?;
        command.args(["--resource-groups", &group]).args(more).run(LIMIT)
    };
    let young = gc("young", &["--yes"])?.ended_with(0)?;
    ensure_says("what is young", &young.stdout, &["stays", "it expires at"])?;
    let version = format!("{}/versions/1.0.0", world::definition("render"));
    let wait = image::command(lab, &azure, "wait", "wait")?.args(["--image-version", &version]);
    wait.run(LIMIT)?.ended_with(0)?;
    let name = expire_one(&azure)?;
    let planned = gc("planned", &[])?.ended_with(10)?;
    ensure_says(
        "the plan",
        &planned.stdout,
        &[&format!("- remove snapshot {name}"), "stays", "nothing was written"],
    )?;
    let before = azure.journal()?.0.len();
    gc("done", &["--yes"])?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let journal = azure.journal()?;
    let removed = journal.0.iter().skip(before).filter(|entry| entry.method == "DELETE");
    let removed: Vec<&str> = removed.filter_map(|entry| entry.path.rsplit('/').next()).collect();
    ensure_equal("what was removed", &removed, &vec![name.as_str()])
}

/// Lets the life of a snapshot of the publish be over, as a day later, and gives its name.
fn expire_one(azure: &LocalAzure) -> Result<String> {
    let journal = azure.journal()?;
    let made = journal.of("PUT", &["/snapshots/"]).next();
    let made = made.ok_or_else(|| Failure::unexpected("the publish has made no snapshot"))?;
    let name = made.path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut tags = made.request.get("tags").cloned().unwrap_or_default();
    if let Some(tags) = tags.as_object_mut() {
        tags.retain(|tag, _| !tag.starts_with("azure-batch-lease"));
        tags.insert("azure-batch-expires".to_owned(), json!("2020-01-01T00:00:00Z"));
    }
    let snapshot = json!({"name": name, "resourceGroup": world::GROUP, "location": "eastus2", "tags": tags});
    azure.seed(&json!({"subscriptions": [], "snapshots": [snapshot]}))?;
    Ok(name)
}

fn prune_deletes_what_nothing_uses_and_keeps_what_a_pool_runs(lab: &Lab<'_>) -> Result {
    let mut seed = pool::with_versions(lab, &["1.0.0", "1.0.1", "1.0.2", "1.0.3"])?;
    let pool = on_image("render", &pool::version_id("1.0.2"));
    set(&mut seed, "/batchAccounts/0/pools", json!([pool]))?;
    set(&mut seed, "/batchAccounts/1/allowedAuthenticationModes", json!(["AAD"]))?;
    let azure = lab.azure(seed)?;
    let definition = world::definition("ubuntu");
    let prune = |log: &str, more: &[&str]| -> Result<Finished> {
        let command = image::command(lab, &azure, log, "prune")?;
        let rules = ["--keep-newest", "1", "--keep-days", "0", "--grace-days", "0"];
        let command = command.args(["--image-definition", &definition]).args(rules);
        command.args(more).run(LIMIT)
    };
    let planned = prune("planned", &[])?.ended_with(10)?;
    ensure_says(
        "the plan",
        &planned.stdout,
        &[
            "pool render in acct1 makes its nodes of it",
            "  ! delete image version 1.0.0 of ubuntu",
            "nothing was written",
        ],
    )?;
    ensure_wrote(&azure, 0, &[])?;
    prune("done", &["--yes"])?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    let kept: Vec<String> = ["1.0.1", "1.0.2", "1.0.3"].map(str::to_owned).into();
    ensure_equal("versions", &left::names(&azure.resources()?, Kind::Version), &kept)
}

fn vhds_become_a_version(lab: &Lab<'_>) -> Result {
    let mut seed = pool::with_versions(lab, &[])?;
    let blobs = json!([{"container": "images", "name": "os.vhd", "diskGB": 30}, {"container": "images", "name": "data.vhd", "diskGB": 64}]);
    let account = json!({"name": "vhds", "resourceGroup": world::GROUP, "location": "eastus2", "blobs": blobs});
    set(&mut seed, "/storageAccounts", json!([account]))?;
    let azure = lab.azure(seed)?;
    let text = format!(
        "source:\n  os_vhd: https://vhds.blob.core.windows.net/images/os.vhd\n  data_vhd: [{{lun: 3, uri: 'https://vhds.blob.core.windows.net/images/data.vhd'}}]\n\
         generalized: true\nshared_image_gallery_destination: {{resource_group: {}, gallery_name: {}, image_name: ubuntu}}\n",
        world::GROUP,
        world::GALLERY
    );
    let settings = lab.file("image.yaml", &text)?;
    let publish = image::command(lab, &azure, "publish", "publish")?
        .arg("--json")
        .arg("--settings")
        .arg(settings);
    let made = image::document(&publish.run(LIMIT)?.ended_with(0)?.stdout)?;
    lab.keep_journal(&azure)?;
    ensure_equal(
        "its LUNs",
        &made.pointer("/published/data_disk_luns"),
        &Some(&json!([3])),
    )?;
    left::ensure_no_temporaries(&azure.resources()?)
}

/// A pool on an image, with two nodes.
fn on_image(id: &str, image: &str) -> Value {
    json!({"id": id, "vmSize": "standard_d4s_v5", "targetDedicatedNodes": 2, "targetLowPriorityNodes": 0,
        "virtualMachineConfiguration": {
            "imageReference": {"virtualMachineImageId": image}, "nodeAgentSKUId": pool::AGENT}})
}

/// Puts a value into the seed; the last name of the place is made where it is missing.
fn set(seed: &mut Value, place: &str, value: Value) -> Result {
    let (object, name) = place.rsplit_once('/').unwrap_or_default();
    let object = seed.pointer_mut(object).and_then(Value::as_object_mut);
    let object = object.ok_or_else(|| Failure::unexpected(format!("the seed has no place for {place}")))?;
    object.insert(name.to_owned(), value);
    Ok(())
}

/// What was written after so many requests, by the ends of the paths.
fn ensure_wrote(azure: &LocalAzure, before: usize, wanted: &[&str]) -> Result {
    let journal = azure.journal()?;
    let writes: Vec<String> = journal
        .0
        .iter()
        .skip(before)
        .filter(|it| it.is_write())
        .map(|it| it.line())
        .collect();
    let is_as_wanted =
        writes.len() == wanted.len() && writes.iter().zip(wanted).all(|(line, part)| line.contains(part));
    ensure(is_as_wanted, || format!("wrote {writes:?}, wanted {wanted:?}"))
}
