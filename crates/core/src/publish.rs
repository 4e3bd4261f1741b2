//! ★ Flow 1, from a machine to an image version: observe, refuse or plan, do, tidy up.
//!
//! This file is the story; every step is told below it and every decision is a pure function in `publish/`. There is
//! no state file: each step looks at Azure first, so a run that was killed anywhere is finished by running it again. A
//! version that is there already and only lacks regions is adopted instead: that short story is `publish/adopt.rs`.

mod adopt;
mod bodies;
mod captured;
mod cleanup;
mod legality;
mod machine;
mod number;
mod plan;
mod preflight;
mod published;
mod source_image;
mod step;

use futures::future::try_join_all;

use self::{
    cleanup::{Reach, keep},
    number::Number,
    plan::{Plan, Seen},
    step::{Change, Claim},
};
pub use self::{
    preflight::CHECK_NAMES,
    published::{Kept, Outcome, PublishPlan, Published, PublishedRegion},
};
pub use crate::progress::StepTime;
use crate::{
    batch::account,
    batch::account::Account,
    client::Client,
    compute::{gallery, gallery::ImageDefinition, version, version::ImageVersion},
    error::{Error, ErrorKind, Result},
    ids::{Location, VersionNumber, resource::ResourceGroupId},
    json,
    operation::Status,
    replicas::RegionNeed,
    replication,
    settings::{KeptKind, OnFailure, PublishSettings, Source, UsedBy},
};

/// How often a run takes another number when somebody else was faster.
const MAX_CLAIMS: u32 = 5;

/// Publishes.
///
/// # Errors
/// When a check refuses, Azure fails, or the run ends; what it leaves is told in events.
pub async fn run(client: &Client, settings: &PublishSettings) -> Result<Published> {
    let (source, definition) = (&settings.source, settings.definition.name());
    if let Some(version) = settings.adopted() {
        let adopted = adopt::run(client, settings, version).await;
        return adopted.map_err(|error| error.while_doing(format!("cannot adopt {source}")));
    }
    let published = publish(client, settings).await;
    published.map_err(|error| error.while_doing(format!("cannot publish {source} to {definition}")))
}

/// Says what [`run`] would do; writes nothing.
///
/// # Errors
/// As [`run`], for what can be known without writing.
pub async fn plan(client: &Client, settings: &PublishSettings) -> Result<PublishPlan> {
    if let Some(version) = settings.adopted() {
        return adopt::plan(client, settings, version).await;
    }
    let seen = observe(client, settings).await?;
    let plan = decide(client, settings, &seen)?;
    Ok(PublishPlan {
        changes: plan.changes(&seen),
        replicas: plan.formulas(),
        version: plan.version,
    })
}

