//! Carries out one batch of steps, and sees again what it has changed.
//!
//! Which batch is next is decided in `next`; a batch that reaches nothing is asked for again. What does which step is in
//! `carry/deeds.rs`; gallery and definition are made in `carry/destination.rs`, what is needed on the way in
//! `carry/copies.rs`, the version in `carry/version.rs`.

mod copies;
mod deeds;
mod destination;
mod numbers;
mod version;

use serde_json::{Map, Value};

use self::deeds::{Deeds, Preparation};
use super::{
    cleanup,
    next::{Batch, LEASE, Stage},
    observe::Seen,
    plan::{Asking, Goal, Numbers, user_tags},
    prepare, source, testing,
};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::Location,
    plan::Kept,
    replication::{self, Wanted},
    settings::{EndsWhen, PublishSettings},
    tags::{Keeping, Lease, TemporaryTags},
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
    /// The end of what the test wrote.
    pub test_output: Option<String>,
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
    let deeds = &Deeds::of(&batch.steps);
    journey.has_begun |= !deeds.temporaries.is_empty();
    match batch.stage {
        Stage::Destination => destination::have(work, &mut journey.seen, deeds).await,
        Stage::Machine => machine(work, &mut journey.seen, deeds).await,
        Stage::Snapshots => copies::snapshots(work, &mut journey.seen, goal, deeds).await,
        Stage::Image => copies::image(work, &mut journey.seen, goal, deeds).await,
        Stage::Version => version::make(work, journey, goal, deeds).await,
        Stage::Numbers => numbers::note(work, &mut journey.seen, goal, deeds).await,
        Stage::Test => test(work, journey, goal, deeds).await,
        Stage::First => regions(work, &mut journey.seen, goal, (deeds, &goal.wanted_first())).await,
        Stage::Later(phase) => {
            let wanted = goal.wanted_later(phase);
            let (rest, kept) = futures::join!(
                regions(work, &mut journey.seen, goal, (deeds, &wanted)),
                tidy(work, goal, deeds)
            );
            journey.removed(kept);
            rest
        }
        Stage::Cleanup => {
            journey.removed(tidy(work, goal, deeds).await);
            Ok(Reached::Something)
        }
    }
}

/// Stops and generalizes the VM; its disks change hands by that, so it is looked at again.
async fn machine(work: Work<'_>, seen: &mut Seen, deeds: &Deeds<'_>) -> Result<Reached> {
    for preparation in &deeds.machine {
        match *preparation {
            Preparation::Deallocate(vm) => prepare::deallocate(work.client, vm).await?,
            Preparation::Generalize(vm) => prepare::generalize(work.client, vm).await?,
        }
    }
    seen.machine = source::observe(work.client, work.settings).await?;
    Ok(Reached::Something)
}

/// Tests the version; only one that passes goes on.
async fn test(work: Work<'_>, journey: &mut Journey, goal: &Goal, deeds: &Deeds<'_>) -> Result<Reached> {
    if let (Some(deeds::Version::Test), Some(test)) = (deeds.version, &goal.test) {
        let tested = Box::pin(testing::run(work.client, &work.settings.run_id, (goal, test))).await;
        let kept = testing::left_after(work.client, test, &goal.version).await;
        journey.kept.extend(kept);
        let tested = tested?;
        journey.seen.put_version(tested.version);
        journey.test_output = tested.output;
    }
    Ok(Reached::Something)
}

/// Whether the run has ended, so that nothing more can be done.
fn has_ended(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline)
}

/// Brings the version to the wanted regions; a run that ends with Azure's acceptance only asks for them.
async fn regions(
    work: Work<'_>,
    seen: &mut Seen,
    goal: &Goal,
    (deeds, wanted): (&Deeds<'_>, &Wanted),
) -> Result<Reached> {
    if !deeds.completes_regions {
        return Ok(Reached::Something);
    }
    let (client, id) = (work.client, &goal.version);
    let version = match work.settings.ends {
        EndsWhen::Complete => replication::ensure(client, id, wanted).await?,
        EndsWhen::Accepted => replication::begin(client, id, wanted).await?,
    };
    let is_ready = |location: &&Location| version.is_complete_in(location);
    let locations = wanted.regions.iter().map(|need| &need.location);
    seen.ready.extend(locations.filter(is_ready).cloned());
    seen.put_version(version);
    Ok(Reached::Something)
}

/// Removes what no run needs any more; `None` when there is nothing of ours. A cancel or the deadline does not stop this:
/// the version is made.
async fn tidy(work: Work<'_>, goal: &Goal, deeds: &Deeds<'_>) -> Option<Vec<Kept>> {
    if !deeds.tidies() {
        return None;
    }
    let client = work.client.for_cleanup(cleanup::LIMIT);
    Some(cleanup::after_success(&client, work.asking(), goal).await)
}
