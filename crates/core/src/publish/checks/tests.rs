//! What each check finds, and what is refused, as tables.

use serde_json::json;

use super::*;
use crate::publish::{
    machine::tests::{disk, machine},
    security::Security,
};

fn outcome(machine: &Machine, handling: MachineHandling, name: &str) -> CheckOutcome {
    checks(machine, handling)
        .into_iter()
        .find(|check| check.name == name)
        .unwrap()
        .outcome
}

fn with_vm(body: serde_json::Value) -> Machine {
    Machine {
        vm: Some(Vm::new(body)),
        ..machine("V2", Security::Standard)
    }
}

#[test]
fn every_check_has_a_name_that_can_be_ignored() {
    let names: Vec<_> = checks(&machine("V2", Security::Standard), MachineHandling::default())
        .into_iter()
        .map(|check| check.name)
        .collect();
    assert_eq!(names, CHECK_NAMES);
}

#[test]
fn a_running_vm_needs_leave() {
    let running = with_vm(json!({"properties": {"instanceView": {"statuses": [{"code": "PowerState/running"}]}}}));
    let with = |if_running| {
        outcome(
            &running,
            MachineHandling {
                if_running,
                ..MachineHandling::default()
            },
            "deallocated",
        )
    };
    assert_eq!(with(Stopped::Required), CheckOutcome::Fail);
    assert_eq!(with(Stopped::Deallocate), CheckOutcome::Pass);
    assert_eq!(with(Stopped::AllowRunning), CheckOutcome::Pass);
}

#[test]
fn disks_cannot_tell_what_only_a_vm_knows() {
    let machine = machine("V2", Security::Standard);
    for name in [
        "deallocated",
        "generalized",
        "extensions",
        "ephemeral-os-disk",
        "base-image",
        "temp-drive",
    ] {
        assert_eq!(
            outcome(&machine, MachineHandling::default(), name),
            CheckOutcome::CannotKnow,
            "{name}"
        );
    }
}

#[test]
fn images_tell_their_state_and_a_version_its_plan() {
    use crate::publish::source::image::tests::{image, version};
    let handling = MachineHandling::default();
    let mut with_plan = version(None, "Generalized");
    with_plan.plan = Some(json!({"name": "p"}));
    let specialized = version(None, "Specialized");
    let table = [
        (image("/os"), "generalized", CheckOutcome::Pass),
        (image("/os"), "purchase-plan", CheckOutcome::CannotKnow),
        (image("/os"), "disk-encryption", CheckOutcome::CannotKnow),
        (image("/os"), "data-disk-size", CheckOutcome::Pass),
        (specialized, "generalized", CheckOutcome::Fail),
        (with_plan, "purchase-plan", CheckOutcome::Fail),
    ];
    for (machine, name, expected) in table {
        let names: Vec<_> = checks(&machine, handling).into_iter().map(|check| check.name).collect();
        assert_eq!(names, CHECK_NAMES);
        assert_eq!(
            outcome(&machine, handling, name),
            expected,
            "{name} {:?}",
            machine.shape
        );
    }
}

#[test]
fn what_no_image_can_hold_fails() {
    let handling = MachineHandling::default();
    let mut bad = with_vm(json!({"plan": {"name": "p"}, "resources": [{"name": "agent"}],
        "properties": {"storageProfile": {"osDisk": {"diffDiskSettings": {"option": "Local"}}}}}));
    bad.plan = Some(json!({"name": "p"}));
    bad.data[0].1 = disk(
        "big",
        &json!({"diskSizeGB": 2048, "encryptionSettingsCollection": {"enabled": true},
        "encryption": {"diskEncryptionSetId": "/des"}}),
    );
    for name in [
        "generalized",
        "extensions",
        "ephemeral-os-disk",
        "disk-encryption",
        "encryption-sets",
        "data-disk-size",
        "purchase-plan",
    ] {
        assert_eq!(outcome(&bad, handling, name), CheckOutcome::Fail, "{name}");
    }
}

#[test]
fn failures_are_named_together_and_can_be_ignored_by_name() {
    let checks = || {
        vec![
            fail("extensions", "a"),
            fail("one-region", "b"),
            pass("ultra-disk", "c"),
        ]
    };
    let (progress, mut events) = Progress::channel();
    let error = refuse(checks(), &["one-region".to_owned()].into(), &progress).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the source is not fit for a Batch image: extensions: a"
    );
    events.try_recv().unwrap();
    assert!(matches!(
        events.try_recv(),
        Ok(Event::Check {
            outcome: CheckOutcome::Ignored,
            ..
        })
    ));
}
