//! The spelling of workflow commands, and how text is kept from being read as one.
//!
//! Pure: text in, text out. It decides nothing about what is said.

/// A property's value in a workflow command.
pub(super) fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// The message of a workflow command.
pub(super) fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text that the runner takes for text: it obeys lines that begin with `::` after white space, and `##[` anywhere.
/// Control characters, which a terminal or the runner might obey, become spaces.
#[must_use]
pub fn harmless(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<String> = text.split('\n').map(harmless_line).collect();
    lines.join("\n")
}

fn harmless_line(line: &str) -> String {
    let mut quiet = String::with_capacity(line.len());
    for letter in line.chars() {
        quiet.push(if letter.is_control() && letter != '\t' {
            ' '
        } else {
            letter
        });
    }
    // Taken apart again and again, since the pieces of `####[[` could close up.
    while quiet.contains("##[") {
        quiet = quiet.replace("##[", "## [");
    }
    let body = quiet.trim_start();
    match body.strip_prefix("::") {
        Some(rest) => {
            let indent = quiet.get(..quiet.len() - body.len()).unwrap_or_default();
            format!("{indent}: :{rest}")
        }
        None => quiet,
    }
}

/// The same in one line, for titles.
pub(super) fn one_line(text: &str) -> String {
    harmless(text).replace('\n', " ")
}

/// JSON that the runner takes for text and that says the same: only a string can hold `##[`.
pub(super) fn json(text: &str) -> String {
    text.replace("##[", "##\\u005b")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How the runner finds commands: version 2 at the start of a trimmed line, version 1 anywhere.
    fn is_command(line: &str) -> bool {
        line.trim_start().starts_with("::") || line.contains("##[")
    }

    #[test]
    fn commands_escape_what_ends_a_message_or_a_property() {
        assert_eq!(message("50 %\r\nnext: a,b"), "50 %25%0D%0Anext: a,b");
        assert_eq!(property("pool: a,b\n50 %"), "pool%3A a%2Cb%0A50 %25");
    }

    #[test]
    fn text_of_a_service_is_no_command() {
        let cases = [
            ("::set-env name=PATH::/evil", ": :set-env name=PATH::/evil"),
            ("quota\n \t::add-mask::0", "quota\n \t: :add-mask::0"),
            ("a\r::error::b", "a\n: :error::b"),
            ("x ##[set-env name=A]b", "x ## [set-env name=A]b"),
            ("\u{1b}[31mred\u{7}", " [31mred "),
            ("std::vec is fine", "std::vec is fine"),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
    }

    #[test]
    fn json_keeps_its_meaning_without_an_old_command_in_it() {
        let value = serde_json::json!({"text": "##[add-path]/evil"});
        let text = json(&value.to_string());
        assert!(!is_command(&text));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    proptest! {
        #[test]
        fn no_text_at_all_becomes_a_command(text in "[ \t\r\n:#\\[a\u{85}\u{2028}\u{b}]{0,24}") {
            for line in harmless(&text).split(['\n', '\r']) {
                prop_assert!(!is_command(line), "{line:?}");
            }
            prop_assert!(!message(&text).contains(['\r', '\n']));
        }
    }
}
