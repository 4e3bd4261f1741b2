//! What goes and what stays, as tables.

use serde_json::{Map, json};

use super::*;
use crate::{
    ids::resource::ImageId,
    names::{Part, TemporaryNames},
    publish::{
        plan::{
            Numbers, decide,
            tests::{seen, settings},
        },
        way::Way,
    },
    tags::Lease,
};

const NOW: &str = "2026-01-01T00:00:00Z";
const DEFINITION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/gal/images/def";

fn goal(settings: &PublishSettings) -> Goal {
    decide(settings, &seen(&[]), &Numbers::default()).unwrap()
}

fn image(goal: &Goal) -> &ImageId {
    let Way::ManagedImage { image } = &goal.way else {
        panic!("not by way of a managed image: {:?}", goal.way)
    };
    image
}

/// A snapshot of the OS disk as a run leaves it, after a change of its tags.
fn snapshot(goal: &Goal, name: Option<&str>, change: impl FnOnce(&mut TemporaryTags)) -> Found {
    let mut tags = TemporaryTags {
        run: "run-1".to_owned(),
        version: goal.version.clone(),
        source: goal.source.clone(),
        fingerprint: goal.fingerprint.clone(),
        leases: Vec::new(),
        expires: None,
        keeping: Keeping::Temporary,
    };
    change(&mut tags);
    let names = TemporaryNames::new("azure-batch", &tags.definition(), &tags.fingerprint).unwrap();
    let name = name.map_or_else(|| names.of(Part::OsDisk), str::to_owned);
    let mut all = Map::new();
    tags.write(&mut all);
    let id = image(goal).group().snapshot(&name);
    Found::new(TemporaryId::Snapshot(id), json!({"tags": all, "properties": {}}))
}

fn version(number: &str, state: &str, fingerprint: &Fingerprint) -> ImageVersion {
    let mut tags = Map::new();
    crate::tags::Tag::Fingerprint.write(&mut tags, fingerprint.as_str());
    let id = format!("{DEFINITION}/versions/{number}").parse().unwrap();
    ImageVersion::new(id, json!({"tags": tags, "properties": {"provisioningState": state}}))
}

fn lease(run: &str, number: &str, until: &str) -> Lease {
    Lease {
        run: run.to_owned(),
        number: number.parse().unwrap(),
        until: until.parse().unwrap(),
    }
}

fn chosen(found: &Found, reach: Reach, versions: &[ImageVersion], keep: &[KeptKind]) -> String {
    let mut settings = settings();
    settings.temporaries.keep = keep.iter().copied().collect();
    let asking = Asking {
        settings: &settings,
        holder: "run-1/a",
        now: NOW.parse().unwrap(),
    };
    let goal = goal(&settings);
    match choose(found, &Purpose::new(asking, &goal, reach, versions)) {
        Choice::Remove => "remove".to_owned(),
        Choice::Mark => "mark".to_owned(),
        Choice::Stays(why) => why,
        Choice::NotOurs => "not ours".to_owned(),
    }
}

#[test]
fn only_what_has_our_tags_and_the_name_that_follows_from_them_goes() {
    let goal = goal(&settings());
    let own = |name| snapshot(&goal, name, |_| {});
    assert_eq!(chosen(&own(None), Reach::Own, &[], &[]), "remove");
    assert_eq!(
        chosen(&own(Some("golden-backup-of-os")), Reach::Former, &[], &[]),
        "not ours",
        "a copy carries our tags"
    );
    let untagged = Found::new(own(None).id, json!({"tags": {"owner": "me"}}));
    assert_eq!(chosen(&untagged, Reach::Former, &[], &[]), "not ours");
    let elsewhere = DEFINITION.replace("/rg/", "/other/");
    let of_another_gallery = snapshot(&goal, None, |tags| {
        tags.version = format!("{elsewhere}/versions/1.0.0").parse().unwrap();
    });
    assert_eq!(chosen(&of_another_gallery, Reach::Former, &[], &[]), "not ours");
    let of_another_source = snapshot(&goal, None, |tags| {
        tags.source = SourceKey::of(&crate::settings::Source::ManagedImage(image(&goal).clone()));
    });
    assert_eq!(chosen(&of_another_source, Reach::Former, &[], &[]), "not ours");
}

#[test]
fn what_an_earlier_build_left_goes_when_the_version_is_made() {
    let goal = goal(&settings());
    let former = snapshot(&goal, None, |tags| tags.fingerprint = Fingerprint::new("former"));
    assert_eq!(chosen(&former, Reach::Own, &[], &[]), "not ours");
    assert_eq!(chosen(&former, Reach::Former, &[], &[]), "remove");
    assert_eq!(
        chosen(&former, Reach::Former, &[], &[KeptKind::Snapshots]),
        "remove",
        "keep is about what this run made"
    );
}

