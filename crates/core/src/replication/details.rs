//! What a version says of itself and can be changed later: tags, end of life, whether `latest` passes it over.
//!
//! It compares and edits bodies; nothing is sent here. Nothing that the version says is taken away, except what is wanted
//! with another value. An end of life is set or put off, never brought nearer.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::set;
use crate::{
    json as read_json,
    settings::{EarlyDeletion, Latest},
};

/// Where a version keeps what this file changes.
const PROFILE: &str = "/properties/publishingProfile";

/// Where it says whether it may be deleted before its life ends.
const EARLY_DELETION: &str = "/properties/safetyProfile/blockDeletionBeforeEndOfLife";

/// What a version should say of itself; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The user's tags: the version gets them with these values.
    pub tags: BTreeMap<String, String>,
    /// Our own tags: the version gets them where it has none of that name, and only together with another change.
    pub own_tags: BTreeMap<String, String>,
    /// Until when it should live at least.
    pub end_of_life: Option<Timestamp>,
    /// Whether `latest` passes it over.
    pub latest: Latest,
    /// Whether it may be deleted before its life ends.
    pub early_deletion: EarlyDeletion,
}

/// One thing that a version should say and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetailChange {
    /// A tag with a value.
    Tag {
        /// Its name, as the version spells it where it has one.
        name: String,
        /// The value.
        value: String,
    },
    /// The end of its life.
    EndOfLife(Timestamp),
    /// Whether `latest` passes it over.
    ExcludedFromLatest(bool),
    /// Whether Azure refuses its deletion before its life ends.
    EarlyDeletionBlocked(bool),
}

impl Details {
    /// What is wanted and not yet so in a version with that body, in a stable order. Our own tags are no reason to
    /// write a version, so they are not among it.
    #[must_use]
    pub fn changes(&self, body: &Value) -> Vec<DetailChange> {
        let empty = Map::new();
        let there = tags(body).unwrap_or(&empty);
        let wanted = self.tags.iter().filter_map(|(name, value)| match find(there, name) {
            Some((_, has)) if has.as_str() == Some(value) => None,
            Some((spelled, _)) => Some(DetailChange::tag(spelled, value)),
            None => Some(DetailChange::tag(name, value)),
        });
        let mut changes: Vec<DetailChange> = wanted.collect();
        let ends = end_of_life(body);
        let is_later = |end: &Timestamp| ends.is_none_or(|ends| ends < *end);
        changes.extend(self.end_of_life.filter(is_later).map(DetailChange::EndOfLife));
        let is_excluded = read_json::at(read_json::at(body, PROFILE), "/excludeFromLatest").as_bool() == Some(true);
        let exclude = self.latest.is_excluded().filter(|exclude| *exclude != is_excluded);
        changes.extend(exclude.map(DetailChange::ExcludedFromLatest));
        let is_blocked = read_json::at(body, EARLY_DELETION).as_bool() == Some(true);
        let block = self.early_deletion.is_blocked().filter(|block| *block != is_blocked);
        changes.extend(block.map(DetailChange::EarlyDeletionBlocked));
        changes
    }

    /// The tags of a version that is created.
    #[must_use]
    pub fn all_tags(&self) -> Map<String, Value> {
        let all = self.tags.iter().chain(&self.own_tags);
        all.map(|(name, value)| (name.clone(), json!(value))).collect()
    }

    /// Puts everything that is wanted into a version's body, our own tags too.
    pub fn apply(&self, body: &mut Value) {
        let changes = self.changes(body).into_iter().chain(self.own_changes(body));
        for change in changes.collect::<Vec<_>>() {
            match change {
                DetailChange::Tag { name, value } => {
                    set(body, "", "tags", |tags| set(tags, "", &name, |tag| *tag = json!(value)));
                }
                DetailChange::EndOfLife(end) => {
                    set(body, PROFILE, "endOfLifeDate", |date| *date = json!(end.to_string()));
                }
                DetailChange::ExcludedFromLatest(exclude) => {
                    set(body, PROFILE, "excludeFromLatest", |flag| *flag = json!(exclude));
                }
                DetailChange::EarlyDeletionBlocked(block) => {
                    set(body, "/properties", "safetyProfile", |profile| {
                        set(profile, "", "blockDeletionBeforeEndOfLife", |flag| *flag = json!(block));
                    });
                }
            }
        }
    }

    /// The end of life that a version with that body keeps because it is later than the one wanted.
    #[must_use]
    pub fn later_end_of_life(&self, body: &Value) -> Option<Timestamp> {
        let wanted = self.end_of_life?;
        end_of_life(body).filter(|ends| *ends > wanted)
    }

    /// Those of our own tags that a version with that body does not have, and that the user did not name.
    fn own_changes(&self, body: &Value) -> Vec<DetailChange> {
        let has = |name: &str| tags(body).is_some_and(|there| find(there, name).is_some());
        let is_wanted = |name: &str| self.tags.keys().any(|key| key.eq_ignore_ascii_case(name));
        let missing = self.own_tags.iter().filter(|(name, _)| !has(name) && !is_wanted(name));
        missing.map(|(name, value)| DetailChange::tag(name, value)).collect()
    }
}

