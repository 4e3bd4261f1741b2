//! Tests of what comes next between two pools: states once, and from random states what must never happen.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::rollout::{pair::PAIR, pair::PairRecord};

const NEW: &str = "/g/images/d/versions/1.0.0";

/// Two pools with their jobs, on which deeds take effect at once.
#[derive(Debug)]
struct World {
    shift: Shift,
    old: (u32, u32),
    new: Option<(u32, u32)>,
    /// Name, pool, state, mark.
    jobs: Vec<(String, &'static str, &'static str, bool)>,
    good: Good,
}

impl World {
    fn jobs(&self) -> Vec<Job> {
        self.jobs
            .iter()
            .map(|(name, pool, state, held)| job(name, pool, state, *held))
            .collect()
    }

    fn decide(&self) -> Deed {
        let (old, new) = (pool("old", self.old), self.new.map(|new| pool("new", new)));
        next(Seen {
            old: &old,
            new: new.as_ref(),
            shift: &self.shift,
            jobs: &self.jobs(),
            waiting: &BTreeSet::new(),
            good: self.good,
        })
    }

    fn job(&mut self, id: &str) -> &mut (String, &'static str, &'static str, bool) {
        self.jobs.iter_mut().find(|job| job.0 == id).unwrap()
    }

    fn play(&mut self, deed: Deed) -> Result<(), TestCaseError> {
        match deed {
            Deed::Create(nodes) => self.new = Some((nodes.dedicated, nodes.dedicated)),
            Deed::Grow(stage) => {
                self.new = Some((stage.new.dedicated, stage.new.dedicated));
                self.good.new = Some(stage.new);
            }
            Deed::Check(stage, work) => {
                let runs = |pool| self.jobs.iter().any(|job| job.1 == pool && job.2 == "active");
                prop_assert_eq!(work == Work::Old, !runs("new"), "{:?}", self.jobs);
                prop_assert_eq!(work == Work::Both, runs("new") && runs("old"), "{:?}", self.jobs);
                self.good.checked = Some(stage.new);
            }
            Deed::Refill(size) => {
                self.old = (size.dedicated, size.dedicated);
                self.good.old = Some(size);
            }
            Deed::Shrink(Side::Old, size) => self.old = (size.dedicated, size.dedicated),
            Deed::Shrink(Side::New, size) => self.new = Some((size.dedicated, size.dedicated)),
            Deed::Await(Side::Old) => self.old.1 = self.old.0,
            Deed::Await(Side::New) => self.new = self.new.map(|(targets, _)| (targets, targets)),
            Deed::Mark(job) => self.job(&job.id).3 = true,
            Deed::Disable(id) => {
                prop_assert!(self.job(&id).3, "marked first");
                self.job(&id).2 = "disabling";
            }
            Deed::AwaitJobs(_) => {
                for job in &mut self.jobs {
                    job.2 = if job.2 == "disabling" { "disabled" } else { job.2 };
                }
            }
            Deed::Point(job, side) => {
                prop_assert_eq!(self.job(&job.id).2, "disabled", "Batch takes it only then");
                self.job(&job.id).1 = if side == Side::Old { "old" } else { "new" };
            }
            Deed::Enable(id) => {
                prop_assert!(self.job(&id).3, "only ours");
                self.job(&id).2 = "active";
            }
            Deed::Unmark(job) => self.job(&job.id).3 = false,
            Deed::Delete => {
                prop_assert!(self.jobs.iter().all(|job| job.1 == "old"), "no job is left behind");
                self.new = None;
            }
            Deed::Finish => {
                let forward = self.shift.phase == Phase::Forward;
                self.shift.phase = if forward { Phase::Done } else { Phase::Returned };
            }
            Deed::Forget(_) | Deed::Ended => {}
            Deed::Refuse(_, refusal) => prop_assert!(false, "{}", refusal.why),
        }
        Ok(())
    }
}

fn nodes(dedicated: u32) -> NodeCounts {
    NodeCounts { dedicated, spot: 0 }
}

fn id(text: &str) -> PoolId {
    text.parse().unwrap()
}

/// Ten nodes on each side, one of which tries the image, and twelve together.
fn shift(phase: Phase) -> Shift {
    Shift {
        phase,
        id: "r".to_owned(),
        new: id("new"),
        to: NEW.to_owned(),
        size: nodes(10),
        first: nodes(1),
        sample: nodes(0),
        was: nodes(10),
        together: nodes(12),
        since: Timestamp::UNIX_EPOCH,
        before: None,
        why: None,
        until: None,
    }
}

