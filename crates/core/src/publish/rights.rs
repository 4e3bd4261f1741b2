//! Which rights the steps of a publish need, and the look at them before the first step.
//!
//! A right is asked for at the resource where Azure asks for it, or at what holds it while it does not exist. What may not
//! be asked stops nothing: the service refuses by itself.

use std::collections::BTreeSet;

use super::{machine::SourceShape, observe::Seen, plan::Goal, step::Step};
use crate::{
    arm::permission::Action,
    batch::account::Account,
    client::Client,
    error::Result,
    ids::resource::{ImageDefinitionId, SubnetId},
    plan::{Effect, Step as _},
    preflight,
    rights::{self, Need, Without},
};

/// Checks the rights that these steps need; a run without a step that writes asks for none.
///
/// # Errors
/// `NoRights` with everything that is missing.
pub(super) async fn check(client: &Client, seen: &Seen, goal: &Goal, steps: &[Step]) -> Result<()> {
    preflight::require_rights(client, needs(seen, goal, steps)).await
}

/// What the steps do, each right once.
#[must_use]
pub(super) fn needs(seen: &Seen, goal: &Goal, steps: &[Step]) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    let mut copied_from = BTreeSet::new();
    // Whoever makes copies must be able to remove them; a version that is complete does not wait for those of other runs.
    let is_clearing = !steps.iter().any(|step| {
        matches!(
            step,
            Step::CopyDisk { .. } | Step::CreateImage { .. } | Step::CreateVersion { .. }
        )
    });
    for step in steps.iter().filter(|step| step.effect() != Effect::Wait) {
        // One disk of a group speaks for the others: a machine may have 65.
        let is_asked = match step {
            Step::CopyDisk { disk, .. } => copied_from.insert(group_of(disk).to_lowercase()),
            _ => true,
        };
        for need in of_step(seen, goal, step) {
            let is_tidying = is_clearing && matches!(step, Step::Remove { .. } | Step::Keep { .. });
            let without = if is_tidying { Without::Skips } else { need.without };
            let need = Need { without, ..need };
            let is_known = needs
                .iter()
                .any(|known| known.scope == need.scope && known.action == need.action);
            if !is_known && (is_asked || need.action != BEGIN_ACCESS) {
                needs.push(need);
            }
        }
    }
    needs
}

/// Writes a snapshot, its tags too; Azure also asks for it of the identity that makes a version of a snapshot.
const SNAPSHOT_WRITE: &str = "Microsoft.Compute/snapshots/write";

/// Reads a disk's content, which a copy does.
const BEGIN_ACCESS: Action = Action::Control("Microsoft.Compute/disks/beginGetAccess/action");

/// Creates a definition, and changes one, its tags too.
const DEFINITION_WRITE: &str = "Microsoft.Compute/galleries/images/write";

/// Where the right to write a definition is asked for: on the nearest thing that is there.
fn place_of(seen: &Seen, definition: &ImageDefinitionId) -> String {
    match (&seen.definition, &seen.gallery) {
        (Some(_), _) => definition.to_string(),
        (None, Some(_)) => definition.gallery().to_string(),
        (None, None) => definition.group().to_string(),
    }
}

fn of_step(seen: &Seen, goal: &Goal, step: &Step) -> Vec<Need> {
    match step {
        Step::CreateGallery { gallery } => vec![need(
            gallery.group().to_string(),
            "Microsoft.Compute/galleries/write",
            "to create the gallery",
        )],
        Step::CreateDefinition { definition } => of_definition(seen, definition, "to create the image definition"),
        Step::WriteAgain { definition } => of_definition(seen, definition, "to write the image definition again"),
        Step::NoteNumbers { definition, .. } => vec![of_numbers(seen, definition)],
        Step::Deallocate { vm } => vec![need(
            vm.to_string(),
            "Microsoft.Compute/virtualMachines/deallocate/action",
            "to deallocate the machine",
        )],
        Step::Generalize { vm } => vec![need(
            vm.to_string(),
            "Microsoft.Compute/virtualMachines/generalize/action",
            "to mark the machine as generalized",
        )],
        Step::CopyDisk { snapshot, disk } => of_copy(&snapshot.group().to_string(), disk),
        Step::CreateImage { image } => vec![
            need(
                image.group().to_string(),
                "Microsoft.Compute/images/write",
                "to make the managed image",
            ),
            need(
                image.group().to_string(),
                "Microsoft.Compute/images/read",
                "to make the version of the managed image",
            ),
        ],
        Step::CreateVersion { .. } => of_creation(seen, goal),
        Step::PutBack { .. } | Step::Replicate { .. } | Step::Describe { .. } => vec![version_write(seen, goal)],
        Step::Lease { id } | Step::Keep { id } => {
            let purpose = "to say on what was made who uses it";
            vec![on_temporary(
                id,
                [SNAPSHOT_WRITE, "Microsoft.Compute/images/write"],
                purpose,
            )]
        }
        Step::Remove { id } => {
            let actions = ["Microsoft.Compute/snapshots/delete", "Microsoft.Compute/images/delete"];
            vec![on_temporary(id, actions, "to remove what is only needed for a time")]
        }
        Step::Test { .. } => {
            let subnet = goal.test.as_ref().and_then(|test| test.subnet.as_ref());
            let identities = goal.test.iter().flat_map(|test| &test.identities);
            let of_account = seen.tester.as_ref().map(of_test).unwrap_or_default();
            let of_others = subnet.map(join).into_iter().chain(identities.map(rights::assignment));
            of_account.into_iter().chain(of_others).collect()
        }
        Step::AwaitTemporary { .. }
        | Step::AwaitDefinition { .. }
        | Step::AwaitVersion { .. }
        | Step::AwaitRegions { .. } => Vec::new(),
    }
}

