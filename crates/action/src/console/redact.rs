//! Strikes secrets out of text, however they got there.
//!
//! It is the last line of defence: nothing is meant to print a secret in the first place.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// Shorter texts are not struck out: `***` all over a log would show where a secret of three letters stands.
const SHORTEST: usize = 4;

/// Knows the secrets of this run.
#[derive(Clone, Default)]
pub struct Redactor(Vec<SecretString>);

impl Redactor {
    /// Adds a secret: whole, its lines, and as JSON would write it.
    pub(super) fn add(&mut self, secret: &SecretString) {
        let text = secret.expose_secret();
        let quoted = serde_json::Value::from(text).to_string();
        let in_json = quoted.trim_matches('"');
        let forms = [text, in_json].into_iter().chain(text.lines());
        let new: Vec<SecretString> = forms.filter(|form| is_maskable(form)).map(SecretString::from).collect();
        self.0.extend(new);
        // The longest first, so that no part of a longer one stays behind.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// The text without the secrets.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let strike = |text: String, secret: &SecretString| text.replace(secret.expose_secret(), "***");
        self.0.iter().fold(text.to_owned(), strike)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms of secrets)", self.0.len())
    }
}

/// Whether a text is long enough to be struck out.
pub(super) fn is_maskable(text: &str) -> bool {
    text.len() >= SHORTEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_struck_out_whole_by_line_and_in_json() {
        let mut redactor = Redactor::default();
        redactor.add(&"first-line\nsecond\"line".into());
        let text = "a first-line b; second\"line; {\"x\":\"first-line\\nsecond\\\"line\"}";
        assert_eq!(redactor.clean(text), "a *** b; ***; {\"x\":\"***\"}");
        assert!(!format!("{redactor:?}").contains("first"));
    }

    #[test]
    fn a_secret_within_another_leaves_no_part_behind() {
        let mut redactor = Redactor::default();
        redactor.add(&"abcd".into());
        redactor.add(&"abcdefgh".into());
        assert_eq!(redactor.clean("abcdefgh abcd"), "*** ***");
    }
}