#[test]
fn what_was_kept_is_never_removed() {
    let goal = goal(&settings());
    let kept = snapshot(&goal, None, |tags| tags.keeping = Keeping::By("run-0".to_owned()));
    assert_eq!(chosen(&kept, Reach::Former, &[], &[]), "not ours");
    assert_eq!(
        chosen(&kept, Reach::Former, &[], &[KeptKind::Snapshots]),
        "keep names it"
    );
    let own = snapshot(&goal, None, |_| {});
    assert_eq!(chosen(&own, Reach::Former, &[], &[KeptKind::Snapshots]), "mark");
    assert_eq!(chosen(&own, Reach::Former, &[], &[KeptKind::ManagedImage]), "remove");
}

#[test]
fn what_a_version_in_the_making_needs_stays() {
    let goal = goal(&settings());
    let own = snapshot(&goal, None, |_| {});
    for (state, expected) in [
        ("Creating", "version 3.0.0 is still being made of it"),
        ("Updating", "remove"),
        ("Succeeded", "remove"),
        ("Failed", "remove"),
    ] {
        let versions = [version("3.0.0", state, &goal.fingerprint)];
        for reach in [Reach::Own, Reach::Former] {
            assert_eq!(chosen(&own, reach, &versions, &[]), expected, "{state} {reach:?}");
        }
    }
    let of_another = [version("3.0.0", "Creating", &Fingerprint::new("other"))];
    assert_eq!(chosen(&own, Reach::Own, &of_another, &[]), "remove");
}

#[test]
fn what_another_run_uses_stays_until_its_lease_ends_or_its_version_is_made() {
    let goal = goal(&settings());
    let with = |lease: Lease| snapshot(&goal, None, |tags| tags.leases = vec![lease]);
    let uses = "run run-2/b uses it until 2026-01-01T00:30:00Z";
    let live = "2026-01-01T00:30:00Z";
    let table = [
        (lease("run-2/b", "1.0.0", live), Reach::Own, uses),
        // It finds the version that this run has made.
        (lease("run-2/b", "1.0.0", live), Reach::Former, "remove"),
        (lease("run-2/b", "2.0.0", live), Reach::Former, uses),
        (lease("run-2/b", "1.0.0", NOW), Reach::Own, "remove"),
        (lease("run-1/a", "1.0.0", live), Reach::Own, "remove"),
    ];
    for (lease, reach, expected) in table {
        assert_eq!(
            chosen(&with(lease.clone()), reach, &[], &[]),
            expected,
            "{lease} {reach:?}"
        );
    }
    let former = snapshot(&goal, None, |tags| {
        tags.fingerprint = Fingerprint::new("former");
        tags.leases = vec![lease("run-2/b", "1.0.0", live)];
    });
    assert_eq!(
        chosen(&former, Reach::Former, &[], &[]),
        uses,
        "it is not made of what this run has published"
    );
}

#[test]
fn what_a_run_used_for_a_version_that_has_failed_goes() {
    let goal = goal(&settings());
    let own = snapshot(&goal, None, |tags| {
        tags.leases = vec![lease("run-2/b", "3.0.0", "2026-01-01T00:30:00Z")];
    });
    let uses = "run run-2/b uses it until 2026-01-01T00:30:00Z";
    let other = Fingerprint::new("other");
    let table = [
        ("3.0.0", "Failed", &goal.fingerprint, "remove"),
        ("3.0.0", "Failed", &other, uses),
        ("3.0.1", "Failed", &goal.fingerprint, uses),
        ("3.0.0", "Succeeded", &goal.fingerprint, uses),
    ];
    for (number, state, of, expected) in table {
        let versions = [version(number, state, of)];
        for reach in [Reach::Own, Reach::Former] {
            let found = chosen(&own, reach, &versions, &[]);
            assert_eq!(found, expected, "{number} {state} {of:?} {reach:?}");
        }
    }
}

#[test]
fn what_becomes_of_temporaries_depends_on_how_far_the_version_came() {
    let settings = settings();
    let goal = goal(&settings);
    let word = |becomes: AfterFailure| match becomes {
        AfterFailure::Removed(Keep::AsAsked) => "removed except what keep names",
        AfterFailure::Removed(Keep::Nothing) => "removed",
        AfterFailure::Stay(_) => "stay",
    };
    let with = |state: Option<&str>, why| {
        let versions: Vec<ImageVersion> = state
            .map(|state| version("1.0.0", state, &goal.fingerprint))
            .into_iter()
            .collect();
        word(what_becomes(&settings, &goal, &versions, why))
    };
    let table = [
        (None, ErrorKind::Azure, "removed"),
        (None, ErrorKind::Cancelled, "removed"),
        (None, ErrorKind::Deadline, "stay"),
        (Some("Creating"), ErrorKind::Cancelled, "stay"),
        (Some("Failed"), ErrorKind::Deadline, "removed"),
        (Some("Succeeded"), ErrorKind::Deadline, "removed except what keep names"),
    ];
    for (state, why, expected) in table {
        assert_eq!(with(state, why), expected, "{state:?} {why:?}");
    }
    let mut keeping = settings.clone();
    keeping.temporaries.on_failure = OnFailure::Keep;
    assert_eq!(word(what_becomes(&keeping, &goal, &[], ErrorKind::Azure)), "stay");
}
