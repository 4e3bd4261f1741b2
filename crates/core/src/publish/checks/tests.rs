//! What each check finds, and what is refused, as tables.

use serde_json::json;

use super::*;
use crate::publish::{
    machine::{
        SourceVhds,
        tests::{disk, machine},
    },
    security::Security,
};
use crate::settings::{Generalized, Stopped};

fn outcome(machine: &Machine, handling: MachineHandling, name: &str) -> CheckOutcome {
    checks(machine, handling)
        .into_iter()
        .find(|check| check.name == name)
        .unwrap()
        .outcome
}

fn text(machine: &Machine, name: &str) -> String {
    let all = checks(machine, MachineHandling::default());
    all.into_iter().find(|check| check.name == name).unwrap().text
}

fn with_vm(body: serde_json::Value) -> Machine {
    Machine {
        vm: Some(Vm::new(body)),
        ..machine("V2", Security::Standard)
    }
}

fn of_vhds() -> Machine {
    Machine {
        shape: SourceShape::Vhds(SourceVhds::default()),
        ..machine("V2", Security::Standard)
    }
}

/// The names of all checks but those.
fn without(left_out: &[&str]) -> Vec<&'static str> {
    CHECK_NAMES
        .into_iter()
        .filter(|name| !left_out.contains(name))
        .collect()
}

#[test]
fn every_check_has_a_name_that_can_be_ignored() {
    let names: Vec<_> = checks(&machine("V2", Security::Standard), MachineHandling::default())
        .into_iter()
        .map(|check| check.name)
        .collect();
    assert_eq!(names, without(&vhds::ONLY_HERE));
    let mut of_vhds = checks(&of_vhds(), MachineHandling::default());
    let of_vhds: Vec<_> = of_vhds.drain(..).map(|check| check.name).collect();
    assert_eq!(
        of_vhds,
        without(&["ephemeral-os-disk", "ultra-disk", "shared-disks", "os-disk-caching"])
    );
}

