//! What is planned of a test, and what is refused before anything is written.

use serde_json::json;

use super::*;
use crate::{
    publish::{
        origin::NodeAgent,
        plan::tests::{seen, settings},
    },
    replication::RegionLayout,
    settings::TEST_MINUTES,
};

const ACCOUNT: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/acct";

fn wanted(agent: Option<&str>) -> PublishSettings {
    PublishSettings {
        test: Some(ImageTest {
            account: ACCOUNT.parse().unwrap(),
            vm_size: "Standard_D2s_v5".parse().unwrap(),
            command: "/opt/check".to_owned(),
            node_agent: agent.map(|agent| agent.parse().unwrap()),
            subnet: None,
            identities: Vec::new(),
            longest: Duration::from_secs(u64::from(TEST_MINUTES) * 60),
        }),
        ..settings()
    }
}

fn in_region(location: &str, agent: Option<&str>) -> Seen {
    let body = json!({"location": location, "properties": {"accountEndpoint": "acct.eastus2.batch.azure.com"}});
    Seen {
        tester: crate::batch::account::parse(&ACCOUNT.parse().unwrap(), &body).ok(),
        agents: Agents {
            inferred: agent.map(|sku| NodeAgent {
                sku: sku.to_owned(),
                ends: None,
                base_image_ends: None,
                successor: None,
            }),
            ..Agents::default()
        },
        ..seen(&[])
    }
}

fn planned(settings: &PublishSettings, seen: &Seen) -> Result<Option<PlannedTest>> {
    let version = settings.definition.version("1.0.0".parse().unwrap());
    plan(settings, seen, (&version, &Layout::default()))
}

#[test]
fn a_test_in_another_subnet_is_another_test() {
    let seen = in_region("East US 2", Some("batch.node.ubuntu 24.04"));
    let mut wanted = wanted(None);
    let without = planned(&wanted, &seen).unwrap().unwrap();
    let network = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/n";
    if let Some(test) = &mut wanted.test {
        test.subnet = format!("{network}/subnets/s").parse().ok();
    }
    let within = planned(&wanted, &seen).unwrap().unwrap();
    assert_ne!(without.key, within.key);
}

#[test]
fn a_test_follows_from_version_and_command() {
    let seen = in_region("East US 2", Some("batch.node.ubuntu 24.04"));
    let test = planned(&wanted(None), &seen).unwrap().unwrap();
    assert!(test.pool.as_str().starts_with("azure-batch-test-def-"), "{}", test.pool);
    assert!(test.pool.as_str().len() <= 64);
    let version = settings().definition.version("1.0.0".parse().unwrap());
    let body = test.pool_body(&version, "run-1", "2026-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(
        body["virtualMachineConfiguration"]["nodeAgentSKUId"],
        "batch.node.ubuntu 24.04"
    );
    assert_eq!(body["metadata"][2]["value"], "2026-01-01T02:30:00Z");
    assert!(PlannedTest::is_of(&Pool::new(body), &version));
    let mut other = wanted(None);
    other.test.as_mut().unwrap().command = "/opt/other".to_owned();
    let other = planned(&other, &seen).unwrap().unwrap();
    assert_ne!((&test.pool, &test.key), (&other.pool, &other.key));
    let tagged = json!({"tags": {"azure-batch-tested": format!("passed {}", test.key)}});
    let tagged = ImageVersion::new(version, tagged);
    assert!(test.is_passed_by(&tagged) && !other.is_passed_by(&tagged));
    assert!(planned(&settings(), &seen).unwrap().is_none());
}

