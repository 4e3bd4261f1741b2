//! What is wrong with what a user gave: where, what, and what to do.
//!
//! It finds no fault by itself.

use std::fmt;

use crate::{
    options::{Door, Opt, Verb, find},
    words::Words,
};

/// A fault in what a user gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which value.
    pub place: Place,
    /// What is wrong with it and what to do, without its name.
    pub text: Words,
}

/// Faults as the cause of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

/// Which value of an option: `used_by[1].nodes`, `azure_tags.owner`, `pool_json.vmSize`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The option.
    pub opt: &'static Opt,
    /// Which one of what is repeated, counted from 0, for each repeated block or list on the way to the value.
    pub indexes: Vec<usize>,
    /// What is within the value, such as a tag's name or a path in JSON.
    pub within: Option<String>,
}

impl Fault {
    /// A fault of a value.
    #[must_use]
    pub fn new(place: impl Into<Place>, text: impl Into<Words>) -> Self {
        Self {
            place: place.into(),
            text: text.into(),
        }
    }

    /// The fault as users of a door read it.
    #[must_use]
    pub fn spelled(&self, door: Door) -> String {
        format!("{}: {}", self.place.spelled(door), self.text.spelled(door))
    }
}

/// The fault as users of a template read it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(Door::Template))
    }
}

impl Faults {
    /// All faults, one a line below the other, as users of a door read them.
    #[must_use]
    pub fn spelled(&self, door: Door) -> String {
        lines(&self.0, door).replace('\n', "\n  ")
    }
}

/// The faults as users of a template read them.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(Door::Template))
    }
}

impl std::error::Error for Faults {}

impl Place {
    /// The place of something in a map or in JSON.
    #[must_use]
    pub fn within(opt: &'static Opt, within: impl Into<String>) -> Self {
        Self {
            within: Some(within.into()),
            ..Self::from(opt)
        }
    }

    /// The place of an option in repeated blocks.
    #[must_use]
    pub fn at(opt: &'static Opt, indexes: &[usize]) -> Self {
        Self {
            indexes: indexes.to_vec(),
            ..Self::from(opt)
        }
    }

    /// The place that a path names, such as `used_by[1].nodes`; nothing when the table does not have it.
    #[must_use]
    pub fn parse(verb: Verb, path: &str) -> Option<Self> {
        let (mut plain, mut indexes) = (String::new(), Vec::new());
        for (number, segment) in path.split('.').enumerate() {
            let (name, index) = segment.split_once('[').map_or((segment, None), |(name, rest)| {
                (name, rest.trim_end_matches(']').parse::<usize>().ok())
            });
            let longer = if number == 0 {
                name.to_owned()
            } else {
                format!("{plain}.{name}")
            };
            if find(verb, &longer).is_none() {
                // What the table does not know is a key of a map; only a map has such.
                let opt = find(verb, &plain)?;
                let within = path.splitn(number + 1, '.').last()?.to_owned();
                return Some(Self {
                    opt,
                    indexes,
                    within: Some(within),
                });
            }
            plain = longer;
            indexes.extend(index);
        }
        find(verb, &plain).map(|opt| Self {
            opt,
            indexes,
            within: None,
        })
    }

    /// The place as users of a door write it.
    #[must_use]
    pub fn spelled(&self, door: Door) -> String {
        let mut spelled = self.with_indexes(&self.opt.spelled(door), door);
        if let Some(within) = &self.within {
            spelled.push('.');
            spelled.push_str(within);
        }
        spelled
    }

    /// Puts each index behind the name of what it counts. Where there are no blocks, only the value itself is repeated.
    fn with_indexes(&self, name: &str, door: Door) -> String {
        let mut indexes = self.indexes.iter().map(|index| format!("[{index}]"));
        if !matches!(door, Door::Template | Door::Request) {
            return name.to_owned() + &indexes.collect::<String>();
        }
        let (mut spelled, mut path) = (name[..name.len() - self.opt.path.len()].to_owned(), String::new());
        for (number, segment) in self.opt.path.split('.').enumerate() {
            if number > 0 {
                spelled.push('.');
                path.push('.');
            }
            spelled.push_str(segment);
            path.push_str(segment);
            let is_repeated = find(Verb::Publish, &path).is_some_and(|opt| opt.kind.is_repeated());
            if is_repeated && let Some(index) = indexes.next() {
                spelled.push_str(&index);
            }
        }
        spelled
    }
}

impl From<&'static Opt> for Place {
    fn from(opt: &'static Opt) -> Self {
        Self {
            opt,
            indexes: Vec::new(),
            within: None,
        }
    }
}

/// The place as users of a template write it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(Door::Template))
    }
}

/// All faults, one a line, in the words of a door.
#[must_use]
pub fn lines(faults: &[Fault], door: Door) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| fault.spelled(door)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        options::{image, pool, sign_in},
        words,
    };

    #[test]
    fn a_place_is_the_inverse_of_its_text() {
        for text in [
            "source.vm",
            "source.data_disk[2].lun",
            "shared_image_gallery_destination.target_region[0].name",
            "used_by[1].nodes",
            "used_by[1]",
            "keep[0]",
            "azure_tags.cost.center",
        ] {
            assert_eq!(Place::parse(Verb::Publish, text).unwrap().to_string(), text);
        }
        assert_eq!(Place::parse(Verb::Publish, "no_option"), None);
        assert_eq!(
            Place::parse(Verb::Publish, "azure_tags.cost.center"),
            Some(Place::within(image::AZURE_TAGS, "cost.center"))
        );
    }

    #[test]
    fn a_place_is_spelled_as_the_door_has_it() {
        let disk = Place::at(image::SOURCE_DATA_DISK_LUN, &[2]);
        assert_eq!(disk.spelled(Door::Request), "image.source.data_disk[2].lun");
        let size = Place::within(pool::POOL_JSON, "vmSize");
        assert_eq!(size.spelled(Door::Flag), "--pool-json.vmSize");
        assert_eq!(size.spelled(Door::Input), "pool-json.vmSize");
    }

    #[test]
    fn faults_are_whole_and_one_a_line() {
        let faults = [
            Fault::new(pool::POOL_ID, "is missing: give the id of the pool"),
            Fault::new(
                sign_in::CLIENT_ID,
                words!["is needed with ", sign_in::CLIENT_JWT, ": give it"],
            ),
        ];
        assert_eq!(
            lines(&faults, Door::Input),
            "pool-id: is missing: give the id of the pool\nclient-id: is needed with client-jwt: give it"
        );
    }
}
