//! How the test of a version ended, as a tag of it: which test it was, and what failed.
//!
//! When it is written, and what follows from it, is for the flows.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{LONGEST_VALUE, Tag};

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
    /// The image is good for what was tried.
    Passed,
    /// It is not.
    Failed,
}

/// What a version says of its last test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestMark {
    /// How it ended.
    pub outcome: TestOutcome,
    /// A hash of what was tested how.
    pub key: String,
    /// What failed, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl TestOutcome {
    /// The word in the tag.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }
}

impl TestMark {
    /// What a version's body says; nothing when it was never tested.
    #[must_use]
    pub fn read(version: &Value) -> Option<Self> {
        let mut parts = Tag::Tested.read(version)?.trim().splitn(3, ' ');
        let word = parts.next()?;
        let outcome = [TestOutcome::Passed, TestOutcome::Failed]
            .into_iter()
            .find(|outcome| outcome.word() == word)?;
        Some(Self {
            outcome,
            key: parts.next().unwrap_or_default().to_owned(),
            why: parts.next().map(str::to_owned),
        })
    }

    /// The tag's value, cut where it would be too long.
    #[must_use]
    pub fn text(&self) -> String {
        let why = self.why.as_ref().map(|why| format!(" {why}")).unwrap_or_default();
        let whole = format!("{} {}{why}", self.outcome.word(), self.key);
        whole.chars().take(LONGEST_VALUE).collect()
    }

    /// That it failed, with what failed, as the end of a sentence; nothing when it passed.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let why = self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        (self.outcome == TestOutcome::Failed).then(|| format!("failed its test{why}"))
    }
}

impl fmt::Display for TestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_fits_into_a_tag() {
        let read = |text: &str| TestMark::read(&json!({"tags": {"Azure-Batch-Tested": text}}));
        let mark = |outcome, why: Option<&str>| TestMark {
            outcome,
            key: "0123abcd".to_owned(),
            why: why.map(str::to_owned),
        };
        for mark in [
            mark(TestOutcome::Passed, None),
            mark(TestOutcome::Failed, None),
            mark(TestOutcome::Failed, Some("exit code 3")),
        ] {
            assert_eq!(read(&mark.text()), Some(mark));
        }
        assert_eq!(read("unheard of"), None);
        let long = mark(TestOutcome::Failed, Some(&"ü".repeat(300))).text();
        assert_eq!(long.chars().count(), LONGEST_VALUE);
        let failed = mark(TestOutcome::Failed, Some("exit code 3"));
        assert_eq!(failed.failure().as_deref(), Some("failed its test: exit code 3"));
        assert_eq!(mark(TestOutcome::Passed, None).failure(), None);
    }
}
