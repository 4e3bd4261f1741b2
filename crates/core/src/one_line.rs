//! Text that nodes and providers wrote, made fit to print: the whole of it on one line, without control characters.
//!
//! A node's message can hold anything, also what a terminal or a CI log would take for a command.

/// The text on one line.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c)) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The last line of a text that says something.
pub(crate) fn last_line(text: &str) -> Option<String> {
    text.lines().rev().map(one_line).find(|line| !line.is_empty())
}

/// Marks that turn the direction of text around, and others without width.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_escapes_and_direction_marks_go() {
        assert_eq!(
            one_line("a\r\n::error::b\u{1b}[31m\u{202e}c\t d "),
            "a ::error::b [31m c d"
        );
    }

    #[test]
    fn the_last_line_is_the_last_one_with_a_word() {
        assert_eq!(last_line("a\nb\tc\r\n \n\u{200b}\n").as_deref(), Some("b c"));
        assert_eq!(last_line("\n \n"), None);
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_line_with_all_its_words(text: String) {
            let line = one_line(&text);
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(*c)).collect::<String>();
            prop_assert_eq!(letters(&line), letters(&text), "nothing is cut");
            prop_assert!(!line.chars().any(|c| c.is_control() || is_invisible(c)));
        }
    }
}