#[test]
fn vhds_have_to_be_declared_generalized_and_say_what_is_not_seen_of_them() {
    let mut machine = of_vhds();
    let declared = MachineHandling {
        generalized: Generalized::Declared,
        ..MachineHandling::default()
    };
    assert_eq!(
        outcome(&machine, MachineHandling::default(), "generalized"),
        CheckOutcome::Fail
    );
    assert_eq!(outcome(&machine, declared, "generalized"), CheckOutcome::Pass);
    assert_eq!(outcome(&machine, declared, "vhd"), CheckOutcome::Pass);
    machine.shape = SourceShape::Vhds(SourceVhds {
        unread: Some("cannot read it".to_owned()),
        foreign: Some("other".to_owned()),
        ..SourceVhds::default()
    });
    assert_eq!(outcome(&machine, declared, "vhd"), CheckOutcome::CannotKnow);
    assert_eq!(outcome(&machine, declared, "data-disk-size"), CheckOutcome::CannotKnow);
    assert_eq!(outcome(&machine, declared, "one-subscription"), CheckOutcome::Fail);
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
        "vm-state",
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
fn disks_of_a_machine_that_runs_need_leave_and_disks_are_generalized_when_the_user_says_so() {
    use crate::publish::machine::SourceShape;
    let resting = machine("V2", Security::Standard);
    let mut attached = resting.clone();
    attached.data[0].1 = disk("d2", &json!({"diskState": "Attached"}));
    let snapshots = Machine {
        shape: SourceShape::Snapshots,
        ..resting.clone()
    };
    let with = |if_running, generalized| MachineHandling {
        if_running,
        generalized,
        ..MachineHandling::default()
    };
    use CheckOutcome::{CannotKnow, Fail, Pass};
    let table = [
        (&resting, Stopped::Required, Generalized::Required, Pass, Fail),
        (&resting, Stopped::Required, Generalized::Declared, Pass, Pass),
        (&resting, Stopped::Required, Generalized::Mark, Pass, Fail),
        (&attached, Stopped::Required, Generalized::Declared, Fail, Pass),
        (&attached, Stopped::Deallocate, Generalized::Declared, Fail, Pass),
        (&attached, Stopped::AllowRunning, Generalized::Declared, Pass, Pass),
        (&snapshots, Stopped::Required, Generalized::Required, CannotKnow, Fail),
        (&snapshots, Stopped::Required, Generalized::Declared, CannotKnow, Pass),
    ];
    for (machine, if_running, generalized, rests, is_general) in table {
        let handling = with(if_running, generalized);
        let found = (
            outcome(machine, handling, "deallocated"),
            outcome(machine, handling, "generalized"),
        );
        assert_eq!(
            found,
            (rests, is_general),
            "{if_running:?} {generalized:?} {:?}",
            machine.shape
        );
    }
}

#[test]
fn a_vm_that_is_changing_failed_hibernated_or_in_an_edge_zone_is_not_copied() {
    let state = |body: serde_json::Value| outcome(&with_vm(body), MachineHandling::default(), "vm-state");
    assert_eq!(
        state(json!({"properties": {"provisioningState": "Succeeded"}})),
        CheckOutcome::Pass
    );
    for body in [
        json!({"properties": {"provisioningState": "Updating"}}),
        json!({"properties": {"provisioningState": "Failed"}}),
        json!({"properties": {"instanceView": {"statuses": [{"code": "PowerState/deallocated"}, {"code": "HibernationState/Hibernated"}]}}}),
        json!({"extendedLocation": {"name": "losangeles", "type": "EdgeZone"}}),
        json!({"properties": {"storageProfile": {"dataDisks": [{"lun": 0}, {"lun": 3, "toBeDetached": true}]}}}),
    ] {
        assert_eq!(state(body.clone()), CheckOutcome::Fail, "{body}");
    }
}

#[test]
fn disks_and_snapshots_in_an_edge_zone_are_not_copied() {
    let zone = json!({"location": "westus", "extendedLocation": {"name": "losangeles", "type": "EdgeZone"}});
    for shape in [SourceShape::Disks, SourceShape::Snapshots] {
        let mut machine = machine("V2", Security::Standard);
        machine.shape = shape;
        let handling = MachineHandling::default();
        assert_eq!(outcome(&machine, handling, "one-region"), CheckOutcome::Pass);
        machine.location = "westus".parse().unwrap();
        machine.data.clear();
        machine.os.body = crate::compute::disk::DiskBody::new(zone.clone());
        let text = text(&machine, "one-region");
        assert!(text.contains("edge zone losangeles"), "{text}");
        assert_eq!(outcome(&machine, handling, "one-region"), CheckOutcome::Fail);
    }
}

#[test]
fn an_image_keeps_its_host_cache_and_another_than_recommended_is_said() {
    use crate::publish::source::image::tests::image;
    let handling = MachineHandling::default();
    let mut machine = image("/os");
    let found = |machine: &Machine| {
        (
            outcome(machine, handling, "os-disk-caching"),
            text(machine, "os-disk-caching"),
        )
    };
    for (caching, expected, says) in [
        (None, CheckOutcome::CannotKnow, "the image does not show it"),
        (Some("readwrite"), CheckOutcome::Pass, "it is ReadWrite"),
        (Some("None"), CheckOutcome::Pass, "it is None; the version keeps it"),
    ] {
        machine.os.caching = caching.map(str::to_owned);
        let (outcome, text) = found(&machine);
        assert_eq!(outcome, expected, "{caching:?}");
        assert!(text.starts_with(says), "{text}");
    }
}

#[test]
fn disks_that_no_image_holds_as_they_are_fail_by_name() {
    let with = |sku: &str, properties: serde_json::Value| {
        let mut machine = machine("V2", Security::Standard);
        let body = json!({"location": "eastus2", "sku": {"name": sku}, "properties": properties});
        machine.data[0].1.body = crate::compute::disk::DiskBody::new(body);
        machine
    };
    let table = [
        ("Premium_LRS", json!({"diskSizeGB": 2048}), None),
        ("Premium_LRS", json!({"diskSizeGB": 2049}), Some("data-disk-size")),
        ("UltraSSD_LRS", json!({}), Some("ultra-disk")),
        ("PremiumV2_LRS", json!({}), Some("ultra-disk")),
        (
            "Premium_LRS",
            json!({"creationData": {"logicalSectorSize": 4096}}),
            Some("ultra-disk"),
        ),
        ("Premium_LRS", json!({"maxShares": 2}), Some("shared-disks")),
        (
            "Premium_LRS",
            json!({"encryption": {"diskEncryptionSetId": "/des"}}),
            Some("encryption-sets"),
        ),
        (
            "Premium_LRS",
            json!({"encryptionSettingsCollection": {"enabled": true}}),
            Some("disk-encryption"),
        ),
    ];
    let declared = MachineHandling {
        generalized: Generalized::Declared,
        ..MachineHandling::default()
    };
    for (sku, properties, expected) in table {
        let failed: Vec<&str> = checks(&with(sku, properties.clone()), declared)
            .into_iter()
            .filter(|check| check.outcome == CheckOutcome::Fail)
            .map(|check| check.name)
            .collect();
        assert_eq!(failed, expected.into_iter().collect::<Vec<_>>(), "{sku} {properties}");
    }
}

#[test]
fn a_purchase_plan_is_carried_when_asked() {
    let mut machine = machine("V2", Security::Standard);
    machine.plan = Some(json!({"name": "p"}));
    let with = |purchase_plan| MachineHandling {
        purchase_plan,
        ..MachineHandling::default()
    };
    let found = |policy| outcome(&machine, with(policy), "purchase-plan");
    assert_eq!(found(PurchasePlan::Refuse), CheckOutcome::Fail);
    assert_eq!(found(PurchasePlan::Carry), CheckOutcome::Pass);
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
        assert_eq!(names, without(&vhds::ONLY_HERE));
        assert_eq!(
            outcome(&machine, handling, name),
            expected,
            "{name} {:?}",
            machine.shape
        );
    }
}

