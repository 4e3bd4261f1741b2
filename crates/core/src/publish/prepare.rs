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
};

/// Deallocates a VM.
///
/// # Errors
/// When Azure refuses or the run ends.
pub(super) async fn deallocate(client: &Client, id: &VmId) -> Result<()> {
    until(client, id, &vm::deallocate(id), |vm| vm.power_state() == "deallocated").await
}

/// Marks a VM as generalized, which is final.
///
/// # Errors
/// When Azure refuses or the run ends.
pub(super) async fn generalize(client: &Client, id: &VmId) -> Result<()> {
    client.warn(format!(
        "marking {} as generalized is final: it can never start again",
        id.name()
    ));
    until(client, id, &vm::generalize(id), Vm::is_generalized).await
}

/// Sends an action and waits until the VM shows its effect.
async fn until(client: &Client, id: &VmId, action: &Request, is_done: fn(&Vm) -> bool) -> Result<()> {
    let look = || async { Ok(is_done(&Vm::new(client.send(&vm::get(id)).await?.value()))) };
    drive::act(client, action, look).await
}
