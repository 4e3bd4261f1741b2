//! Which steps are still to be done, from what is there and what is to be reached. Pure.
//!
//! It is asked again after every batch, so it needs no memory and can go back: a snapshot that vanished is copied again.
//! The plan that a user sees is all batches at once; a run carries out the first and looks again.

use jiff::SignedDuration;

use super::{
    cleanup::{self, Choice, Purpose, Reach},
    number::{self, Number},
    observe::Seen,
    plan::{Asking, Goal},
    regions::{self, Regions},
    step::Step,
    testing::PlannedTest,
    way::Way,
};
use crate::{
    compute::{gallery::ImageDefinition, version::ImageVersion},
    error::{Error, ErrorKind, Result},
    operation::Status,
    options::image,
    plan::Plan,
    replicas::RegionNeed,
    replication::Layout,
    settings::{Generalized, PublishSettings, Source, Stopped},
    temporaries::{Found, TemporaryId},
    words,
};

/// How long a lease holds without being renewed. A run that was killed protects what it used for so long; the longest
/// part of copying that was seen in recordings takes minutes.
pub(super) const LEASE: SignedDuration = SignedDuration::from_hours(1);

/// Steps that go side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// How far the publish is.
    pub stage: Stage,
    /// The steps.
    pub steps: Vec<Step>,
}

/// The parts of a publish, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Gallery and definition.
    Destination,
    /// Deallocating and generalizing the machine.
    Machine,
    /// The copies of its disks; a missing definition is made meanwhile.
    Snapshots,
    /// The managed image.
    Image,
    /// The version.
    Version,
    /// The numbers that the definition's versions have, on the definition.
    Numbers,
    /// Its test.
    Test,
    /// The regions of the first phase.
    First,
    /// The regions of a later phase, counted from 0; what was only needed on the way is removed meanwhile.
    Later(usize),
    /// Removing what was only needed on the way.
    Cleanup,
}

impl Stage {
    /// The name of the step in events and reports.
    #[must_use]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Destination => "definition",
            Self::Machine => "machine",
            Self::Snapshots => "snapshots",
            Self::Image => "managed image",
            Self::Version => "version",
            Self::Numbers => "numbers",
            Self::Test => "test",
            Self::First => "regions",
            Self::Later(_) => "more regions",
            Self::Cleanup => "cleanup",
        }
    }
}

/// All batches that are still to be done.
///
/// # Errors
/// `Refused` when a planned name is taken by something that was not made for this.
pub(super) fn batches(asking: Asking<'_>, seen: &Seen, goal: &Goal) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    let mut add = |stage, steps: Vec<Step>| {
        if !steps.is_empty() {
            batches.push(Batch { stage, steps });
        }
    };
    let version = seen.version(&goal.version);
    let is_to_be_made = matches!(goal.number, Number::New(_)) && version.is_none();
    let regions = match is_to_be_made {
        true => Regions::Made(goal.at_first()),
        false => Regions::of(version),
    };
    let mut destination = match goal.number {
        Number::New(_) | Number::Found(_) => destination(asking.settings, seen),
        Number::Adopted(_) => Vec::new(),
    };
    let mut removal = Vec::new();
    if is_to_be_made {
        let machine = machine(asking.settings, seen);
        let mut copies = copies(asking, seen, goal)?;
        // What cannot be undone waits until the destination is known to take the machine.
        if machine.is_empty() && seen.gallery.is_some() && !copies.is_empty() {
            copies.splice(0..0, destination.drain(..));
        }
        add(Stage::Destination, destination);
        add(Stage::Machine, machine);
        add(Stage::Snapshots, copies);
        add(Stage::Image, image(asking, seen, goal)?);
        let create = Step::CreateVersion {
            version: goal.version.clone(),
        };
        add(Stage::Version, vec![create, await_version(goal)]);
        removal = removal_of_planned(asking.settings, seen, goal);
    } else {
        add(Stage::Destination, destination);
        if version.is_some_and(is_being_made) {
            add(Stage::Version, vec![await_version(goal)]);
        }
    }
    add(Stage::Numbers, numbers_to_note(seen, goal).into_iter().collect());
    add(
        Stage::Test,
        goal.test_due(version)
            .map(|test| test_step(goal, test))
            .into_iter()
            .collect(),
    );
    add(Stage::First, first_steps(seen, &regions, goal));
    removal.extend(removal_of_found(asking, seen, goal));
    for (phase, needs) in goal.later.iter().enumerate() {
        let mut steps = region_steps(seen, &regions, (needs, &goal.layout));
        if !steps.is_empty() {
            steps.append(&mut removal);
        }
        add(Stage::Later(phase), steps);
    }
    add(Stage::Cleanup, removal);
    Ok(batches)
}