#[test]
fn what_cannot_be_tested_is_refused_before_anything_is_written() {
    let report = |settings: &PublishSettings, seen: &Seen| planned(settings, seen).unwrap_err().report();
    let agent = Some("batch.node.ubuntu 24.04");
    insta::assert_snapshot!(report(&wanted(None), &in_region("West Europe", agent)), @r"
    test.batch_account acct lies in westeurope, and the version is made in eastus2 first
      hint: give a Batch account in eastus2, or build the machine in westeurope
    ");
    insta::assert_snapshot!(report(&wanted(None), &in_region("East US 2", None)), @r"
    the node agent of the test's pool is not known, since the base image is not, or Batch does not list it
      hint: give test.node_agent_sku_id
    ");
    let mut contradicted = in_region("East US 2", agent);
    contradicted.agents.fault = Some(AgentFault::OfAnotherImage {
        base: "Canonical:ubuntu:24_04:1.0.0".to_owned(),
        right: "batch.node.ubuntu 24.04".to_owned(),
    });
    insta::assert_snapshot!(report(&wanted(Some("batch.node.el 9")), &contradicted), @r#"
    test.node_agent_sku_id "batch.node.el 9" does not fit the image, which was made of Canonical:ubuntu:24_04:1.0.0: Batch has "batch.node.ubuntu 24.04" for it
      hint: give another one, or leave test.node_agent_sku_id out
    "#);
    contradicted.agents.fault = Some(AgentFault::Unlisted {
        successor: Some("batch.node.ubuntu 22.04".to_owned()),
    });
    insta::assert_snapshot!(report(&wanted(Some("batch.node.ubuntu 18.04")), &contradicted), @r#"
    test.node_agent_sku_id "batch.node.ubuntu 18.04" is not a node agent that Batch has; the next of its kind is "batch.node.ubuntu 22.04", which needs an image of that system
      hint: give another one, or leave test.node_agent_sku_id out
    "#);
    assert!(planned(&wanted(Some("batch.node.el 9")), &in_region("East US 2", None)).is_ok());
    let mut empty = wanted(None);
    empty.test.as_mut().unwrap().command = "a\0b".to_owned();
    insta::assert_snapshot!(report(&empty, &in_region("East US 2", agent)), @"test.command holds a NUL character, which no command line can carry");
}

/// How the pool of a test is configured: by the definition's feature, and by what the region of the test says in the layout
/// and in the version that is there.
fn configuration(feature: &str, in_layout: &str, in_version: Option<&str>) -> Value {
    let entry = |word: &str| {
        json!({"name": "eastus2", "encryption": {"osDiskImage": {"securityProfile":
        {"confidentialVMEncryptionType": word}}}})
    };
    let mut seen = in_region("East US 2", Some("batch.node.ubuntu 24.04"));
    seen.definition = Some(ImageDefinition::new(json!({"properties": {
        "features": [{"name": "SecurityType", "value": feature}]}})));
    let version = settings().definition.version("1.0.0".parse().unwrap());
    if let Some(word) = in_version {
        let body = json!({"properties": {"publishingProfile": {"targetRegions": [entry(word)]}}});
        seen.put_version(ImageVersion::new(version.clone(), body));
    }
    let region = RegionLayout {
        more: entry(in_layout).as_object().unwrap().clone(),
        ..RegionLayout::default()
    };
    let layout = Layout {
        regions: [("eastus2".parse().unwrap(), region)].into(),
        ..Layout::default()
    };
    let test = plan(&wanted(None), &seen, (&version, &layout)).unwrap().unwrap();
    let body = test.pool_body(&version, "run-1", "2026-01-01T00:00:00Z".parse().unwrap());
    body["virtualMachineConfiguration"].clone()
}

#[test]
fn a_definition_for_guarded_machines_alone_needs_a_pool_of_their_kind() {
    let both = || json!({"secureBootEnabled": true, "vTpmEnabled": true});
    let disk = |word: &str| json!({"managedDisk": {"securityProfile": {"securityEncryptionType": word}}});
    for (feature, in_version, profile, os_disk) in [
        ("Standard", None, Value::Null, Value::Null),
        ("TrustedLaunchSupported", None, Value::Null, Value::Null),
        (
            "TrustedLaunchAndConfidentialVmSupported",
            None,
            Value::Null,
            Value::Null,
        ),
        (
            "TrustedLaunch",
            None,
            json!({"securityType": "trustedLaunch", "uefiSettings": both()}),
            Value::Null,
        ),
        (
            "ConfidentialVM",
            None,
            json!({"securityType": "confidentialvm", "uefiSettings": both()}),
            disk("DiskWithVMGuestState"),
        ),
        (
            "ConfidentialVM",
            Some("NonPersistedTPM"),
            json!({"securityType": "confidentialvm", "uefiSettings": both()}),
            disk("NonPersistedTPM"),
        ),
    ] {
        let found = configuration(feature, "EncryptedWithPmk", in_version);
        assert_eq!(
            (&found["securityProfile"], &found["osDisk"]),
            (&profile, &os_disk),
            "{feature} {in_version:?}"
        );
    }
}
