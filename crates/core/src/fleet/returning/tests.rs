//! Which pools go back in one return, and in which turns.

use super::*;
use crate::{options::pool, rollout::RolloutReport, settings::Values};

fn outcome(kind: Option<ErrorKind>) -> RolloutOutcome {
    let values = Values::default()
        .with(pool::ACCOUNT_ENDPOINT, "acct1.eastus2.batch.azure.com")
        .with(pool::POOL_ID, "render");
    let settings = crate::settings::rollback(&values).unwrap().settings;
    RolloutOutcome {
        result: kind.map_or(Ok(()), |kind| Err(Error::new(kind, "x"))),
        report: RolloutReport::of_return(&settings),
    }
}

fn turns(pools: usize, lanes: &[&[usize]]) -> Turns {
    Turns {
        waiting: (0..pools).collect(),
        under_way: Vec::new(),
        lanes: lanes.iter().map(|lane| lane.to_vec()).collect(),
        max_parallel: 2,
        stopped: false,
    }
}

#[test]
fn no_pool_goes_first_and_a_failure_holds_no_other_back() {
    let mut turns = turns(4, &[]);
    assert_eq!([turns.next(), turns.next(), turns.next()], [Some(0), Some(1), None]);
    turns.end(1, &outcome(Some(ErrorKind::Quota)));
    assert_eq!([turns.next(), turns.next()], [Some(2), None]);
    turns.end(0, &outcome(None));
    assert_eq!(turns.next(), Some(3));
}

#[test]
fn pools_that_do_not_fit_together_go_one_after_another_and_others_pass_them() {
    let mut turns = turns(4, &[&[0, 1, 2]]);
    assert_eq!([turns.next(), turns.next(), turns.next()], [Some(0), Some(3), None]);
    turns.end(3, &outcome(None));
    assert_eq!(turns.next(), None, "1 and 2 wait for 0");
    turns.end(0, &outcome(Some(ErrorKind::Azure)));
    assert_eq!([turns.next(), turns.next()], [Some(1), None]);
}

#[test]
fn a_run_that_was_asked_to_stop_begins_no_further_pool() {
    let mut turns = turns(3, &[]);
    assert_eq!([turns.next(), turns.next()], [Some(0), Some(1)]);
    turns.end(0, &outcome(Some(ErrorKind::Cancelled)));
    assert_eq!(turns.next(), None);
}
