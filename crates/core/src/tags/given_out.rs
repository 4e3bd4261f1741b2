//! The highest numbers that the versions of a definition ever had, as a tag of the definition: numbers outlive versions.
//!
//! When it is written is for the flows. It holds one number for each line (major and minor), so it does not say whether a
//! lower number of the line was used.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{LONGEST_VALUE, Tag};
use crate::ids::VersionNumber;

/// The highest number of each line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenOut(BTreeMap<(u32, u32), VersionNumber>);

impl GivenOut {
    /// What a definition's body says; nothing when it has no such tag. What is no number is passed over.
    #[must_use]
    pub fn read(definition: &Value) -> Self {
        let text = Tag::Numbers.read(definition).unwrap_or_default();
        let mut read = Self::default();
        read.add(text.split_whitespace().filter_map(|number| number.parse().ok()));
        read
    }

    /// The numbers.
    pub fn numbers(&self) -> impl Iterator<Item = VersionNumber> {
        self.0.values().copied()
    }

    /// Takes numbers in, and gives those that it did not know: the highest of each line, in their order.
    pub fn add(&mut self, numbers: impl IntoIterator<Item = VersionNumber>) -> Vec<VersionNumber> {
        let before = self.0.clone();
        for number in numbers {
            let known = self.0.entry((number.major, number.minor)).or_insert(number);
            *known = number.max(*known);
        }
        // A tag holds some thirty lines. New versions are made in the highest, so the lowest go.
        while self.text().len() > LONGEST_VALUE && self.0.pop_first().is_some() {}
        let is_new = |(line, number): &(&(u32, u32), &VersionNumber)| before.get(*line) != Some(*number);
        self.0.iter().filter(is_new).map(|(_, number)| *number).collect()
    }

    /// The tag's value.
    #[must_use]
    pub fn text(&self) -> String {
        let numbers: Vec<String> = self.numbers().map(|number| number.to_string()).collect();
        numbers.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn number(text: &str) -> VersionNumber {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_highest_number_of_a_line_is_kept() {
        let body = json!({"tags": {"Azure-Batch-Numbers": "1.0.7 nonsense 1.1.0"}});
        let mut known = GivenOut::read(&body);
        let added = known.add(["1.0.3", "1.0.10", "1.0.9", "2.0.0"].map(number));
        assert_eq!(added, ["1.0.10", "2.0.0"].map(number));
        assert_eq!(known.text(), "1.0.10 1.1.0 2.0.0");
        assert_eq!(known.add(["1.0.10", "1.1.0"].map(number)), []);
        assert_eq!(GivenOut::read(&json!({})), GivenOut::default());
    }

    #[test]
    fn what_a_tag_cannot_hold_loses_the_lowest_lines() {
        let mut known = GivenOut::default();
        known.add((0..100).map(|minor| number(&format!("1.{minor}.2147483647"))));
        let text = known.text();
        assert!(text.len() <= LONGEST_VALUE, "{}", text.len());
        assert!(text.ends_with("1.99.2147483647") && !text.contains("1.0."), "{text}");
        assert_eq!(
            GivenOut::read(&json!({"tags": {"azure-batch-numbers": text}})).text(),
            text
        );
    }
}
