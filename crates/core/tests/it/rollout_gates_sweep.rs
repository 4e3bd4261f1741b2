//! Gates at each checkpoint, and every request of the roll-out meets what it must outlive: one says no, one cannot be run,
//! all say "not yet" first.
//!
//! The worlds are those of the sweeps of a change in place and of a move to a second pool. What a gate may answer at all is
//! tested in `rollout_gates`.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use azure_batch_core::{
    error::{Error, ErrorKind, Result},
    rollout,
    settings::{Adopt, Canary, Gates, RolloutSettings, Share},
    shell::{Ran, Shell},
};
use serde_json::{Value, json};

use crate::{
    given::checked,
    publish_sweep::write_count,
    rollout::{foreign_pool, settings, world},
    rollout_blue_green::blue_green,
    rollout_blue_green_sweep::settle as settle_two,
    rollout_in_place::in_place,
    rollout_in_place_sweep::settle as settle_one,
    support::Azure,
    sweep::{
        Again, Ends, OUTLIVED, Sweep,
        rivals::{OF_POOL_AND_JOB, OF_TWO_POOLS, Rivals},
    },
};

/// What gates answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// Yes everywhere, after a "not yet" at each checkpoint.
    YesAtLast,
    /// No at this checkpoint, yes at the others.
    NoAt(u32),
    /// The command is not found at this checkpoint; with a right command it says yes.
    BreaksAt(u32),
}

/// A gate of one run.
#[derive(Debug)]
struct Gate {
    says: Says,
    /// The checkpoints at which it was asked.
    asked: Mutex<BTreeSet<u32>>,
}

#[async_trait]
impl Shell for Gate {
    async fn run(&self, _line: &str, variables: &[(&'static str, String)]) -> io::Result<Ran> {
        let step = variables.iter().find(|(name, _)| name.ends_with("_STEP"));
        let step: u32 = step.unwrap().1.parse().unwrap();
        let is_first = self.asked.lock().unwrap().insert(step);
        let code = match self.says {
            Says::YesAtLast if is_first => 75,
            Says::NoAt(at) if at == step => 1,
            Says::BreaksAt(at) if at == step => 127,
            Says::YesAtLast | Says::NoAt(_) | Says::BreaksAt(_) => 0,
        };
        Ok(Ran {
            exit_code: Some(code),
            output: String::new(),
        })
    }
}

/// One run; a return is its good end when the gate says no, and a run with a right command follows one that broke.
async fn run(azure: Azure, ends: Ends, settings: RolloutSettings, says: Says) -> Result<()> {
    let first = ask(&azure, &ends, &settings, says).await;
    match (says, first) {
        (Says::NoAt(_), Err(error)) if error.kind() == ErrorKind::Returned => Ok(()),
        (Says::BreaksAt(_), Err(error)) if is_broken(&error) => ask(&azure, &ends, &settings, Says::YesAtLast).await,
        (_, first) => first,
    }
}

fn is_broken(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused && error.report().contains("the gate command could not be run")
}

async fn ask(azure: &Azure, ends: &Ends, settings: &RolloutSettings, says: Says) -> Result<()> {
    let gate = Gate {
        says,
        asked: Mutex::default(),
    };
    let (transport, shell) = (Arc::new(azure.clone()), Arc::new(gate));
    let client = azure.client_on(transport, shell, (&ends.cancel, ends.limit)).await;
    fastrand::seed(7);
    rollout::run(&client, &checked(settings)).await.result
}

/// Sweeps one answer, and says how many cases were run.
fn sweep(
    world: impl Fn() -> Azure + Sync,
    settings: impl Fn() -> RolloutSettings + Sync,
    settle: fn(Value) -> Value,
    (says, one_of): (Says, usize),
) -> usize {
    let sweep = Sweep {
        troubles: OUTLIVED,
        one_of,
        world,
        flow: |azure, ends| run(azure, ends, settings(), says),
        settle,
    };
    sweep.run_with(match says {
        Says::NoAt(_) => Again::BeginsOnceMore,
        Says::YesAtLast | Says::BreaksAt(_) => Again::WritesNothing,
    })
}

fn gated(mut settings: RolloutSettings) -> RolloutSettings {
    settings.policy.adopt = Adopt::Yes;
    settings.change.gates = Gates {
        command: Some("ask.sh".to_owned()),
        ..Gates::default()
    };
    settings.change.canary = Canary {
        nodes: Some(Share::Nodes(1)),
        ..Canary::default()
    };
    settings
}

/// A pool of others with two nodes on 0.9.0 and a job, in an account with room for one node more.
fn azure() -> Azure {
    world(|seed| {
        let account = &mut seed["batchAccounts"][0];
        account["quotas"] = json!({"dedicatedCores": 4 * 3});
        account["pools"] = json!([foreign_pool("0.9.0", 2)]);
        account["jobs"] = json!([{"id": "busy", "poolInfo": {"poolId": "p1"}}]);
    })
}

#[test]
fn every_request_of_a_change_in_place_with_gates_meets_what_it_must_outlive() {
    let answers = [Says::YesAtLast, Says::NoAt(1), Says::NoAt(2), Says::BreaksAt(2)];
    let swept = answers.map(|says| sweep(azure, || gated(in_place(2)), settle_one, (says, 12)));
    let cases: usize = swept.iter().sum();
    assert!(cases > 40, "only {cases} cases");
    write_count("change in place with gates", cases);
}

#[test]
fn every_request_of_a_move_with_gates_meets_what_it_must_outlive() {
    let answers = [Says::YesAtLast, Says::NoAt(1), Says::NoAt(2), Says::BreaksAt(2)];
    let swept = answers.map(|says| sweep(azure, || gated(blue_green(2)), settle_two, (says, 21)));
    let cases: usize = swept.iter().sum();
    assert!(cases > 40, "only {cases} cases");
    write_count("move to a second pool with gates", cases);
}

#[test]
fn whatever_a_rival_does_at_any_request_of_a_change_with_gates_is_not_undone() {
    let yes = |settings: fn(u32) -> RolloutSettings| {
        move |azure: Azure, ends: Ends| run(azure, ends, gated(settings(2)), Says::YesAtLast)
    };
    let in_place = Rivals {
        who: OF_POOL_AND_JOB,
        // It is enough to meet each step, and keeps the test short.
        one_of: 13,
        world: async || azure(),
        flow: yes(in_place),
    };
    let moved = Rivals {
        who: OF_TWO_POOLS,
        one_of: 29,
        world: async || azure(),
        flow: yes(blue_green),
    };
    let taken = in_place.run() + moved.run();
    assert!(taken > 40, "only {taken} writes of rivals were taken");
    write_count("change with gates with rivals", taken);
}

#[test]
fn every_request_of_a_new_pool_with_a_gate_meets_what_it_must_outlive() {
    let answers = [Says::YesAtLast, Says::NoAt(1), Says::BreaksAt(1)];
    let new = || gated(settings("acct1", 4));
    let swept = answers.map(|says| sweep(|| world(|_| {}), new, settle_one, (says, 9)));
    let cases: usize = swept.iter().sum();
    assert!(cases > 25, "only {cases} cases");
    write_count("new pool with a gate", cases);
}
