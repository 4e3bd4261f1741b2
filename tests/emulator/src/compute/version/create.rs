//! Making a version: its checks, then one copy per region.
//!
//! It changes no version that is there, except one that failed and is made again.

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    begin,
    profile::{self, Target},
    replication::{RegionCopy, VersionFacts},
    source::{self, Source},
};
use crate::{
    call::Call,
    compute::{kind::Kind, name, state::Parts, state::canonical_id, state::missing, state::require_parent},
    envelope::{Answer, ArmError, ArmPath},
    http::Response,
    json as edit,
    resource::{Change, Doing, Item, required_location, write_body},
    timing::Timing,
};

/// `PUT` of a version that is not there.
pub(super) fn create(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    if name::parse_version(path.name()).is_none() {
        let message = "The image version name is invalid. The image version name should follow \
                       Major(int).Minor(int).Patch(int) format, for e.g: 1.0.0, 2018.12.1 etc.";
        return Err(ArmError::invalid_parameter("galleryImageVersionName", message));
    }
    let parent = path.parent().ok_or_else(|| missing(path))?;
    require_parent(parts, &parent)?;
    make(parts, call, path, StatusCode::CREATED)
}

/// `PUT` of a version that failed: the same again, from the same source.
pub(super) fn recreate(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath) -> Answer {
    let body = write_body(call)?;
    if let Some(item) = parts.compute.versions.find(&path.key()) {
        source::require_same_source(&item.body, &body)?;
    }
    make(parts, call, path, StatusCode::OK)
}

fn make(parts: &mut Parts<'_>, call: &Call<'_>, path: &ArmPath, status: StatusCode) -> Answer {
    let mut body = write_body(call)?;
    let location = required_location(&body)?;
    let parent = path.parent().ok_or_else(|| missing(path))?;
    let definition = parts
        .compute
        .definitions
        .find(&parent.key())
        .ok_or_else(|| missing(&parent))?;
    let targets = profile::normalise(&mut body, &location, call.now)?;
    profile::complete_life(
        &mut body,
        call.request.query("api-version").unwrap_or_default(),
        call.now,
    );
    let source = source::resolve(parts, &body, (&location, call.now), definition)?;
    begin::require_encryption(definition, &body, &location)?;
    edit::set(&mut body, &["location"], json!(location));
    let security = profile::take_security(&mut body);

    let copies = copies(&parts.engine.timing, call, &targets);
    let (started, copies) = begin::start(parts, call, path, copies);
    let mut item = Item::new(
        canonical_id(path),
        body,
        VersionFacts {
            copies,
            sources: source.needed.clone(),
            plan: source.plan.clone(),
            security,
            retention: None,
        },
    );
    item.change = Some(Change::new(Doing::Creating, &started).showing(readouts(&item.body, &source)));
    let shown = item.view(&Kind::Version.type_name());
    parts.compute.versions.insert(item);
    Ok(started.announce(Response::json(status, &shown)))
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

/// What the version shows of its disks once it is made; the source itself is echoed from the start.
fn readouts(body: &Value, source: &Source) -> Value {
    let mut shown = source.shown.clone();
    let sent = body.pointer("/properties/storageProfile").cloned().unwrap_or_default();
    if let Some(os) = sent.get("osDiskImage") {
        let echoed = os.get("source").cloned().unwrap_or_else(|| json!({}));
        edit::set(&mut shown, &["osDiskImage", "source"], echoed);
    }
    let lun = |disk: &Value| disk.get("lun").and_then(Value::as_u64);
    let disks = shown.get_mut("dataDiskImages").and_then(Value::as_array_mut);
    for disk in disks.into_iter().flatten() {
        let mut sources = edit::list(&sent, "/dataDiskImages").iter();
        if let Some(own) = sources.find(|own| lun(own) == lun(disk)) {
            edit::set(disk, &["source"], own.get("source").cloned().unwrap_or_default());
        }
    }
    json!({"properties": {"storageProfile": shown}})
}
