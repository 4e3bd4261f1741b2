//! The plan's decisions, as tables.

use std::collections::BTreeSet;

use super::*;
use crate::{
    batch::account::Account,
    error::ErrorKind,
    plan::Effect,
    publish::{machine::tests::machine, next, security::Security, step::Step},
    settings::{
        DefinitionTraits, Generalized, MachineHandling, ManagedImagePolicy, Register, Reuse, Source, Stopped,
        TargetRegion, Temporaries, VersionSettings,
    },
};

const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers";

pub(in crate::publish) fn settings() -> PublishSettings {
    PublishSettings {
        source: Source::Vm(format!("{GROUP}/Microsoft.Compute/virtualMachines/vm").parse().unwrap()),
        made_from: None,
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
        test: None,
        ends: crate::settings::EndsWhen::Complete,
        register: Register::No,
        prices: None,
        run_id: "run-1".to_owned(),
    }
}

pub(in crate::publish) fn seen(accounts: &[(&str, u32)]) -> Seen {
    let account = |(location, nodes): &(&str, u32)| {
        let account = Account {
            id: format!("{GROUP}/Microsoft.Batch/batchAccounts/acct").parse().unwrap(),
            endpoint: crate::ids::BatchEndpoint::parse("acct.example").unwrap(),
            location: location.parse().unwrap(),
            allocation: crate::batch::account::Allocation::BatchService,
            quotas: crate::batch::account::Quotas::default(),
        };
        (account, *nodes)
    };
    let accounts = accounts.iter().map(account).collect();
    Seen {
        machine: machine("V2", Security::Standard),
        gallery: None,
        definition: None,
        versions: Vec::new(),
        soft_deleted: BTreeSet::new(),
        accounts,
        base: None,
        agents: crate::publish::observe::Agents::default(),
        sizes: Vec::new(),
        locations: None,
        temporaries: Vec::new(),
        tester: None,
        ready: Vec::new(),
        checks: Vec::new(),
    }
}

fn goal(settings: &PublishSettings, seen: &Seen) -> Result<Goal> {
    decide(settings, seen, &Numbers::default())
}

