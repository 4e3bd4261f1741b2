//! What may go, and each reason to stay.

use serde_json::{Value, json};

use super::*;
use crate::{
    ids::resource::ResourceGroupId,
    names::{Part, TemporaryNames},
    tags::{Fingerprint, Lease},
    usage::{Blind, How, Size, Use, User},
};

const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Compute/galleries/gal/images/def/versions/1.0.0";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    time("2026-01-03T00:00:00Z")
}

fn group() -> ResourceGroupId {
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
        .parse()
        .unwrap()
}

fn name(part: Part) -> String {
    let version: crate::ids::resource::ImageVersionId = VERSION.parse().unwrap();
    let names = TemporaryNames::new("azure-batch", &version.definition(), &Fingerprint::new("4567")).unwrap();
    names.of(part)
}

/// The body of a leftover of a dead run, changed.
fn body(change: impl FnOnce(&mut TemporaryTags)) -> Value {
    let first = json!({"tags": {"azure-batch-tool": "x", "azure-batch-run": "run-1", "azure-batch-version": "gal/def/1.0.0",
        "azure-batch-gallery": group().to_string(), "azure-batch-source": "0123", "azure-batch-fingerprint": "4567",
        "azure-batch-expires": "2026-01-02T00:00:00Z"}});
    let mut tags = TemporaryTags::read(&first).unwrap();
    change(&mut tags);
    let mut written = serde_json::Map::new();
    tags.write(&mut written);
    json!({"tags": written})
}

fn snapshot(change: impl FnOnce(&mut TemporaryTags)) -> Found {
    Found::new(
        TemporaryId::Snapshot(group().snapshot(&name(Part::OsDisk))),
        body(change),
    )
}

fn managed_image() -> Found {
    let id = TemporaryId::Image(group().image(&name(Part::Image)));
    let mut body = body(|_| ());
    let of = group().snapshot(&name(Part::OsDisk)).to_string();
    body["properties"] = json!({"storageProfile": {"osDisk": {"snapshot": {"id": of}}}});
    Found::new(id, body)
}

fn versions(all: Vec<ImageVersion>) -> Versions {
    let version: crate::ids::resource::ImageVersionId = VERSION.parse().unwrap();
    [(key(&version.definition()), Ok(all))].into()
}

fn version(state: &str, tags: Value, source: &str) -> ImageVersion {
    let body = json!({"tags": tags, "properties": {"provisioningState": state,
        "storageProfile": {"osDiskImage": {"source": {"id": source}}}}});
    ImageVersion::new(VERSION.parse().unwrap(), body)
}

/// The reasons to stay; nothing when it goes.
fn stays(found: Found, versions: &Versions, usage: &Usage) -> Vec<String> {
    let images = [managed_image()];
    let around = Surroundings {
        versions,
        usage,
        images: &images,
        without_images: &[],
    };
    match with(by_itself(found, "azure-batch", now()).unwrap(), &around)
        .leftover
        .verdict
    {
        Verdict::Goes(_) => Vec::new(),
        Verdict::Stays(why) => why,
    }
}

fn alone(change: impl FnOnce(&mut TemporaryTags)) -> Vec<String> {
    stays(snapshot(change), &versions(Vec::new()), &Usage::default())
}

#[test]
fn what_expired_and_nothing_needs_goes() {
    assert_eq!(alone(|_| ()), [""; 0]);
    let gone = by_itself(snapshot(|_| ()), "azure-batch", now()).unwrap();
    assert_eq!(
        gone.leftover.verdict.why(),
        ["it expired 24 h ago, and nothing needs it"]
    );
}

#[test]
fn each_reason_of_its_own_keeps_it() {
    let lease = |until: &str| Lease {
        run: "run-2".to_owned(),
        number: "1.0.0".parse().unwrap(),
        until: time(until),
    };
    let later = alone(|tags| tags.expires = Some(time("2026-01-04T00:00:00Z")));
    assert_eq!(later, ["it expires at 2026-01-04T00:00:00Z"]);
    assert_eq!(alone(|tags| tags.expires = None), ["it does not say when it expires"]);
    let kept = alone(|tags| tags.keeping = Keeping::By("run-3".to_owned()));
    assert_eq!(kept, ["run run-3 was asked to keep it"]);
    let leased = alone(|tags| tags.leases = vec![lease("2026-01-03T00:30:00Z")]);
    assert_eq!(leased, ["run run-2 uses it until 2026-01-03T00:30:00Z"]);
    assert_eq!(alone(|tags| tags.leases = vec![lease("2026-01-03T00:00:00Z")]), [""; 0]);
}

#[test]
fn neither_name_nor_tags_alone_make_it_ours() {
    let copy = Found::new(TemporaryId::Snapshot(group().snapshot("backup-os")), body(|_| ()));
    let why = stays(copy, &versions(Vec::new()), &Usage::default());
    assert!(why[0].contains("may be a copy"), "{why:?}");
    let untagged = Found::new(TemporaryId::Snapshot(group().snapshot(&name(Part::OsDisk))), json!({}));
    assert!(by_itself(untagged, "azure-batch", now()).is_none());
    let other_prefix = by_itself(snapshot(|_| ()), "team", now()).unwrap();
    assert!(!other_prefix.leftover.goes());
}

#[test]
fn what_a_version_is_being_made_of_stays() {
    let own = group().snapshot(&name(Part::OsDisk)).to_string();
    let fingerprint = json!({"azure-batch-fingerprint": "4567"});
    let rows = [
        ("Creating", json!({}), own.as_str(), true),
        ("Creating", fingerprint.clone(), "", true),
        ("Creating", json!({}), "/other", false),
        ("Updating", fingerprint.clone(), &own, false),
        ("Succeeded", fingerprint, &own, false),
    ];
    for (state, tags, source, needed) in rows {
        let why = stays(
            snapshot(|_| ()),
            &versions(vec![version(state, tags, source)]),
            &Usage::default(),
        );
        assert_eq!(!why.is_empty(), needed, "{state} {source} {why:?}");
    }
    let unread = [(
        key(&VERSION
            .parse::<crate::ids::resource::ImageVersionId>()
            .unwrap()
            .definition()),
        Err("no rights".to_owned()),
    )];
    assert!(stays(snapshot(|_| ()), &unread.into(), &Usage::default())[0].contains("no rights"));
}

#[test]
fn an_image_that_a_pool_stands_on_stays_with_its_snapshots() {
    let image = managed_image().id.to_string();
    let usage = Usage {
        uses: vec![Use {
            user: User {
                name: "pool p in acct1".to_owned(),
                region: None,
                size: Size::Fixed(1),
            },
            how: How::ForNew,
            image: image.to_uppercase(),
            exact: None,
        }],
        ..Usage::default()
    };
    for found in [managed_image(), snapshot(|_| ())] {
        let why = stays(found, &versions(Vec::new()), &usage);
        assert_eq!(why, ["pool p in acct1 makes its nodes of it"]);
    }
    let unseen = Usage {
        blind: vec![Blind {
            what: "Batch account acct2".to_owned(),
            why: "no".to_owned(),
            needs: None,
        }],
        ..Usage::default()
    };
    let why = stays(managed_image(), &versions(Vec::new()), &unseen);
    assert!(why[0].contains("is not known: Batch account acct2: no"), "{why:?}");
}
