//! The test against known numbers, and how often it is wrong over many seeds.

use proptest::prelude::*;

use super::*;

/// As the documentation of the verb has it.
const RULE: FailureRule = FailureRule {
    max_increase: 0.01,
    min_tasks: 50,
    confidence: 0.995,
};

/// A sequence of numbers from 0 to 1 that is the same in every run.
struct Lot(u64);

impl Lot {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }

    fn tasks(&mut self, count: u64, rate: f64) -> Tasks {
        let failed = (0..count).filter(|_| self.next() < rate).count();
        tasks(count, u64::try_from(failed).unwrap())
    }
}

fn tasks(ended: u64, failed: u64) -> Tasks {
    Tasks { ended, failed }
}

fn pair(old: (u64, u64), new: (u64, u64)) -> Pair {
    Pair {
        old: tasks(old.0, old.1),
        new: tasks(new.0, new.1),
    }
}

#[test]
fn the_chance_is_fishers() {
    // Fisher's lady: 4 of 4 cups, 1 of 70 ways.
    assert!((chance(&[pair((4, 0), (4, 4))]) - 1.0 / 70.0).abs() < 1e-12);
    // 3 of 4 and more: 17 of 70.
    assert!((chance(&[pair((4, 1), (4, 3))]) - 17.0 / 70.0).abs() < 1e-12);
    // No failure at all says nothing.
    assert!((chance(&[pair((40, 0), (40, 0))]) - 1.0).abs() < 1e-12);
    // Two jobs: both as in the first line, so the chances are multiplied.
    let twice = [pair((4, 0), (4, 4)), pair((4, 0), (4, 4))];
    assert!((chance(&twice) - 1.0 / 4_900.0).abs() < 1e-12);
}

#[test]
fn a_job_that_always_fails_and_runs_on_new_nodes_only_is_no_evidence() {
    let jobs = [pair((500, 5), (100, 1)), pair((0, 0), (200, 200))];
    assert_eq!(judge(&jobs, RULE, 1), Outcome::Good);
    // Taken together it would look bad.
    assert_eq!(judge(&[Pair::sum(&jobs)], RULE, 1), Outcome::Bad);
    // A job that fails often everywhere, and runs mostly on new nodes.
    let mixed = [pair((1_000, 10), (100, 1)), pair((50, 25), (400, 200))];
    assert_eq!(judge(&mixed, RULE, 1), Outcome::Good);
    assert_eq!(judge(&[Pair::sum(&mixed)], RULE, 1), Outcome::Bad);
}

#[test]
fn three_tasks_say_nothing() {
    assert_eq!(judge(&[pair((1_000, 0), (3, 3))], RULE, 1), Outcome::Inconclusive);
    assert_eq!(judge(&[pair((3, 0), (1_000, 900))], RULE, 1), Outcome::Inconclusive);
    assert_eq!(judge(&[], RULE, 1), Outcome::Inconclusive);
}

#[test]
fn a_difference_that_is_sure_and_small_is_permitted() {
    let many = [pair((1_000_000, 10_000), (1_000_000, 12_000))];
    assert!(chance(&many) < 1e-9);
    assert_eq!(judge(&many, RULE, 1), Outcome::Good);
    let strict = FailureRule {
        max_increase: 0.001,
        ..RULE
    };
    assert_eq!(judge(&many, strict, 1), Outcome::Bad);
}

#[test]
fn equal_rates_go_on_in_99_of_100_seeds_however_often_it_looks() {
    let mut wrong = 0;
    for seed in 0..100 {
        let mut lot = Lot(seed);
        let mut sides = pair((0, 0), (0, 0));
        let outcomes: Vec<Outcome> = (1..=12)
            .map(|look| {
                sides.old = sides.old.and(lot.tasks(60, 0.05));
                sides.new = sides.new.and(lot.tasks(60, 0.05));
                judge(&[sides], RULE, look)
            })
            .collect();
        wrong += u32::from(outcomes.contains(&Outcome::Bad));
    }
    assert!(wrong <= 1, "{wrong} of 100 seeds");
}

#[test]
fn eight_points_more_are_found_in_nearly_all_seeds_before_a_third_of_the_tasks() {
    let mut late = 0;
    for seed in 0..100 {
        let mut lot = Lot(seed);
        let mut sides = pair((0, 0), (0, 0));
        let found = (1..=10).find(|look| {
            // A tenth of 2,000 tasks on each side, a look after each.
            sides.old = sides.old.and(lot.tasks(200, 0.01));
            sides.new = sides.new.and(lot.tasks(200, 0.09));
            judge(&[sides], RULE, *look) == Outcome::Bad
        });
        late += u32::from(found.is_none_or(|look| look > 3));
    }
    assert!(late <= 1, "{late} of 100 seeds");
}

proptest! {
    #[test]
    fn a_chance_is_a_chance_and_more_failures_make_it_smaller(
        old in 1_u64..80, new in 1_u64..80, old_part in 0.0_f64..=1.0, new_part in 0.0_f64..=1.0,
    ) {
        let part = |all: u64, of: f64| (0..=all).rev().find(|count| real(*count) <= of * real(all)).unwrap();
        let (old_failed, new_failed) = (part(old, old_part), part(new, new_part));
        let here = chance(&[pair((old, old_failed), (new, new_failed))]);
        prop_assert!((0.0..=1.0).contains(&here), "{}", here);
        if new_failed < new && old_failed > 0 {
            // The same failures, one more of them on the new side.
            let there = chance(&[pair((old, old_failed - 1), (new, new_failed + 1))]);
            prop_assert!(there <= here + 1e-12, "{} {}", there, here);
        }
    }
}
