//! Every definition that a source makes × every kind of size.

use serde_json::{Value, json};

use super::*;
use crate::publish::{
    capabilities::Controllers, definition, machine::Machine, machine::tests::machine, plan::tests::settings,
    security::Security,
};

/// A size with these capabilities.
fn sku(name: &str, capabilities: &[(&str, &str)]) -> Sku {
    let capabilities: Vec<Value> = capabilities
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    Sku::read(&json!({"resourceType": "virtualMachines", "name": name, "capabilities": capabilities})).unwrap()
}

/// The kinds of sizes that Azure has.
fn sizes() -> [Sku; 7] {
    let x64 = ("CpuArchitectureType", "x64");
    let both = ("HyperVGenerations", "V1,V2");
    let second = ("HyperVGenerations", "V2");
    let without = ("TrustedLaunchDisabled", "True");
    [
        sku("Standard_A2_v2", &[("HyperVGenerations", "V1"), x64, without]),
        sku("Standard_D4s_v5", &[both, x64, ("MaxResourceVolumeMB", "0")]),
        sku("Standard_D4ds_v6", &[second, x64, ("DiskControllerTypes", "NVMe")]),
        sku("Standard_E4bs_v5", &[both, x64, ("DiskControllerTypes", "SCSI, NVMe")]),
        sku("Standard_D4ps_v5", &[second, ("CpuArchitectureType", "Arm64"), without]),
        sku(
            "Standard_DC4as_v5",
            &[second, x64, without, ("ConfidentialComputingType", "SNP")],
        ),
        sku("Standard_X1", &[]),
    ]
}

/// A machine, and the definition that is made for it.
fn made_for(machine: &Machine) -> ImageDefinition {
    let body = definition::body(&settings(), machine, &"eastus2".parse().unwrap());
    ImageDefinition::new(body)
}

fn source(generation: &str, security: Security, change: impl FnOnce(&mut Machine)) -> Machine {
    let mut source = machine(generation, security);
    change(&mut source);
    source
}

#[test]
fn every_definition_of_a_source_meets_every_kind_of_size() {
    use Security::{Confidential, Standard, TrustedLaunch};
    let nvme = |machine: &mut Machine| machine.capabilities.controllers = Some(Controllers::ScsiAndNvme);
    let arm = |machine: &mut Machine| "Arm64".clone_into(&mut machine.architecture);
    // One letter a reason, in the order of `sizes`: "g" generation, "a" architecture, "c" controller, "s" security type.
    let table = [
        ("V1", source("V1", Standard, |_| {}), "|| g,c || g,a | g |"),
        ("V2", source("V2", Standard, |_| {}), "g || c || a ||"),
        ("V2 NVMe", source("V2", Standard, nvme), "g |||| a ||"),
        ("V2 Arm64", source("V2", Standard, arm), "g,a | a | a,c | a || a |"),
        (
            "V2 Trusted Launch",
            source("V2", TrustedLaunch, |_| {}),
            "g,s || c || a,s | s |",
        ),
        (
            "V2 Trusted Launch NVMe",
            source("V2", TrustedLaunch, nvme),
            "g,s |||| a,s | s |",
        ),
        (
            "V2 confidential",
            source("V2", Confidential, |_| {}),
            "g,s | s | c,s | s | a,s || s",
        ),
        (
            "V2 confidential NVMe",
            source("V2", Confidential, nvme),
            "g,s | s | s | s | a,s || s",
        ),
    ];
    for (name, source, expected) in table {
        let definition = made_for(&source);
        let letters = |sku: &Sku| {
            let letter = |why: &String| match why.as_str() {
                why if why.starts_with("it boots generation") => "g",
                why if why.starts_with("it has NVMe") => "c",
                why if why.contains("Trusted Launch") || why.contains("confidential") => "s",
                _ => "a",
            };
            let reasons = misfits(&definition, sku);
            let reasons: Vec<&str> = reasons.iter().map(letter).collect();
            reasons.join(",")
        };
        let found: Vec<String> = sizes().iter().map(letters).collect();
        let expected: Vec<&str> = expected.split('|').map(str::trim).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_definition_for_both_kinds_boots_wherever_a_plain_one_does() {
    let both = ImageDefinition::new(json!({"properties": {"hyperVGeneration": "V2",
        "features": [{"name": "SecurityType", "value": "TrustedLaunchSupported"}]}}));
    let plain = made_for(&machine("V2", Security::Standard));
    for sku in sizes() {
        assert_eq!(misfits(&both, &sku), misfits(&plain, &sku), "{}", sku.name);
    }
}

#[test]
fn what_a_region_does_not_have_is_bad_input_and_what_nobody_can_read_is_a_line() {
    let definition = made_for(&machine("V2", Security::Standard));
    let wanted = |found: FoundSize| WantedSize {
        of: SizeOf::Pool,
        name: "Standard_D4ds_v6".parse().unwrap(),
        location: "eastus2".parse().unwrap(),
        found,
    };
    let [_, no_disk, nvme, ..] = sizes();
    let notes = require(
        &[wanted(FoundSize::Unread), wanted(FoundSize::Sku(no_disk))],
        &definition,
    )
    .unwrap();
    assert!(
        notes[0].contains("cannot be known") && notes[1].contains("no temporary disk"),
        "{notes:?}"
    );
    let missing = require(&[wanted(FoundSize::Missing)], &definition).unwrap_err();
    assert_eq!(
        (missing.kind(), missing.to_string().as_str()),
        (
            ErrorKind::BadInput,
            "used_by.vm_size: eastus2 has no VM size Standard_D4ds_v6"
        )
    );
    let refused = require(&[wanted(FoundSize::Sku(nvme))], &definition).unwrap_err();
    assert_eq!(
        (refused.kind(), refused.to_string().as_str()),
        (
            ErrorKind::Refused,
            "the definition's images do not boot on Standard_D4ds_v6 in eastus2: it has NVMe disk controllers only, the images boot from SCSI only"
        )
    );
    let of_test = |found: FoundSize| WantedSize {
        of: SizeOf::Test,
        ..wanted(found)
    };
    let missing = require(&[of_test(FoundSize::Missing)], &definition).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "test.vm_size: eastus2 has no VM size Standard_D4ds_v6"
    );
    let [_, no_disk, ..] = sizes();
    assert_eq!(
        require(&[of_test(FoundSize::Sku(no_disk))], &definition).unwrap(),
        [""; 0],
        "where the files of a test lie is its own business"
    );
}
