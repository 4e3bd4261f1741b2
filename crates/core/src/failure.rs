//! Why a run failed, as its reader gets it: the reason first, facts, what is left, what to type, the service's words.
//!
//! The one place where an error becomes text for people: terminals, Packer, summaries, annotations, the imaging service
//! and JSON all show this value, so none says something else. What to do follows from the reason, and from the error's
//! kind only where the reason has nothing to say. Nothing is cut, and nothing is written here.

mod text;

use serde::Serialize;

use crate::{
    error::{EFFECT_UNKNOWN, Error, ErrorKind, Next, Place, RefusedBy, ServiceError},
    judge,
    options::Door,
    settings::fault::Faults,
    typing::Form,
    words::Words,
};

pub use text::wrapped;

/// The page that says what each kind and each code of an error means, under a heading of its own.
pub(crate) const PAGE: &str =
    "https://github.com/azure-batch-tools/packer-plugin-azure-batch/blob/main/docs/failures.md";

/// How a sentence begins that says what could not be done.
pub(crate) const CANNOT: &str = "cannot ";

/// Why a run failed, with options spelled for one door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What kind of failure, for programs.
    pub kind: &'static str,
    /// The exit code of a process that ends with it.
    pub exit_code: u8,
    /// The reason, without a final stop.
    pub happened: String,
    /// What is known about it, in sentences.
    pub facts: Vec<String>,
    /// What is wrong with what was given: one value each.
    pub faults: Vec<String>,
    /// What is left in Azure, and is billed, in sentences.
    pub kept: Vec<String>,
    /// What to do, in this order; there is always something.
    pub next: Vec<Step>,
    /// The services' own words.
    pub said: Vec<String>,
    /// The address of a page about it.
    pub page: Option<String>,
    /// The service's code.
    pub service_code: Option<String>,
    /// The service's id of the request, for its support.
    pub request_id: Option<String>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What to do, or what the command does.
    pub text: String,
    /// What to type for it, line by line; none when there is nothing to type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Where it is typed; a shell when absent.
    #[serde(skip_serializing_if = "Form::is_shell")]
    pub form: Form,
}

impl Failure {
    /// The failure that a run ended with, in the words of a door.
    #[must_use]
    pub fn of(error: &Error, door: Door) -> Self {
        let layers: Vec<&Error> = error.layers().collect();
        let first = first_of(&layers);
        let service = error.service();
        let says_facts = layers
            .iter()
            .any(|layer| layer.layer().2.is_some_and(|reason| !reason.facts.is_empty()));
        let mut failure = Self {
            happened: layers
                .get(first)
                .map_or_else(String::new, |layer| plain(layer.layer().0, door)),
            next: next(&layers, door),
            service_code: service.map(|refusal| refusal.code.clone()),
            request_id: service.and_then(|refusal| refusal.request_id.clone()),
            said: service.map(said).into_iter().collect(),
            ..Self::empty(error.kind())
        };
        // Whoever worded the reason above the service's layer has said what it means.
        let is_worded = first + 1 < layers.len();
        if let Some(meaning) = service.filter(|_| !says_facts && !is_worded).and_then(meaning) {
            failure.add_fact(meaning);
        }
        for (number, layer) in layers.iter().enumerate() {
            failure.add_layer(layer, number.cmp(&first), door);
        }
        failure.add_prevented(&layers, first, door);
        failure.add_foreign_cause(&layers, door);
        if failure.next.is_empty() {
            failure.next.push(Step::plain(usual_next(error.kind())));
        }
        if failure.page.is_none() {
            failure.page = Some(format!("{PAGE}#{}", error.kind().code()));
        }
        failure
    }

    /// What is wrong with what was given, one value each, when nothing was begun.
    #[must_use]
    pub fn of_faults(faults: Vec<String>) -> Self {
        let mut failure = Self::empty(ErrorKind::BadInput);
        failure.add_faults(faults);
        failure.kept.push("Nothing was changed.".to_owned());
        failure.next.push(Step::plain(usual_next(ErrorKind::BadInput)));
        failure
    }

    fn empty(kind: ErrorKind) -> Self {
        Self {
            kind: kind.code(),
            exit_code: kind.exit_code().0,
            happened: String::new(),
            facts: Vec::new(),
            faults: Vec::new(),
            kept: Vec::new(),
            next: Vec::new(),
            said: Vec::new(),
            page: None,
            service_code: None,
            request_id: None,
        }
    }

