//! Where in a pool file the value of each option stands, so that a fault of it is shown there, in the file's own words.
//!
//! It reads no file.

use std::collections::BTreeMap;

use crate::{
    options::{
        self, Opt, Verb,
        pool::{POOL_FILE, POOL_JSON},
    },
    settings::{
        document::{Node, Spot},
        fault::{Fault, Place},
        values::Values,
    },
    words,
    words::Words,
};

/// The places of values, by option; those within the pool JSON by their path there, without indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spots {
    known: BTreeMap<String, Spot>,
    /// Options that are given as inputs too, which count more.
    inputs: Vec<&'static str>,
    /// Which pool of many this is; nothing when the file holds one.
    pool: Option<String>,
}

impl Spots {
    /// Notes where an option stands.
    pub(super) fn note(&mut self, opt: &'static Opt, spot: &Spot) {
        self.known.insert(opt.path.to_owned(), spot.clone());
    }

    /// Notes where everything of the pool JSON stands.
    pub(super) fn note_json(&mut self, json: &Node) {
        self.walk(POOL_JSON.path, json);
    }

    fn walk(&mut self, path: &str, node: &Node) {
        // Of a list the first item that has the name is shown.
        self.known.entry(path.to_owned()).or_insert_with(|| node.spot.clone());
        for (name, field) in node.fields() {
            self.walk(&format!("{path}.{name}"), field);
        }
        node.items().iter().for_each(|item| self.walk(path, item));
    }

    /// The same, with the places of what these do not know.
    pub(super) fn completed_by(mut self, other: &Self) -> Self {
        for (path, spot) in &other.known {
            self.known.entry(path.clone()).or_insert_with(|| spot.clone());
        }
        self
    }

    /// The same as one of many pools.
    pub(super) fn of_pool(mut self, name: String) -> Self {
        self.pool = Some(name);
        self
    }

    /// The same but for what is given as an input.
    pub(super) fn without(mut self, given: &Values) -> Self {
        let inputs = options::of(Verb::Rollout).into_iter().filter(|opt| given.has(opt));
        self.inputs = inputs.map(|opt| opt.path).collect();
        let is_kept = |path: &String| !self.inputs.contains(&path.split('.').next().unwrap_or_default());
        self.known.retain(|path, _| is_kept(path));
        self
    }

    /// Where an option stands.
    pub(super) fn of(&self, opt: &'static Opt) -> Option<&Spot> {
        self.known.get(opt.path)
    }

    /// Shows a fault at its place in the file. What the file does not say stays a fault of the option, with the pool's
    /// name where there are many.
    pub(crate) fn placed(&self, fault: Fault) -> Fault {
        let Fault { place, text } = fault;
        match (self.find(&place), &self.pool) {
            (Some(shown), _) => Fault::new(POOL_FILE, text.after(shown)),
            (None, Some(pool)) if !self.inputs.contains(&place.opt.path) => {
                Fault::new(POOL_FILE, after_all(words![pool.as_str(), ": ", place.opt, ": "], text))
            }
            (None, _) => Fault { place, text },
        }
    }

    /// The beginning of a sentence about a place: its own spot, or that of the nearest value around it.
    fn find(&self, place: &Place) -> Option<String> {
        let whole = match &place.within {
            Some(within) => format!("{}.{within}", place.opt.path),
            None => place.opt.path.to_owned(),
        };
        let mut path = whole.as_str();
        loop {
            if let Some(spot) = self.known.get(path) {
                let rest = whole.get(path.len()..).unwrap_or_default();
                // Names in blocks of ours have dashes; those of the pool JSON are Batch's.
                let rest = if place.within.is_none() {
                    rest.replace('_', "-")
                } else {
                    rest.to_owned()
                };
                let path = format!("{}{rest}", spot.path);
                let line = spot.line;
                return Some(Spot { line, path }.shown());
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}

/// A text behind another one.
fn after_all(first: Words, second: Words) -> Words {
    first.followed_by(second)
}
