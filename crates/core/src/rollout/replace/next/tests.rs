//! Tests of what comes next in a change in place: each state once, and over random looks what must never happen.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    ids::NodeCounts,
    rollout::{canary::CANARY, record::Was},
};

const FORMER: &str = "/g/images/d/versions/0.9.0";
const NEW: &str = "/g/images/d/versions/1.0.0";

fn nodes(dedicated: u32) -> NodeCounts {
    NodeCounts { dedicated, spot: 0 }
}

fn record(phase: Phase) -> Record {
    let reference = json!({"virtualMachineImageId": FORMER});
    let was = Was {
        size: nodes(5),
        fields: [(IMAGE_REFERENCE.to_owned(), reference)].into(),
        mark: None,
        autoscale: None,
    };
    Record::begin(
        "r".to_owned(),
        NEW.to_owned(),
        (nodes(10), 1),
        was,
        Timestamp::UNIX_EPOCH,
    )
    .at(phase)
}

fn pool(image: &str, state: &str, targets: u32, current: u32) -> Pool {
    Pool::new(json!({"id": "p1", "state": "active", "allocationState": state,
        "targetDedicatedNodes": targets, "currentDedicatedNodes": current,
        "virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": image}}}))
}

fn job(id: &str, state: &str, held: bool) -> Job {
    let metadata: Value = if held {
        json!([{"name": HELD, "value": "{}"}])
    } else {
        json!([])
    };
    Job::new(json!({"id": id, "state": state, "poolInfo": {"poolId": "p1"}, "metadata": metadata}))
}

/// A look of a run that has not looked before, at a pool without jobs.
fn seen<'a>(pool: &'a Pool, record: &'a Record) -> Seen<'a> {
    Seen {
        pool,
        record,
        jobs: &[],
        filled: Filled::NotYet,
        left: None,
    }
}

fn decided(phase: Phase, pool: &Pool, jobs: &[Job], filled: Filled) -> Deed {
    let record = record(phase);
    let seen = Seen {
        jobs,
        filled,
        ..seen(pool, &record)
    };
    next(seen, RunningTasks::Wait)
}

