//! Checks of the state that a machine is in: settled, stopped, generalized, free of what keeps nodes from starting. Pure.

use super::{Check, fail, pass, unknown};
use crate::{
    compute::vm::Vm,
    publish::machine::{Machine, SourceShape},
    settings::{Generalized, MachineHandling, Stopped},
};

/// All of them, in the order of their names.
pub(super) fn checks(machine: &Machine, handling: MachineHandling) -> Vec<Check> {
    let Some(vm) = &machine.vm else {
        let only_a_vm = |name| unknown(name, "only a VM shows it, and the source is disks or snapshots");
        return vec![
            only_a_vm("vm-state"),
            disks_at_rest(machine, handling.if_running),
            declared_generalized(handling.generalized),
            only_a_vm("extensions"),
            only_a_vm("ephemeral-os-disk"),
        ];
    };
    vec![
        settled(vm),
        deallocated(vm, handling.if_running),
        generalized(vm, handling.generalized),
        extensions(vm),
        ephemeral(vm),
    ]
}

/// What keeps a VM from being copied as it is, whether it is stopped or not.
fn settled(vm: &Vm) -> Check {
    let going = vm.luns_going();
    let state = vm.provisioning_state();
    let why = if ["Updating", "Deleting"]
        .iter()
        .any(|word| state.eq_ignore_ascii_case(word))
    {
        format!("the VM is {}: wait until that is over", state.to_lowercase())
    } else if state.eq_ignore_ascii_case("Failed") {
        "the last change of the VM failed, so it may not be what it should be: repair it, or build it again".to_owned()
    } else if vm.is_hibernated() {
        "the VM is hibernated, so its disks lack what was in memory: start it, and deallocate it without hibernation"
            .to_owned()
    } else if let Some(zone) = vm.edge_zone() {
        format!("the VM lies in the edge zone {zone}, and versions are made in regions only: build it in a region")
    } else if let Some(lun) = going.first() {
        format!("the data disk at LUN {lun} is being detached: wait until it is gone")
    } else {
        return pass("vm-state", "no change of the VM is under way");
    };
    fail("vm-state", why)
}

/// Disks of a machine that runs change while they are copied.
fn disks_at_rest(machine: &Machine, if_running: Stopped) -> Check {
    let name = "deallocated";
    if machine.shape == SourceShape::Snapshots {
        return unknown(name, "only a VM and its disks show it, and the source is snapshots");
    }
    let Some(disk) = machine.disks().find(|disk| disk.body.is_in_use()) else {
        return pass(name, "no disk is attached to a machine that runs");
    };
    let attached = format!("{} is attached to a machine that runs", disk.name);
    match if_running {
        Stopped::AllowRunning => pass(name, format!("{attached}; the disks are copied as they are, as asked")),
        Stopped::Required | Stopped::Deallocate => fail(
            name,
            format!(
                "{attached}, so the disks are not consistent with each other; deallocate that machine, or name it as the source"
            ),
        ),
    }
}

/// Disks and snapshots carry no mark, so only the user can know it.
fn declared_generalized(handling: Generalized) -> Check {
    let name = "generalized";
    let remedy = "set generalized = true if sysprep or waagent -deprovision ran in the machine";
    match handling {
        Generalized::Declared => pass(name, "the source is declared to be generalized"),
        Generalized::Mark => fail(
            name,
            format!("only a VM can be marked as generalized, not disks and snapshots; {remedy}"),
        ),
        Generalized::Required => fail(
            name,
            format!("disks and snapshots do not show whether their machine is generalized; {remedy}"),
        ),
    }
}

fn deallocated(vm: &Vm, if_running: Stopped) -> Check {
    let name = "deallocated";
    match (vm.power_state(), if_running) {
        ("deallocated", _) => pass(name, "the VM is deallocated"),
        (_, Stopped::Deallocate) => pass(name, "the VM will be deallocated, as asked"),
        (state, Stopped::AllowRunning) => pass(
            name,
            format!("the VM is {state}; its disks are copied as they are, as asked"),
        ),
        (state, Stopped::Required) => fail(
            name,
            format!("the VM is {state}, so its disks are not consistent with each other; set deallocate = true"),
        ),
    }
}

fn generalized(vm: &Vm, handling: Generalized) -> Check {
    let name = "generalized";
    match handling {
        _ if vm.is_generalized() => pass(name, "the VM is marked as generalized"),
        Generalized::Declared => pass(name, "the VM is declared to be generalized"),
        Generalized::Mark => pass(
            name,
            "the VM will be marked as generalized, as asked; it can never start again",
        ),
        Generalized::Required => fail(
            name,
            "the VM is not marked as generalized; run waagent -deprovision+user or sysprep in it and set generalize = true, or generalized = true if that was done",
        ),
    }
}

fn extensions(vm: &Vm) -> Check {
    let names = vm.extensions();
    if names.is_empty() {
        pass("extensions", "the VM has no extensions")
    } else {
        fail(
            "extensions",
            format!(
                "the VM has extensions ({}), which keep Batch nodes from starting; remove them, or, where a policy installs them again, ignore the check extensions",
                names.join(", ")
            ),
        )
    }
}

fn ephemeral(vm: &Vm) -> Check {
    if vm.has_ephemeral_os_disk() {
        fail(
            "ephemeral-os-disk",
            "the VM has an ephemeral OS disk, which cannot be copied; build on a VM with a managed one",
        )
    } else {
        pass("ephemeral-os-disk", "the OS disk is a managed one")
    }
}
