//! What an error knows beyond its sentence: facts, what is left, what to do, and a service's own words.
//!
//! It only holds them; [`crate::failure`] puts them in the order in which they are read.

use crate::{typing::Command, words::Words};

/// What a layer of an error knows beyond its sentence.
#[derive(Debug, Default)]
pub struct Reason {
    /// Where the layer's sentence stands for a reader.
    pub(crate) place: Place,
    /// What is known about it.
    pub(crate) facts: Vec<Words>,
    /// What is left in Azure, and is billed.
    pub(crate) kept: Vec<Words>,
    /// What to do, in this order.
    pub(crate) next: Vec<Next>,
    /// A service's own words.
    pub(crate) said: Vec<String>,
    /// The address of a page about it.
    pub(crate) page: Option<String>,
}

/// Where the sentence of a layer stands for a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among the facts, or first when no layer below it knows more.
    #[default]
    Usual,
    /// It is the first that a reader sees.
    First,
    /// Nowhere: it says only what the user asked for.
    Nowhere,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// What to do, or what the command does.
    pub text: Words,
    /// What to type for it.
    pub command: Option<Command>,
}

impl Reason {
    /// Of a layer whose sentence comes first.
    pub(crate) fn first() -> Self {
        Self {
            place: Place::First,
            ..Self::default()
        }
    }
}