fn name(deed: &Deed) -> String {
    format!("{deed:?}")
        .split(['(', ' ', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Phase, image, allocation, targets and nodes, a job or none, whether the nodes were seen ready, and what comes next.
const STATES: &str = "
    forward  former steady   5  5  active        no  Mark
    forward  former steady   5  5  held-active   no  Disable
    forward  former steady   5  5  held-disabling no AwaitJobs
    forward  former steady   5  5  enabling      no  AwaitJobs
    forward  former steady   5  5  held-disabled no  Empty
    forward  former steady   5  5  disabled      no  Empty
    forward  former resizing 0  5  none          no  AwaitSteady
    forward  former steady   0  2  none          no  Empty
    forward  former steady   0  0  none          no  Swap
    forward  new    steady   0  0  none          no  Fill
    forward  new    steady   1  1  none          no  Fill
    forward  new    steady   10 10 held-disabled yes Enable
    forward  new    steady   10 10 held-enabling yes AwaitJobs
    forward  new    steady   10 10 held-active   yes Unmark
    forward  new    steady   10 10 disabled      yes Check
    back     new    steady   1  1  active        no  Mark
    back     new    steady   10 10 none          no  Empty
    back     new    steady   0  0  none          no  Swap
    back     former steady   0  0  held-disabled no  Fill
    back     former steady   5  5  held-disabled yes Enable
    back     former steady   5  5  none          yes Finish
    forward  new    steady   10 10 none          yes Check
    forward  new    steady   10 10 none      checked Finish
    done     new    steady   10 10 none          no  Ended
    returned former steady   5  5  none          no  Ended";

#[test]
fn each_state_leads_to_its_step_and_back_the_same_way() {
    for line in STATES.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [phase, image, allocation, targets, current, of_job, filled, expected] = words[..] else {
            panic!("{line}");
        };
        let phase: Phase = serde_json::from_value(json!(phase)).unwrap();
        let image = if image == "new" { NEW } else { FORMER };
        let pool = pool(image, allocation, targets.parse().unwrap(), current.parse().unwrap());
        let jobs: Vec<Job> = match (of_job, of_job.strip_prefix("held-")) {
            ("none", _) => Vec::new(),
            (_, Some(state)) => vec![job("j", state, true)],
            (state, None) => vec![job("j", state, false)],
        };
        let filled = match filled {
            "yes" => Filled::Yes,
            "checked" => Filled::Checked,
            _ => Filled::NotYet,
        };
        assert_eq!(name(&decided(phase, &pool, &jobs, filled)), expected, "{line}");
    }
}

#[test]
fn what_others_did_meanwhile_is_named_and_never_undone() {
    let table = [
        (
            pool("/g/images/d/versions/7.0.0", "steady", 5, 5),
            "which is neither its former image nor the new one",
        ),
        (
            pool(FORMER, "steady", 7, 7),
            "has other targets by now: 7 nodes; before this change it had 5, and then it gets 10",
        ),
        (
            Pool::new(json!({"state": "deleting", "targetDedicatedNodes": 5})),
            "is being deleted meanwhile",
        ),
        (
            Pool::new(json!({"enableAutoScale": true, "targetDedicatedNodes": 5})),
            "follows an autoscale formula by now",
        ),
    ];
    for (pool, expected) in table {
        for phase in [Phase::Forward, Phase::Back] {
            match decided(phase, &pool, &[], Filled::NotYet) {
                Deed::Refuse(refusal) => assert!(refusal.why.contains(expected), "{}", refusal.why),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_formula_is_taken_away_before_the_pool_is_emptied_and_a_strangers_is_left() {
    let scale = |formula: &str| Autoscale {
        formula: formula.to_owned(),
        minutes: None,
    };
    let following = |image: &str, formula: &str, targets: u32| {
        let mut body = pool(image, "steady", targets, targets).body().clone();
        body["enableAutoScale"] = json!(true);
        body["autoScaleFormula"] = json!(formula);
        Pool::new(body)
    };
    let record = |phase| {
        let mut record = record(phase);
        record.was.autoscale = Some(scale("old"));
        record.follows = Some(formula_name(&scale("new")));
        record
    };
    let decided = |phase, pool: &Pool| {
        let record = record(phase);
        let seen = Seen {
            pool,
            record: &record,
            jobs: &[],
            filled: Filled::NotYet,
            left: None,
        };
        name(&next(seen, RunningTasks::Wait))
    };
    for (phase, pool, expected) in [
        (Phase::Forward, following(FORMER, "old", 7), "Unfollow"),
        (Phase::Forward, following(FORMER, "other", 5), "Refuse"),
        // What the formula said last stays as the target.
        (Phase::Forward, pool(FORMER, "steady", 7, 7), "Empty"),
        (Phase::Forward, following(NEW, "new", 7), "Fill"),
        (Phase::Forward, pool(NEW, "steady", 7, 7), "Refuse"),
        (Phase::Back, following(NEW, "new", 7), "Unfollow"),
        (Phase::Back, pool(NEW, "steady", 7, 7), "Empty"),
        (Phase::Back, following(FORMER, "old", 7), "Fill"),
    ] {
        assert_eq!(decided(phase, &pool), expected, "{phase:?} {:?}", pool.body());
    }
}

#[test]
fn a_pool_that_others_resize_while_it_is_to_be_emptied_is_left_to_them() {
    for (phase, image, there) in [(Phase::Forward, FORMER, NEW), (Phase::Back, NEW, FORMER)] {
        let record = record(phase);
        let decided = |left: Option<u32>, image, targets| {
            let pool = pool(image, "steady", targets, targets);
            let left = left.map(nodes);
            let seen = Seen {
                left,
                ..seen(&pool, &record)
            };
            (name(&next(seen, RunningTasks::Wait)), seen.targets_left())
        };
        // Five is what the pool had, and nothing of ours gives it five again.
        for (left, targets, expected) in [
            (None, 5, "Empty"),
            (Some(5), 5, "Empty"),
            (Some(5), 0, "Swap"),
            (Some(5), 10, "Refuse"),
            (Some(0), 5, "Refuse"),
        ] {
            let (deed, left_now) = decided(left, image, targets);
            assert_eq!(
                (deed.as_str(), left_now),
                (expected, Some(nodes(targets))),
                "{left:?} {targets}"
            );
        }
        assert_eq!(decided(Some(0), there, 10), ("Fill".to_owned(), None));
    }
}

#[test]
fn jobs_of_schedules_and_with_pools_of_their_own_are_left_alone() {
    let own = Job::new(json!({"id": "a", "state": "active", "poolInfo": {"autoPoolSpecification": {}}}));
    let canary = Job::new(json!({"id": "c", "state": "active", "poolInfo": {"poolId": "p1"},
        "metadata": [{"name": CANARY, "value": "p1"}]}));
    let jobs = [job("s:job-1", "active", false), own, canary];
    assert_eq!(
        name(&decided(
            Phase::Forward,
            &pool(FORMER, "steady", 5, 5),
            &jobs,
            Filled::NotYet
        )),
        "Empty"
    );
}

#[test]
fn nodes_that_wait_for_their_own_tasks_do_not_wait_for_jobs() {
    let (pool, record) = (pool(FORMER, "steady", 5, 5), record(Phase::Forward));
    let jobs = [job("j", "disabling", true)];
    let seen = Seen {
        pool: &pool,
        record: &record,
        jobs: &jobs,
        filled: Filled::NotYet,
        left: None,
    };
    assert_eq!(next(seen, RunningTasks::TaskCompletion), Deed::Empty);
    assert_eq!(next(seen, RunningTasks::Requeue), Deed::AwaitJobs(1));
}

#[test]
fn a_change_of_settings_alone_is_known_by_the_record_that_was_written_with_it() {
    let mut record = record(Phase::Forward);
    record.to = FORMER.to_owned();
    let pool = pool(FORMER, "steady", 0, 0);
    let seen = |record| Seen {
        pool: &pool,
        record,
        jobs: &[],
        filled: Filled::NotYet,
        left: None,
    };
    assert_eq!(next(seen(&record), RunningTasks::Wait), Deed::Swap);
    let swapped = record.after_swap();
    assert_eq!(next(seen(&swapped), RunningTasks::Wait), Deed::Fill);
    let back = swapped.at(Phase::Back);
    assert_eq!(next(seen(&back), RunningTasks::Wait), Deed::Swap);
    assert_eq!(next(seen(&back.after_swap()), RunningTasks::Wait), Deed::Fill);
}

#[test]
fn a_pool_that_was_made_to_try_an_image_goes_back_to_no_nodes_and_holds_no_job() {
    let made = Record::make("r".to_owned(), NEW.to_owned(), nodes(2), Timestamp::UNIX_EPOCH);
    let jobs = [job("j", "active", false)];
    let step = |phase, (targets, current), filled| {
        let (record, pool) = (made.at(phase), pool(NEW, "steady", targets, current));
        let seen = Seen {
            pool: &pool,
            record: &record,
            jobs: &jobs,
            filled,
            left: None,
        };
        name(&next(seen, RunningTasks::Wait))
    };
    for (phase, sizes, filled, expected) in [
        (Phase::Forward, (2, 2), Filled::NotYet, "Fill"),
        (Phase::Forward, (2, 2), Filled::Yes, "Finish"),
        (Phase::Back, (2, 2), Filled::NotYet, "Empty"),
        (Phase::Back, (0, 1), Filled::NotYet, "Empty"),
        (Phase::Back, (0, 0), Filled::NotYet, "Finish"),
        (Phase::Done, (2, 2), Filled::NotYet, "Ended"),
        (Phase::Forward, (9, 9), Filled::NotYet, "Refuse"),
    ] {
        assert_eq!(step(phase, sizes, filled), expected, "{phase:?} {sizes:?}");
    }
}

proptest! {
    #[test]
    fn over_random_looks_nothing_of_others_is_undone_and_no_image_meets_a_node(
        back: bool, image in 0_usize..3, is_steady: bool, targets in 0_u32..12, current in 0_u32..12,
        states in proptest::collection::vec((0_usize..4, any::<bool>()), 0..4), filled: bool
    ) {
        let image = [FORMER, NEW, "/other"][image];
        let pool = pool(image, if is_steady { "steady" } else { "resizing" }, targets, current);
        let state = |index: usize| ["active", "disabling", "disabled", "completed"][index];
        let jobs: Vec<Job> = states.iter().enumerate().map(|(number, (index, held))| job(&format!("j{number}"), state(*index), *held)).collect();
        let phase = if back { Phase::Back } else { Phase::Forward };
        let filled = if filled { Filled::Yes } else { Filled::NotYet };
        let deed = decided(phase, &pool, &jobs, filled);
        let is_known = [0, 1, 5, 10].contains(&targets);
        prop_assert_eq!(matches!(deed, Deed::Refuse(_)), image == "/other" || !is_known);
        if deed == Deed::Swap {
            prop_assert!(is_steady && current == 0 && targets == 0, "an image meets no node");
            prop_assert!(jobs.iter().all(|job| job.state != JobState::Active), "and no job puts tasks on the pool");
        }
        match &deed {
            Deed::Enable(id) => prop_assert!(jobs.iter().any(|job| job.id == *id && job.metadata(HELD).is_some()), "only ours"),
            Deed::Disable(id) => prop_assert!(jobs.iter().any(|job| job.id == *id && job.metadata(HELD).is_some()), "marked first"),
            _ => {}
        }
    }

    /// Playing each step's effect ends well from every state in which a run can have died.
    #[test]
    fn from_every_state_the_same_command_ends_in_the_wanted_or_the_former_state(
        back: bool, is_new: bool, targets in proptest::sample::select(vec![0_u32, 1, 5, 10]), current in 0_u32..12,
        held in proptest::collection::vec((0_usize..3, any::<bool>()), 0..4)
    ) {
        let mut record = record(if back { Phase::Back } else { Phase::Forward });
        let (mut image, mut targets, mut current) = (if is_new { NEW } else { FORMER }, targets, current);
        let mut jobs: Vec<(usize, bool)> = held;
        let (mut filled, mut left) = (Filled::NotYet, None);
        let mut ended = false;
        for _step in 0..60 {
            let pool = pool(image, "steady", targets, current);
            let all: Vec<Job> = jobs.iter().enumerate().map(|(number, (index, held))| job(&number.to_string(), ["active", "disabling", "disabled"][*index], *held)).collect();
            let seen = Seen { pool: &pool, record: &record, jobs: &all, filled, left };
            left = seen.targets_left();
            let of = |id: &str| id.parse::<usize>().unwrap();
            match next(seen, RunningTasks::Wait) {
                Deed::Mark(job) => jobs[of(&job.id)].1 = true,
                Deed::Unmark(job) => jobs[of(&job.id)].1 = false,
                Deed::Disable(id) => jobs[of(&id)].0 = 1,
                Deed::Enable(id) => jobs[of(&id)].0 = 0,
                Deed::AwaitJobs(_) => jobs.iter_mut().filter(|job| job.1 && job.0 == 1).for_each(|job| job.0 = 2),
                Deed::Empty => (targets, current) = (0, current / 2),
                Deed::AwaitSteady | Deed::Forget(_) | Deed::Unfollow => {}
                Deed::Swap => image = if record.phase == Phase::Back { FORMER } else { NEW },
                Deed::Fill => {
                    targets = if record.phase == Phase::Back { 5 } else { 10 };
                    (current, filled) = (targets, Filled::Yes);
                }
                Deed::Check => filled = Filled::Checked,
                Deed::Finish => record = record.at(if record.phase == Phase::Back { Phase::Returned } else { Phase::Done }),
                Deed::Ended => { ended = true; break; }
                Deed::Refuse(refusal) => prop_assert!(false, "{}", refusal.why),
            }
        }
        prop_assert!(ended);
        let good = if back { (FORMER, 5) } else { (NEW, 10) };
        prop_assert_eq!((image, current), good);
        prop_assert!(jobs.iter().all(|(_, held)| !held), "no mark is left");
    }
}
