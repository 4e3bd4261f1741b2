//! How a record stands in the metadata of its pool: in one item, and in further ones where it is too long for that. Pure.
//!
//! What a record says is in `record`. The first item names every image by itself: who looks for users of an image reads
//! metadata item by item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Phase, Record, Remembered, VERSION};
use crate::{batch::pool::Pool, rollout::spec::IMAGE_REFERENCE, settings::Autoscale};

/// The name of the first item; those of further ones have a number behind it.
pub(in crate::rollout) const ITEM: &str = "azure-batch-rollout";

/// The version of a record with further items: a program that does not know of them must not act on the first.
const WITH_REST: u8 = 2;

/// An item has so many letters at most. Batch refuses long metadata (`MetadataTooLarge`) without saying where its limit
/// is; this is a guess.
pub(in crate::rollout) const LONGEST: usize = 2048;

/// There are so many further items at most. The longest formula that Batch takes fits, 8,192 letters, also when each of
/// them is one that JSON writes with two, and next to a long start task.
const MOST: usize = 12;

/// The first write of a change is so much longer than those that follow may need: a list of what was asked for, and a
/// reason. What Batch takes then, it takes later.
const ROOM: usize = LONGEST + 512;

/// A record as items of metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rollout) struct Items(Vec<(String, String)>);

/// What is too long for the first item: whatever names no image.
#[derive(Debug, Serialize, Deserialize)]
struct Rest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    autoscale: Option<Autoscale>,
    fields: BTreeMap<String, Value>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    room: String,
}

impl Items {
    /// Names and values.
    pub(in crate::rollout) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Record {
    /// What the pool says.
    pub(in crate::rollout) fn of(pool: &Pool) -> Remembered {
        match pool.metadata(ITEM) {
            None => Remembered::Nothing,
            Some(text) => {
                read(pool, text).map_or(Remembered::Unreadable, |record| Remembered::Change(Box::new(record)))
            }
        }
    }

    /// Lines of JSON; nothing when it is too long.
    pub(in crate::rollout) fn items(&self) -> Option<Items> {
        let whole = json(self);
        if whole.len() <= LONGEST {
            return Some(Items(vec![(ITEM.to_owned(), whole)]));
        }
        let mut first = self.clone();
        let (images, fields) = self
            .was
            .fields
            .clone()
            .into_iter()
            .partition(|(name, _)| name == IMAGE_REFERENCE);
        first.was.fields = images;
        let rest = Rest {
            autoscale: first.was.autoscale.take(),
            fields,
            room: "x".repeat(self.room()),
        };
        let pieces = pieces(&json(&rest));
        (first.v, first.rest) = (WITH_REST, pieces.len());
        let first = json(&first);
        let is_short = first.len() <= LONGEST && pieces.len() <= MOST;
        is_short.then(|| {
            let further = (1..).map(further).zip(pieces);
            Items([(ITEM.to_owned(), first)].into_iter().chain(further).collect())
        })
    }

    const fn room(&self) -> usize {
        match (self.phase, self.swapped) {
            (Phase::Forward, false) => ROOM,
            _ => 0,
        }
    }
}

/// Whether an item of metadata is a part of a record.
pub(in crate::rollout) fn is_part(name: &str) -> bool {
    let behind = name.strip_prefix(ITEM);
    let is_number = |number: &str| number.parse::<usize>().is_ok();
    behind.is_some_and(|behind| behind.is_empty() || behind.strip_prefix('-').is_some_and(is_number))
}

fn read(pool: &Pool, text: &str) -> Option<Record> {
    let mut record: Record = serde_json::from_str(text).ok()?;
    match (record.v, record.rest) {
        (VERSION, 0) => Some(record),
        (WITH_REST, 1..=MOST) => {
            let text: Option<String> = (1..=record.rest)
                .map(|number| pool.metadata(&further(number)))
                .collect();
            let rest: Rest = serde_json::from_str(&text?).ok()?;
            record.was.autoscale = rest.autoscale;
            record.was.fields.extend(rest.fields);
            (record.v, record.rest) = (VERSION, 0);
            Some(record)
        }
        _ => None,
    }
}

fn further(number: usize) -> String {
    format!("{ITEM}-{number}")
}

/// Our own types with text keys always serialise.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A text in pieces, each short enough for an item.
fn pieces(mut text: &str) -> Vec<String> {
    let mut all = Vec::new();
    while text.len() > LONGEST {
        let (piece, rest) = text.split_at(cut(text));
        all.push(piece.to_owned());
        text = rest;
    }
    all.push(text.to_owned());
    all
}

/// Where a text is cut: between letters, with no space at either side, since a space at the end of a value may get lost.
fn cut(text: &str) -> usize {
    let is_solid = |at: &usize| {
        let (piece, rest) = text.split_at(*at);
        !piece.ends_with(' ') && !rest.starts_with(' ')
    };
    let mut places = (1..=LONGEST).rev().filter(|at| text.is_char_boundary(*at));
    let first = places.next().unwrap_or(text.len());
    [first].into_iter().chain(places).find(is_solid).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::record, *};

