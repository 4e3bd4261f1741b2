//! The steps of a publish: each looks, and makes it so if it is not.
//!
//! Which steps are taken, and in which order, is told by `publish.rs`.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use serde_json::{Map, Value};

use super::{
    machine::{Fingerprint, Machine},
    number::FINGERPRINT_TAG,
    plan::{Plan, PlannedSnapshot},
};
use crate::{
    client::Client,
    compute::{gallery, gallery::ImageDefinition, image, snapshot, version, vm, vm::Vm},
    error::{Error, ErrorKind, Result},
    ids::{
        Location,
        resource::{ImageVersionId, VmId},
    },
    json, judge,
    operation::{Status, drive, poll_pause, read_resource},
    progress::Event,
    replication,
    request::Request,
    settings::{Generalized, MachineHandling, PublishSettings, Stopped},
};

/// How often a write is looked after and sent again.
const MAX_LOOKS: u32 = 4;

/// Whether a step changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It did.
    Made,
    /// There was nothing to do.
    Nothing,
}

/// Deallocates and generalizes a VM, where asked to and needed.
///
/// # Errors
/// When Azure refuses or the run ends.
pub(super) async fn prepare(client: &Client, id: &VmId, vm: &Vm, handling: MachineHandling) -> Result<Change> {
    let mut change = Change::Nothing;
    if handling.if_running == Stopped::Deallocate && vm.power_state() != "deallocated" {
        until(client, id, &vm::deallocate(id), |vm| vm.power_state() == "deallocated").await?;
        change = Change::Made;
    }
    if handling.generalized == Generalized::Mark && !vm.is_generalized() {
        client.run().progress.warn(format!(
            "marking {} as generalized is final: it can never start again",
            id.name()
        ));
        until(client, id, &vm::generalize(id), Vm::is_generalized).await?;
        change = Change::Made;
    }
    Ok(change)
}

/// Sends an action and waits until the VM shows its effect.
async fn until(client: &Client, id: &VmId, action: &Request, is_done: fn(&Vm) -> bool) -> Result<()> {
    let look = || async { Ok(is_done(&Vm::new(client.send(&vm::get(id)).await?.value()))) };
    drive::act(client, action, look).await
}

/// The gallery's region; creates the gallery when it is missing and may be created.
///
/// # Errors
/// When it is missing and may not be created, or Azure refuses.
pub(super) async fn gallery(
    client: &Client,
    settings: &PublishSettings,
    machine: &Machine,
    found: Option<Location>,
) -> Result<Location> {
    if let Some(location) = found {
        return Ok(location);
    }
    let id = settings.definition.gallery();
    let (create, get) = (gallery::create(&id, &machine.location), gallery::get(&id));
    let body = make_sure(client, &id.to_string(), (&create, &get), Look::Settled).await?;
    Ok(json::text(&body, "/location")
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| machine.location.clone()))
}

/// The definition as the service has it; creates it when it is missing or its creation had failed, and waits for one
/// that a run before left in the making.
///
/// # Errors
/// When Azure refuses.
pub(super) async fn definition(client: &Client, settings: &PublishSettings, body: Value) -> Result<ImageDefinition> {
    let id = &settings.definition;
    let (create, get) = (gallery::create_definition(id, body), gallery::get_definition(id));
    let found = make_sure(client, &id.to_string(), (&create, &get), Look::Settled).await?;
    Ok(ImageDefinition::new(found))
}

/// Makes all snapshots side by side, taking up those that are there.
///
/// # Errors
/// When one cannot be made; the others are waited for all the same, so that none is left in the middle of something.
pub(super) async fn snapshots(client: &Client, plan: &Plan, location: &Location) -> Result<()> {
    let done = AtomicUsize::new(0);
    let total = plan.snapshots.len();
    let done = &done;
    let one = |planned| async move {
        let made = snapshot_of(client, planned, location, &plan.temporary_tags, &plan.fingerprint).await;
        if made.is_ok() {
            let complete = done.fetch_add(1, Ordering::Relaxed) + 1;
            client.run().progress.tell(Event::Copied { done: complete, total });
        }
        made
    };
    let made: Vec<Result<()>> = join_all(plan.snapshots.iter().map(one)).await;
    made.into_iter().collect()
}

