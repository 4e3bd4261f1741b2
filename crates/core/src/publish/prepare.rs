//! Stopping and generalizing the source VM, each until the VM shows it.
//!
//! Whether that is to be done is decided in `next`.

use crate::{
    client::Client,
    compute::{vm, vm::Vm},
    error::Result,
    ids::resource::VmId,
    operation::drive,
    request::Request,
    settings::{Generalized, MachineHandling, Stopped},
};

/// Deallocates and generalizes a VM, where asked to and needed.
///
/// # Errors
/// When Azure refuses or the run ends.
pub(super) async fn prepare(client: &Client, id: &VmId, vm: &Vm, handling: MachineHandling) -> Result<()> {
    if handling.if_running == Stopped::Deallocate && vm.power_state() != "deallocated" {
        until(client, id, &vm::deallocate(id), |vm| vm.power_state() == "deallocated").await?;
    }
    if handling.generalized == Generalized::Mark && !vm.is_generalized() {
        client.warn(format!(
            "marking {} as generalized is final: it can never start again",
            id.name()
        ));
        until(client, id, &vm::generalize(id), Vm::is_generalized).await?;
    }
    Ok(())
}

/// Sends an action and waits until the VM shows its effect.
async fn until(client: &Client, id: &VmId, action: &Request, is_done: fn(&Vm) -> bool) -> Result<()> {
    let look = || async { Ok(is_done(&Vm::new(client.send(&vm::get(id)).await?.value()))) };
    drive::act(client, action, look).await
}