    fn pool(items: &Items) -> Pool {
        let item = |(name, value)| json!({"name": name, "value": value});
        Pool::new(json!({"metadata": items.iter().map(item).collect::<Vec<_>>()}))
    }

    fn with_formula(letters: usize) -> Record {
        let mut record = record();
        let image = json!({"virtualMachineImageId": "/former"});
        record.was.fields.insert(IMAGE_REFERENCE.to_owned(), image);
        record.was.autoscale = Some(Autoscale {
            formula: "\"é = 1;\n".repeat(letters / 8),
            minutes: Some(15),
        });
        record
    }

    #[test]
    fn a_record_is_one_line_and_is_read_again() {
        let items = record().items().unwrap();
        let [(name, text)] = &items.0[..] else {
            panic!("{items:?}")
        };
        assert!(name == ITEM && !text.contains('\n'));
        assert_eq!(Record::of(&pool(&items)), Remembered::Change(Box::new(record())));
        let with = |text: String| Record::of(&pool(&Items(vec![(ITEM.to_owned(), text)])));
        assert_eq!(with(text.replace("\"v\":1", "\"v\":3")), Remembered::Unreadable);
        assert_eq!(with("{}".to_owned()), Remembered::Unreadable);
        assert_eq!(Record::of(&Pool::new(json!({}))), Remembered::Nothing);
    }

    #[test]
    fn the_longest_formula_is_kept_in_further_items_and_the_first_names_the_images() {
        let record = with_formula(8192);
        let items = record.items().unwrap();
        assert!(
            items
                .iter()
                .all(|(_, value)| value.len() <= LONGEST && value.trim() == value)
        );
        assert!(
            items.0[0].1.contains("/former") && items.0[0].1.contains("/to"),
            "{:?}",
            items.0[0]
        );
        assert!(
            items.0[0].1.contains("\"v\":2"),
            "who does not know of the others leaves it alone"
        );
        assert_eq!(Record::of(&pool(&items)), Remembered::Change(Box::new(record)));
        let mut lost = items;
        lost.0.pop();
        assert_eq!(Record::of(&pool(&lost)), Remembered::Unreadable);
    }

    #[test]
    fn no_later_record_is_longer_than_the_first() {
        let record = with_formula(3000);
        let length = |record: &Record| {
            record
                .items()
                .unwrap()
                .iter()
                .map(|(_, value)| value.len())
                .sum::<usize>()
        };
        let swapped = record.after_swap();
        let back = swapped.back(&crate::error::Error::new(
            crate::error::ErrorKind::Azure,
            "\"".repeat(200),
        ));
        assert!(length(&back) + LONGEST <= length(&record));
    }

    #[test]
    fn a_record_that_is_too_long_is_none() {
        let mut record = record();
        let text = "y".repeat(LONGEST * MOST);
        record.was.fields.insert("/x".to_owned(), json!(text));
        assert_eq!(record.items(), None);
    }

    #[test]
    fn items_of_others_are_no_part_of_a_record() {
        let parts = [ITEM, "azure-batch-rollout-1", "azure-batch-rollout-12"];
        assert!(parts.into_iter().all(is_part));
        let others = [
            "azure-batch-rollout-a",
            "azure-batch-rollouts",
            "azure-batch-rollout-",
            "team",
        ];
        assert!(!others.into_iter().any(is_part));
    }
}