fn pool(name: &str, (targets, current): (u32, u32)) -> Pool {
    let state = if targets == current { "steady" } else { "resizing" };
    let record = PairRecord::after(id("old"), id("old")).text();
    Pool::new(json!({"id": name, "state": "active", "allocationState": state,
        "targetDedicatedNodes": targets, "currentDedicatedNodes": current,
        "metadata": [{"name": PAIR, "value": record}],
        "virtualMachineConfiguration": {"imageReference": {"virtualMachineImageId": NEW}}}))
}

fn job(name: &str, pool: &str, state: &str, held: bool) -> Job {
    let metadata: Value = if held {
        json!([{"name": HELD, "value": "{}"}])
    } else {
        json!([])
    };
    Job::new(json!({"id": name, "state": state, "poolInfo": {"poolId": pool}, "metadata": metadata}))
}

fn decided(phase: Phase, old: (u32, u32), new: Option<(u32, u32)>, jobs: &[Job], good: Option<u32>) -> Deed {
    let (old, new, shift) = (pool("old", old), new.map(|new| pool("new", new)), shift(phase));
    let good = good.map(nodes);
    let good = match phase {
        Phase::Forward => Good {
            new: good,
            checked: good,
            old: None,
        },
        Phase::Back | Phase::Done | Phase::Returned => Good {
            old: good,
            ..Good::default()
        },
    };
    next(Seen {
        old: &old,
        new: new.as_ref(),
        shift: &shift,
        jobs,
        waiting: &BTreeSet::new(),
        good,
    })
}