fn planned(settings: &PublishSettings, seen: &Seen) -> crate::plan::Plan<Step> {
    let asking = Asking {
        settings,
        holder: "run-1/a",
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    next::plan(next::batches(asking, seen, &goal(settings, seen).unwrap()).unwrap())
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
        .map(|(location, replicas)| TargetRegion::new(location.parse().unwrap(), replicas))
        .to_vec();
    let goal = goal(
        &settings,
        &seen(&[("westus2", 700), ("westus2", 301), ("centralus", 5)]),
    )
    .unwrap();
    assert_eq!(shown(&goal.first), ["eastus2 1", "centralus 2", "westus2 9"]);
    assert_eq!(shown(&goal.later.concat()), ["northeurope 1", "uksouth 3"]);
}

#[test]
fn fewer_replicas_than_the_pools_need_are_refused() {
    let mut settings = settings();
    settings.target_regions = vec![TargetRegion::new("westus2".parse().unwrap(), Some(2))];
    let error = goal(&settings, &seen(&[("westus2", 700)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "shared_image_gallery_destination.target_region westus2 asks for 2 replicas; 3 to 100 are possible, 3 are what the pools there need"
    );
}

#[test]
fn a_least_number_of_replicas_gives_way_to_what_the_pools_need() {
    let mut settings = settings();
    let region = |(location, least): (&str, u32)| TargetRegion {
        at_least: Some(least),
        ..TargetRegion::new(location.parse().unwrap(), None)
    };
    settings.target_regions = [("westus2", 1), ("uksouth", 2)].map(region).to_vec();
    let goal = goal(&settings, &seen(&[("westus2", 700)])).unwrap();
    assert_eq!(shown(&goal.first), ["eastus2 1", "westus2 4"]);
    assert_eq!(shown(&goal.later.concat()), ["uksouth 2"]);
}

#[test]
fn names_follow_from_definition_and_fingerprint_only() {
    let names = |settings: &PublishSettings| {
        let snapshots = goal(settings, &seen(&[])).unwrap().snapshots;
        let names = snapshots.iter().map(|snapshot| snapshot.id.name().to_owned());
        names.collect::<Vec<_>>()
    };
    let first = names(&settings());
    assert!(first[0].ends_with("-os") && first[1].ends_with("-d2"), "{first:?}");
    let mut later = settings();
    later.run_id = "run-2".to_owned();
    later.version = "1.0.1".parse().unwrap();
    assert_eq!(first, names(&later), "the next number is made of the same copies");
    let mut other = settings();
    other.definition = format!("{GROUP}/Microsoft.Compute/galleries/gal/images/other")
        .parse()
        .unwrap();
    assert_ne!(first, names(&other));
}

#[test]
fn a_prefix_that_makes_names_too_long_is_refused_before_anything_is_written() {
    let mut settings = settings();
    settings.temporaries.name_prefix = "p".repeat(crate::names::LONGEST_PREFIX + 1);
    let error = goal(&settings, &seen(&[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.to_string().contains("temp_name_prefix"), "{error}");
}

#[test]
fn tags_of_ours_win_over_the_user_s_in_any_case_of_letters() {
    let mut settings = settings();
    let mine = [("Azure-Batch-Fingerprint", "mine"), ("owner", "me")];
    settings.temporaries.tags = mine.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let goal = goal(&settings, &seen(&[])).unwrap();
    let tags = goal.details.all_tags();
    let names: Vec<&str> = tags.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "owner",
            "azure-batch-fingerprint",
            "azure-batch-run",
            "azure-batch-tool"
        ]
    );
}

#[test]
fn a_purchase_plan_that_is_let_through_is_carried_into_a_new_definition() {
    let mut seen = seen(&[]);
    let plan = json!({"name": "n", "publisher": "p", "product": "o", "promotionCode": "c"});
    seen.machine.plan = Some(plan);
    let body = definition::body(&settings(), &seen.machine, &seen.machine.location);
    assert_eq!(
        body["properties"]["purchasePlan"],
        json!({"name": "n", "publisher": "p", "product": "o"})
    );
    goal(&settings(), &seen).unwrap();
}

#[test]
fn a_plan_reads_as_a_list_of_changes() {
    let seen = seen(&[("westus2", 700)]);
    let snapshots = goal(&settings(), &seen).unwrap().snapshots;
    let hash = snapshots[0].id.name().split('-').nth(2).unwrap().to_owned();
    let text = planned(&settings(), &seen).to_string().replace(&hash, "<hash>");
    insta::assert_snapshot!(text, @r"
    create gallery gal
    create image definition def
    create snapshot azure-batch-<hash>-os
    create snapshot azure-batch-<hash>-d2
    create managed image azure-batch-<hash>-image
    create image version 1.0.0 of def
    wait for image version 1.0.0 of def
    note on image definition def that 1.0.0 is never used again
    wait until the version is complete in eastus2, westus2
    remove snapshot azure-batch-<hash>-os
    remove snapshot azure-batch-<hash>-d2
    remove managed image azure-batch-<hash>-image
    ");
}

#[test]
fn what_cannot_be_undone_comes_after_the_destination_and_before_the_first_copy() {
    let mut settings = settings();
    settings.machine = MachineHandling {
        if_running: Stopped::Deallocate,
        generalized: Generalized::Mark,
        ..MachineHandling::default()
    };
    let mut seen = seen(&[]);
    let statuses = json!({"properties": {"instanceView": {"statuses": [{"code": "PowerState/running"}]}}});
    seen.machine.vm = Some(crate::compute::vm::Vm::new(statuses));
    let plan = planned(&settings, &seen);
    let kinds: Vec<&str> = plan.steps[..5]
        .iter()
        .map(|step| match step {
            Step::CreateGallery { .. } => "gallery",
            Step::CreateDefinition { .. } => "definition",
            Step::Deallocate { .. } => "deallocate",
            Step::Generalize { .. } => "generalize",
            Step::CopyDisk { .. } => "copy",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["gallery", "definition", "deallocate", "generalize", "copy"]);
    let irreversible = plan
        .changes()
        .filter(|step| crate::plan::Step::effect(*step) == Effect::Irreversible);
    assert_eq!(irreversible.count(), 1);
}