async fn publish(client: &Client, settings: &PublishSettings) -> Result<Published> {
    let run = client.run();
    let mut seen = run
        .step(
            "source",
            format!("Looking at {}", settings.source),
            observe(client, settings),
        )
        .await?;
    decide(client, settings, &seen)?;
    seen = prepare(client, settings, seen).await?;
    seen = destination(client, settings, seen).await?;
    for _ in 0..MAX_CLAIMS {
        let plan = plan::make(settings, &seen, run.now())?;
        announce(client, settings, &seen, &plan);
        let made = make(client, settings, &seen, &plan).await;
        let kept = if plan.needs_nothing_on_the_way() {
            Vec::new()
        } else {
            tidy_after(client, settings, &plan, &made).await?
        };
        match made {
            Ok(Some(version)) => {
                let steps = run.steps();
                return Ok(Published {
                    kept,
                    steps,
                    ..published::describe(settings, &seen, &plan, &version)
                });
            }
            Ok(None) => {
                run.progress
                    .warn(format!("somebody else took {} meanwhile", plan.version.name()));
                seen.versions = versions(client, settings).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(
        ErrorKind::Azure,
        format!("{MAX_CLAIMS} numbers in a row were taken by other runs"),
    )
    .with_hint("run it again"))
}

/// Looks at everything that the decision needs; writes nothing.
async fn observe(client: &Client, settings: &PublishSettings) -> Result<Seen> {
    let (machine, (gallery, definition, versions), accounts) = futures::try_join!(
        machine::observe(client, &settings.source),
        observe_gallery(client, settings),
        accounts(client, settings)
    )?;
    Ok(Seen {
        machine,
        gallery,
        definition,
        versions,
        accounts,
    })
}

/// The accounts whose pools will use the version, with the pools' sizes.
async fn accounts(client: &Client, settings: &PublishSettings) -> Result<Vec<(Account, u32)>> {
    let read = |it: &UsedBy| {
        let (id, nodes) = (it.account.clone(), it.nodes);
        async move { Ok((account::read(client, &id).await?, nodes)) }
    };
    try_join_all(settings.used_by.iter().map(read)).await
}

async fn observe_gallery(
    client: &Client,
    settings: &PublishSettings,
) -> Result<(Option<Location>, Option<ImageDefinition>, Vec<ImageVersion>)> {
    let id = settings.definition.gallery();
    let Some(answer) = client.find(&gallery::get(&id)).await? else {
        if settings.create_gallery {
            return Ok((None, None, Vec::new()));
        }
        let missing = Error::new(ErrorKind::BadInput, format!("there is no gallery {id}"));
        return Err(missing.with_hint("check gallery_name and resource_group, or set create_gallery = true"));
    };
    let location = json::text(&answer.value(), "/location").and_then(|text| text.parse().ok());
    let definition = client.find(&gallery::get_definition(&settings.definition)).await?;
    let versions = if definition.is_some() {
        versions(client, settings).await?
    } else {
        Vec::new()
    };
    Ok((
        location,
        definition.map(|answer| ImageDefinition::new(answer.value())),
        versions,
    ))
}

async fn versions(client: &Client, settings: &PublishSettings) -> Result<Vec<ImageVersion>> {
    let bodies = client.list(&version::list(&settings.definition)).await?;
    let with_id = |body: serde_json::Value| {
        let number: VersionNumber = json::text(&body, "/name")?.parse().ok()?;
        Some(ImageVersion::new(settings.definition.version(number), body))
    };
    Ok(bodies.into_iter().filter_map(with_id).collect())
}

/// Refuses what must not be done, and makes a plan, before anything is written.
fn decide(client: &Client, settings: &PublishSettings, seen: &Seen) -> Result<Plan> {
    let run = client.run();
    preflight::refuse(
        preflight::checks(&seen.machine, settings.machine),
        &settings.ignore_checks,
        &run.progress,
    )?;
    if let Some(definition) = &seen.definition {
        preflight::compare_definition(&seen.machine, definition)?;
    }
    plan::make(settings, seen, run.now())
}

/// Stops and generalizes the VM where asked to; its disks change hands by that, so it is looked at again.
async fn prepare(client: &Client, settings: &PublishSettings, seen: Seen) -> Result<Seen> {
    let (Source::Vm(id), Some(vm)) = (&settings.source, &seen.machine.vm) else {
        return Ok(seen);
    };
    match step::prepare(client, id, vm, settings.machine).await? {
        Change::Nothing => Ok(seen),
        Change::Made => Ok(Seen {
            machine: machine::observe(client, &settings.source).await?,
            ..seen
        }),
    }
}

/// Makes sure of gallery and definition, first of all since what the service says of the definition decides the way.
async fn destination(client: &Client, settings: &PublishSettings, seen: Seen) -> Result<Seen> {
    if let Some(definition) = &seen.definition
        && definition.status() == Status::Succeeded
    {
        return Ok(seen);
    }
    let work = async {
        let location = step::gallery(client, settings, &seen.machine, seen.gallery.clone()).await?;
        let body = bodies::definition(settings, &seen.machine, &location);
        Ok((location, step::definition(client, settings, body).await?))
    };
    let what = format!("Creating image definition {}", settings.definition.name());
    let (location, definition) = client.run().step("definition", what, work).await?;
    preflight::compare_definition(&seen.machine, &definition)?;
    Ok(Seen {
        gallery: Some(location),
        definition: Some(definition),
        ..seen
    })
}

fn announce(client: &Client, settings: &PublishSettings, seen: &Seen, plan: &Plan) {
    let progress = &client.run().progress;
    match plan.number {
        Number::New(number) => progress.note(format!(
            "The version will be {number}, source fingerprint {}",
            plan.fingerprint.as_str()
        )),
        Number::Found(number) => progress.note(format!(
            "Version {number} was made of this very source: nothing is copied"
        )),
    }
    if let Some(version) = seen.versions.iter().find(|version| version.id == plan.version) {
        for text in replication::kept(version, &plan.wanted_first(settings.version_settings.storage)) {
            progress.warn(text);
        }
    }
    if let (Number::Found(_), true) = (plan.number, seen.machine.is_known_by_name()) {
        progress.warn(
            "The disks that the image was captured from are gone, so one that is captured anew under the same names cannot be told from it: if it was, build with -force, or give it another name",
        );
    }
    if let (Number::New(_), legality::Way::Snapshots { why }) = (plan.number, &plan.way) {
        progress.note(format!("No managed image: {why}"));
    }
    for formula in plan.formulas() {
        progress.note(formula);
    }
}

/// Makes the version and brings it to its regions; `None` when somebody else took the number.
async fn make(client: &Client, settings: &PublishSettings, seen: &Seen, plan: &Plan) -> Result<Option<ImageVersion>> {
    let run = client.run();
    if let Number::New(number) = plan.number
        && !is_overtaken(client, plan, copy(client, seen, plan).await).await?
    {
        let sources = bodies::sources(&seen.machine, &plan.snapshots);
        let body = bodies::version(settings, &seen.machine, plan, &sources);
        let work = async {
            match step::claim(client, plan, body).await? {
                Claim::Taken => Ok(Claim::Taken),
                Claim::Ours(operation) => step::made(client, &plan.version, operation)
                    .await
                    .map(|()| Claim::Ours(None)),
            }
        };
        let what = format!("Creating image version {number} in {}", regions_of(&plan.first));
        if run.step("version", what, work).await? == Claim::Taken {
            return Ok(None);
        }
    }
    let storage = settings.version_settings.storage;
    let wanted = plan.wanted_first(storage);
    let first = replication::ensure(client, &plan.version, &wanted);
    let version = run
        .step(
            "regions",
            format!("Making sure of {}, where pools wait", regions_of(&plan.first)),
            first,
        )
        .await?;
    if plan.rest.is_empty() {
        return Ok(Some(version));
    }
    let wanted = plan.wanted_rest(storage);
    let rest = replication::ensure(client, &plan.version, &wanted);
    run.step(
        "more regions",
        format!("Replicating to {}", regions_of(&plan.rest)),
        rest,
    )
    .await
    .map(Some)
}

/// Whether a run beside this one has made the version meanwhile: it removes what both were copying, so that a failure
/// to copy may only mean that nothing is left to do.
async fn is_overtaken(client: &Client, plan: &Plan, copied: Result<()>) -> Result<bool> {
    let Err(error) = copied else {
        return Ok(false);
    };
    match version::find(client, &plan.version).await? {
        Some(version) if step::is_ours(&version, plan) => Ok(true),
        _ => Err(error),
    }
}

/// Copies the disks, and makes a managed image of the copies where that is the way.
async fn copy(client: &Client, seen: &Seen, plan: &Plan) -> Result<()> {
    let run = client.run();
    if !plan.snapshots.is_empty() {
        let what = format!("Creating {} snapshots side by side", plan.snapshots.len());
        run.step("snapshots", what, step::snapshots(client, plan, &seen.machine.location))
            .await?;
    }
    if plan.way == legality::Way::ManagedImage {
        let body = bodies::managed_image(&seen.machine, plan, &bodies::sources(&seen.machine, &plan.snapshots));
        let what = format!("Creating managed image {}", plan.image.name());
        run.step("managed image", what, step::managed_image(client, plan, body))
            .await?;
    }
    // Past this point a source must not be deleted until the version is made, so this is the last place to stop at.
    run.check("the next step")
}

fn regions_of(needs: &[RegionNeed]) -> String {
    needs
        .iter()
        .map(|need| need.location.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

fn temporaries(settings: &PublishSettings) -> &ResourceGroupId {
    settings
        .temporaries
        .group
        .as_ref()
        .unwrap_or_else(|| settings.source.group())
}

/// Removes what was made on the way, however the version came out; what of it is left after a success, with the reason.
async fn tidy_after(
    client: &Client,
    settings: &PublishSettings,
    plan: &Plan,
    made: &Result<Option<ImageVersion>>,
) -> Result<Vec<Kept>> {
    match made {
        Ok(Some(_)) => {
            let what = "Removing what was only needed on the way";
            let work = tidy(client, settings, plan, Reach::Former);
            client.run().step("cleanup", what, work).await
        }
        Ok(None) => tidy(client, settings, plan, Reach::Own).await,
        Err(_) => {
            tidy_after_failure(&client.for_cleanup(cleanup::LIMIT), settings, plan).await;
            Ok(Vec::new())
        }
    }
}

/// After the version is made, or is somebody else's: removes temporaries, this run's and dead ones'.
async fn tidy(client: &Client, settings: &PublishSettings, plan: &Plan, reach: Reach) -> Result<Vec<Kept>> {
    let keep: Vec<KeptKind> = settings.temporaries.keep.iter().copied().collect();
    Ok(cleanup::remove(client, temporaries(settings), plan, reach, &keep).await)
}

/// What becomes of temporaries after a failure.
enum Rest<'a> {
    /// They go, but for these kinds.
    Removed(&'a [KeptKind]),
    /// They stay, for this reason.
    Stays(&'static str),
}

/// After a failure: what is removed depends on how far the version came. The run's own end does not stop this.
async fn tidy_after_failure(client: &Client, settings: &PublishSettings, plan: &Plan) {
    let group = temporaries(settings);
    let version = version::find(client, &plan.version).await;
    let keep_named: Vec<KeptKind> = settings.temporaries.keep.iter().copied().collect();
    let rest = match &version {
        Ok(Some(version)) if step::is_ours(version, plan) => match version.status() {
            Status::Succeeded => Rest::Removed(&keep_named),
            Status::Failed(_) => Rest::Removed(&[]),
            Status::Running(_) | Status::Forgotten => {
                Rest::Stays("the version is still being made of it; run the same again to finish")
            }
        },
        Ok(_) if settings.temporaries.on_failure == OnFailure::Keep => {
            Rest::Stays("on_failure = keep; run the same again to go on with it")
        }
        Ok(_) => Rest::Removed(&[]),
        Err(_) => Rest::Stays("whether the version needs it is not known; run the same again to finish"),
    };
    let why = match rest {
        Rest::Removed(but) => {
            cleanup::remove(client, group, plan, Reach::Own, but).await;
            return;
        }
        Rest::Stays(why) => why,
    };
    match cleanup::left(client, group, plan).await {
        Ok(ids) => ids.into_iter().for_each(|id| drop(keep(client, id, why))),
        Err(error) => client
            .run()
            .progress
            .warn(format!("what is left in {group} is not known: {}", error.report())),
    }
}
