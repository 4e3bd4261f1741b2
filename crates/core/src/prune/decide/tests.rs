//! Each reason that keeps a version, and what becomes of one that none keeps.

use serde_json::{Value, json};

use super::*;
use crate::{
    settings::ProtectedTag,
    usage::{Size, User},
    versions::tests::{version, versions},
};

const EAST: &[(&str, u32, bool)] = &[("East US 2", 1, false)];

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn number(text: &str) -> VersionNumber {
    text.parse().unwrap()
}

/// Six versions of January, all of one region.
fn six() -> Versions {
    let names = ["1.0.0", "1.0.1", "1.0.2", "1.0.9", "1.0.10", "1.0.11"];
    versions(names.map(|name| version(name, "Succeeded", false, EAST)).to_vec())
}

/// One version of them in another form.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Versions {
    let all = six();
    let own = all.find(number(name)).unwrap();
    let (id, mut body) = (own.id.clone(), own.body().clone());
    change(&mut body);
    all.with(&id, body)
}

fn rule() -> RetentionRule {
    RetentionRule {
        keep_newest: 2,
        grace_days: Some(0),
        ..RetentionRule::default()
    }
}

fn claim(of: Claimed, how: Option<How>) -> Claim {
    Claim {
        of,
        user: User {
            name: "pool p in a".to_owned(),
            region: None,
            size: Size::Fixed(1),
        },
        why: "pool p in a uses it".to_owned(),
        how,
    }
}

fn judged(versions: &Versions, claims: &[Claim], rule: &RetentionRule) -> Vec<Judged> {
    judge(&Facts {
        versions,
        claims,
        soft: None,
        rule,
        asked: None,
        now: now(),
    })
}

/// The numbers that go, now or later.
fn going(versions: &Versions, claims: &[Claim], rule: &RetentionRule) -> Vec<String> {
    let all = judged(versions, claims, rule);
    let going = all.iter().filter(|it| it.fate != Fate::Kept);
    going.map(|it| it.number.to_string()).collect()
}

fn why(versions: &Versions, claims: &[Claim], name: &str) -> Vec<String> {
    let all = judged(versions, claims, &rule());
    let own = all.into_iter().find(|it| it.number == number(name)).unwrap();
    assert_eq!(own.fate, Fate::Kept, "{own:?}");
    own.why
}

#[test]
fn the_newest_by_number_stay_and_the_rest_goes() {
    let all = six();
    assert_eq!(going(&all, &[], &rule()), ["1.0.0", "1.0.1", "1.0.2", "1.0.9"]);
    assert_eq!(
        why(&all, &[], "1.0.11"),
        [
            "it has the highest number",
            "it is latest in eastus2",
            "it is one of the 2 newest that succeeded"
        ]
    );
    let gone = judged(&all, &[], &rule()).remove(0);
    assert_eq!(
        gone.why,
        [
            "2 newer ones succeeded",
            "it is older than 30 days",
            "nothing in sight uses it"
        ]
    );
}

#[test]
fn nothing_keeps_a_version_but_the_highest_number_and_latest_when_the_rules_keep_none() {
    let rule = RetentionRule {
        keep_newest: 0,
        keep_days: 0,
        ..rule()
    };
    let all = changed("1.0.11", |body| {
        body["properties"]["publishingProfile"]["excludeFromLatest"] = json!(true);
    });
    assert_eq!(
        going(&all, &[], &rule),
        ["1.0.0", "1.0.1", "1.0.2", "1.0.9"],
        "1.0.10 is latest"
    );
}

#[test]
fn failed_versions_do_not_count_as_newest_and_rest_for_a_week() {
    let all = changed("1.0.10", |body| {
        body["properties"]["provisioningState"] = json!("Failed");
    });
    assert_eq!(going(&all, &[], &rule()), ["1.0.0", "1.0.1", "1.0.2", "1.0.10"]);
    let fresh = changed("1.0.10", |body| {
        body["properties"]["provisioningState"] = json!("Failed");
        body["properties"]["publishingProfile"]["publishedDate"] = json!("2026-05-28T00:00:00Z");
    });
    let rule = RetentionRule { keep_days: 0, ..rule() };
    assert_eq!(going(&fresh, &[], &rule), ["1.0.0", "1.0.1", "1.0.2"]);
}

#[test]
fn who_uses_a_version_keeps_it_and_the_one_before() {
    let all = six();
    let of_new = [claim(Claimed::Version(number("1.0.2")), Some(How::ForNew))];
    assert_eq!(going(&all, &of_new, &rule()), ["1.0.0", "1.0.9"]);
    assert_eq!(why(&all, &of_new, "1.0.2"), ["pool p in a uses it"]);
    assert!(why(&all, &of_new, "1.0.1")[0].contains("the version before"));
    for how in [Some(How::Runs(1)), Some(How::Machine), Some(How::Source), None] {
        let claims = [claim(Claimed::Version(number("1.0.2")), how)];
        assert_eq!(going(&all, &claims, &rule()), ["1.0.0", "1.0.1", "1.0.9"], "{how:?}");
    }
    let of_job = [claim(Claimed::Version(number("1.0.0")), Some(How::ForPool))];
    assert_eq!(going(&all, &of_job, &rule()), ["1.0.1", "1.0.2", "1.0.9"]);
}

