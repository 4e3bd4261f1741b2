//! What a source was, as a short hash. Pure.
//!
//! A machine that was started, rebuilt or given another disk has another fingerprint, so a leftover of an older build is
//! never used for this one.

use crate::{
    publish::machine::{Machine, SourceShape},
    tags::{Fingerprint, short_hash},
};

/// A hash of the ids and of when each disk last changed hands. An image that
/// [`is_known_by_name`](Machine::is_known_by_name) is the exception. None of this moves while a machine runs, so of one
/// that does the fingerprint is of this `moment` alone, such as the run.
#[must_use]
pub(in crate::publish) fn of(machine: &Machine, moment: &str) -> Fingerprint {
    let mut parts = vec![match (&machine.vm, &machine.shape) {
        (Some(vm), _) => vm.vm_id().to_owned(),
        (None, SourceShape::Image(image)) => image.id.clone(),
        (None, SourceShape::Disks | SourceShape::Snapshots | SourceShape::Vhds(_)) => String::new(),
    }];
    if let SourceShape::Image(image) = &machine.shape
        && !image.published.is_empty()
    {
        parts.push(image.published.clone());
    }
    for disk in machine.disks() {
        parts.push(disk.id.clone());
        parts.push(disk.body.unique_id().to_owned());
        parts.push(disk.body.last_ownership_update().to_owned());
    }
    parts.extend(machine.data.iter().map(|(lun, _)| lun.to_string()));
    if !machine.is_at_rest() {
        parts.push(moment.to_owned());
    }
    Fingerprint::new(short_hash(&parts))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        compute::vm::Vm,
        publish::{
            machine::tests::{disk, machine},
            security::Security,
        },
    };

    #[test]
    fn a_fingerprint_follows_ids_and_the_last_change_of_hands() {
        let one = machine("V2", Security::Standard);
        let print = |machine: &Machine| of(machine, "run-1");
        assert_eq!(print(&one), print(&machine("V2", Security::Standard)));
        assert_eq!(print(&one), of(&one, "run-2"), "a machine at rest stays what it is");
        let mut moved = one.clone();
        moved.os = disk(
            "os",
            &json!({"osType": "Linux", "uniqueId": "u1", "LastOwnershipUpdateTime": "2026-01-02T00:00:00Z"}),
        );
        assert_ne!(print(&one), print(&moved));
        let mut shouted = one.clone();
        shouted.os.id = shouted.os.id.to_uppercase();
        assert_eq!(print(&one), print(&shouted), "Azure compares ids without case");
    }

    #[test]
    fn a_machine_that_runs_is_another_one_in_each_run() {
        let statuses = json!({"properties": {"instanceView": {"statuses": [{"code": "PowerState/running"}]}}});
        let running = Machine {
            vm: Some(Vm::new(statuses)),
            ..machine("V2", Security::Standard)
        };
        assert_eq!(of(&running, "run-1"), of(&running, "run-1"));
        assert_ne!(of(&running, "run-1"), of(&running, "run-2"));
        let mut attached = machine("V2", Security::Standard);
        attached.os = disk("os", &json!({"osType": "Linux", "diskState": "Attached"}));
        assert_ne!(of(&attached, "run-1"), of(&attached, "run-2"));
    }
}
