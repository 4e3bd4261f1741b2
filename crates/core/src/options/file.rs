//! Which options a pool file may hold, under the names that inputs have.
//!
//! Who can change a file must not choose where a run signs in, what it may touch, what runs next to it, or how long it takes; so those are
//! taken from inputs and flags alone.

use super::{Chapter, Door, Opt, Verb, gate, of, pool, run};

/// What a file does not hold although it is about the pool: where tokens go, whose word is trusted, what this
/// machine runs, and the run itself.
const FOR_INPUTS: &[&Opt] = &[
    pool::ACCOUNT_NAME,
    pool::ACCOUNT_ENDPOINT,
    pool::MANIFEST,
    pool::ANY_DEFINITION,
    pool::POOL_FILE,
    pool::SUBSCRIPTIONS,
    run::DEADLINE,
    gate::GATE_COMMAND,
    gate::GATE_URL,
    gate::GATE_MINUTES,
];

/// What a file says of all its pools together.
const OF_ALL: &[&Opt] = &[pool::MAX_PARALLEL, pool::CONTINUE_AFTER_FAILURE];

/// The options of one pool in a file, in the order of the reference pages.
#[must_use]
pub fn rows() -> Vec<&'static Opt> {
    let of_one = |opt: &&'static Opt| !is_for_inputs(opt) && !OF_ALL.contains(opt);
    let taken = |opt: &&'static Opt| opt.is_taken_by(Door::Input) || opt.is_taken_by(Door::File);
    of(Verb::Rollout).into_iter().filter(taken).filter(of_one).collect()
}

/// The options of a file with many pools, which are about all of them.
#[must_use]
pub const fn of_all() -> &'static [&'static Opt] {
    OF_ALL
}

/// The option that a name in a pool file means.
#[must_use]
pub fn find(name: &str) -> Option<&'static Opt> {
    rows().into_iter().find(|opt| opt.spelled(Door::Input) == name)
}

/// The option that a name beside the list of pools means.
#[must_use]
pub fn find_of_all(name: &str) -> Option<&'static Opt> {
    OF_ALL.iter().copied().find(|opt| opt.spelled(Door::Input) == name)
}

/// Whether a name is an option's that a file does not hold.
#[must_use]
pub fn is_for_inputs_only(name: &str) -> bool {
    taken_as_inputs().any(|opt| is_for_inputs(opt) && opt.spelled(Door::Input) == name)
}

fn taken_as_inputs() -> impl Iterator<Item = &'static Opt> {
    of(Verb::Rollout).into_iter().filter(|opt| opt.is_taken_by(Door::Input))
}

fn is_for_inputs(opt: &'static Opt) -> bool {
    matches!(opt.chapter, Chapter::SignIn | Chapter::Report) || FOR_INPUTS.contains(&opt)
}
