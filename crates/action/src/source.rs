//! Where the program learns its surroundings: one trait over environment variables.
//!
//! The process's own environment is read here and nowhere else; what the variables mean is `inputs`' affair.

use std::collections::BTreeMap;

/// Looks up variables by name.
pub trait Source {
    /// The variable's value; empty counts as absent, since a workflow passes inputs nobody gave as empty texts.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Source for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// A fixed set of variables, for tests and for callers that have no environment.
impl Source for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty()).cloned()
    }
}
