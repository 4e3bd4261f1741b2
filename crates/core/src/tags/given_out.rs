//! The numbers that the versions of a definition ever had, as a tag of the definition: numbers outlive versions.
//!
//! When it is written is for the flows. A line (major and minor) is written with its patches, such as `1.0.0-9,12`. A tag
//! holds 256 letters: what would be longer takes numbers in that were never used, since a number that is refused for nothing
//! harms less than one that is used twice. First the lowest gaps of lines are closed; then the lowest lines of a major number
//! become one band with the patches of all (`1.0-12.0-9`); then all numbers up to a major one count as used (`0-3`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{LONGEST_VALUE, Tag};
use crate::ids::VersionNumber;

/// Numbers that were used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenOut {
    /// Up to this major number all are.
    floor: Option<u32>,
    /// Above it by line; no two bands share one.
    bands: BTreeMap<Band, Vec<Patches>>,
}

/// The lines of a major number from one minor number to another; mostly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Band {
    major: u32,
    first: u32,
    last: u32,
}

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
        for word in text.split_whitespace() {
            let floor = word.strip_prefix("0-").and_then(|major| major.parse().ok());
            match (floor, line(word)) {
                (Some(major), _) => read.raise(major),
                (None, Some((band, patches))) => patches.into_iter().for_each(|patches| read.insert(band, patches)),
                (None, None) => {}
            }
        }
        read
    }

    /// Whether a number was used, as far as is known.
    #[must_use]
    pub fn contains(&self, number: VersionNumber) -> bool {
        let of_line = self.line(number.major, number.minor);
        self.is_below(number.major)
            || of_line.is_some_and(|(_, all)| all.iter().any(|it| (it.first..=it.last).contains(&number.patch)))
    }

    /// The highest number of a line.
    #[must_use]
    pub fn highest_patch(&self, major: u32, minor: u32) -> Option<VersionNumber> {
        let of_line = || Some(self.line(major, minor)?.1.last()?.last);
        let patch = if self.is_below(major) {
            Some(VersionNumber::MAX_PART)
        } else {
            of_line()
        };
        patch.map(|patch| VersionNumber { major, minor, patch })
    }

    /// The highest number of a major one.
    #[must_use]
    pub fn highest_minor(&self, major: u32) -> Option<VersionNumber> {
        let mut of_major = self.bands.keys().filter(|band| band.major == major);
        let minor = if self.is_below(major) {
            Some(VersionNumber::MAX_PART)
        } else {
            of_major.next_back().map(|band| band.last)
        };
        self.highest_patch(major, minor?)
    }

    /// Takes numbers in, and gives those that it did not know, in their order.
    pub fn add(&mut self, numbers: impl IntoIterator<Item = VersionNumber>) -> Vec<VersionNumber> {
        let mut new: Vec<VersionNumber> = numbers.into_iter().filter(|number| !self.contains(*number)).collect();
        new.sort_unstable();
        new.dedup();
        for number in &new {
            self.insert(
                Band::of(number.major, number.minor),
                Patches {
                    first: number.patch,
                    last: number.patch,
                },
            );
        }
        while self.text().len() > LONGEST_VALUE && self.shorten() {}
        new
    }

    /// The tag's value.
    #[must_use]
    pub fn text(&self) -> String {
        let band = |(band, all): (&Band, &Vec<Patches>)| {
            let all: Vec<String> = all.iter().map(Patches::text).collect();
            let minors = Patches {
                first: band.first,
                last: band.last,
            };
            format!("{}.{}.{}", band.major, minors.text(), all.join(","))
        };
        let floor = self.floor.map(|major| format!("0-{major}"));
        floor
            .into_iter()
            .chain(self.bands.iter().map(band))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn is_below(&self, major: u32) -> bool {
        self.floor.is_some_and(|floor| major <= floor)
    }

    /// The band that a line is in.
    fn line(&self, major: u32, minor: u32) -> Option<(Band, &Vec<Patches>)> {
        let holds = |(band, _): &(&Band, _)| band.major == major && (band.first..=band.last).contains(&minor);
        self.bands.iter().find(holds).map(|(band, all)| (*band, all))
    }

    /// Takes in; bands with a line in common become one.
    fn insert(&mut self, new: Band, patches: Patches) {
        if self.is_below(new.major) {
            return;
        }
        let meets = |band: &&Band| band.major == new.major && band.first <= new.last && new.first <= band.last;
        let met: Vec<Band> = self.bands.keys().filter(meets).copied().collect();
        let mut all = vec![patches];
        let band = met.into_iter().fold(new, |band, other| {
            all.extend(self.bands.remove(&other).unwrap_or_default());
            band.with(other)
        });
        self.bands.insert(band, joined(all));
    }

    fn raise(&mut self, floor: u32) {
        self.floor = self.floor.max(Some(floor));
        self.bands.retain(|band, _| band.major > floor);
    }

    /// Closes the lowest gap; where no line has one, makes the lowest two bands of a major number one; where no major number
    /// has two, calls all of the lowest used. New versions are made in the highest lines. `false` when nothing is left.
    fn shorten(&mut self) -> bool {
        let gap = self.bands.iter().find_map(|(band, all)| match all.as_slice() {
            [low, high, ..] => Some((*band, low.to(*high))),
            _ => None,
        });
        let pair = || {
            let mut pairs = self.bands.keys().zip(self.bands.keys().skip(1));
            let (low, high) = pairs.find(|(low, high)| low.major == high.major)?;
            let patches = self.bands.get(low)?.first()?.to(*self.bands.get(high)?.last()?);
            Some((low.with(*high), patches))
        };
        if let Some((band, patches)) = gap.or_else(pair) {
            self.insert(band, patches);
            return true;
        }
        let lowest = self.bands.keys().next().map(|band| band.major);
        lowest.map(|major| self.raise(major)).is_some()
    }
}

