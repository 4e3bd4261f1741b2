//! Snapshots: full and incremental, copied in place or in the background.
//!
//! A snapshot shows what it took from its source only when its operation is over.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{access, disk, kind::Kind, name, source, state::canonical_id, state::missing, version};
use crate::{
    call::Call,
    compute::state::Parts,
    envelope::{Answer, ArmError, ArmPath, unsupported},
    http::Response,
    json as edit,
    operation::Form,
    resource::{self, Beginning, Doing, Item, changed, required_location, write_body},
};

pub(crate) mod facts;
mod rules;

use facts::SnapshotFacts;

/// Everything on a snapshot's own path and its actions.
pub(super) fn respond(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let item = parts.compute.snapshots.find(&path.key());
    match (&call.request.method, path.action().as_str(), item) {
        (&Method::GET, "", Some(item)) => Ok(Response::json(StatusCode::OK, &view(item, call.now))),
        (&Method::PUT, "", None) => create(parts, call, path),
        (&Method::PUT | &Method::PATCH, "", Some(_)) => update(parts, call, path),
        (&Method::POST, "begingetaccess", Some(_)) => {
            access::begin(parts, call, path, |compute| &mut compute.snapshots)
        }
        (&Method::POST, "endgetaccess", Some(_)) => access::end(parts, call, path, |compute| &mut compute.snapshots),
        (&Method::DELETE, "", _) => remove(parts, call, path),
        (&(Method::GET | Method::POST | Method::PATCH), _, None) => Err(missing(path)),
        _ => Err(unsupported(call.request)),
    }
}

/// The snapshot as answers show it.
pub(super) fn view(item: &Item<SnapshotFacts>, now: Timestamp) -> Value {
    let mut view = item.view(&Kind::Snapshot.type_name());
    if item.is(Doing::Creating) {
        // Disks and snapshots say so from their first answer on.
        edit::set(&mut view, &["properties", "provisioningState"], json!("Updating"));
    }
    if let (Some(copy), false) = (item.facts.copy, item.is_busy()) {
        edit::set(
            &mut view,
            &["properties", "completionPercent"],
            json!(percent(copy, now)),
        );
    }
    if item.facts.grant.is_active() {
        edit::set(&mut view, &["properties", "diskState"], json!("ActiveSAS"));
    }
    view
}

/// How far a background copy is, 0.0 to 100.0.
fn percent((start, end): (Timestamp, Timestamp), now: Timestamp) -> f64 {
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64().max(0.0);
    let whole = seconds(start, end);
    if whole <= 0.0 {
        100.0
    } else {
        (seconds(start, now) / whole * 100.0).min(100.0)
    }
}

fn create(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let mut body = write_body(call)?;
    let location = required_location(&body)?;
    name::check(name::Rule::Disk, path.name())?;
    let option = edit::text(&body, "/properties/creationData/createOption")
        .unwrap_or_default()
        .to_lowercase();
    rules::check_sku(&mut body)?;
    let (mut readouts, in_background) = match option.as_str() {
        "copy" => {
            let source = source::DiskSource::find_copied(parts.compute, &body, &location)?;
            rules::require_kind(&source, is_incremental(&body))?;
            (source.inherited(), rules::is_copied_in_background(&source))
        }
        "copystart" => (background_source(parts, &body)?, true),
        "import" => (disk::imported(parts, call, &body, (path, &location))?, false),
        _ => {
            let message = format!("The value '{option}' of parameter 'creationData.createOption' is invalid.");
            return Err(ArmError::invalid_parameter("creationData.createOption", message));
        }
    };
    if is_incremental(&body) {
        rules::require_room(parts.compute, &body, call.now)?;
        let family = rules::join_family(parts.compute, &mut parts.engine.ids, &mut body);
        edit::merge(&mut readouts, family);
    }
    fill_in_defaults(&mut body, &location);
    edit::merge(
        &mut readouts,
        json!({
            "sku": {"tier": "Standard"},
            "properties": {
                "timeCreated": edit::time(call.now),
                "uniqueId": parts.engine.ids.guid(),
                "diskState": "Unattached",
                "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            },
        }),
    );
    let facts = SnapshotFacts {
        taken: call.now,
        ..SnapshotFacts::default()
    };
    let item = Item::new(canonical_id(path), body, facts);
    let change = (Doing::Creating, readouts);
    Ok(write(parts, call, path, (item, in_background), change))
}

fn is_incremental(body: &Value) -> bool {
    body.pointer("/properties/incremental")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// The source of a background copy, which must be an incremental snapshot of any region.
fn background_source(parts: &Parts<'_>, body: &Value) -> Result<Value, ArmError> {
    let source = source::DiskSource::find_named(parts.compute, body)?;
    if source.kind != Kind::Snapshot || !is_incremental(source.body) || !is_incremental(body) {
        let message = "CopyStart needs an incremental snapshot as source and as target.";
        return Err(ArmError::invalid_parameter("creationData.createOption", message));
    }
    Ok(source.inherited())
}

fn fill_in_defaults(body: &mut Value, location: &str) {
    let sent = std::mem::replace(
        body,
        json!({
            "sku": {"name": "Standard_LRS"},
            "properties": {"incremental": false, "networkAccessPolicy": "AllowAll", "publicNetworkAccess": "Enabled"},
        }),
    );
    edit::merge(body, sent);
    edit::set(body, &["location"], json!(location));
}

fn update(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let (body, item) = changed(&parts.compute.snapshots, call, path, missing)?;
    source::require_same_creation_data(&item.body, &body)?;
    let mut item = item.clone();
    let mut kept = body;
    edit::remove(&mut kept, "", "location");
    if kept.get("tags").is_some() {
        edit::remove(&mut item.body, "", "tags");
    }
    edit::merge(&mut item.body, kept);
    let change = (Doing::Updating, json!({}));
    Ok(write(parts, call, path, (item, false), change))
}

/// Starts the operation and stores the snapshot; the first answer says `Updating` also for a new one.
fn write(
    parts: &mut Parts<'_>,
    call: &Call<'_>,
    path: &ArmPath,
    (mut item, in_background): (Item<SnapshotFacts>, bool),
    (doing, readouts): (Doing, Value),
) -> Response {
    let usual = &parts.engine.timing.seconds;
    let background = parts.engine.timing.lasts(usual.background_copy);
    // A background copy only begins with its operation.
    let seconds = if doing == Doing::Creating && !in_background {
        usual.snapshot
    } else {
        usual.update
    };
    let beginning = Beginning::new(parts.engine, doing, (Form::Disk, seconds)).showing(readouts);
    let started = resource::begin(parts.engine, call, path, &mut item, beginning);
    if let (Some(begins), true) = (started.ends, in_background) {
        item.facts.copy = Some((begins, begins + background));
    }
    let shown = view(&item, call.now);
    parts.compute.snapshots.insert(item);
    started.announce_with_location(Response::json(StatusCode::ACCEPTED, &shown))
}

/// Deletes a snapshot; image versions still being made from it fail.
fn remove(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    if parts
        .compute
        .snapshots
        .find(&path.key())
        .is_some_and(|item| item.facts.grant.is_active())
    {
        let message = format!(
            "Snapshot {} has an active access grant; end it before deleting.",
            path.name()
        );
        return Err(ArmError::conflict("OperationNotAllowed", message));
    }
    version::fail_copies_of(parts, &path.key(), call.now);
    let seconds = parts.engine.timing.seconds.delete;
    Ok(resource::delete(
        &mut parts.compute.snapshots,
        parts.engine,
        call,
        path,
        (Form::Disk, seconds),
    ))
}
