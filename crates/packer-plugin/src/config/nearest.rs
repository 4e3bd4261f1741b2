//! Which name was probably meant; pure.

/// The name nearest to `written`, if one is near enough to be worth naming.
///
/// Near enough is a third of the written name's letters wrong: `clientid` finds `client_id`,
/// `password` finds nothing.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (distance(written, name), name))
        .filter(|(distance, _)| *distance <= (written.chars().count() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// How many letters must be added, removed or replaced to make one text the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, other) in row.iter().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(letter != *other);
            left = replaced.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognized_and_a_stranger_is_not() {
        let names = ["client_id", "client_secret", "tenant_id", "source"];
        for (written, expected) in [
            ("clientid", Some("client_id")),
            ("client_ids", Some("client_id")),
            ("sources", Some("source")),
            ("tennant_id", Some("tenant_id")),
            ("password", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, names.into_iter()), expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn distance_is_a_metric(a in "[a-c_]{0,6}", b in "[a-c_]{0,6}", c in "[a-c_]{0,6}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c));
        }
    }
}
