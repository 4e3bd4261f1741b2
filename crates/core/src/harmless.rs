//! Text from a service, a file or a peer, made safe to show on a terminal, in a log and to GitHub's runner. Pure.
//!
//! It hides no secrets; that is `redact`'s. How Packer's own lines look is the plugin's.

/// Letters that change the order in which a terminal shows the others, so that a line reads as another one
/// (Unicode's bidirectional controls; CVE-2021-42574).
const REORDERING: [char; 12] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
    '\u{2067}', '\u{2068}', '\u{2069}',
];

/// Text that the runner takes for text: it obeys lines that begin with `::` after white space, and `##[` anywhere.
/// Control characters, which a terminal or the runner might obey, become spaces. Lines stay lines.
#[must_use]
pub fn harmless(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<String> = text.split('\n').map(harmless_line).collect();
    lines.join("\n")
}

/// The same in one line, for titles and for text within a line.
#[must_use]
pub fn harmless_in_one_line(text: &str) -> String {
    harmless(text).replace('\n', " ")
}

/// JSON that the runner takes for text and that says the same: only a string can hold `##[`.
#[must_use]
pub fn harmless_json(text: &str) -> String {
    text.replace("##[", "##\\u005b")
}

fn harmless_line(line: &str) -> String {
    let quiet = |letter: char| if is_obeyed(letter) { ' ' } else { letter };
    let mut quiet: String = line.chars().map(quiet).collect();
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

/// Whether a terminal does something other than show the letter.
fn is_obeyed(letter: char) -> bool {
    (letter.is_control() && letter != '\t') || REORDERING.contains(&letter)
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
    fn text_of_a_service_is_no_command() {
        let cases = [
            ("::set-env name=PATH::/evil", ": :set-env name=PATH::/evil"),
            ("quota\n \t::add-mask::0", "quota\n \t: :add-mask::0"),
            ("a\r::error::b", "a\n: :error::b"),
            ("x ##[set-env name=A]b", "x ## [set-env name=A]b"),
            ("\u{1b}[31mred\u{7}", " [31mred "),
            ("\u{9b}2Jgone", " 2Jgone"),
            ("all\u{202e}doog", "all doog"),
            ("std::vec is fine, grüße ✓", "std::vec is fine, grüße ✓"),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
        assert_eq!(harmless_in_one_line("a\r\n::b"), "a : :b");
    }

    #[test]
    fn json_keeps_its_meaning_without_an_old_command_in_it() {
        let value = serde_json::json!({"text": "##[add-path]/evil"});
        let text = harmless_json(&value.to_string());
        assert!(!is_command(&text));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    proptest! {
        #[test]
        fn no_text_at_all_becomes_a_command(text in "[ \t\r\n:#\\[a\u{85}\u{2028}\u{b}\u{2069}]{0,24}") {
            for line in harmless(&text).split(['\n', '\r']) {
                prop_assert!(!is_command(line), "{line:?}");
            }
        }
    }
}
