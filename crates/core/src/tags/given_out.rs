//! The numbers that the versions of a definition ever had, as a tag of the definition: numbers outlive versions.
//!
//! When it is written is for the flows. A line (major and minor) is written with its patches, such as `1.0.0-9,12`. A tag
//! holds 256 letters: what would be longer takes numbers in that were never used, the lowest gaps first, since a number that
//! is refused for nothing harms less than one that is used twice.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{LONGEST_VALUE, Tag};
use crate::ids::VersionNumber;

/// Numbers that were used, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenOut(BTreeMap<(u32, u32), Vec<Patches>>);

/// Patches of a line without a gap; those of one line are in their order, with a gap between any two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Patches {
    first: u32,
    last: u32,
}

impl GivenOut {
    /// What a definition's body says; nothing when it has no such tag. What is no number is passed over.
    #[must_use]
    pub fn read(definition: &Value) -> Self {
        let text = Tag::Numbers.read(definition).unwrap_or_default();
        let mut read = Self::default();
        for (line, patches) in text.split_whitespace().filter_map(line) {
            patches.into_iter().for_each(|patches| read.insert(line, patches));
        }
        read
    }

    /// Whether a number was used, as far as is known.
    #[must_use]
    pub fn contains(&self, number: VersionNumber) -> bool {
        let line = self.0.get(&(number.major, number.minor));
        line.is_some_and(|all| all.iter().any(|it| (it.first..=it.last).contains(&number.patch)))
    }

    /// The highest number of each line.
    pub fn highest(&self) -> impl Iterator<Item = VersionNumber> {
        let last = |(line, all): (&(u32, u32), &Vec<Patches>)| Some(number(*line, all.last()?.last));
        self.0.iter().filter_map(last)
    }

    /// Takes numbers in, and gives those that it did not know, in their order.
    pub fn add(&mut self, numbers: impl IntoIterator<Item = VersionNumber>) -> Vec<VersionNumber> {
        let mut new: Vec<VersionNumber> = numbers.into_iter().filter(|number| !self.contains(*number)).collect();
        new.sort_unstable();
        new.dedup();
        for number in &new {
            let patch = number.patch;
            self.insert(
                (number.major, number.minor),
                Patches {
                    first: patch,
                    last: patch,
                },
            );
        }
        while self.text().len() > LONGEST_VALUE && self.shorten() {}
        // What the tag does not hold would be new at every look.
        new.retain(|number| self.contains(*number));
        new
    }

    /// The tag's value.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |((major, minor), all): (&(u32, u32), &Vec<Patches>)| {
            let all: Vec<String> = all.iter().map(Patches::text).collect();
            format!("{major}.{minor}.{}", all.join(","))
        };
        self.0.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    fn insert(&mut self, line: (u32, u32), new: Patches) {
        let all = self.0.entry(line).or_default();
        all.push(new);
        all.sort_by_key(|patches| patches.first);
        let mut joined: Vec<Patches> = Vec::with_capacity(all.len());
        for patches in all.drain(..) {
            match joined
                .last_mut()
                .filter(|before| patches.first <= before.last.saturating_add(1))
            {
                Some(before) => before.last = before.last.max(patches.last),
                None => joined.push(patches),
            }
        }
        *all = joined;
    }

    /// Closes the lowest gap, or forgets the lowest line where no line has one; `false` when nothing is left. New versions
    /// are made in the highest lines.
    fn shorten(&mut self) -> bool {
        let gap = self.0.iter().find_map(|(line, all)| match all.as_slice() {
            [low, high, ..] => Some((
                *line,
                Patches {
                    first: low.first,
                    last: high.last,
                },
            )),
            _ => None,
        });
        match gap {
            Some((line, closed)) => self.insert(line, closed),
            None => return self.0.pop_first().is_some(),
        }
        true
    }
}

impl Patches {
    fn text(&self) -> String {
        match self.first == self.last {
            true => self.first.to_string(),
            false => format!("{}-{}", self.first, self.last),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(Self { first, last })
    }
}

/// A line with its patches.
fn line(word: &str) -> Option<((u32, u32), Vec<Patches>)> {
    let mut parts = word.splitn(3, '.');
    let line = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((line, parts.next()?.split(',').filter_map(Patches::read).collect()))
}

const fn number((major, minor): (u32, u32), patch: u32) -> VersionNumber {
    VersionNumber { major, minor, patch }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn number(text: &str) -> VersionNumber {
        text.parse().unwrap()
    }

    fn read(text: &str) -> GivenOut {
        GivenOut::read(&json!({"tags": {"Azure-Batch-Numbers": text}}))
    }

    #[test]
    fn each_number_of_a_line_is_known_by_itself() {
        let mut known = read("1.0.7 nonsense 1.1.0-2,x,9-4");
        let added = known.add(["1.0.3", "1.0.10", "1.0.9", "1.0.8", "2.0.0", "1.0.7"].map(number));
        assert_eq!(added, ["1.0.3", "1.0.8", "1.0.9", "1.0.10", "2.0.0"].map(number));
        assert_eq!(known.text(), "1.0.3,7-10 1.1.0-2 2.0.0");
        assert_eq!(read(&known.text()), known);
        let of = |text: &str| known.contains(number(text));
        assert!(of("1.0.3") && of("1.0.9") && of("1.1.1") && of("2.0.0"));
        assert!(!of("1.0.4") && !of("1.0.11") && !of("1.2.0"));
        let highest: Vec<String> = known.highest().map(|number| number.to_string()).collect();
        assert_eq!(highest, ["1.0.10", "1.1.2", "2.0.0"]);
        assert_eq!(known.add(["1.0.10", "1.1.0"].map(number)), []);
        assert_eq!(GivenOut::read(&json!({})), GivenOut::default());
    }

    #[test]
    fn what_a_tag_cannot_hold_takes_the_lowest_gaps_in() {
        let mut known = GivenOut::default();
        known.add((0..200).map(|patch| number(&format!("1.0.{}", 1000 + patch * 3))));
        let text = known.text();
        assert!(text.len() <= LONGEST_VALUE && text.starts_with("1.0.1000-"), "{text}");
        assert!(
            known.contains(number("1.0.1001")),
            "never used, and refused all the same"
        );
        assert!(
            !known.contains(number("1.0.1596")) && known.contains(number("1.0.1597")),
            "{text}"
        );
    }

    #[test]
    fn what_a_tag_cannot_hold_loses_the_lowest_lines() {
        let mut known = GivenOut::default();
        known.add((0..100).map(|minor| number(&format!("1.{minor}.2147483647"))));
        let text = known.text();
        assert!(text.len() <= LONGEST_VALUE, "{}", text.len());
        assert!(text.ends_with("1.99.2147483647") && !text.contains("1.0."), "{text}");
        assert_eq!(read(&text), known);
    }

    proptest! {
        #[test]
        fn a_number_that_was_taken_in_stays_known(patches in prop::collection::vec(0_u32..5000, 1..300)) {
            let mut known = GivenOut::default();
            for patch in &patches {
                known.add([VersionNumber { major: 1, minor: 0, patch: *patch }]);
                known = read(&known.text());
            }
            prop_assert!(known.text().len() <= LONGEST_VALUE);
            for patch in patches {
                let number = VersionNumber { major: 1, minor: 0, patch };
                prop_assert!(known.contains(number), "{}: {}", number, known.text());
            }
        }
    }
}