/// What of these batches removes or marks what was only needed on the way.
#[must_use]
pub(super) fn tidying(batches: &[Batch]) -> Option<Batch> {
    let is_tidying = |step: &&Step| matches!(step, Step::Remove { .. } | Step::Keep { .. });
    let last = batches.iter().filter(|batch| batch.stage > Stage::First);
    let steps: Vec<Step> = last
        .flat_map(|batch| &batch.steps)
        .filter(is_tidying)
        .cloned()
        .collect();
    (!steps.is_empty()).then_some(Batch {
        stage: Stage::Cleanup,
        steps,
    })
}

/// What a run leaves that ends when Azure has accepted the version, or the regions that it adds: the wait for them, and
/// what comes after it.
#[must_use]
pub(super) fn left(batches: &[Batch], goal: &Goal, version: Option<&ImageVersion>) -> Vec<Step> {
    let needs = |stage: Stage| match stage {
        Stage::First => Some(&goal.first),
        Stage::Later(phase) => goal.later.get(phase),
        _ => None,
    };
    // A list of versions does not say how far regions are, and one whose last change succeeded is complete in all it has:
    // a run looks, and passes them.
    let has_succeeded = version.is_some_and(|version| version.status() == Status::Succeeded);
    let is_passed = |step: &Step| matches!(step, Step::AwaitRegions { .. } | Step::Describe { .. });
    let is_end = |batch: &Batch| match batch.stage {
        Stage::Version => true,
        stage => needs(stage).is_some() && !(has_succeeded && batch.steps.iter().all(is_passed)),
    };
    let mut later = batches.iter().skip_while(|batch| !is_end(batch));
    let Some(ended) = later.next() else {
        return Vec::new();
    };
    let needs = needs(ended.stage);
    let wait = needs.map_or_else(
        || await_version(goal),
        |needs| Step::AwaitRegions {
            regions: needs.iter().map(|need| need.location.clone()).collect(),
        },
    );
    // Azure needs the sources while it makes the version; after that they go meanwhile.
    let is_made = ended.stage > Stage::Version;
    let stays = |step: &&Step| !is_made || !matches!(step, Step::Remove { .. } | Step::Keep { .. });
    let later = later.flat_map(|batch| &batch.steps).filter(stays).cloned();
    std::iter::once(wait).chain(later).collect()
}

/// The batches as one plan.
#[must_use]
pub(super) fn plan(batches: Vec<Batch>) -> Plan<Step> {
    batches.into_iter().flat_map(|batch| batch.steps).collect()
}

/// What is to be said on the definition once the version is made: numbers that are higher than what it says. A version that
/// is adopted got its number from others.
fn numbers_to_note(seen: &Seen, goal: &Goal) -> Option<Step> {
    if matches!(goal.number, Number::Adopted(_)) {
        return None;
    }
    let there = seen.versions.iter().filter_map(|version| version.id.number());
    let numbers = number::given_out(seen.definition.as_ref()).add(there.chain([goal.number.number()]));
    (!numbers.is_empty()).then(|| Step::NoteNumbers {
        definition: goal.version.definition(),
        numbers,
    })
}

fn await_version(goal: &Goal) -> Step {
    Step::AwaitVersion {
        version: goal.version.clone(),
    }
}

fn test_step(goal: &Goal, test: &PlannedTest) -> Step {
    Step::Test {
        version: goal.version.clone(),
        account: test.account.name().to_owned(),
        vm_size: test.vm_size.clone(),
        identities: test.identities.clone(),
    }
}

/// A version that is updated has its own region already; one that is made has none.
fn is_being_made(version: &ImageVersion) -> bool {
    matches!(version.status(), Status::Running(_)) && !version.provisioning_state().eq_ignore_ascii_case("Updating")
}

fn destination(settings: &PublishSettings, seen: &Seen) -> Vec<Step> {
    let mut steps = Vec::new();
    if seen.gallery.is_none() {
        steps.push(Step::CreateGallery {
            gallery: settings.definition.gallery(),
        });
    }
    let definition = settings.definition.clone();
    match seen.definition.as_ref().map(ImageDefinition::status) {
        None => steps.push(Step::CreateDefinition { definition }),
        Some(Status::Running(_) | Status::Forgotten) => steps.push(Step::AwaitDefinition { definition }),
        Some(Status::Failed(_)) => steps.push(Step::WriteAgain { definition }),
        Some(Status::Succeeded) => {}
    }
    steps
}

