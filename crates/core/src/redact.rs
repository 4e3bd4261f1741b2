//! Strikes secrets out of text, however they got there: those of the run, and what looks like one wherever it stands.
//!
//! It is the last line of defence: nothing is meant to print a secret in the first place.

mod look;

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

pub use self::look::secrets_in_json;
use crate::harmless::{harmless, harmless_in_one_line};

/// What a secret becomes.
const STRUCK: &str = "***";

/// Shorter texts are not struck out: `***` all over a log would show where a secret of three letters stands.
const SHORTEST: usize = 4;

/// Knows the secrets of this run.
#[derive(Clone, Default)]
pub struct Redactor(Vec<SecretString>);

impl Redactor {
    /// Adds a secret: whole, its lines, and as JSON and an address would write it.
    pub fn add(&mut self, secret: &SecretString) {
        let text = secret.expose_secret();
        let quoted = serde_json::Value::from(text).to_string();
        let in_json = quoted.trim_matches('"');
        let in_address: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let forms = [text, in_json, &in_address].into_iter().chain(text.lines());
        for form in forms.filter(|form| is_struck_out(form)) {
            if !self.has(form) {
                self.0.push(SecretString::from(form));
            }
        }
        // The longest first, so that no part of a longer one stays behind.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// Whether this secret was added before.
    #[must_use]
    pub fn knows(&self, secret: &SecretString) -> bool {
        self.has(secret.expose_secret())
    }

    fn has(&self, form: &str) -> bool {
        self.0.iter().any(|known| known.expose_secret() == form)
    }

    /// The text without the secrets.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let strike = |text: String, secret: &SecretString| text.replace(secret.expose_secret(), STRUCK);
        look::struck(&self.0.iter().fold(text.to_owned(), strike))
    }

    /// The text without the secrets, and safe to show. The secrets come first, since one may hold what is made harmless.
    #[must_use]
    pub fn safe(&self, text: &str) -> String {
        harmless(&self.clean(text))
    }

    /// The same in one line, for titles and cells.
    #[must_use]
    pub fn safe_line(&self, text: &str) -> String {
        harmless_in_one_line(&self.clean(text))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms of secrets)", self.0.len())
    }
}

impl<'a> FromIterator<&'a SecretString> for Redactor {
    fn from_iter<Secrets: IntoIterator<Item = &'a SecretString>>(secrets: Secrets) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            redactor.add(secret);
        }
        redactor
    }
}

/// Whether a text is long enough to be struck out.
#[must_use]
pub fn is_struck_out(text: &str) -> bool {
    text.len() >= SHORTEST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<SecretString> = secrets.iter().map(|text| SecretString::from(*text)).collect();
        secrets.iter().collect()
    }

    #[test]
    fn a_secret_is_struck_out_whole_by_line_in_json_and_in_an_address() {
        let redactor = redactor(&["first-line\nsecond\"line", "a+b/c="]);
        let text = "a first-line b; second\"line; {\"x\":\"first-line\\nsecond\\\"line\"}; ?x=a%2Bb%2Fc%3D";
        assert_eq!(redactor.clean(text), "a *** b; ***; {\"x\":\"***\"}; ?x=***");
        assert!(!format!("{redactor:?}").contains("first"));
    }

    #[test]
    fn a_secret_within_another_leaves_no_part_behind() {
        assert_eq!(redactor(&["abcd", "abcdefgh"]).clean("abcdefgh abcd"), "*** ***");
    }

    #[test]
    fn a_secret_with_letters_that_a_terminal_obeys_is_struck_out_all_the_same() {
        assert_eq!(redactor(&["a\u{1b}##[b"]).safe("x a\u{1b}##[b\n::y"), "x ***\n: :y");
    }
}