async fn snapshot_of(
    client: &Client,
    planned: &PlannedSnapshot,
    location: &Location,
    tags: &Map<String, Value>,
    fingerprint: &Fingerprint,
) -> Result<()> {
    let id = &planned.id;
    let create = snapshot::create(id, &planned.disk, location, planned.kind, tags);
    ensure(
        client,
        &Temporary {
            get: snapshot::get(id),
            create,
            delete: snapshot::delete(id),
            id: id.to_string(),
        },
        fingerprint,
    )
    .await
}

/// Makes the managed image, taking up one that is there.
///
/// # Errors
/// When it cannot be made.
pub(super) async fn managed_image(client: &Client, plan: &Plan, body: Value) -> Result<()> {
    let id = &plan.image;
    let temporary = Temporary {
        get: image::get(id),
        create: image::create(id, body),
        delete: image::delete(id),
        id: id.to_string(),
    };
    ensure(client, &temporary, &plan.fingerprint).await
}

struct Temporary {
    get: Request,
    create: Request,
    delete: Request,
    id: String,
}

/// Makes sure a temporary is there: one of ours is taken up, waited for, or made anew when it had failed.
async fn ensure(client: &Client, temporary: &Temporary, fingerprint: &Fingerprint) -> Result<()> {
    let requests = (&temporary.create, &temporary.get);
    let look = Look::TakenUp(temporary, fingerprint);
    make_sure(client, &temporary.id, requests, look).await.map(drop)
}

/// How a resource that is there is looked at.
#[derive(Clone, Copy)]
enum Look<'a> {
    /// It has to be good.
    Settled,
    /// It has to be a temporary of this source, and good.
    TakenUp(&'a Temporary, &'a Fingerprint),
}