#[test]
fn a_node_whose_version_is_not_known_keeps_all() {
    let claims = [claim(Claimed::Some, Some(How::Runs(1)))];
    assert_eq!(going(&six(), &claims, &rule()), [""; 0]);
}

#[test]
fn who_follows_keeps_what_is_latest_and_what_would_be_next() {
    let rule = RetentionRule {
        keep_newest: 0,
        ..rule()
    };
    let claims = [claim(Claimed::Latest(None), Some(How::ForNew))];
    assert_eq!(going(&six(), &[], &rule).len(), 5);
    assert_eq!(going(&six(), &claims, &rule), ["1.0.0", "1.0.1", "1.0.2", "1.0.9"]);
    let all = judged(&six(), &claims, &rule);
    assert!(all[5].why.contains(&"pool p in a uses it".to_owned()), "{all:?}");
}

#[test]
fn the_rules_keep_by_age_tag_number_and_altogether() {
    let young = changed("1.0.0", |body| {
        body["properties"]["publishingProfile"]["publishedDate"] = json!("2026-05-03T00:00:00Z");
    });
    assert_eq!(why(&young, &[], "1.0.0"), ["it is younger than 30 days"]);
    let undated = changed("1.0.0", |body| {
        body["properties"]["publishingProfile"]["publishedDate"] = Value::Null;
    });
    assert_eq!(why(&undated, &[], "1.0.0"), ["it does not say when it was published"]);
    let tagged = changed("1.0.0", |body| body["tags"] = json!({"Stage": "prod", "hold": "x"}));
    for (tag, is_kept) in [
        ("hold", true),
        ("stage=prod", true),
        ("stage=test", false),
        ("other", false),
    ] {
        let rule = RetentionRule {
            protected_tags: vec![ProtectedTag::parse(tag)],
            ..rule()
        };
        assert_eq!(
            !going(&tagged, &[], &rule).contains(&"1.0.0".to_owned()),
            is_kept,
            "{tag}"
        );
    }
    let numbered = RetentionRule {
        protected_versions: vec![number("1.0.1")],
        ..rule()
    };
    assert_eq!(going(&six(), &[], &numbered), ["1.0.0", "1.0.2", "1.0.9"]);
    let never = RetentionRule { never: true, ..rule() };
    assert_eq!(going(&six(), &[], &never), [""; 0]);
}

#[test]
fn a_version_is_deprecated_first_and_goes_when_its_life_is_over() {
    let rule = RetentionRule {
        grace_days: None,
        ..rule()
    };
    let fate = |versions: &Versions, soft| {
        let facts = Facts {
            versions,
            claims: &[],
            soft,
            rule: &rule,
            asked: None,
            now: now(),
        };
        judge(&facts).remove(0).fate
    };
    let ends = "2026-06-08T00:00:00Z".parse().unwrap();
    assert_eq!(fate(&six(), None), Fate::Deprecated { ends });
    let soft = SoftDeletion {
        usable_days: 7,
        restorable_days: 0,
    };
    assert_eq!(
        fate(&six(), Some(soft)),
        Fate::Deleted,
        "the gallery has a grace of its own"
    );
    let ending = |date: &str| {
        let date = json!(date);
        changed("1.0.0", |body| {
            body["properties"]["publishingProfile"]["endOfLifeDate"] = date;
        })
    };
    assert_eq!(fate(&ending("2026-06-02T00:00:00Z"), None), Fate::Kept);
    assert_eq!(fate(&ending("2026-05-31T00:00:00Z"), None), Fate::Deleted);
    let shallow = changed("1.0.0", |body| {
        body["properties"]["publishingProfile"]["replicationMode"] = json!("Shallow");
    });
    assert_eq!(fate(&shallow, None), Fate::Deleted, "it takes no change");
}

#[test]
fn what_is_under_way_is_left_to_its_end() {
    for state in ["Creating", "Updating"] {
        let all = changed("1.0.0", |body| body["properties"]["provisioningState"] = json!(state));
        assert!(!going(&all, &[], &rule()).contains(&"1.0.0".to_owned()), "{state}");
    }
    let deleting = changed("1.0.0", |body| {
        body["properties"]["provisioningState"] = json!("Deleting");
    });
    let used = [claim(Claimed::Version(number("1.0.0")), Some(How::ForNew))];
    assert_eq!(judged(&deleting, &used, &rule())[0].fate, Fate::Going);
}

#[test]
fn a_deprecation_that_failed_is_written_again() {
    let failed = |state: &str| {
        let summary = json!([{"region": "East US 2", "state": state, "progress": 100}]);
        changed("1.0.0", |body| {
            body["properties"]["provisioningState"] = json!("Failed");
            body["properties"]["replicationStatus"] = json!({"summary": summary});
            body["properties"]["publishingProfile"]["excludeFromLatest"] = json!(true);
            body["properties"]["publishingProfile"]["endOfLifeDate"] = json!("2026-06-08T00:00:00Z");
        })
    };
    let ends = "2026-06-08T00:00:00Z".parse().unwrap();
    assert_eq!(
        judged(&failed("Completed"), &[], &rule())[0].fate,
        Fate::Deprecated { ends }
    );
    assert_eq!(
        judged(&failed("Failed"), &[], &rule())[0].fate,
        Fate::Kept,
        "it was never made"
    );
}