fn name(deed: &Deed) -> String {
    format!("{deed:?}")
        .split([' ', '{'])
        .next()
        .unwrap_or_default()
        .split("(Job")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn each_state_leads_to_its_step_and_back_the_same_way() {
    let (forward, back) = (Phase::Forward, Phase::Back);
    let active = [job("a", "old", "active", false), job("b", "old", "active", false)];
    let marked = [job("a", "old", "active", true), job("b", "old", "active", false)];
    let held = [job("a", "old", "disabled", true), job("b", "old", "active", false)];
    let moved = [job("a", "new", "disabled", true), job("b", "old", "active", false)];
    let enabled = [job("a", "new", "active", true), job("b", "old", "active", false)];
    let there = [job("a", "new", "active", false), job("b", "new", "active", false)];
    let none: [Job; 0] = [];
    let table = [
        (forward, (10, 10), None, &active[..], None, "Create(NodeCounts"),
        (forward, (10, 10), Some((1, 0)), &active, None, "Grow(Stage"),
        (forward, (10, 10), Some((1, 1)), &active, Some(1), "Grow(Stage"),
        (forward, (10, 10), Some((2, 2)), &active, Some(2), "Shrink(Old,"),
        (forward, (8, 9), Some((2, 2)), &active, Some(2), "Await(Old)"),
        (forward, (8, 8), Some((2, 2)), &active, Some(2), "Grow(Stage"),
        (forward, (8, 8), Some((4, 4)), &active, None, "Grow(Stage"),
        (forward, (8, 8), Some((4, 4)), &active, Some(4), "Mark"),
        (forward, (8, 8), Some((4, 4)), &marked, Some(4), "Disable(\"a\")"),
        (forward, (8, 8), Some((4, 4)), &held, Some(4), "Point"),
        (forward, (8, 8), Some((4, 4)), &moved, Some(4), "Enable(\"a\")"),
        (forward, (8, 8), Some((4, 4)), &enabled, Some(4), "Unmark"),
        (forward, (2, 2), Some((10, 10)), &there, Some(10), "Shrink(Old,"),
        (forward, (0, 0), Some((10, 10)), &there, Some(10), "Finish"),
        (back, (10, 10), Some((1, 1)), &active, None, "Shrink(New,"),
        (back, (4, 4), Some((8, 8)), &there, None, "Mark"),
        (back, (2, 2), Some((8, 8)), &there, None, "Refill(NodeCounts"),
        (back, (4, 4), Some((0, 0)), &active, None, "Refill(NodeCounts"),
        (back, (10, 10), Some((0, 0)), &active, None, "Refill(NodeCounts"),
        (back, (10, 10), Some((0, 0)), &active, Some(10), "Delete"),
        (
            back,
            (10, 10),
            Some((0, 0)),
            &[job("s:job-1", "new", "active", false)],
            Some(10),
            "Finish",
        ),
        (back, (10, 10), None, &active, Some(10), "Finish"),
        (Phase::Done, (0, 0), Some((10, 10)), &there, None, "Ended"),
        (Phase::Returned, (10, 10), None, &none, None, "Ended"),
    ];
    for (phase, old, new, jobs, good, expected) in table {
        let deed = decided(phase, old, new, jobs, good);
        assert_eq!(name(&deed), expected, "{phase:?} {old:?} {new:?} {good:?} {deed:?}");
    }
}

#[test]
fn a_job_that_others_disabled_moves_and_stays_disabled() {
    let jobs = [job("a", "old", "disabled", false)];
    assert_eq!(
        name(&decided(Phase::Forward, (2, 2), Some((10, 10)), &jobs, Some(10))),
        "Point"
    );
    let jobs = [job("a", "new", "disabled", false)];
    assert_eq!(
        name(&decided(Phase::Forward, (0, 0), Some((10, 10)), &jobs, Some(10))),
        "Finish"
    );
}

#[test]
fn what_others_did_meanwhile_is_named_and_never_undone() {
    for (old, new, expected) in [
        ((7, 7), Some((4, 4)), "has other targets by now: 7 nodes"),
        ((8, 8), Some((5, 5)), "has other targets by now: 5 nodes"),
        ((8, 8), None, "was deleted meanwhile"),
    ] {
        match decided(Phase::Forward, old, new, &[], None) {
            Deed::Refuse(_, refusal) => assert!(refusal.why.contains(expected), "{}", refusal.why),
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn over_random_looks_nothing_of_others_is_undone_between_two_pools(
        old in (0_u32..14, 0_u32..14), new in proptest::option::of((0_u32..14, 0_u32..14)), turns: bool, good: Option<bool>
    ) {
        let phase = if turns { Phase::Back } else { Phase::Forward };
        let deed = decided(phase, old, new, &[], good.map(|all| if all { 10 } else { 1 }));
        let stages = stages(&shift(phase)).unwrap();
        let is_of_old = old.0 == 10 || stages.iter().any(|stage| stage.old == nodes(old.0));
        let is_of_new = new.is_none_or(|new| [0, 10].contains(&new.0) || stages.iter().any(|stage| stage.new == nodes(new.0)));
        // A second pool that is gone once the former one has given nodes away was deleted by others.
        let is_deleted = new.is_none() && !turns && old.0 != 10;
        prop_assert_eq!(matches!(deed, Deed::Refuse(..)), !is_of_old || !is_of_new || is_deleted, "{:?}", deed);
    }

    /// Wherever a run died, the same command ends in the wanted state, and the return in the former one; never are more
    /// nodes asked for than there is room for, and no job is lost, enabled by mistake or left held.
    #[test]
    fn from_every_state_on_the_way_the_end_is_the_wanted_or_the_former_one(
        died_after in 0_usize..120, turns: bool, was in 0_u32..14, size in 1_u32..14, free in 1_u32..14, first in 0_u32..2,
        states in proptest::collection::vec(0_usize..2, 0..5)
    ) {
        let mut shift = shift(Phase::Forward);
        (shift.was, shift.size, shift.first) = (nodes(was), nodes(size), nodes(first));
        shift.together = nodes(was + free);
        prop_assume!(stages(&shift).is_some());
        let jobs = states.iter().enumerate().map(|(number, state)| {
            (format!("j{number}"), "old", ["active", "disabled"][*state], false)
        });
        let together = shift.together.dedicated;
        let mut world = World { shift, old: (was, was), new: None, jobs: jobs.collect(), good: Good::default() };
        let mut ended = false;
        for step in 0..400 {
            if step == died_after && world.shift.is_under_way() {
                world.good = Good::default();
                if turns {
                    world.shift.phase = Phase::Back;
                }
            }
            let deed = world.decide();
            if deed == Deed::Ended {
                ended = true;
                break;
            }
            world.play(deed)?;
            let both = world.old.0 + world.new.map_or(0, |new| new.0);
            prop_assert!(both <= together, "{both} of {together}: {world:?}");
        }
        prop_assert!(ended, "{world:?}");
        let is_done = world.shift.phase == Phase::Done;
        let (sizes, at) = if is_done { ((0, Some(size)), "new") } else { ((was, None), "old") };
        prop_assert_eq!((world.old.0, world.new.map(|new| new.0)), sizes);
        for (number, job) in world.jobs.iter().enumerate() {
            let state = ["active", "disabled"][states[number]];
            prop_assert_eq!((job.1, job.2, job.3), (at, state, false));
        }
    }
}
