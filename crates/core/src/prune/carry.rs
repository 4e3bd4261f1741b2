//! Carries the steps of retention out, one after the other, each after a look of its own.
//!
//! A version that cannot go any more is spared, and the run goes on. One that Azure does not let go is reported at the
//! end. Deleted versions are never put past a gallery's soft deletion.

use serde_json::{Value, json};

use super::{
    PruneStep, Pruned,
    decide::{Fate, Judged, judge},
    look, refuse_unseen,
};
use crate::{
    client::Client,
    compute::version::{self, ImageVersion},
    error::{Error, ErrorKind, Result},
    ids::resource::ImageVersionId,
    operation::drive,
    plan::{Kept, Plan, partly},
    progress::Event,
    replication::{self, Settled},
    settings::PruneSettings,
    wait::{self, Look, Pace},
    write::Tries,
};

/// How often a version is written when other writers keep undoing it.
const MAX_WRITES: u32 = 5;

/// What the look before a step shows.
enum Now {
    /// The step is still right.
    Due,
    /// It is kept, for these reasons, or being deleted by others.
    Spared(String),
    /// It is as the step would leave it.
    Done,
}

/// Carries out all steps.
///
/// # Errors
/// `PartlyReached` when Azure refused some; `Refused` when something cannot be seen any more; or the run ends.
pub(super) async fn steps(
    client: &Client,
    settings: &PruneSettings,
    (plan, done): (&Plan<PruneStep>, &mut Pruned),
) -> Result<()> {
    let mut failed = Vec::new();
    for step in &plan.steps {
        match one(client, settings, step).await {
            Ok(None) => done.steps.push(step.to_string()),
            Ok(Some(kept)) => done.spared.push(kept),
            Err(error) if is_end(&error) => return Err(after(done, plan, error)),
            Err(error) => failed.push((version::title(step.version()), error)),
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(partly("versions could not be removed", done.steps.len(), failed)),
    }
}

/// Whether an error ends the run: the next version would fail as well, or must not be touched.
fn is_end(error: &Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::Cancelled | ErrorKind::Deadline | ErrorKind::SignIn | ErrorKind::Refused
    )
}

fn after(done: &Pruned, plan: &Plan<PruneStep>, error: Error) -> Error {
    match done.steps.len() {
        0 => error,
        count => error.while_doing(format!("ended after {count} of {} steps", plan.steps.len())),
    }
}

/// Carries out a step; what it is spared for, if it is not right any more.
async fn one(client: &Client, settings: &PruneSettings, step: &PruneStep) -> Result<Option<Kept>> {
    match look_again(client, settings, step).await? {
        Now::Done => Ok(None),
        Now::Spared(why) => {
            let id = step.version().to_string();
            client.tell(Event::Kept {
                id: id.clone(),
                why: why.clone(),
            });
            Ok(Some(Kept { id, why }))
        }
        Now::Due => {
            match step {
                PruneStep::Delete { version, .. } => delete(client, version).await?,
                PruneStep::AwaitDeletion { version } => gone(client, version).await?,
                PruneStep::Deprecate { version, ends } => deprecate(client, version, &ends.to_string()).await?,
            }
            Ok(None)
        }
    }
}

async fn look_again(client: &Client, settings: &PruneSettings, step: &PruneStep) -> Result<Now> {
    let id = step.version();
    let scene = look::one(client, settings, &id.definition()).await?;
    let judged = judge(&scene.facts(client.run().now()));
    let own = judged.into_iter().find(|judged| Some(judged.number) == id.number());
    let now = own.map_or(Now::Done, |own| standing(step, own));
    if matches!(now, Now::Due) {
        refuse_unseen(&scene, 1)?;
    }
    Ok(now)
}

/// Whether a step is still right for the version as it is now; pure.
fn standing(step: &PruneStep, now: Judged) -> Now {
    match (step, now.fate) {
        (PruneStep::Delete { .. }, Fate::Deleted)
        | (PruneStep::Deprecate { .. }, Fate::Deprecated { .. } | Fate::Deleted) => Now::Due,
        // A deletion that goes on already is waited for.
        (PruneStep::Delete { .. } | PruneStep::AwaitDeletion { .. }, Fate::Going) => Now::Due,
        (_, Fate::Going) | (PruneStep::AwaitDeletion { .. }, Fate::Deprecated { .. } | Fate::Deleted) => Now::Done,
        (PruneStep::Delete { .. }, Fate::Deprecated { .. }) => {
            Now::Spared("it is not deprecated any more; a later run may delete it".to_owned())
        }
        (_, Fate::Kept) => Now::Spared(now.why.join("; ")),
    }
}

pub(super) async fn delete(client: &Client, id: &ImageVersionId) -> Result<()> {
    drive::delete(client, &version::delete(id), &version::get(id)).await?;
    client.tell(Event::Removed { id: id.to_string() });
    Ok(())
}

pub(super) async fn gone(client: &Client, id: &ImageVersionId) -> Result<()> {
    let waiting_for = format!("the end of: delete image version {}", version::title(id));
    let look = || async {
        let found = client.find(&version::get(id)).await?;
        Ok(if found.is_none() {
            Look::Done(())
        } else {
            Look::NotYet(None)
        })
    };
    wait::until(client, Pace::COPY, &waiting_for, look).await
}

/// Writes the version until it is excluded from latest and has an end of life. It has no `ETag`, so every write starts
/// from the version as it was just read.
async fn deprecate(client: &Client, id: &ImageVersionId, ends: &str) -> Result<()> {
    let doing = format!("write image version {}", version::title(id));
    let mut tries = Tries::new(client, &doing);
    let mut writes = 0;
    loop {
        let settled = replication::settled(client, id, &[]).await?;
        let is_whole = matches!(settled, Settled::Complete(_));
        let now = settled.into_version();
        if is_whole && now.is_excluded() && now.end_of_life().is_some() {
            return Ok(());
        }
        if writes == MAX_WRITES {
            let text = format!(
                "Azure accepted {MAX_WRITES} changes of {} and does not show them",
                now.title()
            );
            return Err(Error::new(ErrorKind::Azure, text));
        }
        match version::change(client, id, deprecated(&now, ends)).await {
            Ok(_) => writes += 1,
            Err(error) => drop(tries.after(error).await?),
        }
    }
}

/// The body of the version without `latest` and with that end of life.
fn deprecated(version: &ImageVersion, ends: &str) -> Value {
    let mut body = version.with_regions(version.target_regions());
    let profile = body
        .pointer_mut("/properties/publishingProfile")
        .and_then(Value::as_object_mut);
    if let Some(profile) = profile {
        profile.insert("excludeFromLatest".to_owned(), json!(true));
        profile.insert("endOfLifeDate".to_owned(), json!(ends));
    }
    body
}
