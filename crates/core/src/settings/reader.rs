//! Takes values out of what was given, by their kinds, and collects every fault.
//!
//! What values mean is said where they are read. A byte order mark and white space around a text are dropped here, once.

use std::{collections::BTreeMap, fmt::Display, str::FromStr, time::Duration};

use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json};

use super::{
    fault::{Fault, Place},
    values::{Value, Values},
};
use crate::{
    options::{Opt, image, sign_in},
    words,
    words::Words,
};

/// Options of ids into which a secret is put by mistake, most often by swapping id and secret; so their values are not
/// shown when they are not ids.
const MAY_HOLD_A_SECRET: [&Opt; 3] = [sign_in::TENANT_ID, sign_in::CLIENT_ID, image::SUBSCRIPTION_ID];

/// Reads options of one block, or those outside of blocks.
pub(super) struct Reader<'v, 'f> {
    values: &'v Values,
    /// Which of the repeated blocks on the way here.
    indexes: Vec<usize>,
    faults: &'f mut Vec<Fault>,
}

impl<'v, 'f> Reader<'v, 'f> {
    pub(super) const fn new(values: &'v Values, faults: &'f mut Vec<Fault>) -> Self {
        Self {
            values,
            indexes: Vec::new(),
            faults,
        }
    }

    /// The variable that an option's value was taken from.
    pub(super) fn variable(&self, opt: &'static Opt) -> Option<&'static str> {
        self.values.variable(opt)
    }

    /// Adds a fault of an option.
    pub(super) fn refuse(&mut self, opt: &'static Opt, text: impl Into<Words>) {
        let place = Place::at(opt, &self.indexes);
        self.faults.push(Fault::new(place, text));
    }

    /// Adds faults that were found elsewhere.
    pub(super) fn refuse_all(&mut self, faults: Vec<Fault>) {
        self.faults.extend(faults);
    }

    /// Adds a fault of something in a list.
    pub(super) fn refuse_item(&mut self, opt: &'static Opt, index: usize, text: impl Into<Words>) {
        let mut place = Place::at(opt, &self.indexes);
        place.indexes.push(index);
        self.faults.push(Fault::new(place, text));
    }

    /// Adds a fault of something in a map.
    pub(super) fn refuse_key(&mut self, opt: &'static Opt, key: &str, text: impl Into<Words>) {
        let mut place = Place::at(opt, &self.indexes);
        place.within = Some(key.to_owned());
        self.faults.push(Fault::new(place, text));
    }

    /// Whether an option is given, known or not.
    pub(super) fn has(&self, opt: &'static Opt) -> bool {
        self.values.has(opt)
    }

    /// Whether an option is given and its value cannot be used.
    pub(super) fn is_unknown(&self, opt: &'static Opt) -> bool {
        matches!(self.values.get(opt), Some(Value::Unknown))
    }

    /// A text that says something.
    pub(super) fn text(&self, opt: &'static Opt) -> Option<&'v str> {
        match self.values.get(opt)? {
            Value::Text(text) => Some(bare(text)).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// A text that must be there; otherwise a fault with what to do.
    pub(super) fn required(&mut self, opt: &'static Opt, remedy: impl Into<Words>) -> Option<&'v str> {
        let text = self.text(opt);
        if text.is_none() && !self.is_unknown(opt) {
            let what = if self.values.get(opt).is_some() {
                "is empty: "
            } else {
                "is missing: "
            };
            self.refuse(opt, remedy.into().after(what));
        }
        text
    }

    /// A secret that says something, without a line's end behind it.
    pub(super) fn secret(&self, opt: &'static Opt) -> Option<SecretString> {
        match self.values.get(opt)? {
            Value::Secret(text) => Some(bare(text.expose_secret())),
            Value::Text(text) => Some(bare(text)),
            _ => None,
        }
        .filter(|text| !text.is_empty())
        .map(SecretString::from)
    }

    /// The value of a result; its error becomes a fault.
    pub(super) fn checked<T, E: Display>(&mut self, opt: &'static Opt, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.refuse(opt, error.to_string())).ok()
    }

    /// A text as a type; its parser's error is the fault.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, opt: &'static Opt) -> Option<T> {
        let text = self.text(opt)?;
        if !MAY_HOLD_A_SECRET.contains(&opt) {
            return self.checked(opt, text.parse());
        }
        let unshown = |error: T::Err| error.to_string().replace(&format!("{text:?}"), &shape(text));
        self.checked(opt, text.parse().map_err(unshown))
    }

    /// A text as a type, or the type's default. Nothing after a fault.
    pub(super) fn parsed_or_default<T: FromStr<Err: Display> + Default>(&mut self, opt: &'static Opt) -> Option<T> {
        match self.text(opt) {
            Some(_) => self.parsed(opt),
            None => (!self.is_unknown(opt)).then(T::default),
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, opt: &'static Opt) -> Option<u32> {
        let (shown, number) = match self.values.get(opt)? {
            Value::Number(number) => (number.to_string(), u32::try_from(*number).ok()),
            Value::Text(text) if bare(text).is_empty() => return None,
            Value::Text(text) => (format!("{:?}", bare(text)), bare(text).parse().ok()),
            _ => return None,
        };
        if number.is_none() {
            self.refuse(
                opt,
                format!(
                    "{shown} is not a whole number from 0 to {}; write digits only",
                    u32::MAX
                ),
            );
        }
        number
    }

    /// A switch.
    pub(super) fn switch(&mut self, opt: &'static Opt) -> Option<bool> {
        match self.values.get(opt)? {
            Value::Bool(is_on) => Some(*is_on),
            Value::Text(text) => match bare(text).to_ascii_lowercase().as_str() {
                "" => None,
                "true" => Some(true),
                "false" => Some(false),
                _ => {
                    self.refuse(opt, format!("{:?} is neither; write true or false", bare(text)));
                    None
                }
            },
            _ => None,
        }
    }

    /// A switch that is on; off is what counts when it is left out.
    pub(super) fn is_on(&mut self, opt: &'static Opt) -> bool {
        self.switch(opt).unwrap_or_default()
    }

    /// A length of time above zero.
    pub(super) fn duration(&mut self, opt: &'static Opt) -> Option<Duration> {
        let text = self.text(opt)?;
        let duration = parse_duration(text);
        if duration.is_none() {
            self.refuse(opt, format!("{text:?} is not a duration; write 90m, 2h or PT15M"));
        }
        duration
    }

    /// A list of texts.
    pub(super) fn texts(&self, opt: &'static Opt) -> &'v [String] {
        match self.values.get(opt) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// The items of a list that may also come as one text, with commas or line ends between them.
    pub(super) fn listed(&self, opt: &'static Opt) -> Vec<&'v str> {
        let split = |text: &'v str| text.split([',', '\n']).map(bare).filter(|item| !item.is_empty());
        match self.values.get(opt) {
            Some(Value::Texts(texts)) => texts.iter().flat_map(|text| split(text)).collect(),
            Some(Value::Text(text)) => split(text).collect(),
            _ => Vec::new(),
        }
    }

    /// A map of texts.
    pub(super) fn map(&self, opt: &'static Opt) -> BTreeMap<String, String> {
        match self.values.get(opt) {
            Some(Value::TextMap(map)) => map.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// A JSON object; empty when it is not given.
    pub(super) fn json_object(&mut self, opt: &'static Opt) -> Map<String, Json> {
        let Some(text) = self.text(opt) else {
            return Map::new();
        };
        match serde_json::from_str(text) {
            Ok(Json::Object(object)) => return object,
            Ok(_) => self.refuse(opt, "is not a JSON object; write one in braces"),
            Err(cause) => self.refuse(
                opt,
                format!("is not JSON ({cause}); write an object in braces, or @ and the path of a file"),
            ),
        }
        Map::new()
    }

    /// A block; nothing when it is not given.
    pub(super) fn block(&mut self, opt: &'static Opt) -> Option<Reader<'v, '_>> {
        match self.values.get(opt)? {
            Value::Block(values) => Some(Reader {
                values,
                indexes: self.indexes.clone(),
                faults: self.faults,
            }),
            _ => None,
        }
    }

    /// Reads each of repeated blocks; what one yields nothing for is left out.
    pub(super) fn blocks<T>(
        &mut self,
        opt: &'static Opt,
        mut read: impl FnMut(&mut Reader<'v, '_>, usize) -> Option<T>,
    ) -> Vec<T> {
        let Some(Value::Blocks(blocks)) = self.values.get(opt) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, values) in blocks.iter().enumerate() {
            let mut indexes = self.indexes.clone();
            indexes.push(index);
            let mut reader = Reader {
                values,
                indexes,
                faults: self.faults,
            };
            found.extend(read(&mut reader, index));
        }
        found
    }

    /// Adds a fault when two switches that exclude each other are both on.
    pub(super) fn refuse_both(&mut self, opt: &'static Opt, other: &'static Opt) {
        self.refuse(opt, words!["contradicts ", other, ": remove one of the two"]);
    }
}

/// What a value that is not shown looks like: enough to see that another one was meant.
pub(super) fn shape(text: &str) -> String {
    let count = text.chars().count();
    format!("the given text ({count} letters, not shown since it may be a secret)")
}

/// A text without byte order mark and white space around it: files, `echo` and YAML blocks leave them.
fn bare(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// Reads a length of time as people and as ISO 8601 write it: `90m`, `1h30m`, `PT15M`. Nothing when it is not one, or
/// not above zero.
fn parse_duration(text: &str) -> Option<Duration> {
    let duration = Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()?;
    (!duration.is_zero()).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{notify, pool, run};

    fn duration(text: &str) -> Option<Duration> {
        let (values, mut faults) = (Values::default().with(run::DEADLINE, text), Vec::new());
        let duration = Reader::new(&values, &mut faults).duration(run::DEADLINE);
        assert_eq!(duration.is_none(), !faults.is_empty() || text.is_empty());
        duration
    }

    #[test]
    fn durations_are_read_as_people_and_as_iso_8601_write_them() {
        for (text, minutes) in [
            ("90m", 90),
            ("2h", 120),
            ("1h30m", 90),
            ("1h 30m", 90),
            ("PT15M", 15),
            ("pt2h", 120),
            ("900s\n", 15),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(minutes * 60)), "{text}");
        }
        for text in ["", "90", "0m", "-5m", "soon", "PT", "1y"] {
            assert_eq!(duration(text), None, "{text:?} was accepted");
        }
    }

    #[test]
    fn marks_of_files_and_line_ends_are_dropped() {
        let values = Values::default()
            .with(pool::POOL_ID, "\u{feff}render\r\n")
            .with(pool::POOL_JSON, "\u{feff}{\"taskSlotsPerNode\": 4}\r\n")
            .with(notify::GITHUB_TOKEN, SecretString::from("t0ken\n"))
            .with(pool::TARGET_SPOT_NODES, " 7\n");
        let mut faults = Vec::new();
        let mut reader = Reader::new(&values, &mut faults);
        assert_eq!(reader.text(pool::POOL_ID), Some("render"));
        assert_eq!(reader.json_object(pool::POOL_JSON)["taskSlotsPerNode"], 4);
        assert_eq!(reader.secret(notify::GITHUB_TOKEN).unwrap().expose_secret(), "t0ken");
        assert_eq!(reader.number(pool::TARGET_SPOT_NODES), Some(7));
        assert_eq!(faults, []);
    }

    #[test]
    fn what_does_not_fit_its_kind_is_refused_by_name() {
        let values = Values::default()
            .with(pool::TARGET_DEDICATED_NODES, "many")
            .with(pool::TARGET_SPOT_NODES, Value::Number(1 << 32))
            .with(pool::COUNT_SPOT_NODES, "yes")
            .with(pool::POOL_JSON, "[]")
            .with(pool::POOL_ID, "")
            .with(pool::VM_SIZE, Value::Unknown);
        let mut faults = Vec::new();
        let mut reader = Reader::new(&values, &mut faults);
        assert_eq!(reader.number(pool::TARGET_DEDICATED_NODES), None);
        assert_eq!(reader.number(pool::TARGET_SPOT_NODES), None);
        assert_eq!(reader.switch(pool::COUNT_SPOT_NODES), None);
        assert!(reader.json_object(pool::POOL_JSON).is_empty());
        assert_eq!(reader.required(pool::POOL_ID, "give the id of the pool"), None);
        assert_eq!(reader.required(pool::ACCOUNT, "give it"), None);
        assert_eq!(reader.required(pool::VM_SIZE, "give it"), None);
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "target_dedicated_nodes: \"many\" is not a whole number from 0 to 4294967295; write digits only",
                "target_spot_nodes: 4294967296 is not a whole number from 0 to 4294967295; write digits only",
                "count_spot_nodes: \"yes\" is neither; write true or false",
                "pool_json: is not a JSON object; write one in braces",
                "pool_id: is empty: give the id of the pool",
                "account: is missing: give it",
            ]
        );
    }
}
