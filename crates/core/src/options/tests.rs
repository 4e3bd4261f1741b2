//! The table keeps its own rules.

use std::collections::BTreeSet;

use super::*;

/// Names that Packer keeps for itself: they never reach a plugin.
const PACKERS_OWN: [&str; 5] = ["name", "only", "except", "keep_input_artifact", "type"];

/// Every row, those in blocks too.
fn every() -> Vec<&'static Opt> {
    fn add(rows: &mut Vec<&'static Opt>, opt: &'static Opt) {
        rows.push(opt);
        opt.nested().iter().for_each(|nested| add(rows, nested));
    }
    let mut rows = Vec::new();
    all().for_each(|opt| add(&mut rows, opt));
    rows
}

#[test]
fn a_verb_has_no_two_options_of_one_path() {
    for verb in [Verb::Publish, Verb::Rollout] {
        let mut seen = BTreeSet::new();
        for opt in every().into_iter().filter(|opt| opt.is_of(verb)) {
            assert!(seen.insert(opt.path), "{opt}");
            assert_eq!(find(verb, opt.path).unwrap().text, opt.text);
        }
        assert!(seen.len() > 30, "{verb:?} has {} options", seen.len());
    }
}

#[test]
fn what_stands_in_a_block_begins_with_the_path_of_the_block() {
    for block in every() {
        for opt in block.nested() {
            assert_eq!(opt.path, format!("{block}.{}", opt.name()));
            assert_eq!(
                (opt.verbs, opt.doors, opt.chapter),
                (block.verbs, block.doors, block.chapter)
            );
        }
    }
}

#[test]
fn no_option_has_a_name_that_packer_keeps_for_itself() {
    for opt in all() {
        assert!(!PACKERS_OWN.contains(&opt.path), "{opt}");
        assert!(!opt.path.starts_with("packer_"), "{opt}");
    }
}

#[test]
fn every_option_is_described_in_sentences_that_name_options_of_the_table() {
    for opt in every() {
        assert!(opt.text.ends_with('.'), "{opt}");
        for (at, _) in opt
            .text
            .match_indices('{')
            .filter(|(at, _)| !opt.text[..*at].ends_with('$'))
        {
            let (path, _) = opt.text[at + 1..].split_once('}').unwrap();
            assert!(
                opt.verbs.iter().all(|verb| find(*verb, path).is_some()),
                "{opt} names {path}"
            );
        }
        for verb in opt.verbs {
            assert!(!opt.default_text(*verb, Door::Template).is_empty(), "{opt}");
        }
    }
}

#[test]
fn each_door_has_its_own_spelling() {
    let spelled = |opt: &Opt| [Door::Template, Door::Flag, Door::Input, Door::Request].map(|door| opt.spelled(door));
    assert_eq!(
        spelled(sign_in::CLIENT_ID),
        ["client_id", "--client-id", "client-id", "connection.client_id"]
    );
    assert_eq!(
        spelled(sign_in::CLIENT_SECRET)[1],
        "ARM_CLIENT_SECRET",
        "a secret has no flag"
    );
    assert_eq!(image::SOURCE_VM.spelled(Door::Template), "source.vm");
    assert_eq!(image::SOURCE_VM.spelled(Door::Request), "image.source.vm");
    assert_eq!(image::SOURCE_VM.name(), "vm");
}

#[test]
fn a_description_names_other_options_as_its_door_does() {
    assert_eq!(
        sign_in::OIDC_REQUEST_TOKEN.doc(Door::Input),
        "Bearer token for `oidc-request-url`. GitHub sets the variable itself; in Azure Pipelines the step has `SYSTEM_ACCESSTOKEN: $(System.AccessToken)` in its `env`."
    );
    assert!(
        pool::IMAGE_VERSION
            .doc(Door::Flag)
            .ends_with("Give this or `--manifest`.")
    );
    assert!(
        image::MANIFEST
            .doc(Door::Template)
            .ends_with("`manifest-${source.name}.json`.")
    );
    assert_eq!(
        run::DEADLINE.default_text(Verb::Publish, Door::Template),
        "`6h` (replication of large images took that long)"
    );
    assert!(
        run::DEADLINE
            .default_text(Verb::Rollout, Door::Flag)
            .contains("twice `--node-ready-timeout`")
    );
    assert_eq!(
        image::DESTINATION_SUBSCRIPTION.default_text(Verb::Publish, Door::Template),
        "`subscription_id`"
    );
}

#[test]
fn both_programs_read_the_same_variables_for_signing_in() {
    for opt in sign_in::ROWS {
        assert!(opt.is_of(Verb::Publish) && opt.is_of(Verb::Rollout), "{opt}");
    }
    let arm = sign_in::ROWS.iter().flat_map(|opt| opt.variables);
    assert_eq!(arm.filter(|name| name.starts_with("ARM_")).count(), 14);
}
