//! Carries out the steps that make the version: it is written at the last moment, when its source is still what it was.
//!
//! `claim` decides whose a version is after the write.

use super::{
    Journey, Reached, Work,
    copies::have_gone,
    deeds::{Deeds, Version},
    has_ended,
};
use crate::{
    compute::version,
    error::{Error, Result},
    publish::{
        bodies, checks,
        claim::{self, Claim},
        machine::SourceShape,
        observe::{self, Seen},
        plan::{Goal, Numbers},
        source::{self, fingerprint},
    },
    settings::{EndsWhen, VersionChoice},
};

/// Makes the version, or waits for one in the making. A run that ends with Azure's acceptance does not wait.
///
/// # Errors
/// When Azure refuses for good, the version fails, or the run ends.
pub(super) async fn make(work: Work<'_>, journey: &mut Journey, goal: &Goal, deeds: &Deeds<'_>) -> Result<Reached> {
    let mut operation = None;
    if deeds.version == Some(Version::Create) {
        // From here on no source must be deleted until the version is made, so this is the last place to stop at.
        work.client.run().check("make the version")?;
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
    if work.settings.ends == EndsWhen::Accepted {
        return Ok(Reached::Something);
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

/// Looks at the machine again, since it may have been started, or rebuilt, while its disks were copied.
async fn has_changed(work: Work<'_>, seen: &mut Seen, goal: &Goal) -> Result<bool> {
    if seen.machine.shape != SourceShape::Disks {
        return Ok(false);
    }
    let machine = source::observe(work.client, work.settings).await?;
    if fingerprint::of(&machine, &work.settings.run_id) == goal.fingerprint {
        return Ok(false);
    }
    let progress = &work.client.run().progress;
    progress.warn(
        "the machine was started, rebuilt or given other disks while its disks were copied: they are copied again",
    );
    seen.machine = machine;
    checks::refuse(
        checks::checks(&seen.machine, work.settings.handling()),
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
