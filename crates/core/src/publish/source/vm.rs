//! A source that is a virtual machine with its managed disks.

use super::{
    disks::{Wanted, read},
    missing::{missing, missing_among, odd},
};
use crate::{
    client::Client,
    compute::{
        disk,
        vm::{self, AttachedDisk, Vm},
    },
    error::{Error, ErrorKind, Result},
    ids::resource::{DiskId, VmId},
    publish::machine::Machine,
    settings::Lun,
    typing::{Command, az},
};

/// Reads the machine.
///
/// # Errors
/// When there is none, a disk is missing or not a managed one, or it makes no sense.
pub(super) async fn observe(client: &Client, id: &VmId) -> Result<Machine> {
    let Some(answer) = client.find(&vm::get(id)).await? else {
        return Err(missing_among(client, &id.to_string(), &vm::list(id.group())).await);
    };
    let vm = Vm::new(answer.value());
    let attached = vm.disks();
    let wanted = |attached: &AttachedDisk| {
        let text = attached.id.clone().ok_or_else(|| unmanaged(id))?;
        let disk: DiskId = text.parse().map_err(odd)?;
        Ok(Wanted::disk(&disk, text, attached.caching.clone()))
    };
    let wanted = attached.iter().map(wanted).collect::<Result<_>>()?;
    let mut disks = read(client, disk::list, wanted).await?.into_iter();
    let os = disks.next().ok_or_else(|| missing(&id.to_string()))?;
    let lun = |attached: &AttachedDisk| Lun::try_from(attached.lun.unwrap_or(u32::MAX)).map_err(odd);
    let luns = attached.iter().skip(1).map(lun).collect::<Result<Vec<_>>>()?;
    Machine::of_disks(os, luns.into_iter().zip(disks).collect(), Some(vm))
}

fn unmanaged(id: &VmId) -> Error {
    let text = format!("a disk of {} is not a managed disk", id.name());
    Error::new(ErrorKind::Refused, text).with_next(
        "convert the machine's disks while it is deallocated",
        Command::new(az::CONVERT_DISKS, &[("vm", &id.to_string())]),
    )
}
