//! Where the program learns its surroundings: one trait over environment variables.
//!
//! The process's own environment is read here and nowhere else. What the variables mean is decided by their readers.

use std::collections::BTreeMap;

/// Looks up variables by name.
pub trait Environment {
    /// The variable's value. An empty one counts as absent: a workflow passes inputs that were not given as empty texts.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// A fixed set of variables, for tests and for callers that have no environment.
impl Environment for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty()).cloned()
    }
}
