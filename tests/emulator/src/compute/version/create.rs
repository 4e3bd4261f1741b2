//! Making a version: its checks, then one copy per region.
//!
//! It changes no version that is there, but for one that failed and is made again.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    profile::{self, Target},
    replication::{Fate, RegionCopy, VersionFacts},
    source::{self, Source},
    update,
};
use crate::{
    arm::{Answer, ArmError, ArmPath},
    compute::{
        Change, Doing, Item, Kind, canonical_id, definition, missing, name, require_parent, required_location,
        write_body,
    },
    http::Response,
    json as edit,
    operation::{self, Failure, Form, Output, Plan, Started},
    timing::Timing,
    world::{Call, World},
};

/// `PUT` of a version that is not there.
pub(super) fn create(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    if name::parse_version(path.name()).is_none() {
        let message = "The image version name is invalid. The image version name should follow \
                       Major(int).Minor(int).Patch(int) format, for e.g: 1.0.0, 2018.12.1 etc.";
        return Err(ArmError::invalid_parameter("galleryImageVersionName", message));
    }
    let parent = path.parent().ok_or_else(|| missing(path))?;
    require_parent(world, &parent)?;
    make(world, call, path, StatusCode::CREATED)
}

/// `PUT` of a version that failed: the same again, from the same source.
pub(super) fn recreate(world: &mut World, call: &Call<'_>, path: &ArmPath) -> Answer {
    let body = write_body(call)?;
    if let Some(item) = world.compute.versions.find(&path.key()) {
        update::require_same_source(&item.body, &body)?;
    }
    make(world, call, path, StatusCode::OK)
}

fn make(world: &mut World, call: &Call<'_>, path: &ArmPath, status: StatusCode) -> Answer {
    let mut body = write_body(call)?;
    let location = required_location(&body)?;
    let parent = path.parent().ok_or_else(|| missing(path))?;
    let definition = world
        .compute
        .definitions
        .find(&parent.key())
        .ok_or_else(|| missing(&parent))?;
    let targets = profile::normalise(&mut body, &location, call.now)?;
    let source = source::resolve(&world.compute, &body, &location, definition)?;
    require_encryption(definition, &body, &location)?;
    edit::set(&mut body, &["location"], json!(location));

    let copies = copies(&world.timing, call, &targets);
    let (started, copies) = start(world, call, path, copies);
    let mut item = Item::new(
        canonical_id(path),
        body,
        VersionFacts {
            copies,
            sources: source.needed.clone(),
            plan: source.plan.clone(),
            retention: None,
        },
    );
    item.change = Some(Change::new(Doing::Creating, &started).showing(readouts(&item.body, &source)));
    let shown = item.view(&Kind::Version.type_name());
    world.compute.versions.insert(item);
    Ok(started.announce(Response::json(status, &shown)))
}

/// Images of confidential machines say how they are encrypted.
pub(super) fn require_encryption(definition: &Item<()>, body: &Value, home: &str) -> Result<(), ArmError> {
    match definition::feature(&definition.body, "SecurityType") {
        Some("ConfidentialVM") => profile::require_regional_encryption(body, home),
        _ => Ok(()),
    }
}

/// One copy per region; they run side by side, each a little longer than the one before.
fn copies(timing: &Timing, call: &Call<'_>, targets: &[Target]) -> Vec<RegionCopy> {
    let mut lasts = timing.lasts(timing.seconds.version);
    targets
        .iter()
        .map(|target| {
            lasts += timing.lasts(timing.seconds.version_region);
            RegionCopy::begin(target, call.now, lasts)
        })
        .collect()
}

/// Starts the operation that is over when the last copy is, and lets faults decide the copies' fate.
pub(super) fn start(
    world: &mut World,
    call: &Call<'_>,
    path: &ArmPath,
    mut copies: Vec<RegionCopy>,
) -> (Started, Vec<RegionCopy>) {
    let unfinished: Vec<&str> = copies
        .iter()
        .filter(|copy| copy.due > call.now || copy.kept.is_some())
        .map(|copy| copy.region.as_str())
        .collect();
    let failing = world.faults.take_region(&unfinished);
    let late = world.faults.take_lateness().map_or(0, i64::from);
    let last = copies.iter().map(|copy| copy.due).max().unwrap_or(call.now);
    let least = world.timing.lasts(world.timing.seconds.update);
    let lasts: SignedDuration = last.duration_since(call.now).max(least);
    let plan = Plan {
        form: Form::Gallery,
        subscription: path.subscription.clone(),
        location: copies.first().map(|copy| copy.region.clone()).unwrap_or_default(),
        lasts,
        output: Output::Resource(path.key()),
    };
    let started = operation::begin(world, call, plan);
    for copy in copies.iter_mut().filter(|copy| copy.due > call.now) {
        copy.usable = copy.due + SignedDuration::from_secs(late);
        copy.fate = match (started.ends, started.fails) {
            (None, _) => Fate::Sticks,
            (Some(_), true) => Fate::Fails,
            (Some(_), false) if failing.as_deref() == Some(&copy.region) => Fate::Fails,
            (Some(_), false) => Fate::Completes,
        };
    }
    if let (Some(region), Some(ends)) = (failing, started.ends) {
        let raised = |copy: &&mut RegionCopy| copy.region == region && copy.kept.is_some();
        copies.iter_mut().filter(raised).for_each(|copy| copy.fail_raise(ends));
        let message = format!("Replication of the gallery image version to region '{region}' failed.");
        world.operations.fail(
            &started.id,
            ends,
            Failure {
                code: "ReplicationJobFailed".to_owned(),
                message,
            },
        );
    }
    (started, copies)
}

/// What the version shows of its disks once it is made; the source itself is echoed from the start.
fn readouts(body: &Value, source: &Source) -> Value {
    let mut shown = source.shown.clone();
    let sent = body.pointer("/properties/storageProfile").cloned().unwrap_or_default();
    if let Some(os) = sent.get("osDiskImage") {
        let echoed = os.get("source").cloned().unwrap_or_else(|| json!({}));
        edit::set(&mut shown, &["osDiskImage", "source"], echoed);
    }
    let sources: Vec<(Option<u64>, Value)> = edit::list(&sent, "/dataDiskImages")
        .iter()
        .map(|disk| {
            (
                disk.get("lun").and_then(Value::as_u64),
                disk.get("source").cloned().unwrap_or_default(),
            )
        })
        .collect();
    for disk in shown
        .get_mut("dataDiskImages")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let lun = disk.get("lun").and_then(Value::as_u64);
        if let Some((_, echoed)) = sources.iter().find(|(own, _)| *own == lun) {
            edit::set(disk, &["source"], echoed.clone());
        }
    }
    json!({"properties": {"storageProfile": shown}})
}
