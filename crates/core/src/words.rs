//! Texts that name options, so that every program can spell them as its users know them.
//!
//! `words!["is missing together with ", OIDC_REQUEST_URL]` is "… --oidc-request-url" on a command line.

use std::fmt;

use crate::options::{self, Door, Opt, Piece};

/// A text that may name options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<Part>);

/// A piece of such a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Plain text.
    Text(String),
    /// The name of an option.
    Opt(&'static Opt),
    /// An option and the value that it is to have.
    Set(&'static Opt, String),
}

/// Puts texts and options together: `words!["give ", VM_SIZE, " or ", POOL_JSON]`.
#[macro_export]
macro_rules! words {
    ($($part:expr),+ $(,)?) => {
        [$($crate::words::Part::from($part)),+].into_iter().collect::<$crate::words::Words>()
    };
}

impl Words {
    /// A text in which `{path}` names an option, and `{path=value}` one with its value: `correct {client_id}`, `give
    /// {adopt=true}`. For tables, whose texts are constants.
    #[must_use]
    pub fn naming(text: &str) -> Self {
        let part = |piece| match piece {
            Piece::Text(text) => Part::from(text),
            Piece::Opt(opt) => Part::Opt(opt),
            Piece::Set(opt, value) => Part::Set(opt, value.to_owned()),
        };
        options::pieces(text).into_iter().map(part).collect()
    }

    /// The text with options named as users of a door know them.
    #[must_use]
    pub fn spelled(&self, door: Door) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Opt(opt) => opt.spelled(door),
            Part::Set(opt, value) => opt.set_to(value, door),
        };
        self.0.iter().map(part).collect()
    }

    /// Whether its first piece is the name of an option.
    #[must_use]
    pub fn begins_with_option(&self) -> bool {
        matches!(self.0.first(), Some(Part::Opt(_) | Part::Set(..)))
    }

    /// The same with another text behind it.
    #[must_use]
    pub fn followed_by(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    /// The same with a text before it.
    #[must_use]
    pub fn after(mut self, text: impl Into<Part>) -> Self {
        self.0.insert(0, text.into());
        self
    }
}

/// The text with options named as a template names them.
impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(Door::Template))
    }
}

impl FromIterator<Part> for Words {
    fn from_iter<Parts: IntoIterator<Item = Part>>(parts: Parts) -> Self {
        Self(parts.into_iter().collect())
    }
}

impl<Whole: Into<Part>> From<Whole> for Words {
    fn from(whole: Whole) -> Self {
        Self(vec![whole.into()])
    }
}

impl Part {
    /// An option with a value, as users of a door write both.
    #[must_use]
    pub fn set(opt: &'static Opt, value: impl ToString) -> Self {
        Self::Set(opt, value.to_string())
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&'static Opt> for Part {
    fn from(opt: &'static Opt) -> Self {
        Self::Opt(opt)
    }
}

/// A number with its noun: `1 node`, `700 nodes`.
#[must_use]
pub fn plural<Count: PartialEq + fmt::Display + From<bool>>(count: Count, noun: &str) -> String {
    if count == Count::from(true) {
        format!("{count} {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// The state of a node as people read it: Batch writes it as one word.
#[must_use]
pub fn node_state(state: &str) -> &str {
    match state {
        "starttaskfailed" => "start task failed",
        "waitingforstarttask" => "waiting for the start task",
        "leavingpool" => "leaving the pool",
        "upgradingos" => "OS being upgraded",
        "reimaging" => "being reimaged",
        "rebooting" => "being rebooted",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::sign_in::{OIDC_REQUEST_TOKEN, OIDC_REQUEST_URL};

    #[test]
    fn options_are_spelled_as_the_door_has_them() {
        let words = words!["is missing together with ", OIDC_REQUEST_URL, format!("; give {}", 1)];
        assert_eq!(words.to_string(), "is missing together with oidc_request_url; give 1");
        assert_eq!(
            words.spelled(Door::Flag),
            "is missing together with --oidc-request-url; give 1"
        );
        assert_eq!(Words::from("plain").to_string(), "plain");
        let naming = Words::naming("correct {oidc_request_url} or {x}");
        assert_eq!(naming.spelled(Door::Input), "correct oidc-request-url or {x}");
        assert_ne!(words![OIDC_REQUEST_TOKEN], words![OIDC_REQUEST_URL]);
    }

    #[test]
    fn a_value_is_written_as_users_of_the_door_write_it() {
        let text = Words::naming("give {strategy=in-place} and {heal_nodes=true}, not {x=1}");
        assert_eq!(
            text.spelled(Door::Flag),
            "give --strategy in-place and --heal-nodes, not {x=1}"
        );
        assert_eq!(
            text.spelled(Door::Input),
            "give strategy: in-place and heal-nodes: true, not {x=1}"
        );
        assert_eq!(
            text.spelled(Door::Template),
            "give strategy = \"in-place\" and heal_nodes = true, not {x=1}"
        );
    }
}
