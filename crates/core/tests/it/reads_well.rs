//! Every error that a test of a flow sees is read as its readers do: so all refusals of all flows are looked at that any
//! test provokes, with the errors of the tables in `specimens`.
//!
//! What a single error has to say is up to its test.

use std::collections::BTreeSet;

use azure_batch_core::{
    error::{Error, Result},
    failure::Failure,
    options::{self, Door, Verb},
    publish::CHECK_NAMES,
    settings::{self, PublishContext, Reuse, Values, fault::Fault},
    specimens::{Lines, blemishes},
};

/// The doors whose readers are people.
const DOORS: [Door; 3] = [Door::Template, Door::Flag, Door::Input];

/// All verbs.
const VERBS: [Verb; 18] = [
    Verb::Publish,
    Verb::Rollout,
    Verb::List,
    Verb::Promote,
    Verb::Demote,
    Verb::Gc,
    Verb::Prune,
    Verb::Scale,
    Verb::AwaitVersion,
    Verb::Plan,
    Verb::Rollback,
    Verb::Migrate,
    Verb::Status,
    Verb::Doctor,
    Verb::Judge,
    Verb::Wait,
    Verb::Delete,
    Verb::Notify,
];

/// The widths of a narrow terminal, of the usual one, and of the widest text.
const WIDTHS: [usize; 3] = [40, 80, 100];

/// What no option takes: neither a word, nor a number, nor an id, nor JSON.
const NONSENSE: [&str; 3] = ["§ !", "99999999999999999999", "a b"];

/// What has to fail.
pub(crate) trait MustFail {
    /// What it ended with.
    type Why;

    /// The reason, which reads well.
    fn must_fail(self) -> Self::Why;
}

impl<T> MustFail for Result<T> {
    type Why = Error;

    fn must_fail(self) -> Error {
        let Err(error) = self else { panic!("it must fail") };
        ensure_reads_well(|door| Failure::of(&error, door));
        error
    }
}

impl<T> MustFail for Result<T, Vec<Fault>> {
    type Why = Vec<Fault>;

    fn must_fail(self) -> Vec<Fault> {
        let Err(faults) = self else { panic!("it must fail") };
        ensure_reads_well(|door| Failure::of_faults(faults.iter().map(|fault| fault.spelled(door)).collect()));
        faults
    }
}

fn ensure_reads_well(failure: impl Fn(Door) -> Failure) {
    let wrong = badly_read(&DOORS, failure);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn badly_read(doors: &[Door], failure: impl Fn(Door) -> Failure) -> Vec<String> {
    let mut wrong = Vec::new();
    for door in doors {
        let failure = failure(*door);
        for width in WIDTHS {
            let shown = failure.complaint(width);
            let found = blemishes(&shown, &failure, *door, Lines::Ours);
            wrong.extend(found.iter().map(|what| format!("{door:?}: {what}")));
        }
    }
    wrong
}

fn context() -> PublishContext<'static> {
    PublishContext {
        run_id: "run-1",
        reuse: Reuse::SameSource,
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
        checks: &CHECK_NAMES,
    }
}

/// The faults of these values, which are meant for that verb.
fn refused(verb: Verb, values: &Values) -> Vec<Vec<Fault>> {
    let refused = match verb {
        Verb::Publish => vec![settings::publish(values, &context()).err()],
        Verb::Rollout => vec![settings::rollout(values).err()],
        Verb::List => vec![settings::list(values).err()],
        Verb::Promote => vec![settings::promote(values).err()],
        Verb::Demote => vec![settings::demote(values).err()],
        Verb::Gc => vec![settings::collection(values).err()],
        Verb::Prune => vec![settings::prune(values, None).err()],
        Verb::Scale => vec![settings::scale(values).err()],
        Verb::AwaitVersion => vec![settings::completion(values).err()],
        Verb::Plan => vec![settings::plan(values).err()],
        Verb::Rollback => vec![settings::rollback(values).err(), settings::fleet_return(values).err()],
        Verb::Migrate => vec![
            settings::migration(values).err(),
            settings::migration_of_all(values).err(),
            settings::migration_list(values).err(),
        ],
        Verb::Status => vec![settings::status(values).err()],
        Verb::Doctor => vec![settings::doctor(values).err()],
        Verb::Judge => vec![settings::judgement(values).err()],
        Verb::Wait => vec![settings::wait(values).err()],
        Verb::Delete => vec![settings::deletion(values).err(), settings::expired(values).err()],
        Verb::Notify => vec![settings::notify(values).err()],
    };
    refused.into_iter().flatten().collect()
}

#[test]
fn every_option_of_every_verb_refuses_nonsense_in_words_that_read_well() {
    // Most values are refused by several verbs in the same words.
    let mut spelled = BTreeSet::new();
    for verb in VERBS {
        let doors: &[Door] = if verb == Verb::Publish {
            &[Door::Template]
        } else {
            &[Door::Flag, Door::Input]
        };
        for (opt, nonsense) in options::of(verb)
            .into_iter()
            .flat_map(|opt| NONSENSE.map(|text| (opt, text)))
        {
            let faults = refused(verb, &Values::default().with(opt, nonsense));
            for fault in faults.iter().flatten() {
                spelled.extend(doors.iter().map(|door| (*door, fault.spelled(*door))));
            }
        }
    }
    assert!(spelled.len() > 100, "{} texts were read", spelled.len());
    let read = |(door, text): &(Door, String)| badly_read(&[*door], |_| Failure::of_faults(vec![text.clone()]));
    let wrong: Vec<String> = spelled.iter().flat_map(read).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[should_panic(expected = "something was cut")]
fn a_refusal_that_reads_badly_fails_its_test() {
    let error =
        Error::plain(azure_batch_core::error::ErrorKind::Refused, "pool p1 is …").with_next("run it again", None);
    let _error = Err::<(), _>(error).must_fail();
}
