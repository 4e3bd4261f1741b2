//! Carries out one batch of steps, and sees again what it has changed.
//!
//! Which batch is next is decided in `next`; a batch that reaches nothing is asked for again.

use futures::future::try_join_all;
use serde_json::{Map, Value};

use super::{
    bodies, checks,
    claim::{self, Claim},
    cleanup, definition,
    machine::SourceShape,
    making::{self, Job},
    next::{Batch, LEASE, Stage},
    observe::{self, Seen},
    plan::{Asking, Goal, Numbers, user_tags},
    prepare, removal,
    source::{self, fingerprint},
    step::Step,
    temporaries::{self, Found, TemporaryId},
};
use crate::{
    client::Client,
    compute::{gallery, gallery::ImageDefinition, image, snapshot, version},
    error::{Error, ErrorKind, Result},
    json,
    operation::{Status, drive, read_resource},
    plan::Kept,
    progress::Event,
    replication::{self, Wanted},
    request::Request,
    settings::{KeptKind, PublishSettings, Source, VersionChoice},
    tags::{Keeping, Lease, TemporaryTags},
    wait::Pace,
};

/// How long a temporary lives at most after its last use: four times the longest replication that was seen (6 h).
const LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What a run works with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work<'a> {
    /// The connection.
    pub client: &'a Client,
    /// What is wanted.
    pub settings: &'a PublishSettings,
    /// How this run is called in leases: no other run has this name.
    pub holder: &'a str,
}

/// How far a run is.
#[derive(Debug)]
pub(super) struct Journey {
    /// What is there.
    pub seen: Seen,
    /// What is to be reached, as it was decided last.
    pub goal: Goal,
    /// Whether anything may have been made on the way.
    pub has_begun: bool,
    /// What was found out about numbers.
    pub numbers: Numbers,
    /// What is left on purpose or against our will.
    pub kept: Vec<Kept>,
}

/// What a batch has reached.
#[derive(Debug)]
pub(super) enum Reached {
    /// Something is another than before.
    Something,
    /// Nothing, and trying again may help; this is why, where Azure said it.
    Nothing(Option<Error>),
}

impl<'a> Work<'a> {
    /// Who asks, and when.
    #[must_use]
    pub(super) fn asking(&self) -> Asking<'a> {
        Asking {
            settings: self.settings,
            holder: self.holder,
            now: self.client.run().now(),
        }
    }

    /// The tags of a temporary that this run makes.
    fn temporary_tags(&self, goal: &Goal) -> TemporaryTags {
        TemporaryTags {
            run: self.settings.run_id.clone(),
            version: goal.version.clone(),
            source: goal.source.clone(),
            fingerprint: goal.fingerprint.clone(),
            leases: vec![self.lease(goal)],
            expires: self.after(LIFE),
            keeping: Keeping::Temporary,
        }
    }

    fn lease(&self, goal: &Goal) -> Lease {
        Lease {
            run: self.holder.to_owned(),
            number: goal.number.number(),
            until: self.after(LEASE).unwrap_or_default(),
        }
    }

    /// That much later than now, in whole seconds.
    fn after(&self, length: jiff::SignedDuration) -> Option<jiff::Timestamp> {
        let time = self.client.run().now().saturating_add(length).ok()?;
        time.round(jiff::Unit::Second).ok()
    }

    fn written(&self, tags: &TemporaryTags) -> Map<String, Value> {
        let mut all = user_tags(self.settings);
        tags.write(&mut all);
        all
    }
}

impl Journey {
    /// Remembers what cleaning up has left. It is not done again: what could be removed is gone.
    fn removed(&mut self, kept: Option<Vec<Kept>>) {
        if let Some(kept) = kept {
            self.kept.extend(kept);
            self.seen.temporaries.clear();
        }
    }
}

/// Carries out a batch.
///
/// # Errors
/// When Azure refuses for good, something fails, or the run ends.
pub(super) async fn carry_out(work: Work<'_>, journey: &mut Journey, batch: &Batch) -> Result<Reached> {
    let goal = &journey.goal.clone();
    journey.has_begun |= matches!(batch.stage, Stage::Snapshots | Stage::Image);
    match batch.stage {
        Stage::Destination => destination(work, &mut journey.seen, &batch.steps).await,
        Stage::Machine => machine(work, &mut journey.seen).await,
        Stage::Snapshots => snapshots(work, &mut journey.seen, goal, &batch.steps).await,
        Stage::Image => image(work, &mut journey.seen, goal, &batch.steps).await,
        Stage::Version => version(work, journey, goal, &batch.steps).await,
        Stage::First => regions(work, &mut journey.seen, goal, &goal.wanted_first()).await,
        Stage::Rest => {
            let wanted = goal.wanted_rest();
            let (rest, kept) = futures::join!(
                regions(work, &mut journey.seen, goal, &wanted),
                tidy(work, goal, &batch.steps)
            );
            journey.removed(kept);
            rest
        }
        Stage::Cleanup => {
            journey.removed(tidy(work, goal, &batch.steps).await);
            Ok(Reached::Something)
        }
    }
}