impl Band {
    const fn of(major: u32, minor: u32) -> Self {
        Self {
            major,
            first: minor,
            last: minor,
        }
    }

    /// From the lower line of both to the higher one.
    fn with(self, other: Self) -> Self {
        Self {
            major: self.major,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

impl Patches {
    /// From the lower one of both to the higher one.
    fn to(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }

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

/// Lines with their patches.
fn line(word: &str) -> Option<(Band, Vec<Patches>)> {
    let mut parts = word.splitn(3, '.');
    let (major, minors) = (parts.next()?.parse().ok()?, Patches::read(parts.next()?)?);
    let band = Band {
        major,
        first: minors.first,
        last: minors.last,
    };
    let patches: Vec<Patches> = parts.next()?.split(',').filter_map(Patches::read).collect();
    Some((band, patches))
}

/// In their order, with a gap between any two.
fn joined(mut all: Vec<Patches>) -> Vec<Patches> {
    all.sort_by_key(|patches| patches.first);
    let mut joined: Vec<Patches> = Vec::with_capacity(all.len());
    for patches in all {
        match joined
            .last_mut()
            .filter(|before| patches.first <= before.last.saturating_add(1))
        {
            Some(before) => before.last = before.last.max(patches.last),
            None => joined.push(patches),
        }
    }
    joined
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
        let highest = |of: Option<VersionNumber>| of.map(|number| number.to_string());
        assert_eq!(highest(known.highest_patch(1, 0)).as_deref(), Some("1.0.10"));
        assert_eq!(highest(known.highest_minor(1)).as_deref(), Some("1.1.2"));
        assert_eq!((known.highest_patch(1, 2), known.highest_minor(3)), (None, None));
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
    fn what_a_tag_cannot_hold_makes_the_lowest_lines_one_band_with_all_their_patches() {
        let mut known = GivenOut::default();
        known.add((0..100).map(|minor| number(&format!("1.{minor}.{}", minor % 3))));
        let text = known.text();
        assert!(text.len() <= LONGEST_VALUE && text.starts_with("1.0-"), "{text}");
        assert!(
            text.ends_with(" 1.98.2 1.99.0"),
            "the newest lines stay as they are: {text}"
        );
        assert_eq!(read(&text), known);
        let of = |text: &str| known.contains(number(text));
        assert!(
            of("1.0.0") && of("1.1.1") && of("1.5.2") && !of("1.5.3") && !of("1.98.1"),
            "{text}"
        );
        assert_eq!(known.highest_patch(1, 5), Some(number("1.5.2")));
        known.add([number("1.5.3")]);
        assert!(
            known.contains(number("1.5.3")) && known.text().starts_with("1.0-"),
            "{}",
            known.text()
        );
    }

    #[test]
    fn of_too_many_major_numbers_the_lowest_count_as_used_whole() {
        let mut known = GivenOut::default();
        known.add((0..60).map(|major| number(&format!("{major}.0.2147483647"))));
        let text = known.text();
        assert!(
            text.len() <= LONGEST_VALUE && text.starts_with("0-") && text.ends_with("59.0.2147483647"),
            "{text}"
        );
        assert_eq!(read(&text), known);
        assert!(
            known.contains(number("0.0.2147483647")) && known.contains(number("3.7.1")),
            "{text}"
        );
        assert_eq!(known.highest_patch(3, 7).and_then(VersionNumber::next_patch), None);
        assert_eq!(known.highest_minor(3).and_then(VersionNumber::next_minor), None);
    }

    proptest! {
        #[test]
        fn a_number_that_was_taken_in_stays_known(
            numbers in prop::collection::vec((0_u32..40, 0_u32..90, 0_u32..5000), 1..300),
            majors in 1_u32..40,
        ) {
            let number = |(major, minor, patch): (u32, u32, u32)| VersionNumber { major: major % majors, minor, patch };
            let mut known = GivenOut::default();
            for parts in &numbers {
                known.add([number(*parts)]);
                known = read(&known.text());
            }
            prop_assert!(known.text().len() <= LONGEST_VALUE);
            for parts in numbers {
                let number = number(parts);
                prop_assert!(known.contains(number), "{}: {}", number, known.text());
            }
        }
    }
}
