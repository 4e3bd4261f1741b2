//! What a return by hand says: of a pool that is not there, of what it brings back, and of a return that was stopped.
//!
//! What it does is tested with the roll-outs that it undoes.

use crate::reads_well::MustFail as _;
use std::time::Duration;

use azure_batch_core::{
    error::ErrorKind,
    failure::Failure,
    options::Door,
    rollout,
    settings::{ROLLOUT_DEADLINE, RollbackSettings},
};

use crate::{
    given::checked,
    rollout::{client, good, roll_out},
    rollout_blue_green::{self, blue_green},
    rollout_in_place::{self, in_place, working},
    support::Azure,
};

/// What a return says that has so little time.
async fn stopped(azure: &Azure, settings: &RollbackSettings, deadline: Duration) -> Failure {
    let outcome = rollout::roll_back(&client(azure, deadline).await, &checked(settings)).await;
    let error = outcome.result.must_fail();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{}", error.report());
    Failure::of(&error, Door::Flag)
}

/// The texts and commands of what comes next.
fn next(failure: &Failure) -> Vec<(&str, String)> {
    let steps = failure.next.iter();
    steps.map(|step| (step.text.as_str(), step.command.join(" "))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_mistyped_pool_is_said_to_be_missing_with_the_nearest_id() {
    let azure = working().await;
    let mut settings = rollout_in_place::back();
    settings.pool = "p11".parse().unwrap();
    let client = client(&azure, ROLLOUT_DEADLINE).await;
    let run = rollout::roll_back(&client, &checked(&settings)).await.result;
    let plan = rollout::plan_return(&client, &checked(&settings)).await;
    for error in [run.must_fail(), plan.must_fail()] {
        assert_eq!(error.kind(), ErrorKind::BadInput, "{}", error.report());
        assert!(
            error.report().contains("there is no pool p11 in the account"),
            "{}",
            error.report()
        );
        let failure = Failure::of(&error, Door::Flag);
        assert!(failure.next[0].text.contains("--pool-id p1"), "{failure:?}");
    }
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_stopped_return_of_the_work_names_both_pools_and_the_command_that_ends_it() {
    let azure = working().await;
    good(roll_out(&azure, &blue_green(5)).await);
    let settings = rollout_blue_green::back();
    let failure = stopped(&azure, &settings, Duration::from_secs(60)).await;
    assert_eq!(
        failure.kept[0],
        "The work goes back from pool p1-1-0-0 to pool p1, and that has not come to its end: pool p1 has no nodes, pool \
         p1-1-0-0 has 5 nodes, and jobs may be disabled."
    );
    let next = next(&failure);
    assert!(next[0].0.starts_with("To end the return, run this"), "{next:?}");
    let returns = next
        .iter()
        .filter(|(_, command)| command.starts_with("azure-batch-pool rollback"));
    assert_eq!(returns.count(), 1, "{next:?}");
    let report = good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&settings)).await);
    assert_eq!((report.targets.dedicated, report.needed, report.ready), (5, 5, Some(5)));
    assert_eq!(rollout_blue_green::state(&azure).await, rollout_blue_green::FORMER);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_return_in_place_says_that_it_is_a_return() {
    let azure = working().await;
    good(roll_out(&azure, &in_place(8)).await);
    let settings = rollout_in_place::back();
    let failure = stopped(&azure, &settings, Duration::from_secs(60)).await;
    assert!(
        failure.kept[0].starts_with("Pool p1 goes back to what it was, and that has not come to its end: pool p1 has "),
        "{failure:?}"
    );
    assert!(
        next(&failure)[0].0.starts_with("To end the return, run this"),
        "{failure:?}"
    );
    let report = good(rollout::roll_back(&client(&azure, ROLLOUT_DEADLINE).await, &checked(&settings)).await);
    assert_eq!((report.targets.dedicated, report.needed, report.ready), (5, 5, Some(5)));
}
