//! Values that are one of some words: how they are read, and what is said of another word.
//!
//! It knows none of the words.

use std::fmt;

/// A word that is none of those that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    text: String,
    known: &'static str,
}

impl UnknownWord {
    pub(super) fn new(text: &str, known: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            known,
        }
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not known; write {}", self.text, self.known)
    }
}

impl std::error::Error for UnknownWord {}

/// Declares the words of an enum.
macro_rules! words_of {
    ($name:ident, $known:literal: $($word:literal => $value:ident),+) => {
        impl std::str::FromStr for $name {
            type Err = $crate::settings::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$value),)+
                    _ => Err(Self::Err::new(text, $known)),
                }
            }
        }
    };
}

pub(super) use words_of;
