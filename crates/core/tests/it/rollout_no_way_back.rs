//! Pools whose former image is gone: what is said before anything is written, and the way out of a change that cannot end.
//!
//! The world is that of `rollout_in_place`, with a third version.

use std::time::Duration;

use azure_batch_core::{
    compute::version,
    error::{Error, ErrorKind},
    operation::drive,
    options::Door,
    rollout::{self, PoolAction},
    settings::{ROLLOUT_DEADLINE, RolloutSettings, Share},
};
use http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    given::checked,
    reads_well::MustFail as _,
    rollout::{client, entries, failure, good, image, roll_out, settings, world},
    rollout_blue_green::blue_green,
    rollout_in_place::{back, in_place, state, working_in},
    status::former_pools,
    support::Azure,
};

const GOOD: &str = "5 of 5 on 1.0.0, busy active 0, asleep disabled 0";

/// The pool of ours on 0.9.0 that works, and versions 1.0.0 and 1.0.1.
async fn working() -> Azure {
    working_in(third).await
}

fn third(seed: &mut Value) {
    let versions = seed["versions"].as_array_mut().unwrap();
    let mut third = versions[0].clone();
    third["name"] = json!("1.0.1");
    versions.push(third);
}

/// Another client deletes a version.
pub(crate) async fn deleted(azure: &Azure, name: &str) {
    let id = image(name).parse().unwrap();
    let client = client(azure, ROLLOUT_DEADLINE).await;
    drive::delete(&client, &version::delete(&id), &version::get(&id))
        .await
        .unwrap();
    azure.turn_the_page();
}

/// The roll-out of 1.0.1 in place.
fn next_version() -> RolloutSettings {
    let mut settings = in_place(5);
    settings.pool.version = image("1.0.1").parse().unwrap();
    settings
}

async fn return_refused(azure: &Azure) -> Error {
    let outcome = rollout::roll_back(&client(azure, ROLLOUT_DEADLINE).await, &checked(&back())).await;
    outcome.result.must_fail()
}

