//! Makes text safe to send to Packer; pure.

use std::borrow::Cow;

/// Texts that make Packer print its crash banner and write `crash.log` when they come
/// within half a second of a failing end, and what they become.
const CRASH_MARKS: [(&str, &str); 2] = [("panic:", "panic :"), ("fatal error: fault", "fatal error : fault")];

/// Breaks up the marks by which Packer recognizes a crashed plugin.
///
/// They also come in from outside: a node's output, a service's error text.
#[must_use]
pub fn break_up_panic(text: &str) -> Cow<'_, str> {
    let mut safe = Cow::Borrowed(text);
    for (mark, broken) in CRASH_MARKS {
        if safe.contains(mark) {
            safe = Cow::Owned(safe.replace(mark, broken));
        }
    }
    safe
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
        ];
        for (text, safe) in cases {
            assert_eq!(break_up_panic(text), safe);
        }
    }

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(break_up_panic("grüße ✓"), Cow::Borrowed(_)));
    }
}