    /// Adds what a layer above the first sentence, of it, or below it knows.
    fn add_layer(&mut self, layer: &Error, place: std::cmp::Ordering, door: Door) {
        let (doing, _, reason) = layer.layer();
        let is_flow = reason.is_some_and(|reason| reason.place == Place::Nowhere);
        let is_prevented = plain(doing, door).starts_with(CANNOT);
        let (cancelled, sign_in) = (ErrorKind::Cancelled.code(), ErrorKind::SignIn.code());
        match place {
            std::cmp::Ordering::Equal => {}
            // What a stop came in the middle of, and what a sign-in was tried with, is not why.
            std::cmp::Ordering::Greater if self.kind == cancelled || self.kind == sign_in => {}
            std::cmp::Ordering::Greater => match plain(doing, door).strip_prefix(CANNOT) {
                // The first sentence may name it.
                Some(what) if self.happened.contains(what) => {}
                Some(what) => self.add_fact(format!("This run could not {what}.")),
                None => self.add_fact(sentence(doing, door)),
            },
            std::cmp::Ordering::Less if is_flow || is_prevented => {}
            std::cmp::Ordering::Less => self.add_fact(sentence(doing, door)),
        }
        if let Some(reason) = reason {
            for fact in &reason.facts {
                self.add_fact(sentence(fact, door));
            }
            for kept in reason.kept.iter().map(|kept| sentence(kept, door)) {
                if !self.kept.contains(&kept) {
                    self.kept.push(kept);
                }
            }
            self.said.extend(reason.said.iter().cloned());
            if self.page.is_none() {
                self.page.clone_from(&reason.page);
            }
        }
    }

    /// Adds what could not be done because of the first sentence: what is nearest to it says most. A run that was asked
    /// to stop was prevented from nothing.
    fn add_prevented(&mut self, layers: &[&Error], first: usize, door: Door) {
        let above = layers.iter().take(first).rev();
        let nearest = above
            .filter(|layer| layer.layer().2.is_none_or(|reason| reason.place != Place::Nowhere))
            .find_map(|layer| plain(layer.layer().0, door).strip_prefix(CANNOT).map(str::to_owned));
        // The facts of a sign-in name the identity already.
        let is_said = self.kind == ErrorKind::SignIn.code() && !self.facts.is_empty();
        let is_new =
            |what: &String| self.kind != ErrorKind::Cancelled.code() && !is_said && !self.happened.contains(what);
        if let Some(what) = nearest.filter(is_new) {
            let unknown = sentence(&Words::from(EFFECT_UNKNOWN), door);
            self.add_fact(match self.facts.contains(&unknown) {
                true => format!("The request was to {what}."),
                false => format!("This run could not {what}."),
            });
        }
    }

    fn add_fact(&mut self, fact: String) {
        let same = fact.trim_end_matches('.').to_lowercase();
        let is_known = |known: &String| known.to_lowercase().contains(&same);
        if !is_known(&self.happened) && !self.facts.iter().any(is_known) {
            self.facts.push(fact);
        }
    }

    /// A cause that is no error of ours: faults of what was given, or the words of a library, of which the innermost
    /// say why.
    fn add_foreign_cause(&mut self, layers: &[&Error], door: Door) {
        let Some(last) = layers.last() else { return };
        let causes = std::iter::successors(std::error::Error::source(*last), |cause| cause.source());
        let mut innermost = None;
        for cause in causes {
            if let Some(faults) = cause.downcast_ref::<Faults>() {
                self.add_faults(faults.0.iter().map(|fault| fault.spelled(door)).collect());
            } else if cause.downcast_ref::<ServiceError>().is_none() {
                innermost = Some(cause);
            }
        }
        if let Some(cause) = innermost {
            self.add_fact(sentence(&Words::from(cause.to_string()), door));
        }
    }

    /// A single fault is the reason itself.
    fn add_faults(&mut self, faults: Vec<String>) {
        self.happened = match faults.as_slice() {
            [fault] => one_line(fault).trim_end_matches('.').to_owned(),
            several => format!("{} values are missing or wrong", several.len()),
        };
        self.faults.extend(faults);
    }

    /// The faults that a reader has not read as the reason.
    #[must_use]
    pub fn listed_faults(&self) -> &[String] {
        match self.faults.as_slice() {
            [_] => &[],
            several => several,
        }
    }

    /// The same with every text changed, such as by what strikes out secrets.
    #[must_use]
    pub fn map(mut self, change: impl Fn(&str) -> String) -> Self {
        let steps = self.next.iter_mut();
        let of_steps = steps.flat_map(|step| std::iter::once(&mut step.text).chain(&mut step.command));
        let lists = [&mut self.facts, &mut self.faults, &mut self.kept, &mut self.said];
        let of_lists = lists.into_iter().flatten();
        let of_service = [&mut self.service_code, &mut self.request_id, &mut self.page]
            .into_iter()
            .flatten();
        for text in of_steps.chain(of_lists).chain(of_service).chain([&mut self.happened]) {
            *text = change(text);
        }
        self
    }
}