/// Looks, and creates what is not there, until it is. A conflict means that a run beside this one makes the same, or
/// has just removed it: the next look tells.
async fn make_sure(client: &Client, id: &str, (create, get): (&Request, &Request), how: Look<'_>) -> Result<Value> {
    let mut looks = 0;
    loop {
        let found = match how {
            Look::Settled => settled(client, create, get).await?,
            Look::TakenUp(temporary, fingerprint) => taken_up(client, temporary, fingerprint).await?,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        looks += 1;
        match drive::put(client, create, get).await {
            Ok(made) => {
                client.tell(Event::Created { id: id.to_owned() });
                if let Look::TakenUp(temporary, fingerprint) = how {
                    require_own(temporary, fingerprint, &made)?;
                }
                return Ok(made);
            }
            Err(error) if looks < MAX_LOOKS && (error.has_status(409) || error.has_status(404)) => {
                let pause = poll_pause(std::time::Duration::ZERO, None);
                client.run().pause(pause, &create.doing).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// A resource that is there and good; waits for one in the making. One that failed is as good as none.
async fn settled(client: &Client, create: &Request, get: &Request) -> Result<Option<Value>> {
    let Some(answer) = client.find(get).await? else {
        return Ok(None);
    };
    let body = answer.value();
    match read_resource(&body) {
        Status::Succeeded => Ok(Some(body)),
        Status::Failed(_) => Ok(None),
        Status::Running(_) | Status::Forgotten => drive::settle(client, create, get, body).await.map(Some),
    }
}

/// A temporary that is there, of this source and good; waits for one in the making, removes one that failed.
async fn taken_up(client: &Client, temporary: &Temporary, fingerprint: &Fingerprint) -> Result<Option<Value>> {
    let Some(answer) = client.find(&temporary.get).await? else {
        return Ok(None);
    };
    let body = answer.value();
    require_own(temporary, fingerprint, &body)?;
    match read_resource(&body) {
        Status::Succeeded => Ok(Some(body)),
        Status::Failed(_) => drive::delete(client, &temporary.delete, &temporary.get)
            .await
            .map(|()| None),
        Status::Running(_) | Status::Forgotten => drive::settle(client, &temporary.create, &temporary.get, body)
            .await
            .map(Some),
    }
}

/// Refuses a resource of our name that was not made of this source.
fn require_own(temporary: &Temporary, fingerprint: &Fingerprint, body: &Value) -> Result<()> {
    let of = body
        .get("tags")
        .and_then(|tags| tags.get(FINGERPRINT_TAG))
        .and_then(Value::as_str);
    if of == Some(fingerprint.as_str()) {
        return Ok(());
    }
    let text = format!("{} is there and was not made for this", temporary.id);
    Err(Error::new(ErrorKind::Refused, text).with_hint("remove it, or set another temp_name_prefix"))
}

/// Who has a version number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// We, with the address of the operation where there is one.
    Ours(Option<String>),
    /// Somebody else was faster.
    Taken,
}

/// Writes the version, unless it is there: a write to a version that another run has made of the same source meanwhile
/// would take the regions away that it has got since. Its fingerprint, read back, decides whose it is.
///
/// # Errors
/// When Azure refuses or the run ends.
pub(super) async fn claim(client: &Client, plan: &Plan, body: Value) -> Result<Claim> {
    let put = version::put(&plan.version, body);
    if let Some(found) = version::find(client, &plan.version).await? {
        return Ok(claim_of(&found, plan));
    }
    for _ in 0..MAX_LOOKS {
        let refused = match client.send(&put).await {
            Ok(answer) => {
                let made = version::ImageVersion::new(plan.version.clone(), answer.value());
                let operation = answer.header("azure-asyncoperation").map(str::to_owned);
                client.run().progress.tell(Event::Created {
                    id: plan.version.to_string(),
                });
                return Ok(if is_ours(&made, plan) {
                    Claim::Ours(operation)
                } else {
                    Claim::Taken
                });
            }
            // A run beside this one may be writing the version, or have written it and removed its sources.
            Err(error)
                if error.kind() == ErrorKind::UnknownEffect || error.has_status(409) || error.has_status(404) =>
            {
                error
            }
            Err(error) => return Err(error),
        };
        match version::find(client, &plan.version).await? {
            Some(found) => return Ok(claim_of(&found, plan)),
            None if refused.kind() == ErrorKind::UnknownEffect => {}
            None => return Err(refused),
        }
    }
    Err(Error::new(
        ErrorKind::Azure,
        format!(
            "cannot {}: the answer was lost {MAX_LOOKS} times and the version is not there",
            put.doing
        ),
    ))
}

/// Whose a version is that was found.
fn claim_of(found: &version::ImageVersion, plan: &Plan) -> Claim {
    if is_ours(found, plan) {
        Claim::Ours(None)
    } else {
        Claim::Taken
    }
}

/// Whether a version was made of this plan's source.
#[must_use]
pub(super) fn is_ours(found: &version::ImageVersion, plan: &Plan) -> bool {
    found.tag(FINGERPRINT_TAG) == Some(plan.fingerprint.as_str())
}

/// Waits until a version that was claimed is made, and says why when it is not.
///
/// # Errors
/// When it fails or the run ends.
pub(super) async fn made(client: &Client, id: &ImageVersionId, operation: Option<String>) -> Result<()> {
    match replication::settled(client, id, &[]).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Azure => Err(explained(client, error, operation).await),
        Err(error) => Err(error),
    }
}

/// The operation knows the reason that the version itself does not tell.
async fn explained(client: &Client, error: Error, operation: Option<String>) -> Error {
    let Some(address) = operation else { return error };
    let poll = Request::follow(crate::request::Service::Arm, &address, "read why the version failed");
    match client.send(&poll).await {
        Ok(answer) => match crate::operation::read(&crate::operation::PollBy::AsyncOperation(address), &answer) {
            Status::Failed(failure) => {
                let reason = judge::failed(error.to_string(), failure);
                match error.hint() {
                    Some(hint) => reason.with_hint(hint),
                    None => reason,
                }
            }
            Status::Running(_) | Status::Succeeded | Status::Forgotten => error,
        },
        Err(_) => error,
    }
}
