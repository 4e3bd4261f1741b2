//! The plan's decisions, as tables.

use std::collections::BTreeSet;

use super::*;
use crate::{
    publish::machine::{Security, tests::machine},
    settings::{
        DefinitionTraits, MachineHandling, ManagedImagePolicy, Reuse, Source, TargetRegion, Temporaries,
        VersionSettings,
    },
};

const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers";

pub(in crate::publish) fn settings() -> PublishSettings {
    PublishSettings {
        source: Source::Vm(format!("{GROUP}/Microsoft.Compute/virtualMachines/vm").parse().unwrap()),
        definition: format!("{GROUP}/Microsoft.Compute/galleries/gal/images/def")
            .parse()
            .unwrap(),
        create_gallery: false,
        traits: DefinitionTraits::default(),
        version: "1.0.0".parse().unwrap(),
        reuse: Reuse::SameSource,
        used_by: Vec::new(),
        target_regions: Vec::new(),
        replica_rule: crate::settings::ReplicaRule::default(),
        managed_image: ManagedImagePolicy::Auto,
        machine: MachineHandling::default(),
        ignore_checks: BTreeSet::new(),
        temporaries: Temporaries::default(),
        version_settings: VersionSettings::default(),
        run_id: "run-1".to_owned(),
    }
}

pub(in crate::publish) fn seen(accounts: &[(&str, u32)]) -> Seen {
    let account = |(location, nodes): &(&str, u32)| {
        let account = Account {
            id: format!("{GROUP}/Microsoft.Batch/batchAccounts/acct").parse().unwrap(),
            endpoint: crate::ids::BatchEndpoint::parse("acct.example").unwrap(),
            location: location.parse().unwrap(),
        };
        (account, *nodes)
    };
    let accounts = accounts.iter().map(account).collect();
    Seen {
        machine: machine("V2", Security::Standard),
        gallery: None,
        definition: None,
        versions: Vec::new(),
        accounts,
    }
}

fn plan(settings: &PublishSettings, seen: &Seen) -> Result<Plan> {
    make(settings, seen, "2026-01-01T00:00:00Z".parse().unwrap())
}

fn shown(needs: &[RegionNeed]) -> Vec<String> {
    needs
        .iter()
        .map(|need| format!("{} {}", need.location, need.replicas))
        .collect()
}

#[test]
fn pools_regions_go_first_and_the_source_s_before_them() {
    let mut settings = settings();
    settings.target_regions = [("northeurope", None), ("westus2", Some(9)), ("uksouth", Some(3))]
        .map(|(location, replicas)| TargetRegion {
            location: location.parse().unwrap(),
            replicas,
        })
        .to_vec();
    let plan = plan(
        &settings,
        &seen(&[("westus2", 700), ("westus2", 301), ("centralus", 5)]),
    )
    .unwrap();
    assert_eq!(shown(&plan.first), ["eastus2 1", "centralus 2", "westus2 9"]);
    assert_eq!(shown(&plan.rest), ["northeurope 1", "uksouth 3"]);
}

#[test]
fn fewer_replicas_than_the_pools_need_are_refused() {
    let mut settings = settings();
    settings.target_regions = vec![TargetRegion {
        location: "westus2".parse().unwrap(),
        replicas: Some(2),
    }];
    let error = plan(&settings, &seen(&[("westus2", 700)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "target_region westus2 asks for 2 replicas; 3 to 100 are possible, 3 are what the pools there need"
    );
}

#[test]
fn names_follow_from_version_and_fingerprint_only() {
    let first = plan(&settings(), &seen(&[])).unwrap();
    let mut later = settings();
    later.run_id = "run-2".to_owned();
    let again = plan(&later, &seen(&[])).unwrap();
    let names = |plan: &Plan| {
        plan.snapshots
            .iter()
            .map(|snapshot| snapshot.id.name().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&first), names(&again));
    assert!(
        names(&first)[1].starts_with("azure-batch-1.0.0-") && names(&first)[1].ends_with("-d2"),
        "{:?}",
        names(&first)
    );
    let mut other = settings();
    other.version = "1.0.1".parse().unwrap();
    assert_ne!(names(&first), names(&plan(&other, &seen(&[])).unwrap()));
}

#[test]
fn the_longest_names_fit_azure() {
    let mut settings = settings();
    settings.version = "2147483647.2147483647.2147483647".parse().unwrap();
    let plan = plan(&settings, &seen(&[])).unwrap();
    assert!(plan.image.name().len() <= 80, "{}", plan.image.name());
}

#[test]
fn temporaries_say_whose_they_are_and_when_nobody_needs_them() {
    let plan = plan(&settings(), &seen(&[])).unwrap();
    let feeds = plan.temporary_tags[FEEDS_TAG].as_str().unwrap();
    assert!(feeds.starts_with("gal/def/1.0.0 "), "{feeds}");
    assert_eq!(plan.temporary_tags[EXPIRES_TAG], "2026-01-02T00:00:00Z");
    assert_eq!(plan.tags[RUN_TAG], "run-1");
    assert!(
        plan.tags.get(EXPIRES_TAG).is_none(),
        "a version does not expire with its temporaries"
    );
}

#[test]
fn a_plan_reads_as_a_list_of_changes() {
    let seen = seen(&[("westus2", 700)]);
    let plan = plan(&settings(), &seen).unwrap();
    let hash = plan.image.name().split('-').nth(3).unwrap().to_owned();
    let text = plan.changes(&seen).join("\n").replace(&hash, "<hash>");
    insta::assert_snapshot!(text, @r"
    create gallery gal
    create image definition def
    create snapshot azure-batch-1.0.0-<hash>-os
    create snapshot azure-batch-1.0.0-<hash>-d2
    create managed image azure-batch-1.0.0-<hash>-image
    create image version 1.0.0 of def
    replicate to eastus2 with 1 replicas
    replicate to westus2 with 4 replicas
    ");
}
