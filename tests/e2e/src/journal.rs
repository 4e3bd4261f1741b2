//! What the emulator was asked, in order: the truth about what a program really did.
//!
//! It only reads the journal; the emulator writes it, without secrets.

use serde::Deserialize;
use serde_json::Value;

use crate::failure::{Failure, Result};

/// One request and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its place, from 1.
    pub number: u64,
    /// When, on the emulated clock.
    pub time: String,
    /// The verb.
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The status of the answer; none when the connection was cut.
    #[serde(default)]
    pub status: Option<u16>,
    /// The fault that hit it.
    #[serde(default)]
    pub fault: Option<String>,
    /// The user agent.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// What was sent.
    #[serde(default)]
    pub request: Value,
    /// What was answered.
    #[serde(default)]
    pub response: Value,
}

/// All requests, in order.
#[derive(Clone, Debug, Default)]
pub struct Journal(pub Vec<Entry>);

impl Journal {
    /// Reads JSON lines.
    ///
    /// # Errors
    /// When a line is none.
    pub fn parse(text: &str) -> Result<Self> {
        let entry = |line: &str| {
            serde_json::from_str(line).map_err(|source| Failure::NotJson {
                what: format!("journal line {line:?}"),
                source,
            })
        };
        text.lines()
            .filter(|line| !line.trim().is_empty())
            .map(entry)
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Requests with this verb whose path contains all the parts, without regard to case.
    pub fn of<'a>(&'a self, method: &'a str, parts: &'a [&'a str]) -> impl Iterator<Item = &'a Entry> {
        self.0.iter().filter(move |entry| entry.is(method, parts))
    }

    /// How many such requests there were.
    #[must_use]
    pub fn count(&self, method: &str, parts: &[&str]) -> usize {
        self.of(method, parts).count()
    }

    /// Requests that change something, sign-in and pure questions left out.
    pub fn writes(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| entry.is_write())
    }
}

impl Entry {
    /// Whether it has this verb and its path contains all the parts, without regard to case.
    #[must_use]
    pub fn is(&self, method: &str, parts: &[&str]) -> bool {
        let path = self.path.to_ascii_lowercase();
        self.method.eq_ignore_ascii_case(method) && parts.iter().all(|part| path.contains(&part.to_ascii_lowercase()))
    }

    /// Whether it may change something in Azure.
    #[must_use]
    pub fn is_write(&self) -> bool {
        let asks = matches!(self.method.as_str(), "GET" | "HEAD");
        let signs_in = self.path.ends_with("/token") || self.path.contains("/token?");
        !asks && !signs_in
    }

    /// One line for a person.
    #[must_use]
    pub fn line(&self) -> String {
        let answer = self
            .status
            .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        format!("{} {} → {answer}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = concat!(
        r#"{"number":1,"time":"2026-01-01T00:00:00Z","method":"POST","authority":"a","path":"/t/oauth2/v2.0/token","query":{},"status":200}"#,
        "\n",
        r#"{"number":2,"time":"2026-01-01T00:00:01Z","method":"PUT","authority":"a","path":"/x/Snapshots/s","query":{},"cut":"hang"}"#,
        "\n",
    );

    #[test]
    fn signing_in_is_no_write() {
        let journal = Journal::parse(TWO).unwrap();
        let writes: Vec<String> = journal.writes().map(Entry::line).collect();
        assert_eq!(writes, ["PUT /x/Snapshots/s → no answer"]);
    }

    #[test]
    fn paths_compare_without_case() {
        assert_eq!(Journal::parse(TWO).unwrap().count("put", &["/snapshots/"]), 1);
    }
}