impl DetailChange {
    fn tag(name: &str, value: &str) -> Self {
        Self::Tag {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }
}

impl fmt::Display for DetailChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag { name, value } => write!(f, "set tag {name} = {value}"),
            Self::EndOfLife(end) => write!(f, "end its life at {end}"),
            Self::ExcludedFromLatest(true) => f.write_str("exclude it from latest"),
            Self::ExcludedFromLatest(false) => f.write_str("admit it to latest"),
            Self::EarlyDeletionBlocked(true) => f.write_str("block its deletion before the end of its life"),
            Self::EarlyDeletionBlocked(false) => f.write_str("permit its deletion before the end of its life"),
        }
    }
}

/// When the life of a version with that body ends.
fn end_of_life(body: &Value) -> Option<Timestamp> {
    let date = read_json::text(read_json::at(body, PROFILE), "/endOfLifeDate")?;
    date.parse().ok()
}

fn tags(body: &Value) -> Option<&Map<String, Value>> {
    body.get("tags")?.as_object()
}

/// A tag, whose name compares without case.
fn find<'a>(tags: &'a Map<String, Value>, name: &str) -> Option<(&'a String, &'a Value)> {
    tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> Details {
        let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Details {
            tags: [tag("team", "render")].into(),
            own_tags: [tag("azure-batch-run", "run-1")].into(),
            end_of_life: "2027-06-30T00:00:00Z".parse().ok(),
            latest: Latest::Exclude,
            ..Details::default()
        }
    }

    fn shown(body: &Value) -> Vec<String> {
        details().changes(body).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_there_is_not_changed_whatever_its_spelling() {
        let body = json!({"tags": {"Team": "render", "AZURE-BATCH-RUN": "of another"}, "properties": {"publishingProfile":
            {"endOfLifeDate": "2027-06-30T02:00:00+02:00", "excludeFromLatest": true}}});
        assert_eq!(shown(&body), [""; 0]);
        let nothing_asked = Details::default();
        assert_eq!(nothing_asked.changes(&json!({"tags": {"a": "b"}})), []);
    }

    #[test]
    fn what_is_missing_is_named_and_others_tags_stay() {
        let mut body = json!({"tags": {"Team": "other", "owner": "me"}, "properties": {"publishingProfile": {"endOfLifeDate": "", "replicaCount": 2}}});
        assert_eq!(
            shown(&body),
            [
                "set tag Team = render",
                "end its life at 2027-06-30T00:00:00Z",
                "exclude it from latest"
            ]
        );
        details().apply(&mut body);
        assert_eq!(
            body,
            json!({"tags": {"Team": "render", "owner": "me", "azure-batch-run": "run-1"}, "properties": {"publishingProfile":
                {"endOfLifeDate": "2027-06-30T00:00:00Z", "excludeFromLatest": true, "replicaCount": 2}}})
        );
        assert_eq!(shown(&body), [""; 0], "the second time there is nothing to do");
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
            let found = details().changes(&body);
            let set = found
                .iter()
                .filter(|change| matches!(change, DetailChange::EndOfLife(_)))
                .count();
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
    fn our_own_tags_are_no_reason_to_write_a_version() {
        let ours_alone = Details {
            own_tags: details().own_tags,
            ..Details::default()
        };
        let mut body = json!({"properties": {}});
        assert_eq!(ours_alone.changes(&body), []);
        ours_alone.apply(&mut body);
        assert_eq!(
            body["tags"]["azure-batch-run"], "run-1",
            "with another change they are written"
        );
    }

    #[test]
    fn latest_stays_as_it_is_unless_something_else_is_wanted() {
        let body = |excluded: Value| json!({"properties": {"publishingProfile": {"excludeFromLatest": excluded}}});
        let table = [
            (Latest::Keep, json!(true), None),
            (Latest::Keep, Value::Null, None),
            (Latest::Exclude, Value::Null, Some("exclude it from latest")),
            (Latest::Exclude, json!(true), None),
            (Latest::Admit, json!(true), Some("admit it to latest")),
            (Latest::Admit, json!(false), None),
        ];
        for (latest, excluded, expected) in table {
            let details = Details {
                latest,
                ..Details::default()
            };
            let found = details.changes(&body(excluded.clone()));
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.first().map(String::as_str), expected, "{latest:?} of {excluded}");
        }
    }

    #[test]
    fn early_deletion_is_changed_only_on_request_and_nothing_beside_it() {
        let of = |early_deletion| Details {
            early_deletion,
            ..Details::default()
        };
        let mut body = json!({"properties": {"safetyProfile": {"allowDeletionOfReplicatedLocations": true}}});
        assert_eq!(of(EarlyDeletion::Keep).changes(&body), []);
        assert_eq!(of(EarlyDeletion::Permit).changes(&body), []);
        of(EarlyDeletion::Block).apply(&mut body);
        assert_eq!(
            body["properties"]["safetyProfile"],
            json!({"allowDeletionOfReplicatedLocations": true, "blockDeletionBeforeEndOfLife": true})
        );
        assert_eq!(of(EarlyDeletion::Block).changes(&body), []);
        let shown: Vec<String> = of(EarlyDeletion::Permit)
            .changes(&body)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, ["permit its deletion before the end of its life"]);
    }

    #[test]
    fn a_version_without_tags_gets_them() {
        let mut body = json!({"tags": null, "properties": {"publishingProfile": {}}});
        details().apply(&mut body);
        assert_eq!(body["tags"]["team"], "render");
    }
}