fn machine(settings: &PublishSettings, seen: &Seen) -> Vec<Step> {
    let (Source::Vm(id), Some(vm)) = (&settings.source, &seen.machine.vm) else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    if settings.machine.if_running == Stopped::Deallocate && vm.power_state() != "deallocated" {
        steps.push(Step::Deallocate { vm: id.clone() });
    }
    if settings.machine.generalized == Generalized::Mark && !vm.is_generalized() {
        steps.push(Step::Generalize { vm: id.clone() });
    }
    steps
}

fn copies(asking: Asking<'_>, seen: &Seen, goal: &Goal) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for planned in &goal.snapshots {
        let copy = Step::CopyDisk {
            snapshot: planned.id.clone(),
            disk: planned.disk.clone(),
        };
        steps.extend(temporary(
            asking,
            seen,
            goal,
            &TemporaryId::Snapshot(planned.id.clone()),
            copy,
        )?);
    }
    Ok(steps)
}

fn image(asking: Asking<'_>, seen: &Seen, goal: &Goal) -> Result<Vec<Step>> {
    let Way::ManagedImage { image } = &goal.way else {
        return Ok(Vec::new());
    };
    let create = Step::CreateImage { image: image.clone() };
    temporary(asking, seen, goal, &TemporaryId::Image(image.clone()), create)
}

/// What is to be done for one temporary.
fn temporary(asking: Asking<'_>, seen: &Seen, goal: &Goal, id: &TemporaryId, create: Step) -> Result<Vec<Step>> {
    let Some(found) = seen.temporaries.iter().find(|found| found.id == *id) else {
        return Ok(vec![create]);
    };
    let of_this = found.tags.as_ref().filter(|tags| tags.fingerprint == goal.fingerprint);
    let Some(tags) = of_this else {
        let text = format!("{id} is there and was not made for this");
        return Err(Error::new(ErrorKind::Refused, text)
            .with_hint(words!["remove it, or set another ", image::TEMP_NAME_PREFIX]));
    };
    let text = id.to_string();
    let renew = asking.now.saturating_add(LEASE / 2).unwrap_or(asking.now);
    Ok(match found.status() {
        Status::Failed(_) => vec![Step::Remove { id: text }, create],
        Status::Running(_) | Status::Forgotten => vec![Step::AwaitTemporary { id: text }],
        Status::Succeeded if tags.leased_until(asking.holder).is_none_or(|until| until < renew) => {
            vec![Step::Lease { id: text }]
        }
        Status::Succeeded => Vec::new(),
    })
}

/// The regions that pools wait for, and what the version says of itself.
fn first_steps(seen: &Seen, regions: &Regions<'_>, goal: &Goal) -> Vec<Step> {
    let steps = region_steps(seen, regions, (&goal.first, &goal.layout));
    if steps.is_empty() {
        return steps;
    }
    let descriptions = regions::descriptions(regions.version(), &goal.details);
    steps.into_iter().chain(descriptions).collect()
}

fn region_steps(seen: &Seen, has: &Regions<'_>, (needs, layout): (&[RegionNeed], &Layout)) -> Vec<Step> {
    if needs.iter().all(|need| seen.ready.contains(&need.location)) {
        return Vec::new();
    }
    let changes = regions::changes(has, needs, layout);
    if !changes.is_empty() {
        return changes;
    }
    vec![Step::AwaitRegions {
        regions: needs.iter().map(|need| need.location.clone()).collect(),
    }]
}

/// What is not there yet and will be removed, or marked as kept, after the version is made.
fn removal_of_planned(settings: &PublishSettings, seen: &Seen, goal: &Goal) -> Vec<Step> {
    let is_found = |id: &TemporaryId| seen.temporaries.iter().any(|found| found.id == *id);
    let planned = goal.temporaries().into_iter().filter(|id| !is_found(id));
    planned
        .map(|id| {
            let (kind, id) = (id.kind(), id.to_string());
            if settings.temporaries.keep.contains(&kind) {
                Step::Keep { id }
            } else {
                Step::Remove { id }
            }
        })
        .collect()
}

/// What is there and will be removed, or marked as kept, after the version is made.
fn removal_of_found(asking: Asking<'_>, seen: &Seen, goal: &Goal) -> Vec<Step> {
    let purpose = Purpose::new(asking, goal, Reach::Former, &seen.versions);
    let step = |found: &Found| match cleanup::choose(found, &purpose) {
        Choice::Remove => Some(Step::Remove {
            id: found.id.to_string(),
        }),
        Choice::Mark => Some(Step::Keep {
            id: found.id.to_string(),
        }),
        Choice::Stays(_) | Choice::NotOurs => None,
    };
    seen.temporaries.iter().filter_map(step).collect()
}
