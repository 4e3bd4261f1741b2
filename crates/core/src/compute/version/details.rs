//! What a version says of itself and can be changed later: tags, end of life, whether `latest` passes it over.
//!
//! It compares and edits bodies; nothing is sent here, and nothing that the version has is taken away, but for the value
//! of a tag that is wanted with another one. An end of life is set or put off, never brought nearer.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::json as read_json;

/// Where a version keeps what this file changes.
const PROFILE: &str = "/properties/publishingProfile";

/// What a version has to say of itself; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Tags that it has to have with these values.
    pub tags: BTreeMap<String, String>,
    /// Tags that it gets where it has none of that name.
    pub first_tags: BTreeMap<String, String>,
    /// Until when its life has to last; one that ends later stays so.
    pub end_of_life: Option<Timestamp>,
    /// Whether `latest` has to pass it over; one that is passed over already stays so.
    pub exclude_from_latest: bool,
}

/// One thing that a version lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// A tag with that value.
    Tag {
        /// Its name, as the version spells it where it has one.
        name: String,
        /// The value.
        value: String,
    },
    /// That end of its life.
    EndOfLife(Timestamp),
    /// Being passed over by `latest`.
    Exclusion,
}

impl Details {
    /// What a version with that body lacks, in a stable order.
    #[must_use]
    pub fn lacks(&self, body: &Value) -> Vec<Lack> {
        let empty = Map::new();
        let there = body.get("tags").and_then(Value::as_object).unwrap_or(&empty);
        let found = |name: &String| there.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let wanted = self.tags.iter().filter_map(|(name, value)| match found(name) {
            Some((_, has)) if has.as_str() == Some(value) => None,
            Some((spelled, _)) => Some((spelled, value)),
            None => Some((name, value)),
        });
        let is_wanted = |name: &String| self.tags.keys().any(|key| key.eq_ignore_ascii_case(name));
        let first = self
            .first_tags
            .iter()
            .filter(|(name, _)| found(name).is_none() && !is_wanted(name));
        let mut lacks: Vec<Lack> = wanted
            .chain(first)
            .map(|(name, value)| Lack::Tag {
                name: name.clone(),
                value: value.clone(),
            })
            .collect();
        let ends = end_of_life(body);
        let is_sooner = |end: &Timestamp| ends.is_none_or(|ends| ends < *end);
        lacks.extend(self.end_of_life.filter(is_sooner).map(Lack::EndOfLife));
        let is_excluded = read_json::at(read_json::at(body, PROFILE), "/excludeFromLatest").as_bool() == Some(true);
        lacks.extend((self.exclude_from_latest && !is_excluded).then_some(Lack::Exclusion));
        lacks
    }

    /// The end of life that a version with that body keeps, since it is later than the one wanted.
    #[must_use]
    pub fn later_end_of_life(&self, body: &Value) -> Option<Timestamp> {
        let wanted = self.end_of_life?;
        end_of_life(body).filter(|ends| *ends > wanted)
    }

    /// Puts what it lacks into a version's body; whether that was anything.
    #[must_use]
    pub fn complete(&self, body: &mut Value) -> bool {
        let lacks = self.lacks(body);
        for lack in &lacks {
            match lack {
                Lack::Tag { name, value } => {
                    set(body, "", "tags", |tags| set(tags, "", name, |tag| *tag = json!(value)));
                }
                Lack::EndOfLife(end) => set(body, PROFILE, "endOfLifeDate", |date| *date = json!(end.to_string())),
                Lack::Exclusion => set(body, PROFILE, "excludeFromLatest", |flag| *flag = json!(true)),
            }
        }
        !lacks.is_empty()
    }
}

/// When the life of a version with that body ends.
fn end_of_life(body: &Value) -> Option<Timestamp> {
    let date = read_json::text(read_json::at(body, PROFILE), "/endOfLifeDate")?;
    date.parse().ok()
}

/// Edits a member of the object at a place, which becomes one where there is none.
fn set(body: &mut Value, place: &str, name: &str, edit: impl FnOnce(&mut Value)) {
    if let Some(object) = body.pointer_mut(place) {
        if !object.is_object() {
            *object = json!({});
        }
        if let Some(members) = object.as_object_mut() {
            edit(members.entry(name).or_insert(Value::Null));
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag { name, value } => write!(f, "set tag {name} = {value}"),
            Self::EndOfLife(end) => write!(f, "end its life at {end}"),
            Self::Exclusion => f.write_str("exclude it from latest"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> Details {
        let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Details {
            tags: [tag("team", "render")].into(),
            first_tags: [tag("azure-batch-run", "run-1")].into(),
            end_of_life: "2027-06-30T00:00:00Z".parse().ok(),
            exclude_from_latest: true,
        }
    }

    fn shown(body: &Value) -> Vec<String> {
        details().lacks(body).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_there_is_not_lacked_whatever_its_spelling() {
        let body = json!({"tags": {"Team": "render", "AZURE-BATCH-RUN": "of another"}, "properties": {"publishingProfile":
            {"endOfLifeDate": "2027-06-30T02:00:00+02:00", "excludeFromLatest": true}}});
        assert_eq!(shown(&body), [""; 0]);
        let nothing_asked = Details::default();
        assert_eq!(nothing_asked.lacks(&json!({"tags": {"a": "b"}})), []);
    }

    #[test]
    fn what_is_lacked_is_named_and_others_tags_stay() {
        let mut body = json!({"tags": {"Team": "other", "owner": "me"}, "properties": {"publishingProfile": {"endOfLifeDate": "", "replicaCount": 2}}});
        assert_eq!(
            shown(&body),
            [
                "set tag Team = render",
                "set tag azure-batch-run = run-1",
                "end its life at 2027-06-30T00:00:00Z",
                "exclude it from latest"
            ]
        );
        assert!(details().complete(&mut body));
        assert_eq!(
            body,
            json!({"tags": {"Team": "render", "owner": "me", "azure-batch-run": "run-1"}, "properties": {"publishingProfile":
                {"endOfLifeDate": "2027-06-30T00:00:00Z", "excludeFromLatest": true, "replicaCount": 2}}})
        );
        assert!(!details().complete(&mut body), "the second time there is nothing to do");
    }

    #[test]
    fn a_life_is_only_made_longer() {
        let ends = |date: &str| json!({"properties": {"publishingProfile": {"endOfLifeDate": date}}});
        let table = [
            ("2027-06-29T00:00:00Z", 1, false),
            ("2027-06-30T00:00:00Z", 0, false),
            ("2027-07-01T00:00:00+00:00", 0, true),
        ];
        for (date, lacks, is_later) in table {
            let body = ends(date);
            let found = details().lacks(&body);
            let set = found.iter().filter(|lack| matches!(lack, Lack::EndOfLife(_))).count();
            assert_eq!(
                (set, details().later_end_of_life(&body).is_some()),
                (lacks, is_later),
                "{date}"
            );
        }
        assert_eq!(
            Details::default().later_end_of_life(&ends("2027-07-01T00:00:00Z")),
            None
        );
    }

    #[test]
    fn a_version_without_tags_gets_them() {
        let mut body = json!({"tags": null, "properties": {"publishingProfile": {}}});
        assert!(details().complete(&mut body));
        assert_eq!(body["tags"]["team"], "render");
    }
}