#[test]
fn a_key_and_an_edge_zone_of_an_image_fail_by_name() {
    use crate::publish::source::image::tests::{image, version};
    let with = |keys| MachineHandling {
        keys,
        ..MachineHandling::default()
    };
    for mut machine in [image("/os"), version(None, "Generalized")] {
        machine.data[0].1 = disk("d", &json!({"encryption": {"diskEncryptionSetId": "/sets/mine"}}));
        let found = |keys| outcome(&machine, with(keys), "encryption-sets");
        assert_eq!(found(Keys::Azure), CheckOutcome::Fail, "{:?}", machine.shape);
        assert!(text(&machine, "encryption-sets").contains("/sets/mine"));
        assert_eq!(found(Keys::Own), CheckOutcome::Pass);
        assert_eq!(found(Keys::Kept), CheckOutcome::Pass);
    }
    let mut image = image("/os");
    assert_eq!(outcome(&image, with(Keys::Azure), "one-region"), CheckOutcome::Pass);
    if let SourceShape::Image(shown) = &mut image.shape {
        shown.edge_zone = Some("losangeles".to_owned());
    }
    assert_eq!(outcome(&image, with(Keys::Azure), "one-region"), CheckOutcome::Fail);
    assert!(text(&image, "one-region").contains("edge zone losangeles"));
}

#[test]
fn what_no_image_can_hold_fails() {
    let handling = MachineHandling::default();
    let mut bad = with_vm(json!({"plan": {"name": "p"}, "resources": [{"name": "agent"}],
        "properties": {"storageProfile": {"osDisk": {"diffDiskSettings": {"option": "Local"}}}}}));
    bad.plan = Some(json!({"name": "p"}));
    bad.data[0].1 = disk(
        "big",
        &json!({"diskSizeGB": 4096, "encryptionSettingsCollection": {"enabled": true},
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
            fail("vm-state", "d"),
        ]
    };
    let (progress, mut events) = Progress::channel();
    let error = refuse(checks(), &["one-region".to_owned()].into(), &progress).unwrap_err();
    insta::assert_snapshot!(error.report(), @r"
    the source is not fit for a Batch image
      extensions: a
      vm-state: d
      next: correct this, and run again
      next: or publish it all the same, with ignore_checks naming what is not to count: extensions, vm-state
    ");
    events.try_recv().unwrap();
    assert!(matches!(
        events.try_recv(),
        Ok(Event::Check {
            outcome: CheckOutcome::Ignored,
            ..
        })
    ));
}

#[test]
fn the_base_image_is_held_against_batchs_list_where_it_was_read() {
    let base = MarketplaceImage::of_urn("Canonical:ubuntu:22_04:1.2.3").unwrap();
    let found = |support| {
        let checks = checks(&machine("V2", Security::Standard), MachineHandling::default());
        let checks = with_base(checks, (Some(&base), support));
        let own = checks.into_iter().find(|check| check.name == "base-image").unwrap();
        (own.outcome, own.text)
    };
    let listed = ImageSupport::Listed {
        ends: "2027-04-01T00:00:00Z".parse().ok(),
    };
    assert_eq!(
        found(Some(listed)),
        (
            CheckOutcome::Pass,
            "Batch supports Canonical:ubuntu:22_04:1.2.3 until 2027-04-01".to_owned()
        )
    );
    for (support, expected) in [
        (None, CheckOutcome::CannotKnow),
        (Some(ImageSupport::OtherSku), CheckOutcome::CannotKnow),
        (Some(ImageSupport::Unlisted), CheckOutcome::Fail),
    ] {
        assert_eq!(found(support).0, expected, "{support:?}");
    }
}
