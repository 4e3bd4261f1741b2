//! The verbs by the words that people type, and the inputs that they have together.
//!
//! What a verb does is its own file's.

use azure_batch_core::options::{self, Door, Opt, Verb};

/// The verbs of this program, in the order of the help.
pub const VERBS: &[(Verb, &str)] = &[
    (Verb::Rollout, "rollout"),
    (Verb::Plan, "plan"),
    (Verb::Rollback, "rollback"),
    (Verb::Migrate, "migrate"),
    (Verb::Doctor, "doctor"),
    (Verb::Status, "status"),
    (Verb::Judge, "judge"),
    (Verb::Wait, "wait"),
    (Verb::Delete, "delete"),
    (Verb::Notify, "notify"),
];

/// What people type for a verb; nothing for one of the other program.
#[must_use]
pub fn word(verb: Verb) -> &'static str {
    let named = VERBS.iter().find(|(own, _)| *own == verb);
    named.map_or("", |(_, word)| word)
}

/// The verb of a word.
#[must_use]
pub fn verb(text: &str) -> Option<Verb> {
    let named = VERBS.iter().find(|(_, word)| *word == text);
    named.map(|(verb, _)| *verb)
}

/// The inputs of the action but `verb`: what any of the verbs takes, by chapter, each once.
#[must_use]
pub fn all() -> Vec<&'static Opt> {
    let mut all: Vec<&'static Opt> = Vec::new();
    for opt in VERBS.iter().flat_map(|(verb, _)| options::of(*verb)) {
        if opt.is_taken_by(Door::Input) && !all.contains(&opt) {
            all.push(opt);
        }
    }
    all.sort_by_key(|opt| opt.chapter);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_one_verb_and_a_verb_has_one_word() {
        for (named, text) in VERBS {
            assert_eq!((verb(text), word(*named)), (Some(*named), *text));
        }
        assert_eq!(verb("publish"), None);
    }
}