async fn destination(work: Work<'_>, seen: &mut Seen, steps: &[Step]) -> Result<Reached> {
    let client = work.client;
    for step in steps {
        match step {
            Step::CreateGallery { gallery } => {
                let (create, get) = (gallery::create(gallery, &seen.machine.location), gallery::get(gallery));
                match made(client, &gallery.to_string(), &create, &get).await? {
                    Ok(body) => {
                        let location = json::text(&body, "/location").and_then(|text| text.parse().ok());
                        seen.gallery = Some(location.unwrap_or_else(|| seen.machine.location.clone()));
                    }
                    Err(refusal) => return Ok(Reached::Nothing(Some(refusal))),
                }
            }
            Step::CreateDefinition { definition } => {
                let location = seen.gallery.as_ref().unwrap_or(&seen.machine.location);
                let body = definition::body(work.settings, &seen.machine, location);
                let create = gallery::create_definition(definition, body);
                let get = gallery::get_definition(definition);
                match made(client, &definition.to_string(), &create, &get).await? {
                    Ok(body) => seen.definition = Some(ImageDefinition::new(body)),
                    Err(refusal) => return Ok(Reached::Nothing(Some(refusal))),
                }
            }
            _ => {}
        }
    }
    Ok(Reached::Something)
}

/// A resource that is there and good: one in the making is waited for, one that failed or is missing is made. A refusal
/// that means that another run makes the same is inside.
async fn made(client: &Client, id: &str, create: &Request, get: &Request) -> Result<Result<Value>> {
    if let Some(answer) = client.find(get).await? {
        let body = answer.value();
        match read_resource(&body) {
            Status::Succeeded => return Ok(Ok(body)),
            Status::Running(_) | Status::Forgotten => return drive::settle(client, create, get, body).await.map(Ok),
            Status::Failed(_) => {}
        }
    }
    match drive::put_at(client, create, get, Pace::COPY).await {
        Ok(body) => {
            client.tell(Event::Created { id: id.to_owned() });
            Ok(Ok(body))
        }
        Err(error) if error.has_status(409) || error.has_status(404) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// Stops and generalizes the VM; its disks change hands by that, so it is looked at again.
async fn machine(work: Work<'_>, seen: &mut Seen) -> Result<Reached> {
    if let (Source::Vm(id), Some(vm)) = (&work.settings.source, &seen.machine.vm) {
        prepare::prepare(work.client, id, vm, work.settings.machine).await?;
        seen.machine = source::observe(work.client, &work.settings.source).await?;
    }
    Ok(Reached::Something)
}

/// Copies the disks; a missing definition is made meanwhile.
async fn snapshots(work: Work<'_>, seen: &mut Seen, goal: &Goal, steps: &[Step]) -> Result<Reached> {
    let mut other = seen.clone();
    let (made, destination) = futures::join!(
        temporaries(work, seen, goal, steps),
        destination(work, &mut other, steps)
    );
    (seen.gallery, seen.definition) = (other.gallery, other.definition);
    match (made?, destination?) {
        (Reached::Something, Reached::Something) => Ok(Reached::Something),
        (nothing @ Reached::Nothing(_), _) | (_, nothing) => Ok(nothing),
    }
}

/// Makes the image. Its sources may go meanwhile.
async fn image(work: Work<'_>, seen: &mut Seen, goal: &Goal, steps: &[Step]) -> Result<Reached> {
    let snapshots: Vec<TemporaryId> = goal
        .temporaries()
        .into_iter()
        .filter(|id| id.kind() == KeptKind::Snapshots)
        .collect();
    match temporaries(work, seen, goal, steps).await {
        Err(error) if !has_ended(&error) && have_gone(work, seen, &snapshots).await? => {
            work.client
                .warn("another run removed what the image is made of: it is made again");
            Ok(Reached::Nothing(Some(error)))
        }
        made => made,
    }
}

/// Makes, waits for and leases snapshots, or the image.
async fn temporaries(work: Work<'_>, seen: &mut Seen, goal: &Goal, steps: &[Step]) -> Result<Reached> {
    let (client, group) = (work.client, observe::group(work.settings));
    let failed: Vec<TemporaryId> = removed(seen, steps).collect();
    if let Some((id, why)) = removal::remove_all(client, group, failed).await.into_iter().next() {
        let text = format!("{id} failed when it was made, and has to go before it is made again: {why}");
        return Ok(Reached::Nothing(Some(Error::new(ErrorKind::Azure, text))));
    }
    let renewed = leased(work, seen, goal, steps);
    let refusal = try_join_all(renewed.iter().map(|request| lease(client, request))).await?;
    let mut refusal = refusal.into_iter().flatten().next();
    for kind in temporaries::KINDS {
        let jobs: Vec<Job> = jobs(work, seen, goal, steps)
            .into_iter()
            .filter(|job| job.id.kind() == kind)
            .collect();
        let found = if jobs.is_empty() {
            None
        } else {
            let made = making::make(client, group, kind, jobs).await?;
            refusal = refusal.or(made.refusal);
            made.found
        };
        if let Some(found) = found {
            seen.temporaries.retain(|it| it.id.kind() != kind);
            seen.temporaries.extend(found);
        }
    }
    if refusal.is_some() || !renewed.is_empty() {
        seen.temporaries = temporaries::look(client, group, &goal.temporaries()).await?;
    }
    Ok(match refusal {
        Some(_) => Reached::Nothing(refusal),
        None => Reached::Something,
    })
}

fn removed<'a>(seen: &'a Seen, steps: &'a [Step]) -> impl Iterator<Item = TemporaryId> + use<'a> {
    let is_one = |id: &TemporaryId| {
        let text = id.to_string();
        steps
            .iter()
            .any(|step| matches!(step, Step::Remove { id } if *id == text))
    };
    let found = seen.temporaries.iter().map(|found| found.id.clone());
    found.filter(move |id| is_one(id))
}

/// The requests that write this run's lease on what it uses.
fn leased(work: Work<'_>, seen: &Seen, goal: &Goal, steps: &[Step]) -> Vec<Request> {
    let is_one = |found: &Found| {
        let text = found.id.to_string();
        steps
            .iter()
            .any(|step| matches!(step, Step::Lease { id } if *id == text))
    };
    let found = seen.temporaries.iter().filter(|found| is_one(found));
    found
        .filter_map(|found| {
            let tags = found.tags.as_ref()?;
            let expires = work.after(LIFE)?;
            Some(found.tag(&tags.leased(work.lease(goal), expires, work.client.run().now())))
        })
        .collect()
}

/// Writes a lease; a refusal that means that the resource is busy or gone is returned.
async fn lease(client: &Client, request: &Request) -> Result<Option<Error>> {
    match client.send(request).await {
        Ok(_) => Ok(None),
        Err(error) if error.has_status(409) || error.has_status(404) || error.kind() == ErrorKind::UnknownEffect => {
            Ok(Some(error))
        }
        Err(error) => Err(error),
    }
}

fn jobs(work: Work<'_>, seen: &Seen, goal: &Goal, steps: &[Step]) -> Vec<Job> {
    let tags = || work.written(&work.temporary_tags(goal));
    let job = |step: &Step| match step {
        Step::CopyDisk { snapshot, disk } => {
            let planned = goal.snapshots.iter().find(|it| it.id == *snapshot)?;
            let create = snapshot::create(snapshot, disk, &seen.machine.location, planned.kind, &tags());
            Some(Job {
                id: TemporaryId::Snapshot(snapshot.clone()),
                create: Some(create),
            })
        }
        Step::CreateImage { image } => {
            let sources = bodies::sources(&seen.machine, &goal.snapshots);
            let body = bodies::managed_image(&seen.machine, &tags(), &sources);
            Some(Job {
                id: TemporaryId::Image(image.clone()),
                create: Some(image::create(image, body)),
            })
        }
        Step::AwaitTemporary { id } => {
            let found = seen.temporaries.iter().find(|found| found.id.to_string() == *id)?;
            Some(Job {
                id: found.id.clone(),
                create: None,
            })
        }
        _ => None,
    };
    steps.iter().filter_map(job).collect()
}

/// Makes the version, or waits for one in the making.
async fn version(work: Work<'_>, journey: &mut Journey, goal: &Goal, steps: &[Step]) -> Result<Reached> {
    let mut operation = None;
    if steps.iter().any(|step| matches!(step, Step::CreateVersion { .. })) {
        // From here on no source must be deleted until the version is made, so this is the last place to stop at.
        work.client.run().check("the version")?;
        if has_changed(work, &mut journey.seen, goal).await? {
            return Ok(Reached::Nothing(None));
        }
        let sources = bodies::sources(&journey.seen.machine, &goal.snapshots);
        let body = bodies::version(&journey.seen.machine, goal, &sources);
        match claim::claim(work.client, goal, &version::put(&goal.version, body)).await? {
            Claim::Ours(version, address) => {
                journey.numbers.claimed = Some(goal.number.number());
                journey.seen.put_version(version);
                operation = address;
            }
            Claim::Theirs(version) => {
                let number = version.id.name();
                work.client
                    .warn(format!("another run took the number {number} meanwhile"));
                journey.seen.put_version(version);
                return Ok(Reached::Nothing(None));
            }
            Claim::Hidden(refusal) => return hidden(work, &mut journey.numbers, goal, refusal),
            Claim::NotYet(refusal) => return not_yet(work, &mut journey.seen, goal, refusal).await,
        }
    }
    match claim::made(work.client, goal, operation).await {
        Ok(version) => {
            journey.seen.put_version(version);
            Ok(Reached::Something)
        }
        Err(error) if !has_ended(&error) && have_gone(work, &mut journey.seen, &goal.temporaries()).await? => {
            work.client.warn(format!(
                "the version failed, since another run removed what it was made of: {}",
                error.report()
            ));
            journey.numbers.claimed = None;
            journey.seen.versions = observe::versions(work.client, work.settings).await?;
            Ok(Reached::Nothing(Some(error)))
        }
        Err(error) => Err(error),
    }
}

/// Whether the run has ended, so that nothing more can be done.
fn has_ended(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline)
}

/// Looks at the machine again, since it may have been started, or rebuilt, while its disks were copied.
async fn has_changed(work: Work<'_>, seen: &mut Seen, goal: &Goal) -> Result<bool> {
    if seen.machine.shape != SourceShape::Disks {
        return Ok(false);
    }
    let machine = source::observe(work.client, &work.settings.source).await?;
    if fingerprint::of(&machine, &work.settings.run_id) == goal.fingerprint {
        return Ok(false);
    }
    let progress = &work.client.run().progress;
    progress.warn(
        "the machine was started, rebuilt or given other disks while its disks were copied: they are copied again",
    );
    seen.machine = machine;
    checks::refuse(
        checks::checks(&seen.machine, work.settings.machine),
        &work.settings.ignore_checks,
        progress,
    )?;
    Ok(true)
}

/// A version that was deleted softly has the number: a computed number is followed by the next.
fn hidden(work: Work<'_>, numbers: &mut Numbers, goal: &Goal, refusal: Error) -> Result<Reached> {
    let number = goal.number.number();
    if matches!(work.settings.version, VersionChoice::Explicit(_)) {
        return Err(refusal.with_hint(format!(
            "a deleted version has the number {number}: restore or purge it, or choose another number"
        )));
    }
    work.client.warn(format!(
        "a deleted version has the number {number}: the next one is taken"
    ));
    numbers.taken.insert(number);
    Ok(Reached::Nothing(Some(refusal)))
}

/// The version is not there after its write: another run may have removed its sources, or Azure does not show it yet.
async fn not_yet(work: Work<'_>, seen: &mut Seen, goal: &Goal, refusal: Option<Error>) -> Result<Reached> {
    if have_gone(work, seen, &goal.temporaries()).await? {
        work.client
            .warn("another run removed what the version is made of: it is made again");
        return Ok(Reached::Nothing(refusal));
    }
    match refusal {
        Some(error) if error.has_status(404) => Err(error),
        refusal => Ok(Reached::Nothing(refusal)),
    }
}

/// Looks whether some of these are gone, or going.
async fn have_gone(work: Work<'_>, seen: &mut Seen, needed: &[TemporaryId]) -> Result<bool> {
    if needed.is_empty() {
        return Ok(false);
    }
    seen.temporaries = temporaries::look(work.client, observe::group(work.settings), needed).await?;
    let is_there = |id: &TemporaryId| {
        seen.temporaries
            .iter()
            .any(|found| found.id == *id && !found.is_going())
    };
    Ok(!needed.iter().all(is_there))
}

/// Brings the version to regions.
async fn regions(work: Work<'_>, seen: &mut Seen, goal: &Goal, wanted: &Wanted) -> Result<Reached> {
    let version = replication::ensure(work.client, &goal.version, wanted).await?;
    seen.put_version(version);
    seen.ready
        .extend(wanted.regions.iter().map(|need| need.location.clone()));
    Ok(Reached::Something)
}

/// Removes what no run needs any more; `None` when there is nothing of ours. A cancel or the deadline does not stop this:
/// the version is made.
async fn tidy(work: Work<'_>, goal: &Goal, steps: &[Step]) -> Option<Vec<Kept>> {
    if !steps
        .iter()
        .any(|step| matches!(step, Step::Remove { .. } | Step::Keep { .. }))
    {
        return None;
    }
    let client = work.client.for_cleanup(cleanup::LIMIT);
    Some(cleanup::after_success(&client, work.asking(), goal).await)
}
