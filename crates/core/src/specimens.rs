//! One error of every kind, of every answer of Azure and of every error of a resize, made of the tables themselves: for
//! the tests of all who show errors. A new kind, row or code is among them by itself.
//!
//! It also says what is wrong with a text that shows one of them. No run uses it.

use crate::{
    error::{Error, ErrorKind},
    failure::{Failure, Step},
    judge,
    options::{self, Door, Verb},
    rollout,
};

/// An error, with a name for messages of tests.
#[derive(Debug)]
pub struct Specimen {
    /// What it is.
    pub name: String,
    /// The error as a flow ends with it.
    pub error: Error,
}

/// Who breaks the lines of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// We do.
    Ours,
    /// Its reader does, such as GitHub's page.
    Readers,
}

/// How long a line of prose may be.
const LONGEST_LINE: usize = 100;

/// Texts shorter than this are found in others by chance.
const SHORT: usize = 12;

/// The verbs whose options between them are all options.
const VERBS: [Verb; 3] = [Verb::Publish, Verb::Rollout, Verb::Prune];

/// All of them.
#[must_use]
pub fn all() -> Vec<Specimen> {
    let of_kinds = ErrorKind::ALL.into_iter().map(|kind| Specimen {
        name: format!("kind {}", kind.code()),
        error: Error::new(kind, "cannot read pool p1"),
    });
    let named = |(name, error)| Specimen { name, error };
    let of_answers = judge::specimens().into_iter().map(named);
    let of_pools = rollout::specimens().into_iter().map(named);
    of_kinds
        .chain(of_answers)
        .chain(of_pools)
        .map(|specimen| Specimen {
            error: specimen.error.in_flow("cannot roll out 1.0.0 to pool p1"),
            ..specimen
        })
        .collect()
}

/// What is wrong with a text that shows a failure; nothing when all is well.
#[must_use]
pub fn blemishes(shown: &str, failure: &Failure, door: Door, broken_by: Lines) -> Vec<String> {
    let mut found = Vec::new();
    if failure.happened.is_empty() || failure.next.is_empty() {
        found.push("it says neither what happened nor what to do".to_owned());
    }
    let lines = shown.lines().filter(|line| !is_to_type(line, &failure.next));
    for line in lines {
        if broken_by == Lines::Ours && line.chars().count() > LONGEST_LINE && !cannot_be_broken(line) {
            found.push(format!("a line is too long: {line}"));
        }
        if line.contains('…') {
            found.push(format!("something was cut: {line}"));
        }
        if has_open_name(line) {
            found.push(format!("a name was not filled in: {line}"));
        }
    }
    let prose = failure.facts.iter().chain(&failure.kept).chain(&failure.faults);
    let prose: Vec<&String> = prose
        .chain([&failure.happened])
        .chain(failure.next.iter().map(|step| &step.text))
        .collect();
    for text in &prose {
        found.extend(
            foreign_names(text, door)
                .into_iter()
                .map(|name| format!("{name} is another door's name: {text}")),
        );
    }
    let flat: Vec<&str> = shown.split_whitespace().collect();
    let flat = flat.join(" ");
    for text in prose.into_iter().chain(&failure.said) {
        let bare = text.trim_end_matches('.');
        if bare.len() > SHORT && flat.matches(bare).count() > 1 {
            found.push(format!("it is said twice: {text}"));
        }
    }
    found
}

/// Whether a line is part of what is to be typed.
fn is_to_type(line: &str, steps: &[Step]) -> bool {
    let mut lines = steps.iter().flat_map(|step| &step.command);
    lines.any(|command| line.trim_end().ends_with(command.as_str()))
}

/// Whether a name in braces stands there, such as `{pool_id}`, which a value or an option should have taken the place of.
fn has_open_name(line: &str) -> bool {
    let is_of_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    line.split('{').skip(1).any(|behind| {
        let (name, end) = behind.split_at(behind.find(|letter| !is_of_name(letter)).unwrap_or(behind.len()));
        !name.is_empty() && end.starts_with('}')
    })
}

/// Whether it holds a single word, such as an address or an id, apart from its mark and an introduction.
fn cannot_be_broken(line: &str) -> bool {
    line.split_whitespace()
        .any(|word| word.chars().count() > LONGEST_LINE / 2)
}

/// The names of options in a text that users of this door write otherwise.
fn foreign_names(text: &str, door: Door) -> Vec<String> {
    let own = |word: &str| {
        word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
            .to_owned()
    };
    let words: Vec<String> = text.split_whitespace().map(own).collect();
    let doors = [Door::Template, Door::Flag, Door::Input];
    let foreign = doors.into_iter().filter(|other| *other != door);
    let names = foreign.flat_map(|other| {
        let all = VERBS.into_iter().flat_map(options::of);
        all.filter(move |opt| opt.spelled(other) != opt.spelled(door))
            .map(move |opt| opt.spelled(other))
    });
    // A name of one word is a word of English too.
    let mut names: Vec<String> = names.filter(|name| name.contains(['-', '_'])).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter(|name| words.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typing::az;

    #[test]
    fn every_failure_reads_well_at_every_door_and_width() {
        let mut wrong = Vec::new();
        for specimen in all() {
            for door in [Door::Template, Door::Flag, Door::Input] {
                let failure = Failure::of(&specimen.error, door);
                for width in [40, 80, 100] {
                    let shown = failure.complaint(width);
                    let found = blemishes(&shown, &failure, door, Lines::Ours);
                    wrong.extend(found.iter().map(|what| format!("{}, {door:?}: {what}", specimen.name)));
                }
            }
        }
        wrong.sort_unstable();
        wrong.dedup();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_text_that_reads_badly_is_found() {
        let error = Error::plain(ErrorKind::BadInput, "give vm_size to pool render-2026-11")
            .with_fact("it was given in --pool-json, and … the rest is in {x}");
        let failure = Failure::of(&error, Door::Input);
        let found = blemishes(
            &format!("{0}\n{0}", failure.text(400)),
            &failure,
            Door::Input,
            Lines::Ours,
        )
        .join("\n");
        for what in [
            "vm_size is another",
            "--pool-json is another",
            "was cut",
            "not filled in",
            "said twice",
        ] {
            assert!(found.contains(what), "{what}: {found}");
        }
    }

    /// What stands before the first value, and the flags.
    fn skeleton(command: &str) -> Vec<String> {
        let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "\\").collect();
        let begin = words.iter().take_while(|word| !word.starts_with("--"));
        let flags = words.iter().filter(|word| word.starts_with("--"));
        begin.chain(flags).map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_command_of_az_in_an_error_is_one_that_the_judge_types() {
        let known: Vec<Vec<String>> = az::ALL.iter().map(|(_, template)| skeleton(template)).collect();
        for specimen in all() {
            for step in Failure::of(&specimen.error, Door::Flag).next {
                let command = step.command.join(" ");
                if command.starts_with("az ") {
                    assert!(known.contains(&skeleton(&command)), "{}: {command}", specimen.name);
                }
            }
        }
    }

    #[test]
    fn there_is_one_for_every_kind_and_for_every_row() {
        let names: Vec<String> = all().into_iter().map(|specimen| specimen.name).collect();
        for part in ["kind ", "answer ", "resize ", "provider ", "nodes ", "refusal "] {
            let count = names.iter().filter(|name| name.starts_with(part)).count();
            assert!(count >= 4, "{part}: {count}");
        }
    }
}
