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
        name: "gc_leaves_what_a_run_of_today_may_need",
        run: gc_leaves_what_a_run_of_today_may_need,
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
    let settings = settings(lab)?;
    let of_file = ["--settings", &settings];
    let shown = verb(lab, &azure, ("shown", "plan"), &of_file)?.ended_with(10)?;
    let steps = "  + create image definition render";
    ensure_says(
        "the plan",
        &shown.stdout,
        &[steps, "eastus2: 4 replicas = 3", "nothing was written"],
    )?;
    ensure_wrote(&azure, 0, &[])?;
    verb(lab, &azure, ("publish", "publish"), &of_file)?.ended_with(0)?;
    let before = azure.journal()?.0.len();
    let again = verb(lab, &azure, ("again", "plan"), &of_file)?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says("the plan afterwards", &again.stdout, &["nothing to change"])?;
    ensure_wrote(&azure, before, &[])
}

fn publish_that_does_not_wait_is_waited_for_and_finished(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let version = publish_hastily(lab, &azure)?;
    let wait = ["--image-version", &version, "--json"];
    let waited = verb(lab, &azure, ("wait", "wait"), &wait)?.ended_with(0)?;
    let waited = image::document(&waited.stdout)?;
    ensure_says("what was waited for", &waited.to_string(), &["\"state\":\"Completed\""])?;
    let rest = verb(lab, &azure, ("rest", "publish"), &["--settings", &settings(lab)?])?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says(
        "the rest",
        &rest.stdout,
        &["render: found", "westus2: 1 replica, Completed"],
    )?;
    left::ensure_no_temporaries(&azure.resources()?)
}

fn promote_shows_who_takes_the_version_and_list_shows_what_is_latest(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(with_an_untried_version(lab)?)?;
    let version = pool::version_id("1.0.1");
    let planned = verb(lab, &azure, ("planned", "promote"), &["--image-version", &version])?.ended_with(10)?;
    let moves = "eastus2: latest moves from 1.0.0 to 1.0.1";
    let follower = "pool follower in acct1: its new nodes get 1.0.1";
    ensure_says("the plan", &planned.stdout, &[moves, follower, "nothing was written"])?;
    ensure_wrote(&azure, 0, &[])?;
    verb(
        lab,
        &azure,
        ("done", "promote"),
        &["--image-version", &version, "--yes"],
    )?
    .ended_with(0)?;
    let definition = world::definition("ubuntu");
    let list = verb(lab, &azure, ("list", "list"), &["--image-definition", &definition])?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_wrote(&azure, 0, &["/versions/1.0.1"])?;
    let newest = list.stdout.lines().find(|line| line.starts_with("1.0.1"));
    ensure_says(
        "the newest version's line",
        newest.unwrap_or_default(),
        &["Succeeded", "eastus2"],
    )?;
    ensure_says("the list", &list.stdout, &["pool follower in acct1 follows ubuntu"])
}

/// The newest version is excluded from latest, and a pool follows the definition.
fn with_an_untried_version(lab: &Lab<'_>) -> Result<Value> {
    let mut seed = pool::with_versions(lab, &["1.0.0", "1.0.1"])?;
    set(
        &mut seed,
        "/versions/1/publishingProfile/excludeFromLatest",
        json!(true),
    )?;
    let follower = on_image("follower", &world::definition("ubuntu"));
    set(&mut seed, "/batchAccounts/0/pools", json!([follower]))?;
    Ok(seed)
}

fn gc_leaves_what_a_run_of_today_may_need(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    publish_hastily(lab, &azure)?;
    let young = verb(lab, &azure, ("young", "gc"), &["--resource-groups", &group(), "--yes"])?.ended_with(0)?;
    lab.keep_journal(&azure)?;
    ensure_says("gc", &young.stdout, &["nothing to remove"])?;
    ensure(left::ensure_no_temporaries(&azure.resources()?).is_err(), || {
        "what a run of today has left was removed".to_owned()
    })
}

fn gc_removes_what_a_dead_run_left_and_leaves_the_rest(lab: &Lab<'_>) -> Result {
    let azure = lab.azure(world::example(lab)?)?;
    let version = publish_hastily(lab, &azure)?;
    verb(lab, &azure, ("wait", "wait"), &["--image-version", &version])?.ended_with(0)?;
    let name = expire_one(&azure)?;
    let planned = verb(lab, &azure, ("planned", "gc"), &["--resource-groups", &group()])?.ended_with(10)?;
    let step = format!("- remove snapshot {name}");
    ensure_says("the plan", &planned.stdout, &[&step, "stays", "nothing was written"])?;
    let before = azure.journal()?.0.len();
    verb(lab, &azure, ("done", "gc"), &["--resource-groups", &group(), "--yes"])?.ended_with(0)?;
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
    let rules = [
        "--image-definition",
        &definition,
        "--keep-newest",
        "1",
        "--keep-days",
        "0",
        "--grace-days",
        "0",
    ];
    let planned = verb(lab, &azure, ("planned", "prune"), &rules)?.ended_with(10)?;
    let step = "  ! delete image version 1.0.0 of ubuntu";
    ensure_says(
        "the plan",
        &planned.stdout,
        &["pool render in acct1 makes its nodes of it", step],
    )?;
    ensure_wrote(&azure, 0, &[])?;
    verb(lab, &azure, ("done", "prune"), &[&rules[..], &["--yes"]].concat())?.ended_with(0)?;
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
    let blobs = blobs_of(&azure)?;
    let text = format!(
        "source: {{os_vhd: '{blobs}images/os.vhd', data_vhd: [{{lun: 3, uri: '{blobs}images/data.vhd'}}]}}\ngeneralized: true\n\
         shared_image_gallery_destination: {{resource_group: {}, gallery_name: {}, image_name: ubuntu}}\n",
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

/// The resource group of everything.
fn group() -> String {
    format!("/subscriptions/{}/resourceGroups/{}", world::SUBSCRIPTION, world::GROUP)
}

/// The file with the settings of a publish.
fn settings(lab: &Lab<'_>) -> Result<String> {
    let path = lab.file("image.yaml", &image::settings("render"))?;
    Ok(path.display().to_string())
}

/// Runs a verb to its end; its log has a name of its own.
fn verb(lab: &Lab<'_>, azure: &LocalAzure, (log, verb): (&str, &str), arguments: &[&str]) -> Result<Finished> {
    image::command(lab, azure, log, verb)?.args(arguments).run(LIMIT)
}

/// Publishes without waiting, and gives the version's id.
fn publish_hastily(lab: &Lab<'_>, azure: &LocalAzure) -> Result<String> {
    let settings = settings(lab)?;
    let arguments = ["--set", "no_wait=true", "--settings", &settings];
    let hasty = verb(lab, azure, ("hasty", "publish"), &arguments)?.ended_with(0)?;
    ensure_says(
        "the hasty publish",
        &hasty.stdout,
        &["still to do: wait for image version 1.0.0"],
    )?;
    Ok(format!("{}/versions/1.0.0", world::definition("render")))
}

/// Where the first storage account has its blobs: the local Azure gives each a port of its own.
fn blobs_of(azure: &LocalAzure) -> Result<String> {
    let resources = azure.resources()?;
    let place = "/storage/0/properties/primaryEndpoints/blob";
    let blobs = resources.pointer(place).and_then(Value::as_str).map(str::to_owned);
    blobs.ok_or_else(|| Failure::unexpected(format!("there is no {place} in {resources}")))
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
