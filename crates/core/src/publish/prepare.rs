//! Stopping and generalizing the source VM, each until the VM shows it.
//!
//! Whether that is to be done is decided in `next`.

use std::time::Duration;

use crate::{
    client::Client,
    compute::{vm, vm::Vm},
    error::{Error, ErrorKind, Result},
    ids::resource::VmId,
    operation::{drive, poll_pause},
    request::Request,
    settings::{Generalized, MachineHandling, Stopped},
};

/// How often an action on a VM whose effect is unknown is checked and sent again.
const MAX_LOOKS: u32 = 4;

/// Deallocates and generalizes a VM, where asked to and needed.
///
/// # Errors
/// When Azure refuses or the run ends.
pub(super) async fn prepare(client: &Client, id: &VmId, vm: &Vm, handling: MachineHandling) -> Result<()> {
    if handling.if_running == Stopped::Deallocate && vm.power_state() != "deallocated" {
        until(client, id, &vm::deallocate(id), |vm| vm.power_state() == "deallocated").await?;
    }
    if handling.generalized == Generalized::Mark && !vm.is_generalized() {
        client.run().progress.warn(format!(
            "marking {} as generalized is final: it can never start again",
            id.name()
        ));
        until(client, id, &vm::generalize(id), Vm::is_generalized).await?;
    }
    Ok(())
}

/// Sends an action until the VM shows its effect.
async fn until(client: &Client, id: &VmId, action: &Request, is_done: fn(&Vm) -> bool) -> Result<()> {
    for _ in 0..MAX_LOOKS {
        match drive::act(client, action).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnknownEffect => {}
            Err(error) => return Err(error),
        }
        if is_done(&Vm::new(client.send(&vm::get(id)).await?.value())) {
            return Ok(());
        }
        client
            .run()
            .pause(poll_pause(Duration::ZERO, None), &action.doing)
            .await?;
    }
    Err(Error::new(
        ErrorKind::Azure,
        format!(
            "cannot {}: Azure accepted it {MAX_LOOKS} times and the VM does not show it",
            action.doing
        ),
    ))
}