impl Step {
    /// What is to be done, in the words of a door.
    #[must_use]
    pub fn of(next: &Next, door: Door) -> Self {
        let text = sentence(&next.text, door);
        match &next.command {
            Some(command) => Self {
                text: format!("{}:", text.trim_end_matches(['.', ':'])),
                command: command.lines(),
                form: command.form(),
            },
            None => Self::plain(text),
        }
    }

    /// Something to do that needs no command.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            command: Vec::new(),
            form: Form::Shell,
        }
    }
}

/// The layer whose sentence comes first: the one that says so, else the innermost, which knows most.
fn first_of(layers: &[&Error]) -> usize {
    let says_so = |layer: &&Error| layer.layer().2.is_some_and(|reason| reason.place == Place::First);
    layers
        .iter()
        .position(says_so)
        .unwrap_or(layers.len().saturating_sub(1))
}

/// What to do: the steps of the outermost layer that has some, or its hint.
fn next(layers: &[&Error], door: Door) -> Vec<Step> {
    let has_steps = |layer: &&&Error| layer.layer().2.is_some_and(|reason| !reason.next.is_empty());
    if let Some((_, _, Some(reason))) = layers.iter().find(has_steps).map(|layer| layer.layer()) {
        return reason.next.iter().map(|next| Step::of(next, door)).collect();
    }
    let hint = layers.iter().find_map(|layer| layer.layer().1);
    hint.map(|hint| Step::plain(sentence(hint, door))).into_iter().collect()
}

/// What to do after a failure of a kind. A run that is repeated looks first at what is there.
pub(crate) const fn usual_next(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadInput => "Correct what is named above, then run again.",
        ErrorKind::SignIn => "Check tenant, application and the method of signing in, then run again.",
        ErrorKind::NoRights => "Give the identity the right that is named above, then run again.",
        ErrorKind::Quota => "Raise the quota, free some of it or ask for less, then run again.",
        ErrorKind::PartlyReached => "Run again: the run goes on from the nodes that are there.",
        ErrorKind::BadNodes => {
            "Correct the start task or the image, or replace the nodes: the same run again would change nothing."
        }
        ErrorKind::Deadline => "Run again: the run goes on from here.",
        ErrorKind::Returned => "Correct the image, publish another version, and roll that one out.",
        ErrorKind::Kept => "Look at the new nodes, then run again, or go back to the former state.",
        ErrorKind::Refused => "Change what is named above, then run again.",
        ErrorKind::Rejected => "Correct what the service names, then run again.",
        ErrorKind::Policy => "Ask the owner of the policy for an exemption, or ask for what it allows, then run again.",
        ErrorKind::Locked => "Remove the lock that is named above, then run again.",
        ErrorKind::Azure => {
            "Run again: the run looks first at what is there. If it fails again, give Azure support the text below."
        }
        ErrorKind::NeverSent => "Check address, proxy and certificate authorities, then run again.",
        ErrorKind::UnknownEffect | ErrorKind::Cancelled => "Run again: the run looks first at what is there.",
    }
}

/// What an answer means, unless the service says it itself.
fn meaning(refusal: &ServiceError) -> Option<String> {
    let meaning = judge::meaning(refusal);
    (!meaning.is_empty() && refusal.message != meaning).then(|| sentence(&Words::from(meaning), Door::Flag))
}

fn said(refusal: &ServiceError) -> String {
    let who = match refusal.by {
        RefusedBy::Service => "Azure",
        RefusedBy::TokenEndpoint => "The sign-in service",
        RefusedBy::Imds => "The machine's identity service",
    };
    let said = refusal.to_string();
    let words = said.split_once(": ").map_or(said.as_str(), |(_, words)| words);
    one_line(&format!("{who}: {words}"))
}

fn plain(words: &Words, door: Door) -> String {
    one_line(&words.spelled(door)).trim_end_matches('.').to_owned()
}

/// A service's text may have lines of its own, which a reader or a CI system would take for something else.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as a sentence. An option's name, an id or a command at its beginning keeps its letters.
fn sentence(words: &Words, door: Door) -> String {
    let text = one_line(&words.spelled(door));
    let begin = text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_end_matches([',', ':']);
    let is_word = begin.chars().all(|letter| letter.is_ascii_lowercase()) && begin != "az";
    let mut letters = text.chars();
    let mut sentence: String = match letters.next() {
        Some(first) if is_word && !words.begins_with_option() => first.to_uppercase().chain(letters).collect(),
        _ => text.clone(),
    };
    // A stop behind an address would be copied with it.
    let is_address = sentence.rsplit(' ').next().is_some_and(|word| word.contains("://"));
    if !sentence.is_empty() && !is_address && !sentence.ends_with(['.', '!', '?', ':']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests;
