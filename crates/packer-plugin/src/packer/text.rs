//! Makes text safe to send to Packer, which shows it on a terminal and in CI logs; pure.
//!
//! What a terminal and GitHub's runner obey is core's `harmless`; here is what Packer itself takes for something else.

use azure_batch_core::harmless::harmless;

/// Texts that make Packer print its crash banner and write `crash.log` when they come
/// within half a second of a failing end, and what they become.
const CRASH_MARKS: [(&str, &str); 2] = [("panic:", "panic :"), ("fatal error: fault", "fatal error : fault")];

/// How far the further lines of an error stand in.
const INDENT: &str = "  ";

/// Text as Packer may show it: nothing in it is obeyed or taken for a crash of the plugin.
///
/// Such text also comes in from outside: a node's output, a service's error text.
#[must_use]
pub fn for_packer(text: &str) -> String {
    let whole = harmless(text);
    CRASH_MARKS
        .iter()
        .fold(whole, |text, (mark, broken)| text.replace(mark, broken))
}

/// An error whose further lines stand in. Packer puts its own mark before the first line only, so a line that began at
/// the left edge could pass for one of Packer's (`==> machine: …`).
#[must_use]
pub fn set_in(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<String> = text
        .split('\n')
        .enumerate()
        .map(|(number, line)| {
            let is_bare = number > 0 && !line.is_empty() && !line.starts_with(INDENT);
            format!("{}{line}", if is_bare { INDENT } else { "" })
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crash_marks_are_broken_up_wherever_they_stand() {
        let cases = [
            ("panic: runtime error", "panic : runtime error"),
            ("said panic:panic:", "said panic :panic :"),
            ("fatal error: fault at 0", "fatal error : fault at 0"),
            ("Panic! fatal error: other", "Panic! fatal error: other"),
            ("grüße ✓", "grüße ✓"),
        ];
        for (text, safe) in cases {
            assert_eq!(for_packer(text), safe);
        }
    }

    #[test]
    fn what_a_service_says_is_neither_a_command_nor_a_line_of_packer() {
        let said = "no right\n::stop-commands::x\r==> null.machine: Build finished\u{1b}[2J\n  caused by: it";
        assert_eq!(
            for_packer(&set_in(said)),
            "no right\n  : :stop-commands::x\n  ==> null.machine: Build finished [2J\n  caused by: it"
        );
    }
}