fn of_definition(seen: &Seen, definition: &ImageDefinitionId, to_write: &'static str) -> Vec<Need> {
    let scope = place_of(seen, definition);
    vec![
        need(scope.clone(), DEFINITION_WRITE, to_write),
        need(
            scope,
            "Microsoft.Compute/galleries/images/read",
            "to wait for the image definition",
        ),
    ]
}

fn of_numbers(seen: &Seen, definition: &ImageDefinitionId) -> Need {
    let purpose = "to note which numbers its versions have";
    Need {
        without: Without::Skips,
        ..need(place_of(seen, definition), DEFINITION_WRITE, purpose)
    }
}

fn of_copy(group: &str, disk: &str) -> Vec<Need> {
    vec![
        need(group.to_owned(), SNAPSHOT_WRITE, "to copy the machine's disks"),
        need(
            group.to_owned(),
            "Microsoft.Compute/snapshots/read",
            "to wait for the copies of the disks",
        ),
        need(disk.to_owned(), BEGIN_ACCESS.name(), "to read the machine's disks"),
    ]
}

/// What Batch asks for before it makes a pool in a subnet.
fn join(subnet: &SubnetId) -> Need {
    need(
        subnet.to_string(),
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "that Batch asks for before it makes the pool of the test in the subnet",
    )
}

/// A test makes a pool and a job in its account, watches them and removes them.
fn of_test(account: &Account) -> Vec<Need> {
    let pools = [
        (
            "Microsoft.Batch/batchAccounts/pools/read",
            "to watch the node that tests the version",
        ),
        (
            "Microsoft.Batch/batchAccounts/pools/write",
            "to make the pool that tests the version",
        ),
        (
            "Microsoft.Batch/batchAccounts/pools/delete",
            "to remove the pool that tests the version",
        ),
    ];
    let jobs = [
        ("Microsoft.Batch/batchAccounts/jobs/read", "to read what the test wrote"),
        (
            "Microsoft.Batch/batchAccounts/jobs/write",
            "to run the command that tests the version",
        ),
        (
            "Microsoft.Batch/batchAccounts/jobs/delete",
            "to remove the job that tests the version",
        ),
    ];
    let scope = account.id.to_string();
    let of_pools = pools.map(|(action, purpose)| need(scope.clone(), action, purpose));
    let of_jobs = jobs.map(|(action, purpose)| Need {
        action: Action::Data(action),
        ..need(scope.clone(), action, purpose)
    });
    of_pools.into_iter().chain(of_jobs).collect()
}

/// A version needs the rights to write and read in its definition and, made of snapshots of the user's own, on these.
/// The right to read a disk encryption set is not asked for: that Azure wants it for a version is a guess.
fn of_creation(seen: &Seen, goal: &Goal) -> Vec<Need> {
    let read = need(
        place_of_version(seen, goal),
        "Microsoft.Compute/galleries/images/versions/read",
        "to wait for the version",
    );
    let mut needs = vec![version_write(seen, goal), read];
    if matches!(seen.machine.shape, SourceShape::Snapshots) {
        // One snapshot of a group speaks for the others.
        let mut groups = BTreeSet::new();
        let own = seen
            .machine
            .disks()
            .filter(|disk| groups.insert(group_of(&disk.id).to_lowercase()));
        needs.extend(own.map(|disk| need(disk.id.clone(), SNAPSHOT_WRITE, "to make the version of the snapshots")));
    }
    needs
}

fn version_write(seen: &Seen, goal: &Goal) -> Need {
    need(
        place_of_version(seen, goal),
        "Microsoft.Compute/galleries/images/versions/write",
        "to make the version and its regions",
    )
}

/// The version, or what holds it while it does not exist.
fn place_of_version(seen: &Seen, goal: &Goal) -> String {
    let definition = goal.version.definition();
    if seen.version(&goal.version).is_some() {
        goal.version.to_string()
    } else if seen.definition.is_some() {
        definition.to_string()
    } else if seen.gallery.is_some() {
        definition.gallery().to_string()
    } else {
        definition.group().to_string()
    }
}

/// A temporary goes when it is no longer needed, so its rights are asked for at its group.
fn on_temporary(id: &str, [snapshot, image]: [&'static str; 2], purpose: &'static str) -> Need {
    let is_snapshot = id.to_lowercase().contains("/snapshots/");
    need(group_of(id), if is_snapshot { snapshot } else { image }, purpose)
}

fn need(scope: String, action: &'static str, purpose: &'static str) -> Need {
    Need {
        scope,
        action: Action::Control(action),
        purpose,
        without: Without::Fails,
    }
}

/// The id of the resource group that a resource lies in.
fn group_of(id: &str) -> String {
    id.split('/').take(5).collect::<Vec<_>>().join("/")
}
