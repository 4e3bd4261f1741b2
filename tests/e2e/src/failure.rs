//! Why a case, or a tool that it needs, did not do what it should.
//!
//! It keeps causes apart from sentences, so that nothing is said twice. It does not decide what a failure means.

use std::{error::Error as _, fmt::Write as _, io};

/// A failed case or tool.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The machine did not do something.
    #[error("cannot {doing}")]
    Machine {
        /// What was being done, with the file or program.
        doing: String,
        /// Why not.
        source: io::Error,
    },
    /// Something that should be JSON is not.
    #[error("{what} is not JSON")]
    NotJson {
        /// What it is.
        what: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// A program needed longer than it may.
    #[error("{program} is not done after {seconds} s; it was stopped")]
    TooLong {
        /// The program.
        program: String,
        /// The limit.
        seconds: u64,
    },
    /// The machine lacks what the case needs and no registry has: the case says nothing, neither good nor bad.
    #[error("not run: {0}")]
    NotRun(String),
    /// Something is not as it should be.
    #[error("{0}")]
    Unexpected(String),
}

/// The laboratory's result.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// Names what was being done when the machine refused.
pub trait Doing<T> {
    /// The same result with a sentence for the failure.
    ///
    /// # Errors
    /// As before, with the sentence.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Failure::Machine { doing: doing(), source })
    }
}

impl Failure {
    /// Something is not as it should be.
    #[must_use]
    pub fn unexpected(what: impl Into<String>) -> Self {
        Self::Unexpected(what.into())
    }

    /// The whole chain, one layer a line.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(layer) = cause {
            // Writing to a String cannot fail.
            let _written = write!(text, "\n  caused by: {layer}");
            cause = layer.source();
        }
        text
    }
}

/// Fails with the sentence unless the condition holds.
///
/// # Errors
/// When it does not hold.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result {
    if holds {
        Ok(())
    } else {
        Err(Failure::Unexpected(otherwise()))
    }
}

/// Fails unless both are equal, showing both.
///
/// # Errors
/// When they differ.
pub fn ensure_equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result {
    ensure(found == wanted, || {
        format!("{what}: found {found:?}, wanted {wanted:?}")
    })
}

/// Fails unless the text contains all of the parts, naming the first that is missing and showing the text.
///
/// # Errors
/// When one is missing.
pub fn ensure_says(what: &str, text: &str, parts: &[&str]) -> Result {
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(missing) => Err(Failure::Unexpected(format!(
            "{what} does not say {missing:?}:\n{}",
            tail(text)
        ))),
        None => Ok(()),
    }
}

/// Fails if the text contains one of the parts.
///
/// # Errors
/// When one is there.
pub fn ensure_silent(what: &str, text: &str, parts: &[&str]) -> Result {
    match parts.iter().find(|part| text.contains(**part)) {
        Some(said) => Err(Failure::Unexpected(format!("{what} says {said:?}:\n{}", tail(text)))),
        None => Ok(()),
    }
}

/// How many lines of a log a failure shows: one screen.
const SCREEN: usize = 40;

/// The last screen of a text.
#[must_use]
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(SCREEN);
    lines.get(skipped..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_each_layer_once() {
        let source = io::Error::other("no such file");
        let failure = Failure::Machine {
            doing: "read a.json".to_owned(),
            source,
        };
        assert_eq!(failure.report(), "cannot read a.json\n  caused by: no such file");
    }

    #[test]
    fn a_missing_part_is_named() {
        let failure = ensure_says("the log", "one two", &["one", "three"]).unwrap_err();
        assert!(failure.to_string().contains("\"three\""), "{failure}");
    }

    #[test]
    fn a_tail_is_one_screen() {
        let text: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert_eq!(tail(&text).lines().count(), SCREEN);
        assert!(tail(&text).ends_with("99"));
    }
}
