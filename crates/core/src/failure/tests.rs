//! Tests of the order in which a failure is read, and of its words.

use super::*;
use crate::{options::pool, settings::fault::Fault, typing::Command, words};

fn text(error: &Error) -> String {
    Failure::of(error, Door::Flag).complaint(72)
}

#[test]
fn the_reason_comes_first_and_the_services_words_last() {
    let refusal = ServiceError {
        status: 403,
        code: "InsufficientAccountPermissions".to_owned(),
        message: "The account has no permission.".to_owned(),
        request_id: Some("6b51d431".to_owned()),
        ..ServiceError::default()
    };
    let command = Command::new("az x --role {role}", &[("role", "Azure Batch Data Contributor")]);
    let error = Error::of_service(ErrorKind::NoRights, "cannot create pool p1", refusal)
        .with_fact("the identity has no right to do this there")
        .with_kept("nothing was changed")
        .with_next("whoever may assign roles runs", command)
        .with_next("then run again", None)
        .in_flow("cannot roll out 1.0.0 to pool p1")
        .with_hint("this is not shown");
    insta::assert_snapshot!(text(&error));
}

#[test]
fn layers_without_a_reason_of_their_own_read_as_sentences() {
    let error = Error::new(ErrorKind::NeverSent, "cannot reach https://127.0.0.1:1")
        .because("connection refused")
        .while_doing("cannot read snapshot s1")
        .in_flow("cannot publish 1.0.0");
    insta::assert_snapshot!(text(&error));
}

#[test]
fn faults_stand_one_below_the_other_in_the_words_of_the_door() {
    let faults = vec![
        Fault::new(pool::VM_SIZE, "is needed to create the pool"),
        Fault::new(pool::NODE_AGENT_SKU_ID, "is needed to create the pool"),
    ];
    let error = Error::new(ErrorKind::BadInput, "pool p1 cannot be made of these settings")
        .because(Faults(faults))
        .with_hint(words!["give them, or ", pool::POOL_JSON]);
    insta::assert_snapshot!(text(&error));
}

#[test]
fn every_kind_has_something_to_do() {
    for kind in ErrorKind::ALL {
        let failure = Failure::of(&Error::new(kind, "x"), Door::Flag);
        let [step] = &failure.next[..] else {
            panic!("{kind:?}: {:?}", failure.next)
        };
        assert!(step.text.ends_with('.') && step.text.len() > 20, "{kind:?}: {step:?}");
    }
}

#[test]
fn a_text_is_changed_wherever_it_stands() {
    let command = Command::new("az x --id {id}", &[("id", "secret")]);
    let error = Error::plain(ErrorKind::Azure, "secret happened")
        .with_fact("a secret fact")
        .with_kept("a secret left")
        .with_next("a secret text", command)
        .with_words_of_service("secret said");
    let failure = Failure::of(&error, Door::Flag).map(|text| text.replace("secret", "***"));
    let shown = serde_json::to_string(&failure).unwrap();
    assert!(
        !shown.contains("secret") && shown.matches("***").count() >= 5,
        "{shown}"
    );
}

#[test]
fn a_word_longer_than_the_line_is_not_broken() {
    let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg";
    assert_eq!(wrapped(&format!("see {id} there"), 20), ["see", id, "there"]);
}

#[test]
fn a_single_fault_is_the_reason_itself() {
    let failure = Failure::of_faults(vec!["--deadline: \"soon\" is not a duration".to_owned()]);
    assert_eq!(failure.happened, "--deadline: \"soon\" is not a duration");
    assert_eq!(failure.complaint(80).matches("soon").count(), 1);
    assert_eq!(failure.faults.len(), 1, "programs find it where all faults are");
}
