//! The journal on the control port: all of it, or what came after a number.
//!
//! It only reads; what is secret is left out where the journal is shown.

use http::{StatusCode, Uri};
use serde::Serialize;

use crate::journal::Entry;

/// Which requests are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Only those with a higher number.
    after: u64,
    /// At most so many, the oldest first.
    limit: usize,
    bodies: Bodies,
}

/// Whether bodies are wanted, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bodies {
    All,
    None,
}

impl Wanted {
    /// Reads `after`, `limit` and `bodies=none` of a query.
    ///
    /// # Errors
    ///
    /// Names the part of the query that is not one of them.
    pub(super) fn read(uri: &Uri) -> Result<Self, (StatusCode, String)> {
        let mut wanted = Self {
            after: 0,
            limit: usize::MAX,
            bodies: Bodies::All,
        };
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let is_read = match (name.as_ref(), value.as_ref()) {
                ("after", value) => value.parse().map(|after| wanted.after = after).is_ok(),
                ("limit", value) => value.parse().map(|limit| wanted.limit = limit).is_ok(),
                ("bodies", "none") => {
                    wanted.bodies = Bodies::None;
                    true
                }
                _ => false,
            };
            if !is_read {
                let message =
                    format!("the journal takes after=NUMBER, limit=NUMBER and bodies=none, not {name}={value}");
                return Err((StatusCode::BAD_REQUEST, message));
            }
        }
        Ok(wanted)
    }

    /// Those of the journal, one JSON object a line.
    pub(super) fn lines(self, journal: &[Entry]) -> String {
        let first = journal.partition_point(|entry| entry.number <= self.after);
        let wanted = journal.iter().skip(first).take(self.limit);
        match self.bodies {
            Bodies::All => json_lines(wanted),
            Bodies::None => json_lines(wanted.map(Entry::without_bodies)),
        }
    }
}

fn json_lines<T: Serialize>(entries: impl Iterator<Item = T>) -> String {
    let mut lines = String::new();
    for line in entries.filter_map(|entry| serde_json::to_string(&entry).ok()) {
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Wanted, (StatusCode, String)> {
        Wanted::read(&format!("/journal{query}").parse().unwrap())
    }

    #[test]
    fn a_query_says_from_where_how_many_and_whether_with_bodies() {
        let all = Wanted {
            after: 0,
            limit: usize::MAX,
            bodies: Bodies::All,
        };
        assert_eq!(read(""), Ok(all));
        let some = Wanted {
            after: 7,
            limit: 3,
            bodies: Bodies::None,
        };
        assert_eq!(read("?after=7&bodies=none&limit=3"), Ok(some));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for query in ["?after=x", "?after=-1", "?bodies=all", "?page=2"] {
            let (status, message) = read(query).unwrap_err();
            assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
            assert!(message.ends_with(query.trim_start_matches('?')), "{message}");
        }
    }
}
