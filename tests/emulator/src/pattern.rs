//! Patterns with `*` for any run of characters, compared without case.
//!
//! No other character is special.

/// Whether `text` fits `pattern`; no pattern fits everything.
pub(crate) fn matches(pattern: Option<&str>, text: &str) -> bool {
    let Some(pattern) = pattern else { return true };
    let pattern = pattern.to_lowercase();
    let text = text.to_lowercase();
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else {
            return false;
        };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_runs_of_any_character_and_ignores_case() {
        let cases = [
            ("*/snapshots/*", "/x/Snapshots/s", true),
            ("*/snapshots/*", "/x/disks/s", false),
            ("/pools", "/pools", true),
            ("/pools", "/pools/p", false),
            ("acct1/*", "acct1/pool", true),
            ("*a*b", "xxaxxb", true),
            ("*a*b", "xxbxxa", false),
            ("*", "", true),
            ("ab*b", "ab", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(Some(pattern), text), expected, "{pattern} on {text}");
        }
        assert!(matches(None, "anything"));
    }
}