/// A pool that a return has emptied whose run was killed, and whose former version was deleted then.
async fn stuck() -> Azure {
    let undisturbed = working().await;
    good(roll_out(&undisturbed, &in_place(5)).await);
    undisturbed.turn_the_page();
    good(rollout::roll_back(&client(&undisturbed, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    let azure = working().await;
    good(roll_out(&azure, &in_place(5)).await);
    azure.turn_the_page();
    let cancel = CancellationToken::new();
    let (killed, _events) = azure.client_with_limit(&cancel, ROLLOUT_DEADLINE).await;
    azure.gone_after(undisturbed.number_of("POST", "/pools/p1/resize"), cancel);
    let error = rollout::roll_back(&killed, &checked(&back())).await.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", error.report());
    tokio::time::advance(Duration::from_secs(3600)).await;
    deleted(&azure, "0.9.0").await;
    assert_eq!(
        state(&azure).await,
        "0 of 0 on 1.0.0, busy disabled 1, asleep disabled 0"
    );
    azure
}

#[tokio::test(start_paused = true)]
async fn a_return_to_a_version_that_is_gone_is_refused_before_anything_is_written() {
    let azure = working().await;
    good(roll_out(&azure, &in_place(5)).await);
    deleted(&azure, "0.9.0").await;
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let planned = rollout::plan_return(&client, &checked(&back())).await.must_fail();
    for error in [planned, return_refused(&azure).await] {
        assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
        let report = error.report_for(Door::Flag);
        for part in [
            "pool p1 cannot go back to def1 0.9.0, which is not there any more",
            "the definition still has 1.0.1, 1.0.0",
            "--strategy in-place",
        ] {
            assert!(report.contains(part), "{part:?} is not in\n{report}");
        }
    }
    assert_eq!((azure.writes(), state(&azure).await.as_str()), (Vec::new(), GOOD));
}

#[tokio::test(start_paused = true)]
async fn another_version_and_the_same_one_take_over_a_return_that_cannot_end() {
    for (asked, version) in [(next_version(), "1.0.1"), (in_place(5), "1.0.0")] {
        let azure = stuck().await;
        let error = return_refused(&azure).await;
        assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
        let report = good(roll_out(&azure, &asked).await);
        assert_eq!((report.action, report.ready), (PoolAction::Replaced, Some(5)));
        let now = format!("5 of 5 on {version}, busy active 0, asleep disabled 0");
        assert_eq!(state(&azure).await, now);
        azure.turn_the_page();
        let again = good(roll_out(&azure, &asked).await);
        assert_eq!((again.action, azure.writes()), (PoolAction::Unchanged, Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_return_that_stands_still_is_taken_over_and_can_still_be_gone_back_on() {
    let undisturbed = working().await;
    good(roll_out(&undisturbed, &in_place(5)).await);
    undisturbed.turn_the_page();
    good(rollout::roll_back(&client(&undisturbed, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    let azure = working().await;
    good(roll_out(&azure, &in_place(5)).await);
    azure.turn_the_page();
    let cancel = CancellationToken::new();
    let (killed, _events) = azure.client_with_limit(&cancel, ROLLOUT_DEADLINE).await;
    azure.gone_after(undisturbed.number_of("POST", "/jobs/busy/disable"), cancel);
    drop(rollout::roll_back(&killed, &checked(&back())).await);
    let error = failure(&azure, &next_version()).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error.report().contains("nothing of the pool has moved for 30 minutes"),
        "{}",
        error.report()
    );
    tokio::time::advance(Duration::from_secs(31 * 60)).await;
    good(roll_out(&azure, &next_version()).await);
    assert_eq!(state(&azure).await, "5 of 5 on 1.0.1, busy active 0, asleep disabled 0");
    good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&back())).await);
    assert_eq!(
        state(&azure).await,
        "5 of 5 on 0.9.0, busy active 0, asleep disabled 0",
        "what there was before both"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_kept_where_the_former_one_is_gone_and_another_version_or_size_takes_over() {
    for (asked, version) in [(next_version(), "1.0.1"), (in_place(5), "1.0.0")] {
        let azure = working().await;
        deleted(&azure, "0.9.0").await;
        let mut bad = in_place(8);
        bad.change.canary.nodes = Some(Share::Nodes(1));
        azure.fault(json!({"kind": "unusableNodes", "count": 1, "code": "DiskFull"}));
        let error = failure(&azure, &bad).await;
        assert_eq!(error.kind(), ErrorKind::Kept, "{}", error.report());
        let report = error.report_for(Door::Flag);
        for part in [
            "DiskFull",
            "it cannot go back: its former image version is not there any more",
            "roll out another version with --strategy in-place",
        ] {
            assert!(report.contains(part), "{part:?} is not in\n{report}");
        }
        good(roll_out(&azure, &asked).await);
        let now = format!("5 of 5 on {version}, busy active 0, asleep disabled 0");
        assert_eq!(state(&azure).await, now);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_change_was_taken_over_stops_and_undoes_nothing() {
    let azure = working().await;
    deleted(&azure, "0.9.0").await;
    let rival = async {
        while entries(&azure, &Method::POST, "/jobs/busy/disable").is_empty() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        roll_out(&azure, &next_version()).await
    };
    let asked = in_place(5);
    let (first, second) = tokio::join!(roll_out(&azure, &asked), rival);
    let error = first.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error.report().contains("has taken this change over"),
        "{}",
        error.report()
    );
    good(second);
    assert_eq!(state(&azure).await, "5 of 5 on 1.0.1, busy active 0, asleep disabled 0");
}

#[tokio::test(start_paused = true)]
async fn plans_say_that_there_is_no_return_to_a_version_that_is_gone() {
    let azure = working().await;
    deleted(&azure, "0.9.0").await;
    for asked in [in_place(5), blue_green(5)] {
        let client = client(&azure, ROLLOUT_DEADLINE).await;
        let plan = rollout::plan(&client, &checked(&asked)).await.unwrap().to_string();
        assert!(!plan.contains("a return is possible"), "{plan}");
        let said = "a return is not possible";
        assert!(plan.contains(said) && plan.contains("is not there any more"), "{plan}");
    }
    good(roll_out(&azure, &blue_green(5)).await);
    azure.turn_the_page();
    let error = return_refused(&azure).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{}", error.report());
    assert!(
        error.report().contains("cannot go back to def1 0.9.0"),
        "{}",
        error.report()
    );
    assert_eq!(azure.writes(), Vec::<String>::new());
    let kept = "p1: pool p1-1-0-0 does its work; a return is not possible, as its image version is not there any more";
    assert_eq!(former_pools(&azure).await, [kept]);
}

#[tokio::test(start_paused = true)]
async fn no_round_follows_the_one_after_which_the_version_is_seen_to_be_gone() {
    let azure = world(|_| {});
    azure.fault(json!({"kind": "allocationFailed", "deliver": 0, "target": "acct1/p1",
        "provider": {"error": {"code": "GalleryImageNotFound", "message": "The gallery image is not available in eastus2 region."}}}));
    let rival = async {
        while azure.writes().is_empty() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        deleted(&azure, "1.0.0").await;
    };
    let asked = settings("acct1", 8);
    let (outcome, ()) = tokio::join!(roll_out(&azure, &asked), rival);
    let error = outcome.result.must_fail();
    assert!(error.report().contains("image version"), "{}", error.report());
    // The first round fails before the version is deleted.
    assert_eq!(outcome.report.rounds.len(), 2, "{}", error.report());
}
